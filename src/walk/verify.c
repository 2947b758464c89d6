// SPDX-License-Identifier: Apache-2.0
#include "walk/verify.h"

#include "walk/walk.h"

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
