// SPDX-License-Identifier: Apache-2.0
#include "care/rebuild_files.h"

#include <string.h>

#include "lake/data_file.h"
#include "lake/inventory.h"
#include "sink/provenance.h"

#define OUR_NAME_PREFIX "ttp_events_"

static bool has_our_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    return strncmp(name, OUR_NAME_PREFIX, strlen(OUR_NAME_PREFIX)) == 0;
}

static bool take_numbers(const struct parquet_file_metadata *metadata, struct found_file *file)
{
    uint64_t first, last;
    if (!provenance_number(metadata, PROVENANCE_COMMIT_NO, INT64_MAX, &file->commit_no) ||
        !provenance_number(metadata, PROVENANCE_FIRST_LEDGER, UINT32_MAX, &first) ||
        !provenance_number(metadata, PROVENANCE_LAST_LEDGER, UINT32_MAX, &last) ||
        !provenance_number(metadata, PROVENANCE_COMMIT_FILES, INT64_MAX, &file->commit_files) ||
        !provenance_number(metadata, PROVENANCE_COMMIT_ROWS, INT64_MAX, &file->commit_rows) ||
        !provenance_number(metadata, PROVENANCE_FILE_ROWS, INT64_MAX, &file->file_rows))
        return false;
    file->range = (struct ledger_range){(uint32_t)first, (uint32_t)last};
    return file->commit_no > 0 && first <= last && file->commit_files > 0;
}

static enum error_code take_text(const struct parquet_file_metadata *metadata,
                                 enum provenance_key key, struct arena *arena, const char **text,
                                 struct error *error)
{
    const char *found = provenance_text(metadata, key);
    *text = arena_copy_text(arena, bytes_view_text(found == NULL ? "" : found));
    return *text == NULL ? error_no_memory(error, "a file's metadata") : OK;
}

/* Whether the file has all columns of the first schema version: DuckDB merged, rewrote or inserted
 * rows of the lake's table, or somebody copied them. */
static bool has_our_columns(const struct parquet_file_metadata *metadata)
{
    const struct row_schema *schema = &row_schemas[0];
    for (size_t i = 0; i < schema->column_count; i++)
        if (parquet_metadata_column(metadata, schema->columns[i].name) < 0)
            return false;
    return true;
}

/* Whose rows a file holds that took the place of others. One that names them wrongly is no
 * FOUND_DATA. */
static enum error_code take_shares(const struct parquet_file_metadata *metadata,
                                   struct arena *arena, struct found_file *file, bool *good,
                                   struct error *error)
{
    const char *text = provenance_text(metadata, PROVENANCE_COMMITS);
    struct buffer commits;
    struct error unreadable;
    *good = true;
    if (text == NULL)
        return OK;
    buffer_init(&commits);
    enum error_code code = provenance_parse_commits(text, file->path, &commits, &unreadable);
    struct provenance_commit *shares = arena_alloc(arena, commits.size_bytes + 1);
    if (code == ERR_NO_MEMORY || shares == NULL) {
        code = error_no_memory(error, "a file's metadata");
    } else if (code != OK) {
        *good = false;
        code = OK;
    } else {
        memcpy(shares, commits.data, commits.size_bytes);
        file->shares = shares;
        file->share_count = LIST_COUNT(&commits, struct provenance_commit);
    }
    buffer_release(&commits);
    return code;
}

/* What a readable footer says. */
static enum error_code classify(const struct parquet_file_metadata *metadata, struct arena *arena,
                                struct found_file *file, struct error *error)
{
    file->kind = FOUND_STRANGER;
    file->reason = "its metadata name no lake";
    enum error_code code = take_text(metadata, PROVENANCE_LAKE_ID, arena, &file->lake_id, error);
    if (code == OK)
        code = take_text(metadata, PROVENANCE_NETWORK, arena, &file->network, error);
    if (code == OK)
        code = take_text(metadata, PROVENANCE_PARTITION, arena, &file->partition, error);
    if (code == OK && file->lake_id[0] == '\0' && has_our_columns(metadata)) {
        file->table_rows = (uint64_t)metadata->row_count;
        file->reason = "it has the columns of the lake's table, but its metadata name no lake: "
                       "DuckDB merged, rewrote or inserted these rows";
    }
    if (code != OK || file->lake_id[0] == '\0')
        return code;
    file->kind = FOUND_DAMAGED;
    file->reason = "its metadata do not say which commit it is of";
    const char *version = provenance_text(metadata, PROVENANCE_SCHEMA_VERSION);
    if (version == NULL || !take_numbers(metadata, file))
        return OK;
    file->schema = row_schema_find(version);
    if (file->schema == NULL)
        return error_set(error, ERR_CONFLICT,
                         "%s has schema version %s, which this version does not know: use a newer "
                         "parquet-consumer",
                         file->path, version);
    bool good;
    code = take_shares(metadata, arena, file, &good, error);
    if (code != OK || !good)
        return code;
    file->kind = FOUND_DATA;
    file->reason = NULL;
    return OK;
}

static enum error_code read_footer(const char *root, struct arena *arena, struct found_file *file,
                                   struct error *error)
{
    struct lake_data_file data_file;
    struct parquet_file_metadata metadata;
    struct error failure;
    error_clear(&failure);
    enum error_code code = lake_data_file_open(&data_file, root, file->path, &failure);
    if (code == OK)
        code = parquet_metadata_read(&data_file.source, &metadata, &failure);
    if (code == OK) {
        code = classify(&metadata, arena, file, &failure);
        parquet_metadata_release(&metadata);
    } else if (code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT) {
        file->kind = has_our_name(file->path) ? FOUND_DAMAGED : FOUND_STRANGER;
        file->reason = arena_copy_text(arena, bytes_view_text(failure.message));
        code = file->reason == NULL ? error_no_memory(&failure, "a file's fault") : OK;
    }
    lake_data_file_release(&data_file);
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

enum error_code found_files_read(const char *root, struct arena *arena, struct buffer *files,
                                 struct buffer *linked, struct error *error)
{
    struct inventory inventory;
    inventory_init(&inventory);
    enum error_code code = inventory_read_disk(&inventory, root, error);
    size_t count = LIST_COUNT(&inventory.disk_files, struct inventory_disk_file);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct inventory_disk_file *found =
            LIST_AT(&inventory.disk_files, struct inventory_disk_file, i);
        struct found_file file = {.lake_id = "", .network = "", .partition = ""};
        file.path = arena_copy_text(arena, bytes_view_text(found->path));
        code = file.path == NULL ? error_no_memory(error, "the list of files")
                                 : read_footer(root, arena, &file, error);
        if (code == OK && buffer_append(files, &file, sizeof file) != OK)
            code = error_no_memory(error, "the list of files");
    }
    for (size_t i = 0; code == OK && i < LIST_COUNT(&inventory.linked, const char *); i++) {
        const char *path =
            arena_copy_text(arena, bytes_view_text(*LIST_AT(&inventory.linked, const char *, i)));
        if (path == NULL || buffer_append(linked, &path, sizeof path) != OK)
            code = error_no_memory(error, "the list of links");
    }
    inventory_release(&inventory);
    return code;
}
