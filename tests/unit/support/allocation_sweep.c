// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/allocation_sweep.h"

#include "support/fault_calls.h"
#include "util/memory.h"

#define COUNT_ONLY (UINT64_MAX / 2)

/* A call that allocates more often needs a smaller case, or steps. */
#define ROUNDS_MAX 100000

static void check_heap(const struct allocation_sweep *sweep)
{
    if (sweep->may_keep || sweep->number == 0 || mem_live_count() == sweep->live_before)
        return;
    fail_msg("%lld allocations are left over where allocation %llu%s failed",
             (long long)(mem_live_count() - sweep->live_before), (unsigned long long)sweep->number,
             sweep->once ? " alone" : " and all after it");
}

bool sweep_next(struct allocation_sweep *sweep)
{
    uint64_t step = fault_step(sweep->step == 0 ? 1 : sweep->step);
    if (!sweep->started) {
        sweep->started = true;
    } else {
        check_heap(sweep);
        assert_true(sweep->number < ROUNDS_MAX);
        if (sweep->number != 0 && !sweep->was_met) {
            if (sweep->once)
                return false;
            sweep->once = true;
            sweep->number = 1;
        } else {
            sweep->number += sweep->number == 0 ? 1 : step;
        }
    }
    sweep->live_before = mem_live_count();
    return true;
}

void sweep_begin(struct allocation_sweep *sweep)
{
    sweep->running = true;
    if (sweep->once)
        mem_fail_once(sweep->number);
    else
        mem_fail_after(sweep->number == 0 ? COUNT_ONLY : sweep->number);
}

void sweep_stop(struct allocation_sweep *sweep)
{
    if (!sweep->running)
        return;
    sweep->was_met = sweep->number != 0 && mem_allocation_count() >= sweep->number;
    mem_fail_after(0);
    sweep->running = false;
}

bool sweep_end(struct allocation_sweep *sweep, enum error_code code)
{
    sweep_stop(sweep);
    if (code == OK && sweep->was_met && !sweep->may_succeed)
        fail_msg("the failure of allocation %llu%s was not told", (unsigned long long)sweep->number,
                 sweep->once ? " alone" : "");
    if (code != OK && (code != ERR_NO_MEMORY || !sweep->was_met))
        fail_msg("error %d where allocation %llu%s failed", (int)code,
                 (unsigned long long)sweep->number, sweep->once ? " alone" : "");
    sweep->failures += code != OK;
    return code == OK;
}
