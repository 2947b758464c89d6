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
