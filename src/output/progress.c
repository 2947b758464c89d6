// SPDX-License-Identifier: Apache-2.0
#include "output/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output/summary.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/process.h"
#include "service/run_status.h"
#include "status/health.h"
#include "util/text.h"

#define LIVE_EVERY_US INT64_C(60000000)
#define SILENCE_US    INT64_C(30000000) /* without a first event */
#define BAR_CELLS_MIN 10
#define BAR_CELLS_MAX 40

void progress_init(struct progress *progress, const struct options *options)
{
    int64_t now_us = os_monotonic_us();
    *progress = (struct progress){.options = options,
                                  .told_us = now_us,
                                  .next_us = now_us + PROGRESS_TELL_EVERY_US,
                                  .next_silence_us = now_us + SILENCE_US,
                                  .began_us = now_us};
    /* No bar for people who asked for warnings only. */
    progress->is_terminal =
        os_is_terminal(STDERR_FILENO, &progress->columns) && log_get_level() <= LOG_INFO;
}

/* Before work, people see what will be done; a service's log has lines enough. */
static void show_plan(const struct progress *progress, const struct run_plan *plan)
{
    struct buffer text;
    buffer_init(&text);
    if (summary_render_plan(progress->options, plan, &text) == OK)
        log_print((const char *)text.data, text.size_bytes);
    buffer_release(&text);
}

static void set_plan(struct progress *progress, const struct run_plan *plan, bool is_first)
{
    if (progress->is_terminal && is_first)
        show_plan(progress, plan);
    progress->live = plan->live;
    progress->ledgers_wanted = run_plan_ledger_count(plan);
    progress->draws = progress->is_terminal && !plan->live && progress->ledgers_wanted != 0;
    if (plan->live)
        progress->next_us = progress->told_us + LIVE_EVERY_US;
}

/* "1h2m", "2m10s", "9s" */
static void format_left(double seconds, char *out, size_t out_bytes)
{
    uint64_t whole = (uint64_t)(seconds + 0.5);
    if (whole >= 3600)
        snprintf(out, out_bytes, "%" PRIu64 "h%" PRIu64 "m", whole / 3600, whole / 60 % 60);
    else if (whole >= 60)
        snprintf(out, out_bytes, "%" PRIu64 "m%" PRIu64 "s", whole / 60, whole % 60);
    else
        snprintf(out, out_bytes, "%" PRIu64 "s", whole);
}

void progress_draw_bar(unsigned columns, double done, double seconds, const char *words)
{
    done = done > 1.0 ? 1.0 : done;
    char left[TEXT_TIME_BYTES] = "?";
    if (done > 0.0)
        format_left(seconds / done * (1.0 - done), left, sizeof left);
    char behind[PROGRESS_WORDS_BYTES + TEXT_TIME_BYTES];
    int word_count = snprintf(behind, sizeof behind, "] %s, %s left", words, left);
    int cells = (int)columns - word_count - 8;
    cells = cells < BAR_CELLS_MIN ? BAR_CELLS_MIN : cells > BAR_CELLS_MAX ? BAR_CELLS_MAX : cells;
    char bar[BAR_CELLS_MAX + 1];
    int full = (int)(done * cells);
    memset(bar, '=', (size_t)full);
    memset(bar + full, ' ', (size_t)(cells - full));
    if (full < cells)
        bar[full] = '>';
    bar[cells] = '\0';
    char line[LOG_STATUS_BYTES];
    snprintf(line, sizeof line, "%3d%% [%s%s", (int)(done * 100), bar, behind);
    if (strlen(line) >= columns && columns < sizeof line)
        line[columns - 1] = '\0'; /* a line that wraps could not be taken away */
    log_set_status(line);
}

/* ` 45% [=====>     ] ledger 57500008, 123,456 events/s, 2m10s left` */
static void draw(struct progress *progress, const struct status_snapshot *now, int64_t now_us)
{
    double seconds = (double)(now_us - progress->began_us) / 1e6;
    double done = (double)now->stream.ledgers_completed / (double)progress->ledgers_wanted;
    char rate[TEXT_TIME_BYTES], words[PROGRESS_WORDS_BYTES];
    text_count(seconds > 0 ? (uint64_t)((double)now->stream.events_accepted / seconds) : 0, rate);
    snprintf(words, sizeof words, "ledger %" PRIu32 ", %s events/s%s", now->stream.current_ledger,
             rate,
             now->sink.waiting_for_space ? ", the disk is full"
             : now->sink.intake_paused   ? ", too little disk is free"
             : now->stream.degraded      ? ", reconnecting"
                                         : "");
    progress_draw_bar(progress->columns, done, seconds, words);
    progress->next_draw_us = now_us + PROGRESS_DRAW_EVERY_US;
}

static void end(struct progress *progress)
{
    if (progress->draws)
        log_set_status("");
    progress->draws = false;
}

