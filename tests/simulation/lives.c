// SPDX-License-Identifier: Apache-2.0
/*
 * The lives of a seed's consumer and what happens between them, each in a process of its own.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bucket.h"
#include "care.h"
#include "catalog/care.h"
#include "catalog/catalog.h"
#include "catalog/files.h"
#include "check.h"
#include "commit/lake_catalog.h"
#include "config/option_load.h"
#include "config/problems.h"
#include "pg.h"
#include "foreign.h"
#include "oracle.h"
#include "processes.h"
#include "tasks.h"
#include "os/log.h"
#include "os/thread.h"
#include "serve/server.h"
#include "service/lake_run.h"
#include "store/layout.h"
#include "store/objects.h"
#include "support/power_loss.h"
#include "util/memory.h"
#include "util/text.h"
#include "world.h"

#define CALM_LIVES_MAX 12
/* A life takes milliseconds, one that waits for hours of its clock some seconds. On a busy machine
 * it may get none for long: only what hangs meets the second limit. */
#define LIFE_CPU_SECONDS 120
#define LIFE_SECONDS     1800

/* ---- a life ---- */

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

/* Each process is on a machine of its own. */
static const char *staging_path(void)
{
    static char path[540];
    if (world->process == 1)
        return world->staging_path;
    snprintf(path, sizeof path, "%.500s-%" PRIu32, world->staging_path, world->process);
    return path;
}

void run_load_options(struct run *run, uint32_t start, uint32_t end, struct options *options)
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
    if (world->is_on_objects) {
        options->catalog = run->catalog;
        options->staging_path = staging_path();
        options->s3_endpoint = BUCKET_ENDPOINT;
        options->s3_path_style = true;
    }
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
    run_load_options(run, start, end, &options);
    if (chain != &run->scenario.chain) /* of several, others may have committed what fits */
        options.streams = 1;
    const struct feed feed = chain_feed(chain);
    const struct server_options server_options = {.listen = "127.0.0.1:1", .faults = script};
    world_keep_script(script);
    if (server_new(&task.server, &server_options, &feed, &error) != OK ||
        os_thread_start(&task.thread, "server", serve, &task, &error) != OK)
        abort();
    disk_begin(run->base);
    foreign_start(run->folder);
    care_start_backup(run);
    run_report_init(&report);
    oracle_begin(&options, chain, script, chain != &run->scenario.chain);
    const struct run_observer observer = oracle_observer();
    enum exit_code exit_code = lake_run(&options, &observer, &report);
    int64_t ended_us = world->now_us;
    run_report_release(&report);
    foreign_join();
    care_join_backup();
    server_stop(task.server);
    os_thread_join(&task.thread);
    world_save_script();
    server_free(task.server);
    disk_end();
    oracle_end(run->folder, (int)exit_code, ended_us);
    options_release(&options);
    return (int)exit_code;
}

/* What the lake covers, or has pruned, from its lowest ledger to its highest; false: there is no
 * lake, or it has no event yet. */
static bool read_extent(const struct run *run, struct ledger_range *extent, bool *is_whole)
{
    struct ledger_set coverage = {0}, pruned = {0};
    struct catalog_neighbour below = {.closed_ledger = 0}, above;
    const struct ledger_range beyond = {UINT32_MAX, 0};
    struct error error;
    struct catalog *catalog;
    enum error_code code = world_open_catalog(&catalog, run->folder, &error);
    bool is_read = code == OK && catalog_coverage(catalog, &coverage, &error) == OK &&
                   catalog_pruned(catalog, &pruned, &error) == OK &&
                   ledger_set_append_all(&coverage, &pruned, &error) == OK &&
                   catalog_neighbours(catalog, beyond, &below, &above, &error) == OK;
    ledger_set_merge(&coverage);
    if (is_read && coverage.count > 0)
        *extent = ledger_set_span(&coverage);
    *is_whole = coverage.count == 1 && extent->first == run->scenario.chain.first &&
                extent->last == run->scenario.chain.last;
    ledger_set_release(&coverage);
    ledger_set_release(&pruned);
    catalog_close(catalog);
    return is_read && below.digest.ledger != 0 && below.closed_ledger != 0;
}

