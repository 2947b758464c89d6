// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_INTAKE_H
#define TTP_SERVICE_INTAKE_H

/*
 * The source thread's end of the pipeline: takes what a source hands over, makes rows of it, and
 * pushes batches of complete ledgers into the queue. batch_size rows or flush_interval are the most
 * that complete ledgers wait here; the ledger in progress never leaves.
 *
 * All calls on the source thread, but for intake_add_stats (any thread).
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/batch_queue.h"
#include "service/run_plan.h"
#include "catalog/catalog.h"
#include "rows/partition.h"
#include "rows/schema.h"
#include "source/contract.h"
#include "status/stages.h"
#include "util/error.h"

struct intake_options {
    const struct row_schema *schema;
    enum partitioning_scheme scheme;
    int64_t batch_rows;
    int64_t flush_interval_us;
    size_t flush_bytes;        /* complete ledgers of so many bytes go on at once */
    size_t ledger_limit_bytes; /* half of memory_limit, or of the stream's share */
    uint64_t memory_limit_bytes;
    bool shares_memory; /* the limit is not one stream's alone */
    struct batch_queue *queue;
    bool (*must_stop)(void *context); /* asked on the source thread */
    void (*on_batch)(void *context);  /* a batch went to the queue; may be NULL */
    /* A range that tells: the ledger below it was seen, or its last one is about to go on (digest
     * NULL: without an event). */
    enum source_seam_verdict (*on_below)(void *context, uint32_t ledger,
                                         const struct catalog_digest *digest);
    enum source_seam_verdict (*on_end)(void *context, uint32_t ledger,
                                       const struct catalog_digest *digest);
    void *context;
};

struct intake;

enum error_code intake_new(struct intake **out, const struct intake_options *options,
                           struct error *error) MUST_CHECK;
void intake_free(struct intake *intake); /* NULL is fine */

/* A range is about to be asked for; first 0: it begins with the first event. `below.digest` is what
 * the seam ledger must have. Where nothing of the lake beside the range was compared (before, or at
 * that seam) when its first batch goes on, a warning and a remark say so. Drops what a range before
 * it left behind. */
enum error_code intake_begin_range(struct intake *intake, const struct run_range *range,
                                   struct error *error) MUST_CHECK;

/* A ledger of the lake is about to be asked for alone, only to be compared. */
void intake_begin_probe(struct intake *intake, const struct catalog_digest *digest);
/* Whether the server sent a ledger as the lake has it, since the range or the probe began. */
bool intake_has_compared(const struct intake *intake);

/* What to give to source_run. */
struct source_handler intake_handler(struct intake *intake);

/* Pushes all complete ledgers, whatever their number: at the end of a range and at a stop. */
enum error_code intake_flush(struct intake *intake, struct error *error) MUST_CHECK;

/* Fills in what the intake counts. */
void intake_add_stats(const struct intake *intake, struct stream_stats *out);

#endif
