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
#include "walk/verify.h"

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
            const struct ArrowArray *values = child->dictionary != NULL ? child->dictionary : child;
            bool is_text = values->n_buffers == 3;
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

/* Appends all rows of the file, in steps. */
static void copy_rows(struct parquet_writer *writer, const struct row_schema *schema,
                      const struct buffer *file, struct buffer *copy)
{
    struct stored_batches *batches;
    struct parquet_file_metadata metadata;
    struct bytes_view bytes = buffer_view(file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample.parquet");
    size_t tasks;
    assert_int_equal(parquet_metadata_read(&source, &metadata, &error), OK);
    assert_int_equal(stored_batches_new(&batches, schema, &error), OK);
    for (size_t g = 0; g < metadata.row_group_count; g++) {
        assert_int_equal(stored_batches_open(batches, &source, &metadata, g, &error), OK);
        for (int64_t row = 0, taken; row < metadata.row_groups[g].row_count; row += taken) {
            const struct ArrowArray *rows;
            int64_t most = metadata.row_groups[g].row_count - row;
            assert_int_equal(
                stored_batches_read(batches, row, most < 777 ? most : 777, &rows, &error), OK);
            if (parquet_writer_append(writer, rows, 0, rows->length, &taken, &error) != OK)
                fail_msg("%s", error.message);
            if (!parquet_writer_row_group_is_full(writer))
                continue;
            assert_int_equal(parquet_writer_row_group_begin(writer, &tasks, &error), OK);
            for (size_t i = 0; i < tasks; i++)
                assert_int_equal(parquet_writer_run_task(writer, i, &error), OK);
            assert_int_equal(parquet_writer_row_group_finish(writer, copy, &error), OK);
        }
    }
    stored_batches_free(batches);
    parquet_metadata_release(&metadata);
}

/* Three files become one, whose row groups hold rows of two of them. */
static void assert_copied(const struct sample_options *options)
{
    struct ArrowSchema arrow;
    struct row_schema schema;
    struct ArrowArray whole;
    struct buffer copy;
    struct parquet_writer *writer;
    struct parquet_writer_options wanted = options->writer;
    uint32_t footer_bytes;
    buffer_init(&copy);
    make_schema(&arrow, &schema);
    wanted.row_group_rows = (uint32_t)options->row_count / 2;
    assert_int_equal(parquet_writer_new(&writer, &arrow, sample_columns, &wanted, &error), OK);
    sample_batch(options, &whole);
    for (int64_t part = 0; part < 3; part++) {
        struct sample_options third = *options;
        struct ArrowArray rows = whole;
        struct buffer file;
        buffer_init(&file);
        third.row_count = rows.length = options->row_count / 3;
        rows.offset = part * rows.length;
        assert_int_equal(sample_write(&third, &rows, &file, &error), OK);
        copy_rows(writer, &schema, &file, &copy);
        buffer_release(&file);
    }
    assert_int_equal(parquet_writer_open_rows(writer), 0);
    assert_int_equal(parquet_writer_finish(writer, NULL, 0, &copy, &footer_bytes, &error), OK);
    struct bytes_view bytes = buffer_view(&copy);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "copy.parquet");
    if (parquet_verify(&source, PARQUET_VERIFY_VALUES, options->row_count, &error) != OK)
        fail_msg("%s", error.message);
    sample_assert_file_equals(&copy, &whole);
    parquet_writer_free(writer);
    arrow_array_release(&whole);
    arrow_schema_release(&arrow);
    buffer_release(&copy);
}

static void rows_that_are_written_anew_are_the_same(void **state)
{
    (void)state;
    for (int profile = PARQUET_PROFILE_COMPATIBLE; profile <= PARQUET_PROFILE_COMPACT; profile++)
        for (int i = 0; i < 4; i++) {
            struct sample_options options = sample_defaults(i == 3 ? 150000 : 6000);
            options.writer.profile = (enum parquet_profile)profile;
            options.writer.page_size_bytes = i == 1 ? 3000 : 0;
            options.distinct_hashes = i >= 2;
            options.account_count = i < 2 ? 100 : (uint32_t)options.row_count;
            assert_copied(&options);
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
        cmocka_unit_test(rows_that_are_written_anew_are_the_same),
        cmocka_unit_test(a_file_without_a_column_or_with_another_kind_of_it_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
