// SPDX-License-Identifier: Apache-2.0
#include "status/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/thread.h"
#include "status/health.h"
#include "status/histogram.h"
#include "status/writer.h"
#include "util/memory.h"
#include "util/text.h"
#include "version.h"

struct partition_count {
    char label[STATUS_LABEL_BYTES];
    uint64_t row_count;
    uint64_t last_use;
};

/* What a snapshot can't keep; copied as a whole at each scrape. */
struct series {
    struct histogram durations[METRICS_OPERATION_COUNT];
    struct histogram file_sizes;
    uint64_t uses; /* of partitions, so far */
    size_t partition_count;
    struct partition_count partitions[METRICS_PARTITIONS_MAX];
};

struct metrics {
    struct os_mutex mutex;
    struct series series;
};

static const char *const operation_names[METRICS_OPERATION_COUNT] = {"decode", "encode", "readback",
                                                                     "commit"};

struct metrics *metrics_new(struct error *error)
{
    struct metrics *metrics = mem_alloc_zero(1, sizeof(*metrics));
    if (!metrics) {
        (void)error_no_memory(error, "the metrics");
        return NULL;
    }
    if (os_mutex_init(&metrics->mutex, error) != OK) {
        mem_free(metrics);
        return NULL;
    }
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    os_mutex_release(&metrics->mutex);
    mem_free(metrics);
}

bool metrics_operation_by_name(const char *name, enum metrics_operation *operation)
{
    for (size_t i = 0; i < METRICS_OPERATION_COUNT; i++)
        if (strcmp(operation_names[i], name) == 0) {
            *operation = (enum metrics_operation)i;
            return true;
        }
    return false;
}

void metrics_observe_duration(struct metrics *metrics, enum metrics_operation operation,
                              int64_t duration_us)
{
    uint64_t value = duration_us > 0 ? (uint64_t)duration_us : 0;
    os_mutex_lock(&metrics->mutex);
    histogram_observe(&metrics->series.durations[operation], &histogram_durations, value);
    os_mutex_unlock(&metrics->mutex);
}

void metrics_observe_file(struct metrics *metrics, uint64_t size_bytes)
{
    os_mutex_lock(&metrics->mutex);
    histogram_observe(&metrics->series.file_sizes, &histogram_sizes, size_bytes);
    os_mutex_unlock(&metrics->mutex);
}

/* The partition's place: its own, a new one, or that of the one unused for longest. */
static struct partition_count *find_partition(struct series *series, const char *label)
{
    struct partition_count *oldest = &series->partitions[0];
    for (size_t i = 0; i < series->partition_count; i++) {
        struct partition_count *partition = &series->partitions[i];
        if (strcmp(partition->label, label) == 0)
            return partition;
        if (partition->last_use < oldest->last_use)
            oldest = partition;
    }
    if (series->partition_count < METRICS_PARTITIONS_MAX)
        oldest = &series->partitions[series->partition_count++];
    memset(oldest, 0, sizeof(*oldest));
    snprintf(oldest->label, sizeof(oldest->label), "%s", label);
    return oldest;
}

void metrics_add_written(struct metrics *metrics, const char *partition, uint64_t row_count)
{
    char label[STATUS_LABEL_BYTES];
    snprintf(label, sizeof(label), "%s", partition);
    os_mutex_lock(&metrics->mutex);
    struct partition_count *place = find_partition(&metrics->series, label);
    place->row_count += row_count;
    place->last_use = ++metrics->series.uses;
    os_mutex_unlock(&metrics->mutex);
}

/* What one scrape works with. */
struct scrape {
    struct writer writer;
    const struct status_snapshot *snapshot;
    struct series series;
    struct health health;
};

static void write_labelled(struct scrape *scrape, const char *name, const char *key,
                           const char *value, uint64_t count)
{
    writer_format(&scrape->writer, "%s{%s=\"", name, key);
    writer_label(&scrape->writer, value);
    writer_format(&scrape->writer, "\"} %" PRIu64 "\n", count);
}

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

