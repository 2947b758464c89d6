// SPDX-License-Identifier: Apache-2.0
#include "service/run_status.h"

#include <stdio.h>
#include <string.h>

#include "service/rerun.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/log_output.h"
#include "os/socket.h"
#include "catalog/care.h"
#include "commit/backup_record.h"
#include "catalog/history.h"
#include "os/thread.h"
#include "rows/partition.h"
#include "status/run_history.h"
#include "status/metrics.h"
#include "status/server.h"
#include "util/memory.h"
#include "util/sentence.h"

#define TTP_PROCESSOR_HEALTH_PORT 8088

#define RECENT_COMMITS 100 /* looked through for one that was not taken out of the lake */

struct run_status {
    const struct options *options;
    struct status_snapshot settings; /* what does not change; all else is zero */
    struct run_history *history;
    struct metrics *metrics;
    struct status_server *server;

    struct os_mutex mutex;                                       /* guards what follows */
    void (*measure)(void *context, struct status_snapshot *out); /* NULL: there are no stages */
    void *measure_context;
    enum status_phase phase;
    int64_t catalog_busy_since_us; /* while there are no stages */
    int64_t last_close_us;         /* newest committed close time */
    int64_t lake_commit_us;        /* the newest commit when the lake was opened */
    uint32_t lake_ledger;          /* and its last ledger */
    struct care_stats care[CARE_TASK_COUNT];
    uint64_t pruned_between;
};

static void on_problem(void *context, enum log_level level, const char *message)
{
    struct run_status *status = context;
    run_history_add_problem(status->history, level == LOG_ERROR, message, os_realtime_us());
}

static void copy_text(char *out, size_t out_bytes, const char *text)
{
    snprintf(out, out_bytes, "%s", text);
}

static void note_settings(struct status_snapshot *out, const struct options *options)
{
    copy_text(out->service_name, sizeof out->service_name, options->service_name);
    copy_text(out->endpoint, sizeof out->endpoint, options->ttp_processor_endpoint);
    copy_text(out->network, sizeof out->network, options->network);
    copy_text(out->output_path, sizeof out->output_path, options->output_path);
    copy_text(out->scheme, sizeof out->scheme,
              partitioning_scheme_name((enum partitioning_scheme)options->partitioning_scheme));
    copy_text(out->schema_version, sizeof out->schema_version, options->schema_version);
    out->started_us = os_realtime_us();
    out->started_monotonic_us = os_monotonic_us();
    out->request_first = options->start_ledger;
    out->request_last = options->end_ledger;
    out->idle_timeout_us = options->idle_timeout_us;
    out->memory_limit_bytes = options->memory_limit_bytes;
    out->disk_min_free_bytes = options->min_free_disk_bytes;
}

static void fill_machine(const struct run_status *status, struct status_snapshot *out)
{
    out->resident_bytes = os_resident_bytes();
    out->peak_resident_bytes = os_peak_resident_bytes();
    out->cpu_us = os_process_cpu_us();
    struct os_free_space space = {.bytes = 0};
    struct store store;
    out->disk_known = store_at(&store, status->options->output_path, NULL) == OK &&
                      store_free_space(&store, &space, NULL) == OK;
    out->disk_free_bytes = space.bytes;
    out->warnings_logged = log_warning_count();
    out->errors_logged = log_error_count();
    const struct log_output_state log = log_output_get_state();
    out->log_lines_dropped = log.dropped_lines;
    out->log_blocked_us = log.blocked_us;
}

/* Other processes make them: whoever asks reads what is there now. */
static void fill_backup(const struct run_status *status, struct status_snapshot *out)
{
    struct store store;
    struct backup_records *records = mem_alloc(sizeof *records);
    if (records != NULL && store_at(&store, status->options->output_path, NULL) == OK &&
        store_is_folder(&store) && backup_records_read(records, &store, NULL) == OK &&
        records->count > 0) {
        out->last_backup_us = records->items[0].ended_us;
        snprintf(out->last_backup_path, sizeof out->last_backup_path, "%.*s", STATUS_PATH_BYTES - 1,
                 records->items[0].destination);
    }
    mem_free(records);
}

static void fill(void *context, struct status_snapshot *out)
{
    struct run_status *status = context;
    *out = status->settings;
    out->now_us = os_realtime_us();
    out->now_monotonic_us = os_monotonic_us();
    os_mutex_lock(&status->mutex);
    out->phase = status->phase;
    out->last_close_us = status->last_close_us;
    memcpy(out->care, status->care, sizeof out->care);
    out->pruned_between = status->pruned_between;
    if (status->measure != NULL)
        status->measure(status->measure_context, out);
    else
        out->sink.catalog_busy_since_us = status->catalog_busy_since_us;
    if (out->sink.last_commit_us == 0)
        out->sink.last_commit_us = status->lake_commit_us;
    if (out->sink.last_ledger == 0)
        out->sink.last_ledger = status->lake_ledger;
    os_mutex_unlock(&status->mutex);
    fill_machine(status, out);
    fill_backup(status, out);
    run_history_fill(status->history, out);
}

