// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_LEFT_H
#define TTP_CARE_BACKUP_LEFT_H

/*
 * What left the lake and is still in its backup: files that the backup's former catalog named, and
 * that the new one does not need. Nobody else's files. They are removed if that is wanted, and else
 * set aside into _lake/replaced, since readers of the bare folder must not find them beside what
 * took their place. The copy's catalog lists them as files that DuckDB may delete, where they lie:
 * so what a kill leaves undone is known to the next backup, and to `verify`.
 */

#include "care/backup_listing.h"
#include "care/backup_plan.h"
#include "rows/partition.h"

struct backup_left {
    struct arena arena;
    struct buffer files;   /* struct stored_leftover, as they lie */
    struct buffer targets; /* const char *, one a file: where it is to lie; NULL: it is removed */
    struct buffer kept;    /* struct stored_leftover, as they are to lie */
    bool is_done;          /* nothing is to be moved or removed */
    uint64_t left_bytes, removed_bytes;
};

void backup_left_init(struct backup_left *left);
void backup_left_release(struct backup_left *left); /* idempotent */
/* `former` NULL: none. `mirror`: they are to be removed. */
enum error_code backup_left_find(struct backup_left *left, const struct store *copy,
                                 const struct backup_plan *former, const struct backup_plan *plan,
                                 bool mirror, struct error *error) MUST_CHECK;

/* Adds what a first backup left that died on another machine, of which no catalog tells: the files
 * listed at the copy, named as a lake's are, that the plan does not need. They are removed. */
enum error_code backup_left_find_dead(struct backup_left *left,
                                      const struct backup_listing *listing,
                                      enum partitioning_scheme scheme,
                                      const struct backup_plan *plan,
                                      struct error *error) MUST_CHECK;
/* Removes them, or sets them aside, durably. Unless is_done, the copy's catalog is to list `kept`
 * after it. */
enum error_code backup_left_finish(const struct backup_left *left, const struct store *copy,
                                   struct error *error) MUST_CHECK;

static inline const struct stored_leftover *backup_left_list(const struct buffer *files)
{
    return (const struct stored_leftover *)(const void *)files->data;
}

static inline size_t backup_left_count(const struct buffer *files)
{
    return LIST_COUNT(files, struct stored_leftover);
}

#endif
