// SPDX-License-Identifier: Apache-2.0
/*
 * The simulation: tests/simulation/README.md.
 *
 *     simulation [--seeds FROM COUNT] [--seed N] [--verbose] [--seconds N] [--until-failure]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service/lake_run.h"
#include "service/memory_plan.h"
#include "service/sink_setup.h"
#include "config/problems.h"
#include "config/option_load.h"
#include "catalog/catalog.h"
#include "store/layout.h"
#include "check.h"
#include "foreign.h"
#include "care/compact.h"
#include "care/prune.h"
#include "care/repair.h"
#include "oracle.h"
#include "os/log.h"
#include "os/thread.h"
#include "scenario.h"
#include "serve/server.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "world.h"
#include "catalog/files.h"

#define CALM_LIVES_MAX 12
/* A life takes milliseconds, one that waits for hours of its clock some seconds. On a busy machine
 * it may get none for long: only what hangs meets the second limit. */
#define LIFE_CPU_SECONDS 120
#define LIFE_SECONDS     1800
#define LOG_TAIL_BYTES   6000

struct totals {
    uint64_t seeds, lives, events, steps, crashes, disk_faults, wire_faults, server_faults, stops,
        foreign_writes, foreign_files, other_chains;
};

struct run {
    uint64_t seed;
    struct scenario scenario;
    char folder[TEMP_PATH_BYTES];
    char log_path[TEMP_PATH_BYTES + 8];
    bool verbose;
    uint64_t lives;
};

enum activity {
    ACTIVITY_RUN,
    ACTIVITY_OTHER_CHAIN,
    ACTIVITY_REPAIR,
    ACTIVITY_FOREIGN,
    ACTIVITY_PRUNE,
    ACTIVITY_COMPACT,
    ACTIVITY_CHECK,
    ACTIVITY_CHECK_FINAL
};

struct server_task {
    struct server *server;
    struct os_thread thread;
};

static void *serve(void *context)
{
    struct server_task *task = context;
    struct error error;
    if (server_run(task->server, &error) != OK)
        fprintf(stderr, "the server ended: %s\n", error.message);
    return NULL;
}

static void load_options(struct run *run, uint32_t start, uint32_t end, struct options *options)
{
    struct problems problems, warnings;
    const struct option_sources sources = {.config_path = NULL};
    problems_init(&problems);
    problems_init(&warnings);
    options_init(options);
    if (options_load(options, &sources, &problems, &warnings) != OK)
        abort();
    scenario_set_options(&run->scenario, options);
    options->output_path = run->folder;
    options->start_ledger = start;
    options->end_ledger = end;
    problems_release(&problems);
    problems_release(&warnings);
}

/* A life of the consumer, with the server beside it. */
static int run_consumer(struct run *run, struct chain *chain, struct fault_script *script,
                        uint32_t start, uint32_t end)
{
    struct server_task task = {.server = NULL};
    struct options options;
    struct run_report report;
    struct error error;
    load_options(run, start, end, &options);
    if (chain != &run->scenario.chain) /* of several, others may have committed what fits */
        options.streams = 1;
    const struct feed feed = chain_feed(chain);
    const struct server_options server_options = {.listen = "127.0.0.1:1", .faults = script};
    world_keep_script(script);
    if (server_new(&task.server, &server_options, &feed, &error) != OK ||
        os_thread_start(&task.thread, "server", serve, &task, &error) != OK)
        abort();
    disk_begin();
    foreign_start(run->folder);
    run_report_init(&report);
    oracle_begin(&options, chain, script, chain != &run->scenario.chain);
    const struct run_observer observer = oracle_observer();
    enum exit_code exit_code = lake_run(&options, &observer, &report);
    int64_t ended_us = world->now_us;
    run_report_release(&report);
    foreign_join();
    server_stop(task.server);
    os_thread_join(&task.thread);
    world_save_script();
    server_free(task.server);
    disk_end();
    oracle_end(run->folder, (int)exit_code, ended_us);
    options_release(&options);
    return (int)exit_code;
}

