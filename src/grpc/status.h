// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_GRPC_STATUS_H
#define TTP_GRPC_STATUS_H

/*
 * gRPC's status codes and their texts on the wire (grpc/doc/statuscodes.md, PROTOCOL-HTTP2.md
 * "Responses", http-grpc-status-mapping.md).
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"

enum grpc_code {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_ALREADY_EXISTS = 6,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_ABORTED = 10,
    GRPC_OUT_OF_RANGE = 11,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_DATA_LOSS = 15,
    GRPC_UNAUTHENTICATED = 16
};

#define GRPC_WORDS_BYTES 512

/* "INTERNAL"; "UNKNOWN" for a number that has no name. Static. */
const char *grpc_code_name(enum grpc_code code);
/* The code of such a name, in any case, also with - for _; false if there is none. */
bool grpc_code_parse(struct bytes_view name, enum grpc_code *code) MUST_CHECK;
/* A grpc-status value in decimal; GRPC_UNKNOWN for a number that has no name, false if it is not a
 * number as programs write it: "00" is none. */
bool grpc_code_parse_number(struct bytes_view value, enum grpc_code *code) MUST_CHECK;
/* What an HTTP status without grpc-status means. */
enum grpc_code grpc_code_of_http(int http_status);

/* grpc-message: percent-decodes into `out`, always NUL-terminated, cut at its end; bytes that are
 * not printable text become '?'. A broken escape stays as it is. */
void grpc_words_decode(struct bytes_view value, char out[GRPC_WORDS_BYTES]);
/* Appends the percent-encoded form. ERR_NO_MEMORY. */
enum error_code grpc_words_encode(struct bytes_view words, struct buffer *out) MUST_CHECK;

#endif
