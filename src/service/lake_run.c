// SPDX-License-Identifier: Apache-2.0
#include "service/lake_run.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

#include "service/batch_queue.h"
#include "service/lake_writer.h"
#include "service/ledger_stream.h"
#include "service/memory_plan.h"
#include "service/rerun.h"
#include "service/run_check.h"
#include "service/run_log.h"
#include "service/run_status.h"
#include "service/run_stop.h"
#include "service/sink_setup.h"
#include "service/supervisor.h"
#include "service/work.h"
#include "catalog/history.h"
#include "catalog/files.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/signal.h"
#include "os/thread.h"
#include "sink/sink.h"
#include "store/objects.h"
#include "util/memory.h"

#define SAMPLE_US        1000000  /* between two looks at the clocks */
#define IDLE_ROUNDS_MAX  3        /* 8 s, beside others whose pieces overlap what is wanted */
#define BACKOFF_FIRST_US 1000000  /* after a failed commit; doubles */
#define BACKOFF_MAX_US   60000000 /* a full or failing disk is looked at once a minute */

/* What one stream has of a run. */
struct run_lane {
    struct lake_run *run;
    size_t index;
    struct sink *sink;
    struct batch_queue *queue;
    struct ledger_stream *stream;
};

struct lake_run {
    const struct options *options;
    struct memory_plan memory;
    struct run_observers observers;
    struct supervisor supervisor;
    struct run_status *status;
    struct sink *sink; /* the first lane's: what concerns the lake goes through it */
    struct run_lane lanes[SINK_MAX];
    size_t lane_count;
    struct work *work;
    struct queue_bell bell;
    bool has_bell;
    struct lake_writer writer;
    struct lake_care care;
    struct run_stop stop;
    struct run_log log;
    int64_t started_us;   /* monotonic */
    int64_t next_turn_us; /* of the observers; monotonic */

    struct run_report *report;

    /* While no round is on: another program has held the catalog since then (monotonic; 0: none
     * does), and that wait was ended before its time. */
    int64_t busy_since_us;
    bool ended_waiting;

    /* The round. */
    bool is_on; /* its threads run */
    struct run_plan plan;
    bool has_open;        /* find_open: there is */
    unsigned idle_rounds; /* in a row, beside others, without a commit */
    struct os_thread writer_thread;
    atomic_size_t streams_at_work;
    atomic_bool writer_done, writer_failed, stream_failed, lease_lost;
    enum error_code stream_code, writer_code;
    struct error stream_error;  /* of the first stream that failed */
    unsigned failures_in_a_row; /* rounds whose commit failed */
    uint64_t commits_before;    /* of the round */
    uint32_t tip;            /* where the chain is followed from in an empty lake; 0: not known */
    atomic_bool has_new_tip; /* found in this round: the next one is planned by it */
};

void run_report_init(struct run_report *report)
{
    *report = (struct run_report){.stopped = false};
}

void run_report_release(struct run_report *report)
{
    ledger_set_release(&report->uncovered);
    run_report_init(report);
}

/* ---- what the run tells -----------------------------------------------------------------------
 */

static void tell(struct lake_run *run, struct run_fact fact)
{
    run_observers_tell(&run->observers, &fact);
}

/* On the writer's thread. */
static void tell_commit(void *context, const struct sink_commit_info *info)
{
    const struct run_lane *lane = context;
    work_committed(lane->run->work, lane->index, info);
    tell(lane->run, (struct run_fact){.kind = FACT_COMMIT, .commit = info});
}

static void tell_duration(void *run, const char *name, int64_t duration_us)
{
    struct run_fact fact = {.kind = FACT_DURATION, .duration_us = duration_us};
    if (metrics_operation_by_name(name, &fact.operation))
        tell(run, fact);
}

/* On the writer's thread, too. */
static void tell_care(void *run, const struct care_fact *care)
{
    tell(run, (struct run_fact){.kind = FACT_CARE, .care = care});
}

static void tell_turn(struct lake_run *run, int64_t now_us)
{
    run->next_turn_us = INT64_MAX;
    tell(run, (struct run_fact){.kind = FACT_TURN,
                                .status = run->status,
                                .now_us = now_us,
                                .next_turn_us = &run->next_turn_us});
}

