// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL never sees a socket: its reads take from the bytes that the caller has got, its writes go
 * into a buffer that the caller sends. A read that finds nothing says "again", which OpenSSL hands
 * on as SSL_ERROR_WANT_READ; a write always succeeds, so WANT_WRITE does not occur.
 */
#include "tls/session.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tls/failure.h"
#include "tls/internal.h"
#include "util/buffer.h"
#include "util/memory.h"

#define EX_DATA_INDEX 0 /* of a program that asks for no other */

struct tls_session {
    struct tls_context *context; /* borrowed */
    SSL *ssl;
    char *peer, *server_name; /* owned */
    struct bytes_view in;     /* what is left of it; borrowed */
    struct buffer out;
    size_t out_offset;
    bool is_established;
    bool wants_input;   /* tls_read has come to the end of what was given */
    bool has_read;      /* something of the protocol above */
    bool has_input;     /* something came, ever */
    bool has_ended;     /* tls_end */
    long verify_result; /* the first refusal of the peer's chain */
    X509 *refused;      /* owned; NULL: none */
};

/* ---- between OpenSSL and the caller's bytes (openssl.org/docs/man3.0/man3/BIO_meth_new.html) ----
 */

static int bio_read(BIO *bio, char *data, int capacity)
{
    struct tls_session *session = BIO_get_data(bio);
    size_t taken =
        session->in.size_bytes < (size_t)capacity ? session->in.size_bytes : (size_t)capacity;
    BIO_clear_retry_flags(bio);
    if (taken == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, session->in.data, taken);
    session->in = bytes_view_of(session->in.data + taken, session->in.size_bytes - taken);
    return (int)taken;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    struct tls_session *session = BIO_get_data(bio);
    return buffer_append(&session->out, data, (size_t)size) == OK ? size : -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* One for all, made once; the process keeps it. NULL: no memory. */
static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static void make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ttp");
    if (made == NULL || BIO_meth_set_read(made, bio_read) != 1 ||
        BIO_meth_set_write(made, bio_write) != 1 || BIO_meth_set_ctrl(made, bio_control) != 1)
        BIO_meth_free(made);
    else
        method = made;
}

/* ---- making one ---- */

/* Keeps why the peer's chain was refused, with the certificate that was. */
static int on_verify(int is_good, X509_STORE_CTX *chain)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *session = SSL_get_ex_data(ssl, EX_DATA_INDEX);
    if (!is_good && session->verify_result == X509_V_OK) {
        X509 *refused = X509_STORE_CTX_get_current_cert(chain);
        session->verify_result = X509_STORE_CTX_get_error(chain);
        if (refused != NULL && X509_up_ref(refused) == 1)
            session->refused = refused;
    }
    return is_good;
}

static bool is_address(const char *name)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* SNI has names only (RFC 6066 section 3). */
static enum error_code expect_server(struct tls_session *session, struct error *error)
{
    const char *name = session->server_name;
    X509_VERIFY_PARAM *parameters = SSL_get0_param(session->ssl);
    bool is_set;
    if (is_address(name)) {
        is_set = X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1;
    } else {
        X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        is_set = name[0] != '\0' && X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1 &&
                 SSL_set_tlsext_host_name(session->ssl, name) == 1;
    }
    return is_set ? OK
                  : error_set(error, ERR_INVALID,
                              "\"%s\" is no name that a server's certificate can have", name);
}

static enum error_code set_up(struct tls_session *session, struct error *error)
{
    struct tls_context *context = session->context;
    BIO *bio = CRYPTO_THREAD_run_once(&method_once, make_method) != 1 || method == NULL
                   ? NULL
                   : BIO_new(method);
    session->ssl = SSL_new(context->ssl);
    if (bio == NULL || session->ssl == NULL ||
        SSL_set_ex_data(session->ssl, EX_DATA_INDEX, session) != 1) {
        BIO_free(bio);
        return error_no_memory(error, "a TLS connection");
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio); /* takes it */
    SSL_set_verify(session->ssl, SSL_get_verify_mode(session->ssl), on_verify);
    if (context->is_server) {
        SSL_set_accept_state(session->ssl);
        return OK;
    }
    SSL_set_connect_state(session->ssl);
    if (context->resumable != NULL)
        (void)SSL_set_session(session->ssl, context->resumable); /* if not, a whole handshake */
    return expect_server(session, error);
}

enum error_code tls_session_new(struct tls_session **out, struct tls_context *context,
                                const char *peer, const char *server_name, struct error *error)
{
    struct tls_session *session = *out = mem_alloc_zero(1, sizeof *session);
    assert(context->is_server == (server_name == NULL));
    if (session == NULL)
        return error_no_memory(error, "a TLS connection");
    buffer_init(&session->out);
    session->context = context;
    session->peer = mem_copy_text(peer);
    session->server_name = server_name == NULL ? NULL : mem_copy_text(server_name);
    enum error_code code = OK;
    if (session->peer == NULL || (server_name != NULL && session->server_name == NULL))
        code = error_no_memory(error, "a TLS connection");
    if (code == OK)
        code = set_up(session, error);
    ERR_clear_error();
    if (code != OK) {
        tls_session_free(session);
        *out = NULL;
    }
    return code;
}

