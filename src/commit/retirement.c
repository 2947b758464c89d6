// SPDX-License-Identifier: Apache-2.0
#include "commit/retirement.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalog/doomed.h"
#include "commit/backup_lock.h"
#include "commit/intent_keeper.h"
#include "os/log.h"
#include "util/list.h"
#include "util/memory.h"

enum error_code retirement_kept_path(const char *path, char out[OS_PATH_BYTES], struct error *error)
{
    if (!lake_is_data_path(path))
        return error_set(error, ERR_CORRUPT,
                         "the catalog says that %.1000s left the lake, which is no data file of it",
                         path);
    int written =
        snprintf(out, OS_PATH_BYTES, CATALOG_RETIRED_PREFIX "%s" CATALOG_RETIRED_SUFFIX, path);
    if (written < 0 || written >= OS_PATH_BYTES)
        return error_set(error, ERR_LIMIT, "the name %.1000s is too long", path);
    return OK;
}

bool retirement_in_place(const struct store *store)
{
    return intent_keeper_of(store)->names_are_unique;
}

enum error_code retirement_begin(const struct store *store, struct lake_file *lake,
                                 struct catalog *catalog, struct error *error)
{
    enum error_code code = OK;
    if (lake->layout_version < CATALOG_LAYOUT_CARE) {
        lake->layout_version = CATALOG_LAYOUT_CARE;
        code = lake_file_write(lake, store, error);
    }
    return code == OK ? catalog_care_begin(catalog, error) : code;
}

/* ---- moving ---- */

/* The catalog is not written to while it is read: so the list is copied first. */
struct unmoved {
    struct buffer paths; /* one after the other, each with its 0 */
    struct buffer sizes; /* int64_t */
};

static enum error_code note_unmoved(void *context, const struct catalog_retired *file,
                                    struct error *error)
{
    struct unmoved *unmoved = context;
    if (file->path == NULL)
        return error_set(error, ERR_CORRUPT, "the catalog lists a file without a path");
    if (buffer_append(&unmoved->paths, file->path, strlen(file->path) + 1) != OK ||
        buffer_append(&unmoved->sizes, &file->size_bytes, sizeof file->size_bytes) != OK)
        return error_no_memory(error, "the files that left");
    return OK;
}

/* Whether what lies there is as large as what left. */
static enum error_code is_the_one(const struct store *store, const char *path, int64_t size_bytes,
                                  bool *is_it, struct error *error)
{
    struct store_file file;
    struct error failure;
    error_clear(&failure);
    enum error_code code = store_open(store, path, &file, &failure);
    *is_it = code == OK && file.size_bytes == (uint64_t)size_bytes;
    store_close(&file);
    if (code != OK && code != ERR_NOT_FOUND && error != NULL)
        *error = failure;
    return code == ERR_NOT_FOUND ? OK : code;
}

static enum error_code move_one(const struct store *store, const char *path, int64_t size_bytes,
                                struct error *error)
{
    char kept[OS_PATH_BYTES];
    bool is_there = false, is_kept = false;
    enum error_code code = retirement_kept_path(path, kept, error);
    if (code == OK)
        code = is_the_one(store, path, size_bytes, &is_there, error);
    if (code == OK)
        code = is_the_one(store, kept, size_bytes, &is_kept, error);
    if (code != OK)
        return code;
    if (is_there && is_kept) { /* the new name was durable, that the old one is gone was not */
        code = store_remove(store, path, error);
        return code == OK ? store_sync_changed(store, &path, 1, error) : code;
    }
    if (!is_there && !is_kept)
        log_event(
            LOG_WARN, "lake",
            "a file that left the lake is missing, or another one lies there: older snapshots "
            "lack it",
            LOG_T("path", path));
    return is_there ? store_move(store, path, kept, error) : OK;
}

