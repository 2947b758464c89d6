// SPDX-License-Identifier: Apache-2.0
#include "commit/recovery.h"

#include "commit/intent_keeper.h"

struct clean_up {
    const struct store *store;
    size_t deleted;
};

static enum error_code delete_leftover(void *context, const char *relative_path,
                                       uint64_t size_bytes, struct error *error)
{
    struct clean_up *clean_up = context;
    char name[OS_PATH_BYTES];
    (void)size_bytes;
    enum error_code code = os_path_join(name, LAKE_STAGING, relative_path, error);
    if (code == OK)
        code = store_remove(clean_up->store, name, error);
    clean_up->deleted += code == OK;
    return code;
}

enum error_code recovery_run(const struct store *store, struct catalog *catalog,
                             const struct intent_guard *guard, struct recovery_report *report,
                             struct error *error)
{
    struct clean_up clean_up = {.store = store};
    const struct os_walker walker = {.context = &clean_up, .visit = delete_leftover};
    *report = (struct recovery_report){0};
    enum error_code code = intent_keeper_of(store)->recover(store, catalog, guard, report, error);
    if (code == OK)
        code = store_make_staging(store, error);
    if (code == OK)
        code = store_walk(store, LAKE_STAGING, &walker, error);
    if (code == OK && store_is_folder(store)) /* of a death while it was replaced */
        code = store_remove(store, LAKE_FILE LAKE_IN_PROGRESS_SUFFIX, error);
    report->staged_deleted = clean_up.deleted;
    return code;
}
