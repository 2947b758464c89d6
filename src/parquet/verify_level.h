// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_VERIFY_LEVEL_H
#define TTP_PARQUET_VERIFY_LEVEL_H

/* How much of a file is checked. */

enum parquet_verify_level {
    PARQUET_VERIFY_OFF,
    PARQUET_VERIFY_FOOTER, /* magic, footer, row counts, offsets inside the file and in order */
    PARQUET_VERIFY_PAGES,  /* and every page's header and CRC, indexes and bloom filters */
    PARQUET_VERIFY_VALUES  /* and every value decoded; statistics and indexes hold for them */
};

#endif
