// SPDX-License-Identifier: Apache-2.0
#include "pb/event.h"

#include "pb/wire.h"

/* Field numbers, as tags; the encoder writes fields in this order. */
enum {
    EVENT_META = WIRE_TAG(1, WIRE_BYTES),
    EVENT_MEMBER_TRANSFER = WIRE_TAG(2, WIRE_BYTES),
    EVENT_MEMBER_MINT = WIRE_TAG(3, WIRE_BYTES),
    EVENT_MEMBER_BURN = WIRE_TAG(4, WIRE_BYTES),
    EVENT_MEMBER_CLAWBACK = WIRE_TAG(5, WIRE_BYTES),
    EVENT_MEMBER_FEE = WIRE_TAG(6, WIRE_BYTES),

    META_LEDGER_SEQUENCE = WIRE_TAG(1, WIRE_VARINT),
    META_CLOSED_AT = WIRE_TAG(2, WIRE_BYTES),
    META_TX_HASH = WIRE_TAG(3, WIRE_BYTES),
    META_TRANSACTION_INDEX = WIRE_TAG(4, WIRE_VARINT),
    META_OPERATION_INDEX = WIRE_TAG(5, WIRE_VARINT),
    META_CONTRACT_ADDRESS = WIRE_TAG(6, WIRE_BYTES),
    META_TO_MUXED_INFO = WIRE_TAG(7, WIRE_BYTES),

    TIMESTAMP_SECONDS = WIRE_TAG(1, WIRE_VARINT),
    TIMESTAMP_NANOS = WIRE_TAG(2, WIRE_VARINT),

    MUXED_TEXT = WIRE_TAG(1, WIRE_BYTES),
    MUXED_ID = WIRE_TAG(2, WIRE_VARINT),
    MUXED_HASH = WIRE_TAG(3, WIRE_BYTES),

    ASSET_MEMBER_NATIVE = WIRE_TAG(1, WIRE_VARINT),
    ASSET_MEMBER_ISSUED = WIRE_TAG(2, WIRE_BYTES),
    ISSUED_CODE = WIRE_TAG(1, WIRE_BYTES),
    ISSUED_ISSUER = WIRE_TAG(2, WIRE_BYTES)
};

/* The members of the oneof: which field is where. 0: the member has no such field. */
struct member_layout {
    uint32_t member;
    uint32_t from, to, asset, amount;
};

static const struct member_layout layouts[EVENT_TYPE_COUNT] = {
    [EVENT_TRANSFER] = {EVENT_MEMBER_TRANSFER, WIRE_TAG(1, WIRE_BYTES), WIRE_TAG(2, WIRE_BYTES),
                        WIRE_TAG(3, WIRE_BYTES), WIRE_TAG(4, WIRE_BYTES)},
    [EVENT_MINT] = {EVENT_MEMBER_MINT, 0, WIRE_TAG(1, WIRE_BYTES), WIRE_TAG(2, WIRE_BYTES),
                    WIRE_TAG(3, WIRE_BYTES)},
    [EVENT_BURN] = {EVENT_MEMBER_BURN, WIRE_TAG(1, WIRE_BYTES), 0, WIRE_TAG(2, WIRE_BYTES),
                    WIRE_TAG(3, WIRE_BYTES)},
    [EVENT_CLAWBACK] = {EVENT_MEMBER_CLAWBACK, WIRE_TAG(1, WIRE_BYTES), 0, WIRE_TAG(2, WIRE_BYTES),
                        WIRE_TAG(3, WIRE_BYTES)},
    [EVENT_FEE] = {EVENT_MEMBER_FEE, WIRE_TAG(1, WIRE_BYTES), 0, WIRE_TAG(2, WIRE_BYTES),
                   WIRE_TAG(3, WIRE_BYTES)},
};

/* How deep a message lies, for the limit on unknown groups in it. */
enum { DEPTH_EVENT, DEPTH_MEMBER, DEPTH_INNER, DEPTH_ISSUED };

