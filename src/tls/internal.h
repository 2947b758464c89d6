// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TLS_INTERNAL_H
#define TTP_TLS_INTERNAL_H

/* What is behind a struct tls_context: for the modules of this room only. */

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_context {
    SSL_CTX *ssl;
    bool is_server;
    bool has_certificate;
    SSL_SESSION *resumable; /* of the newest connection; NULL: none yet */
};

#endif
