// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_FOREIGN_H
#define TTP_LAKE_FOREIGN_H

/*
 * Where others than this program touched rows of the lake's table. A commit is *whole* while all
 * its rows lie in live files of its own, or in ones that took the place of these, and none of them
 * is hidden, whatever else is in the table. What is left forms groups: commits that are not whole,
 * the live data files of no commit that may hold their rows (ledgers overlap), and rows in the
 * catalog itself of their ledgers. A group is *merged* where the files hold exactly the rows that
 * the commits brought; else somebody added, hid or changed rows in it. A file, or rows, that touch
 * no such commit are a group without commits: somebody inserted them.
 */

#include "lake/inventory.h"

#define FOREIGN_NONE SIZE_MAX

struct foreign_group {
    struct ledger_range range; /* the ledgers of all in it; 0, 0: not known */
    size_t commit_count, file_count;
    uint64_t displaced_rows; /* of the commits' files that are live no more */
    uint64_t file_rows;      /* in the files that are no commit's */
    uint64_t hidden_rows;    /* by deletes, also in the commits' own files */
    uint64_t inlined_rows;
    const char *path;   /* of a file in it that shows what was done; NULL: none */
    bool is_of_commits; /* all files are made of commits, as far as their snapshots tell */
    bool is_merged;
    bool is_void; /* no commit, and all rows are hidden: readers see nothing of it */
};

/* Whether others added, hid or changed rows in it. */
static inline bool foreign_group_is_changed(const struct foreign_group *group)
{
    return !group->is_merged && !group->is_void;
}

struct foreign {
    struct foreign_group *groups;
    size_t group_count;
    /* The group of each commit, file and inlined row (their indices in the inventory). */
    size_t *of_commit, *of_file, *of_inlined;
};

/* ERR_NO_MEMORY. Release in every case. The inventory outlives it. */
enum error_code foreign_find(struct foreign *foreign, const struct inventory *inventory,
                             struct error *error) MUST_CHECK;
void foreign_release(struct foreign *foreign);

/* The group of the data file with that path, or of the one that the delete file with that path
 * belongs to; FOREIGN_NONE if it is of no group. */
size_t foreign_group_of_path(const struct foreign *foreign, const struct inventory *inventory,
                             const char *path);

/* Whether rows that others inserted or changed may be of these ledgers. */
bool foreign_has_inserted(const struct foreign *foreign, const struct inventory *inventory,
                          struct ledger_range range);
/* Whether rows of these ledgers may lie in a file that is no commit's, or in the catalog itself, or
 * are hidden: to take out the commits that have them and fetch them again would not do. */
bool foreign_touches(const struct foreign *foreign, const struct inventory *inventory,
                     struct ledger_range range);

#endif
