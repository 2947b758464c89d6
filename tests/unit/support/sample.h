// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TEST_PARQUET_SAMPLE_H
#define TTP_TEST_PARQUET_SAMPLE_H

/* Record batches with a column of each kind, the files made of them, and a reader's view of them.
 */

#include <stdint.h>

#include "arrow/abi.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

enum sample_column {
    SAMPLE_TIME,    /* rises, long runs, required */
    SAMPLE_LEDGER,  /* rises, long runs, required */
    SAMPLE_HASH,    /* 32 random bytes, required */
    SAMPLE_ACCOUNT, /* 56 characters, some null */
    SAMPLE_AMOUNT,  /* digits, required */
    SAMPLE_MEMO,    /* empty, short, long and null */
    SAMPLE_INDEX,   /* 0, 1, 2 …, required */
    SAMPLE_NUMBER,  /* any 32 bits, some null */
    SAMPLE_DECIMAL, /* any 38 digits, some null */
    SAMPLE_NOTHING, /* text, always null */
    SAMPLE_COLUMN_COUNT
};

struct sample_options {
    int64_t row_count;
    uint64_t seed;
    bool dictionaries; /* texts and hashes are dictionary-encoded */
    bool says_new;     /* and their arrays say that values from first_new on are new */
    uint32_t first_new;
    bool distinct_hashes;   /* no hash occurs twice */
    uint32_t account_count; /* distinct; 0: 100 */
    struct parquet_writer_options writer;
    int64_t batch_rows;  /* rows handed over at a time; 0: all */
    uint64_t fail_after; /* the writer's allocation that fails, and all after it; 0: none */
};

struct sample_options sample_defaults(int64_t row_count);

extern const struct parquet_column_options sample_columns[SAMPLE_COLUMN_COUNT];

/* The schema; the caller releases it. */
void sample_schema(bool dictionaries, struct ArrowSchema *out);

/* The batch; the caller releases it. Deterministic in the options. */
void sample_batch(const struct sample_options *options, struct ArrowArray *out);

/* Writes a batch into a file. The writer's errors are given back, everything else is asserted. */
enum error_code sample_write(const struct sample_options *options, const struct ArrowArray *batch,
                             struct buffer *file, struct error *error);

/* Both of them; any error fails the test. */
void sample_file(const struct sample_options *options, struct buffer *file);

/* The value that row `row` of a plain batch's column has, as Parquet stores it; *is_null instead.
 * The view lives as long as the batch, decimals until the next call. */
struct bytes_view sample_value(const struct ArrowArray *batch, enum sample_column column,
                               int64_t row, bool *is_null);

/* Reads the whole file and fails the test unless it holds the plain batch's rows. */
void sample_assert_file_equals(const struct buffer *file, const struct ArrowArray *batch);

#endif
