// SPDX-License-Identifier: Apache-2.0
#include "service/watch.h"

#include <stdio.h>
#include <string.h>

#include "service/rerun.h"
#include "service/supervisor.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/log_output.h"
#include "os/socket.h"
#include "catalog/history.h"
#include "os/thread.h"
#include "rows/partition.h"
#include "status/board.h"
#include "status/metrics.h"
#include "status/server.h"
#include "util/memory.h"
#include "util/sentence.h"

#define TTP_PROCESSOR_HEALTH_PORT 8088

#define RECENT_COMMITS 100 /* looked through for one that was not taken out of the lake */

#define PROBLEM_KINDS_MAX 32 /* distinct sentences that a summary lists */

struct problem_count {
    bool error;
    uint64_t count;
    char message[STATUS_MESSAGE_BYTES];
};

struct watch {
    const struct options *options;
    char run_words[STATUS_WORDS_BYTES];
    struct board *board;
    struct metrics *metrics;
    struct status_server *server;
    struct supervisor supervisor; /* the main thread's */
    int64_t started_us, started_monotonic_us;

    struct os_mutex mutex; /* guards what follows */
    struct watch_parts parts;
    bool attached;
    enum status_phase phase;
    int64_t streaming_since_us;
    int64_t catalog_busy_since_us; /* before parts are attached */
    int64_t last_close_us;         /* newest committed close time */
    int64_t lake_commit_us;        /* the newest commit when the lake was opened */
    uint32_t lake_ledger;          /* and its last ledger */
    bool ever_connected;
    int64_t decoded_us; /* the source's decode_us when the last batch was made */
    size_t problem_kind_count;
    struct problem_count problems[PROBLEM_KINDS_MAX];
};

static void count_problem(struct watch *watch, bool is_error, const char *whole)
{
    char message[STATUS_MESSAGE_BYTES];
    sentence_fit(message, sizeof message, whole);
    os_mutex_lock(&watch->mutex);
    size_t at = 0;
    while (at < watch->problem_kind_count && strcmp(watch->problems[at].message, message) != 0)
        at++;
    if (at < PROBLEM_KINDS_MAX) {
        struct problem_count *problem = &watch->problems[at];
        if (at == watch->problem_kind_count) {
            watch->problem_kind_count++;
            snprintf(problem->message, sizeof problem->message, "%s", message);
            problem->error = is_error;
        }
        problem->count++;
    }
    os_mutex_unlock(&watch->mutex);
}

static void on_problem(void *context, enum log_level level, const char *message)
{
    struct watch *watch = context;
    count_problem(watch, level == LOG_ERROR, message);
    board_add_problem(watch->board, level == LOG_ERROR, message, os_realtime_us());
}

static void copy_text(char *out, size_t out_bytes, const char *text)
{
    snprintf(out, out_bytes, "%s", text);
}

static void fill_settings(const struct watch *watch, struct status_snapshot *out)
{
    const struct options *options = watch->options;
    copy_text(out->service_name, sizeof out->service_name, options->service_name);
    copy_text(out->endpoint, sizeof out->endpoint, options->ttp_processor_endpoint);
    copy_text(out->network, sizeof out->network, options->network);
    copy_text(out->output_path, sizeof out->output_path, options->output_path);
    copy_text(out->scheme, sizeof out->scheme,
              partitioning_scheme_name((enum partitioning_scheme)options->partitioning_scheme));
    copy_text(out->schema_version, sizeof out->schema_version, options->schema_version);
    copy_text(out->run_words, sizeof out->run_words, watch->run_words);
    out->started_us = watch->started_us;
    out->started_monotonic_us = watch->started_monotonic_us;
    out->request_first = options->start_ledger;
    out->request_last = options->end_ledger;
    out->idle_timeout_us = options->idle_timeout_us;
    out->memory_limit_bytes = options->memory_limit_bytes;
    out->disk_min_free_bytes = options->min_free_disk_bytes;
}

