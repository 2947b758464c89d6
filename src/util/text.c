// SPDX-License-Identifier: Apache-2.0
#include "util/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAYS_PER_ERA 146097 /* 400 years */

/* Days since 1970-01-01 of a civil date (H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms"). */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - 719468;
}

static void civil_from_days(int64_t days, struct civil_time *civil)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    civil->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    civil->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    civil->year = year_of_era + era * 400 + (civil->month <= 2);
}

struct civil_time civil_from_unix_us(int64_t unix_us)
{
    const int64_t us_per_day = 86400 * US_PER_SECOND;
    int64_t days = unix_us / us_per_day;
    int64_t rest = unix_us % us_per_day;
    if (rest < 0) {
        days--;
        rest += us_per_day;
    }
    struct civil_time civil = {0};
    civil_from_days(days, &civil);
    civil.microsecond = (int)(rest % US_PER_SECOND);
    rest /= US_PER_SECOND;
    civil.hour = (int)(rest / 3600);
    civil.minute = (int)(rest / 60 % 60);
    civil.second = (int)(rest % 60);
    return civil;
}

int64_t civil_to_unix_us(const struct civil_time *civil)
{
    int64_t seconds = days_from_civil(civil->year, civil->month, civil->day) * 86400 +
                      civil->hour * 3600 + civil->minute * 60 + civil->second;
    return seconds * US_PER_SECOND + civil->microsecond;
}

static void format_time(int64_t unix_us, char separator, const char *zone,
                        char out[TEXT_TIME_BYTES])
{
    struct civil_time civil = civil_from_unix_us(unix_us);
    int length =
        snprintf(out, TEXT_TIME_BYTES, "%04" PRId64 "-%02d-%02d%c%02d:%02d:%02d", civil.year,
                 civil.month, civil.day, separator, civil.hour, civil.minute, civil.second);
    if (civil.microsecond != 0)
        length +=
            snprintf(out + length, TEXT_TIME_BYTES - (size_t)length, ".%06d", civil.microsecond);
    snprintf(out + length, TEXT_TIME_BYTES - (size_t)length, "%s", zone);
}

void text_rfc3339(int64_t unix_us, char out[TEXT_TIME_BYTES])
{
    format_time(unix_us, 'T', "Z", out);
}

void text_timestamptz(int64_t unix_us, char out[TEXT_TIME_BYTES])
{
    format_time(unix_us, ' ', "+00", out);
}

/* Reads exactly `digits` decimal digits at *at. */
static bool take_digits(struct bytes_view text, size_t *at, size_t digits, int64_t *value)
{
    if (text.size_bytes - *at < digits)
        return false;
    *value = 0;
    for (size_t i = 0; i < digits; i++) {
        uint8_t character = text.data[(*at)++];
        if (!isdigit(character))
            return false;
        *value = *value * 10 + (character - '0');
    }
    return true;
}

static bool take_character(struct bytes_view text, size_t *at, const char *any_of)
{
    if (*at >= text.size_bytes || text.data[*at] == 0 || strchr(any_of, text.data[*at]) == NULL)
        return false;
    (*at)++;
    return true;
}

static bool take_fraction(struct bytes_view text, size_t *at, int *microsecond)
{
    if (!take_character(text, at, "."))
        return true;
    int scale = 100000;
    size_t start = *at;
    for (; *at < text.size_bytes && isdigit(text.data[*at]); (*at)++, scale /= 10)
        *microsecond += (text.data[*at] - '0') * scale;
    return *at > start;
}

