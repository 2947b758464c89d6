// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "parquet/bloom.h"

static uint64_t hash_of(uint32_t number)
{
    return bloom_hash(bytes_view_of((const uint8_t *)&number, sizeof number));
}

static void sizes_are_powers_of_two_that_grow_with_the_entries(void **state)
{
    (void)state;
    uint32_t last = BLOOM_BLOCK_BYTES;
    assert_int_equal(bloom_size_bytes(0), BLOOM_BLOCK_BYTES);
    for (uint64_t entries = 1; entries < UINT64_C(1) << 40; entries *= 3) {
        uint32_t size = bloom_size_bytes(entries);
        assert_int_equal(size & (size - 1), 0);
        assert_in_range(size, last, BLOOM_MAX_BYTES);
        assert_true(size == BLOOM_MAX_BYTES || (uint64_t)size * 8 >= entries * 4);
        last = size;
    }
    assert_int_equal(last, BLOOM_MAX_BYTES);
}

/* At the fullest that sizes allow. */
static void what_was_inserted_is_there_and_most_other_values_are_not(void **state)
{
    (void)state;
    uint32_t entries = 1, hits = 0;
    while (bloom_size_bytes(entries + 1) <= 4096)
        entries++;
    uint32_t size = bloom_size_bytes(entries);
    uint8_t *filter = calloc(size, 1);
    assert_non_null(filter);
    for (uint32_t i = 0; i < entries; i++)
        bloom_insert(filter, size, hash_of(i));
    for (uint32_t i = 0; i < entries; i++)
        assert_true(bloom_contains(filter, size, hash_of(i)));
    for (uint32_t i = 0; i < 10000; i++)
        hits += bloom_contains(filter, size, hash_of(entries + i));
    assert_in_range(hits, 1000, 2200);
    free(filter);
}

/* Every byte, in hashes of 32: what DuckDB shows is written out here in another way. */
static void the_escaped_hash_is_that_of_the_text_duckdb_shows(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first += BLOOM_ESCAPED_MAX_BYTES) {
        uint8_t value[BLOOM_ESCAPED_MAX_BYTES];
        char text[4 * BLOOM_ESCAPED_MAX_BYTES + 1] = "";
        size_t size = 0;
        for (unsigned i = 0; i < BLOOM_ESCAPED_MAX_BYTES; i++) {
            value[i] = (uint8_t)(first + i);
            bool is_shown = value[i] >= 32 && value[i] < 127 && strchr("\"'\\", value[i]) == NULL;
            size += (size_t)snprintf(text + size, sizeof text - size, is_shown ? "%c" : "\\x%02X",
                                     value[i]);
        }
        assert_true(bloom_hash_escaped(bytes_view_of(value, sizeof value)) ==
                    bloom_hash(bytes_view_of((const uint8_t *)text, size)));
    }
    assert_true(bloom_hash_escaped(bytes_view_text("ab\x01")) ==
                bloom_hash(bytes_view_text("ab\\x01")));
    assert_true(bloom_hash_escaped(bytes_view_text("")) == bloom_hash(bytes_view_text("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_powers_of_two_that_grow_with_the_entries),
        cmocka_unit_test(what_was_inserted_is_there_and_most_other_values_are_not),
        cmocka_unit_test(the_escaped_hash_is_that_of_the_text_duckdb_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
