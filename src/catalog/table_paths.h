// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_TABLE_PATHS_H
#define TTP_CATALOG_TABLE_PATHS_H

/* Where the files of any table of a catalog lie, for statements of this room: a table's files lie
 * under its schema's path and its own. Of a table that was altered there are several rows, of one
 * path. */

/* Stands before the SELECT; join t by its table_id. */
#define TABLE_PATHS                                                                                \
    "WITH t AS (SELECT t.table_id AS table_id, min(CASE WHEN coalesce(s.path_is_relative, TRUE) "  \
    "THEN 1 ELSE 0 END) AS schema_relative, min(CASE WHEN coalesce(t.path_is_relative, TRUE) "     \
    "THEN 1 ELSE 0 END) AS table_relative, min(coalesce(s.path, '')) AS schema_path, "             \
    "min(coalesce(t.path, '')) AS table_path FROM ducklake_table t LEFT JOIN "                     \
    "ducklake_schema s ON s.schema_id = t.schema_id GROUP BY t.table_id) "
/* Two columns: the path of file `f`, and whether it is absolute; else it is relative to data_path.
 */
#define FULL_PATH(f)                                                                               \
    "CASE WHEN NOT " f ".path_is_relative THEN " f ".path WHEN t.table_relative = 0 THEN "         \
    "t.table_path || " f ".path ELSE coalesce(t.schema_path || t.table_path, '') || " f ".path "   \
    "END, NOT " f ".path_is_relative OR coalesce(t.table_relative, 1) = 0 OR "                     \
    "coalesce(t.schema_relative, 1) = 0"

#endif
