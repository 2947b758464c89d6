// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <xxhash.h>

#include "support/sample.h"
#include "walk/walk.h"
#include "util/memory.h"

#define ROWS 20000

/* A file in memory that counts what is read of it. */
struct counted {
    struct bytes_view bytes;
    uint64_t read_bytes;
};

static enum error_code read_counted(void *context, uint64_t offset, void *data, size_t size_bytes,
                                    struct error *error)
{
    struct counted *counted = context;
    (void)error;
    assert_true(offset + size_bytes <= counted->bytes.size_bytes);
    memcpy(data, counted->bytes.data + offset, size_bytes);
    counted->read_bytes += size_bytes;
    return OK;
}

static struct parquet_source source_of(struct counted *counted, const struct buffer *file)
{
    *counted = (struct counted){.bytes = buffer_view(file)};
    return (struct parquet_source){.size_bytes = file->size_bytes,
                                   .name = "sample.parquet",
                                   .context = counted,
                                   .read = read_counted};
}

/* Bloom filters stand between the row groups, larger than what is read of the end at first. */
static void make_file(struct buffer *file, uint32_t row_group_rows)
{
    struct sample_options options = sample_defaults(ROWS);
    options.distinct_hashes = true;
    options.writer.page_size_bytes = 4096;
    options.writer.row_group_rows = row_group_rows;
    buffer_init(file);
    sample_file(&options, file);
}

static const uint32_t group_rows[] = {ROWS, ROWS / 3, 700};

static void no_byte_is_read_twice(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof group_rows / sizeof *group_rows; g++) {
        struct buffer file;
        make_file(&file, group_rows[g]);
        for (int level = PARQUET_VERIFY_PAGES; level <= PARQUET_VERIFY_VALUES; level++) {
            struct counted counted;
            struct parquet_source source = source_of(&counted, &file);
            struct parquet_walk walk;
            uint64_t checksum;
            assert_int_equal(parquet_walk_begin(&walk, &source, true, NULL), OK);
            assert_int_equal(
                parquet_walk_run(&walk, (enum parquet_verify_level)level, ROWS, NULL, NULL), OK);
            assert_int_equal(parquet_walk_checksum(&walk, &checksum, NULL), OK);
            assert_int_equal(checksum, XXH64(file.data, file.size_bytes, 0));
            assert_int_equal(counted.read_bytes, file.size_bytes + 4); /* the magic, twice */
            assert_false(walk.lacks_checksums);
            parquet_walk_end(&walk);
        }
        buffer_release(&file);
    }
}

static void the_checksum_has_every_byte_wherever_the_walk_stopped(void **state)
{
    (void)state;
    struct buffer file;
    struct counted counted;
    struct parquet_walk walk;
    uint64_t checksum;
    make_file(&file, 700);
    struct parquet_source source = source_of(&counted, &file);
    assert_int_equal(parquet_walk_begin(&walk, &source, true, NULL), OK);
    assert_int_equal(parquet_walk_run(&walk, PARQUET_VERIFY_FOOTER, ROWS, NULL, NULL), OK);
    assert_int_equal(parquet_walk_checksum(&walk, &checksum, NULL), OK);
    assert_int_equal(checksum, XXH64(file.data, file.size_bytes, 0));
    parquet_walk_end(&walk);
    buffer_release(&file);
}

/* Who wants the rows of one column from a row of each row group on. */
struct wish {
    size_t column;
    int64_t from_row;
    size_t row_group;
    int64_t next_row; /* of the row group; -1: nothing was seen of it */
    uint64_t sum;
};

static int64_t wants(void *context, size_t row_group, size_t column)
{
    const struct wish *wish = context;
    (void)row_group;
    return column == wish->column ? wish->from_row : -1;
}