/* ---- callbacks from the parts -----------------------------------------------------------------
 */

static void wake_streams(struct lake_run *run)
{
    for (size_t i = 0; i < run->lane_count; i++)
        ledger_stream_wake(run->lanes[i].stream);
    work_wake(run->work);
}

/* Its queue has room. */
static void wake_stream(void *context)
{
    const struct run_lane *lane = context;
    ledger_stream_wake(lane->stream);
}

static bool is_ending(void *context)
{
    const struct lake_run *run = context;
    return run_stop_is_ending(&run->stop);
}

static bool stream_must_stop(void *context)
{
    const struct lake_run *run = context;
    return is_ending(context) || atomic_load(&run->writer_failed) ||
           atomic_load(&run->stream_failed) || atomic_load(&run->lease_lost) ||
           atomic_load(&run->has_new_tip);
}

/* On the leases' thread: what a stream fetches is another process's by now. */
static void on_lost(void *context)
{
    struct lake_run *run = context;
    atomic_store(&run->lease_lost, true);
    wake_streams(run);
}

/* On the writer's thread. */
static enum error_code make_fence(void *context, struct ledger_range range,
                                  struct commit_fence *fence, struct error *error)
{
    const struct run_lane *lane = context;
    return work_fence(lane->run->work, lane->index, range, fence, error);
}

static bool has_care(void *context)
{
    const struct lake_run *run = context;
    return work_has_care(run->work);
}

/* An empty lake that several streams are to fill: where the first one shall begin, so that there is
 * something for the others. Several processes go by what the first of them planned. */
static bool wants_tip(void *context, size_t index)
{
    const struct lake_run *run = context;
    const struct run_plan *plan = &run->plan;
    return index == 0 && run->lane_count > 1 && plan->live && plan->start != 0 &&
           plan->highest == 0 && run->tip == 0 && !run_stop_is_shared(&run->stop);
}

/* On the first stream's thread, while no other stream has anything to do. */
static void on_tip(void *context, uint32_t ledger)
{
    struct lake_run *run = context;
    run->tip = ledger;
    if (ledger > run->plan.start) {
        atomic_store(&run->has_new_tip, true);
        wake_streams(run);
    }
}

/* On a stream's thread: what it was sent is of another chain. All come from the same server. */
static void on_misfit(void *context)
{
    struct lake_run *run = context;
    for (size_t i = 0; i < run->lane_count; i++)
        batch_queue_abort(run->lanes[i].queue);
}

/* On the stream's thread. */
static void on_stream_done(void *context, size_t index, enum error_code code)
{
    struct lake_run *run = context;
    if (code != ERR_CONFLICT)
        run_log_left_below(&run->log);
    batch_queue_close(run->lanes[index].queue);
    if (code != OK && run->lane_count > 1) { /* no other piece would go better */
        atomic_store(&run->stream_failed, true);
        wake_streams(run);
    }
    atomic_fetch_sub(&run->streams_at_work, 1);
    os_signals_wake();
}

/* On the writer's thread. */
static void on_end_of_piece(void *context, const struct queue_piece *piece)
{
    struct lake_run *run = context;
    work_end(run->work, piece->lease_id, piece->has_failed ? LEASE_FAILED : LEASE_DONE,
             piece->words);
}

/* Another program holds the catalog, and no round is on. */
static bool must_end_waiting(struct lake_run *run)
{
    int64_t now_us = os_monotonic_us();
    if (run->busy_since_us == 0)
        run->busy_since_us = now_us;
    run_status_set_catalog_busy(run->status, run->busy_since_us);
    tell_turn(run, now_us);
    run->ended_waiting = run_stop_ends_waiting(&run->stop, now_us);
    return run->ended_waiting;
}

/* Asked by a sink that waits. Who runs a bounded range waits for its end: a file system that
 * refuses to publish is told at once. A service goes on by itself once it is mended. */
static bool sink_must_give_up(void *context, enum obstacle_kind wait)
{
    struct lake_run *run = context;
    if (!run->is_on)
        return must_end_waiting(run);
    return (wait == OBSTACLE_REFUSAL && !run->plan.live) || run_stop_is_over(&run->stop);
}

