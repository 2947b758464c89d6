// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_WORK_H
#define TTP_SERVICE_WORK_H

/*
 * What the streams of a run fetch: the ranges of its plan, cut into pieces (lease/lease.h) that
 * they take one after the other, and the seams between pieces that lie side by side, where each
 * stream tells what it saw (docs/commit-protocol.md, "Several streams").
 *
 * A run of one stream takes the plan's ranges as they are. Of several streams the first follows the
 * chain where the run is live, and the others fill what lies below, newest first; in a bounded run
 * all of them take the lowest piece there is.
 *
 * Where several processes write to one lake the pieces are leases in its catalog
 * (docs/commit-protocol.md, "Several processes"): taken from all of them, kept by
 * service/lease_keeper.h, and asked for until all that is wanted is covered.
 *
 * Thread-safe, but for work_new, work_plan and work_free, which are called while no stream runs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lease/lease.h"
#include "service/run_plan.h"
#include "sink/sink.h"
#include "source/contract.h"
#include "status/stages.h"
#include "util/error.h"

struct work_options {
    size_t stream_count;
    uint32_t piece_ledgers; /* lease_ledgers; not looked at by one process of one stream */
    bool (*must_stop)(void *context); /* asked by streams that wait for a piece */
    /* Of a lake that several processes write to (catalog_is_shared): its store and the catalog that
     * commits (borrowed). Else NULL: pieces are shared out among the streams of this process. */
    const struct store *store;
    struct catalog *catalog;
    int64_t lease_ttl_us;
    /* On a thread of its own: a piece was lost to another process. */
    void (*on_lost)(void *context);
    void *context;
};

struct work;

/* ERR_NO_MEMORY, ERR_RETRY; of a shared catalog also its own. */
enum error_code work_new(struct work **out, const struct work_options *options,
                         struct error *error) MUST_CHECK;
void work_free(struct work *work); /* NULL is fine */

/* A round begins: what is held is given back, and what the plan (borrowed, until the next call) has
 * is planned. ERR_NO_MEMORY. */
enum error_code work_plan(struct work *work, struct run_plan *plan, struct error *error) MUST_CHECK;

/* Each stream, first of all in a round: whether it has any work. Of a live run whose place another
 * process has the first one waits here until it is free; then the round ends, since what it was
 * planned by is old (work_wants_round). False, too, where it must stop. */
bool work_begin(struct work *work, size_t stream);
/* Whether the round that ended is to be followed by another one. */
bool work_wants_round(const struct work *work);
/* Whether another process follows the chain, and this one waits to take over. */
bool work_stands_by(const struct work *work);
/* Whether the pieces are shared with other processes. */
bool work_is_shared(const struct work *work);
/* Whether the care of the lake is this process's: it alone writes to it, or follows the chain. */
bool work_has_care(struct work *work);

/* Whether the stream is the one that checks the plan's seams before any piece is taken; it says
 * when that is done. */
bool work_must_check_seams(size_t stream);
void work_seams_are_checked(struct work *work);

/* A piece in a stream's hands. */
struct work_piece {
    uint64_t lease_id;
    struct run_range range; /* what is left of it, with what is known beside it */
};
/* The next piece for a stream; waits while others hold some that may come back. False: there is
 * nothing left for it, or it must stop. */
bool work_take(struct work *work, size_t stream, struct work_piece *piece);
/* must_stop may say something else. */
void work_wake(struct work *work);

/* On the writer's thread: under which lease a commit of these ledgers of the stream is made; of 0,
 * 0: who has the care of the lake. As sink_fence_maker. */
enum error_code work_fence(struct work *work, size_t stream, struct ledger_range range,
                           struct commit_fence *fence, struct error *error) MUST_CHECK;
/* On the writer's thread: a commit of the stream is in the lake. */
void work_committed(struct work *work, size_t stream, const struct sink_commit_info *info);
/* So, too, when all that the stream fetched of the piece is committed: it is through with it.
 * `words`: how it failed (LEASE_FAILED), for the log. */
void work_end(struct work *work, uint64_t lease_id, enum lease_end how, const char *words);
/* What a stream saw of the ledger below its piece, or, before that lands, of the last ledger of its
 * piece: the second of two neighbours compares. `digest` NULL: the ledger has no event. */
enum source_seam_verdict work_note_below(struct work *work, uint32_t ledger,
                                         const struct catalog_digest *digest);
enum source_seam_verdict work_note_end(struct work *work, uint32_t ledger,
                                       const struct catalog_digest *digest);

/* How it stands. */
void work_get_stats(struct work *work, struct work_stats *out);
/* Appends what is left of the pieces that were set aside. */
enum error_code work_set_aside(struct work *work, struct ledger_set *out,
                               struct error *error) MUST_CHECK;

#endif
