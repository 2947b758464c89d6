// SPDX-License-Identifier: Apache-2.0
/*
 * PostgreSQL's int8range and int8multirange as texts of SQLite, with the functions of both that the
 * program's statements use. A range is a set of one: each function takes either.
 */
#include "pg.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buffer.h"

#define RANGES_MAX 4096
#define FOREVER    INT64_MAX

struct range {
    int64_t first, end; /* end: the first behind it; FOREVER: none */
};

struct ranges {
    size_t count;
    struct range items[RANGES_MAX];
};

/* Functions don't nest within another's work. */
static struct ranges left, right, made;

static void add(struct ranges *set, int64_t first, int64_t end)
{
    if (first >= end)
        return;
    if (set->count == RANGES_MAX)
        abort();
    set->items[set->count++] = (struct range){first, end};
}

static int compare(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static void merge(struct ranges *set)
{
    size_t kept = 0;
    qsort(set->items, set->count, sizeof *set->items, compare);
    for (size_t i = 0; i < set->count; i++) {
        struct range *last = kept == 0 ? NULL : &set->items[kept - 1];
        if (last != NULL && set->items[i].first <= last->end)
            last->end = set->items[i].end > last->end ? set->items[i].end : last->end;
        else
            set->items[kept++] = set->items[i];
    }
    set->count = kept;
}

/* Of "[1,5)", "[1,5]", "[1,)", "{[1,5],[9,9]}", "{}", "empty". */
static void parse(const char *text, struct ranges *set)
{
    set->count = 0;
    for (const char *at = text == NULL ? NULL : strchr(text, '['); at != NULL;
         at = strchr(at, '[')) {
        char *behind;
        int64_t first = strtoll(at + 1, &behind, 10), end = FOREVER;
        if (*behind++ != ',')
            abort();
        if (*behind != ')')
            end = strtoll(behind, &behind, 10) + (*behind == ']');
        add(set, first, *behind == ']' || *behind == ')' ? end : first);
        at = behind;
    }
    merge(set);
}

static void parse_value(sqlite3_value *value, struct ranges *set)
{
    parse((const char *)sqlite3_value_text(value), set);
}

static void append_range(struct buffer *out, const struct range *range)
{
    enum error_code code =
        range->end == FOREVER
            ? buffer_append_format(out, "[%" PRId64 ",)", range->first)
            : buffer_append_format(out, "[%" PRId64 ",%" PRId64 ")", range->first, range->end);
    if (code != OK)
        abort();
}

/* `form`: "{,}" for a set, "[,]" and quotes for a list in JSON. */
static void give(sqlite3_context *context, const struct ranges *set, const char *form,
                 const char *quote)
{
    struct buffer text;
    buffer_init(&text);
    if (buffer_append_byte(&text, (uint8_t)form[0]) != OK)
        abort();
    for (size_t i = 0; i < set->count; i++) {
        if (buffer_append_format(&text, "%s%s", i == 0 ? "" : ",", quote) != OK)
            abort();
        append_range(&text, &set->items[i]);
        if (buffer_append_format(&text, "%s", quote) != OK)
            abort();
    }
    if (buffer_append_byte(&text, (uint8_t)form[2]) != OK)
        abort();
    sqlite3_result_text(context, (const char *)text.data, (int)text.size_bytes, SQLITE_TRANSIENT);
    buffer_release(&text);
}

static void give_range(sqlite3_context *context, const struct ranges *set)
{
    struct buffer text;
    if (set->count != 1) {
        sqlite3_result_text(context, "empty", -1, SQLITE_STATIC);
        return;
    }
    buffer_init(&text);
    append_range(&text, &set->items[0]);
    sqlite3_result_text(context, (const char *)text.data, (int)text.size_bytes, SQLITE_TRANSIENT);
    buffer_release(&text);
}

/* ---- functions ---- */

static void make_range(sqlite3_context *context, int count, sqlite3_value **values)
{
    bool is_closed = count == 3; /* '[]' */
    if (sqlite3_value_type(values[0]) == SQLITE_NULL)
        abort();
    made.count = 0;
    add(&made, sqlite3_value_int64(values[0]),
        sqlite3_value_type(values[1]) == SQLITE_NULL ? FOREVER
                                                     : sqlite3_value_int64(values[1]) + is_closed);
    give_range(context, &made);
}

static void make_set(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_value(values[0], &made);
    give(context, &made, "{,}", "");
}

/* Of a range, its first number; else of a text. */
static void lower(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *text = (const char *)sqlite3_value_text(values[0]);
    (void)count;
    if (text != NULL && text[0] != '[') {
        char *copy = sqlite3_mprintf("%s", text);
        for (char *at = copy; *at != '\0'; at++)
            *at = (char)tolower((unsigned char)*at);
        sqlite3_result_text(context, copy, -1, sqlite3_free);
        return;
    }
    parse_value(values[0], &made);
    if (made.count != 0)
        sqlite3_result_int64(context, made.items[0].first);
}

static void upper(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_value(values[0], &made);
    if (made.count != 0 && made.items[made.count - 1].end != FOREVER)
        sqlite3_result_int64(context, made.items[made.count - 1].end);
}

static void upper_inf(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_value(values[0], &made);
    sqlite3_result_int(context, made.count != 0 && made.items[made.count - 1].end == FOREVER);
}

static void is_empty(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_value(values[0], &made);
    sqlite3_result_int(context, made.count == 0);
}

static void intersect(const struct ranges *a, const struct ranges *b, struct ranges *out)
{
    out->count = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++) {
            struct range x = a->items[i], y = b->items[k];
            add(out, x.first > y.first ? x.first : y.first, x.end < y.end ? x.end : y.end);
        }
}

