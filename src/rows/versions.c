// SPDX-License-Identifier: Apache-2.0
/* The table of schema versions. Alone in its file, so that tests can put another in its place
 * (tests/evolution). */
#include "rows/columns.h"

const struct row_schema row_schemas[] = {
    {.version = "1.0.0", .rank = 0, .column_count = 10, .columns = {COLUMNS_1_0_0(false)}},
    {.version = "1.1.0", .rank = 1, .column_count = 16, .columns = {COLUMNS_1_1_0}},
};
const size_t row_schema_count = sizeof row_schemas / sizeof row_schemas[0];
const char *const row_schema_versions[] = {"1.0.0", "1.1.0", NULL};