/*
 * One function per message. Each takes the reader of the bytes around it, standing at the length,
 * and reads the embedded message with a reader of its own; on damage the outer reader gets the
 * problem and its place.
 */
static inline bool enter(struct wire_reader *outer, struct wire_reader *inner)
{
    struct bytes_view bytes;
    if (!wire_read_bytes(outer, &bytes))
        return false;
    *inner = wire_reader_of(bytes);
    return true;
}

static bool damaged(struct wire_reader *outer, const struct wire_reader *inner)
{
    outer->at = inner->at;
    outer->problem = inner->problem;
    return false;
}

static bool read_uint32(struct wire_reader *reader, uint32_t *value)
{
    uint64_t wide;
    if (!wire_read_varint(reader, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

static bool read_timestamp_field(struct wire_reader *reader, uint32_t tag, struct event_view *event)
{
    uint64_t value;
    switch (tag) {
    case TIMESTAMP_SECONDS:
        if (!wire_read_varint(reader, &value))
            return false;
        event->closed_at_seconds = (int64_t)value;
        return true;
    case TIMESTAMP_NANOS:
        if (!wire_read_varint(reader, &value))
            return false;
        event->closed_at_nanos = (int32_t)(uint32_t)value;
        return true;
    default: return wire_skip(reader, tag, DEPTH_INNER);
    }
}

static bool read_memo_field(struct wire_reader *reader, uint32_t tag, struct event_view *event)
{
    switch (tag) {
    case MUXED_TEXT: event->memo_kind = MEMO_TEXT; return wire_read_bytes(reader, &event->memo);
    case MUXED_ID:
        event->memo_kind = MEMO_ID;
        event->memo = bytes_view_of(NULL, 0);
        return wire_read_varint(reader, &event->memo_id);
    case MUXED_HASH: event->memo_kind = MEMO_HASH; return wire_read_bytes(reader, &event->memo);
    default: return wire_skip(reader, tag, DEPTH_INNER);
    }
}

static bool read_issued_field(struct wire_reader *reader, uint32_t tag, struct event_view *event)
{
    switch (tag) {
    case ISSUED_CODE: return wire_read_bytes(reader, &event->asset_code);
    case ISSUED_ISSUER: return wire_read_bytes(reader, &event->asset_issuer);
    default: return wire_skip(reader, tag, DEPTH_ISSUED);
    }
}

typedef bool read_field(struct wire_reader *reader, uint32_t tag, struct event_view *event);

/* Inlined with its read_field: one loop per message type. */
static inline __attribute__((always_inline)) bool
read_message(struct wire_reader *outer, struct event_view *event, read_field *field)
{
    struct wire_reader reader;
    if (!enter(outer, &reader))
        return false;
    while (!wire_at_end(&reader)) {
        uint32_t tag;
        if (!wire_read_tag(&reader, &tag) || !field(&reader, tag, event))
            return damaged(outer, &reader);
    }
    return true;
}

static void clear_issued(struct event_view *event)
{
    event->asset_code = bytes_view_of(NULL, 0);
    event->asset_issuer = bytes_view_of(NULL, 0);
}

static bool read_asset_field(struct wire_reader *reader, uint32_t tag, struct event_view *event)
{
    uint64_t native;
    switch (tag) {
    case ASSET_MEMBER_NATIVE:
        if (!wire_read_varint(reader, &native))
            return false;
        event->asset_kind = native != 0 ? ASSET_NATIVE : ASSET_NONE;
        clear_issued(event);
        return true;
    case ASSET_MEMBER_ISSUED:
        event->asset_kind = ASSET_ISSUED;
        return read_message(reader, event, read_issued_field);
    default: return wire_skip(reader, tag, DEPTH_INNER);
    }
}

static bool read_meta_field(struct wire_reader *reader, uint32_t tag, struct event_view *event)
{
    switch (tag) {
    case META_LEDGER_SEQUENCE: return read_uint32(reader, &event->ledger_sequence);
    case META_CLOSED_AT:
        event->has_closed_at = true;
        return read_message(reader, event, read_timestamp_field);
    case META_TX_HASH: return wire_read_bytes(reader, &event->tx_hash);
    case META_TRANSACTION_INDEX: return read_uint32(reader, &event->transaction_index);
    case META_OPERATION_INDEX:
        event->has_operation_index = true;
        return read_uint32(reader, &event->operation_index);
    case META_CONTRACT_ADDRESS: return wire_read_bytes(reader, &event->contract_address);
    case META_TO_MUXED_INFO: return read_message(reader, event, read_memo_field);
    default: return wire_skip(reader, tag, DEPTH_MEMBER);
    }
}

/* A member of the oneof replaces another one; the same one again is merged into it. */
static bool read_member(struct wire_reader *outer, enum event_type type, struct event_view *event)
{
    const struct member_layout *layout = &layouts[type];
    struct wire_reader reader;
    if (event->type != type) {
        event->type = type;
        event->from = event->to = event->amount = bytes_view_of(NULL, 0);
        event->asset_kind = ASSET_NONE;
        clear_issued(event);
    }
    if (!enter(outer, &reader))
        return false;
    while (!wire_at_end(&reader)) {
        uint32_t tag;
        bool good = wire_read_tag(&reader, &tag);
        if (good && tag == layout->from)
            good = wire_read_bytes(&reader, &event->from);
        else if (good && tag == layout->to)
            good = wire_read_bytes(&reader, &event->to);
        else if (good && tag == layout->asset)
            good = read_message(&reader, event, read_asset_field);
        else if (good && tag == layout->amount)
            good = wire_read_bytes(&reader, &event->amount);
        else if (good)
            good = wire_skip(&reader, tag, DEPTH_MEMBER);
        if (!good)
            return damaged(outer, &reader);
    }
    return true;
}

static bool read_event_field(struct wire_reader *reader, uint32_t tag, struct event_view *event)
{
    switch (tag) {
    case EVENT_META: event->has_meta = true; return read_message(reader, event, read_meta_field);
    case EVENT_MEMBER_TRANSFER: return read_member(reader, EVENT_TRANSFER, event);
    case EVENT_MEMBER_MINT: return read_member(reader, EVENT_MINT, event);
    case EVENT_MEMBER_BURN: return read_member(reader, EVENT_BURN, event);
    case EVENT_MEMBER_CLAWBACK: return read_member(reader, EVENT_CLAWBACK, event);
    case EVENT_MEMBER_FEE: return read_member(reader, EVENT_FEE, event);
    default: return wire_skip(reader, tag, DEPTH_EVENT);
    }
}

enum error_code event_decode(struct bytes_view message, struct event_view *event,
                             struct error *error)
{
    *event = (struct event_view){0};
    struct wire_reader reader = wire_reader_of(message);
    while (!wire_at_end(&reader)) {
        uint32_t tag;
        if (!wire_read_tag(&reader, &tag) || !read_event_field(&reader, tag, event))
            return error_set(error, ERR_CORRUPT, "not a TokenTransferEvent: %s at byte %zu of %zu",
                             reader.problem, (size_t)(reader.at - message.data),
                             message.size_bytes);
    }
    return OK;
}

/* Notes each ledger_sequence in the EventMeta; false at damage. */
static bool peek_meta(struct wire_reader *reader, uint32_t *ledger_sequence, bool *found)
{
    while (!wire_at_end(reader)) {
        uint32_t tag;
        if (!wire_read_tag(reader, &tag))
            return false;
        if (tag != META_LEDGER_SEQUENCE) {
            if (!wire_skip(reader, tag, DEPTH_MEMBER))
                return false;
            continue;
        }
        if (!read_uint32(reader, ledger_sequence))
            return false;
        *found = true;
    }
    return true;
}

bool event_peek_ledger(struct bytes_view message, uint32_t *ledger_sequence)
{
    struct wire_reader reader = wire_reader_of(message);
    bool found = false;
    uint32_t tag;
    while (!wire_at_end(&reader) && wire_read_tag(&reader, &tag)) {
        if (tag != EVENT_META) {
            if (!wire_skip(&reader, tag, DEPTH_EVENT))
                break;
            continue;
        }
        uint64_t size;
        if (!wire_read_varint(&reader, &size))
            break;
        size_t left = (size_t)(reader.end - reader.at);
        struct wire_reader meta =
            wire_reader_of(bytes_view_of(reader.at, size < left ? size : left));
        if (!peek_meta(&meta, ledger_sequence, &found) || size > left)
            break;
        reader.at += size;
    }
    return found;
}

/* Sizes of the embedded messages of one event, inner ones first: a length stands before its bytes.
 */
struct event_sizes {
    size_t timestamp, memo, meta, issued, asset, member, event;
};

/* Scalars with their default value are not written (proto3). */
static size_t text_field_size(struct bytes_view text)
{
    return text.size_bytes == 0 ? 0 : wire_bytes_size(text.size_bytes);
}

static size_t number_field_size(uint64_t value)
{
    return value == 0 ? 0 : 1 + wire_varint_size(value);
}

/* protobuf writes an int32 as the varint of its 64-bit sign extension. */
static uint64_t nanos_bits(const struct event_view *event)
{
    return (uint64_t)(int64_t)event->closed_at_nanos;
}

static size_t meta_size(const struct event_view *event, struct event_sizes *sizes)
{
    sizes->timestamp = number_field_size((uint64_t)event->closed_at_seconds) +
                       number_field_size(nanos_bits(event));
    if (event->memo_kind == MEMO_ID)
        sizes->memo = 1 + wire_varint_size(event->memo_id);
    else if (event->memo_kind != MEMO_NONE)
        sizes->memo = wire_bytes_size(event->memo.size_bytes);
    return number_field_size(event->ledger_sequence) +
           (event->has_closed_at ? wire_bytes_size(sizes->timestamp) : 0) +
           text_field_size(event->tx_hash) + number_field_size(event->transaction_index) +
           (event->has_operation_index ? 1 + wire_varint_size(event->operation_index) : 0) +
           text_field_size(event->contract_address) +
           (event->memo_kind != MEMO_NONE ? wire_bytes_size(sizes->memo) : 0);
}

static struct event_sizes measure(const struct event_view *event)
{
    struct event_sizes sizes = {0};
    sizes.meta = meta_size(event, &sizes);
    sizes.issued = text_field_size(event->asset_code) + text_field_size(event->asset_issuer);
    if (event->asset_kind == ASSET_NATIVE)
        sizes.asset = 2;
    else if (event->asset_kind == ASSET_ISSUED)
        sizes.asset = wire_bytes_size(sizes.issued);
    const struct member_layout *layout = &layouts[event->type];
    sizes.member = (layout->from != 0 ? text_field_size(event->from) : 0) +
                   (layout->to != 0 ? text_field_size(event->to) : 0) +
                   (event->asset_kind != ASSET_NONE ? wire_bytes_size(sizes.asset) : 0) +
                   text_field_size(event->amount);
    sizes.event = (event->has_meta ? wire_bytes_size(sizes.meta) : 0) +
                  (event->type != EVENT_NONE ? wire_bytes_size(sizes.member) : 0);
    return sizes;
}

static uint8_t *put_text(uint8_t *at, uint32_t tag, struct bytes_view text)
{
    return text.size_bytes == 0 ? at : wire_put_bytes(at, tag, text);
}

static uint8_t *put_number(uint8_t *at, uint32_t tag, uint64_t value)
{
    return value == 0 ? at : wire_put_varint(wire_put_varint(at, tag), value);
}

/* The tag and length in front of an embedded message. */
static uint8_t *put_prefix(uint8_t *at, uint32_t tag, size_t size_bytes)
{
    return wire_put_varint(wire_put_varint(at, tag), size_bytes);
}

static uint8_t *put_memo(uint8_t *at, const struct event_view *event, size_t size_bytes)
{
    at = put_prefix(at, META_TO_MUXED_INFO, size_bytes);
    if (event->memo_kind == MEMO_ID)
        return wire_put_varint(wire_put_varint(at, MUXED_ID), event->memo_id);
    return wire_put_bytes(at, event->memo_kind == MEMO_TEXT ? MUXED_TEXT : MUXED_HASH, event->memo);
}

static uint8_t *put_meta(uint8_t *at, const struct event_view *event,
                         const struct event_sizes *sizes)
{
    at = put_prefix(at, EVENT_META, sizes->meta);
    at = put_number(at, META_LEDGER_SEQUENCE, event->ledger_sequence);
    if (event->has_closed_at) {
        at = put_prefix(at, META_CLOSED_AT, sizes->timestamp);
        at = put_number(at, TIMESTAMP_SECONDS, (uint64_t)event->closed_at_seconds);
        at = put_number(at, TIMESTAMP_NANOS, nanos_bits(event));
    }
    at = put_text(at, META_TX_HASH, event->tx_hash);
    at = put_number(at, META_TRANSACTION_INDEX, event->transaction_index);
    if (event->has_operation_index)
        at = wire_put_varint(wire_put_varint(at, META_OPERATION_INDEX), event->operation_index);
    at = put_text(at, META_CONTRACT_ADDRESS, event->contract_address);
    return event->memo_kind != MEMO_NONE ? put_memo(at, event, sizes->memo) : at;
}

static uint8_t *put_member(uint8_t *at, const struct event_view *event,
                           const struct event_sizes *sizes)
{
    const struct member_layout *layout = &layouts[event->type];
    at = put_prefix(at, layout->member, sizes->member);
    if (layout->from != 0)
        at = put_text(at, layout->from, event->from);
    if (layout->to != 0)
        at = put_text(at, layout->to, event->to);
    if (event->asset_kind != ASSET_NONE)
        at = put_prefix(at, layout->asset, sizes->asset);
    if (event->asset_kind == ASSET_NATIVE) {
        at = put_number(at, ASSET_MEMBER_NATIVE, 1);
    } else if (event->asset_kind == ASSET_ISSUED) {
        at = put_prefix(at, ASSET_MEMBER_ISSUED, sizes->issued);
        at = put_text(at, ISSUED_CODE, event->asset_code);
        at = put_text(at, ISSUED_ISSUER, event->asset_issuer);
    }
    return put_text(at, layout->amount, event->amount);
}

enum error_code event_encode(const struct event_view *event, struct buffer *out)
{
    struct event_sizes sizes = measure(event);
    if (sizes.event == 0)
        return OK;
    if (buffer_reserve(out, sizes.event) != OK)
        return ERR_NO_MEMORY;
    uint8_t *start = out->data + out->size_bytes;
    uint8_t *at = start;
    if (event->has_meta)
        at = put_meta(at, event, &sizes);
    if (event->type != EVENT_NONE)
        at = put_member(at, event, &sizes);
    assert((size_t)(at - start) == sizes.event);
    out->size_bytes += sizes.event;
    return OK;
}

const char *event_type_name(enum event_type type)
{
    static const char *const names[EVENT_TYPE_COUNT] = {
        [EVENT_NONE] = "",     [EVENT_TRANSFER] = "transfer", [EVENT_MINT] = "mint",
        [EVENT_BURN] = "burn", [EVENT_CLAWBACK] = "clawback", [EVENT_FEE] = "fee",
    };
    return names[type];
}
