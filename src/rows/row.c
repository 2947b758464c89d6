// SPDX-License-Identifier: Apache-2.0
#include "rows/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"
#include "util/text.h"

#define SECONDS_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define NANOS_MAX   999999999

#define DECIMAL_DIGITS_MAX 38
#define U64_TEXT_BYTES     21

bool row_parse_amount(struct bytes_view amount, __int128 *value)
{
    const uint8_t *at = amount.data;
    size_t left = amount.size_bytes;
    bool negative = left > 0 && *at == '-';
    if (negative) {
        at++;
        left--;
    }
    if (left == 0)
        return false;
    for (; left > 1 && *at == '0'; left--)
        at++;
    if (left > DECIMAL_DIGITS_MAX)
        return false;
    /* 19 digits always fit 64 bits: two halves, one wide multiplication. */
    uint64_t halves[2] = {0, 0};
    uint64_t scale = 1;
    for (size_t i = 0; i < left; i++) {
        unsigned digit = (unsigned)at[i] - '0';
        if (digit > 9)
            return false;
        if (i < 19) {
            halves[0] = halves[0] * 10 + digit;
        } else {
            halves[1] = halves[1] * 10 + digit;
            scale *= 10;
        }
    }
    __int128 magnitude = (__int128)halves[0] * scale + halves[1];
    *value = negative ? -magnitude : magnitude;
    return true;
}

#define REPEAT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight hexadecimal digits, first one in the lowest byte, as four bytes; *good is cleared if they
 * are not that. All eight at once: hashes are a fifth of an event. */
