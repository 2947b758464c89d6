// SPDX-License-Identifier: Apache-2.0
#include "catalog/place.h"

#include <stdio.h>
#include <string.h>

#include "catalog/handle.h"
#include "catalog/lake_layout.h"
#include "util/memory.h"

#define KEY_LAKE_PATH "lake_path"

enum error_code place_data_path(char out[OS_PATH_BYTES], const char *root,
                                const char *reader_data_path, struct error *error)
{
    const char *path = reader_data_path[0] == '\0' ? root : reader_data_path;
    size_t length = 0;
    if (path[0] != '/')
        return error_set(error, ERR_INVALID,
                         "reader_data_path %s is not absolute: readers would look for it relative "
                         "to their own working folder",
                         path);
    out[length++] = '/';
    while (*path != '\0') {
        size_t part = strcspn(path, "/");
        if (part == 2 && memcmp(path, "..", 2) == 0)
            return error_set(error, ERR_INVALID,
                             "reader_data_path %s has \"..\" in it: name the folder itself, since "
                             "DuckDB compares paths as texts",
                             reader_data_path);
        if (length + part + 2 > OS_PATH_BYTES)
            return error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
        if (part != 0 && !(part == 1 && path[0] == '.')) {
            memcpy(out + length, path, part);
            length += part;
            out[length++] = '/';
        }
        path += part + (path[part] == '/');
    }
    out[length] = '\0';
    return OK;
}

enum error_code catalog_data_path(struct catalog *catalog, char **data_path, struct error *error)
{
    enum error_code code = database_query_text(
        &catalog->database, "SELECT \"value\" FROM ducklake_metadata WHERE \"key\" = 'data_path'",
        data_path, error);
    if (code == OK && *data_path == NULL)
        code = error_set(error, ERR_CORRUPT, "catalog %s does not say where its files are",
                         catalog->database.path);
    return code;
}

static enum error_code update_data_path(struct catalog *catalog, const char *data_path,
                                        struct error *error)
{
    struct statement statement;
    enum error_code code = statement_prepare(&statement, &catalog->database,
                                             "UPDATE ducklake_metadata SET \"value\" = ? WHERE "
                                             "\"key\" = 'data_path' AND \"scope\" IS NULL",
                                             error);
    if (code == OK) {
        statement_bind_text(&statement, 1, data_path);
        code = statement_run(&statement, error);
    }
    statement_release(&statement);
    return code;
}

enum error_code catalog_set_place(struct catalog *catalog, const char *data_path, const char *root,
                                  struct catalog_place *before, struct error *error)
{
    char *current = NULL, *lake_path = NULL;
    *before = (struct catalog_place){0};
    enum error_code code = catalog_data_path(catalog, &current, error);
    if (code == OK)
        code = catalog_get_value(catalog, KEY_LAKE_PATH, &lake_path, error);
    if (code == OK) {
        before->data_path_changed = strcmp(current, data_path) != 0;
        before->lay_elsewhere = lake_path == NULL || strcmp(lake_path, root) != 0;
        snprintf(before->data_path, sizeof before->data_path, "%s", current);
    }
    mem_free(current);
    mem_free(lake_path);
    if (code != OK || (!before->data_path_changed && !before->lay_elsewhere))
        return code;
    code = database_begin_write(&catalog->database, error);
    if (code != OK)
        return code;
    if (before->data_path_changed)
        code = update_data_path(catalog, data_path, error);
    if (code == OK)
        code = catalog_set_value(catalog, KEY_LAKE_PATH, root, error);
    return database_end(&catalog->database, code, error);
}

/* Whether the path leads to the lake's folder, here and now. */
static bool leads_to(const char *path, const char *root)
{
    char resolved[OS_PATH_BYTES];
    struct error ignored;
    return os_real_path(resolved, path, &ignored) == OK && strcmp(resolved, root) == 0;
}

static void describe(const char *data_path, const char *root, char out[PLACE_WARNING_BYTES])
{
    char lake_file[OS_PATH_BYTES];
    bool is_lake =
        os_path_join(lake_file, data_path, LAKE_FILE, NULL) == OK && os_path_exists(lake_file);
    snprintf(out, PLACE_WARNING_BYTES,
             "the catalog says that readers find the lake's files in %.1000s, but it lies in "
             "%.1000s/: it was copied, moved or restored%s. Through this catalog DuckDB reads, and "
             "cleans up, what is there. Any 'parquet-consumer run --output-path %.1000s' sets the "
             "path anew (with --reader-data-path where readers see the folder under another name); "
             "until then attach it READ_ONLY, with DATA_PATH and OVERRIDE_DATA_PATH",
             data_path, root, is_lake ? ", and another lake is there" : "", root);
}

enum error_code catalog_place_warning(struct catalog *catalog, const char *output_path,
                                      const char *reader_data_path, char out[PLACE_WARNING_BYTES],
                                      struct error *error)
{
    char root[OS_PATH_BYTES], own[OS_PATH_BYTES], wanted[OS_PATH_BYTES];
    char *data_path = NULL, *lake_path = NULL;
    out[0] = '\0';
    enum error_code code = os_real_path(root, output_path, error);
    if (code == OK)
        code = place_data_path(own, root, "", error);
    if (code == OK)
        code = place_data_path(wanted, root, reader_data_path, error);
    if (code == OK)
        code = catalog_data_path(catalog, &data_path, error);
    if (code == OK)
        code = catalog_get_value(catalog, KEY_LAKE_PATH, &lake_path, error);
    if (code == OK && strcmp(data_path, own) != 0 && strcmp(data_path, wanted) != 0 &&
        (lake_path == NULL || strcmp(lake_path, root) != 0) && !leads_to(data_path, root))
        describe(data_path, root, out);
    mem_free(data_path);
    mem_free(lake_path);
    return code;
}
