// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_SCHEMA_H
#define TTP_ROWS_SCHEMA_H

/*
 * The columns of each schema version (design section 3): one table that rows, walk, sink, catalog
 * and lake go by. It says how a value lies in a row (rows/row.h), in Arrow, in a file and in the
 * catalog, so that a version's batches, digests, reading back, comparing and evolving follow from
 * it (rows/versions.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
#define ROW_COLUMN_MAX 32

/* What a column's value is in struct row_view. */
enum row_value_kind {
    ROW_TIME,          /* int64_t: microseconds */
    ROW_NUMBER,        /* uint32_t */
    ROW_MAYBE_NUMBER,  /* uint32_t, and a bool whether there is one */
    ROW_HASH,          /* 32 bytes */
    ROW_EVENT_TYPE,    /* enum event_type */
    ROW_MEMO_KIND,     /* enum memo_kind; NULL of MEMO_NONE */
    ROW_TEXT,          /* struct bytes_view */
    ROW_MAYBE_TEXT,    /* struct optional_text; '' of none where the column takes no NULL */
    ROW_MAYBE_DECIMAL, /* __int128, and a bool whether there is one */
};

struct row_column {
    enum row_column_id id;
    const char *name;
    enum row_value_kind kind;
    size_t at, present_at;     /* in struct row_view: the value, and that bool of a kind with one */
    const char *arrow_format;  /* of the values: "tsu:UTC", "I", "w:32", "u", "d:38,0" */
    const char *ducklake_type; /* "timestamptz", "uint32", "blob", "varchar", "decimal(38,0)" */
    bool nullable;             /* OPTIONAL in files; those that a version adds always are */
    /* People look for single values of it, which lie in few files: then files have Bloom filters of
     * it. */
    bool is_looked_up;
};

/* Whether batches of ids (rows/epoch.h) number its values: all that are no times and numbers. */
static inline bool row_column_is_numbered(const struct row_column *column)
{
    return column->kind != ROW_TIME && column->kind != ROW_NUMBER &&
           column->kind != ROW_MAYBE_NUMBER;
}

/* Bytes of each value; 0: texts. */
static inline uint32_t row_column_width(const struct row_column *column)
{
    switch (column->kind) {
    case ROW_TIME: return 8;
    case ROW_NUMBER:
    case ROW_MAYBE_NUMBER: return 4;
    case ROW_HASH: return 32;
    case ROW_MAYBE_DECIMAL: return 16;
    case ROW_EVENT_TYPE:
    case ROW_MEMO_KIND:
    case ROW_TEXT:
    case ROW_MAYBE_TEXT: break;
    }
    return 0;
}

struct row_schema {
    const char *version; /* "1.0.0" */
    int rank;            /* later versions rank higher: evolution goes up only */
    size_t column_count;
    struct row_column columns[ROW_COLUMN_MAX];
};

/* Every version, oldest first: each has the columns of the one before it, in their order, with
 * their ids, and may have more. */
extern const struct row_schema row_schemas[];
extern const size_t row_schema_count;
extern const char *const row_schema_versions[]; /* their names; NULL behind the last */

/* NULL if there is no such version. */
const struct row_schema *row_schema_find(const char *version);
/* The same of what somebody wrote behind --schema-version: ERR_INVALID says which there are. */
enum error_code row_schema_parse(const char *version, const struct row_schema **schema,
                                 struct error *error) MUST_CHECK;

/* The column with that id as the newest version has it; NULL if there is none. */
const struct row_column *row_column_of(int id);

/* The ArrowSchema (struct "+s") of the version's record batches, plain strings; field ids stand in
 * each child's metadata as PARQUET:field_id. With `dictionaries`, the columns that are
 * numbered are dictionary-encoded (indices "i"). The caller releases it. ERR_NO_MEMORY. */
enum error_code row_schema_export(const struct row_schema *schema, bool dictionaries,
                                  struct ArrowSchema *out) MUST_CHECK;

#endif
