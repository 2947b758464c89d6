// SPDX-License-Identifier: Apache-2.0
#include "parquet/metadata.h"

#include "parquet/thrift.h"
#include "util/memory.h"

/* Widest FIXED_LEN_BYTE_ARRAY that is decoded. */
#define MAX_FIXED_BYTES (1 << 20)

/* What the parse needs at hand. A failure of the heap or of a limit is kept here, one of the bytes
 * in the thrift reader. */
struct parse {
    struct thrift_reader reader;
    struct parquet_file_metadata *metadata;
    enum error_code code;
    const char *what; /* is wrong */
};

static void fail(struct parse *parse, enum error_code code, const char *what)
{
    if (parse->code == OK) {
        parse->code = code;
        parse->what = what;
    }
    parse->reader.failed = true;
    parse->reader.data = parse->reader.end;
}

static void *allocate(struct parse *parse, size_t count, size_t size_bytes)
{
    if (parse->reader.failed)
        return NULL;
    void *memory = arena_alloc(&parse->metadata->arena, count * size_bytes + 1);
    if (memory == NULL)
        fail(parse, ERR_NO_MEMORY, "out of memory for the footer");
    else
        memset(memory, 0, count * size_bytes + 1);
    return memory;
}

static const char *copy_text(struct parse *parse, struct bytes_view text)
{
    if (parse->reader.failed)
        return "";
    const char *copy = arena_copy_text(&parse->metadata->arena, text);
    if (copy == NULL)
        fail(parse, ERR_NO_MEMORY, "out of memory for the footer");
    return copy == NULL ? "" : copy;
}

static struct bytes_view copy_bytes(struct parse *parse, struct bytes_view bytes)
{
    return bytes_view_of(copy_text(parse, bytes), parse->reader.failed ? 0 : bytes.size_bytes);
}

/* --- schema -------------------------------------------------------------------------------- */

struct schema_element {
    struct parquet_column_metadata column;
    int32_t type; /* -1: a group */
    int32_t type_length;
    int32_t repetition;
    int32_t child_count;
    bool is_utc, is_micros;
    int8_t bit_width;
};

static void read_time_unit(struct parse *parse, enum thrift_type type,
                           struct schema_element *element)
{
    int16_t field;
    thrift_open_struct(&parse->reader, type);
    while (thrift_read_field(&parse->reader, &field, &type)) {
        element->is_micros = field == 2;
        thrift_skip(&parse->reader, type);
    }
}

/* The members of whichever type the union LogicalType holds. */
static void read_logical_members(struct parse *parse, struct schema_element *element)
{
    struct thrift_reader *reader = &parse->reader;
    struct parquet_column_metadata *column = &element->column;
    int16_t field;
    enum thrift_type type;
    while (thrift_read_field(reader, &field, &type)) {
        if (column->logical_type == PARQUET_LOGICAL_DECIMAL && field == 1)
            column->scale = thrift_read_i32(reader, type);
        else if (column->logical_type == PARQUET_LOGICAL_DECIMAL && field == 2)
            column->precision = thrift_read_i32(reader, type);
        else if (column->logical_type == PARQUET_LOGICAL_TIMESTAMP && field == 1)
            element->is_utc = thrift_read_bool(reader, type);
        else if (column->logical_type == PARQUET_LOGICAL_TIMESTAMP && field == 2)
            read_time_unit(parse, type, element);
        else if (column->logical_type == PARQUET_LOGICAL_INTEGER && field == 2)
            column->is_signed = thrift_read_bool(reader, type);
        else
            thrift_skip(reader, type);
    }
}

static void read_logical_type(struct parse *parse, enum thrift_type type,
                              struct schema_element *element)
{
    int16_t field;
    thrift_open_struct(&parse->reader, type);
    while (thrift_read_field(&parse->reader, &field, &type)) {
        element->column.logical_type = (enum parquet_logical_type)field;
        if (type != THRIFT_STRUCT) {
            thrift_skip(&parse->reader, type);
            continue;
        }
        thrift_open_struct(&parse->reader, type);
        read_logical_members(parse, element);
    }
}

