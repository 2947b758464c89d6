// SPDX-License-Identifier: Apache-2.0
#include "support/sink_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "store/layout.h"
#include "os/file.h"
#include "parquet/reader.h"
#include "rows/schema.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "walk/verify.h"
#include "util/text.h"
#include "catalog/files.h"

#define LEDGER_MAX 20000
#define ROWS_MAX   64

uint32_t stream_rows(uint32_t ledger)
{
    return ledger % 10 == 7 ? 0 : 2 + ledger % 5;
}

bool stream_has_dead_letter(uint32_t ledger)
{
    return ledger % 13 == 0 && stream_rows(ledger) > 0;
}

int64_t stream_close_us(uint32_t ledger)
{
    return (STREAM_START_S + 5 * (int64_t)ledger) * US_PER_SECOND;
}

struct sink_options stream_options(const char *folder)
{
    return (struct sink_options){.output_path = folder,
                                 .reader_data_path = "",
                                 .scheme = PARTITION_DATE_HOUR,
                                 .schema_version = "1.1.0",
                                 .enable_schema_evolution = true,
                                 .network = "testnet",
                                 .codec = PARQUET_CODEC_SNAPPY,
                                 .compression_level = 1,
                                 .max_file_size_bytes = UINT64_C(1) << 30,
                                 .max_file_age_us = 3600 * US_PER_SECOND,
                                 .memory_bytes = UINT64_C(1) << 30,
                                 .encode_threads = 1,
                                 .verify_files = PARQUET_VERIFY_PAGES};
}

uint32_t stream_events(uint32_t ledger)
{
    return stream_rows(ledger) + stream_has_dead_letter(ledger);
}

static bool is_dead_letter(uint32_t ledger, uint32_t index)
{
    return stream_has_dead_letter(ledger) && index == stream_rows(ledger);
}

struct event_view stream_event(uint32_t ledger, uint32_t index, struct stream_texts *texts)
{
    snprintf(texts->hash, sizeof texts->hash, "%064x", ledger * 100 + index / 2);
    snprintf(texts->account, sizeof texts->account, "G%055u", (ledger * 7 + index) % 50);
    return (struct event_view){
        .has_meta = true,
        .has_closed_at = true,
        .ledger_sequence = ledger,
        .closed_at_seconds = STREAM_START_S + 5 * (int64_t)ledger,
        .tx_hash = bytes_view_text(is_dead_letter(ledger, index) ? "no hash" : texts->hash),
        .transaction_index = index / 2,
        .type = index % 3 == 0 ? EVENT_FEE : EVENT_TRANSFER,
        .from = bytes_view_text(texts->account),
        .to = bytes_view_text(index % 3 == 0 ? "" : texts->account),
        .amount = bytes_view_text("1000000"),
        .asset_kind = ASSET_NATIVE};
}

static void add_event(struct batch_builder *builder, uint32_t ledger, uint32_t index)
{
    struct stream_texts texts;
    struct event_view event = stream_event(ledger, index, &texts);
    bool became_dead_letter;
    assert_int_equal(batch_builder_add_event(builder, &event, index, bytes_view_text(STREAM_RAW),
                                             &became_dead_letter, NULL),
                     OK);
    assert_int_equal(became_dead_letter, is_dead_letter(ledger, index));
}

static enum error_code send_complete(struct sink *sink, struct batch_builder *builder,
                                     struct error *error)
{
    enum error_code code = OK;
    while (code == OK && batch_builder_has_complete(builder)) {
        struct row_batch *batch = NULL;
        assert_int_equal(batch_builder_take(builder, &batch, NULL), OK);
        if (batch == NULL)
            break;
        code = sink_append(sink, &batch, error);
        assert_null(batch);
    }
    return code;
}

size_t stream_batches(const struct sink_options *options, uint32_t first, uint32_t last,
                      uint32_t batch_ledgers, struct row_batch **batches, size_t batches_max)
{
    const struct batch_builder_options builder_options = {
        .schema = row_schema_find(options->schema_version),
        .scheme = options->scheme,
        .dictionaries = true};
    struct error error;
    struct batch_builder *builder;
    assert_int_equal(batch_builder_new(&builder, &builder_options, &error), OK);
    size_t count = 0;
    batch_builder_begin_range(builder, first);
    for (uint32_t ledger = first; ledger <= last; ledger++) {
        uint32_t events = stream_rows(ledger) + stream_has_dead_letter(ledger);
        for (uint32_t i = 0; i < events; i++)
            add_event(builder, ledger, i);
        assert_int_equal(batch_builder_complete_to(builder, ledger, NULL), OK);
        if ((ledger - first + 1) % batch_ledgers != 0 && ledger != last)
            continue;
        while (batch_builder_has_complete(builder)) {
            assert_true(count < batches_max);
            assert_int_equal(batch_builder_take(builder, &batches[count], NULL), OK);
            if (batches[count] == NULL)
                break;
            count++;
        }
    }
    batch_builder_free(builder);
    return count;
}

