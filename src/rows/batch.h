// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_BATCH_H
#define TTP_ROWS_BATCH_H

/*
 * What goes from the source thread to the writer thread: the rows of one contiguous range of
 * complete ledgers, all of one partition time, as Arrow record batches. Owns all it points to;
 * moved through the queue by pointer; released by whoever holds it last, on any thread.
 */

#include <stdint.h>

#include "arrow/abi.h"
#include "rows/digest.h"
#include "rows/partition.h"
#include "util/buffer.h"
#include "util/bytes.h"
#include "util/ledgers.h"

/* An event that can't be stored as a row (design section 3). */
struct dead_letter {
    uint32_t ledger_sequence;
    uint32_t event_index;
    const char *reason; /* in the batch's arena */
    struct bytes_view raw;
};

struct partition_rows {
    struct partition_key key;
    int64_t row_count;
    int64_t first_close_us;  /* close time of the first ledger with rows here */
    bool begins_epoch;       /* its dictionaries are new, and the first values are in it */
    struct ArrowArray array; /* struct array, children as row_schema_export(schema, true) says */
};

/* The dictionaries that a batch keeps alive (rows/epoch.h), as they were when it was taken. */
struct batch_epoch {
    uint64_t id; /* 0: none */
    size_t memory_bytes;
    bool is_over; /* the builder has others in their place: only batches keep them alive */
};

struct row_batch {
    struct ledger_range range; /* complete; includes ledgers without events */
    int64_t row_count;         /* over all parts */
    size_t part_count;         /* 0 where the range has no rows; >1 only for date_hour_type */
    struct partition_rows parts[EVENT_TYPE_COUNT];
    size_t dead_letter_count;
    struct dead_letter *dead_letters; /* owned; its texts lie in letter_bytes */
    size_t unconfirmed_count;         /* runs of ledgers in the range that the stream left out */
    struct ledger_range *unconfirmed;
    uint64_t replaced_memo_count;          /* text memos whose bad UTF-8 was replaced */
    uint64_t null_decimal_count;           /* rows whose amount has no decimal(38,0) */
    uint32_t digest_ledger;                /* last ledger with events in the range; 0: none */
    struct ledger_digest digest;           /* of that ledger */
    int64_t first_close_us, last_close_us; /* close times in the range; 0 where nothing arrived */
    size_t memory_bytes; /* what holding this batch costs, without the dictionaries */
    /* Shared with other batches and the builder: who counts them counts each once. */
    struct batch_epoch epoch;
    struct buffer letter_bytes, unconfirmed_bytes; /* what the lists above point to */
};

/* Frees the batch and itself; NULL is fine. */
void row_batch_free(struct row_batch *batch);

#endif