static void read_schema_element(struct parse *parse, struct schema_element *element)
{
    struct thrift_reader *reader = &parse->reader;
    int16_t field;
    enum thrift_type type;
    *element = (struct schema_element){.type = -1};
    element->column.converted_type = -1;
    element->column.is_signed = true;
    element->column.name = "";
    thrift_open_element_struct(reader);
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: element->type = thrift_read_i32(reader, type); break;
        case 2: element->type_length = thrift_read_i32(reader, type); break;
        case 3: element->repetition = thrift_read_i32(reader, type); break;
        case 4: element->column.name = copy_text(parse, thrift_read_binary(reader, type)); break;
        case 5: element->child_count = thrift_read_i32(reader, type); break;
        case 6: element->column.converted_type = thrift_read_i32(reader, type); break;
        case 7: element->column.scale = thrift_read_i32(reader, type); break;
        case 8: element->column.precision = thrift_read_i32(reader, type); break;
        case 9:
            element->column.field_id = thrift_read_i32(reader, type);
            element->column.has_field_id = true;
            break;
        case 10: read_logical_type(parse, type, element); break;
        default: thrift_skip(reader, type);
        }
    }
}

static uint32_t type_width(const struct schema_element *element)
{
    switch (element->type) {
    case PARQUET_INT32:
    case PARQUET_FLOAT: return 4;
    case PARQUET_INT64:
    case PARQUET_DOUBLE: return 8;
    case PARQUET_INT96: return 12;
    case PARQUET_FIXED_LEN_BYTE_ARRAY: return (uint32_t)element->type_length;
    default: return 0;
    }
}

/* Finds the kind whose order the column's statistics follow; unsigned and signed integers differ.
 */
static void classify(struct schema_element *element)
{
    struct parquet_column_metadata *column = &element->column;
    bool is_unsigned = (column->logical_type == PARQUET_LOGICAL_INTEGER && !column->is_signed) ||
                       column->converted_type == PARQUET_CONVERTED_UINT_32;
    bool is_decimal = column->logical_type == PARQUET_LOGICAL_DECIMAL ||
                      column->converted_type == PARQUET_CONVERTED_DECIMAL;
    column->value.width_bytes = type_width(element);
    column->has_known_order = true;
    switch (element->type) {
    case PARQUET_INT32:
        column->value.kind = VALUE_UINT32;
        column->has_known_order = is_unsigned;
        break;
    case PARQUET_INT64:
        column->value.kind = VALUE_TIMESTAMP;
        column->has_known_order = !is_unsigned;
        break;
    case PARQUET_FIXED_LEN_BYTE_ARRAY:
        column->value.kind = is_decimal ? VALUE_DECIMAL : VALUE_FIXED;
        /* FLOAT16 and INTERVAL have orders of their own, or none. */
        column->has_known_order = is_decimal || (column->logical_type == PARQUET_LOGICAL_NONE &&
                                                 column->converted_type == -1);
        break;
    case PARQUET_BYTE_ARRAY:
        column->value.kind = VALUE_TEXT;
        column->has_known_order = !is_decimal;
        break;
    default: column->value.kind = VALUE_FIXED; column->has_known_order = false;
    }
}

static void add_column(struct parse *parse, struct schema_element *element)
{
    struct parquet_file_metadata *metadata = parse->metadata;
    if (parse->reader.failed)
        return;
    if (element->type < 0 || element->child_count != 0 || element->repetition == PARQUET_REPEATED) {
        fail(parse, ERR_INVALID, "nested columns are not read");
        return;
    }
    if (element->type > PARQUET_FIXED_LEN_BYTE_ARRAY || element->repetition < 0 ||
        element->repetition > PARQUET_REPEATED ||
        (element->type == PARQUET_FIXED_LEN_BYTE_ARRAY &&
         (element->type_length <= 0 || element->type_length > MAX_FIXED_BYTES))) {
        fail(parse, ERR_CORRUPT, "the schema is damaged");
        return;
    }
    element->column.type = (enum parquet_type)element->type;
    element->column.nullable = element->repetition == PARQUET_OPTIONAL;
    classify(element);
    metadata->columns[metadata->column_count++] = element->column;
}

static void read_schema(struct parse *parse, enum thrift_type type)
{
    struct thrift_reader *reader = &parse->reader;
    struct schema_element element;
    size_t count = thrift_read_list(reader, type, THRIFT_STRUCT);
    if (count < 1 || parse->metadata->columns != NULL) {
        fail(parse, ERR_CORRUPT, "the schema is damaged");
        return;
    }
    if (count - 1 > PARQUET_MAX_COLUMNS) {
        fail(parse, ERR_LIMIT, "it has too many columns");
        return;
    }
    read_schema_element(parse, &element);
    bool is_root = element.type < 0 && element.child_count >= 0;
    parse->metadata->columns = allocate(parse, count, sizeof *parse->metadata->columns);
    for (size_t i = 1; i < count && !reader->failed; i++) {
        struct schema_element child;
        read_schema_element(parse, &child);
        add_column(parse, &child);
    }
    if (!is_root || (size_t)element.child_count != parse->metadata->column_count)
        fail(parse, ERR_CORRUPT, "the schema is damaged");
}

