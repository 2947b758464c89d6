// SPDX-License-Identifier: Apache-2.0
// rooms: parquet
// parsers: parquet/thrift.c parquet/metadata.c
// without: put put_* thrift_write_* thrift_writer_init thrift_begin_* thrift_end_struct open_struct
// without: thrift_element_*
/* Any bytes as a footer: what is accepted lies inside the file and is counted right. */

#include <assert.h>

#include "parquet/metadata.h"
#include "support/input.h"
#include "util/buffer.h"
#include "support/parquet_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_statistics(const struct parquet_statistics_metadata *statistics)
{
    fuzz_touch(statistics->min_value);
    fuzz_touch(statistics->max_value);
    assert(statistics->null_count >= -1);
}

static void check_row_groups(const struct parquet_file_metadata *metadata)
{
    int64_t rows = 0;
    for (size_t g = 0; g < metadata->row_group_count; g++) {
        rows += metadata->row_groups[g].row_count;
        for (size_t c = 0; c < metadata->column_count; c++) {
            const struct parquet_chunk_metadata *chunk = &metadata->row_groups[g].chunks[c];
            assert(chunk->offset + chunk->compressed_bytes <= metadata->footer_offset);
            assert(chunk->value_count == metadata->row_groups[g].row_count);
            check_statistics(&chunk->statistics);
            fuzz_touch(bytes_view_text(parquet_compression_name(chunk->codec)));
        }
    }
    assert(rows == metadata->row_count);
}

static void check(const struct parquet_file_metadata *metadata)
{
    fuzz_touch(bytes_view_text(metadata->created_by));
    for (size_t i = 0; i < metadata->key_value_count; i++) {
        fuzz_touch(bytes_view_text(metadata->key_values[i].value));
        assert(parquet_metadata_find(metadata, metadata->key_values[i].key) != NULL);
    }
    for (size_t i = 0; i < metadata->column_count; i++) {
        const struct parquet_column_metadata *column = &metadata->columns[i];
        assert(parquet_metadata_column(metadata, column->name) >= 0);
        fuzz_touch(bytes_view_text(parquet_type_name(column->type)));
    }
    for (int encoding = -1; encoding <= PARQUET_ENCODING_COUNT; encoding++)
        fuzz_touch(bytes_view_text(parquet_encoding_name((enum parquet_encoding)encoding)));
    assert(parquet_metadata_column(metadata, "\x01 no column") <= (int)metadata->column_count);
    (void)parquet_metadata_find(metadata, "\x01 no key");
    check_row_groups(metadata);
}

static void read_footer(struct bytes_view bytes)
{
    struct parquet_source source = parquet_source_of_bytes(&bytes, "input");
    struct parquet_file_metadata metadata;
    struct error error;
    error_clear(&error);
    enum error_code code = parquet_metadata_read(&source, &metadata, &error);
    if (code != OK) {
        assert(code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT);
        assert(error.message[0] != '\0');
        return;
    }
    check(&metadata);
    parquet_metadata_release(&metadata);
}

/* As the end of a file with room for what it describes; bytes that end in the magic are the file.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 4 && memcmp(data + size - 4, PARQUET_MAGIC, 4) == 0) {
        read_footer(bytes_view_of(data, size));
        return 0;
    }
    struct buffer file;
    uint32_t footer_bytes = (uint32_t)size;
    buffer_init(&file);
    if (buffer_append(&file, PARQUET_MAGIC, 4) == OK && buffer_append_zeros(&file, 4096) == OK &&
        buffer_append(&file, data, size) == OK && buffer_append(&file, &footer_bytes, 4) == OK &&
        buffer_append(&file, PARQUET_MAGIC, 4) == OK)
        read_footer(buffer_view(&file));
    buffer_release(&file);
    return 0;
}
