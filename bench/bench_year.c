// SPDX-License-Identifier: Apache-2.0
/*
 * A lake that lives for a year, in small: hour after hour of a clock that is ours, with the commits
 * of a live run, what it does for its lake (compact_closed, retention, snapshot_retention) and a
 * backup each night.
 *
 *   bench-year FOLDER [--hours N] [--commits-per-hour N] [--rows N] [--retention-days N]
 *              [--snapshot-days N]
 *
 * FOLDER must not be there; the lake is made in FOLDER/lake, its backup in FOLDER/backup. Prints a
 * line of JSON for each 30 days, and one at the end. `rows` is how many events a commit brings.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/option_load.h"
#include "care/backup.h"
#include "os/clock.h"
#include "os/log.h"
#include "rows/batch_builder.h"
#include "service/lake_care.h"
#include "service/memory_plan.h"
#include "service/sink_setup.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US   (3600 * SECOND_US)
#define DAY_US    (24 * HOUR_US)
#define TOLD_DAYS 10
#define START_US  (INT64_C(1704067200) * SECOND_US) /* 2024-01-01 */

struct year {
    const char *folder;
    unsigned hours, commits_per_hour, rows, retention_days, snapshot_days;
    char lake_path[512], backup_path[512];
    struct options options;
    struct sink *sink;
    struct batch_builder *builder;
    struct lake_care care;
    uint32_t ledger; /* the newest */
    uint64_t care_files, care_failed, backups;
    int64_t backup_cpu_us, care_cpu_us;
};

/* ---- the clock ---- */

static int64_t now_us = START_US;

static int64_t read_clock(void)
{
    return now_us;
}

/* ---- the work ---- */

static _Noreturn PRINTF_LIKE(1, 2) void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench-year: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void must(enum error_code code, const struct error *error)
{
    if (code != OK)
        die("%s", error->message);
}

static void note_care(void *context, const struct care_fact *fact)
{
    struct year *year = context;
    year->care_files += fact->files;
    year->care_failed += fact->kind == CARE_FAILED;
}

static void load_options(struct year *year)
{
    struct problems problems, warnings;
    const struct option_sources sources = {.config_path = NULL};
    problems_init(&problems);
    problems_init(&warnings);
    options_init(&year->options);
    if (options_load(&year->options, &sources, &problems, &warnings) != OK)
        die("the defaults are no options");
    problems_release(&problems);
    problems_release(&warnings);
    year->options.output_path = year->lake_path;
    year->options.schema_version = "1.1.0";
    year->options.network = "pubnet";
    year->options.compact_closed = true;
    year->options.min_free_disk_bytes = 0;
    year->options.retention_us = year->retention_days * DAY_US;
    year->options.snapshot_retention_us = year->snapshot_days * DAY_US;
}

static void open_lake(struct year *year)
{
    struct error error;
    const struct memory_plan memory = memory_plan_make(year->options.memory_limit_bytes, 1);
    const struct sink_options wanted = sink_setup_options(&year->options, &memory);
    const struct batch_builder_options builder = {
        .schema = row_schema_find("1.1.0"), .scheme = PARTITION_DATE_HOUR, .dictionaries = true};
    must(sink_open(&year->sink, &wanted, &error), &error);
    must(batch_builder_new(&year->builder, &builder, &error), &error);
    lake_care_init(&year->care, &year->options, note_care, year);
    batch_builder_begin_range(year->builder, year->ledger + 1);
}

/* One ledger with all rows of a commit, in the middle of the commit's time. */
static void add_ledger(struct year *year)
{
    struct error error;
    uint32_t ledger = ++year->ledger;
    for (uint32_t i = 0; i < year->rows; i++) {
        char hash[65], account[57];
        bool is_letter;
        snprintf(hash, sizeof hash, "%056x%08x", ledger, i / 2);
        snprintf(account, sizeof account, "G%055" PRIu32, (ledger * 7 + i) % 5000);
        const struct event_view event = {.has_meta = true,
                                         .has_closed_at = true,
                                         .ledger_sequence = ledger,
                                         .closed_at_seconds = now_us / SECOND_US,
                                         .tx_hash = bytes_view_text(hash),
                                         .transaction_index = i / 2,
                                         .type = EVENT_TRANSFER,
                                         .from = bytes_view_text(account),
                                         .to = bytes_view_text(account),
                                         .amount = bytes_view_text("1000000"),
                                         .asset_kind = ASSET_NATIVE};
        must(batch_builder_add_event(year->builder, &event, i, bytes_view_text(""), &is_letter,
                                     &error),
             &error);
    }
    must(batch_builder_complete_to(year->builder, ledger, &error), &error);
}

static void commit(struct year *year)
{
    struct error error;
    add_ledger(year);
    while (batch_builder_has_complete(year->builder)) {
        struct row_batch *batch = NULL;
        must(batch_builder_take(year->builder, &batch, &error), &error);
        must(sink_append(year->sink, &batch, &error), &error);
    }
    must(sink_commit(year->sink, ROTATION_AGE, &error), &error);
}

