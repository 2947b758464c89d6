// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_COPY_H
#define TTP_CARE_BACKUP_COPY_H

/* The files of a copy, one by one: whether one is there already, and bringing it there. */

#include "care/backup_listing.h"
#include "care/backup_plan.h"

struct backup_ends {
    const struct store *lake;
    const struct store *copy;
    const struct backup_listing *lake_listing, *copy_listing;
    const struct backup_plan *former; /* what the copy had before; NULL: it is new */
    bool link;                        /* data files get a second name instead of a copy */
};

/* Looks at the file in the lake, and at the one of its name in the copy, by their sizes alone, and
 * sets the item's state. A file in the copy that is not what it was there is kept in its
 * _lake/damaged, and copied anew; *damaged says so. One that only older snapshots need, and that is
 * not (or not whole) in the lake, is left out. ERR_CORRUPT: a live one is not there, or has another
 * size. ERR_CONFLICT: another file of that name lies in the copy. */
enum error_code backup_look_at(const struct backup_ends *ends, struct backup_item *item,
                               bool dry_run, bool *damaged, struct error *error) MUST_CHECK;

/* Brings it into the copy's staging, unless an earlier backup did: its bytes are durable there, and
 * those that the catalog's checksum is of (without one: a Parquet file with the footer that the
 * catalog tells of). ERR_CORRUPT: the lake's file is damaged; ERR_INVALID: it can't be linked
 * there; ERR_RETRY: there is no room. */
enum error_code backup_stage(const struct backup_ends *ends, struct backup_item *item,
                             struct error *error) MUST_CHECK;
/* Gives what is staged its name, which is not durable yet. ERR_CONFLICT: the name is taken. */
enum error_code backup_place(const struct backup_ends *ends, struct backup_item *item,
                             struct error *error) MUST_CHECK;
/* Deletes what backups that were not finished left in the copy's staging. */
enum error_code backup_clear_staging(const struct store *copy, struct error *error) MUST_CHECK;

#endif
