// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "arrow/builder.h"
#include "arrow/schema.h"
#include "support/sample.h"
#include "util/memory.h"
#include "support/parquet_bytes.h"

const struct parquet_column_options sample_columns[SAMPLE_COLUMN_COUNT] = {
    [SAMPLE_TIME] = {.field_id = 1, .sorted_ascending = true},
    [SAMPLE_LEDGER] = {.field_id = 2, .sorted_ascending = true},
    [SAMPLE_HASH] = {.field_id = 3, .bloom_filter = true},
    [SAMPLE_ACCOUNT] = {.field_id = 5, .bloom_filter = true},
    [SAMPLE_AMOUNT] = {.field_id = 9},
    [SAMPLE_MEMO] = {.field_id = 10},
    [SAMPLE_INDEX] = {.field_id = 14},
    [SAMPLE_NUMBER] = {.field_id = 12},
    [SAMPLE_DECIMAL] = {.field_id = 16},
    [SAMPLE_NOTHING] = {.field_id = 300},
};

static const struct {
    const char *name;
    const char *format;
    bool nullable;
} schema_table[SAMPLE_COLUMN_COUNT] = {
    [SAMPLE_TIME] = {"timestamp", "tsu:UTC", false},
    [SAMPLE_LEDGER] = {"ledger_sequence", "I", false},
    [SAMPLE_HASH] = {"transaction_hash", "w:32", false},
    [SAMPLE_ACCOUNT] = {"source_account", "u", true},
    [SAMPLE_AMOUNT] = {"amount", "u", false},
    [SAMPLE_MEMO] = {"memo", "u", true},
    [SAMPLE_INDEX] = {"event_index", "I", false},
    [SAMPLE_NUMBER] = {"operation_index", "I", true},
    [SAMPLE_DECIMAL] = {"amount_decimal", "d:38,0", true},
    [SAMPLE_NOTHING] = {"memo_type", "u", true},
};

static bool repeats(size_t column)
{
    return schema_table[column].format[0] == 'u' || column == SAMPLE_HASH;
}

struct sample_options sample_defaults(int64_t row_count)
{
    return (struct sample_options){
        .row_count = row_count,
        .seed = 1,
        .writer = {.codec = PARQUET_CODEC_SNAPPY,
                   .bloom_filters = true,
                   .created_by = "parquet-consumer version 0.0.0 (build test)"},
    };
}

void sample_schema(bool dictionaries, struct ArrowSchema *out)
{
    assert_int_equal(arrow_schema_make(out, "+s", "", false, 0, SAMPLE_COLUMN_COUNT), OK);
    for (size_t i = 0; i < SAMPLE_COLUMN_COUNT; i++) {
        bool encoded = dictionaries && repeats(i);
        assert_int_equal(arrow_schema_make(out->children[i], encoded ? "i" : schema_table[i].format,
                                           schema_table[i].name, schema_table[i].nullable,
                                           sample_columns[i].field_id, 0),
                         OK);
        if (encoded)
            assert_int_equal(arrow_schema_make_dictionary(out->children[i], schema_table[i].format),
                             OK);
    }
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The bytes that stand for the number `id`. */
static void spread(uint64_t id, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)next_random(&id);
}

static struct bytes_view make_account(uint64_t id, char *text)
{
    uint8_t bytes[56];
    spread(id * 7919 + 1, bytes, sizeof bytes);
    text[0] = 'G';
    for (size_t i = 1; i < sizeof bytes; i++)
        text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bytes[i] % 32];
    return bytes_view_of(text, sizeof bytes);
}

/* Texts of 0 to 255 bytes with characters of one to four bytes. */
static struct bytes_view make_memo(uint64_t random, char *text)
{
    static const char *const pieces[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                         "\xf4\x8f\xbf\xbf"};
    size_t size = 0;
    size_t wanted = random % 4 == 0 ? 0 : random % 240;
    while (size < wanted) {
        const char *piece = pieces[next_random(&random) % 5];
        memcpy(text + size, piece, strlen(piece));
        size += strlen(piece);
    }
    return bytes_view_of(text, size);
}

struct row_maker {
    const struct sample_options *options;
    struct arrow_builder builder;
    struct arrow_dictionary *dictionaries[SAMPLE_COLUMN_COUNT];
    int64_t row;
};

static void put_text(struct row_maker *maker, enum sample_column id, struct bytes_view text,
                     bool valid)
{
    struct arrow_column *column = &maker->builder.columns[id];
    if (maker->dictionaries[id] == NULL) {
        assert_int_equal(arrow_column_put_text(column, maker->row, text, valid), OK);
        return;
    }
    uint32_t index = valid ? arrow_dictionary_intern(maker->dictionaries[id], text) : 0;
    assert_int_not_equal(index, ARROW_DICTIONARY_FULL);
    arrow_column_put_u32(column, maker->row, index, valid);
}

