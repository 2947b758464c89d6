// SPDX-License-Identifier: Apache-2.0
#include "store/layout.h"

#include <string.h>

#define DATA_FILE_SUFFIX ".parquet"

bool lake_is_data_path(const char *path)
{
    size_t length = strlen(path), suffix = strlen(DATA_FILE_SUFFIX);
    return length > suffix && strcmp(path + length - suffix, DATA_FILE_SUFFIX) == 0 &&
           strncmp(path, LAKE_FOLDER "/", strlen(LAKE_FOLDER "/")) != 0;
}
