// SPDX-License-Identifier: Apache-2.0
#include "serve/fault_bytes.h"

#include <string.h>

#include "grpc/frame.h"
#include "pb/event.h"
#include "pb/wire.h"
#include "serve/feed.h"

/* TokenTransferEvent.meta; the members of its oneof are 2 to 6. */
#define META_TAG    WIRE_TAG(1, WIRE_BYTES)
#define EVENT_FIRST 2
#define EVENT_LAST  6
/* A field number that nobody uses here. */
#define UNKNOWN_FIELD 2047

/* RFC 9113 section 6. */
#define FRAME_HEADERS      1
#define FRAME_RST_STREAM   3
#define FRAME_SETTINGS     4
#define FRAME_PING         6
#define FRAME_CONTINUATION 9
#define FLAG_END_HEADERS   4

bool fault_bytes_replace_event(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_HALF_MESSAGE:
    case FAULT_WRONG_LENGTH:
    case FAULT_COMPRESSED:
    case FAULT_OVERSIZE:
    case FAULT_INVALID_PROTOBUF:
    case FAULT_DAMAGED_EVENT:
    case FAULT_UNKNOWN_EVENT_TYPE:
    case FAULT_UNKNOWN_FIELDS:
    case FAULT_MISSING_META: return true;
    default: return false;
    }
}

static enum error_code append_prefix(struct buffer *out, uint8_t flag, uint64_t size_bytes)
{
    uint8_t prefix[GRPC_PREFIX_BYTES];
    grpc_write_prefix(prefix, (uint32_t)(size_bytes > UINT32_MAX ? UINT32_MAX : size_bytes));
    prefix[0] = flag;
    return buffer_append(out, prefix, sizeof prefix);
}

static enum error_code append_varint(struct buffer *out, uint64_t value)
{
    uint8_t bytes[10];
    return buffer_append(out, bytes, (size_t)(wire_put_varint(bytes, value) - bytes));
}

/* Finds the field `tag` among the outermost ones: its whole bytes, tag included. */
static bool find_field(struct bytes_view message, uint32_t first_number, uint32_t last_number,
                       struct bytes_view *field, struct bytes_view *content)
{
    struct wire_reader reader = wire_reader_of(message);
    while (!wire_at_end(&reader)) {
        const uint8_t *start = reader.at;
        uint32_t tag;
        if (!wire_read_tag(&reader, &tag))
            return false;
        uint32_t number = tag >> 3;
        if (number < first_number || number > last_number || (tag & 7) != WIRE_BYTES) {
            if (!wire_skip(&reader, tag, 0))
                return false;
            continue;
        }
        if (!wire_read_bytes(&reader, content))
            return false;
        *field = bytes_view_of(start, (size_t)(reader.at - start));
        return true;
    }
    return false;
}

/* Copies the message with one of its fields left out; what stands in its place is `instead`. */
static enum error_code append_without(struct buffer *out, struct bytes_view message,
                                      struct bytes_view field, struct bytes_view instead)
{
    size_t before = (size_t)(field.data - message.data);
    size_t after = message.size_bytes - before - field.size_bytes;
    if (append_prefix(out, 0, before + instead.size_bytes + after) != OK ||
        buffer_append(out, message.data, before) != OK ||
        buffer_append(out, instead.data, instead.size_bytes) != OK)
        return ERR_NO_MEMORY;
    return buffer_append(out, field.data + field.size_bytes, after);
}

/* The member of the oneof gets another field number. */
static enum error_code append_unknown_type(struct buffer *out, struct bytes_view message,
                                           uint32_t number)
{
    struct bytes_view field, content;
    if (!find_field(message, EVENT_FIRST, EVENT_LAST, &field, &content))
        return ERR_CORRUPT;
    struct buffer other;
    buffer_init(&other);
    enum error_code code = ERR_NO_MEMORY;
    if (append_varint(&other, WIRE_TAG(number, WIRE_BYTES)) == OK &&
        append_varint(&other, content.size_bytes) == OK &&
        buffer_append(&other, content.data, content.size_bytes) == OK)
        code = append_without(out, message, field, buffer_view(&other));
    buffer_release(&other);
    return code;
}

