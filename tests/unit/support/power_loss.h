// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_POWER_LOSS_H
#define TTP_TESTS_POWER_LOSS_H

/*
 * A disk that forgets what was not synced. It watches every file operation of ours (os/calls.h) and
 * of SQLite (os/library_hook.h) below one folder and keeps, beside the real files, what a disk must
 * have kept: of a file the bytes at its last fsync, of a directory the names at its last fsync. For
 * that it takes the place of libc's fsync and fdatasync. At
 * the chosen operation the power fails: the folder is made into what such a disk may show
 * afterwards, and the process ends with POWER_LOSS_EXIT_CODE.
 *
 * Renames are atomic, as on any journalling file system: a file has its old name or its new one.
 * All else that was not synced may be kept or lost independently.
 */

#include <stdbool.h>
#include <stdint.h>

enum power_loss_mode {
    POWER_LOSS_FORGETS_ALL,   /* only what was synced is left */
    POWER_LOSS_FORGETS_DATA,  /* every name is kept, and only the bytes that were synced */
    POWER_LOSS_FORGETS_NAMES, /* every byte is kept, and only the names that were synced */
    POWER_LOSS_RANDOM         /* by `seed`: each name, each block of 4 KiB kept or lost */
};
#define POWER_LOSS_MODE_COUNT 4
#define POWER_LOSS_EXIT_CODE  78

struct power_loss_plan {
    const char *root; /* an existing folder; what is in it at the beginning is durable */
    uint64_t at;      /* the operation before which the power fails, from 1; 0: never */
    enum power_loss_mode mode;
    uint64_t seed;
    uint64_t fail_library_sync; /* SQLite's sync of this number fails with EIO; 0: none */
};

/* Puts the plan in force, for the rest of this process. */
void power_loss_begin(const struct power_loss_plan *plan);
/* The power fails now. */
_Noreturn void power_loss_strike(void);
/* The operations so far. */
uint64_t power_loss_count(void);

/* A plan begins to be tried, and what it leaves to be checked; NULL: that was good. */
void power_loss_doubt(const struct power_loss_plan *plan);
/* For the end of a sweep: prints at how many operations of `what` power was lost; those of all
 * sweeps are in docs/RELIABILITY.md. */
void power_loss_tell_sweep(const char *what, enum power_loss_mode mode, uint64_t count);
/* For the end of a test: names the plan that is still doubted, if any. */
void power_loss_tell(void);

#endif
