// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_SOURCE_H
#define TTP_PARQUET_SOURCE_H

/* Where the reader gets its bytes: the room does no I/O itself. */

#include <stdint.h>

#include "util/bytes.h"
#include "util/error.h"

struct parquet_source {
    uint64_t size_bytes;
    const char *name; /* for messages: the path */
    void *context;
    /* Reads exactly size_bytes at offset into data; the caller has checked them against the size.
     */
    enum error_code (*read)(void *context, uint64_t offset, void *data, size_t size_bytes,
                            struct error *error);
};

#endif
