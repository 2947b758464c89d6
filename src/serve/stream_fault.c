// SPDX-License-Identifier: Apache-2.0
#include "serve/stream_fault.h"

#include "serve/fault_bytes.h"
#include "serve/stream_send.h"

/* RFC 9113 section 7. */
#define HTTP2_NO_ERROR       0u
#define HTTP2_INTERNAL_ERROR 2u

static bool is_left(const struct fault *fault)
{
    return fault->always || fault->count > 0;
}

static void count_fault(struct server *server, struct fault *fault)
{
    fault->fired++;
    if (!fault->always)
        fault->count--;
    server_count(&server->counters.faults_fired, 1);
}

bool server_fire_connect_fault(struct server *server, enum fault_kind kind)
{
    for (size_t i = 0; server->faults != NULL && i < server->faults->fault_count; i++) {
        struct fault *fault = &server->faults->faults[i];
        if (fault->kind == kind && is_left(fault)) {
            count_fault(server, fault);
            return true;
        }
    }
    return false;
}

/* Does the request begin at the fault's place? */
static bool concerns_request(const struct server_stream *stream, const struct fault *fault)
{
    if (fault->place != FAULT_PLACE_LEDGER)
        return true; /* it stands at the beginning (fault.c) */
    return fault->position == stream->wanted;
}

void stream_answer_fault(struct server_stream *stream)
{
    const struct fault *fault = stream->request_fault;
    stream->request_fault = NULL;
    enum error_code code;
    if (fault->kind == FAULT_STATUS_ONLY) {
        stream_finish(stream, (enum grpc_code)fault->number, fault->text);
        return;
    }
    if (fault->kind == FAULT_CONTENT_TYPE)
        code = grpc_server_answer_http(stream->call, 200, fault->text, "not a gRPC answer\n");
    else
        code = grpc_server_answer_http(stream->call, (int)fault->number, "text/plain",
                                       "not a gRPC answer\n");
    if (code != OK)
        stream_give_up(stream);
    stream->is_finished = true;
}

bool stream_fire_request_faults(struct server_stream *stream)
{
    struct server *server = stream->connection->server;
    for (size_t i = 0; i < server->faults->fault_count; i++) {
        struct fault *fault = &server->faults->faults[i];
        if (fault_table[fault->kind].scope != FAULT_AT_REQUEST || !is_left(fault) ||
            !concerns_request(stream, fault))
            continue;
        count_fault(server, fault);
        if (fault->kind == FAULT_LATE_HEADERS) {
            stream->late_headers = true;
            stream->first_event_us = server->now_us + fault->duration_us + fault->delay_us;
            continue;
        }
        stream->request_fault = fault;
        stream->wake_us = server->now_us + fault->delay_us;
        return true;
    }
    return false;
}

static struct bytes_view next_message(const struct server_stream *stream)
{
    struct bytes_view rest = stream_rest(stream), message = {0};
    (void)feed_next_message(&rest, &message);
    return message;
}

static bool is_due(const struct server_stream *stream, const struct fault *fault,
                   size_t message_bytes)
{
    if (fault_table[fault->kind].scope != FAULT_AT_EVENT || !is_left(fault))
        return false;
    switch (fault->place) {
    case FAULT_PLACE_LEDGER:
        return stream->at_ledger_start && fault->position >= stream->ledger_from &&
               fault->position <= stream->sequence;
    case FAULT_PLACE_EVENT: return fault->position == stream->event_count;
    case FAULT_PLACE_BYTE:
        return fault->position >= stream->byte_count &&
               fault->position - stream->byte_count < message_bytes;
    }
    return false;
}

/* Takes the last `count` of the events that are still to come of this ledger. */
static void cut_events(struct server_stream *stream, uint64_t count)
{
    struct bytes_view walk = stream_rest(stream), message;
    uint64_t total = 0;
    while (feed_next_message(&walk, &message))
        total++;
    walk = stream_rest(stream);
    for (uint64_t kept = 0; kept + count < total; kept++)
        (void)feed_next_message(&walk, &message);
    stream->ledger.size_bytes -= walk.size_bytes;
}

