// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_FAULT_H
#define TTP_S3_FAULT_H

/* What an answer that is no good one means, and what to do about it: "Error responses" of the
 * Amazon S3 API Reference, and what other stores say. */

#include "s3/http.h"

enum s3_remedy {
    S3_FAULT_NONE,      /* a good answer */
    S3_FAULT_PASSING,   /* try again after a while */
    S3_FAULT_CLOCK,     /* the store's clock says something else: go by it, and try again */
    S3_FAULT_KEYS,      /* these credentials don't do (any more): read them anew, and try again */
    S3_FAULT_DAMAGED,   /* the body did not arrive as it was signed: try again, a few times */
    S3_FAULT_NOT_FOUND, /* no such object, upload */
    S3_FAULT_CONFLICT,  /* the condition of the request is not met */
    S3_FAULT_FINAL      /* the configuration, or the request */
};

#define S3_FAULT_CODE_BYTES    64
#define S3_FAULT_MESSAGE_BYTES 256

struct s3_fault {
    enum s3_remedy remedy;
    int status;
    char code[S3_FAULT_CODE_BYTES]; /* the store's, such as NoSuchKey; "" where it gave none */
    char message[S3_FAULT_MESSAGE_BYTES]; /* the store's words, cut */
    char region[S3_FAULT_CODE_BYTES];     /* where the bucket is, if it says so */
    const char *advice;                   /* what to do; never NULL */
};

/* Of an answer of any status. An answer 200 counts as what it holds where that is an <Error>. */
void s3_fault_read(const struct s3_answer *answer, struct s3_fault *fault);

/* Sets the code that fits the remedy and "the object store answered 403 AccessDenied (…); advice".
 */
enum error_code s3_fault_error(const struct s3_fault *fault, struct error *error);

#endif