static bool take_offset(struct bytes_view text, size_t *at, int64_t *offset_seconds)
{
    *offset_seconds = 0;
    if (take_character(text, at, "Zz"))
        return true;
    int64_t hours = 0;
    int64_t minutes = 0;
    bool west = *at < text.size_bytes && text.data[*at] == '-';
    if (!take_character(text, at, "+-") || !take_digits(text, at, 2, &hours) || hours > 23)
        return false;
    if (*at < text.size_bytes &&
        (!take_character(text, at, ":") || !take_digits(text, at, 2, &minutes) || minutes > 59))
        return false;
    *offset_seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool text_parse_rfc3339(struct bytes_view text, int64_t *unix_us)
{
    int64_t year, month, day, hour, minute, second, offset_seconds;
    int microsecond = 0;
    size_t at = 0;
    bool good = take_digits(text, &at, 4, &year) && take_character(text, &at, "-") &&
                take_digits(text, &at, 2, &month) && take_character(text, &at, "-") &&
                take_digits(text, &at, 2, &day) && take_character(text, &at, "Tt ") &&
                take_digits(text, &at, 2, &hour) && take_character(text, &at, ":") &&
                take_digits(text, &at, 2, &minute) && take_character(text, &at, ":") &&
                take_digits(text, &at, 2, &second) && take_fraction(text, &at, &microsecond) &&
                take_offset(text, &at, &offset_seconds) && at == text.size_bytes;
    if (!good || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59)
        return false;
    struct civil_time civil = {.year = year,
                               .month = (int)month,
                               .day = (int)day,
                               .hour = (int)hour,
                               .minute = (int)minute,
                               .second = (int)second,
                               .microsecond = microsecond};
    int64_t local_us = civil_to_unix_us(&civil);
    struct civil_time again = civil_from_unix_us(local_us);
    if (again.month != civil.month || again.day != civil.day)
        return false; /* a day that the month does not have */
    *unix_us = local_us - offset_seconds * US_PER_SECOND;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", US_PER_SECOND},
    {"m", 60 * US_PER_SECOND},
    {"h", 3600 * US_PER_SECOND},
    {"d", 86400 * US_PER_SECOND},
};

static int64_t unit_factor(const struct unit *units, size_t unit_count, const uint8_t *name,
                           size_t name_bytes)
{
    for (size_t i = 0; i < unit_count; i++)
        if (strlen(units[i].name) == name_bytes && memcmp(units[i].name, name, name_bytes) == 0)
            return units[i].factor;
    return 0;
}

/* A number with up to six decimals and a unit, at *at; adds it to *total. False on overflow too. */
static bool take_quantity(struct bytes_view text, size_t *at, const struct unit *units,
                          size_t unit_count, int64_t *total)
{
    const int64_t limit = INT64_MAX / 16;
    int64_t whole = 0;
    size_t start = *at;
    for (; *at < text.size_bytes && isdigit(text.data[*at]); (*at)++) {
        if (whole > limit / 10)
            return false;
        whole = whole * 10 + (text.data[*at] - '0');
    }
    int micro = 0;
    if (*at == start || !take_fraction(text, at, &micro))
        return false;
    size_t unit_start = *at;
    while (*at < text.size_bytes && isalpha(text.data[*at]))
        (*at)++;
    int64_t factor = unit_factor(units, unit_count, text.data + unit_start, *at - unit_start);
    if (factor == 0 || whole > limit / factor)
        return false;
    __int128 value = (__int128)whole * factor + (__int128)micro * factor / 1000000;
    if (value > limit - *total)
        return false;
    *total += (int64_t)value;
    return true;
}

bool text_parse_duration(struct bytes_view text, int64_t *microseconds)
{
    size_t at = 0;
    int64_t total = 0;
    if (bytes_equal(text, bytes_view_text("0"))) {
        *microseconds = 0;
        return true;
    }
    do {
        if (!take_quantity(text, &at, duration_units,
                           sizeof duration_units / sizeof duration_units[0], &total))
            return false;
    } while (at < text.size_bytes);
    *microseconds = total;
    return true;
}

/* "1.5s" and the like: `value` in units of 1/scale, trailing zeros cut. */
static void format_scaled(int64_t value, int64_t scale, const char *unit, char *out, size_t room)
{
    int digits = 0;
    for (int64_t s = scale; s > 1; s /= 10)
        digits++;
    int length = snprintf(out, room, "%" PRId64, value / scale);
    int64_t fraction = value % scale;
    if (fraction != 0) {
        while (fraction % 10 == 0) {
            fraction /= 10;
            digits--;
        }
        length += snprintf(out + length, room - (size_t)length, ".%0*" PRId64, digits, fraction);
    }
    snprintf(out + length, room - (size_t)length, "%s", unit);
}

void text_duration(int64_t microseconds, char out[TEXT_TIME_BYTES])
{
    size_t length = 0;
    if (microseconds < 0) {
        out[length++] = '-';
        microseconds = -microseconds;
    }
    char *rest = out + length;
    size_t room = TEXT_TIME_BYTES - length;
    if (microseconds == 0) {
        snprintf(rest, room, "0s");
    } else if (microseconds < 1000) {
        format_scaled(microseconds, 1, "us", rest, room);
    } else if (microseconds < US_PER_SECOND) {
        format_scaled(microseconds, 1000, "ms", rest, room);
    } else {
        int64_t minutes = microseconds / (60 * US_PER_SECOND);
        int used = 0;
        if (minutes >= 60)
            used = snprintf(rest, room, "%" PRId64 "h%" PRId64 "m", minutes / 60, minutes % 60);
        else if (minutes > 0)
            used = snprintf(rest, room, "%" PRId64 "m", minutes);
        format_scaled(microseconds % (60 * US_PER_SECOND), US_PER_SECOND, "s", rest + used,
                      room - (size_t)used);
    }
}

static const struct unit size_units[] = {
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", INT64_C(1000000000000)},
};

bool text_parse_size(struct bytes_view text, uint64_t *size_bytes)
{
    if (text_parse_u64(text, size_bytes))
        return true;
    size_t at = 0;
    int64_t total = 0;
    if (!take_quantity(text, &at, size_units, sizeof size_units / sizeof size_units[0], &total) ||
        at != text.size_bytes)
        return false;
    *size_bytes = (uint64_t)total;
    return true;
}

void text_size(uint64_t size_bytes, char out[TEXT_TIME_BYTES])
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (size_bytes < 1024) {
        snprintf(out, TEXT_TIME_BYTES, "%" PRIu64 " B", size_bytes);
        return;
    }
    double value = (double)size_bytes / 1024;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof names / sizeof names[0]; unit++)
        value /= 1024;
    snprintf(out, TEXT_TIME_BYTES, "%.1f %s", value, names[unit]);
}

void text_count(uint64_t count, char out[TEXT_TIME_BYTES])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
}

bool text_parse_u64(struct bytes_view text, uint64_t *value)
{
    uint64_t result = 0;
    if (text.size_bytes == 0)
        return false;
    for (size_t i = 0; i < text.size_bytes; i++) {
        uint8_t character = text.data[i];
        if (!isdigit(character) || __builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, (uint64_t)(character - '0'), &result))
            return false;
    }
    *value = result;
    return true;
}

bool text_parse_u32(struct bytes_view text, uint32_t *value)
{
    uint64_t wide;
    if (!text_parse_u64(text, &wide) || wide > UINT32_MAX)
        return false;
    *value = (uint32_t)wide;
    return true;
}

#define EDIT_DISTANCE_MAX_BYTES 64

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment over three rows; texts longer than the limit are compared cut. */
size_t text_edit_distance(const char *a, const char *b)
{
    size_t a_size = strnlen(a, EDIT_DISTANCE_MAX_BYTES);
    size_t b_size = strnlen(b, EDIT_DISTANCE_MAX_BYTES);
    size_t rows[3][EDIT_DISTANCE_MAX_BYTES + 1];
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = smaller(replaced, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}
