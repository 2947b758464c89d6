// SPDX-License-Identifier: Apache-2.0
#include "rows/schema.h"

#include <stdio.h>
#include <string.h>

#include "arrow/schema.h"

#define TIMESTAMP(column_id, column_name)                                                          \
    {                                                                                              \
        .id = (column_id), .name = (column_name), .arrow_format = "tsu:UTC",                       \
        .ducklake_type = "timestamptz"                                                             \
    }
#define UINT32(column_id, column_name, is_nullable)                                                \
    {                                                                                              \
        .id = (column_id), .name = (column_name), .arrow_format = "I", .ducklake_type = "uint32",  \
        .nullable = (is_nullable)                                                                  \
    }
#define TEXT(column_id, column_name, is_nullable)                                                  \
    {                                                                                              \
        .id = (column_id), .name = (column_name), .arrow_format = "u", .ducklake_type = "varchar", \
        .nullable = (is_nullable)                                                                  \
    }

/* The columns of 1.0.0; the accounts became optional in 1.1.0. Columns that a later version adds
 * are optional even where every row has a value: readers that take one file's schema for a folder
 * of both versions would otherwise read zeros, or refuse, where older files lack the column. */
#define PLANNED_COLUMNS(accounts_nullable)                                                         \
    TIMESTAMP(COLUMN_TIMESTAMP, "timestamp"),                                                      \
        UINT32(COLUMN_LEDGER_SEQUENCE, "ledger_sequence", false),                                  \
        {.id = COLUMN_TRANSACTION_HASH,                                                            \
         .name = "transaction_hash",                                                               \
         .arrow_format = "w:32",                                                                   \
         .ducklake_type = "blob"},                                                                 \
        TEXT(COLUMN_EVENT_TYPE, "event_type", false),                                              \
        TEXT(COLUMN_SOURCE_ACCOUNT, "source_account", accounts_nullable),                          \
        TEXT(COLUMN_DEST_ACCOUNT, "dest_account", accounts_nullable),                              \
        TEXT(COLUMN_ASSET_CODE, "asset_code", true),                                               \
        TEXT(COLUMN_ASSET_ISSUER, "asset_issuer", true), TEXT(COLUMN_AMOUNT, "amount", false),     \
        TEXT(COLUMN_MEMO, "memo", true)

const struct row_schema row_schemas[] = {
    {.version = "1.0.0", .rank = 0, .column_count = 10, .columns = {PLANNED_COLUMNS(false)}},
    {.version = "1.1.0",
     .rank = 1,
     .column_count = 16,
     .columns = {PLANNED_COLUMNS(true),
                 UINT32(COLUMN_TRANSACTION_INDEX, "transaction_index", true),
                 UINT32(COLUMN_OPERATION_INDEX, "operation_index", true),
                 TEXT(COLUMN_CONTRACT_ADDRESS, "contract_address", true),
                 UINT32(COLUMN_EVENT_INDEX, "event_index", true),
                 TEXT(COLUMN_MEMO_TYPE, "memo_type", true),
                 {.id = COLUMN_AMOUNT_DECIMAL,
                  .name = "amount_decimal",
                  .arrow_format = "d:38,0",
                  .ducklake_type = "decimal(38,0)",
                  .nullable = true}}},
};
const size_t row_schema_count = sizeof row_schemas / sizeof row_schemas[0];

const struct row_schema *row_schema_find(const char *version)
{
    for (size_t i = 0; i < row_schema_count; i++)
        if (strcmp(row_schemas[i].version, version) == 0)
            return &row_schemas[i];
    return NULL;
}

enum error_code row_schema_parse(const char *version, const struct row_schema **schema,
                                 struct error *error)
{
    char known[128] = "";
    size_t length = 0;
    *schema = row_schema_find(version);
    if (*schema != NULL)
        return OK;
    for (size_t i = 0; i < row_schema_count && length < sizeof known; i++)
        length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                   i == 0 ? "" : ", ", row_schemas[i].version);
    return error_set(error, ERR_INVALID, "--schema-version: there is no version '%s'; there are %s",
                     version, known);
}

bool row_column_is_looked_up(enum row_column_id id)
{
    return id == COLUMN_TRANSACTION_HASH || id == COLUMN_SOURCE_ACCOUNT ||
           id == COLUMN_DEST_ACCOUNT || id == COLUMN_CONTRACT_ADDRESS;
}

static enum error_code export_column(const struct row_column *column, bool dictionaries,
                                     struct ArrowSchema *out)
{
    bool repeats = dictionaries && strcmp(column->arrow_format, "u") == 0;
    if (arrow_schema_make(out, repeats ? "i" : column->arrow_format, column->name, column->nullable,
                          column->id, 0) != OK)
        return ERR_NO_MEMORY;
    return repeats ? arrow_schema_make_dictionary(out, column->arrow_format) : OK;
}

enum error_code row_schema_export(const struct row_schema *schema, bool dictionaries,
                                  struct ArrowSchema *out)
{
    struct ArrowSchema made;
    if (arrow_schema_make(&made, "+s", "", false, 0, schema->column_count) != OK)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < schema->column_count; i++) {
        if (export_column(&schema->columns[i], dictionaries, made.children[i]) != OK) {
            arrow_schema_release(&made);
            return ERR_NO_MEMORY;
        }
    }
    *out = made;
    return OK;
}
