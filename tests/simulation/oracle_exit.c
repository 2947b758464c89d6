// SPDX-License-Identifier: Apache-2.0
/*
 * The oracle's eye on the end of a life: its exit code, by what happened in it, and whether all
 * that was complete is in the lake.
 */
#include <inttypes.h>

#include "util/exit_code.h"
#include "catalog/care.h"
#include "catalog/files.h"
#include "oracle.h"
#include "os/clock.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "world.h"

/* A stop at the very end may or may not have been seen. */
#define MOMENT_US INT64_C(1000000)
/* After stop_timeout the sink may end by itself for a second. */
#define STOP_GRACE_US (1000000 + ORACLE_SLACK_US)

enum stop { STOP_NONE, STOP_MAYBE, STOP_ASKED };

struct verdict {
    int exit_code;
    enum stop stop;
    bool is_live, range_is_covered;
    uint32_t missing; /* handed over as complete, and not in the lake; 0: none */
};

static enum stop stop_of(int64_t ended_us)
{
    int64_t stop_us = world->life.stop_at_us;
    if (stop_us == 0 || stop_us > ended_us)
        return STOP_NONE;
    return ended_us - stop_us < MOMENT_US ? STOP_MAYBE : STOP_ASKED;
}

/* Something that can spoil what is done on the disk: faults of it, or others in the catalog. */
static bool has_trouble(void)
{
    return world->disk_faults != oracle.disk_faults_before || world->life.foreign_writes != 0;
}

/* ---- what the lake has ---- */

/* What is covered, and what was pruned: nobody asks for that. */
static void read_coverage(const char *folder, struct ledger_set *coverage)
{
    struct error error;
    if (!world_has_catalog(folder))
        return;
    struct catalog *catalog;
    enum error_code code = world_open_catalog(&catalog, folder, &error);
    struct ledger_set pruned = {0};
    if (code == OK && (catalog_coverage(catalog, coverage, &error) != OK ||
                       catalog_pruned(catalog, &pruned, &error) != OK ||
                       ledger_set_append_all(coverage, &pruned, &error) != OK))
        oracle_finding("the coverage can't be read: %s", error.message);
    ledger_set_merge(coverage);
    ledger_set_release(&pruned);
    catalog_close(catalog);
}

static void compare_with_lake(const char *folder, struct verdict *verdict)
{
    struct ledger_set coverage = {0};
    const struct options *options = oracle.options;
    read_coverage(folder, &coverage);
    verdict->range_is_covered = true;
    for (uint32_t i = 0; i <= oracle.chain->last - oracle.chain->first; i++) {
        uint32_t ledger = oracle.chain->first + i;
        bool is_covered = ledger_set_has(&coverage, ledger);
        if (oracle.completed[i] && !is_covered && verdict->missing == 0)
            verdict->missing = ledger;
        if (ledger >= options->start_ledger && ledger <= options->end_ledger && !is_covered)
            verdict->range_is_covered = false;
    }
    ledger_set_release(&coverage);
}

/* ---- why a run may end ---- */

/* What ends the work of the source for good, by the script. */
static void check_source_failure(void)
{
    bool refuses = false;
    for (size_t i = 0; i < oracle.script->fault_count; i++) {
        const struct fault *fault = &oracle.script->faults[i];
        refuses = refuses || (fault->kind == FAULT_STATUS && fault->fired > 0 &&
                              fault->number == GRPC_PERMISSION_DENIED);
    }
    bool is_poison = oracle.options->on_poison_ledger == POISON_STOP &&
                     oracle.stream.status_failures > oracle.options->max_attempts;
    bool is_explained = (oracle.source_code == ERR_INVALID && refuses) ||
                        (oracle.source_code == ERR_CORRUPT && is_poison);
    if (!is_explained)
        oracle_finding("the source ended the run (%d) for nothing that the server did",
                       (int)oracle.source_code);
}

/* Can the same commit succeed a little later? Else, and after max_attempts of a bounded run, it
 * ends. */
static void check_writer_failure(const struct verdict *verdict)
{
    bool may_pass = oracle.writer_code != ERR_INVALID && oracle.writer_code != ERR_CONFLICT &&
                    oracle.writer_code != ERR_LIMIT && oracle.writer_code != ERR_NOT_FOUND;
    if (!has_trouble())
        oracle_finding("the writer failed (%d), and nobody troubled it", (int)oracle.writer_code);
    if (may_pass && verdict->stop == STOP_NONE &&
        (verdict->is_live || oracle.failures_in_a_row < oracle.options->max_attempts))
        oracle_finding("the run ended after %u failed commits in a row", oracle.failures_in_a_row);
}

/* ---- exit codes ---- */

