// SPDX-License-Identifier: Apache-2.0
#include "commit/lake_file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "util/json_text.h"
#include "catalog/catalog.h"
#include "util/memory.h"

/* Some 20,000 pruned ranges, which touch each other in nearly every lake and are one then. More
 * would take each command seconds to parse. */
#define LAKE_FILE_LIMIT_BYTES (1024 * 1024)

void lake_file_init(struct lake_file *lake)
{
    *lake = (struct lake_file){.layout_version = CATALOG_LAYOUT_FIRST};
}

void lake_file_release(struct lake_file *lake)
{
    ledger_set_release(&lake->pruned);
    lake_file_init(lake);
}

static bool take_text(const json_t *object, const char *key, char *out, size_t out_bytes)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL || strlen(text) >= out_bytes)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static enum error_code decode(struct lake_file *lake, const json_t *object, const char *path,
                              struct error *error)
{
    const json_t *layout = json_object_get(object, "layout_version");
    if (!json_is_integer(layout))
        return error_set(error, ERR_CORRUPT, "%s does not say its layout_version", path);
    if (json_integer_value(layout) > LAKE_LAYOUT_ELSEWHERE)
        return error_set(error, ERR_CONFLICT,
                         "%s has layout %lld; this version knows layouts up to %d: use a newer "
                         "parquet-consumer",
                         path, (long long)json_integer_value(layout), LAKE_LAYOUT_ELSEWHERE);
    if (json_integer_value(layout) < 1)
        return error_set(error, ERR_CORRUPT, "%s has layout %lld, which no version ever had", path,
                         (long long)json_integer_value(layout));
    lake->layout_version = (int)json_integer_value(layout);
    if (!take_text(object, "lake_id", lake->lake_id, sizeof lake->lake_id) ||
        !take_text(object, "network", lake->network, sizeof lake->network) ||
        !take_text(object, "scheme", lake->scheme, sizeof lake->scheme))
        return error_set(error, ERR_CORRUPT,
                         "%s has no lake_id, network or scheme; restore it from a backup", path);
    if ((json_object_get(object, "catalog") != NULL &&
         !take_text(object, "catalog", lake->catalog, sizeof lake->catalog)) ||
        (json_object_get(object, "catalog_schema") != NULL &&
         !take_text(object, "catalog_schema", lake->catalog_schema, sizeof lake->catalog_schema)))
        return error_set(error, ERR_CORRUPT,
                         "%s does not say where the catalog is; restore it from a backup", path);
    lake->creating = json_is_true(json_object_get(object, "creating"));
    return json_text_get_ranges(object, "pruned", &lake->pruned, path, error);
}

enum error_code lake_file_parse(struct lake_file *lake, struct bytes_view text, const char *path,
                                struct error *error)
{
    json_t *object = NULL;
    lake_file_init(lake);
    enum error_code code = json_text_parse(text, path, &object, error);
    if (code == OK)
        code = decode(lake, object, path, error);
    json_decref(object);
    if (code != OK)
        lake_file_release(lake);
    return code;
}

enum error_code lake_file_read(struct lake_file *lake, const struct store *store,
                               struct error *error)
{
    char path[OS_PATH_BYTES];
    struct buffer text;
    lake_file_init(lake);
    buffer_init(&text);
    enum error_code code = store_path(store, LAKE_FILE, path, error);
    if (code == OK)
        code = store_read_whole(store, LAKE_FILE, LAKE_FILE_LIMIT_BYTES, &text, error);
    if (code == ERR_LIMIT)
        code = error_set(error, ERR_CORRUPT,
                         "%s is larger than it can be (%d bytes): it was changed by hand, or is "
                         "damaged; restore it from a backup, or make it anew with "
                         "`parquet-consumer rebuild`",
                         path, LAKE_FILE_LIMIT_BYTES);
    if (code == OK)
        code = lake_file_parse(lake, buffer_view(&text), path, error);
    buffer_release(&text);
    return code;
}

enum error_code lake_file_read_at(struct lake_file *lake, const char *output_path,
                                  struct error *error)
{
    struct store store;
    lake_file_init(lake);
    enum error_code code = store_at(&store, output_path, error);
    return code == OK ? lake_file_read(lake, &store, error) : code;
}

static enum error_code write_file(const struct lake_file *lake, const struct store *store,
                                  bool is_first, struct error *error)
{
    struct buffer text;
    json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:b, s:o}", "layout_version",
                               lake->layout_version, "lake_id", lake->lake_id, "network",
                               lake->network, "scheme", lake->scheme, "creating", lake->creating,
                               "pruned", json_text_ranges(lake->pruned.ranges, lake->pruned.count));
    buffer_init(&text);
    if (lake->catalog[0] != '\0' &&
        (json_object_set_new(object, "catalog", json_string(lake->catalog)) != 0 ||
         json_object_set_new(object, "catalog_schema", json_string(lake->catalog_schema)) != 0)) {
        json_decref(object);
        return error_no_memory(error, "lake.json");
    }
    enum error_code code = json_text_dump(object, true, &text, error);
    if (code == OK && text.size_bytes > LAKE_FILE_LIMIT_BYTES)
        code = error_set(error, ERR_LIMIT,
                         "%s/" LAKE_FILE
                         " would be larger than %d bytes: the lake has %zu pruned ranges of "
                         "ledgers that do not touch",
                         store->root, LAKE_FILE_LIMIT_BYTES, lake->pruned.count);
    if (code == OK)
        code =
            (is_first ? store_create : store_replace)(store, LAKE_FILE, buffer_view(&text), error);
    buffer_release(&text);
    json_decref(object);
    return code;
}

enum error_code lake_file_write(const struct lake_file *lake, const struct store *store,
                                struct error *error)
{
    return write_file(lake, store, false, error);
}

enum error_code lake_file_create(const struct lake_file *lake, const struct store *store,
                                 struct error *error)
{
    return write_file(lake, store, true, error);
}
