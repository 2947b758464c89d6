// SPDX-License-Identifier: Apache-2.0
#include "walk/file_rows.h"

#include <string.h>

#include "util/list.h"
#include "walk/stored_rows.h"

/* Rows of the whole ledger that stand together in the row group. */
struct row_span {
    int64_t first, end;
    size_t at; /* the first one in `whole` */
};

void file_rows_init(struct file_rows *rows)
{
    *rows = (struct file_rows){0};
    arena_init(&rows->arena, 0);
}

void file_rows_drop_runs(struct file_rows *rows)
{
    buffer_release(&rows->runs);
    buffer_release(&rows->ordinals);
    buffer_release(&rows->ledgers);
    buffer_release(&rows->times);
    buffer_release(&rows->spans);
}

void file_rows_release(struct file_rows *rows)
{
    file_rows_drop_runs(rows);
    buffer_release(&rows->whole);
    arena_release(&rows->arena);
}

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the rows of a file");
}

/* ---- a row group ---- */

static size_t group_rows(const struct file_rows *rows)
{
    return (size_t)rows->metadata->row_groups[rows->row_group].row_count;
}

static bool ledgers_are_known(const struct file_rows *rows)
{
    return LIST_COUNT(&rows->ledgers, uint32_t) == group_rows(rows);
}

/* Appends the runs of the row group that was walked. */
static enum error_code close_group(struct file_rows *rows, struct error *error)
{
    const uint32_t *ledgers = (const void *)rows->ledgers.data;
    const int64_t *times = rows->wish.times ? (const void *)rows->times.data : NULL;
    size_t count = LIST_COUNT(&rows->ledgers, uint32_t);
    for (size_t first = 0, end; first < count; first = end) {
        struct ledger_run run = {.ledger_sequence = ledgers[first],
                                 .time_us = times == NULL ? 0 : times[first]};
        for (end = first; end < count && ledgers[end] == ledgers[first]; end++)
            run.has_other_time = run.has_other_time || (times != NULL && times[end] != run.time_us);
        run.row_count = (uint32_t)(end - first);
        if (buffer_append(&rows->runs, &run, sizeof run) != OK)
            return no_memory(error);
    }
    buffer_reset(&rows->ledgers);
    buffer_reset(&rows->times);
    buffer_reset(&rows->spans);
    rows->has_spans = false;
    return OK;
}

static enum error_code add_span(struct file_rows *rows, size_t first, size_t end,
                                struct error *error)
{
    struct row_span span = {(int64_t)first, (int64_t)end,
                            LIST_COUNT(&rows->whole, struct row_view)};
    if (buffer_append(&rows->spans, &span, sizeof span) != OK ||
        buffer_append_zeros(&rows->whole, (end - first) * sizeof(struct row_view)) != OK)
        return no_memory(error);
    struct row_view *whole = LIST_AT(&rows->whole, struct row_view, span.at);
    const int64_t *times = (const void *)rows->times.data;
    for (size_t i = first; i < end; i++) {
        whole[i - first].ledger_sequence = rows->wish.whole_ledger;
        if (i < LIST_COUNT(&rows->times, int64_t))
            whole[i - first].timestamp_us = times[i];
    }
    return OK;
}

/* Makes room for the row group's rows of the ledger that is wanted whole, once ledgers are known.
 */
static enum error_code find_spans(struct file_rows *rows, struct error *error)
{
    const uint32_t *ledgers = (const void *)rows->ledgers.data;
    size_t count = LIST_COUNT(&rows->ledgers, uint32_t);
    enum error_code code = OK;
    rows->has_spans = true;
    for (size_t first = 0, end; code == OK && first < count; first = end) {
        for (end = first + 1; end < count && ledgers[end] == ledgers[first];)
            end++;
        if (ledgers[first] == rows->wish.whole_ledger)
            code = add_span(rows, first, end, error);
    }
    return code;
}

/* ---- values ---- */

static int column_id(const struct file_rows *rows, size_t column)
{
    const struct parquet_column_metadata *one = &rows->metadata->columns[column];
    return one->has_field_id && row_column_of(one->field_id) != NULL ? one->field_id : 0;
}

/* From which row on the column is wanted for whole rows; -1: it is not. */
static int64_t whole_from(struct file_rows *rows, size_t column)
{
    const struct row_span *spans = (const void *)rows->spans.data;
    if (rows->wish.whole_ledger == 0 || column_id(rows, column) == 0)
        return -1;
    if (!ledgers_are_known(rows)) {
        rows->whole_is_incomplete =
            rows->whole_is_incomplete ||
            ((int)column != rows->time_column && (int)column != rows->ledger_column);
        return -1;
    }
    return spans == NULL || rows->spans.size_bytes == 0 ? -1 : spans[0].first;
}

