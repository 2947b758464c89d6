// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_ANSWER_H
#define TTP_STATUS_ANSWER_H

/* What is answered to a method and a path: everything about HTTP that needs no socket. */

#include "status/metrics.h"
#include "status/snapshot.h"
#include "util/buffer.h"
#include "util/error.h"

enum answer_place {
    ANSWER_HEALTH, /* the health port */
    ANSWER_METRICS /* the metrics port */
};

#define ANSWER_NONCE_BYTES 25 /* base64 of 16 random bytes, with its end */

struct answer {
    unsigned status; /* 200, 404, 405, 421 or 503 */
    const char *content_type;
    bool method_refused;            /* the header Allow is due */
    char nonce[ANSWER_NONCE_BYTES]; /* of the page; empty: no page */
    struct buffer body;             /* owned */
};

/* Fills *out, which the caller releases. ERR_NO_MEMORY, or ERR_RETRY (no random bytes
 * yet): the body is empty, nothing to release. */
enum error_code answer_make(enum answer_place place, const char *method, const char *path,
                            const struct status_feed *feed, const struct metrics *metrics,
                            struct answer *out) MUST_CHECK;
/* The same, to a request that is meant for another host than this machine. */
enum error_code answer_foreign_host(struct answer *out) MUST_CHECK;
void answer_release(struct answer *answer);

#endif
