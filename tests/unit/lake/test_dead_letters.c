// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lake/dead_letters.h"
#include "util/json_text.h"
#include "util/memory.h"

#define MIB ((size_t)1 << 20)

static struct arena arena;
static struct buffer text, letters;
static struct error error;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    buffer_init(&text);
    buffer_init(&letters);
    error_clear(&error);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_release(&letters);
    buffer_release(&text);
    arena_release(&arena);
    return 0;
}

static void add(const char *piece, size_t times)
{
    for (size_t i = 0; i < times; i++)
        assert_int_equal(buffer_append_text(&text, piece), OK);
}

/* A line whose reason and raw repeat a text. */
static void add_letter(const char *reason, size_t reason_times, const char *raw, size_t raw_times)
{
    add("{\"ledger_sequence\":7,\"event_index\":1,\"reason\":\"", 1);
    add(reason, reason_times);
    add("\",\"raw\":\"", 1);
    add(raw, raw_times);
    add("\"}\n", 1);
}

static enum error_code parse(void)
{
    return dead_letters_parse(buffer_view(&text), &arena, &letters, &error);
}

static void a_letter_holds_a_large_event_and_the_longest_reason(void **state)
{
    (void)state;
    add_letter("\\u0007", ERROR_MESSAGE_BYTES - 1, "AAAA", 2 * MIB);
    assert_int_equal(parse(), OK);
    const struct stored_letter *letter = (const void *)letters.data;
    assert_int_equal(strlen(letter->reason), ERROR_MESSAGE_BYTES - 1);
    assert_int_equal(letter->raw.size_bytes, 6 * MIB);
}

static void a_reason_that_is_no_sentence_of_ours_is_damage(void **state)
{
    (void)state;
    add_letter("r", 1, "AAAA", 1);
    add_letter("r", ERROR_MESSAGE_BYTES, "AAAA", 1);
    assert_int_equal(parse(), ERR_CORRUPT);
    assert_string_equal(error.message, "line 2 is not a dead letter");
}

/* A million values in one line would take thirty times its size. */
static void a_line_of_many_values_is_damage_and_takes_no_memory(void **state)
{
    (void)state;
    add("{\"ledger_sequence\":7,\"event_index\":1,\"reason\":\"r\",\"raw\":\"\",\"more\":[0", 1);
    add(",0", MIB);
    add("]}\n", 1);
    mem_fail_after(UINT64_MAX / 2);
    enum error_code code = parse();
    uint64_t allocations = mem_allocation_count();
    mem_fail_after(0);
    assert_int_equal(code, ERR_CORRUPT);
    assert_true(allocations < 16);
    assert_string_equal(error.message, "line 1 is not a dead letter");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_letter_holds_a_large_event_and_the_longest_reason),
        TEST(a_reason_that_is_no_sentence_of_ours_is_damage),
        TEST(a_line_of_many_values_is_damage_and_takes_no_memory),
    };
    json_text_use_our_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
