// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_VERIFY_VALUES_H
#define TTP_PARQUET_VERIFY_VALUES_H

/* The deep half of parquet_verify: decodes every value and holds statistics, column index and Bloom
 * filter against it. */

#include "parquet/metadata.h"

/* Where a check is: for messages. */
struct verify_place {
    const struct parquet_source *source;
    const struct parquet_file_metadata *metadata;
    size_t row_group;
    size_t column;
};

/* ERR_CORRUPT with file, row group, column and byte in front of the text. */
enum error_code verify_fail(const struct verify_place *place, uint64_t offset, struct error *error,
                            const char *format, ...) PRINTF_LIKE(4, 5);
/* The same in front of a message that is there. Returns its code. */
enum error_code verify_prefix(const struct verify_place *place, uint64_t offset,
                              enum error_code code, struct error *error);

enum error_code verify_values(const struct parquet_source *source,
                              const struct parquet_file_metadata *metadata,
                              struct error *error) MUST_CHECK;

#endif