static void subtract(const struct ranges *from, const struct ranges *set, struct ranges *out)
{
    out->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        struct range rest = from->items[i];
        for (size_t k = 0; k < set->count && rest.first < rest.end; k++) {
            if (set->items[k].end <= rest.first || set->items[k].first >= rest.end)
                continue;
            add(out, rest.first, set->items[k].first);
            rest.first = set->items[k].end;
        }
        add(out, rest.first, rest.end);
    }
}

static void parse_both(sqlite3_value **values)
{
    parse_value(values[0], &left);
    parse_value(values[1], &right);
}

static void intersection(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_both(values);
    intersect(&left, &right, &made);
    give_range(context, &made);
}

static void difference(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_both(values);
    subtract(&left, &right, &made);
    give(context, &made, "{,}", "");
}

/* x GLOB y is glob(y, x), and so are the others: && */
static void overlaps(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_both(values);
    intersect(&left, &right, &made);
    sqlite3_result_int(context, made.count != 0);
}

/* @> */
static void contains(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_both(values);
    subtract(&left, &right, &made);
    sqlite3_result_int(context, made.count == 0);
}

/* <@ */
static void is_contained(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    parse_both(values);
    subtract(&right, &left, &made);
    sqlite3_result_int(context, made.count == 0);
}

/* A set's ranges, which end before multiples of a length, as a list in JSON. */
static void cut(sqlite3_context *context, int count, sqlite3_value **values)
{
    int64_t length = sqlite3_value_int64(values[1]);
    (void)count;
    parse_value(values[0], &left);
    made.count = 0;
    for (size_t i = 0; i < left.count; i++)
        for (int64_t at = left.items[i].first; at < left.items[i].end;) {
            int64_t end = (at / length + 1) * length;
            end = end < left.items[i].end ? end : left.items[i].end;
            add(&made, at, end);
            at = end;
        }
    give(context, &made, "[,]", "\"");
}

static void aggregate_step(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct ranges **set = sqlite3_aggregate_context(context, sizeof(struct ranges *));
    (void)count;
    if (*set == NULL)
        *set = calloc(1, sizeof **set);
    parse_value(values[0], &made);
    for (size_t i = 0; i < made.count; i++)
        add(*set, made.items[i].first, made.items[i].end);
}

static void aggregate_end(sqlite3_context *context)
{
    struct ranges **set = sqlite3_aggregate_context(context, 0);
    if (set == NULL || *set == NULL)
        return; /* NULL */
    merge(*set);
    give(context, *set, "{,}", "");
    free(*set);
}

void pg_add_ranges(sqlite3 *handle)
{
    static const struct {
        const char *name;
        int count;
        void (*run)(sqlite3_context *context, int count, sqlite3_value **values);
    } functions[] = {{"int8range", 2, make_range},
                     {"int8range", 3, make_range},
                     {"int8multirange", 1, make_set},
                     {"lower", 1, lower},
                     {"upper", 1, upper},
                     {"upper_inf", 1, upper_inf},
                     {"isempty", 1, is_empty},
                     {"glob", 2, overlaps},
                     {"match", 2, is_contained},
                     {"regexp", 2, contains},
                     {"->", 2, intersection},
                     {"->>", 2, difference},
                     {"cut", 2, cut}};
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (sqlite3_create_function(handle, functions[i].name, functions[i].count, flags, NULL,
                                    functions[i].run, NULL, NULL) != SQLITE_OK)
            abort();
    if (sqlite3_create_function(handle, "range_agg", 1, flags, NULL, NULL, aggregate_step,
                                aggregate_end) != SQLITE_OK)
        abort();
}