/* --- row groups ---------------------------------------------------------------------------- */

static void read_statistics(struct parse *parse, enum thrift_type type,
                            struct parquet_statistics_metadata *statistics)
{
    struct thrift_reader *reader = &parse->reader;
    int16_t field;
    thrift_open_struct(reader, type);
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) { /* 1 and 2 are the deprecated bounds of unknown order */
        case 3: statistics->null_count = thrift_read_i64(reader, type); break;
        case 5:
            statistics->max_value = copy_bytes(parse, thrift_read_binary(reader, type));
            statistics->has_max = true;
            break;
        case 6:
            statistics->min_value = copy_bytes(parse, thrift_read_binary(reader, type));
            statistics->has_min = true;
            break;
        case 7: statistics->max_is_exact = thrift_read_bool(reader, type); break;
        case 8: statistics->min_is_exact = thrift_read_bool(reader, type); break;
        default: thrift_skip(reader, type);
        }
    }
}

static uint64_t read_offset(struct parse *parse, enum thrift_type type)
{
    int64_t offset = thrift_read_i64(&parse->reader, type);
    if (offset < 0)
        fail(parse, ERR_CORRUPT, "an offset or size is negative");
    return (uint64_t)offset;
}

static uint32_t read_size(struct parse *parse, enum thrift_type type)
{
    int32_t size = thrift_read_i32(&parse->reader, type);
    if (size < 0)
        fail(parse, ERR_CORRUPT, "an offset or size is negative");
    return (uint32_t)size;
}

static void read_encodings(struct parse *parse, enum thrift_type type,
                           struct parquet_chunk_metadata *chunk)
{
    size_t count = thrift_read_list(&parse->reader, type, THRIFT_I32);
    for (size_t i = 0; i < count && !parse->reader.failed; i++) {
        int32_t encoding = thrift_read_element_i32(&parse->reader);
        if (encoding >= 0 && encoding < 32)
            chunk->encodings |= UINT32_C(1) << encoding;
    }
}

/* What of ColumnMetaData has to be there. */
struct chunk_parse {
    int32_t type, codec;
    bool has_data_page;
    bool has_sizes;
    uint64_t dictionary_offset; /* 0: none, as the magic is there */
};

static void read_column_metadata(struct parse *parse, enum thrift_type type,
                                 struct parquet_chunk_metadata *chunk, struct chunk_parse *seen)
{
    struct thrift_reader *reader = &parse->reader;
    int16_t field;
    thrift_open_struct(reader, type);
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: seen->type = thrift_read_i32(reader, type); break;
        case 2: read_encodings(parse, type, chunk); break;
        case 4: seen->codec = thrift_read_i32(reader, type); break;
        case 5: chunk->value_count = thrift_read_i64(reader, type); break;
        case 6: chunk->uncompressed_bytes = read_offset(parse, type); break;
        case 7:
            chunk->compressed_bytes = read_offset(parse, type);
            seen->has_sizes = true;
            break;
        case 9:
            chunk->data_page_offset = read_offset(parse, type);
            seen->has_data_page = true;
            break;
        case 11: seen->dictionary_offset = read_offset(parse, type); break;
        case 12: read_statistics(parse, type, &chunk->statistics); break;
        case 14:
            chunk->bloom_offset = read_offset(parse, type);
            chunk->has_bloom = true;
            break;
        case 15: chunk->bloom_bytes = read_size(parse, type); break;
        default: thrift_skip(reader, type);
        }
    }
}

static bool lies_inside(const struct parquet_file_metadata *metadata, uint64_t offset,
                        uint64_t size_bytes)
{
    return offset >= PARQUET_MAGIC_BYTES && offset <= metadata->footer_offset &&
           size_bytes <= metadata->footer_offset - offset;
}

