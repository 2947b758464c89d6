// SPDX-License-Identifier: Apache-2.0
#include "commit/retirement.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
    bool is_it = false;
    enum error_code code = retirement_kept_path(path, kept, error);
    if (code == OK && store_exists(store, kept))
        return OK; /* before the process died that was to record it */
    if (code == OK)
        code = is_the_one(store, path, size_bytes, &is_it, error);
    if (code == OK && !is_it)
        log_event(
            LOG_WARN, "lake",
            "a file that left the lake is missing, or another one lies there: older snapshots "
            "lack it",
            LOG_T("path", path));
    return code == OK && is_it ? store_move(store, path, kept, error) : code;
}

enum error_code retirement_finish(const struct store *store, struct catalog *catalog,
                                  struct error *error)
{
    struct unmoved unmoved;
    buffer_init(&unmoved.paths);
    buffer_init(&unmoved.sizes);
    enum error_code code = catalog_each_unmoved(catalog, note_unmoved, &unmoved, error);
    const char *path = (const char *)unmoved.paths.data;
    size_t count = LIST_COUNT(&unmoved.sizes, int64_t);
    for (size_t i = 0; code == OK && i < count; i++) {
        code = move_one(store, path, *LIST_AT(&unmoved.sizes, int64_t, i), error);
        path += strlen(path) + 1;
    }
    if (code == OK && count > 0)
        code = catalog_set_moved(catalog, error);
    buffer_release(&unmoved.paths);
    buffer_release(&unmoved.sizes);
    return code;
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
