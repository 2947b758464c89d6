// SPDX-License-Identifier: Apache-2.0
/*
 * In place of the os room's threads, condition variables, sleeps and signals (ld --wrap): each
 * thread of the program is a stack of its own in the one real thread of this process, and runs
 * until it would block. Who goes on is the seed's choice, and the clock moves only when nobody can.
 * Real threads that hand each other the turn did the same, at twice the cost, and many times that
 * on a busy machine, where each turn waits for the kernel's.
 */
#include "tasks.h"

#include <assert.h>
#include <stdio.h>

#include "os/clock.h"
#include "os/identity.h"
#include "os/poll.h"
#include "os/signal.h"
#include "pg.h"
#include "os/thread.h"
#include "processes.h"
#include "stack.h"
#include "world.h"

#define TASK_MAX 64
/* What one turn takes at most. */
#define TURN_US 200
/* After so many turns another process has one. */
#define FAIR_STEPS 64
/* More than any life takes that ends. */
#define STEP_LIMIT UINT64_C(3000000)

enum wait_kind {
    WAIT_NOTHING,
    WAIT_TIME,
    WAIT_CONDITION,
    WAIT_POLL,
    WAIT_SIGNAL,
    WAIT_JOIN,
    WAIT_MUTEX
};

struct task {
    struct stack *stack;
    bool is_used, is_finished, is_signalled;
    enum wait_kind wait;
    int64_t deadline_us;
    const struct os_condition *condition;
    const struct os_mutex *mutex;
    struct os_poll_item *items;
    size_t item_count;
    const struct task *joined;
    void *(*body)(void *context);
    void *context;
};

static struct task tasks[TASK_MAX];
static struct task *current;
static bool signal_is_raised, stop_is_told, is_alone;
static uint64_t steps;

#define WRAPPED(result, name, parameters)                                                          \
    extern __typeof__(name) __wrap_##name;                                                         \
    result __wrap_##name parameters

static int64_t monotonic_us(void)
{
    return world->now_us;
}

static int64_t realtime_us(void)
{
    return WORLD_EPOCH_US + world->now_us;
}

static bool stop_is_due(void)
{
    return world->life.stop_at_us != 0 && world->now_us >= world->life.stop_at_us;
}

static bool can_run(const struct task *task)
{
    if (!task->is_used || task->is_finished || (is_alone && task != current))
        return false;
    if (task->wait == WAIT_NOTHING || task->deadline_us <= world->now_us)
        return true;
    switch (task->wait) {
    case WAIT_MUTEX:
    case WAIT_CONDITION: return task->is_signalled;
    case WAIT_POLL: return wire_poll(task->items, task->item_count) > 0;
    case WAIT_SIGNAL: return signal_is_raised || (stop_is_due() && !stop_is_told);
    case WAIT_JOIN: return task->joined->is_finished;
    default: return false;
    }
}

/* When somebody can go on. */
static int64_t find_next_us(void)
{
    int64_t next_us = is_alone ? current->deadline_us : wire_next_us();
    if (is_alone)
        return next_us;
    for (size_t i = 0; i < TASK_MAX; i++)
        if (tasks[i].is_used && !tasks[i].is_finished && tasks[i].deadline_us < next_us)
            next_us = tasks[i].deadline_us;
    if (world->life.stop_at_us > world->now_us && world->life.stop_at_us < next_us)
        next_us = world->life.stop_at_us;
    return next_us;
}

/* Nobody can go on: to the moment when somebody can, or to the process that can before. */
static void move_clock(void)
{
    int64_t next_us = find_next_us(), other_us;
    uint32_t other = processes_first_other(&other_us);
    if (other != 0 && other_us < next_us && other_us + world->slack_us < next_us) {
        processes_hand_over(other, next_us);
        return;
    }
    if (next_us == INT64_MAX || steps > STEP_LIMIT) {
        fprintf(stderr, "simulation: %s\n",
                next_us == INT64_MAX ? "nothing can happen any more" : "it never ends");
        world_end_process(WORLD_EXIT_STUCK);
    }
    if (next_us > world->now_us)
        world->now_us = next_us;
}

static struct task *choose(void)
{
    for (;;) {
        struct task *ready[TASK_MAX];
        uint32_t count = 0;
        for (size_t i = 0; i < TASK_MAX; i++)
            if (can_run(&tasks[i]))
                ready[count++] = &tasks[i];
        if (count > 0 && ++steps <= STEP_LIMIT)
            return ready[count == 1 ? 0 : world_below(count)];
        move_clock();
    }
}

static void go_on_with(struct task *next)
{
    struct task *self = current;
    current = next;
    if (next != self)
        stack_switch(self->stack, next->stack);
}

/* Lets others go on, until `kind` (with what the caller has set) is over. True: by its deadline
 * alone. */
static bool block(enum wait_kind kind, int64_t deadline_us)
{
    struct task *self = current;
    self->wait = kind;
    self->deadline_us = deadline_us;
    world->now_us += world_below(TURN_US);
    world->steps++;
    if (world->steps % FAIR_STEPS == 0)
        tasks_yield();
    go_on_with(choose());
    self->wait = WAIT_NOTHING;
    self->deadline_us = INT64_MAX;
    return world->now_us >= deadline_us;
}