/* A chunk without values may have no data page, and then says 0 for its place (Arrow C++). */
static void place_empty_chunk(struct parquet_chunk_metadata *chunk, uint64_t dictionary_offset)
{
    if (chunk->value_count != 0 || chunk->data_page_offset != 0)
        return;
    chunk->data_page_offset =
        dictionary_offset != 0 ? dictionary_offset + chunk->compressed_bytes : PARQUET_MAGIC_BYTES;
}

static void check_chunk(struct parse *parse, struct parquet_chunk_metadata *chunk,
                        const struct chunk_parse *seen,
                        const struct parquet_column_metadata *column)
{
    const struct parquet_file_metadata *metadata = parse->metadata;
    if (parse->reader.failed)
        return;
    place_empty_chunk(chunk, seen->dictionary_offset);
    chunk->has_dictionary_page =
        seen->dictionary_offset != 0 && seen->dictionary_offset < chunk->data_page_offset;
    chunk->offset = chunk->has_dictionary_page ? seen->dictionary_offset : chunk->data_page_offset;
    bool good = seen->type == (int32_t)column->type && seen->codec >= 0 && seen->has_data_page &&
                seen->has_sizes && chunk->value_count >= 0 && chunk->statistics.null_count >= -1 &&
                chunk->statistics.null_count <= chunk->value_count &&
                lies_inside(metadata, chunk->offset, chunk->compressed_bytes) &&
                chunk->data_page_offset - chunk->offset <= chunk->compressed_bytes &&
                lies_inside(metadata, chunk->has_bloom ? chunk->bloom_offset : PARQUET_MAGIC_BYTES,
                            chunk->bloom_bytes) &&
                (chunk->column_index_bytes == 0 ||
                 lies_inside(metadata, chunk->column_index_offset, chunk->column_index_bytes)) &&
                (chunk->offset_index_bytes == 0 ||
                 lies_inside(metadata, chunk->offset_index_offset, chunk->offset_index_bytes));
    chunk->codec = (enum parquet_compression)seen->codec;
    if (!good)
        fail(parse, ERR_CORRUPT, "a column chunk's description is damaged");
}

static void read_chunk(struct parse *parse, struct parquet_chunk_metadata *chunk,
                       const struct parquet_column_metadata *column)
{
    struct thrift_reader *reader = &parse->reader;
    struct chunk_parse seen = {.type = -1, .codec = -1};
    int16_t field;
    enum thrift_type type;
    chunk->statistics.null_count = -1;
    thrift_open_element_struct(reader);
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: fail(parse, ERR_INVALID, "its columns lie in other files"); break;
        case 3: read_column_metadata(parse, type, chunk, &seen); break;
        case 4: chunk->offset_index_offset = read_offset(parse, type); break;
        case 5: chunk->offset_index_bytes = read_size(parse, type); break;
        case 6: chunk->column_index_offset = read_offset(parse, type); break;
        case 7: chunk->column_index_bytes = read_size(parse, type); break;
        case 8: fail(parse, ERR_INVALID, "it is encrypted"); break;
        default: thrift_skip(reader, type);
        }
    }
    check_chunk(parse, chunk, &seen, column);
}

static void read_chunks(struct parse *parse, enum thrift_type type,
                        struct parquet_row_group_metadata *group)
{
    const struct parquet_file_metadata *metadata = parse->metadata;
    size_t count = thrift_read_list(&parse->reader, type, THRIFT_STRUCT);
    if (count != metadata->column_count || group->chunks != NULL) {
        fail(parse, ERR_CORRUPT, "a row group does not have the schema's columns");
        return;
    }
    group->chunks = allocate(parse, count, sizeof *group->chunks);
    for (size_t i = 0; i < count && !parse->reader.failed; i++)
        read_chunk(parse, &group->chunks[i], &metadata->columns[i]);
}

static void read_row_group(struct parse *parse, struct parquet_row_group_metadata *group)
{
    struct thrift_reader *reader = &parse->reader;
    int16_t field;
    enum thrift_type type;
    group->row_count = -1;
    thrift_open_element_struct(reader);
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: read_chunks(parse, type, group); break;
        case 3: group->row_count = thrift_read_i64(reader, type); break;
        default: thrift_skip(reader, type);
        }
    }
    if (group->chunks == NULL || group->row_count < 0)
        fail(parse, ERR_CORRUPT, "a row group's description is damaged");
    for (size_t i = 0; i < parse->metadata->column_count && !reader->failed; i++)
        if (group->chunks[i].value_count != group->row_count)
            fail(parse, ERR_CORRUPT, "a column has another number of values than its row group");
}

