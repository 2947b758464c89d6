// SPDX-License-Identifier: Apache-2.0
#include "commit/intent_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "commit/intent_check.h"
#include "os/file.h"
#include "store/layout.h"
#include "util/json_text.h"
#include "util/memory.h"

/* A commit of live data has a few KiB. */
#define INTENT_LIMIT_BYTES (1024 * 1024)
#define DIGEST_BYTES       16
#define KIND_COMMIT        "commit"
#define KIND_REPLACEMENT   "replacement"

/* ---- to JSON; every function gives NULL when memory is out ---- */

static json_t *encode_checksum(uint64_t checksum)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, checksum);
    return json_string(text);
}

static json_t *encode_digest(const uint8_t digest[DIGEST_BYTES])
{
    char text[2 * DIGEST_BYTES + 1];
    hex_encode(bytes_view_of(digest, DIGEST_BYTES), text);
    return json_string(text);
}

static json_t *encode_contents(const struct contents_digest *digest)
{
    char text[CONTENTS_DIGEST_TEXT_BYTES];
    contents_digest_text(digest, text);
    return json_string(text);
}

static json_t *encode_statistics(const struct catalog_file *file)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < file->statistics_count; i++) {
        const struct catalog_column_statistics *column = &file->statistics[i];
        json_t *object = json_pack(
            "{s:i, s:I, s:I, s:I, s:s?, s:s?}", "column_id", column->column_id, "value_count",
            (json_int_t)column->value_count, "null_count", (json_int_t)column->null_count,
            "column_size_bytes", (json_int_t)column->column_size_bytes, "min", column->min_value,
            "max", column->max_value);
        if (object == NULL || json_array_append_new(array, object) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *encode_partition_values(const struct catalog_file *file)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < CATALOG_PARTITION_MAX; i++) {
        if (file->partition_values[i] == NULL)
            break;
        if (json_array_append_new(array, json_string(file->partition_values[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *encode_files(const struct intent *intent)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < intent->commit.file_count; i++) {
        const struct catalog_file *file = &intent->commit.files[i];
        json_t *object = json_pack(
            "{s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:o}", "staged", intent->staged[i],
            "path", file->path, "record_count", (json_int_t)file->record_count, "file_size_bytes",
            (json_int_t)file->file_size_bytes, "footer_size_bytes",
            (json_int_t)file->footer_size_bytes, "checksum", encode_checksum(file->checksum),
            "first_ledger", (json_int_t)file->range.first, "last_ledger",
            (json_int_t)file->range.last, "partition_values", encode_partition_values(file),
            "statistics", encode_statistics(file));
        if (object == NULL || json_array_append_new(array, object) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *encode_dead_letters(const struct intent *intent)
{
    if (intent->dead_letters_staged == NULL)
        return json_null();
    return json_pack("{s:s, s:s, s:I, s:o}", "staged", intent->dead_letters_staged, "path",
                     intent->commit.dead_letters_path, "size_bytes",
                     (json_int_t)intent->dead_letters_size_bytes, "checksum",
                     encode_checksum(intent->commit.dead_letters_checksum));
}

static json_t *encode_commit(const struct catalog_commit *commit)
{
    return json_pack(
        "{s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:o}", "commit_no",
        (json_int_t)commit->commit_no, "first_ledger", (json_int_t)commit->range.first,
        "last_ledger", (json_int_t)commit->range.last, "schema_version", commit->schema_version,
        "reason", commit->reason, "row_count", (json_int_t)commit->row_count, "dead_letter_count",
        (json_int_t)commit->dead_letter_count, "null_decimal_count",
        (json_int_t)commit->null_decimal_count, "replaced_memo_count",
        (json_int_t)commit->replaced_memo_count, "digest_ledger", (json_int_t)commit->digest_ledger,
        "digest_chain", encode_digest(commit->digest_chain), "digest_contents",
        encode_contents(&commit->digest_contents), "last_close_us",
        (json_int_t)commit->last_close_us, "committed_us", (json_int_t)commit->committed_us,
        "unconfirmed", json_text_ranges(commit->unconfirmed, commit->unconfirmed_count));
}

enum error_code intent_encode(const struct intent *intent, struct buffer *out, struct error *error)
{
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:o, s:o, s:o}", "layout_version",
                  intent->is_replacement ? CATALOG_LAYOUT_CARE : CATALOG_LAYOUT_FIRST, "kind",
                  intent->is_replacement ? KIND_REPLACEMENT : KIND_COMMIT, "lake_id",
                  intent->lake_id, "commit", encode_commit(&intent->commit), "files",
                  encode_files(intent), "dead_letters", encode_dead_letters(intent));
    enum error_code code = json_text_dump(object, true, out, error);
    json_decref(object);
    return code;
}

/* ---- from JSON ---- */

/* Reads members of one object; the first that is not as it should be is kept, by name. */
struct reader {
    struct intent *intent;
    const json_t *object;
    const char *bad_key; /* NULL: all was well */
    bool no_memory;
};

static int64_t take_int(struct reader *reader, const char *key, int64_t lowest, int64_t highest)
{
    const json_t *value = json_object_get(reader->object, key);
    int64_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= lowest && number <= highest)
        return number;
    if (reader->bad_key == NULL)
        reader->bad_key = key;
    return lowest;
}

static const char *copy_string(struct reader *reader, const json_t *value, const char *key)
{
    if (!json_is_string(value)) {
        if (reader->bad_key == NULL)
            reader->bad_key = key;
        return NULL;
    }
    const char *copy = arena_copy_text(
        &reader->intent->arena, bytes_view_of(json_string_value(value), json_string_length(value)));
    if (copy == NULL)
        reader->no_memory = true;
    return copy;
}

static const char *take_text(struct reader *reader, const char *key)
{
    return copy_string(reader, json_object_get(reader->object, key), key);
}

static const char *take_optional_text(struct reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->object, key);
    return json_is_null(value) ? NULL : copy_string(reader, value, key);
}

/* A path or name of ours: relative, and never out of its folder. */
static const char *take_path(struct reader *reader, const char *key)
{
    const char *path = take_text(reader, key);
    if (path != NULL &&
        (path[0] == '/' || path[0] == '\0' || strstr(path, "..") != NULL ||
         strlen(path) > INTENT_PATH_BYTES - sizeof LAKE_FOLDER "/") &&
        reader->bad_key == NULL)
        reader->bad_key = key;
    return path;
}

static void take_hex(struct reader *reader, const char *key, uint8_t *out, size_t size_bytes)
{
    const char *text = json_string_value(json_object_get(reader->object, key));
    if ((text == NULL || !hex_decode(bytes_view_text(text), out, size_bytes)) &&
        reader->bad_key == NULL)
        reader->bad_key = key;
}

static void take_contents(struct reader *reader, const char *key, struct contents_digest *out)
{
    const char *text = json_string_value(json_object_get(reader->object, key));
    if ((text == NULL || !contents_digest_parse(bytes_view_text(text), out)) &&
        reader->bad_key == NULL)
        reader->bad_key = key;
}

static uint64_t take_checksum(struct reader *reader, const char *key)
{
    uint8_t bytes[8] = {0};
    uint64_t checksum = 0;
    take_hex(reader, key, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        checksum = checksum << 8 | bytes[i];
    return checksum;
}

static void *take_array(struct reader *reader, const char *key, size_t item_bytes, size_t *count)
{
    const json_t *array = json_object_get(reader->object, key);
    *count = json_array_size(array);
    if (!json_is_array(array) && reader->bad_key == NULL)
        reader->bad_key = key;
    void *items = arena_alloc(&reader->intent->arena, (*count == 0 ? 1 : *count) * item_bytes);
    if (items == NULL) {
        reader->no_memory = true;
        *count = 0;
    } else {
        memset(items, 0, (*count == 0 ? 1 : *count) * item_bytes);
    }
    return items;
}

static struct ledger_range take_range(struct reader *reader)
{
    uint32_t first = (uint32_t)take_int(reader, "first_ledger", 0, UINT32_MAX);
    return (struct ledger_range){first,
                                 (uint32_t)take_int(reader, "last_ledger", first, UINT32_MAX)};
}

static void decode_statistics(struct reader *reader, struct catalog_file *file)
{
    const json_t *outer = reader->object;
    const json_t *array = json_object_get(outer, "statistics");
    struct catalog_column_statistics *items =
        take_array(reader, "statistics", sizeof *items, &file->statistics_count);
    for (size_t i = 0; i < file->statistics_count; i++) {
        reader->object = json_array_get(array, i);
        items[i] = (struct catalog_column_statistics){
            .column_id = (int)take_int(reader, "column_id", 1, INT32_MAX),
            .value_count = take_int(reader, "value_count", 0, INT64_MAX),
            .null_count = take_int(reader, "null_count", 0, INT64_MAX),
            .column_size_bytes = take_int(reader, "column_size_bytes", 0, INT64_MAX),
            .min_value = take_optional_text(reader, "min"),
            .max_value = take_optional_text(reader, "max")};
    }
    file->statistics = items;
    reader->object = outer;
}

static void decode_partition_values(struct reader *reader, struct catalog_file *file)
{
    const json_t *array = json_object_get(reader->object, "partition_values");
    if ((!json_is_array(array) || json_array_size(array) > CATALOG_PARTITION_MAX) &&
        reader->bad_key == NULL)
        reader->bad_key = "partition_values";
    for (size_t i = 0; i < json_array_size(array) && i < CATALOG_PARTITION_MAX; i++)
        file->partition_values[i] =
            copy_string(reader, json_array_get(array, i), "partition_values");
}

static void decode_files(struct reader *reader, const json_t *top)
{
    struct intent *intent = reader->intent;
    reader->object = top;
    struct catalog_file *files =
        take_array(reader, "files", sizeof *files, &intent->commit.file_count);
    if (intent->commit.file_count > INTENT_FILE_MAX) {
        intent->commit.file_count = 0;
        reader->bad_key = "files";
    }
    for (size_t i = 0; i < intent->commit.file_count; i++) {
        reader->object = json_array_get(json_object_get(top, "files"), i);
        intent->staged[i] = take_path(reader, "staged");
        files[i] = (struct catalog_file){
            .path = take_path(reader, "path"),
            .record_count = take_int(reader, "record_count", 0, INT64_MAX),
            .file_size_bytes = take_int(reader, "file_size_bytes", 0, INT64_MAX),
            .footer_size_bytes = take_int(reader, "footer_size_bytes", 0, INT64_MAX),
            .checksum = take_checksum(reader, "checksum"),
            .range = take_range(reader)};
        decode_partition_values(reader, &files[i]);
        decode_statistics(reader, &files[i]);
    }
    intent->commit.files = files;
}

static void decode_dead_letters(struct reader *reader, const json_t *top)
{
    struct intent *intent = reader->intent;
    const json_t *object = json_object_get(top, "dead_letters");
    if (json_is_null(object))
        return;
    reader->object = object;
    intent->dead_letters_staged = take_path(reader, "staged");
    intent->commit.dead_letters_path = take_path(reader, "path");
    intent->dead_letters_size_bytes = (uint64_t)take_int(reader, "size_bytes", 0, INT64_MAX);
    intent->commit.dead_letters_checksum = take_checksum(reader, "checksum");
}

static void decode_unconfirmed(struct reader *reader)
{
    struct catalog_commit *commit = &reader->intent->commit;
    const json_t *array = json_object_get(reader->object, "unconfirmed");
    struct ledger_range *ranges =
        take_array(reader, "unconfirmed", sizeof *ranges, &commit->unconfirmed_count);
    for (size_t i = 0; i < commit->unconfirmed_count; i++) {
        const json_t *pair = json_array_get(array, i);
        json_int_t first = json_integer_value(json_array_get(pair, 0));
        json_int_t last = json_integer_value(json_array_get(pair, 1));
        if ((json_array_size(pair) != 2 || first < 0 || last < first || last > UINT32_MAX) &&
            reader->bad_key == NULL)
            reader->bad_key = "unconfirmed";
        ranges[i] = (struct ledger_range){(uint32_t)first, (uint32_t)last};
    }
    commit->unconfirmed = ranges;
}

/* Version 0.1.0 writes none. */
static void decode_kind(struct reader *reader, const json_t *top)
{
    const json_t *kind = json_object_get(top, "kind");
    const char *text = kind == NULL ? KIND_COMMIT : json_string_value(kind);
    reader->intent->is_replacement = text != NULL && strcmp(text, KIND_REPLACEMENT) == 0;
    if (reader->bad_key == NULL && !reader->intent->is_replacement &&
        (text == NULL || strcmp(text, KIND_COMMIT) != 0))
        reader->bad_key = "kind";
}

static void decode_commit(struct reader *reader, const json_t *top)
{
    struct catalog_commit *commit = &reader->intent->commit;
    reader->object = json_object_get(top, "commit");
    commit->commit_no = (uint64_t)take_int(reader, "commit_no", 1, INT64_MAX);
    commit->range = take_range(reader);
    commit->schema_version = take_text(reader, "schema_version");
    commit->reason = take_text(reader, "reason");
    commit->row_count = take_int(reader, "row_count", 0, INT64_MAX);
    commit->dead_letter_count = take_int(reader, "dead_letter_count", 0, INT64_MAX);
    commit->null_decimal_count = take_int(reader, "null_decimal_count", 0, INT64_MAX);
    commit->replaced_memo_count = take_int(reader, "replaced_memo_count", 0, INT64_MAX);
    commit->digest_ledger = (uint32_t)take_int(reader, "digest_ledger", 0, UINT32_MAX);
    take_hex(reader, "digest_chain", commit->digest_chain, DIGEST_BYTES);
    take_contents(reader, "digest_contents", &commit->digest_contents);
    commit->last_close_us = take_int(reader, "last_close_us", INT64_MIN, INT64_MAX);
    commit->committed_us = take_int(reader, "committed_us", INT64_MIN, INT64_MAX);
    decode_unconfirmed(reader);
}

enum error_code intent_decode(struct intent *intent, struct bytes_view text, const char *path,
                              struct error *error)
{
    json_t *top = NULL;
    intent_init(intent);
    enum error_code code = json_text_parse(text, path, &top, error);
    if (code != OK)
        return code;
    struct reader reader = {.intent = intent, .object = top};
    if (take_int(&reader, "layout_version", 1, INT64_MAX) > CATALOG_LAYOUT_NEWEST) {
        code = error_set(error, ERR_CONFLICT,
                         "%s was written by a newer version: start that one to finish its commit",
                         path);
    } else {
        intent->lake_id = take_text(&reader, "lake_id");
        decode_kind(&reader, top);
        decode_commit(&reader, top);
        decode_files(&reader, top);
        decode_dead_letters(&reader, top);
        if (reader.bad_key == NULL && !reader.no_memory)
            reader.bad_key = intent_find_fault(intent);
        if (reader.no_memory)
            code = error_no_memory(error, path);
        else if (reader.bad_key != NULL)
            code = error_set(error, ERR_CORRUPT,
                             "%s is damaged (\"%s\"); it names files of a commit that was not "
                             "finished: restore it, or move it aside and run `verify`",
                             path, reader.bad_key);
    }
    json_decref(top);
    if (code != OK)
        intent_release(intent);
    return code;
}

enum error_code intent_read(struct intent *intent, const struct store *store, struct error *error)
{
    char path[OS_PATH_BYTES];
    struct buffer text;
    intent_init(intent);
    buffer_init(&text);
    enum error_code code = store_path(store, LAKE_INTENT, path, error);
    if (code == OK)
        code = store_read_whole(store, LAKE_INTENT, INTENT_LIMIT_BYTES, &text, error);
    if (code == ERR_LIMIT)
        code = error_set(error, ERR_CORRUPT,
                         "%s is larger than an intent can be (%d bytes): no commit of this program "
                         "wrote it; move it aside and run `verify`",
                         path, INTENT_LIMIT_BYTES);
    if (code == OK)
        code = intent_decode(intent, buffer_view(&text), path, error);
    buffer_release(&text);
    return code;
}

enum error_code intent_write(const struct intent *intent, const struct store *store,
                             struct error *error)
{
    struct buffer text;
    struct error ignored;
    buffer_init(&text);
    enum error_code code = intent_encode(intent, &text, error);
    if (code == OK) {
        code = store_replace(store, LAKE_INTENT, buffer_view(&text), error);
        if (code != OK) /* its name may stand there without being durable */
            (void)!store_remove(store, LAKE_INTENT, &ignored);
    }
    buffer_release(&text);
    return code;
}
