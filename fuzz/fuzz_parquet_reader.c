// SPDX-License-Identifier: Apache-2.0
// rooms: parquet walk
// parsers: walk/verify.c walk/verify_values.c parquet/reader.c parquet/source.c
/* Any bytes as a Parquet file: verified at every level, every value read. Bytes without the magic
 * at their end get a footer of their whole length around them, so that the footer's parser is
 * reached by small inputs. */
#include <stddef.h>
#include <stdint.h>

#include "parquet/reader.h"
#include "walk/verify.h"
#include "util/buffer.h"
#include "support/parquet_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_values(const struct parquet_source *source)
{
    struct parquet_file_metadata metadata;
    struct error error;
    if (parquet_metadata_read(source, &metadata, &error) != OK)
        return;
    struct parquet_column_reader *reader;
    enum error_code made = parquet_column_reader_new(&reader, &error);
    for (size_t g = 0; made == OK && g < metadata.row_group_count; g++) {
        for (size_t c = 0; c < metadata.column_count; c++) {
            struct parquet_page_values page;
            enum error_code code =
                parquet_column_reader_open(reader, source, &metadata, g, c, &error);
            while (code == OK)
                code = parquet_column_reader_next(reader, &page, &error);
        }
    }
    parquet_column_reader_free(reader);
    parquet_metadata_release(&metadata);
}

static void read_file(struct bytes_view bytes)
{
    struct error error;
    struct parquet_source source = parquet_source_of_bytes(&bytes, "input");
    for (int level = PARQUET_VERIFY_FOOTER; level <= PARQUET_VERIFY_VALUES; level++)
        (void)!parquet_verify(&source, (enum parquet_verify_level)level, -1, &error);
    read_values(&source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 4 && memcmp(data + size - 4, "PAR1", 4) == 0) {
        read_file(bytes_view_of(data, size));
        return 0;
    }
    struct buffer file;
    uint32_t footer_bytes = (uint32_t)size;
    buffer_init(&file);
    if (buffer_append(&file, "PAR1", 4) == OK && buffer_append(&file, data, size) == OK &&
        buffer_append(&file, &footer_bytes, 4) == OK && buffer_append(&file, "PAR1", 4) == OK)
        read_file(buffer_view(&file));
    buffer_release(&file);
    return 0;
}
