// SPDX-License-Identifier: Apache-2.0
#include "rows/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows/schema.h"
#include "util/text.h"

#define US_PER_HOUR (3600 * US_PER_SECOND)
/* Numbers in a file's name: up to the year 9999, and as many files of one name as will ever be. */
#define CLOSE_MAX_S   INT64_C(253402300799)
#define ATTEMPT_MAX   1000000
#define SUFFIX        ".parquet"
#define COMMIT_DIGITS 8 /* of a commit, in the name of an object */
#define US_PER_DAY    (24 * US_PER_HOUR)

static const struct partition_transform transforms[] = {
    {"year", COLUMN_TIMESTAMP}, {"month", COLUMN_TIMESTAMP},     {"day", COLUMN_TIMESTAMP},
    {"hour", COLUMN_TIMESTAMP}, {"identity", COLUMN_EVENT_TYPE},
};

/* A scheme takes the first `transform_count` of the transforms. */
static const struct scheme {
    const char *name;
    unsigned transform_count;
    int64_t length_us;
    bool by_hour, by_type;
} schemes[] = {
    [PARTITION_DATE] = {"date", 3, US_PER_DAY, false, false},
    [PARTITION_DATE_HOUR] = {"date_hour", 4, US_PER_HOUR, true, false},
    [PARTITION_DATE_HOUR_TYPE] = {"date_hour_type", 5, US_PER_HOUR, true, true},
    [PARTITION_SIMPLE] = {"simple", 0, US_PER_DAY, false, false},
};

#define SCHEME_COUNT (sizeof schemes / sizeof schemes[0])

bool partitioning_scheme_parse(const char *name, enum partitioning_scheme *scheme)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        if (strcmp(schemes[i].name, name) == 0) {
            *scheme = (enum partitioning_scheme)i;
            return true;
        }
    }
    return false;
}