enum error_code stream_send(struct sink *sink, const struct sink_options *options, uint32_t first,
                            uint32_t last, uint32_t batch_ledgers, struct error *error)
{
    const struct batch_builder_options builder_options = {
        .schema = row_schema_find(options->schema_version),
        .scheme = options->scheme,
        .dictionaries = true};
    struct batch_builder *builder;
    assert_int_equal(batch_builder_new(&builder, &builder_options, error), OK);
    enum error_code code = OK;
    batch_builder_begin_range(builder, first);
    for (uint32_t ledger = first; code == OK && ledger <= last; ledger++) {
        for (uint32_t i = 0; i < stream_events(ledger); i++)
            add_event(builder, ledger, i);
        assert_int_equal(batch_builder_complete_to(builder, ledger, NULL), OK);
        if ((ledger - first + 1) % batch_ledgers == 0 || ledger == last)
            code = send_complete(sink, builder, error);
    }
    batch_builder_free(builder);
    return code;
}

bool stream_fill(struct sink *sink, const struct sink_options *options, uint32_t first,
                 uint32_t last, unsigned tries)
{
    for (unsigned attempt = 0; attempt < tries; attempt++) {
        struct ledger_set missing = {0};
        struct ledger_range lost;
        enum error_code code = catalog_uncovered(
            sink_catalog(sink), (struct ledger_range){first, last}, &missing, NULL);
        for (size_t i = 0; code == OK && i < missing.count; i++)
            code = stream_send(sink, options, missing.ranges[i].first, missing.ranges[i].last, 10,
                               NULL);
        if (code == OK)
            code = sink_commit(sink, ROTATION_END_OF_RANGE, NULL);
        ledger_set_release(&missing);
        if (code == OK)
            return true;
        while (sink_take_lost_range(sink, &lost))
            assert_true(lost.first <= lost.last && lost.last <= last);
    }
    return false;
}

/* ---- the truth ---- */

struct found {
    const char *folder;
    uint16_t rows[LEDGER_MAX];
    uint64_t seen[LEDGER_MAX]; /* a bit an event_index */
    uint64_t file_count, row_count;
};

static enum error_code read_at(void *context, uint64_t offset, void *data, size_t size_bytes,
                               struct error *error)
{
    return os_file_read(context, offset, data, size_bytes, error);
}

/* All values of an integer column of one row group. */
static void read_integers(const struct parquet_source *source,
                          const struct parquet_file_metadata *metadata, size_t row_group,
                          const char *name, uint32_t *out)
{
    int column = parquet_metadata_column(metadata, name);
    struct error error;
    struct parquet_column_reader *reader;
    assert_int_equal(parquet_column_reader_new(&reader, &error), OK);
    struct parquet_page_values page;
    assert_true(column >= 0);
    assert_int_equal(
        parquet_column_reader_open(reader, source, metadata, row_group, (size_t)column, NULL), OK);
    while (parquet_column_reader_next(reader, &page, NULL) == OK)
        for (uint32_t i = 0; i < page.row_count; i++)
            memcpy(out++, parquet_page_value(&page, i).data, sizeof *out);
    parquet_column_reader_free(reader);
}

static void count_rows(struct found *found, const struct parquet_source *source)
{
    struct parquet_file_metadata metadata;
    assert_int_equal(parquet_metadata_read(source, &metadata, NULL), OK);
    for (size_t g = 0; g < metadata.row_group_count; g++) {
        size_t count = (size_t)metadata.row_groups[g].row_count;
        uint32_t *ledgers = malloc(count * sizeof *ledgers);
        uint32_t *indexes = malloc(count * sizeof *indexes);
        read_integers(source, &metadata, g, "ledger_sequence", ledgers);
        read_integers(source, &metadata, g, "event_index", indexes);
        for (size_t i = 0; i < count; i++) {
            assert_true(ledgers[i] < LEDGER_MAX && indexes[i] < ROWS_MAX);
            if ((found->seen[ledgers[i]] >> indexes[i] & 1) != 0)
                fail_msg("event %u of ledger %u is there twice", indexes[i], ledgers[i]);
            found->seen[ledgers[i]] |= UINT64_C(1) << indexes[i];
            found->rows[ledgers[i]]++;
        }
        found->row_count += count;
        free(ledgers);
        free(indexes);
    }
    parquet_metadata_release(&metadata);
}

