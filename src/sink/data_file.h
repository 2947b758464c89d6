// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_DATA_FILE_H
#define TTP_SINK_DATA_FILE_H

/* One Parquet file of the open commit: a writer, its staged file, and what the catalog will be told
 * about it. One thread; column tasks run on the pool's. */

#include "parquet/verify_level.h"
#include "parquet/writer.h"
#include "rows/batch.h"
#include "rows/schema.h"
#include "sink/encode_pool.h"
#include "sink/rotation.h"
#include "store/staged_file.h"

/* What all data files of a sink share; borrowed. */
struct data_file_setup {
    const struct store *store;
    const struct row_schema *schema;
    const struct parquet_writer_options *options;
    struct encode_pool *pool;
    struct obstacle *obstacle;
    struct size_estimate *estimate;
    enum parquet_verify_level verify;
    void (*on_duration)(void *context, const char *operation, int64_t duration_us); /* or NULL */
    void *duration_context;
};

struct data_file {
    struct partition_key key;
    int64_t first_close_us; /* close time of its first ledger */
    int64_t row_count;      /* all, also those of the open row group */
    uint32_t footer_size_bytes;
    struct staged_file staged;
    struct parquet_writer *writer; /* NULL: there is no file */
    struct buffer encoded;         /* small pieces on their way to the file */
    bool leaves_epoch; /* a row group was closed while the dictionaries of its rows go on */
};

void data_file_init(struct data_file *file);
enum error_code data_file_create(struct data_file *file, const struct data_file_setup *setup,
                                 const char *name, const struct partition_rows *rows,
                                 struct error *error) MUST_CHECK;
/* Takes all rows, closing row groups that are full, and one whose dictionaries come to an end. */
enum error_code data_file_append(struct data_file *file, const struct data_file_setup *setup,
                                 const struct partition_rows *rows, struct error *error) MUST_CHECK;
/* Encodes and writes the open row group; nothing if it has no rows. */
enum error_code data_file_close_row_group(struct data_file *file,
                                          const struct data_file_setup *setup,
                                          struct error *error) MUST_CHECK;
/* Footer, sync and read-back: the file is complete. */
enum error_code data_file_finish(struct data_file *file, const struct data_file_setup *setup,
                                 const struct parquet_key_value *metadata, size_t metadata_count,
                                 struct error *error) MUST_CHECK;
void data_file_release(struct data_file *file); /* the staged file stays */
void data_file_discard(struct data_file *file); /* and is deleted */

#endif