static void fill_failure(const struct source_failure *failure, struct status_snapshot *out)
{
    out->failure_us = failure->at_us;
    copy_text(out->failure_asked, sizeof out->failure_asked, failure->asked);
    copy_text(out->failure_address, sizeof out->failure_address, failure->address);
    copy_text(out->failure_status, sizeof out->failure_status, failure->status);
    copy_text(out->failure_message, sizeof out->failure_message, failure->message);
    copy_text(out->failure_words, sizeof out->failure_words, failure->words);
    if (failure->meaning != NULL)
        copy_text(out->failure_meaning, sizeof out->failure_meaning, failure->meaning);
}

static void fill_gaps(const struct source_gaps *gaps, struct status_snapshot *out)
{
    _Static_assert(SOURCE_GAPS_KEPT <= STATUS_GAPS_MAX, "a snapshot has room for all");
    out->gaps = gaps->count;
    out->gap_ledgers = gaps->ledger_count;
    out->found_ledgers = gaps->found_count;
    out->last_gap_us = gaps->last_us;
    out->gap_count = gaps->kept_count;
    for (size_t i = 0; i < gaps->kept_count; i++)
        out->newest_gaps[i] = (struct ledger_range){gaps->kept[i].first, gaps->kept[i].last};
}

static void fill_source(struct watch *watch, struct status_snapshot *out)
{
    struct source_stats source;
    struct intake_stats intake;
    source_get_stats(watch->parts.source, &source);
    intake_get_stats(watch->parts.intake, &intake);
    watch->ever_connected = watch->ever_connected || source.connects != 0;
    out->events_accepted = source.events_accepted;
    out->events_refetched = source.events_refetched;
    out->events_dead_letter = intake.dead_letters;
    out->bytes_received = source.bytes_received;
    out->ledgers_completed = source.ledgers_completed;
    out->connects = source.connects;
    out->retries = source.retries;
    out->seam_checked = source.seam_checked;
    out->seam_other_contents = source.seam_other_contents;
    out->current_ledger = source.current_ledger;
    out->current_close_us = source.current_close_us;
    out->last_event_us = source.last_event_us;
    out->connected = source.connected;
    out->ever_connected = watch->ever_connected;
    out->throttled = source.throttled;
    out->outage = source.outage;
    out->reconnecting = source.degraded;
    copy_text(out->asked, sizeof out->asked, source.asked);
    fill_failure(&source.failure, out);
    out->ledger_since_us = source.ledger_since_us;
    out->drips = source.drips;
    out->waits_behind = source.waits_behind;
    fill_gaps(&source.gaps, out);
}

static void fill_queue(const struct watch *watch, struct status_snapshot *out)
{
    struct batch_queue_stats queue;
    batch_queue_get_stats(watch->parts.queue, &queue);
    out->queue_events = queue.row_count;
    out->queue_bytes = queue.memory_bytes;
    out->queue_batches = queue.item_count;
    out->queue_limit_bytes = queue.limit_bytes;
}

static void fill_sink(const struct watch *watch, struct status_snapshot *out)
{
    struct sink_stats sink;
    sink_get_stats(watch->parts.sink, &sink);
    out->rows_committed = sink.rows_committed;
    out->files_committed = sink.files_committed;
    out->bytes_committed = sink.bytes_committed;
    out->commits = sink.commits;
    out->commits_failed = sink.commits_failed;
    out->dead_letters_committed = sink.dead_letters_committed;
    out->unconfirmed_ledgers = sink.unconfirmed_ledgers;
    out->rows_open = sink.rows_open;
    out->bytes_open = sink.bytes_open;
    out->batches = sink.batches;
    for (int i = 0; i < STATUS_ROTATION_COUNT; i++)
        out->rotations[i] = sink.rotations[ROTATION_PARTITION + i];
    out->last_batch_us = sink.last_batch_us;
    out->last_commit_us = sink.last_commit_us != 0 ? sink.last_commit_us : watch->lake_commit_us;
    out->next_commit_us = sink.next_commit_us;
    out->last_ledger = sink.last_ledger != 0 ? sink.last_ledger : watch->lake_ledger;
    out->waiting_for_space = sink.waiting_for_space;
    out->catalog_busy_since_us = sink.catalog_busy_since_us;
    out->intake_paused = sink.intake_paused;
    out->commit_failing = sink.failing;
    out->publishing_refused = sink.refused;
    out->writer_seen_us = atomic_load_explicit(&watch->parts.writer->seen_us, memory_order_relaxed);
}

