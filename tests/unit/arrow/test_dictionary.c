// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <pthread.h>
#include <cmocka.h>
#include <xxhash.h>

#include "arrow/dictionary.h"
#include "util/memory.h"
#include "support/arrow_support.h"

static struct bytes_view text(const char *value)
{
    return bytes_view_text(value);
}

static void equal_values_get_one_index_in_order_of_first_occurrence(void **state)
{
    (void)state;
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, 10, 100), OK);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("b")), 0);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("a")), 1);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("")), 2);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("b")), 0);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("")), 2);
    assert_int_equal(arrow_dictionary_count(dictionary), 3);
    assert_true(bytes_equal(arrow_dictionary_value(dictionary, 1), text("a")));
    assert_int_equal(arrow_dictionary_value(dictionary, 2).size_bytes, 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct bytes_view value = arrow_dictionary_value(dictionary, i);
        assert_true(arrow_dictionary_facts(dictionary)[i].xxh64 ==
                    XXH64(value.data, value.size_bytes, 0));
    }
    arrow_dictionary_release(dictionary);
}

static void many_values_are_found_again_after_the_table_grew(void **state)
{
    (void)state;
    const uint32_t count = 20000;
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, count, count * 8), OK);
    char value[24];
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < count; i++) {
            snprintf(value, sizeof value, "v%u", i);
            assert_int_equal(arrow_dictionary_intern(dictionary, text(value)), i);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        snprintf(value, sizeof value, "v%u", i);
        assert_true(bytes_equal(arrow_dictionary_value(dictionary, i), text(value)));
    }
    assert_int_equal(arrow_dictionary_intern(dictionary, text("one more")), ARROW_DICTIONARY_FULL);
    assert_true(arrow_dictionary_memory_bytes(dictionary) > count * 16);
    arrow_dictionary_release(dictionary);
}

static void a_full_dictionary_still_finds_what_it_holds(void **state)
{
    (void)state;
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, 100, 5), OK);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("abcd")), 0);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("ef")), ARROW_DICTIONARY_FULL);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("abcd")), 0);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("e")), 1);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("f")), ARROW_DICTIONARY_FULL);
    assert_int_equal(arrow_dictionary_count(dictionary), 2);
    arrow_dictionary_release(dictionary);
}

static void fixed_size_values_export_without_offsets(void **state)
{
    (void)state;
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 4, 8, 32), OK);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("aaaa")), 0);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("bbbb")), 1);
    assert_int_equal(arrow_dictionary_intern(dictionary, text("aaaa")), 0);
    struct ArrowArray values;
    assert_int_equal(arrow_dictionary_export(dictionary, &values), OK);
    assert_int_equal(values.n_buffers, 2);
    assert_int_equal(values.length, 2);
    assert_memory_equal(values.buffers[1], "aaaabbbb", 8);
    arrow_array_release(&values);
    arrow_dictionary_release(dictionary);
}

static void an_exported_array_keeps_its_values_while_the_dictionary_goes_on(void **state)
{
    (void)state;
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, 1000, 10000), OK);
    arrow_dictionary_intern(dictionary, text("first"));
    arrow_dictionary_intern(dictionary, text("second"));
    struct ArrowArray values, moved = {0};
    assert_int_equal(arrow_dictionary_export(dictionary, &values), OK);
    const void *data = values.buffers[2];
    char value[24];
    for (int i = 0; i < 900; i++) {
        snprintf(value, sizeof value, "later %d", i);
        arrow_dictionary_intern(dictionary, text(value));
    }
    arrow_dictionary_release(dictionary);
    arrow_array_move(&moved, &values);
    assert_null(values.release);
    assert_int_equal(moved.length, 2);
    assert_ptr_equal(moved.buffers[2], data);
    assert_memory_equal(moved.buffers[2], "firstsecond", 11);
    const int32_t *offsets = moved.buffers[1];
    assert_int_equal(offsets[1], 5);
    assert_int_equal(offsets[2], 11);
    assert_ptr_equal(arrow_dictionary_of(&moved), dictionary);
    arrow_array_release(&moved);
    arrow_array_release(&moved);
}

