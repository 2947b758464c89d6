// SPDX-License-Identifier: Apache-2.0
#include "serve/server.h"

#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "os/socket.h"
#include "serve/connection.h"
#include "util/memory.h"

#define ACCEPT_PAUSE_US INT64_C(100000) /* when descriptors have run out */
#define ACCEPT_TURNS    64              /* clients accepted before the others get their turn */
/* How far a live clock may jump in one turn of the loop, in ledgers. */
#define TIP_TURNS 100000

static bool script_looks_at_events(const struct fault_script *faults)
{
    for (size_t i = 0; faults != NULL && i < faults->fault_count; i++) {
        if (fault_table[faults->faults[i].kind].scope == FAULT_AT_EVENT &&
            faults->faults[i].place != FAULT_PLACE_LEDGER)
            return true;
    }
    return false;
}

enum error_code server_new(struct server **out, const struct server_options *options,
                           const struct feed *feed, struct error *error)
{
    *out = NULL;
    struct os_endpoint endpoint;
    enum error_code code = os_endpoint_parse(options->listen, true, &endpoint, error);
    if (code != OK)
        return code;
    struct server *server = mem_alloc_zero(1, sizeof *server);
    if (server == NULL)
        return error_no_memory(error, "the server");
    server->live = options->live;
    server->pace_us = options->pace_us;
    if (server->live && server->pace_us <= 0)
        server->pace_us = SERVER_PACE_DEFAULT_US;
    server->faults = options->faults;
    server->has_event_faults = script_looks_at_events(options->faults);
    server->feed = *feed;
    server->listener = -1;
    server->wake.fd = -1;

    struct os_address bound;
    code = options->tls == NULL ? OK : tls_loaded_refresh(&server->tls, options->tls, error);
    if (code == OK)
        code = os_wake_init(&server->wake, error);
    if (code == OK)
        code = os_listen(&endpoint, &server->listener, &bound, error);
    if (code != OK) {
        server_free(server);
        return code;
    }
    snprintf(server->address, sizeof server->address, "%s", bound.text);
    *out = server;
    return OK;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    for (size_t i = 0; i < server->connection_count; i++)
        connection_free(server->connections[i]);
    tls_loaded_release(&server->tls);
    os_close(&server->listener);
    os_wake_release(&server->wake);
    mem_free(server);
}

const char *server_address(const struct server *server)
{
    return server->address;
}

void server_stop(struct server *server)
{
    atomic_store(&server->stop, true);
    os_wake_raise(&server->wake);
}

