// SPDX-License-Identifier: Apache-2.0
#include "catalog/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "database/query.h"
#include "catalog/values.h"
#include "util/memory.h"

/* What makes the table the lake's own. */
enum part {
    PART_TABLE_ID,
    PART_TABLE_UUID,
    PART_TABLE_NAME,
    PART_TABLE_PATH,
    PART_SCHEMA_ID,
    PART_SCHEMA_NAME,
    PART_SCHEMA_PATH,
    PART_COUNT
};

/* Keys in ttp_lake, and what version 0.1.0 always made. */
static const struct {
    const char *key;
    const char *first; /* NULL: differs from lake to lake */
} parts[PART_COUNT] = {
    [PART_TABLE_ID] = {"table_id", "1"},
    [PART_TABLE_UUID] = {"table_uuid", NULL},
    [PART_TABLE_NAME] = {"table_name", DUCKLAKE_TABLE_NAME},
    [PART_TABLE_PATH] = {"table_path", ""},
    [PART_SCHEMA_ID] = {"schema_id", "0"},
    [PART_SCHEMA_NAME] = {"schema_name", DUCKLAKE_SCHEMA_NAME},
    [PART_SCHEMA_PATH] = {"schema_path", ""},
};

struct identity {
    char *texts[PART_COUNT]; /* owned; NULL: not known, or not there */
};

static void identity_release(struct identity *identity)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        mem_free(identity->texts[i]);
    *identity = (struct identity){0};
}

static enum error_code set_text(struct identity *identity, size_t part, const char *text,
                                struct error *error)
{
    mem_free(identity->texts[part]);
    identity->texts[part] = text == NULL ? NULL : mem_copy_text(text);
    return text == NULL || identity->texts[part] != NULL
               ? OK
               : error_no_memory(error, "the identity of the lake's table");
}

#define KEPT "SELECT \"key\", \"value\" FROM ttp_lake"
/* The live table of the lake's own id. */
#define LIVE                                                                                       \
    "SELECT CAST(t.table_id AS TEXT), t.table_uuid, t.table_name, CASE WHEN t.path_is_relative "   \
    "THEN t.path ELSE '(absolute) ' || t.path END, CAST(t.schema_id AS TEXT), s.schema_name, "     \
    "CASE WHEN s.path_is_relative THEN s.path ELSE '(absolute) ' || s.path END FROM "              \
    "ducklake_table t LEFT JOIN ducklake_schema s ON s.schema_id = t.schema_id AND "               \
    "s.end_snapshot IS NULL WHERE t.table_id = coalesce((SELECT CAST(k.\"value\" AS BIGINT) FROM " \
    "ttp_lake k WHERE k.\"key\" = 'table_id'), 1) AND t.end_snapshot IS NULL"

static enum error_code take_kept(struct query *query, struct identity *own, size_t *found)
{
    *found = 0;
    while (query_next(query)) {
        const char *key = query_text(query, 0);
        for (size_t i = 0; i < PART_COUNT && query_ok(query) && key != NULL; i++)
            if (strcmp(parts[i].key, key) == 0) {
                query_check(query, set_text(own, i, query_text(query, 1), query->error));
                *found += 1;
            }
    }
    return query_end(query);
}

/* What ttp_lake keeps, else what version 0.1.0 made; *kept tells which. */
static enum error_code take_own(struct query *query, struct identity *own, bool *kept,
                                struct error *error)
{
    size_t found;
    enum error_code code = take_kept(query, own, &found);
    for (size_t i = 0; code == OK && i < PART_COUNT; i++)
        if (own->texts[i] == NULL)
            code = set_text(own, i, parts[i].first, error);
    *kept = found > 0;
    if (code == OK && found != 0 && found != PART_COUNT)
        code = error_set(error, ERR_CORRUPT,
                         "catalog %s keeps %zu of the %d values that tell which table is the "
                         "lake's",
                         query->database->path, found, PART_COUNT);
    return code;
}

/* Nothing if there is none. */
static enum error_code take_live(struct query *query, struct identity *live, bool *found)
{
    *found = query_next(query);
    for (size_t i = 0; *found && query_ok(query) && i < PART_COUNT; i++)
        query_check(query, set_text(live, i, query_text(query, (int)i), query->error));
    return query_end(query);
}

#define REMEDY                                                                                     \
    "the data files are not touched: keep what you need of the other table elsewhere, then make "  \
    "the catalog anew from the files by 'parquet-consumer rebuild', or put back a backup of the "  \
    "catalog from before"

