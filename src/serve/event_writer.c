// SPDX-License-Identifier: Apache-2.0
#include "serve/event_writer.h"

#include <assert.h>
#include <string.h>

#include "pb/wire.h"
#include "serve/feed.h"
#include "serve/random.h"

#define CONTRACT_BYTES 56u

void event_writer_begin(struct event_writer *writer, uint8_t *at, uint32_t ledger_sequence,
                        int64_t closed_at_seconds, uint32_t event_limit)
{
    *writer = (struct event_writer){.at = at, .event_limit = event_limit};
    uint64_t seconds = (uint64_t)closed_at_seconds;
    uint8_t *head = writer->head;
    head = wire_put_varint(head, WIRE_TAG(1, WIRE_VARINT));
    head = wire_put_varint(head, ledger_sequence);
    head = wire_put_varint(head, WIRE_TAG(2, WIRE_BYTES));
    if (seconds == 0) {
        head = wire_put_varint(head, 0);
    } else {
        head = wire_put_varint(head, 1 + wire_varint_size(seconds));
        head = wire_put_varint(head, WIRE_TAG(1, WIRE_VARINT));
        head = wire_put_varint(head, seconds);
    }
    writer->head_bytes = (uint8_t)(head - writer->head);
}

void event_writer_transaction(struct event_writer *writer, uint64_t hash_seed, uint32_t tx_index)
{
    static const char digits[] = "0123456789abcdef";
    writer->tx_index = tx_index;
    uint64_t state = hash_seed;
    for (unsigned word = 0; word < 4; word++) {
        uint64_t bits = random_next(&state);
        for (unsigned i = 0; i < 16; i++)
            writer->tx_hash[word * 16 + i] = digits[bits >> (60 - 4 * i) & 15];
    }
}

static uint8_t *put_text(uint8_t *at, unsigned field_number, const char *text, size_t size_bytes)
{
    *at++ = (uint8_t)WIRE_TAG(field_number, WIRE_BYTES);
    *at++ = (uint8_t)size_bytes; /* below 128: one byte */
    memcpy(at, text, size_bytes);
    return at + size_bytes;
}

static uint8_t *put_meta(uint8_t *at, const struct event_writer *writer,
                         const struct event_draft *draft)
{
    memcpy(at, writer->head, writer->head_bytes);
    at = put_text(at + writer->head_bytes, 3, writer->tx_hash, sizeof writer->tx_hash);
    *at++ = (uint8_t)WIRE_TAG(4, WIRE_VARINT);
    at = wire_put_varint(at, writer->tx_index);
    if (draft->operation_index != 0) {
        *at++ = (uint8_t)WIRE_TAG(5, WIRE_VARINT);
        at = wire_put_varint(at, draft->operation_index);
    }
    at = put_text(at, 6, draft->contract, CONTRACT_BYTES);
    if (draft->memo_bytes != 0)
        at = put_text(at, 7, (const char *)draft->memo, draft->memo_bytes);
    return at;
}

/* The member of the oneof: its fields in ascending order, as the type has them. */
static uint8_t *put_body(uint8_t *at, const struct event_draft *draft)
{
    unsigned field = 1;
    if (draft->type != EVENT_MINT)
        at = put_text(at, field++, draft->from.text, draft->from.size_bytes);
    if (draft->type == EVENT_TRANSFER || draft->type == EVENT_MINT)
        at = put_text(at, field++, draft->to.text, draft->to.size_bytes);
    if (draft->asset != NULL)
        at = put_text(at, field, (const char *)draft->asset->message, draft->asset->message_bytes);
    return put_text(at, field + 1, draft->amount, draft->amount_bytes);
}

/* A field whose content was written two bytes ahead, for a tag and a length of one byte: moves it
 * up by one if the length takes two. */