/* What the lake covers, from its lowest ledger to its highest; false: there is no lake, or it has
 * no event yet. */
static bool read_extent(const struct run *run, struct ledger_range *extent, bool *is_whole)
{
    struct ledger_set coverage = {0};
    struct catalog_neighbour below = {.closed_ledger = 0}, above;
    const struct ledger_range beyond = {UINT32_MAX, 0};
    struct error error;
    struct catalog *catalog;
    enum error_code code =
        catalog_open(&catalog, temp_path(run->folder, LAKE_CATALOG), CATALOG_READ, NULL, &error);
    bool is_read = code == OK && catalog_coverage(catalog, &coverage, &error) == OK &&
                   catalog_neighbours(catalog, beyond, &below, &above, &error) == OK;
    if (is_read && coverage.count > 0)
        *extent = ledger_set_span(&coverage);
    *is_whole = coverage.count == 1 && extent->first == run->scenario.chain.first &&
                extent->last == run->scenario.chain.last;
    ledger_set_release(&coverage);
    catalog_close(catalog);
    return is_read && below.digest.ledger != 0 && below.closed_ledger != 0;
}

/* The server is of another chain: nothing of it may land, and the run must say so. */
static int meet_other_chain(struct run *run)
{
    static struct chain other;
    struct fault_script no_faults = {.fault_count = 0};
    struct ledger_range extent = {0, 0};
    bool is_whole;
    if (!temp_exists(temp_path(run->folder, LAKE_CATALOG)) || !read_extent(run, &extent, &is_whole))
        return 0;
    scenario_draw_other_chain(&run->scenario, extent.first, extent.last, &other);
    int exit_code =
        run_consumer(run, &other, &no_faults, run->scenario.chain.first, run->scenario.chain.last);
    world->other_chains += exit_code == 2;
    if (exit_code == 2 || (exit_code == 0 && read_extent(run, &extent, &is_whole) && is_whole))
        return 0;
    printf("  found: a run from another chain (%u to %u of it) ended with exit code %d\n",
           other.served_first, other.served_last, exit_code);
    return 1;
}

static int run_repair(struct run *run)
{
    const struct repair_options options = {
        .output_path = run->folder, .unconfirmed = true, .threads = 1};
    struct repair_report report;
    struct error error;
    disk_begin();
    enum error_code code = repair_lake(&options, &report, &error);
    if (code != OK)
        fprintf(stderr, "repair: %s\n", error.message);
    repair_report_release(&report);
    return code == OK ? 0 : 1;
}

/* What ends below the ledger leaves. */
static int run_prune(struct run *run, uint32_t before)
{
    const struct prune_cut cut = {.before_ledger = before};
    struct prune_report report;
    struct error error;
    disk_begin();
    enum error_code code = prune_lake(run->folder, &cut, false, &report, &error);
    if (code != OK)
        fprintf(stderr, "prune: %s\n", error.message);
    prune_report_release(&report);
    return code == OK ? 0 : 1;
}

/* Also of the newest partition, between two lives. */
static int run_compact(struct run *run)
{
    struct options options;
    struct compact_report report;
    struct error error;
    load_options(run, 0, 0, &options);
    struct memory_plan memory = memory_plan_make(options.memory_limit_bytes, 1);
    const struct sink_options sink = sink_setup_options(&options, &memory);
    const struct compact_wish wish = {.partition = "",
                                      .max_file_size_bytes = options.max_file_size_bytes};
    disk_begin();
    compact_report_init(&report);
    enum error_code code = compact_lake(&sink, &wish, &report, &error);
    if (code != OK)
        fprintf(stderr, "compact: %s\n", error.message);
    compact_report_release(&report);
    options_release(&options);
    return code == OK || code == ERR_NOT_FOUND ? 0 : 1; /* the lake may only be being made */
}

/* Between two lives. */
static int write_as_others(struct run *run)
{
    for (uint32_t left = 1 + world_below(8); left > 0; left--)
        foreign_act(run->folder);
    return 0;
}

