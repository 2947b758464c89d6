// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_STORED_BATCHES_H
#define TTP_WALK_STORED_BATCHES_H

/*
 * The rows of a data file as Arrow record batches, such as a parquet writer takes: what a file's
 * rows need to be written anew. Values stay indices where the file has them so, into a list of
 * those of the row group's dictionary (arrow/dictionary.h): no row is looked up. It takes the
 * memory of a page and two dictionaries a column. One thread at a time.
 */

#include "arrow/abi.h"
#include "parquet/reader.h"
#include "rows/schema.h"

struct stored_batches;

/* `schema`: of the rows, static. ERR_NO_MEMORY. */
enum error_code stored_batches_new(struct stored_batches **out, const struct row_schema *schema,
                                   struct error *error) MUST_CHECK;
void stored_batches_free(struct stored_batches *batches); /* NULL is fine */

/* Starts a row group; source and metadata are borrowed while it is open. ERR_CORRUPT if the file
 * has not all columns of the schema, or one whose values are none of it. */
enum error_code stored_batches_open(struct stored_batches *batches,
                                    const struct parquet_source *source,
                                    const struct parquet_file_metadata *metadata, size_t row_group,
                                    struct error *error) MUST_CHECK;

/* Rows of the row group from `first_row` on, which is not below the end of the batch before: at
 * least one, at most max_rows, as many as stand in one page of each column. The struct array, with
 * children of row_schema_export(schema, true)'s formats, or indices into lists of such, lives until
 * the next call. ERR_CORRUPT, the
 * source's errors. */
enum error_code stored_batches_read(struct stored_batches *batches, int64_t first_row,
                                    int64_t max_rows, const struct ArrowArray **rows,
                                    struct error *error) MUST_CHECK;

#endif
