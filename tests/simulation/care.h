// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_CARE_H
#define TTP_SIMULATION_CARE_H

/* The care of the lake between two lives and beside one: each verb with the faults that a life has.
 * It may die, or fail where the disk did; without a fault it succeeds, and the lake, and its
 * backup, are the truth after each of them. */

#include "run.h"

/* A verb that the seed draws. `is_whole`: the range was covered, and is again at the end. False: a
 * finding was printed. */
bool care_at_random(struct run *run, bool is_whole);
/* What the server left out is asked for again. */
bool care_repair_unconfirmed(struct run *run);

/* After a life of an older program, before the next one (docs/OPERATIONS.md), where it is needed.
 */
bool care_replay_letters(struct run *run);

/* What world->care counts; NULL: no verb of that number. */
const char *care_name(unsigned verb);

/* Beside a life: a backup, at a time that world->life says. */
void care_start_backup(struct run *run);
void care_join_backup(void);

#endif
