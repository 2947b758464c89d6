// SPDX-License-Identifier: Apache-2.0
#include "parquet/page_header.h"

#include <libdeflate.h>

#include "parquet/thrift.h"

uint32_t page_crc(struct bytes_view page)
{
    return libdeflate_crc32(0, page.data, page.size_bytes);
}

enum error_code page_header_write(const struct page_header *header, struct buffer *out)
{
    struct thrift_writer writer;
    thrift_writer_init(&writer, out);
    thrift_write_i32(&writer, 1, header->type);
    thrift_write_i32(&writer, 2, header->uncompressed_bytes);
    thrift_write_i32(&writer, 3, header->compressed_bytes);
    thrift_write_i32(&writer, 4, (int32_t)header->crc);
    if (header->type == PARQUET_DICTIONARY_PAGE) {
        thrift_begin_struct(&writer, 7);
        thrift_write_i32(&writer, 1, header->value_count);
        thrift_write_i32(&writer, 2, PARQUET_PLAIN);
    } else {
        assert(header->type == PARQUET_DATA_PAGE);
        thrift_begin_struct(&writer, 5);
        thrift_write_i32(&writer, 1, header->value_count);
        thrift_write_i32(&writer, 2, header->encoding);
        thrift_write_i32(&writer, 3, PARQUET_RLE);
        thrift_write_i32(&writer, 4, PARQUET_RLE);
    }
    thrift_end_struct(&writer);
    thrift_end_struct(&writer);
    return writer.status;
}

static enum parquet_encoding read_encoding(struct thrift_reader *reader, enum thrift_type type)
{
    int32_t encoding = thrift_read_i32(reader, type);
    if (encoding < 0 || encoding >= PARQUET_ENCODING_COUNT)
        reader->failed = true;
    return (enum parquet_encoding)encoding;
}

static void read_data_page(struct thrift_reader *reader, struct page_header *header)
{
    int16_t field;
    enum thrift_type type;
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: header->value_count = thrift_read_i32(reader, type); break;
        case 2: header->encoding = read_encoding(reader, type); break;
        case 3: header->definition_levels_encoding = read_encoding(reader, type); break;
        default: thrift_skip(reader, type);
        }
    }
}

static void read_data_page_v2(struct thrift_reader *reader, struct page_header *header)
{
    int16_t field;
    enum thrift_type type;
    header->is_compressed = true;
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: header->value_count = thrift_read_i32(reader, type); break;
        case 2: header->null_count = thrift_read_i32(reader, type); break;
        case 3: header->row_count = thrift_read_i32(reader, type); break;
        case 4: header->encoding = read_encoding(reader, type); break;
        case 5: header->definition_levels_bytes = thrift_read_i32(reader, type); break;
        case 6: header->repetition_levels_bytes = thrift_read_i32(reader, type); break;
        case 7: header->is_compressed = thrift_read_bool(reader, type); break;
        default: thrift_skip(reader, type);
        }
    }
}

static void read_dictionary_page(struct thrift_reader *reader, struct page_header *header)
{
    int16_t field;
    enum thrift_type type;
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: header->value_count = thrift_read_i32(reader, type); break;
        case 2: header->encoding = read_encoding(reader, type); break;
        default: thrift_skip(reader, type);
        }
    }
}

static bool is_sound(const struct page_header *header)
{
    return header->uncompressed_bytes >= 0 && header->compressed_bytes >= 0 &&
           header->value_count >= 0 && header->null_count >= 0 && header->row_count >= 0 &&
           header->definition_levels_bytes >= 0 && header->repetition_levels_bytes >= 0;
}

enum error_code page_header_read(struct bytes_view bytes, struct page_header *header,
                                 size_t *header_bytes, struct error *error)
{
    *header = (struct page_header){.definition_levels_encoding = PARQUET_RLE};
    struct thrift_reader reader;
    thrift_reader_init(&reader, bytes);
    int16_t field;
    enum thrift_type type;
    int32_t page_type = -1;
    while (thrift_read_field(&reader, &field, &type)) {
        switch (field) {
        case 1: page_type = thrift_read_i32(&reader, type); break;
        case 2: header->uncompressed_bytes = thrift_read_i32(&reader, type); break;
        case 3: header->compressed_bytes = thrift_read_i32(&reader, type); break;
        case 4:
            header->crc = (uint32_t)thrift_read_i32(&reader, type);
            header->has_crc = true;
            break;
        case 5:
            thrift_open_struct(&reader, type);
            read_data_page(&reader, header);
            break;
        case 7:
            thrift_open_struct(&reader, type);
            read_dictionary_page(&reader, header);
            break;
        case 8:
            thrift_open_struct(&reader, type);
            read_data_page_v2(&reader, header);
            break;
        default: thrift_skip(&reader, type);
        }
    }
    if (reader.failed || page_type < PARQUET_DATA_PAGE || page_type > PARQUET_DATA_PAGE_V2 ||
        !is_sound(header))
        return error_set(error, ERR_CORRUPT, "a page header is damaged");
    header->type = (enum parquet_page_type)page_type;
    *header_bytes = (size_t)(reader.data - bytes.data);
    return OK;
}