static int64_t wants(void *context, size_t row_group, size_t column)
{
    struct file_rows *rows = context;
    bool is_all = (int)column == rows->ledger_column ||
                  (rows->wish.times && (int)column == rows->time_column) ||
                  (rows->wish.ordinals && (int)column == rows->ordinal_column);
    int64_t from = row_group == rows->row_group ? whole_from(rows, column) : -1;
    return is_all ? 0 : from;
}

static enum error_code add_values(const struct file_rows *rows, size_t column,
                                  const struct parquet_page_values *page, uint32_t width_bytes,
                                  struct buffer *values, struct error *error)
{
    return stored_column_append(rows->source, rows->metadata->columns[column].name, page,
                                width_bytes, values, error);
}

/* The page's values of rows that are wanted whole. */
static enum error_code set_whole(struct file_rows *rows, int id,
                                 const struct parquet_page_values *page, struct error *error)
{
    size_t next = 0, span_count = LIST_COUNT(&rows->spans, struct row_span);
    enum error_code code = OK;
    uint32_t value = 0;
    for (uint32_t i = 0; code == OK && i < page->row_count; i++) {
        int64_t row = page->first_row + i;
        if (page->validity != NULL && page->validity[i] == 0)
            continue;
        while (next < span_count && LIST_AT(&rows->spans, struct row_span, next)->end <= row)
            next++;
        if (next == span_count)
            break;
        const struct row_span *span = LIST_AT(&rows->spans, struct row_span, next);
        if (row >= span->first)
            code = stored_row_set(
                LIST_AT(&rows->whole, struct row_view, span->at + (size_t)(row - span->first)),
                row_column_of(id), parquet_page_value(page, value), &rows->arena, error);
        value++;
    }
    return code;
}

static enum error_code see(void *context, size_t row_group, size_t column,
                           const struct parquet_page_values *page, struct error *error)
{
    struct file_rows *rows = context;
    enum error_code code = OK;
    if (row_group != rows->row_group)
        code = close_group(rows, error);
    rows->row_group = row_group;
    if (code == OK && rows->wish.times && (int)column == rows->time_column)
        code = add_values(rows, column, page, sizeof(int64_t), &rows->times, error);
    if (code == OK && rows->wish.ordinals && (int)column == rows->ordinal_column)
        code = add_values(rows, column, page, sizeof(uint32_t), &rows->ordinals, error);
    if (code == OK && (int)column == rows->ledger_column) {
        code = add_values(rows, column, page, sizeof(uint32_t), &rows->ledgers, error);
        if (code == OK && rows->wish.whole_ledger != 0 && ledgers_are_known(rows))
            code = find_spans(rows, error);
    } else if (code == OK && rows->has_spans && column_id(rows, column) != 0) {
        code = set_whole(rows, column_id(rows, column), page, error);
    }
    return code;
}

/* ---- a walk ---- */

static enum error_code find_column(const struct file_rows *rows, const char *column, int *index,
                                   struct error *error)
{
    *index = parquet_metadata_column(rows->metadata, column);
    return *index >= 0
               ? OK
               : error_set(error, ERR_CORRUPT, "%s has no column %s", rows->source->name, column);
}

enum error_code file_rows_begin(struct file_rows *rows, const struct parquet_walk *walk,
                                const struct file_rows_wish *wish, struct parquet_visitor *visitor,
                                struct error *error)
{
    rows->wish = *wish;
    rows->metadata = &walk->metadata;
    rows->source = walk->source;
    rows->time_column = rows->ordinal_column = -1;
    *visitor = (struct parquet_visitor){.context = rows, .wants = wants, .see = see};
    enum error_code code = find_column(rows, "ledger_sequence", &rows->ledger_column, error);
    if (code == OK && wish->times)
        code = find_column(rows, "timestamp", &rows->time_column, error);
    if (code == OK && wish->ordinals)
        code = find_column(rows, "event_index", &rows->ordinal_column, error);
    return code;
}

enum error_code file_rows_end(struct file_rows *rows, struct error *error)
{
    enum error_code code = close_group(rows, error);
    rows->metadata = NULL;
    rows->source = NULL;
    return code;
}

uint32_t file_rows_find(const struct file_rows *rows, struct ledger_range within)
{
    uint32_t lowest = 0;
    for (size_t i = 0; i < LIST_COUNT(&rows->runs, struct ledger_run); i++) {
        uint32_t ledger = LIST_AT(&rows->runs, struct ledger_run, i)->ledger_sequence;
        if (ledger >= within.first && ledger <= within.last && (lowest == 0 || ledger < lowest))
            lowest = ledger;
    }
    return lowest;
}