/* The server is of another chain: nothing of it may land, and the run must say so. */
static int meet_other_chain(struct run *run, const void *context)
{
    (void)context;
    static struct chain other;
    struct fault_script no_faults = {.fault_count = 0};
    struct ledger_range extent = {0, 0};
    bool is_whole;
    if (!world_has_catalog(run->folder) || !read_extent(run, &extent, &is_whole))
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

/* Between two lives. */
static int write_as_others(struct run *run, const void *context)
{
    (void)context;
    for (uint32_t left = 1 + world_below(8); left > 0; left--)
        foreign_act(run->folder);
    return 0;
}

static int activity_run(struct run *run, const void *wish)
{
    const struct ledger_range *range = wish;
    return run_consumer(run, &run->scenario.chain, &run->scenario.script, range->first,
                        range->last);
}

static int activity_check(struct run *run, const void *wish)
{
    const bool *is_final = wish;
    bool is_sound = !world->is_shared || pg_is_sound();
    return check_lake(run->folder, &run->scenario.chain, *is_final) && is_sound ? 0 : 1;
}

/* ---- processes ---- */

/* As a command does. */
static void find_lakes(const struct run *run)
{
    if (!world->is_on_objects)
        return;
    objects_configure(&(struct objects_settings){.endpoint = BUCKET_ENDPOINT,
                                                 .region = "",
                                                 .path_style = true,
                                                 .staging_path = staging_path()});
    lake_catalog_configure(run->catalog, "");
}

/* What a process is. */
static pid_t fork_for_a_life(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        abort();
    }
    return child;
}

