// SPDX-License-Identifier: Apache-2.0
/* What is in one Parquet file: schema, row groups, sizes, statistics, indexes, checksums. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "lake/data_file.h"
#include "parquet/page_index.h"
#include "parquet/verify.h"
#include "rows/bound_text.h"
#include "util/text.h"

#define BOUND_SHOWN_BYTES 24 /* of a bound, in the table for people */

static const char *logical_type_name(enum parquet_logical_type type)
{
    switch (type) {
    case PARQUET_LOGICAL_NONE: break;
    case PARQUET_LOGICAL_STRING: return "STRING";
    case PARQUET_LOGICAL_DECIMAL: return "DECIMAL";
    case PARQUET_LOGICAL_TIMESTAMP: return "TIMESTAMP";
    case PARQUET_LOGICAL_INTEGER: return "INTEGER";
    }
    return NULL;
}

/* A bound as text: NULL where it has none (not UTF-8, or of a kind we have no text for). */
static const char *bound_text(const struct parquet_column_metadata *column, struct bytes_view bound,
                              bool is_max, struct arena *arena)
{
    static const char *const types[] = {[VALUE_UINT32] = "uint32",
                                        [VALUE_TIMESTAMP] = "timestamptz",
                                        [VALUE_FIXED] = "blob",
                                        [VALUE_DECIMAL] = "decimal(38,0)",
                                        [VALUE_TEXT] = "varchar"};
    struct row_column row_column = {
        .name = column->name,
        .ducklake_type = column->has_known_order ? types[column->value.kind] : "blob"};
    const char *text = NULL;
    struct error error;
    if (column->value.kind == VALUE_TIMESTAMP && column->has_known_order &&
        column->logical_type != PARQUET_LOGICAL_TIMESTAMP && bound.size_bytes == sizeof(int64_t)) {
        int64_t number;
        char digits[24];
        memcpy(&number, bound.data, sizeof number);
        int length = snprintf(digits, sizeof digits, "%" PRId64, number);
        return arena_copy_text(arena, bytes_view_of(digits, (size_t)length));
    }
    if (row_bound_text(&row_column, bound, is_max, arena, &text, &error) != OK)
        return NULL;
    return text;
}

static json_t *json_schema(const struct parquet_file_metadata *metadata)
{
    json_t *array = json_array();
    for (size_t i = 0; i < metadata->column_count; i++) {
        const struct parquet_column_metadata *column = &metadata->columns[i];
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:s?, s:b, s:o}", "name", column->name, "type",
                             parquet_type_name(column->type), "logical_type",
                             logical_type_name(column->logical_type), "nullable", column->nullable,
                             "field_id",
                             column->has_field_id ? json_integer(column->field_id) : json_null()));
    }
    return array;
}

static json_t *json_key_values(const struct parquet_file_metadata *metadata)
{
    json_t *object = json_object();
    for (size_t i = 0; i < metadata->key_value_count; i++)
        json_object_set_new(object, metadata->key_values[i].key,
                            json_string(metadata->key_values[i].value));
    return object;
}

static json_t *json_encodings(uint32_t encodings)
{
    json_t *array = json_array();
    for (int i = 0; i < PARQUET_ENCODING_COUNT; i++)
        if ((encodings >> i & 1) != 0)
            json_array_append_new(array,
                                  json_string(parquet_encoding_name((enum parquet_encoding)i)));
    return array;
}

static double ratio_of(const struct parquet_chunk_metadata *chunk)
{
    return chunk->compressed_bytes == 0
               ? 0
               : (double)chunk->uncompressed_bytes / (double)chunk->compressed_bytes;
}

/* Data pages as the offset index has them; -1 without one. */
static json_int_t page_count(const struct parquet_source *source,
                             const struct parquet_chunk_metadata *chunk, struct arena *arena)
{
    struct offset_index index;
    struct error error;
    if (chunk->offset_index_bytes == 0 ||
        offset_index_read(source, chunk, arena, &index, &error) != OK)
        return -1;
    return (json_int_t)index.page_count;
}

