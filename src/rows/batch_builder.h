// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_BATCH_BUILDER_H
#define TTP_ROWS_BATCH_BUILDER_H

/*
 * Collects events ledger by ledger and hands out batches of complete ledgers. Used by one thread.
 * The tail of the ledger in progress never leaves it, and can be dropped.
 *
 *   begin_range → (add_event | add_dead_letter)* → complete_to → … → take
 *
 * Values that repeat are numbered in dictionaries that live for an epoch (rows/epoch.h): as long as
 * one row group is open. Batches bring ids, and the values that are new since the batch before.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rows/batch.h"

struct batch_builder_options {
    const struct row_schema *schema;
    enum partitioning_scheme scheme;
    bool dictionaries;       /* hand over ids (false: plain values, for measurements and tests) */
    size_t dictionary_bytes; /* memory by which an epoch ends, about; 0: 29 MiB */
    uint32_t
        dictionary_values; /* of one column, by which an epoch ends, for tests; 0: any number */
};

struct batch_builder;

enum error_code batch_builder_new(struct batch_builder **out,
                                  const struct batch_builder_options *options,
                                  struct error *error) MUST_CHECK;
void batch_builder_free(struct batch_builder *builder);

/* A new range begins: the next batch starts at ledger `first`, or, if that is 0, at the first
 * ledger that brings an event. What was not taken before must have been taken or dropped
 * (asserted). */
void batch_builder_begin_range(struct batch_builder *builder, uint32_t first);

/* Adds an event of the ledger in progress (its first event starts the ledger; asserted: none is in
 * progress then, and it was not complete before). An event that can't be a row becomes a dead
 * letter here (*became_dead_letter tells), also one whose close time lies in another partition than
 * that of the rows of its ledger before it. `raw` is its message. ERR_NO_MEMORY only, and then
 * nothing was added. */
enum error_code batch_builder_add_event(struct batch_builder *builder,
                                        const struct event_view *event, uint32_t event_index,
                                        struct bytes_view raw, bool *became_dead_letter,
                                        struct error *error) MUST_CHECK;
enum error_code batch_builder_add_dead_letter(struct batch_builder *builder,
                                              uint32_t ledger_sequence, uint32_t event_index,
                                              const char *reason, struct bytes_view raw,
                                              struct error *error) MUST_CHECK;

/* Forgets every event of the ledger in progress. */
void batch_builder_drop_ledger(struct batch_builder *builder);

/* The ledger in progress, if any, is complete, and so is everything up to `covered_to`; ledgers of
 * it that brought no event are unconfirmed. */
enum error_code batch_builder_complete_to(struct batch_builder *builder, uint32_t covered_to,
                                          struct error *error) MUST_CHECK;

/* Begins an epoch in the midst of a ledger, so that no value of those before it takes memory;
 * nothing complete is left (asserted). ERR_NO_MEMORY, with nothing changed. */
enum error_code batch_builder_shed(struct batch_builder *builder, struct error *error) MUST_CHECK;

/* The next ledger begins an epoch: who writes the files closed a row group. */
void batch_builder_end_epoch(struct batch_builder *builder);

int64_t batch_builder_complete_rows(const struct batch_builder *builder);
/* Of complete ledgers and of the one in progress. */
size_t batch_builder_memory_bytes(const struct batch_builder *builder);
/* Runs of unconfirmed ledgers that the newest batch holds; a batch should be taken at this many, so
 * that a commit can be written down (commit/intent.h). */
#define BATCH_UNCONFIRMED_RUNS 4096
size_t batch_builder_unconfirmed_runs(const struct batch_builder *builder);
/* Whether there is anything complete to take: rows, dead letters or only ledgers. */
bool batch_builder_has_complete(const struct batch_builder *builder);

/* Takes complete ledgers, oldest first, up to the next change of partition time or epoch; the
 * caller owns the batch. Call again while batch_builder_has_complete. NULL in *batch if there is
 * nothing. Ranges of the batches follow each other without a hole. ERR_NO_MEMORY: nothing is lost.
 */
enum error_code batch_builder_take(struct batch_builder *builder, struct row_batch **batch,
                                   struct error *error) MUST_CHECK;

#endif