/* What the commands on the page need; left empty where it is too long for a page. */
static enum error_code make_run_words(struct run_status *status, struct error *error)
{
    struct rerun rerun;
    rerun_init(&rerun);
    enum error_code code = rerun_of_run(&rerun, status->options, error);
    if (code == OK && rerun.run.size_bytes <= sizeof status->settings.run_words)
        memcpy(status->settings.run_words, rerun.run.data, rerun.run.size_bytes);
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

enum error_code run_status_start(struct run_status **out, const struct options *options,
                                 struct error *error)
{
    *out = NULL;
    struct run_status *status = mem_alloc_zero(1, sizeof *status);
    if (status == NULL)
        return error_no_memory(error, "the status");
    enum error_code code = os_mutex_init(&status->mutex, error);
    if (code != OK) {
        mem_free(status);
        return code;
    }
    status->options = options;
    note_settings(&status->settings, options);
    code = run_history_new(&status->history, error);
    if (code == OK)
        code = metrics_new(&status->metrics, error);
    if (code == OK)
        code = make_run_words(status, error);
    const struct status_server_options server = {.bind_address = options->bind_address,
                                                 .health_port = (int)options->health_port,
                                                 .metrics_port = (int)options->metrics_port,
                                                 .feed = {.context = status, .fill = fill},
                                                 .metrics = status->metrics};
    if (code == OK)
        code = status_server_start(&status->server, &server, error);
    if (code != OK) {
        run_status_stop(status);
        return code;
    }
    log_on_problem(on_problem, status);
    warn_of_shared_port(options);
    *out = status;
    return OK;
}

void run_status_stop(struct run_status *status)
{
    if (status == NULL)
        return;
    log_on_problem(NULL, NULL);
    status_server_stop(status->server);
    metrics_free(status->metrics);
    run_history_free(status->history);
    os_mutex_release(&status->mutex);
    mem_free(status);
}

static void set_phase(struct run_status *status, enum status_phase phase)
{
    os_mutex_lock(&status->mutex);
    status->phase = phase;
    os_mutex_unlock(&status->mutex);
}

void run_status_attach(struct run_status *status,
                       void (*measure)(void *context, struct status_snapshot *out), void *context)
{
    os_mutex_lock(&status->mutex);
    status->measure = measure;
    status->measure_context = context;
    status->phase = STATUS_RUNNING;
    os_mutex_unlock(&status->mutex);
}

void run_status_set_catalog_busy(struct run_status *status, int64_t since_us)
{
    os_mutex_lock(&status->mutex);
    status->catalog_busy_since_us = since_us;
    os_mutex_unlock(&status->mutex);
}

void run_status_detach(struct run_status *status)
{
    os_mutex_lock(&status->mutex);
    status->measure = NULL;
    os_mutex_unlock(&status->mutex);
}

/* The newest commit that is still in the lake: what a run begins with. */
static enum error_code take_commit(void *context, const struct catalog_commit_record *commit,
                                   struct error *error)
{
    struct run_status *status = context;
    (void)error;
    os_mutex_lock(&status->mutex);
    if (!commit->ended && status->lake_commit_us == 0) {
        status->lake_commit_us = commit->committed_us;
        status->lake_ledger = commit->range.last;
    }
    os_mutex_unlock(&status->mutex);
    return OK;
}

/* The coverage, and what lies in it that was pruned. */
static enum error_code read_coverage(struct run_status *status, struct catalog *catalog,
                                     struct error *error)
{
    struct ledger_set coverage = {0}, pruned = {0}, between = {0};
    enum error_code code = catalog_coverage(catalog, &coverage, error);
    if (code == OK)
        code = catalog_pruned(catalog, &pruned, error);
    struct ledger_range span = ledger_set_span(&coverage);
    const struct ledger_set whole = {.ranges = &span, .count = coverage.count > 0};
    if (code == OK)
        code = ledger_set_intersect(&whole, &pruned, &between, error);
    if (code == OK) {
        run_history_set_coverage(status->history, &coverage);
        os_mutex_lock(&status->mutex);
        status->pruned_between = ledger_set_ledgers(&between);
        os_mutex_unlock(&status->mutex);
    }
    ledger_set_release(&coverage);
    ledger_set_release(&pruned);
    ledger_set_release(&between);
    return code;
}

enum error_code run_status_read_catalog(struct run_status *status, struct catalog *catalog,
                                        struct error *error)
{
    struct catalog_totals totals;
    enum error_code code = read_coverage(status, catalog, error);
    if (code == OK)
        code = catalog_totals(catalog, &totals, error);
    if (code == OK)
        code = catalog_each_commit(catalog, RECENT_COMMITS, take_commit, status, error);
    if (code == OK) {
        os_mutex_lock(&status->mutex);
        status->last_close_us = totals.newest_close_us;
        os_mutex_unlock(&status->mutex);
    }
    return code;
}

/* On the writer's thread. */
static void note_care(struct run_status *status, const struct care_fact *fact)
{
    int64_t now_us = os_realtime_us();
    struct error error;
    os_mutex_lock(&status->mutex);
    struct care_stats *care = &status->care[fact->task];
    care->is_wanted = true;
    care->failing = fact->kind == CARE_FAILED;
    care->failed += fact->kind == CARE_FAILED;
    care->done += fact->kind == CARE_DONE;
    care->files += fact->files;
    care->bytes += fact->bytes;
    if (fact->kind == CARE_DONE)
        care->last_us = now_us;
    care->next_us = now_us + fact->next_us - os_monotonic_us();
    os_mutex_unlock(&status->mutex);
    if (fact->catalog != NULL && read_coverage(status, fact->catalog, &error) != OK)
        log_line(LOG_WARN, "app", error.message); /* what is shown is as old as it was */
}

/* A file's rows by its folder; a scheme without folders has the commit's partition. */
static void count_written(struct run_status *status, const struct catalog_file *file,
                          const char *partition)
{
    char folder[PARTITION_PATH_BYTES];
    const char *slash = strrchr(file->path, '/');
    size_t length = slash != NULL ? (size_t)(slash - file->path) : 0;
    if (length == 0 || length >= sizeof folder) {
        metrics_add_written(status->metrics, partition, (uint64_t)file->record_count);
        return;
    }
    memcpy(folder, file->path, length);
    folder[length] = '\0';
    metrics_add_written(status->metrics, folder, (uint64_t)file->record_count);
}

static void note_commit(struct run_status *status, const struct sink_commit_info *info)
{
    struct status_commit commit = {.commit_no = info->commit_no,
                                   .range = info->range,
                                   .committed_us = os_realtime_us(),
                                   .duration_us = info->duration_us,
                                   .file_count = info->file_count,
                                   .row_count = info->row_count,
                                   .size_bytes = info->size_bytes,
                                   .reason = info->reason};
    const char *partition = info->partition != NULL ? info->partition : "";
    copy_text(commit.partition, sizeof commit.partition, partition);
    run_history_add_commit(status->history, &commit);
    for (size_t i = 0; i < info->file_count; i++) {
        metrics_observe_file(status->metrics, (uint64_t)info->files[i].file_size_bytes);
        count_written(status, &info->files[i], partition);
    }
    os_mutex_lock(&status->mutex);
    if (info->last_close_us > status->last_close_us)
        status->last_close_us = info->last_close_us;
    os_mutex_unlock(&status->mutex);
}

/* Once a second. */
static void sample(struct run_status *status)
{
    struct status_snapshot now = {.now_us = os_realtime_us()};
    os_mutex_lock(&status->mutex);
    if (status->measure != NULL)
        status->measure(status->measure_context, &now);
    os_mutex_unlock(&status->mutex);
    run_history_sample(status->history, now.now_us, os_monotonic_us(), now.stream.events_accepted,
                       now.stream.throttled);
}

static void on_fact(void *context, const struct run_fact *fact)
{
    struct run_status *status = context;
    switch (fact->kind) {
    case FACT_TURN: sample(status); break;
    case FACT_STOPPING: set_phase(status, STATUS_STOPPING); break;
    case FACT_COMMIT: note_commit(status, fact->commit); break;
    case FACT_CARE: note_care(status, fact->care); break;
    case FACT_BATCH:
    case FACT_DURATION:
        metrics_observe_duration(status->metrics, fact->operation, fact->duration_us);
        break;
    case FACT_PLAN:
    case FACT_END: break;
    }
}

struct run_observer run_status_observer(struct run_status *status)
{
    return (struct run_observer){on_fact, status};
}

void run_status_snapshot(struct run_status *status, struct status_snapshot *out)
{
    fill(status, out);
}

void run_status_each_problem(struct run_status *status, status_problem_visitor *visit,
                             void *context)
{
    run_history_each_problem(status->history, visit, context);
}
