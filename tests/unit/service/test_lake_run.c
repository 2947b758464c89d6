// SPDX-License-Identifier: Apache-2.0
/* A whole run without a command line: against the built-in server on loopback, into a folder. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "os/log.h"
#include "os/signal.h"
#include "os/thread.h"
#include "serve/generator.h"
#include "serve/server.h"
#include "service/lake_run.h"
#include "service/run_status.h"
#include "support/generated.h"
#include "support/options_support.h"
#include "support/temp_folder.h"

#define FIRST 1000u
#define LAST  1039u
/* A run that does not end is stopped after so many seconds. */
#define PATIENCE_TURNS 30

/* What a run told, and whom it had told so far. */
struct diary {
    atomic_uint counts[FACT_CARE + 1];
    bool began_with_plan, was_first;
    struct run_range planned;
    size_t planned_count;
    atomic_uint_fast64_t rows_committed, decoded_us;
    bool stop_at_first_batch, stop_when_ledgers_wait;
    bool batch_came_before_a_stop;
    bool saw_status;
};

struct fixture {
    char folder[TEMP_PATH_BYTES];
    struct generator *generator; /* the server's */
    struct generator *expected;  /* the same, for the test */
    struct server *server;
    struct os_thread thread;
    struct loaded loaded;
    struct diary diary;
    struct run_report report;
};

static void on_fact(void *context, const struct run_fact *fact)
{
    struct diary *diary = context;
    unsigned count = 0;
    for (int i = 0; i <= FACT_CARE; i++)
        count += atomic_load(&diary->counts[i]);
    if (fact->kind == FACT_PLAN) {
        diary->began_with_plan = count == 0;
        diary->was_first = fact->is_first;
        diary->planned_count = fact->plan->range_count;
        if (fact->plan->range_count > 0)
            diary->planned = fact->plan->ranges[0];
    }
    if (fact->kind == FACT_COMMIT)
        atomic_fetch_add(&diary->rows_committed, fact->commit->row_count);
    if (fact->kind == FACT_TURN) {
        struct status_snapshot now;
        run_status_snapshot(fact->status, &now);
        diary->saw_status = strcmp(now.scheme, "date_hour") == 0;
        if (diary->stop_when_ledgers_wait && now.stream.ledgers_completed > 0)
            os_stop_request();
        if (atomic_load(&diary->counts[FACT_TURN]) == PATIENCE_TURNS)
            os_stop_request();
    }
    if (fact->kind == FACT_BATCH && atomic_load(&diary->counts[FACT_BATCH]) == 0)
        diary->batch_came_before_a_stop = !os_stop_requested();
    if (fact->kind == FACT_BATCH && diary->stop_at_first_batch)
        os_stop_request();
    atomic_fetch_add(&diary->counts[fact->kind], 1);
}

static void *serve(void *server)
{
    struct error error;
    assert_int_equal(server_run(server, &error), OK);
    return NULL;
}

static void open_fixture(struct fixture *fixture, const struct server_options *server)
{
    const struct generator_options events = {.seed = 7,
                                             .first_ledger = FIRST,
                                             .ledger_count = LAST - FIRST + 2,
                                             .start_time_us = INT64_C(1705320000000000)};
    *fixture = (struct fixture){.generator = NULL};
    run_report_init(&fixture->report);
    temp_folder_make(fixture->folder);
    assert_int_equal(generator_new(&fixture->generator, &events, NULL), OK);
    assert_int_equal(generator_new(&fixture->expected, &events, NULL), OK);
    struct feed feed = generator_feed(fixture->generator);
    assert_int_equal(server_new(&fixture->server, server, &feed, NULL), OK);
    assert_int_equal(os_thread_start(&fixture->thread, "server", serve, fixture->server, NULL), OK);
}

