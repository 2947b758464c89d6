// SPDX-License-Identifier: Apache-2.0
/*
 * PostgreSQL's words in SQLite's. Most statements of the catalog are written for both engines; the
 * rest is what leases, holders and tables need (catalog/leases.c, postgres_holder.c,
 * postgres_tables.c). Operators of ranges become operators that SQLite lets us define, so that a
 * condition keeps its shape.
 */
#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "world.h"

static const struct {
    const char *from, *to;
} words[] = {
    /* tables */
    {"BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"},
    {", EXCLUDE USING gist (ledgers WITH &&) WHERE (NOT done AND NOT upper_inf(ledgers)))",
     "); CREATE TRIGGER ttp_lease_insert BEFORE INSERT ON ttp_lease WHEN NOT upper_inf(NEW.ledgers)"
     " AND EXISTS (SELECT 1 FROM ttp_lease l WHERE NOT l.done AND NOT upper_inf(l.ledgers) AND "
     "l.ledgers GLOB NEW.ledgers) BEGIN SELECT RAISE(IGNORE); END; "
     "CREATE TRIGGER ttp_lease_update AFTER UPDATE ON ttp_lease WHEN NOT upper_inf(NEW.ledgers) "
     "AND NOT NEW.done AND EXISTS (SELECT 1 FROM ttp_lease l WHERE l.lease_id <> NEW.lease_id AND "
     "NOT l.done AND NOT upper_inf(l.ledgers) AND l.ledgers GLOB NEW.ledgers) BEGIN SELECT "
     "RAISE(ABORT, '23P01 the pieces overlap'); END"},
    {"ALTER TABLE ttp_coverage ADD CONSTRAINT ttp_coverage_disjoint EXCLUDE USING gist "
     "(int8range(first_ledger, last_ledger, '[]') WITH &&) DEFERRABLE INITIALLY DEFERRED",
     "CREATE TABLE exclusion AS SELECT 1 AS is_there"},
    /* sets of ranges */
    {"unnest(CAST($1 AS int8multirange)",
     "(SELECT value AS p FROM json_each(cut(int8multirange($1)"},
    {") AS gap, LATERAL generate_series(lower(gap) / $2, (upper(gap) - 1) / $2) AS k, LATERAL "
     "(SELECT gap * int8range(k * $2, (k + 1) * $2)) AS x(p)",
     ", $2))) AS x WHERE TRUE"},
    {"CAST($1 AS int8multirange)", "int8multirange($1)"},
    {" - (SELECT coalesce(range_agg(", " ->> (SELECT coalesce(range_agg("},
    {" <@ ", " MATCH "},
    {" @> ", " REGEXP "},
    {" && ", " GLOB "},
    /* changes */
    {"UPDATE ttp_lease l SET", "UPDATE ttp_lease AS l SET"},
    {"DELETE FROM ttp_lease l USING (SELECT ", "WITH m AS (SELECT "},
    {" AS open) m WHERE ", " AS open) DELETE FROM ttp_lease AS l WHERE "},
    {"m.open", "(SELECT open FROM m)"},
    {" FOR UPDATE SKIP LOCKED", ""},
    {" FOR UPDATE", ""},
    /* times: microseconds */
    {"EXTRACT(EPOCH FROM l.expires_at - clock_timestamp()) * 1000000",
     "l.expires_at - clock_timestamp()"},
    {" * interval '1 microsecond'", ""},
    {"interval '7 days'", "604800000000"},
    /* holders */
    {"('x' || left(replace($1, '-', ''), 15))::bit(60)::bigint", "key_of($1)"},
    {"::bigint", ""},
    /* what the server knows of itself */
    {"to_regclass('ttp_writer')", "(SELECT name FROM sqlite_master WHERE name = 'ttp_writer')"},
    {"to_regclass('ttp_lease')", "(SELECT name FROM sqlite_master WHERE name = 'ttp_lease')"},
    {"to_regclass('ttp_lake')", "(SELECT name FROM sqlite_master WHERE name = 'ttp_lake')"},
    {"FROM pg_catalog.pg_class WHERE relkind = 'r' AND oid = "
     "to_regclass(quote_ident(current_schema()) || '.' || quote_ident($1))",
     "FROM sqlite_master WHERE type = 'table' AND name = $1"},
    {"FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN "
     "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND "
     "c.relname = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped",
     "FROM pragma_table_info($1) WHERE name = $2"},
    {"FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND (starts_with(tablename, "
     "'ducklake_') OR starts_with(tablename, 'ttp_'))",
     "FROM sqlite_master WHERE type = 'table' AND (name LIKE 'ducklake_%' OR name LIKE 'ttp_%')"},
    {"SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", "SELECT 1"},
    {"$", "?"},
};

