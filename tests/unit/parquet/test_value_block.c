// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "parquet/page_summary.h"

#define TEXTS 6

/* Texts of an Arrow array in memory that ends with them, so that reading on is found. */
struct texts {
    uint8_t *data;
    const uint8_t *end;
    int32_t offsets[VALUE_BLOCK_MAX + 1];
};

static void make_texts(struct texts *texts, const char *const *values, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += strlen(values[i]);
    texts->data = malloc(bytes != 0 ? bytes : 1);
    assert_non_null(texts->data);
    texts->offsets[0] = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strlen(values[i]);
        memcpy(texts->data + texts->offsets[i], values[i], size);
        texts->offsets[i + 1] = texts->offsets[i] + (int32_t)size;
    }
    texts->end = texts->data + bytes;
}

static void load(struct value_block *block, const struct texts *texts, const uint16_t *rows,
                 uint32_t count)
{
    value_block_load_texts(block, texts->data, texts->offsets, rows, count, texts->end);
}

/* The words of a value as they must be, whatever loop loaded them. */
static void expect_words(const struct value_block *block, uint32_t change, const char *value)
{
    uint8_t bytes[16] = {0};
    size_t size = strlen(value);
    if (size <= 16) {
        memcpy(bytes, value, size);
    } else {
        memcpy(bytes, value, 8);
        memcpy(bytes + 8, value + size - 8, 8);
    }
    assert_memory_equal(&block->heads[change], bytes, 8);
    assert_memory_equal(&block->tails[change], bytes + 8, 8);
    assert_int_equal(block->sizes[change], size);
}

static void texts_of_each_size_up_to_sixteen_keep_all_their_bytes(void **state)
{
    (void)state;
    const char *all = "abcdefghijklmnop";
    const char *values[2 * 17];
    char copies[17][17] = {0};
    for (uint32_t size = 0; size <= 16; size++) {
        memcpy(copies[size], all, size);
        values[size] = copies[size];
        values[17 + size] = copies[16]; /* so that 16 bytes can be read behind the others */
    }
    struct texts texts;
    struct value_block block;
    make_texts(&texts, values, 2 * 17);
    load(&block, &texts, NULL, 17);
    assert_int_equal(block.lengths, VALUES_SHORT);
    assert_int_equal(block.change_count, 17);
    assert_int_equal(block.bytes, 16 * 17 / 2);
    for (uint32_t size = 0; size <= 16; size++)
        expect_words(&block, size, values[size]);
    free(texts.data);
}

static void nothing_behind_the_array_is_read(void **state)
{
    (void)state;
    static const char *const values[TEXTS] = {"100", "", "7", "12345678", "123456789", "x"};
    struct texts texts;
    struct value_block block;
    make_texts(&texts, values, TEXTS);
    load(&block, &texts, NULL, TEXTS); /* AddressSanitizer watches */
    assert_int_equal(block.lengths, VALUES_MIXED);
    for (uint32_t i = 0; i < TEXTS; i++)
        expect_words(&block, i, values[i]);
    free(texts.data);
}

static void texts_without_any_bytes_are_one_change(void **state)
{
    (void)state;
    static const int32_t offsets[4] = {0};
    static const uint8_t nothing[1];
    struct value_block block;
    value_block_load_texts(&block, nothing, offsets, NULL, 3, nothing);
    assert_int_equal(block.change_count, 1);
    assert_int_equal(block.sizes[0], 0);
    assert_int_equal(block.bytes, 0);
}

