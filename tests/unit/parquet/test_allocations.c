// SPDX-License-Identifier: Apache-2.0
/* Every allocation of writing, reading and checking a file fails in turn, for each codec and
 * profile: an error, nothing left over, and never another file or other values. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/sample.h"
#include "walk/verify.h"
#include "support/allocation_sweep.h"
#include "util/buffer.h"
#include "support/parquet_bytes.h"

#define ROWS 600

static struct error error;

static const enum parquet_codec codecs[] = {PARQUET_CODEC_NONE, PARQUET_CODEC_SNAPPY,
                                            PARQUET_CODEC_GZIP, PARQUET_CODEC_LZ4,
                                            PARQUET_CODEC_ZSTD, PARQUET_CODEC_BROTLI};
#define CODEC_COUNT (sizeof codecs / sizeof codecs[0])
static const enum parquet_profile profiles[] = {PARQUET_PROFILE_COMPATIBLE,
                                                PARQUET_PROFILE_COMPACT};

static struct sample_options options_of(enum parquet_codec codec, enum parquet_profile profile,
                                        bool dictionaries)
{
    struct sample_options options = sample_defaults(ROWS);
    options.dictionaries = dictionaries;
    options.writer.codec = codec;
    options.writer.compression_level = 1;
    options.writer.profile = profile;
    options.writer.page_size_bytes = 2048;
    options.writer.row_group_rows = ROWS * 2 / 3;
    return options;
}

static enum error_code close_group(struct parquet_writer *writer, struct buffer *file)
{
    size_t tasks;
    enum error_code code = parquet_writer_row_group_begin(writer, &tasks, &error);
    for (size_t i = 0; code == OK && i < tasks; i++)
        code = parquet_writer_run_task(writer, i, &error);
    return code == OK ? parquet_writer_row_group_finish(writer, file, &error) : code;
}

/* All that a writer is asked for; in every case it is freed. */
static enum error_code write_file(const struct sample_options *options,
                                  const struct ArrowSchema *schema, const struct ArrowArray *batch,
                                  struct buffer *file)
{
    uint32_t footer_bytes;
    struct parquet_writer *writer;
    enum error_code code =
        parquet_writer_new(&writer, schema, sample_columns, &options->writer, &error);
    if (code != OK)
        return code;
    for (int64_t at = 0, taken; code == OK && at < batch->length; at += taken) {
        code = parquet_writer_append(writer, batch, at, batch->length - at, &taken, &error);
        if (code == OK)
            code = close_group(writer, file);
    }
    if (code == OK)
        code = parquet_writer_finish(writer, NULL, 0, file, &footer_bytes, &error);
    parquet_writer_free(writer);
    return code;
}

static void sweep_writing(const struct sample_options *options, uint64_t step)
{
    struct allocation_sweep sweep = {.step = step};
    struct ArrowSchema schema;
    struct ArrowArray batch;
    struct buffer whole;
    buffer_init(&whole);
    sample_schema(options->dictionaries, &schema);
    sample_batch(options, &batch);
    while (sweep_next(&sweep)) {
        struct buffer file;
        buffer_init(&file);
        sweep_begin(&sweep);
        bool done = sweep_end(&sweep, write_file(options, &schema, &batch, &file));
        if (sweep.number == 0)
            assert_int_equal(buffer_append(&whole, file.data, file.size_bytes), OK);
        if (done)
            assert_true(bytes_equal(buffer_view(&file), buffer_view(&whole)));
        buffer_release(&file);
    }
    assert_true(sweep.failures > 1);
    buffer_release(&whole);
    arrow_array_release(&batch);
    arrow_schema_release(&schema);
}

static void a_file_is_written_as_always_or_not(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (size_t c = 0; c < CODEC_COUNT; c++) {
            struct sample_options options = options_of(codecs[c], profiles[p], c % 2 == 0);
            sweep_writing(&options, codecs[c] == PARQUET_CODEC_BROTLI ? 29 : 7);
            options.dictionaries = !options.dictionaries;
            options.distinct_hashes = true;
            sweep_writing(&options, codecs[c] == PARQUET_CODEC_BROTLI ? 29 : 7);
        }
    }
}

/* A number that every value of every column has a part in. */
static enum error_code read_column(struct parquet_column_reader *reader,
                                   const struct parquet_source *source,
                                   const struct parquet_file_metadata *metadata, size_t group,
                                   size_t column, uint64_t *sum)
{
    struct parquet_page_values page;
    enum error_code code =
        parquet_column_reader_open(reader, source, metadata, group, column, &error);
    while (code == OK && (code = parquet_column_reader_next(reader, &page, &error)) == OK) {
        for (uint32_t i = 0; i < page.value_count; i++) {
            struct bytes_view value = parquet_page_value(&page, i);
            *sum = *sum * 31 + value.size_bytes;
            for (size_t k = 0; k < value.size_bytes; k++)
                *sum = *sum * 31 + value.data[k];
        }
    }
    return code == ERR_NOT_FOUND ? OK : code;
}

static enum error_code read_all(const struct parquet_source *source, uint64_t *sum)
{
    struct parquet_file_metadata metadata;
    enum error_code code = parquet_metadata_read(source, &metadata, &error);
    if (code != OK)
        return code;
    struct parquet_column_reader *reader;
    code = parquet_column_reader_new(&reader, &error);
    for (size_t g = 0; code == OK && g < metadata.row_group_count; g++)
        for (size_t c = 0; code == OK && c < metadata.column_count; c++)
            code = read_column(reader, source, &metadata, g, c, sum);
    parquet_column_reader_free(reader);
    parquet_metadata_release(&metadata);
    return code;
}

static void a_file_is_read_and_checked_in_full_or_not(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (size_t c = 0; c < CODEC_COUNT; c++) {
            struct sample_options options = options_of(codecs[c], profiles[p], true);
            struct allocation_sweep reading = {.step = 2}, checking = {.step = 3};
            struct buffer file;
            uint64_t expected = 0;
            buffer_init(&file);
            sample_file(&options, &file);
            struct bytes_view bytes = buffer_view(&file);
            struct parquet_source source = parquet_source_of_bytes(&bytes, "sample.parquet");
            while (sweep_next(&reading)) {
                uint64_t sum = 0;
                sweep_begin(&reading);
                bool done = sweep_end(&reading, read_all(&source, &sum));
                if (reading.number == 0)
                    expected = sum;
                if (done)
                    assert_int_equal(sum, expected);
            }
            while (sweep_next(&checking)) {
                sweep_begin(&checking);
                (void)sweep_end(&checking,
                                parquet_verify(&source, PARQUET_VERIFY_VALUES, ROWS, &error));
            }
            assert_true(reading.failures > 1 && checking.failures > 1);
            buffer_release(&file);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_as_always_or_not),
        cmocka_unit_test(a_file_is_read_and_checked_in_full_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
