// SPDX-License-Identifier: Apache-2.0
#include "database/guard.h"

#include <sqlite3.h>
#include <stddef.h>
#include <string.h>

/* Steps of SQLite's machine between two calls of the progress handler. */
#define TICK_STEPS 10000
/* What any statement may take, and what it may take more for each MiB of the database. The longest
 * that a lake of 100,000 files needs takes 21 million steps, with 195 MiB. */
#define TICKS_ANY     (20000000 / TICK_STEPS)
#define TICKS_PER_MIB (10000000 / TICK_STEPS)

static int64_t allowed_ticks(const struct guard *guard)
{
    sqlite3_int64 size_bytes = 0;
    if (guard->file->pMethods->xFileSize(guard->file, &size_bytes) != SQLITE_OK)
        size_bytes = 0;
    return TICKS_ANY + (size_bytes >> 20) * TICKS_PER_MIB;
}

static int tick(void *context)
{
    struct guard *guard = context;
    guard->ticks++;
    if (guard->ticks > TICKS_ANY && guard->ticks > allowed_ticks(guard))
        guard->tripped = true;
    return guard->tripped;
}

void guard_start(struct guard *guard, int64_t ticks)
{
    guard->ticks = ticks;
    guard->tripped = false;
}

static int configure(sqlite3 *handle)
{
    static const struct {
        int option, value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},        {SQLITE_DBCONFIG_DQS_DML, 0},
    };
    int result = SQLITE_OK;
    for (size_t i = 0; result == SQLITE_OK && i < sizeof options / sizeof *options; i++)
        result = sqlite3_db_config(handle, options[i].option, options[i].value, NULL);
    return result;
}

int guard_apply(struct guard *guard, sqlite3 *handle)
{
    *guard = (struct guard){0};
    int result = configure(handle);
    if (result == SQLITE_OK)
        result = sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &guard->file);
    if (result != SQLITE_OK)
        return result;
    (void)sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, GUARD_VALUE_BYTES);
    (void)sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
    (void)sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_progress_handler(handle, TICK_STEPS, tick, guard);
    return SQLITE_OK;
}

/* The first thing that is no plain table: what it is, its name, and the table it stands for. A
 * virtual table has no pages of its own. */
static const char *const strange =
    "SELECT CASE WHEN type = 'table' THEN 'virtual table' ELSE type END, name, tbl_name "
    "FROM sqlite_schema WHERE (type IN ('view', 'trigger') OR (type = 'table' AND "
    "coalesce(rootpage, 0) = 0)) AND (lower(tbl_name) GLOB 'ttp_*' OR lower(tbl_name) GLOB "
    "'ducklake_*' OR lower(name) GLOB 'ttp_*' OR lower(name) GLOB 'ducklake_*') "
    "UNION ALL SELECT 'computed column', c.name, t.name FROM sqlite_schema t, "
    "pragma_table_xinfo(t.name) c WHERE t.type = 'table' AND (lower(t.name) GLOB 'ttp_*' OR "
    "lower(t.name) GLOB 'ducklake_*') AND c.hidden <> 0 LIMIT 1";

enum error_code guard_check_tables(sqlite3 *handle, const char *path, int *result,
                                   struct error *error)
{
    sqlite3_stmt *statement = NULL;
    enum error_code code = OK;
    *result = sqlite3_prepare_v2(handle, strange, -1, &statement, NULL);
    if (*result == SQLITE_OK)
        *result = sqlite3_step(statement);
    if (*result == SQLITE_ROW) {
        const char *kind = (const char *)sqlite3_column_text(statement, 0);
        const char *name = (const char *)sqlite3_column_text(statement, 1);
        const char *table = (const char *)sqlite3_column_text(statement, 2);
        if (kind == NULL || name == NULL || table == NULL) {
            *result = SQLITE_NOMEM;
        } else {
            code = error_set(error, ERR_CORRUPT,
                             "the catalog %.1000s has the %s %.200s where a plain table %.200s "
                             "belongs, and runs nothing: somebody changed it by hand; take that "
                             "out (with the sqlite3 shell), or make the catalog anew from the "
                             "files with `parquet-consumer rebuild`",
                             path, kind, name, table);
        }
    }
    if (*result == SQLITE_ROW || *result == SQLITE_DONE)
        *result = SQLITE_OK;
    sqlite3_finalize(statement);
    return code;
}
