// SPDX-License-Identifier: Apache-2.0
/*
 * The simulation: tests/simulation/README.md.
 *
 *     simulation [--seeds FROM COUNT] [--seed N] [--verbose] [--seconds N] [--until-failure]
 *         [--objects | --processes]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "care.h"

#define LOG_TAIL_BYTES 6000

struct wish {
    uint64_t from, count, seconds;
    bool verbose, until_failure, is_on_objects, is_shared;
};

struct totals {
    uint64_t seeds, lives, events, steps, crashes, power_losses, disk_faults, wire_faults,
        server_faults, stops, database_faults, late_trips, freezes, together, foreign_writes,
        foreign_files, other_chains, store_faults, late_requests, on_objects, care[WORLD_CARE_MAX];
};

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

static bool try_seed(uint64_t seed, const struct wish *wish, struct totals *totals)
{
    static struct run run;
    run = (struct run){.seed = seed,
                       .verbose = wish->verbose,
                       .is_on_objects = wish->is_on_objects,
                       .is_shared = wish->is_shared};
    temp_folder_make(run.base);
    snprintf(run.folder, sizeof run.folder, "%s", temp_path(run.base, "lake"));
    snprintf(run.copy, sizeof run.copy, "%s", temp_path(run.base, "copy"));
    temp_folder_make(run.bucket);
    if (mkdir(temp_path(run.bucket, "late"), 0700) != 0)
        abort();
    snprintf(run.log_path, sizeof run.log_path, "%.4000s.log", run.base);
    bool passed = run_seed(&run);
    totals->seeds++;
    totals->lives += run.lives;
    totals->events += run.scenario.chain.event_count;
    totals->steps += world->steps;
    totals->crashes += world->crashes;
    totals->power_losses += world->power_losses;
    for (size_t i = 0; i < WORLD_CARE_MAX; i++)
        totals->care[i] += world->care[i];
    totals->disk_faults += world->disk_faults;
    totals->wire_faults += world->wire_faults;
    totals->server_faults += world->server_faults;
    totals->stops += world->stops;
    totals->foreign_writes += world->foreign.writes;
    totals->foreign_files += world->foreign.inserted_files + world->foreign.rewrites;
    totals->other_chains += world->other_chains;
    totals->on_objects += world->is_on_objects;
    totals->store_faults += world->store_faults;
    totals->late_requests += world->late_requests;
    totals->database_faults += world->database_faults;
    totals->late_trips += world->late_trips;
    totals->freezes += world->freezes;
    totals->together += world->together;
    if (!passed) {
        printf("seed %" PRIu64 " FAILED; again: simulation --seed %" PRIu64 "\n%s", seed, seed,
               run.scenario.script_text);
        if (!wish->verbose)
            print_log_tail(run.log_path);
    }
    scenario_release(&run.scenario);
    temp_folder_remove(run.base);
    temp_folder_remove(run.bucket);
    unlink(run.log_path);
    return passed;
}

static void print_totals(const struct totals *totals, uint64_t from, uint64_t failed)
{
    const struct {
        uint64_t count;
        const char *what;
    } kinds[] = {{totals->lives, "lives"},
                 {totals->events, "events"},
                 {totals->steps, "turns"},
                 {totals->crashes, "crashes"},
                 {totals->power_losses, "power losses"},
                 {totals->disk_faults, "disk faults"},
                 {totals->wire_faults, "wire faults"},
                 {totals->server_faults, "server faults"},
                 {totals->stops, "stops"},
                 {totals->foreign_writes, "writes of others"},
                 {totals->foreign_files, "of whole files"},
                 {totals->other_chains, "other chains"},
                 {totals->on_objects, "lakes on objects"},
                 {totals->store_faults, "faults of the store"},
                 {totals->late_requests, "late requests"},
                 {totals->together, "lives together"},
                 {totals->freezes, "freezes"},
                 {totals->database_faults, "faults of the database"},
                 {totals->late_trips, "late trips to it"}};
    printf("%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " failed", totals->seeds, from, failed);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        printf("%s %" PRIu64 " %s", i == 0 ? ";" : ",", kinds[i].count, kinds[i].what);
    for (unsigned i = 0; i < WORLD_CARE_MAX && care_name(i) != NULL; i++)
        printf("%s %" PRIu64 " %s", i == 0 ? ";" : ",", totals->care[i], care_name(i));
}

/* ---- the command line ---- */

static bool parse(struct wish *wish, int count, char **arguments)
{
    *wish = (struct wish){.from = 1, .count = 200};
    for (int i = 1; i < count; i++) {
        int left = count - i - 1;
        if (strcmp(arguments[i], "--verbose") == 0) {
            wish->verbose = true;
        } else if (strcmp(arguments[i], "--until-failure") == 0) {
            wish->until_failure = true;
        } else if (strcmp(arguments[i], "--objects") == 0) {
            wish->is_on_objects = true;
        } else if (strcmp(arguments[i], "--processes") == 0) {
            wish->is_on_objects = wish->is_shared = true;
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
                            "[--until-failure] [--verbose] [--objects | --processes]\n");
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
    setenv("AWS_ACCESS_KEY_ID", "simulated", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "simulated", 1);
    setenv("AWS_REGION", "us-east-1", 1);
    for (uint64_t i = 0; i < wish.count; i++) {
        if (wish.seconds != 0 && (uint64_t)(time(NULL) - started) >= wish.seconds)
            break;
        if (wish.until_failure && failed != 0)
            break;
        failed += !try_seed(wish.from + i, &wish, &totals);
    }
    print_totals(&totals, wish.from, failed);
    printf("; %lld s\n", (long long)(time(NULL) - started));
    return failed == 0 ? 0 : 1;
}