/* The whole ledger comes twice. */
static void repeat_ledger(struct server_stream *stream)
{
    size_t size_bytes = stream->ledger.size_bytes;
    if (buffer_reserve(&stream->ledger, size_bytes) != OK) {
        stream_give_up(stream);
        return;
    }
    buffer_append_unchecked(&stream->ledger, stream->ledger.data, size_bytes);
}

static void send_old_event(struct server_stream *stream, uint64_t ledger)
{
    uint32_t start = stream->request.start_ledger;
    if (start == 0)
        start = stream->connection->server->feed.first_ledger;
    struct buffer moved;
    buffer_init(&moved);
    enum error_code code = fault_bytes_moved_event(
        next_message(stream), ledger != 0 ? (uint32_t)ledger : start - 1, &moved);
    if (code == OK)
        stream_emit(stream, buffer_view(&moved));
    else if (code == ERR_NO_MEMORY)
        stream_give_up(stream);
    buffer_release(&moved);
}

/* Other bytes in place of the event; an event that is no protobuf itself goes as it is. */
static enum fault_outcome replace_event(struct server_stream *stream, const struct fault *fault)
{
    struct buffer spoiled;
    buffer_init(&spoiled);
    enum error_code code = fault_bytes_event(fault, next_message(stream), &spoiled);
    if (code == OK) {
        stream_emit(stream, buffer_view(&spoiled));
        stream_step_over(stream);
    } else if (code == ERR_NO_MEMORY) {
        stream_give_up(stream);
    }
    buffer_release(&spoiled);
    if (fault->kind == FAULT_HALF_MESSAGE) {
        stream->when_empty = fault;
        return FAULT_WAIT;
    }
    return code == ERR_CORRUPT ? FAULT_DONE : FAULT_REPLACED;
}

static void stall_window(struct server_stream *stream, const struct fault *fault)
{
    struct connection *connection = stream->connection;
    connection->filter.hold_window_updates = true;
    connection->let_go_us =
        fault->duration_us == 0 ? SERVER_NEVER : connection->server->now_us + fault->duration_us;
}

/* Skips the rest of the ledger and the ledgers after it, `count` in all. */
static void jump(struct server_stream *stream, uint64_t count)
{
    uint32_t most = UINT32_MAX - stream->sequence;
    stream->ledger.size_bytes = stream->offset;
    if (count > 0)
        stream->sequence += count - 1 < most ? (uint32_t)(count - 1) : most;
}

/* The first time the whole ledger comes, then a reset; the second time it has fewer events. */
static void shrink_ledger(struct server_stream *stream, struct fault *fault)
{
    if (fault->fired % 2 == 0) {
        cut_events(stream, fault->number);
        return;
    }
    if (!fault->always)
        fault->count++; /* both times count as one */
    stream->after_ledger = fault;
}

static enum fault_outcome act(struct server_stream *stream, struct fault *fault)
{
    struct server *server = stream->connection->server;
    if (fault_bytes_replace_event(fault->kind))
        return replace_event(stream, fault);
    switch (fault->kind) {
    case FAULT_STATUS: stream_finish(stream, (enum grpc_code)fault->number, fault->text); break;
    case FAULT_END_STREAM:
        if (grpc_server_finish_without_status(stream->call) != OK)
            stream_give_up(stream);
        stream->is_finished = true;
        break;
    case FAULT_OUTAGE:
        server->outage_until_us = server->now_us + fault->duration_us;
        stream_finish(stream, GRPC_INTERNAL, "the source is away (scripted outage)");
        break;
    case FAULT_SILENCE:
        stream->wake_us =
            fault->duration_us == 0 ? SERVER_NEVER : server->now_us + fault->duration_us;
        break;
    case FAULT_SLOW_DRIP:
        stream->drip_bytes = fault->number;
        stream->drip_us = fault->delay_us;
        return FAULT_DONE;
    case FAULT_WINDOW_STALL: stall_window(stream, fault); return FAULT_DONE;
    case FAULT_REPEAT_LEDGER: repeat_ledger(stream); return FAULT_DONE;
    case FAULT_OLD_LEDGER: send_old_event(stream, fault->number); return FAULT_DONE;
    case FAULT_EVENTS_AFTER_END: stream->extra_ledgers = (uint32_t)fault->number; return FAULT_DONE;
    case FAULT_SHRUNKEN_LEDGER: shrink_ledger(stream, fault); return FAULT_DONE;
    case FAULT_CUT_LEDGER: cut_events(stream, fault->number); return FAULT_DONE;
    case FAULT_JUMP: jump(stream, fault->number); return FAULT_DONE;
    case FAULT_SKIP_LEDGER: stream->ledger.size_bytes = stream->offset; return FAULT_DONE;
    default: stream->when_empty = fault; break;
    }
    return FAULT_WAIT;
}

