// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_LETTER_PLAN_H
#define TTP_CARE_LETTER_PLAN_H

/*
 * Which dead letters of a commit are rows by now: those that this version can read, and whose place
 * among the rows of their ledger is known. Reads the dead letters file and, of the commit's data
 * files, which ledgers they hold and when these closed. One thread.
 */

#include "care/compact_plan.h"
#include "lake/dead_letters.h"
#include "catalog/history.h"
#include "rows/row.h"

struct planned_letter {
    struct stored_letter letter;
    const char *reason; /* why it stays what it is; NULL: it is a row */
    bool is_readable;   /* it is none all the same: its place is not known */
    /* Of a row. */
    int64_t time_us;
    enum event_type type;
    bool lacks_decimal, has_replaced_memo;
};

struct letter_plan {
    struct arena arena;
    uint64_t commit_no;
    struct ledger_range range;
    const struct row_schema *schema;
    bool has_ordinals;
    int64_t row_count, file_count, null_decimal_count, replaced_memo_count, last_close_us;
    uint32_t digest_ledger;
    const char *letters_path;
    uint64_t letters_checksum;
    struct buffer letters;        /* struct planned_letter, by ledger and event */
    size_t row_letters, readable; /* how many are rows; how many can be read and are none */
    struct buffer files;          /* struct compact_input: that hold rows of the commit */
    struct compact_plan lake;     /* whose files these are */
};

/* What the catalog says of a commit that has dead letters. ERR_NO_MEMORY. Release in every case. */
enum error_code letter_plan_init(struct letter_plan *plan,
                                 const struct catalog_commit_record *commit,
                                 struct error *error) MUST_CHECK;
void letter_plan_release(struct letter_plan *plan);

/* Reads the letters, and finds out which can be read. ERR_CORRUPT: the file is damaged;
 * ERR_CONFLICT for a schema version that is not known. */
enum error_code letter_plan_read(struct letter_plan *plan, const char *root,
                                 struct error *error) MUST_CHECK;
/* Then, where there are any: finds the commit's files, and which of the letters have a place.
 * ERR_CONFLICT where others hold rows of the commit, ERR_CORRUPT where they are damaged. */
enum error_code letter_plan_place(struct letter_plan *plan, const char *root,
                                  enum partitioning_scheme scheme, struct catalog *catalog,
                                  struct error *error) MUST_CHECK;

/* The event_index of the index-th stored row of a ledger whose rows stand together in one file. */
uint32_t letter_plan_ordinal(const struct letter_plan *plan, uint32_t ledger, uint32_t index);

#endif
