// SPDX-License-Identifier: Apache-2.0
#include "lake/data_file.h"

#include <string.h>

static enum error_code read_at(void *context, uint64_t offset, void *data, size_t size_bytes,
                               struct error *error)
{
    return os_file_read(context, offset, data, size_bytes, error);
}

enum error_code lake_data_file_open_path(struct lake_data_file *data_file, const char *path,
                                         struct error *error)
{
    uint64_t size_bytes = 0;
    os_file_init(&data_file->file);
    enum error_code code = os_file_open(&data_file->file, path, OS_OPEN_READ, error);
    if (code == OK)
        code = os_file_size(&data_file->file, &size_bytes, error);
    data_file->source = (struct parquet_source){
        .size_bytes = size_bytes, .name = path, .context = &data_file->file, .read = read_at};
    return code;
}

bool lake_data_file_is_remote(const char *path)
{
    return strstr(path, "://") != NULL;
}

enum error_code lake_data_file_open(struct lake_data_file *data_file, const char *root,
                                    const char *path, struct error *error)
{
    char full[OS_PATH_BYTES];
    os_file_init(&data_file->file);
    enum error_code code = os_path_join(full, path[0] == '/' ? "" : root, path, error);
    if (code == OK)
        code = lake_data_file_open_path(data_file, full, error);
    data_file->source.name = path; /* messages name it as the catalog does */
    return code;
}

void lake_data_file_release(struct lake_data_file *data_file)
{
    os_file_release(&data_file->file);
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
