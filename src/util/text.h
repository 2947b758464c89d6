// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_TEXT_H
#define TTP_UTIL_TEXT_H

/* Times, durations, sizes and numbers as people and configuration files write them. All times UTC.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/bytes.h"

#define US_PER_SECOND INT64_C(1000000)

/* A UTC calendar date and time (proleptic Gregorian). */
struct civil_time {
    int64_t year;
    int month; /* 1-12 */
    int day;   /* 1-31 */
    int hour, minute, second;
    int microsecond;
};

/* unix_us: microseconds since 1970-01-01T00:00:00Z, also negative. */
struct civil_time civil_from_unix_us(int64_t unix_us);
int64_t civil_to_unix_us(const struct civil_time *civil);

#define TEXT_TIME_BYTES 40

/* RFC 3339, such as 2024-01-15T12:30:00Z, with .123456 where there is a fraction. */
void text_rfc3339(int64_t unix_us, char out[TEXT_TIME_BYTES]);
/* DuckDB's text of a TIMESTAMPTZ in UTC: 2024-01-15 12:30:00+00 or 2024-01-15 12:30:00.123456+00.
 */
void text_timestamptz(int64_t unix_us, char out[TEXT_TIME_BYTES]);
/* Reads RFC 3339 (`Z` or an offset, `T` or a space); false if it is not that. */
bool text_parse_rfc3339(struct bytes_view text, int64_t *unix_us) MUST_CHECK;

/* Durations: a number with a unit, or several: 30s, 1h30m, 250ms, 1.5s (units us ms s m h d). */
bool text_parse_duration(struct bytes_view text, int64_t *microseconds) MUST_CHECK;
/* Go-style: 1h2m3s, 250ms, 1.5s, 0s. */
void text_duration(int64_t microseconds, char out[TEXT_TIME_BYTES]);

/* Sizes: a number of bytes, or with B, KiB, MiB, GiB, TiB (also KB, MB, GB, TB = powers of 1000).
 */
bool text_parse_size(struct bytes_view text, uint64_t *size_bytes) MUST_CHECK;
/* The ending of an English noun behind its count. */
static inline const char *text_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* For people: 1023 B, 1.5 MiB. */
void text_size(uint64_t size_bytes, char out[TEXT_TIME_BYTES]);
/* For people: 1,234,567. */
void text_count(uint64_t count, char out[TEXT_TIME_BYTES]);

/* Whole decimal digits only, no sign; false on anything else or overflow. */
bool text_parse_u64(struct bytes_view text, uint64_t *value) MUST_CHECK;
bool text_parse_u32(struct bytes_view text, uint32_t *value) MUST_CHECK;

/* Edits (insert, delete, replace, swap neighbours) between two short texts: for "did you mean". */
size_t text_edit_distance(const char *a, const char *b);

#endif
