// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "arrow/builder.h"
#include "util/memory.h"
#include "support/arrow_support.h"

enum { NUMBER, TIME, HASH, DECIMAL, TEXT, INDEX, COLUMN_COUNT };

static const struct arrow_column_type types[COLUMN_COUNT] = {
    [NUMBER] = {ARROW_COLUMN_FIXED, 4, true}, [TIME] = {ARROW_COLUMN_FIXED, 8, false},
    [HASH] = {ARROW_COLUMN_FIXED, 5, false},  [DECIMAL] = {ARROW_COLUMN_FIXED, 16, true},
    [TEXT] = {ARROW_COLUMN_TEXT, 0, true},    [INDEX] = {ARROW_COLUMN_DICTIONARY, 0, true},
};

static enum error_code add_row(struct arrow_builder *builder, int i)
{
    int64_t row = builder->row_count;
    char text[16];
    snprintf(text, sizeof text, "%.*s%d", i % 3, "tt", i);
    if (arrow_builder_reserve(builder, 1) != OK)
        return ERR_NO_MEMORY;
    struct arrow_column *columns = builder->columns;
    arrow_column_put_u32(&columns[NUMBER], row, (uint32_t)i, i % 5 != 0);
    arrow_column_put_i64(&columns[TIME], row, -(int64_t)i, true);
    arrow_column_put_fixed(&columns[HASH], row, &(char[5]){(char)i, 1, 2, 3, 4}, true);
    arrow_column_put_decimal(&columns[DECIMAL], row, -((__int128)i << 70), i % 2 == 0);
    arrow_column_put_u32(&columns[INDEX], row, (uint32_t)(i % 2), i % 7 != 0);
    if (arrow_column_put_text(&columns[TEXT], row, bytes_view_text(i % 4 == 0 ? "" : text),
                              i % 4 != 0) != OK)
        return ERR_NO_MEMORY;
    arrow_builder_end_row(builder);
    return OK;
}

static bool valid(const struct ArrowArray *column, int64_t row)
{
    const uint8_t *bits = column->buffers[0];
    return bits == NULL || (bits[row / 8] >> row % 8 & 1) != 0;
}

/* That row `row` of the array is what add_row(…, i) put there. */
static void check_row(const struct ArrowArray *array, int64_t row, int i)
{
    struct ArrowArray *const *columns = array->children;
    assert_int_equal(valid(columns[NUMBER], row), i % 5 != 0);
    assert_int_equal(((const uint32_t *)columns[NUMBER]->buffers[1])[row], i);
    assert_true(((const int64_t *)columns[TIME]->buffers[1])[row] == -(int64_t)i);
    assert_memory_equal((const char *)columns[HASH]->buffers[1] + 5 * row,
                        ((char[5]){(char)i, 1, 2, 3, 4}), 5);
    assert_int_equal(valid(columns[DECIMAL], row), i % 2 == 0);
    __int128 decimal;
    memcpy(&decimal, (const char *)columns[DECIMAL]->buffers[1] + 16 * row, 16);
    assert_true(decimal == -((__int128)i << 70));
    assert_int_equal(valid(columns[INDEX], row), i % 7 != 0);
    assert_int_equal(((const int32_t *)columns[INDEX]->buffers[1])[row], i % 2);
    const int32_t *offsets = columns[TEXT]->buffers[1];
    char text[16];
    snprintf(text, sizeof text, "%.*s%d", i % 3, "tt", i);
    assert_int_equal(valid(columns[TEXT], row), i % 4 != 0);
    struct bytes_view got = bytes_view_of((const char *)columns[TEXT]->buffers[2] + offsets[row],
                                          (size_t)(offsets[row + 1] - offsets[row]));
    assert_true(bytes_equal(got, bytes_view_text(i % 4 == 0 ? "" : text)));
}

