// SPDX-License-Identifier: Apache-2.0
/* What is in one Parquet file: schema, row groups, sizes, statistics, indexes, checksums. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "output/json_output.h"
#include "output/say.h"
#include "lake/data_file.h"
#include "parquet/page_index.h"
#include "walk/walk.h"
#include "rows/bound_text.h"
#include "store/objects.h"
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

/* A bound as text: NULL where it has none (not UTF-8, or of a kind we have no text for).
 * ERR_NO_MEMORY. */
static enum error_code bound_text(const struct parquet_column_metadata *column,
                                  struct bytes_view bound, bool is_max, struct arena *arena,
                                  const char **text)
{
    static const char *const types[] = {[VALUE_UINT32] = "uint32",
                                        [VALUE_TIMESTAMP] = "timestamptz",
                                        [VALUE_FIXED] = "blob",
                                        [VALUE_DECIMAL] = "decimal(38,0)",
                                        [VALUE_TEXT] = "varchar"};
    struct row_column row_column = {
        .name = column->name,
        .ducklake_type = column->has_known_order ? types[column->value.kind] : "blob"};
    struct error error;
    if (column->value.kind == VALUE_TIMESTAMP && column->has_known_order &&
        column->logical_type != PARQUET_LOGICAL_TIMESTAMP && bound.size_bytes == sizeof(int64_t)) {
        int64_t number;
        char digits[24];
        memcpy(&number, bound.data, sizeof number);
        int length = snprintf(digits, sizeof digits, "%" PRId64, number);
        *text = arena_copy_text(arena, bytes_view_of(digits, (size_t)length));
        return *text == NULL ? ERR_NO_MEMORY : OK;
    }
    enum error_code code = row_bound_text(&row_column, bound, is_max, arena, text, &error);
    return code == ERR_NO_MEMORY ? code : OK;
}

/* What a file's description is made from. */
struct description {
    const struct parquet_source *source;
    const struct parquet_file_metadata *metadata;
    const struct parquet_row_group_metadata *group; /* the one that is being described */
    struct arena *arena;
};

static json_t *json_column(const void *context, size_t index)
{
    const struct description *description = context;
    const struct parquet_column_metadata *column = &description->metadata->columns[index];
    return json_pack("{s:o, s:s, s:s?, s:b, s:o}", "name", json_any_text(column->name), "type",
                     parquet_type_name(column->type), "logical_type",
                     logical_type_name(column->logical_type), "nullable", column->nullable,
                     "field_id",
                     column->has_field_id ? json_integer(column->field_id) : json_null());
}

/* A key that is not UTF-8 is shown mended, as its value is. */
static json_t *json_key_values(const struct parquet_file_metadata *metadata)
{
    json_t *object = json_object();
    for (size_t i = 0; object != NULL && i < metadata->key_value_count; i++) {
        json_t *key = json_any_text(metadata->key_values[i].key);
        if (key == NULL || json_object_set_new(object, json_string_value(key),
                                               json_any_text(metadata->key_values[i].value)) != 0) {
            json_decref(object);
            object = NULL;
        }
        json_decref(key);
    }
    return object;
}

