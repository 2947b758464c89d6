// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "parquet/reader.h"
#include "support/sample.h"
#include "support/parquet_bytes.h"

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
    struct parquet_column_reader *reader;
    assert_int_equal(parquet_column_reader_new(&reader, &error), OK);
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

/* The page that comes, with the right values. */
static struct parquet_page_values next_page(const struct opened *opened,
                                            struct parquet_column_reader *reader, int column)
{
    struct parquet_page_values page;
    struct error error;
    if (parquet_column_reader_next(reader, &page, &error) != OK)
        fail_msg("%s", error.message);
    assert_page(opened, (enum sample_column)column, &page);
    return page;
}

static void open_column(const struct opened *opened, struct parquet_column_reader *reader,
                        int column)
{
    assert_int_equal(parquet_column_reader_open(reader, &opened->source, &opened->metadata, 0,
                                                (size_t)column, NULL),
                     OK);
}

/* Opens a column and reads its first page. False if that is its only one. */
static bool open_column_of_pages(const struct opened *opened, struct parquet_column_reader *reader,
                                 int column, struct parquet_page_values *first)
{
    open_column(opened, reader, column);
    *first = next_page(opened, reader, column);
    return first->row_count < ROWS;
}

/* Pages that end just before the row are passed over; one that ends with it is not. */
static void the_page_that_ends_at_the_row_is_told_from_the_one_before_it(void **state)
{
    (void)state;
    struct opened opened;
    int columns = 0;
    open_sample(&opened);
    struct error error;
    struct parquet_column_reader *reader;
    assert_int_equal(parquet_column_reader_new(&reader, &error), OK);
    for (int column = 0; column < SAMPLE_COLUMN_COUNT; column++) {
        struct parquet_page_values first;
        if (!open_column_of_pages(&opened, reader, column, &first))
            continue;
        columns++;
        struct parquet_page_values second = next_page(&opened, reader, column);
        int64_t end = second.first_row + second.row_count;
        assert_true(end < ROWS);
        open_column(&opened, reader, column);
        parquet_column_reader_seek(reader, end - 1);
        struct parquet_page_values page = next_page(&opened, reader, column);
        assert_int_equal(page.first_row, second.first_row);
        open_column(&opened, reader, column);
        parquet_column_reader_seek(reader, end);
        page = next_page(&opened, reader, column);
        assert_int_equal(page.first_row, end);
    }
    assert_in_range(columns, 3, SAMPLE_COLUMN_COUNT);
    parquet_column_reader_free(reader);
    close_sample(&opened);
}

/* What was passed over is behind; what was not comes, as if nobody had asked for more. */
static void a_seek_downward_takes_an_earlier_one_back(void **state)
{
    (void)state;
    struct opened opened;
    int columns = 0;
    open_sample(&opened);
    struct error error;
    struct parquet_column_reader *reader;
    assert_int_equal(parquet_column_reader_new(&reader, &error), OK);
    for (int column = 0; column < SAMPLE_COLUMN_COUNT; column++) {
        struct parquet_page_values first;
        if (!open_column_of_pages(&opened, reader, column, &first))
            continue;
        columns++;
        parquet_column_reader_seek(reader, ROWS - 1);
        parquet_column_reader_seek(reader, 1);
        struct parquet_page_values second = next_page(&opened, reader, column);
        assert_int_equal(second.first_row, first.row_count);
        /* Another chunk begins at its first row, wherever the one before was to go on. */
        parquet_column_reader_seek(reader, ROWS - 1);
        open_column(&opened, reader, column);
        assert_int_equal(next_page(&opened, reader, column).first_row, 0);
    }
    assert_in_range(columns, 3, SAMPLE_COLUMN_COUNT);
    parquet_column_reader_free(reader);
    close_sample(&opened);
}

static void a_page_whose_bytes_changed_is_not_read(void **state)
{
    (void)state;
    struct opened opened;
    open_sample(&opened);
    struct error error;
    struct parquet_column_reader *reader;
    assert_int_equal(parquet_column_reader_new(&reader, &error), OK);
    for (int column = 0; column < SAMPLE_COLUMN_COUNT; column++) {
        const struct parquet_chunk_metadata *chunk = &opened.metadata.row_groups[0].chunks[column];
        struct parquet_page_values page;
        enum error_code code = OK;
        opened.file.data[chunk->offset + chunk->compressed_bytes - 1] ^= 1;
        open_column(&opened, reader, column);
        while (code == OK)
            code = parquet_column_reader_next(reader, &page, &error);
        assert_int_equal(code, ERR_CORRUPT);
        assert_non_null(strstr(error.message, "CRC"));
    }
    parquet_column_reader_free(reader);
    close_sample(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_seeks_comes_to_the_page_of_the_row),
        cmocka_unit_test(the_page_that_ends_at_the_row_is_told_from_the_one_before_it),
        cmocka_unit_test(a_seek_downward_takes_an_earlier_one_back),
        cmocka_unit_test(a_page_whose_bytes_changed_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