static void read_row_groups(struct parse *parse, enum thrift_type type)
{
    struct parquet_file_metadata *metadata = parse->metadata;
    size_t count = thrift_read_list(&parse->reader, type, THRIFT_STRUCT);
    if (metadata->columns == NULL || metadata->row_groups != NULL) {
        fail(parse, ERR_CORRUPT, "its row groups stand before the schema, or twice");
        return;
    }
    if (count > PARQUET_MAX_ROW_GROUPS) {
        fail(parse, ERR_LIMIT, "it has too many row groups");
        return;
    }
    metadata->row_groups = allocate(parse, count, sizeof *metadata->row_groups);
    for (size_t i = 0; i < count && !parse->reader.failed; i++) {
        read_row_group(parse, &metadata->row_groups[i]);
        metadata->row_group_count++;
    }
}

/* --- the file ------------------------------------------------------------------------------ */

static void read_key_values(struct parse *parse, enum thrift_type type)
{
    struct thrift_reader *reader = &parse->reader;
    struct parquet_file_metadata *metadata = parse->metadata;
    size_t count = thrift_read_list(reader, type, THRIFT_STRUCT);
    metadata->key_values = allocate(parse, count, sizeof *metadata->key_values);
    metadata->key_value_count = 0;
    for (size_t i = 0; i < count && !reader->failed; i++) {
        struct parquet_key_value_metadata *pair = &metadata->key_values[i];
        int16_t field;
        *pair = (struct parquet_key_value_metadata){"", ""};
        thrift_open_element_struct(reader);
        while (thrift_read_field(reader, &field, &type)) {
            if (field == 1)
                pair->key = copy_text(parse, thrift_read_binary(reader, type));
            else if (field == 2)
                pair->value = copy_text(parse, thrift_read_binary(reader, type));
            else
                thrift_skip(reader, type);
        }
        metadata->key_value_count++;
    }
}

static void read_file_metadata(struct parse *parse)
{
    struct thrift_reader *reader = &parse->reader;
    struct parquet_file_metadata *metadata = parse->metadata;
    int16_t field;
    enum thrift_type type;
    metadata->row_count = -1;
    metadata->created_by = "";
    while (thrift_read_field(reader, &field, &type)) {
        switch (field) {
        case 1: metadata->version = thrift_read_i32(reader, type); break;
        case 2: read_schema(parse, type); break;
        case 3: metadata->row_count = thrift_read_i64(reader, type); break;
        case 4: read_row_groups(parse, type); break;
        case 5: read_key_values(parse, type); break;
        case 6: metadata->created_by = copy_text(parse, thrift_read_binary(reader, type)); break;
        default: thrift_skip(reader, type);
        }
    }
    int64_t rows = 0;
    for (size_t i = 0; i < metadata->row_group_count && !reader->failed; i++)
        if (__builtin_add_overflow(rows, metadata->row_groups[i].row_count, &rows))
            fail(parse, ERR_CORRUPT, "its row counts overflow");
    if (!reader->failed && (metadata->row_groups == NULL || rows != metadata->row_count))
        fail(parse, ERR_CORRUPT, "its row groups do not add up to its rows");
}

/* Finds the footer by the file's last 8 bytes. */
static enum error_code find_footer(const struct parquet_source *source,
                                   struct parquet_file_metadata *metadata, struct error *error)
{
    uint8_t end[PARQUET_FOOTER_END_BYTES];
    uint8_t start[PARQUET_MAGIC_BYTES];
    if (source->size_bytes < PARQUET_MAGIC_BYTES + PARQUET_FOOTER_END_BYTES)
        return error_set(error, ERR_CORRUPT, "%s: %llu bytes are not a Parquet file", source->name,
                         (unsigned long long)source->size_bytes);
    enum error_code code =
        source->read(source->context, source->size_bytes - sizeof end, end, sizeof end, error);
    if (code == OK)
        code = source->read(source->context, 0, start, sizeof start, error);
    if (code != OK)
        return code;
    if (memcmp(start, PARQUET_MAGIC, PARQUET_MAGIC_BYTES) != 0)
        return error_set(error, ERR_CORRUPT, "%s: does not begin as a Parquet file does",
                         source->name);
    if (memcmp(end + 4, PARQUET_MAGIC, PARQUET_MAGIC_BYTES) != 0)
        return error_set(error, ERR_CORRUPT,
                         "%s: does not end as a Parquet file does: it is truncated or damaged",
                         source->name);
    memcpy(&metadata->footer_bytes, end, sizeof metadata->footer_bytes);
    uint64_t room = source->size_bytes - PARQUET_MAGIC_BYTES - PARQUET_FOOTER_END_BYTES;
    if (metadata->footer_bytes == 0 || metadata->footer_bytes > room)
        return error_set(error, ERR_CORRUPT, "%s: a footer of %u bytes does not fit the file",
                         source->name, metadata->footer_bytes);
    if (metadata->footer_bytes > PARQUET_MAX_FOOTER_BYTES)
        return error_set(error, ERR_LIMIT, "%s: a footer of %u bytes is larger than %u",
                         source->name, metadata->footer_bytes, PARQUET_MAX_FOOTER_BYTES);
    metadata->footer_offset =
        source->size_bytes - PARQUET_FOOTER_END_BYTES - metadata->footer_bytes;
    return OK;
}

