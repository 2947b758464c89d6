// SPDX-License-Identifier: Apache-2.0
#include "service/supervisor.h"

#include <inttypes.h>
#include <stdio.h>

#include "service/run_status.h"
#include "status/health.h"

/* How often the line of `systemctl status` is renewed. */
#define STATUS_INTERVAL_US INT64_C(10000000)

void supervisor_open(struct supervisor *supervisor)
{
    *supervisor = (struct supervisor){.ready = false};
    os_notify_open(&supervisor->notify);
}

void supervisor_close(struct supervisor *supervisor)
{
    os_notify_close(&supervisor->notify);
}

bool supervisor_is_due(const struct supervisor *supervisor, int64_t now_monotonic_us)
{
    if (supervisor->notify.fd < 0)
        return false;
    return !supervisor->ready || now_monotonic_us >= supervisor->next_status_us ||
           (supervisor->notify.watchdog_us != 0 &&
            now_monotonic_us >= supervisor->next_watchdog_us);
}

static void describe(const struct status_snapshot *snapshot, const struct health *health, char *out,
                     size_t out_bytes)
{
    double lag = health_lag_seconds(snapshot);
    if (health->finding_count > 0)
        snprintf(out, out_bytes, "%s: %s", health_level_name(health->level),
                 health->findings[0].message);
    else if (lag < 0)
        snprintf(out, out_bytes, "waiting for the first event");
    else
        snprintf(out, out_bytes,
                 "ledger %" PRIu32 ", %.0f s behind, %.0f events/s, %" PRIu64 " events committed",
                 snapshot->stream.current_ledger, lag, snapshot->events_per_second,
                 snapshot->sink.rows_committed);
}

void supervisor_turn(struct supervisor *supervisor, const struct status_snapshot *snapshot)
{
    const int64_t now_us = snapshot->now_monotonic_us;
    /* One that waits for the catalog is up, and goes on by itself. */
    if (snapshot->phase == STATUS_STARTING && snapshot->sink.catalog_busy_since_us == 0)
        return;
    struct health health;
    health_assess(snapshot, &health);
    if (!supervisor->ready || now_us >= supervisor->next_status_us) {
        char words[STATUS_MESSAGE_BYTES + 32];
        describe(snapshot, &health, words, sizeof words);
        if (supervisor->ready)
            os_notify_status(&supervisor->notify, words);
        else
            os_notify_ready(&supervisor->notify, words);
        supervisor->ready = true;
        supervisor->next_status_us = now_us + STATUS_INTERVAL_US;
    }
    if (supervisor->notify.watchdog_us != 0 && now_us >= supervisor->next_watchdog_us &&
        health.alive) {
        os_notify_watchdog(&supervisor->notify);
        /* A third: the manager asks for at least a half, and a turn may come late. */
        supervisor->next_watchdog_us = now_us + supervisor->notify.watchdog_us / 3;
    }
}

void supervisor_stopping(struct supervisor *supervisor)
{
    os_notify_stopping(&supervisor->notify);
}

static void on_fact(void *context, const struct run_fact *fact)
{
    struct supervisor *supervisor = context;
    if (fact->kind == FACT_STOPPING)
        supervisor_stopping(supervisor);
    if (fact->kind != FACT_TURN || !supervisor_is_due(supervisor, fact->now_us))
        return;
    struct status_snapshot snapshot;
    run_status_snapshot(fact->status, &snapshot);
    supervisor_turn(supervisor, &snapshot);
}

struct run_observer supervisor_observer(struct supervisor *supervisor)
{
    return (struct run_observer){on_fact, supervisor};
}