static void fill_machine(const struct watch *watch, struct status_snapshot *out)
{
    out->resident_bytes = os_resident_bytes();
    out->peak_resident_bytes = os_peak_resident_bytes();
    out->cpu_us = os_process_cpu_us();
    struct os_free_space space = {.bytes = 0};
    out->disk_known = os_free_space(watch->options->output_path, &space, NULL) == OK;
    out->disk_free_bytes = space.bytes;
    out->warnings_logged = log_warning_count();
    out->errors_logged = log_error_count();
    const struct log_output_state log = log_output_get_state();
    out->log_lines_dropped = log.dropped_lines;
    out->log_blocked_us = log.blocked_us;
}

static void fill(void *context, struct status_snapshot *out)
{
    struct watch *watch = context;
    fill_settings(watch, out);
    os_mutex_lock(&watch->mutex);
    out->phase = watch->phase;
    out->streaming_since_us = watch->streaming_since_us;
    out->last_close_us = watch->last_close_us;
    if (watch->attached) {
        fill_source(watch, out);
        fill_queue(watch, out);
        fill_sink(watch, out);
    } else {
        out->catalog_busy_since_us = watch->catalog_busy_since_us;
    }
    os_mutex_unlock(&watch->mutex);
    fill_machine(watch, out);
    board_fill(watch->board, out);
}

/* What the commands on the page need; left empty where it is too long for a page. */
static enum error_code make_run_words(struct watch *watch, struct error *error)
{
    struct rerun rerun;
    rerun_init(&rerun);
    enum error_code code = rerun_of_run(&rerun, watch->options, error);
    if (code == OK && rerun.run.size_bytes <= sizeof watch->run_words)
        memcpy(watch->run_words, rerun.run.data, rerun.run.size_bytes);
    rerun_release(&rerun);
    return code;
}

/* Taken first by us, ttp-processor's own health port keeps it from starting. */
static void warn_of_shared_port(const struct options *options)
{
    struct os_endpoint endpoint;
    if (options->health_port != TTP_PROCESSOR_HEALTH_PORT ||
        os_endpoint_parse(options->ttp_processor_endpoint, false, &endpoint, NULL) != OK ||
        !os_endpoint_is_local(&endpoint))
        return;
    log_line(
        LOG_WARN, "app",
        "health_port 8088 is also ttp-processor's own, and its endpoint is on this host: while "
        "this run has it, ttp-processor can't start; use --health-port 8089");
}

enum error_code watch_start(struct watch **out, const struct options *options, struct error *error)
{
    *out = NULL;
    struct watch *watch = mem_alloc_zero(1, sizeof *watch);
    if (watch == NULL)
        return error_no_memory(error, "the watch");
    enum error_code code = os_mutex_init(&watch->mutex, error);
    if (code != OK) {
        mem_free(watch);
        return code;
    }
    supervisor_open(&watch->supervisor);
    watch->options = options;
    watch->started_us = os_realtime_us();
    watch->started_monotonic_us = os_monotonic_us();
    watch->board = board_new(error);
    watch->metrics = watch->board != NULL ? metrics_new(error) : NULL;
    if (watch->metrics == NULL || make_run_words(watch, error) != OK) {
        watch_stop(watch);
        return ERR_NO_MEMORY;
    }
    const struct status_server_options server = {.bind_address = options->bind_address,
                                                 .health_port = (int)options->health_port,
                                                 .metrics_port = (int)options->metrics_port,
                                                 .feed = {.context = watch, .fill = fill},
                                                 .metrics = watch->metrics};
    struct error failure = {.code = ERR_IO};
    watch->server = status_server_start(&server, &failure);
    if (watch->server == NULL) {
        watch_stop(watch);
        if (error != NULL)
            *error = failure;
        return failure.code;
    }
    log_on_problem(on_problem, watch);
    warn_of_shared_port(options);
    *out = watch;
    return OK;
}

