// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_CALL_H
#define TTP_S3_CALL_H

/* One signed request, tried until it is answered for good or the caller's patience ends. */

#include "s3/fault.h"
#include "s3/handle.h"

#define S3_CALL_QUERY_MAX   8
#define S3_CALL_HEADERS_MAX 32

struct s3_call {
    const char *method;
    const char *name;                        /* the object's; NULL: the bucket itself */
    struct s3_pair query[S3_CALL_QUERY_MAX]; /* not encoded, sorted by name */
    size_t query_count;
    struct s3_pair headers[S3_CALL_HEADERS_MAX]; /* names in lower case */
    size_t header_count;
    struct s3_body body;
    const char *body_sha256_hex; /* NULL: that of nothing */
    const char *final_fault;     /* a code of the store that is not tried again; NULL: none */
    size_t body_limit;           /* of the answer's body, without a sink */
    s3_sink *sink;               /* takes the body of a good answer */
    /* Before each attempt: may change headers and what the sink does. NULL: nothing to do. */
    enum error_code (*before)(void *context, struct s3_call *call, struct error *error);
    /* Judges an answer that looks good: ERR_RETRY tries again. NULL: it is good. */
    enum error_code (*check)(void *context, const struct s3_answer *answer, struct error *error);
    void *context; /* of sink, before and check */
};

void s3_call_add_query(struct s3_call *call, const char *name, const char *value);
/* `value` is borrowed as long as the call runs. */
void s3_call_add_header(struct s3_call *call, const char *name, const char *value);

/* How long the calls of one operation go on trying. */
struct s3_trying {
    const struct s3_patience *patience;
    int64_t deadline_us; /* monotonic: no attempt begins later */
    unsigned attempts;   /* since the last progress */
};

void s3_trying_begin(struct s3_trying *trying, const struct s3_patience *patience);
/* Something was done that a repetition need not do again: the patience begins anew. */
void s3_trying_progress(struct s3_trying *trying);
/* Whether another attempt may begin: false after the deadline. Pauses before it. ERR_AGAIN:
 * stopped. ERR_RETRY: no more. */
enum error_code s3_trying_wait(struct s3_trying *trying, struct s3_client *client,
                               int64_t at_least_us, struct error *error) MUST_CHECK;

struct s3_outcome {
    struct s3_answer answer;
    struct s3_fault fault; /* of the last answer */
};

void s3_outcome_init(struct s3_outcome *outcome);
void s3_outcome_release(struct s3_outcome *outcome);

/* Codes and message as s3/client.h says, the object named in front. `outcome` is initialised, and
 * has the last answer also where there is none that is good. */
enum error_code s3_call_run(struct s3_client *client, struct s3_call *call,
                            struct s3_trying *trying, struct s3_outcome *outcome,
                            struct error *error) MUST_CHECK;

#define S3_NUMBER_BYTES 24
void s3_number_text(uint64_t number, char out[S3_NUMBER_BYTES]);

/* "prefix/name", NUL-terminated: the object's key. ERR_NO_MEMORY. */
enum error_code s3_key_of(const struct s3_client *client, const char *name,
                          struct buffer *key) MUST_CHECK;

#endif
