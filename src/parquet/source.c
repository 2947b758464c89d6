// SPDX-License-Identifier: Apache-2.0
#include "parquet/source.h"

#include <assert.h>

static enum error_code read_bytes(void *context, uint64_t offset, void *data, size_t size_bytes,
                                  struct error *error)
{
    (void)error;
    const struct bytes_view *bytes = context;
    assert(offset <= bytes->size_bytes && size_bytes <= bytes->size_bytes - offset);
    if (size_bytes != 0)
        memcpy(data, bytes->data + offset, size_bytes);
    return OK;
}

struct parquet_source parquet_source_of_bytes(const struct bytes_view *bytes, const char *name)
{
    return (struct parquet_source){
        .size_bytes = bytes->size_bytes,
        .name = name,
        .context = (void *)(uintptr_t)bytes,
        .read = read_bytes,
    };
}
