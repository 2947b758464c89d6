// SPDX-License-Identifier: Apache-2.0
/*
 * Commits alone: what one costs the catalog, in a catalog of any size.
 *
 *   bench-commits CATALOG COMMITS [--first LEDGER]
 *   bench-commits CATALOG SECONDSs --shared [--empty]
 *
 * CATALOG is a place as the option `catalog` takes it (sqlite:PATH, postgres:CONNINFO); it is made
 * where there is none. Each commit has one file of an hour with the statistics of a real one; no
 * file is written. Ledgers go on behind what is covered, or from LEDGER. Prints a line of JSON:
 * times in milliseconds, round trips of PostgreSQL, and how many commits the slowest ten seconds
 * had.
 *
 * With --shared it is one of any number of processes that fill a lake on object storage, whose
 * store alone is left out: it claims pieces of PIECE_LEDGERS, and each commit of a ledger is fenced
 * by its lease and published as by a run (bench/commits.sh starts several). --empty: ledgers
 * without an event, so that a commit has no file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/catalog.h"
#include "catalog/handle.h"
#include "catalog/leases.h"
#include "commit/publisher.h"
#include "database/postgres_session.h"
#include "os/clock.h"
#include "os/identity.h"
#include "os/log.h"
#include "sink/lake_table.h"
#include "util/text.h"

#define COLUMNS   16
#define START_US  (INT64_C(1704067200) * US_PER_SECOND) /* 2024-01-01 */
#define HOUR_US   (3600 * US_PER_SECOND)
#define WINDOW_US (10 * US_PER_SECOND)

#define COMMITS_MAX   1000000
#define PIECE_LEDGERS 2000
#define LEASE_US      (60 * US_PER_SECOND)

struct bench {
    struct catalog *catalog;
    bool is_postgres, is_shared, is_empty;
    unsigned commits, made; /* at most, and until now */
    int64_t lasts_us;
    uint32_t ledger; /* the next one */
    int64_t *took_us, *ended_us;
    /* Of several. */
    struct leases *leases;
    struct lease lease;
    bool has_lease;
    char holder[OS_UUID_BYTES];
    struct store store;
    struct publisher publisher;
};

static void must(enum error_code code, const struct error *error)
{
    if (code == OK)
        return;
    fprintf(stderr, "bench-commits: %s\n", error->message);
    exit(1);
}

static uint64_t trips_of(const struct bench *bench)
{
    return bench->is_postgres ? postgres_session(&bench->catalog->database)->trips : 0;
}

static void open_catalog(struct bench *bench, const char *place)
{
    struct error error;
    struct lake_table arrays;
    struct catalog_table table =
        lake_table_describe(row_schema_find("1.1.0"), PARTITION_DATE_HOUR, &arrays);
    const struct catalog_create_options options = {
        .data_path = "/nowhere/", .table = &table, .created_by = "bench-commits"};
    struct database_location where = database_location_parse(place, "");
    bench->is_postgres = where.path == NULL;
    where.is_shared = bench->is_shared;
    must(catalog_open_at(&bench->catalog, &where, CATALOG_CREATE, &options, &error), &error);
}

/* ---- one of several ---- */

static enum error_code put(const struct store *store, const char *staged, const char *name,
                           struct error *error)
{
    (void)store;
    (void)staged;
    (void)name;
    (void)error;
    return OK;
}

static enum error_code sync_put(const struct store *store, const char *const *names, size_t count,
                                struct error *error)
{
    (void)store;
    (void)names;
    (void)count;
    (void)error;
    return OK;
}

static void begin_sharing(struct bench *bench, const char *place)
{
    static const struct store_backend nowhere = {.put = put, .sync_put = sync_put};
    struct error error;
    struct catalog *beside;
    struct database_location where = database_location_parse(place, "");
    struct ledger_range all = {1000, 1000 + COMMITS_MAX - 1};
    const struct ledger_set missing = {.ranges = &all, .count = 1};
    const struct lease_wish wish = {.missing = &missing, .piece_ledgers = PIECE_LEDGERS};
    where.is_shared = true;
    must(catalog_open_at(&beside, &where, CATALOG_BESIDE, NULL, &error), &error);
    must(catalog_leases_new(&bench->leases, beside, bench->catalog, LEASE_US, &error), &error);
    must(catalog_care_begin(bench->catalog, &error), &error);
    must(lease_plan(bench->leases, &wish, &error), &error);
    must(os_uuid(bench->holder, &error), &error);
    bench->store = (struct store){.backend = &nowhere};
    publisher_init(&bench->publisher);
    bench->publisher.store = &bench->store;
    bench->publisher.catalog = bench->catalog;
}

