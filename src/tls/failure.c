// SPDX-License-Identifier: Apache-2.0
#include "tls/failure.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "os/clock.h"
#include "util/text.h"

#define NAMES_BYTES 256
#define NAME_BYTES  128

/* ---- what a certificate says ---- */

/* "?" where it can't be told. */
static void time_text(const ASN1_TIME *time, char out[TEXT_TIME_BYTES])
{
    struct tm parts;
    if (time != NULL && ASN1_TIME_to_tm(time, &parts) == 1)
        text_rfc3339((int64_t)timegm(&parts) * 1000000, out);
    else
        memcpy(out, "?", sizeof "?");
}

static void name_text(const GENERAL_NAME *name, char out[NAME_BYTES])
{
    const ASN1_STRING *value = name->type == GEN_DNS     ? name->d.dNSName
                               : name->type == GEN_IPADD ? name->d.iPAddress
                                                         : NULL;
    int size_bytes = value == NULL ? 0 : ASN1_STRING_length(value);
    out[0] = '\0';
    if (name->type == GEN_DNS)
        snprintf(out, NAME_BYTES, "%.*s", size_bytes, (const char *)ASN1_STRING_get0_data(value));
    else if (size_bytes == 4 || size_bytes == 16)
        (void)inet_ntop(size_bytes == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), out,
                        NAME_BYTES);
}

/* The names that it is for, as far as they fit; a stranger's words. */
static void names_text(X509 *certificate, char out[NAMES_BYTES])
{
    GENERAL_NAMES *names = certificate == NULL
                               ? NULL
                               : X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;
    snprintf(out, NAMES_BYTES, "no name");
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        char name[NAME_BYTES];
        name_text(sk_GENERAL_NAME_value(names, i), name);
        if (name[0] == '\0' || used + strlen(name) + 3 > NAMES_BYTES)
            continue;
        used +=
            (size_t)snprintf(out + used, NAMES_BYTES - used, "%s%s", used == 0 ? "" : ", ", name);
    }
    GENERAL_NAMES_free(names);
}

/* ---- the certificate of the peer ---- */

static enum error_code tell_time(const struct tls_failure *failure, bool is_early,
                                 struct error *error)
{
    char limit[TEXT_TIME_BYTES] = "?", now[TEXT_TIME_BYTES];
    if (failure->refused != NULL)
        time_text(is_early ? X509_get0_notBefore(failure->refused)
                           : X509_get0_notAfter(failure->refused),
                  limit);
    text_rfc3339(os_realtime_us(), now);
    if (is_early)
        return error_set(error, ERR_RETRY,
                         "%s: its certificate is not valid before %s, and the clock here says %s; "
                         "set the clock that is wrong",
                         failure->peer, limit, now);
    return error_set(error, ERR_RETRY,
                     "%s: its certificate expired at %s, and the clock here says %s; the server "
                     "needs a new one",
                     failure->peer, limit, now);
}

static enum error_code tell_name(const struct tls_failure *failure, struct error *error)
{
    char names[NAMES_BYTES];
    names_text(failure->refused, names);
    return error_set(error, ERR_INVALID,
                     "%s: its certificate is for %s, not for %s; connect by a name of it, or say "
                     "by which it is known: tls_server_name",
                     failure->peer, names, failure->server_name);
}

static enum error_code tell_refused(const struct tls_failure *failure, struct error *error)
{
    switch (failure->verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return tell_time(failure, false, error);
    case X509_V_ERR_CERT_NOT_YET_VALID: return tell_time(failure, true, error);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return tell_name(failure, error);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return error_set(error, ERR_INVALID,
                         "%s: its certificate comes from an authority that is not trusted here "
                         "(%s); give the file of that authority: tls_ca_file",
                         failure->peer, X509_verify_cert_error_string(failure->verify_result));
    default:
        return error_set(error, ERR_INVALID, "%s: its certificate is refused: %s", failure->peer,
                         X509_verify_cert_error_string(failure->verify_result));
    }
}

/* ---- what the peer says of us ---- */

/* Alerts of RFC 8446 section 6.2 that are about our certificate. */
static bool is_about_our_certificate(int reason)
{
    switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return true;
    default: return false;
    }
}

static enum error_code tell_our_certificate(const struct tls_failure *failure, const char *words,
                                            struct error *error)
{
    if (!failure->has_certificate)
        return error_set(error, ERR_INVALID,
                         "%s demands a certificate of its clients (%s); give one: tls_cert_file "
                         "and tls_key_file",
                         failure->peer, words);
    return error_set(error, ERR_INVALID,
                     "%s refuses our certificate (%s); give one of an authority that it trusts, "
                     "and that is in its time: tls_cert_file",
                     failure->peer, words);
}

enum error_code tls_failure_tell(const struct tls_failure *failure, struct error *error)
{
    int reason = ERR_GET_REASON(failure->reason);
    const char *words = ERR_reason_error_string(failure->reason);
    if (words == NULL)
        words = "no reason given";
    if (failure->verify_result != X509_V_OK)
        return tell_refused(failure, error);
    if (ERR_GET_LIB(failure->reason) != ERR_LIB_SSL)
        return error_set(error, ERR_RETRY, "%s: TLS failed: %s", failure->peer, words);
    if (is_about_our_certificate(reason) ||
        /* TLS 1.2 has no alert for a certificate that lacks. */
        (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE && !failure->has_certificate))
        return tell_our_certificate(failure, words, error);
    if (reason == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)
        return tls_failure_tell_no_h2(failure, error);
    if (reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION || reason == SSL_R_UNSUPPORTED_PROTOCOL)
        return error_set(error, ERR_INVALID,
                         "%s speaks no version of TLS from 1.2 on (%s); it must be brought up",
                         failure->peer, words);
    return error_set(error, ERR_RETRY, "%s: TLS failed: %s", failure->peer, words);
}

enum error_code tls_failure_tell_plaintext(const struct tls_failure *failure, struct error *error)
{
    return error_set(error, ERR_INVALID,
                     "%s does not answer in TLS; set tls to false, or name its TLS port",
                     failure->peer);
}

enum error_code tls_failure_tell_silent_end(const struct tls_failure *failure, struct error *error)
{
    if (failure->has_read || (failure->is_established && failure->has_certificate))
        return error_set(error, ERR_RETRY, "%s closed the connection", failure->peer);
    if (failure->is_established)
        return error_set(error, ERR_RETRY,
                         "%s closed the connection right after the TLS handshake: if it demands a "
                         "certificate of its clients, give one: tls_cert_file and tls_key_file",
                         failure->peer);
    return error_set(error, ERR_RETRY,
                     "%s closed the connection instead of a TLS handshake: if it speaks no TLS, "
                     "set tls to false",
                     failure->peer);
}

enum error_code tls_failure_tell_no_h2(const struct tls_failure *failure, struct error *error)
{
    return error_set(error, ERR_INVALID,
                     "%s speaks TLS, but not HTTP/2 in it (ALPN h2), so it is no gRPC server; a "
                     "proxy in front of one must pass HTTP/2 on",
                     failure->peer);
}