static enum error_code see(void *context, size_t row_group, size_t column,
                           const struct parquet_page_values *page, struct error *error)
{
    struct wish *wish = context;
    (void)error;
    assert_int_equal(column, wish->column);
    if (row_group != wish->row_group)
        wish->next_row = -1;
    if (wish->next_row < 0) /* the first one has the row that is wanted first */
        assert_in_range(wish->from_row, page->first_row, page->first_row + page->row_count - 1);
    else
        assert_int_equal(page->first_row, wish->next_row);
    wish->row_group = row_group;
    wish->next_row = page->first_row + page->row_count;
    for (uint32_t i = 0; i < page->value_count; i++) {
        uint32_t number;
        memcpy(&number, parquet_page_value(page, i).data, sizeof number);
        wish->sum += page->first_row + i >= wish->from_row ? number : 0;
    }
    return OK;
}

static uint64_t sum_of(const struct buffer *file, enum parquet_verify_level level, int64_t from_row)
{
    struct counted counted;
    struct parquet_source source = source_of(&counted, file);
    struct parquet_walk walk;
    struct wish wish = {.column = SAMPLE_INDEX, .from_row = from_row, .next_row = -1};
    const struct parquet_visitor visitor = {&wish, wants, see};
    assert_int_equal(parquet_walk_begin(&walk, &source, false, NULL), OK);
    assert_int_equal(parquet_walk_run(&walk, level, ROWS, &visitor, NULL), OK);
    assert_int_equal(wish.row_group + 1, walk.metadata.row_group_count);
    parquet_walk_end(&walk);
    return wish.sum;
}

static void values_that_are_wanted_are_seen_whatever_is_checked(void **state)
{
    (void)state;
    struct buffer file;
    struct sample_options options = sample_defaults(ROWS);
    struct ArrowArray batch;
    uint64_t all = 0, behind = 0;
    make_file(&file, 5000);
    options.distinct_hashes = true; /* as make_file has it */
    sample_batch(&options, &batch);
    for (int64_t i = 0; i < ROWS; i++) {
        bool is_null;
        uint32_t number;
        memcpy(&number, sample_value(&batch, SAMPLE_INDEX, i, &is_null).data, sizeof number);
        all += number;
        behind += i % 5000 >= 4321 ? number : 0;
    }
    batch.release(&batch);
    for (int level = PARQUET_VERIFY_FOOTER; level <= PARQUET_VERIFY_VALUES; level++) {
        assert_int_equal(sum_of(&file, (enum parquet_verify_level)level, 0), all);
        if (level != PARQUET_VERIFY_VALUES) /* all pages are decoded there */
            assert_int_equal(sum_of(&file, (enum parquet_verify_level)level, 4321), behind);
    }
    buffer_release(&file);
}

static enum error_code refuse(void *context, size_t row_group, size_t column,
                              const struct parquet_page_values *page, struct error *error)
{
    (void)context;
    (void)row_group;
    (void)column;
    (void)page;
    return error_set(error, ERR_LIMIT, "enough");
}

static void who_wants_no_more_ends_the_walk(void **state)
{
    (void)state;
    struct buffer file;
    struct counted counted;
    struct parquet_walk walk;
    struct wish wish = {.column = SAMPLE_INDEX};
    const struct parquet_visitor visitor = {&wish, wants, refuse};
    struct error error;
    make_file(&file, ROWS);
    struct parquet_source source = source_of(&counted, &file);
    assert_int_equal(parquet_walk_begin(&walk, &source, true, NULL), OK);
    assert_int_equal(parquet_walk_run(&walk, PARQUET_VERIFY_PAGES, ROWS, &visitor, &error),
                     ERR_LIMIT);
    assert_string_equal(error.message, "enough");
    parquet_walk_end(&walk);
    buffer_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_byte_is_read_twice),
        cmocka_unit_test(the_checksum_has_every_byte_wherever_the_walk_stopped),
        cmocka_unit_test(values_that_are_wanted_are_seen_whatever_is_checked),
        cmocka_unit_test(who_wants_no_more_ends_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
