// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_SUPPORT_PARQUET_BYTES_H
#define TTP_TESTS_SUPPORT_PARQUET_BYTES_H

/* Files that are read from memory and written to it. */

#include <assert.h>
#include <string.h>

#include "parquet/source.h"
#include "parquet/writer.h"

static inline enum error_code parquet_bytes_read(void *context, uint64_t offset, void *data,
                                                 size_t size_bytes, struct error *error)
{
    (void)error;
    const struct bytes_view *bytes = context;
    assert(offset <= bytes->size_bytes && size_bytes <= bytes->size_bytes - offset);
    if (size_bytes != 0)
        memcpy(data, bytes->data + offset, size_bytes);
    return OK;
}

/* A source over bytes in memory; borrows `bytes` (a struct that outlives the source). */
static inline struct parquet_source parquet_source_of_bytes(const struct bytes_view *bytes,
                                                            const char *name)
{
    return (struct parquet_source){
        .size_bytes = bytes->size_bytes,
        .name = name,
        .context = (void *)(uintptr_t)bytes,
        .read = parquet_bytes_read,
    };
}

static inline enum error_code parquet_bytes_append(void *context, struct bytes_view bytes,
                                                   struct error *error)
{
    if (buffer_append(context, bytes.data, bytes.size_bytes) != OK)
        return error_no_memory(error, "a row group");
    return OK;
}

/* parquet_writer_row_group_drain into a buffer. */
static inline enum error_code parquet_writer_row_group_finish(struct parquet_writer *writer,
                                                              struct buffer *out,
                                                              struct error *error)
{
    return parquet_writer_row_group_drain(writer, parquet_bytes_append, out, error);
}

#endif
