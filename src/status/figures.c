// SPDX-License-Identifier: Apache-2.0
#include "status/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status/health.h"
#include "util/text.h"
#include "version.h"

/* What one scrape works with. */
struct scrape {
    struct writer writer;
    const struct status_snapshot *snapshot;
    struct metrics_series series;
    struct health health;
};

static void write_labelled(struct scrape *scrape, const char *name, const char *key,
                           const char *value, uint64_t count)
{
    writer_format(&scrape->writer, "%s{%s=\"", name, key);
    writer_label(&scrape->writer, value);
    writer_format(&scrape->writer, "\"} %" PRIu64 "\n", count);
}

/* ---- what is more than one value of the snapshot ----------------------------------------------
 */

static void write_build(struct scrape *scrape, const char *name)
{
    writer_format(&scrape->writer, "%s{version=\"%s\",build=\"%s\",schema_version=\"", name,
                  TTP_VERSION, TTP_BUILD_HASH);
    writer_label(&scrape->writer, scrape->snapshot->schema_version);
    writer_text(&scrape->writer, "\"} 1\n");
}

static void write_health(struct scrape *scrape, const char *name)
{
    for (int level = HEALTH_HEALTHY; level <= HEALTH_UNHEALTHY; level++)
        write_labelled(scrape, name, "status", health_level_name((enum health_level)level),
                       scrape->health.level == (enum health_level)level);
}

static void write_health_rules(struct scrape *scrape, const char *name)
{
    bool active[HEALTH_RULE_COUNT] = {false};
    for (size_t i = 0; i < scrape->health.finding_count; i++)
        active[scrape->health.findings[i].rule] = true;
    for (int rule = 0; rule < HEALTH_RULE_COUNT; rule++)
        write_labelled(scrape, name, "rule", health_rule_name((enum health_rule)rule),
                       active[rule]);
}

static int compare_partitions(const void *a, const void *b)
{
    return strcmp(((const struct metrics_partition *)a)->label,
                  ((const struct metrics_partition *)b)->label);
}

static void write_written(struct scrape *scrape, const char *name)
{
    struct metrics_series *series = &scrape->series;
    qsort(series->partitions, series->partition_count, sizeof(series->partitions[0]),
          compare_partitions);
    for (size_t i = 0; i < series->partition_count; i++)
        write_labelled(scrape, name, "partition", series->partitions[i].label,
                       series->partitions[i].row_count);
}

static void write_durations(struct scrape *scrape, const char *name)
{
    for (size_t i = 0; i < METRICS_OPERATION_COUNT; i++) {
        char label[64];
        snprintf(label, sizeof(label), "operation=\"%s\"",
                 metrics_operation_name((enum metrics_operation)i));
        histogram_write(&scrape->series.durations[i], &histogram_durations, name, label,
                        &scrape->writer);
    }
}

static void write_file_sizes(struct scrape *scrape, const char *name)
{
    histogram_write(&scrape->series.file_sizes, &histogram_sizes, name, "", &scrape->writer);
}

static void write_rotations(struct scrape *scrape, const char *name)
{
    for (int reason = ROTATION_PARTITION; reason < ROTATION_REASON_COUNT; reason++)
        write_labelled(scrape, name, "reason", rotation_reason_name((enum rotation_reason)reason),
                       scrape->snapshot->sink.rotations[reason]);
}

/* A sample for each task that options ask for. */
static void write_care(struct scrape *scrape, const char *name,
                       uint64_t (*value)(const struct care_stats *care))
{
    for (int task = 0; task < CARE_TASK_COUNT; task++)
        if (scrape->snapshot->care[task].is_wanted)
            write_labelled(scrape, name, "task", care_task_name((enum care_task)task),
                           value(&scrape->snapshot->care[task]));
}

