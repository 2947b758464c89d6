// SPDX-License-Identifier: Apache-2.0
#include "sink/file_description.h"

#include <string.h>

#include "os/file.h"
#include "sink/statistics.h"

/* Names tried for one file before giving up: more than a ledger a second could ever take. */
#define NAME_ATTEMPT_MAX 10000

_Static_assert(PARTITION_TRANSFORM_MAX <= CATALOG_PARTITION_MAX, "partition columns fit");

/* The ledgers of a file's rows, from its statistics: the writer gives both bounds of numbers. */
static struct ledger_range ledgers_of(const struct parquet_column_statistics *statistics)
{
    struct ledger_range range = {0};
    if (statistics->has_bounds && statistics->min_value.size_bytes == sizeof range.first &&
        statistics->max_value.size_bytes == sizeof range.last) {
        memcpy(&range.first, statistics->min_value.data, sizeof range.first);
        memcpy(&range.last, statistics->max_value.data, sizeof range.last);
    }
    return range;
}

static enum error_code describe_statistics(const struct data_file *file,
                                           const struct row_schema *schema, struct arena *arena,
                                           struct catalog_file *out, struct error *error)
{
    struct catalog_column_statistics *columns =
        arena_alloc(arena, schema->column_count * sizeof *columns);
    if (columns == NULL)
        return error_no_memory(error, "a file's statistics");
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < schema->column_count; i++) {
        struct parquet_column_statistics statistics;
        parquet_writer_column_statistics(file->writer, i, &statistics);
        code = statistics_to_catalog(&schema->columns[i], &statistics, arena, &columns[i], error);
        if (schema->columns[i].id == COLUMN_LEDGER_SEQUENCE)
            out->range = ledgers_of(&statistics);
    }
    out->statistics = columns;
    out->statistics_count = schema->column_count;
    return code;
}

static enum error_code describe_partition(const struct data_file *file,
                                          enum partitioning_scheme scheme, struct arena *arena,
                                          struct catalog_file *out, struct error *error)
{
    char values[PARTITION_TRANSFORM_MAX][32];
    unsigned count;
    partition_transforms(scheme, &count);
    partition_values(scheme, file->key, values);
    for (unsigned i = 0; i < count; i++) {
        out->partition_values[i] = arena_copy_text(arena, bytes_view_text(values[i]));
        if (out->partition_values[i] == NULL)
            return error_no_memory(error, "a file's partition");
    }
    return OK;
}

enum error_code file_description_make(const struct data_file *file,
                                      const struct data_file_setup *setup,
                                      enum partitioning_scheme scheme, struct arena *arena,
                                      struct catalog_file *out, struct error *error)
{
    *out = (struct catalog_file){.record_count = file->row_count,
                                 .file_size_bytes = (int64_t)file->staged.size_bytes,
                                 .footer_size_bytes = (int64_t)file->footer_size_bytes,
                                 .checksum = staged_file_checksum(&file->staged)};
    enum error_code code = describe_statistics(file, setup->schema, arena, out, error);
    return code == OK ? describe_partition(file, scheme, arena, out, error) : code;
}

static bool is_named(const struct catalog_file *named, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(named[i].path, path) == 0)
            return true;
    return false;
}

/* Nobody else can have, or have had, such a name; only `named`, of the same commit. */
static enum error_code name_object(const struct data_file *file, enum partitioning_scheme scheme,
                                   const struct catalog_file *named, size_t count,
                                   const char *directory, const char *commit_uuid,
                                   struct arena *arena, const char **chosen, struct error *error)
{
    char name[PARTITION_PATH_BYTES], path[OS_PATH_BYTES] = "";
    enum error_code code = OK;
    for (unsigned attempt = 1; code == OK && attempt <= count + 1; attempt++) {
        partition_object_name(scheme, file->key, file->first_close_us, attempt, commit_uuid, name);
        code = os_path_join(path, directory, name, error);
        if (code == OK && !is_named(named, count, path))
            break;
    }
    if (code != OK)
        return code;
    *chosen = arena_copy_text(arena, bytes_view_text(path));
    return *chosen == NULL ? error_no_memory(error, "a file's path") : OK;
}

enum error_code file_description_name(const struct data_file *file, const struct store *store,
                                      struct catalog *catalog, enum partitioning_scheme scheme,
                                      const struct catalog_file *named, size_t count,
                                      const char *commit_uuid, struct arena *arena,
                                      const char **chosen, struct error *error)
{
    char directory[PARTITION_PATH_BYTES], name[PARTITION_PATH_BYTES];
    char path[OS_PATH_BYTES];
    partition_directory(scheme, file->key, directory);
    if (commit_uuid != NULL)
        return name_object(file, scheme, named, count, directory, commit_uuid, arena, chosen,
                           error);
    for (unsigned attempt = 1; attempt <= NAME_ATTEMPT_MAX; attempt++) {
        bool known = false;
        partition_file_name(scheme, file->key, file->first_close_us, attempt, name);
        enum error_code code = os_path_join(path, directory, name, error);
        if (code == OK)
            code = catalog_path_is_known(catalog, path, &known, error);
        if (code != OK)
            return code;
        if (known || is_named(named, count, path) || store_exists(store, path))
            continue;
        *chosen = arena_copy_text(arena, bytes_view_text(path));
        return *chosen == NULL ? error_no_memory(error, "a file's path") : OK;
    }
    return error_set(error, ERR_LIMIT, "%d files named %s exist in %s", NAME_ATTEMPT_MAX, name,
                     directory);
}
