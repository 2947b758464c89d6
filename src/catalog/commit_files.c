// SPDX-License-Identifier: Apache-2.0
#include "catalog/commit_files.h"

#include <inttypes.h>
#include <stdio.h>

#include "database/query.h"

#define CHECKSUM_HEX_BYTES 17

enum error_code commit_files_insert(struct database *database, const struct catalog_commit *commit,
                                    const int64_t *data_file_ids, struct error *error)
{
    struct query query;
    query_prepare(&query, database, "INSERT INTO ttp_commit_files VALUES(?,?,?,?,?,?,?,?)", error);
    for (size_t i = 0; i < commit->file_count; i++) {
        const struct catalog_file *file = &commit->files[i];
        char checksum[CHECKSUM_HEX_BYTES];
        snprintf(checksum, sizeof checksum, "%016" PRIx64, file->checksum);
        query_run(&query,
                  BIND(sql_int(data_file_ids[i]), sql_int(commit->commit_no), sql_text(file->path),
                       sql_int(file->record_count), sql_int(file->file_size_bytes),
                       sql_text(checksum), sql_int(file->range.first), sql_int(file->range.last)));
    }
    return query_end(&query);
}

enum error_code commit_files_insert_letters(struct database *database, uint64_t commit_no,
                                            const struct catalog_commit *letters,
                                            struct error *error)
{
    char checksum[CHECKSUM_HEX_BYTES];
    snprintf(checksum, sizeof checksum, "%016" PRIx64, letters->dead_letters_checksum);
    return database_run(database, "INSERT INTO ttp_dead_letters VALUES(?,?,?,?)",
                        BIND(sql_int(commit_no), sql_text(letters->dead_letters_path),
                             sql_text(checksum), sql_int(letters->dead_letter_count)),
                        error);
}
