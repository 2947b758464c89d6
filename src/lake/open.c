// SPDX-License-Identifier: Apache-2.0
#include "lake/open.h"

#include "commit/lake_file.h"
#include "catalog/files.h"
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

/* Whether its first start has not got as far as the catalog. */
static bool is_being_made(const char *output_path)
{
    struct lake_file lake;
    struct error ignored;
    bool creating = lake_file_read_at(&lake, output_path, &ignored) == OK && lake.creating;
    lake_file_release(&lake);
    return creating;
}

enum error_code lake_open_catalog(struct catalog **out, const char *output_path,
                                  struct error *error)
{
    char path[OS_PATH_BYTES];
    *out = NULL;
    enum error_code code = lake_must_exist(output_path, error);
    if (code == OK)
        code = os_path_join(path, output_path, LAKE_CATALOG, error);
    if (code != OK)
        return code;
    bool creating = is_being_made(output_path); /* asked first: it may be finished meanwhile */
    if (os_path_exists(path))
        code = catalog_open(out, path, CATALOG_READ, NULL, error);
    else
        code =
            error_set(error, ERR_CORRUPT,
                      "the lake in %s has lost its catalog %s: put a backup back, or make it anew "
                      "from the files with 'parquet-consumer rebuild --output-path %s'",
                      output_path, path, output_path);
    if (creating && code == ERR_CORRUPT)
        code =
            error_set(error, ERR_NOT_FOUND,
                      "the lake in %s is only being made: there is nothing in it yet", output_path);
    return code;
}
