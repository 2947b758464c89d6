// SPDX-License-Identifier: Apache-2.0
#include "commit/ownership.h"

#include "catalog/files.h"
#include "store/store.h"

void ownership_init(struct ownership *ownership)
{
    lake_lock_init(&ownership->lock);
}

enum error_code ownership_take(struct ownership *ownership, const struct store *store,
                               bool will_write, struct error *error)
{
    enum error_code code = lake_lock_take(&ownership->lock, store, error);
    return code == OK && will_write ? store_probe(store, catalog_parts, CATALOG_PART_COUNT, error)
                                    : code;
}

void ownership_release(struct ownership *ownership)
{
    lake_lock_release(&ownership->lock);
}
