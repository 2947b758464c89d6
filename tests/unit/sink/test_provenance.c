// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "sink/provenance.h"

/* As a reader finds it, whatever was written. */
static struct parquet_file_metadata said(const struct parquet_key_value *pairs, size_t count)
{
    static struct parquet_key_value_metadata values[PROVENANCE_KEY_COUNT];
    for (size_t i = 0; i < count; i++)
        values[i] = (struct parquet_key_value_metadata){pairs[i].key, pairs[i].value};
    return (struct parquet_file_metadata){.key_value_count = count, .key_values = values};
}

/* Readers of earlier releases, and of other programs, look for these. */
static void the_keys_are_what_they_always_were(void **state)
{
    (void)state;
    static const char *const expected[][2] = {
        {"version", "1.1.0"},       {"description", "events"},  {"created_by", "us"},
        {"ttp.lake_id", "abc"},     {"ttp.network", "testnet"}, {"ttp.commit_no", "7"},
        {"ttp.first_ledger", "10"}, {"ttp.last_ledger", "20"},  {"ttp.commit_files", "2"},
        {"ttp.file_rows", "30"},    {"ttp.commit_rows", "40"},  {"ttp.partition", "2026-01-05"}};
    struct provenance provenance = {.texts = {[PROVENANCE_SCHEMA_VERSION] = "1.1.0",
                                              [PROVENANCE_DESCRIPTION] = "events",
                                              [PROVENANCE_CREATED_BY] = "us",
                                              [PROVENANCE_LAKE_ID] = "abc",
                                              [PROVENANCE_NETWORK] = "testnet",
                                              [PROVENANCE_PARTITION] = "2026-01-05"},
                                    .numbers = {[PROVENANCE_COMMIT_NO] = 7,
                                                [PROVENANCE_FIRST_LEDGER] = 10,
                                                [PROVENANCE_LAST_LEDGER] = 20,
                                                [PROVENANCE_COMMIT_FILES] = 2,
                                                [PROVENANCE_FILE_ROWS] = 30,
                                                [PROVENANCE_COMMIT_ROWS] = 40}};
    struct parquet_key_value pairs[PROVENANCE_KEY_COUNT];
    size_t count = sizeof expected / sizeof *expected;
    assert_int_equal(provenance_write(&provenance, pairs), count);
    struct parquet_file_metadata metadata = said(pairs, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(pairs[i].key, expected[i][0]);
        assert_string_equal(pairs[i].value, expected[i][1]);
        assert_true(provenance_says(&metadata, (enum provenance_key)i, expected[i][1]));
    }
    assert_true(provenance_says_number(&metadata, PROVENANCE_FILE_ROWS, 30));
    assert_false(provenance_says_number(&metadata, PROVENANCE_FILE_ROWS, 3));
}

static void the_commits_of_a_file_are_read_as_they_were_written(void **state)
{
    (void)state;
    static const struct provenance_commit commits[] = {{7, {1, 20}, 400, 1, 400, 0},
                                                       {9, {21, 21}, 5, 4, 1, 12}};
    static const char *const bad[] = {"",
                                      "7",
                                      "[]",
                                      "[[7,1,20,400,1,400]]",
                                      "[[7,20,1,400,1,400,0]]",
                                      "[[7,1,20,400,1,401,0]]",
                                      "[[7,1,20,400,1,\"400\",0]]",
                                      "[[7,1,20,4,1,4,0],[7,21,22,4,1,4,0]]",
                                      "[[0,1,20,4,1,4,0]]",
                                      "[[7,1,4294967296,4,1,4,0]]"};
    struct buffer text, read;
    buffer_init(&text);
    buffer_init(&read);
    assert_int_equal(provenance_format_commits(commits, 2, &text, NULL), OK);
    assert_string_equal((char *)text.data, "[[7,1,20,400,1,400,0],[9,21,21,5,4,1,12]]");
    assert_int_equal(provenance_parse_commits((char *)text.data, "a.parquet", &read, NULL), OK);
    assert_int_equal(read.size_bytes, sizeof commits);
    assert_memory_equal(read.data, commits, sizeof commits);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(provenance_parse_commits(bad[i], "a.parquet", &read, NULL), ERR_CORRUPT);
    buffer_release(&text);
    buffer_release(&read);
}

static void a_number_is_digits_up_to_its_limit(void **state)
{
    (void)state;
    static const char *const none[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "4294967296", "99999999999999999999"};
    uint64_t number = 0;
    struct parquet_key_value pair = {"ttp.last_ledger", "4294967295"};
    struct parquet_file_metadata metadata = said(&pair, 1);
    assert_true(provenance_number(&metadata, PROVENANCE_LAST_LEDGER, UINT32_MAX, &number));
    assert_int_equal(number, UINT32_MAX);
    assert_false(provenance_number(&metadata, PROVENANCE_FIRST_LEDGER, UINT32_MAX, &number));
    assert_null(provenance_text(&metadata, PROVENANCE_FIRST_LEDGER));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        pair.value = none[i];
        metadata = said(&pair, 1);
        assert_false(provenance_number(&metadata, PROVENANCE_LAST_LEDGER, UINT32_MAX, &number));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_are_what_they_always_were),
        cmocka_unit_test(the_commits_of_a_file_are_read_as_they_were_written),
        cmocka_unit_test(a_number_is_digits_up_to_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
