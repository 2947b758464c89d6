// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_sql.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The place of the value in the statement's own list, counted from 1. */
static int place_of(struct postgres_sql *sql, int number)
{
    for (int i = 0; i < sql->count; i++)
        if (sql->numbers[i] == number)
            return i + 1;
    assert(sql->count < POSTGRES_VALUES_MAX); /* statements are ours */
    sql->numbers[sql->count++] = number;
    sql->highest = number > sql->highest ? number : sql->highest;
    return sql->count;
}

/* "?" is the value behind the highest so far, "?N" the N-th. Returns what comes behind it. */
static const char *take_value(struct postgres_sql *out, const char *at, enum error_code *code)
{
    int number = out->highest + 1;
    char *end = (char *)(uintptr_t)at + 1;
    if (is_digit(at[1]))
        number = (int)strtol(at + 1, &end, 10);
    *code = buffer_append_format(&out->text, "$%d", place_of(out, number));
    return end;
}

/* A text or a name in quotes: to the next quote of its kind; a doubled one begins another. */
static const char *take_quoted(struct postgres_sql *out, const char *at, enum error_code *code)
{
    const char *end = strchr(at + 1, *at);
    assert(end != NULL);
    *code = buffer_append(&out->text, at, (size_t)(end + 1 - at));
    return end + 1;
}

const char *postgres_sql_translate(struct postgres_sql *out, const char *sql, enum error_code *code)
{
    buffer_reset(&out->text);
    out->count = out->highest = 0;
    *code = OK;
    while (*code == OK && *sql != '\0' && *sql != ';') {
        if (*sql == '?') {
            sql = take_value(out, sql, code);
        } else if (*sql == '\'' || *sql == '"') {
            sql = take_quoted(out, sql, code);
        } else {
            size_t length = strcspn(sql, "?'\";");
            *code = buffer_append(&out->text, sql, length);
            sql += length;
        }
    }
    if (*code == OK)
        *code = buffer_append_byte(&out->text, '\0');
    return *code == OK ? sql + strspn(sql, "; \n") : "";
}

void postgres_sql_release(struct postgres_sql *sql)
{
    buffer_release(&sql->text);
}
