// SPDX-License-Identifier: Apache-2.0
#include "lake/stored_rows.h"

#include <string.h>

/* The part of a row group that is wanted. */
struct row_window {
    int64_t first_row;
    size_t row_count;
};

typedef enum error_code value_setter(void *context, size_t row, struct bytes_view value,
                                     struct error *error);

/* Calls `set` for each value of the column that is not NULL and lies in the window; rows count from
 * its start. */
static enum error_code each_value(const struct parquet_source *source,
                                  const struct parquet_file_metadata *metadata, size_t row_group,
                                  size_t column, const struct row_window *window, value_setter *set,
                                  void *context, struct error *error)
{
    struct parquet_column_reader *reader = parquet_column_reader_new(error);
    if (reader == NULL)
        return ERR_NO_MEMORY;
    struct parquet_page_values page;
    int64_t end = window->first_row + (int64_t)window->row_count;
    enum error_code code =
        parquet_column_reader_open(reader, source, metadata, row_group, column, error);
    while (code == OK && (code = parquet_column_reader_next(reader, &page, error)) == OK) {
        uint32_t value = 0;
        if (page.first_row >= end)
            break;
        for (uint32_t i = 0; code == OK && i < page.row_count; i++) {
            int64_t row = page.first_row + i;
            if (page.validity != NULL && page.validity[i] == 0)
                continue;
            if (row >= window->first_row && row < end)
                code = set(context, (size_t)(row - window->first_row),
                           parquet_page_value(&page, value), error);
            value++;
        }
    }
    parquet_column_reader_free(reader);
    return code == ERR_NOT_FOUND ? OK : code;
}

struct fixed_target {
    uint8_t *out;
    uint32_t width_bytes;
    size_t count;
};

static enum error_code set_fixed(void *context, size_t row, struct bytes_view value,
                                 struct error *error)
{
    struct fixed_target *target = context;
    if (value.size_bytes != target->width_bytes)
        return error_set(error, ERR_CORRUPT, "a value has %zu bytes, not %u", value.size_bytes,
                         target->width_bytes);
    memcpy(target->out + row * target->width_bytes, value.data, target->width_bytes);
    target->count++;
    return OK;
}

enum error_code stored_column_load(const struct parquet_source *source,
                                   const struct parquet_file_metadata *metadata, size_t row_group,
                                   const char *column, uint32_t width_bytes, void *out,
                                   struct error *error)
{
    struct fixed_target target = {.out = out, .width_bytes = width_bytes};
    struct row_window window = {0, (size_t)metadata->row_groups[row_group].row_count};
    int index = parquet_metadata_column(metadata, column);
    if (index < 0)
        return error_set(error, ERR_CORRUPT, "%s has no column %s", source->name, column);
    enum error_code code =
        each_value(source, metadata, row_group, (size_t)index, &window, set_fixed, &target, error);
    if (code == OK && target.count != window.row_count)
        code = error_set(error, ERR_CORRUPT, "%s: column %s has NULLs", source->name, column);
    return code;
}

struct rows_target {
    enum row_column_id id;
    struct arena *arena;
    struct row_view *rows;
};

static enum event_type parse_event_type(struct bytes_view name)
{
    for (int type = 0; type < EVENT_TYPE_COUNT; type++)
        if (bytes_equal(name, bytes_view_text(event_type_name((enum event_type)type))))
            return (enum event_type)type;
    return EVENT_NONE;
}

static enum memo_kind parse_memo_kind(struct bytes_view name)
{
    static const enum memo_kind kinds[] = {MEMO_TEXT, MEMO_ID, MEMO_HASH};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (bytes_equal(name, bytes_view_text(memo_kind_name(kinds[i]))))
            return kinds[i];
    return MEMO_NONE;
}

static uint64_t read_number(struct bytes_view value)
{
    uint64_t number = 0;
    memcpy(&number, value.data, value.size_bytes < 8 ? value.size_bytes : 8);
    return number; /* Parquet's PLAIN is little-endian, as every machine we build for is */
}