static json_t *json_encodings(uint32_t encodings)
{
    json_t *array = json_array();
    for (int i = 0; array != NULL && i < PARQUET_ENCODING_COUNT; i++) {
        if ((encodings >> i & 1) != 0 &&
            json_array_append_new(
                array, json_string(parquet_encoding_name((enum parquet_encoding)i))) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static double ratio_of(const struct parquet_chunk_metadata *chunk)
{
    return chunk->compressed_bytes == 0
               ? 0
               : (double)chunk->uncompressed_bytes / (double)chunk->compressed_bytes;
}

/* Data pages as the offset index has them; null without one that can be read. */
static json_t *json_page_count(const struct description *description,
                               const struct parquet_chunk_metadata *chunk)
{
    struct offset_index index;
    struct error error;
    if (chunk->offset_index_bytes == 0)
        return json_null();
    enum error_code code =
        offset_index_read(description->source, chunk, description->arena, &index, &error);
    if (code == ERR_NO_MEMORY)
        return NULL;
    return code == OK ? json_integer((json_int_t)index.page_count) : json_null();
}

/* One bound and whether a value equals it; false without memory. */
static bool set_bound(json_t *object, const char *name, const char *exact_name, bool is_exact,
                      const struct parquet_column_metadata *column, struct bytes_view bound,
                      bool is_max, struct arena *arena)
{
    const char *text = NULL;
    return bound_text(column, bound, is_max, arena, &text) == OK &&
           json_object_set_new(object, name, json_any_text(text)) == 0 &&
           json_object_set_new(object, exact_name, json_boolean(is_exact)) == 0;
}

static json_t *json_statistics(const struct parquet_column_metadata *column,
                               const struct parquet_chunk_metadata *chunk, struct arena *arena)
{
    const struct parquet_statistics_metadata *statistics = &chunk->statistics;
    json_t *object = json_object();
    bool good = object != NULL;
    if (good && statistics->null_count >= 0)
        good = json_object_set_new(object, "null_count", json_integer(statistics->null_count)) == 0;
    if (good && statistics->has_min)
        good = set_bound(object, "min", "min_is_exact", statistics->min_is_exact, column,
                         statistics->min_value, false, arena);
    if (good && statistics->has_max)
        good = set_bound(object, "max", "max_is_exact", statistics->max_is_exact, column,
                         statistics->max_value, true, arena);
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *json_chunk(const void *context, size_t index)
{
    const struct description *description = context;
    const struct parquet_column_metadata *column = &description->metadata->columns[index];
    const struct parquet_chunk_metadata *chunk = &description->group->chunks[index];
    return json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:f, s:o, s:b, s:b, s:b, s:b, s:o}", "name",
                     json_any_text(column->name), "codec", parquet_compression_name(chunk->codec),
                     "encodings", json_encodings(chunk->encodings), "values",
                     (json_int_t)chunk->value_count, "compressed_bytes",
                     (json_int_t)chunk->compressed_bytes, "uncompressed_bytes",
                     (json_int_t)chunk->uncompressed_bytes, "ratio", ratio_of(chunk), "pages",
                     json_page_count(description, chunk), "dictionary", chunk->has_dictionary_page,
                     "bloom_filter", chunk->has_bloom, "column_index",
                     chunk->column_index_bytes != 0, "offset_index", chunk->offset_index_bytes != 0,
                     "statistics", json_statistics(column, chunk, description->arena));
}

static json_t *json_row_group(const void *context, size_t index)
{
    struct description description = *(const struct description *)context;
    json_int_t compressed = 0;
    description.group = &description.metadata->row_groups[index];
    for (size_t i = 0; i < description.metadata->column_count; i++)
        compressed += (json_int_t)description.group->chunks[i].compressed_bytes;
    return json_pack("{s:I, s:I, s:o}", "rows", (json_int_t)description.group->row_count,
                     "compressed_bytes", compressed, "columns",
                     json_list(description.metadata->column_count, json_chunk, &description));
}

/* `damage`: what the check of every page's CRC found; NULL: nothing. */
static json_t *json_file(const struct description *description, const char *damage)
{
    const struct parquet_file_metadata *metadata = description->metadata;
    return json_pack("{s:o, s:I, s:I, s:i, s:o, s:I, s:o, s:o, s:o, s:b, s:o}", "path",
                     json_any_text(description->source->name), "bytes",
                     (json_int_t)description->source->size_bytes, "rows",
                     (json_int_t)metadata->row_count, "format_version", (int)metadata->version,
                     "created_by", json_any_text(metadata->created_by), "footer_bytes",
                     (json_int_t)metadata->footer_bytes, "schema",
                     json_list(metadata->column_count, json_column, description),
                     "key_value_metadata", json_key_values(metadata), "row_groups",
                     json_list(metadata->row_group_count, json_row_group, description), "ok",
                     damage == NULL, "damage", json_any_text(damage));
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
    say("      %s;", text_of(chunk, "codec", ""));
    json_array_foreach(json_object_get(chunk, "encodings"), i, encoding)
        say(" %s", json_string_value(encoding));
    say("\n");
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
    say("  %-18s %10s  x%-5.2f %5s page%s%s%s\n", text_of(chunk, "name", ""), size,
        json_real_value(json_object_get(chunk, "ratio")), pages,
        number_of(chunk, "pages") == 1 ? "" : "s", indexed ? ", page index" : "",
        json_is_true(json_object_get(chunk, "bloom_filter")) ? ", Bloom filter" : "");
    print_encodings(chunk);
    if (json_object_get(statistics, "null_count") != NULL)
        say("      nulls %" JSON_INTEGER_FORMAT ", ", number_of(statistics, "null_count"));
    else
        say("      nulls not counted, ");
    say("%.*s .. %.*s\n", BOUND_SHOWN_BYTES, text_of(statistics, "min", "-"), BOUND_SHOWN_BYTES,
        text_of(statistics, "max", "-"));
}

static void print_schema(const json_t *schema)
{
    size_t i;
    json_t *column;
    say("columns\n");
    json_array_foreach(schema, i, column)
    {
        say("  %2" JSON_INTEGER_FORMAT " %-18s %-20s %-10s %s\n", number_of(column, "field_id"),
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
    say("%s\n%s rows, %s, footer %" JSON_INTEGER_FORMAT " bytes\nwritten by %s\n",
        text_of(file, "path", ""), rows, size, number_of(file, "footer_bytes"),
        text_of(file, "created_by", "(not said)"));
    say("page checksums  %s\n", text_of(file, "damage", "all right"));
    print_schema(json_object_get(file, "schema"));
    say("metadata\n");
    json_object_foreach(json_object_get(file, "key_value_metadata"), key, value)
        say("  %-18s %s\n", key, json_string_value(value));
    json_array_foreach(json_object_get(file, "row_groups"), i, group)
    {
        text_count((uint64_t)number_of(group, "rows"), rows);
        text_size((uint64_t)number_of(group, "compressed_bytes"), size);
        say("row group %zu: %s rows, %s\n", i, rows, size);
        json_array_foreach(json_object_get(group, "columns"), k, chunk) print_chunk(chunk);
    }
}

static bool is_damage(enum error_code code)
{
    return code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT;
}

/* Checks the file and prints what is in it. */
static enum error_code describe(struct parquet_walk *walk, const struct description *description,
                                bool as_json, bool *damaged, struct error *error)
{
    enum error_code code = parquet_walk_run(walk, PARQUET_VERIFY_PAGES, -1, NULL, error);
    *damaged = is_damage(code);
    if (code != OK && !*damaged)
        return code;
    json_t *file = json_file(description, *damaged ? error->message : NULL);
    if (as_json)
        return json_print(file, true, error);
    if (file == NULL)
        return error_no_memory(error, "a file's description");
    print_text(file);
    json_decref(file);
    return OK;
}

static enum error_code inspect(const char *path, bool as_json, bool *damaged, struct error *error)
{
    struct lake_data_file data_file;
    struct parquet_walk walk = {0};
    struct arena arena;
    arena_init(&arena, 0);
    enum error_code code = lake_data_file_open_path(&data_file, path, error);
    if (code == OK)
        code = parquet_walk_begin(&walk, &data_file.source, false, error);
    if (code == OK) {
        struct description description = {&data_file.source, &walk.metadata, NULL, &arena};
        code = describe(&walk, &description, as_json, damaged, error);
    }
    parquet_walk_end(&walk);
    arena_release(&arena);
    lake_data_file_release(&data_file);
    return code;
}

static enum exit_code inspect_for(const struct command_line *line, const char *path)
{
    struct error error = {0};
    bool damaged = false;
    enum error_code code =
        inspect(path, command_line_flag(line, "--json") != NULL, &damaged, &error);
    if (code == ERR_CORRUPT)
        return command_fail(EXIT_PROBLEMS, &error);
    if (code == ERR_NOT_FOUND && objects_is_url(path))
        code = error_set(&error, ERR_INVALID,
                         "there is no object %s; inspect takes one Parquet file, and files lists "
                         "those of a lake: parquet-consumer files --output-path s3://BUCKET/PREFIX",
                         path);
    if (code != OK)
        return command_fail(exit_code_of(code), &error);
    return damaged ? EXIT_PROBLEMS : EXIT_DONE;
}

/* How the store is reached is in the options, which a file on this machine does not need. The URL
 * stands behind the arguments that are for them: none. */
static enum exit_code inspect_object(const struct command_line *line, const struct options *options)
{
    (void)options;
    return inspect_for(line, line->arguments[line->argument_count]);
}

enum exit_code cmd_inspect(const struct command_line *line)
{
    if (line->argument_count != 1) {
        struct error error;
        (void)error_set(&error, ERR_INVALID,
                        "inspect takes one Parquet file: parquet-consumer inspect FILE");
        return command_fail(EXIT_USAGE, &error);
    }
    if (!objects_is_url(line->arguments[0]))
        return inspect_for(line, line->arguments[0]);
    struct command_line without = *line; /* it is no ledger of the options' */
    without.argument_count = 0;
    return command_with_options(&without, inspect_object);
}
