// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "util/text.h"

static struct bytes_view text(const char *chars)
{
    return bytes_view_text(chars);
}

static void times_are_written_in_utc_with_a_fraction_only_where_there_is_one(void **state)
{
    (void)state;
    char out[TEXT_TIME_BYTES];
    text_rfc3339(INT64_C(1705320000000000), out);
    assert_string_equal(out, "2024-01-15T12:00:00Z");
    text_rfc3339(INT64_C(1705320000000001), out);
    assert_string_equal(out, "2024-01-15T12:00:00.000001Z");
    text_timestamptz(INT64_C(1705320000500000), out);
    assert_string_equal(out, "2024-01-15 12:00:00.500000+00");
    text_rfc3339(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999999Z");
    text_rfc3339(INT64_C(951782400000000), out);
    assert_string_equal(out, "2000-02-29T00:00:00Z");
    text_rfc3339(INT64_C(4107542400000000), out);
    assert_string_equal(out, "2100-03-01T00:00:00Z");
}

static void each_day_of_eight_centuries_turns_into_a_date_and_back(void **state)
{
    (void)state;
    const int64_t day_us = 86400 * US_PER_SECOND;
    int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct civil_time wanted = {.year = 1600, .month = 1, .day = 1};
    int64_t at = civil_to_unix_us(&wanted);
    for (; wanted.year < 2400; at += day_us) {
        struct civil_time got = civil_from_unix_us(at);
        assert_int_equal(got.year, wanted.year);
        assert_int_equal(got.month, wanted.month);
        assert_int_equal(got.day, wanted.day);
        assert_int_equal(civil_to_unix_us(&got), at);
        bool leap = wanted.year % 4 == 0 && (wanted.year % 100 != 0 || wanted.year % 400 == 0);
        int length = lengths[wanted.month - 1] + (leap && wanted.month == 2);
        if (++wanted.day > length) {
            wanted.day = 1;
            wanted.month = wanted.month % 12 + 1;
            wanted.year += wanted.month == 1;
        }
    }
}

static void rfc_3339_is_read_with_any_offset(void **state)
{
    (void)state;
    const struct {
        const char *in;
        int64_t unix_us;
    } cases[] = {
        {"2024-01-15T12:00:00Z", INT64_C(1705320000000000)},
        {"2024-01-15 12:00:00.25+00", INT64_C(1705320000250000)},
        {"2024-01-15T07:00:00-05:00", INT64_C(1705320000000000)},
        {"2024-01-15T17:30:00+05:30", INT64_C(1705320000000000)},
        {"1969-12-31T23:59:59.999999z", -1},
        {"2024-01-15T12:00:00.1234567Z", INT64_C(1705320000123456)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t unix_us = 0;
        assert_true(text_parse_rfc3339(text(cases[i].in), &unix_us));
        assert_int_equal(unix_us, cases[i].unix_us);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "2024-01-15",
                                        "2024-01-15T12:00:00",
                                        "2024-02-30T00:00:00Z",
                                        "2023-02-29T00:00:00Z",
                                        "2024-13-01T00:00:00Z",
                                        "2024-01-15T24:00:00Z",
                                        "2024-01-15T12:60:00Z",
                                        "2024-01-15T12:00:00.Z",
                                        "2024-01-15T12:00:00Zx",
                                        "2024-01-15T12:00:00+5",
                                        "24-01-15T12:00:00Z",
                                        "2024-01-00T12:00:00Z"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t unix_us;
        if (text_parse_rfc3339(text(cases[i]), &unix_us))
            fail_msg("\"%s\" was taken for a time", cases[i]);
    }
}

static void durations_are_read_and_written_like_gos(void **state)
{
    (void)state;
    const struct {
        const char *in, *out;
        int64_t us;
    } cases[] = {
        {"30s", "30s", 30 * US_PER_SECOND},
        {"1h30m", "1h30m0s", 5400 * US_PER_SECOND},
        {"250ms", "250ms", 250000},
        {"1.5s", "1.5s", 1500000},
        {"1h2m3s", "1h2m3s", 3723 * US_PER_SECOND},
        {"2d", "48h0m0s", 172800 * US_PER_SECOND},
        {"7us", "7us", 7},
        {"0", "0s", 0},
        {"0s", "0s", 0},
        {"1.25ms", "1.25ms", 1250},
        {"61s", "1m1s", 61 * US_PER_SECOND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        assert_true(text_parse_duration(text(cases[i].in), &us));
        assert_int_equal(us, cases[i].us);
        char out[TEXT_TIME_BYTES];
        text_duration(us, out);
        assert_string_equal(out, cases[i].out);
    }
    char out[TEXT_TIME_BYTES];
    text_duration(-1500000, out);
    assert_string_equal(out, "-1.5s");
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",    "30",    "s",    "30 s", "-1s",  "1s1",
                                        "1.s", "1h-1m", "1min", "0x1s", "1e3s", "99999999999999d"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us;
        if (text_parse_duration(text(cases[i]), &us))
            fail_msg("\"%s\" was taken for a duration", cases[i]);
    }
}

static void sizes_are_bytes_or_carry_a_unit(void **state)
{
    (void)state;
    const struct {
        const char *in;
        uint64_t bytes;
    } cases[] = {{"134217728", 134217728},
                 {"128MiB", 134217728},
                 {"1.5KiB", 1536},
                 {"1GB", 1000000000},
                 {"0", 0},
                 {"7B", 7},
                 {"2TiB", UINT64_C(2) << 40},
                 {"18446744073709551615", UINT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 1;
        assert_true(text_parse_size(text(cases[i].in), &bytes));
        assert_int_equal(bytes, cases[i].bytes);
    }
    static const char *const wrong[] = {
        "", "many", "-1", "1 MiB", "1mib", "1MiB2", "MiB", "18446744073709551616", "9999999999TiB"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t bytes;
        if (text_parse_size(text(wrong[i]), &bytes))
            fail_msg("\"%s\" was taken for a size", wrong[i]);
    }
}

static void sizes_and_counts_are_written_for_people(void **state)
{
    (void)state;
    char out[TEXT_TIME_BYTES];
    text_size(1023, out);
    assert_string_equal(out, "1023 B");
    text_size(1536, out);
    assert_string_equal(out, "1.5 KiB");
    text_size(UINT64_C(5) << 40, out);
    assert_string_equal(out, "5.0 TiB");
    text_count(0, out);
    assert_string_equal(out, "0");
    text_count(999, out);
    assert_string_equal(out, "999");
    text_count(1234567, out);
    assert_string_equal(out, "1,234,567");
    text_count(UINT64_MAX, out);
    assert_string_equal(out, "18,446,744,073,709,551,615");
}

static void numbers_are_whole_and_decimal(void **state)
{
    (void)state;
    uint32_t small = 1;
    uint64_t large = 1;
    assert_true(text_parse_u32(text("4294967295"), &small));
    assert_int_equal(small, UINT32_MAX);
    assert_true(text_parse_u64(text("18446744073709551615"), &large));
    assert_true(large == UINT64_MAX);
    assert_true(text_parse_u32(text("007"), &small));
    assert_int_equal(small, 7);
    static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "4294967296"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (text_parse_u32(text(wrong[i]), &small))
            fail_msg("\"%s\" was taken for a 32-bit number", wrong[i]);
    }
    assert_false(text_parse_u64(text("18446744073709551616"), &large));
}

static void the_edit_distance_counts_what_people_mistype(void **state)
{
    (void)state;
    assert_int_equal(text_edit_distance("output_path", "output_path"), 0);
    assert_int_equal(text_edit_distance("output_paht", "output_path"), 1);
    assert_int_equal(text_edit_distance("outputpath", "output_path"), 1);
    assert_int_equal(text_edit_distance("outptu_pth", "output_path"), 2);
    assert_int_equal(text_edit_distance("", "abc"), 3);
    assert_int_equal(text_edit_distance("abc", ""), 3);
    assert_int_equal(text_edit_distance("kitten", "sitting"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_in_utc_with_a_fraction_only_where_there_is_one),
        cmocka_unit_test(each_day_of_eight_centuries_turns_into_a_date_and_back),
        cmocka_unit_test(rfc_3339_is_read_with_any_offset),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(durations_are_read_and_written_like_gos),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(sizes_are_bytes_or_carry_a_unit),
        cmocka_unit_test(sizes_and_counts_are_written_for_people),
        cmocka_unit_test(numbers_are_whole_and_decimal),
        cmocka_unit_test(the_edit_distance_counts_what_people_mistype),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