void tls_session_free(struct tls_session *session)
{
    if (session == NULL)
        return;
    /* A cut is no reason not to resume: what was cut shows in HTTP/2. OpenSSL would forget it. */
    if (session->ssl != NULL)
        SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(session->ssl);
    X509_free(session->refused);
    buffer_release(&session->out);
    mem_free(session->peer);
    mem_free(session->server_name);
    mem_free(session);
}

/* ---- failures ---- */

static struct tls_failure describe(const struct tls_session *session)
{
    return (struct tls_failure){.peer = session->peer,
                                .server_name = session->server_name,
                                .has_certificate = session->context->has_certificate,
                                .is_established = session->is_established,
                                .has_read = session->has_read,
                                .verify_result = session->verify_result,
                                .refused = session->refused,
                                .reason = ERR_peek_error()};
}

/* A record begins with its type, 20 to 23, and major version 3 (RFC 8446 section 5.1). */
static bool is_record(struct bytes_view bytes)
{
    return bytes.data[0] >= 20 && bytes.data[0] <= 23 &&
           (bytes.size_bytes < 2 || bytes.data[1] == 3);
}

/* What `result` of an SSL call means: ERR_AGAIN, or a failure. */
static enum error_code fail(struct tls_session *session, int result, struct error *error)
{
    struct tls_failure failure = describe(session);
    enum error_code code;
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ: code = ERR_AGAIN; break;
    case SSL_ERROR_WANT_WRITE: code = error_no_memory(error, "bytes to send"); break;
    default: code = tls_failure_tell(&failure, error); break;
    }
    ERR_clear_error();
    return code;
}

/* ---- the handshake and the bytes above it ---- */

static enum error_code shake_hands(struct tls_session *session, struct error *error)
{
    const unsigned char *protocol = NULL;
    unsigned protocol_bytes = 0;
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);
    if (result != 1)
        return fail(session, result, error);
    SSL_get0_alpn_selected(session->ssl, &protocol, &protocol_bytes);
    if (protocol_bytes != 2 || memcmp(protocol, "h2", 2) != 0) {
        struct tls_failure failure = describe(session);
        return tls_failure_tell_no_h2(&failure, error);
    }
    session->is_established = true;
    return OK;
}

void tls_input(struct tls_session *session, struct bytes_view bytes)
{
    assert(session->in.size_bytes == 0);
    session->in = bytes;
    session->wants_input = false;
}

static enum error_code read_next(struct tls_session *session, void *data, size_t capacity_bytes,
                                 size_t *read_bytes, struct error *error)
{
    *read_bytes = 0;
    if (!session->has_input && session->in.size_bytes > 0) {
        struct tls_failure failure = describe(session);
        session->has_input = true;
        if (!is_record(session->in))
            return tls_failure_tell_plaintext(&failure, error);
    }
    enum error_code code = session->is_established ? OK : shake_hands(session, error);
    if (code != OK)
        return code;
    ERR_clear_error();
    int result = SSL_read_ex(session->ssl, data, capacity_bytes, read_bytes);
    session->has_read |= result == 1;
    if (result == 1 || SSL_get_error(session->ssl, result) == SSL_ERROR_ZERO_RETURN)
        return OK;
    return fail(session, result, error);
}

enum error_code tls_read(struct tls_session *session, void *data, size_t capacity_bytes,
                         size_t *read_bytes, struct error *error)
{
    enum error_code code = read_next(session, data, capacity_bytes, read_bytes, error);
    session->wants_input = code == ERR_AGAIN;
    return code;
}

bool tls_has_more(const struct tls_session *session)
{
    return !session->wants_input &&
           (session->in.size_bytes > 0 || SSL_has_pending(session->ssl) == 1);
}

enum error_code tls_write(struct tls_session *session, const void *data, size_t size_bytes,
                          size_t *written_bytes, struct error *error)
{
    *written_bytes = 0;
    enum error_code code = session->is_established ? OK : shake_hands(session, error);
    if (code != OK)
        return code;
    ERR_clear_error();
    int result = SSL_write_ex(session->ssl, data, size_bytes, written_bytes);
    return result == 1 ? OK : fail(session, result, error);
}

struct bytes_view tls_output(const struct tls_session *session)
{
    return bytes_view_of(session->out.data + session->out_offset,
                         session->out.size_bytes - session->out_offset);
}

void tls_output_sent(struct tls_session *session, size_t size_bytes)
{
    session->out_offset += size_bytes;
    assert(session->out_offset <= session->out.size_bytes);
    if (session->out_offset < session->out.size_bytes)
        return;
    buffer_reset(&session->out);
    session->out_offset = 0;
}

enum error_code tls_at_end(struct tls_session *session, struct error *error)
{
    struct tls_failure failure = describe(session);
    return tls_failure_tell_silent_end(&failure, error);
}

void tls_end(struct tls_session *session)
{
    if (session->is_established && !session->has_ended)
        (void)SSL_shutdown(session->ssl);
    session->has_ended = true;
    ERR_clear_error();
}

bool tls_is_established(const struct tls_session *session)
{
    return session->is_established;
}

bool tls_is_resumed(const struct tls_session *session)
{
    return SSL_session_reused(session->ssl) == 1;
}
