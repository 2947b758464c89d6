// SPDX-License-Identifier: Apache-2.0
#include "catalog/view_text.h"

#include <assert.h>
#include <string.h>

#include "catalog/identity.h"

#define TX_HASH "lower(hex(transaction_hash))"
/* '' in schema 1.0.0, whose columns of accounts don't allow NULL. */
#define ACCOUNT(column) "CASE  WHEN ((" column " != '')) THEN (" column ") ELSE NULL END"

/*
 * DuckDB leaves files out by filters on columns that a view hands through as they are, and on no
 * others: so closed_at and ledger_sequence are. An amount is a whole number of the smallest unit,
 * for a classic asset 10^-7: 31 digits of it are exact in DECIMAL(38, 7). By HUGEINT, since DuckDB
 * takes 80 us to make such a DECIMAL of a text.
 */
static const struct view_column transfers[] = {
    {"closed_at", "\"timestamp\""},
    {"ledger_sequence", NULL},
    {"event_index", "{event_index}"},
    {"tx_hash", TX_HASH},
    {"event_type", NULL},
    {"from_account", ACCOUNT("source_account")},
    {"to_account", ACCOUNT("dest_account")},
    {"asset", "CASE  WHEN ((asset_issuer IS NOT NULL)) THEN (((asset_code || ':') || "
              "asset_issuer)) WHEN ((asset_code IS NOT NULL)) THEN ('native') ELSE "
              "{contract_address} END"},
    {"amount", "CASE  WHEN (((asset_code IS NOT NULL) AND regexp_full_match(amount, "
               "'-?[0-9]+'))) THEN ((TRY_CAST(TRY_CAST(amount AS \"HUGEINT\") AS DECIMAL(31, 0)) * "
               "CAST('0.0000001' AS DECIMAL(7, 7)))) ELSE NULL END"},
    {"raw_amount", "amount"},
    {"memo", NULL},
    {"memo_type", "{memo_type}"},
    {"contract_address", "{contract_address}"},
};

/* SEP-35: ledger << 32 | transaction << 12 | operation; NULL where that has no room for one. */
#define TOID_HAS_ROOM "(ledger_sequence < 2147483648) AND ({transaction_index} < 1048576)"
#define TOID_OF_TRANSACTION                                                                        \
    "((CAST(ledger_sequence AS BIGINT) * 4294967296) + (CAST({transaction_index} AS BIGINT) * "    \
    "4096))"
#define ISSUED(kind) "(('" kind ":' || asset_code) || ':') || asset_issuer)"

/* The table of that name in the ecosystem's lakes (withObsrvr/stellar-extract), its names and order
 * and types, but for ledger_sequence (INTEGER there) and closed_at (TIMESTAMP there). */
static const struct view_column token_transfers_stream[] = {
    {"ledger_sequence", NULL},
    {"transaction_hash", TX_HASH},
    {"transaction_id",
     "CASE  WHEN ((" TOID_HAS_ROOM ")) THEN (" TOID_OF_TRANSACTION ") ELSE NULL END"},
    {"operation_id",
     "CASE  WHEN ((" TOID_HAS_ROOM " AND ({operation_index} < 4096))) THEN "
     "((" TOID_OF_TRANSACTION " + CAST({operation_index} AS BIGINT))) ELSE NULL END"},
    {"operation_index", "TRY_CAST({operation_index} AS INTEGER)"},
    {"event_type", NULL},
    {"\"from\"", ACCOUNT("source_account")},
    {"\"to\"", ACCOUNT("dest_account")},
    {"asset", "CASE  WHEN ((asset_code IS NULL)) THEN ('unknown') WHEN ((asset_issuer IS NULL)) "
              "THEN ('native') WHEN ((strlen(asset_code) > 4)) THEN "
              "((" ISSUED("credit_alphanum12") ") ELSE (" ISSUED("credit_alphanum4") " END"},
    {"asset_type", "CASE  WHEN ((asset_code IS NULL)) THEN ('unknown') WHEN ((asset_issuer IS "
                   "NULL)) THEN ('native') WHEN ((strlen(asset_code) > 4)) THEN "
                   "('credit_alphanum12') ELSE 'credit_alphanum4' END"},
    {"asset_code", "CASE  WHEN ((asset_issuer IS NOT NULL)) THEN (asset_code) ELSE NULL END"},
    {"asset_issuer", NULL},
    {"amount", "(TRY_CAST(amount AS \"DOUBLE\") * CAST('0.0000001' AS \"DOUBLE\"))"},
    {"amount_raw", "amount"},
    {"contract_id", "{contract_address}"},
    {"closed_at", "\"timestamp\""},
    {"created_at", "CAST(NULL AS TIMESTAMP)"},
    {"ledger_range", "TRY_CAST(((ledger_sequence // 10000) * 10000) AS INTEGER)"},
    {"era_id", "CAST(NULL AS VARCHAR)"},
    {"version_label", "CAST(NULL AS VARCHAR)"},
};

