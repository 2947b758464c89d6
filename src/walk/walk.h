// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_WALK_WALK_H
#define TTP_WALK_WALK_H

/*
 * One pass over the bytes of a finished file that checks it and hands on what whoever asks wants to
 * know of it: the footer, values of some columns, the checksum. It takes the memory of a page and
 * its values, the footer, and a few megabytes of indexes and Bloom filters, never a row group.
 *
 *   code = parquet_walk_begin(&walk, source, true, &error);      walk.metadata can be read now
 *   if (code == OK)
 *       code = parquet_walk_run(&walk, PARQUET_VERIFY_PAGES, -1, &visitor, &error);
 *   if (code == OK)
 *       code = parquet_walk_checksum(&walk, &checksum, &error);
 *   parquet_walk_end(&walk);
 *
 * One thread at a time. After an error only parquet_walk_end may be called, and metadata that were
 * read can be looked at until then.
 */

#include "parquet/reader.h"
#include "parquet/verify_level.h"

/* Somebody who wants values of the file. */
struct parquet_visitor {
    void *context;
    /* Asked where a column chunk begins: the first row of its row group from which on values are
     * wanted, -1 for none. Chunks come by row group, then by column. */
    int64_t (*wants)(void *context, size_t row_group, size_t column);
    /* The pages of a chunk that have such rows, ascending. An error ends the walk with it. */
    enum error_code (*see)(void *context, size_t row_group, size_t column,
                           const struct parquet_page_values *page, struct error *error);
};

struct parquet_walk {
    const struct parquet_source *source; /* borrowed */
    struct parquet_file_metadata metadata;
    bool has_metadata, with_checksum;
    /* Of a column of the first row group the first page carries no checksum; known after a run that
     * looked at pages. DuckDB writes none. */
    bool lacks_checksums;
    struct read_once *once;
};

/* Reads the footer; errors as those of parquet_metadata_read. End it in every case. */
enum error_code parquet_walk_begin(struct parquet_walk *walk, const struct parquet_source *source,
                                   bool with_checksum, struct error *error) MUST_CHECK;
void parquet_walk_end(struct parquet_walk *walk);

/* ERR_CORRUPT with what is wrong and where; `visitor` may be NULL. Below PARQUET_VERIFY_PAGES
 * it reads only chunks that the visitor wants. Once. */
enum error_code parquet_walk_run(struct parquet_walk *walk, enum parquet_verify_level level,
                                 int64_t expected_rows, const struct parquet_visitor *visitor,
                                 struct error *error) MUST_CHECK;

/* XXH64 (seed 0) of the whole file: page CRCs leave headers, indexes and the footer out. Only of a
 * walk that was begun with it, once, and after the run. */
enum error_code parquet_walk_checksum(struct parquet_walk *walk, uint64_t *checksum,
                                      struct error *error) MUST_CHECK;

#endif