static void close_fixture(struct fixture *fixture)
{
    server_stop(fixture->server);
    os_thread_join(&fixture->thread);
    server_free(fixture->server);
    generator_free(fixture->generator);
    generator_free(fixture->expected);
    run_report_release(&fixture->report);
    temp_folder_remove(fixture->folder);
    os_stop_forget();
}

/* Runs START END and keeps what it told; last 0: live. */
static enum exit_code run(struct fixture *fixture, const char *first, const char *last,
                          const char *flush_interval)
{
    load(&fixture->loaded, (struct load_request){.flags = {{"--ttp-processor-endpoint",
                                                            server_address(fixture->server)},
                                                           {"--output-path", fixture->folder},
                                                           {"--health-port", "0"},
                                                           {"--metrics-port", "0"},
                                                           {"--batch-size", "1000000"},
                                                           {"--flush-interval", flush_interval},
                                                           {"--network", "testnet"}},
                                                 .arguments = {first, last}});
    assert_int_equal(fixture->loaded.code, OK);
    const struct run_observer observer = {on_fact, &fixture->diary};
    run_report_release(&fixture->report);
    enum exit_code exit_code = lake_run(&fixture->loaded.options, &observer, &fixture->report);
    loaded_release(&fixture->loaded);
    return exit_code;
}

static uint64_t event_count(const struct fixture *fixture, uint32_t first, uint32_t last)
{
    uint64_t count = 0;
    for (uint32_t ledger = first; ledger <= last; ledger++)
        count += generated_event_count(fixture->expected, ledger);
    return count;
}

static void a_bounded_run_tells_its_plan_its_batches_and_commits_and_its_end(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, &(struct server_options){.listen = "127.0.0.1:0"});
    struct diary *diary = &fixture.diary;
    assert_int_equal(run(&fixture, "1000", "1039", "30s"), EXIT_DONE);
    assert_true(diary->began_with_plan && diary->was_first && diary->saw_status);
    assert_int_equal(diary->planned_count, 1);
    assert_int_equal(diary->planned.first, FIRST);
    assert_int_equal(diary->planned.last, LAST);
    assert_true(atomic_load(&diary->counts[FACT_BATCH]) >= 1);
    assert_true(atomic_load(&diary->counts[FACT_DURATION]) >= 3); /* encode, readback, commit */
    assert_true(atomic_load(&diary->counts[FACT_COMMIT]) >= 1);
    assert_int_equal(atomic_load(&diary->counts[FACT_STOPPING]), 0);
    assert_int_equal(atomic_load(&diary->counts[FACT_END]), 1);
    assert_int_equal(atomic_load(&diary->rows_committed), event_count(&fixture, FIRST, LAST));
    assert_true(temp_count(fixture.folder, "year=2024/", ".parquet") >= 1);
    close_fixture(&fixture);
}

static void the_report_has_what_the_stages_counted(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, &(struct server_options){.listen = "127.0.0.1:0"});
    assert_int_equal(run(&fixture, "1000", "1039", "30s"), EXIT_DONE);
    const struct status_snapshot *last = &fixture.report.last;
    assert_int_equal(last->sink.rows_committed, event_count(&fixture, FIRST, LAST));
    assert_int_equal(last->stream.events_accepted, last->sink.rows_committed);
    assert_int_equal(last->stream.ledgers_completed, LAST - FIRST + 1);
    assert_int_equal(last->stream.first_ledger, FIRST);
    assert_int_equal(last->sink.rotations[ROTATION_END_OF_RANGE], 1);
    assert_int_equal(last->queue.batch_count, 0);
    assert_int_equal(last->last_close_us, generated_close_us(fixture.expected, LAST));
    assert_int_equal(last->coverage_ledgers, LAST - FIRST + 1);
    close_fixture(&fixture);
}