static void write_received(struct scrape *scrape, const char *name)
{
    write_labelled(scrape, name, "status", "accepted", scrape->snapshot->events_accepted);
    write_labelled(scrape, name, "status", "refetched", scrape->snapshot->events_refetched);
    write_labelled(scrape, name, "status", "dead_letter", scrape->snapshot->events_dead_letter);
}

static int compare_partitions(const void *a, const void *b)
{
    return strcmp(((const struct partition_count *)a)->label,
                  ((const struct partition_count *)b)->label);
}

static void write_written(struct scrape *scrape, const char *name)
{
    struct series *series = &scrape->series;
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
        snprintf(label, sizeof(label), "operation=\"%s\"", operation_names[i]);
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
    static const char *const reasons[STATUS_ROTATION_COUNT] = {
        [STATUS_ROTATION_PARTITION] = "partition",
        [STATUS_ROTATION_SIZE] = "size",
        [STATUS_ROTATION_AGE] = "age",
        [STATUS_ROTATION_MEMORY] = "memory",
        [STATUS_ROTATION_END_OF_RANGE] = "end_of_range",
        [STATUS_ROTATION_SHUTDOWN] = "shutdown"};
    for (size_t i = 0; i < STATUS_ROTATION_COUNT; i++)
        write_labelled(scrape, name, "reason", reasons[i], scrape->snapshot->rotations[i]);
}

static void write_seam_checks(struct scrape *scrape, const char *name)
{
    const struct status_snapshot *snapshot = scrape->snapshot;
    write_labelled(scrape, name, "result", "same",
                   snapshot->seam_checked - snapshot->seam_other_contents);
    write_labelled(scrape, name, "result", "other_contents", snapshot->seam_other_contents);
}

static void write_messages(struct scrape *scrape, const char *name)
{
    write_labelled(scrape, name, "level", "warning", scrape->snapshot->warnings_logged);
    write_labelled(scrape, name, "level", "error", scrape->snapshot->errors_logged);
}

static void write_known_seconds(struct scrape *scrape, const char *name, double seconds)
{
    if (seconds >= 0)
        writer_format(&scrape->writer, "%s %.3f\n", name, seconds);
}

static void write_lag(struct scrape *scrape, const char *name)
{
    write_known_seconds(scrape, name, health_lag_seconds(scrape->snapshot));
}

static void write_commit_lag(struct scrape *scrape, const char *name)
{
    write_known_seconds(scrape, name, health_commit_lag_seconds(scrape->snapshot));
}

static void write_disk_free(struct scrape *scrape, const char *name)
{
    if (scrape->snapshot->disk_known)
        writer_format(&scrape->writer, "%s %" PRIu64 "\n", name, scrape->snapshot->disk_free_bytes);
}

static void write_missing_ledgers(struct scrape *scrape, const char *name)
{
    const struct status_snapshot *snapshot = scrape->snapshot;
    uint64_t missing = 0;
    if (snapshot->coverage_count > 0) {
        uint32_t last = snapshot->coverage[snapshot->coverage_count - 1].last;
        missing = (uint64_t)last - snapshot->coverage_first + 1 - snapshot->coverage_ledgers;
    }
    writer_format(&scrape->writer, "%s %" PRIu64 "\n", name, missing);
}

/* How a value is read from the snapshot. */
enum value_kind {
    VALUE_WRITTEN, /* by `write` */
    VALUE_U64,
    VALUE_SIZE,    /* a size_t */
    VALUE_LEDGER,  /* a uint32_t; no sample while it is 0 */
    VALUE_FLAG,    /* a bool */
    VALUE_SECONDS, /* int64_t microseconds */
    VALUE_TIME     /* as VALUE_SECONDS; no sample while it is 0 */
};

struct definition {
    const char *name, *type, *labels, *help;
    enum value_kind kind;
    size_t offset;
    void (*write)(struct scrape *scrape, const char *name);
};

#define FIELD(kind, field) (kind), offsetof(struct status_snapshot, field), NULL
#define WRITE(function)    VALUE_WRITTEN, 0, (function)