#define COLUMNS(columns) sizeof(columns) / sizeof *(columns), columns
const struct view_text view_texts[CATALOG_VIEW_COUNT] = {
    {"transfers", COLUMNS(transfers)},
    {"token_transfers_stream_v1", COLUMNS(token_transfers_stream)},
};

/* The columns in braces, with the types that they have where they are there. */
static const struct {
    const char *name, *type;
} later_columns[] = {{"transaction_index", "\"UINTEGER\""},
                     {"operation_index", "\"UINTEGER\""},
                     {"contract_address", "VARCHAR"},
                     {"event_index", "\"UINTEGER\""},
                     {"memo_type", "VARCHAR"}};

static bool has_column(const struct catalog_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return true;
    return false;
}

static enum error_code append_later_column(struct buffer *out, const struct catalog_table *table,
                                           struct bytes_view name)
{
    for (size_t i = 0; i < sizeof later_columns / sizeof *later_columns; i++) {
        const char *column = later_columns[i].name;
        if (!bytes_equal(bytes_view_text(column), name))
            continue;
        if (has_column(table, column))
            return buffer_append_text(out, column);
        return buffer_append_format(out, "CAST(NULL AS %s)", later_columns[i].type);
    }
    assert(!"a view's expression names a column that later_columns lacks");
    return OK;
}

static enum error_code append_expression(struct buffer *out, const struct catalog_table *table,
                                         const char *expression)
{
    enum error_code code = OK;
    const char *at = expression;
    while (code == OK && *at != '\0') {
        size_t size_bytes = strcspn(at, "{");
        code = buffer_append(out, at, size_bytes);
        at += size_bytes;
        if (code != OK || *at == '\0')
            break;
        size_bytes = strcspn(++at, "}");
        code = append_later_column(out, table, bytes_view_of(at, size_bytes));
        at += size_bytes + 1;
    }
    return code;
}

enum error_code view_text_make(const struct view_text *view, const struct catalog_table *table,
                               struct buffer *out, struct error *error)
{
    buffer_reset(out);
    enum error_code code = buffer_append_text(out, "SELECT ");
    for (size_t i = 0; code == OK && i < view->column_count; i++) {
        const struct view_column *column = &view->columns[i];
        if (i > 0)
            code = buffer_append_text(out, ", ");
        if (code == OK && column->expression != NULL)
            code = append_expression(out, table, column->expression);
        if (code == OK)
            code = buffer_append_format(out, "%s%s", column->expression == NULL ? "" : " AS ",
                                        column->name);
    }
    if (code == OK)
        code = buffer_append_text(out, " FROM " DUCKLAKE_SCHEMA_NAME "." DUCKLAKE_TABLE_NAME);
    if (code == OK)
        code = buffer_append_byte(out, '\0');
    return code == OK ? OK : error_no_memory(error, "the text of a view");
}
