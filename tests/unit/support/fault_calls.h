// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_FAULT_CALLS_H
#define TTP_TESTS_FAULT_CALLS_H

/*
 * Counts every file operation of ours (os/calls.h) and of SQLite (os/library_hook.h), and lets the
 * N-th one fail, write less than asked, or end the process.
 */

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE,  /* only count */
    FAULT_ERRNO, /* fails with `system_errno`, without being done */
    FAULT_SHORT, /* a write does half of it and succeeds (SQLite's: fails with EIO); others pass */
    FAULT_DIE_BEFORE, /* the process ends with FAULT_EXIT_CODE */
    FAULT_DIE_AFTER
};
#define FAULT_EXIT_CODE 77

/* Which operations count. */
enum fault_scope {
    FAULT_ALL,     /* all that change something: no reads, no stat */
    FAULT_OURS,    /* only those through os_calls */
    FAULT_LIBRARY, /* only SQLite's */
    FAULT_WRITES,  /* writes that need room: opens that may create, writes, renames, mkdir */
    FAULT_SYNCS    /* fsync and SQLite's syncs */
};

struct fault_plan {
    enum fault_kind kind;
    enum fault_scope scope;
    int system_errno;
    uint64_t first; /* the operation that meets it, counted from 1; 0: none */
    uint64_t count; /* how many in a row do; 0 is taken as 1, UINT64_MAX: all from then on */
};

/* The step of a sweep over operations or allocations, by TTP_TEST_SWEEPS in the environment: 1 for
 * "all" (make sweeps), `step` for "fine" (tools/mutate), a prime of some three times that for
 * "long" (make campaigns), and else of nine times that (make test). What is swept without leaving
 * anything out (1) always is. */
uint64_t fault_step(uint64_t step);

/* For the end of a sweep: prints at how many operations `what` was tried; those of all sweeps are
 * in docs/RELIABILITY.md. */
void fault_tell_sweep(const char *what, uint64_t count);

/* Puts the plan in force and counts from 0. */
void fault_begin(const struct fault_plan *plan);
/* Back to the kernel's calls; gives the number of operations counted. */
uint64_t fault_end(void);
/* Whether the fault was met. */
bool fault_was_met(void);

#endif
