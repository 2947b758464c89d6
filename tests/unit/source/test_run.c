// SPDX-License-Identifier: Apache-2.0
/* What is other at the next try: the address of the server, the credentials. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/script_server.h"
#include "source/source.h"
#include "support/temp_folder.h"

static char folder[TEMP_PATH_BYTES], token_path[TEMP_PATH_BYTES];
static char reference[TEMP_PATH_BYTES + 8];
static struct error error;
static uint32_t covered_to;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    snprintf(token_path, sizeof token_path, "%s", temp_path(folder, "token"));
    snprintf(reference, sizeof reference, "file:%s", token_path);
    temp_write(token_path, "one", 3);
    error_clear(&error);
    covered_to = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_resolve_set(NULL);
    temp_folder_remove(folder);
    return 0;
}

static enum error_code take_event(void *context, const struct event_view *event,
                                  uint32_t event_index, struct bytes_view message, bool *is_stored,
                                  struct error *failure)
{
    (void)context;
    (void)event;
    (void)event_index;
    (void)message;
    (void)is_stored;
    (void)failure;
    return OK;
}

static void take_drop(void *context)
{
    (void)context;
}

static enum error_code take_complete(void *context, uint32_t to, struct error *failure)
{
    (void)context;
    (void)failure;
    covered_to = to;
    return OK;
}

static bool has_room(void *context)
{
    (void)context;
    return true;
}

static bool must_stop(void *context)
{
    (void)context;
    return false;
}

/* Fetches ledgers 100 to 105, then (as another run of the same source) 106 to 110. */
static enum error_code fetch(const char *endpoint, const struct source_header *header)
{
    const struct source_options options = {.endpoint = endpoint,
                                           .connect_timeout_us = 2000000,
                                           .idle_timeout_us = 2000000,
                                           .retry_initial_us = 1000,
                                           .retry_max_us = 5000,
                                           .max_attempts = 3,
                                           .ends_in_outage = true,
                                           .max_message_bytes = 1 << 20,
                                           .window_bytes = 1 << 20,
                                           .metadata = header,
                                           .metadata_count = header != NULL,
                                           .user_agent = "ttp-parquet-consumer/test"};
    const struct source_handler handler = {.on_event = take_event,
                                           .on_ledger_dropped = take_drop,
                                           .on_complete_to = take_complete,
                                           .has_room = has_room,
                                           .must_stop = must_stop};
    struct source_result result;
    struct source *source;
    assert_int_equal(source_new(&source, &options, &error), OK);
    enum error_code code = source_run(source, &(struct source_request){.first = 100, .last = 105},
                                      &handler, &result, &error);
    if (code == OK)
        code = source_run(source, &(struct source_request){.first = 106, .last = 110}, &handler,
                          &result, &error);
    source_free(source);
    return code;
}

static void answer_well(struct script_server *server, struct grpc_server_call *call,
                        unsigned call_number, const struct get_events_request *request)
{
    (void)server;
    (void)call_number;
    script_send_ledgers(call, request->start_ledger, request->end_ledger, 5);
    assert_int_equal(grpc_server_finish(call, GRPC_OK, ""), OK);
}

static void answer_with_status(struct script_server *server, struct grpc_server_call *call,
                               unsigned call_number, const struct get_events_request *request)
{
    (void)call_number;
    (void)request;
    const enum grpc_code *code = server->context;
    assert_int_equal(grpc_server_finish(call, *code, "no"), OK);
}

/* ---- addresses ---- */

static const struct script_server *name_servers[2];

/* The name has the addresses of both servers, the first one's first. */
static enum error_code resolve(const struct os_endpoint *endpoint, struct os_addresses *addresses,
                               struct error *failure)
{
    (void)endpoint;
    (void)failure;
    addresses->count = 0;
    for (int i = 0; i < 2; i++) {
        struct os_address *address = &addresses->items[addresses->count++];
        struct sockaddr_in ip = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        ip.sin_port =
            htons((uint16_t)strtoul(strrchr(name_servers[i]->endpoint, ':') + 1, NULL, 10));
        *address = (struct os_address){.size_bytes = sizeof ip};
        memcpy(&address->storage, &ip, sizeof ip);
        snprintf(address->text, sizeof address->text, "%s", name_servers[i]->endpoint);
    }
    return OK;
}

