// SPDX-License-Identifier: Apache-2.0
#include "parquet/verify_level.h"

#include <assert.h>
#include <string.h>

static const char *const level_names[] = {"off", "footer", "pages", "values"};
#define LEVEL_COUNT (sizeof level_names / sizeof level_names[0])

bool parquet_verify_level_parse(const char *name, enum parquet_verify_level *level)
{
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum parquet_verify_level)i;
            return true;
        }
    }
    return false;
}

const char *parquet_verify_level_name(enum parquet_verify_level level)
{
    assert((size_t)level < LEVEL_COUNT);
    return level_names[level];
}