void watch_stop(struct watch *watch)
{
    if (watch == NULL)
        return;
    log_on_problem(NULL, NULL);
    status_server_stop(watch->server);
    supervisor_close(&watch->supervisor);
    metrics_free(watch->metrics);
    board_free(watch->board);
    os_mutex_release(&watch->mutex);
    mem_free(watch);
}

void watch_attach(struct watch *watch, const struct watch_parts *parts)
{
    os_mutex_lock(&watch->mutex);
    watch->parts = *parts;
    watch->attached = true;
    os_mutex_unlock(&watch->mutex);
}

void watch_detach(struct watch *watch)
{
    os_mutex_lock(&watch->mutex);
    watch->attached = false;
    os_mutex_unlock(&watch->mutex);
}

void watch_set_phase(struct watch *watch, enum status_phase phase)
{
    os_mutex_lock(&watch->mutex);
    watch->phase = phase;
    os_mutex_unlock(&watch->mutex);
    if (phase == STATUS_STOPPING)
        supervisor_stopping(&watch->supervisor);
}

void watch_set_catalog_busy(struct watch *watch, int64_t since_us)
{
    os_mutex_lock(&watch->mutex);
    watch->catalog_busy_since_us = since_us;
    os_mutex_unlock(&watch->mutex);
}

void watch_set_streaming(struct watch *watch, int64_t since_us)
{
    os_mutex_lock(&watch->mutex);
    watch->streaming_since_us = since_us;
    os_mutex_unlock(&watch->mutex);
}

/* The newest commit that is still in the lake: what a run begins with. */
static enum error_code take_commit(void *context, const struct catalog_commit_record *commit,
                                   struct error *error)
{
    struct watch *watch = context;
    (void)error;
    os_mutex_lock(&watch->mutex);
    if (!commit->ended && watch->lake_commit_us == 0) {
        watch->lake_commit_us = commit->committed_us;
        watch->lake_ledger = commit->range.last;
    }
    os_mutex_unlock(&watch->mutex);
    return OK;
}

enum error_code watch_read_catalog(struct watch *watch, struct catalog *catalog,
                                   struct error *error)
{
    struct ledger_set coverage = {0};
    struct catalog_totals totals;
    enum error_code code = catalog_coverage(catalog, &coverage, error);
    if (code == OK)
        code = catalog_totals(catalog, &totals, error);
    if (code == OK)
        code = catalog_each_commit(catalog, RECENT_COMMITS, take_commit, watch, error);
    if (code == OK) {
        board_set_coverage(watch->board, &coverage);
        os_mutex_lock(&watch->mutex);
        watch->last_close_us = totals.newest_close_us;
        os_mutex_unlock(&watch->mutex);
    }
    ledger_set_release(&coverage);
    return code;
}

/* A file's rows by its folder; a scheme without folders has the commit's partition. */
static void count_written(struct watch *watch, const struct catalog_file *file,
                          const char *partition)
{
    char folder[PARTITION_PATH_BYTES];
    const char *slash = strrchr(file->path, '/');
    size_t length = slash != NULL ? (size_t)(slash - file->path) : 0;
    if (length == 0 || length >= sizeof folder) {
        metrics_add_written(watch->metrics, partition, (uint64_t)file->record_count);
        return;
    }
    memcpy(folder, file->path, length);
    folder[length] = '\0';
    metrics_add_written(watch->metrics, folder, (uint64_t)file->record_count);
}

