// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "walk/file_facts.h"

/* A column of 4-byte numbers in two row groups whose statistics are `bounds`, min and max of each.
 */
static struct parquet_column_statistics facts_of(const struct bytes_view bounds[4])
{
    struct parquet_column_metadata column = {
        .name = "n", .type = PARQUET_INT32, .value = {VALUE_UINT32, 4}};
    struct parquet_chunk_metadata chunks[2];
    struct parquet_row_group_metadata groups[2];
    for (size_t i = 0; i < 2; i++) {
        chunks[i] = (struct parquet_chunk_metadata){.value_count = 5,
                                                    .statistics = {.null_count = 1,
                                                                   .has_min = true,
                                                                   .has_max = true,
                                                                   .min_value = bounds[2 * i],
                                                                   .max_value = bounds[2 * i + 1]}};
        groups[i] = (struct parquet_row_group_metadata){.row_count = 5, .chunks = &chunks[i]};
    }
    struct parquet_file_metadata metadata = {
        .column_count = 1, .columns = &column, .row_group_count = 2, .row_groups = groups};
    return file_facts_column(&metadata, 0);
}

static const uint8_t three[] = {3, 0, 0, 0}, seven[] = {7, 0, 0, 0}, nine[] = {9, 0, 0, 0};

static void bounds_of_all_row_groups_are_put_together(void **state)
{
    (void)state;
    const struct bytes_view bounds[] = {{seven, 4}, {seven, 4}, {three, 4}, {nine, 4}};
    struct parquet_column_statistics facts = facts_of(bounds);
    assert_true(facts.has_bounds);
    assert_ptr_equal(facts.min_value.data, three);
    assert_ptr_equal(facts.max_value.data, nine);
    assert_int_equal(facts.null_count, 2);
    assert_int_equal(facts.value_count, 8);
}

static void bounds_of_another_size_are_left_out(void **state)
{
    (void)state;
    const struct bytes_view bounds[] = {{seven, 4}, {seven, 4}, {three, 3}, {nine, 4}};
    struct parquet_column_statistics facts = facts_of(bounds);
    assert_true(facts.has_bounds);
    assert_ptr_equal(facts.min_value.data, seven);
    assert_ptr_equal(facts.max_value.data, seven);
    const struct bytes_view empty[] = {{seven, 4}, {NULL, 0}, {three, 0}, {nine, 1}};
    assert_false(facts_of(empty).has_bounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_of_all_row_groups_are_put_together),
        cmocka_unit_test(bounds_of_another_size_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
