// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TLS_FAILURE_H
#define TTP_TLS_FAILURE_H

/* The sentence and the remedy of a failed TLS connection. */

#include <openssl/ssl.h>
#include <stdbool.h>

#include "util/error.h"

/* What is known of a connection that failed. */
struct tls_failure {
    const char *peer;        /* host:port */
    const char *server_name; /* that was verified; NULL: we are the server */
    bool has_certificate;    /* we have one of our own */
    bool is_established;     /* the handshake was done before, on our side */
    bool has_read;           /* something of the protocol above came */
    /* The certificate of the peer's chain that was refused; X509_V_OK: none was. */
    long verify_result;
    X509 *refused;        /* borrowed; may be NULL */
    unsigned long reason; /* the first error of OpenSSL's queue; 0: none */
};

enum error_code tls_failure_tell(const struct tls_failure *failure, struct error *error);
/* Its first bytes are no record of TLS. */
enum error_code tls_failure_tell_plaintext(const struct tls_failure *failure, struct error *error);
/* It closed its side before anything else came. */
enum error_code tls_failure_tell_silent_end(const struct tls_failure *failure, struct error *error);
/* TLS without HTTP/2. */
enum error_code tls_failure_tell_no_h2(const struct tls_failure *failure, struct error *error);

#endif
