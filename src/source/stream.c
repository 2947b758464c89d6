// SPDX-License-Identifier: Apache-2.0
#include "source/stream.h"

#include <string.h>

void stream_init(struct stream *stream, struct tracker *tracker,
                 const struct source_handler *handler, uint32_t max_message_bytes)
{
    *stream = (struct stream){.handler = handler, .tracker = tracker};
    grpc_reader_init(&stream->reader, max_message_bytes);
    buffer_init(&stream->held);
}

void stream_release(struct stream *stream)
{
    grpc_reader_release(&stream->reader);
    buffer_release(&stream->held);
}

void stream_forget(struct stream *stream)
{
    grpc_reader_reset(&stream->reader);
    buffer_reset(&stream->held);
    stream->held_offset = 0;
    stream->client = NULL;
    stream->is_throttled = false;
    stream->message_count = 0;
    stream->message_bytes = 0;
    stream->unconsumed_bytes = 0;
    stream->is_closed = false;
    stream->is_settled = false;
    stream->state = STREAM_FLOWING;
    stream->code = OK;
    error_clear(&stream->error);
}

enum error_code stream_start(struct stream *stream, struct http_client *client,
                             const struct grpc_request *request, struct error *error)
{
    stream_forget(stream);
    stream->client = client;
    return grpc_call_start(&stream->call, client, request, error);
}

bool stream_is_drained(const struct stream *stream)
{
    return !stream->is_throttled && stream->held.size_bytes == stream->held_offset;
}

/* The run is over: `code` with stream->error. */
static void break_off(struct stream *stream, enum error_code code)
{
    stream->state = STREAM_BROKEN;
    stream->code = code;
}

static void on_track(struct stream *stream, enum track track)
{
    if (track == TRACK_DONE)
        stream->state = STREAM_DONE;
    else if (track == TRACK_VIOLATION)
        stream->state = STREAM_VIOLATED;
}

/* The reader has no message: because it needs more bytes, or because of what it found. */
static void on_no_message(struct stream *stream, enum error_code code)
{
    if (code == ERR_NO_MEMORY)
        break_off(stream, code);
    else if (code != ERR_AGAIN)
        stream->state = STREAM_VIOLATED;
}

/* Delivers the messages of the chunk that the reader has, until it is used up, the handler has no
 * room, or the call is over. Returns the bytes that are left of it. */
static struct bytes_view deliver(struct stream *stream)
{
    struct grpc_reader *reader = &stream->reader;
    while (stream->state == STREAM_FLOWING && !stream->is_throttled) {
        struct bytes_view message;
        enum track track;
        enum error_code code = grpc_reader_next(reader, &message, &stream->error);
        if (code != OK) {
            on_no_message(stream, code);
            break;
        }
        code = tracker_take(stream->tracker, message, &track, &stream->error);
        if (code == ERR_AGAIN) {
            grpc_reader_unread(reader, message);
            stream->is_throttled = true;
            break;
        }
        if (code != OK) {
            break_off(stream, code);
            break;
        }
        stream->event_count++;
        if (track != TRACK_GO_ON)
            on_track(stream, track);
        stream->message_bytes += message.size_bytes;
        if (++stream->message_count >= STREAM_ROOM_EVERY ||
            stream->message_bytes >= STREAM_ROOM_EVERY_BYTES) {
            stream->message_count = 0;
            stream->message_bytes = 0;
            stream->is_throttled = !stream->handler->has_room(stream->handler->context);
        }
    }
    return grpc_reader_take_rest(reader);
}

enum error_code stream_on_headers(void *context, int32_t stream_id,
                                  const struct http_header_view *fields, size_t field_count,
                                  bool ends_stream, struct error *error)
{
    struct stream *stream = context;
    (void)error;
    if (stream_id == stream->call.stream_id)
        grpc_call_on_headers(&stream->call, fields, field_count, ends_stream);
    return OK;
}

enum error_code stream_on_data(void *context, int32_t stream_id, struct bytes_view data,
                               struct error *error)
{
    struct stream *stream = context;
    stream->data_count++;
    if (stream_id != stream->call.stream_id || stream->call.is_not_grpc ||
        (stream->state != STREAM_FLOWING)) {
        stream->unconsumed_bytes += data.size_bytes;
        return OK;
    }
    struct bytes_view rest = data;
    if (stream_is_drained(stream)) {
        grpc_reader_feed(&stream->reader, data);
        rest = deliver(stream);
        stream->unconsumed_bytes += data.size_bytes - rest.size_bytes;
        if (!stream->is_throttled) {
            stream->unconsumed_bytes += rest.size_bytes;
            return OK;
        }
    }
    if (buffer_append(&stream->held, rest.data, rest.size_bytes) != OK) {
        break_off(stream, error_no_memory(&stream->error, "events that wait"));
        return error_no_memory(error, "events that wait");
    }
    return OK;
}

enum error_code stream_on_close(void *context, int32_t stream_id, uint32_t http2_error,
                                bool peer_ended, struct error *error)
{
    struct stream *stream = context;
    (void)error;
    if (stream_id != stream->call.stream_id)
        return OK;
    stream->is_closed = true;
    stream->http2_error = http2_error;
    stream->peer_ended = peer_ended;
    return OK;
}

/* Delivers from what is held. */
static void deliver_held(struct stream *stream)
{
    struct bytes_view held = bytes_view_of(stream->held.data + stream->held_offset,
                                           stream->held.size_bytes - stream->held_offset);
    grpc_reader_feed(&stream->reader, held);
    struct bytes_view rest = deliver(stream);
    stream->unconsumed_bytes += held.size_bytes - rest.size_bytes;
    stream->held_offset += held.size_bytes - rest.size_bytes;
    if (rest.size_bytes == 0) {
        buffer_reset(&stream->held);
        stream->held_offset = 0;
    }
}

void stream_pump(struct stream *stream)
{
    if (stream->state == STREAM_FLOWING && !stream_is_drained(stream)) {
        stream->is_throttled = !stream->handler->has_room(stream->handler->context);
        if (!stream->is_throttled)
            deliver_held(stream);
    }
    if (stream->client == NULL || stream->unconsumed_bytes == 0)
        return;
    if (http_client_consume(stream->client, stream->call.stream_id, stream->unconsumed_bytes) != OK)
        break_off(stream, error_no_memory(&stream->error, "the HTTP/2 window"));
    stream->unconsumed_bytes = 0;
}

bool stream_settle(struct stream *stream)
{
    if (stream->state != STREAM_FLOWING || stream->is_settled)
        return true;
    if (!stream_is_drained(stream))
        return false;
    if (!stream->call.is_over)
        grpc_call_on_close(&stream->call, stream->http2_error, stream->peer_ended,
                           grpc_reader_is_inside(&stream->reader));
    if (stream->call.end == GRPC_END_STATUS && stream->call.code == GRPC_OK) {
        enum track track;
        enum error_code code = tracker_finish(stream->tracker, &track, &stream->error);
        if (code == ERR_AGAIN) {
            stream->is_throttled = true;
            return false;
        }
        if (code != OK)
            break_off(stream, code);
        else
            on_track(stream, track);
    }
    stream->is_settled = true;
    return true;
}
