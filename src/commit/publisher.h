// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_PUBLISHER_H
#define TTP_COMMIT_PUBLISHER_H

/*
 * Brings one commit after the other from STAGED to its end: runs the steps of its publication
 * (commit/publication.h), waits where waiting helps, and settles what became of a commit whose end
 * is not known, before there is another one (docs/commit-protocol.md, UNSETTLED). One thread.
 */

#include "commit/publication.h"
#include "store/obstacle.h"

struct publisher {
    const struct store *store;
    struct catalog *catalog;
    struct obstacle obstacle; /* what its steps, and the staged files, wait for */
    struct intent intent;     /* of the commit being published, or of one that is unsettled */
    struct publication publication;
    struct commit_fence fence; /* of the next commit */
    bool unsettled;            /* the intent and any of its files are still there */
    int64_t tended_us;         /* when dead processes' remains were looked for; 0: at the start */
};

void publisher_init(struct publisher *publisher);
void publisher_release(struct publisher *publisher);

/* Publishes what the intent describes: it is wholly in the lake then (*committed), or wholly out of
 * it, or unsettled.
 * On an error without it: the range is lost, or (publisher_keeps_commit) left to the next start. */
enum error_code publisher_run(struct publisher *publisher, bool *committed,
                              struct error *error) MUST_CHECK;

/* UNSETTLED → IDLE; to be called before anything else is written. */
enum error_code publisher_settle(struct publisher *publisher, struct error *error) MUST_CHECK;

/* Looks for what processes that died meanwhile left on object storage, and deletes it: where others
 * write to the lake once a minute, else once an hour; in any case if `now` says so. */
void publisher_tend(struct publisher *publisher, bool now);

/* Whether a commit is complete in staging and left to the next start: nobody wants to wait. */
bool publisher_keeps_commit(const struct publisher *publisher);

#endif
