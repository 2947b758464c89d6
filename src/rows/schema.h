// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_SCHEMA_H
#define TTP_ROWS_SCHEMA_H

/* The columns of each schema version (design section 3): one table that rows, sink and catalog
 * read. */

#include <stdbool.h>
#include <stddef.h>

#include "arrow/abi.h"
#include "util/error.h"

enum row_column_id { /* the Parquet field_id and DuckLake column_id */
                     COLUMN_TIMESTAMP = 1,
                     COLUMN_LEDGER_SEQUENCE,
                     COLUMN_TRANSACTION_HASH,
                     COLUMN_EVENT_TYPE,
                     COLUMN_SOURCE_ACCOUNT,
                     COLUMN_DEST_ACCOUNT,
                     COLUMN_ASSET_CODE,
                     COLUMN_ASSET_ISSUER,
                     COLUMN_AMOUNT,
                     COLUMN_MEMO,
                     COLUMN_TRANSACTION_INDEX,
                     COLUMN_OPERATION_INDEX,
                     COLUMN_CONTRACT_ADDRESS,
                     COLUMN_EVENT_INDEX,
                     COLUMN_MEMO_TYPE,
                     COLUMN_AMOUNT_DECIMAL
};
#define ROW_COLUMN_MAX 16

struct row_column {
    enum row_column_id id;
    const char *name;
    const char *arrow_format;  /* of the values: "tsu:UTC", "I", "w:32", "u", "d:38,0" */
    const char *ducklake_type; /* "timestamptz", "uint32", "blob", "varchar", "decimal(38,0)" */
    bool nullable;             /* OPTIONAL in files; those that a version adds always are */
};

struct row_schema {
    const char *version; /* "1.0.0" */
    int rank;            /* later versions rank higher: evolution goes up only */
    size_t column_count;
    struct row_column columns[ROW_COLUMN_MAX];
};

/* Every version, oldest first. */
extern const struct row_schema row_schemas[];
extern const size_t row_schema_count;

/* NULL if there is no such version. */
const struct row_schema *row_schema_find(const char *version);
/* The same of what somebody wrote behind --schema-version: ERR_INVALID says which there are. */
enum error_code row_schema_parse(const char *version, const struct row_schema **schema,
                                 struct error *error) MUST_CHECK;

/* Whether people look for single values of the column, which lie in few files: then files have
 * Bloom filters of it. */
bool row_column_is_looked_up(enum row_column_id id);

/* The ArrowSchema (struct "+s") of the version's record batches, plain strings; field ids stand in
 * each child's metadata as PARQUET:field_id. With `dictionaries`, the columns that repeat are
 * dictionary-encoded (indices "i"). The caller releases it. ERR_NO_MEMORY. */
enum error_code row_schema_export(const struct row_schema *schema, bool dictionaries,
                                  struct ArrowSchema *out) MUST_CHECK;

#endif