static uint32_t decode_digits(uint64_t digits, bool *good)
{
    uint64_t letter = digits >> 6 & REPEAT(1);
    uint64_t value = (digits & REPEAT(0x0f)) + letter * 9;
    uint64_t lower_case = digits | letter << 5;
    uint64_t encoded_again = value + REPEAT('0') + letter * ('a' - 10 - '0');
    /* Letters stand for 10 and more, digits for less. */
    uint64_t is_ten = (value + REPEAT(6)) >> 4 & REPEAT(1);
    *good &= encoded_again == lower_case && is_ten == letter && (value & REPEAT(0x10)) == 0;
    uint64_t pairs = (value << 4 | value >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    pairs = (pairs | pairs >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(pairs | pairs >> 16);
}

bool row_decode_hash(struct bytes_view text, uint8_t hash[32])
{
    if (text.size_bytes != 64)
        return false;
    bool good = true;
    for (size_t i = 0; i < 8; i++) {
        uint64_t digits;
        memcpy(&digits, text.data + 8 * i, sizeof digits);
        uint32_t bytes = decode_digits(digits, &good);
        memcpy(hash + 4 * i, &bytes, sizeof bytes);
    }
    return good;
}

static struct optional_text present(struct bytes_view text)
{
    return (struct optional_text){.present = true, .text = text};
}

static enum error_code refuse_text(struct error *error, const char *column)
{
    return error_set(error, ERR_INVALID, "%s is not UTF-8", column);
}

static enum error_code set_time(const struct event_view *event, struct row_view *row,
                                struct error *error)
{
    if (!event->has_closed_at)
        return error_set(error, ERR_INVALID, "the event has no closed_at");
    if (event->closed_at_seconds < SECONDS_MIN || event->closed_at_seconds > SECONDS_MAX ||
        event->closed_at_nanos < 0 || event->closed_at_nanos > NANOS_MAX)
        return error_set(error, ERR_INVALID,
                         "closed_at (%" PRId64 " s, %" PRId32 " ns) is out of range",
                         event->closed_at_seconds, event->closed_at_nanos);
    row->timestamp_us = event->closed_at_seconds * US_PER_SECOND + event->closed_at_nanos / 1000;
    return OK;
}

/* Where the event stands, and whose contract's it is. */
static void set_place(const struct event_view *event, struct row_view *row)
{
    row->ledger_sequence = event->ledger_sequence;
    row->transaction_index = event->transaction_index;
    row->has_operation_index = event->has_operation_index;
    row->operation_index = event->operation_index;
    if (event->contract_address.size_bytes != 0)
        row->contract_address = present(event->contract_address);
}

static enum error_code set_meta(const struct event_view *event, struct row_view *row,
                                struct error *error)
{
    if (!event->has_meta)
        return error_set(error, ERR_INVALID, "the event has no meta");
    if (set_time(event, row, error) != OK)
        return ERR_INVALID;
    if (!row_decode_hash(event->tx_hash, row->transaction_hash))
        return error_set(error, ERR_INVALID, "tx_hash is not 64 hexadecimal digits");
    if (!utf8_is_valid(event->contract_address))
        return refuse_text(error, "contract_address");
    set_place(event, row);
    return OK;
}

static enum error_code set_asset(const struct event_view *event, struct row_view *row,
                                 struct error *error)
{
    if (event->asset_kind == ASSET_NATIVE) {
        row->asset_code = present(bytes_view_of("XLM", 3));
    } else if (event->asset_kind == ASSET_ISSUED) {
        if (!utf8_is_valid(event->asset_code))
            return refuse_text(error, "asset_code");
        if (!utf8_is_valid(event->asset_issuer))
            return refuse_text(error, "asset_issuer");
        row->asset_code = present(event->asset_code);
        row->asset_issuer = present(event->asset_issuer);
    }
    return OK;
}

static enum error_code set_transfer(const struct event_view *event, struct row_view *row,
                                    struct error *error)
{
    if (event->type == EVENT_NONE)
        return error_set(error, ERR_INVALID,
                         "the event is of a type that this version does not know");
    row->type = event->type;
    if (!utf8_is_valid(event->from))
        return refuse_text(error, "from");
    if (!utf8_is_valid(event->to))
        return refuse_text(error, "to");
    if (!utf8_is_valid(event->amount))
        return refuse_text(error, "amount");
    if (event->type != EVENT_MINT)
        row->source_account = present(event->from);
    if (event->type == EVENT_TRANSFER || event->type == EVENT_MINT)
        row->dest_account = present(event->to);
    row->amount = event->amount;
    row->has_amount_decimal = row_parse_amount(event->amount, &row->amount_decimal);
    return set_asset(event, row, error);
}

/* A text of at most size_bytes that the row makes itself. */
static enum error_code scratch_room(struct row_scratch *scratch, size_t size_bytes,
                                    struct error *error)
{
    buffer_reset(&scratch->text);
    if (buffer_reserve(&scratch->text, size_bytes) != OK)
        return error_no_memory(error, "a memo");
    return OK;
}

static enum error_code set_memo(const struct event_view *event, struct row_scratch *scratch,
                                struct row_view *row, struct error *error)
{
    row->memo_kind = event->memo_kind;
    size_t memo_bytes = event->memo.size_bytes;
    switch (event->memo_kind) {
    case MEMO_NONE: return OK;
    case MEMO_TEXT:
        row->memo = present(event->memo);
        if (utf8_is_valid(event->memo))
            return OK;
        if (scratch_room(scratch, utf8_mended_size_max(memo_bytes), error) != OK)
            return ERR_NO_MEMORY;
        scratch->text.size_bytes = utf8_mend(event->memo, scratch->text.data);
        row->memo_replaced = true;
        break;
    case MEMO_ID:
        if (scratch_room(scratch, U64_TEXT_BYTES, error) != OK)
            return ERR_NO_MEMORY;
        scratch->text.size_bytes = (size_t)snprintf((char *)scratch->text.data, U64_TEXT_BYTES,
                                                    "%" PRIu64, event->memo_id);
        break;
    case MEMO_HASH:
        if (scratch_room(scratch, 2 * memo_bytes + 1, error) != OK)
            return ERR_NO_MEMORY;
        hex_encode(event->memo, (char *)scratch->text.data);
        scratch->text.size_bytes = 2 * memo_bytes;
        break;
    }
    row->memo = present(buffer_view(&scratch->text));
    return OK;
}

enum error_code row_from_event(const struct event_view *event, uint32_t event_index,
                               struct row_scratch *scratch, struct row_view *row,
                               struct error *error)
{
    *row = (struct row_view){.event_index = event_index};
    if (set_meta(event, row, error) != OK || set_transfer(event, row, error) != OK)
        return ERR_INVALID;
    return set_memo(event, scratch, row, error);
}

/* The columns that depend on the type, of texts that are not looked at yet; false if one that the
 * type has no use for is there. */
static bool collect_transfer(const struct event_view *event, struct row_view *row)
{
    bool has_source = event->type != EVENT_MINT;
    bool has_dest = event->type == EVENT_TRANSFER || event->type == EVENT_MINT;
    row->type = event->type;
    row->source_account = (struct optional_text){has_source, event->from};
    row->dest_account = (struct optional_text){has_dest, event->to};
    row->amount = event->amount;
    if (event->asset_kind == ASSET_NATIVE) {
        row->asset_code = present(bytes_view_of("XLM", 3));
    } else if (event->asset_kind == ASSET_ISSUED) {
        row->asset_code = present(event->asset_code);
        row->asset_issuer = present(event->asset_issuer);
    }
    return event->type != EVENT_NONE && (has_source || event->from.size_bytes == 0) &&
           (has_dest || event->to.size_bytes == 0);
}

bool row_collect(const struct event_view *event, uint32_t event_index, struct row_scratch *scratch,
                 struct row_view *row)
{
    *row = (struct row_view){.event_index = event_index};
    if (!event->has_meta || set_time(event, row, NULL) != OK || event->tx_hash.size_bytes != 64 ||
        !collect_transfer(event, row))
        return false;
    set_place(event, row);
    if (event->memo_kind == MEMO_NONE)
        return true;
    if (event->memo_kind != MEMO_TEXT)
        return set_memo(event, scratch, row, NULL) == OK;
    row->memo_kind = MEMO_TEXT;
    row->memo = present(event->memo);
    return true;
}

static bool copy_text(struct bytes_view *text, struct arena *arena)
{
    const char *copy = arena_copy_text(arena, *text);
    *text = bytes_view_of(copy, text->size_bytes);
    return copy != NULL;
}

enum error_code row_copy(const struct row_view *row, struct arena *arena, struct row_view *copy,
                         struct error *error)
{
    *copy = *row;
    struct optional_text *const texts[] = {&copy->source_account, &copy->dest_account,
                                           &copy->asset_code,     &copy->asset_issuer,
                                           &copy->memo,           &copy->contract_address};
    bool copied = copy_text(&copy->amount, arena);
    for (size_t i = 0; copied && i < sizeof texts / sizeof *texts; i++)
        copied = !texts[i]->present || copy_text(&texts[i]->text, arena);
    return copied ? OK : error_no_memory(error, "a row");
}

const char *memo_kind_name(enum memo_kind kind)
{
    static const char *const names[] = {
        [MEMO_NONE] = "", [MEMO_TEXT] = "text", [MEMO_ID] = "id", [MEMO_HASH] = "hash"};
    return names[kind];
}
