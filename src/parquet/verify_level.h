// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_VERIFY_LEVEL_H
#define TTP_PARQUET_VERIFY_LEVEL_H

/* How much of a file is checked. */

#include <stdbool.h>

#include "util/error.h"

enum parquet_verify_level {
    PARQUET_VERIFY_OFF,
    PARQUET_VERIFY_FOOTER, /* magic, footer, row counts, offsets inside the file and in order */
    PARQUET_VERIFY_PAGES,  /* and every page's header and CRC, indexes and bloom filters */
    PARQUET_VERIFY_VALUES  /* and every value decoded; statistics and indexes hold for them */
};

bool parquet_verify_level_parse(const char *name, enum parquet_verify_level *level) MUST_CHECK;
const char *parquet_verify_level_name(enum parquet_verify_level level);

#endif