static struct arrow_dictionary *make_dictionary(struct arrow_values *values)
{
    struct arrow_dictionary *dictionary;
    if (arrow_dictionary_new(&dictionary, 0, 8, 64) != OK)
        return NULL;
    arrow_dictionary_intern(dictionary, bytes_view_text("zero"));
    arrow_dictionary_intern(dictionary, bytes_view_text("one"));
    values[INDEX] = arrow_values_all(dictionary);
    return dictionary;
}

static void rows_come_out_as_they_were_put(void **state)
{
    (void)state;
    struct arrow_builder builder;
    struct arrow_values values[COLUMN_COUNT] = {{NULL, 0, 0}};
    struct arrow_dictionary *dictionary = make_dictionary(values);
    arrow_builder_init(&builder, types, COLUMN_COUNT);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 3000; i++)
            assert_int_equal(add_row(&builder, i), OK);
        assert_true(arrow_builder_memory_bytes(&builder) > 3000 * 41);
        struct ArrowArray array;
        assert_int_equal(arrow_builder_export(&builder, values, &array), OK);
        assert_int_equal(builder.row_count, 0);
        assert_int_equal(array.length, 3000);
        assert_int_equal(array.children[NUMBER]->null_count, 600);
        assert_int_equal(array.children[TIME]->null_count, 0);
        assert_null(array.children[TIME]->buffers[0]);
        assert_int_equal(array.children[INDEX]->null_count, 429);
        for (int i = 0; i < 3000; i++)
            check_row(&array, i, i);
        assert_ptr_equal(arrow_dictionary_of(array.children[INDEX]->dictionary), dictionary);
        arrow_array_release(&array);
    }
    arrow_builder_release(&builder);
    arrow_builder_release(&builder);
    arrow_dictionary_release(dictionary);
}

/* Readers take null_count at its word; the last byte of a bitmap is rarely full. */
static void nulls_are_counted_whatever_the_number_of_rows(void **state)
{
    (void)state;
    struct arrow_values values[COLUMN_COUNT] = {{NULL, 0, 0}};
    struct arrow_dictionary *dictionary = make_dictionary(values);
    for (int rows = 1; rows <= 20; rows++) {
        struct arrow_builder builder;
        struct ArrowArray array;
        arrow_builder_init(&builder, types, COLUMN_COUNT);
        for (int i = 0; i < rows; i++)
            assert_int_equal(add_row(&builder, i), OK);
        assert_int_equal(arrow_builder_export(&builder, values, &array), OK);
        assert_int_equal(array.children[NUMBER]->null_count, (rows + 4) / 5);
        assert_int_equal(array.children[DECIMAL]->null_count, rows / 2);
        assert_int_equal(array.children[TEXT]->null_count, (rows + 3) / 4);
        arrow_array_release(&array);
        arrow_builder_release(&builder);
    }
    arrow_dictionary_release(dictionary);
}

static void truncated_rows_are_written_over(void **state)
{
    (void)state;
    struct arrow_builder builder;
    struct arrow_values values[COLUMN_COUNT] = {{NULL, 0, 0}};
    struct arrow_dictionary *dictionary = make_dictionary(values);
    arrow_builder_init(&builder, types, COLUMN_COUNT);
    for (int i = 0; i < 100; i++)
        assert_int_equal(add_row(&builder, i), OK);
    arrow_builder_truncate(&builder, 37);
    for (int i = 1000; i < 1020; i++)
        assert_int_equal(add_row(&builder, i), OK);
    struct ArrowArray array;
    assert_int_equal(arrow_builder_export(&builder, values, &array), OK);
    assert_int_equal(array.length, 57);
    for (int i = 0; i < 57; i++)
        check_row(&array, i, i < 37 ? i : 1000 + i - 37);
    arrow_array_release(&array);
    arrow_dictionary_release(dictionary);
}