/* The table: /metrics and docs/METRICS.md have its order. */
static const struct definition definitions[] = {
    {"ttp_build_info", "gauge", "version, build, schema_version",
     "Always 1; what is running and which schema version it writes.", WRITE(write_build)},
    {"ttp_health", "gauge", "status", "1 for the status that /health shows, 0 for the others.",
     WRITE(write_health)},
    {"ttp_health_rule_active", "gauge", "rule",
     "1 while this rule makes the run less than healthy (docs/OPERATIONS.md lists the rules).",
     WRITE(write_health_rules)},

    {"ttp_events_received_total", "counter", "status",
     "Events received: accepted, refetched (came again after a reconnection, not counted twice in "
     "accepted), dead_letter (can't be stored as rows).",
     WRITE(write_received)},
    {"ttp_bytes_received_total", "counter", "", "Bytes of event messages received.",
     FIELD(VALUE_U64, bytes_received)},
    {"ttp_ledgers_completed_total", "counter", "", "Ledgers that were received completely.",
     FIELD(VALUE_U64, ledgers_completed)},
    {"ttp_source_connects_total", "counter", "", "Connections made to the TTP server.",
     FIELD(VALUE_U64, connects)},
    {"ttp_source_retries_total", "counter", "",
     "Calls that ended by an error, a cut or silence and were tried again.",
     FIELD(VALUE_U64, retries)},
    {"ttp_source_connected", "gauge", "", "1 while there is a connection to the TTP server.",
     FIELD(VALUE_FLAG, connected)},
    {"ttp_source_throttled", "gauge", "",
     "1 while the queue is full and our HTTP/2 window is closed: the writer is the slower one.",
     FIELD(VALUE_FLAG, throttled)},
    {"ttp_source_outage", "gauge", "",
     "1 while the TTP server answers but serves no ledger at all (max_attempts is over).",
     FIELD(VALUE_FLAG, outage)},
    {"ttp_seam_checks_total", "counter", "result",
     "Ledgers compared with what the lake holds of them on a connection: same, other_contents.",
     WRITE(write_seam_checks)},
    {"ttp_gaps_total", "counter", "",
     "Gaps: ledgers of which no event came, nor when they were asked for once more, where nearly "
     "each ledger before had some.",
     FIELD(VALUE_U64, gaps)},
    {"ttp_gap_ledgers_total", "counter", "", "Ledgers in these gaps; covered as unconfirmed.",
     FIELD(VALUE_U64, gap_ledgers)},
    {"ttp_found_ledgers_total", "counter", "",
     "Ledgers that the stream left out and that came when they were asked for once more.",
     FIELD(VALUE_U64, found_ledgers)},
    {"ttp_current_ledger", "gauge", "", "Ledger in progress, or last seen.",
     FIELD(VALUE_LEDGER, current_ledger)},
    {"ttp_current_ledger_close_timestamp_seconds", "gauge", "",
     "Close time of the ledger in progress.", FIELD(VALUE_TIME, current_close_us)},
    {"ttp_last_event_timestamp_seconds", "gauge", "", "When the last event arrived.",
     FIELD(VALUE_TIME, last_event_us)},
    {"ttp_lag_seconds", "gauge", "", "Age of the ledger in progress: now less its close time.",
     WRITE(write_lag)},

    {"ttp_queue_events", "gauge", "", "Events that wait for the writer.",
     FIELD(VALUE_U64, queue_events)},
    {"ttp_queue_batches", "gauge", "", "Batches that wait for the writer.",
     FIELD(VALUE_U64, queue_batches)},
    {"ttp_queue_bytes", "gauge", "", "Memory of the batches that wait for the writer.",
     FIELD(VALUE_U64, queue_bytes)},
    {"ttp_queue_limit_bytes", "gauge", "", "Where the queue counts as full.",
     FIELD(VALUE_U64, queue_limit_bytes)},

    {"ttp_events_written_total", "counter", "partition",
     "Events committed to a partition: the 48 partitions written to most lately. A partition that "
     "left the list and comes back begins at 0.",
     WRITE(write_written)},
    {"ttp_events_committed_total", "counter", "", "Events committed to the lake, all partitions.",
     FIELD(VALUE_U64, rows_committed)},
    {"ttp_files_committed_total", "counter", "", "Data files published.",
     FIELD(VALUE_U64, files_committed)},
    {"ttp_file_bytes_committed_total", "counter", "", "Bytes of the data files published.",
     FIELD(VALUE_U64, bytes_committed)},
    {"ttp_file_size_bytes", "histogram", "", "Sizes of the data files published.",
     WRITE(write_file_sizes)},
    {"ttp_processing_duration_seconds", "histogram", "operation",
     "Time taken: decode (a batch), encode (a batch), readback (a file), commit (from the cut to "
     "durability).",
     WRITE(write_durations)},
    {"ttp_rotations_total", "counter", "reason", "Why files were closed, one count a commit.",
     WRITE(write_rotations)},
    {"ttp_batches_total", "counter", "", "Batches handed to the encoder.",
     FIELD(VALUE_U64, batches)},
    {"ttp_commits_total", "counter", "", "Commits made durable.", FIELD(VALUE_U64, commits)},
    {"ttp_commits_failed_total", "counter", "",
     "Commits that failed; their ledgers are asked for again.", FIELD(VALUE_U64, commits_failed)},
    {"ttp_commit_failing", "gauge", "", "1 while the last commit is one that failed.",
     FIELD(VALUE_FLAG, commit_failing)},
    {"ttp_dead_letters_committed_total", "counter", "",
     "Events that can't be stored as rows, committed as dead letters.",
     FIELD(VALUE_U64, dead_letters_committed)},
    {"ttp_unconfirmed_ledgers_total", "counter", "",
     "Ledgers covered though nothing came of them: the server claims them empty.",
     FIELD(VALUE_U64, unconfirmed_ledgers)},
    {"ttp_open_events", "gauge", "", "Events taken by the writer and not committed yet.",
     FIELD(VALUE_U64, rows_open)},
    {"ttp_open_bytes", "gauge", "", "Bytes of them in staging and in memory.",
     FIELD(VALUE_U64, bytes_open)},
    {"ttp_last_batch_timestamp_seconds", "gauge", "",
     "When a batch was last handed to the encoder.", FIELD(VALUE_TIME, last_batch_us)},
    {"ttp_last_commit_timestamp_seconds", "gauge", "", "When the last commit was made durable.",
     FIELD(VALUE_TIME, last_commit_us)},
    {"ttp_next_commit_timestamp_seconds", "gauge", "",
     "When max_file_age will close the open files.", FIELD(VALUE_TIME, next_commit_us)},
    {"ttp_committed_ledger", "gauge", "", "Last committed ledger.",
     FIELD(VALUE_LEDGER, last_ledger)},
    {"ttp_commit_lag_seconds", "gauge", "",
     "Age of what readers of the lake see: now less the newest committed close time.",
     WRITE(write_commit_lag)},
    {"ttp_coverage_ledgers", "gauge", "", "Ledgers that are completely in the lake.",
     FIELD(VALUE_U64, coverage_ledgers)},
    {"ttp_coverage_ranges", "gauge", "", "Ranges that they make; more than 1: there are holes.",
     FIELD(VALUE_SIZE, coverage_total)},
    {"ttp_coverage_missing_ledgers", "gauge", "", "Ledgers in the holes between the ranges.",
     WRITE(write_missing_ledgers)},

    {"ttp_memory_resident_bytes", "gauge", "", "Memory in use by the process.",
     FIELD(VALUE_U64, resident_bytes)},
    {"ttp_memory_peak_bytes", "gauge", "", "The most it ever used.",
     FIELD(VALUE_U64, peak_resident_bytes)},
    {"ttp_memory_limit_bytes", "gauge", "", "memory_limit.", FIELD(VALUE_U64, memory_limit_bytes)},
    {"ttp_disk_free_bytes", "gauge", "", "Free space on the lake's file system.",
     WRITE(write_disk_free)},
    {"ttp_disk_min_free_bytes", "gauge", "", "min_free_disk.",
     FIELD(VALUE_U64, disk_min_free_bytes)},
    {"ttp_waiting_for_space", "gauge", "", "1 while a write waits because the disk is full.",
     FIELD(VALUE_FLAG, waiting_for_space)},
    {"ttp_intake_paused", "gauge", "",
     "1 while less than min_free_disk is free and nothing more is taken from the stream.",
     FIELD(VALUE_FLAG, intake_paused)},
    {"ttp_log_messages_total", "counter", "level", "Warnings and errors logged.",
     WRITE(write_messages)},
    {"ttp_log_lines_dropped_total", "counter", "",
     "Log lines that were dropped because nobody read the log.",
     FIELD(VALUE_U64, log_lines_dropped)},
    {"process_cpu_seconds_total", "counter", "", "CPU time used, user and system.",
     FIELD(VALUE_SECONDS, cpu_us)},
    {"process_resident_memory_bytes", "gauge", "",
     "As ttp_memory_resident_bytes, under the name that dashboards know.",
     FIELD(VALUE_U64, resident_bytes)},
    {"process_start_time_seconds", "gauge", "", "When the process started.",
     FIELD(VALUE_TIME, started_us)},
};
#define DEFINITION_COUNT (sizeof(definitions) / sizeof(definitions[0]))