const char *partitioning_scheme_name(enum partitioning_scheme scheme)
{
    assert(scheme < SCHEME_COUNT);
    return schemes[scheme].name;
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

struct partition_key partition_key_of(enum partitioning_scheme scheme, int64_t timestamp_us,
                                      enum event_type type)
{
    assert(scheme < SCHEME_COUNT);
    int64_t length_us = schemes[scheme].length_us;
    int64_t number = floor_divide(timestamp_us, length_us), lowest = INT64_MIN / length_us;
    return (struct partition_key){
        .start_us =
            (number < lowest ? lowest : number) * length_us, /* a catalog's time may be any */
        .type = schemes[scheme].by_type ? type : EVENT_NONE,
    };
}

bool partition_key_equal(struct partition_key a, struct partition_key b)
{
    return a.start_us == b.start_us && a.type == b.type;
}

int64_t partition_end_us(enum partitioning_scheme scheme, struct partition_key key)
{
    return key.start_us + schemes[scheme].length_us;
}

void partition_directory(enum partitioning_scheme scheme, struct partition_key key,
                         char out[PARTITION_PATH_BYTES])
{
    out[0] = '\0';
    if (scheme == PARTITION_SIMPLE)
        return;
    struct civil_time civil = civil_from_unix_us(key.start_us);
    int length = snprintf(out, PARTITION_PATH_BYTES, "year=%04" PRId64 "/month=%02d/day=%02d",
                          civil.year, civil.month, civil.day);
    if (schemes[scheme].by_hour)
        length +=
            snprintf(out + length, PARTITION_PATH_BYTES - (size_t)length, "/hour=%02d", civil.hour);
    if (schemes[scheme].by_type)
        snprintf(out + length, PARTITION_PATH_BYTES - (size_t)length, "/event_type=%s",
                 event_type_name(key.type));
}

/* 2024-01-15, or 2024-01-15T12 in the schemes by the hour. */
static int format_start(enum partitioning_scheme scheme, struct partition_key key, char *out,
                        size_t room)
{
    struct civil_time civil = civil_from_unix_us(key.start_us);
    int length = snprintf(out, room, "%04" PRId64 "-%02d-%02d", civil.year, civil.month, civil.day);
    if (schemes[scheme].by_hour)
        length += snprintf(out + length, room - (size_t)length, "T%02d", civil.hour);
    return length;
}

/* `mark`: what makes the name one of its own. */
static void format_name(enum partitioning_scheme scheme, struct partition_key key,
                        int64_t first_close_us, const char *mark, char out[PARTITION_PATH_BYTES])
{
    char start[TEXT_TIME_BYTES];
    format_start(scheme, key, start, sizeof start);
    snprintf(out, PARTITION_PATH_BYTES, "ttp_events_%s%s%s_%" PRId64 "%s" SUFFIX, start,
             schemes[scheme].by_type ? "_" : "",
             schemes[scheme].by_type ? event_type_name(key.type) : "",
             floor_divide(first_close_us, US_PER_SECOND), mark);
}

#define ATTEMPT_BYTES 16

static void format_attempt(unsigned attempt, char out[ATTEMPT_BYTES])
{
    out[0] = '\0';
    if (attempt > 1)
        snprintf(out, ATTEMPT_BYTES, "-%u", attempt);
}

void partition_file_name(enum partitioning_scheme scheme, struct partition_key key,
                         int64_t first_close_us, unsigned attempt, char out[PARTITION_PATH_BYTES])
{
    char again[ATTEMPT_BYTES];
    format_attempt(attempt, again);
    format_name(scheme, key, first_close_us, again, out);
}

void partition_object_name(enum partitioning_scheme scheme, struct partition_key key,
                           int64_t first_close_us, unsigned attempt, const char *commit_uuid,
                           char out[PARTITION_PATH_BYTES])
{
    char mark[COMMIT_DIGITS + ATTEMPT_BYTES + 2], again[ATTEMPT_BYTES];
    format_attempt(attempt, again);
    snprintf(mark, sizeof mark, "%s_%.*s", again, COMMIT_DIGITS, commit_uuid);
    format_name(scheme, key, first_close_us, mark, out);
}

/* The path without the digits of a commit, if it ends in such; else `path` as it is. */
static const char *without_commit(const char *path, char storage[2 * PARTITION_PATH_BYTES])
{
    const char *mark = strrchr(path, '_');
    if (mark == NULL || strlen(path) >= 2 * PARTITION_PATH_BYTES ||
        strspn(mark + 1, "0123456789abcdef") != COMMIT_DIGITS ||
        strcmp(mark + 1 + COMMIT_DIGITS, SUFFIX) != 0)
        return path;
    snprintf(storage, 2 * PARTITION_PATH_BYTES, "%.*s" SUFFIX, (int)(mark - path), path);
    return storage;
}

/* The path of the file whose name has these numbers, and the same text if it is one of ours. */
static bool is_path_of(enum partitioning_scheme scheme, const char *path, int64_t first_close_us,
                       unsigned attempt, enum event_type type)
{
    char made[2 * PARTITION_PATH_BYTES], name[PARTITION_PATH_BYTES];
    struct partition_key key = partition_key_of(scheme, first_close_us, type);
    partition_directory(scheme, key, made);
    partition_file_name(scheme, key, first_close_us, attempt, name);
    size_t length = strlen(made);
    snprintf(made + length, sizeof made - length, "%s%s", length == 0 ? "" : "/", name);
    return strcmp(made, path) == 0;
}

bool partition_makes_path(enum partitioning_scheme scheme, const char *path)
{
    struct partition_key key;
    return partition_parse_path(scheme, path, &key);
}

static bool parse_path(enum partitioning_scheme scheme, const char *path, struct partition_key *key)
{
    const char *mark = strrchr(path, '_');
    char *end;
    if (mark == NULL)
        return false;
    int64_t unix_s = strtoll(mark + 1, &end, 10);
    unsigned long attempt = *end == '-' ? strtoul(end + 1, &end, 10) : 1;
    if (unix_s < -CLOSE_MAX_S || unix_s > CLOSE_MAX_S || attempt > ATTEMPT_MAX ||
        strcmp(end, ".parquet") != 0)
        return false;
    int first = schemes[scheme].by_type ? EVENT_NONE + 1 : EVENT_NONE;
    int last = schemes[scheme].by_type ? EVENT_TYPE_COUNT - 1 : EVENT_NONE;
    for (int type = first; type <= last; type++) {
        if (!is_path_of(scheme, path, unix_s * US_PER_SECOND, (unsigned)attempt,
                        (enum event_type)type))
            continue;
        *key = partition_key_of(scheme, unix_s * US_PER_SECOND, (enum event_type)type);
        return true;
    }
    return false;
}

bool partition_parse_path(enum partitioning_scheme scheme, const char *path,
                          struct partition_key *key)
{
    char storage[2 * PARTITION_PATH_BYTES];
    if (parse_path(scheme, path, key))
        return true;
    const char *rest = without_commit(path, storage);
    return rest != path && parse_path(scheme, rest, key);
}

void partition_label(enum partitioning_scheme scheme, struct partition_key key,
                     char out[PARTITION_PATH_BYTES])
{
    if (scheme == PARTITION_SIMPLE)
        format_start(scheme, key, out, PARTITION_PATH_BYTES);
    else
        partition_directory(scheme, key, out);
}

const struct partition_transform *partition_transforms(enum partitioning_scheme scheme,
                                                       unsigned *count)
{
    assert(scheme < SCHEME_COUNT);
    *count = schemes[scheme].transform_count;
    return transforms;
}

void partition_values(enum partitioning_scheme scheme, struct partition_key key,
                      char out[PARTITION_TRANSFORM_MAX][32])
{
    unsigned count;
    partition_transforms(scheme, &count);
    struct civil_time civil = civil_from_unix_us(key.start_us);
    const int64_t numbers[] = {civil.year, civil.month, civil.day, civil.hour};
    for (unsigned i = 0; i < count; i++) {
        if (i < sizeof numbers / sizeof numbers[0])
            snprintf(out[i], 32, "%" PRId64, numbers[i]);
        else
            snprintf(out[i], 32, "%s", event_type_name(key.type));
    }
}
