// SPDX-License-Identifier: Apache-2.0
#include "lake/open.h"

#include "catalog/lake_layout.h"
#include "os/file.h"

enum error_code lake_must_exist(const char *output_path, struct error *error)
{
    char folder[OS_PATH_BYTES];
    enum error_code code = os_path_join(folder, output_path, LAKE_FOLDER, error);
    if (code == OK && !os_path_exists(folder))
        code = error_set(error, ERR_NOT_FOUND,
                         "there is no lake in %s: name its folder with --output-path", output_path);
    return code;
}

struct catalog *lake_open_catalog(const char *output_path, struct error *error)
{
    char path[OS_PATH_BYTES];
    if (lake_must_exist(output_path, error) != OK ||
        os_path_join(path, output_path, LAKE_CATALOG, error) != OK)
        return NULL;
    if (!os_path_exists(path)) {
        (void)error_set(
            error, ERR_CORRUPT,
            "the lake in %s has lost its catalog %s: put a backup back, or make it anew "
            "from the files with 'parquet-consumer rebuild --output-path %s'",
            output_path, path, output_path);
        return NULL;
    }
    return catalog_open(path, CATALOG_READ, NULL, error);
}
