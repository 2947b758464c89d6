// SPDX-License-Identifier: Apache-2.0
/* Rows of files in pages of all kinds, as Arrow batches, against the rows that were written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "support/parquet_bytes.h"
#include "support/sample.h"
#include "walk/stored_batches.h"

#define ROWS 9000

static struct error error;

/* The sample's columns as a schema of rows. */
static void make_schema(struct ArrowSchema *arrow, struct row_schema *schema)
{
    sample_schema(false, arrow);
    *schema = (struct row_schema){.column_count = SAMPLE_COLUMN_COUNT};
    for (size_t i = 0; i < SAMPLE_COLUMN_COUNT; i++)
        schema->columns[i] = (struct row_column){.name = arrow->children[i]->name,
                                                 .arrow_format = arrow->children[i]->format};
}

static bool is_null_at(const struct ArrowArray *array, int64_t at)
{
    const uint8_t *validity = array->buffers[0];
    return validity != NULL && (validity[at >> 3] >> (at & 7) & 1) == 0;
}

/* As sample_value gives it. */
static struct bytes_view value_at(const struct ArrowArray *array, int64_t at, size_t width,
                                  uint8_t swapped[16])
{
    if (array->dictionary != NULL) {
        at = ((const int32_t *)array->buffers[1])[at];
        array = array->dictionary;
    }
    if (width == 0) {
        const int32_t *offsets = array->buffers[1];
        return bytes_view_of((const uint8_t *)array->buffers[2] + offsets[at],
                             (size_t)(offsets[at + 1] - offsets[at]));
    }
    const uint8_t *value = (const uint8_t *)array->buffers[1] + (size_t)at * width;
    if (width != 16)
        return bytes_view_of(value, width);
    for (size_t i = 0; i < 16; i++)
        swapped[i] = value[15 - i];
    return bytes_view_of(swapped, 16);
}

static void assert_rows(const struct ArrowArray *rows, const struct ArrowArray *batch,
                        int64_t first_row)
{
    uint8_t swapped[16];
    for (int column = 0; column < SAMPLE_COLUMN_COUNT; column++) {
        const struct ArrowArray *child = rows->children[column];
        assert_int_equal(child->length, rows->length);
        for (int64_t row = 0; row < rows->length; row++) {
            bool is_null;
            struct bytes_view wanted =
                sample_value(batch, (enum sample_column)column, first_row + row, &is_null);
            assert_int_equal(is_null_at(child, child->offset + row), is_null);
            if (is_null)
                continue;
            bool is_text = child->dictionary != NULL || child->n_buffers == 3;
            struct bytes_view found =
                value_at(child, child->offset + row, is_text ? 0 : wanted.size_bytes, swapped);
            assert_true(bytes_equal(found, wanted));
        }
    }
}

/* From `first` on in steps of at most `step`. */
static void read_all(const struct buffer *file, const struct ArrowArray *batch, int64_t first,
                     int64_t step)
{
    struct ArrowSchema arrow;
    struct row_schema schema;
    struct stored_batches *batches;
    struct parquet_file_metadata metadata;
    struct bytes_view bytes = buffer_view(file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample.parquet");
    make_schema(&arrow, &schema);
    assert_int_equal(parquet_metadata_read(&source, &metadata, &error), OK);
    assert_int_equal(stored_batches_new(&batches, &schema, &error), OK);
    int64_t before = 0, seen = 0;
    for (size_t g = 0; g < metadata.row_group_count; g++) {
        int64_t count = metadata.row_groups[g].row_count;
        assert_int_equal(stored_batches_open(batches, &source, &metadata, g, &error), OK);
        for (int64_t row = first < count ? first : 0; row < count;) {
            const struct ArrowArray *rows;
            int64_t most = count - row < step ? count - row : step;
            if (stored_batches_read(batches, row, most, &rows, &error) != OK)
                fail_msg("%s", error.message);
            assert_true(rows->length > 0 && rows->length <= most);
            assert_rows(rows, batch, before + row);
            row += rows->length;
            seen += rows->length;
        }
        before += count;
    }
    assert_true(seen > 0);
    stored_batches_free(batches);
    parquet_metadata_release(&metadata);
    arrow_schema_release(&arrow);
}

static void every_page_becomes_the_rows_that_were_written(void **state)
{
    (void)state;
    static const uint32_t page_sizes[] = {0, 3000}, row_groups[] = {0, 2500};
    for (int profile = PARQUET_PROFILE_COMPATIBLE; profile <= PARQUET_PROFILE_COMPACT; profile++)
        for (size_t i = 0; i < 4; i++) {
            struct sample_options options = sample_defaults(ROWS);
            struct ArrowArray batch;
            struct buffer file;
            buffer_init(&file);
            options.writer.profile = (enum parquet_profile)profile;
            options.writer.page_size_bytes = page_sizes[i % 2];
            options.writer.row_group_rows = row_groups[i / 2];
            options.distinct_hashes = true;
            options.account_count = i == 0 ? 100 : ROWS;
            sample_batch(&options, &batch);
            sample_file(&options, &file);
            read_all(&file, &batch, 0, ROWS);
            read_all(&file, &batch, 0, 333);
            read_all(&file, &batch, 1777, 1000);
            buffer_release(&file);
            arrow_array_release(&batch);
        }
}

static void a_file_without_a_column_or_with_another_kind_of_it_is_damaged(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(100);
    struct ArrowSchema arrow;
    struct row_schema schema;
    struct stored_batches *batches;
    struct parquet_file_metadata metadata;
    struct buffer file;
    buffer_init(&file);
    sample_file(&options, &file);
    struct bytes_view bytes = buffer_view(&file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample.parquet");
    assert_int_equal(parquet_metadata_read(&source, &metadata, &error), OK);
    make_schema(&arrow, &schema);
    const char *name = schema.columns[SAMPLE_ACCOUNT].name;
    schema.columns[SAMPLE_ACCOUNT].name = "nobody";
    assert_int_equal(stored_batches_new(&batches, &schema, &error), OK);
    assert_int_equal(stored_batches_open(batches, &source, &metadata, 0, &error), ERR_CORRUPT);
    stored_batches_free(batches);
    schema.columns[SAMPLE_ACCOUNT].name = name;
    for (int turn = 0; turn < 2; turn++) { /* a number as a text, and a text as a number */
        const struct ArrowArray *rows;
        int column = turn == 0 ? SAMPLE_LEDGER : SAMPLE_AMOUNT;
        const char *format = schema.columns[column].arrow_format;
        schema.columns[column].arrow_format = turn == 0 ? "u" : "I";
        assert_int_equal(stored_batches_new(&batches, &schema, &error), OK);
        assert_int_equal(stored_batches_open(batches, &source, &metadata, 0, &error), OK);
        assert_int_equal(stored_batches_read(batches, 0, 100, &rows, &error), ERR_CORRUPT);
        stored_batches_free(batches);
        schema.columns[column].arrow_format = format;
    }
    parquet_metadata_release(&metadata);
    arrow_schema_release(&arrow);
    buffer_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_becomes_the_rows_that_were_written),
        cmocka_unit_test(a_file_without_a_column_or_with_another_kind_of_it_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
