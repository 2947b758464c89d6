// SPDX-License-Identifier: Apache-2.0
// rooms: parquet walk
// options: -max_len=500
/*
 * Record batches of any columns the writer takes, written and read again: the file passes every
 * check and holds the same values. In the input: the writer's options, the columns, then rows; a
 * row gives each column a NULL, the value it had, or a new one, and says how often it comes.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/builder.h"
#include "arrow/schema.h"
#include "parquet/codec.h"
#include "parquet/reader.h"
#include "parquet/value.h"
#include "walk/verify.h"
#include "parquet/writer.h"
#include "support/input.h"
#include "support/parquet_bytes.h"

#define COLUMN_MAX      5
#define ROW_MAX         500
#define TEXT_BYTES      160
#define FIXED_MAX       40
#define PAGE_BYTES      1024 /* the smallest page the writer makes */
#define DICTIONARY_SIZE 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_column {
    struct value_type type;
    bool nullable, is_dictionary;
    char format[16];
    struct arrow_dictionary *dictionary;
    uint8_t value[TEXT_BYTES]; /* of the newest row that has one, as Parquet stores it */
    size_t value_bytes;
};

/* What the file must hold: a copy of each row's value. */
struct wanted_value {
    bool is_null;
    uint8_t bytes[TEXT_BYTES];
    size_t size_bytes;
};

static struct fuzz_column columns[COLUMN_MAX];
static size_t column_count;
static struct wanted_value (*wanted)[COLUMN_MAX]; /* ROW_MAX of them */

static void take_column(struct fuzz_input *input, struct fuzz_column *column)
{
    uint8_t kind = fuzz_input_u8(input);
    *column = (struct fuzz_column){.nullable = (kind & 8) != 0};
    switch (kind % 5) {
    case 0: column->type = (struct value_type){VALUE_TEXT, 0}; break;
    case 1: column->type = (struct value_type){VALUE_UINT32, 4}; break;
    case 2: column->type = (struct value_type){VALUE_TIMESTAMP, 8}; break;
    case 3:
        column->type =
            (struct value_type){VALUE_FIXED, fuzz_input_u8(input) % (uint32_t)FIXED_MAX + 1};
        break;
    default: column->type = (struct value_type){VALUE_DECIMAL, DECIMAL_BYTES};
    }
    static const char *const formats[] = {[VALUE_TEXT] = "u",
                                          [VALUE_UINT32] = "I",
                                          [VALUE_TIMESTAMP] = "tsu:UTC",
                                          [VALUE_DECIMAL] = "d:38,0"};
    if (column->type.kind == VALUE_FIXED)
        snprintf(column->format, sizeof column->format, "w:%u", column->type.width_bytes);
    else
        snprintf(column->format, sizeof column->format, "%s", formats[column->type.kind]);
    column->is_dictionary =
        (kind & 16) != 0 && (column->type.kind == VALUE_TEXT || column->type.kind == VALUE_FIXED);
    column->value_bytes = column->type.width_bytes;
    if (column->is_dictionary) {
        enum error_code code = arrow_dictionary_new(&column->dictionary, column->type.width_bytes,
                                                    DICTIONARY_SIZE, UINT32_C(1) << 17);
        assert(code == OK);
    }
}

/* A text of whole characters: bytes above 0x7f become characters of two to four bytes. */
static void take_text(struct fuzz_input *input, struct fuzz_column *column)
{
    struct bytes_view from = fuzz_input_bytes(input, fuzz_input_u8(input) % (TEXT_BYTES / 4));
    size_t at = 0;
    for (size_t i = 0; i < from.size_bytes; i++) {
        static const char *const longer[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                             "\xf4\x8f\xbf\xbf"};
        const char *text = longer[from.data[i] % 4];
        if (from.data[i] < 0x80) {
            column->value[at++] = from.data[i];
        } else {
            memcpy(column->value + at, text, strlen(text));
            at += strlen(text);
        }
    }
    column->value_bytes = at;
}

static void take_value(struct fuzz_input *input, struct fuzz_column *column)
{
    if (column->type.kind == VALUE_TEXT) {
        take_text(input, column);
        return;
    }
    uint8_t bytes = fuzz_input_u8(input) % (column->type.width_bytes + 1);
    struct bytes_view view = fuzz_input_bytes(input, bytes);
    if (view.size_bytes != 0)
        memcpy(column->value, view.data, view.size_bytes);
}

