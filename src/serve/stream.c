// SPDX-License-Identifier: Apache-2.0
#include "serve/stream.h"

#include <inttypes.h>
#include <stdio.h>

#include "os/log.h"
#include "serve/fault_bytes.h"
#include "serve/stream_fault.h"
#include "serve/stream_send.h"
#include "util/memory.h"

enum error_code stream_new(struct server_stream **out, struct connection *connection,
                           struct grpc_server_call *call)
{
    struct server_stream *stream = *out = mem_alloc_zero(1, sizeof *stream);
    if (stream == NULL)
        return ERR_NO_MEMORY;
    stream->connection = connection;
    stream->call = call;
    buffer_init(&stream->ledger);
    buffer_init(&stream->drip);
    stream->next = connection->streams;
    connection->streams = stream;
    server_count(&connection->server->counters.requests, 1);
    server_count(&connection->server->counters.requests_open, 1);
    return OK;
}

void stream_free(struct server_stream *stream)
{
    struct server_stream **link = &stream->connection->streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    server_count(&stream->connection->server->counters.requests_open, (uint64_t)-1);
    buffer_release(&stream->ledger);
    buffer_release(&stream->drip);
    mem_free(stream);
}

void stream_begin(struct server_stream *stream, struct bytes_view message)
{
    struct server *server = stream->connection->server;
    struct error error = {0};
    stream->has_request = true;
    if (get_events_request_decode(message, &stream->request, &error) != OK) {
        stream_finish(stream, GRPC_INTERNAL, error.message);
        return;
    }
    log_event(LOG_DEBUG, "serve", "request", LOG_T("client", stream->connection->peer),
              LOG_U("start", stream->request.start_ledger),
              LOG_U("end", stream->request.end_ledger));
    uint32_t start = stream->request.start_ledger, end = stream->request.end_ledger;
    stream->wanted = start == 0 ? server->feed.first_ledger : start;
    if (server->now_us < server->outage_until_us)
        stream_finish(stream, GRPC_INTERNAL, "service temporarily unavailable (scripted outage)");
    else if (server->faults != NULL && stream_fire_request_faults(stream))
        return;
    else if (end != 0 && end < start)
        stream_finish(stream, GRPC_OK, "");
}

/* Is everything up to END sent, and does the feed reach that far? `found`: there is a ledger at or
 * above `wanted`, `sequence`. */
static bool range_is_done(const struct server_stream *stream, bool found, uint32_t sequence)
{
    const struct server *server = stream->connection->server;
    uint32_t end = stream->request.end_ledger;
    if (end == 0)
        return false;
    if (found)
        return sequence > end && (!server->live || sequence <= server->tip);
    return end <= server->feed.last_ledger;
}

/* For events-after-end, where the feed has no later ledger: the last one under a new number. */
static enum error_code load_invented(struct server_stream *stream, uint32_t sequence)
{
    const struct feed *feed = &stream->connection->server->feed;
    struct buffer last;
    buffer_init(&last);
    enum error_code code = feed->load(feed->context, feed->last_ledger, &last, NULL);
    struct bytes_view rest = buffer_view(&last), message;
    while (code == OK && feed_next_message(&rest, &message)) {
        code = fault_bytes_moved_event(message, sequence, &stream->ledger);
        if (code == ERR_CORRUPT)
            code = OK;
    }
    buffer_release(&last);
    return code;
}

static bool load_ledger(struct server_stream *stream, bool found, uint32_t sequence)
{
    struct server *server = stream->connection->server;
    struct error error = {0};
    buffer_reset(&stream->ledger);
    stream->offset = 0;
    stream->ledger_from = stream->wanted;
    stream->sequence = sequence;
    stream->at_ledger_start = true;
    stream->fault_cursor = 0;
    enum error_code code =
        found ? server->feed.load(server->feed.context, sequence, &stream->ledger, &error)
              : load_invented(stream, sequence);
    if (code != OK) {
        log_event(LOG_ERROR, "serve", error.message, LOG_U("ledger", sequence));
        stream_finish(stream, GRPC_INTERNAL, error.message);
        return false;
    }
    int64_t from = stream->next_ledger_us > 0 ? stream->next_ledger_us : server->now_us;
    stream->next_ledger_us = from + server->pace_us;
    return true;
}

/* Finds and loads the next ledger. False: nothing to send now, or the request is over. */
static bool next_ledger(struct server_stream *stream)
{
    struct server *server = stream->connection->server;
    uint32_t sequence = 0;
    bool found = stream->wanted <= UINT32_MAX &&
                 server->feed.find(server->feed.context, (uint32_t)stream->wanted, &sequence);
    bool is_extra = false;
    if (range_is_done(stream, found, sequence)) {
        if (stream->extra_ledgers == 0 || stream->wanted > UINT32_MAX) {
            stream_finish(stream, GRPC_OK, "");
            return false;
        }
        stream->extra_ledgers--;
        is_extra = true;
        if (!found)
            sequence = (uint32_t)stream->wanted;
    }
    if (!found && !is_extra)
        return false; /* open for ever */
    if (server->live && !is_extra && sequence > server->tip) {
        stream->waits_for_tip = true;
        return false;
    }
    if (!server->live && server->pace_us > 0 && server->now_us < stream->next_ledger_us) {
        stream->wake_us = stream->next_ledger_us;
        return false;
    }
    return load_ledger(stream, found, sequence);
}

/* The ledger is sent. False if nothing more is to be sent for now. */
static bool go_to_next_ledger(struct server_stream *stream)
{
    if (stream->sequence != 0)
        stream->wanted = (uint64_t)stream->sequence + 1;
    if (stream->after_ledger != NULL) {
        stream->when_empty = stream->after_ledger;
        stream->after_ledger = NULL;
        return false;
    }
    return next_ledger(stream);
}

/* One step; false: nothing more for now. */
static bool produce_step(struct server_stream *stream)
{
    const struct server *server = stream->connection->server;
    if (stream->drip_offset < stream->drip.size_bytes) {
        stream_send_drip(stream);
        return true;
    }
    if (stream->offset == stream->ledger.size_bytes)
        return go_to_next_ledger(stream);
    if (stream->event_count == 0 && server->now_us < stream->first_event_us) {
        stream->wake_us = stream->first_event_us;
        return false;
    }
    bool by_event = server->has_event_faults || stream->drip_bytes > 0;
    if (server->faults != NULL && (server->has_event_faults || stream->at_ledger_start)) {
        enum fault_outcome outcome = stream_fire_faults(stream);
        if (outcome != FAULT_DONE)
            return outcome == FAULT_REPLACED;
        by_event = by_event || stream->drip_bytes > 0;
    }
    if (by_event)
        stream_send_event(stream);
    else
        stream_send_chunk(stream);
    return true;
}

void stream_produce(struct server_stream *stream)
{
    const struct server *server = stream->connection->server;
    if (!stream->has_request || stream->is_finished)
        return;
    if (stream->request_fault != NULL && server->now_us >= stream->wake_us) {
        stream_answer_fault(stream);
        return;
    }
    while (!stream->is_finished && stream->when_empty == NULL && stream->request_fault == NULL &&
           server->now_us >= stream->wake_us && grpc_server_wants_more(stream->call)) {
        stream->waits_for_tip = false;
        if (!produce_step(stream))
            break;
    }
    if (!stream->is_finished && !stream->late_headers && stream->request_fault == NULL &&
        grpc_server_send_headers(stream->call) != OK)
        stream_give_up(stream);
}