enum error_code parquet_metadata_read(const struct parquet_source *source,
                                      struct parquet_file_metadata *metadata, struct error *error)
{
    *metadata = (struct parquet_file_metadata){0};
    arena_init(&metadata->arena, 0);
    enum error_code code = find_footer(source, metadata, error);
    if (code != OK)
        return code;
    uint8_t *footer = mem_alloc(metadata->footer_bytes);
    if (footer == NULL)
        return error_no_memory(error, "a footer");
    code = source->read(source->context, metadata->footer_offset, footer, metadata->footer_bytes,
                        error);
    if (code == OK) {
        struct parse parse = {.metadata = metadata};
        thrift_reader_init(&parse.reader, bytes_view_of(footer, metadata->footer_bytes));
        read_file_metadata(&parse);
        if (parse.code != OK)
            code = error_set(error, parse.code, "%s: %s", source->name, parse.what);
        else if (parse.reader.failed)
            code = error_set(error, ERR_CORRUPT, "%s: the footer at byte %llu is damaged",
                             source->name, (unsigned long long)metadata->footer_offset);
    }
    mem_free(footer);
    if (code != OK)
        parquet_metadata_release(metadata);
    return code;
}

void parquet_metadata_release(struct parquet_file_metadata *metadata)
{
    arena_release(&metadata->arena);
    *metadata = (struct parquet_file_metadata){0};
}

const char *parquet_metadata_find(const struct parquet_file_metadata *metadata, const char *key)
{
    for (size_t i = 0; i < metadata->key_value_count; i++)
        if (strcmp(metadata->key_values[i].key, key) == 0)
            return metadata->key_values[i].value;
    return NULL;
}

int parquet_metadata_column(const struct parquet_file_metadata *metadata, const char *name)
{
    for (size_t i = 0; i < metadata->column_count; i++)
        if (strcmp(metadata->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

static const char *name_at(const char *const *names, size_t count, size_t index)
{
    return index < count && names[index] != NULL ? names[index] : "UNKNOWN";
}

const char *parquet_type_name(enum parquet_type type)
{
    static const char *const names[] = {"BOOLEAN", "INT32",  "INT64",      "INT96",
                                        "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
    return name_at(names, sizeof names / sizeof names[0], (size_t)type);
}

const char *parquet_encoding_name(enum parquet_encoding encoding)
{
    static const char *const names[PARQUET_ENCODING_COUNT] = {
        [PARQUET_PLAIN] = "PLAIN",
        [PARQUET_PLAIN_DICTIONARY] = "PLAIN_DICTIONARY",
        [PARQUET_RLE] = "RLE",
        [PARQUET_BIT_PACKED] = "BIT_PACKED",
        [PARQUET_DELTA_BINARY_PACKED] = "DELTA_BINARY_PACKED",
        [PARQUET_DELTA_LENGTH_BYTE_ARRAY] = "DELTA_LENGTH_BYTE_ARRAY",
        [PARQUET_DELTA_BYTE_ARRAY] = "DELTA_BYTE_ARRAY",
        [PARQUET_RLE_DICTIONARY] = "RLE_DICTIONARY",
        [PARQUET_BYTE_STREAM_SPLIT] = "BYTE_STREAM_SPLIT",
    };
    return name_at(names, PARQUET_ENCODING_COUNT, (size_t)encoding);
}

const char *parquet_compression_name(enum parquet_compression codec)
{
    static const char *const names[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                        "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
    return name_at(names, sizeof names / sizeof names[0], (size_t)codec);
}
