// SPDX-License-Identifier: Apache-2.0
#include "pb/straight.h"

#include <string.h>

#include "pb/wire.h"

/*
 * Each take_… reads the field `tag` if it stands at `at`, and returns what follows it. Where
 * another field stands there, or something it can't read, it returns `at`. So nothing need be asked
 * on the way: whoever is at the end of a message after its last field has read all of it, and who
 * is not has not.
 */

/* Longer numbers go the other way. */
#define NUMBER_BYTES_MAX 9

static inline const uint8_t *take_bytes(const uint8_t *at, const uint8_t *end, uint32_t tag,
                                        struct bytes_view *bytes)
{
    if (end - at < 2 || at[0] != tag)
        return at;
    size_t size = at[1];
    const uint8_t *data = at + 2;
    if (size >= 0x80) {
        if (data == end || *data >= 0x80)
            return at;
        size = (size & 0x7f) | (size_t)*data++ << 7;
    }
    if (size > (size_t)(end - data))
        return at;
    *bytes = bytes_view_of(data, size);
    return data + size;
}

static inline const uint8_t *take_number(const uint8_t *at, const uint8_t *end, uint32_t tag,
                                         uint64_t *number)
{
    if (end - at < 2 || at[0] != tag)
        return at;
    uint64_t value = at[1] & 0x7f;
    const uint8_t *byte = at + 1;
    for (unsigned shift = 7; *byte >= 0x80; shift += 7) {
        if (++byte == end || shift == 7 * NUMBER_BYTES_MAX)
            return at;
        value |= (uint64_t)(*byte & 0x7f) << shift;
    }
    *number = value;
    return byte + 1;
}