static json_t *json_statistics(const struct parquet_column_metadata *column,
                               const struct parquet_chunk_metadata *chunk, struct arena *arena)
{
    const struct parquet_statistics_metadata *statistics = &chunk->statistics;
    json_t *object = json_object();
    if (statistics->null_count >= 0)
        json_object_set_new(object, "null_count", json_integer(statistics->null_count));
    if (statistics->has_min) {
        json_object_set_new(
            object, "min",
            json_pack("s?", bound_text(column, statistics->min_value, false, arena)));
        json_object_set_new(object, "min_is_exact", json_boolean(statistics->min_is_exact));
    }
    if (statistics->has_max) {
        json_object_set_new(
            object, "max", json_pack("s?", bound_text(column, statistics->max_value, true, arena)));
        json_object_set_new(object, "max_is_exact", json_boolean(statistics->max_is_exact));
    }
    return object;
}

static json_t *json_chunk(const struct parquet_source *source,
                          const struct parquet_column_metadata *column,
                          const struct parquet_chunk_metadata *chunk, struct arena *arena)
{
    json_int_t pages = page_count(source, chunk, arena);
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:f, s:o, s:b, s:b, s:b, s:b, s:o}", "name",
                     column->name, "codec", parquet_compression_name(chunk->codec), "encodings",
                     json_encodings(chunk->encodings), "values", (json_int_t)chunk->value_count,
                     "compressed_bytes", (json_int_t)chunk->compressed_bytes, "uncompressed_bytes",
                     (json_int_t)chunk->uncompressed_bytes, "ratio", ratio_of(chunk), "pages",
                     pages < 0 ? json_null() : json_integer(pages), "dictionary",
                     chunk->has_dictionary_page, "bloom_filter", chunk->has_bloom, "column_index",
                     chunk->column_index_bytes != 0, "offset_index", chunk->offset_index_bytes != 0,
                     "statistics", json_statistics(column, chunk, arena));
}

static json_t *json_row_groups(const struct parquet_source *source,
                               const struct parquet_file_metadata *metadata, struct arena *arena)
{
    json_t *array = json_array();
    for (size_t i = 0; i < metadata->row_group_count; i++) {
        const struct parquet_row_group_metadata *group = &metadata->row_groups[i];
        json_t *columns = json_array();
        json_int_t compressed = 0;
        for (size_t k = 0; k < metadata->column_count; k++) {
            json_array_append_new(
                columns, json_chunk(source, &metadata->columns[k], &group->chunks[k], arena));
            compressed += (json_int_t)group->chunks[k].compressed_bytes;
        }
        json_array_append_new(array,
                              json_pack("{s:I, s:I, s:o}", "rows", (json_int_t)group->row_count,
                                        "compressed_bytes", compressed, "columns", columns));
    }
    return array;
}

/* `damage`: what the check of every page's CRC found; NULL: nothing. */
static json_t *json_file(const struct parquet_source *source,
                         const struct parquet_file_metadata *metadata, const char *damage,
                         struct arena *arena)
{
    return json_pack(
        "{s:s, s:I, s:I, s:i, s:s, s:I, s:o, s:o, s:o, s:b, s:s?}", "path", source->name, "bytes",
        (json_int_t)source->size_bytes, "rows", (json_int_t)metadata->row_count, "format_version",
        (int)metadata->version, "created_by", metadata->created_by, "footer_bytes",
        (json_int_t)metadata->footer_bytes, "schema", json_schema(metadata), "key_value_metadata",
        json_key_values(metadata), "row_groups", json_row_groups(source, metadata, arena), "ok",
        damage == NULL, "damage", damage);
}

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : otherwise;
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_encodings(const json_t *chunk)
{
    size_t i;
    json_t *encoding;
    printf("      %s;", text_of(chunk, "codec", ""));
    json_array_foreach(json_object_get(chunk, "encodings"), i, encoding)
        printf(" %s", json_string_value(encoding));
    printf("\n");
}

/* Three lines: sizes and what helps to find things, how it is written, what is in it. */
static void print_chunk(const json_t *chunk)
{
    const json_t *statistics = json_object_get(chunk, "statistics");
    bool indexed = json_is_true(json_object_get(chunk, "column_index")) &&
                   json_is_true(json_object_get(chunk, "offset_index"));
    char size[TEXT_TIME_BYTES], pages[TEXT_TIME_BYTES] = "?";
    text_size((uint64_t)number_of(chunk, "compressed_bytes"), size);
    if (json_is_integer(json_object_get(chunk, "pages")))
        text_count((uint64_t)number_of(chunk, "pages"), pages);
    printf("  %-18s %10s  x%-5.2f %5s page%s%s%s\n", text_of(chunk, "name", ""), size,
           json_real_value(json_object_get(chunk, "ratio")), pages,
           number_of(chunk, "pages") == 1 ? "" : "s", indexed ? ", page index" : "",
           json_is_true(json_object_get(chunk, "bloom_filter")) ? ", Bloom filter" : "");
    print_encodings(chunk);
    if (json_object_get(statistics, "null_count") != NULL)
        printf("      nulls %" JSON_INTEGER_FORMAT ", ", number_of(statistics, "null_count"));
    else
        printf("      nulls not counted, ");
    printf("%.*s .. %.*s\n", BOUND_SHOWN_BYTES, text_of(statistics, "min", "-"), BOUND_SHOWN_BYTES,
           text_of(statistics, "max", "-"));
}

