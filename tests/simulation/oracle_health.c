// SPDX-License-Identifier: Apache-2.0
/* The oracle's eye on health: what /health would say now, and what it must and must not say. */
#include <inttypes.h>
#include <stdio.h>

#include "service/run_status.h"
#include "oracle.h"
#include "status/health.h"
#include "world.h"

/* The history is sampled once a second, and the main thread looks as often. */
#define LATE_US ORACLE_SLACK_US

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool names(const struct health *health, enum health_rule rule)
{
    for (size_t i = 0; i < health->finding_count; i++)
        if (health->findings[i].rule == rule)
            return true;
    return false;
}

static void must(const struct health *health, bool is_due, enum health_rule rule, const char *why)
{
    if (is_due && !names(health, rule))
        oracle_finding("health is %s and does not name %s: %s", health_level_name(health->level),
                       health_rule_name(rule), why);
}

static void must_not(const struct health *health, bool is_clear, enum health_rule rule,
                     const char *why)
{
    if (is_clear && names(health, rule))
        oracle_finding("health names %s: %s", health_rule_name(rule), why);
}

/* How long no ledger came that had not come before, in a range or a probe, while it could. */
static int64_t quiet_us(void)
{
    const struct oracle_stream *stream = &oracle.stream;
    int64_t since_us = later(later(oracle.streaming_since_us, stream->full_us),
                             later(stream->message_us, stream->since_us));
    return world->now_us - since_us;
}

static void check_stream(const struct health *health)
{
    const struct oracle_stream *stream = &oracle.stream;
    unsigned max_attempts = (unsigned)oracle.options->max_attempts;
    bool is_streaming = oracle.streaming_since_us != 0 && stream->is_running;
    bool is_flowing = is_streaming && stream->in_call && stream->messages > 0;
    must(health, is_streaming && stream->unreachable >= max_attempts, HEALTH_RULE_OUTAGE,
         "the server could not be reached so often");
    must(health, is_streaming && stream->failures > 0 && stream->is_waiting,
         HEALTH_RULE_RECONNECTING, "the last call failed");
    /* A connection may be lost whose messages still wait for room. */
    bool is_whole = is_flowing && stream->faults_before == oracle_fault_count();
    must_not(health, is_whole && stream->failures == 0, HEALTH_RULE_RECONNECTING,
             "no call has failed since the last ledger, and events come");
    must_not(health, is_flowing && stream->failures < max_attempts, HEALTH_RULE_OUTAGE,
             "fewer calls than max_attempts have failed since the last ledger");
    bool is_silent = is_streaming && quiet_us() > oracle.options->idle_timeout_us + LATE_US;
    if (is_silent && !names(health, HEALTH_RULE_SILENCE) &&
        !names(health, HEALTH_RULE_WAITING_FOR_END))
        oracle_finding("health is %s and names no silence after %" PRId64 " ms",
                       health_level_name(health->level), quiet_us() / 1000);
    must_not(health,
             oracle.newest_us != 0 &&
                 world->now_us - oracle.newest_us + LATE_US < oracle.options->idle_timeout_us,
             HEALTH_RULE_SILENCE, "a ledger has just come");
}

static void check_storage(const struct health *health)
{
    bool is_full = oracle.is_refused && world->now_us < world->life.full_until_us &&
                   world->now_us - oracle.full_since_us > LATE_US &&
                   world->now_us - oracle.full_seen_us < LATE_US;
    if (is_full && !names(health, HEALTH_RULE_DISK_FULL) && !names(health, HEALTH_RULE_DISK_LOW))
        oracle_finding("health is %s, and the disk has been full for %" PRId64 " ms",
                       health_level_name(health->level),
                       (world->now_us - oracle.full_since_us) / 1000);
    must_not(health, !world->life.was_full || world->now_us > world->life.full_until_us + LATE_US,
             HEALTH_RULE_DISK_FULL, "there is room on the disk");
    must(health, oracle.commit_is_failing, HEALTH_RULE_COMMIT_FAILING, "a commit failed");
    must_not(health, !oracle.commit_is_failing && oracle.disk_faults_before == world->disk_faults,
             HEALTH_RULE_COMMIT_FAILING, "none has failed since the last that did not");
    must_not(health, true, HEALTH_RULE_WRITER_STUCK, "it never is, here");
}

/* Nothing moves for longer than any rule allows, and all is well? */
static void check_standstill(const struct health *health)
{
    int64_t longest_us =
        later(oracle.options->idle_timeout_us, HEALTH_WRITER_STUCK_US) + ORACLE_SLACK_US;
    if (health->level == HEALTH_HEALTHY && world->now_us - oracle.mark_us > longest_us)
        oracle_finding("health is well while nothing has moved for %" PRId64 " ms",
                       (world->now_us - oracle.mark_us) / 1000);
}

void oracle_health_sample(struct run_status *status)
{
    static struct status_snapshot snapshot;
    static struct health health;
    run_status_snapshot(status, &snapshot);
    int64_t streaming_us = snapshot.stream.streaming_since_us;
    oracle.streaming_since_us =
        streaming_us != 0 ? world->now_us - (snapshot.now_us - streaming_us) : 0;
    if (snapshot.phase != STATUS_RUNNING)
        return;
    health_assess(&snapshot, &health);
    check_stream(&health);
    check_storage(&health);
    check_standstill(&health);
}