static int act(struct run *run, enum activity activity, uint32_t start, uint32_t end)
{
    switch (activity) {
    case ACTIVITY_RUN:
        return run_consumer(run, &run->scenario.chain, &run->scenario.script, start, end);
    case ACTIVITY_OTHER_CHAIN: return meet_other_chain(run);
    case ACTIVITY_REPAIR: return run_repair(run);
    case ACTIVITY_FOREIGN: return write_as_others(run);
    case ACTIVITY_PRUNE: return run_prune(run, start);
    case ACTIVITY_COMPACT: return run_compact(run);
    case ACTIVITY_CHECK: return check_lake(run->folder, &run->scenario.chain, false) ? 0 : 1;
    case ACTIVITY_CHECK_FINAL: return check_lake(run->folder, &run->scenario.chain, true) ? 0 : 1;
    }
    return 1;
}

/* In a process of its own, so that dying is dying; its exit code, or -1 where that is none that may
 * be. */
static int in_process(struct run *run, enum activity activity, uint32_t start, uint32_t end)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        abort();
    }
    if (child == 0) {
        int log = open(run->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (!run->verbose && log >= 0)
            dup2(log, STDERR_FILENO);
        const struct rlimit limit = {LIFE_CPU_SECONDS, LIFE_CPU_SECONDS};
        setrlimit(RLIMIT_CPU, &limit);
        alarm(LIFE_SECONDS);
        log_configure(LOG_INFO, LOG_FORMAT_TEXT);
        tasks_begin();
        int exit_code = act(run, activity, start, end);
        fflush(stdout);
        world_end_process(exit_code);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    run->lives += activity == ACTIVITY_RUN;
    if (world->findings != 0) /* the oracle's, and it has said so */
        return -1;
    if (WIFEXITED(status) && (WEXITSTATUS(status) <= 2 || WEXITSTATUS(status) == WORLD_EXIT_DIED))
        return WEXITSTATUS(status);
    printf("  found: a life ended by %s %d\n", WIFEXITED(status) ? "exit code" : "signal",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return -1;
}

/* ---- a seed ---- */

/* A server of another chain, on a calm day: the lake stays as it is. */
static bool survive_other_chain(struct run *run)
{
    uint32_t start, end;
    scenario_draw_life(&run->scenario, true, &start, &end);
    if (run->verbose)
        fprintf(stderr, "---- a life with a server of another chain\n");
    return in_process(run, ACTIVITY_OTHER_CHAIN, 0, 0) == 0 &&
           in_process(run, ACTIVITY_CHECK, 0, 0) == 0;
}

/* The files of what there is become few; it may die on its way, and begins anew then. */
static bool compact(struct run *run)
{
    if (!temp_exists(temp_path(run->folder, LAKE_CATALOG)))
        return true;
    world->life = (struct world_life){.chunk_bytes = 1, .crash_at = 1 + world_below(200)};
    int exit_code = in_process(run, ACTIVITY_COMPACT, 0, 0);
    world->life.crash_at = 0;
    if (exit_code == WORLD_EXIT_DIED)
        exit_code = in_process(run, ACTIVITY_CHECK, 0, 0) == 0
                        ? in_process(run, ACTIVITY_COMPACT, 0, 0)
                        : 1;
    if (exit_code != 0)
        printf("  found: compact failed\n");
    return exit_code == 0 && in_process(run, ACTIVITY_CHECK, 0, 0) == 0;
}

static bool live_roughly(struct run *run)
{
    for (unsigned i = 0; i < run->scenario.rough_lives; i++) {
        uint32_t start, end;
        scenario_draw_life(&run->scenario, false, &start, &end);
        if (run->verbose)
            fprintf(stderr, "---- life %u: %u to %u, stop at %" PRId64 ", crash at %" PRIu64 "\n",
                    i + 1, start, end, world->life.stop_at_us, world->life.crash_at);
        if (in_process(run, ACTIVITY_RUN, start, end) < 0)
            return false;
        if (world->foreign.is_there && in_process(run, ACTIVITY_FOREIGN, 0, 0) != 0)
            return false;
        if (world_chance(2) && in_process(run, ACTIVITY_CHECK, 0, 0) != 0)
            return false;
        if (world_chance(2) && !survive_other_chain(run))
            return false;
        if (world_chance(3) && !compact(run))
            return false;
    }
    return true;
}

/* Nothing but the rest of the server's script goes wrong: the range must come to be covered. */
static bool live_calmly(struct run *run)
{
    int exit_code = 1;
    for (unsigned i = 0; i < CALM_LIVES_MAX; i++) {
        uint32_t start, end;
        scenario_draw_life(&run->scenario, true, &start, &end);
        if (run->verbose)
            fprintf(stderr, "---- calm life %u\n", i + 1);
        exit_code = in_process(run, ACTIVITY_RUN, start, end);
        if (exit_code <= 0 || run->scenario.shrinks)
            break;
    }
    if (exit_code == 0)
        return true;
    if (exit_code > 0)
        printf("  found: the range is never covered\n");
    return false;
}

/* What the server left out is fetched after all; repair may die on its way, too. */
static bool repair_unconfirmed(struct run *run)
{
    world->life = (struct world_life){.chunk_bytes = 1};
    if (world_chance(2))
        world->life.crash_at = 1 + world_below(40);
    int exit_code = in_process(run, ACTIVITY_REPAIR, 0, 0);
    world->life.crash_at = 0;
    if (exit_code == WORLD_EXIT_DIED)
        exit_code = in_process(run, ACTIVITY_REPAIR, 0, 0);
    if (exit_code != 0)
        printf("  found: repair failed\n");
    return exit_code == 0 && live_calmly(run);
}

/* The lake is whole, and loses its beginning; prune may die on its way. What was pruned is not
 * fetched again. */
static bool prune(struct run *run)
{
    const struct chain *chain = &run->scenario.chain;
    uint32_t before = chain->first + 1 + world_below(chain->last - chain->first + 1);
    world->life = (struct world_life){.chunk_bytes = 1, .crash_at = 1 + world_below(120)};
    int exit_code = in_process(run, ACTIVITY_PRUNE, before, 0);
    world->life.crash_at = 0;
    if (exit_code == WORLD_EXIT_DIED)
        exit_code = in_process(run, ACTIVITY_CHECK, 0, 0) == 0
                        ? in_process(run, ACTIVITY_PRUNE, before, 0)
                        : 1;
    if (exit_code != 0)
        printf("  found: prune failed\n");
    return exit_code == 0 && in_process(run, ACTIVITY_CHECK_FINAL, 0, 0) == 0 && live_calmly(run) &&
           in_process(run, ACTIVITY_CHECK_FINAL, 0, 0) == 0;
}

static bool run_seed(struct run *run)
{
    world_begin(run->seed);
    scenario_make(&run->scenario, run->seed);
    if (run->verbose)
        fprintf(stderr, "chain: %u to %u, %u events\n%s", run->scenario.chain.first,
                run->scenario.chain.last, run->scenario.chain.event_count,
                run->scenario.script_text);
    bool passed = live_roughly(run) && live_calmly(run);
    if (passed && run->scenario.skips)
        passed = in_process(run, ACTIVITY_CHECK, 0, 0) == 0 && repair_unconfirmed(run);
    passed = passed && in_process(run, ACTIVITY_CHECK_FINAL, 0, 0) == 0 &&
             (!world_chance(2) || prune(run));
    uint64_t faults =
        world->crashes + world->disk_faults + world->wire_faults + world->server_faults;
    if (passed && faults == 0) {
        printf("  found: no fault was met\n");
        passed = false;
    }
    return passed;
}

static void print_log_tail(const char *path)
{
    static char text[LOG_TAIL_BYTES + 1];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return;
    if (fseek(file, -LOG_TAIL_BYTES, SEEK_END) != 0)
        rewind(file);
    text[fread(text, 1, LOG_TAIL_BYTES, file)] = '\0';
    fclose(file);
    printf("  the end of its log:\n%s\n", text);
}

static bool try_seed(uint64_t seed, bool verbose, struct totals *totals)
{
    static struct run run;
    run = (struct run){.seed = seed, .verbose = verbose};
    temp_folder_make(run.folder);
    snprintf(run.log_path, sizeof run.log_path, "%s.log", run.folder);
    bool passed = run_seed(&run);
    totals->seeds++;
    totals->lives += run.lives;
    totals->events += run.scenario.chain.event_count;
    totals->steps += world->steps;
    totals->crashes += world->crashes;
    totals->disk_faults += world->disk_faults;
    totals->wire_faults += world->wire_faults;
    totals->server_faults += world->server_faults;
    totals->stops += world->stops;
    totals->foreign_writes += world->foreign.writes;
    totals->foreign_files += world->foreign.inserted_files + world->foreign.rewrites;
    totals->other_chains += world->other_chains;
    if (!passed) {
        printf("seed %" PRIu64 " FAILED; again: simulation --seed %" PRIu64 "\n%s", seed, seed,
               run.scenario.script_text);
        if (!verbose)
            print_log_tail(run.log_path);
    }
    scenario_release(&run.scenario);
    temp_folder_remove(run.folder);
    unlink(run.log_path);
    return passed;
}

/* ---- the command line ---- */

struct wish {
    uint64_t from, count, seconds;
    bool verbose, until_failure;
};

static bool parse(struct wish *wish, int count, char **arguments)
{
    *wish = (struct wish){.from = 1, .count = 200};
    for (int i = 1; i < count; i++) {
        int left = count - i - 1;
        if (strcmp(arguments[i], "--verbose") == 0) {
            wish->verbose = true;
        } else if (strcmp(arguments[i], "--until-failure") == 0) {
            wish->until_failure = true;
        } else if (strcmp(arguments[i], "--seed") == 0 && left >= 1) {
            wish->from = strtoull(arguments[++i], NULL, 10);
            wish->count = 1;
        } else if (strcmp(arguments[i], "--seconds") == 0 && left >= 1) {
            wish->seconds = strtoull(arguments[++i], NULL, 10);
        } else if (strcmp(arguments[i], "--seeds") == 0 && left >= 2) {
            wish->from = strtoull(arguments[++i], NULL, 10);
            wish->count = strtoull(arguments[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: simulation [--seeds FROM COUNT | --seed N] [--seconds N] "
                            "[--until-failure] [--verbose]\n");
            return false;
        }
    }
    return true;
}

int main(int argument_count, char **arguments)
{
    struct wish wish;
    struct totals totals = {.seeds = 0};
    uint64_t failed = 0;
    time_t started = time(NULL);
    if (!parse(&wish, argument_count, arguments))
        return 2;
    world_make();
    for (uint64_t i = 0; i < wish.count; i++) {
        if (wish.seconds != 0 && (uint64_t)(time(NULL) - started) >= wish.seconds)
            break;
        if (wish.until_failure && failed != 0)
            break;
        failed += !try_seed(wish.from + i, wish.verbose, &totals);
    }
    printf("%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " failed; %" PRIu64 " lives, %" PRIu64
           " events, %" PRIu64 " turns; %" PRIu64 " crashes, %" PRIu64 " disk faults, %" PRIu64
           " wire faults, %" PRIu64 " server faults, %" PRIu64 " stops, %" PRIu64
           " writes of others, %" PRIu64 " of whole files, %" PRIu64 " other chains; %lld s\n",
           totals.seeds, wish.from, failed, totals.lives, totals.events, totals.steps,
           totals.crashes, totals.disk_faults, totals.wire_faults, totals.server_faults,
           totals.stops, totals.foreign_writes, totals.foreign_files, totals.other_chains,
           (long long)(time(NULL) - started));
    return failed == 0 ? 0 : 1;
}