static uint64_t counted(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void server_get_stats(const struct server *server, struct server_stats *out)
{
    const struct server_counters *counters = &server->counters;
    *out = (struct server_stats){.connections = counted(&counters->connections),
                                 .connections_open = counted(&counters->connections_open),
                                 .requests = counted(&counters->requests),
                                 .requests_open = counted(&counters->requests_open),
                                 .events_sent = counted(&counters->events_sent),
                                 .bytes_sent = counted(&counters->bytes_sent),
                                 .faults_fired = counted(&counters->faults_fired)};
}

static void look_for_next_tip(struct server *server)
{
    server->has_next_tip =
        server->tip != UINT32_MAX &&
        server->feed.find(server->feed.context, server->tip + 1, &server->next_tip);
}

/* Live: the first ledger has closed when the server starts. */
static void start_live_clock(struct server *server)
{
    server->tip = server->feed.first_ledger;
    server->next_tip_us = server->now_us + server->pace_us;
    look_for_next_tip(server);
}

static void advance_live_clock(struct server *server)
{
    bool moved = false;
    for (unsigned turn = 0;
         turn < TIP_TURNS && server->has_next_tip && server->now_us >= server->next_tip_us;
         turn++) {
        server->tip = server->next_tip;
        server->next_tip_us += server->pace_us;
        look_for_next_tip(server);
        moved = true;
    }
    for (size_t i = 0; moved && i < server->connection_count; i++)
        connection_tip_moved(server->connections[i]);
}

static void add_client(struct server *server, int fd, const struct os_address *peer)
{
    if (server->connection_count == SERVER_CLIENT_LIMIT) {
        log_event(LOG_WARN, "serve", "too many clients; the newest is turned away",
                  LOG_T("client", peer->text), LOG_U("limit", SERVER_CLIENT_LIMIT));
        os_close(&fd);
        return;
    }
    if (connection_new(&server->connections[server->connection_count], server, fd, peer->text) ==
        OK)
        server->connection_count++;
    else
        log_event(LOG_ERROR, "serve", "out of memory for a client", LOG_T("client", peer->text));
}

static void accept_clients(struct server *server)
{
    for (unsigned turn = 0; turn < ACCEPT_TURNS; turn++) {
        int fd = -1;
        struct os_address peer;
        enum error_code code = os_accept(server->listener, &fd, &peer, NULL);
        if (code == OK) {
            add_client(server, fd, &peer);
            continue;
        }
        if (code != ERR_AGAIN && code != ERR_RETRY)
            server->accept_us = server->now_us + ACCEPT_PAUSE_US;
        return;
    }
}

static void drop_finished_clients(struct server *server)
{
    size_t kept = 0;
    for (size_t i = 0; i < server->connection_count; i++) {
        struct connection *connection = server->connections[i];
        if (connection_is_over(connection))
            connection_free(connection);
        else
            server->connections[kept++] = connection;
    }
    server->connection_count = kept;
}

/* Microseconds until something is due by the clock; negative: nothing. */
static int64_t time_left_us(const struct server *server)
{
    int64_t due_us = server->has_next_tip && server->live ? server->next_tip_us : SERVER_NEVER;
    if (server->accept_us > server->now_us && server->accept_us < due_us)
        due_us = server->accept_us;
    for (size_t i = 0; i < server->connection_count; i++) {
        int64_t connection_us = connection_due_us(server->connections[i]);
        if (connection_us < due_us)
            due_us = connection_us;
    }
    if (due_us == SERVER_NEVER)
        return -1;
    return due_us > server->now_us ? due_us - server->now_us : 0;
}

#define OWN_ITEMS 2 /* the listener and the wake-up come first */

/* One turn of the loop: waits, then serves everybody once. */
static void serve_turn(struct server *server, struct os_poll_item *items)
{
    bool may_accept = server->now_us >= server->accept_us;
    items[0] = (struct os_poll_item){.fd = may_accept ? server->listener : -1, .want_read = true};
    items[1] = (struct os_poll_item){.fd = server->wake.fd, .want_read = true};
    size_t polled = server->connection_count;
    for (size_t i = 0; i < polled; i++)
        items[OWN_ITEMS + i] =
            (struct os_poll_item){.fd = server->connections[i]->fd,
                                  .want_read = true,
                                  .want_write = connection_wants_write(server->connections[i])};
    os_poll(items, OWN_ITEMS + polled, time_left_us(server));
    server->now_us = os_monotonic_us();

    if (items[1].can_read)
        (void)os_wake_clear(&server->wake);
    if (server->live)
        advance_live_clock(server);
    for (size_t i = 0; i < polled; i++) {
        if (items[OWN_ITEMS + i].can_read || channel_has_more(&server->connections[i]->channel))
            connection_read(server->connections[i]);
    }
    if (items[0].can_read)
        accept_clients(server);
    for (size_t i = 0; i < server->connection_count; i++) {
        bool can_write = i >= polled || items[OWN_ITEMS + i].can_write;
        if (can_write || !server->connections[i]->blocked)
            connection_write(server->connections[i]);
    }
    drop_finished_clients(server);
}

enum error_code server_run(struct server *server, struct error *error)
{
    struct os_poll_item *items =
        mem_alloc_zero(OWN_ITEMS + SERVER_CLIENT_LIMIT, sizeof(struct os_poll_item));
    if (items == NULL)
        return error_no_memory(error, "the server");
    server->now_us = os_monotonic_us();
    if (server->live)
        start_live_clock(server);
    while (!atomic_load(&server->stop))
        serve_turn(server, items);
    for (size_t i = 0; i < server->connection_count; i++)
        connection_free(server->connections[i]);
    server->connection_count = 0;
    mem_free(items);
    return OK;
}
