// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "rows/partition.h"
#include "rows/schema.h"
#include "util/text.h"

#define SCHEME_COUNT 4

static int64_t at(const char *rfc3339)
{
    int64_t unix_us;
    assert_true(text_parse_rfc3339(bytes_view_text(rfc3339), &unix_us));
    return unix_us;
}

static void schemes_have_names(void **state)
{
    (void)state;
    static const char *const names[SCHEME_COUNT] = {"date", "date_hour", "date_hour_type",
                                                    "simple"};
    for (int i = 0; i < SCHEME_COUNT; i++) {
        enum partitioning_scheme scheme;
        assert_true(partitioning_scheme_parse(names[i], &scheme));
        assert_int_equal(scheme, i);
        assert_string_equal(partitioning_scheme_name(scheme), names[i]);
    }
    enum partitioning_scheme scheme;
    assert_false(partitioning_scheme_parse("hourly", &scheme));
    assert_false(partitioning_scheme_parse("", &scheme));
}

static void keys_are_the_hour_or_day_of_the_row(void **state)
{
    (void)state;
    int64_t time = at("2024-01-15T12:34:56.5Z");
    struct partition_key key = partition_key_of(PARTITION_DATE_HOUR, time, EVENT_FEE);
    assert_true(key.start_us == at("2024-01-15T12:00:00Z"));
    assert_int_equal(key.type, EVENT_NONE);
    assert_true(partition_end_us(PARTITION_DATE_HOUR, key) == at("2024-01-15T13:00:00Z"));
    key = partition_key_of(PARTITION_DATE, time, EVENT_FEE);
    assert_true(key.start_us == at("2024-01-15T00:00:00Z"));
    assert_true(partition_end_us(PARTITION_DATE, key) == at("2024-01-16T00:00:00Z"));
    struct partition_key fee = partition_key_of(PARTITION_DATE_HOUR_TYPE, time, EVENT_FEE);
    struct partition_key burn = partition_key_of(PARTITION_DATE_HOUR_TYPE, time, EVENT_BURN);
    assert_int_equal(fee.type, EVENT_FEE);
    assert_false(partition_key_equal(fee, burn));
    assert_true(partition_key_equal(fee, fee));
    /* before 1970 the start is still the earlier end */
    key = partition_key_of(PARTITION_DATE_HOUR, -1, EVENT_FEE);
    assert_true(key.start_us == at("1969-12-31T23:00:00Z"));
    key = partition_key_of(PARTITION_DATE, at("1969-12-31T00:00:00Z"), EVENT_FEE);
    assert_true(key.start_us == at("1969-12-31T00:00:00Z"));
    /* a crafted catalog's close time */
    key = partition_key_of(PARTITION_DATE_HOUR, INT64_MIN, EVENT_FEE);
    assert_true(key.start_us < 0 && key.start_us % (INT64_C(3600) * 1000000) == 0);
}

static void paths_are_those_of_the_design(void **state)
{
    (void)state;
    static const struct {
        enum partitioning_scheme scheme;
        const char *directory, *file, *second, *label;
    } cases[] = {
        {PARTITION_DATE, "year=2024/month=01/day=15", "ttp_events_2024-01-15_1705321234.parquet",
         "ttp_events_2024-01-15_1705321234-2.parquet", "year=2024/month=01/day=15"},
        {PARTITION_DATE_HOUR, "year=2024/month=01/day=15/hour=12",
         "ttp_events_2024-01-15T12_1705321234.parquet",
         "ttp_events_2024-01-15T12_1705321234-2.parquet", "year=2024/month=01/day=15/hour=12"},
        {PARTITION_DATE_HOUR_TYPE, "year=2024/month=01/day=15/hour=12/event_type=mint",
         "ttp_events_2024-01-15T12_mint_1705321234.parquet",
         "ttp_events_2024-01-15T12_mint_1705321234-2.parquet",
         "year=2024/month=01/day=15/hour=12/event_type=mint"},
        {PARTITION_SIMPLE, "", "ttp_events_2024-01-15_1705321234.parquet",
         "ttp_events_2024-01-15_1705321234-2.parquet", "2024-01-15"},
    };
    int64_t time = at("2024-01-15T12:20:34.9Z");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[PARTITION_PATH_BYTES];
        struct partition_key key = partition_key_of(cases[i].scheme, time, EVENT_MINT);
        partition_directory(cases[i].scheme, key, text);
        assert_string_equal(text, cases[i].directory);
        partition_file_name(cases[i].scheme, key, time, 1, text);
        assert_string_equal(text, cases[i].file);
        partition_file_name(cases[i].scheme, key, time, 2, text);
        assert_string_equal(text, cases[i].second);
        partition_label(cases[i].scheme, key, text);
        assert_string_equal(text, cases[i].label);
    }
}