static void foreign_release(struct ArrowArray *array)
{
    array->release = NULL;
}

static void a_list_lends_values_of_others_as_they_are_numbered(void **state)
{
    (void)state;
    static const uint8_t values[] = "aba";
    static const int32_t offsets[] = {0, 1, 2, 3};
    struct arrow_dictionary *list, *numbers;
    struct ArrowArray array;
    assert_int_equal(arrow_dictionary_new_list(&list, 0, 3, offsets, values), OK);
    assert_int_equal(arrow_dictionary_new_list(&numbers, 1, 3, NULL, values), OK);
    assert_true(arrow_dictionary_is_list(list));
    assert_int_not_equal(arrow_dictionary_id(list), arrow_dictionary_id(numbers));
    assert_true(bytes_equal(arrow_dictionary_value(list, 2), arrow_dictionary_value(numbers, 0)));
    assert_int_equal(arrow_dictionary_export(list, &array), OK);
    arrow_dictionary_release(list);
    assert_ptr_equal(arrow_dictionary_of(&array), list);
    assert_int_equal(array.length, 3);
    assert_ptr_equal(array.buffers[2], values);
    arrow_array_release(&array);
    arrow_dictionary_release(numbers);
}

static void a_foreign_array_has_no_shared_dictionary(void **state)
{
    (void)state;
    struct ArrowArray foreign = {.release = foreign_release};
    assert_null(arrow_dictionary_of(&foreign));
    arrow_array_release(&foreign);
}

static void every_dictionary_has_its_own_id(void **state)
{
    (void)state;
    struct arrow_dictionary *one;
    assert_int_equal(arrow_dictionary_new(&one, 0, 1, 1), OK);
    struct arrow_dictionary *two;
    assert_int_equal(arrow_dictionary_new(&two, 0, 1, 1), OK);
    assert_true(arrow_dictionary_id(one) != arrow_dictionary_id(two));
    arrow_dictionary_release(one);
    arrow_dictionary_release(two);
    arrow_dictionary_release(NULL);
}

#define READER_BATCHES 200

struct reading {
    pthread_mutex_t lock;
    struct ArrowArray arrays[READER_BATCHES];
    int count;
};

static void *read_arrays(void *argument)
{
    struct reading *reading = argument;
    for (int taken = 0; taken < READER_BATCHES;) {
        pthread_mutex_lock(&reading->lock);
        int count = reading->count;
        pthread_mutex_unlock(&reading->lock);
        for (; taken < count; taken++) {
            struct ArrowArray *values = &reading->arrays[taken];
            const int32_t *offsets = values->buffers[1];
            const struct arrow_value_facts *facts = arrow_dictionary_facts_of(values);
            for (int64_t i = 0; i < values->length; i++) {
                const char *data = (const char *)values->buffers[2] + offsets[i];
                assert_true(facts[i].xxh64 ==
                            XXH64(data, (size_t)(offsets[i + 1] - offsets[i]), 0));
            }
            arrow_array_release(values);
        }
    }
    return NULL;
}

static void another_thread_reads_batches_while_values_are_interned(void **state)
{
    (void)state;
    static struct reading reading;
    pthread_mutex_init(&reading.lock, NULL);
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, 100000, 1000000), OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_arrays, &reading), 0);
    char value[24];
    for (int batch = 0; batch < READER_BATCHES; batch++) {
        for (int i = 0; i < 50; i++) {
            snprintf(value, sizeof value, "%d", batch * 37 + i);
            arrow_dictionary_intern(dictionary, text(value));
        }
        assert_int_equal(arrow_dictionary_export(dictionary, &reading.arrays[batch]), OK);
        pthread_mutex_lock(&reading.lock);
        reading.count++;
        pthread_mutex_unlock(&reading.lock);
    }
    arrow_dictionary_release(dictionary);
    pthread_join(thread, NULL);
    pthread_mutex_destroy(&reading.lock);
}

