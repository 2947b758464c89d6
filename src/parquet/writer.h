// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_WRITER_H
#define TTP_PARQUET_WRITER_H

/*
 * Writes one Parquet file: an engine, Arrow record batches in, bytes out, no I/O and no threads of
 * its own (github.com/apache/parquet-format: README, Encodings.md, PageIndex.md, BloomFilter.md).
 *
 *   append* → close_row_group: begin, run each column task (on any threads), drain → … → finish
 *
 * One thread owns the writer; between row_group_begin and row_group_drain the column tasks may run
 * in parallel, each once, each touching its own column only. After a failure only release is legal.
 */

#include <stdbool.h>
#include <stdint.h>

#include "arrow/abi.h"
#include "parquet/writer_options.h"
#include "util/buffer.h"
#include "util/error.h"

/* Statistics of a column over the whole file, for catalogs. Bounds are raw values: little-endian
 * integers as stored, decimals as 16-byte big-endian two's complement, texts and binaries as they
 * are. They may be truncated where is_exact is false (max then rounded up). */
struct parquet_column_statistics {
    int64_t value_count; /* not null */
    int64_t null_count;
    int64_t compressed_bytes;
    bool has_bounds;
    struct bytes_view min_value; /* valid until the writer is released */
    struct bytes_view max_value;
    bool min_is_exact, max_is_exact;
};

struct parquet_writer;

/* `schema`: a struct ("+s") of the supported formats: "tsu:UTC", "I", "w:N", "u", "d:38,0" and
 * dictionary-encoded "i" of "u", "w:N" or "d:38,0"; borrowed during the call. ERR_INVALID,
 * ERR_NO_MEMORY. */
enum error_code parquet_writer_new(struct parquet_writer **out, const struct ArrowSchema *schema,
                                   const struct parquet_column_options *columns,
                                   const struct parquet_writer_options *options,
                                   struct error *error) MUST_CHECK;
void parquet_writer_free(struct parquet_writer *writer);

/* Takes rows [first_row, first_row + row_count) of a struct array into the open row group; never
 * more than fit it: *taken tells how many. The array is borrowed during the call. A column may be
 * dictionary-encoded in one batch and plain in the next, and one of any format may come as indices
 * into a list of its values (arrow/dictionary.h). */
enum error_code parquet_writer_append(struct parquet_writer *writer, const struct ArrowArray *batch,
                                      int64_t first_row, int64_t row_count, int64_t *taken,
                                      struct error *error) MUST_CHECK;

int64_t parquet_writer_open_rows(const struct parquet_writer *writer); /* in the open row group */
bool parquet_writer_row_group_is_full(const struct parquet_writer *writer);
/* What the open row group would take in the file if it closed now: an estimate. */
uint64_t parquet_writer_open_bytes_estimate(const struct parquet_writer *writer);
size_t parquet_writer_memory_bytes(const struct parquet_writer *writer);
/* Memory that closing the open row group would take beside that: an estimate. */
uint64_t parquet_writer_closing_bytes(const struct parquet_writer *writer);

/* Closes the open row group (at least one row). *task_count column tasks are then to be run. */
enum error_code parquet_writer_row_group_begin(struct parquet_writer *writer, size_t *task_count,
                                               struct error *error) MUST_CHECK;
/* Encodes and compresses one column chunk; tasks of different indices may run at the same time. */
enum error_code parquet_writer_run_task(struct parquet_writer *writer, size_t task_index,
                                        struct error *error) MUST_CHECK;
/* Hands out the finished column chunks, in file order (with the magic before the first), and their
 * Bloom filters, piece by piece: gathered in memory they would double what a row group takes while
 * it is closed. A failure of `write` is given back. */
typedef enum error_code (*parquet_write_function)(void *context, struct bytes_view bytes,
                                                  struct error *error);
enum error_code parquet_writer_row_group_drain(struct parquet_writer *writer,
                                               parquet_write_function write, void *context,
                                               struct error *error) MUST_CHECK;

/* Appends page index, footer and magic. No row group may be open. `metadata` is
 * copied into the footer. *footer_size_bytes: the 4-byte length before the final magic. */
enum error_code parquet_writer_finish(struct parquet_writer *writer,
                                      const struct parquet_key_value *metadata,
                                      size_t metadata_count, struct buffer *out,
                                      uint32_t *footer_size_bytes, struct error *error) MUST_CHECK;

int64_t parquet_writer_row_count(const struct parquet_writer *writer); /* closed row groups */
/* After finish. */
void parquet_writer_column_statistics(const struct parquet_writer *writer, size_t column,
                                      struct parquet_column_statistics *out);

#endif
