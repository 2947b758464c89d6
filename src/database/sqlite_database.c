// SPDX-License-Identifier: Apache-2.0
/* SQLite with our manners (database/database.h), for database/engine.h. */
#include "database/sqlite_database.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

#include "database/engine.h"
#include "database/query.h"
#include "database/sqlite_query.h"
#include "database/sqlite_session.h"
#include "database/vfs.h"
#include "os/file.h"
#include "util/memory.h"

/* How long SQLite itself waits for another writer before it says SQLITE_BUSY. */
#define BUSY_TIMEOUT_MS 5000
/* The WAL is cut back to this size when it is reset. */
#define WAL_KEEP_BYTES "4194304"

static enum error_code sqlite_execute(struct database *database, const char *sql,
                                      struct error *error)
{
    struct sqlite_session *session = sqlite_session(database);
    guard_start(&session->guard, 0);
    int result = sqlite3_exec(session->handle, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? OK : sqlite_error(database, result, error);
}

static enum error_code configure(struct database *database, struct error *error)
{
    struct sqlite_session *session = sqlite_session(database);
    int persist_wal = 1;
    sqlite3_busy_timeout(session->handle, BUSY_TIMEOUT_MS);
    sqlite3_file_control(session->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist_wal);
    if (database->mode == DATABASE_READ)
        return sqlite_execute(database, "PRAGMA query_only = ON", error);
    if (database->mode == DATABASE_COPY) /* what it is filled with says how it is to be written */
        return sqlite_execute(database, "PRAGMA synchronous = FULL", error);
    return sqlite_execute(database,
                          "PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = FULL;"
                          "PRAGMA journal_size_limit = " WAL_KEEP_BYTES ";",
                          error);
}

static int open_handle(struct database *database, const char *name, int flags)
{
    struct sqlite_session *session = sqlite_session(database);
    int result = sqlite3_open_v2(name, &session->handle, flags, CATALOG_VFS_NAME);
    if (result == SQLITE_OK)
        result = sqlite3_extended_result_codes(session->handle, 1);
    if (result == SQLITE_OK)
        result = guard_apply(&session->guard, session->handle);
    if (result == SQLITE_OK) /* opening is lazy: read the header now */
        result = sqlite3_exec(session->handle, "PRAGMA schema_version", NULL, NULL, NULL);
    return result;
}

/* Another try for readers where the side files can't be made (read-only media): without them there
 * can be nothing in a WAL, and nobody who writes. */
static int open_immutable(struct database *database, int flags)
{
    struct sqlite_session *session = sqlite_session(database);
    static const char *const suffixes[] = {"-wal", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char side[OS_PATH_BYTES];
        if (database_side_path(side, database->path, suffixes[i], NULL) != OK ||
            os_path_exists(side))
            return SQLITE_CANTOPEN;
    }
    char *uri = sqlite3_mprintf("file:%s?immutable=1", database->path);
    if (uri == NULL)
        return SQLITE_NOMEM;
    sqlite3_close(session->handle);
    session->handle = NULL;
    int result = strpbrk(database->path, "?#%") != NULL
                     ? SQLITE_CANTOPEN
                     : open_handle(database, uri, flags | SQLITE_OPEN_URI);
    sqlite3_free(uri);
    return result;
}

/* Rolls back what was not committed; needs no memory. */
static void hang_up(struct database *database)
{
    struct sqlite_session *session = sqlite_session(database);
    int result = sqlite3_close(session->handle);
    assert(result == SQLITE_OK); /* else a statement was not released */
    (void)result;
    session->handle = NULL;
}

/* SQLite opens its files by their names, and would follow a link, wait for a pipe, or write to what
 * has a second name elsewhere. Readers write to all but the database itself. */
static enum error_code refuse_no_files(const struct database *database, struct error *error)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[OS_PATH_BYTES];
        code = database_side_path(path, database->path, suffixes[i], error);
        if (code == OK)
            code = os_refuse_no_file(path, error);
        if (code == OK && (i > 0 || database->mode != DATABASE_READ))
            code = os_refuse_second_name(path, error);
    }
    return code;
}

