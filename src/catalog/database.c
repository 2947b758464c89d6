// SPDX-License-Identifier: Apache-2.0
#include "catalog/database.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "catalog/vfs.h"
#include "os/file.h"
#include "os/lock_probe.h"
#include "util/memory.h"

/* How long SQLite itself waits for another writer before it says SQLITE_BUSY. */
#define BUSY_TIMEOUT_MS 5000
/* The WAL is cut back to this size when it is reset. */
#define WAL_KEEP_BYTES "4194304"

/* What SQLite's own words don't tell: what our fences refused, and what to do. NULL: nothing. */
static enum error_code explain(struct database *database, int result, struct error *error)
{
    char refused[OS_PATH_BYTES];
    if (((result & 0xFF) == SQLITE_IOERR || (result & 0xFF) == SQLITE_CANTOPEN) &&
        catalog_vfs_take_refused(refused))
        return error_set(error, ERR_CORRUPT,
                         "the catalog %.1000s has a rollback journal that names a file of somebody "
                         "else, %.1000s, which was left alone: no program of ours writes such a "
                         "journal; make the catalog anew from the files with `parquet-consumer "
                         "rebuild`",
                         database->path, refused);
    if (result == SQLITE_READONLY_ROLLBACK)
        return error_set(error, ERR_CONFLICT,
                         "the catalog %s was left in the middle of another program's transaction "
                         "(there is a -journal beside it), which the next `parquet-consumer run` "
                         "takes back: start that, or open the catalog once with a program that "
                         "may write to it",
                         database->path);
    if (result == SQLITE_INTERRUPT && database->guard.tripped)
        return error_set(error, ERR_CORRUPT,
                         "the catalog %s makes a statement do far more than its size accounts for, "
                         "so it was ended: it was changed by hand, or is damaged; make it anew "
                         "from the files with `parquet-consumer rebuild`",
                         database->path);
    if ((result & 0xFF) == SQLITE_TOOBIG)
        return error_set(error, ERR_CORRUPT,
                         "the catalog %s has a value of more than %d MiB, as none of a lake is: it "
                         "was changed by hand, or is damaged; make it anew from the files with "
                         "`parquet-consumer rebuild`",
                         database->path, GUARD_VALUE_BYTES >> 20);
    return OK;
}

enum error_code database_side_path(char out[OS_PATH_BYTES], const char *path, const char *suffix,
                                   struct error *error)
{
    int length = snprintf(out, OS_PATH_BYTES, "%s%s", path, suffix);
    if (length < 0 || length >= OS_PATH_BYTES)
        return error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
    return OK;
}

/* Finds the process that holds a lock on the catalog, or on the -shm file that its users share. */
static void describe_holder(const struct database *database, char out[128])
{
    static const char *const suffixes[] = {"-shm", ""};
    out[0] = '\0';
    for (size_t i = 0; out[0] == '\0' && i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[OS_PATH_BYTES];
        struct os_lock_holder holder;
        if (database_side_path(path, database->path, suffixes[i], NULL) != OK)
            return;
        os_lock_find_holder(path, &holder);
        if (holder.held && holder.pid != 0)
            snprintf(out, 128, "; process %lld holds a lock on catalog.sqlite%s: let it end",
                     (long long)holder.pid, suffixes[i]);
    }
}

enum error_code database_error(struct database *database, int result, struct error *error)
{
    enum error_code explained = explain(database, result, error);
    if (explained != OK)
        return explained;
    int system_errno = database->handle == NULL ? 0 : sqlite3_system_errno(database->handle);
    bool full =
        (result & 0xFF) == SQLITE_FULL ||
        ((result & 0xFF) == SQLITE_IOERR && (system_errno == ENOSPC || system_errno == EDQUOT));
    enum error_code code;
    if (full)
        code = ERR_RETRY;
    else
        switch (result & 0xFF) {
        case SQLITE_BUSY:
        case SQLITE_PROTOCOL: /* somebody else's locks on the -shm, asked for a hundred times */
        case SQLITE_LOCKED: code = ERR_RETRY; break;
        case SQLITE_NOMEM: code = ERR_NO_MEMORY; break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_CONSTRAINT:
        case SQLITE_ERROR: code = ERR_CORRUPT; break;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH: code = ERR_CONFLICT; break;
        default: code = result == SQLITE_IOERR_NOMEM ? ERR_NO_MEMORY : ERR_IO; break;
        }
    char holder[128] = "";
    if (code == ERR_RETRY && !full)
        describe_holder(database, holder);
    error_set(error, code, "catalog %s: %s%s", database->path,
              database->handle == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(database->handle),
              holder);
    if (error != NULL)
        error->system_errno = full                ? ENOSPC
                              : code == ERR_RETRY ? EBUSY
                              : code == ERR_IO    ? system_errno
                                                  : 0;
    return code;
}

static enum error_code configure(struct database *database, struct error *error)
{
    int persist_wal = 1;
    sqlite3_busy_timeout(database->handle, BUSY_TIMEOUT_MS);
    sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist_wal);
    if (database->mode == DATABASE_READ)
        return database_execute(database, "PRAGMA query_only = ON", error);
    if (database->mode == DATABASE_COPY) /* what it is filled with says how it is to be written */
        return database_execute(database, "PRAGMA synchronous = FULL", error);
    return database_execute(database,
                            "PRAGMA journal_mode = WAL;"
                            "PRAGMA synchronous = FULL;"
                            "PRAGMA journal_size_limit = " WAL_KEEP_BYTES ";",
                            error);
}