/* Asked while an object store does not answer. */
static bool store_must_give_up(void *context)
{
    const struct lake_run *run = context;
    return run_stop_is_over(&run->stop);
}

/* How the stages stand, for all threads. */
static void measure(void *context, struct status_snapshot *out)
{
    const struct lake_run *run = context;
    struct stream_stats stream;
    struct queue_stats queue;
    struct sink_stats sink;
    for (size_t i = 0; i < run->lane_count; i++) {
        const struct run_lane *lane = &run->lanes[i];
        ledger_stream_get_stats(lane->stream, &stream);
        batch_queue_get_stats(lane->queue, &queue);
        sink_get_stats(lane->sink, &sink);
        stream_view_make(&out->streams[i], &stream, &sink, ledger_stream_range(lane->stream));
        if (i == 0) {
            out->stream = stream;
            out->queue = queue;
            out->sink = sink;
            continue;
        }
        stream_stats_add(&out->stream, &stream);
        queue_stats_add(&out->queue, &queue);
        sink_stats_add(&out->sink, &sink);
    }
    out->stream_count = run->lane_count;
    work_get_stats(run->work, &out->work);
    out->writer_seen_us = atomic_load_explicit(&run->writer.seen_us, memory_order_relaxed);
}

static void *writer_body(void *context)
{
    struct lake_run *run = context;
    run->writer_code = lake_writer_run(&run->writer);
    if (run->writer_code != OK) {
        atomic_store(&run->writer_failed, true);
        wake_streams(run);
    }
    atomic_store(&run->writer_done, true);
    os_signals_wake();
    return NULL;
}

/* ---- setting up -------------------------------------------------------------------------------
 */

/* Runs the step on the lake's catalog, which another program may hold meanwhile. */
static enum error_code at_catalog(struct lake_run *run, obstacle_step *step, struct error *error)
{
    enum error_code code = sink_at_catalog(run->sink, step, run, error);
    run->busy_since_us = 0;
    run_status_set_catalog_busy(run->status, 0);
    return code;
}

static enum error_code show_lake(void *context, struct error *error)
{
    const struct lake_run *run = context;
    return run_status_read_catalog(run->status, sink_catalog(run->sink), error);
}

static enum error_code open_sink(struct lake_run *run, struct error *error)
{
    struct sink_options sink_options = sink_setup_options(run->options, &run->memory);
    sink_options.give_up = sink_must_give_up;
    sink_options.give_up_context = run;
    objects_set_stop(store_must_give_up, run);
    enum error_code code = sink_open(&run->sink, &sink_options, error);
    if (code != OK)
        return code;
    sink_on_duration(run->sink, tell_duration, run);
    return at_catalog(run, show_lake, error);
}

/* The stream of that index, with its queue and its sink. */
static enum error_code make_lane(struct lake_run *run, size_t index, struct error *error)
{
    struct run_lane *lane = &run->lanes[index];
    *lane = (struct run_lane){.run = run, .index = index, .sink = index == 0 ? run->sink : NULL};
    enum error_code code = index == 0 ? OK : sink_open_beside(&lane->sink, run->sink, error);
    if (code == OK)
        code = batch_queue_new(&lane->queue, run->memory.queue_bytes, error);
    const struct stream_host host = {.index = index,
                                     .queue = lane->queue,
                                     .options = run->options,
                                     .memory = &run->memory,
                                     .work = run->work,
                                     .observers = &run->observers,
                                     .must_stop = stream_must_stop,
                                     .wants_tip = wants_tip,
                                     .on_tip = on_tip,
                                     .on_misfit = on_misfit,
                                     .on_done = on_stream_done,
                                     .context = run};
    if (code == OK)
        code = ledger_stream_new(&lane->stream, &host, error);
    run->lane_count = index + 1; /* with what there is of it */
    if (code != OK)
        return code;
    batch_queue_set_bell(lane->queue, &run->bell);
    batch_queue_on_room(lane->queue, wake_stream, lane);
    sink_set_stopping(lane->sink, is_ending, run);
    sink_on_commit(lane->sink, tell_commit, lane);
    sink_set_fence(lane->sink, make_fence, lane);
    lake_writer_add(&run->writer, lane->sink, lane->queue);
    return OK;
}

