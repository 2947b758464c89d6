// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_ORACLE_H
#define TTP_SIMULATION_ORACLE_H

/*
 * What a life of the consumer says and does, held against what it may say and do: exit code, waits,
 * what the server is asked to send again, health. README.md here has the rules and where they come
 * from. It stands between the rooms (ld --wrap), sees what crosses, and reckons by itself; no rule
 * of it asks the code under test for its own opinion.
 *
 * It draws no random number and moves no clock, so a seed does with it what it does without it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "catalog/catalog.h"
#include "chain.h"
#include "serve/fault.h"
#include "service/run_facts.h"
#include "source/policy.h"
#include "source/source.h"

/* Turns of other threads, and looks that come once in a while. */
#define ORACLE_SLACK_US INT64_C(3000000)

/* One source_run: what crosses between it, the server and the intake. */
struct oracle_stream {
    bool is_running, is_probe;
    struct source_request request;
    uint32_t next;         /* the first ledger that is not complete; 0: not known */
    uint32_t newest_full;  /* the newest complete one that had events; 0: none of this run */
    uint32_t current;      /* in progress; 0: none */
    bool skipped_a_ledger; /* poison */
    /* Calls. */
    bool in_call, is_waiting;
    uint32_t start, end;
    uint64_t messages;        /* taken in the call */
    uint64_t idle_tries;      /* silent calls since the last message */
    unsigned failures;        /* since the last progress, for the backoff */
    unsigned unreachable;     /* in a row */
    unsigned status_failures; /* of calls that a status or a cut ended, since progress */
    unsigned done_in_a_row;   /* calls that ended well and brought nothing */
    uint64_t faults_before;   /* the call */
    uint64_t faults_known;    /* when a call failed last */
    uint64_t outages_known;
    int64_t outage_until_us;
    int64_t begun_us, ended_us, received_us, message_us, full_us; /* full_us: no room was there */
    int64_t since_us;
    int64_t least_wait_us, most_wait_us; /* of the wait for the next call */
};

/* A life. */
struct oracle {
    bool is_on, is_other_chain, has_failed;
    const struct options *options;
    const struct chain *chain;
    const struct fault_script *script;
    uint64_t disk_faults_before, wire_faults_before;
    struct oracle_stream stream;
    /* By ledger - chain->first. */
    bool covered[CHAIN_LEDGERS_MAX];   /* the lake has it */
    bool completed[CHAIN_LEDGERS_MAX]; /* it was handed over, in this round */
    bool delivered[CHAIN_LEDGERS_MAX]; /* its first event came, in this life */
    uint32_t newest_delivered;
    /* What was asked for again, and what may have been. */
    uint64_t again, again_allowed;
    uint64_t poison_ledgers;
    /* Rounds. */
    unsigned rounds, failures_in_a_row;
    uint64_t commits, commits_before;
    bool has_begun, plan_failed, round_failed, writer_failed, misfits;
    enum error_code source_code, writer_code;
    int64_t begun_us, round_ended_us, round_wait_us;
    /* The disk and the catalog. */
    int64_t full_since_us, full_seen_us;
    bool is_refused; /* the last write met a full disk */
    /* Health. */
    bool commit_is_failing;
    int64_t streaming_since_us;
    int64_t mark_us;   /* something moved */
    int64_t newest_us; /* a ledger came that had not come before */
    uint64_t samples;
};

extern struct oracle oracle;

/* Around a life. */
void oracle_begin(const struct options *options, const struct chain *chain,
                  const struct fault_script *script, bool is_other_chain);
void oracle_end(const char *folder, int exit_code, int64_t ended_us);
/* The program ends itself at once: it gives up publishing. */
void oracle_note_exit(int exit_code);

/* The life breaks a rule: said once a life, and the seed fails. */
void oracle_finding(const char *format, ...) PRINTF_LIKE(1, 2);

/* What the world did so far in this life that can end a call. */
uint64_t oracle_fault_count(void);
/* How often faults of that kind of the script fired in this life; the longest of their times. */
uint64_t oracle_fired(enum fault_kind kind, int64_t *duration_us);
bool oracle_is_ours(uint32_t ledger); /* of the chain */

/* wire.c: the consumer received bytes; disk.c: a write met a full disk, or did not. */
void oracle_note_received(void);
void oracle_note_write(bool is_full);

/* oracle_stream.c */
void oracle_stream_sample(void);
int64_t oracle_idle_us(void); /* of the call in work, by what came so far */
/* oracle_health.c */
void oracle_health_sample(struct run_status *status);

/* What the oracle hears of the run. */
struct run_observer oracle_observer(void);
/* oracle_exit.c */
void oracle_exit_check(const char *folder, int exit_code, int64_t ended_us);

#endif