static void values_that_repeat_are_one_change(void **state)
{
    (void)state;
    static const char *const values[TEXTS] = {"fee", "fee", "fee", "transfer", "transfer", "fee"};
    static const uint32_t change_ids[3] = {4, 9, 4};
    static const uint32_t expected[TEXTS] = {4, 4, 4, 9, 9, 4};
    uint32_t ids[TEXTS + VALUE_SPREAD_SLACK];
    struct texts texts;
    struct value_block block;
    make_texts(&texts, values, TEXTS);
    load(&block, &texts, NULL, TEXTS);
    assert_int_equal(block.change_count, 3);
    assert_int_equal(block.change_bytes, 3 + 8 + 3);
    value_block_spread_ids(&block, change_ids, ids);
    assert_memory_equal(ids, expected, sizeof expected);
    free(texts.data);
}

static void long_texts_that_differ_only_in_the_middle_are_changes(void **state)
{
    (void)state;
    static const char *const values[TEXTS] = {"GACCOUNT-one-ENDOFIT",  "GACCOUNT-one-ENDOFIT",
                                              "GACCOUNT-two-ENDOFIT",  "GACCOUNT-two-ENDOFIT",
                                              "GACCOUNT-two--ENDOFIT", "GACCOUNT-two-ENDOFIT"};
    struct texts texts;
    struct value_block block;
    make_texts(&texts, values, TEXTS);
    load(&block, &texts, NULL, TEXTS);
    assert_int_equal(block.lengths, VALUES_LONG);
    assert_int_equal(block.change_count, 4);
    expect_words(&block, 1, values[2]);
    free(texts.data);
}

static void chosen_rows_are_loaded_in_their_order(void **state)
{
    (void)state;
    static const char *const values[TEXTS] = {"a", "", "b", "b", "", "a text that is a long one"};
    static const uint16_t rows[4] = {0, 2, 3, 5};
    struct texts texts;
    struct value_block block;
    make_texts(&texts, values, TEXTS);
    load(&block, &texts, rows, 4);
    assert_int_equal(block.lengths, VALUES_MIXED);
    assert_int_equal(block.change_count, 3);
    expect_words(&block, 2, values[5]);
    free(texts.data);
}

static void binaries_of_any_width_are_told_apart(void **state)
{
    (void)state;
    static const uint32_t widths[] = {3, 8, 16, 20, 32, 33};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        uint32_t width = widths[w];
        uint8_t *data = calloc(4, width);
        struct value_block block;
        assert_non_null(data);
        data[2 * width + width / 2] = 1; /* the third differs in the middle */
        value_block_load_fixed(&block, data, width, NULL, 4);
        assert_int_equal(block.change_count, 3);
        assert_int_equal(block.starts[1], 2);
        assert_int_equal(block.starts[3], 4);
        assert_int_equal(block.bytes, 4 * width);
        free(data);
    }
}

/* --- statistics ---------------------------------------------------------------------------- */

static struct chunk_dictionary dictionary;

static void summarize(struct page_summary *summary, const struct bytes_view *views, uint32_t count)
{
    struct value_block block;
    uint32_t ids[VALUE_BLOCK_MAX];
    value_block_load_views(&block, &dictionary.type, views, count);
    assert_int_equal(chunk_dictionary_map(&dictionary, &block, ids), OK);
    page_summary_add_block(summary, &dictionary, &block, ids);
}

static void expect_bounds(const struct page_summary *summary, struct bytes_view min,
                          struct bytes_view max)
{
    assert_true(bytes_equal(chunk_dictionary_value(&dictionary, summary->min_id), min));
    assert_true(bytes_equal(chunk_dictionary_value(&dictionary, summary->max_id), max));
}

/* Ties of the first 8 bytes, a prefix of another text, and a NUL, which zeros behind a text are
 * not.
 */
