// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_SCENARIO_H
#define TTP_SIMULATION_SCENARIO_H

/* What a seed draws: the server's script, the lake's shape, and what each life meets. */

#include <stdbool.h>

#include "config/options.h"
#include "chain.h"
#include "world.h"

#define SCENARIO_SCRIPT_BYTES 4096

struct scenario {
    struct chain chain;
    char script_text[SCENARIO_SCRIPT_BYTES];
    struct fault_script script;
    bool skips;           /* the script leaves a ledger out */
    bool shrinks;         /* the first life must succeed */
    unsigned rough_lives; /* before the calm ones */
};

/* The world must be at its beginning (world_begin). */
void scenario_make(struct scenario *scenario, uint64_t seed, bool is_on_objects);
void scenario_release(struct scenario *scenario);

/* Draws what a life meets, and the range that it is asked for: 0 to `end`: open. */
void scenario_draw_life(const struct scenario *scenario, bool is_calm, uint32_t *start,
                        uint32_t *end);
/* Draws a life whose server is of another chain: with all its ledger numbers, or with those below
 * or above `covered` only, where close times don't fit. */
void scenario_draw_other_chain(const struct scenario *scenario, uint32_t covered_first,
                               uint32_t covered_last, struct chain *other);
/* Draws the options of a life; `options` holds the defaults. */
void scenario_set_options(const struct scenario *scenario, struct options *options);

#endif
