// SPDX-License-Identifier: Apache-2.0
#include "commit/data_path.h"

#include <stdio.h>
#include <string.h>

#include "catalog/place.h"
#include "store/objects.h"
#include "store/store.h"
#include "util/memory.h"

/* The bytes of "s3://", of whichever scheme; 0: it is no URL. */
static size_t scheme_bytes(const char *path)
{
    size_t name = strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
    return name > 0 && strncmp(path + name, "://", 3) == 0 ? name + 3 : 0;
}

/* Appends the parts of the path, each with a slash behind it. */
static enum error_code append_parts(char out[OS_PATH_BYTES], size_t length, const char *path,
                                    const char *reader_data_path, struct error *error)
{
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

enum error_code data_path_make(char out[OS_PATH_BYTES], const char *root,
                               const char *reader_data_path, struct error *error)
{
    bool is_object_store = objects_is_url(root), is_own = reader_data_path[0] == '\0';
    const char *path = is_own ? root : reader_data_path;
    size_t length = is_object_store ? scheme_bytes(path) : 0;
    if (is_object_store && is_own)
        return os_path_join(out, root, "", error);
    if (length == 0 && path[0] != '/')
        return error_set(error, ERR_INVALID,
                         "reader_data_path %s is not absolute: readers would look for it relative "
                         "to their own working folder",
                         path);
    if (length + 2 > OS_PATH_BYTES)
        return error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
    memcpy(out, length > 0 ? path : "/", length > 0 ? length : 1);
    return append_parts(out, length > 0 ? length : 1, path + length, reader_data_path, error);
}

/* Whether the path leads to the lake's folder, here and now. */
static bool leads_to(const char *path, const char *root)
{
    char resolved[OS_PATH_BYTES];
    struct error ignored;
    return os_real_path(resolved, path, &ignored) == OK && strcmp(resolved, root) == 0;
}

static void describe(const char *data_path, const char *root, char out[DATA_PATH_WARNING_BYTES])
{
    char lake_file[OS_PATH_BYTES];
    bool is_lake =
        os_path_join(lake_file, data_path, LAKE_FILE, NULL) == OK && os_path_exists(lake_file);
    snprintf(out, DATA_PATH_WARNING_BYTES,
             "the catalog says that readers find the lake's files in %.1000s, but it lies in "
             "%.1000s/: it was copied, moved or restored%s. Through this catalog DuckDB reads, and "
             "cleans up, what is there. 'parquet-consumer relocate --output-path %.1000s' sets the "
             "path anew, as any run does (with --reader-data-path where readers see the folder "
             "under another name); until then attach it READ_ONLY, with DATA_PATH and "
             "OVERRIDE_DATA_PATH",
             data_path, root, is_lake ? ", and another lake is there" : "", root);
}

enum error_code data_path_warning(struct catalog *catalog, const char *output_path,
                                  const char *reader_data_path, char out[DATA_PATH_WARNING_BYTES],
                                  struct error *error)
{
    struct store store;
    const char *root = store.root;
    char own[OS_PATH_BYTES], wanted[OS_PATH_BYTES];
    char *data_path = NULL, *lake_path = NULL;
    out[0] = '\0';
    enum error_code code = store_at_real(&store, output_path, error);
    if (code == OK)
        code = data_path_make(own, root, "", error);
    if (code == OK)
        code = data_path_make(wanted, root, reader_data_path, error);
    if (code == OK)
        code = catalog_data_path(catalog, &data_path, error);
    if (code == OK)
        code = catalog_lake_path(catalog, &lake_path, error);
    if (code == OK && strcmp(data_path, own) != 0 && strcmp(data_path, wanted) != 0 &&
        (lake_path == NULL || strcmp(lake_path, root) != 0) && !leads_to(data_path, root))
        describe(data_path, root, out);
    mem_free(data_path);
    mem_free(lake_path);
    return code;
}
