// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_VERIFY_H
#define TTP_PARQUET_VERIFY_H

/* Checks a finished file as its reader would: what read-back and `verify` rest on. */

#include <stdint.h>

#include "parquet/metadata.h"

enum parquet_verify_level {
    PARQUET_VERIFY_OFF,
    PARQUET_VERIFY_FOOTER, /* magic, footer, row counts, offsets inside the file and in order */
    PARQUET_VERIFY_PAGES,  /* and every page's header and CRC, indexes and bloom filters */
    PARQUET_VERIFY_VALUES  /* and every value decoded; statistics and indexes hold for them */
};

bool parquet_verify_level_parse(const char *name, enum parquet_verify_level *level) MUST_CHECK;
const char *parquet_verify_level_name(enum parquet_verify_level level);

/* ERR_CORRUPT with what is wrong and where (file offset, row group, column, page).
 * expected_rows -1: any number. */
enum error_code parquet_verify(const struct parquet_source *source, enum parquet_verify_level level,
                               int64_t expected_rows, struct error *error) MUST_CHECK;

#endif
