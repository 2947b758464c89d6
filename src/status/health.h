// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_HEALTH_H
#define TTP_STATUS_HEALTH_H

/*
 * Is this run doing its job? A pure function of a snapshot, so that each rule can be tested by
 * itself. The rules, with their names, stand in docs/OPERATIONS.md.
 */

#include <stdbool.h>
#include <stddef.h>

#include "status/snapshot.h"

enum health_level {
    HEALTH_HEALTHY,
    HEALTH_DEGRADED, /* it works, or mends itself: worth a look if it lasts */
    HEALTH_UNHEALTHY /* events do not reach the lake: somebody must act */
};

/* Each rule that can make a run less than healthy. */
enum health_rule {
    HEALTH_RULE_OUTAGE,
    HEALTH_RULE_SILENCE,
    HEALTH_RULE_DRIP,
    HEALTH_RULE_DISK_FULL,
    HEALTH_RULE_STORAGE_REFUSES,
    HEALTH_RULE_COMMIT_FAILING,
    HEALTH_RULE_WRITER_STUCK,
    HEALTH_RULE_CATALOG_LOCKED, /* degraded at first, so the last of the unhealthy ones, */
    HEALTH_RULE_STORE_AWAY,     /* and so is this */
    HEALTH_RULE_RECONNECTING,
    HEALTH_RULE_DISK_LOW,
    HEALTH_RULE_COMMIT_LATE,
    HEALTH_RULE_LOG_BLOCKED,
    HEALTH_RULE_GAP,
    HEALTH_RULE_WAITING_FOR_END,
    HEALTH_RULE_SET_ASIDE
};
#define HEALTH_RULE_COUNT 16

/* The writer's loop comes round each second; a commit of the largest files takes some seconds. */
#define HEALTH_WRITER_STUCK_US (60 * INT64_C(1000000))
/* Beyond this the process is not alive for its supervisor: a restart is the remedy. */
#define HEALTH_WRITER_DEAD_US (600 * INT64_C(1000000))
/* Another program that holds the catalog for so long has been forgotten in a transaction. */
#define HEALTH_CATALOG_LOCKED_US (300 * INT64_C(1000000))
#define HEALTH_STORE_AWAY_US     (300 * INT64_C(1000000))
/* A reader of the log that takes nothing for so long hangs. */
#define HEALTH_LOG_BLOCKED_US (5 * INT64_C(1000000))
/* max_file_age leaves a cut to the partition change for two minutes; as much again is late. */
#define HEALTH_COMMIT_LATE_US (240 * INT64_C(1000000))

/* A ledger, or a message, that comes for so many times idle_timeout comes without end. */
#define HEALTH_DRIP_TIMES 4
/* A gap is worth a look for an hour. */
#define HEALTH_GAP_US (3600 * INT64_C(1000000))

struct health_finding {
    enum health_rule rule;
    enum health_level level;
    char message[STATUS_MESSAGE_BYTES]; /* a sentence for people */
};

struct health {
    enum health_level level; /* the worst of the findings */
    bool ready;              /* the lake is open, the source was reached, events can flow */
    bool alive;              /* false: restart it */
    size_t finding_count;    /* unhealthy ones first */
    struct health_finding findings[HEALTH_RULE_COUNT];
};

void health_assess(const struct status_snapshot *snapshot, struct health *out);

/* "healthy", "degraded", "unhealthy" */
const char *health_level_name(enum health_level level);
/* "outage", "silence", "disk_full", … */
const char *health_rule_name(enum health_rule rule);

/* Seconds between the close of the ledger in progress and now; negative: not known. */
double health_lag_seconds(const struct status_snapshot *snapshot);
/* The same for the newest committed ledger. */
double health_commit_lag_seconds(const struct status_snapshot *snapshot);

#endif
