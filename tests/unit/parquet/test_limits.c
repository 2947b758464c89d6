// SPDX-License-Identifier: Apache-2.0
/* Sizes and counts of a crafted file are not believed: memory is taken for what is there, and the
 * error says what was asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <malloc.h>
#include <string.h>

#include "parquet/page_header.h"
#include "parquet/reader.h"
#include "support/sample.h"

#define ROWS       20000
#define BODY_BYTES 100
/* What a reader of the small sample takes, with its windows, is far below this. */
#define BOUND_BYTES ((size_t)32 << 20)

/* A file, some bytes of which read otherwise, and that may claim to be longer than it is. */
struct crafted {
    struct buffer file, patch;
    uint64_t patch_offset;
    uint64_t size_bytes;
    struct parquet_source source;
    struct parquet_file_metadata metadata;
};

static enum error_code read_crafted(void *context, uint64_t offset, void *data, size_t size_bytes,
                                    struct error *error)
{
    const struct crafted *crafted = context;
    uint8_t *out = data;
    (void)error;
    for (size_t i = 0; i < size_bytes; i++) {
        uint64_t at = offset + i;
        bool is_patched =
            at >= crafted->patch_offset && at - crafted->patch_offset < crafted->patch.size_bytes;
        out[i] = is_patched                      ? crafted->patch.data[at - crafted->patch_offset]
                 : at < crafted->file.size_bytes ? crafted->file.data[at]
                                                 : 0;
    }
    return OK;
}

static void open_crafted(struct crafted *crafted)
{
    struct sample_options options = sample_defaults(ROWS);
    options.writer.codec = PARQUET_CODEC_NONE;
    *crafted = (struct crafted){0};
    buffer_init(&crafted->file);
    buffer_init(&crafted->patch);
    sample_file(&options, &crafted->file);
    crafted->size_bytes = crafted->file.size_bytes;
    crafted->source = (struct parquet_source){.size_bytes = crafted->size_bytes,
                                              .name = "crafted",
                                              .context = crafted,
                                              .read = read_crafted};
    assert_int_equal(parquet_metadata_read(&crafted->source, &crafted->metadata, NULL), OK);
}

static void close_crafted(struct crafted *crafted)
{
    parquet_metadata_release(&crafted->metadata);
    buffer_release(&crafted->file);
    buffer_release(&crafted->patch);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Puts the header, and a body of zeros with the right checksum, in the place of the first page of
 * the column, and reads the chunk. */
static void assert_page_refused(enum sample_column column, const struct page_header *header,
                                enum error_code expected, const char *words)
{
    static const uint8_t zeros[BODY_BYTES];
    struct page_header signed_header = *header;
    signed_header.crc = page_crc(bytes_view_of(zeros, BODY_BYTES));
    struct crafted crafted;
    struct parquet_page_values page;
    struct error error;
    open_crafted(&crafted);
    crafted.patch_offset = crafted.metadata.row_groups[0].chunks[column].offset;
    assert_int_equal(page_header_write(&signed_header, &crafted.patch), OK);
    assert_int_equal(buffer_append(&crafted.patch, zeros, BODY_BYTES), OK);
    size_t before = heap_bytes();
    struct parquet_column_reader *reader;
    assert_int_equal(parquet_column_reader_new(&reader, &error), OK);
    enum error_code code = parquet_column_reader_open(reader, &crafted.source, &crafted.metadata, 0,
                                                      (size_t)column, &error);
    if (code == OK)
        code = parquet_column_reader_next(reader, &page, &error);
    assert_true(heap_bytes() < before + BOUND_BYTES);
    assert_int_equal(code, expected);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, error.message);
    parquet_column_reader_free(reader);
    close_crafted(&crafted);
}

static struct page_header data_page(void)
{
    return (struct page_header){.type = PARQUET_DATA_PAGE,
                                .uncompressed_bytes = BODY_BYTES,
                                .compressed_bytes = BODY_BYTES,
                                .value_count = 10,
                                .encoding = PARQUET_PLAIN,
                                .definition_levels_encoding = PARQUET_RLE};
}

static void a_page_that_says_two_gigabytes_is_refused(void **state)
{
    (void)state;
    struct page_header header = data_page();
    header.uncompressed_bytes = INT32_MAX;
    assert_page_refused(SAMPLE_INDEX, &header, ERR_LIMIT, "a page of 2147483647 bytes");
    header.uncompressed_bytes = BODY_BYTES;
    header.compressed_bytes = INT32_MAX;
    assert_page_refused(SAMPLE_INDEX, &header, ERR_CORRUPT, "reaches beyond its column chunk");
}

static void a_page_that_says_two_billion_values_is_refused(void **state)
{
    (void)state;
    struct page_header header = data_page();
    header.value_count = INT32_MAX;
    assert_page_refused(SAMPLE_INDEX, &header, ERR_LIMIT, "a page of 2147483647 rows is larger");
    assert_page_refused(SAMPLE_MEMO, &header, ERR_LIMIT, "a page of 2147483647 rows is larger");
    header.value_count = PARQUET_MAX_PAGE_ROWS;
    assert_page_refused(SAMPLE_INDEX, &header, ERR_CORRUPT, "more rows than its row group");
}

static void a_dictionary_that_says_two_billion_values_or_bytes_is_refused(void **state)
{
    (void)state;
    struct page_header header = data_page();
    header.type = PARQUET_DICTIONARY_PAGE;
    header.value_count = INT32_MAX;
    assert_page_refused(SAMPLE_ACCOUNT, &header, ERR_CORRUPT, "values are damaged");
    header.value_count = 10;
    header.uncompressed_bytes = INT32_MAX;
    assert_page_refused(SAMPLE_ACCOUNT, &header, ERR_LIMIT, "a page of 2147483647 bytes");
}

static void assert_footer_refused(struct crafted *crafted, uint64_t size_bytes,
                                  uint32_t footer_bytes, enum error_code expected,
                                  const char *words)
{
    struct parquet_file_metadata metadata;
    struct error error;
    buffer_reset(&crafted->patch);
    crafted->source.size_bytes = size_bytes;
    crafted->patch_offset = size_bytes - 8;
    assert_int_equal(buffer_append(&crafted->patch, &footer_bytes, sizeof footer_bytes), OK);
    assert_int_equal(buffer_append(&crafted->patch, "PAR1", 4), OK);
    size_t before = heap_bytes();
    assert_int_equal(parquet_metadata_read(&crafted->source, &metadata, &error), expected);
    assert_true(heap_bytes() < before + BOUND_BYTES);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, error.message);
}

static void a_footer_that_says_more_than_there_is_or_may_be_is_refused(void **state)
{
    (void)state;
    struct crafted crafted;
    open_crafted(&crafted);
    assert_footer_refused(&crafted, crafted.size_bytes, UINT32_MAX, ERR_CORRUPT,
                          "a footer of 4294967295 bytes does not fit the file");
    assert_footer_refused(&crafted, UINT64_C(1) << 40, UINT32_MAX, ERR_LIMIT,
                          "a footer of 4294967295 bytes is larger than");
    assert_footer_refused(&crafted, UINT64_C(1) << 40, PARQUET_MAX_FOOTER_BYTES + 1, ERR_LIMIT,
                          "is larger than");
    close_crafted(&crafted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_that_says_two_gigabytes_is_refused),
        cmocka_unit_test(a_page_that_says_two_billion_values_is_refused),
        cmocka_unit_test(a_dictionary_that_says_two_billion_values_or_bytes_is_refused),
        cmocka_unit_test(a_footer_that_says_more_than_there_is_or_may_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