void tasks_yield(void)
{
    uint32_t other = world_below(2) == 0 ? processes_any_other() : 0;
    if (other != 0)
        processes_hand_over(other, world->now_us);
}

static void freeze_until(int64_t until_us)
{
    while (world->now_us < until_us) {
        int64_t other_us;
        uint32_t other = processes_first_other(&other_us);
        if (other != 0 && other_us < until_us)
            processes_hand_over(other, until_us);
        else
            world->now_us = until_us;
    }
}

void tasks_meet_freeze(uint64_t operation)
{
    if (operation != world->life.freeze_at)
        return;
    int64_t until_us = world->now_us + world->life.freeze_us, idle_us = pg_idle_end_us();
    world->freezes++;
    world->disk_faults++; /* for who asks whether there was trouble */
    if (idle_us < until_us) {
        freeze_until(idle_us);
        pg_end_idle();
    }
    freeze_until(until_us);
}

void tasks_be_alone(void)
{
    is_alone = true;
}

void tasks_begin(void)
{
    static const struct os_clock clock = {monotonic_us, realtime_us};
    os_clock_set(&clock);
    tasks[0] =
        (struct task){.is_used = true, .deadline_us = INT64_MAX, .stack = stack_of_this_thread()};
    current = &tasks[0];
}

/* Never chosen again once it is finished; who joins it frees its stack. */
static void task_main(void *context)
{
    struct task *self = context;
    self->body(self->context);
    self->is_finished = true;
    go_on_with(choose());
}

WRAPPED(enum error_code, os_thread_start,
        (struct os_thread * thread, const char *name, void *(*body)(void *), void *context,
         struct error *error))
{
    (void)name;
    (void)error;
    struct task *task = tasks;
    while (task->is_used && task < tasks + TASK_MAX - 1)
        task++;
    assert(!task->is_used);
    *task =
        (struct task){.is_used = true, .deadline_us = INT64_MAX, .body = body, .context = context};
    task->stack = stack_new(task_main, task);
    thread->handle = (pthread_t)(task - tasks);
    thread->running = true;
    return OK;
}

WRAPPED(void, os_thread_join, (struct os_thread * thread))
{
    if (!thread->running)
        return;
    struct task *task = &tasks[thread->handle];
    assert(task != tasks && task->is_used);
    current->joined = task;
    if (!task->is_finished)
        block(WAIT_JOIN, INT64_MAX);
    stack_free(task->stack);
    task->is_used = false;
    thread->running = false;
}

/* Held by one that waits for the database. */
WRAPPED(void, os_mutex_lock, (struct os_mutex * mutex))
{
    while (pthread_mutex_trylock(&mutex->handle) != 0) {
        current->mutex = mutex;
        current->is_signalled = false;
        block(WAIT_MUTEX, INT64_MAX);
        current->mutex = NULL;
    }
}

WRAPPED(void, os_mutex_unlock, (struct os_mutex * mutex))
{
    pthread_mutex_unlock(&mutex->handle);
    for (size_t i = 0; i < TASK_MAX; i++)
        if (tasks[i].is_used && tasks[i].mutex == mutex)
            tasks[i].is_signalled = true;
}

WRAPPED(bool, os_condition_wait_until,
        (struct os_condition * condition, struct os_mutex *mutex, int64_t deadline_us))
{
    struct task *self = current;
    self->condition = condition;
    self->is_signalled = false;
    os_mutex_unlock(mutex);
    block(WAIT_CONDITION, deadline_us);
    os_mutex_lock(mutex);
    self->condition = NULL;
    return self->is_signalled || world->now_us < deadline_us;
}

WRAPPED(void, os_condition_wait, (struct os_condition * condition, struct os_mutex *mutex))
{
    (void)__wrap_os_condition_wait_until(condition, mutex, INT64_MAX);
}

WRAPPED(void, os_condition_broadcast, (struct os_condition * condition))
{
    for (size_t i = 0; i < TASK_MAX; i++)
        if (tasks[i].is_used && tasks[i].condition == condition)
            tasks[i].is_signalled = true;
}

/* Wakes all: waking without cause is allowed, and the seed chooses who is first. */
WRAPPED(void, os_condition_signal, (struct os_condition * condition))
{
    __wrap_os_condition_broadcast(condition);
}

WRAPPED(void, os_sleep_us, (int64_t duration_us))
{
    block(WAIT_TIME, world->now_us + duration_us);
}

WRAPPED(unsigned, os_poll, (struct os_poll_item * items, size_t count, int64_t timeout_us))
{
    current->items = items;
    current->item_count = count;
    block(WAIT_POLL, timeout_us < 0 ? INT64_MAX : world->now_us + timeout_us);
    return wire_poll(items, count);
}

WRAPPED(void, os_signals_wait, (int64_t timeout_us))
{
    block(WAIT_SIGNAL, world->now_us + (timeout_us > 0 ? timeout_us : 0));
    signal_is_raised = false;
    if (stop_is_due() && !stop_is_told) {
        stop_is_told = true;
        world->stops++;
    }
}

WRAPPED(void, os_signals_wake, (void))
{
    signal_is_raised = true;
}

WRAPPED(bool, os_stop_requested, (void))
{
    return stop_is_due();
}
