// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_VERIFY_H
#define TTP_WALK_VERIFY_H

/* Checks a finished file as its reader would: what read-back and `verify` rest on. */

#include "parquet/source.h"
#include "parquet/verify_level.h"

/* ERR_CORRUPT with what is wrong and where (file offset, row group, column, page).
 * expected_rows -1: any number. */
enum error_code parquet_verify(const struct parquet_source *source, enum parquet_verify_level level,
                               int64_t expected_rows, struct error *error) MUST_CHECK;

#endif