static enum error_code append_missing_meta(struct buffer *out, struct bytes_view message)
{
    struct bytes_view field, content;
    if (!find_field(message, 1, 1, &field, &content))
        return ERR_CORRUPT;
    return append_without(out, message, field, bytes_view_of(NULL, 0));
}

/* The meta as it is, then the member of the oneof with a length that runs past the end. */
static enum error_code append_damaged(struct buffer *out, struct bytes_view message)
{
    struct bytes_view meta, content;
    if (!find_field(message, 1, 1, &meta, &content))
        return ERR_CORRUPT;
    static const uint8_t damage[] = {WIRE_TAG(2, WIRE_BYTES), 0x7f, 0x0a, 0x38, 'G'};
    if (append_prefix(out, 0, meta.size_bytes + sizeof damage) != OK ||
        buffer_append(out, meta.data, meta.size_bytes) != OK)
        return ERR_NO_MEMORY;
    return buffer_append(out, damage, sizeof damage);
}

/* One unknown field of each wire type, groups included. */
static enum error_code append_unknown_fields(struct buffer *out, struct bytes_view message)
{
    uint8_t extra[64];
    uint8_t *at = extra;
    at = wire_put_varint(at, WIRE_TAG(UNKNOWN_FIELD, WIRE_VARINT));
    at = wire_put_varint(at, UINT64_MAX);
    at = wire_put_varint(at, WIRE_TAG(UNKNOWN_FIELD, WIRE_FIXED64));
    memset(at, 0xa5, 8);
    at = wire_put_varint(at + 8, WIRE_TAG(UNKNOWN_FIELD, WIRE_FIXED32));
    memset(at, 0x5a, 4);
    at = wire_put_bytes(at + 4, WIRE_TAG(UNKNOWN_FIELD, WIRE_BYTES), bytes_view_text("unknown"));
    at = wire_put_varint(at, WIRE_TAG(UNKNOWN_FIELD, WIRE_GROUP));
    at = wire_put_varint(at, WIRE_TAG(1, WIRE_VARINT));
    at = wire_put_varint(at, 7);
    at = wire_put_varint(at, WIRE_TAG(UNKNOWN_FIELD, WIRE_GROUP_END));
    size_t extra_bytes = (size_t)(at - extra);
    if (append_prefix(out, 0, extra_bytes + message.size_bytes) != OK ||
        buffer_append(out, extra, extra_bytes) != OK)
        return ERR_NO_MEMORY;
    return buffer_append(out, message.data, message.size_bytes);
}

/* Pads by an unknown field, so that a client that takes the size gets the event. */
static enum error_code append_oversize(struct buffer *out, struct bytes_view message,
                                       uint64_t wanted_bytes)
{
    const size_t tag_bytes = wire_varint_size(WIRE_TAG(UNKNOWN_FIELD, WIRE_BYTES));
    uint64_t padding = 0;
    if (wanted_bytes > message.size_bytes + tag_bytes + 5)
        padding = wanted_bytes - message.size_bytes - tag_bytes - 5;
    /* The length takes five bytes, whatever it is: the overlong form is valid protobuf. */
    uint8_t length[5];
    for (unsigned i = 0; i < 5; i++)
        length[i] = (uint8_t)((padding >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0));
    if (append_prefix(out, 0, message.size_bytes + tag_bytes + 5 + padding) != OK ||
        buffer_append(out, message.data, message.size_bytes) != OK ||
        append_varint(out, WIRE_TAG(UNKNOWN_FIELD, WIRE_BYTES)) != OK ||
        buffer_append(out, length, sizeof length) != OK)
        return ERR_NO_MEMORY;
    return buffer_append_zeros(out, (size_t)padding);
}

static enum error_code append_with_prefix(struct buffer *out, uint8_t flag, uint64_t prefix_bytes,
                                          struct bytes_view message)
{
    if (append_prefix(out, flag, prefix_bytes) != OK)
        return ERR_NO_MEMORY;
    return buffer_append(out, message.data, message.size_bytes);
}

