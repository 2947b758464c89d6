// SPDX-License-Identifier: Apache-2.0
#include "commit/exchange.h"

#include "catalog/files.h"

enum error_code catalog_exchange(const struct store *store, bool *kept, struct error *error)
{
    static const char *const name = LAKE_CATALOG;
    enum error_code code = OK;
    *kept = false;
    /* The file goes first: without its log it would be an older catalog, which nobody could tell
     * from the newest. */
    for (size_t i = 0; code == OK && i < CATALOG_PART_COUNT; i++) {
        if (!store_exists(store, catalog_parts[i]))
            continue;
        *kept = true;
        code = store_move_aside(store, catalog_parts[i], NULL, error);
    }
    if (code == OK)
        code = store_put(store, CATALOG_NEW, name, error);
    return code == OK ? store_sync_changed(store, &name, 1, error) : code; /* Y10: _lake alone */
}
