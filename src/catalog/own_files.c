// SPDX-License-Identifier: Apache-2.0
#include "catalog/own_files.h"

#include <stdio.h>

#include "catalog/handle.h"
#include "catalog/history.h"
#include "catalog/inlined.h"
#include "database/query.h"

#define SQL_BYTES 2048

#define OF_COMMITS                                                                                 \
    "SELECT d.data_file_id, d.path, k.schema_version, d.record_count, d.file_size_bytes, "         \
    "f.checksum, f.first_ledger, f.last_ledger, 0 FROM ducklake_data_file d JOIN "                 \
    "ttp_commit_files f ON f.data_file_id = d.data_file_id JOIN ttp_commits k ON k.commit_no = "   \
    "f.commit_no AND k.ended_us IS NULL"
#define REPLACING                                                                                  \
    "SELECT d.data_file_id, d.path, (SELECT k.schema_version FROM ttp_file_commits m JOIN "        \
    "ttp_commits k ON k.commit_no = m.commit_no WHERE m.data_file_id = d.data_file_id LIMIT 1), "  \
    "d.record_count, d.file_size_bytes, f.checksum, f.first_ledger, f.last_ledger, 1 FROM "        \
    "ducklake_data_file d JOIN ttp_commit_files f ON f.data_file_id = d.data_file_id JOIN "        \
    "ttp_replacements r ON r.commit_no = f.commit_no"
#define UNTOUCHED                                                                                  \
    " WHERE d.table_id = ?1 AND d.data_file_id >= ?2 AND f.data_file_id >= ?2 AND d.end_snapshot " \
    "IS NULL AND d.path_is_relative AND "                                                          \
    "NOT EXISTS (SELECT 1 FROM ducklake_delete_file x WHERE "                                      \
    "x.data_file_id = d.data_file_id AND x.end_snapshot IS NULL)"

static enum error_code read_file(struct query *query, struct catalog_own_file *file,
                                 struct error *error)
{
    *file = (struct catalog_own_file){.data_file_id = query_int(query, 0),
                                      .path = query_text(query, 1),
                                      .schema_version = query_text(query, 2),
                                      .record_count = query_counter(query, 3),
                                      .file_size_bytes = query_counter(query, 4),
                                      .checksum = query_checksum(query, 5),
                                      .range = query_range(query, 6),
                                      .is_replacing = query_int(query, 8) != 0};
    if (file->path != NULL && file->schema_version != NULL)
        return OK;
    return error_set(error, ERR_CORRUPT, "catalog %s: data file %lld has no path or no commits",
                     query->database->path, (long long)file->data_file_id);
}

enum error_code catalog_each_own_file(struct catalog *catalog, int64_t from_file,
                                      catalog_own_file_visitor *visit, void *context,
                                      struct error *error)
{
    struct query query;
    char name[INLINED_NAME_BYTES], inlined[INLINED_NAME_BYTES + 128] = "", sql[SQL_BYTES];
    bool replaces = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_replacements", &replaces, error);
    if (code == OK)
        code = inlined_delete_table(&catalog->database, catalog->table_id, name, error);
    if (code != OK)
        return code;
    if (name[0] != '\0')
        snprintf(inlined, sizeof inlined,
                 " AND NOT EXISTS (SELECT 1 FROM \"%s\" i WHERE i.file_id = d.data_file_id)", name);
    snprintf(sql, sizeof sql, OF_COMMITS UNTOUCHED "%s%s%s%s ORDER BY 7, 1", inlined,
             replaces ? " UNION ALL " REPLACING : "", replaces ? UNTOUCHED : "",
             replaces ? inlined : "");
    query_begin_list(&query, &catalog->database, sql,
                     BIND(sql_int(catalog->table_id), sql_int(from_file)), error);
    while (query_next(&query)) {
        struct catalog_own_file file;
        query_check(&query, read_file(&query, &file, error));
        if (query_ok(&query))
            query_check(&query, visit(context, &file, error));
    }
    return query_end(&query);
}

/* Whose rows the data file ?1 holds: a commit's own, or one that took the place of others. */
#define FACTS                                                                                      \
    "SELECT k.commit_no, k.first_ledger, k.last_ledger, k.row_count, k.file_count, "               \
    "f.record_count, l.path FROM "
#define OF_COMMIT                                                                                  \
    FACTS "ttp_commit_files f JOIN ttp_commits k ON k.commit_no = f.commit_no LEFT JOIN "          \
          "ttp_dead_letters l ON l.commit_no = k.commit_no WHERE f.data_file_id = ?1"
#define OF_SHARE                                                                                   \
    FACTS "ttp_file_commits f JOIN ttp_commits k ON k.commit_no = f.commit_no LEFT JOIN "          \
          "ttp_dead_letters l ON l.commit_no = k.commit_no WHERE f.data_file_id = ?1"

enum error_code catalog_each_file_commit(struct catalog *catalog, int64_t data_file_id,
                                         catalog_file_commit_visitor *visit, void *context,
                                         struct error *error)
{
    struct query query;
    bool replaces = false;
    enum error_code code =
        database_has_table(&catalog->database, "ttp_file_commits", &replaces, error);
    if (code != OK)
        return code;
    query_begin(&query, &catalog->database,
                replaces ? OF_COMMIT " UNION ALL " OF_SHARE " ORDER BY 1" : OF_COMMIT,
                BIND(sql_int(data_file_id)), error);
    while (query_next(&query)) {
        struct catalog_file_commit commit = {
            .commit_no = (uint64_t)query_int(&query, 0),
            .range = query_range(&query, 1),
            .row_count = query_counter(&query, 3),
            .file_count = query_counter(&query, 4),
            .file_rows = query_counter(&query, 5),
            .letters_no = catalog_dead_letters_number(query_text(&query, 6))};
        if (query_ok(&query))
            query_check(&query, visit(context, &commit, error));
    }
    return query_end(&query);
}
