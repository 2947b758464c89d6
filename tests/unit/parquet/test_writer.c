// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "parquet/codec.h"
#include "parquet/bloom.h"
#include "parquet/page_index.h"
#include "support/fault_calls.h"
#include "support/sample.h"
#include "walk/verify.h"
#include "support/parquet_bytes.h"

static void assert_verifies(const struct buffer *file, int64_t rows)
{
    struct error error;
    struct bytes_view bytes = buffer_view(file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample");
    error_clear(&error);
    if (parquet_verify(&source, PARQUET_VERIFY_VALUES, rows, &error) != OK)
        fail_msg("%s", error.message);
}

/* Writes the options' rows and compares what the reader finds. */
static void assert_round_trip(struct sample_options options)
{
    struct ArrowArray plain;
    struct buffer file;
    struct sample_options plain_options = options;
    plain_options.dictionaries = false;
    buffer_init(&file);
    sample_batch(&plain_options, &plain);
    sample_file(&options, &file);
    sample_assert_file_equals(&file, &plain);
    assert_verifies(&file, options.row_count);
    arrow_array_release(&plain);
    buffer_release(&file);
}

static void every_codec_and_profile_gives_the_rows_back(void **state)
{
    (void)state;
    for (int codec = PARQUET_CODEC_NONE; codec <= PARQUET_CODEC_BROTLI; codec++) {
        for (int profile = 0; profile < 2; profile++) {
            int min, max;
            struct sample_options options = sample_defaults(3000);
            options.writer.codec = (enum parquet_codec)codec;
            options.writer.profile = (enum parquet_profile)profile;
            parquet_codec_levels(options.writer.codec, &min, &max);
            options.writer.compression_level = min;
            options.dictionaries = profile == 1;
            assert_round_trip(options);
            options.writer.compression_level = max < 9 ? max : 9;
            options.dictionaries = profile == 0;
            assert_round_trip(options);
        }
    }
}

static void any_number_of_rows_gives_the_rows_back(void **state)
{
    (void)state;
    static const int64_t counts[] = {1, 2, 7, 8, 9, 31, 32, 33, 255, 256, 257, 20479, 20480, 20481};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct sample_options options = sample_defaults(counts[i]);
        options.dictionaries = i % 2 == 0;
        assert_round_trip(options);
    }
}

static void small_pages_and_row_groups_give_the_rows_back(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(25000);
    options.writer.page_size_bytes = 1024;
    options.writer.row_group_rows = 7001;
    options.batch_rows = 999;
    assert_round_trip(options);
    options.dictionaries = true;
    assert_round_trip(options);
}

