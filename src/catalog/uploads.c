// SPDX-License-Identifier: Apache-2.0
#include "catalog/uploads.h"

#include <inttypes.h>
#include <stdio.h>

#include "catalog/handle.h"
#include "database/row_insert.h"
#include "catalog/tables.h"

/* Rows of one statement. */
#define UPLOADS_AT_ONCE (ROW_INSERT_VALUES_MAX / 8)

static enum error_code has_table(struct catalog *catalog, bool *there, struct error *error)
{
    return database_has_table(&catalog->database, "ttp_upload", there, error);
}

static enum error_code insert(struct database *database, const struct catalog_upload *uploads,
                              size_t count, struct error *error)
{
    /* Its own rows may be there: of a statement whose answer was lost. */
    static const char *const unless_others =
        " ON CONFLICT(path) DO UPDATE SET created_us = excluded.created_us WHERE "
        "ttp_upload.commit_uuid = excluded.commit_uuid AND ttp_upload.swept_us IS NULL RETURNING 1";
    struct row_insert insert;
    char checksums[UPLOADS_AT_ONCE + 1][17]; /* of those of a statement, and of the next one */
    row_insert_begin(&insert, database, "ttp_upload", 8, ",NULL", error);
    row_insert_return(&insert, unless_others);
    for (size_t i = 0; i < count; i++) {
        const struct catalog_upload *upload = &uploads[i];
        char *checksum = checksums[i % (UPLOADS_AT_ONCE + 1)];
        snprintf(checksum, sizeof checksums[0], "%016" PRIx64, upload->checksum);
        row_insert_add(&insert, BIND(sql_text(upload->path), sql_text(upload->commit_uuid),
                                     sql_int_unless_zero((int64_t)upload->lease_id),
                                     sql_int((int64_t)upload->epoch), sql_text(upload->holder),
                                     sql_int(upload->size_bytes), sql_text(checksum),
                                     sql_int(upload->created_us)));
    }
    enum error_code code = row_insert_end(&insert);
    if (code != OK || insert.returned == count)
        return code;
    return error_set(error, ERR_CONFLICT,
                     "catalog %s: an object of that name is being put, or was given up",
                     database->path);
}

static enum error_code insert_first(struct database *database, const struct catalog_upload *uploads,
                                    size_t count, struct error *error)
{
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_execute(database, catalog_upload_table, error);
    if (code == OK)
        code = insert(database, uploads, count, error);
    return database_end(database, code, error);
}

enum error_code catalog_begin_uploads(struct catalog *catalog, const struct catalog_upload *uploads,
                                      size_t count, struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = catalog->is_shared && catalog->has_uploads
                               ? insert(database, uploads, count, error)
                               : insert_first(database, uploads, count, error);
    catalog->has_uploads = code == OK;
    return code;
}

#define OF_COMMIT " FROM ttp_upload WHERE commit_uuid = ?1 AND swept_us IS NULL"

enum error_code catalog_end_uploads(struct catalog *catalog, const char *commit_uuid, size_t count,
                                    struct error *error)
{
    static const struct query_demand unless = {
        ERR_IO, "another process of this lake has given this commit up"};
    struct database *database = &catalog->database;
    enum error_code code =
        database_demand(database, "SELECT 1 WHERE (SELECT count(*)" OF_COMMIT ") = ?2",
                        BIND(sql_text(commit_uuid), sql_int((int64_t)count)), &unless, error);
    return code == OK
               ? database_run(database, "DELETE" OF_COMMIT, BIND(sql_text(commit_uuid)), error)
               : code;
}

#define GIVEN_UP_BY "swept_us IS NULL AND (CAST(?1 AS VARCHAR) IS NULL OR commit_uuid = ?1)"
/* Of processes that lost their lease, or worked without one: those had the lake alone, and it is
 * somebody else's now. */
#define IS_DEAD                                                                                    \
    "NOT EXISTS (SELECT 1 FROM ttp_lease l WHERE l.lease_id = ttp_upload.lease_id AND l.epoch = "  \
    "ttp_upload.epoch AND l.holder = ttp_upload.holder AND NOT l.done)"