static void put_hash(struct row_maker *maker, uint64_t id)
{
    uint8_t hash[32];
    spread(id, hash, sizeof hash);
    if (maker->dictionaries[SAMPLE_HASH] != NULL)
        put_text(maker, SAMPLE_HASH, bytes_view_of(hash, sizeof hash), true);
    else
        arrow_column_put_fixed(&maker->builder.columns[SAMPLE_HASH], maker->row, hash, true);
}

static void make_row(struct row_maker *maker, uint64_t *random)
{
    const struct sample_options *options = maker->options;
    struct arrow_column *columns = maker->builder.columns;
    int64_t row = maker->row;
    uint64_t accounts = options->account_count == 0 ? 100 : options->account_count;
    char text[256];
    arrow_column_put_i64(&columns[SAMPLE_TIME], row, 1700000000000000 + row / 300 * 5000000, true);
    arrow_column_put_u32(&columns[SAMPLE_LEDGER], row, (uint32_t)(50000000 + row / 300), true);
    put_hash(maker, options->distinct_hashes ? (uint64_t)row : (uint64_t)row / 3);
    uint64_t r = next_random(random);
    put_text(maker, SAMPLE_ACCOUNT, make_account(r % accounts, text), r >> 60 != 0);
    r = next_random(random);
    int digits = snprintf(text, sizeof text, "%llu", (unsigned long long)(r >> (r % 60)));
    put_text(maker, SAMPLE_AMOUNT, bytes_view_of(text, (size_t)digits), true);
    r = next_random(random);
    put_text(maker, SAMPLE_MEMO, make_memo(r, text), r >> 62 == 0);
    arrow_column_put_u32(&columns[SAMPLE_INDEX], row, (uint32_t)(row % 300), true);
    r = next_random(random);
    arrow_column_put_u32(&columns[SAMPLE_NUMBER], row, (uint32_t)r, r >> 61 != 0);
    r = next_random(random);
    __int128 decimal = (__int128)(int64_t)r * (int64_t)(next_random(random) >> 2);
    arrow_column_put_decimal(&columns[SAMPLE_DECIMAL], row, decimal, r % 16 != 0);
    put_text(maker, SAMPLE_NOTHING, bytes_view_of(NULL, 0), false);
}

void sample_batch(const struct sample_options *options, struct ArrowArray *out)
{
    struct row_maker maker = {.options = options};
    struct arrow_column_type types[SAMPLE_COLUMN_COUNT];
    static const uint32_t widths[SAMPLE_COLUMN_COUNT] = {
        [SAMPLE_TIME] = 8,  [SAMPLE_LEDGER] = 4, [SAMPLE_HASH] = 32,
        [SAMPLE_INDEX] = 4, [SAMPLE_NUMBER] = 4, [SAMPLE_DECIMAL] = 16,
    };
    for (size_t i = 0; i < SAMPLE_COLUMN_COUNT; i++) {
        bool encoded = options->dictionaries && repeats(i);
        types[i] = (struct arrow_column_type){encoded          ? ARROW_COLUMN_DICTIONARY
                                              : widths[i] != 0 ? ARROW_COLUMN_FIXED
                                                               : ARROW_COLUMN_TEXT,
                                              widths[i], schema_table[i].nullable};
        if (encoded) {
            assert_int_equal(
                arrow_dictionary_new(&maker.dictionaries[i], widths[i], 1u << 20, 64u << 20), OK);
        }
    }
    arrow_builder_init(&maker.builder, types, SAMPLE_COLUMN_COUNT);
    assert_int_equal(arrow_builder_reserve(&maker.builder, options->row_count), OK);
    uint64_t random = options->seed;
    for (maker.row = 0; maker.row < options->row_count; maker.row++) {
        make_row(&maker, &random);
        arrow_builder_end_row(&maker.builder);
    }
    struct arrow_values values[SAMPLE_COLUMN_COUNT];
    for (size_t i = 0; i < SAMPLE_COLUMN_COUNT; i++)
        values[i] = arrow_values_all(maker.dictionaries[i]);
    for (size_t i = 0; i < SAMPLE_COLUMN_COUNT && options->says_new; i++)
        values[i].first_new = options->first_new;
    assert_int_equal(arrow_builder_export(&maker.builder, values, out), OK);
    arrow_builder_release(&maker.builder);
    for (size_t i = 0; i < SAMPLE_COLUMN_COUNT; i++)
        arrow_dictionary_release(maker.dictionaries[i]);
}

static enum error_code close_group(struct parquet_writer *writer, struct buffer *file,
                                   struct error *error)
{
    size_t tasks;
    enum error_code code = parquet_writer_row_group_begin(writer, &tasks, error);
    for (size_t i = 0; code == OK && i < tasks; i++)
        code = parquet_writer_run_task(writer, i, error);
    return code == OK ? parquet_writer_row_group_finish(writer, file, error) : code;
}