static __int128 read_decimal(struct bytes_view value)
{
    unsigned __int128 bits =
        value.size_bytes > 0 && value.data[0] >= 0x80 ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < value.size_bytes; i++)
        bits = bits << 8 | value.data[i];
    return (__int128)bits;
}

static enum error_code set_text(struct optional_text *text, struct arena *arena,
                                struct bytes_view value, struct error *error)
{
    const char *copy = arena_copy_text(arena, value);
    if (copy == NULL)
        return error_no_memory(error, "a stored row");
    *text = (struct optional_text){true, bytes_view_of(copy, value.size_bytes)};
    return OK;
}

static enum error_code set_amount(struct row_view *row, struct arena *arena,
                                  struct bytes_view value, struct error *error)
{
    struct optional_text amount;
    enum error_code code = set_text(&amount, arena, value, error);
    if (code == OK)
        row->amount = amount.text;
    return code;
}

static enum error_code set_value(void *context, size_t index, struct bytes_view value,
                                 struct error *error)
{
    struct rows_target *target = context;
    struct row_view *row = &target->rows[index];
    struct arena *arena = target->arena;
    switch (target->id) {
    case COLUMN_TIMESTAMP: row->timestamp_us = (int64_t)read_number(value); break;
    case COLUMN_LEDGER_SEQUENCE: row->ledger_sequence = (uint32_t)read_number(value); break;
    case COLUMN_TRANSACTION_HASH:
        if (value.size_bytes == sizeof row->transaction_hash)
            memcpy(row->transaction_hash, value.data, sizeof row->transaction_hash);
        break;
    case COLUMN_EVENT_TYPE: row->type = parse_event_type(value); break;
    case COLUMN_SOURCE_ACCOUNT: return set_text(&row->source_account, arena, value, error);
    case COLUMN_DEST_ACCOUNT: return set_text(&row->dest_account, arena, value, error);
    case COLUMN_ASSET_CODE: return set_text(&row->asset_code, arena, value, error);
    case COLUMN_ASSET_ISSUER: return set_text(&row->asset_issuer, arena, value, error);
    case COLUMN_AMOUNT: return set_amount(row, arena, value, error);
    case COLUMN_MEMO: return set_text(&row->memo, arena, value, error);
    case COLUMN_TRANSACTION_INDEX: row->transaction_index = (uint32_t)read_number(value); break;
    case COLUMN_OPERATION_INDEX:
        row->has_operation_index = true;
        row->operation_index = (uint32_t)read_number(value);
        break;
    case COLUMN_CONTRACT_ADDRESS: return set_text(&row->contract_address, arena, value, error);
    case COLUMN_EVENT_INDEX: row->event_index = (uint32_t)read_number(value); break;
    case COLUMN_MEMO_TYPE: row->memo_kind = parse_memo_kind(value); break;
    case COLUMN_AMOUNT_DECIMAL:
        row->has_amount_decimal = true;
        row->amount_decimal = read_decimal(value);
        break;
    }
    return OK;
}

enum error_code stored_rows_load(const struct parquet_source *source,
                                 const struct parquet_file_metadata *metadata, size_t row_group,
                                 int64_t first_row, size_t row_count, struct arena *arena,
                                 struct row_view *rows, struct error *error)
{
    struct row_window window = {first_row, row_count};
    enum error_code code = OK;
    memset(rows, 0, row_count * sizeof *rows);
    for (size_t i = 0; code == OK && i < metadata->column_count; i++) {
        int id = metadata->columns[i].has_field_id ? metadata->columns[i].field_id : 0;
        struct rows_target target = {(enum row_column_id)id, arena, rows};
        if (id >= 1 && id <= ROW_COLUMN_MAX)
            code = each_value(source, metadata, row_group, i, &window, set_value, &target, error);
    }
    return code;
}