static enum error_code make_work(void *context, struct error *error)
{
    struct lake_run *run = context;
    struct sink_lake lake;
    struct work_options work_options = {.stream_count = run->options->streams,
                                        .piece_ledgers = options_lease_ledgers(run->options),
                                        .must_stop = stream_must_stop,
                                        .lease_ttl_us = run->options->lease_ttl_us,
                                        .on_lost = on_lost,
                                        .context = run};
    enum error_code code = sink_get_lake(run->sink, &lake, error);
    if (code == OK && catalog_is_shared(lake.catalog)) {
        work_options.store = lake.store;
        work_options.catalog = lake.catalog;
    }
    return code == OK ? work_new(&run->work, &work_options, error) : code;
}

static enum error_code make_lanes(struct lake_run *run, struct error *error)
{
    enum error_code code = at_catalog(run, make_work, error);
    if (code == OK)
        code = queue_bell_init(&run->bell, error);
    run->has_bell = code == OK;
    for (size_t i = 0; code == OK && i < run->options->streams; i++)
        code = make_lane(run, i, error);
    return code;
}

static enum error_code set_up(struct lake_run *run, const struct run_observer *observer,
                              struct error *error)
{
    /* Listeners first: a port that is taken ends the start before the lake is touched. */
    enum error_code code = run_check(run->options, error);
    if (code == OK)
        code = run_status_start(&run->status, run->options, error);
    if (code != OK)
        return code;
    run_observers_add(&run->observers, run_status_observer(run->status));
    run_observers_add(&run->observers, supervisor_observer(&run->supervisor));
    run_observers_add(&run->observers, run_log_observer(&run->log, run->options));
    if (observer != NULL)
        run_observers_add(&run->observers, *observer);
    code = open_sink(run, error);
    if (code == OK)
        code = make_lanes(run, error);
    if (code != OK)
        return code;
    run->writer.bell = &run->bell;
    run->writer.care = &run->care;
    lake_care_init(&run->care, run->options, tell_care, run);
    run->care.is_ours = has_care;
    run->writer.is_stopping = is_ending;
    run->writer.on_end_of_piece = on_end_of_piece;
    run->writer.context = run;
    run_status_attach(run->status, measure, run);
    return OK;
}

static void tear_down(struct lake_run *run)
{
    objects_set_stop(NULL, NULL);
    if (run->status != NULL)
        run_status_detach(run->status);
    for (size_t i = 0; i < run->lane_count; i++) {
        ledger_stream_free(run->lanes[i].stream);
        batch_queue_free(run->lanes[i].queue);
        if (i > 0)
            sink_close(run->lanes[i].sink);
    }
    sink_close(run->sink);
    work_free(run->work);
    if (run->has_bell)
        queue_bell_release(&run->bell);
    run_status_stop(run->status);
    supervisor_close(&run->supervisor);
    run_plan_release(&run->plan);
}

/* ---- a round ----------------------------------------------------------------------------------
 */

/* From now on nothing more is asked for. */
static void begin_stop(struct lake_run *run)
{
    tell(run, (struct run_fact){.kind = FACT_STOPPING});
    wake_streams(run);
}

/* About once a second: tells the observers, and looks for progress. */
static void sample(struct lake_run *run, int64_t now_us)
{
    struct status_snapshot now;
    tell_turn(run, now_us);
    measure(run, &now);
    if (run_stop_lost_patience(&run->stop, &now.stream, &now.sink, now_us))
        begin_stop(run);
}

static bool is_at_work(const struct lake_run *run)
{
    return atomic_load(&run->streams_at_work) > 0 || !atomic_load(&run->writer_done);
}

/* Waits for all threads; signals, deadlines and progress meanwhile. */
static void wait_for_round(struct lake_run *run)
{
    int64_t next_sample_us = 0;
    while (is_at_work(run)) {
        int64_t now_us = os_monotonic_us();
        if (run_stop_look(&run->stop, now_us))
            begin_stop(run);
        if (now_us >= next_sample_us) {
            next_sample_us = now_us + SAMPLE_US;
            sample(run, now_us);
        } else if (now_us >= run->next_turn_us) {
            tell_turn(run, now_us);
        }
        int64_t next_us = run->next_turn_us < next_sample_us ? run->next_turn_us : next_sample_us;
        if (next_us > now_us)
            os_signals_wait(next_us - now_us);
    }
}

