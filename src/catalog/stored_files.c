// SPDX-License-Identifier: Apache-2.0
#include "catalog/stored_files.h"

#include "catalog/care.h"
#include "catalog/handle.h"
#include "database/query.h"
#include "catalog/table_paths.h"
#include "os/clock.h"
#include "util/text.h"

static enum error_code read_file(struct query *query, enum stored_kind kind,
                                 struct stored_file *file, struct error *error)
{
    *file = (struct stored_file){.kind = kind,
                                 .id = query_int(query, 0),
                                 .path = query_text(query, 1),
                                 .path_is_absolute = query_int(query, 2) != 0,
                                 .is_live = query_int(query, 3) != 0,
                                 .is_parquet = query_int(query, 4) != 0,
                                 .size_bytes = query_int(query, 5),
                                 .footer_size_bytes = query_int(query, 6),
                                 .checksum = query_checksum(query, 7),
                                 .is_own = query_int(query, 8) != 0};
    if (!query_ok(query))
        return query->code;
    if (file->path != NULL && file->size_bytes >= 0 && file->footer_size_bytes >= 0)
        return OK;
    return error_set(
        error, ERR_CORRUPT,
        "catalog %s is damaged: the file with the id %lld has no path, or a size below "
        "zero",
        query->database->path, (long long)file->id);
}

static enum error_code visit_files(struct catalog *catalog, enum stored_kind kind, const char *sql,
                                   stored_file_visitor *visit, void *context, struct error *error)
{
    struct query query;
    query_begin_list(&query, &catalog->database, sql, BIND(sql_int(catalog->table_id)), error);
    while (query_next(&query)) {
        struct stored_file file;
        query_check(&query, read_file(&query, kind, &file, error));
        if (query_ok(&query))
            query_check(&query, visit(context, &file, error));
    }
    return query_end(&query);
}

enum error_code catalog_each_stored_file(struct catalog *catalog, stored_file_visitor *visit,
                                         void *context, struct error *error)
{
    enum error_code code = visit_files(
        catalog, STORED_DATA,
        TABLE_PATHS "SELECT f.data_file_id, " FULL_PATH(
            "f") ", f.end_snapshot IS NULL, 1, f.file_size_bytes, coalesce(f.footer_size, 0), "
                 "c.checksum, coalesce(f.table_id = ?1, FALSE) FROM ducklake_data_file f LEFT JOIN "
                 "t ON t.table_id "
                 "= f.table_id LEFT "
                 "JOIN ttp_commit_files c ON c.data_file_id = f.data_file_id AND (c.path = f.path "
                 "OR "
                 "f.path = '" CATALOG_RETIRED_PREFIX "' || c.path || '" CATALOG_RETIRED_SUFFIX "')",
        visit, context, error);
    if (code == OK)
        code = visit_files(
            catalog, STORED_DELETES,
            TABLE_PATHS "SELECT f.delete_file_id, " FULL_PATH(
                "f") ", f.end_snapshot IS NULL, coalesce(f.format, 'parquet') = 'parquet', "
                     "coalesce(f.file_size_bytes, 0), coalesce(f.footer_size, 0), NULL, "
                     "coalesce(f.table_id = ?1, "
                     "FALSE) FROM "
                     "ducklake_delete_file f LEFT JOIN t ON t.table_id = f.table_id",
            visit, context, error);
    return code;
}

enum error_code catalog_each_leftover(struct catalog *catalog, stored_leftover_visitor *visit,
                                      void *context, struct error *error)
{
    struct query query;
    query_begin_list(
        &query, &catalog->database,
        "SELECT coalesce(data_file_id, 0), path, NOT coalesce(path_is_relative, TRUE) FROM "
        "ducklake_files_scheduled_for_deletion WHERE path IS NOT NULL",
        NO_VALUES, error);
    while (query_next(&query)) {
        struct stored_leftover leftover = {query_int(&query, 0), query_text(&query, 1)};
        bool is_absolute = query_int(&query, 2) != 0;
        if (query_ok(&query))
            query_check(&query, visit(context, &leftover, is_absolute, error));
    }
    return query_end(&query);
}

static enum error_code set_place(struct catalog *catalog, const struct stored_place *place,
                                 struct error *error)
{
    static const char *const statements[] = {
        [STORED_DATA] = "UPDATE ducklake_data_file SET path = ?2, path_is_relative = ?3 WHERE "
                        "data_file_id = ?1",
        [STORED_DELETES] = "UPDATE ducklake_delete_file SET path = ?2, path_is_relative = ?3 "
                           "WHERE delete_file_id = ?1",
    };
    return database_run(
        &catalog->database, statements[place->kind],
        BIND(sql_int(place->id), sql_text(place->path), sql_bool(!place->is_absolute)), error);
}

static enum error_code list_leftover(struct catalog *catalog,
                                     const struct stored_leftover *leftover, const char *time,
                                     struct error *error)
{
    return database_run(&catalog->database,
                        "INSERT INTO ducklake_files_scheduled_for_deletion VALUES(?1,?2,TRUE,?3)",
                        BIND(sql_int(leftover->id), sql_text(leftover->path), sql_text(time)),
                        error);
}

enum error_code catalog_change_stored_files(struct catalog *catalog,
                                            const struct stored_changes *changes,
                                            struct error *error)
{
    char time[TEXT_TIME_BYTES];
    text_timestamptz(os_realtime_us(), time);
    enum error_code code = database_begin_write(&catalog->database, error);
    if (code != OK)
        return code;
    for (size_t i = 0; code == OK && i < changes->place_count; i++)
        code = set_place(catalog, &changes->places[i], error);
    if (code == OK && !changes->keeps_listed)
        code = database_run(&catalog->database, "DELETE FROM ducklake_files_scheduled_for_deletion",
                            NO_VALUES, error);
    for (size_t i = 0; code == OK && i < changes->leftover_count; i++)
        code = list_leftover(catalog, &changes->leftovers[i], time, error);
    return database_end(&catalog->database, code, error);
}