static void set_key(uint64_t seed)
{
    uint64_t words[ARROW_DICTIONARY_KEY_BYTES / sizeof(uint64_t)];
    for (uint64_t i = 0; i < sizeof words / sizeof words[0]; i++)
        words[i] = XXH64(&i, sizeof i, seed);
    arrow_dictionary_set_key((const uint8_t *)words);
}

#define CHOSEN_COUNT 1500
#define CHOSEN_SLOTS 2048 /* of a table with room for them */

/* Values that somebody who knows the key has chosen: all have the same place in the table. */
static void choose_values(char values[CHOSEN_COUNT][16])
{
    uint32_t number = 0;
    for (int i = 0; i < CHOSEN_COUNT; i++)
        do
            snprintf(values[i], sizeof values[i], "%u", number++);
        while (arrow_dictionary_hash(text(values[i])) % CHOSEN_SLOTS != 77);
}

static uint32_t intern_until_full(struct arrow_dictionary *dictionary,
                                  char values[CHOSEN_COUNT][16])
{
    uint32_t count = 0;
    while (count < CHOSEN_COUNT &&
           arrow_dictionary_intern(dictionary, text(values[count])) != ARROW_DICTIONARY_FULL)
        count++;
    return count;
}

static void values_chosen_to_collide_make_it_full_and_help_only_who_knows_the_key(void **state)
{
    (void)state;
    static char values[CHOSEN_COUNT][16];
    set_key(1);
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, 10 * CHOSEN_COUNT, 1000000), OK);
    choose_values(values);
    uint32_t count = intern_until_full(dictionary, values);
    assert_in_range(count, ARROW_DICTIONARY_PROBES / 2, ARROW_DICTIONARY_PROBES);
    assert_int_equal(arrow_dictionary_count(dictionary), count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(arrow_dictionary_intern(dictionary, text(values[i])), i);
    assert_int_equal(arrow_dictionary_intern(dictionary, text(values[count])),
                     ARROW_DICTIONARY_FULL);
    arrow_dictionary_release(dictionary);

    set_key(2);
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, 10 * CHOSEN_COUNT, 1000000), OK);
    assert_int_equal(intern_until_full(dictionary, values), CHOSEN_COUNT);
    arrow_dictionary_release(dictionary);
}

static void a_value_that_is_only_added_costs_no_more_however_it_was_chosen(void **state)
{
    (void)state;
    static char values[CHOSEN_COUNT][16];
    set_key(1);
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, INT32_MAX, INT32_MAX), OK);
    choose_values(values);
    uint32_t found = 0;
    for (uint32_t i = 0; i < CHOSEN_COUNT; i++) {
        uint64_t hash = arrow_dictionary_hash(text(values[i]));
        assert_int_equal(arrow_dictionary_find(dictionary, text(values[i]), hash),
                         ARROW_DICTIONARY_NONE);
        assert_int_equal(arrow_dictionary_add(dictionary, text(values[i]), hash), i);
        found += arrow_dictionary_find(dictionary, text(values[i]), hash) == i;
        assert_true(bytes_equal(arrow_dictionary_value(dictionary, i), text(values[i])));
    }
    assert_in_range(found, ARROW_DICTIONARY_PROBES / 2, ARROW_DICTIONARY_PROBES);
    arrow_dictionary_release(dictionary);
}

static void what_is_forgotten_gets_another_index(void **state)
{
    (void)state;
    struct arrow_dictionary *dictionary;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, 5000, 50000), OK);
    char value[24];
    for (uint32_t i = 0; i < 4000; i++) {
        snprintf(value, sizeof value, "%u", i % 1000);
        assert_int_equal(arrow_dictionary_intern(dictionary, text(value)), i);
        if (i % 1000 == 999)
            arrow_dictionary_forget(dictionary);
    }
    assert_true(bytes_equal(arrow_dictionary_value(dictionary, 3007), text("7")));
    arrow_dictionary_release(dictionary);
}

