// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_OBSTACLE_H
#define TTP_STORE_OBSTACLE_H

/* Waiting until there is room again (docs/commit-protocol.md, invariant 13), until another writer
 * lets go of the catalog, or until a file system takes what it refused: one log line when it
 * begins, one when it is over. */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/* Fewer free inodes than this are too few to take more, as bytes below min_free_disk are: a commit
 * makes a few tens of files and folders, and some commits must still fit. */
#define SPACE_MIN_INODES 1000

/* What a commit waits for before it goes on. */
enum obstacle_kind {
    OBSTACLE_SPACE,   /* the disk is full */
    OBSTACLE_CATALOG, /* another program writes to the catalog */
    OBSTACLE_STORE,   /* the object store does not answer */
    OBSTACLE_REFUSAL  /* the file system, or the rights in it, refuse to publish what is staged */
};

/* Decides whether to wait no longer. */
typedef bool obstacle_give_up(void *context, enum obstacle_kind wait);

struct obstacle {
    const char *root;          /* the lake, for words about its file system; may be NULL */
    obstacle_give_up *give_up; /* NULL: never */
    void *context;
    _Atomic bool waiting_for_space, refused; /* for other threads to read */
    /* So, too: monotonic, since when another program holds the catalog; 0: none does. */
    _Atomic int64_t catalog_busy_since_us;
    _Atomic int64_t store_away_since_us; /* the object store does not answer */
    bool waiting;                        /* for anything */
    bool gave_up;                        /* the last wait ended so */
    int64_t since_us;                    /* monotonic */
};

/* How long one wait takes before the caller tries again. */
#define OBSTACLE_WAIT_US INT64_C(200000)

void obstacle_init(struct obstacle *obstacle);

/* How long another program may keep the catalog from a commit (docs/commit-protocol.md, invariant
 * 16). */
#define OBSTACLE_BUSY_LIMIT_US (INT64_C(24) * 3600 * 1000000)

/* `obstacle` NULL: nothing is waited for, the failure comes back.
 * `failure`: what met the full disk (ENOSPC), the busy catalog (EBUSY), a store that does not
 * answer (EHOSTUNREACH) or a refusal (os_is_refusal). Logs once, pauses, and returns OK to try
 * again; on giving up, and when the catalog was busy for a day, ERR_IO, after a refusal
 * ERR_CONFLICT, with the failure's message. */
enum error_code obstacle_wait(struct obstacle *obstacle, const struct error *failure,
                              struct error *error) MUST_CHECK;
/* Runs a step on the catalog again and again while another program holds it (ERR_RETRY with EBUSY),
 * or where the answer to its COMMIT was lost (ERR_IO with ECONNABORTED): it must be one that may be
 * begun anew. Its error, or that of obstacle_wait. */
typedef enum error_code obstacle_step(void *context, struct error *error);
enum error_code obstacle_wait_for_catalog(struct obstacle *obstacle, obstacle_step *step,
                                          void *context, struct error *error) MUST_CHECK;
/* The operation worked: the wait, if there was one, is over. */
void obstacle_gone(struct obstacle *obstacle);

#endif
