// SPDX-License-Identifier: Apache-2.0
#include "serve/stream_send.h"

/* So many bytes are queued at a time: some frames' worth. */
#define CHUNK_BYTES (32u * 1024u)

void stream_give_up(struct server_stream *stream)
{
    stream->is_finished = true;
    stream->connection->is_broken = true;
}

void stream_finish(struct server_stream *stream, enum grpc_code code, const char *words)
{
    if (grpc_server_finish(stream->call, code, words) != OK)
        stream_give_up(stream);
    stream->is_finished = true;
}

static void queue_bytes(struct server_stream *stream, struct bytes_view bytes)
{
    if (grpc_server_send_raw(stream->call, bytes) != OK)
        stream_give_up(stream);
}

void stream_emit(struct server_stream *stream, struct bytes_view bytes)
{
    if (stream->drip_bytes == 0)
        queue_bytes(stream, bytes);
    else if (buffer_append(&stream->drip, bytes.data, bytes.size_bytes) != OK)
        stream_give_up(stream);
}

struct bytes_view stream_rest(const struct server_stream *stream)
{
    return bytes_view_of(stream->ledger.data + stream->offset,
                         stream->ledger.size_bytes - stream->offset);
}

void stream_step_over(struct server_stream *stream)
{
    struct bytes_view rest = stream_rest(stream), message;
    if (!feed_next_message(&rest, &message))
        return;
    stream->offset = stream->ledger.size_bytes - rest.size_bytes;
    stream->event_count++;
    stream->byte_count += message.size_bytes;
    stream->at_ledger_start = false;
    stream->fault_cursor = 0;
    server_count(&stream->connection->server->counters.events_sent, 1);
}

void stream_send_event(struct server_stream *stream)
{
    struct bytes_view rest = stream_rest(stream), message;
    if (!feed_next_message(&rest, &message))
        return;
    stream_emit(stream, bytes_view_of(message.data - FEED_PREFIX_BYTES,
                                      message.size_bytes + FEED_PREFIX_BYTES));
    stream_step_over(stream);
}

void stream_send_chunk(struct server_stream *stream)
{
    struct bytes_view rest = stream_rest(stream), message;
    const uint8_t *start = rest.data;
    uint64_t events = 0;
    while ((size_t)(rest.data - start) < CHUNK_BYTES && feed_next_message(&rest, &message)) {
        stream->byte_count += message.size_bytes;
        events++;
    }
    queue_bytes(stream, bytes_view_of(start, (size_t)(rest.data - start)));
    stream->offset = stream->ledger.size_bytes - rest.size_bytes;
    stream->event_count += events;
    stream->at_ledger_start = false;
    server_count(&stream->connection->server->counters.events_sent, events);
}

void stream_send_drip(struct server_stream *stream)
{
    size_t left = stream->drip.size_bytes - stream->drip_offset;
    size_t now = left < stream->drip_bytes ? left : (size_t)stream->drip_bytes;
    queue_bytes(stream, bytes_view_of(stream->drip.data + stream->drip_offset, now));
    stream->drip_offset += now;
    if (stream->drip_offset == stream->drip.size_bytes) {
        buffer_reset(&stream->drip);
        stream->drip_offset = 0;
    }
    stream->wake_us = stream->connection->server->now_us + stream->drip_us;
}