static void objects_carry_digits_of_their_commit(void **state)
{
    (void)state;
    static const char uuid[] = "1a2b3c4d-0000-4000-8000-000000000000";
    int64_t time = at("2024-01-15T12:20:34.9Z");
    for (int i = 0; i < SCHEME_COUNT; i++) {
        enum partitioning_scheme scheme = (enum partitioning_scheme)i;
        char directory[PARTITION_PATH_BYTES], name[PARTITION_PATH_BYTES];
        char path[2 * PARTITION_PATH_BYTES];
        struct partition_key key = partition_key_of(scheme, time, EVENT_MINT), found;
        partition_directory(scheme, key, directory);
        partition_object_name(scheme, key, time, 1, uuid, name);
        assert_non_null(strstr(name, "_1705321234_1a2b3c4d.parquet"));
        snprintf(path, sizeof path, "%s%s%s", directory, directory[0] == '\0' ? "" : "/", name);
        assert_true(partition_parse_path(scheme, path, &found));
        assert_true(partition_key_equal(found, key));
        partition_object_name(scheme, key, time, 2, uuid, name);
        assert_non_null(strstr(name, "_1705321234-2_1a2b3c4d.parquet"));
        char second[2 * PARTITION_PATH_BYTES];
        snprintf(second, sizeof second, "%s%s%s", directory, directory[0] == '\0' ? "" : "/", name);
        assert_true(partition_parse_path(scheme, second, &found));
        assert_true(partition_key_equal(found, key));
        memcpy(strstr(path, "1a2b3c4d"), "1A2B3C4D", 8);
        assert_false(partition_makes_path(scheme, path));
        memcpy(strstr(path, "1A2B3C4D"), "1a2b3c4.", 8);
        assert_false(partition_makes_path(scheme, path));
    }
}

static void years_have_four_digits_and_times_before_1970_are_negative(void **state)
{
    (void)state;
    char text[PARTITION_PATH_BYTES];
    int64_t time = at("0001-01-01T00:00:00Z");
    struct partition_key key = partition_key_of(PARTITION_DATE, time, EVENT_FEE);
    partition_directory(PARTITION_DATE, key, text);
    assert_string_equal(text, "year=0001/month=01/day=01");
    partition_file_name(PARTITION_DATE, key, time, 1, text);
    assert_string_equal(text, "ttp_events_0001-01-01_-62135596800.parquet");
    partition_file_name(PARTITION_DATE, key, -1, 1, text);
    assert_non_null(strstr(text, "_-1.parquet"));
}

static void ducklake_partitions_have_transforms_and_values(void **state)
{
    (void)state;
    static const unsigned counts[SCHEME_COUNT] = {3, 4, 5, 0};
    static const char *const expected[] = {"year", "month", "day", "hour", "identity"};
    static const char *const values[] = {"2024", "1", "5", "3", "transfer"};
    for (int i = 0; i < SCHEME_COUNT; i++) {
        enum partitioning_scheme scheme = (enum partitioning_scheme)i;
        unsigned count;
        char text[PARTITION_TRANSFORM_MAX][32];
        const struct partition_transform *transforms = partition_transforms(scheme, &count);
        struct partition_key key =
            partition_key_of(scheme, at("2024-01-05T03:00:00Z"), EVENT_TRANSFER);
        assert_int_equal(count, counts[i]);
        if (scheme == PARTITION_DATE)
            key.start_us = at("2024-01-05T00:00:00Z");
        partition_values(scheme, key, text);
        for (unsigned k = 0; k < count; k++) {
            assert_string_equal(transforms[k].transform, expected[k]);
            assert_int_equal(transforms[k].column_id, k < 4 ? COLUMN_TIMESTAMP : COLUMN_EVENT_TYPE);
            assert_string_equal(text[k], values[k]);
        }
    }
}