static void an_array_tells_which_values_are_new(void **state)
{
    (void)state;
    struct arrow_dictionary *dictionary;
    struct ArrowArray first, second, all;
    assert_int_equal(arrow_dictionary_new(&dictionary, 0, 10, 100), OK);
    arrow_dictionary_intern(dictionary, text("a"));
    assert_int_equal(arrow_dictionary_export_part(dictionary, 0, 1, &first), OK);
    arrow_dictionary_intern(dictionary, text("b"));
    arrow_dictionary_intern(dictionary, text("not yet"));
    assert_int_equal(arrow_dictionary_export_part(dictionary, 1, 2, &second), OK);
    assert_int_equal(arrow_dictionary_export(dictionary, &all), OK);
    assert_int_equal(arrow_dictionary_first_new(&first), 0);
    assert_int_equal(arrow_dictionary_first_new(&second), 1);
    assert_int_equal(arrow_dictionary_first_new(&all), ARROW_DICTIONARY_NONE);
    assert_int_equal(first.length, 1);
    assert_int_equal(second.length, 2); /* the values before are there all the same */
    assert_memory_equal(second.buffers[2], "ab", 2);
    assert_ptr_equal(arrow_dictionary_of(&first), arrow_dictionary_of(&second));
    arrow_array_release(&first);
    arrow_array_release(&second);
    arrow_array_release(&all);
    arrow_dictionary_release(dictionary);
}

/* Returns false when memory ran out on the way. */
static bool use_dictionary(void)
{
    struct arrow_dictionary *dictionary;
    if (arrow_dictionary_new(&dictionary, 0, 300, 10000) != OK)
        return false;
    char value[24];
    bool good = true;
    for (uint32_t i = 0; i < 300 && good; i++) {
        snprintf(value, sizeof value, "%u", i);
        uint32_t index = arrow_dictionary_intern(dictionary, text(value));
        good = index == i;
        if (!good)
            assert_int_equal(index, ARROW_DICTIONARY_FULL);
    }
    struct ArrowArray values = {0};
    good = good && arrow_dictionary_export(dictionary, &values) == OK;
    arrow_array_release(&values);
    arrow_dictionary_release(dictionary);
    return good;
}

static void no_failing_allocation_breaks_a_dictionary(void **state)
{
    (void)state;
    mem_fail_after(UINT64_MAX / 2);
    assert_true(use_dictionary());
    uint64_t allocations = mem_allocation_count();
    assert_true(allocations >= 6);
    for (uint64_t n = 1; n <= allocations; n++) {
        mem_fail_after(n);
        assert_false(use_dictionary());
    }
    mem_fail_after(0);
    assert_true(use_dictionary());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_values_get_one_index_in_order_of_first_occurrence),
        cmocka_unit_test(many_values_are_found_again_after_the_table_grew),
        cmocka_unit_test(values_chosen_to_collide_make_it_full_and_help_only_who_knows_the_key),
        cmocka_unit_test(a_value_that_is_only_added_costs_no_more_however_it_was_chosen),
        cmocka_unit_test(what_is_forgotten_gets_another_index),
        cmocka_unit_test(an_array_tells_which_values_are_new),
        cmocka_unit_test(a_full_dictionary_still_finds_what_it_holds),
        cmocka_unit_test(fixed_size_values_export_without_offsets),
        cmocka_unit_test(an_exported_array_keeps_its_values_while_the_dictionary_goes_on),
        cmocka_unit_test(a_list_lends_values_of_others_as_they_are_numbered),
        cmocka_unit_test(a_foreign_array_has_no_shared_dictionary),
        cmocka_unit_test(every_dictionary_has_its_own_id),
        cmocka_unit_test(another_thread_reads_batches_while_values_are_interned),
        cmocka_unit_test(no_failing_allocation_breaks_a_dictionary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
