// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_TASKS_H
#define TTP_SIMULATION_TASKS_H

/* The threads of a process, which take turns, also with those of other processes. */

#include <stdint.h>

/* From now on the threads of this process take turns. */
void tasks_begin(void);
/* A moment at which another process may come in between. */
void tasks_yield(void);
/* If the process is to freeze at this operation: nothing of it goes on for as long as that takes.
 */
void tasks_meet_freeze(uint64_t operation);
/* Only the caller goes on: the rest of the process is dead. */
void tasks_be_alone(void);

#endif
