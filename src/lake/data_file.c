// SPDX-License-Identifier: Apache-2.0
#include "lake/data_file.h"

#include <stdio.h>
#include <string.h>

#include "store/objects.h"

/* Messages name it by `path`. */
static void set_source(struct lake_data_file *data_file, const char *path)
{
    data_file->source = (struct parquet_source){.size_bytes = data_file->file.size_bytes,
                                                .name = path,
                                                .context = &data_file->file,
                                                .read = store_read};
}

/* An object by its URL: as if the prefix before its name were a lake. */
static enum error_code open_url(struct lake_data_file *data_file, const char *url,
                                struct error *error)
{
    char above[OS_PATH_BYTES];
    const char *name = strrchr(url, '/') + 1;
    int length = snprintf(above, sizeof above, "%.*s", (int)(name - 1 - url), url);
    data_file->file = (struct store_file){0};
    if (*name == '\0' || length < 0 || (size_t)length >= sizeof above)
        return error_set(error, ERR_INVALID, "%s names no object", url);
    enum error_code code = store_at(&data_file->store, above, error);
    return code == OK ? store_open(&data_file->store, name, &data_file->file, error) : code;
}

enum error_code lake_data_file_open_path(struct lake_data_file *data_file, const char *path,
                                         struct error *error)
{
    enum error_code code = objects_is_url(path) ? open_url(data_file, path, error)
                                                : store_open_path(path, &data_file->file, error);
    set_source(data_file, path);
    return code;
}

bool lake_data_file_is_remote(const char *path)
{
    return strstr(path, "://") != NULL;
}

enum error_code lake_data_file_open(struct lake_data_file *data_file, const char *root,
                                    const char *path, struct error *error)
{
    if (path[0] == '/')
        return lake_data_file_open_path(data_file, path, error);
    data_file->file = (struct store_file){0};
    enum error_code code = store_at(&data_file->store, root, error);
    if (code == OK)
        code = store_open(&data_file->store, path, &data_file->file, error);
    set_source(data_file, path);
    return code;
}

void lake_data_file_release(struct lake_data_file *data_file)
{
    store_close(&data_file->file);
}

enum error_code lake_data_file_rows(const char *root, const char *path,
                                    const struct file_rows_wish *wish, struct file_rows *rows,
                                    struct error *error)
{
    struct lake_data_file file;
    struct parquet_walk walk = {0};
    struct parquet_visitor visitor;
    enum error_code code = lake_data_file_open(&file, root, path, error);
    if (code == OK)
        code = parquet_walk_begin(&walk, &file.source, false, error);
    if (code == OK)
        code = file_rows_begin(rows, &walk, wish, &visitor, error);
    if (code == OK)
        code = parquet_walk_run(&walk, PARQUET_VERIFY_FOOTER, -1, &visitor, error);
    if (code == OK)
        code = file_rows_end(rows, error);
    parquet_walk_end(&walk);
    lake_data_file_release(&file);
    return code;
}
