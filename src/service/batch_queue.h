// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_BATCH_QUEUE_H
#define TTP_SERVICE_BATCH_QUEUE_H

/*
 * Between the source thread and the writer thread: batches in order, bounded by the bytes they
 * hold, dictionaries of epochs that are over included. Pushing never blocks: the source asks for
 * room first, and what it pushes all the same (the rest of a flush) goes in. A batch counts until
 * the writer, who has freed it by then, comes for the next item. Once full the queue stays full
 * until half is free, so that the stream is not stopped and started for each batch. All functions
 * are thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "os/thread.h"
#include "rows/batch.h"
#include "status/stages.h"
#include "util/error.h"

enum queue_item_kind {
    QUEUE_BATCH,
    QUEUE_REMARK,       /* something the catalog should remember */
    QUEUE_END_OF_PIECE, /* all that came of a piece was pushed: time to commit it */
    QUEUE_NOTHING,      /* the deadline is over */
    QUEUE_CLOSED,       /* nothing is left and nothing will come */
    QUEUE_ABORTED       /* the same, and what was taken before is worth nothing */
};

enum queue_remark_kind {
    REMARK_SKIPPED,        /* the ledger was given up */
    REMARK_OTHER_CONTENTS, /* the server sends other contents of it than are stored */
    REMARK_UNCHECKED_SEAM  /* a range was stored of which no neighbour could be compared */
};

#define QUEUE_REMARK_BYTES 256
struct queue_remark {
    enum queue_remark_kind kind;
    uint32_t ledger;                /* REMARK_UNCHECKED_SEAM: the range's first */
    uint32_t last, below, above;    /* REMARK_UNCHECKED_SEAM: see catalog_unchecked_seam */
    char words[QUEUE_REMARK_BYTES]; /* REMARK_SKIPPED: why */
};

/* QUEUE_END_OF_PIECE */
struct queue_piece {
    uint64_t lease_id;
    bool has_failed;
    char words[ERROR_MESSAGE_BYTES]; /* how */
};

struct queue_item {
    enum queue_item_kind kind;
    struct row_batch *batch;     /* QUEUE_BATCH: the receiver's */
    struct queue_remark *remark; /* QUEUE_REMARK: the receiver's, to mem_free */
    struct queue_piece *piece;   /* QUEUE_END_OF_PIECE: the same */
};

/* Who takes from several queues waits for it: it rings whenever something came into one of those
 * that have it, or one was closed. A ring that nobody waits for is heard by the next who does. */
struct queue_bell {
    struct os_mutex mutex;
    struct os_condition rung;
    bool has_rung;
};
enum error_code queue_bell_init(struct queue_bell *bell, struct error *error) MUST_CHECK;
void queue_bell_release(struct queue_bell *bell);
/* Until it rings, or deadline_us (monotonic). */
void queue_bell_wait(struct queue_bell *bell, int64_t deadline_us);

struct batch_queue;

enum error_code batch_queue_new(struct batch_queue **out, size_t limit_bytes,
                                struct error *error) MUST_CHECK;
/* Frees what is in it, too. NULL is fine. */
void batch_queue_free(struct batch_queue *queue);

/* Called on the popping thread each time room comes back, outside of the queue's lock. */
void batch_queue_on_room(struct batch_queue *queue, void (*handler)(void *context), void *context);

/* Rings the bell (borrowed) from now on; before threads use the queue. */
void batch_queue_set_bell(struct batch_queue *queue, struct queue_bell *bell);

bool batch_queue_has_room(struct batch_queue *queue);

/* Takes *batch (it becomes NULL in every case). A queue that was aborted drops it: OK. */
enum error_code batch_queue_push(struct batch_queue *queue, struct row_batch **batch,
                                 struct error *error) MUST_CHECK;
/* `failure`: how the piece failed; NULL: it did not. */
enum error_code batch_queue_push_end_of_piece(struct batch_queue *queue, uint64_t lease_id,
                                              const struct error *failure,
                                              struct error *error) MUST_CHECK;
/* Copies the remark; `words` may be NULL. */
enum error_code batch_queue_push_remark(struct batch_queue *queue, enum queue_remark_kind kind,
                                        uint32_t ledger, const char *words,
                                        struct error *error) MUST_CHECK;
/* The same of a whole remark. */
enum error_code batch_queue_push_remark_of(struct batch_queue *queue,
                                           const struct queue_remark *remark,
                                           struct error *error) MUST_CHECK;
/* The other way: who takes the batches wants one that begins an epoch (rows/epoch.h); the wish is
 * taken once. */
void batch_queue_ask_for_epoch(struct batch_queue *queue);
bool batch_queue_take_wish_for_epoch(struct batch_queue *queue);

/* Nothing more will be pushed. */
void batch_queue_close(struct batch_queue *queue);
/* Drops everything in it and everything to come: the writer can't go on, or what came is of another
 * chain. */
void batch_queue_abort(struct batch_queue *queue);

/* Open and empty again, as new; while no thread uses it. */
void batch_queue_reopen(struct batch_queue *queue);

/* The next item, waiting until deadline_us (monotonic). */
struct queue_item batch_queue_pop(struct batch_queue *queue, int64_t deadline_us);

void batch_queue_get_stats(struct batch_queue *queue, struct queue_stats *out);

#endif
