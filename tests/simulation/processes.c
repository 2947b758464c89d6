// SPDX-License-Identifier: Apache-2.0
#include "processes.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "world.h"

static uint32_t own_number; /* 0: it lives alone, or only waits */

static void give_turn(uint32_t to)
{
    __atomic_store_n(&world->turn, to, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &world->turn, FUTEX_WAKE, WORLD_PROCESSES_MAX, NULL, NULL, 0);
}

static void wait_for_turn(void)
{
    uint32_t turn;
    while ((turn = __atomic_load_n(&world->turn, __ATOMIC_SEQ_CST)) != own_number)
        syscall(SYS_futex, &world->turn, FUTEX_WAIT, turn, NULL, NULL, 0);
    world->process = own_number;
}

void processes_enter(uint32_t number, const struct world_life *life)
{
    own_number = number;
    wait_for_turn();
    world->life = *life;
}

uint32_t processes_first_other(int64_t *next_us)
{
    uint32_t found = 0;
    *next_us = INT64_MAX;
    for (uint32_t i = 0; i < WORLD_PROCESSES_MAX; i++) {
        const struct world_process *process = &world->processes[i];
        if (!process->is_alive || i + 1 == own_number || process->next_us >= *next_us)
            continue;
        found = i + 1;
        *next_us = process->next_us;
    }
    return found;
}

uint32_t processes_any_other(void)
{
    uint32_t ready[WORLD_PROCESSES_MAX], count = 0;
    for (uint32_t i = 0; i < WORLD_PROCESSES_MAX; i++)
        if (world->processes[i].is_alive && i + 1 != own_number &&
            world->processes[i].next_us <= world->now_us)
            ready[count++] = i + 1;
    return count == 0 ? 0 : ready[world_below(count)];
}

void processes_hand_over(uint32_t to, int64_t next_us)
{
    const struct world_life own = world->life;
    world->processes[own_number - 1].next_us = next_us;
    give_turn(to);
    wait_for_turn();
    world->life = own;
}

void processes_leave(void)
{
    if (own_number != 0)
        give_turn(0);
}

void processes_begin(uint32_t count)
{
    for (uint32_t i = 0; i < WORLD_PROCESSES_MAX; i++)
        world->processes[i] =
            (struct world_process){.is_alive = i < count, .next_us = world->now_us};
    world->turn = 0;
}

void processes_go_on(void)
{
    int64_t next_us;
    uint32_t first = processes_any_other();
    if (first == 0)
        first = processes_first_other(&next_us);
    if (first != 0)
        give_turn(first);
}

/* One that crashed had the turn, too. */
void processes_bury(uint32_t number)
{
    world->processes[number - 1].is_alive = false;
    for (uint32_t i = 0; i < WORLD_LOCKS_MAX; i++)
        if (world->locks[i].process == number)
            world->locks[i].class = 0;
    world->turn = 0;
}