static enum error_code give_up(struct database *database, const char *commit_uuid, int64_t now_us,
                               uint64_t *count, struct error *error)
{
    int64_t found = 0;
    bool has_leases = false;
    enum error_code code =
        commit_uuid == NULL ? database_has_table(database, "ttp_lease", &has_leases, error) : OK;
    if (code == OK)
        code = database_query_int(database,
                                  has_leases ? "SELECT count(*) FROM ttp_upload WHERE " GIVEN_UP_BY
                                               " AND " IS_DEAD
                                             : "SELECT count(*) FROM ttp_upload WHERE " GIVEN_UP_BY,
                                  BIND(sql_text(commit_uuid)), &found, error);
    if (code == OK && found > 0)
        code = database_run(database,
                            has_leases ? "UPDATE ttp_upload SET swept_us = ?2 WHERE " GIVEN_UP_BY
                                         " AND " IS_DEAD
                                       : "UPDATE ttp_upload SET swept_us = ?2 WHERE " GIVEN_UP_BY,
                            BIND(sql_text(commit_uuid), sql_int(now_us)), error);
    if (count != NULL)
        *count = (uint64_t)found;
    return code;
}

enum error_code catalog_give_up_uploads(struct catalog *catalog, const char *commit_uuid,
                                        int64_t now_us, uint64_t *count, struct error *error)
{
    struct database *database = &catalog->database;
    bool there = false;
    if (count != NULL)
        *count = 0;
    enum error_code code = has_table(catalog, &there, error);
    if (code == OK && there)
        code = database_begin_write(database, error);
    if (code != OK || !there)
        return code;
    code = give_up(database, commit_uuid, now_us, count, error);
    return database_end(database, code, error);
}

enum error_code catalog_forget_upload(struct catalog *catalog, const char *path,
                                      struct error *error)
{
    struct database *database = &catalog->database;
    enum error_code code = database_begin_write(database, error);
    if (code != OK)
        return code;
    code = database_run(database, "DELETE FROM ttp_upload WHERE path = ?1 AND swept_us IS NOT NULL",
                        BIND(sql_text(path)), error);
    return database_end(database, code, error);
}

enum error_code catalog_each_upload(struct catalog *catalog, catalog_upload_visitor *visit,
                                    void *context, struct error *error)
{
    struct query query;
    bool there = false;
    enum error_code code = has_table(catalog, &there, error);
    if (code != OK || !there)
        return code;
    query_begin_list(&query, &catalog->database,
                     "SELECT path, commit_uuid, holder, size_bytes, checksum, created_us, "
                     "coalesce(swept_us, 0) AS swept_us FROM ttp_upload ORDER BY path",
                     NO_VALUES, error);
    while (query_next(&query)) {
        struct catalog_upload upload = {.path = query_text(&query, 0),
                                        .commit_uuid = query_text(&query, 1),
                                        .holder = query_text(&query, 2),
                                        .size_bytes = query_int(&query, 3),
                                        .checksum = query_checksum(&query, 4),
                                        .created_us = query_int(&query, 5),
                                        .swept_us = query_int(&query, 6)};
        if (upload.path != NULL)
            query_check(&query, visit(context, &upload, error));
    }
    return query_end(&query);
}

enum error_code catalog_has_old_upload(struct catalog *catalog, int64_t before_us, bool *has,
                                       struct error *error)
{
    bool there = false;
    *has = false;
    enum error_code code = has_table(catalog, &there, error);
    return code == OK && there
               ? database_has(&catalog->database,
                              catalog->is_shared
                                  ? "SELECT 1 FROM ttp_upload WHERE swept_us < ?1 OR "
                                    "(swept_us IS NULL AND " IS_DEAD ") LIMIT 1"
                                  : "SELECT 1 FROM ttp_upload WHERE swept_us < ?1",
                              BIND(sql_int(before_us)), has, error)
               : code;
}

enum error_code catalog_upload_is_known(struct catalog *catalog, const char *path, bool *known,
                                        struct error *error)
{
    return database_has(&catalog->database,
                        "SELECT 1 FROM ttp_commit_files WHERE path = ?1 UNION ALL SELECT 1 FROM "
                        "ttp_dead_letters WHERE '_lake/' || path = ?1",
                        BIND(sql_text(path)), known, error);
}

enum error_code catalog_forget_uploads(struct catalog *catalog, struct error *error)
{
    bool there = false;
    enum error_code code = has_table(catalog, &there, error);
    return code == OK && there
               ? database_execute(&catalog->database, "DELETE FROM ttp_upload", error)
               : code;
}