static void ranges_are_copied_between_builders(void **state)
{
    (void)state;
    struct arrow_builder from, to;
    struct arrow_values values[COLUMN_COUNT] = {{NULL, 0, 0}};
    struct arrow_dictionary *dictionary = make_dictionary(values);
    arrow_builder_init(&from, types, COLUMN_COUNT);
    arrow_builder_init(&to, types, COLUMN_COUNT);
    for (int i = 0; i < 700; i++)
        assert_int_equal(add_row(&from, i), OK);
    assert_int_equal(add_row(&to, 5), OK);
    assert_int_equal(arrow_builder_copy(&to, &from, 13, 0), OK);
    assert_int_equal(arrow_builder_copy(&to, &from, 13, 687), OK);
    arrow_builder_release(&from);
    struct ArrowArray array;
    assert_int_equal(arrow_builder_export(&to, values, &array), OK);
    assert_int_equal(array.length, 688);
    check_row(&array, 0, 5);
    for (int i = 0; i < 687; i++)
        check_row(&array, i + 1, i + 13);
    arrow_array_release(&array);
    arrow_dictionary_release(dictionary);
}

static void a_child_may_outlive_its_struct(void **state)
{
    (void)state;
    struct arrow_builder builder;
    struct arrow_values values[COLUMN_COUNT] = {{NULL, 0, 0}};
    struct arrow_dictionary *dictionary = make_dictionary(values);
    arrow_builder_init(&builder, types, COLUMN_COUNT);
    assert_int_equal(add_row(&builder, 1), OK);
    struct ArrowArray array, child = {0};
    assert_int_equal(arrow_builder_export(&builder, values, &array), OK);
    arrow_dictionary_release(dictionary);
    arrow_array_move(&child, array.children[INDEX]);
    arrow_array_release(&array);
    assert_int_equal(child.length, 1);
    assert_memory_equal(child.dictionary->buffers[2], "zeroone", 7);
    arrow_array_release(&child);
}

static void no_rows_make_an_empty_array(void **state)
{
    (void)state;
    struct arrow_builder builder;
    struct arrow_values values[COLUMN_COUNT] = {{NULL, 0, 0}};
    struct arrow_dictionary *dictionary = make_dictionary(values);
    arrow_builder_init(&builder, types, COLUMN_COUNT);
    struct ArrowArray array;
    assert_int_equal(arrow_builder_export(&builder, values, &array), OK);
    assert_int_equal(array.length, 0);
    assert_int_equal(((const int32_t *)array.children[TEXT]->buffers[1])[0], 0);
    arrow_array_release(&array);
    arrow_builder_release(&builder);
    arrow_dictionary_release(dictionary);
}

static bool build(void)
{
    struct arrow_builder builder;
    struct ArrowArray array = {0};
    struct arrow_values values[COLUMN_COUNT] = {{NULL, 0, 0}};
    struct arrow_dictionary *dictionary = make_dictionary(values);
    if (dictionary == NULL)
        return false;
    bool good = true;
    arrow_builder_init(&builder, types, COLUMN_COUNT);
    for (int i = 0; i < 1500 && good; i++)
        good = add_row(&builder, i) == OK;
    int64_t rows = builder.row_count;
    if (good)
        good = arrow_builder_export(&builder, values, &array) == OK;
    if (!good && rows == 1500) {
        /* Nothing was lost: it works once there is memory. */
        mem_fail_after(0);
        assert_int_equal(arrow_builder_export(&builder, values, &array), OK);
    }
    for (int i = 0; i < array.length; i++)
        check_row(&array, i, i);
    arrow_array_release(&array);
    arrow_builder_release(&builder);
    arrow_dictionary_release(dictionary);
    mem_fail_after(0);
    return good;
}

static void no_failing_allocation_breaks_a_builder(void **state)
{
    (void)state;
    uint64_t n = 0;
    do {
        mem_fail_after(++n);
    } while (!build());
    assert_true(n > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_out_as_they_were_put),
        cmocka_unit_test(nulls_are_counted_whatever_the_number_of_rows),
        cmocka_unit_test(truncated_rows_are_written_over),
        cmocka_unit_test(ranges_are_copied_between_builders),
        cmocka_unit_test(a_child_may_outlive_its_struct),
        cmocka_unit_test(no_rows_make_an_empty_array),
        cmocka_unit_test(no_failing_allocation_breaks_a_builder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