static enum error_code start_streams(struct lake_run *run, struct error *error)
{
    enum error_code code = OK;
    atomic_store(&run->streams_at_work, run->lane_count);
    for (size_t i = 0; i < run->lane_count; i++) {
        if (code == OK)
            code = ledger_stream_start(run->lanes[i].stream, &run->plan, error);
        if (code != OK) {
            atomic_store(&run->writer_failed, true); /* those that run stop */
            on_stream_done(run, i, code);
        }
    }
    return code;
}

static enum error_code start_threads(struct lake_run *run, struct error *error)
{
    atomic_store(&run->writer_done, false);
    atomic_store(&run->writer_failed, false);
    atomic_store(&run->stream_failed, false);
    atomic_store(&run->lease_lost, false);
    atomic_store(&run->has_new_tip, false);
    for (size_t i = 0; i < run->lane_count; i++)
        batch_queue_reopen(run->lanes[i].queue);
    enum error_code code =
        os_thread_start(&run->writer_thread, "ttp-writer", writer_body, run, error);
    return code == OK ? start_streams(run, error) : code;
}

static void join_threads(struct lake_run *run)
{
    for (size_t i = 0; i < run->lane_count; i++) {
        struct error error;
        enum error_code code = ledger_stream_join(run->lanes[i].stream, &error);
        if (code == OK || run->stream_code != OK)
            continue;
        run->stream_code = code;
        run->stream_error = error;
    }
    os_thread_join(&run->writer_thread);
}

static enum error_code make_plan(void *context, struct error *error)
{
    struct lake_run *run = context;
    struct catalog *catalog = sink_catalog(run->sink);
    run_plan_release(&run->plan);
    enum error_code code = catalog_forget_unlanded_seams(catalog, error);
    if (code == OK)
        code = run_plan_make(&run->plan, catalog, run->options->start_ledger,
                             run->options->end_ledger, error);
    if (code == OK && run->options->streams > 1)
        code = run_plan_begin_at(&run->plan, run->tip, error);
    if (code == OK && run->options->streams > 1)
        code = run_plan_take_below(&run->plan, catalog, error);
    return code == OK ? work_plan(run->work, &run->plan, error) : code;
}

/* Plans, streams, commits. */
static enum error_code run_round(struct lake_run *run, struct error *error)
{
    run->commits_before = sink_lake_commits(run->sink);
    enum error_code code = at_catalog(run, make_plan, error);
    if (code != OK)
        return code;
    run->stream_code = run->writer_code = OK;
    tell(run, (struct run_fact){
                  .kind = FACT_PLAN, .plan = &run->plan, .is_first = run->failures_in_a_row == 0});
    run->is_on = true;
    code = start_threads(run, error);
    if (code == OK)
        wait_for_round(run);
    join_threads(run);
    run->is_on = false;
    return code;
}

/* Whether the same work may succeed a little later. */
static bool may_pass(enum error_code code)
{
    return code == ERR_IO || code == ERR_CORRUPT || code == ERR_RETRY || code == ERR_NO_MEMORY ||
           code == ERR_AGAIN;
}

/* After a failed commit: true if another round is worth it, after a wait that a stop cuts short. A
 * bounded run gives up after max_attempts rounds without a commit. */