/* While nothing has ever arrived, and the server said nothing, the likely causes are named. */
static void log_silence(struct progress *progress, const struct status_snapshot *now,
                        int64_t now_us)
{
    if (now->stream.last_event_us != 0 || now->stream.failure.status[0] != '\0')
        progress->next_silence_us = INT64_MAX; /* the server's own words say more */
    if (now_us < progress->next_silence_us || now->stream.streaming_since_us == 0)
        return;
    progress->next_silence_us = now_us + 10 * SILENCE_US;
    char sentence[256];
    snprintf(sentence, sizeof sentence,
             "no event has arrived yet, asked for %s: is that within what the server's source "
             "keeps, and closed already?",
             now->stream.asked);
    log_event(LOG_WARN, "app", sentence, LOG_T("endpoint", now->endpoint),
              LOG_B("connected", now->stream.connected));
}

static void log_bounded(const struct progress *progress, const struct status_snapshot *now,
                        double rate)
{
    double percent = progress->ledgers_wanted == 0 ? 0.0
                                                   : 100.0 * (double)now->stream.ledgers_completed /
                                                         (double)progress->ledgers_wanted;
    log_event(LOG_INFO, "app", "progress", LOG_U("ledger", now->stream.current_ledger),
              LOG_D("percent_of_ledgers", percent > 100.0 ? 100.0 : percent),
              LOG_D("events_per_second", rate), LOG_U("events", now->stream.events_accepted),
              LOG_U("rows_committed", now->sink.rows_committed),
              LOG_U("files", now->sink.files_committed),
              LOG_U("queue_bytes", now->queue.memory_bytes),
              LOG_U("resident_bytes", now->resident_bytes), LOG_U("retries", now->stream.retries));
}

static void log_live(const struct status_snapshot *now, double rate)
{
    log_event(LOG_INFO, "app", "progress", LOG_U("ledger", now->stream.current_ledger),
              LOG_D("lag_seconds", health_lag_seconds(now)), LOG_D("events_per_second", rate),
              LOG_U("events", now->stream.events_accepted),
              LOG_U("rows_committed", now->sink.rows_committed),
              LOG_U("rows_open", now->sink.rows_open), LOG_U("files", now->sink.files_committed),
              LOG_U("resident_bytes", now->resident_bytes), LOG_U("retries", now->stream.retries));
}

/* Of several streams. */
static void log_streams(const struct status_snapshot *now)
{
    size_t streaming = 0, reconnecting = 0;
    if (now->stream_count < 2)
        return;
    for (size_t i = 0; i < now->stream_count; i++) {
        bool is_idle = now->streams[i].range.first == 0 && now->streams[i].range.last == 0;
        streaming += !is_idle && !now->streams[i].degraded;
        reconnecting += !is_idle && now->streams[i].degraded;
    }
    log_event(LOG_INFO, "app", "progress of the streams", LOG_U("streaming", streaming),
              LOG_U("reconnecting", reconnecting), LOG_U("pieces_done", now->work.pieces_done),
              LOG_U("pieces_waiting", now->work.pieces_waiting),
              LOG_U("pieces_set_aside", now->work.pieces_set_aside));
}

static void show_progress(struct progress *progress, struct run_status *status, int64_t now_us)
{
    bool draw_is_due = progress->draws && now_us >= progress->next_draw_us;
    bool line_is_due = !progress->draws && now_us >= progress->next_us;
    if (!draw_is_due && !line_is_due && now_us < progress->next_silence_us)
        return;
    struct status_snapshot now;
    run_status_snapshot(status, &now);
    log_silence(progress, &now, now_us);
    if (draw_is_due)
        draw(progress, &now, now_us);
    if (!line_is_due)
        return;
    double seconds = (double)(now_us - progress->told_us) / 1e6;
    double rate =
        seconds > 0 ? (double)(now.stream.events_accepted - progress->told_events) / seconds : 0.0;
    if (progress->live)
        log_live(&now, rate);
    else
        log_bounded(progress, &now, rate);
    log_streams(&now);
    progress->told_us = now_us;
    progress->told_events = now.stream.events_accepted;
    progress->next_us = now_us + (progress->live ? LIVE_EVERY_US : PROGRESS_TELL_EVERY_US);
}

static void on_fact(void *context, const struct run_fact *fact)
{
    struct progress *progress = context;
    if (fact->kind == FACT_PLAN)
        set_plan(progress, fact->plan, fact->is_first);
    if (fact->kind == FACT_END)
        end(progress);
    if (fact->kind != FACT_TURN)
        return;
    show_progress(progress, fact->status, fact->now_us);
    if (progress->draws && progress->next_draw_us < *fact->next_turn_us)
        *fact->next_turn_us = progress->next_draw_us;
}

struct run_observer progress_observer(struct progress *progress)
{
    return (struct run_observer){on_fact, progress};
}
