// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_FULL_PATH_H
#define TTP_CATALOG_FULL_PATH_H

/* Where the files of any table lie, as parts of SQL statements of this room. */

/* A table's files lie under its schema's path and its own. Of a table that was altered there are
 * several rows, of one path. */
#define TABLE_PATHS                                                                                \
    "WITH t AS (SELECT t.table_id AS table_id, coalesce(s.path_is_relative, 1) AS "                \
    "schema_relative, coalesce(t.path_is_relative, 1) AS table_relative, coalesce(s.path, '') AS " \
    "schema_path, coalesce(t.path, '') AS table_path FROM ducklake_table t LEFT JOIN "             \
    "ducklake_schema s ON s.schema_id = t.schema_id GROUP BY t.table_id) "
#define FULL_PATH(f)                                                                               \
    "CASE WHEN " f ".path_is_relative = 0 THEN " f ".path WHEN t.table_relative = 0 THEN "         \
    "t.table_path || " f ".path ELSE coalesce(t.schema_path || t.table_path, '') || " f ".path "   \
    "END, " f ".path_is_relative = 0 OR coalesce(t.table_relative, 1) = 0 OR "                     \
    "coalesce(t.schema_relative, 1) = 0"

#endif