static void put_value(struct fuzz_column *column, struct arrow_column *to, int64_t row, bool valid)
{
    struct bytes_view value = bytes_view_of(column->value, column->value_bytes);
    if (column->is_dictionary) {
        uint32_t index = arrow_dictionary_intern(column->dictionary, value);
        assert(index != ARROW_DICTIONARY_FULL);
        arrow_column_put_u32(to, row, valid ? index : 0, valid);
    } else if (column->type.kind == VALUE_TEXT) {
        enum error_code code = arrow_column_put_text(to, row, value, valid);
        assert(code == OK);
    } else if (column->type.kind == VALUE_DECIMAL) { /* Arrow's are little-endian */
        uint8_t reversed[DECIMAL_BYTES];
        for (size_t i = 0; i < DECIMAL_BYTES; i++)
            reversed[i] = value.data[DECIMAL_BYTES - 1 - i];
        arrow_column_put_fixed(to, row, reversed, valid);
    } else {
        arrow_column_put_fixed(to, row, value.data, valid);
    }
}

static void put_row(struct arrow_builder *builder, const bool *is_null)
{
    int64_t row = builder->row_count;
    for (size_t c = 0; c < column_count; c++) {
        struct wanted_value *value = &wanted[row][c];
        value->is_null = is_null[c];
        value->size_bytes = columns[c].value_bytes;
        memcpy(value->bytes, columns[c].value, columns[c].value_bytes);
        put_value(&columns[c], &builder->columns[c], row, !is_null[c]);
    }
    arrow_builder_end_row(builder);
}

static void take_rows(struct fuzz_input *input, struct ArrowArray *batch)
{
    struct arrow_builder builder;
    struct arrow_column_type types[COLUMN_MAX];
    struct arrow_values values[COLUMN_MAX];
    for (size_t c = 0; c < column_count; c++) {
        types[c] =
            (struct arrow_column_type){columns[c].is_dictionary ? ARROW_COLUMN_DICTIONARY
                                       : columns[c].type.kind == VALUE_TEXT ? ARROW_COLUMN_TEXT
                                                                            : ARROW_COLUMN_FIXED,
                                       columns[c].type.width_bytes, columns[c].nullable};
    }
    arrow_builder_init(&builder, types, column_count);
    enum error_code code = arrow_builder_reserve(&builder, ROW_MAX);
    assert(code == OK);
    while (input->size_bytes > 0 && builder.row_count < ROW_MAX) {
        uint8_t times = fuzz_input_u8(input);
        uint32_t count = times < 192 ? 1 : (times - 190) * (uint32_t)4;
        bool is_null[COLUMN_MAX];
        uint16_t choice = fuzz_input_u16(input);
        for (size_t c = 0; c < column_count; c++, choice >>= 3) {
            is_null[c] = columns[c].nullable && (choice & 3) == 3;
            if ((choice & 4) != 0 && !is_null[c])
                take_value(input, &columns[c]);
        }
        for (uint32_t i = 0; i < count && builder.row_count < ROW_MAX; i++)
            put_row(&builder, is_null);
    }
    for (size_t c = 0; c < column_count; c++)
        values[c] = arrow_values_all(columns[c].dictionary);
    code = arrow_builder_export(&builder, values, batch);
    assert(code == OK);
    arrow_builder_release(&builder);
}

static struct parquet_writer *make_writer(struct fuzz_input *input, size_t count)
{
    struct ArrowSchema schema = {0};
    struct parquet_column_options column_options[COLUMN_MAX];
    struct parquet_writer_options options = {.codec = fuzz_input_u8(input) % 6,
                                             .profile = fuzz_input_u8(input) % 2,
                                             .page_size_bytes = PAGE_BYTES,
                                             .created_by = "fuzz"};
    uint8_t flags = fuzz_input_u8(input);
    int least, most;
    parquet_codec_levels(options.codec, &least, &most);
    options.compression_level = least + flags % 4 < most ? least + flags % 4 : most;
    options.bloom_filters = (flags & 4) != 0;
    options.row_group_rows = (flags & 8) != 0 ? fuzz_input_u8(input) + 1u : 0;
    enum error_code code = arrow_schema_make(&schema, "+s", "", false, 0, count);
    for (size_t c = 0; code == OK && c < count; c++) {
        char name[] = {(char)('a' + c), '\0'};
        take_column(input, &columns[c]);
        column_count++;
        column_options[c] =
            (struct parquet_column_options){.field_id = (int32_t)c + 1, .bloom_filter = c % 2 == 0};
        code = arrow_schema_make(schema.children[c],
                                 columns[c].is_dictionary ? "i" : columns[c].format, name,
                                 columns[c].nullable, (int32_t)c + 1, 0);
        if (code == OK && columns[c].is_dictionary)
            code = arrow_schema_make_dictionary(schema.children[c], columns[c].format);
    }
    assert(code == OK);
    struct parquet_writer *writer;
    struct error error;
    code = parquet_writer_new(&writer, &schema, column_options, &options, &error);
    assert(code == OK);
    arrow_schema_release(&schema);
    return writer;
}

