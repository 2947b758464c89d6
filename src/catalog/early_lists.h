// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_EARLY_LISTS_H
#define TTP_CATALOG_EARLY_LISTS_H

/* What is early (catalog_each_early_file), as the statements say it: ?2 is the ledger. */
#define EARLY_COMMITS                                                                              \
    "SELECT commit_no FROM ttp_commits WHERE ended_us IS NULL AND first_ledger <= ?2"
#define EARLY_FILES                                                                                \
    "SELECT data_file_id FROM ttp_commit_files WHERE commit_no IN (" EARLY_COMMITS ") UNION "      \
    "SELECT data_file_id FROM ttp_file_commits WHERE commit_no IN (" EARLY_COMMITS ")"
#define EARLY_SHARERS                                                                              \
    EARLY_COMMITS " UNION SELECT commit_no FROM ttp_file_commits WHERE data_file_id IN "           \
                  "(" EARLY_FILES ")"

#endif
