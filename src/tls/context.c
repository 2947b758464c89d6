// SPDX-License-Identifier: Apache-2.0
#include "tls/context.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tls/internal.h"
#include "util/memory.h"

/* ---- reading PEM ---- */

/* Keys that want a passphrase are refused: nobody is there to type it. */
static int no_passphrase(char *buffer, int size, int writes, void *context)
{
    bool *was_asked = context;
    (void)buffer;
    (void)size;
    (void)writes;
    *was_asked = true;
    return -1;
}

static BIO *open_pem(struct bytes_view pem)
{
    return pem.size_bytes > INT_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.size_bytes);
}

static enum error_code add_authorities(struct tls_context *context,
                                       const struct tls_settings *settings, struct error *error)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
    BIO *pem = open_pem(settings->authorities);
    X509 *certificate;
    unsigned count = 0;
    bool is_added = pem != NULL;
    while (is_added && (certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
        is_added = X509_STORE_add_cert(store, certificate) == 1;
        if (is_added && context->is_server)
            is_added = SSL_CTX_add_client_CA(context->ssl, certificate) == 1;
        X509_free(certificate);
        count++;
    }
    BIO_free(pem);
    ERR_clear_error();
    if (!is_added)
        return error_no_memory(error, "the authorities of TLS");
    return count > 0 ? OK
                     : error_set(error, ERR_INVALID,
                                 "%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)",
                                 settings->authorities_name);
}

/* The first certificate is ours, the others lead to its authority. */
static enum error_code use_certificates(struct tls_context *context,
                                        const struct tls_settings *settings, struct error *error)
{
    BIO *pem = open_pem(settings->certificate);
    X509 *certificate = pem == NULL ? NULL : PEM_read_bio_X509(pem, NULL, NULL, NULL);
    bool is_used = certificate != NULL && SSL_CTX_use_certificate(context->ssl, certificate) == 1;
    X509_free(certificate);
    /* Each one that is added belongs to the context then. */
    while (is_used && (certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
        is_used = SSL_CTX_add0_chain_cert(context->ssl, certificate) == 1;
        if (!is_used)
            X509_free(certificate);
    }
    BIO_free(pem);
    ERR_clear_error();
    return is_used ? OK
                   : error_set(error, ERR_INVALID,
                               "%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----) that "
                               "can be used",
                               settings->certificate_name);
}

static enum error_code use_key(struct tls_context *context, const struct tls_settings *settings,
                               struct error *error)
{
    bool wants_passphrase = false;
    BIO *pem = open_pem(settings->key);
    EVP_PKEY *key =
        pem == NULL ? NULL : PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, &wants_passphrase);
    enum error_code code = OK;
    if (key == NULL && wants_passphrase)
        code = error_set(error, ERR_INVALID,
                         "%s is encrypted: give a key without a passphrase, in a file that only "
                         "this service can read",
                         settings->key_name);
    else if (key == NULL)
        code = error_set(error, ERR_INVALID, "%s holds no private key in PEM", settings->key_name);
    else if (SSL_CTX_use_PrivateKey(context->ssl, key) != 1)
        code = error_set(error, ERR_INVALID,
                         "the key %s does not fit the certificate %s: they must be made together",
                         settings->key_name, settings->certificate_name);
    EVP_PKEY_free(key);
    BIO_free(pem);
    ERR_clear_error();
    return code;
}

/* ---- making one ---- */

/* A client keeps the newest ticket; OpenSSL hands the reference over where this says 1. */
static int keep_resumable(SSL *ssl, SSL_SESSION *session)
{
    struct tls_context *context = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);
    SSL_SESSION_free(context->resumable);
    context->resumable = session;
    return 1;
}

/* A server speaks HTTP/2 alone (RFC 7301 section 3.2). */
static int select_h2(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                     const unsigned char *offered, unsigned offered_size, void *unused)
{
    static const unsigned char ours[] = {2, 'h', '2'};
    unsigned char *selected;
    (void)ssl;
    (void)unused;
    if (SSL_select_next_proto(&selected, out_size, ours, sizeof ours, offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

static enum error_code set_up_server(struct tls_context *context,
                                     const struct tls_settings *settings, struct error *error)
{
    static const unsigned char id[] = "ttp";
    SSL_CTX_set_alpn_select_cb(context->ssl, select_h2, NULL);
    if (SSL_CTX_set_session_id_context(context->ssl, id, sizeof id - 1) != 1)
        return error_no_memory(error, "a TLS server");
    if (settings->authorities.size_bytes == 0)
        return OK;
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return add_authorities(context, settings, error);
}

static enum error_code set_up_client(struct tls_context *context,
                                     const struct tls_settings *settings, struct error *error)
{
    static const unsigned char h2[] = {2, 'h', '2'};
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context->ssl,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, keep_resumable);
    if (SSL_CTX_set_alpn_protos(context->ssl, h2, sizeof h2) != 0) /* 0: done */
        return error_no_memory(error, "a TLS client");
    if (settings->authorities.size_bytes > 0)
        return add_authorities(context, settings, error);
    return SSL_CTX_set_default_verify_paths(context->ssl) == 1
               ? OK
               : error_no_memory(error, "the system's authorities");
}

static enum error_code set_up(struct tls_context *context, const struct tls_settings *settings,
                              struct error *error)
{
    context->is_server = settings->is_server;
    context->has_certificate = settings->certificate.size_bytes > 0;
    context->ssl = SSL_CTX_new(settings->is_server ? TLS_server_method() : TLS_client_method());
    if (context->ssl == NULL || SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_ex_data(context->ssl, 0, context) != 1)
        return error_no_memory(error, "TLS");
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    enum error_code code = settings->is_server ? set_up_server(context, settings, error)
                                               : set_up_client(context, settings, error);
    if (code == OK && context->has_certificate)
        code = use_certificates(context, settings, error);
    if (code == OK && context->has_certificate)
        code = use_key(context, settings, error);
    return code;
}

enum error_code tls_context_new(struct tls_context **out, const struct tls_settings *settings,
                                struct error *error)
{
    struct tls_context *context = *out = mem_alloc_zero(1, sizeof *context);
    if (context == NULL)
        return error_no_memory(error, "TLS");
    enum error_code code = set_up(context, settings, error);
    ERR_clear_error();
    if (code != OK) {
        tls_context_free(context);
        *out = NULL;
    }
    return code;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return;
    SSL_SESSION_free(context->resumable);
    SSL_CTX_free(context->ssl);
    mem_free(context);
}
