// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "parquet/dictionary.h"
#include "parquet/hashing.h"

#define BLOCK VALUE_BLOCK_MAX

static struct chunk_dictionary dictionary;

/* The ids of any values, one for each. */
static void map_views(const struct bytes_view *views, uint32_t count, uint32_t *ids)
{
    struct value_block block;
    uint32_t change_ids[BLOCK];
    value_block_load_views(&block, &dictionary.type, views, count);
    assert_int_equal(chunk_dictionary_map(&dictionary, &block, change_ids), OK);
    value_block_spread_ids(&block, change_ids, ids);
}

static int begin_text(void **state)
{
    (void)state;
    chunk_dictionary_init(&dictionary, (struct value_type){VALUE_TEXT, 0});
    return 0;
}

static int end(void **state)
{
    (void)state;
    chunk_dictionary_release(&dictionary);
    return 0;
}

/* Maps texts with the numbers from first_number on and expects ids that rise from first_id on. */
static void map_numbers(const char *before, const char *after, uint32_t first_number,
                        uint32_t count, uint32_t first_id)
{
    char texts[BLOCK][64];
    struct bytes_view views[BLOCK];
    uint32_t ids[BLOCK + VALUE_SPREAD_SLACK];
    for (uint32_t at = 0; at < count; at += BLOCK) {
        uint32_t size = count - at < BLOCK ? count - at : BLOCK;
        for (uint32_t i = 0; i < size; i++) {
            snprintf(texts[i], sizeof texts[i], "%s%u%s", before, first_number + at + i, after);
            views[i] = bytes_view_text(texts[i]);
        }
        map_views(views, size, ids);
        for (uint32_t i = 0; i < size; i++)
            assert_int_equal(ids[i], first_id + at + i);
    }
}

static void texts_get_ids_in_order_and_keep_them(void **state)
{
    (void)state;
    map_numbers("", "", 0, 50000, 0);
    map_numbers("GACCOUNT", "END", 10000000, 50000, 50000);
    map_numbers("", "", 0, 50000, 0);
    assert_int_equal(dictionary.count, 100000);
    assert_true(bytes_equal(chunk_dictionary_value(&dictionary, 12345), bytes_view_text("12345")));
    assert_false(dictionary.longs.hashes_all_bytes);
}

static void texts_that_differ_only_in_the_middle_turn_to_another_hash(void **state)
{
    (void)state;
    map_numbers("SAMESTART", "SAME_END", 10000000, 30000, 0);
    map_numbers("SAMESTART", "SAME_END", 10000000, 30000, 0);
    assert_true(dictionary.longs.hashes_all_bytes);
    assert_int_equal(dictionary.count, 30000);
}

/* Whoever knows the hash can make values that collide: the table then takes another one. */
static void short_texts_chosen_to_collide_turn_to_another_hash(void **state)
{
    (void)state;
    struct {
        uint64_t head, tail;
    } texts[BLOCK];
    struct bytes_view views[BLOCK];
    uint32_t ids[BLOCK + VALUE_SPREAD_SLACK];
    for (uint32_t at = 0; at < 8 * BLOCK; at += BLOCK) {
        for (uint32_t i = 0; i < BLOCK; i++) {
            texts[i].head = at + i;
            texts[i].tail = HASH_KEY_1; /* one factor of the product is 0 */
            views[i] = bytes_view_of(&texts[i], sizeof texts[i]);
        }
        map_views(views, BLOCK, ids);
        for (uint32_t i = 0; i < BLOCK; i++)
            assert_int_equal(ids[i], at + i);
    }
    assert_int_not_equal(dictionary.shorts.hash_key, 0);
    assert_false(dictionary.shorts.has_long_probes);
    assert_int_equal(dictionary.count, 8 * BLOCK);
}

static void a_reset_dictionary_starts_anew(void **state)
{
    (void)state;
    map_numbers("", "", 0, 5000, 0);
    chunk_dictionary_reset(&dictionary);
    map_numbers("", "", 4000, 2000, 0);
    assert_int_equal(dictionary.count, 2000);
}

