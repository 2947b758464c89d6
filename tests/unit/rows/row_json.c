// SPDX-License-Identifier: Apache-2.0
#include "row_json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void must(enum error_code code)
{
    if (code != OK)
        abort();
}

static void put_string(struct buffer *out, struct bytes_view text)
{
    must(buffer_append_byte(out, '"'));
    for (size_t i = 0; i < text.size_bytes; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\')
            must(buffer_append_format(out, "\\%c", byte));
        else if (byte < 0x20)
            must(buffer_append_format(out, "\\u%04x", byte));
        else
            must(buffer_append_byte(out, byte));
    }
    must(buffer_append_byte(out, '"'));
}

static void put_text(struct buffer *out, const char *key, const struct optional_text *text)
{
    must(buffer_append_format(out, ",\"%s\":", key));
    if (text->present)
        put_string(out, text->text);
    else
        must(buffer_append_text(out, "null"));
}

static struct optional_text always(const char *text)
{
    return (struct optional_text){text[0] != '\0', bytes_view_text(text)};
}

void row_json(const struct row_view *row, struct buffer *out)
{
    char hash[65];
    const struct optional_text type = always(event_type_name(row->type));
    const struct optional_text memo_type = always(memo_kind_name(row->memo_kind));
    const struct optional_text amount = {true, row->amount};
    hex_encode(bytes_view_of(row->transaction_hash, 32), hash);
    must(buffer_append_format(
        out,
        "{\"timestamp_us\":%" PRId64 ",\"ledger_sequence\":%" PRIu32 ",\"event_index\":%" PRIu32
        ",\"transaction_hash\":\"%s\",\"transaction_index\":%" PRIu32,
        row->timestamp_us, row->ledger_sequence, row->event_index, hash, row->transaction_index));
    if (row->has_operation_index)
        must(buffer_append_format(out, ",\"operation_index\":%" PRIu32, row->operation_index));
    else
        must(buffer_append_text(out, ",\"operation_index\":null"));
    put_text(out, "event_type", &type);
    put_text(out, "source_account", &row->source_account);
    put_text(out, "dest_account", &row->dest_account);
    put_text(out, "asset_code", &row->asset_code);
    put_text(out, "asset_issuer", &row->asset_issuer);
    put_text(out, "contract_address", &row->contract_address);
    put_text(out, "amount", &amount);
    put_text(out, "memo", &row->memo);
    put_text(out, "memo_type", &memo_type);
    must(buffer_append_byte(out, '}'));
}

static bool is_valid(const struct ArrowArray *column, int64_t at)
{
    const uint8_t *validity = column->buffers[0];
    return validity == NULL || (validity[at / 8] >> at % 8 & 1) != 0;
}

static struct optional_text text_at(const struct ArrowArray *column, int64_t at)
{
    if (!is_valid(column, at))
        return (struct optional_text){0};
    if (column->dictionary != NULL) {
        int32_t index = ((const int32_t *)column->buffers[1])[at];
        assert(index >= 0 && index < column->dictionary->length);
        return text_at(column->dictionary, index);
    }
    const int32_t *offsets = column->buffers[1];
    return (struct optional_text){true,
                                  bytes_view_of((const uint8_t *)column->buffers[2] + offsets[at],
                                                (size_t)(offsets[at + 1] - offsets[at]))};
}

/* A value of `width` bytes, dictionary-encoded or plain. */
static const uint8_t *fixed_at(const struct ArrowArray *column, int64_t at, size_t width)
{
    if (column->dictionary != NULL) {
        int32_t index = ((const int32_t *)column->buffers[1])[at];
        assert(index >= 0 && index < column->dictionary->length);
        return fixed_at(column->dictionary, index, width);
    }
    return (const uint8_t *)column->buffers[1] + width * (size_t)at;
}

static enum event_type type_of(struct bytes_view name)
{
    for (int type = EVENT_TRANSFER; type < EVENT_TYPE_COUNT; type++)
        if (bytes_equal(name, bytes_view_text(event_type_name((enum event_type)type))))
            return (enum event_type)type;
    abort();
}

static enum memo_kind memo_kind_of(const struct optional_text *name)
{
    for (int kind = MEMO_NONE; kind <= MEMO_HASH; kind++)
        if (bytes_equal(name->text, bytes_view_text(memo_kind_name((enum memo_kind)kind))))
            return (enum memo_kind)kind;
    abort();
}

void row_from_batch(const struct ArrowArray *batch, int64_t at, struct row_view *row)
{
    struct ArrowArray *const *columns = batch->children;
#define COLUMN(id) columns[(id)-1]
#define U32(id)    ((const uint32_t *)COLUMN(id)->buffers[1])[at]
    *row = (struct row_view){
        .timestamp_us = ((const int64_t *)COLUMN(COLUMN_TIMESTAMP)->buffers[1])[at],
        .ledger_sequence = U32(COLUMN_LEDGER_SEQUENCE),
        .type = type_of(text_at(COLUMN(COLUMN_EVENT_TYPE), at).text),
        .source_account = text_at(COLUMN(COLUMN_SOURCE_ACCOUNT), at),
        .dest_account = text_at(COLUMN(COLUMN_DEST_ACCOUNT), at),
        .asset_code = text_at(COLUMN(COLUMN_ASSET_CODE), at),
        .asset_issuer = text_at(COLUMN(COLUMN_ASSET_ISSUER), at),
        .amount = text_at(COLUMN(COLUMN_AMOUNT), at).text,
        .memo = text_at(COLUMN(COLUMN_MEMO), at),
    };
    memcpy(row->transaction_hash, fixed_at(COLUMN(COLUMN_TRANSACTION_HASH), at, 32), 32);
    if (batch->n_children < COLUMN_AMOUNT_DECIMAL)
        return;
    struct optional_text memo_type = text_at(COLUMN(COLUMN_MEMO_TYPE), at);
    row->memo_kind = memo_kind_of(&memo_type);
    row->transaction_index = U32(COLUMN_TRANSACTION_INDEX);
    row->has_operation_index = is_valid(COLUMN(COLUMN_OPERATION_INDEX), at);
    row->operation_index = row->has_operation_index ? U32(COLUMN_OPERATION_INDEX) : 0;
    row->contract_address = text_at(COLUMN(COLUMN_CONTRACT_ADDRESS), at);
    row->event_index = U32(COLUMN_EVENT_INDEX);
    row->has_amount_decimal = is_valid(COLUMN(COLUMN_AMOUNT_DECIMAL), at);
    if (row->has_amount_decimal)
        memcpy(&row->amount_decimal, fixed_at(COLUMN(COLUMN_AMOUNT_DECIMAL), at, 16), 16);
}
