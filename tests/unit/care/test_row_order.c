// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "care/row_order.h"
#include "util/list.h"

static struct error error;

/* A file's walk: runs of rows, a ledger each, with the ordinals from `first` on. */
struct made_run {
    uint32_t ledger, rows, first;
};

static void add(struct buffer *slices, uint32_t input, const struct made_run *runs, size_t count,
                enum error_code expected)
{
    struct file_rows rows;
    file_rows_init(&rows);
    for (size_t i = 0; i < count; i++) {
        struct ledger_run run = {.ledger_sequence = runs[i].ledger,
                                 .row_count = runs[i].rows,
                                 .time_us = runs[i].ledger};
        assert_int_equal(buffer_append(&rows.runs, &run, sizeof run), OK);
        for (uint32_t k = 0; k < runs[i].rows; k++) {
            uint32_t ordinal = runs[i].first + k;
            assert_int_equal(buffer_append(&rows.ordinals, &ordinal, sizeof ordinal), OK);
        }
    }
    assert_int_equal(row_order_add(slices, input, &rows, true, "a.parquet", &error), expected);
    file_rows_release(&rows);
}

static const struct row_slice *at(const struct buffer *slices, size_t index)
{
    return LIST_AT(slices, struct row_slice, index);
}

static void files_come_one_behind_the_other(void **state)
{
    (void)state;
    static const struct made_run later[] = {{20, 3, 0}, {21, 1, 0}}, earlier[] = {{10, 2, 0}};
    struct buffer slices;
    buffer_init(&slices);
    add(&slices, 0, later, 2, OK);
    add(&slices, 1, earlier, 1, OK);
    assert_int_equal(row_order_sort(&slices, true, &error), OK);
    assert_int_equal(LIST_COUNT(&slices, struct row_slice), 3);
    assert_int_equal(at(&slices, 0)->input, 1);
    assert_int_equal(at(&slices, 1)->ledger, 20);
    assert_int_equal(at(&slices, 2)->first_row, 3);
    buffer_release(&slices);
}

/* The row group ends within a ledger. */
static void a_ledger_that_goes_on_in_the_next_row_group_is_one_slice(void **state)
{
    (void)state;
    static const struct made_run runs[] = {{10, 2, 0}, {10, 3, 2}, {11, 1, 0}};
    struct buffer slices;
    buffer_init(&slices);
    add(&slices, 0, runs, 3, OK);
    assert_int_equal(LIST_COUNT(&slices, struct row_slice), 2);
    assert_int_equal(at(&slices, 0)->row_count, 5);
    assert_int_equal(at(&slices, 1)->first_row, 5);
    buffer_release(&slices);
}

static void parts_of_a_ledger_come_by_their_events(void **state)
{
    (void)state;
    static const struct made_run second[] = {{10, 2, 4}}, first[] = {{10, 4, 0}};
    struct buffer slices;
    buffer_init(&slices);
    add(&slices, 0, second, 1, OK);
    add(&slices, 1, first, 1, OK);
    assert_int_equal(row_order_sort(&slices, true, &error), OK);
    assert_int_equal(at(&slices, 0)->input, 1);
    assert_int_equal(at(&slices, 1)->input, 0);
    buffer_release(&slices);
}

static void events_that_are_mixed_or_doubled_have_no_order(void **state)
{
    (void)state;
    static const struct made_run wide[] = {{10, 5, 0}}, within[] = {{10, 2, 4}};
    static const struct made_run twice[] = {{10, 2, 0}, {10, 2, 1}};
    struct buffer slices;
    buffer_init(&slices);
    add(&slices, 0, wide, 1, OK);
    add(&slices, 1, within, 1, OK);
    assert_int_equal(row_order_sort(&slices, true, &error), ERR_CORRUPT);
    buffer_reset(&slices);
    add(&slices, 0, twice, 2, OK);
    assert_int_equal(row_order_sort(&slices, true, &error), ERR_CORRUPT);
    buffer_release(&slices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_one_behind_the_other),
        cmocka_unit_test(a_ledger_that_goes_on_in_the_next_row_group_is_one_slice),
        cmocka_unit_test(parts_of_a_ledger_come_by_their_events),
        cmocka_unit_test(events_that_are_mixed_or_doubled_have_no_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
