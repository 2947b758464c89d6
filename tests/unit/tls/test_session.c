// SPDX-License-Identifier: Apache-2.0
/* Two ends of TLS that hand each other their bytes, cut anywhere. */
#include "tls/session.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tls/files.h"
#include "util/buffer.h"
#include "util/memory.h"

#define DATA         TTP_TEST_DATA "/tls/"
#define MESSAGE_SIZE 100000

struct pair {
    struct tls_loaded client_files, server_files;
    struct tls_session *client, *server;
    struct buffer to_client, to_server; /* on the way */
    uint64_t random;                    /* where bytes are cut */
};

static void load(struct tls_loaded *loaded, bool is_server, const char *authorities,
                 const char *certificate, const char *key)
{
    struct error error = {0};
    const struct tls_files files = {is_server, authorities, certificate, key};
    if (tls_loaded_refresh(loaded, &files, &error) != OK)
        fail_msg("%s", error.message);
}

static void begin(struct pair *pair, const char *expected)
{
    struct error error = {0};
    tls_session_free(pair->client);
    tls_session_free(pair->server);
    buffer_reset(&pair->to_client);
    buffer_reset(&pair->to_server);
    if (tls_session_new(&pair->client, pair->client_files.context, "ttp:1", expected, &error) !=
            OK ||
        tls_session_new(&pair->server, pair->server_files.context, "them:2", NULL, &error) != OK)
        fail_msg("%s", error.message);
}

static void set_up(struct pair *pair, const char *client_authorities, bool client_has_certificate,
                   const char *server_certificate, const char *server_key, bool demands_one)
{
    *pair = (struct pair){.client = NULL};
    buffer_init(&pair->to_client);
    buffer_init(&pair->to_server);
    load(&pair->client_files, false, client_authorities,
         client_has_certificate ? DATA "client.pem" : "",
         client_has_certificate ? DATA "client.key" : "");
    load(&pair->server_files, true, demands_one ? DATA "authority.pem" : "", server_certificate,
         server_key);
}

static void tear_down(struct pair *pair)
{
    tls_session_free(pair->client);
    tls_session_free(pair->server);
    tls_loaded_release(&pair->client_files);
    tls_loaded_release(&pair->server_files);
    buffer_release(&pair->to_client);
    buffer_release(&pair->to_server);
}

/* Takes what one end wants to send. */
static void collect(struct tls_session *session, struct buffer *way)
{
    struct bytes_view out = tls_output(session);
    assert_int_equal(buffer_append(way, out.data, out.size_bytes), OK);
    tls_output_sent(session, out.size_bytes);
}

/* Gives a part of what is on the way, and reads until it wants more. */
static enum error_code deliver(struct pair *pair, struct tls_session *session, struct buffer *way,
                               struct buffer *read, struct error *error)
{
    uint8_t part[4096], plain[700];
    size_t most = way->size_bytes < sizeof part ? way->size_bytes : sizeof part;
    pair->random = pair->random * 6364136223846793005u + 1442695040888963407u;
    size_t size_bytes = most == 0 ? 0 : 1 + (size_t)(pair->random >> 33) % most;
    enum error_code code;
    if (size_bytes > 0) {
        memcpy(part, way->data, size_bytes);
        buffer_drop_front(way, size_bytes);
        tls_input(session, bytes_view_of(part, size_bytes));
    }
    do {
        size_t read_bytes = 0;
        code = tls_read(session, plain, sizeof plain, &read_bytes, error);
        if (code == OK && read_bytes == 0)
            return OK;
        assert_int_equal(buffer_append(read, plain, read_bytes), OK);
    } while (code == OK);
    return code;
}

/* Lets bytes go both ways until one end fails, or nothing moves any more. */
static enum error_code exchange(struct pair *pair, struct buffer *client_read,
                                struct buffer *server_read, struct error *error)
{
    enum error_code code = ERR_AGAIN, at_server = ERR_AGAIN;
    do {
        struct error ignored;
        code = deliver(pair, pair->client, &pair->to_client, client_read, error);
        collect(pair->client, &pair->to_server);
        if (at_server == ERR_AGAIN)
            at_server = deliver(pair, pair->server, &pair->to_server, server_read, &ignored);
        else
            buffer_reset(&pair->to_server); /* a dead end hears nothing */
        collect(pair->server, &pair->to_client);
    } while (code == ERR_AGAIN && pair->to_client.size_bytes + pair->to_server.size_bytes > 0);
    return code;
}

static enum error_code shake_hands(struct pair *pair, const char *expected, struct error *error)
{
    struct buffer client_read, server_read;
    buffer_init(&client_read);
    buffer_init(&server_read);
    error_clear(error);
    begin(pair, expected);
    enum error_code code = exchange(pair, &client_read, &server_read, error);
    buffer_release(&client_read);
    buffer_release(&server_read);
    return code;
}

static void expect_failure(struct pair *pair, const char *expected, enum error_code code,
                           const char *words)
{
    struct error error;
    assert_int_equal(shake_hands(pair, expected, &error), code);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    tear_down(pair);
}