static void a_second_run_asks_only_for_what_is_open(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture, &(struct server_options){.listen = "127.0.0.1:0"});
    assert_int_equal(run(&fixture, "1000", "1019", "30s"), EXIT_DONE);
    fixture.diary = (struct diary){.planned_count = 0};
    assert_int_equal(run(&fixture, "1000", "1039", "30s"), EXIT_DONE);
    assert_int_equal(fixture.diary.planned_count, 1);
    assert_int_equal(fixture.diary.planned.first, 1020);
    assert_int_equal(atomic_load(&fixture.diary.rows_committed), event_count(&fixture, 1020, LAST));
    fixture.diary = (struct diary){.planned_count = 0};
    assert_int_equal(run(&fixture, "1000", "1039", "30s"), EXIT_DONE);
    assert_int_equal(fixture.diary.planned_count, 0);
    assert_int_equal(atomic_load(&fixture.diary.counts[FACT_BATCH]), 0);
    assert_int_equal(atomic_load(&fixture.diary.counts[FACT_END]), 1);
    close_fixture(&fixture);
}

/* A live stream whose batch is never full: only flush_interval, kept by the source, sends rows on
 * before the stop, which the first batch asks for. */
static void rows_of_a_live_stream_go_on_at_flush_interval(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture,
                 &(struct server_options){.listen = "127.0.0.1:0", .live = true, .pace_us = 20000});
    fixture.diary.stop_at_first_batch = true;
    assert_int_equal(run(&fixture, "1000", "0", "100ms"), EXIT_DONE);
    assert_true(atomic_load(&fixture.diary.counts[FACT_BATCH]) >= 1);
    assert_int_equal(atomic_load(&fixture.diary.counts[FACT_STOPPING]), 1);
    assert_true(atomic_load(&fixture.diary.rows_committed) > 0);
    assert_true(fixture.diary.batch_came_before_a_stop);
    assert_true(fixture.report.stopped);
    close_fixture(&fixture);
}

/* Their batch is far from full, and flush_interval far away. */
static void a_stop_publishes_what_is_complete(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture,
                 &(struct server_options){.listen = "127.0.0.1:0", .live = true, .pace_us = 20000});
    fixture.diary.stop_when_ledgers_wait = true;
    assert_int_equal(run(&fixture, "1000", "0", "1h"), EXIT_DONE);
    uint32_t covered = (uint32_t)fixture.report.last.coverage_ledgers;
    assert_false(fixture.diary.batch_came_before_a_stop);
    assert_true(covered > 0);
    assert_int_equal(atomic_load(&fixture.diary.rows_committed),
                     event_count(&fixture, FIRST, FIRST + covered - 1));
    assert_int_equal(atomic_load(&fixture.diary.counts[FACT_STOPPING]), 1);
    assert_int_equal(atomic_load(&fixture.diary.counts[FACT_END]), 1);
    close_fixture(&fixture);
}

/* Where the partition's folder has to be, a file lies: the commit that the stop makes fails. */
static void a_stop_whose_commit_fails_is_a_failure(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture,
                 &(struct server_options){.listen = "127.0.0.1:0", .live = true, .pace_us = 20000});
    fixture.diary.stop_when_ledgers_wait = true;
    temp_write(temp_path(fixture.folder, "year=2024"), "a file", 6);
    assert_int_equal(run(&fixture, "1000", "0", "1h"), EXIT_FAILED);
    assert_true(fixture.report.stopped);
    assert_int_equal(atomic_load(&fixture.diary.rows_committed), 0);
    assert_int_equal(fixture.report.last.coverage_ledgers, 0);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bounded_run_tells_its_plan_its_batches_and_commits_and_its_end),
        cmocka_unit_test(the_report_has_what_the_stages_counted),
        cmocka_unit_test(a_second_run_asks_only_for_what_is_open),
        cmocka_unit_test(rows_of_a_live_stream_go_on_at_flush_interval),
        cmocka_unit_test(a_stop_publishes_what_is_complete),
        cmocka_unit_test(a_stop_whose_commit_fails_is_a_failure),
    };
    if (os_signals_install(NULL) != OK)
        return 1;
    log_configure(LOG_WARN, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