static void print_schema(const json_t *schema)
{
    size_t i;
    json_t *column;
    printf("columns\n");
    json_array_foreach(schema, i, column)
    {
        printf("  %2" JSON_INTEGER_FORMAT " %-18s %-20s %-10s %s\n", number_of(column, "field_id"),
               text_of(column, "name", ""), text_of(column, "type", ""),
               text_of(column, "logical_type", ""),
               json_is_true(json_object_get(column, "nullable")) ? "optional" : "required");
    }
}

static void print_text(const json_t *file)
{
    size_t i, k;
    json_t *group, *chunk;
    const char *key;
    json_t *value;
    char size[TEXT_TIME_BYTES], rows[TEXT_TIME_BYTES];
    text_size((uint64_t)number_of(file, "bytes"), size);
    text_count((uint64_t)number_of(file, "rows"), rows);
    printf("%s\n%s rows, %s, footer %" JSON_INTEGER_FORMAT " bytes\nwritten by %s\n",
           text_of(file, "path", ""), rows, size, number_of(file, "footer_bytes"),
           text_of(file, "created_by", "(not said)"));
    printf("page checksums  %s\n", text_of(file, "damage", "all right"));
    print_schema(json_object_get(file, "schema"));
    printf("metadata\n");
    json_object_foreach(json_object_get(file, "key_value_metadata"), key, value)
        printf("  %-18s %s\n", key, json_string_value(value));
    json_array_foreach(json_object_get(file, "row_groups"), i, group)
    {
        text_count((uint64_t)number_of(group, "rows"), rows);
        text_size((uint64_t)number_of(group, "compressed_bytes"), size);
        printf("row group %zu: %s rows, %s\n", i, rows, size);
        json_array_foreach(json_object_get(group, "columns"), k, chunk) print_chunk(chunk);
    }
}

static enum error_code inspect(const char *path, bool as_json, bool *damaged, struct error *error)
{
    struct lake_data_file data_file;
    struct parquet_file_metadata metadata;
    struct error damage = {0};
    struct arena arena;
    arena_init(&arena, 0);
    json_t *file = NULL;
    char *text = NULL;
    enum error_code code = lake_data_file_open_path(&data_file, path, error);
    if (code == OK)
        code = parquet_metadata_read(&data_file.source, &metadata, error);
    if (code == OK) {
        *damaged = parquet_verify(&data_file.source, PARQUET_VERIFY_PAGES, -1, &damage) != OK;
        file = json_file(&data_file.source, &metadata, *damaged ? damage.message : NULL, &arena);
        parquet_metadata_release(&metadata);
        if (file != NULL && as_json)
            text = json_dumps(file, JSON_INDENT(2));
        if (file == NULL || (as_json && text == NULL))
            code = error_no_memory(error, "a file's description");
        else if (as_json)
            printf("%s\n", text);
        else
            print_text(file);
    }
    free(text);
    json_decref(file);
    arena_release(&arena);
    lake_data_file_release(&data_file);
    return code;
}

enum exit_code cmd_inspect(const struct command_line *line)
{
    struct error error = {0};
    bool damaged = false;
    if (line->argument_count != 1) {
        (void)error_set(&error, ERR_INVALID,
                        "inspect takes one Parquet file: parquet-consumer inspect FILE");
        return command_fail(EXIT_USAGE, &error);
    }
    enum error_code code =
        inspect(line->arguments[0], command_line_flag(line, "--json") != NULL, &damaged, &error);
    if (code == ERR_CORRUPT)
        return command_fail(EXIT_PROBLEMS, &error);
    if (code != OK)
        return command_fail(command_exit_code(code), &error);
    return damaged ? EXIT_PROBLEMS : EXIT_DONE;
}
