// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_LEDGER_ORDER_H
#define TTP_LAKE_LEDGER_ORDER_H

/* The events of a commit in their order, put together again from its files and dead letters. */

#include "lake/dead_letters.h"
#include "rows/digest.h"

/* An event's place: its ledger in the upper half, its event_index in the lower. */
static inline uint64_t ledger_ordinal(uint32_t ledger_sequence, uint32_t event_index)
{
    return (uint64_t)ledger_sequence << 32 | event_index;
}

#define LEDGER_FAULT_BYTES 160
/* Sorts the ordinals; they must run from 0 in every ledger without a gap or a repetition. True if
 * they do, else `fault` says where not. */
bool ledger_ordinals_are_whole(uint64_t *ordinals, size_t count, char fault[LEDGER_FAULT_BYTES]);

/* What of one ledger is stored. */
struct ledger_events {
    uint32_t ledger_sequence;
    struct row_view *rows; /* the ledger's; sorted by the call where they have an event_index */
    size_t row_count;
    size_t file_count;                   /* how many files the rows come from */
    const struct stored_letter *letters; /* of the whole commit, in their order */
    size_t letter_count;
};

/* Whether the events' order is known: schema 1.0.0 keeps no ordinals, and rows that are spread over
 * files, or stand between dead letters, have lost it. */
bool ledger_order_is_known(const struct row_schema *schema, const struct ledger_events *events);
bool ledger_schema_has_ordinals(const struct row_schema *schema);

/* The digest of the ledger, whose order is known, of this version. ERR_NO_MEMORY. */
enum error_code ledger_order_digest(const struct row_schema *schema, uint8_t version,
                                    struct ledger_events *events, struct ledger_digest *digest,
                                    struct error *error) MUST_CHECK;

#endif
