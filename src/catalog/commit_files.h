// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_COMMIT_FILES_H
#define TTP_CATALOG_COMMIT_FILES_H

/* Which commit, or replacement, made which data file (ttp_commit_files), inside a transaction. */

#include "catalog/catalog.h"
#include "database/database.h"

/* data_file_ids[i] is that of commit->files[i]. */
enum error_code commit_files_insert(struct database *database, const struct catalog_commit *commit,
                                    const int64_t *data_file_ids, struct error *error) MUST_CHECK;
/* The dead letters file of `letters` as that of the commit with the number. */
enum error_code commit_files_insert_letters(struct database *database, uint64_t commit_no,
                                            const struct catalog_commit *letters,
                                            struct error *error) MUST_CHECK;

#endif
