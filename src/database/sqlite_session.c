// SPDX-License-Identifier: Apache-2.0
#include "database/sqlite_session.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "database/vfs.h"
#include "os/lock_probe.h"

struct sqlite_session *sqlite_session(const struct database *database)
{
    return database->session;
}

/* What SQLite's own words don't tell: what our fences refused, and what to do. NULL: nothing. */
static enum error_code explain(struct database *database, int result, struct error *error)
{
    struct sqlite_session *session = sqlite_session(database);
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
    if (result == SQLITE_INTERRUPT && session->guard.tripped)
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

enum error_code sqlite_error(struct database *database, int result, struct error *error)
{
    struct sqlite_session *session = sqlite_session(database);
    enum error_code explained = explain(database, result, error);
    if (explained != OK)
        return explained;
    int system_errno = session->handle == NULL ? 0 : sqlite3_system_errno(session->handle);
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
              session->handle == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(session->handle),
              holder);
    if (error != NULL)
        error->system_errno = full                ? ENOSPC
                              : code == ERR_RETRY ? EBUSY
                              : code == ERR_IO    ? system_errno
                                                  : 0;
    return code;
}
