// SPDX-License-Identifier: Apache-2.0
#include "app/progress.h"

#include <inttypes.h>
#include <stdio.h>

#include "os/log.h"
#include "status/health.h"
#include "util/text.h"

#define BOUNDED_EVERY_US INT64_C(10000000)
#define LIVE_EVERY_US    INT64_C(60000000)
#define SILENCE_US       INT64_C(30000000) /* without a first event */

void progress_init(struct progress *progress, const struct options *options, int64_t now_us)
{
    *progress = (struct progress){.options = options,
                                  .told_us = now_us,
                                  .next_us = now_us + BOUNDED_EVERY_US,
                                  .next_silence_us = now_us + SILENCE_US};
}

void progress_set_plan(struct progress *progress, const struct run_plan *plan)
{
    progress->live = plan->live;
    progress->ledgers_wanted = run_plan_ledger_count(plan);
    if (plan->live)
        progress->next_us = progress->told_us + LIVE_EVERY_US;
}

/* While nothing has ever arrived, the likely causes are named. */
static void tell_silence(struct progress *progress, const struct status_snapshot *now,
                         int64_t now_us)
{
    if (now_us < progress->next_silence_us || now->last_event_us != 0 ||
        now->streaming_since_us == 0)
        return;
    progress->next_silence_us = now_us + 10 * SILENCE_US;
    char sentence[256];
    snprintf(sentence, sizeof sentence,
             "no event has arrived yet: is ledger %" PRIu32
             " within what the server's source keeps, and closed already?",
             progress->options->start_ledger);
    log_event(LOG_WARN, "app", sentence, LOG_T("endpoint", now->endpoint),
              LOG_B("connected", now->connected));
}

static void tell_bounded(const struct progress *progress, const struct status_snapshot *now,
                         double rate)
{
    double percent = progress->ledgers_wanted == 0 ? 0.0
                                                   : 100.0 * (double)now->ledgers_completed /
                                                         (double)progress->ledgers_wanted;
    log_event(LOG_INFO, "app", "progress", LOG_U("ledger", now->current_ledger),
              LOG_D("percent_of_ledgers", percent > 100.0 ? 100.0 : percent),
              LOG_D("events_per_second", rate), LOG_U("events", now->events_accepted),
              LOG_U("rows_committed", now->rows_committed), LOG_U("files", now->files_committed),
              LOG_U("queue_bytes", now->queue_bytes), LOG_U("resident_bytes", now->resident_bytes),
              LOG_U("retries", now->retries));
}

static void tell_live(const struct status_snapshot *now, double rate)
{
    log_event(LOG_INFO, "app", "progress", LOG_U("ledger", now->current_ledger),
              LOG_D("lag_seconds", health_lag_seconds(now)), LOG_D("events_per_second", rate),
              LOG_U("events", now->events_accepted), LOG_U("rows_committed", now->rows_committed),
              LOG_U("rows_open", now->rows_open), LOG_U("files", now->files_committed),
              LOG_U("resident_bytes", now->resident_bytes), LOG_U("retries", now->retries));
}

void progress_tell(struct progress *progress, struct watch *watch, int64_t now_us)
{
    if (now_us < progress->next_us && now_us < progress->next_silence_us)
        return;
    struct status_snapshot now;
    watch_snapshot(watch, &now);
    tell_silence(progress, &now, now_us);
    if (now_us < progress->next_us)
        return;
    double seconds = (double)(now_us - progress->told_us) / 1e6;
    double rate =
        seconds > 0 ? (double)(now.events_accepted - progress->told_events) / seconds : 0.0;
    if (progress->live)
        tell_live(&now, rate);
    else
        tell_bounded(progress, &now, rate);
    progress->told_us = now_us;
    progress->told_events = now.events_accepted;
    progress->next_us = now_us + (progress->live ? LIVE_EVERY_US : BOUNDED_EVERY_US);
}
