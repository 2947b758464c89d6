// SPDX-License-Identifier: Apache-2.0
#include "catalog/place.h"

#include <stdio.h>
#include <string.h>

#include "catalog/handle.h"
#include "catalog/values.h"
#include "util/memory.h"

#define KEY_LAKE_PATH "lake_path"

enum error_code catalog_data_path(struct catalog *catalog, char **data_path, struct error *error)
{
    enum error_code code = database_query_text(
        &catalog->database, "SELECT \"value\" FROM ducklake_metadata WHERE \"key\" = 'data_path'",
        NO_VALUES, data_path, error);
    if (code == OK && *data_path == NULL)
        code = error_set(error, ERR_CORRUPT, "catalog %s does not say where its files are",
                         catalog->database.path);
    return code;
}

static enum error_code update_data_path(struct catalog *catalog, const char *data_path,
                                        struct error *error)
{
    return database_run(&catalog->database,
                        "UPDATE ducklake_metadata SET \"value\" = ?1 WHERE \"key\" = 'data_path' "
                        "AND \"scope\" IS NULL",
                        BIND(sql_text(data_path)), error);
}

enum error_code catalog_compare_place(struct catalog *catalog, const char *data_path,
                                      const char *root, struct catalog_place *before,
                                      struct error *error)
{
    char *current = NULL, *lake_path = NULL;
    *before = (struct catalog_place){0};
    enum error_code code = catalog_data_path(catalog, &current, error);
    if (code == OK)
        code = catalog_get_value(&catalog->database, KEY_LAKE_PATH, &lake_path, error);
    if (code == OK) {
        before->data_path_changed = strcmp(current, data_path) != 0;
        before->lay_elsewhere = lake_path == NULL || strcmp(lake_path, root) != 0;
        snprintf(before->data_path, sizeof before->data_path, "%s", current);
    }
    mem_free(current);
    mem_free(lake_path);
    return code;
}

enum error_code catalog_set_place(struct catalog *catalog, const char *data_path, const char *root,
                                  struct catalog_place *before, struct error *error)
{
    enum error_code code = catalog_compare_place(catalog, data_path, root, before, error);
    if (code != OK || (!before->data_path_changed && !before->lay_elsewhere))
        return code;
    code = database_begin_write(&catalog->database, error);
    if (code != OK)
        return code;
    if (before->data_path_changed)
        code = update_data_path(catalog, data_path, error);
    if (code == OK)
        code = catalog_set_value(&catalog->database, KEY_LAKE_PATH, root, error);
    return database_end(&catalog->database, code, error);
}

enum error_code catalog_lake_path(struct catalog *catalog, char **lake_path, struct error *error)
{
    return catalog_get_value(&catalog->database, KEY_LAKE_PATH, lake_path, error);
}