static char *replace(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);
    while (at != NULL) {
        size_t before = (size_t)(at - text);
        char *next = sqlite3_mprintf("%.*s%s%s", (int)before, text, to, at + strlen(from));
        sqlite3_free(text);
        text = next;
        at = strstr(text + before + strlen(to), from);
    }
    return text;
}

char *pg_translate(const char *sql)
{
    char *text = sqlite3_mprintf("%s", sql);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        text = replace(text, words[i].from, words[i].to);
    /* There the changed table has its own name only. */
    char *returned = strstr(text, " RETURNING ");
    if (returned == NULL)
        return text;
    char *tail = replace(sqlite3_mprintf("%s", returned), "l.", "");
    char *whole = sqlite3_mprintf("%.*s%s", (int)(returned - text), text, tail);
    sqlite3_free(tail);
    sqlite3_free(text);
    return whole;
}

/* ---- functions ---- */

/* The greatest (or least) of those that are not NULL. */
static void choose(sqlite3_context *context, int count, sqlite3_value **values, bool greatest)
{
    bool has = false;
    int64_t chosen = 0;
    for (int i = 0; i < count; i++) {
        int64_t number = sqlite3_value_int64(values[i]);
        if (sqlite3_value_type(values[i]) == SQLITE_NULL ||
            (has && (greatest ? number <= chosen : number >= chosen)))
            continue;
        chosen = number;
        has = true;
    }
    if (has)
        sqlite3_result_int64(context, chosen);
}

static void greatest_of(sqlite3_context *context, int count, sqlite3_value **values)
{
    choose(context, count, values, true);
}

static void least_of(sqlite3_context *context, int count, sqlite3_value **values)
{
    choose(context, count, values, false);
}

/* The server's clock is not that of its clients. */
static void clock_now(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_int64(context, WORLD_EPOCH_US + world->now_us + world->database_skew_us);
}

static void key_of(sqlite3_context *context, int count, sqlite3_value **values)
{
    char digits[16];
    size_t length = 0;
    (void)count;
    for (const char *at = (const char *)sqlite3_value_text(values[0]); *at != '\0' && length < 15;
         at++)
        if (*at != '-')
            digits[length++] = *at;
    digits[length] = '\0';
    sqlite3_result_int64(context, (int64_t)strtoull(digits, NULL, 16));
}

void pg_add_functions(sqlite3 *handle)
{
    int flags = SQLITE_UTF8;
    if (sqlite3_create_function(handle, "greatest", -1, flags, NULL, greatest_of, NULL, NULL) !=
            SQLITE_OK ||
        sqlite3_create_function(handle, "least", -1, flags, NULL, least_of, NULL, NULL) !=
            SQLITE_OK ||
        sqlite3_create_function(handle, "clock_timestamp", 0, flags, NULL, clock_now, NULL, NULL) !=
            SQLITE_OK ||
        sqlite3_create_function(handle, "key_of", 1, flags, NULL, key_of, NULL, NULL) != SQLITE_OK)
        abort();
    pg_add_ranges(handle);
}
