// SPDX-License-Identifier: Apache-2.0
/* Which backend a lake has. */
#include "store/folder.h"
#include "store/objects.h"
#include "store/store.h"

enum error_code store_at(struct store *store, const char *output_path, struct error *error)
{
    return objects_is_url(output_path) ? objects_at(store, output_path, error)
                                       : folder_at(store, output_path, error);
}

enum error_code store_at_real(struct store *store, const char *output_path, struct error *error)
{
    enum error_code code = store_at(store, output_path, error);
    return code == OK ? store->backend->resolve(store, error) : code;
}
