// SPDX-License-Identifier: Apache-2.0
/*
 * In place of the os room's sockets, resolver and wake-ups (ld --wrap): connections inside of this
 * process, whose bytes take time, come in pieces, get lost with their connection, or stop coming.
 */
#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "os/poll.h"
#include "os/resolver.h"
#include "os/socket.h"
#include "util/buffer.h"

#define FIRST_FD     1000000
#define ENDS_MAX     8192
#define FLIGHT_BYTES 65536 /* on the wire at most, each way */
#define SEGMENTS_MAX 4096
#define LONG_US      UINT32_C(200000000) /* longer than most time-outs */

enum end_kind { END_NONE, END_LISTENER, END_WAKE, END_SOCKET };
enum connect_fate { CONNECT_WORKS, CONNECT_FAILS, CONNECT_HANGS };

struct segment {
    int64_t at_us;
    size_t size_bytes; /* 0: the peer's end of the stream */
};

struct end {
    enum end_kind kind;
    bool is_raised;    /* a wake */
    bool is_reset;     /* the connection broke */
    bool swallows;     /* what is sent from here never arrives */
    bool has_sent_end; /* FIN */
    bool is_accepted;  /* of the server's ends */
    bool is_client;
    struct end *peer; /* NULL: gone */
    enum connect_fate fate;
    int64_t connected_us; /* when both ends know each other */
    struct buffer in;     /* bytes of the segments */
    struct segment segments[SEGMENTS_MAX];
    size_t segment_first, segment_count;
};

static struct end *ends[ENDS_MAX];
static size_t end_count; /* no end lies behind */

#define WRAPPED(result, name, parameters)                                                          \
    extern __typeof__(name) __wrap_##name;                                                         \
    result __wrap_##name parameters

static struct end *new_end(enum end_kind kind, int *fd)
{
    size_t at = 0;
    while (at < end_count && ends[at] != NULL)
        at++;
    assert(at < ENDS_MAX);
    struct end *end = calloc(1, sizeof *end);
    assert(end != NULL);
    end->kind = kind;
    buffer_init(&end->in);
    *fd = FIRST_FD + (int)at;
    ends[at] = end;
    if (at == end_count)
        end_count++;
    return end;
}

static struct end *end_of(int fd)
{
    assert(fd >= FIRST_FD && (size_t)(fd - FIRST_FD) < end_count);
    struct end *end = ends[fd - FIRST_FD];
    assert(end != NULL);
    return end;
}

static void free_end(int fd)
{
    struct end *end = end_of(fd);
    buffer_release(&end->in);
    ends[fd - FIRST_FD] = NULL;
    free(end);
}

static int64_t travel_us(void)
{
    return world->now_us + 1 +
           (int64_t)world_below(
               (uint32_t)(world->life.latency_us > 0 ? world->life.latency_us : 1));
}

static struct segment *segment_at(struct end *end, size_t i)
{
    return &end->segments[(end->segment_first + i) % SEGMENTS_MAX];
}

/* Puts a segment on its way to `end`; they arrive in order. */
static void put_segment(struct end *end, int64_t at_us, size_t size_bytes)
{
    assert(end->segment_count < SEGMENTS_MAX);
    if (end->segment_count > 0 && segment_at(end, end->segment_count - 1)->at_us > at_us)
        at_us = segment_at(end, end->segment_count - 1)->at_us;
    *segment_at(end, end->segment_count++) = (struct segment){at_us, size_bytes};
}

/* Bytes, or the peer's end. */
static bool has_arrived(struct end *end)
{
    return end->segment_count > 0 && segment_at(end, 0)->at_us <= world->now_us;
}

static bool is_at_end(struct end *end)
{
    return has_arrived(end) && segment_at(end, 0)->size_bytes == 0;
}

/* How many bytes have arrived, as far as there is room for them. */
static size_t arrived_bytes(struct end *end, size_t capacity_bytes)
{
    size_t size_bytes = 0;
    for (size_t i = 0; i < end->segment_count && size_bytes < capacity_bytes; i++) {
        const struct segment *segment = segment_at(end, i);
        if (segment->at_us > world->now_us || segment->size_bytes == 0)
            break;
        size_bytes += segment->size_bytes;
    }
    return size_bytes < capacity_bytes ? size_bytes : capacity_bytes;
}

static void drop_arrived(struct end *end, size_t size_bytes)
{
    buffer_drop_front(&end->in, size_bytes);
    while (size_bytes > 0) {
        struct segment *segment = segment_at(end, 0);
        size_t taken = segment->size_bytes < size_bytes ? segment->size_bytes : size_bytes;
        segment->size_bytes -= taken;
        size_bytes -= taken;
        if (segment->size_bytes == 0) {
            end->segment_first = (end->segment_first + 1) % SEGMENTS_MAX;
            end->segment_count--;
        }
    }
}