static enum error_code check_file(void *context, const struct catalog_file *file,
                                  uint64_t commit_no, struct error *error)
{
    struct found *found = context;
    struct os_file open_file;
    struct buffer content;
    (void)error;
    char path[TEMP_PATH_BYTES];
    snprintf(path, sizeof path, "%s", temp_path(found->folder, file->path));
    buffer_init(&content);
    if (os_read_whole(path, 1 << 28, &content, NULL) != OK)
        fail_msg("%s of commit %llu is not there", path, (unsigned long long)commit_no);
    assert_int_equal(content.size_bytes, file->file_size_bytes);
    assert_true(XXH64(content.data, content.size_bytes, 0) == file->checksum);
    buffer_release(&content);
    assert_int_equal(os_file_open(&open_file, path, OS_OPEN_READ, NULL), OK);
    struct parquet_source source = {.size_bytes = (uint64_t)file->file_size_bytes,
                                    .name = path,
                                    .context = &open_file,
                                    .read = read_at};
    struct error problem;
    error_clear(&problem);
    if (parquet_verify(&source, PARQUET_VERIFY_VALUES, file->record_count, &problem) != OK)
        fail_msg("%s", problem.message);
    count_rows(found, &source);
    os_file_release(&open_file);
    found->file_count++;
    return OK;
}

static void check_ledgers(const struct found *found, const struct ledger_range *ranges,
                          size_t count, uint64_t *covered)
{
    bool *is_covered = calloc(LEDGER_MAX, sizeof *is_covered);
    *covered = 0;
    for (size_t i = 0; i < count; i++)
        for (uint32_t ledger = ranges[i].first; ledger <= ranges[i].last; ledger++) {
            assert_true(ledger < LEDGER_MAX);
            is_covered[ledger] = true;
            (*covered)++;
        }
    for (uint32_t ledger = 0; ledger < LEDGER_MAX; ledger++)
        if (found->rows[ledger] != (is_covered[ledger] ? stream_rows(ledger) : 0))
            fail_msg("ledger %u (%s) has %u rows", ledger,
                     is_covered[ledger] ? "covered" : "not covered", found->rows[ledger]);
    free(is_covered);
}

static void check_dead_letters(const char *folder, struct catalog *catalog,
                               const struct ledger_range *ranges, size_t count)
{
    struct catalog_totals totals;
    uint64_t dead = 0, unconfirmed = 0;
    for (size_t i = 0; i < count; i++)
        for (uint32_t ledger = ranges[i].first; ledger <= ranges[i].last; ledger++) {
            dead += stream_has_dead_letter(ledger);
            unconfirmed += stream_rows(ledger) == 0;
        }
    assert_int_equal(catalog_totals(catalog, &totals, NULL), OK);
    assert_int_equal(totals.dead_letters, dead);
    assert_int_equal(totals.unconfirmed_ledgers, unconfirmed);
    assert_true((temp_count(folder, LAKE_DEAD_LETTERS, ".jsonl") > 0) == (dead > 0));
}

uint64_t stream_check(const char *folder)
{
    struct error error;
    struct ledger_set coverage = {0};
    uint64_t covered;
    error_clear(&error);
    struct found *found = calloc(1, sizeof *found);
    assert_non_null(found);
    found->folder = folder;
    struct catalog *catalog;
    if (catalog_open(&catalog, temp_path(folder, LAKE_CATALOG), CATALOG_READ, NULL, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(catalog_each_file(catalog, check_file, found, &error), OK);
    assert_int_equal(catalog_coverage(catalog, &coverage, &error), OK);
    check_ledgers(found, coverage.ranges, coverage.count, &covered);
    check_dead_letters(folder, catalog, coverage.ranges, coverage.count);
    assert_int_equal(temp_count(folder, "", ".parquet"), found->file_count);
    assert_int_equal(temp_count(folder, LAKE_STAGING, ""), 0);
    ledger_set_release(&coverage);
    catalog_close(catalog);
    free(found);
    return covered;
}

void stream_check_covers(const char *folder, uint32_t first, uint32_t last)
{
    struct error error;
    struct ledger_set coverage = {0};
    assert_int_equal(stream_check(folder), (uint64_t)last - first + 1);
    struct catalog *catalog;
    assert_int_equal(
        catalog_open(&catalog, temp_path(folder, LAKE_CATALOG), CATALOG_READ, NULL, &error), OK);
    assert_int_equal(catalog_coverage(catalog, &coverage, NULL), OK);
    assert_int_equal(coverage.count, 1);
    assert_int_equal(coverage.ranges[0].first, first);
    ledger_set_release(&coverage);
    catalog_close(catalog);
}