enum error_code fault_bytes_event(const struct fault *fault, struct bytes_view message,
                                  struct buffer *out)
{
    static const uint8_t no_protobuf[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    size_t size_bytes = message.size_bytes;
    switch (fault->kind) {
    case FAULT_HALF_MESSAGE:
        return append_with_prefix(out, 0, size_bytes, bytes_view_of(message.data, size_bytes / 2));
    case FAULT_WRONG_LENGTH: return append_with_prefix(out, 0, size_bytes + fault->number, message);
    case FAULT_COMPRESSED: return append_with_prefix(out, 1, size_bytes, message);
    case FAULT_OVERSIZE: return append_oversize(out, message, fault->number);
    case FAULT_INVALID_PROTOBUF:
        return append_with_prefix(out, 0, sizeof no_protobuf,
                                  bytes_view_of(no_protobuf, sizeof no_protobuf));
    case FAULT_DAMAGED_EVENT: return append_damaged(out, message);
    case FAULT_UNKNOWN_EVENT_TYPE:
        return append_unknown_type(out, message, (uint32_t)fault->number);
    case FAULT_UNKNOWN_FIELDS: return append_unknown_fields(out, message);
    case FAULT_MISSING_META: return append_missing_meta(out, message);
    default: return ERR_INVALID;
    }
}

enum error_code fault_bytes_moved_event(struct bytes_view message, uint32_t ledger_sequence,
                                        struct buffer *out)
{
    struct event_view event;
    if (event_decode(message, &event, NULL) != OK || !event.has_meta)
        return ERR_CORRUPT;
    event.ledger_sequence = ledger_sequence;
    struct buffer moved;
    buffer_init(&moved);
    enum error_code code = event_encode(&event, &moved);
    if (code == OK)
        code = feed_append_message(out, buffer_view(&moved));
    buffer_release(&moved);
    return code;
}

static enum error_code append_frame(struct buffer *out, uint8_t type, uint8_t flags,
                                    int32_t stream_id, struct bytes_view payload)
{
    uint32_t id = (uint32_t)stream_id;
    const uint8_t header[] = {0,
                              (uint8_t)(payload.size_bytes >> 8),
                              (uint8_t)payload.size_bytes,
                              type,
                              flags,
                              (uint8_t)(id >> 24),
                              (uint8_t)(id >> 16),
                              (uint8_t)(id >> 8),
                              (uint8_t)id};
    if (buffer_append(out, header, sizeof header) != OK)
        return ERR_NO_MEMORY;
    return buffer_append(out, payload.data, payload.size_bytes);
}

enum error_code fault_bytes_flood(enum fault_kind kind, int32_t stream_id, bool is_first,
                                  uint64_t *remaining, uint32_t frame_limit, struct buffer *out)
{
    /* HPACK (RFC 7541 section 6.2.2), literals without indexing: ":status: 103" (static name 8),
     * "x-flood: 0123456789abcdef". */
    static const uint8_t early_hints[] = {0x08, 3, '1', '0', '3'};
    static const uint8_t field[] = {0x00, 7,   'x', '-', 'f', 'l', 'o', 'o', 'd',
                                    16,   '0', '1', '2', '3', '4', '5', '6', '7',
                                    '8',  '9', 'a', 'b', 'c', 'd', 'e', 'f'};
    static const uint8_t zeros[8] = {0};
    struct bytes_view status = bytes_view_of(early_hints, sizeof early_hints);
    enum error_code code = OK;
    if (kind == FAULT_CONTINUATION_FLOOD && is_first)
        code = append_frame(out, FRAME_HEADERS, 0, stream_id, status);
    for (; code == OK && *remaining > 0 && frame_limit > 0; frame_limit--, (*remaining)--) {
        switch (kind) {
        case FAULT_HEADER_FLOOD:
            code = append_frame(out, FRAME_HEADERS, FLAG_END_HEADERS, stream_id, status);
            break;
        case FAULT_CONTINUATION_FLOOD:
            code = append_frame(out, FRAME_CONTINUATION, *remaining == 1 ? FLAG_END_HEADERS : 0,
                                stream_id, bytes_view_of(field, sizeof field));
            break;
        case FAULT_SETTINGS_FLOOD:
            code = append_frame(out, FRAME_SETTINGS, 0, 0, bytes_view_of(NULL, 0));
            break;
        case FAULT_PING_FLOOD:
            code = append_frame(out, FRAME_PING, 0, 0, bytes_view_of(zeros, 8));
            break;
        default:
            code = append_frame(out, FRAME_RST_STREAM, 0, stream_id, bytes_view_of(zeros, 4));
            break;
        }
    }
    return code;
}