static bool has_room(const struct end *end)
{
    return end->peer == NULL || end->swallows ||
           (end->peer->in.size_bytes < FLIGHT_BYTES && end->peer->segment_count < SEGMENTS_MAX - 2);
}

/* A client's connection that the server may accept now; NULL: none. */
static struct end *waiting_client(int *fd)
{
    for (size_t i = 0; i < end_count; i++)
        if (ends[i] != NULL && ends[i]->kind == END_SOCKET && ends[i]->fate == CONNECT_WORKS &&
            !ends[i]->is_accepted && ends[i]->peer != NULL && ends[i]->connected_us == INT64_MAX &&
            ends[i]->peer->connected_us <= world->now_us) {
            *fd = FIRST_FD + (int)i;
            return ends[i];
        }
    return NULL;
}

static bool is_connecting(const struct end *end)
{
    return end->connected_us > world->now_us;
}

static void poll_end(struct os_poll_item *item)
{
    struct end *end = end_of(item->fd);
    int fd;
    switch (end->kind) {
    case END_WAKE: item->can_read = item->want_read && end->is_raised; break;
    case END_LISTENER: item->can_read = item->want_read && waiting_client(&fd) != NULL; break;
    default:
        if (is_connecting(end))
            break;
        item->can_read = item->want_read && (end->is_reset || has_arrived(end));
        item->can_write = item->want_write && (end->is_reset || has_room(end));
    }
}

unsigned wire_poll(struct os_poll_item *items, size_t count)
{
    unsigned ready = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].can_read = items[i].can_write = false;
        if (items[i].fd == WIRE_READY_FD) {
            items[i].can_read = items[i].want_read;
            items[i].can_write = items[i].want_write;
        } else if (items[i].fd >= 0) {
            poll_end(&items[i]);
        }
        ready += items[i].can_read || items[i].can_write;
    }
    return ready;
}

int64_t wire_next_us(void)
{
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < end_count; i++) {
        struct end *end = ends[i];
        if (end == NULL || end->kind != END_SOCKET)
            continue;
        if (is_connecting(end) && end->connected_us < next_us)
            next_us = end->connected_us;
        for (size_t s = 0; s < end->segment_count; s++)
            if (segment_at(end, s)->at_us > world->now_us) {
                if (segment_at(end, s)->at_us < next_us)
                    next_us = segment_at(end, s)->at_us;
                break;
            }
    }
    return next_us;
}

/* ---- wake-ups ---- */

WRAPPED(enum error_code, os_wake_init, (struct os_wake * wake, struct error *error))
{
    (void)error;
    (void)new_end(END_WAKE, &wake->fd);
    return OK;
}

WRAPPED(void, os_wake_release, (struct os_wake * wake))
{
    if (wake->fd >= 0)
        free_end(wake->fd);
    wake->fd = -1;
}

WRAPPED(void, os_wake_raise, (const struct os_wake *wake))
{
    end_of(wake->fd)->is_raised = true;
}

WRAPPED(bool, os_wake_clear, (const struct os_wake *wake))
{
    struct end *end = end_of(wake->fd);
    bool was_raised = end->is_raised;
    end->is_raised = false;
    return was_raised;
}

/* ---- the resolver ---- */

struct os_resolver {
    int64_t ready_us;
    bool fails;
};

static bool meets_wire_fault(void)
{
    if (world->life.wire_odds == 0 || world->wire_faults_left == 0 ||
        !world_chance(world->life.wire_odds))
        return false;
    world->wire_faults_left--;
    world->wire_faults++;
    return true;
}

WRAPPED(enum error_code, os_resolver_start,
        (struct os_resolver * *out, const struct os_endpoint *endpoint, const struct os_wake *wake,
         struct error *error))
{
    (void)endpoint;
    (void)error;
    struct os_resolver *resolver = calloc(1, sizeof *resolver);
    assert(resolver != NULL);
    resolver->ready_us = world->now_us;
    if (meets_wire_fault()) {
        resolver->fails = world_chance(2);
        resolver->ready_us += world_below(LONG_US);
    }
    end_of(wake->fd)->is_raised = true;
    *out = resolver;
    return OK;
}

WRAPPED(enum error_code, os_resolver_take,
        (struct os_resolver * resolver, struct os_addresses *addresses, struct error *error))
{
    if (world->now_us < resolver->ready_us)
        return ERR_AGAIN;
    if (resolver->fails)
        return error_set(error, ERR_RETRY, "simulated: the name has no address now");
    addresses->count = 1 + world_below(2);
    for (unsigned i = 0; i < addresses->count; i++)
        snprintf(addresses->items[i].text, sizeof addresses->items[i].text, "simulated:%u", i);
    return OK;
}

WRAPPED(void, os_resolver_drop, (struct os_resolver * resolver))
{
    free(resolver);
}

/* ---- sockets ---- */