/* All that is due: one task after the other. */
static void care(struct year *year)
{
    int64_t before_us = os_process_cpu_us();
    for (int i = 0; i < 8; i++)
        lake_care_tick(&year->care, year->sink, now_us);
    year->care_cpu_us += os_process_cpu_us() - before_us;
}

static void back_up(struct year *year)
{
    struct error error;
    struct backup_report report;
    const struct backup_options wanted = {.output_path = year->lake_path,
                                          .destination = year->backup_path,
                                          .catalog = "",
                                          .catalog_schema = "",
                                          .reader_data_path = "",
                                          .mirror = true};
    int64_t before_us = os_process_cpu_us();
    must(backup_lake(&wanted, &report, &error), &error);
    year->backup_cpu_us += os_process_cpu_us() - before_us;
    year->backups++;
}

/* ---- what is told ---- */

static uint64_t size_of(const char *folder, const char *name)
{
    char path[600];
    struct stat facts;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &facts) == 0 ? (uint64_t)facts.st_size : 0;
}

static void tell(struct year *year, unsigned hour)
{
    struct catalog_totals totals;
    struct error error;
    must(catalog_totals(sink_catalog(year->sink), &totals, &error), &error);
    printf("{\"day\": %u, \"files\": %" PRIu64 ", \"snapshots\": %" PRId64 ", \"commits\": %" PRIu64
           ", \"rows\": %" PRIu64 ", \"catalog_bytes\": %" PRIu64 ", \"log_bytes\": %" PRIu64
           ", \"cpu_seconds\": %.1f, \"care_cpu_seconds\": %.1f, \"backup_cpu_seconds\": %.1f, "
           "\"backups\": %" PRIu64 ", \"care_failed\": %" PRIu64 ", \"peak_mib\": %" PRIu64 "}\n",
           hour / 24, totals.files, totals.snapshots, totals.commits, totals.rows,
           size_of(year->lake_path, "_lake/catalog.sqlite"),
           size_of(year->lake_path, "_lake/catalog.sqlite-wal"), (double)os_process_cpu_us() / 1e6,
           (double)year->care_cpu_us / 1e6, (double)year->backup_cpu_us / 1e6, year->backups,
           year->care_failed, os_peak_resident_bytes() >> 20);
    fflush(stdout);
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > 1000000)
        die("'%s' is no number from 1 to 1000000", text);
    return (unsigned)value;
}

static void parse(struct year *year, int count, char **arguments)
{
    for (int i = 1; i < count; i++) {
        bool has_value = i + 1 < count;
        if (strcmp(arguments[i], "--hours") == 0 && has_value)
            year->hours = number(arguments[++i]);
        else if (strcmp(arguments[i], "--commits-per-hour") == 0 && has_value)
            year->commits_per_hour = number(arguments[++i]);
        else if (strcmp(arguments[i], "--rows") == 0 && has_value)
            year->rows = number(arguments[++i]);
        else if (strcmp(arguments[i], "--retention-days") == 0 && has_value)
            year->retention_days = number(arguments[++i]);
        else if (strcmp(arguments[i], "--snapshot-days") == 0 && has_value)
            year->snapshot_days = number(arguments[++i]);
        else if (arguments[i][0] != '-' && year->folder == NULL)
            year->folder = arguments[i];
        else
            die("usage: bench-year FOLDER [--hours N] [--commits-per-hour N] [--rows N] "
                "[--retention-days N] [--snapshot-days N]");
    }
    if (year->folder == NULL || mkdir(year->folder, 0755) != 0)
        die("name a folder that is not there yet");
    snprintf(year->lake_path, sizeof year->lake_path, "%s/lake", year->folder);
    snprintf(year->backup_path, sizeof year->backup_path, "%s/backup", year->folder);
}

int main(int count, char **arguments)
{
    static struct year year = {.hours = 8760,
                               .commits_per_hour = 4,
                               .rows = 100,
                               .retention_days = 90,
                               .snapshot_days = 7};
    const struct os_clock clock = {.monotonic_us = read_clock, .realtime_us = read_clock};
    parse(&year, count, arguments);
    log_set_level(LOG_WARN);
    os_clock_set(&clock);
    load_options(&year);
    open_lake(&year);
    for (unsigned hour = 0; hour < year.hours; hour++) {
        for (unsigned i = 0; i < year.commits_per_hour; i++) {
            now_us =
                START_US + hour * HOUR_US + (2 * i + 1) * HOUR_US / (2 * year.commits_per_hour);
            commit(&year);
            care(&year);
        }
        if (hour % 24 == 23)
            back_up(&year);
        if (hour % (24 * TOLD_DAYS) == 24 * TOLD_DAYS - 1)
            tell(&year, hour + 1);
    }
    tell(&year, year.hours);
    batch_builder_free(year.builder);
    sink_close(year.sink);
    return year.care_failed == 0 ? 0 : 1;
}