enum fault_outcome stream_fire_faults(struct server_stream *stream)
{
    struct server *server = stream->connection->server;
    size_t message_bytes = next_message(stream).size_bytes;
    for (; stream->fault_cursor < server->faults->fault_count; stream->fault_cursor++) {
        struct fault *fault = &server->faults->faults[stream->fault_cursor];
        if (!is_due(stream, fault, message_bytes))
            continue;
        if (fault->delay_us > 0 && !stream->delay_is_over && fault->kind != FAULT_SLOW_DRIP) {
            stream->delay_is_over = true;
            stream->wake_us = server->now_us + fault->delay_us;
            return FAULT_WAIT;
        }
        stream->delay_is_over = false;
        count_fault(server, fault);
        size_t cursor = stream->fault_cursor;
        enum fault_outcome outcome = act(stream, fault);
        if (stream->offset == stream->ledger.size_bytes && outcome == FAULT_DONE)
            outcome = FAULT_REPLACED; /* nothing is left of the ledger */
        if (outcome == FAULT_WAIT)
            stream->fault_cursor = cursor + 1;
        if (outcome != FAULT_DONE)
            return outcome;
    }
    return FAULT_DONE;
}

static void start_flood(struct server_stream *stream, const struct fault *fault)
{
    struct connection *connection = stream->connection;
    connection->flood = fault->kind;
    connection->flood_frames = fault->number;
    connection->flood_is_first = true;
    connection->flood_stream = grpc_server_call_stream_id(stream->call);
    if (fault->kind == FAULT_PING_FLOOD)
        connection->filter.ping_acks += fault->number;
    else if (fault->kind == FAULT_SETTINGS_FLOOD)
        connection->filter.settings_acks += fault->number;
    else
        return; /* the two ends no longer agree about the stream: connection.c closes */
    if (grpc_server_resume(stream->call) != OK)
        stream_give_up(stream);
}

static void go_away(struct server_stream *stream, const struct fault *fault)
{
    struct connection *connection = stream->connection;
    struct http_server *http = grpc_server_http(connection->grpc);
    bool graceful = fault->kind == FAULT_GOAWAY_GRACEFUL;
    uint32_t http2_error = graceful ? HTTP2_NO_ERROR : (uint32_t)fault->number;
    if (http_server_goaway(http, http2_error, graceful, "scripted") != OK)
        stream_give_up(stream);
    if (!graceful) {
        connection->close_when_sent = true;
        return;
    }
    connection->close_us =
        fault->duration_us == 0 ? SERVER_NEVER : connection->server->now_us + fault->duration_us;
    if (grpc_server_resume(stream->call) != OK)
        stream_give_up(stream);
}

void stream_fire_when_empty(struct server_stream *stream)
{
    const struct fault *fault = stream->when_empty;
    struct connection *connection = stream->connection;
    stream->when_empty = NULL;
    switch (fault->kind) {
    case FAULT_RESET:
    case FAULT_SHRUNKEN_LEDGER:
        stream->is_finished = true;
        if (grpc_server_reset(stream->call, fault->kind == FAULT_RESET
                                                ? (uint32_t)fault->number
                                                : HTTP2_INTERNAL_ERROR) != OK)
            stream_give_up(stream);
        break;
    case FAULT_CLOSE:
    case FAULT_HALF_MESSAGE:
        stream->is_finished = true;
        connection->close_when_sent = true;
        break;
    case FAULT_ABORT: connection->abort = true; break;
    case FAULT_GOAWAY:
    case FAULT_GOAWAY_GRACEFUL: go_away(stream, fault); break;
    default: start_flood(stream, fault); break;
    }
}
