// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_FINDINGS_H
#define TTP_LAKE_FINDINGS_H

/* What `verify` finds: problems (the lake is not what it says), notes (what people should know),
 * and the ranges to fetch again. Any thread may add. */

#include <stdbool.h>
#include <stdint.h>

#include "catalog/others.h"
#include "os/thread.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/ledgers.h"
#include "util/list_budget.h"

enum problem_kind {
    PROBLEM_MISSING_FILE,
    PROBLEM_TRUNCATED_FILE,   /* another size than the catalog says */
    PROBLEM_DAMAGED_FILE,     /* its bytes are not what a Parquet file's should be */
    PROBLEM_UNKNOWN_FILE,     /* a .parquet file that the catalog does not know: globs count it */
    PROBLEM_CONTRADICTION,    /* file, catalog and rows say different things */
    PROBLEM_DEAD_LETTERS,     /* a dead letters file is missing or changed */
    PROBLEM_CLOSE_TIMES,      /* ledgers are of two chains: their close times do not rise */
    PROBLEM_CATALOG,          /* the catalog is missing, damaged or contradicts itself */
    PROBLEM_DIFFERENCE,       /* a server sends something else than the lake holds */
    PROBLEM_CHANGED_BY_OTHERS /* rows that others than this program added, hid or changed */
};
#define PROBLEM_KIND_COUNT 10
const char *problem_kind_name(enum problem_kind kind); /* "missing_file", … */

struct problem {
    enum problem_kind kind;
    const char *path;          /* relative to output_path; NULL: none */
    uint64_t commit_no;        /* 0: none */
    struct ledger_range range; /* 0, 0: none */
    uint32_t ledger;           /* that it is of; 0: none */
    bool by_repair;            /* 'repair' takes it out by itself (lake/remedy.h) */
    const char *message;       /* NULL: enough of its kind are listed (util/list_budget.h) */
};

struct findings {
    struct os_mutex mutex;
    struct arena arena;
    struct buffer problems; /* struct problem: all, those with a message first once finished */
    struct list_budget listed[PROBLEM_KIND_COUNT]; /* problems that have one */
    struct buffer notes;                           /* const char * */
    struct list_budget noted, changed;             /* notes and changes that are kept */
    struct buffer changes;      /* struct catalog_change: snapshots of others that changed rows */
    struct ledger_set refetch;  /* merged by findings_finish */
    struct ledger_set take_out; /* likewise: those of refetch that repair takes out only by name */
    bool out_of_memory;         /* something could not be kept */
};

enum error_code findings_init(struct findings *findings, struct error *error) MUST_CHECK;
void findings_release(struct findings *findings);

/* Keeps a problem; path may be NULL. With a commit, its range is the commit's. The path of one that
 * is listed no more is kept where only it tells what the problem is in (there is no commit). */
void findings_add_problem(struct findings *findings, enum problem_kind kind, const char *path,
                          uint64_t commit_no, struct ledger_range range, const char *format, ...)
    PRINTF_LIKE(6, 7);
/* Keeps a ledger that differs from what a server sends. `range` is what mends it, {0, 0}: nothing;
 * it is added by findings_add_take_out. */
void findings_add_difference(struct findings *findings, uint32_t ledger, uint64_t commit_no,
                             struct ledger_range range, const char *format, ...) PRINTF_LIKE(5, 6);
/* A range that differs: `repair` finds nothing wrong with it, so that it must be named. */
void findings_add_take_out(struct findings *findings, struct ledger_range range);
/* A snapshot of others that changed rows of the table. */
void findings_add_change(struct findings *findings, const struct catalog_change *change);
void findings_add_note(struct findings *findings, const char *format, ...) PRINTF_LIKE(2, 3);

/* Sorts problems, those with a message first, by path and ledger, and merges the ranges; again
 * after more was added.
 * ERR_NO_MEMORY if something could not be kept. */
enum error_code findings_finish(struct findings *findings, struct error *error) MUST_CHECK;

size_t findings_problem_count(const struct findings *findings);
/* How many of the problems have a message; these come first. */
size_t findings_listed_count(const struct findings *findings);
const struct problem *findings_problem(const struct findings *findings, size_t index);
void findings_set_by_repair(struct findings *findings, size_t index);
size_t findings_note_count(const struct findings *findings);
size_t findings_change_count(const struct findings *findings);
const char *findings_note(const struct findings *findings, size_t index);

#endif