static bool wait_for_another_round(struct lake_run *run)
{
    run->failures_in_a_row =
        sink_lake_commits(run->sink) > run->commits_before ? 1 : run->failures_in_a_row + 1;
    if (!may_pass(run->writer_code) || is_ending(run) ||
        (!run->plan.live && run->failures_in_a_row >= run->options->max_attempts))
        return false;
    int64_t wait_us = BACKOFF_FIRST_US;
    for (unsigned i = 1; i < run->failures_in_a_row && wait_us < BACKOFF_MAX_US; i++)
        wait_us *= 2;
    wait_us = wait_us > BACKOFF_MAX_US ? BACKOFF_MAX_US : wait_us;
    char sentence[ERROR_MESSAGE_BYTES + 64];
    snprintf(sentence, sizeof sentence, "a commit failed: %s", run->writer.error.message);
    log_event(LOG_ERROR, "app", sentence, LOG_I("asked_for_again_in_ms", wait_us / 1000),
              LOG_U("first_ledger", run->writer.lost_range.first),
              LOG_U("last_ledger", run->writer.lost_range.last));
    int64_t until_us = os_monotonic_us() + wait_us;
    while (!is_ending(run) && os_monotonic_us() < until_us) {
        sample(run, os_monotonic_us());
        int64_t left_us = until_us - os_monotonic_us();
        os_signals_wait(left_us < SAMPLE_US ? left_us : SAMPLE_US);
    }
    return !is_ending(run);
}

static enum error_code add_hole(void *context, struct ledger_range range, const char *reason,
                                int64_t recorded_us, struct error *error)
{
    (void)reason;
    (void)recorded_us;
    return ledger_set_append(context, range, error);
}

/* What was set aside, and what was left out for good (on_poison_ledger), is not asked for again. */
static enum error_code find_open(void *context, struct error *error)
{
    struct lake_run *run = context;
    struct ledger_set uncovered = {0}, aside = {0}, open = {0};
    enum error_code code =
        run_plan_uncovered(&run->plan, sink_catalog(run->sink), &uncovered, error);
    if (code == OK)
        code = work_set_aside(run->work, &aside, error);
    if (code == OK)
        code = catalog_each_recorded_hole(sink_catalog(run->sink), add_hole, &aside, error);
    ledger_set_merge(&aside);
    if (code == OK)
        code = ledger_set_subtract(&uncovered, &aside, &open, error);
    run->has_open = code == OK && open.count > 0;
    if (code == OK && !run->has_open && uncovered.count > 0)
        log_line(LOG_ERROR, "app",
                 "what is left are pieces that were set aside, since those who fetched them failed "
                 "or died again and again: status names them, and another run tries them again");
    ledger_set_release(&uncovered);
    ledger_set_release(&aside);
    ledger_set_release(&open);
    return code;
}

/* Bounded, beside other processes: whether there is something left that none of them has set aside.
 * One may have ended without its pieces, or planned them in another way. */
static bool has_more_of_others(struct lake_run *run)
{
    struct error error;
    if (!work_is_shared(run->work) || run->plan.live)
        return false;
    if (at_catalog(run, find_open, &error) != OK) {
        log_line(LOG_WARN, "app", error.message);
        return false;
    }
    bool got_on = sink_lake_commits(run->sink) > run->commits_before;
    run->idle_rounds = got_on ? 0 : run->idle_rounds + (run->idle_rounds < IDLE_ROUNDS_MAX);
    for (unsigned i = 0; run->has_open && i < 1U << run->idle_rounds && !is_ending(run); i++)
        os_signals_wait(SAMPLE_US);
    return run->has_open && !is_ending(run);
}

