// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "util/arena.h"
#include "util/buffer.h"
#include "util/memory.h"

static void a_buffer_keeps_what_is_appended(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    assert_int_equal(buffer_append_text(&buffer, "ab"), OK);
    assert_int_equal(buffer_append_byte(&buffer, 'c'), OK);
    assert_int_equal(buffer_append_zeros(&buffer, 2), OK);
    assert_int_equal(buffer_append_format(&buffer, "%d-%s", 42, "x"), OK);
    assert_int_equal(buffer_append(&buffer, NULL, 0), OK);
    assert_int_equal(buffer.size_bytes, 9);
    assert_memory_equal(buffer.data,
                        "abc\0\0"
                        "42-x",
                        9);
    buffer_drop_front(&buffer, 5);
    assert_true(bytes_equal(buffer_view(&buffer), bytes_view_text("42-x")));
    buffer_drop_front(&buffer, 4);
    assert_int_equal(buffer.size_bytes, 0);
    buffer_release(&buffer);
}

static void a_buffer_that_is_reset_keeps_its_memory_and_one_released_is_new(void **state)
{
    (void)state;
    struct buffer buffer, other;
    buffer_init(&buffer);
    buffer_init(&other);
    assert_int_equal(buffer_append_zeros(&buffer, 1000), OK);
    uint8_t *memory = buffer.data;
    buffer_reset(&buffer);
    assert_int_equal(buffer_append_zeros(&buffer, 1000), OK);
    assert_ptr_equal(buffer.data, memory);
    buffer_move(&other, &buffer);
    assert_ptr_equal(other.data, memory);
    assert_null(buffer.data);
    buffer_release(&other);
    buffer_release(&other);
    assert_null(other.data);
    assert_int_equal(other.capacity_bytes, 0);
}

static void a_buffer_grows_by_half_so_that_many_appends_stay_cheap(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    mem_fail_after(UINT64_MAX / 2);
    for (int i = 0; i < 1000000; i++)
        assert_int_equal(buffer_append_byte(&buffer, (uint8_t)i), OK);
    assert_in_range(mem_allocation_count(), 1, 40);
    mem_fail_after(0);
    for (int i = 0; i < 1000000; i++)
        assert_int_equal(buffer.data[i], (uint8_t)i);
    buffer_release(&buffer);
}

static void a_buffer_survives_a_heap_that_has_no_more(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    assert_int_equal(buffer_append_text(&buffer, "kept"), OK);
    mem_fail_after(1);
    assert_int_equal(buffer_append_zeros(&buffer, 5000), ERR_NO_MEMORY);
    assert_int_equal(buffer_append_format(&buffer, "%5000d", 1), ERR_NO_MEMORY);
    mem_fail_after(0);
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX - 10), ERR_NO_MEMORY);
    assert_true(bytes_equal(buffer_view(&buffer), bytes_view_text("kept")));
    buffer_release(&buffer);
}

static void an_arena_gives_aligned_memory_that_stays_where_it_is(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256);
    uint8_t *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(pieces[i][k], (uint8_t)i);
    assert_true(arena.used_bytes >= 199 * 200 / 2);
    uint8_t *large = arena_alloc(&arena, 100000);
    assert_non_null(large);
    memset(large, 1, 100000);
    arena_release(&arena);
    assert_int_equal(arena.used_bytes, 0);
}

static void an_arena_that_is_reset_uses_its_newest_block_again(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    char *first = arena_copy_text(&arena, bytes_view_text("text"));
    assert_string_equal(first, "text");
    assert_string_equal(arena_copy_text(&arena, (struct bytes_view){NULL, 0}), "");
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    mem_fail_after(1);
    assert_ptr_equal(arena_copy_text(&arena, bytes_view_text("again")), first);
    mem_fail_after(0);
    arena_release(&arena);
}

static void an_arena_says_null_when_the_heap_has_no_more(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64);
    mem_fail_after(1);
    assert_null(arena_alloc(&arena, 10));
    assert_null(arena_copy_text(&arena, bytes_view_text("x")));
    mem_fail_after(0);
    assert_null(arena_alloc(&arena, SIZE_MAX - 3));
    assert_non_null(arena_alloc(&arena, 10));
    arena_release(&arena);
    arena_release(&arena);
}

static void the_test_hook_fails_the_nth_allocation_and_all_after_it(void **state)
{
    (void)state;
    mem_fail_after(3);
    void *first = mem_alloc(0), *second = mem_alloc_zero(0, 7);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(mem_copy_text("third"));
    assert_null(mem_realloc(first, 100));
    assert_int_equal(mem_allocation_count(), 4);
    mem_fail_after(0);
    char *copy = mem_copy_text("copy");
    assert_string_equal(copy, "copy");
    mem_free(first);
    mem_free(second);
    mem_free(copy);
    mem_free(NULL);
}

static void the_other_test_hook_fails_the_nth_allocation_alone(void **state)
{
    (void)state;
    mem_fail_once(2);
    void *first = mem_alloc(1), *second = mem_alloc(1), *third = mem_realloc(NULL, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(mem_allocation_count(), 3);
    mem_fail_once(0);
    mem_free(first);
    mem_free(third);
}

static void what_is_in_use_is_counted(void **state)
{
    (void)state;
    uint64_t before = mem_live_count();
    void *pieces[] = {mem_alloc(10), mem_alloc_zero(2, 8), mem_realloc(NULL, 5),
                      mem_copy_text("text")};
    assert_int_equal(mem_live_count(), before + 4);
    assert_true(mem_size_bytes(pieces[0]) >= 10);
    pieces[0] = mem_realloc(pieces[0], 5000);
    assert_int_equal(mem_live_count(), before + 4);
    mem_fail_after(1);
    assert_null(mem_realloc(pieces[0], 9000)); /* stays as it was */
    mem_fail_after(0);
    assert_int_equal(mem_live_count(), before + 4);
    for (size_t i = 0; i < 4; i++)
        mem_free(pieces[i]);
    mem_free(NULL);
    assert_int_equal(mem_live_count(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_keeps_what_is_appended),
        cmocka_unit_test(a_buffer_that_is_reset_keeps_its_memory_and_one_released_is_new),
        cmocka_unit_test(a_buffer_grows_by_half_so_that_many_appends_stay_cheap),
        cmocka_unit_test(a_buffer_survives_a_heap_that_has_no_more),
        cmocka_unit_test(an_arena_gives_aligned_memory_that_stays_where_it_is),
        cmocka_unit_test(an_arena_that_is_reset_uses_its_newest_block_again),
        cmocka_unit_test(an_arena_says_null_when_the_heap_has_no_more),
        cmocka_unit_test(the_test_hook_fails_the_nth_allocation_and_all_after_it),
        cmocka_unit_test(the_other_test_hook_fails_the_nth_allocation_alone),
        cmocka_unit_test(what_is_in_use_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
