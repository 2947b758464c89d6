// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_KEYS_H
#define TTP_S3_KEYS_H

/* A set of credentials: owned texts, wiped before they are freed. */

#include <stdbool.h>
#include <stdint.h>

#include "util/bytes.h"
#include "util/error.h"

#define S3_KEYS_TEXT_BYTES_MAX ((size_t)16 << 10) /* of each: session tokens have some 2 KB */

struct s3_keys {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL: none */
    int64_t expires_us;  /* INT64_MAX: they don't end by themselves */
};

void s3_keys_init(struct s3_keys *keys);
void s3_keys_release(struct s3_keys *keys);
void s3_keys_move(struct s3_keys *to, struct s3_keys *from);
/* `to` is initialised; ERR_NO_MEMORY. */
enum error_code s3_keys_copy(struct s3_keys *to, const struct s3_keys *from) MUST_CHECK;

bool s3_keys_are_same(const struct s3_keys *a, const struct s3_keys *b);

/* Replaces *field by a text. ERR_INVALID: it is empty, too long, or has spaces or other than
 * visible ASCII characters in it, so that it is no key; `what` names it in the message, the text is
 * not shown. ERR_NO_MEMORY. */
enum error_code s3_keys_set(char **field, struct bytes_view text, const char *what,
                            struct error *error) MUST_CHECK;

#endif