/* The table is gone: what has its name now, if anything, is another one. */
static enum error_code say_gone(struct database *database, const struct identity *own,
                                struct error *error)
{
    const char *name = own->texts[PART_TABLE_NAME], *id = own->texts[PART_TABLE_ID];
    struct query query;
    enum error_code gone = OK;
    query_begin(
        &query, database,
        "SELECT t.table_id, t.begin_snapshot FROM ducklake_table t JOIN ducklake_schema s ON "
        "s.schema_id = t.schema_id AND s.end_snapshot IS NULL WHERE t.end_snapshot IS NULL AND "
        "t.table_name = ?1 AND s.schema_name = ?2",
        BIND(sql_text(name), sql_text(own->texts[PART_SCHEMA_NAME])), error);
    if (query_next(&query))
        gone = error_set(error, ERR_CONFLICT,
                         "catalog %s: the lake's table %s (table_id %s) was replaced: another "
                         "table has its name (table_id %" PRId64 ", since snapshot %" PRId64
                         "), and is not the lake's; " REMEDY,
                         database->path, name, id, query_int(&query, 0), query_int(&query, 1));
    else if (query_ok(&query))
        gone = error_set(error, ERR_CONFLICT,
                         "catalog %s: the lake's table %s (table_id %s) was dropped; " REMEDY,
                         database->path, name, id);
    query_check(&query, gone);
    return query_end(&query);
}

static bool differs(const struct identity *a, const struct identity *b, enum part part)
{
    const char *left = a->texts[part], *right = b->texts[part];
    return left == NULL || right == NULL ? left != right : strcmp(left, right) != 0;
}

static const char *shown(const char *text)
{
    return text == NULL ? "(nothing)" : text;
}

static enum error_code compare(const struct database *database, const struct identity *own,
                               const struct identity *live, struct error *error)
{
    if (differs(own, live, PART_TABLE_UUID))
        return error_set(error, ERR_CONFLICT,
                         "catalog %s: the table with the lake's table_id %s is another one "
                         "(table_uuid %s, the lake's is %s); " REMEDY,
                         database->path, own->texts[PART_TABLE_ID],
                         shown(live->texts[PART_TABLE_UUID]), shown(own->texts[PART_TABLE_UUID]));
    if (differs(own, live, PART_TABLE_NAME))
        return error_set(error, ERR_CONFLICT,
                         "catalog %s: the lake's table %s was renamed to %s; rename it back in "
                         "DuckDB: ALTER TABLE lake.%s.\"%s\" RENAME TO %s",
                         database->path, own->texts[PART_TABLE_NAME],
                         shown(live->texts[PART_TABLE_NAME]), own->texts[PART_SCHEMA_NAME],
                         shown(live->texts[PART_TABLE_NAME]), own->texts[PART_TABLE_NAME]);
    for (size_t i = 0; i < PART_COUNT; i++)
        if (differs(own, live, (enum part)i))
            return error_set(error, ERR_CONFLICT,
                             "catalog %s: the lake's table %s was moved: its %s is \"%s\" and was "
                             "\"%s\", so that its files would be looked for elsewhere; move it "
                             "back, or put back a backup of the catalog from before",
                             database->path, own->texts[PART_TABLE_NAME], parts[i].key,
                             shown(live->texts[i]), shown(own->texts[i]));
    return OK;
}

/* In a catalog that keeps none, the UUID is the live table's: nothing tells more. */
static enum error_code check(struct identity_question *question, struct identity *own,
                             int64_t *table_id, bool *kept, struct error *error)
{
    struct database *database = question->kept.database;
    struct identity live = {0};
    bool found = false;
    enum error_code code = take_own(&question->kept, own, kept, error);
    query_check(&question->live, code);
    code = take_live(&question->live, &live, &found);
    if (code == OK)
        *table_id = strtoll(own->texts[PART_TABLE_ID], NULL, 10);
    if (code == OK && !found)
        code = say_gone(database, own, error);
    if (code == OK && own->texts[PART_TABLE_UUID] == NULL)
        code = set_text(own, PART_TABLE_UUID, live.texts[PART_TABLE_UUID], error);
    if (code == OK)
        code = compare(database, own, &live, error);
    identity_release(&live);
    return code;
}

void identity_ask(struct identity_question *question, struct database *database,
                  struct error *error)
{
    query_begin_ahead(&question->kept, database, KEPT, NO_VALUES, error);
    query_begin_ahead(&question->live, database, LIVE, NO_VALUES, error);
}

enum error_code identity_take(struct identity_question *question, enum error_code before,
                              int64_t *table_id, struct error *error)
{
    struct identity own = {0};
    bool kept;
    query_check(&question->kept, before);
    enum error_code code = check(question, &own, table_id, &kept, error);
    identity_release(&own);
    return code;
}

enum error_code identity_check(struct database *database, int64_t *table_id, struct error *error)
{
    struct identity_question question;
    identity_ask(&question, database, error);
    return identity_take(&question, OK, table_id, error);
}

enum error_code identity_is_kept(struct database *database, bool *kept, struct error *error)
{
    struct identity own = {0};
    struct query query;
    query_begin(&query, database, KEPT, NO_VALUES, error);
    enum error_code code = take_own(&query, &own, kept, error);
    identity_release(&own);
    return code;
}

enum error_code identity_keep(struct database *database, struct error *error)
{
    struct identity_question question;
    struct identity own = {0};
    int64_t table_id;
    bool kept = false;
    identity_ask(&question, database, error);
    enum error_code code = check(&question, &own, &table_id, &kept, error);
    for (size_t i = 0; code == OK && !kept && i < PART_COUNT; i++)
        code = catalog_set_value(database, parts[i].key, own.texts[i], error);
    identity_release(&own);
    return code;
}