static void texts_are_ordered_by_all_their_bytes(void **state)
{
    (void)state;
    struct bytes_view views[] = {bytes_view_text("12345678B"), bytes_view_text("12345678"),
                                 bytes_view_text("12345678A"), bytes_view_of("12345678\0", 9),
                                 bytes_view_text("12345678BUTLONGERTHAN16")};
    struct page_summary summary = {0};
    chunk_dictionary_init(&dictionary, (struct value_type){VALUE_TEXT, 0});
    summarize(&summary, views, 3);
    expect_bounds(&summary, views[1], views[0]);
    summarize(&summary, views + 3, 2);
    expect_bounds(&summary, views[1], views[4]);
    assert_int_equal(summary.value_count, 5);
    assert_int_equal(summary.text_bytes, 9 + 8 + 9 + 9 + 23);
    struct page_summary by_ids = {0};
    static const uint32_t ids[] = {0, 2, 3, 4, 1};
    page_summary_add_ids(&by_ids, &dictionary, ids, 5);
    expect_bounds(&by_ids, views[1], views[4]);
    assert_int_equal(by_ids.text_bytes, summary.text_bytes);
    chunk_dictionary_release(&dictionary);
}

static void decimals_are_ordered_by_sign_and_all_words(void **state)
{
    (void)state;
    __int128 numbers[] = {1, -1, ((__int128)1 << 64) + 5, -((__int128)1 << 100), 7};
    struct bytes_view views[5];
    struct page_summary summary = {0};
    uint8_t expected[16] = {0};
    for (size_t i = 0; i < 5; i++)
        views[i] = bytes_view_of(&numbers[i], 16);
    chunk_dictionary_init(&dictionary, (struct value_type){VALUE_DECIMAL, DECIMAL_BYTES});
    summarize(&summary, views, 5);
    memset(expected, 0xff, 3);
    expected[3] = 0xf0;
    struct bytes_view min = chunk_dictionary_value(&dictionary, summary.min_id);
    assert_memory_equal(min.data, expected, 16); /* big-endian */
    assert_int_equal(summary.max_id, 2);
    chunk_dictionary_release(&dictionary);
}

static void timestamps_before_1970_are_less(void **state)
{
    (void)state;
    int64_t times[] = {5, -7, INT64_MAX, INT64_MIN};
    struct value_block block;
    uint32_t ids[4];
    struct page_summary summary = {0};
    chunk_dictionary_init(&dictionary, (struct value_type){VALUE_TIMESTAMP, 8});
    value_block_load_fixed(&block, (const uint8_t *)times, 8, NULL, 4);
    assert_int_equal(chunk_dictionary_map(&dictionary, &block, ids), OK);
    page_summary_add_block(&summary, &dictionary, &block, ids);
    assert_int_equal(summary.min_id, 3);
    assert_int_equal(summary.max_id, 2);
    chunk_dictionary_release(&dictionary);
}

static void integers_are_ordered_unsigned(void **state)
{
    (void)state;
    static const uint32_t values[] = {70000, UINT32_MAX, 3, 3, 80000};
    uint32_t ids[5];
    struct page_summary summary = {0};
    chunk_dictionary_init(&dictionary, (struct value_type){VALUE_UINT32, 4});
    assert_int_equal(chunk_dictionary_map_uint32(&dictionary, values, 5, ids), OK);
    page_summary_add_uint32(&summary, values, ids, 5);
    assert_int_equal(summary.min_id, ids[2]);
    assert_int_equal(summary.max_id, ids[1]);
    chunk_dictionary_release(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_each_size_up_to_sixteen_keep_all_their_bytes),
        cmocka_unit_test(nothing_behind_the_array_is_read),
        cmocka_unit_test(texts_without_any_bytes_are_one_change),
        cmocka_unit_test(values_that_repeat_are_one_change),
        cmocka_unit_test(long_texts_that_differ_only_in_the_middle_are_changes),
        cmocka_unit_test(chosen_rows_are_loaded_in_their_order),
        cmocka_unit_test(binaries_of_any_width_are_told_apart),
        cmocka_unit_test(texts_are_ordered_by_all_their_bytes),
        cmocka_unit_test(decimals_are_ordered_by_sign_and_all_words),
        cmocka_unit_test(timestamps_before_1970_are_less),
        cmocka_unit_test(integers_are_ordered_unsigned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