static void check_done(const struct verdict *verdict)
{
    if (oracle.source_code != OK || oracle.writer_failed)
        oracle_finding("exit code 0, and the %s failed",
                       oracle.writer_failed ? "writer" : "source");
    if (verdict->stop != STOP_NONE)
        return;
    if (verdict->is_live)
        oracle_finding("exit code 0 of a live run that nobody stopped");
    else if (!verdict->range_is_covered)
        oracle_finding("exit code 0, and the range is not covered");
}

static void check_failed(const struct verdict *verdict)
{
    if (oracle.plan_failed) {
        if (!has_trouble())
            oracle_finding("exit code 1: no plan could be made, and nobody troubled the catalog");
        return;
    }
    if (oracle.source_code != OK)
        check_source_failure();
    if (oracle.writer_failed)
        check_writer_failure(verdict);
    if (oracle.source_code != OK || oracle.writer_failed)
        return;
    /* What is covered may be unreadable. */
    if ((verdict->stop == STOP_ASKED || verdict->range_is_covered) && !has_trouble())
        oracle_finding("exit code 1, and nothing failed");
    if (!verdict->range_is_covered && oracle.poison_ledgers == 0)
        oracle_finding("exit code 1, nothing failed, and the range is not covered");
}

static void check_exit_code(const struct verdict *verdict)
{
    switch (verdict->exit_code) {
    case EXIT_DONE: check_done(verdict); break;
    case EXIT_FAILED: check_failed(verdict); break;
    default: /* usage, or a lake that this run may not touch */
        oracle_finding("exit code %d of a run with nothing to refuse", verdict->exit_code);
    }
}

static void check_stop(const struct verdict *verdict, int64_t ended_us)
{
    int64_t took_us = ended_us - world->life.stop_at_us;
    if (verdict->stop == STOP_ASKED && oracle.has_begun &&
        oracle.begun_us < world->life.stop_at_us &&
        took_us > oracle.options->stop_timeout_us + STOP_GRACE_US)
        oracle_finding("the run ended %" PRId64 " ms after it was told to stop", took_us / 1000);
}

/* Whether the server did anything, or the disk, or others. */
static bool has_any_fault(void)
{
    uint64_t fired = world->wire_faults - oracle.wire_faults_before;
    for (size_t i = 0; i < oracle.script->fault_count; i++)
        fired += oracle.script->faults[i].fired; /* in earlier lives, too */
    return fired != 0 || has_trouble();
}

/* Of several streams: 0 if and only if the range is covered, or it was stopped; else there was a
 * reason. */
static void check_many(const struct verdict *verdict)
{
    if (verdict->exit_code == EXIT_DONE && verdict->stop == STOP_NONE &&
        (verdict->is_live || !verdict->range_is_covered))
        oracle_finding("exit code 0 of several streams, and the range is not covered");
    bool is_cut_short = world->is_shared && verdict->stop != STOP_NONE &&
                        verdict->exit_code == EXIT_FAILED && !verdict->range_is_covered;
    if (verdict->exit_code != EXIT_DONE && !has_any_fault() && !is_cut_short)
        oracle_finding("exit code %d of several streams, and nothing failed", verdict->exit_code);
    if (verdict->exit_code != EXIT_DONE && verdict->exit_code != EXIT_FAILED && !has_trouble())
        oracle_finding("exit code %d of several streams with nothing to refuse",
                       verdict->exit_code);
}

void oracle_exit_check(const char *folder, int exit_code, int64_t ended_us)
{
    struct verdict verdict = {.exit_code = exit_code,
                              .stop = stop_of(ended_us),
                              .is_live = oracle.options->end_ledger == 0};
    compare_with_lake(folder, &verdict);
    if (oracle.options->streams > 1 || world->is_on_objects) {
        if (!oracle.is_other_chain)
            check_many(&verdict);
        return;
    }
    check_stop(&verdict, ended_us);
    if (!oracle.has_begun) {
        if (exit_code == EXIT_DONE || !has_trouble())
            oracle_finding("exit code %d of a run that did not begin", exit_code);
        return;
    }
    if (verdict.missing != 0 && !oracle.writer_failed && !oracle.misfits)
        oracle_finding("ledger %" PRIu32 " was complete, and is not in the lake (exit code %d)",
                       verdict.missing, exit_code);
    if (!oracle.is_other_chain)
        check_exit_code(&verdict);
}

void oracle_note_exit(int exit_code)
{
    if (!oracle.is_on)
        return;
    int64_t since_us = world->now_us - world->life.stop_at_us;
    if (exit_code != EXIT_FAILED || world->life.stop_at_us == 0 ||
        since_us < oracle.options->stop_timeout_us || !has_trouble())
        oracle_finding("the run gave up publishing without need (exit code %d)", exit_code);
}