enum error_code retirement_lock_out_backups(struct backup_lock *lock, const struct store *store,
                                            bool *may_move, struct error *error)
{
    struct error failure;
    error_clear(&failure);
    enum error_code code = backup_lock_delete(lock, store, &failure);
    *may_move = code == OK;
    if (code == ERR_CONFLICT) {
        log_event(LOG_INFO, "lake", "files that left the lake stay where they are for now",
                  LOG_T("reason", failure.message));
        return OK;
    }
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

static enum error_code finish_moving(const struct store *store, struct catalog *catalog,
                                     struct error *error)
{
    struct unmoved unmoved;
    struct backup_lock lock;
    backup_lock_init(&lock);
    buffer_init(&unmoved.paths);
    buffer_init(&unmoved.sizes);
    enum error_code code = catalog_each_unmoved(catalog, note_unmoved, &unmoved, error);
    const char *path = (const char *)unmoved.paths.data;
    size_t count = LIST_COUNT(&unmoved.sizes, int64_t);
    bool may_move = false;
    if (code == OK && count > 0)
        code = retirement_lock_out_backups(&lock, store, &may_move, error);
    for (size_t i = 0; code == OK && may_move && i < count; i++) {
        code = move_one(store, path, *LIST_AT(&unmoved.sizes, int64_t, i), error);
        path += strlen(path) + 1;
    }
    if (code == OK && may_move)
        code = catalog_set_moved(catalog, error);
    backup_lock_release(&lock);
    buffer_release(&unmoved.paths);
    buffer_release(&unmoved.sizes);
    return code;
}

/* ---- what repair takes out ---- */

static enum error_code note_leaving(void *context, const char *path, struct error *error)
{
    struct buffer *paths = context;
    if (path == NULL)
        return error_set(error, ERR_CORRUPT, "the catalog lists a file without a path");
    return buffer_append(paths, path, strlen(path) + 1) == OK
               ? OK
               : error_no_memory(error, "the files that left");
}

/* It is gone: moved aside by a process that died before it could say where, or never there. Where a
 * name is no other file's, ever, the copy is known by it. */
static enum error_code record_gone(const struct store *store, struct catalog *catalog,
                                   const char *path, struct error *error)
{
    char kept[OS_PATH_BYTES];
    struct store_file file;
    struct error failure;
    const char *slash = strrchr(path, '/');
    int length = snprintf(kept, sizeof kept, LAKE_DAMAGED "/%s" LAKE_DAMAGED_SUFFIX,
                          slash == NULL ? path : slash + 1);
    if (!retirement_in_place(store) || length < 0 || length >= (int)sizeof kept)
        return catalog_forget_leaving(catalog, path, error);
    error_clear(&failure);
    enum error_code code = store_open(store, kept, &file, &failure);
    int64_t size_bytes = (int64_t)file.size_bytes;
    store_close(&file);
    if (code == OK)
        return catalog_set_aside(catalog, path, kept, size_bytes, error);
    if (code == ERR_NOT_FOUND)
        return catalog_forget_leaving(catalog, path, error);
    if (error != NULL)
        *error = failure;
    return code;
}

enum error_code retirement_set_aside(const struct store *store, struct catalog *catalog,
                                     const char *path, bool *was_there, struct error *error)
{
    char kept[OS_PATH_BYTES];
    struct store_file file;
    struct error failure;
    *was_there = false;
    error_clear(&failure);
    if (!lake_is_data_path(path))
        return catalog_forget_leaving(catalog, path, error); /* somebody made it up */
    enum error_code code = store_open(store, path, &file, &failure);
    int64_t size_bytes = (int64_t)file.size_bytes;
    store_close(&file);
    if (code == OK)
        code = store_move_aside(store, path, kept, &failure);
    *was_there = code == OK;
    if (code == OK)
        return catalog_set_aside(catalog, path, kept, size_bytes, error);
    if (code == ERR_NOT_FOUND)
        return record_gone(store, catalog, path, error);
    if (error != NULL)
        *error = failure;
    return code;
}

static enum error_code finish_setting_aside(const struct store *store, struct catalog *catalog,
                                            struct error *error)
{
    struct buffer paths;
    struct backup_lock lock;
    bool was_there, may_move = false;
    backup_lock_init(&lock);
    buffer_init(&paths);
    enum error_code code = catalog_each_leaving(catalog, note_leaving, &paths, error);
    if (code == OK && paths.size_bytes > 0)
        code = retirement_lock_out_backups(&lock, store, &may_move, error);
    for (size_t at = 0; code == OK && may_move && at < paths.size_bytes;) {
        const char *path = (const char *)paths.data + at;
        code = retirement_set_aside(store, catalog, path, &was_there, error);
        at += strlen(path) + 1;
    }
    backup_lock_release(&lock);
    buffer_release(&paths);
    return code;
}

enum error_code retirement_finish(const struct store *store, struct catalog *catalog,
                                  struct error *error)
{
    struct error failure;
    error_clear(&failure);
    enum error_code code = finish_setting_aside(store, catalog, &failure);
    if (code == OK)
        code = finish_moving(store, catalog, &failure);
    if (code == OK)
        return OK;
    if (code == ERR_NO_MEMORY || code == ERR_RETRY || code == ERR_CORRUPT) {
        if (error != NULL)
            *error = failure;
        return code;
    }
    log_event(LOG_WARN, "lake", "files that left the lake can't be moved yet",
              LOG_T("reason", failure.message));
    return OK;
}

/* ---- lake.json ---- */

static bool are_equal(const struct ledger_set *a, const struct ledger_set *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->ranges, b->ranges, a->count * sizeof *a->ranges) == 0);
}

enum error_code retirement_keep_pruned(const struct store *store, struct lake_file *lake,
                                       struct catalog *catalog, struct error *error)
{
    struct ledger_set pruned = {0};
    enum error_code code = catalog_pruned(catalog, &pruned, error);
    if (code == OK && !are_equal(&pruned, &lake->pruned)) {
        ledger_set_move(&lake->pruned, &pruned);
        code = lake_file_write(lake, store, error);
    }
    ledger_set_release(&pruned);
    return code;
}
