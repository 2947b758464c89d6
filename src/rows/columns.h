// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_COLUMNS_H
#define TTP_ROWS_COLUMNS_H

/* What the table of versions (rows/versions.c) is made of: how a column is written down, and the
 * columns of each version. For tables of versions alone. */

#include "rows/row.h"

#define ROW_COLUMN(column_id, column_name, value_kind, member, arrow, ducklake, is_nullable)       \
    .id = (column_id), .name = (column_name), .kind = (value_kind),                                \
    .at = offsetof(struct row_view, member), .arrow_format = (arrow), .ducklake_type = (ducklake), \
    .nullable = (is_nullable)
#define ROW_UINT32(column_id, column_name, value_kind, member, is_nullable)                        \
    ROW_COLUMN(column_id, column_name, value_kind, member, "I", "uint32", is_nullable)
#define ROW_STRING(column_id, column_name, value_kind, member, is_nullable)                        \
    ROW_COLUMN(column_id, column_name, value_kind, member, "u", "varchar", is_nullable)
#define ROW_ACCOUNT(column_id, column_name, is_nullable)                                           \
    ROW_STRING(COLUMN_##column_id, #column_name, ROW_MAYBE_TEXT, column_name, is_nullable),        \
        .is_looked_up = true

/* The accounts became optional in 1.1.0. */
#define COLUMNS_1_0_0(accounts_nullable)                                                           \
    {ROW_COLUMN(COLUMN_TIMESTAMP, "timestamp", ROW_TIME, timestamp_us, "tsu:UTC", "timestamptz",   \
                false)},                                                                           \
        {ROW_UINT32(COLUMN_LEDGER_SEQUENCE, "ledger_sequence", ROW_NUMBER, ledger_sequence,        \
                    false)},                                                                       \
        {ROW_COLUMN(COLUMN_TRANSACTION_HASH, "transaction_hash", ROW_HASH, transaction_hash,       \
                    "w:32", "blob", false),                                                        \
         .is_looked_up = true},                                                                    \
        {ROW_STRING(COLUMN_EVENT_TYPE, "event_type", ROW_EVENT_TYPE, type, false)},                \
        {ROW_ACCOUNT(SOURCE_ACCOUNT, source_account, accounts_nullable)},                          \
        {ROW_ACCOUNT(DEST_ACCOUNT, dest_account, accounts_nullable)},                              \
        {ROW_STRING(COLUMN_ASSET_CODE, "asset_code", ROW_MAYBE_TEXT, asset_code, true)},           \
        {ROW_STRING(COLUMN_ASSET_ISSUER, "asset_issuer", ROW_MAYBE_TEXT, asset_issuer, true)},     \
        {ROW_STRING(COLUMN_AMOUNT, "amount", ROW_TEXT, amount, false)},                            \
    {                                                                                              \
        ROW_STRING(COLUMN_MEMO, "memo", ROW_MAYBE_TEXT, memo, true)                                \
    }

/* Columns that a later version adds are optional even where every row has a value: readers that
 * take one file's schema for a folder of both versions would otherwise read zeros, or refuse, where
 * older files lack the column. */
#define COLUMNS_1_1_0                                                                              \
    COLUMNS_1_0_0(true),                                                                           \
        {ROW_UINT32(COLUMN_TRANSACTION_INDEX, "transaction_index", ROW_NUMBER, transaction_index,  \
                    true)},                                                                        \
        {ROW_UINT32(COLUMN_OPERATION_INDEX, "operation_index", ROW_MAYBE_NUMBER, operation_index,  \
                    true),                                                                         \
         .present_at = offsetof(struct row_view, has_operation_index)},                            \
        {ROW_STRING(COLUMN_CONTRACT_ADDRESS, "contract_address", ROW_MAYBE_TEXT, contract_address, \
                    true),                                                                         \
         .is_looked_up = true},                                                                    \
        {ROW_UINT32(COLUMN_EVENT_INDEX, "event_index", ROW_NUMBER, event_index, true)},            \
        {ROW_STRING(COLUMN_MEMO_TYPE, "memo_type", ROW_MEMO_KIND, memo_kind, true)},               \
    {                                                                                              \
        ROW_COLUMN(COLUMN_AMOUNT_DECIMAL, "amount_decimal", ROW_MAYBE_DECIMAL, amount_decimal,     \
                   "d:38,0", "decimal(38,0)", true),                                               \
            .present_at = offsetof(struct row_view, has_amount_decimal)                            \
    }

#endif
