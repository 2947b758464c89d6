// SPDX-License-Identifier: Apache-2.0
/*
 * The oracle's account of a life: rounds, commits, what the lake has and what was lost; and what
 * the world did to it.
 */
#include "oracle.h"
#include "catalog/history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "service/lake_writer.h"
#include "status/run_history.h"
#include "world.h"

/* Between two looks at health: a look costs more than a turn. */
#define LOOK_US INT64_C(5000000)
/* After a failed commit: the first wait, which doubles, and the longest (docs/DESIGN.md). */
#define ROUND_WAIT_FIRST_US INT64_C(1000000)
#define ROUND_WAIT_MAX_US   INT64_C(60000000)

#define WRAPPED(result, name, parameters)                                                          \
    extern __typeof__(name) __real_##name;                                                         \
    extern __typeof__(name) __wrap_##name;                                                         \
    result __wrap_##name parameters

struct oracle oracle;

void oracle_finding(const char *format, ...)
{
    va_list arguments;
    if (oracle.has_failed)
        return;
    oracle.has_failed = true;
    world->findings++;
    printf("  found: at %.3f s: ", (double)world->now_us / 1e6);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout); /* the life may be killed */
}

void oracle_begin(const struct options *options, const struct chain *chain,
                  const struct fault_script *script, bool is_other_chain)
{
    /* It follows one stream into a folder: of several, or of a store, it judges the end alone. */
    oracle = (struct oracle){.is_on = options->streams == 1 && !world->is_on_objects,
                             .is_other_chain = is_other_chain,
                             .options = options,
                             .chain = chain,
                             .script = script,
                             .disk_faults_before = world->disk_faults,
                             .wire_faults_before = world->wire_faults,
                             .mark_us = world->now_us};
}

bool oracle_is_ours(uint32_t ledger)
{
    return ledger >= oracle.chain->first && ledger <= oracle.chain->last;
}

uint64_t oracle_fault_count(void)
{
    uint64_t count = world->wire_faults;
    for (size_t i = 0; i < oracle.script->fault_count; i++)
        count += oracle.script->faults[i].fired;
    return count;
}

uint64_t oracle_fired(enum fault_kind kind, int64_t *duration_us)
{
    uint64_t count = 0;
    for (size_t i = 0; i < oracle.script->fault_count; i++) {
        const struct fault *fault = &oracle.script->faults[i];
        if (fault->kind != kind || fault->fired == 0)
            continue;
        count += fault->fired;
        if (duration_us != NULL && fault->duration_us > *duration_us)
            *duration_us = fault->duration_us;
    }
    return count;
}

void oracle_note_write(bool is_full)
{
    if (!oracle.is_on)
        return;
    if (is_full && !oracle.is_refused)
        oracle.full_since_us = world->now_us;
    if (is_full)
        oracle.full_seen_us = world->now_us;
    oracle.is_refused = is_full;
}

/* ---- what the lake has ---- */

static void cover(uint32_t first, uint32_t last)
{
    for (uint32_t ledger = first; ledger <= last; ledger++)
        if (oracle_is_ours(ledger))
            oracle.covered[ledger - oracle.chain->first] = true;
}

/* What it had when it was opened. */
WRAPPED(void, run_history_set_coverage,
        (struct run_history * history, const struct ledger_set *coverage))
{
    for (size_t i = 0; oracle.is_on && i < coverage->count; i++)
        cover(coverage->ranges[i].first, coverage->ranges[i].last);
    __real_run_history_set_coverage(history, coverage);
}

static void note_commit(const struct sink_commit_info *info)
{
    cover(info->range.first, info->range.last);
    oracle.commits++;
    oracle.commit_is_failing = false;
    oracle.mark_us = world->now_us;
}

/* ---- rounds ---- */

static void round_begins(void)
{
    if (oracle.rounds++ > 0) {
        int64_t waited_us = world->now_us - oracle.round_ended_us;
        if (!oracle.round_failed)
            oracle_finding("another round after one that did not fail");
        if (waited_us < oracle.round_wait_us || waited_us > oracle.round_wait_us + ORACLE_SLACK_US)
            oracle_finding("after %u rounds without a commit the next one comes after %" PRId64
                           " ms, not after %" PRId64,
                           oracle.failures_in_a_row, waited_us / 1000, oracle.round_wait_us / 1000);
    }
    if (!oracle.has_begun)
        oracle.begun_us = world->now_us;
    /* What was handed over and not committed comes again. */
    for (uint32_t i = 0; i <= oracle.chain->last - oracle.chain->first; i++)
        oracle.again_allowed += oracle.completed[i] && !oracle.covered[i];
    oracle.has_begun = true;
    oracle.round_failed = oracle.writer_failed = false;
    oracle.source_code = oracle.writer_code = OK;
    oracle.commits_before = oracle.commits;
    memset(oracle.completed, 0, sizeof oracle.completed);
}

/* Of a round: first the catalog is written to, then read. */
WRAPPED(enum error_code, catalog_forget_unlanded_seams,
        (struct catalog * catalog, struct error *error))
{
    enum error_code code = __real_catalog_forget_unlanded_seams(catalog, error);
    oracle.plan_failed = code != OK;
    return code;
}

WRAPPED(enum error_code, run_plan_make,
        (struct run_plan * plan, struct catalog *catalog, uint32_t start, uint32_t end,
         struct error *error))
{
    if (oracle.is_on)
        round_begins();
    enum error_code code = __real_run_plan_make(plan, catalog, start, end, error);
    oracle.plan_failed = code != OK;
    return code;
}

static void round_fails(void)
{
    oracle.failures_in_a_row =
        oracle.commits > oracle.commits_before ? 1 : oracle.failures_in_a_row + 1;
    oracle.round_failed = oracle.commit_is_failing = true;
    int64_t wait_us = ROUND_WAIT_FIRST_US;
    for (unsigned i = 1; i < oracle.failures_in_a_row && wait_us < ROUND_WAIT_MAX_US; i++)
        wait_us *= 2;
    if (wait_us > ROUND_WAIT_MAX_US)
        wait_us = ROUND_WAIT_MAX_US;
    oracle.round_wait_us = wait_us;
}

WRAPPED(enum error_code, lake_writer_run, (struct lake_writer * writer))
{
    enum error_code code = __real_lake_writer_run(writer);
    if (!oracle.is_on)
        return code;
    oracle.writer_code = code;
    oracle.writer_failed = code != OK;
    oracle.round_ended_us = world->now_us;
    if (code != OK)
        round_fails();
    return code;
}

/* ---- looks ---- */

/* About once a second, on the main thread. */
static void look(struct run_status *status)
{
    static int64_t looked_us;
    oracle_stream_sample();
    if (oracle.samples++ != 0 && world->now_us - looked_us < LOOK_US)
        return;
    looked_us = world->now_us;
    oracle_health_sample(status);
}

static void on_fact(void *context, const struct run_fact *fact)
{
    (void)context;
    if (!oracle.is_on)
        return;
    if (fact->kind == FACT_COMMIT)
        note_commit(fact->commit);
    else if (fact->kind == FACT_TURN)
        look(fact->status);
}

struct run_observer oracle_observer(void)
{
    return (struct run_observer){.on_fact = on_fact};
}

void oracle_end(const char *folder, int exit_code, int64_t ended_us)
{
    oracle.is_on = false;
    if (oracle.again > oracle.again_allowed)
        oracle_finding("%" PRIu64
                       " ledgers came again; by what was dropped and lost it may be %" PRIu64,
                       oracle.again, oracle.again_allowed);
    oracle_exit_check(folder, exit_code, ended_us);
}