static _Noreturn void live(struct run *run, run_activity *activity, const void *wish)
{
    find_lakes(run);
    int log = open(run->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (!run->verbose && log >= 0)
        dup2(log, STDERR_FILENO);
    const struct rlimit limit = {LIFE_CPU_SECONDS, LIFE_CPU_SECONDS};
    setrlimit(RLIMIT_CPU, &limit);
    alarm(LIFE_SECONDS);
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    tasks_begin();
    int exit_code = activity(run, wish);
    fflush(stdout);
    world_end_process(exit_code);
}

/* Its exit code, or -1 where that is none that may be. */
static int end_of(int status)
{
    if (world->findings != 0) /* the oracle's, and it has said so */
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == POWER_LOSS_EXIT_CODE)
        return WORLD_EXIT_DIED;
    if (WIFEXITED(status) && (WEXITSTATUS(status) <= 2 || WEXITSTATUS(status) == WORLD_EXIT_DIED))
        return WEXITSTATUS(status);
    printf("  found: a life ended by %s %d\n", WIFEXITED(status) ? "exit code" : "signal",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return -1;
}

int run_process(struct run *run, run_activity *activity, const void *wish)
{
    world->process = 1;
    pid_t child = fork_for_a_life();
    if (child == 0)
        live(run, activity, wish);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    run->lives += activity == activity_run;
    return end_of(status);
}

int run_together(struct run *run, uint32_t count, const struct world_life *lives,
                 const struct ledger_range *ranges)
{
    pid_t children[WORLD_PROCESSES_MAX];
    int worst = 0, status = 0;
    processes_begin(count);
    for (uint32_t i = 0; i < count; i++) {
        children[i] = fork_for_a_life();
        if (children[i] == 0) {
            processes_enter(i + 1, &lives[i]);
            live(run, activity_run, &ranges[i]);
        }
    }
    processes_go_on();
    for (uint32_t left = count; left > 0; left--) {
        pid_t ended;
        while ((ended = waitpid(-1, &status, 0)) < 0 && errno == EINTR)
            continue;
        for (uint32_t i = 0; i < count; i++)
            if (children[i] == ended)
                processes_bury(i + 1);
        int code = end_of(status);
        if (run->verbose)
            fprintf(stderr, "---- a process of %" PRIu32 " ended: %d\n", count, code);
        worst = code < 0 ? code : worst;
        processes_go_on();
    }
    run->lives += count;
    world->together++;
    return worst;
}

bool run_lake_is_true(struct run *run, bool is_final)
{
    return run_process(run, activity_check, &is_final) == 0;
}
/* ---- a seed ---- */

/* A server of another chain, on a calm day: the lake stays as it is. */
static bool survive_other_chain(struct run *run)
{
    uint32_t start, end;
    scenario_draw_life(&run->scenario, true, &start, &end);
    if (run->verbose)
        fprintf(stderr, "---- a life with a server of another chain\n");
    return run_process(run, meet_other_chain, NULL) == 0 && run_lake_is_true(run, false);
}

/* Some processes, mostly with the same command. */
static int live_together(struct run *run)
{
    struct world_life lives[WORLD_PROCESSES_MAX];
    struct ledger_range ranges[WORLD_PROCESSES_MAX];
    uint32_t count = 1 + world_below(WORLD_PROCESSES_MAX);
    bool is_same = !world_chance(3);
    world->slack_us = INT64_C(1) << world_below(18);
    for (uint32_t i = 0; i < count; i++) {
        scenario_draw_life(&run->scenario, false, &ranges[i].first, &ranges[i].last);
        lives[i] = world->life;
        if (is_same && (ranges[i].last == 0) == (ranges[0].last == 0))
            ranges[i] = ranges[0];
        if (run->verbose)
            fprintf(stderr,
                    "---- process %" PRIu32 ": %u to %u, stop at %" PRId64 ", crash at %" PRIu64
                    ", freeze at %" PRIu64 " for %" PRId64 " us\n",
                    i + 1, ranges[i].first, ranges[i].last, lives[i].stop_at_us, lives[i].crash_at,
                    lives[i].freeze_at, lives[i].freeze_us);
    }
    return run_together(run, count, lives, ranges);
}

static int live_alone(struct run *run, unsigned number)
{
    struct ledger_range range;
    scenario_draw_life(&run->scenario, false, &range.first, &range.last);
    if (run->verbose)
        fprintf(stderr, "---- life %u: %u to %u, stop at %" PRId64 ", crash at %" PRIu64 "\n",
                number, range.first, range.last, world->life.stop_at_us, world->life.crash_at);
    return run_process(run, activity_run, &range);
}

static bool live_roughly(struct run *run)
{
    for (unsigned i = 0; i < run->scenario.rough_lives; i++) {
        if ((world->is_shared ? live_together(run) : live_alone(run, i + 1)) < 0)
            return false;
        bool is_updated = i + 1 == run->scenario.rough_lives || world_chance(2);
        if (is_updated && !care_replay_letters(run))
            return false;
        world->is_old_age = world->is_old_age && !is_updated;
        if (world->foreign.is_there && run_process(run, write_as_others, NULL) != 0)
            return false;
        if (world_chance(2) && !run_lake_is_true(run, false))
            return false;
        if (world_chance(2) && !survive_other_chain(run))
            return false;
        if (world_chance(world->is_shared ? 8 : 2) && !care_at_random(run, false))
            return false;
    }
    return true;
}

bool run_lives_calmly(struct run *run)
{
    int exit_code = 1;
    for (unsigned i = 0; i < CALM_LIVES_MAX; i++) {
        struct ledger_range range;
        scenario_draw_life(&run->scenario, true, &range.first, &range.last);
        if (run->verbose)
            fprintf(stderr, "---- calm life %u\n", i + 1);
        exit_code = run_process(run, activity_run, &range);
        if (exit_code <= 0 || run->scenario.shrinks)
            break;
    }
    if (exit_code == 0)
        return true;
    if (exit_code > 0)
        printf("  found: the range is never covered\n");
    return false;
}

static int activity_check_bucket(struct run *run, const void *wish)
{
    (void)wish;
    return check_bucket(run->folder) ? 0 : 1;
}

/* All that was under way has come, and a day later what was given up is deleted for good: nothing
 * is left that the lake does not name. */
static bool sweep_is_clean(struct run *run)
{
    bucket_settle();
    for (unsigned i = 0; i < 2; i++) {
        world->now_us += INT64_C(25) * 3600 * US_PER_SECOND;
        if (!run_lives_calmly(run))
            return false;
    }
    return run_lake_is_true(run, true) && run_process(run, activity_check_bucket, NULL) == 0;
}

/* Where the lake lies, and its catalog. */
static void find_places(struct run *run)
{
    if (!world->is_on_objects)
        return;
    snprintf(run->folder, sizeof run->folder, "%s", BUCKET_URL);
    snprintf(world->catalog_path, sizeof world->catalog_path, "%.400s/catalog.sqlite", run->base);
    snprintf(world->staging_path, sizeof world->staging_path, "%.400s/staging", run->base);
    snprintf(world->database_path, sizeof world->database_path, "%.400s/postgres.db", run->base);
    snprintf(run->catalog, sizeof run->catalog, "sqlite:%.400s/catalog.sqlite", run->base);
    if (world->is_shared)
        snprintf(run->catalog, sizeof run->catalog, "postgres:dbname=simulated");
    bucket_use(run->bucket);
}

bool run_seed(struct run *run)
{
    world_begin(run->seed);
    world->is_shared = run->is_shared;
    scenario_make(&run->scenario, run->seed, run->is_on_objects);
    find_places(run);
    if (run->verbose)
        fprintf(stderr, "chain: %u to %u, %u events\n%s", run->scenario.chain.first,
                run->scenario.chain.last, run->scenario.chain.event_count,
                run->scenario.script_text);
    bool passed = live_roughly(run) && run_lives_calmly(run);
    if (passed && run->scenario.skips)
        passed = run_lake_is_true(run, false) && care_repair_unconfirmed(run);
    passed = passed && run_lake_is_true(run, true);
    for (uint32_t left = world_below(world->is_shared ? 2 : 4); passed && left > 0; left--)
        passed = care_at_random(run, true);
    passed = passed && (!world->is_on_objects || sweep_is_clean(run));
    uint64_t faults = world->crashes + world->power_losses + world->disk_faults +
                      world->wire_faults + world->server_faults;
    if (passed && faults == 0) {
        printf("  found: no fault was met\n");
        passed = false;
    }
    return passed;
}
