// SPDX-License-Identifier: Apache-2.0
#include "service/pipeline.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/rerun.h"
#include "service/batch_queue.h"
#include "service/intake.h"
#include "service/lake_writer.h"
#include "service/memory_plan.h"
#include "service/patience.h"
#include "service/seam_check.h"
#include "service/source_setup.h"
#include "service/watch.h"
#include "catalog/history.h"
#include "catalog/files.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/log_output.h"
#include "os/process.h"
#include "os/signal.h"
#include "os/thread.h"
#include "sink/sink.h"
#include "source/source.h"
#include "util/memory.h"
#include "util/text.h"

#define SAMPLE_US          1000000 /* between two looks at the clocks */
#define FLUSH_WAIT_MIN_US  5000
#define GIVE_UP_GRACE_US   1000000  /* for the sink to end by itself after stop_timeout */
#define BACKOFF_FIRST_US   1000000  /* after a failed commit; doubles */
#define BACKOFF_MAX_US     60000000 /* a full or failing disk is looked at once a minute */
#define BATCHES_PER_FILE   16       /* at least */
#define ENCODE_THREADS_MAX 4        /* of the default: more wait for the disk */

struct pipeline {
    const struct options *options;
    struct memory_plan memory;
    struct sink *sink;
    struct batch_queue *queue;
    struct intake *intake;
    struct source *source;
    struct source_setup source_setup;
    struct watch *watch;
    struct run_observer observer;
    int64_t next_turn_us; /* of the observer; monotonic */
    struct lake_writer writer;
    int64_t started_us; /* monotonic */

    /* Main thread: another program has held the catalog since then while no round is on (monotonic;
     * 0: none does), and that wait was ended before its time. */
    int64_t busy_since_us;
    bool ended_waiting;
    struct run_report *report;

    /* The round. */
    bool is_on; /* its threads run */
    struct run_plan plan;
    bool owes_holes; /* on the source thread: say_holes has not spoken */
    struct os_thread source_thread, writer_thread;
    atomic_bool source_done, writer_done;
    atomic_bool writer_failed;
    enum error_code source_code, writer_code;
    struct error source_error;
    _Atomic int64_t stop_deadline_us; /* monotonic; INT64_MAX: nobody asked for a stop */
    unsigned failures_in_a_row;       /* rounds whose commit failed */
    uint64_t commits_before;          /* of the round */

