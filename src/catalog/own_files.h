// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_OWN_FILES_H
#define TTP_CATALOG_OWN_FILES_H

/* The live data files that this program made, commits' and those that replaced others, of which
 * nobody has hidden a row: what may be put together into fewer files. */

#include "catalog/catalog.h"

struct catalog_own_file {
    int64_t data_file_id;
    const char *path; /* relative to data_path */
    const char *schema_version;
    int64_t record_count, file_size_bytes;
    uint64_t checksum;
    struct ledger_range range; /* of its rows */
    bool is_replacing;
};
typedef enum error_code catalog_own_file_visitor(void *context, const struct catalog_own_file *file,
                                                 struct error *error);
/* By first ledger; those whose data_file_id is at least `from_file`. */
enum error_code catalog_each_own_file(struct catalog *catalog, int64_t from_file,
                                      catalog_own_file_visitor *visit, void *context,
                                      struct error *error) MUST_CHECK;

/* A commit of which such a file holds rows. */
struct catalog_file_commit {
    uint64_t commit_no;
    struct ledger_range range;
    int64_t row_count, file_count; /* that it brought */
    int64_t file_rows;             /* of them in the file */
    uint64_t letters_no;           /* the number that its dead letters file has; 0: none */
};
typedef enum error_code catalog_file_commit_visitor(void *context,
                                                    const struct catalog_file_commit *commit,
                                                    struct error *error);
/* By commit_no. */
enum error_code catalog_each_file_commit(struct catalog *catalog, int64_t data_file_id,
                                         catalog_file_commit_visitor *visit, void *context,
                                         struct error *error) MUST_CHECK;

#endif