static void close_group(struct parquet_writer *writer, struct buffer *file)
{
    size_t tasks;
    enum error_code code = parquet_writer_row_group_begin(writer, &tasks, NULL);
    for (size_t i = 0; code == OK && i < tasks; i++)
        code = parquet_writer_run_task(writer, i, NULL);
    if (code == OK)
        code = parquet_writer_row_group_finish(writer, file, NULL);
    assert(code == OK);
}

static void write_batch(struct parquet_writer *writer, const struct ArrowArray *batch,
                        struct buffer *file)
{
    static const struct parquet_key_value pair = {"version", "1.1.0"};
    uint32_t footer_bytes;
    enum error_code code;
    for (int64_t at = 0, taken; at < batch->length; at += taken) {
        code = parquet_writer_append(writer, batch, at, batch->length - at, &taken, NULL);
        assert(code == OK);
        if (parquet_writer_row_group_is_full(writer))
            close_group(writer, file);
    }
    if (parquet_writer_open_rows(writer) > 0)
        close_group(writer, file);
    code = parquet_writer_finish(writer, &pair, 1, file, &footer_bytes, NULL);
    assert(code == OK);
}

static void check_page(const struct parquet_page_values *page, size_t column, int64_t first_row)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < page->row_count; i++) {
        const struct wanted_value *value = &wanted[first_row + i][column];
        bool is_null = page->validity != NULL && page->validity[i] == 0;
        assert(is_null == value->is_null);
        if (!is_null)
            assert(bytes_equal(parquet_page_value(page, found++),
                               bytes_view_of(value->bytes, value->size_bytes)));
    }
    assert(found == page->value_count);
}

static void check_file(struct bytes_view bytes, int64_t row_count)
{
    struct parquet_source source = parquet_source_of_bytes(&bytes, "file");
    struct parquet_file_metadata metadata;
    struct error error;
    enum error_code code = parquet_verify(&source, PARQUET_VERIFY_VALUES, row_count, &error);
    if (code != OK)
        fprintf(stderr, "%s\n", error.message);
    assert(code == OK);
    code = parquet_metadata_read(&source, &metadata, &error);
    assert(code == OK);
    struct parquet_column_reader *reader;
    code = parquet_column_reader_new(&reader, &error);
    assert(code == OK);
    for (size_t c = 0; c < column_count; c++) {
        int64_t row = 0;
        for (size_t g = 0; g < metadata.row_group_count; g++) {
            struct parquet_page_values page;
            code = parquet_column_reader_open(reader, &source, &metadata, g, c, &error);
            while (code == OK && (code = parquet_column_reader_next(reader, &page, &error)) == OK) {
                check_page(&page, c, row);
                row += page.row_count;
            }
            assert(code == ERR_NOT_FOUND);
        }
        assert(row == row_count);
    }
    parquet_column_reader_free(reader);
    parquet_metadata_release(&metadata);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct ArrowArray batch = {0};
    struct buffer file;
    if (wanted == NULL)
        wanted = malloc(ROW_MAX * sizeof *wanted);
    assert(wanted != NULL);
    buffer_init(&file);
    column_count = 0;
    struct parquet_writer *writer =
        make_writer(&input, fuzz_input_u8(&input) % (size_t)COLUMN_MAX + 1);
    take_rows(&input, &batch);
    write_batch(writer, &batch, &file);
    check_file(buffer_view(&file), batch.length);
    parquet_writer_free(writer);
    arrow_array_release(&batch);
    for (size_t c = 0; c < column_count; c++)
        arrow_dictionary_release(columns[c].dictionary);
    buffer_release(&file);
    return 0;
}