static int open_handle(struct database *database, const char *name, int flags)
{
    int result = sqlite3_open_v2(name, &database->handle, flags, CATALOG_VFS_NAME);
    if (result == SQLITE_OK)
        result = sqlite3_extended_result_codes(database->handle, 1);
    if (result == SQLITE_OK)
        result = guard_apply(&database->guard, database->handle);
    if (result == SQLITE_OK) /* opening is lazy: read the header now */
        result = sqlite3_exec(database->handle, "PRAGMA schema_version", NULL, NULL, NULL);
    return result;
}

/* Another try for readers where the side files can't be made (read-only media): without them there
 * can be nothing in a WAL, and nobody who writes. */
static int open_immutable(struct database *database, int flags)
{
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
    sqlite3_close(database->handle);
    database->handle = NULL;
    int result = strpbrk(database->path, "?#%") != NULL
                     ? SQLITE_CANTOPEN
                     : open_handle(database, uri, flags | SQLITE_OPEN_URI);
    sqlite3_free(uri);
    return result;
}

/* Rolls back what was not committed; needs no memory. */
static void hang_up(struct database *database)
{
    int result = sqlite3_close(database->handle);
    assert(result == SQLITE_OK); /* else a statement was not released */
    (void)result;
    database->handle = NULL;
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
    enum error_code code = refuse_no_files(database, error);
    if (code != OK)
        return code;
    int result = open_handle(database, database->path, flags[database->mode]);
    if (database->mode == DATABASE_READ && result != SQLITE_READONLY_ROLLBACK &&
        ((result & 0xFF) == SQLITE_CANTOPEN || (result & 0xFF) == SQLITE_READONLY))
        result = open_immutable(database, flags[database->mode]);
    if (result == SQLITE_OK)
        code = guard_check_tables(database->handle, database->path, &result, error);
    if (result != SQLITE_OK)
        code = database_error(database, result, error);
    if (code == OK)
        code = configure(database, error);
    if (code != OK)
        hang_up(database);
    return code;
}

enum error_code database_connect(struct database *database, struct error *error)
{
    return database->handle != NULL ? OK : connect(database, error);
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

enum error_code database_open(struct database *database, const char *path, enum database_mode mode,
                              struct error *error)
{
    *database = (struct database){.path = mem_copy_text(path), .mode = mode};
    if (database->path == NULL)
        return error_no_memory(error, "the catalog's path");
    enum error_code code = OK;
    if (catalog_vfs_register() != SQLITE_OK)
        code = error_set(error, ERR_IO, "SQLite has no file system to build on");
    else if (mode == DATABASE_CREATE || mode == DATABASE_COPY)
        code = make_file(path, error);
    else if (!os_path_exists(path))
        code = error_set(error, ERR_NOT_FOUND, "there is no catalog %s", path);
    if (code == OK)
        code = connect(database, error);
    if (code != OK)
        database_close(database);
    else if (mode == DATABASE_CREATE)
        database->mode = DATABASE_WRITE; /* it is there now */
    return code;
}

void database_close(struct database *database)
{
    hang_up(database);
    mem_free(database->path);
    *database = (struct database){0};
}

void database_take(struct database *database, struct database *other)
{
    database_close(database);
    *database = *other;
    guard_follow(&database->guard, database->handle);
    *other = (struct database){.handle = NULL};
}

enum error_code database_execute(struct database *database, const char *sql, struct error *error)
{
    enum error_code code = database_connect(database, error);
    if (code != OK)
        return code;
    guard_start(&database->guard, 0);
    int result = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? OK : database_error(database, result, error);
}

/* SQLite may have rolled back by itself (full disk, I/O error). */
static void roll_back(struct database *database)
{
    if (sqlite3_get_autocommit(database->handle))
        return;
    sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    if (!sqlite3_get_autocommit(database->handle))
        hang_up(database);
}

static enum error_code begin(struct database *database, const char *sql, struct error *error)
{
    assert(database->handle == NULL || sqlite3_get_autocommit(database->handle));
    enum error_code code = database_execute(database, sql, error);
    if (code != OK && database->handle != NULL)
        roll_back(database); /* it may have begun, and failed after that */
    return code;
}

enum error_code database_begin_write(struct database *database, struct error *error)
{
    return begin(database, "BEGIN IMMEDIATE", error);
}

enum error_code database_begin_read(struct database *database, struct error *error)
{
    return begin(database, "BEGIN", error);
}

enum error_code database_end(struct database *database, enum error_code code, struct error *error)
{
    if (code == OK)
        code = database_execute(database, "COMMIT", error);
    roll_back(database);
    return code;
}

/* All pages in one step: the source is read in one transaction, which nobody who writes to its log
 * begins anew. */
enum error_code database_copy(struct database *to, struct database *from, struct error *error)
{
    enum error_code code = database_connect(from, error);
    if (code == OK)
        code = database_connect(to, error);
    if (code != OK)
        return code;
    sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (backup == NULL)
        return database_error(to, sqlite3_extended_errcode(to->handle), error);
    int result = sqlite3_backup_step(backup, -1);
    int finished = sqlite3_backup_finish(backup);
    if (result == SQLITE_DONE)
        result = finished;
    return result == SQLITE_OK ? OK : database_error(to, result, error);
}