void watch_on_commit(void *context, const struct sink_commit_info *info)
{
    struct watch *watch = context;
    struct status_commit commit = {.commit_no = info->commit_no,
                                   .range = {info->range.first, info->range.last},
                                   .committed_us = os_realtime_us(),
                                   .duration_us = info->duration_us,
                                   .file_count = info->file_count,
                                   .row_count = info->row_count,
                                   .size_bytes = info->size_bytes};
    const char *partition = info->partition != NULL ? info->partition : "";
    copy_text(commit.reason, sizeof commit.reason, rotation_reason_name(info->reason));
    copy_text(commit.partition, sizeof commit.partition, partition);
    board_add_commit(watch->board, &commit);
    for (size_t i = 0; i < info->file_count; i++) {
        metrics_observe_file(watch->metrics, (uint64_t)info->files[i].file_size_bytes);
        count_written(watch, &info->files[i], partition);
    }
    os_mutex_lock(&watch->mutex);
    int64_t close_us =
        watch->attached ? lake_writer_close_of(watch->parts.writer, info->range.last) : 0;
    if (close_us > watch->last_close_us)
        watch->last_close_us = close_us;
    os_mutex_unlock(&watch->mutex);
    log_event(LOG_INFO, "sink", "committed", LOG_U("commit_no", info->commit_no),
              LOG_U("first_ledger", info->range.first), LOG_U("last_ledger", info->range.last),
              LOG_U("rows", info->row_count), LOG_U("files", info->file_count),
              LOG_U("bytes", info->size_bytes), LOG_T("partition", partition),
              LOG_T("reason", rotation_reason_name(info->reason)),
              LOG_I("duration_ms", info->duration_us / 1000));
}

void watch_on_batch(struct watch *watch)
{
    struct source_stats source = {.decode_us = 0};
    os_mutex_lock(&watch->mutex);
    if (watch->attached)
        source_get_stats(watch->parts.source, &source);
    int64_t decode_us = source.decode_us - watch->decoded_us;
    watch->decoded_us = source.decode_us;
    os_mutex_unlock(&watch->mutex);
    metrics_observe_duration(watch->metrics, METRICS_DECODE, decode_us);
}

void watch_on_duration(void *context, const char *operation, int64_t duration_us)
{
    struct watch *watch = context;
    enum metrics_operation number;
    if (metrics_operation_by_name(operation, &number))
        metrics_observe_duration(watch->metrics, number, duration_us);
}

void watch_sample(struct watch *watch)
{
    struct source_stats source = {.events_accepted = 0};
    os_mutex_lock(&watch->mutex);
    if (watch->attached)
        source_get_stats(watch->parts.source, &source);
    watch->ever_connected = watch->ever_connected || source.connects != 0;
    os_mutex_unlock(&watch->mutex);
    board_sample(watch->board, os_realtime_us(), os_monotonic_us(), source.events_accepted,
                 source.throttled);
    if (!supervisor_is_due(&watch->supervisor, os_monotonic_us()))
        return;
    struct status_snapshot snapshot;
    watch_snapshot(watch, &snapshot);
    supervisor_turn(&watch->supervisor, &snapshot);
}

void watch_snapshot(struct watch *watch, struct status_snapshot *out)
{
    *out =
        (struct status_snapshot){.now_us = os_realtime_us(), .now_monotonic_us = os_monotonic_us()};
    fill(watch, out);
}

void watch_each_problem(struct watch *watch,
                        void (*visit)(void *context, bool error, const char *message,
                                      uint64_t count),
                        void *context)
{
    os_mutex_lock(&watch->mutex);
    for (size_t i = 0; i < watch->problem_kind_count; i++) {
        const struct problem_count *problem = &watch->problems[i];
        visit(context, problem->error, problem->message, problem->count);
    }
    os_mutex_unlock(&watch->mutex);
}
