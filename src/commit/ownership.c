// SPDX-License-Identifier: Apache-2.0
#include "commit/ownership.h"

#include <string.h>

#include "catalog/files.h"
#include "commit/lake_catalog.h"
#include "store/objects.h"
#include "store/store.h"

#define CATALOG_LOCK_SUFFIX "-lock"
#define STAGING_LOCK        "lock"

void ownership_init(struct ownership *ownership)
{
    lake_lock_init(&ownership->lock);
}

static enum error_code beside_catalog(char path[OS_PATH_BYTES], struct error *error)
{
    char folder[OS_PATH_BYTES];
    enum error_code code = os_parent_path(folder, path, error);
    if (code == OK)
        code = os_make_directories(folder, NULL, error);
    if (code == OK && strlen(path) + sizeof CATALOG_LOCK_SUFFIX > OS_PATH_BYTES)
        code = error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
    if (code == OK)
        memcpy(path + strlen(path), CATALOG_LOCK_SUFFIX, sizeof CATALOG_LOCK_SUFFIX);
    return code;
}

static enum error_code beside_staging(char path[OS_PATH_BYTES], const struct store *store,
                                      struct error *error)
{
    char staging[OS_PATH_BYTES], folder[OS_PATH_BYTES];
    enum error_code code = store_path(store, LAKE_STAGING, staging, error);
    if (code == OK)
        code = os_parent_path(folder, staging, error);
    return code == OK ? os_path_join(path, folder, STAGING_LOCK, error) : code;
}

/* The first folder for staging that no process of this machine has. */
static enum error_code lock_staging(struct lake_lock *lock, const struct store *store,
                                    struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = ERR_CONFLICT;
    for (size_t slot = 0; code == ERR_CONFLICT && slot < OBJECTS_SLOTS; slot++) {
        objects_use_slot(store, slot);
        code = store_make_staging(store, error);
        if (code == OK)
            code = beside_staging(path, store, error);
        if (code == OK)
            code = lake_lock_take_at(lock, path, error);
    }
    return code;
}

/* An object store has no locks: whoever writes to the lake writes to its catalog. A catalog in
 * PostgreSQL keeps others away by itself once it is open; what is staged on this machine is locked
 * here. */
static enum error_code lock_catalog(struct lake_lock *lock, const struct store *store,
                                    struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = lake_catalog_path(store, path, error);
    if (code == ERR_CONFLICT)
        return lock_staging(lock, store, error);
    if (code == OK)
        code = beside_catalog(path, error);
    return code == OK ? lake_lock_take_at(lock, path, error) : code;
}

enum error_code ownership_take(struct ownership *ownership, const struct store *store,
                               bool will_write, struct error *error)
{
    enum error_code code = store_is_folder(store) ? lake_lock_take(&ownership->lock, store, error)
                                                  : lock_catalog(&ownership->lock, store, error);
    return code == OK && will_write ? store_probe(store, catalog_parts, CATALOG_PART_COUNT, error)
                                    : code;
}

void ownership_release(struct ownership *ownership)
{
    lake_lock_release(&ownership->lock);
}
