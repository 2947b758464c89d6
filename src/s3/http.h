// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_HTTP_H
#define TTP_S3_HTTP_H

/*
 * HTTP/1.1 exchanges by libcurl, one at a time on each connection; connections are kept for the
 * next exchange. Any number of threads may use one s3_http at once.
 */

#include <stdbool.h>
#include <stdint.h>

#include "os/file.h"
#include "s3/sign.h"
#include "util/buffer.h"
#include "util/error.h"

struct s3_http;

struct s3_http_settings {
    const char *ca_file; /* NULL: the system's */
    int64_t connect_timeout_us;
    int64_t stall_timeout_us; /* so long not a byte moves */
};

/* Copies the settings. */
enum error_code s3_http_new(struct s3_http **out, const struct s3_http_settings *settings,
                            struct error *error) MUST_CHECK;
/* No exchange is running; NULL is harmless. */
void s3_http_free(struct s3_http *http);

/* What is sent: bytes, or a part of a file. */
struct s3_body {
    struct bytes_view content;
    const struct os_file *file; /* NULL: content */
    uint64_t offset;
    uint64_t size_bytes; /* of either */
};

/* Takes the next bytes of a body; anything but OK ends the exchange with that code and error. */
typedef enum error_code s3_sink(void *context, const void *data, size_t size_bytes,
                                struct error *error);

struct s3_exchange {
    const char *method;
    const char *url;
    const struct s3_pair *headers; /* but for Host, Content-Length and those of the connection */
    size_t header_count;
    struct s3_body body; /* sent with PUT and POST */
    bool is_direct;      /* past any proxy: for addresses of this machine */
    s3_sink *sink;       /* takes the body of a good answer (2xx); NULL: the answer keeps it */
    void *sink_context;
    size_t body_limit;           /* of a body that the answer keeps */
    bool (*stop)(void *context); /* asked all the time; NULL: never */
    void *stop_context;
};

#define S3_HTTP_HEADERS_BYTES_MAX ((size_t)64 << 10)
/* Of a body that tells what went wrong. */
#define S3_HTTP_ERROR_BYTES_MAX ((size_t)64 << 10)

struct s3_answer {
    int status;
    struct buffer headers; /* each "name: value" NUL-terminated, the name in lower case */
    struct buffer body;
    uint64_t sent_bytes, received_bytes; /* of bodies */
};

void s3_answer_init(struct s3_answer *answer);
void s3_answer_release(struct s3_answer *answer);
/* The first header of that name (in lower case); NULL where there is none. */
const char *s3_answer_header(const struct s3_answer *answer, const char *name);
/* Those whose name begins with `prefix`, one after the other: *at is 0 at first; gives what is
 * behind the prefix ("name: value"), NULL at the end. */
const char *s3_answer_next_header(const struct s3_answer *answer, const char *prefix, size_t *at);
/* A date of HTTP (RFC 9110, section 5.6.7); false if it is none. */
bool s3_http_date(const char *text, int64_t *unix_us);

/*
 * Runs an exchange to its end; `answer` is initialised, and overwritten. OK: there is an answer, of
 * any status. ERR_RETRY: no connection, cut, nothing moved for too long. ERR_AGAIN: stopped.
 * ERR_INVALID: a URL that is none, or a server whose certificate is not trusted. ERR_LIMIT: a
 * larger body than body_limit. ERR_NO_MEMORY; what reading the file or the sink gave. The message
 * is a sentence without a subject ("could not connect …"): the caller puts the object in front.
 */
enum error_code s3_http_run(struct s3_http *http, const struct s3_exchange *exchange,
                            struct s3_answer *answer, struct error *error) MUST_CHECK;

#endif