static enum error_code may_go_on(const struct commit_fence *fence, struct error *error)
{
    (void)fence;
    (void)error;
    return OK;
}

static enum error_code confirm(const struct commit_fence *fence, struct ledger_range range,
                               struct error *error)
{
    struct bench *bench = fence->context;
    struct lease lease = bench->lease;
    return lease_advance(bench->leases, &lease, bench->holder, range, error);
}

/* The piece that the next ledger is of. */
static void hold_piece(struct bench *bench)
{
    const struct lease_claim claim = {.holder = bench->holder};
    struct error error;
    bool found = false;
    if (bench->has_lease && bench->ledger <= bench->lease.ledgers.last)
        return;
    must(lease_claim(bench->leases, &claim, &bench->lease, &found, &error), &error);
    if (!found) {
        fprintf(stderr, "bench-commits: there are no more ledgers\n");
        exit(1);
    }
    bench->has_lease = true;
    bench->ledger = bench->lease.next_ledger;
    bench->publisher.fence = (struct commit_fence){.lease_id = bench->lease.lease_id,
                                                   .epoch = bench->lease.epoch,
                                                   .context = bench,
                                                   .may_go_on = may_go_on,
                                                   .confirm = confirm};
    snprintf(bench->publisher.fence.holder, sizeof bench->publisher.fence.holder, "%s",
             bench->holder);
}

static void publish(struct bench *bench, const struct catalog_commit *commit)
{
    struct error error;
    char uuid[OS_UUID_BYTES];
    bool committed;
    must(os_uuid(uuid, &error), &error);
    bench->publisher.intent.commit_uuid = uuid;
    bench->publisher.intent.commit = *commit;
    bench->publisher.intent.staged[0] = "nothing";
    must(publisher_run(&bench->publisher, &committed, &error), &error);
}

static void find_first_ledger(struct bench *bench)
{
    struct error error;
    struct ledger_set covered = {0};
    must(catalog_coverage(bench->catalog, &covered, &error), &error);
    bench->ledger = covered.count == 0 ? 1000 : covered.ranges[covered.count - 1].last + 1;
    ledger_set_release(&covered);
}