static uint8_t *close_field(uint8_t *start, uint8_t *end, unsigned field_number)
{
    size_t size_bytes = (size_t)(end - start) - 2;
    assert(size_bytes < 1u << 14);
    *start = (uint8_t)WIRE_TAG(field_number, WIRE_BYTES);
    if (size_bytes < 0x80) {
        start[1] = (uint8_t)size_bytes;
        return end;
    }
    memmove(start + 3, start + 2, size_bytes);
    start[1] = (uint8_t)(size_bytes | 0x80);
    start[2] = (uint8_t)(size_bytes >> 7);
    return end + 1;
}

/* As close_field for content that was written three bytes ahead: it nearly always needs them. */
static uint8_t *close_long_field(uint8_t *start, uint8_t *end, unsigned field_number)
{
    size_t size_bytes = (size_t)(end - start) - 3;
    assert(size_bytes < 1u << 14);
    *start = (uint8_t)WIRE_TAG(field_number, WIRE_BYTES);
    if (size_bytes >= 0x80) {
        start[1] = (uint8_t)(size_bytes | 0x80);
        start[2] = (uint8_t)(size_bytes >> 7);
        return end;
    }
    start[1] = (uint8_t)size_bytes;
    memmove(start + 2, start + 3, size_bytes);
    return end - 1;
}

void event_writer_add(struct event_writer *writer, const struct event_draft *draft)
{
    static const uint8_t numbers[EVENT_TYPE_COUNT] = {[EVENT_TRANSFER] = 2,
                                                      [EVENT_MINT] = 3,
                                                      [EVENT_BURN] = 4,
                                                      [EVENT_CLAWBACK] = 5,
                                                      [EVENT_FEE] = 6};
    if (writer->event_count == writer->event_limit)
        return;
    uint8_t *frame = writer->at;
    uint8_t *message = frame + FEED_PREFIX_BYTES;
    uint8_t *at = close_long_field(message, put_meta(message + 3, writer, draft), 1);
    uint8_t *body = at;
    if (draft->type == EVENT_TRANSFER && draft->asset != NULL)
        at = close_long_field(body, put_body(body + 3, draft), numbers[draft->type]);
    else
        at = close_field(body, put_body(body + 2, draft), numbers[draft->type]);
    uint32_t size_bytes = (uint32_t)(at - message);
    assert(size_bytes + FEED_PREFIX_BYTES <= EVENT_WRITER_MAX_BYTES);
    frame[0] = 0;
    frame[1] = (uint8_t)(size_bytes >> 24);
    frame[2] = (uint8_t)(size_bytes >> 16);
    frame[3] = (uint8_t)(size_bytes >> 8);
    frame[4] = (uint8_t)size_bytes;
    writer->at = at;
    writer->event_count++;
}

void event_draft_set_amount(struct event_draft *draft, uint64_t amount, bool is_negative)
{
    char digits[24];
    unsigned at = sizeof digits;
    do {
        digits[--at] = (char)('0' + amount % 10);
        amount /= 10;
    } while (amount != 0);
    if (is_negative)
        digits[--at] = '-';
    draft->amount_bytes = (uint8_t)(sizeof digits - at);
    memcpy(draft->amount, digits + at, draft->amount_bytes);
}

void event_draft_set_memo_text(struct event_draft *draft, struct bytes_view text)
{
    assert(text.size_bytes + 2 <= EVENT_MEMO_BYTES);
    uint8_t *end = wire_put_bytes(draft->memo, WIRE_TAG(1, WIRE_BYTES), text);
    draft->memo_bytes = (uint8_t)(end - draft->memo);
}

void event_draft_set_memo_id(struct event_draft *draft, uint64_t id)
{
    draft->memo[0] = (uint8_t)WIRE_TAG(2, WIRE_VARINT);
    draft->memo_bytes = (uint8_t)(wire_put_varint(draft->memo + 1, id) - draft->memo);
}

void event_draft_set_memo_hash(struct event_draft *draft, const uint8_t hash[32])
{
    uint8_t *end = wire_put_bytes(draft->memo, WIRE_TAG(3, WIRE_BYTES), bytes_view_of(hash, 32));
    draft->memo_bytes = (uint8_t)(end - draft->memo);
}
