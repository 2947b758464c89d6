// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_RUN_H
#define TTP_SIMULATION_RUN_H

/* A seed at work: its lake, and the processes that do something with it, one after the other. */

#include <stdbool.h>
#include <stdint.h>

#include "scenario.h"
#include "support/temp_folder.h"
#include "util/ledgers.h"
#include "world.h"

struct run {
    uint64_t seed;
    struct scenario scenario;
    char base[TEMP_PATH_BYTES]; /* what the others lie in */
    char folder[TEMP_PATH_BYTES];
    char copy[TEMP_PATH_BYTES];   /* its backup */
    char bucket[TEMP_PATH_BYTES]; /* the folder of an object store that the lake may lie in */
    char catalog[600];            /* the option; "": in the lake's folder */
    char log_path[TEMP_PATH_BYTES];
    bool verbose;
    bool is_on_objects; /* each lake is on objects, */
    bool is_shared;     /* and several processes share it */
    uint64_t lives;
};

/* What a process does; its exit code. */
typedef int run_activity(struct run *run, const void *wish);

/* `activity` in a process of its own, so that dying is dying; its exit code, or -1 where that is
 * none that may be. */
int run_process(struct run *run, run_activity *activity, const void *wish);

/* Lives of several processes at the same time, each asked for a range; -1: as above, of one of
 * them.
 */
int run_together(struct run *run, uint32_t count, const struct world_life *lives,
                 const struct ledger_range *ranges);
/* The options of a life that is asked for a range. Release them. */
void run_load_options(struct run *run, uint32_t start, uint32_t end, struct options *options);

/* Whether the lake is the truth, `is_final`: all of it (check.h). */
bool run_lake_is_true(struct run *run, bool is_final);
/* From the first life to the last; false: a finding was printed. */
bool run_seed(struct run *run);
/* Nothing but the rest of the server's script goes wrong: the range must come to be covered. */
bool run_lives_calmly(struct run *run);

#endif