#define CARE_FIGURE(figure, expression)                                                            \
    static uint64_t care_##figure(const struct care_stats *care)                                   \
    {                                                                                              \
        return (expression);                                                                       \
    }                                                                                              \
    static void write_care_##figure(struct scrape *scrape, const char *name)                       \
    {                                                                                              \
        write_care(scrape, name, care_##figure);                                                   \
    }
CARE_FIGURE(done, care->done)
CARE_FIGURE(failed, care->failed)
CARE_FIGURE(failing, care->failing)
CARE_FIGURE(files, care->files)
CARE_FIGURE(bytes, care->bytes)
CARE_FIGURE(last, (uint64_t)(care->last_us / US_PER_SECOND))
CARE_FIGURE(next, (uint64_t)(care->next_us / US_PER_SECOND))

/* A sample for each of several streams. */
static void write_streams(struct scrape *scrape, const char *name,
                          uint64_t (*value)(const struct stream_view *view))
{
    const struct status_snapshot *snapshot = scrape->snapshot;
    for (size_t i = 0; snapshot->stream_count > 1 && i < snapshot->stream_count; i++)
        writer_format(&scrape->writer, "%s{stream=\"%zu\"} %" PRIu64 "\n", name, i + 1,
                      value(&snapshot->streams[i]));
}

#define STREAM_FIGURE(figure, expression)                                                          \
    static uint64_t stream_##figure(const struct stream_view *view)                                \
    {                                                                                              \
        return (expression);                                                                       \
    }                                                                                              \
    static void write_stream_##figure(struct scrape *scrape, const char *name)                     \
    {                                                                                              \
        write_streams(scrape, name, stream_##figure);                                              \
    }
STREAM_FIGURE(events, view->events_accepted)
STREAM_FIGURE(ledgers, view->ledgers_completed)
STREAM_FIGURE(rows, view->rows_committed)
STREAM_FIGURE(retries, view->retries)
STREAM_FIGURE(connected, view->connected)
STREAM_FIGURE(ledger, view->current_ledger)

static void write_pieces(struct scrape *scrape, const char *name)
{
    const struct work_stats *work = &scrape->snapshot->work;
    if (scrape->snapshot->stream_count < 2)
        return;
    write_labelled(scrape, name, "state", "waiting", work->pieces_waiting);
    write_labelled(scrape, name, "state", "held", work->pieces_held);
    write_labelled(scrape, name, "state", "done", work->pieces_done);
    write_labelled(scrape, name, "state", "set_aside", work->pieces_set_aside);
}

static void write_disk_free(struct scrape *scrape, const char *name)
{
    if (scrape->snapshot->disk_known)
        writer_format(&scrape->writer, "%s %" PRIu64 "\n", name, scrape->snapshot->disk_free_bytes);
}

static uint64_t seam_same(const struct status_snapshot *snapshot)
{
    return snapshot->stream.seam_checked - snapshot->stream.seam_other_contents;
}

static uint64_t missing_ledgers(const struct status_snapshot *snapshot)
{
    if (snapshot->coverage_count == 0)
        return 0;
    uint32_t last = snapshot->coverage[snapshot->coverage_count - 1].last;
    return (uint64_t)last - snapshot->coverage_first + 1 - snapshot->coverage_ledgers -
           snapshot->pruned_between;
}

static uint64_t events_pending(const struct status_snapshot *snapshot)
{
    return snapshot->queue.row_count + snapshot->sink.rows_open;
}

static double events_per_second(const struct status_snapshot *snapshot)
{
    return snapshot->events_per_second;
}

/* ---- the table --------------------------------------------------------------------------------
 */

/* How a value is read from the snapshot. */
enum figure_kind {
    KIND_WRITTEN,  /* by `write`; a metric only */
    KIND_COUNT,    /* a uint64_t */
    KIND_SIZE,     /* a size_t */
    KIND_LEDGER,   /* a uint32_t; not known while it is 0 */
    KIND_FLAG,     /* a bool */
    KIND_CPU,      /* int64_t microseconds of work */
    KIND_TIME,     /* int64_t wall clock; not known while it is 0 */
    KIND_COUNTED,  /* by `count` */
    KIND_MEASURED, /* by `measure`: seconds or a rate; not known if negative */
    KIND_UPTIME    /* of the process, as text */
};

/* A key of a JSON object, and where it stands there; 0: the figure is not in it. */
struct place {
    unsigned number;
    const char *key;
};

struct figure {
    /* The metric. NULL where value is not: one more sample of the metric above. Both NULL: none. */
    const char *name, *type, *labels, *help;
    const char *value; /* of the label; NULL: a sample without labels */
    enum figure_kind kind;
    size_t offset;
    void (*write)(struct scrape *scrape, const char *name);
    uint64_t (*count)(const struct status_snapshot *snapshot);
    double (*measure)(const struct status_snapshot *snapshot);
    struct place health, report;
};

#define METRIC(name_, type_, labels_, help_)                                                       \
    .name = (name_), .type = (type_), .labels = (labels_), .help = (help_)
#define OF(value_)          .value = (value_)
#define FIELD(kind_, field) .kind = KIND_##kind_, .offset = offsetof(struct status_snapshot, field)
#define WRITTEN(function)   .kind = KIND_WRITTEN, .write = (function)
#define COUNTED(function)   .kind = KIND_COUNTED, .count = (function)
#define MEASURED(function)  .kind = KIND_MEASURED, .measure = (function)
#define HEALTH(...)         .health = {__VA_ARGS__}
#define REPORT(...)         .report = {__VA_ARGS__}

/* /metrics and docs/METRICS.md have its order. */
static const struct figure figures[] = {
    {METRIC("ttp_build_info", "gauge", "version, build, schema_version",
            "Always 1; what is running and which schema version it writes."),
     WRITTEN(write_build)},
    {METRIC("ttp_health", "gauge", "status",
            "1 for the status that /health shows, 0 for the others."),
     WRITTEN(write_health)},
    {METRIC(
         "ttp_health_rule_active", "gauge", "rule",
         "1 while this rule makes the run less than healthy (docs/OPERATIONS.md lists the rules)."),
     WRITTEN(write_health_rules)},

    {METRIC("ttp_events_received_total", "counter", "status",
            "Events received: accepted, refetched (came again after a reconnection, not counted "
            "twice in "
            "accepted), dead_letter (can't be stored as rows)."),
     OF("accepted"), FIELD(COUNT, stream.events_accepted), HEALTH(1, "events_received"),
     REPORT(10, "events_received")},
    {OF("refetched"), FIELD(COUNT, stream.events_refetched), REPORT(11, "events_received_again")},
    {OF("dead_letter"), FIELD(COUNT, stream.dead_letters)},
    {METRIC("ttp_bytes_received_total", "counter", "", "Bytes of event messages received."),
     FIELD(COUNT, stream.bytes_received), REPORT(12, "bytes_received")},
    {METRIC("ttp_ledgers_completed_total", "counter", "", "Ledgers that were received completely."),
     FIELD(COUNT, stream.ledgers_completed)},
    {METRIC("ttp_source_connects_total", "counter", "", "Connections made to the TTP server."),
     FIELD(COUNT, stream.connects)},
    {METRIC("ttp_source_retries_total", "counter", "",
            "Calls that ended by an error, a cut or silence and were tried again."),
     FIELD(COUNT, stream.retries), REPORT(13, "retries")},
    {METRIC("ttp_source_connected", "gauge", "",
            "1 while there is a connection to the TTP server."),
     FIELD(FLAG, stream.connected)},
    {METRIC("ttp_source_throttled", "gauge", "",
            "1 while the queue is full and our HTTP/2 window is closed: the writer is the slower "
            "one."),
     FIELD(FLAG, stream.throttled)},
    {METRIC("ttp_source_outage", "gauge", "",
            "1 while the TTP server answers but serves no ledger at all (max_attempts is over)."),
     FIELD(FLAG, stream.outage)},
    {METRIC("ttp_seam_checks_total", "counter", "result",
            "Ledgers compared with what the lake holds of them on a connection: same, "
            "other_contents."),
     OF("same"), COUNTED(seam_same)},
    {OF("other_contents"), FIELD(COUNT, stream.seam_other_contents)},
    {METRIC("ttp_gaps_total", "counter", "",
            "Gaps: ledgers of which no event came, nor when they were asked for once more, where "
            "nearly "
            "each ledger before had some."),
     FIELD(COUNT, stream.gaps.count)},
    {METRIC("ttp_gap_ledgers_total", "counter", "",
            "Ledgers in these gaps; covered as unconfirmed."),
     FIELD(COUNT, stream.gaps.ledger_count), REPORT(8, "gap_ledgers")},
    {METRIC("ttp_found_ledgers_total", "counter", "",
            "Ledgers that the stream left out and that came when they were asked for once more."),
     FIELD(COUNT, stream.gaps.found_count), REPORT(9, "found_ledgers")},
    {METRIC("ttp_current_ledger", "gauge", "", "Ledger in progress, or last seen."),
     FIELD(LEDGER, stream.current_ledger), HEALTH(11, "current_ledger")},
    {METRIC("ttp_current_ledger_close_timestamp_seconds", "gauge", "",
            "Close time of the ledger in progress."),
     FIELD(TIME, stream.current_close_us)},
    {METRIC("ttp_last_event_timestamp_seconds", "gauge", "", "When the last event arrived."),
     FIELD(TIME, stream.last_event_us)},
    {METRIC("ttp_lag_seconds", "gauge", "",
            "Age of the ledger in progress: now less its close time."),
     MEASURED(health_lag_seconds), HEALTH(13, "lag_seconds")},

    {METRIC("ttp_stream_events_total", "counter", "stream",
            "Events accepted by each stream; absent where there is one."),
     WRITTEN(write_stream_events)},
    {METRIC("ttp_stream_ledgers_total", "counter", "stream",
            "Ledgers that each stream received completely; so, too."),
     WRITTEN(write_stream_ledgers)},
    {METRIC("ttp_stream_events_committed_total", "counter", "stream",
            "Events of each stream that were committed; so, too."),
     WRITTEN(write_stream_rows)},
    {METRIC("ttp_stream_retries_total", "counter", "stream",
            "Calls of each stream that failed and were tried again; so, too."),
     WRITTEN(write_stream_retries)},
    {METRIC("ttp_stream_connected", "gauge", "stream",
            "1 while the stream has a connection to the TTP server; so, too."),
     WRITTEN(write_stream_connected)},
    {METRIC("ttp_stream_current_ledger", "gauge", "stream",
            "The stream's ledger in progress, or last seen; so, too."),
     WRITTEN(write_stream_ledger)},
    {METRIC("ttp_pieces", "gauge", "state",
            "Pieces of what is missing that several streams share out: waiting, held by a stream, "
            "done, set aside after five failures without progress; absent where there is one "
            "stream."),
     WRITTEN(write_pieces)},

    {METRIC("ttp_queue_events", "gauge", "", "Events that wait for the writer."),
     FIELD(COUNT, queue.row_count)},
    {METRIC("ttp_queue_batches", "gauge", "", "Batches that wait for the writer."),
     FIELD(COUNT, queue.batch_count)},
    {METRIC("ttp_queue_bytes", "gauge", "", "Memory of the batches that wait for the writer."),
     FIELD(COUNT, queue.memory_bytes)},
    {METRIC("ttp_queue_limit_bytes", "gauge", "", "Where the queue counts as full."),
     FIELD(COUNT, queue.limit_bytes)},

    {METRIC("ttp_events_written_total", "counter", "partition",
            "Events committed to a partition: the 48 partitions written to most lately. A "
            "partition that "
            "left the list and comes back begins at 0."),
     WRITTEN(write_written)},
    {METRIC("ttp_events_committed_total", "counter", "",
            "Events committed to the lake, all partitions."),
     FIELD(COUNT, sink.rows_committed), HEALTH(2, "events_written"), REPORT(1, "rows")},
    {METRIC("ttp_files_committed_total", "counter", "", "Data files published."),
     FIELD(COUNT, sink.files_committed), HEALTH(3, "files_created"), REPORT(2, "files")},
    {METRIC("ttp_file_bytes_committed_total", "counter", "", "Bytes of the data files published."),
     FIELD(COUNT, sink.bytes_committed), REPORT(3, "bytes")},
    {METRIC("ttp_file_size_bytes", "histogram", "", "Sizes of the data files published."),
     WRITTEN(write_file_sizes)},
    {METRIC("ttp_processing_duration_seconds", "histogram", "operation",
            "Time taken: decode (a batch), encode (a batch), readback (a file), commit (from the "
            "cut to "
            "durability)."),
     WRITTEN(write_durations)},
    {METRIC("ttp_rotations_total", "counter", "reason",
            "Why files were closed, one count a commit."),
     WRITTEN(write_rotations)},
    {METRIC("ttp_batches_total", "counter", "", "Batches handed to the encoder."),
     FIELD(COUNT, sink.batches), HEALTH(7, "batches_processed")},
    {METRIC("ttp_commits_total", "counter", "", "Commits made durable."),
     FIELD(COUNT, sink.commits), REPORT(4, "commits")},
    {METRIC("ttp_commits_failed_total", "counter", "",
            "Commits that failed; their ledgers are asked for again."),
     FIELD(COUNT, sink.commits_failed), REPORT(5, "commits_failed")},
    {METRIC("ttp_commit_failing", "gauge", "", "1 while the last commit is one that failed."),
     FIELD(FLAG, sink.failing)},
    {METRIC("ttp_dead_letters_committed_total", "counter", "",
            "Events that can't be stored as rows, committed as dead letters."),
     FIELD(COUNT, sink.dead_letters_committed), REPORT(6, "dead_letters")},
    {METRIC("ttp_unconfirmed_ledgers_total", "counter", "",
            "Ledgers covered though nothing came of them: the server claims them empty."),
     FIELD(COUNT, sink.unconfirmed_ledgers), REPORT(7, "unconfirmed_ledgers")},
    {METRIC("ttp_open_events", "gauge", "", "Events taken by the writer and not committed yet."),
     FIELD(COUNT, sink.rows_open)},
    {METRIC("ttp_open_bytes", "gauge", "", "Bytes of them in staging and in memory."),
     FIELD(COUNT, sink.bytes_open)},
    {METRIC("ttp_last_batch_timestamp_seconds", "gauge", "",
            "When a batch was last handed to the encoder."),
     FIELD(TIME, sink.last_batch_us), HEALTH(4, "last_flush")},
    {METRIC("ttp_last_commit_timestamp_seconds", "gauge", "",
            "When the last commit was made durable."),
     FIELD(TIME, sink.last_commit_us), HEALTH(9, "last_commit")},
    {METRIC("ttp_last_backup_timestamp_seconds", "gauge", "",
            "When the last backup of the lake ended; absent where there was none."),
     FIELD(TIME, last_backup_us)},
    {METRIC("ttp_next_commit_timestamp_seconds", "gauge", "",
            "When max_file_age will close the open files."),
     FIELD(TIME, sink.next_commit_us), HEALTH(10, "next_commit_at")},
    {METRIC("ttp_committed_ledger", "gauge", "", "Last committed ledger."),
     FIELD(LEDGER, sink.last_ledger), HEALTH(12, "last_committed_ledger")},
    {METRIC("ttp_commit_lag_seconds", "gauge", "",
            "Age of what readers of the lake see: now less the newest committed close time."),
     MEASURED(health_commit_lag_seconds)},
    {METRIC("ttp_coverage_ledgers", "gauge", "", "Ledgers that are completely in the lake."),
     FIELD(COUNT, coverage_ledgers)},
    {METRIC("ttp_coverage_ranges", "gauge", "",
            "Ranges that they make; more than 1: there are holes."),
     FIELD(SIZE, coverage_total)},
    {METRIC("ttp_coverage_missing_ledgers", "gauge", "",
            "Ledgers in the holes between the ranges."),
     COUNTED(missing_ledgers)},

    {METRIC("ttp_care_done_total", "counter", "task",
            "How often the run did something for its lake: prune (option retention), compact "
            "(option compact_closed), expire (option snapshot_retention)."),
     WRITTEN(write_care_done)},
    {METRIC("ttp_care_failed_total", "counter", "task",
            "How often it failed; it is tried again a minute later."),
     WRITTEN(write_care_failed)},
    {METRIC("ttp_care_failing", "gauge", "task", "1 while the last time was one that failed."),
     WRITTEN(write_care_failing)},
    {METRIC("ttp_care_files_total", "counter", "task", "Data files that left the lake by it."),
     WRITTEN(write_care_files)},
    {METRIC("ttp_care_bytes_total", "counter", "task", "Bytes of these files."),
     WRITTEN(write_care_bytes)},
    {METRIC("ttp_care_last_timestamp_seconds", "gauge", "task",
            "When it was last done in this run; 0: not yet."),
     WRITTEN(write_care_last)},
    {METRIC("ttp_care_next_timestamp_seconds", "gauge", "task", "When it is due."),
     WRITTEN(write_care_next)},

    {METRIC("ttp_memory_resident_bytes", "gauge", "", "Memory in use by the process."),
     FIELD(COUNT, resident_bytes)},
    {METRIC("ttp_memory_peak_bytes", "gauge", "", "The most it ever used."),
     FIELD(COUNT, peak_resident_bytes), REPORT(15, "peak_resident_bytes")},
    {METRIC("ttp_memory_limit_bytes", "gauge", "", "memory_limit."),
     FIELD(COUNT, memory_limit_bytes)},
    {METRIC("ttp_disk_free_bytes", "gauge", "", "Free space on the lake's file system."),
     WRITTEN(write_disk_free)},
    {METRIC("ttp_disk_min_free_bytes", "gauge", "", "min_free_disk."),
     FIELD(COUNT, disk_min_free_bytes)},
    {METRIC("ttp_waiting_for_space", "gauge", "",
            "1 while a write waits because the disk is full."),
     FIELD(FLAG, sink.waiting_for_space)},
    {METRIC("ttp_intake_paused", "gauge", "",
            "1 while less than min_free_disk is free and nothing more is taken from the stream."),
     FIELD(FLAG, sink.intake_paused)},
    {METRIC("ttp_log_messages_total", "counter", "level", "Warnings and errors logged."),
     OF("warning"), FIELD(COUNT, warnings_logged)},
    {OF("error"), FIELD(COUNT, errors_logged), HEALTH(8, "error_count")},
    {METRIC("ttp_log_lines_dropped_total", "counter", "",
            "Log lines that were dropped because nobody read the log."),
     FIELD(COUNT, log_lines_dropped)},
    {METRIC("process_cpu_seconds_total", "counter", "", "CPU time used, user and system."),
     FIELD(CPU, cpu_us), REPORT(14, "cpu_us")},
    {METRIC("process_resident_memory_bytes", "gauge", "",
            "As ttp_memory_resident_bytes, under the name that dashboards know."),
     FIELD(COUNT, resident_bytes)},
    {METRIC("process_start_time_seconds", "gauge", "", "When the process started."),
     FIELD(TIME, started_us)},

    {.kind = KIND_UPTIME, HEALTH(5, "uptime")},
    {COUNTED(events_pending), HEALTH(6, "events_pending")},
    {MEASURED(events_per_second), HEALTH(14, "events_per_second")},
};
#define FIGURE_COUNT (sizeof figures / sizeof figures[0])

static uint64_t number_of(const struct figure *figure, const struct status_snapshot *snapshot)
{
    const void *field = (const char *)snapshot + figure->offset;
    switch (figure->kind) {
    case KIND_COUNT: return *(const uint64_t *)field;
    case KIND_SIZE: return *(const size_t *)field;
    case KIND_LEDGER: return *(const uint32_t *)field;
    case KIND_FLAG: return *(const bool *)field;
    case KIND_CPU:
    case KIND_TIME: return (uint64_t) * (const int64_t *)field;
    case KIND_COUNTED: return figure->count(snapshot);
    case KIND_WRITTEN:
    case KIND_MEASURED:
    case KIND_UPTIME: break;
    }
    assert(false);
    return 0;
}

/* Whether there is no value yet. */
static bool is_unknown(const struct figure *figure, const struct status_snapshot *snapshot)
{
    if (figure->kind == KIND_MEASURED)
        return figure->measure(snapshot) < 0;
    return (figure->kind == KIND_LEDGER || figure->kind == KIND_TIME) &&
           number_of(figure, snapshot) == 0;
}

/* ---- /metrics ---------------------------------------------------------------------------------
 */

static void write_sample(struct scrape *scrape, const struct figure *figure,
                         const struct figure *head)
{
    const struct status_snapshot *snapshot = scrape->snapshot;
    if (figure->kind == KIND_WRITTEN) {
        figure->write(scrape, head->name);
        return;
    }
    if (is_unknown(figure, snapshot))
        return;
    if (figure->kind == KIND_MEASURED) {
        writer_format(&scrape->writer, "%s %.3f\n", head->name, figure->measure(snapshot));
        return;
    }
    uint64_t number = number_of(figure, snapshot);
    if (figure->value != NULL)
        write_labelled(scrape, head->name, head->labels, figure->value, number);
    else if (figure->kind == KIND_CPU || figure->kind == KIND_TIME)
        writer_format(&scrape->writer, "%s %" PRIu64 ".%06" PRIu64 "\n", head->name,
                      number / US_PER_SECOND, number % US_PER_SECOND);
    else
        writer_format(&scrape->writer, "%s %" PRIu64 "\n", head->name, number);
}

enum error_code figures_render_metrics(const struct metrics *metrics,
                                       const struct status_snapshot *snapshot, struct buffer *out)
{
    struct scrape scrape = {.writer = {out, OK}, .snapshot = snapshot};
    const struct figure *head = figures;
    metrics_read(metrics, &scrape.series);
    health_assess(snapshot, &scrape.health);
    for (const struct figure *figure = figures; figure < figures + FIGURE_COUNT; figure++) {
        if (figure->name != NULL) {
            head = figure;
            writer_format(&scrape.writer, "# HELP %s ", figure->name);
            writer_help(&scrape.writer, figure->help);
            writer_format(&scrape.writer, "\n# TYPE %s %s\n", figure->name, figure->type);
        }
        if (figure->name != NULL || figure->value != NULL)
            write_sample(&scrape, figure, head);
    }
    return scrape.writer.code;
}

enum error_code figures_render_documentation(struct buffer *out)
{
    struct writer writer = {out, OK};
    writer_text(&writer,
                "# Metrics\n\n"
                "`GET /metrics` on `metrics_port` (default 9090), Prometheus text format 0.0.4. "
                "Made from the table in\n`src/status/figures.c`; a test fails when this file is "
                "stale. Counters start at 0 with the process.\nA gauge without a value yet "
                "(no ledger seen, nothing committed) has no sample.\n"
                "[OPERATIONS.md](OPERATIONS.md) says what to alert on.\n\n"
                "| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (const struct figure *figure = figures; figure < figures + FIGURE_COUNT; figure++)
        if (figure->name != NULL)
            writer_format(&writer, "| `%s` | %s | %s | %s |\n", figure->name, figure->type,
                          figure->labels, figure->help);
    return writer.code;
}

/* ---- /health and the report -------------------------------------------------------------------
 */

static void write_json(struct writer *writer, const struct figure *figure,
                       const struct status_snapshot *snapshot)
{
    const char *key = figure->health.key;
    if (figure->kind == KIND_UPTIME)
        writer_key_duration(writer, key,
                            snapshot->now_monotonic_us - snapshot->started_monotonic_us);
    else if (figure->kind == KIND_TIME)
        writer_key_time(writer, key, (int64_t)number_of(figure, snapshot));
    else if (is_unknown(figure, snapshot))
        writer_format(writer, ",\"%s\":null", key);
    else if (figure->kind == KIND_MEASURED)
        writer_format(writer, ",\"%s\":%.3f", key, figure->measure(snapshot));
    else
        writer_key_count(writer, key, number_of(figure, snapshot));
}

/* NULL: there are not so many. */
static const struct figure *figure_at(size_t member, unsigned number)
{
    for (const struct figure *figure = figures; figure < figures + FIGURE_COUNT; figure++)
        if (((const struct place *)((const char *)figure + member))->number == number)
            return figure;
    return NULL;
}

void figures_write_health(struct writer *writer, const struct status_snapshot *snapshot)
{
    const struct figure *figure;
    for (unsigned number = 1; (figure = figure_at(offsetof(struct figure, health), number)) != NULL;
         number++)
        write_json(writer, figure, snapshot);
}

bool figures_of_report(const struct status_snapshot *snapshot, unsigned place, const char **key,
                       uint64_t *number)
{
    const struct figure *figure = figure_at(offsetof(struct figure, report), place);
    if (figure == NULL)
        return false;
    *key = figure->report.key;
    *number = number_of(figure, snapshot);
    return true;
}
