// SPDX-License-Identifier: Apache-2.0
/* ducklake_end_files: data files that leave the table. */
#include <stdio.h>

#include "catalog/ducklake.h"

#define SQL_BYTES 8192
/* The table's sum without the files', and nothing below zero. */
#define LESS(sum)                                                                                  \
    "CASE WHEN ducklake_table_stats." sum " > coalesce(sum(d." sum "), 0) THEN "                   \
    "ducklake_table_stats." sum " - coalesce(sum(d." sum "), 0) ELSE 0 END"

enum error_code ducklake_end_files(struct database *database, const char *live_files,
                                   struct sql_values values, struct error *error)
{
    char sql[SQL_BYTES];
    int length = snprintf(sql, sizeof sql,
                          "UPDATE ducklake_table_stats SET (record_count, file_size_bytes) = "
                          "(SELECT " LESS("record_count") ", " LESS(
                              "file_size_bytes") " FROM "
                                                 "ducklake_data_file d WHERE d.data_file_id IN %s) "
                                                 "WHERE table_id = ?3;"
                                                 "UPDATE ducklake_delete_file SET end_snapshot = "
                                                 "?2 WHERE end_snapshot IS NULL AND "
                                                 "data_file_id IN %s;"
                                                 "UPDATE ducklake_data_file SET end_snapshot = ?2 "
                                                 "WHERE data_file_id IN %s",
                          live_files, live_files, live_files);
    if (length < 0 || (size_t)length >= sizeof sql)
        return error_set(error, ERR_LIMIT, "an expression of data files is too long");
    return database_run(database, sql, values, error);
}
