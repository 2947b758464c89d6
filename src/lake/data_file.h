// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_DATA_FILE_H
#define TTP_LAKE_DATA_FILE_H

/* A data file of a lake at rest, open for reading. */

#include "store/store.h"
#include "walk/file_rows.h"

struct lake_data_file {
    struct store store; /* the lake it is of */
    struct store_file file;
    struct parquet_source source; /* points into this struct: don't move it */
};

/* Whether a file that somebody registered lies where this program can't read, such as s3://…. */
bool lake_data_file_is_remote(const char *path);

/* `path` as the catalog has it: below `root`, or absolute. ERR_NOT_FOUND if it is not there.
 * Release in every case. */
enum error_code lake_data_file_open(struct lake_data_file *data_file, const char *root,
                                    const char *path, struct error *error) MUST_CHECK;
/* The same for a file by its own path, or an object by its URL, in a lake or not. */
enum error_code lake_data_file_open_path(struct lake_data_file *data_file, const char *path,
                                         struct error *error) MUST_CHECK;
void lake_data_file_release(struct lake_data_file *data_file);

/* What a walk gathers of the rows of a file that was checked already: reads the columns that are
 * wanted, nothing more. Errors as those of lake_data_file_open and parquet_walk_run. */
enum error_code lake_data_file_rows(const char *root, const char *path,
                                    const struct file_rows_wish *wish, struct file_rows *rows,
                                    struct error *error) MUST_CHECK;

#endif
