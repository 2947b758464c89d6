// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TLS_FILES_H
#define TTP_TLS_FILES_H

/*
 * A context of files that somebody may renew: they are read at each connection, and what they make
 * is made anew where one has changed. What was read of a key is wiped. Not thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tls/context.h"
#include "util/error.h"

#define TLS_FILE_BYTES_MAX ((size_t)1024 * 1024)

/* Paths, borrowed; "" where there is none. What they are for: tls/context.h. */
struct tls_files {
    bool is_server;
    const char *authorities, *certificate, *key;
};

struct tls_loaded {
    struct tls_context *context; /* owned; NULL: nothing was loaded yet */
    uint8_t digest[32];          /* SHA-256 of what it was made of */
};

/* ERR_INVALID (a certificate without its key, and what tls_context_new refuses), ERR_NOT_FOUND,
 * ERR_LIMIT, ERR_IO, ERR_NO_MEMORY, with the file's name; the context stays as it was then. */
enum error_code tls_loaded_refresh(struct tls_loaded *loaded, const struct tls_files *files,
                                   struct error *error) MUST_CHECK;
void tls_loaded_release(struct tls_loaded *loaded);

#endif
