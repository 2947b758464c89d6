// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "parquet/reader.h"
#include "parquet/sample.h"

#define ROWS 20000

struct opened {
    struct buffer file;
    struct bytes_view bytes;
    struct parquet_source source;
    struct parquet_file_metadata metadata;
    struct ArrowArray batch;
};

/* A file of many small pages. */
static void open_sample(struct opened *opened)
{
    struct sample_options options = sample_defaults(ROWS);
    struct error error;
    options.writer.page_size_bytes = 2048;
    buffer_init(&opened->file);
    sample_batch(&options, &opened->batch);
    sample_file(&options, &opened->file);
    opened->bytes = buffer_view(&opened->file);
    opened->source = parquet_source_of_bytes(&opened->bytes, "sample");
    if (parquet_metadata_read(&opened->source, &opened->metadata, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(opened->metadata.row_group_count, 1);
}

static void close_sample(struct opened *opened)
{
    parquet_metadata_release(&opened->metadata);
    arrow_array_release(&opened->batch);
    buffer_release(&opened->file);
}

static void assert_page(const struct opened *opened, enum sample_column column,
                        const struct parquet_page_values *page)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < page->row_count; i++) {
        bool is_null;
        struct bytes_view expected =
            sample_value(&opened->batch, column, page->first_row + i, &is_null);
        assert_int_equal(is_null, page->validity != NULL && page->validity[i] == 0);
        if (!is_null)
            assert_true(bytes_equal(expected, parquet_page_value(page, value++)));
    }
    assert_int_equal(value, page->value_count);
}

static void a_reader_that_seeks_comes_to_the_page_of_the_row(void **state)
{
    (void)state;
    static const int64_t rows[] = {0, 1, 4999, 5000, 12345, ROWS - 1};
    struct opened opened;
    struct error error;
    open_sample(&opened);
    struct parquet_column_reader *reader = parquet_column_reader_new(&error);
    for (int column = 0; column < SAMPLE_COLUMN_COUNT; column++) {
        struct parquet_page_values page = {0};
        assert_int_equal(parquet_column_reader_open(reader, &opened.source, &opened.metadata, 0,
                                                    (size_t)column, &error),
                         OK);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            parquet_column_reader_seek(reader, rows[i]);
            if (rows[i] < page.first_row + page.row_count)
                continue; /* it was read */
            assert_int_equal(parquet_column_reader_next(reader, &page, &error), OK);
            assert_in_range(rows[i], page.first_row, page.first_row + page.row_count - 1);
            assert_page(&opened, (enum sample_column)column, &page);
        }
        parquet_column_reader_seek(reader, ROWS);
        assert_int_equal(parquet_column_reader_next(reader, &page, &error), ERR_NOT_FOUND);
    }
    parquet_column_reader_free(reader);
    close_sample(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_seeks_comes_to_the_page_of_the_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
