// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_ALLOCATION_SWEEP_H
#define TTP_TESTS_ALLOCATION_SWEEP_H

/*
 * Lets every allocation of a call fail in turn, first with all that follow it, then alone:
 *
 *     struct allocation_sweep sweep = {0};
 *     while (sweep_next(&sweep)) {
 *         struct thing thing;
 *         thing_init(&thing);
 *         sweep_begin(&sweep);
 *         enum error_code code = thing_read(&thing, &error);
 *         if (!sweep_end(&sweep, code))
 *             …               // failed: the state that is documented, and that it can be tried
 * again thing_release(&thing);
 *     }
 *
 * The test fails if a call that met a failed allocation gives anything but ERR_NO_MEMORY, if one
 * that met none gives anything but OK, or if anything is left on the heap after a round. The first
 * round fails nothing: what is made once for all (a library's own state) is made there.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct allocation_sweep {
    uint64_t step;    /* fails every step-th allocation (0 is taken as 1), by fault_step() */
    bool may_succeed; /* a failed allocation need not fail the call: it can do without */
    bool may_keep;    /* what a round leaves on the heap is the caller's to judge */
    /* What follows is the sweep's own, but for the caller to read. */
    uint64_t failures; /* calls that failed: what a test asserts, lest it sweeps nothing */
    uint64_t number;   /* the allocation that fails in this round */
    bool once;         /* alone */
    bool was_met;      /* it was reached in this round */
    bool started, running;
    uint64_t live_before;
};

/* Begins the next round; false after the last one. */
bool sweep_next(struct allocation_sweep *sweep);
/* Around the call whose allocations fail, once a round. sweep_end gives whether it succeeded;
 * sweep_stop before it, if a test needs memory to find out. */
void sweep_begin(struct allocation_sweep *sweep);
void sweep_stop(struct allocation_sweep *sweep);
bool sweep_end(struct allocation_sweep *sweep, enum error_code code);

/* For calls that give a pointer, NULL where they failed. */
static inline bool sweep_end_pointer(struct allocation_sweep *sweep, const void *pointer)
{
    return sweep_end(sweep, pointer == NULL ? ERR_NO_MEMORY : OK);
}

#endif
