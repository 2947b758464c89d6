// SPDX-License-Identifier: Apache-2.0
#include "walk/stored_rows.h"

#include <string.h>

#include "util/memory.h"

/* One column of a row group, read from page to page. */
struct column_cursor {
    struct parquet_column_reader *reader;
    struct parquet_page_values page;
    int64_t next_row; /* of the row group */
    uint32_t value;   /* of the page: where next_row's value stands */
};

static enum error_code cursor_open(struct column_cursor *cursor,
                                   const struct parquet_source *source,
                                   const struct parquet_file_metadata *metadata, size_t row_group,
                                   size_t column, struct error *error)
{
    if (cursor->reader == NULL && parquet_column_reader_new(&cursor->reader, error) != OK)
        return ERR_NO_MEMORY;
    cursor->page = (struct parquet_page_values){0};
    cursor->next_row = 0;
    cursor->value = 0;
    return parquet_column_reader_open(cursor->reader, source, metadata, row_group, column, error);
}

/* Makes next_row `row`, which is not below it; its page is the current one then. ERR_NOT_FOUND
 * behind the last row. */
static enum error_code cursor_advance(struct column_cursor *cursor, int64_t row,
                                      struct error *error)
{
    struct parquet_page_values *page = &cursor->page;
    parquet_column_reader_seek(cursor->reader, row);
    while (row >= page->first_row + page->row_count) {
        enum error_code code = parquet_column_reader_next(cursor->reader, page, error);
        if (code != OK)
            return code;
        cursor->next_row = page->first_row;
        cursor->value = 0;
    }
    for (; cursor->next_row < row; cursor->next_row++)
        cursor->value +=
            page->validity == NULL || page->validity[cursor->next_row - page->first_row] != 0;
    return OK;
}

/* Sets a column of rows [first_row, first_row + row_count) where it is not NULL. */
static enum error_code cursor_read(struct column_cursor *cursor, const struct row_column *column,
                                   int64_t first_row, size_t row_count, struct arena *arena,
                                   struct row_view *rows, struct error *error)
{
    const struct parquet_page_values *page = &cursor->page;
    int64_t end = first_row + (int64_t)row_count;
    enum error_code code = OK;
    for (int64_t row = first_row; code == OK && row < end;) {
        code = cursor_advance(cursor, row, error);
        int64_t page_end = page->first_row + page->row_count;
        for (; code == OK && row < end && row < page_end; row++) {
            if (page->validity != NULL && page->validity[row - page->first_row] == 0)
                continue;
            code = stored_row_set(&rows[row - first_row], column,
                                  parquet_page_value(page, cursor->value), arena, error);
            cursor->value++;
        }
        cursor->next_row = row;
    }
    return code == ERR_NOT_FOUND ? OK : code;
}

/* ---- values ---- */

enum error_code stored_column_append(const struct parquet_source *source, const char *column,
                                     const struct parquet_page_values *page, uint32_t width_bytes,
                                     struct buffer *values, struct error *error)
{
    if (page->texts != NULL || page->width_bytes != width_bytes)
        return error_set(error, ERR_CORRUPT, "%s: column %s has values of another width than %u",
                         source->name, column, width_bytes);
    if (page->value_count != page->row_count)
        return error_set(error, ERR_CORRUPT, "%s: column %s has NULLs", source->name, column);
    return buffer_append(values, page->fixed, (size_t)page->value_count * width_bytes) == OK
               ? OK
               : error_no_memory(error, "a column of a row group");
}

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

static enum error_code set_whole_text(struct bytes_view *text, struct arena *arena,
                                      struct bytes_view value, struct error *error)
{
    struct optional_text kept;
    enum error_code code = set_text(&kept, arena, value, error);
    if (code == OK)
        *text = kept.text;
    return code;
}

enum error_code stored_row_set(struct row_view *row, const struct row_column *column,
                               struct bytes_view value, struct arena *arena, struct error *error)
{
    void *to = (char *)row + column->at;
    bool *present = (bool *)((char *)row + column->present_at);
    switch (column->kind) {
    case ROW_TIME: *(int64_t *)to = (int64_t)read_number(value); break;
    case ROW_NUMBER: *(uint32_t *)to = (uint32_t)read_number(value); break;
    case ROW_MAYBE_NUMBER:
        *present = true;
        *(uint32_t *)to = (uint32_t)read_number(value);
        break;
    case ROW_HASH:
        if (value.size_bytes == sizeof row->transaction_hash)
            memcpy(to, value.data, sizeof row->transaction_hash);
        break;
    case ROW_EVENT_TYPE: *(enum event_type *)to = parse_event_type(value); break;
    case ROW_MEMO_KIND: *(enum memo_kind *)to = parse_memo_kind(value); break;
    case ROW_TEXT: return set_whole_text(to, arena, value, error);
    case ROW_MAYBE_TEXT: return set_text(to, arena, value, error);
    case ROW_MAYBE_DECIMAL:
        *present = true;
        *(__int128 *)to = read_decimal(value);
        break;
    }
    return OK;
}

/* ---- the reader ---- */

struct stored_rows_reader {
    struct column_cursor cursors[ROW_COLUMN_MAX]; /* by the column's id, less 1 */
    bool has_column[ROW_COLUMN_MAX];
};

enum error_code stored_rows_reader_new(struct stored_rows_reader **out, struct error *error)
{
    *out = mem_alloc_zero(1, sizeof **out);
    return *out == NULL ? error_no_memory(error, "a reader of rows") : OK;
}

void stored_rows_reader_free(struct stored_rows_reader *reader)
{
    for (size_t i = 0; reader != NULL && i < ROW_COLUMN_MAX; i++)
        parquet_column_reader_free(reader->cursors[i].reader);
    mem_free(reader);
}

enum error_code stored_rows_reader_open(struct stored_rows_reader *reader,
                                        const struct parquet_source *source,
                                        const struct parquet_file_metadata *metadata,
                                        size_t row_group, struct error *error)
{
    enum error_code code = OK;
    memset(reader->has_column, 0, sizeof reader->has_column);
    for (size_t i = 0; code == OK && i < metadata->column_count; i++) {
        int id = metadata->columns[i].has_field_id ? metadata->columns[i].field_id : 0;
        if (row_column_of(id) == NULL)
            continue;
        reader->has_column[id - 1] = true;
        code = cursor_open(&reader->cursors[id - 1], source, metadata, row_group, i, error);
    }
    return code;
}

enum error_code stored_rows_reader_read(struct stored_rows_reader *reader, int64_t first_row,
                                        size_t row_count, struct arena *arena,
                                        struct row_view *rows, struct error *error)
{
    enum error_code code = OK;
    memset(rows, 0, row_count * sizeof *rows);
    for (size_t i = 0; code == OK && i < ROW_COLUMN_MAX; i++) {
        if (reader->has_column[i])
            code = cursor_read(&reader->cursors[i], row_column_of((int)i + 1), first_row, row_count,
                               arena, rows, error);
    }
    return code;
}
