// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "oracle.h"
#include "serve/random.h"
#include "support/power_loss.h"

struct world *world;
static struct fault_script *kept_script;

_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

void world_make(void)
{
    void *memory =
        mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    world = memory;
}

void world_begin(uint64_t seed)
{
    *world = (struct world){.random = random_mix(seed + 1), .now_us = 1000000};
}

uint32_t world_below(uint32_t bound)
{
    return random_below(&world->random, bound);
}

bool world_chance(uint32_t one_in)
{
    return one_in != 0 && world_below(one_in) == 0;
}

void world_keep_script(struct fault_script *script)
{
    kept_script = script;
    for (size_t i = 0; i < script->fault_count; i++)
        script->faults[i].count = world->fault_counts[i];
}

void world_save_script(void)
{
    for (size_t i = 0; kept_script != NULL && i < kept_script->fault_count; i++) {
        world->server_faults += world->fault_counts[i] - kept_script->faults[i].count;
        world->fault_counts[i] = kept_script->faults[i].count;
    }
    kept_script = NULL; /* it ends with the life it was for */
}

_Noreturn void world_end_process(int exit_code)
{
    world_save_script();
    __real__exit(exit_code);
}

/* The program's own: it gives up publishing; or the power is lost. */
_Noreturn void __wrap__exit(int code)
{
    if (code == POWER_LOSS_EXIT_CODE)
        world->power_losses++;
    else
        oracle_note_exit(code);
    world_end_process(code);
}