static void distinct_values_fall_back_to_plain_pages(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(70000);
    options.distinct_hashes = true;
    options.account_count = 70000;
    assert_round_trip(options);
    options.dictionaries = true;
    assert_round_trip(options);
    struct buffer file;
    buffer_init(&file);
    sample_file(&options, &file);
    struct bytes_view bytes = buffer_view(&file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample");
    struct parquet_file_metadata metadata;
    assert_int_equal(parquet_metadata_read(&source, &metadata, NULL), OK);
    const struct parquet_chunk_metadata *chunks = metadata.row_groups[0].chunks;
    assert_int_equal(chunks[SAMPLE_HASH].encodings >> PARQUET_RLE_DICTIONARY & 1, 0);
    assert_int_equal(chunks[SAMPLE_NOTHING].encodings >> PARQUET_RLE_DICTIONARY & 1, 0);
    assert_int_equal(chunks[SAMPLE_TIME].encodings >> PARQUET_RLE_DICTIONARY & 1, 1);
    parquet_metadata_release(&metadata);
    buffer_release(&file);
}

/* Written in small pieces and row groups, as a service does that hands over ids. */
static void ids_that_came_stand_for_their_values(void **state)
{
    (void)state;
    static const struct {
        uint32_t first_new, row_group_rows;
        enum parquet_profile profile;
    } cases[] = {{0, 0, PARQUET_PROFILE_COMPATIBLE},
                 {0, 700, PARQUET_PROFILE_COMPACT},
                 {0, 700, PARQUET_PROFILE_COMPATIBLE},
                 /* The row group began when the dictionary had values already. */
                 {3, 700, PARQUET_PROFILE_COMPATIBLE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample_options options = sample_defaults(5000);
        struct ArrowArray plain;
        struct buffer file;
        sample_batch(&options, &plain);
        options.dictionaries = options.says_new = true;
        options.first_new = cases[i].first_new;
        options.batch_rows = 300;
        options.writer.row_group_rows = cases[i].row_group_rows;
        options.writer.profile = cases[i].profile;
        options.writer.looks_up_all = i == 2;
        buffer_init(&file);
        sample_file(&options, &file);
        sample_assert_file_equals(&file, &plain);
        assert_verifies(&file, 5000);
        buffer_release(&file);
        arrow_array_release(&plain);
    }
}

/* The row group's rows come from two dictionaries that say what is new, and from none in between.
 */
static void ids_and_values_of_others_mix_in_one_row_group(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(1000);
    struct error error;
    struct ArrowSchema schema;
    struct ArrowArray pieces[4];
    struct buffer file;
    struct parquet_writer *writer;
    size_t tasks;
    uint32_t footer_bytes;
    int64_t taken;
    for (int i = 0; i < 4; i++) {
        options.dictionaries = options.says_new = i % 2 == 0;
        sample_batch(&options, &pieces[i]);
    }
    buffer_init(&file);
    sample_schema(false, &schema);
    assert_int_equal(parquet_writer_new(&writer, &schema, sample_columns, &options.writer, &error),
                     OK);
    static const int order[] = {0, 0, 1, 0, 2, 1, 2, 0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        assert_int_equal(parquet_writer_append(writer, &pieces[order[i]], 0, 1000, &taken, &error),
                         OK);
    assert_int_equal(parquet_writer_row_group_begin(writer, &tasks, &error), OK);
    for (size_t i = 0; i < tasks; i++)
        assert_int_equal(parquet_writer_run_task(writer, i, &error), OK);
    assert_int_equal(parquet_writer_row_group_finish(writer, &file, &error), OK);
    assert_int_equal(parquet_writer_finish(writer, NULL, 0, &file, &footer_bytes, &error), OK);
    parquet_writer_free(writer);
    assert_verifies(&file, 8000);
    for (int i = 0; i < 4; i++)
        arrow_array_release(&pieces[i]);
    arrow_schema_release(&schema);
    buffer_release(&file);
}

static void plain_and_dictionary_batches_mix_in_one_row_group(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(2000);
    struct error error;
    struct ArrowArray batches[3];
    struct ArrowSchema schema;
    struct buffer file;
    size_t tasks;
    uint32_t footer_bytes;
    int64_t taken;
    buffer_init(&file);
    for (int i = 0; i < 3; i++) {
        options.dictionaries = i != 1; /* two different dictionaries with the same values */
        sample_batch(&options, &batches[i]);
    }
    sample_schema(false, &schema);
    struct parquet_writer *writer;
    assert_int_equal(parquet_writer_new(&writer, &schema, sample_columns, &options.writer, &error),
                     OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(parquet_writer_append(writer, &batches[i], 0, 2000, &taken, &error), OK);
    assert_int_equal(parquet_writer_row_group_begin(writer, &tasks, &error), OK);
    for (size_t i = 0; i < tasks; i++)
        assert_int_equal(parquet_writer_run_task(writer, i, &error), OK);
    assert_int_equal(parquet_writer_row_group_finish(writer, &file, &error), OK);
    assert_int_equal(parquet_writer_finish(writer, NULL, 0, &file, &footer_bytes, &error), OK);
    struct parquet_column_statistics statistics;
    parquet_writer_column_statistics(writer, SAMPLE_HASH, &statistics);
    assert_int_equal(statistics.value_count, 6000);
    parquet_writer_free(writer);
    /* The time falls back at each batch: it is not sorted, so nothing may say it is. */
    assert_verifies(&file, 6000);
    struct bytes_view bytes = buffer_view(&file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "mixed");
    struct parquet_file_metadata metadata;
    assert_int_equal(parquet_metadata_read(&source, &metadata, NULL), OK);
    /* 667 hashes of 32 bytes once, not three times */
    assert_true(metadata.row_groups[0].chunks[SAMPLE_HASH].uncompressed_bytes < 667 * 32 + 12000);
    parquet_metadata_release(&metadata);
    for (int i = 0; i < 3; i++)
        arrow_array_release(&batches[i]);
    arrow_schema_release(&schema);
    buffer_release(&file);
}

static void the_footer_says_what_was_written(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(1000);
    struct buffer file;
    buffer_init(&file);
    options.writer.row_group_rows = 600;
    sample_file(&options, &file);
    struct bytes_view bytes = buffer_view(&file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample");
    struct parquet_file_metadata metadata;
    assert_int_equal(parquet_metadata_read(&source, &metadata, NULL), OK);
    assert_int_equal(metadata.version, 1);
    assert_string_equal(metadata.created_by, options.writer.created_by);
    assert_string_equal(parquet_metadata_find(&metadata, "version"), "1.1.0");
    assert_string_equal(parquet_metadata_find(&metadata, "empty"), "");
    assert_null(parquet_metadata_find(&metadata, "other"));
    assert_int_equal(metadata.row_group_count, 2);
    assert_int_equal(metadata.row_groups[0].row_count, 600);
    assert_int_equal(metadata.column_count, SAMPLE_COLUMN_COUNT);
    const struct parquet_column_metadata *columns = metadata.columns;
    assert_string_equal(columns[SAMPLE_DECIMAL].name, "amount_decimal");
    assert_int_equal(columns[SAMPLE_DECIMAL].precision, 38);
    assert_int_equal(columns[SAMPLE_DECIMAL].value.kind, VALUE_DECIMAL);
    assert_int_equal(columns[SAMPLE_NUMBER].value.kind, VALUE_UINT32);
    assert_true(columns[SAMPLE_NUMBER].has_known_order && columns[SAMPLE_NUMBER].nullable);
    assert_int_equal(columns[SAMPLE_NOTHING].field_id, 300);
    assert_int_equal(parquet_metadata_column(&metadata, "memo"), SAMPLE_MEMO);
    assert_int_equal(parquet_metadata_column(&metadata, "none"), -1);
    const struct parquet_chunk_metadata *chunks = metadata.row_groups[0].chunks;
    assert_int_equal(chunks[SAMPLE_NOTHING].statistics.null_count, 600);
    assert_false(chunks[SAMPLE_NOTHING].statistics.has_min);
    assert_true(chunks[SAMPLE_HASH].has_bloom && !chunks[SAMPLE_AMOUNT].has_bloom);
    assert_int_equal(chunks[SAMPLE_TIME].codec, PARQUET_SNAPPY);
    parquet_metadata_release(&metadata);
    buffer_release(&file);
}

static void long_texts_are_cut_in_bounds_but_still_bound(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(5000);
    struct ArrowArray batch;
    struct buffer file;
    buffer_init(&file);
    sample_batch(&options, &batch);
    sample_file(&options, &file);
    struct bytes_view bytes = buffer_view(&file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample");
    struct parquet_file_metadata metadata;
    assert_int_equal(parquet_metadata_read(&source, &metadata, NULL), OK);
    const struct parquet_statistics_metadata *statistics =
        &metadata.row_groups[0].chunks[SAMPLE_MEMO].statistics;
    assert_true(statistics->has_max && !statistics->max_is_exact);
    assert_true(statistics->max_value.size_bytes <= VALUE_BOUND_MAX_BYTES);
    assert_true(utf8_is_valid(statistics->max_value));
    assert_true(metadata.row_groups[0].chunks[SAMPLE_AMOUNT].statistics.max_is_exact);
    parquet_metadata_release(&metadata);
    arrow_array_release(&batch);
    buffer_release(&file);
}

static void bloom_filters_exclude_what_is_not_there(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(30000);
    options.distinct_hashes = true;
    struct buffer file;
    buffer_init(&file);
    sample_file(&options, &file);
    struct bytes_view bytes = buffer_view(&file);
    struct parquet_source source = parquet_source_of_bytes(&bytes, "sample");
    struct parquet_file_metadata metadata;
    struct arena arena;
    struct bytes_view filter;
    arena_init(&arena, 0);
    assert_int_equal(parquet_metadata_read(&source, &metadata, NULL), OK);
    assert_int_equal(bloom_filter_read(&source, &metadata,
                                       &metadata.row_groups[0].chunks[SAMPLE_HASH], &arena, &filter,
                                       NULL),
                     OK);
    assert_int_equal(filter.size_bytes & (filter.size_bytes - 1), 0);
    int hits = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        uint8_t other[32] = {0xff};
        memcpy(other + 1, &i, sizeof i);
        hits += bloom_contains(filter.data, (uint32_t)filter.size_bytes,
                               bloom_hash(bytes_view_of(other, sizeof other)));
    }
    assert_in_range(hits, 0, 600);
    parquet_metadata_release(&metadata);
    arena_release(&arena);
    buffer_release(&file);
}

struct task {
    pthread_t thread;
    struct parquet_writer *writer;
    size_t index;
    enum error_code code;
};

static void *run_task(void *context)
{
    struct task *task = context;
    task->code = parquet_writer_run_task(task->writer, task->index, NULL);
    return NULL;
}

static void column_tasks_run_at_the_same_time(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(30000);
    options.writer.codec = PARQUET_CODEC_ZSTD;
    options.writer.compression_level = 1;
    struct ArrowArray batch;
    struct ArrowSchema schema;
    struct buffer alone, together;
    buffer_init(&alone);
    buffer_init(&together);
    sample_batch(&options, &batch);
    assert_int_equal(sample_write(&options, &batch, &alone, NULL), OK);
    sample_schema(false, &schema);
    struct error error;
    struct parquet_writer *writer;
    assert_int_equal(parquet_writer_new(&writer, &schema, sample_columns, &options.writer, &error),
                     OK);
    size_t count;
    int64_t taken;
    uint32_t footer_bytes;
    struct task tasks[SAMPLE_COLUMN_COUNT];
    assert_int_equal(parquet_writer_append(writer, &batch, 0, batch.length, &taken, NULL), OK);
    assert_int_equal(parquet_writer_row_group_begin(writer, &count, NULL), OK);
    assert_int_equal(count, SAMPLE_COLUMN_COUNT);
    for (size_t i = 0; i < count; i++) {
        tasks[i] = (struct task){.writer = writer, .index = i};
        assert_int_equal(pthread_create(&tasks[i].thread, NULL, run_task, &tasks[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(tasks[i].thread, NULL);
        assert_int_equal(tasks[i].code, OK);
    }
    assert_int_equal(parquet_writer_row_group_finish(writer, &together, NULL), OK);
    assert_int_equal(parquet_writer_finish(writer, NULL, 0, &together, &footer_bytes, NULL), OK);
    parquet_writer_free(writer);
    sample_assert_file_equals(&together, &batch);
    assert_memory_equal(alone.data, together.data, together.size_bytes - footer_bytes - 8);
    arrow_array_release(&batch);
    arrow_schema_release(&schema);
    buffer_release(&alone);
    buffer_release(&together);
}

struct pieces {
    struct buffer bytes;
    size_t count;
    size_t fail_at; /* 0: never */
};

static enum error_code take_piece(void *context, struct bytes_view bytes, struct error *error)
{
    struct pieces *pieces = context;
    if (++pieces->count == pieces->fail_at)
        return error_set(error, ERR_IO, "no room");
    return buffer_append(&pieces->bytes, bytes.data, bytes.size_bytes);
}

static enum error_code drain(const struct sample_options *options, const struct ArrowArray *batch,
                             struct pieces *pieces, uint32_t *footer_bytes)
{
    struct ArrowSchema schema;
    size_t tasks;
    int64_t taken;
    sample_schema(false, &schema);
    struct error error;
    struct parquet_writer *writer;
    assert_int_equal(parquet_writer_new(&writer, &schema, sample_columns, &options->writer, &error),
                     OK);
    assert_int_equal(parquet_writer_append(writer, batch, 0, batch->length, &taken, NULL), OK);
    assert_int_equal(parquet_writer_row_group_begin(writer, &tasks, NULL), OK);
    for (size_t i = 0; i < tasks; i++)
        assert_int_equal(parquet_writer_run_task(writer, i, NULL), OK);
    enum error_code code = parquet_writer_row_group_drain(writer, take_piece, pieces, NULL);
    if (code == OK)
        code = parquet_writer_finish(writer, NULL, 0, &pieces->bytes, footer_bytes, NULL);
    parquet_writer_free(writer);
    arrow_schema_release(&schema);
    return code;
}

static void pieces_add_up_to_the_same_file(void **state)
{
    (void)state;
    for (int codec = PARQUET_CODEC_NONE; codec <= PARQUET_CODEC_SNAPPY; codec++) {
        struct sample_options options = sample_defaults(40000);
        struct pieces pieces = {0};
        struct buffer whole;
        struct ArrowArray batch;
        uint32_t footer_bytes;
        buffer_init(&whole);
        options.writer.codec = (enum parquet_codec)codec;
        sample_batch(&options, &batch);
        assert_int_equal(sample_write(&options, &batch, &whole, NULL), OK);
        assert_int_equal(drain(&options, &batch, &pieces, &footer_bytes), OK);
        sample_assert_file_equals(&pieces.bytes, &batch);
        assert_memory_equal(pieces.bytes.data, whole.data,
                            pieces.bytes.size_bytes - footer_bytes - 8);
        pieces.fail_at = pieces.count; /* the last piece */
        pieces.count = 0;
        buffer_reset(&pieces.bytes);
        assert_int_equal(drain(&options, &batch, &pieces, &footer_bytes), ERR_IO);
        arrow_array_release(&batch);
        buffer_release(&whole);
        buffer_release(&pieces.bytes);
    }
}

static void the_estimate_comes_close_to_the_file(void **state)
{
    (void)state;
    for (int codec = PARQUET_CODEC_NONE; codec <= PARQUET_CODEC_BROTLI; codec++) {
        struct sample_options options = sample_defaults(40000);
        struct ArrowArray batch;
        struct ArrowSchema schema;
        struct buffer file;
        size_t tasks;
        int64_t taken;
        options.writer.codec = (enum parquet_codec)codec;
        options.writer.compression_level = 1;
        options.writer.bloom_filters = false;
        buffer_init(&file);
        sample_batch(&options, &batch);
        sample_schema(false, &schema);
        struct error error;
        struct parquet_writer *writer;
        assert_int_equal(
            parquet_writer_new(&writer, &schema, sample_columns, &options.writer, &error), OK);
        assert_int_equal(parquet_writer_append(writer, &batch, 0, batch.length, &taken, NULL), OK);
        uint64_t estimate = parquet_writer_open_bytes_estimate(writer);
        assert_int_equal(parquet_writer_row_group_begin(writer, &tasks, NULL), OK);
        for (size_t i = 0; i < tasks; i++)
            assert_int_equal(parquet_writer_run_task(writer, i, NULL), OK);
        assert_int_equal(parquet_writer_row_group_finish(writer, &file, NULL), OK);
        assert_in_range(estimate, file.size_bytes * 8 / 10, file.size_bytes * 12 / 10);
        parquet_writer_free(writer);
        arrow_array_release(&batch);
        arrow_schema_release(&schema);
        buffer_release(&file);
    }
}

static void an_open_row_group_stays_below_its_arrow_size(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(100000);
    options.account_count = 5000;
    struct ArrowArray batch;
    struct ArrowSchema schema;
    int64_t taken;
    sample_batch(&options, &batch);
    sample_schema(false, &schema);
    struct error error;
    struct parquet_writer *writer;
    assert_int_equal(parquet_writer_new(&writer, &schema, sample_columns, &options.writer, &error),
                     OK);
    assert_int_equal(parquet_writer_append(writer, &batch, 0, batch.length, &taken, NULL), OK);
    size_t arrow_bytes = 100000 * (8 + 4 + 32 + 60 + 14 + 34 + 4 + 4 + 16 + 4);
    assert_in_range(parquet_writer_memory_bytes(writer), 1, arrow_bytes);
    parquet_writer_free(writer);
    arrow_array_release(&batch);
    arrow_schema_release(&schema);
}

static void a_null_in_a_required_column_is_refused(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(10);
    struct ArrowArray batch;
    struct error error;
    struct buffer file;
    buffer_init(&file);
    sample_batch(&options, &batch);
    struct ArrowArray *amount = batch.children[SAMPLE_AMOUNT];
    uint8_t validity[2] = {0xfe, 0xff};
    const void *kept = amount->buffers[0];
    amount->buffers[0] = validity;
    amount->null_count = -1;
    assert_int_equal(sample_write(&options, &batch, &file, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "amount"));
    amount->buffers[0] = kept;
    arrow_array_release(&batch);
    buffer_release(&file);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    struct ArrowSchema schema;
    struct error error;
    struct parquet_writer *none;
    struct sample_options options = sample_defaults(1);
    sample_schema(false, &schema);
    options.writer.codec = PARQUET_CODEC_ZSTD;
    options.writer.compression_level = 23;
    assert_int_equal(parquet_writer_new(&none, &schema, sample_columns, &options.writer, &error),
                     ERR_INVALID);
    assert_non_null(strstr(error.message, "1 to 22"));
    options.writer.compression_level = 1;
    options.writer.page_size_bytes = 5;
    assert_int_equal(parquet_writer_new(&none, &schema, sample_columns, &options.writer, &error),
                     ERR_INVALID);
    options.writer.page_size_bytes = 0;
    schema.children[3]->format = "g"; /* a double */
    assert_int_equal(parquet_writer_new(&none, &schema, sample_columns, &options.writer, &error),
                     ERR_INVALID);
    assert_non_null(strstr(error.message, "source_account"));
    arrow_schema_release(&schema);
}

static void every_failed_allocation_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    struct sample_options options = sample_defaults(3000);
    options.writer.codec = PARQUET_CODEC_LZ4;
    options.writer.compression_level = 1;
    options.writer.page_size_bytes = 4096;
    options.writer.row_group_rows = 2000;
    for (int kind = 0; kind < 4; kind++) {
        struct ArrowArray batch;
        struct buffer file;
        struct error error;
        options.dictionaries = kind % 2 == 1;
        options.distinct_hashes = kind >= 2;
        sample_batch(&options, &batch);
        uint64_t failures = 0;
        for (uint64_t n = 1;; n += fault_step(2)) {
            buffer_init(&file);
            options.fail_after = n;
            enum error_code code = sample_write(&options, &batch, &file, &error);
            buffer_release(&file);
            if (code == OK)
                break;
            assert_int_equal(code, ERR_NO_MEMORY);
            failures++;
        }
        assert_true(failures > 5);
        arrow_array_release(&batch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_and_profile_gives_the_rows_back),
        cmocka_unit_test(any_number_of_rows_gives_the_rows_back),
        cmocka_unit_test(small_pages_and_row_groups_give_the_rows_back),
        cmocka_unit_test(distinct_values_fall_back_to_plain_pages),
        cmocka_unit_test(ids_that_came_stand_for_their_values),
        cmocka_unit_test(ids_and_values_of_others_mix_in_one_row_group),
        cmocka_unit_test(plain_and_dictionary_batches_mix_in_one_row_group),
        cmocka_unit_test(the_footer_says_what_was_written),
        cmocka_unit_test(long_texts_are_cut_in_bounds_but_still_bound),
        cmocka_unit_test(bloom_filters_exclude_what_is_not_there),
        cmocka_unit_test(column_tasks_run_at_the_same_time),
        cmocka_unit_test(pieces_add_up_to_the_same_file),
        cmocka_unit_test(the_estimate_comes_close_to_the_file),
        cmocka_unit_test(an_open_row_group_stays_below_its_arrow_size),
        cmocka_unit_test(a_null_in_a_required_column_is_refused),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(every_failed_allocation_is_an_error_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