static void bytes_arrive_however_they_are_cut(void **state)
{
    (void)state;
    struct pair pair;
    struct error error;
    struct buffer client_read, server_read;
    uint8_t *message = mem_alloc(MESSAGE_SIZE);
    for (size_t i = 0; i < MESSAGE_SIZE; i++)
        message[i] = (uint8_t)(i * 7 + i / 251);
    set_up(&pair, DATA "authority.pem", true, DATA "server.pem", DATA "server.key", true);
    assert_int_equal(shake_hands(&pair, "localhost", &error), ERR_AGAIN);
    assert_true(tls_is_established(pair.client) && tls_is_established(pair.server));
    buffer_init(&client_read);
    buffer_init(&server_read);
    for (size_t sent = 0; sent < MESSAGE_SIZE;) {
        size_t taken = 0;
        assert_int_equal(
            tls_write(pair.server, message + sent, MESSAGE_SIZE - sent, &taken, &error), OK);
        sent += taken;
    }
    collect(pair.server, &pair.to_client);
    assert_int_equal(exchange(&pair, &client_read, &server_read, &error), ERR_AGAIN);
    assert_int_equal(client_read.size_bytes, MESSAGE_SIZE);
    assert_memory_equal(client_read.data, message, MESSAGE_SIZE);
    assert_false(tls_has_more(pair.client));
    /* An end in order is one. */
    tls_end(pair.server);
    collect(pair.server, &pair.to_client);
    assert_int_equal(exchange(&pair, &client_read, &server_read, &error), OK);
    buffer_release(&client_read);
    buffer_release(&server_read);
    mem_free(message);
    tear_down(&pair);
}

static void the_next_connection_resumes(void **state)
{
    (void)state;
    struct pair pair;
    struct error error;
    set_up(&pair, DATA "authority.pem", false, DATA "server.pem", DATA "server.key", false);
    assert_int_equal(shake_hands(&pair, "127.0.0.1", &error), ERR_AGAIN);
    assert_false(tls_is_resumed(pair.client));
    assert_int_equal(shake_hands(&pair, "127.0.0.1", &error), ERR_AGAIN);
    assert_true(tls_is_resumed(pair.client));
    tear_down(&pair);
}

static void an_unknown_authority_is_refused(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair, DATA "authority.pem", false, DATA "strangers-server.pem",
           DATA "strangers-server.key", false);
    expect_failure(&pair, "localhost", ERR_INVALID, "not trusted here");
}

static void another_name_is_refused(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair, DATA "authority.pem", false, DATA "elsewhere.pem", DATA "elsewhere.key", false);
    expect_failure(&pair, "localhost", ERR_INVALID, "is for elsewhere.example, not for localhost");
}

static void another_address_is_refused(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair, DATA "authority.pem", false, DATA "server.pem", DATA "server.key", false);
    expect_failure(&pair, "127.0.0.2", ERR_INVALID,
                   "is for localhost, 127.0.0.1, not for 127.0.0.2");
}

static void a_demanded_certificate_lacks(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair, DATA "authority.pem", false, DATA "server.pem", DATA "server.key", true);
    expect_failure(&pair, "localhost", ERR_INVALID, "demands a certificate of its clients");
}

static void a_plaintext_server_is_told(void **state)
{
    (void)state;
    struct pair pair;
    struct error error;
    uint8_t data[64];
    size_t read_bytes;
    set_up(&pair, DATA "authority.pem", false, DATA "server.pem", DATA "server.key", false);
    begin(&pair, "localhost");
    tls_input(pair.client, bytes_view_text("HTTP/1.1 400 Bad Request\r\n"));
    assert_int_equal(tls_read(pair.client, data, sizeof data, &read_bytes, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "does not answer in TLS; set tls to false"));
    tear_down(&pair);
}

static void a_cut_passes(void **state)
{
    (void)state;
    struct pair pair;
    struct error error;
    set_up(&pair, DATA "authority.pem", false, DATA "server.pem", DATA "server.key", false);
    begin(&pair, "localhost");
    assert_int_equal(tls_at_end(pair.client, &error), ERR_RETRY);
    assert_non_null(strstr(error.message, "instead of a TLS handshake"));
    tear_down(&pair);
}

static void expect_bad_files(const struct tls_files *files, enum error_code code, const char *words)
{
    struct tls_loaded loaded = {.context = NULL};
    struct error error;
    assert_int_equal(tls_loaded_refresh(&loaded, files, &error), code);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    assert_null(loaded.context);
}

static void files_that_do_not_fit_are_told(void **state)
{
    (void)state;
    expect_bad_files(&(struct tls_files){false, "", DATA "client.pem", DATA "server.key"},
                     ERR_INVALID, "does not fit the certificate");
    expect_bad_files(&(struct tls_files){false, DATA "client.key", "", ""}, ERR_INVALID,
                     "holds no certificate in PEM");
    expect_bad_files(&(struct tls_files){false, "", DATA "client.pem", DATA "client.pem"},
                     ERR_INVALID, "holds no private key");
    expect_bad_files(&(struct tls_files){false, "", DATA "client.pem", ""}, ERR_INVALID,
                     "belong together");
    expect_bad_files(&(struct tls_files){false, DATA "nobody.pem", "", ""}, ERR_NOT_FOUND,
                     "nobody.pem");
}

static void files_that_are_the_same_keep_the_context(void **state)
{
    (void)state;
    struct tls_loaded loaded = {.context = NULL};
    load(&loaded, false, DATA "authority.pem", "", "");
    const struct tls_context *first = loaded.context;
    load(&loaded, false, DATA "authority.pem", "", "");
    assert_ptr_equal(loaded.context, first);
    load(&loaded, false, DATA "authority.pem", DATA "client.pem", DATA "client.key");
    assert_ptr_not_equal(loaded.context, first);
    tls_loaded_release(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_however_they_are_cut),
        cmocka_unit_test(the_next_connection_resumes),
        cmocka_unit_test(an_unknown_authority_is_refused),
        cmocka_unit_test(another_name_is_refused),
        cmocka_unit_test(another_address_is_refused),
        cmocka_unit_test(a_demanded_certificate_lacks),
        cmocka_unit_test(a_plaintext_server_is_told),
        cmocka_unit_test(a_cut_passes),
        cmocka_unit_test(files_that_do_not_fit_are_told),
        cmocka_unit_test(files_that_are_the_same_keep_the_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
