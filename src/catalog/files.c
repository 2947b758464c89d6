// SPDX-License-Identifier: Apache-2.0
#include "catalog/files.h"

#include <stdio.h>

#include "database/sqlite_session.h"
#include "os/file.h"
#include "os/lock_probe.h"

/* SQLite's lock bytes: pending, reserved and 510 shared ones in the file; in the -shm eight of the
 * write-ahead log and the one that every connection holds (sqlite.org/fileformat2.html and
 * wal.html, "locking"). */
#define FILE_LOCKS_OFFSET 0x40000000
#define FILE_LOCKS_BYTES  512
#define SHM_LOCKS_OFFSET  120
#define SHM_LOCKS_BYTES   9

const char *const catalog_parts[CATALOG_PART_COUNT] = {
    LAKE_CATALOG, LAKE_CATALOG "-wal", LAKE_CATALOG "-shm", LAKE_CATALOG "-journal"};

enum error_code catalog_refuse_if_open(const char *path, struct error *error)
{
    char shm[OS_PATH_BYTES], by[48] = "another process";
    struct os_lock_holder holder = {0};
    enum error_code code = database_side_path(shm, path, "-shm", error);
    if (code == OK)
        code = os_lock_probe(path, FILE_LOCKS_OFFSET, FILE_LOCKS_BYTES, &holder, error);
    if (code == OK && !holder.held)
        code = os_lock_probe(shm, SHM_LOCKS_OFFSET, SHM_LOCKS_BYTES, &holder, error);
    if (code != OK || !holder.held)
        return code;
    if (holder.pid != 0)
        snprintf(by, sizeof by, "the process %lld", (long long)holder.pid);
    return error_set(error, ERR_CONFLICT,
                     "the catalog %s is open in %s (DuckDB with the lake attached, or a reader): "
                     "detach it or end that process, then try again",
                     path, by);
}

static enum error_code unlink_if_there(const char *path, struct error *error)
{
    struct error failure;
    enum error_code code = os_unlink(path, &failure);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

static enum error_code unlink_side_files(const char *path, struct error *error)
{
    static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < sizeof suffixes / sizeof *suffixes; i++) {
        char side[OS_PATH_BYTES];
        code = database_side_path(side, path, suffixes[i], error);
        if (code == OK)
            code = unlink_if_there(side, error);
    }
    return code;
}

enum error_code catalog_discard(const char *path, struct error *error)
{
    enum error_code code = unlink_if_there(path, error);
    return code == OK ? unlink_side_files(path, error) : code;
}

enum error_code catalog_discard_new(const char *root, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = os_path_join(path, root, CATALOG_NEW, error);
    return code == OK ? catalog_discard(path, error) : code;
}

enum error_code catalog_seal(const char *path, struct catalog *catalog, struct error *error)
{
    enum error_code code = catalog_empty_log(catalog, error); /* which syncs the file */
    catalog_close(catalog);
    return code == OK ? unlink_side_files(path, error) : code;
}

enum error_code catalog_seal_new(const char *root, struct catalog *catalog, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = os_path_join(path, root, CATALOG_NEW, error);
    if (code == OK)
        return catalog_seal(path, catalog, error);
    catalog_close(catalog);
    return code;
}
