// SPDX-License-Identifier: Apache-2.0
/* A table of schema versions with one more, made up: 1.2.0 adds one optional column. Linked into
 * parquet-consumer-1.2.0 in place of src/rows/versions.c, so that test_next_version.py can see that
 * a version is made by the table alone. */
#include "rows/columns.h"

enum { COLUMN_INVOKED_CONTRACT = COLUMN_AMOUNT_DECIMAL + 1 };

const struct row_schema row_schemas[] = {
    {.version = "1.0.0", .rank = 0, .column_count = 10, .columns = {COLUMNS_1_0_0(false)}},
    {.version = "1.1.0", .rank = 1, .column_count = 16, .columns = {COLUMNS_1_1_0}},
    {.version = "1.2.0",
     .rank = 2,
     .column_count = 17,
     .columns = {COLUMNS_1_1_0,
                 {ROW_STRING((enum row_column_id)COLUMN_INVOKED_CONTRACT, "invoked_contract",
                             ROW_MAYBE_TEXT, contract_address, true)}}},
};
const size_t row_schema_count = sizeof row_schemas / sizeof row_schemas[0];
const char *const row_schema_versions[] = {"1.0.0", "1.1.0", "1.2.0", NULL};
