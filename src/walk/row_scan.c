// SPDX-License-Identifier: Apache-2.0
#include "walk/row_scan.h"

#include <string.h>

/* Rows decoded at once: some 3 MiB with their texts. */
#define BLOCK_ROWS 4096

/* What becomes of the rows of a run within one row group. */
typedef enum error_code run_visitor(struct row_scan *scan, int64_t first_row, size_t row_count,
                                    void *context, struct error *error);

enum error_code row_scan_init(struct row_scan *scan, struct error *error)
{
    *scan = (struct row_scan){0};
    arena_init(&scan->arena, 0);
    buffer_init(&scan->block);
    buffer_init(&scan->ledgers);
    enum error_code code = stored_rows_reader_new(&scan->reader, error);
    if (code == OK && buffer_append_zeros(&scan->block, BLOCK_ROWS * sizeof(struct row_view)) != OK)
        code = error_no_memory(error, "a block of rows");
    return code;
}

void row_scan_release(struct row_scan *scan)
{
    stored_rows_reader_free(scan->reader);
    scan->reader = NULL;
    arena_release(&scan->arena);
    buffer_release(&scan->block);
    buffer_release(&scan->ledgers);
}

static uint32_t read_u32(struct bytes_view value)
{
    uint32_t number;
    memcpy(&number, value.data, sizeof number);
    return number; /* PLAIN is little-endian, as every machine we build for is */
}

/* Whether the row group's statistics leave room for a row of the range. */
static bool may_have(const struct parquet_file_metadata *metadata, size_t row_group, int column,
                     struct ledger_range within)
{
    const struct parquet_statistics_metadata *statistics =
        &metadata->row_groups[row_group].chunks[column].statistics;
    if (!statistics->has_min || !statistics->has_max || statistics->min_value.size_bytes != 4 ||
        statistics->max_value.size_bytes != 4)
        return true;
    return read_u32(statistics->min_value) <= within.last &&
           read_u32(statistics->max_value) >= within.first;
}

static enum error_code load_ledgers(struct row_scan *scan, const struct parquet_source *source,
                                    const struct parquet_file_metadata *metadata, size_t row_group,
                                    int column, struct error *error)
{
    struct parquet_page_values page;
    struct parquet_column_reader *reader;
    enum error_code code = parquet_column_reader_new(&reader, error);
    if (code != OK)
        return code;
    buffer_reset(&scan->ledgers);
    code = parquet_column_reader_open(reader, source, metadata, row_group, (size_t)column, error);
    while (code == OK) {
        code = parquet_column_reader_next(reader, &page, error);
        if (code == OK)
            code = stored_column_append(source, "ledger_sequence", &page, sizeof(uint32_t),
                                        &scan->ledgers, error);
    }
    parquet_column_reader_free(reader);
    return code == ERR_NOT_FOUND ? OK : code;
}

/* Hands on each run of rows, a block long at most, whose ledgers all lie within the range. */
static enum error_code each_run(struct row_scan *scan, struct ledger_range within,
                                run_visitor *visit, void *context, struct error *error)
{
    const uint32_t *ledgers = (const void *)scan->ledgers.data;
    size_t count = scan->ledgers.size_bytes / sizeof *ledgers;
    enum error_code code = OK;
    for (size_t first = 0; code == OK && first < count;) {
        size_t end = first;
        while (end < count && end - first < BLOCK_ROWS && ledgers[end] >= within.first &&
               ledgers[end] <= within.last)
            end++;
        if (end > first)
            code = visit(scan, (int64_t)first, end - first, context, error);
        first = end > first ? end : first + 1;
    }
    return code;
}

/* Calls `visit` with the runs of each row group, at which the reader is open. */
static enum error_code each_group(struct row_scan *scan, const struct parquet_source *source,
                                  struct ledger_range within, run_visitor *visit, void *context,
                                  struct error *error)
{
    struct parquet_file_metadata metadata;
    enum error_code code = parquet_metadata_read(source, &metadata, error);
    if (code != OK)
        return code;
    int column = parquet_metadata_column(&metadata, "ledger_sequence");
    if (column < 0)
        code = error_set(error, ERR_CORRUPT, "%s has no column ledger_sequence", source->name);
    for (size_t i = 0; code == OK && i < metadata.row_group_count; i++) {
        if (!may_have(&metadata, i, column, within))
            continue;
        code = load_ledgers(scan, source, &metadata, i, column, error);
        if (code == OK)
            code = stored_rows_reader_open(scan->reader, source, &metadata, i, error);
        if (code == OK)
            code = each_run(scan, within, visit, context, error);
    }
    parquet_metadata_release(&metadata);
    return code;
}

struct row_target {
    row_visitor *visit;
    void *context;
};

static enum error_code visit_rows(struct row_scan *scan, int64_t first_row, size_t row_count,
                                  void *context, struct error *error)
{
    const struct row_target *target = context;
    struct row_view *rows = (void *)scan->block.data;
    arena_reset(&scan->arena);
    enum error_code code =
        stored_rows_reader_read(scan->reader, first_row, row_count, &scan->arena, rows, error);
    for (size_t i = 0; code == OK && i < row_count; i++)
        code = target->visit(target->context, &rows[i], error);
    return code;
}

enum error_code row_scan_file(struct row_scan *scan, const struct parquet_source *source,
                              struct ledger_range within, row_visitor *visit, void *context,
                              struct error *error)
{
    struct row_target target = {visit, context};
    return each_group(scan, source, within, visit_rows, &target, error);
}