static void only_paths_that_a_scheme_makes_are_its_own(void **state)
{
    (void)state;
    static const char hour[] = "year=2024/month=01/day=15/hour=12/";
    static const struct {
        enum partitioning_scheme scheme;
        const char *folder, *name;
        bool own;
    } cases[] = {
        {PARTITION_DATE_HOUR, hour, "ttp_events_2024-01-15T12_1705320000.parquet", true},
        {PARTITION_DATE_HOUR, hour, "ttp_events_2024-01-15T12_1705320000-2.parquet", true},
        {PARTITION_DATE_HOUR, hour, "ttp_events_2024-01-15T12_1705320000-1.parquet", false},
        {PARTITION_DATE_HOUR, hour, "ttp_events_2024-01-15T12_1705320000-02.parquet", false},
        {PARTITION_DATE_HOUR, hour, "ttp_events_2024-01-15T12_1705330000.parquet", false},
        {PARTITION_DATE_HOUR, hour, "ttp_events_2024-01-15T12_+1705320000.parquet", false},
        {PARTITION_DATE_HOUR, hour, "ttp_events_2024-01-15T12_1705320000.parquet.x", false},
        {PARTITION_DATE_HOUR, hour, "new.parquet", false},
        {PARTITION_DATE_HOUR, hour, "x_9223372036854775807.parquet", false},
        {PARTITION_DATE_HOUR, "mine/", "ttp_events_2024-01-15T12_1705320000.parquet", false},
        {PARTITION_DATE_HOUR, "", "ttp_events_2024-01-15T12_1705320000.parquet", false},
        {PARTITION_DATE_HOUR, "", "", false},
        {PARTITION_DATE, "year=2024/month=01/day=15/", "ttp_events_2024-01-15_1705320000.parquet",
         true},
        {PARTITION_DATE, hour, "ttp_events_2024-01-15T12_1705320000.parquet", false},
        {PARTITION_DATE_HOUR_TYPE, "year=2024/month=01/day=15/hour=12/event_type=mint/",
         "ttp_events_2024-01-15T12_mint_1705320000.parquet", true},
        {PARTITION_DATE_HOUR_TYPE, "year=2024/month=01/day=15/hour=12/event_type=mint/",
         "ttp_events_2024-01-15T12_burn_1705320000.parquet", false},
        {PARTITION_DATE_HOUR_TYPE, "year=2024/month=01/day=15/hour=12/event_type=/",
         "ttp_events_2024-01-15T12__1705320000.parquet", false},
        {PARTITION_SIMPLE, "", "ttp_events_2024-01-15_1705320000.parquet", true},
        {PARTITION_SIMPLE, "", "ttp_events_1969-12-31_-5.parquet", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[2 * PARTITION_PATH_BYTES];
        snprintf(path, sizeof path, "%s%s", cases[i].folder, cases[i].name);
        if (partition_makes_path(cases[i].scheme, path) != cases[i].own)
            fail_msg("%s", path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemes_have_names),
        cmocka_unit_test(keys_are_the_hour_or_day_of_the_row),
        cmocka_unit_test(paths_are_those_of_the_design),
        cmocka_unit_test(objects_carry_digits_of_their_commit),
        cmocka_unit_test(years_have_four_digits_and_times_before_1970_are_negative),
        cmocka_unit_test(only_paths_that_a_scheme_makes_are_its_own),
        cmocka_unit_test(ducklake_partitions_have_transforms_and_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