/* On failure there is no handle. */
static enum error_code connect(struct database *database, struct error *error)
{
    static const int flags[] = {
        [DATABASE_READ] = SQLITE_OPEN_READONLY,
        [DATABASE_WRITE] = SQLITE_OPEN_READWRITE,
        [DATABASE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
        [DATABASE_COPY] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    };
    struct sqlite_session *session = sqlite_session(database);
    enum error_code code = refuse_no_files(database, error);
    if (code != OK)
        return code;
    int result = open_handle(database, database->path, flags[database->mode]);
    if (database->mode == DATABASE_READ && result != SQLITE_READONLY_ROLLBACK &&
        ((result & 0xFF) == SQLITE_CANTOPEN || (result & 0xFF) == SQLITE_READONLY))
        result = open_immutable(database, flags[database->mode]);
    if (result == SQLITE_OK)
        code = guard_check_tables(session->handle, database->path, &result, error);
    if (result != SQLITE_OK)
        code = sqlite_error(database, result, error);
    if (code == OK)
        code = configure(database, error);
    if (code != OK)
        hang_up(database);
    return code;
}

static enum error_code sqlite_connect(struct database *database, struct error *error)
{
    return sqlite_session(database)->handle != NULL ? OK : connect(database, error);
}

/* An empty file is an empty database to SQLite. Made here, it has the owner that all our files have
 * (os/owner.h), and SQLite's files beside it get the same one. */
static enum error_code make_file(const char *path, struct error *error)
{
    struct os_file file;
    if (os_path_exists(path))
        return OK;
    enum error_code code = os_file_open(&file, path, OS_OPEN_CREATE_NEW, error);
    os_file_release(&file);
    return code;
}

static void sqlite_close(struct database *database)
{
    if (database->session != NULL)
        hang_up(database);
    mem_free(database->session);
    database->session = NULL;
}

/* SQLite may have rolled back by itself (full disk, I/O error). */
static void roll_back(struct database *database)
{
    struct sqlite_session *session = sqlite_session(database);
    if (sqlite3_get_autocommit(session->handle))
        return;
    sqlite3_exec(session->handle, "ROLLBACK", NULL, NULL, NULL);
    if (!sqlite3_get_autocommit(session->handle))
        hang_up(database);
}

static enum error_code sqlite_begin(struct database *database, bool writes, struct error *error)
{
    struct sqlite_session *session = sqlite_session(database);
    assert(sqlite3_get_autocommit(session->handle));
    enum error_code code = sqlite_execute(database, writes ? "BEGIN IMMEDIATE" : "BEGIN", error);
    if (code != OK)
        roll_back(database); /* it may have begun, and failed after that */
    return code;
}

static enum error_code sqlite_hold(struct database *database, struct error *error)
{
    (void)database;
    (void)error;
    return OK; /* from its beginning */
}

static enum error_code sqlite_end(struct database *database, enum error_code code,
                                  struct error *error)
{
    if (code == OK)
        code = database_execute(database, "COMMIT", error);
    roll_back(database);
    return code;
}

/* The failed transaction's frames may lie in the log, in the sight of nobody. */
static enum error_code sqlite_begin_settling(struct database *database, struct error *error)
{
    hang_up(database);
    return database_begin_write(database, error);
}

/* A write that lands where they lie. */
static enum error_code sqlite_rule_out(struct database *database, struct error *error)
{
    return database_execute(database,
                            "INSERT INTO ttp_lake VALUES('settlements', '1') ON CONFLICT(\"key\") "
                            "DO UPDATE SET \"value\" = CAST(\"value\" AS INTEGER) + 1",
                            error);
}

static const struct engine sqlite_engine = {
    .connect = sqlite_connect,
    .close = sqlite_close,
    .execute = sqlite_execute,
    .begin = sqlite_begin,
    .hold = sqlite_hold,
    .end = sqlite_end,
    .prepare = sqlite_prepare,
    .value_count = sqlite_value_count,
    .bind = sqlite_bind,
    .set_list = sqlite_set_list,
    .send = sqlite_send,
    .step = sqlite_step,
    .change = sqlite_change,
    .demand = sqlite_demand,
    .release = sqlite_release,
    .column_count = sqlite_column_count,
    .column_name = sqlite_column_name,
    .is_null = sqlite_is_null,
    .integer = sqlite_integer,
    .text = sqlite_text,
    .create_table = sqlite_create_table,
    .complete_tables = sqlite_complete_tables,
    .is_complete = sqlite_is_complete,
    .is_empty = sqlite_is_empty,
    .has_table = sqlite_has_table,
    .has_column = sqlite_has_column,
    .begin_settling = sqlite_begin_settling,
    .rule_out = sqlite_rule_out,
};

bool sqlite_is_engine_of(const struct database *database)
{
    return database->engine == &sqlite_engine;
}

enum error_code sqlite_open(struct database *database, const char *path, struct error *error)
{
    enum error_code code = OK;
    database->engine = &sqlite_engine;
    database->session = mem_alloc_zero(1, sizeof(struct sqlite_session));
    if (database->session == NULL)
        return error_no_memory(error, "the catalog");
    if (catalog_vfs_register() != SQLITE_OK)
        code = error_set(error, ERR_IO, "SQLite has no file system to build on");
    else if (database->mode == DATABASE_CREATE || database->mode == DATABASE_COPY)
        code = make_file(path, error);
    else if (!os_path_exists(path))
        code = error_set(error, ERR_NOT_FOUND, "there is no catalog %s", path);
    return code == OK ? connect(database, error) : code;
}

/* All pages in one step: the source is read in one transaction, which nobody who writes to its log
 * begins anew. */
enum error_code sqlite_copy(struct database *to, struct database *from, struct error *error)
{
    enum error_code code = database_connect(from, error);
    if (code == OK)
        code = database_connect(to, error);
    if (code != OK)
        return code;
    sqlite3 *target = sqlite_session(to)->handle;
    sqlite3_backup *backup =
        sqlite3_backup_init(target, "main", sqlite_session(from)->handle, "main");
    if (backup == NULL)
        return sqlite_error(to, sqlite3_extended_errcode(target), error);
    int result = sqlite3_backup_step(backup, -1);
    int finished = sqlite3_backup_finish(backup);
    if (result == SQLITE_DONE)
        result = finished;
    return result == SQLITE_OK ? OK : sqlite_error(to, result, error);
}
