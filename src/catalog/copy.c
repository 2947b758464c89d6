// SPDX-License-Identifier: Apache-2.0
#include "catalog/copy.h"

#include <stdio.h>

#include "database/engines.h"
#include "catalog/files.h"
#include "database/postgres_aside.h"
#include "database/query.h"
#include "database/sqlite_session.h"
#include "catalog/transfer.h"
#include "os/file.h"

#define ASIDE_SUFFIX ".damaged"
#define ASIDE_MAX    1000

static enum error_code transfer(struct database *to, struct database *from, struct error *error)
{
    enum error_code code = database_begin_read(from, error);
    if (code != OK)
        return code;
    code = database_begin_write(to, error);
    if (code == OK)
        code = database_end(to, transfer_rows(to, from, error), error);
    /* Nothing was written there: how that ends changes nothing. */
    (void)!database_end(from, ERR_AGAIN, NULL);
    return code;
}

/* Of one moment, in one transaction: who reads either is not disturbed, and who writes to `from`
 * neither, if that is no SQLite file without a write-ahead log. Of two files all that `to` held is
 * gone; else catalog/transfer.h says what stays. */
static enum error_code copy_into(struct database *to, const struct database_location *from,
                                 struct error *error)
{
    struct database source;
    enum error_code code = database_open_at(&source, from, DATABASE_READ, error);
    if (code != OK)
        return code;
    code = database_is_file(to) && database_is_file(&source)
               ? database_copy_file(to, &source, error)
               : transfer(to, &source, error);
    database_close(&source);
    return code;
}

enum error_code catalog_copy(const char *to, const struct database_location *from,
                             struct error *error)
{
    struct database copy;
    enum error_code code = catalog_discard(to, error);
    if (code == OK)
        code = database_open(&copy, to, DATABASE_COPY, error);
    if (code != OK)
        return code;
    code = copy_into(&copy, from, error);
    database_close(&copy);
    return code;
}

/* A file that is new gets a durable name. */
static enum error_code sync_name(const struct database_location *where, struct error *error)
{
    char folder[OS_PATH_BYTES];
    if (where->path == NULL)
        return OK;
    enum error_code code = os_parent_path(folder, where->path, error);
    return code == OK ? os_sync_directory(folder, error) : code;
}

/* The log of a file holds all of it twice until it is emptied; readers may keep that from
 * happening. */
static void empty_log(struct database *database, const struct database_location *where)
{
    if (where->path != NULL)
        (void)!database_execute(database, "PRAGMA wal_checkpoint(TRUNCATE)", NULL);
}

enum error_code catalog_overwrite(const struct database_location *to, const char *from,
                                  struct error *error)
{
    struct database old;
    bool is_new = to->path != NULL && !os_path_exists(to->path);
    enum error_code code = database_open_at(&old, to, DATABASE_CREATE, error);
    if (code != OK)
        return code;
    code = copy_into(&old, &(struct database_location){.path = from}, error);
    if (code == OK)
        empty_log(&old, to);
    database_close(&old);
    return code == OK && is_new ? sync_name(to, error) : code;
}

/* ---- in the place of another ---- */

static const char *const side_files[] = {"", "-wal", "-shm", "-journal"};
#define SIDE_FILES (sizeof side_files / sizeof *side_files)

static enum error_code name_aside(const char *path, size_t side, unsigned attempt,
                                  char out[OS_PATH_BYTES], struct error *error)
{
    char number[16] = "";
    if (attempt > 1)
        snprintf(number, sizeof number, "-%u", attempt);
    int length =
        snprintf(out, OS_PATH_BYTES, "%s%s" ASIDE_SUFFIX "%s", path, side_files[side], number);
    return length > 0 && length < OS_PATH_BYTES
               ? OK
               : error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
}

/* The first number that no part of the file was kept under. */
static enum error_code find_aside(const char *path, unsigned *attempt, struct error *error)
{
    char aside[OS_PATH_BYTES];
    for (*attempt = 1; *attempt <= ASIDE_MAX; ++*attempt) {
        bool is_free = true;
        for (size_t i = 0; i < SIDE_FILES; i++) {
            enum error_code code = name_aside(path, i, *attempt, aside, error);
            if (code != OK)
                return code;
            is_free &= !os_path_exists(aside);
        }
        if (is_free)
            return OK;
    }
    return error_set(error, ERR_LIMIT, "%d catalogs are kept beside %s", ASIDE_MAX, path);
}

/* The file goes first: without its log it would be an older catalog (commit/exchange.c). */
static enum error_code set_file_aside(const char *path, char kept[CATALOG_KEPT_BYTES],
                                      struct error *error)
{
    char aside[OS_PATH_BYTES], side[OS_PATH_BYTES];
    unsigned attempt;
    enum error_code code = catalog_refuse_if_open(path, error);
    if (code == OK)
        code = find_aside(path, &attempt, error);
    for (size_t i = 0; code == OK && i < SIDE_FILES; i++) {
        code = name_aside(path, i, attempt, aside, error);
        if (code == OK)
            code = database_side_path(side, path, side_files[i], error);
        if (code == OK && os_path_exists(side)) {
            code = os_rename_no_replace(side, aside, error);
            if (i == 0)
                snprintf(kept, CATALOG_KEPT_BYTES, "%.500s", aside);
        }
    }
    return code;
}

static enum error_code replace_in(struct database *database, struct database *source,
                                  char kept[CATALOG_KEPT_BYTES], struct error *error)
{
    enum error_code code = database_begin_read(source, error);
    if (code != OK)
        return code;
    code = database_begin_write(database, error);
    if (code == OK) {
        code = postgres_set_aside(database, kept, CATALOG_KEPT_BYTES, error);
        if (code == OK)
            code = transfer_rows(database, source, error);
        code = database_end(database, code, error);
    }
    (void)!database_end(source, ERR_AGAIN, NULL);
    return code;
}

/* All of it in one transaction. */
static enum error_code replace_tables(const struct database_location *to, const char *from,
                                      char kept[CATALOG_KEPT_BYTES], struct error *error)
{
    struct database database, source;
    enum error_code code = database_open(&source, from, DATABASE_READ, error);
    if (code != OK)
        return code;
    code = database_open_at(&database, to, DATABASE_COPY, error);
    if (code == OK) {
        code = replace_in(&database, &source, kept, error);
        database_close(&database);
    }
    database_close(&source);
    return code;
}

enum error_code catalog_replace(const struct database_location *to, const char *from,
                                char kept[CATALOG_KEPT_BYTES], struct error *error)
{
    kept[0] = '\0';
    if (to->path == NULL)
        return replace_tables(to, from, kept, error);
    enum error_code code = set_file_aside(to->path, kept, error);
    return code == OK ? catalog_overwrite(to, from, error) : code;
}

/* ---- what is there ---- */

enum error_code catalog_look(const struct database_location *where, bool *is_there,
                             struct error *error)
{
    struct database database;
    struct error failure;
    bool is_empty = true;
    *is_there = false;
    enum error_code code = database_open_at(&database, where, DATABASE_READ, &failure);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK) {
        if (error != NULL)
            *error = failure;
        return code;
    }
    code = database_is_empty(&database, &is_empty, error);
    if (code == OK && !is_empty)
        code = database_has_table(&database, "ttp_lake", is_there, error);
    if (code == OK && !is_empty && !*is_there)
        code = error_set(error, ERR_CONFLICT,
                         "%s holds something else than a lake's catalog: name another place",
                         database.path);
    database_close(&database);
    return code;
}