static enum error_code write_rows(struct parquet_writer *writer,
                                  const struct sample_options *options,
                                  const struct ArrowArray *batch, struct buffer *file,
                                  struct error *error)
{
    enum error_code code = OK;
    int64_t at = 0;
    while (code == OK && at < batch->length) {
        int64_t taken;
        int64_t rows = batch->length - at;
        if (options->batch_rows != 0 && options->batch_rows < rows)
            rows = options->batch_rows;
        code = parquet_writer_append(writer, batch, at, rows, &taken, error);
        at += taken;
        if (code == OK && parquet_writer_row_group_is_full(writer))
            code = close_group(writer, file, error);
    }
    if (code == OK && parquet_writer_open_rows(writer) != 0)
        code = close_group(writer, file, error);
    return code;
}

static enum error_code write_file(const struct sample_options *options,
                                  const struct ArrowSchema *schema, const struct ArrowArray *batch,
                                  struct buffer *file, struct error *error)
{
    static const struct parquet_key_value pairs[] = {{"version", "1.1.0"}, {"empty", ""}};
    uint32_t footer_bytes;
    struct parquet_writer *writer;
    enum error_code code =
        parquet_writer_new(&writer, schema, sample_columns, &options->writer, error);
    if (code != OK)
        return code;
    code = write_rows(writer, options, batch, file, error);
    if (code == OK)
        code = parquet_writer_finish(writer, pairs, 2, file, &footer_bytes, error);
    if (code == OK)
        assert_int_equal(parquet_writer_row_count(writer), batch->length);
    parquet_writer_free(writer);
    return code;
}

enum error_code sample_write(const struct sample_options *options, const struct ArrowArray *batch,
                             struct buffer *file, struct error *error)
{
    struct ArrowSchema schema;
    sample_schema(options->dictionaries, &schema);
    mem_fail_after(options->fail_after);
    enum error_code code = write_file(options, &schema, batch, file, error);
    mem_fail_after(0);
    arrow_schema_release(&schema);
    return code;
}

void sample_file(const struct sample_options *options, struct buffer *file)
{
    struct error error;
    struct ArrowArray batch;
    error_clear(&error);
    sample_batch(options, &batch);
    if (sample_write(options, &batch, file, &error) != OK)
        fail_msg("%s", error.message);
    arrow_array_release(&batch);
}

struct bytes_view sample_value(const struct ArrowArray *batch, enum sample_column column,
                               int64_t row, bool *is_null)
{
    static uint8_t decimal[16];
    const struct ArrowArray *child = batch->children[column];
    const uint8_t *validity = child->buffers[0];
    assert_null(child->dictionary);
    *is_null = validity != NULL && (validity[row / 8] >> row % 8 & 1) == 0;
    if (schema_table[column].format[0] == 'u') {
        const int32_t *offsets = child->buffers[1];
        return bytes_view_of((const uint8_t *)child->buffers[2] + offsets[row],
                             (size_t)(offsets[row + 1] - offsets[row]));
    }
    static const size_t widths[SAMPLE_COLUMN_COUNT] = {
        [SAMPLE_TIME] = 8,  [SAMPLE_LEDGER] = 4, [SAMPLE_HASH] = 32,
        [SAMPLE_INDEX] = 4, [SAMPLE_NUMBER] = 4, [SAMPLE_DECIMAL] = 16,
    };
    const uint8_t *value = (const uint8_t *)child->buffers[1] + (size_t)row * widths[column];
    if (column != SAMPLE_DECIMAL)
        return bytes_view_of(value, widths[column]);
    for (int i = 0; i < 16; i++)
        decimal[i] = value[15 - i];
    return bytes_view_of(decimal, sizeof decimal);
}

static void assert_page_equals(const struct parquet_page_values *page,
                               const struct ArrowArray *batch, enum sample_column column,
                               int64_t first_row)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < page->row_count; i++) {
        bool is_null;
        struct bytes_view wanted = sample_value(batch, column, first_row + i, &is_null);
        assert_int_equal(is_null, page->validity != NULL && page->validity[i] == 0);
        if (is_null)
            continue;
        assert_true(bytes_equal(parquet_page_value(page, found), wanted));
        found++;
    }
    assert_int_equal(found, page->value_count);
}

void sample_assert_file_equals(const struct buffer *file, const struct ArrowArray *batch)
{
    struct error error;
    struct bytes_view bytes = buffer_view(file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample");
    struct parquet_file_metadata metadata;
    error_clear(&error);
    if (parquet_metadata_read(&source, &metadata, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(metadata.row_count, batch->length);
    struct parquet_column_reader *reader;
    assert_int_equal(parquet_column_reader_new(&reader, &error), OK);
    for (size_t c = 0; c < SAMPLE_COLUMN_COUNT; c++) {
        int64_t row = 0;
        for (size_t g = 0; g < metadata.row_group_count; g++) {
            struct parquet_page_values page;
            enum error_code code =
                parquet_column_reader_open(reader, &source, &metadata, g, c, &error);
            while (code == OK && (code = parquet_column_reader_next(reader, &page, &error)) == OK) {
                assert_page_equals(&page, batch, (enum sample_column)c, row);
                row += page.row_count;
            }
            if (code != ERR_NOT_FOUND)
                fail_msg("%s", error.message);
        }
        assert_int_equal(row, batch->length);
    }
    parquet_column_reader_free(reader);
    parquet_metadata_release(&metadata);
}
