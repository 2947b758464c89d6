// SPDX-License-Identifier: Apache-2.0
#include "parquet/verify.h"

#include <assert.h>
#include <string.h>

#include "parquet/walk.h"

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

enum error_code parquet_verify(const struct parquet_source *source, enum parquet_verify_level level,
                               int64_t expected_rows, struct error *error)
{
    struct parquet_walk walk;
    if (level == PARQUET_VERIFY_OFF)
        return OK;
    enum error_code code = parquet_walk_begin(&walk, source, false, error);
    if (code == OK)
        code = parquet_walk_run(&walk, level, expected_rows, NULL, error);
    parquet_walk_end(&walk);
    return code;
}