WRAPPED(enum error_code, os_listen,
        (const struct os_endpoint *endpoint, int *fd, struct os_address *bound,
         struct error *error))
{
    (void)endpoint;
    (void)error;
    (void)new_end(END_LISTENER, fd);
    *bound = (struct os_address){.text = "simulated:1"};
    return OK;
}

WRAPPED(enum error_code, os_connect_start,
        (const struct os_address *address, int *fd, struct error *error))
{
    int server_fd;
    enum connect_fate fate = meets_wire_fault() ? (enum connect_fate)world_below(3) : CONNECT_WORKS;
    if (fate == CONNECT_FAILS && world_chance(2))
        return error_set(error, ERR_RETRY, "simulated: %s refuses at once", address->text);
    struct end *client = new_end(END_SOCKET, fd);
    client->fate = fate;
    client->is_accepted = client->is_client = true;
    client->connected_us = fate == CONNECT_HANGS ? INT64_MAX : travel_us();
    if (fate != CONNECT_WORKS)
        return OK;
    struct end *server = new_end(END_SOCKET, &server_fd);
    server->connected_us = INT64_MAX;
    server->peer = client;
    client->peer = server;
    return OK;
}

WRAPPED(enum error_code, os_connect_finish,
        (int fd, const struct os_address *address, struct error *error))
{
    return end_of(fd)->fate == CONNECT_WORKS
               ? OK
               : error_set(error, ERR_RETRY, "simulated: can't connect to %s", address->text);
}

WRAPPED(enum error_code, os_accept,
        (int listener, int *fd, struct os_address *peer, struct error *error))
{
    (void)listener;
    (void)error;
    struct end *server = waiting_client(fd);
    if (server == NULL)
        return ERR_AGAIN;
    server->is_accepted = true;
    server->connected_us = world->now_us;
    *peer = (struct os_address){.text = "simulated:client"};
    return OK;
}

/* What the wire does to the bytes that `end` sends now. */
static int64_t harm(struct end *end)
{
    int64_t at_us = travel_us();
    if (!meets_wire_fault())
        return at_us;
    switch (world_below(4)) {
    case 0: return at_us + (int64_t)world_below(LONG_US);
    case 1:
        end->swallows = true; /* and nobody is told */
        break;
    case 2:
        end->is_reset = true; /* what is on its way still arrives, then nothing */
        if (end->peer != NULL)
            put_segment(end->peer, at_us, 0);
        break;
    default:
        end->is_reset = true;
        if (end->peer != NULL)
            end->peer->is_reset = true;
    }
    return at_us;
}

static size_t piece(size_t size_bytes)
{
    size_t limit = 1 + world_below(world->life.chunk_bytes);
    return size_bytes < limit ? size_bytes : limit;
}

WRAPPED(enum error_code, os_send,
        (int fd, const void *data, size_t size_bytes, size_t *sent_bytes, struct error *error))
{
    struct end *end = end_of(fd);
    *sent_bytes = 0;
    if (!end->is_reset && !has_room(end))
        return ERR_AGAIN;
    int64_t at_us = end->is_reset ? 0 : harm(end);
    if (end->is_reset)
        return error_set(error, ERR_RETRY, "simulated: the connection broke");
    *sent_bytes = piece(size_bytes);
    if (end->peer == NULL || end->swallows)
        return OK;
    enum error_code code = buffer_append(&end->peer->in, data, *sent_bytes);
    assert(code == OK);
    put_segment(end->peer, at_us, *sent_bytes);
    return code;
}

WRAPPED(enum error_code, os_receive,
        (int fd, void *data, size_t capacity_bytes, size_t *received_bytes, struct error *error))
{
    struct end *end = end_of(fd);
    *received_bytes = 0;
    if (end->is_reset)
        return error_set(error, ERR_RETRY, "simulated: the connection broke");
    if (!has_arrived(end) || is_at_end(end))
        return has_arrived(end) ? OK : ERR_AGAIN;
    *received_bytes = arrived_bytes(end, piece(capacity_bytes));
    memcpy(data, end->in.data, *received_bytes);
    drop_arrived(end, *received_bytes);
    if (end->is_client)
        oracle_note_received();
    return OK;
}

WRAPPED(void, os_shutdown_write, (int fd))
{
    struct end *end = end_of(fd);
    if (end->peer != NULL && !end->swallows && !end->has_sent_end)
        put_segment(end->peer, travel_us(), 0);
    end->has_sent_end = true;
}

static void close_end(int *fd, bool with_reset)
{
    if (*fd < 0)
        return;
    struct end *end = end_of(*fd);
    if (end->peer != NULL) {
        if (with_reset)
            end->peer->is_reset = true;
        else
            __wrap_os_shutdown_write(*fd);
        end->peer->peer = NULL;
    }
    free_end(*fd);
    *fd = -1;
}

WRAPPED(void, os_close, (int *fd))
{
    close_end(fd, false);
}

WRAPPED(void, os_close_with_reset, (int *fd))
{
    close_end(fd, true);
}
