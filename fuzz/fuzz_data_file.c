// SPDX-License-Identifier: Apache-2.0
// rooms: lake
// options: -max_len=12000
// parsers: walk/stored_rows.c walk/file_rows.c walk/file_facts.c rows/bound_text.c
/*
 * Any bytes as a data file of a lake: the facts and rows that verify and rebuild take out of a file
 * which passed every check of the Parquet reader.
 */

#include <assert.h>
#include <stdlib.h>

#include "walk/file_facts.h"
#include "walk/file_rows.h"
#include "lake/inventory.h"
#include "walk/stored_rows.h"
#include "rows/bound_text.h"
#include "support/input.h"
#include "support/parquet_bytes.h"

#define ROW_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_bounds(const struct parquet_file_metadata *metadata,
                        const struct row_column *column, struct arena *arena)
{
    struct error error;
    int index = parquet_metadata_column(metadata, column->name);
    if (index < 0)
        return;
    struct parquet_column_statistics facts = file_facts_column(metadata, (size_t)index);
    const char *texts[2] = {"", ""};
    error_clear(&error);
    enum error_code code = OK;
    if (facts.has_bounds)
        code = row_bound_text(column, facts.min_value, false, arena, &texts[0], &error);
    if (code == OK && facts.has_bounds)
        code = row_bound_text(column, facts.max_value, true, arena, &texts[1], &error);
    assert(code == OK || (code == ERR_CORRUPT && error.message[0] != '\0'));
    for (int i = 0; i < 2; i++)
        if (texts[i] != NULL)
            fuzz_touch(bytes_view_text(texts[i]));
}

static void touch_row(const struct row_view *row)
{
    const struct optional_text *texts[] = {&row->source_account, &row->dest_account,
                                           &row->asset_code,     &row->asset_issuer,
                                           &row->memo,           &row->contract_address};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i]->present)
            fuzz_touch(texts[i]->text);
    fuzz_touch(row->amount);
}

/* As row_scan reads them, in two blocks. */
static void take_rows(const struct parquet_source *source,
                      const struct parquet_file_metadata *metadata, size_t row_group,
                      struct arena *arena)
{
    size_t count = (size_t)metadata->row_groups[row_group].row_count;
    struct error error;
    if (count > ROW_MAX)
        return;
    struct row_view *rows = malloc((count + 1) * sizeof *rows);
    struct stored_rows_reader *reader;
    enum error_code made = stored_rows_reader_new(&reader, &error);
    assert(rows != NULL && made == OK);
    size_t half = count / 2;
    if (stored_rows_reader_open(reader, source, metadata, row_group, &error) == OK &&
        stored_rows_reader_read(reader, 0, half, arena, rows, &error) == OK &&
        stored_rows_reader_read(reader, (int64_t)half, count - half, arena, rows + half, &error) ==
            OK)
        for (size_t i = 0; i < count; i++)
            touch_row(&rows[i]);
    stored_rows_reader_free(reader);
    free(rows);
}

/* As a walk gathers them; gives the ledger of the last run, 0 if there is none. */
static uint32_t gather_rows(const struct parquet_source *source, enum parquet_verify_level level,
                            const struct file_rows_wish *wish)
{
    struct parquet_walk walk;
    struct parquet_visitor visitor;
    struct file_rows rows;
    struct error error;
    uint64_t checksum;
    uint32_t ledger = 0;
    file_rows_init(&rows);
    if (parquet_walk_begin(&walk, source, true, &error) == OK &&
        file_rows_begin(&rows, &walk, wish, &visitor, &error) == OK &&
        parquet_walk_run(&walk, level, -1, &visitor, &error) == OK &&
        file_rows_end(&rows, &error) == OK && parquet_walk_checksum(&walk, &checksum, &error) == OK)
        for (size_t i = 0; i < LIST_COUNT(&rows.runs, struct ledger_run); i++)
            ledger = LIST_AT(&rows.runs, struct ledger_run, i)->ledger_sequence;
    for (size_t i = 0; i < LIST_COUNT(&rows.whole, struct row_view); i++)
        touch_row(LIST_AT(&rows.whole, struct row_view, i));
    parquet_walk_end(&walk);
    file_rows_release(&rows);
    return ledger;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_view bytes = bytes_view_of(data, size);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "input");
    struct parquet_file_metadata metadata;
    struct error error;
    struct arena arena;
    if (parquet_metadata_read(&source, &metadata, &error) != OK)
        return 0;
    arena_init(&arena, 0);
    const struct row_schema *schema = row_schema_find("1.1.0");
    for (size_t i = 0; i < schema->column_count; i++)
        take_bounds(&metadata, &schema->columns[i], &arena);
    for (size_t g = 0; g < metadata.row_group_count; g++)
        take_rows(&source, &metadata, g, &arena);
    for (int level = PARQUET_VERIFY_FOOTER; level <= PARQUET_VERIFY_VALUES; level++) {
        struct file_rows_wish wish = {0};
        uint32_t ledger = gather_rows(&source, (enum parquet_verify_level)level, &wish);
        wish = (struct file_rows_wish){true, true, ledger};
        (void)!gather_rows(&source, (enum parquet_verify_level)level, &wish);
    }
    arena_release(&arena);
    parquet_metadata_release(&metadata);
    return 0;
}
