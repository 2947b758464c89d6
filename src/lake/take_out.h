// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_TAKE_OUT_H
#define TTP_LAKE_TAKE_OUT_H

/*
 * What must leave the lake together, so that fetching its ledgers again neither doubles nor loses a
 * row. A whole commit leaves alone, or with all that have rows in the same files as it. One that is
 * not (lake/foreign.h) leaves with its group: the files that DuckDB merged or rewrote, and every
 * commit whose rows these may hold.
 */

#include "catalog/history.h"
#include "lake/foreign.h"

struct take_out {
    const struct inventory *inventory; /* borrowed, like the groups */
    const struct foreign *foreign;
    bool *commits, *files, *inlined, *groups; /* by index: it leaves */
};

/* ERR_NO_MEMORY. Release in every case. */
enum error_code take_out_init(struct take_out *out, const struct inventory *inventory,
                              const struct foreign *foreign, struct error *error) MUST_CHECK;
void take_out_release(struct take_out *out);

/* Adds a commit (its index), with its group if it has one. */
void take_out_commit(struct take_out *out, size_t commit);
void take_out_group(struct take_out *out, size_t group);
/* Adds the commits that have rows in a file that took the place of theirs (its index). */
void take_out_file(struct take_out *out, size_t file);
/* Adds also what others inserted into the ledgers of the commits that leave, and of `ranges`. */
void take_out_inserted(struct take_out *out, const struct ledger_set *ranges);

/* A group that would leave and in which others added, hid or changed rows: these would be lost.
 * NULL: there is none. */
const struct foreign_group *take_out_changed(const struct take_out *out);

/* What leaves, as the catalog is told of it. */
struct take_out_list {
    struct buffer commit_nos;    /* uint64_t */
    struct buffer data_file_ids; /* int64_t: of files that are no commit's */
    struct ledger_set inlined;   /* a set */
};
void take_out_list_release(struct take_out_list *list);
/* Fills an empty list. ERR_NO_MEMORY. Release it in every case. */
enum error_code take_out_list(const struct take_out *out, struct take_out_list *list,
                              struct error *error) MUST_CHECK;
/* The list as a removal, which borrows it; reason and decided_at are the caller's to set. */
struct catalog_removal take_out_removal(const struct take_out_list *list);

/* The ranges of the commits that leave: to be fetched again. Appended; merged by the caller. */
enum error_code take_out_append_ranges(const struct take_out *out, struct ledger_set *ranges,
                                       struct error *error) MUST_CHECK;

#endif
