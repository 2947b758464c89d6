// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_REBUILD_CHOICE_H
#define TTP_CARE_REBUILD_CHOICE_H

/* Which commits a rebuilt catalog holds, and what becomes of every other file. */

#include "catalog/replacement.h"
#include "commit/intent.h"
#include "commit/lake_file.h"
#include "care/rebuild_commit.h"
#include "care/rebuild_report.h"

/* Files that take the place of others in the new catalog, as they did in the old one. */
struct rebuilt_replacement {
    struct catalog_commit change;
    struct catalog_member *members;
    size_t member_count;
};

struct rebuild_choice {
    const struct store *store;
    const struct lake_file *lake;
    enum partitioning_scheme scheme;
    const struct intent *intent; /* a commit that was being published; NULL: none */
    struct rebuild_report *report;
    struct letter_names letters;
    struct buffer
        commits; /* struct rebuilt_commit *: taken in, by commit_no, in the report's arena */
    struct buffer replacements; /* struct rebuilt_replacement, by number */
    struct buffer ranges;       /* of them and the intent, descending */
};

/* Judges the files (struct found_file; they are sorted anew) and fills `commits` and the report.
 * The caller releases `letters`, `commits`, `replacements` and `ranges`. */
enum error_code rebuild_choose(struct rebuild_choice *choice, struct buffer *files,
                               struct error *error) MUST_CHECK;

#endif