static void add(struct bench *bench)
{
    unsigned number = bench->made;
    static const char account[] = "GAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAWHF";
    struct error error;
    struct catalog_column_statistics statistics[COLUMNS];
    char path[128], hour[16], time[TEXT_TIME_BYTES], ledger[16];
    int64_t close_us = START_US + (int64_t)bench->ledger * HOUR_US / 720;
    snprintf(path, sizeof path,
             "year=2024/month=01/day=01/hour=00/ttp_events_%010" PRIu32 ".parquet", bench->ledger);
    snprintf(hour, sizeof hour, "%u", number % 24);
    snprintf(ledger, sizeof ledger, "%" PRIu32, bench->ledger);
    text_timestamptz(close_us, time);
    for (int i = 0; i < COLUMNS; i++)
        statistics[i] = (struct catalog_column_statistics){.column_id = i + 1,
                                                           .value_count = 1000,
                                                           .column_size_bytes = 5000,
                                                           .min_value = account,
                                                           .max_value = account};
    statistics[0].min_value = statistics[0].max_value = time;
    statistics[1].min_value = statistics[1].max_value = ledger;
    for (int i = 10; i < COLUMNS; i++)
        if (i != 12 && i != 14)
            statistics[i].min_value = statistics[i].max_value = "1";
    struct catalog_file file = {.path = path,
                                .record_count = 1000,
                                .file_size_bytes = 50000,
                                .footer_size_bytes = 3000,
                                .checksum = bench->ledger,
                                .range = {bench->ledger, bench->ledger},
                                .partition_values = {"2024", "1", "1", hour},
                                .statistics_count = COLUMNS,
                                .statistics = statistics};
    struct catalog_commit commit = {.range = {bench->ledger, bench->ledger},
                                    .schema_version = "1.1.0",
                                    .reason = "age",
                                    .file_count = bench->is_empty ? 0 : 1,
                                    .files = &file,
                                    .row_count = bench->is_empty ? 0 : 1000,
                                    .digest_ledger = bench->is_empty ? 0 : bench->ledger,
                                    .last_close_us = close_us,
                                    .committed_us = os_realtime_us()};
    int64_t began_us = os_monotonic_us();
    must(catalog_take_commit_no(bench->catalog, &commit.commit_no, &error), &error);
    if (bench->is_shared)
        publish(bench, &commit);
    else
        must(catalog_add_commit(bench->catalog, &commit, &error), &error);
    bench->ended_us[number] = os_monotonic_us();
    bench->took_us[number] = bench->ended_us[number] - began_us;
    bench->ledger++;
    bench->made++;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* How many commits ended in the slowest window of ten seconds; all of them where they took less. */
static unsigned slowest_window(const struct bench *bench, int64_t began_us)
{
    unsigned fewest = bench->made, from = 0, to = 0;
    int64_t last_us = bench->ended_us[bench->made - 1];
    for (int64_t at_us = began_us; at_us + WINDOW_US <= last_us; at_us += US_PER_SECOND) {
        while (bench->ended_us[from] < at_us)
            from++;
        while (to < bench->made && bench->ended_us[to] < at_us + WINDOW_US)
            to++;
        fewest = to - from < fewest ? to - from : fewest;
    }
    return fewest;
}

static void tell(struct bench *bench, int64_t began_us, int64_t cpu_us, uint64_t trips)
{
    unsigned n = bench->made;
    double seconds = (double)(bench->ended_us[n - 1] - began_us) / 1e6;
    unsigned fewest = slowest_window(bench, began_us);
    qsort(bench->took_us, n, sizeof *bench->took_us, compare);
    printf("{\"commits\": %u, \"a_second\": %.1f, \"median_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"cpu_ms\": %.3f, \"trips\": %.2f, \"fewest_in_10s\": %u}\n",
           n, n / seconds, (double)bench->took_us[n / 2] / 1e3,
           (double)bench->took_us[n - 1 - n / 100] / 1e3, (double)cpu_us / 1e3 / n,
           (double)trips / n, fewest);
}

static int refuse(void)
{
    fprintf(stderr, "usage: bench-commits CATALOG COMMITS [--first LEDGER]\n"
                    "       bench-commits CATALOG SECONDSs --shared [--empty]\n");
    return 2;
}

/* False: it is none of the two forms. */
static bool parse(struct bench *bench, int count, char **arguments)
{
    char *unit;
    if (count < 3)
        return false;
    unsigned long number = strtoul(arguments[2], &unit, 10);
    bench->is_shared = strcmp(unit, "s") == 0;
    bench->commits = bench->is_shared ? COMMITS_MAX : (unsigned)number;
    bench->lasts_us = bench->is_shared ? (int64_t)number * US_PER_SECOND : INT64_MAX;
    bench->is_empty = count == 5 && strcmp(arguments[4], "--empty") == 0;
    if (number == 0 || number > COMMITS_MAX)
        return false;
    if (bench->is_shared)
        return count > 3 && strcmp(arguments[3], "--shared") == 0 &&
               (count == 4 || bench->is_empty);
    if (count == 5 && strcmp(arguments[3], "--first") == 0)
        bench->ledger = (uint32_t)strtoul(arguments[4], NULL, 10);
    return *unit == '\0' && (count == 3 || bench->ledger != 0);
}

int main(int count, char **arguments)
{
    struct bench bench = {.ledger = 0};
    if (!parse(&bench, count, arguments))
        return refuse();
    log_set_level(LOG_WARN);
    open_catalog(&bench, arguments[1]);
    if (bench.is_shared)
        begin_sharing(&bench, arguments[1]);
    else if (bench.ledger == 0)
        find_first_ledger(&bench);
    bench.took_us = calloc(bench.commits, sizeof *bench.took_us);
    bench.ended_us = calloc(bench.commits, sizeof *bench.ended_us);
    if (bench.took_us == NULL || bench.ended_us == NULL)
        return 1;
    uint64_t trips = trips_of(&bench);
    int64_t began_us = os_monotonic_us(), cpu_us = os_process_cpu_us();
    while (bench.made < bench.commits && os_monotonic_us() - began_us < bench.lasts_us) {
        if (bench.is_shared)
            hold_piece(&bench);
        add(&bench);
    }
    tell(&bench, began_us, os_process_cpu_us() - cpu_us, trips_of(&bench) - trips);
    leases_free(bench.leases);
    catalog_close(bench.catalog);
    free(bench.took_us);
    free(bench.ended_us);
    return 0;
}
