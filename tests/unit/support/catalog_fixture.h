// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_CATALOG_FIXTURE_H
#define TTP_TESTS_CATALOG_FIXTURE_H

/* Small tables, files and commits for the catalog's tests. */

#include "catalog/catalog.h"

/* Three columns: timestamp, ledger_sequence, amount; partitioned by hour like date_hour. */
extern const struct catalog_table fixture_table;
/* The same with source_account made optional and two columns added. */
extern const struct catalog_table fixture_table_1;
extern const struct catalog_table fixture_table_2;

struct catalog *fixture_create(const char *path, const struct catalog_table *table);

/* A file of `table`'s columns for ledgers first..last; its memory is static, two at a time. */
struct catalog_file fixture_file(const char *path, uint32_t first, uint32_t last);
struct catalog_commit fixture_commit(uint64_t commit_no, uint32_t first, uint32_t last,
                                     const struct catalog_file *files, size_t file_count);
/* Adds commit commit_no of first..last with one file; fails the test if it can't. */
void fixture_add(struct catalog *catalog, uint64_t commit_no, uint32_t first, uint32_t last);

/* Takes commits out as repair does. */
enum error_code fixture_take_out(struct catalog *catalog, const uint64_t *commit_nos, size_t count,
                                 struct error *error) MUST_CHECK;

/* What DuckDB 1.5.5 leaves in a catalog of two commits of one file each (10 to 19 and 30 to 39)
 * whose users deleted three rows of the first file and one more in the catalog itself, inserted
 * three rows of ledger 12 and deleted one of them (snapshots 6 to 9), merged nothing, made a table
 * and a view, and dropped another table. */
extern const char *const fixture_changes_of_others;
/* Runs SQL behind the catalog's back. */
void fixture_change(const char *path, const char *sql);

/* The first column of the first row of a query on the database at `path`, as text; "" if there is
 * none. Lives until the second call after this one. */
const char *fixture_query(const char *path, const char *sql);

#endif