static void write_seconds(struct scrape *scrape, const char *name, int64_t microseconds)
{
    writer_format(&scrape->writer, "%s %" PRId64 ".%06" PRId64 "\n", name,
                  microseconds / US_PER_SECOND, microseconds % US_PER_SECOND);
}

static void write_field(struct scrape *scrape, const struct definition *definition)
{
    const void *field = (const char *)scrape->snapshot + definition->offset;
    uint64_t value = 0;
    switch (definition->kind) {
    case VALUE_WRITTEN: assert(false); return;
    case VALUE_TIME:
        if (*(const int64_t *)field == 0)
            return;
        write_seconds(scrape, definition->name, *(const int64_t *)field);
        return;
    case VALUE_SECONDS: write_seconds(scrape, definition->name, *(const int64_t *)field); return;
    case VALUE_LEDGER:
        value = *(const uint32_t *)field;
        if (value == 0)
            return;
        break;
    case VALUE_U64: value = *(const uint64_t *)field; break;
    case VALUE_SIZE: value = *(const size_t *)field; break;
    case VALUE_FLAG: value = *(const bool *)field; break;
    }
    writer_format(&scrape->writer, "%s %" PRIu64 "\n", definition->name, value);
}

enum error_code metrics_render(const struct metrics *metrics,
                               const struct status_snapshot *snapshot, struct buffer *out)
{
    struct scrape scrape = {.writer = {out, OK}, .snapshot = snapshot};
    struct os_mutex *mutex = (struct os_mutex *)&metrics->mutex;
    os_mutex_lock(mutex);
    scrape.series = metrics->series;
    os_mutex_unlock(mutex);
    health_assess(snapshot, &scrape.health);
    for (size_t i = 0; i < DEFINITION_COUNT; i++) {
        const struct definition *definition = &definitions[i];
        writer_format(&scrape.writer, "# HELP %s ", definition->name);
        writer_help(&scrape.writer, definition->help);
        writer_format(&scrape.writer, "\n# TYPE %s %s\n", definition->name, definition->type);
        if (definition->write)
            definition->write(&scrape, definition->name);
        else
            write_field(&scrape, definition);
    }
    return scrape.writer.code;
}

enum error_code metrics_render_documentation(struct buffer *out)
{
    struct writer writer = {out, OK};
    writer_text(&writer,
                "# Metrics\n\n"
                "`GET /metrics` on `metrics_port` (default 9090), Prometheus text format 0.0.4. "
                "Made from the table in\n`src/status/metrics.c`; a test fails when this file is "
                "stale. Counters start at 0 with the process.\nA gauge without a value yet "
                "(no ledger seen, nothing committed) has no sample.\n"
                "[OPERATIONS.md](OPERATIONS.md) says what to alert on.\n\n"
                "| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < DEFINITION_COUNT; i++)
        writer_format(&writer, "| `%s` | %s | %s | %s |\n", definitions[i].name,
                      definitions[i].type, definitions[i].labels, definitions[i].help);
    return writer.code;
}
