// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TLS_CONTEXT_H
#define TTP_TLS_CONTEXT_H

/*
 * What connections share: whom to trust, who we are, and, for a client, what lets the next
 * connection resume (RFC 8446 section 2.2). TLS 1.2 or later. There is no switch that turns the
 * verification of a server off. Not thread-safe.
 */

#include <stdbool.h>

#include "util/bytes.h"
#include "util/error.h"

struct tls_context;

/* Texts of PEM; the names are what messages call them (paths). */
struct tls_settings {
    bool is_server;
    /* A client: the authorities that a server's certificate may come from; empty: the system's.
     * A server: those of its clients' certificates, which it then demands; empty: it asks for none.
     */
    struct bytes_view authorities;
    struct bytes_view certificate; /* ours, with its chain; empty: none. A server has one */
    struct bytes_view key;         /* of it, not encrypted */
    const char *authorities_name, *certificate_name, *key_name;
};

/* ERR_INVALID with the file's name and what is wrong with it: no PEM, a key that is encrypted, or
 * of another certificate. ERR_NO_MEMORY. */
enum error_code tls_context_new(struct tls_context **out, const struct tls_settings *settings,
                                struct error *error) MUST_CHECK;
void tls_context_free(struct tls_context *context);

#endif
