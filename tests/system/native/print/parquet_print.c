// SPDX-License-Identifier: Apache-2.0
/*
 * Prints every value of Parquet files by our own reader, for tests/system/test_conformance.py: a
 * path a line on stdin; on stdout a line a column, {"name", "type", "codec", "encodings",
 * "values"}, and then {"rows": N} or {"error": text}. Integers are printed as signed numbers, all
 * else as hexadecimal text, null as null. Before that the file is verified, statistics and indexes
 * included.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parquet/reader.h"
#include "walk/verify.h"
#include "support/parquet_bytes.h"

#define MAX_PATH_BYTES 4096

static void print_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void print_value(enum parquet_type type, struct bytes_view value)
{
    int32_t narrow;
    int64_t wide;
    if (type == PARQUET_INT32) {
        memcpy(&narrow, value.data, sizeof narrow);
        printf("%" PRId32, narrow);
    } else if (type == PARQUET_INT64) {
        memcpy(&wide, value.data, sizeof wide);
        printf("%" PRId64, wide);
    } else {
        putchar('"');
        for (size_t i = 0; i < value.size_bytes; i++)
            printf("%02x", value.data[i]);
        putchar('"');
    }
}

static void print_page(const struct parquet_page_values *page, enum parquet_type type, bool *first)
{
    uint32_t next = 0;
    for (uint32_t row = 0; row < page->row_count; row++) {
        if (!*first)
            putchar(',');
        *first = false;
        if (page->validity != NULL && page->validity[row] == 0)
            printf("null");
        else
            print_value(type, parquet_page_value(page, next++));
    }
}

static enum error_code print_chunk(struct parquet_column_reader *reader,
                                   const struct parquet_source *source,
                                   const struct parquet_file_metadata *metadata, size_t row_group,
                                   size_t column, uint32_t *encodings, bool *first,
                                   struct error *error)
{
    struct parquet_page_values page;
    enum error_code code =
        parquet_column_reader_open(reader, source, metadata, row_group, column, error);
    if (code != OK)
        return code;
    while ((code = parquet_column_reader_next(reader, &page, error)) == OK) {
        *encodings |= 1u << page.encoding;
        print_page(&page, metadata->columns[column].type, first);
    }
    return code == ERR_NOT_FOUND ? OK : code;
}

static enum error_code print_column(struct parquet_column_reader *reader,
                                    const struct parquet_source *source,
                                    const struct parquet_file_metadata *metadata, size_t column,
                                    struct error *error)
{
    uint32_t encodings = 0;
    bool first = true;
    enum error_code code = OK;
    printf("{\"name\": ");
    print_text(metadata->columns[column].name);
    printf(", \"type\": \"%s\", \"codec\": \"%s\", \"values\": [",
           parquet_type_name(metadata->columns[column].type),
           metadata->row_group_count == 0
               ? ""
               : parquet_compression_name(metadata->row_groups[0].chunks[column].codec));
    for (size_t i = 0; i < metadata->row_group_count && code == OK; i++)
        code = print_chunk(reader, source, metadata, i, column, &encodings, &first, error);
    printf("], \"encodings\": [");
    first = true;
    for (int i = 0; i < PARQUET_ENCODING_COUNT; i++) {
        if ((encodings >> i & 1) == 0)
            continue;
        printf("%s\"%s\"", first ? "" : ", ", parquet_encoding_name((enum parquet_encoding)i));
        first = false;
    }
    printf("]}\n");
    return code;
}

static enum error_code print_file(const struct parquet_source *source, int64_t *rows,
                                  struct error *error)
{
    struct parquet_file_metadata metadata;
    struct parquet_column_reader *reader = NULL;
    enum error_code code = parquet_verify(source, PARQUET_VERIFY_VALUES, -1, error);
    if (code != OK)
        return code;
    code = parquet_metadata_read(source, &metadata, error);
    if (code != OK)
        return code;
    code = parquet_column_reader_new(&reader, error);
    for (size_t i = 0; i < metadata.column_count && code == OK; i++)
        code = print_column(reader, source, &metadata, i, error);
    *rows = metadata.row_count;
    parquet_column_reader_free(reader);
    parquet_metadata_release(&metadata);
    return code;
}

static uint8_t *load(const char *path, size_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size_bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size_bytes + 1);
    if (data != NULL && fread(data, 1, *size_bytes, file) != *size_bytes) {
        free(data);
        data = NULL;
    }
    fclose(file);
    return data;
}

int main(void)
{
    char path[MAX_PATH_BYTES];
    while (fgets(path, sizeof path, stdin) != NULL) {
        struct error error = {0};
        size_t size_bytes = 0;
        int64_t rows = 0;
        path[strcspn(path, "\n")] = '\0';
        uint8_t *data = load(path, &size_bytes);
        enum error_code code = ERR_IO;
        if (data == NULL) {
            snprintf(error.message, sizeof error.message, "%.256s can't be read", path);
        } else {
            struct bytes_view bytes = bytes_view_of(data, size_bytes);
            struct parquet_source source = parquet_source_of_bytes(&bytes, path);
            code = print_file(&source, &rows, &error);
        }
        free(data);
        if (code == OK) {
            printf("{\"rows\": %" PRId64 "}\n", rows);
        } else {
            printf("{\"error\": ");
            print_text(error.message);
            printf("}\n");
        }
        fflush(stdout);
    }
    return 0;
}
