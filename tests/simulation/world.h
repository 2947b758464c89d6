// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_WORLD_H
#define TTP_SIMULATION_WORLD_H

/*
 * What a seed decides: time, chance, and what goes wrong. The world lies in memory that is shared
 * with the processes that play the consumer's lives, so that it goes on where a crash ended one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/fault.h"
#include "util/error.h"

#define WORLD_SCRIPT_MAX 32
/* The clock's time of day when the world begins: 2024-03-01T00:00:00Z. */
#define WORLD_EPOCH_US INT64_C(1709251200000000)
#define WORLD_EIO_MAX  3

/* How a process of the consumer ends beside the program's own exit codes. */
enum world_exit {
    WORLD_EXIT_DIED = 77, /* the crash that was planned */
    WORLD_EXIT_STUCK = 97 /* nothing can happen any more, or things never end */
};

/* What goes wrong in one life of the consumer. Operations on files count from 1; 0: never. */
struct world_life {
    int64_t stop_at_us;    /* SIGTERM; 0: none */
    uint32_t stop_at_load; /* or earlier, when the server has sent so many ledgers; 0: not */
    bool stops_in_wait;    /* or when it waits for its next call for long */
    /* The disk. */
    uint64_t crash_at; /* the process dies around this operation */
    unsigned crash_how;
    uint64_t eio_at[WORLD_EIO_MAX];
    uint64_t read_eio_at; /* among the reads */
    uint64_t full_at;     /* no space from this operation on, for full_us */
    int64_t full_us;
    bool short_writes, interrupts;
    /* The machine loses power before this operation, and with it what was not synced; nothing else
     * of the disk's then. */
    uint64_t power_loss_at;
    /* The object store: one in so many requests meets a fault (0: none), and each takes up to so
     * long. */
    uint32_t store_odds;
    int64_t store_latency_us;
    /* The database of several processes: one in so many trips meets a fault; 0: none. */
    uint32_t database_odds;
    /* At this operation the process freezes for so long; 0: never. */
    uint64_t freeze_at;
    int64_t freeze_us;
    /* The wire. */
    uint32_t chunk_bytes; /* at most so many in one send or receive */
    int64_t latency_us;
    uint32_t wire_odds; /* one in so many sends meets a fault; 0: none */
    /* How often somebody else writes into the catalog meanwhile. */
    uint32_t foreign_writes;
    /* A backup is made beside it, so long after it began; 0: none. */
    int64_t backup_after_us;
    bool backup_mirrors;
    /* Its program is an older one that knows no clawbacks: they become dead letters. */
    bool is_old_program;
    /* So far. */
    uint64_t operations, reads;
    int64_t full_until_us;
    bool was_full;
};

/* What somebody else has done to the catalog, over all lives (foreign.h). */
struct world_foreign {
    bool is_there;
    bool changes_rows; /* also in our table; else only beside it */
    bool
        may_lack_inserted; /* what he inserted among merged files that were pruned left with them */
    uint64_t writes;       /* snapshots of his */
    uint64_t own_files, inserted_files, deletes, rewrites, columns;
};

/* What is known of a lake beside its chain. */
struct world_lake {
    struct world_foreign foreign;
    bool has_old_letters; /* dead letters that can be read by now */
};

/* Advisory locks of the simulated database's sessions; class 0: none. */
#define WORLD_LOCKS_MAX 64
struct world_lock {
    int class;
    bool is_shared;
    uint32_t process;
    unsigned session;
};

/* Processes that live at the same time (processes.h). */
#define WORLD_PROCESSES_MAX 4
struct world_process {
    bool is_alive;
    int64_t next_us; /* when it can go on; INT64_MAX: when another has done something */
};

#define WORLD_CARE_MAX 12

struct world {
    uint64_t random;
    int64_t now_us;         /* monotonic; never goes back, over lives */
    struct world_life life; /* of the process that runs */
    uint32_t wire_faults_left;
    /* The lake lies in an object store (bucket.h), its catalog on the disk. */
    bool is_on_objects;
    char catalog_path[512], staging_path[512]; /* of the first process */
    uint32_t store_faults_left;
    int64_t store_away_until_us;
    uint64_t etags;                /* given so far */
    uint64_t late_first, late_end; /* requests that are under way */
    uint64_t identities;           /* for those that are drawn (os_uuid) */
    char last_identity[9];
    /* Several processes share the lake: its catalog is in the simulated database (pg.h). */
    bool is_shared;
    char database_path[512];
    int64_t lease_ttl_us;
    int64_t database_skew_us; /* its clock against ours */
    uint32_t database_faults_left;
    int64_t database_away_until_us;
    struct world_lock locks[WORLD_LOCKS_MAX];
    struct world_process processes[WORLD_PROCESSES_MAX];
    uint32_t turn;    /* the one of them that runs, counted from 1; 0: whoever waits for them */
    uint32_t process; /* likewise, also where one lives alone */
    int64_t slack_us; /* so much later than it could a process goes on, where another is at work */
    struct world_foreign foreign;
    bool has_old_letters;
    bool is_old_age;    /* the lives are of an older program */
    bool is_old_schema; /* the lives write schema version 1.0.0 */
    /* The lake's backup: made of the lake as it was then, and nothing happened to it since. */
    bool copy_is_exact;
    struct world_lake copied;
    /* The server's script: how often each fault may still fire. */
    uint64_t fault_counts[WORLD_SCRIPT_MAX];
    /* What happened. */
    uint64_t care[WORLD_CARE_MAX]; /* by verb */
    uint64_t store_faults, late_requests, database_faults, late_trips, freezes, together;
    uint64_t steps, crashes, power_losses, disk_faults, wire_faults, server_faults, stops;
    uint64_t other_chains; /* that a run refused */
    uint64_t findings;     /* of the oracle, or of what happened beside a life */
};

extern struct world *world;

/* Makes the shared world; once a process. */
void world_make(void);
void world_begin(uint64_t seed);

uint32_t world_below(uint32_t bound); /* 0 to bound - 1 */
bool world_chance(uint32_t one_in);   /* 0: never */

/* The fault script whose counts outlive the process; borrowed. */
void world_keep_script(struct fault_script *script);
void world_save_script(void);

/* The path of a lake's catalog. */
const char *world_catalog_of(const char *lake);
bool world_has_catalog(const char *lake);
struct catalog;
struct error;
/* To read it. */
enum error_code world_open_catalog(struct catalog **out, const char *lake,
                                   struct error *error) MUST_CHECK;

/* Ends this process without a word, as a crash does; the world is kept. */
_Noreturn void world_end_process(int exit_code);

/* disk.c: puts the faulty disk in force (what is below `base` is on it); and a sound one again. */
void disk_begin(const char *base);
void disk_end(void);
/* A request to the object store is an operation, too: how the process dies by it. */
enum disk_death { DEATH_NONE, DEATH_BEFORE, DEATH_UNDER_WAY, DEATH_AFTER };
enum disk_death disk_count_request(void);
bool disk_is_faulty(void);

/* wire.c */
#define WIRE_READY_FD 999999 /* always ready */
struct os_poll_item;
/* Fills in what is ready; how many are. */
unsigned wire_poll(struct os_poll_item *items, size_t count);
/* When something arrives next, after now; INT64_MAX: nothing is on its way. */
int64_t wire_next_us(void);

#endif
