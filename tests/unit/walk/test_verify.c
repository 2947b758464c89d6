// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/sample.h"
#include "walk/verify.h"
#include "util/memory.h"
#include "support/parquet_bytes.h"

static enum error_code verify(struct bytes_view bytes, enum parquet_verify_level level,
                              int64_t rows, struct error *error)
{
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample.parquet");
    return parquet_verify(&source, level, rows, error);
}

static void make_file(struct buffer *file, int64_t rows, bool dictionaries)
{
    struct sample_options options = sample_defaults(rows);
    options.dictionaries = dictionaries;
    options.writer.page_size_bytes = 1024;
    options.writer.row_group_rows = (uint32_t)(rows * 2 / 3 + 1);
    buffer_init(file);
    sample_file(&options, file);
}

static uint64_t footer_offset(const struct buffer *file)
{
    uint32_t size;
    memcpy(&size, file->data + file->size_bytes - 8, sizeof size);
    return file->size_bytes - 8 - size;
}

static void a_good_file_passes_every_level(void **state)
{
    (void)state;
    struct buffer file;
    struct error error;
    make_file(&file, 3000, false);
    for (int level = PARQUET_VERIFY_OFF; level <= PARQUET_VERIFY_VALUES; level++) {
        assert_int_equal(verify(buffer_view(&file), (enum parquet_verify_level)level, 3000, &error),
                         OK);
        assert_int_equal(verify(buffer_view(&file), (enum parquet_verify_level)level, -1, &error),
                         OK);
    }
    buffer_release(&file);
}

static void another_number_of_rows_is_found_at_the_footer(void **state)
{
    (void)state;
    struct buffer file;
    struct error error;
    make_file(&file, 300, false);
    assert_int_equal(verify(buffer_view(&file), PARQUET_VERIFY_FOOTER, 301, &error), ERR_CORRUPT);
    assert_string_equal(error.message, "sample.parquet: has 300 rows, not 301");
    buffer_release(&file);
}

static void a_file_cut_anywhere_is_found_at_the_footer(void **state)
{
    (void)state;
    struct buffer file;
    make_file(&file, 300, false);
    for (size_t size = 0; size < file.size_bytes; size += size < 100 ? 1 : 37)
        assert_int_equal(verify(bytes_view_of(file.data, size), PARQUET_VERIFY_FOOTER, -1, NULL),
                         ERR_CORRUPT);
    buffer_release(&file);
}

/* The page bodies of a chunk, by its offset index. */
static void assert_damage_is_found(struct buffer *file, uint64_t first, uint64_t size)
{
    for (uint64_t at = first; at < first + size; at += 13) {
        file->data[at] ^= 0x10;
        assert_int_equal(verify(buffer_view(file), PARQUET_VERIFY_PAGES, -1, NULL), ERR_CORRUPT);
        file->data[at] ^= 0x10;
    }
}

static void a_damaged_page_is_found_by_its_crc(void **state)
{
    (void)state;
    struct buffer file;
    struct parquet_file_metadata metadata;
    make_file(&file, 600, false);
    struct bytes_view bytes = buffer_view(&file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample");
    assert_int_equal(parquet_metadata_read(&source, &metadata, NULL), OK);
    for (size_t c = 0; c < SAMPLE_COLUMN_COUNT; c++) {
        const struct parquet_chunk_metadata *chunk = &metadata.row_groups[0].chunks[c];
        /* The first header takes less than 40 bytes; what is behind it to the next page is body. */
        if (chunk->compressed_bytes > 200)
            assert_damage_is_found(&file, chunk->offset + 40, 60);
    }
    parquet_metadata_release(&metadata);
    buffer_release(&file);
}

static void the_message_names_file_column_and_byte(void **state)
{
    (void)state;
    struct buffer file;
    struct error error;
    make_file(&file, 600, false);
    file.data[34] ^= 1; /* in the dictionary of the first column */
    assert_int_equal(verify(buffer_view(&file), PARQUET_VERIFY_PAGES, -1, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "sample.parquet: row group 0, column timestamp"));
    assert_non_null(strstr(error.message, "CRC"));
    buffer_release(&file);
}

static void any_flipped_bit_is_survived(void **state)
{
    (void)state;
    struct buffer file;
    make_file(&file, 120, true);
    for (size_t at = 0; at < file.size_bytes; at++) {
        uint8_t bit = (uint8_t)(1 << at % 8);
        file.data[at] ^= bit;
        struct error error;
        enum error_code code = verify(buffer_view(&file), PARQUET_VERIFY_VALUES, 120, &error);
        assert_true(code == OK || code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT);
        file.data[at] ^= bit;
    }
    buffer_release(&file);
}

/* Statistics live in the footer, which has no checksum: only their values give a lie away. */
static void a_wrong_minimum_is_found_by_the_values(void **state)
{
    (void)state;
    struct buffer file;
    make_file(&file, 300, false);
    uint64_t footer = footer_offset(&file);
    int64_t time = 1700000000000000; /* both the exact minimum and a value of the column */
    size_t found = 0;
    for (size_t at = footer; at + sizeof time < file.size_bytes; at++) {
        if (memcmp(file.data + at, &time, sizeof time) != 0)
            continue;
        found++;
        file.data[at] ^= 1;
        assert_int_equal(verify(buffer_view(&file), PARQUET_VERIFY_PAGES, 300, NULL), OK);
        assert_int_equal(verify(buffer_view(&file), PARQUET_VERIFY_VALUES, 300, NULL), ERR_CORRUPT);
        file.data[at] ^= 1;
    }
    assert_true(found >= 2);
    buffer_release(&file);
}

static void bytes_that_are_no_parquet_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[64];
    for (int i = 0; i < 64; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(verify(bytes_view_of(bytes, sizeof bytes), PARQUET_VERIFY_FOOTER, -1, NULL),
                     ERR_CORRUPT);
    memcpy(bytes, "PAR1", 4);
    memcpy(bytes + 60, "PAR1", 4);
    assert_int_equal(verify(bytes_view_of(bytes, sizeof bytes), PARQUET_VERIFY_FOOTER, -1, NULL),
                     ERR_CORRUPT);
    memcpy(bytes + 56, "\x20\0\0\0", 4);
    assert_int_equal(verify(bytes_view_of(bytes, sizeof bytes), PARQUET_VERIFY_FOOTER, -1, NULL),
                     ERR_CORRUPT);
}

static void every_failed_allocation_of_verify_is_an_error(void **state)
{
    (void)state;
    struct buffer file;
    make_file(&file, 300, false);
    for (uint64_t n = 1;; n++) {
        struct error error;
        mem_fail_after(n);
        enum error_code code = verify(buffer_view(&file), PARQUET_VERIFY_VALUES, 300, &error);
        mem_fail_after(0);
        if (code == OK) {
            assert_true(n > 20);
            break;
        }
        assert_int_equal(code, ERR_NO_MEMORY);
    }
    buffer_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_passes_every_level),
        cmocka_unit_test(another_number_of_rows_is_found_at_the_footer),
        cmocka_unit_test(a_file_cut_anywhere_is_found_at_the_footer),
        cmocka_unit_test(a_damaged_page_is_found_by_its_crc),
        cmocka_unit_test(the_message_names_file_column_and_byte),
        cmocka_unit_test(any_flipped_bit_is_survived),
        cmocka_unit_test(a_wrong_minimum_is_found_by_the_values),
        cmocka_unit_test(bytes_that_are_no_parquet_are_refused),
        cmocka_unit_test(every_failed_allocation_of_verify_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
