// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_PROCESSES_H
#define TTP_SIMULATION_PROCESSES_H

/*
 * Processes of the consumer that live at the same time. One of them runs at a time; it hands the
 * turn to another by the seed's choice, or when only another can go on. So what they do to the
 * lake, the store and the database has an order, which is the seed's. A process that ends, however,
 * leaves the turn to whoever waits for it, who gives it to another once the kernel has freed its
 * locks.
 */

#include <stdbool.h>
#include <stdint.h>

struct world_life;

/* ---- in a process ---- */

/* Waits for the first turn of the one of that number, counted from 1. */
void processes_enter(uint32_t number, const struct world_life *life);
/* The other one that can go on first: its number, or 0; *next_us when. */
uint32_t processes_first_other(int64_t *next_us);
/* Any other one that can go on now; 0: none. */
uint32_t processes_any_other(void);
/* Until this process gets the turn back, which it can use from next_us on. */
void processes_hand_over(uint32_t to, int64_t next_us);
/* This process ends. */
void processes_leave(void);

/* ---- who waits for them ---- */

void processes_begin(uint32_t count);
/* All are there: the first turn. */
void processes_go_on(void);
/* One has ended. */
void processes_bury(uint32_t number);

#endif