    /* give_up_after, over all rounds. */
    struct patience patience;
    atomic_bool gave_up;
    char waited_for[ERROR_MESSAGE_BYTES + 128]; /* what it was that did not come */
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

/* Live, once: what lies below the tip and is not fetched here. Not before the server's chain is
 * known to be the lake's: its command would fetch another one. */
static void say_holes(struct pipeline *pipeline)
{
    const struct run_plan *plan = &pipeline->plan;
    if (plan->holes.count == 0 || !pipeline->owes_holes)
        return;
    pipeline->owes_holes = false;
    char ranges[LEDGER_SET_TEXT_BYTES];
    char sentence[LEDGER_SET_TEXT_BYTES + 256];
    struct buffer command;
    buffer_init(&command);
    ledger_set_text(&plan->holes, ranges);
    snprintf(sentence, sizeof sentence,
             "ledgers below the newest are not in the lake, and this run leaves them: %s", ranges);
    if (rerun_write_run(pipeline->options, ledger_set_span(&plan->holes), &command) == OK)
        log_event(LOG_WARN, "app", sentence, LOG_T("fetch_by", (const char *)command.data));
    else
        log_line(LOG_WARN, "app", sentence);
    buffer_release(&command);
}

/* ---- callbacks from the rooms -----------------------------------------------------------------
 */

/* By a signal, or because give_up_after is over. */
static bool is_ending(struct pipeline *pipeline)
{
    return os_stop_requested() || atomic_load(&pipeline->gave_up);
}

/* Source thread. */
static bool source_must_stop(void *context)
{
    struct pipeline *pipeline = context;
    return is_ending(pipeline) || atomic_load(&pipeline->writer_failed);
}

/* Writer thread, and whoever aborts the queue. */
static void on_room(void *context)
{
    struct pipeline *pipeline = context;
    source_wake(pipeline->source);
}

static bool writer_is_stopping(void *context)
{
    return is_ending(context);
}

static void tell_observer(struct pipeline *pipeline, int64_t now_us)
{
    if (pipeline->observer.on_turn != NULL)
        pipeline->next_turn_us =
            pipeline->observer.on_turn(pipeline->observer.context, pipeline->watch, now_us);
}

/* Main thread, between rounds: another program holds the catalog. Nothing is under way that a stop
 * would have to publish. */
static bool must_end_waiting(struct pipeline *pipeline)
{
    int64_t now_us = os_monotonic_us();
    if (pipeline->busy_since_us == 0)
        pipeline->busy_since_us = now_us;
    watch_set_catalog_busy(pipeline->watch, pipeline->busy_since_us);
    watch_sample(pipeline->watch);
    tell_observer(pipeline, now_us);
    bool is_bounded = pipeline->options->end_ledger != 0;
    if (is_bounded && patience_is_over(&pipeline->patience, pipeline->patience.mark, now_us))
        atomic_store(&pipeline->gave_up, true);
    pipeline->ended_waiting = is_ending(pipeline);
    return pipeline->ended_waiting;
}

/* Asked by a sink that waits. Who runs a bounded range waits for its end: a file system that
 * refuses to publish is told at once. A service goes on by itself once it is mended. */
static bool sink_must_give_up(void *context, enum obstacle_kind wait)
{
    struct pipeline *pipeline = context;
    if (!pipeline->is_on)
        return must_end_waiting(pipeline);
    if (wait == OBSTACLE_REFUSAL && !pipeline->plan.live)
        return true;
    return os_monotonic_us() >= atomic_load(&pipeline->stop_deadline_us);
}

/* ---- the two threads --------------------------------------------------------------------------
 */

static enum error_code stream_range(struct pipeline *pipeline, const struct run_range *range,
                                    bool *stopped, struct error *error)
{
    enum error_code code = intake_begin_range(pipeline->intake, range, error);
    if (code != OK)
        return code;
    log_event(LOG_INFO, "app", range->last == 0 ? "following the chain" : "fetching a range",
              LOG_U("first_ledger", range->first), LOG_U("last_ledger", range->last),
              LOG_U("seam_ledger", range->below.digest.ledger));
    watch_set_streaming(pipeline->watch, os_realtime_us());
    const struct source_request request = {.first = range->first,
                                           .last = range->last,
                                           .seam_ledger = range->below.digest.ledger,
                                           .below = seam_moment(&range->below),
                                           .above = seam_moment(&range->above)};
    const struct source_handler handler = intake_handler(pipeline->intake);
    struct source_result result = {.stopped = false};
    code = source_run(pipeline->source, &request, &handler, &result, error);
    watch_set_streaming(pipeline->watch, 0);
    *stopped = result.stopped;
    if (code == OK)
        code = intake_failure(pipeline->intake, error);
    if (result.misfits) { /* what came before on the same connection is no better */
        atomic_store(&pipeline->writer.drops_rest, true);
        batch_queue_abort(pipeline->queue);
        return code;
    }
    /* Whatever else ended it: complete ledgers are published. */
    struct error flush_error;
    enum error_code flush_code = intake_flush(pipeline->intake, &flush_error);
    if (code == OK && flush_code != OK) {
        *error = flush_error;
        code = flush_code;
    }
    return code;
}

static enum error_code check_seams(struct pipeline *pipeline, bool *stopped, struct error *error)
{
    watch_set_streaming(pipeline->watch, os_realtime_us());
    enum error_code code = seam_check(&pipeline->plan, pipeline->source, pipeline->intake,
                                      (unsigned)pipeline->options->max_attempts, stopped, error);
    watch_set_streaming(pipeline->watch, 0);
    pipeline->owes_holes = pipeline->failures_in_a_row == 0;
    return code;
}

static void *source_body(void *context)
{
    struct pipeline *pipeline = context;
    bool stopped = false;
    enum error_code code = check_seams(pipeline, &stopped, &pipeline->source_error);
    for (size_t i = 0; code == OK && !stopped && i < pipeline->plan.range_count; i++) {
        if (source_must_stop(pipeline))
            break;
        code = stream_range(pipeline, &pipeline->plan.ranges[i], &stopped, &pipeline->source_error);
        if (code == OK && !stopped)
            code = batch_queue_push_end_of_range(pipeline->queue, &pipeline->source_error);
    }
    if (code != ERR_CONFLICT)
        say_holes(pipeline);
    pipeline->source_code = code;
    batch_queue_close(pipeline->queue);
    atomic_store(&pipeline->source_done, true);
    os_signals_wake();
    return NULL;
}

static void *writer_body(void *context)
{
    struct pipeline *pipeline = context;
    pipeline->writer_code = lake_writer_run(&pipeline->writer);
    if (pipeline->writer_code != OK) {
        atomic_store(&pipeline->writer_failed, true);
        source_wake(pipeline->source);
    }
    atomic_store(&pipeline->writer_done, true);
    os_signals_wake();
    return NULL;
}

/* ---- setting up -------------------------------------------------------------------------------
 */

static unsigned encode_threads(const struct options *options)
{
    if (options->encode_threads != 0)
        return options->encode_threads;
    unsigned cores = os_core_count();
    unsigned threads = cores > 1 ? cores - 1 : 1;
    return threads < ENCODE_THREADS_MAX ? threads : ENCODE_THREADS_MAX;
}

/* Runs the step on the lake's catalog, which another program may hold meanwhile. */
static enum error_code at_catalog(struct pipeline *pipeline, obstacle_step *step,
                                  struct error *error)
{
    enum error_code code = sink_at_catalog(pipeline->sink, step, pipeline, error);
    pipeline->busy_since_us = 0;
    watch_set_catalog_busy(pipeline->watch, 0);
    return code;
}

static enum error_code show_lake(void *context, struct error *error)
{
    const struct pipeline *pipeline = context;
    return watch_read_catalog(pipeline->watch, sink_catalog(pipeline->sink), error);
}

static enum error_code open_sink(struct pipeline *pipeline, struct error *error)
{
    const struct options *options = pipeline->options;
    const struct sink_options sink_options = {
        .output_path = options->output_path,
        .require_lake = options->require_lake,
        .reader_data_path = options->reader_data_path,
        .scheme = (enum partitioning_scheme)options->partitioning_scheme,
        .schema_version = options->schema_version,
        .enable_schema_evolution = options->enable_schema_evolution,
        .network = options->network,
        .codec = (enum parquet_codec)options->compression_codec,
        .compression_level = (int)options->compression_level,
        .profile = (enum parquet_profile)options->encoding_profile,
        .row_group_rows = options->row_group_rows,
        .page_size_bytes = (uint32_t)options->page_size_bytes,
        .bloom_filters = options->bloom_filters,
        .max_file_size_bytes = options->max_file_size_bytes,
        .max_file_age_us = options->max_file_age_us,
        .memory_bytes = pipeline->memory.writer_bytes,
        .encode_threads = encode_threads(options),
        .min_free_disk_bytes = options->min_free_disk_bytes,
        .verify_files = (enum parquet_verify_level)options->verify_files,
        .give_up = sink_must_give_up,
        .give_up_context = pipeline};
    struct error failure = {.code = ERR_IO};
    pipeline->sink = sink_open(&sink_options, &failure);
    if (pipeline->sink == NULL) {
        *error = failure;
        return failure.code;
    }
    sink_set_stopping(pipeline->sink, writer_is_stopping, pipeline);
    sink_on_commit(pipeline->sink, watch_on_commit, pipeline->watch);
    sink_on_duration(pipeline->sink, watch_on_duration, pipeline->watch);
    return at_catalog(pipeline, show_lake, error);
}

/* On the source thread: a batch went to the queue. */
static void note_batch(void *context)
{
    struct pipeline *pipeline = context;
    say_holes(pipeline);
    watch_on_batch(pipeline->watch);
}

/* Rows that wait longer than a file may get old would make max_file_age a lie. */
static int64_t shorter(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* A file is measured between batches: one batch must be a small part of it, however large
 * batch_size is. Rows in memory take more than their compressed bytes. */
static size_t flush_bytes(const struct pipeline *pipeline)
{
    uint64_t part = pipeline->options->max_file_size_bytes / BATCHES_PER_FILE;
    return part < pipeline->memory.flush_bytes ? (size_t)part : pipeline->memory.flush_bytes;
}

static enum error_code make_intake(struct pipeline *pipeline, struct error *error)
{
    const struct options *options = pipeline->options;
    pipeline->queue = batch_queue_new(pipeline->memory.queue_bytes, error);
    if (pipeline->queue == NULL)
        return ERR_NO_MEMORY;
    batch_queue_on_room(pipeline->queue, on_room, pipeline);
    const struct intake_options intake_options = {
        .schema = row_schema_find(options->schema_version),
        .scheme = (enum partitioning_scheme)options->partitioning_scheme,
        .batch_rows = options->batch_size,
        .flush_interval_us = shorter(options->flush_interval_us, options->max_file_age_us),
        .flush_bytes = flush_bytes(pipeline),
        .ledger_limit_bytes = pipeline->memory.ledger_limit_bytes,
        .memory_limit_bytes = options->memory_limit_bytes,
        .queue = pipeline->queue,
        .must_stop = source_must_stop,
        .on_batch = note_batch,
        .context = pipeline};
    pipeline->intake = intake_new(&intake_options, error);
    return pipeline->intake != NULL ? OK : ERR_NO_MEMORY;
}

/* Before a lake is made that nothing could be written to. */
static enum error_code check_start(const struct options *options, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = os_path_join(path, options->output_path, LAKE_CATALOG, error);
    if (code != OK || os_path_exists(path))
        return code;
    return run_plan_check_start(options->start_ledger, options->end_ledger, error);
}

static enum error_code set_up(struct pipeline *pipeline, struct error *error)
{
    /* Listeners first: a port that is taken ends the start before the lake is touched. */
    enum error_code code = check_start(pipeline->options, error);
    if (code == OK)
        code = watch_start(&pipeline->watch, pipeline->options, error);
    if (code == OK)
        code = open_sink(pipeline, error);
    if (code == OK)
        code = source_setup_make(&pipeline->source_setup, pipeline->options,
                                 pipeline->memory.window_bytes, false, &pipeline->source, error);
    if (code == OK)
        code = make_intake(pipeline, error);
    if (code != OK)
        return code;
    pipeline->writer.sink = pipeline->sink;
    pipeline->writer.queue = pipeline->queue;
    pipeline->writer.is_stopping = writer_is_stopping;
    pipeline->writer.context = pipeline;
    const struct watch_parts parts = {.source = pipeline->source,
                                      .intake = pipeline->intake,
                                      .queue = pipeline->queue,
                                      .sink = pipeline->sink,
                                      .writer = &pipeline->writer};
    watch_attach(pipeline->watch, &parts);
    watch_set_phase(pipeline->watch, STATUS_RUNNING);
    return OK;
}

static void tear_down(struct pipeline *pipeline)
{
    if (pipeline->watch != NULL)
        watch_detach(pipeline->watch);
    intake_free(pipeline->intake);
    source_free(pipeline->source);
    batch_queue_free(pipeline->queue);
    sink_close(pipeline->sink);
    watch_stop(pipeline->watch);
    source_setup_release(&pipeline->source_setup);
    run_plan_release(&pipeline->plan);
}

/* ---- a round ----------------------------------------------------------------------------------
 */

/* A stop was asked for: from now on stop_timeout counts. */
static void begin_stop(struct pipeline *pipeline, int64_t now_us)
{
    atomic_store(&pipeline->stop_deadline_us, now_us + pipeline->options->stop_timeout_us);
    watch_set_phase(pipeline->watch, STATUS_STOPPING);
    log_event(LOG_INFO, "app", "stopping: publishing every complete ledger",
              LOG_I("signal", os_stop_signal()));
    source_wake(pipeline->source);
}

/* What a run waits for while nothing moves. */
static void describe_wait(const struct pipeline *pipeline, const struct source_stats *source,
                          const struct sink_stats *sink, char *out, size_t out_bytes)
{
    const char *endpoint = pipeline->options->ttp_processor_endpoint;
    if (sink->waiting_for_space || sink->intake_paused)
        snprintf(out, out_bytes, "space on the disk: make room");
    else if (source->waits_behind != 0)
        snprintf(out, out_bytes,
                 "a later ledger than %" PRIu32 " from %s: all events of that ledger are here, but "
                 "only a later one tells that it is complete",
                 source->waits_behind, endpoint);
    else if (source->degraded)
        snprintf(out, out_bytes, "%s: %s", endpoint, source->failure.words);
    else
        snprintf(out, out_bytes, "%s to send something: it is %s", endpoint,
                 source->connected ? "connected and silent" : "not connected");
}

/* give_up_after is over: as a stop, but the run has failed. */
static void look_for_progress(struct pipeline *pipeline, int64_t now_us)
{
    struct source_stats source;
    struct sink_stats sink;
    source_get_stats(pipeline->source, &source);
    sink_get_stats(pipeline->sink, &sink);
    uint64_t mark = source.ledgers_completed + sink.batches + sink.commits;
    if (!patience_is_over(&pipeline->patience, mark, now_us) || pipeline->plan.live ||
        is_ending(pipeline))
        return;
    describe_wait(pipeline, &source, &sink, pipeline->waited_for, sizeof pipeline->waited_for);
    atomic_store(&pipeline->gave_up, true);
    atomic_store(&pipeline->stop_deadline_us, now_us + pipeline->options->stop_timeout_us);
    watch_set_phase(pipeline->watch, STATUS_STOPPING);
    log_line(LOG_INFO, "app", "giving up (give_up_after): publishing every complete ledger");
    source_wake(pipeline->source);
}

/* The writer is stuck where nothing can end it: leave staging and intent to the next start. */
static _Noreturn void give_up_publishing(const struct pipeline *pipeline)
{
    char timeout[TEXT_TIME_BYTES];
    char sentence[256];
    text_duration(pipeline->options->stop_timeout_us, timeout);
    snprintf(sentence, sizeof sentence,
             "could not publish within stop_timeout (%s): the next run recovers what is staged and "
             "asks for the rest again",
             timeout);
    log_line(LOG_ERROR, "app", sentence);
    log_output_drain(LOG_OUTPUT_PATIENCE_US);
    _exit(EXIT_FAILED);
}

/* About once a second: samples the rate, feeds the service manager, tells the progress. */
static void look(struct pipeline *pipeline, int64_t now_us)
{
    watch_sample(pipeline->watch);
    tell_observer(pipeline, now_us);
    look_for_progress(pipeline, now_us);
}

/* Waits for both threads; signals, deadlines and progress meanwhile. */
static void wait_for_round(struct pipeline *pipeline)
{
    int64_t next_sample_us = 0;
    while (!atomic_load(&pipeline->source_done) || !atomic_load(&pipeline->writer_done)) {
        int64_t now_us = os_monotonic_us();
        int64_t deadline_us = atomic_load(&pipeline->stop_deadline_us);
        if (os_stop_requested() && deadline_us == INT64_MAX)
            begin_stop(pipeline, now_us);
        else if (deadline_us != INT64_MAX && now_us - deadline_us > GIVE_UP_GRACE_US)
            give_up_publishing(pipeline);
        if (now_us >= next_sample_us) {
            next_sample_us = now_us + SAMPLE_US;
            look(pipeline, now_us);
        }
        int64_t wait_us = next_sample_us - now_us;
        int64_t flush_us = intake_next_flush_us(pipeline->intake) - now_us;
        if (flush_us <= 0) {
            source_wake(pipeline->source);
            flush_us = FLUSH_WAIT_MIN_US;
        }
        if (pipeline->next_turn_us <= now_us)
            tell_observer(pipeline, now_us);
        else if (pipeline->next_turn_us - now_us < wait_us)
            wait_us = pipeline->next_turn_us - now_us;
        os_signals_wait(wait_us < flush_us ? wait_us : flush_us);
    }
}

static enum error_code start_threads(struct pipeline *pipeline, struct error *error)
{
    pipeline->source_code = pipeline->writer_code = OK;
    atomic_store(&pipeline->source_done, false);
    atomic_store(&pipeline->writer_done, false);
    atomic_store(&pipeline->writer_failed, false);
    batch_queue_reopen(pipeline->queue);
    enum error_code code =
        os_thread_start(&pipeline->writer_thread, "ttp-writer", writer_body, pipeline, error);
    if (code != OK)
        return code;
    code = os_thread_start(&pipeline->source_thread, "ttp-source", source_body, pipeline, error);
    if (code != OK) {
        batch_queue_close(pipeline->queue);
        os_thread_join(&pipeline->writer_thread);
    }
    return code;
}

static enum error_code make_plan(void *context, struct error *error)
{
    struct pipeline *pipeline = context;
    struct catalog *catalog = sink_catalog(pipeline->sink);
    run_plan_release(&pipeline->plan);
    enum error_code code = catalog_forget_unlanded_seams(catalog, error);
    return code != OK ? code
                      : run_plan_make(&pipeline->plan, catalog, pipeline->options->start_ledger,
                                      pipeline->options->end_ledger, error);
}

/* Plans, streams, commits. */
static enum error_code run_round(struct pipeline *pipeline, struct error *error)
{
    struct sink_stats stats;
    sink_get_stats(pipeline->sink, &stats);
    pipeline->commits_before = stats.commits;
    enum error_code code = at_catalog(pipeline, make_plan, error);
    if (code != OK)
        return code;
    if (pipeline->observer.on_plan != NULL)
        pipeline->observer.on_plan(pipeline->observer.context, &pipeline->plan,
                                   pipeline->failures_in_a_row == 0);
    pipeline->is_on = true;
    code = start_threads(pipeline, error);
    if (code == OK) {
        wait_for_round(pipeline);
        os_thread_join(&pipeline->source_thread);
        os_thread_join(&pipeline->writer_thread);
    }
    pipeline->is_on = false;
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
static bool wait_for_another_round(struct pipeline *pipeline)
{
    struct sink_stats stats;
    sink_get_stats(pipeline->sink, &stats);
    pipeline->failures_in_a_row =
        stats.commits > pipeline->commits_before ? 1 : pipeline->failures_in_a_row + 1;
    if (!may_pass(pipeline->writer_code) || is_ending(pipeline) ||
        (!pipeline->plan.live && pipeline->failures_in_a_row >= pipeline->options->max_attempts))
        return false;
    int64_t wait_us = BACKOFF_FIRST_US;
    for (unsigned i = 1; i < pipeline->failures_in_a_row && wait_us < BACKOFF_MAX_US; i++)
        wait_us *= 2;
    wait_us = wait_us > BACKOFF_MAX_US ? BACKOFF_MAX_US : wait_us;
    char sentence[ERROR_MESSAGE_BYTES + 64];
    snprintf(sentence, sizeof sentence, "a commit failed: %s", pipeline->writer.error.message);
    log_event(LOG_ERROR, "app", sentence, LOG_I("asked_for_again_in_ms", wait_us / 1000),
              LOG_U("first_ledger", pipeline->writer.lost_range.first),
              LOG_U("last_ledger", pipeline->writer.lost_range.last));
    int64_t until_us = os_monotonic_us() + wait_us;
    while (!is_ending(pipeline) && os_monotonic_us() < until_us) {
        look(pipeline, os_monotonic_us());
        int64_t left_us = until_us - os_monotonic_us();
        os_signals_wait(left_us < SAMPLE_US ? left_us : SAMPLE_US);
    }
    return !is_ending(pipeline);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static void keep_problem(void *context, bool error, const char *message, uint64_t count)
{
    struct run_report *report = context;
    if (report->problem_count == REPORT_PROBLEMS_MAX)
        return;
    struct run_problem *problem = &report->problems[report->problem_count++];
    *problem = (struct run_problem){.error = error, .count = count};
    snprintf(problem->message, sizeof problem->message, "%s", message);
}

static void say_error(const struct error *error)
{
    log_line(LOG_ERROR, "app", error->message);
}

/* What the source's error means to the one who started the run. */
static enum exit_code source_exit_code(const struct pipeline *pipeline)
{
    struct intake_stats stats;
    intake_get_stats(pipeline->intake, &stats);
    bool nothing_arrived = stats.first_ledger == 0;
    /* START 0 refused, or a lake of another chain: the request itself is at fault. */
    bool start_refused = pipeline->source_code == ERR_INVALID && nothing_arrived &&
                         pipeline->plan.range_count > 0 && pipeline->plan.ranges[0].first == 0;
    struct sink_stats sink;
    sink_get_stats(pipeline->sink, &sink);
    bool other_chain = pipeline->source_code == ERR_CONFLICT && sink.commits == 0;
    return start_refused || other_chain ? EXIT_USAGE : EXIT_FAILED;
}

/* give_up_after ended the run before its range was covered. */
static void say_gave_up(const struct pipeline *pipeline, const struct run_report *report)
{
    char after[TEXT_TIME_BYTES];
    char sentence[ERROR_MESSAGE_BYTES + 384];
    text_duration(pipeline->options->give_up_after_us, after);
    snprintf(sentence, sizeof sentence,
             "gave up after %s without a further ledger (give_up_after) at ledger %" PRIu32
             ": waited for %s",
             after, report->uncovered.ranges[0].first, pipeline->waited_for);
    log_line(LOG_ERROR, "app", sentence);
}

/* Another program held the catalog until the run was to end: a stop is done, since nothing was
 * under way. */
static enum exit_code say_ended_waiting(const struct pipeline *pipeline, const struct error *error)
{
    char after[TEXT_TIME_BYTES];
    char sentence[ERROR_MESSAGE_BYTES + 256];
    if (!atomic_load(&pipeline->gave_up)) {
        log_event(LOG_INFO, "app", "stopped while another program held the catalog",
                  LOG_T("reason", error->message));
        return EXIT_DONE;
    }
    text_duration(pipeline->options->give_up_after_us, after);
    snprintf(sentence, sizeof sentence,
             "gave up after %s (give_up_after): waited for another program that holds the lake's "
             "catalog: %s",
             after, error->message);
    log_line(LOG_ERROR, "app", sentence);
    return EXIT_FAILED;
}

static enum error_code find_uncovered(void *context, struct error *error)
{
    struct pipeline *pipeline = context;
    struct run_report *report = pipeline->report;
    return run_plan_uncovered(&pipeline->plan, sink_catalog(pipeline->sink), &report->uncovered,
                              error);
}

/* Bounded: whether A..B is covered now. */
static enum exit_code check_covered(struct pipeline *pipeline, struct run_report *report)
{
    struct error error;
    if (pipeline->plan.live)
        return EXIT_DONE;
    enum error_code code = at_catalog(pipeline, find_uncovered, &error);
    if (code != OK && pipeline->ended_waiting)
        return say_ended_waiting(pipeline, &error);
    if (code != OK) {
        say_error(&error);
        return EXIT_FAILED;
    }
    return report->uncovered.count == 0 ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code finish(struct pipeline *pipeline, struct run_report *report,
                             enum error_code code, struct error *error)
{
    enum exit_code exit_code = EXIT_DONE;
    report->has_run = true;
    report->live = pipeline->plan.live;
    report->stopped = os_stop_requested();
    report->other_chain = pipeline->source_code == ERR_CONFLICT;
    if (code != OK && pipeline->ended_waiting) {
        exit_code = say_ended_waiting(pipeline, error);
    } else if (code != OK) {
        say_error(error);
        exit_code = code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
    } else if (pipeline->writer_code != OK) {
        /* Else no run may touch the lake. */
        bool is_ours = pipeline->writer_code != ERR_CONFLICT || sink_gave_up(pipeline->sink);
        if (is_ours && !sink_keeps_commit(pipeline->sink))
            error_prefix(&pipeline->writer.error, pipeline->writer_code,
                         "what was not published is asked for again by the next run: ");
        say_error(&pipeline->writer.error);
        exit_code = is_ours ? EXIT_FAILED : EXIT_USAGE;
    }
    if (pipeline->source_code != OK) {
        say_error(&pipeline->source_error);
        enum exit_code source_code = source_exit_code(pipeline);
        exit_code = exit_code == EXIT_DONE ? source_code : exit_code;
    }
    enum exit_code covered = pipeline->ended_waiting ? exit_code : check_covered(pipeline, report);
    if (report->uncovered.count != 0 && atomic_load(&pipeline->gave_up))
        say_gave_up(pipeline, report);
    if (exit_code == EXIT_DONE && !report->stopped)
        exit_code = covered;
    struct intake_stats intake;
    intake_get_stats(pipeline->intake, &intake);
    report->hole_count = intake.holes;
    watch_snapshot(pipeline->watch, &report->last);
    watch_each_problem(pipeline->watch, keep_problem, report);
    report->elapsed_us = os_monotonic_us() - pipeline->started_us;
    return exit_code;
}

enum exit_code pipeline_run(const struct options *options, const struct run_observer *observer,
                            struct run_report *report)
{
    struct pipeline pipeline = {.options = options,
                                .started_us = os_monotonic_us(),
                                .observer = observer != NULL ? *observer : (struct run_observer){0},
                                .report = report,
                                .next_turn_us = INT64_MAX};
    atomic_store(&pipeline.stop_deadline_us, INT64_MAX);
    pipeline.memory = memory_plan_make(options->memory_limit_bytes);
    struct error error;
    enum exit_code exit_code;
    patience_init(&pipeline.patience, options->give_up_after_us, os_monotonic_us());
    enum error_code code = set_up(&pipeline, &error);
    if (code != OK) {
        if (!pipeline.ended_waiting)
            say_error(&error);
        exit_code =
            pipeline.ended_waiting ? say_ended_waiting(&pipeline, &error) : exit_code_of(code);
        tear_down(&pipeline);
        return exit_code;
    }
    patience_init(&pipeline.patience, options->give_up_after_us, os_monotonic_us());
    code = run_round(&pipeline, &error);
    while (code == OK && pipeline.writer_code != OK && wait_for_another_round(&pipeline))
        code = run_round(&pipeline, &error);
    if (pipeline.observer.on_end != NULL)
        pipeline.observer.on_end(pipeline.observer.context);
    exit_code = finish(&pipeline, report, code, &error);
    tear_down(&pipeline);
    return exit_code;
}