static inline uint64_t eight_bytes(const uint8_t *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Ledger and close time, with which meta begins; NULL if it does not. */
static const uint8_t *take_beginning(struct event_decoder *decoder, struct bytes_view meta)
{
    const uint8_t *end = meta.data + meta.size_bytes;
    struct bytes_view time = {0};
    uint64_t ledger = 0, seconds = 0, nanos = 0;
    const uint8_t *time_at = take_number(meta.data, end, WIRE_TAG(1, WIRE_VARINT), &ledger);
    const uint8_t *after = take_bytes(time_at, end, WIRE_TAG(2, WIRE_BYTES), &time);
    if (after == time_at)
        return NULL;
    const uint8_t *at = take_number(time.data, after, WIRE_TAG(1, WIRE_VARINT), &seconds);
    if (take_number(at, after, WIRE_TAG(2, WIRE_VARINT), &nanos) != after)
        return NULL;
    decoder->ledger_sequence = (uint32_t)ledger;
    decoder->closed_at_seconds = (int64_t)seconds;
    decoder->closed_at_nanos = (int32_t)(uint32_t)nanos;
    /* Two words that cover it tell whether it comes again. */
    size_t size = (size_t)(after - meta.data);
    decoder->size_bytes = size >= 8 && size <= 16 ? size : 0;
    if (decoder->size_bytes != 0) {
        decoder->first = eight_bytes(meta.data);
        decoder->last = eight_bytes(after - 8);
    }
    return after;
}

static inline bool is_known(const struct event_decoder *decoder, struct bytes_view meta)
{
    size_t size = decoder->size_bytes;
    return size != 0 && meta.size_bytes >= size && eight_bytes(meta.data) == decoder->first &&
           eight_bytes(meta.data + size - 8) == decoder->last;
}

static bool read_memo(struct bytes_view info, struct event_view *event)
{
    const uint8_t *end = info.data + info.size_bytes;
    if (info.size_bytes == 0)
        return false;
    switch (info.data[0]) {
    case WIRE_TAG(1, WIRE_BYTES): event->memo_kind = MEMO_TEXT; break;
    case WIRE_TAG(3, WIRE_BYTES): event->memo_kind = MEMO_HASH; break;
    default:
        event->memo_kind = MEMO_ID;
        return take_number(info.data, end, WIRE_TAG(2, WIRE_VARINT), &event->memo_id) == end;
    }
    return take_bytes(info.data, end, info.data[0], &event->memo) == end;
}

static inline bool read_meta(struct event_decoder *decoder, struct bytes_view meta,
                             struct event_view *event)
{
    const uint8_t *end = meta.data + meta.size_bytes, *at;
    if (is_known(decoder, meta))
        at = meta.data + decoder->size_bytes;
    else if ((at = take_beginning(decoder, meta)) == NULL)
        return false;
    event->ledger_sequence = decoder->ledger_sequence;
    event->closed_at_seconds = decoder->closed_at_seconds;
    event->closed_at_nanos = decoder->closed_at_nanos;
    event->has_meta = event->has_closed_at = true;

    uint64_t transaction = 0, operation = 0;
    struct bytes_view memo = {0};
    at = take_bytes(at, end, WIRE_TAG(3, WIRE_BYTES), &event->tx_hash);
    const uint8_t *operation_at = take_number(at, end, WIRE_TAG(4, WIRE_VARINT), &transaction);
    at = take_number(operation_at, end, WIRE_TAG(5, WIRE_VARINT), &operation);
    event->transaction_index = (uint32_t)transaction;
    event->operation_index = (uint32_t)operation;
    event->has_operation_index = at != operation_at;
    at = take_bytes(at, end, WIRE_TAG(6, WIRE_BYTES), &event->contract_address);
    if (at == end)
        return true;
    return take_bytes(at, end, WIRE_TAG(7, WIRE_BYTES), &memo) == end && read_memo(memo, event);
}

static inline bool read_asset(struct bytes_view asset, struct event_view *event)
{
    const uint8_t *end = asset.data + asset.size_bytes;
    uint64_t native = 0;
    struct bytes_view issued = {0};
    if (take_bytes(asset.data, end, WIRE_TAG(2, WIRE_BYTES), &issued) == end &&
        asset.size_bytes != 0) {
        event->asset_kind = ASSET_ISSUED;
        const uint8_t *at =
            take_bytes(issued.data, end, WIRE_TAG(1, WIRE_BYTES), &event->asset_code);
        return take_bytes(at, end, WIRE_TAG(2, WIRE_BYTES), &event->asset_issuer) == end;
    }
    event->asset_kind = ASSET_NATIVE;
    return asset.size_bytes != 0 &&
           take_number(asset.data, end, WIRE_TAG(1, WIRE_VARINT), &native) == end && native != 0;
}

/* The member of the oneof: accounts, asset and amount, numbered without a gap. */
static inline bool read_member(struct bytes_view member, struct event_view *event)
{
    const uint8_t *at = member.data, *end = member.data + member.size_bytes;
    struct bytes_view asset = {0};
    uint32_t tag = WIRE_TAG(1, WIRE_BYTES);
    if (event->type != EVENT_MINT) {
        at = take_bytes(at, end, tag, &event->from);
        tag += WIRE_TAG(1, 0);
    }
    if (event->type <= EVENT_MINT) {
        at = take_bytes(at, end, tag, &event->to);
        tag += WIRE_TAG(1, 0);
    }
    const uint8_t *after = take_bytes(at, end, tag, &asset);
    if (after != at && !read_asset(asset, event))
        return false;
    return take_bytes(after, end, tag + WIRE_TAG(1, 0), &event->amount) == end;
}

bool event_decode_straight(struct event_decoder *decoder, struct bytes_view message,
                           struct event_view *event)
{
    struct bytes_view meta = {0}, member = {0};
    if (message.size_bytes == 0) /* its data may be NULL */
        return false;
    const uint8_t *end = message.data + message.size_bytes;
    const uint8_t *at = take_bytes(message.data, end, WIRE_TAG(1, WIRE_BYTES), &meta);
    if (at == message.data || at == end)
        return false;
    uint32_t tag = *at;
    if (take_bytes(at, end, tag, &member) != end)
        return false;
    *event = (struct event_view){0};
    switch (tag) {
    case WIRE_TAG(2, WIRE_BYTES): event->type = EVENT_TRANSFER; break;
    case WIRE_TAG(3, WIRE_BYTES): event->type = EVENT_MINT; break;
    case WIRE_TAG(4, WIRE_BYTES): event->type = EVENT_BURN; break;
    case WIRE_TAG(5, WIRE_BYTES): event->type = EVENT_CLAWBACK; break;
    case WIRE_TAG(6, WIRE_BYTES): event->type = EVENT_FEE; break;
    default: return false;
    }
    return read_meta(decoder, meta, event) && read_member(member, event);
}

enum error_code event_decoder_next(struct event_decoder *decoder, struct bytes_view message,
                                   struct event_view *event, struct error *error)
{
    return event_decode_straight(decoder, message, event) ? OK
                                                          : event_decode(message, event, error);
}