/* The first address answers each call with `status`, the second one with `second`. */
static enum error_code fetch_from_two(enum grpc_code status, script_answer *second,
                                      unsigned counts[2])
{
    struct script_server sick = {0}, other = {0};
    script_server_start(&sick, answer_with_status, &status);
    script_server_start(&other, second, &status);
    name_servers[0] = &sick;
    name_servers[1] = &other;
    os_resolve_set(resolve);
    enum error_code code = fetch("ttp.example:50051", NULL);
    script_server_stop(&sick);
    script_server_stop(&other);
    counts[0] = sick.call_count;
    counts[1] = other.call_count;
    return code;
}

static void after_a_status_the_next_address_is_asked_and_kept(void **state)
{
    (void)state;
    static const enum grpc_code statuses[] = {GRPC_UNAVAILABLE, GRPC_INTERNAL, GRPC_UNIMPLEMENTED,
                                              GRPC_PERMISSION_DENIED};
    unsigned counts[2];
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        assert_int_equal(fetch_from_two(statuses[i], answer_well, counts), OK);
        assert_int_equal(covered_to, 110);
        assert_int_equal(counts[0], 1);
        assert_int_equal(counts[1], 2);
    }
}

static void a_status_that_no_retry_can_change_ends_the_run_once_every_address_gave_it(void **state)
{
    (void)state;
    unsigned counts[2];
    assert_int_equal(fetch_from_two(GRPC_UNIMPLEMENTED, answer_with_status, counts), ERR_INVALID);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
}

/* ---- credentials ---- */

/* Refuses the first call; by then the credential in the file is another one. */
static void refuse_the_old_token(struct script_server *server, struct grpc_server_call *call,
                                 unsigned call_number, const struct get_events_request *request)
{
    if (call_number == 0) {
        const char *renewed = server->context;
        remove(token_path);
        if (renewed != NULL)
            temp_write(token_path, renewed, strlen(renewed));
        assert_int_equal(grpc_server_finish(call, GRPC_UNAUTHENTICATED, "expired"), OK);
        return;
    }
    answer_well(server, call, call_number, request);
}

static enum error_code fetch_with_token(const char *renewed, unsigned *call_count)
{
    const struct source_header header = {"authorization", "one", reference};
    struct script_server server = {0};
    script_server_start(&server, refuse_the_old_token, (void *)(uintptr_t)renewed);
    enum error_code code = fetch(server.endpoint, &header);
    script_server_stop(&server);
    *call_count = server.call_count;
    return code;
}

static void a_refused_credential_that_was_renewed_meanwhile_is_tried_again(void **state)
{
    (void)state;
    unsigned call_count;
    assert_int_equal(fetch_with_token("two", &call_count), OK);
    assert_int_equal(covered_to, 110);
    assert_int_equal(call_count, 3);
}

static void a_refused_credential_that_is_still_the_same_ends_the_run(void **state)
{
    (void)state;
    unsigned call_count;
    assert_int_equal(fetch_with_token("one", &call_count), ERR_INVALID);
    assert_int_equal(call_count, 1);
    assert_non_null(strstr(error.message, "expired"));
}

static void a_credential_that_cannot_be_read_is_waited_for_and_named(void **state)
{
    (void)state;
    unsigned call_count;
    assert_int_equal(fetch_with_token(NULL, &call_count), ERR_RETRY);
    assert_int_equal(call_count, 1);
    assert_non_null(strstr(error.message, "authorization"));
    assert_non_null(strstr(error.message, token_path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_a_status_the_next_address_is_asked_and_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_status_that_no_retry_can_change_ends_the_run_once_every_address_gave_it, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_refused_credential_that_was_renewed_meanwhile_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_credential_that_is_still_the_same_ends_the_run,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_credential_that_cannot_be_read_is_waited_for_and_named,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
