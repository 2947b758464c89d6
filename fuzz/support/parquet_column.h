// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_PARQUET_COLUMN_H
#define TTP_FUZZ_PARQUET_COLUMN_H

#include "parquet/metadata.h"

/* A column as a footer could describe it: `type` and the width of fixed-length values may be any
 * number. */
static inline struct parquet_column_metadata fuzz_parquet_column(uint8_t type, uint8_t width,
                                                                 bool nullable)
{
    static const uint32_t widths[] = {
        [PARQUET_INT32] = 4, [PARQUET_INT64] = 8,  [PARQUET_INT96] = 12,
        [PARQUET_FLOAT] = 4, [PARQUET_DOUBLE] = 8, [PARQUET_FIXED_LEN_BYTE_ARRAY] = 0};
    struct parquet_column_metadata column = {
        .name = "c", .type = (enum parquet_type)(type % 8), .nullable = nullable};
    column.value.width_bytes = column.type == PARQUET_FIXED_LEN_BYTE_ARRAY
                                   ? (uint32_t)width % 32 + 1
                                   : widths[column.type];
    column.value.kind = column.value.width_bytes == 0 ? VALUE_TEXT : VALUE_FIXED;
    return column;
}

#endif