static void the_body_is_the_dictionary_page(void **state)
{
    (void)state;
    struct bytes_view views[] = {bytes_view_text("ab"), bytes_view_text(""), bytes_view_text("ab"),
                                 bytes_view_text("c")};
    static const uint8_t expected[] = {2, 0, 0, 0, 'a', 'b', 0, 0, 0, 0, 1, 0, 0, 0, 'c'};
    uint32_t ids[4 + VALUE_SPREAD_SLACK];
    map_views(views, 4, ids);
    assert_int_equal(dictionary.body.size_bytes, sizeof expected);
    assert_memory_equal(dictionary.body.data, expected, sizeof expected);
    assert_int_equal(ids[2], 0);
    assert_int_equal(ids[3], 2);
}

static void values_added_as_new_are_found_by_the_table_later(void **state)
{
    (void)state;
    uint64_t hash = 42;
    uint32_t id;
    for (uint32_t i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        assert_int_equal(chunk_dictionary_add_new(&dictionary, bytes_view_text(text), &hash, &id),
                         OK);
        assert_int_equal(id, i);
    }
    assert_int_equal(dictionary.bloom_hash_count, 1000);
    map_numbers("", "", 0, 1500, 0);
}

static void integers_small_and_large_get_ids(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 65535, 65536, UINT32_MAX, 0, 65536, 65535, 7};
    static const uint32_t expected[] = {0, 1, 2, 3, 0, 2, 1, 4};
    uint32_t ids[8];
    chunk_dictionary_init(&dictionary, (struct value_type){VALUE_UINT32, 4});
    for (int round = 0; round < 2; round++) {
        assert_int_equal(chunk_dictionary_map_uint32(&dictionary, values, 8, ids), OK);
        assert_memory_equal(ids, expected, sizeof ids);
        if (round == 0) {
            chunk_dictionary_reset(&dictionary);
            assert_int_equal(dictionary.count, 0);
        }
    }
}

/* A hash that comes again soon has its id; one from long ago gets another one, never a wrong one.
 */
static void hashes_are_known_while_they_are_new(void **state)
{
    (void)state;
    uint8_t hashes[BLOCK][32];
    struct bytes_view views[BLOCK];
    uint32_t ids[BLOCK + VALUE_SPREAD_SLACK];
    chunk_dictionary_init(&dictionary, (struct value_type){VALUE_FIXED, 32});
    for (uint32_t at = 0; at < 100000; at += BLOCK) {
        for (uint32_t i = 0; i < BLOCK; i++) { /* the second half repeats the first */
            uint64_t word = (at + i % (BLOCK / 2)) * UINT64_C(0x9e3779b97f4a7c15);
            for (int k = 0; k < 4; k++)
                memcpy(hashes[i] + 8 * k, &word, 8);
            views[i] = bytes_view_of(hashes[i], 32);
        }
        map_views(views, BLOCK, ids);
        assert_int_equal(dictionary.count, at / 2 + BLOCK / 2);
        for (uint32_t i = 0; i < BLOCK; i++)
            assert_memory_equal(chunk_dictionary_value(&dictionary, ids[i]).data, hashes[i], 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts_get_ids_in_order_and_keep_them, begin_text, end),
        cmocka_unit_test_setup_teardown(texts_that_differ_only_in_the_middle_turn_to_another_hash,
                                        begin_text, end),
        cmocka_unit_test_setup_teardown(short_texts_chosen_to_collide_turn_to_another_hash,
                                        begin_text, end),
        cmocka_unit_test_setup_teardown(a_reset_dictionary_starts_anew, begin_text, end),
        cmocka_unit_test_setup_teardown(the_body_is_the_dictionary_page, begin_text, end),
        cmocka_unit_test_setup_teardown(values_added_as_new_are_found_by_the_table_later,
                                        begin_text, end),
        cmocka_unit_test_setup_teardown(integers_small_and_large_get_ids, begin_text, end),
        cmocka_unit_test_setup_teardown(hashes_are_known_while_they_are_new, begin_text, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
