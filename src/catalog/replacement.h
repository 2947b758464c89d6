// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_REPLACEMENT_H
#define TTP_CATALOG_REPLACEMENT_H

/*
 * Putting new data files in the place of others: the same rows of the same commits, in one
 * snapshot. The commits keep their numbers, ranges, digests and dead letters; only one of which
 * dead letters are rows by now is amended. The change has a number of its own among theirs. Older
 * snapshots go on reading the files that were replaced (catalog/care.h, whose tables are there).
 */

#include "catalog/catalog.h"

/* Rows of a commit in one of the new files. */
struct catalog_member {
    size_t file; /* its index */
    uint64_t commit_no;
    int64_t record_count;
};

struct catalog_replacement {
    const int64_t *ended; /* data_file_id of each file that leaves */
    size_t ended_count;
    const struct catalog_member *members;
    size_t member_count;
    const struct catalog_amendment *amendment; /* NULL: all commits stay what they are */
    bool in_place; /* files that leave stay where they are until they are deleted */
};

/* One transaction, if the check has nothing against it. `change`: the number, reason, range, rows
 * and new files. ERR_CONFLICT, with nothing changed, if a file that is to leave is no live one of
 * the table any more, or somebody has hidden rows in it, or the commit to amend is no live one with
 * so many rows. */
enum error_code catalog_replace_if(struct catalog *catalog, const struct catalog_commit *change,
                                   const struct catalog_replacement *replacement,
                                   const struct catalog_terms *terms,
                                   struct error *error) MUST_CHECK;

/* Rows of a live commit in a live data file that replaced others. */
struct catalog_share {
    int64_t data_file_id;
    uint64_t commit_no;
    struct ledger_range range; /* of the commit */
    int64_t record_count;
};
typedef enum error_code catalog_share_visitor(void *context, const struct catalog_share *share,
                                              struct error *error);
/* By commit_no. */
enum error_code catalog_each_share(struct catalog *catalog, catalog_share_visitor *visit,
                                   void *context, struct error *error) MUST_CHECK;
/* See catalog_each_early_file. */
enum error_code catalog_each_early_share(struct catalog *catalog, uint32_t ledger,
                                         catalog_share_visitor *visit, void *context,
                                         struct error *error) MUST_CHECK;

/* Whether a replacement has that number. */
enum error_code catalog_has_replacement(struct catalog *catalog, uint64_t commit_no, bool *has,
                                        struct error *error) MUST_CHECK;

#endif