static bool wants_another_round(struct lake_run *run)
{
    if (run->writer_code != OK)
        return wait_for_another_round(run);
    if (is_ending(run) || run->stream_code != OK)
        return false;
    return work_wants_round(run->work) || atomic_load(&run->lease_lost) ||
           atomic_load(&run->has_new_tip) || has_more_of_others(run);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static void keep_problem(void *context, const struct status_problem *problem)
{
    struct run_report *report = context;
    if (report->problem_count < REPORT_PROBLEMS_MAX)
        report->problems[report->problem_count++] = *problem;
}

static void say_error(const struct error *error)
{
    log_line(LOG_ERROR, "app", error->message);
}

/* What the source's error means to the one who started the run. */
static enum exit_code stream_exit_code(const struct lake_run *run)
{
    struct status_snapshot now;
    measure((void *)(uintptr_t)run, &now);
    bool nothing_arrived = now.stream.first_ledger == 0;
    /* START 0 refused, or a lake of another chain: the request itself is at fault. */
    bool start_refused = run->stream_code == ERR_INVALID && nothing_arrived &&
                         run->plan.range_count > 0 && run->plan.ranges[0].first == 0;
    bool other_chain = run->stream_code == ERR_CONFLICT && now.sink.commits == 0;
    /* No connection could come about with these settings (TLS). */
    bool never_connected = run->stream_code == ERR_INVALID && now.stream.connects == 0;
    return start_refused || other_chain || never_connected ? EXIT_USAGE : EXIT_FAILED;
}

static enum error_code find_uncovered(void *context, struct error *error)
{
    struct lake_run *run = context;
    struct run_report *report = run->report;
    return run_plan_uncovered(&run->plan, sink_catalog(run->sink), &report->uncovered, error);
}

/* Bounded: whether A..B is covered now. */
static enum exit_code check_covered(struct lake_run *run, struct run_report *report)
{
    struct error error;
    if (run->plan.live)
        return EXIT_DONE;
    enum error_code code = at_catalog(run, find_uncovered, &error);
    if (code != OK && run->ended_waiting)
        return run_stop_say_ended_waiting(&run->stop, &error);
    if (code != OK) {
        say_error(&error);
        return EXIT_FAILED;
    }
    return report->uncovered.count == 0 ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code finish(struct lake_run *run, struct run_report *report, enum error_code code,
                             struct error *error)
{
    enum exit_code exit_code = EXIT_DONE;
    report->has_run = true;
    report->live = run->plan.live;
    report->stopped = os_stop_requested();
    report->other_chain = run->stream_code == ERR_CONFLICT;
    if (code != OK && run->ended_waiting) {
        exit_code = run_stop_say_ended_waiting(&run->stop, error);
    } else if (code != OK) {
        say_error(error);
        exit_code = code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
    } else if (run->writer_code != OK) {
        /* Else no run may touch the lake. */
        bool is_ours = run->writer_code != ERR_CONFLICT || sink_gave_up(run->sink);
        if (is_ours && !sink_keeps_commit(run->sink))
            error_prefix(&run->writer.error, run->writer_code,
                         "what was not published is asked for again by the next run: ");
        say_error(&run->writer.error);
        exit_code = is_ours ? EXIT_FAILED : EXIT_USAGE;
    }
    if (run->stream_code != OK) {
        say_error(&run->stream_error);
        enum exit_code source_code = stream_exit_code(run);
        exit_code = exit_code == EXIT_DONE ? source_code : exit_code;
    }
    enum exit_code covered = run->ended_waiting ? exit_code : check_covered(run, report);
    if (exit_code == EXIT_DONE && covered == EXIT_DONE && work_is_shared(run->work) &&
        !run->plan.live && !report->stopped)
        sink_tend(run->sink); /* others may have died meanwhile, and no run may follow */
    if (report->uncovered.count != 0)
        run_stop_say_gave_up(&run->stop, report->uncovered.ranges[0].first);
    if (exit_code == EXIT_DONE && covered != EXIT_DONE)
        exit_code = report->stopped ? run_stop_exit_code(&run->stop) : covered;
    run_status_snapshot(run->status, &report->last);
    run_status_each_problem(run->status, keep_problem, report);
    report->elapsed_us = os_monotonic_us() - run->started_us;
    return exit_code;
}

enum exit_code lake_run(const struct options *options, const struct run_observer *observer,
                        struct run_report *report)
{
    struct lake_run run = {.options = options,
                           .report = report,
                           .started_us = os_monotonic_us(),
                           .next_turn_us = INT64_MAX,
                           .memory =
                               memory_plan_make(options->memory_limit_bytes, options->streams)};
    struct error error;
    enum exit_code exit_code;
    run_stop_init(&run.stop, options);
    supervisor_open(&run.supervisor);
    enum error_code code = set_up(&run, observer, &error);
    if (code != OK) {
        if (!run.ended_waiting)
            say_error(&error);
        exit_code =
            run.ended_waiting ? run_stop_say_ended_waiting(&run.stop, &error) : exit_code_of(code);
        tear_down(&run);
        return exit_code;
    }
    patience_init(&run.stop.patience, options->give_up_after_us, os_monotonic_us());
    code = run_round(&run, &error);
    while (code == OK && wants_another_round(&run))
        code = run_round(&run, &error);
    tell(&run, (struct run_fact){.kind = FACT_END});
    exit_code = finish(&run, report, code, &error);
    tear_down(&run);
    return exit_code;
}
