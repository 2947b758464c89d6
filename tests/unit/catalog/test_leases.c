// SPDX-License-Identifier: Apache-2.0
/* Leases in PostgreSQL, by a server of their own: who may fetch what, and whose commits land. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/leases.h"
#include "catalog/uploads.h"
#include "catalog/care.h"
#include "catalog/handle.h"
#include "database/postgres_session.h"
#include "support/catalog_fixture.h"
#include "support/postgres_server.h"

#define TTL_US INT64_C(60000000)
#define ME     "here:1/1#a"
#define OTHER  "there:2/1#b"

/* Two processes. */
static struct worker {
    struct catalog *catalog;
    struct leases *leases;
} me, other;
static struct database_location where;
static bool has_server;

static struct catalog *open_as(enum catalog_mode mode)
{
    struct catalog_create_options create = {.data_path = "s3://bucket/lake/",
                                            .table = &fixture_table,
                                            .created_by = "parquet-consumer test",
                                            .lake_id = "lake-1"};
    struct catalog *catalog;
    struct error error;
    error_clear(&error);
    if (catalog_open_at(&catalog, &where, mode, mode == CATALOG_CREATE ? &create : NULL, &error) !=
        OK)
        fail_msg("%s", error.message);
    return catalog;
}

static struct worker begin_worker(int64_t ttl_us)
{
    struct worker worker = {.catalog = open_as(CATALOG_CREATE)};
    assert_int_equal(catalog_care_begin(worker.catalog, NULL), OK);
    assert_int_equal(
        catalog_leases_new(&worker.leases, open_as(CATALOG_BESIDE), worker.catalog, ttl_us, NULL),
        OK);
    return worker;
}

static void end_worker(struct worker *worker)
{
    leases_free(worker->leases);
    catalog_close(worker->catalog);
    *worker = (struct worker){.catalog = NULL};
}

static int set_up(void **state)
{
    (void)state;
    if (!has_server)
        return 0;
    where = (struct database_location){
        .conninfo = postgres_server_new_database(), .schema = "", .is_shared = true};
    me = begin_worker(TTL_US);
    other = begin_worker(TTL_US);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    end_worker(&me);
    end_worker(&other);
    return 0;
}

#define NEEDS_SERVER                                                                               \
    (void)state;                                                                                   \
    if (!has_server)                                                                               \
    skip()

static void plan(struct worker *worker, uint32_t first, uint32_t last, uint32_t piece_ledgers)
{
    struct ledger_range range = {first, last};
    const struct ledger_set missing = {.ranges = &range, .count = last != 0};
    const struct lease_wish wish = {.missing = &missing,
                                    .has_live = last == 0,
                                    .live_first = first,
                                    .piece_ledgers = piece_ledgers};
    struct error error;
    if (lease_plan(worker->leases, &wish, &error) != OK)
        fail_msg("%s", error.message);
}

static bool claim(struct worker *worker, const char *holder, bool is_live, struct lease *lease)
{
    const struct lease_claim wanted = {.holder = holder, .is_live = is_live};
    struct error error;
    bool found;
    if (lease_claim(worker->leases, &wanted, lease, &found, &error) != OK)
        fail_msg("%s", error.message);
    return found;
}

static void expire(const struct lease *lease)
{
    char sql[128];
    snprintf(sql, sizeof sql,
             "UPDATE ttp_lease SET expires_at = now() - interval '1 s' WHERE lease_id = %d",
             (int)lease->lease_id);
    assert_string_equal(postgres_server_query(sql), "");
}

/* A commit that is fenced by a lease. */
struct fenced {
    struct worker *worker;
    struct lease *lease;
    const char *holder;
    struct ledger_range range;
};

static enum error_code demand(void *context, struct error *error)
{
    const struct fenced *fenced = context;
    return lease_advance(fenced->worker->leases, fenced->lease, fenced->holder, fenced->range,
                         error);
}

static enum error_code commit(struct worker *worker, struct lease *lease, const char *holder,
                              uint32_t first, uint32_t last)
{
    struct fenced fenced = {worker, lease, holder, {first, last}};
    const struct catalog_terms terms = {.demand = demand, .context = &fenced};
    uint64_t commit_no = 0;
    char path[64];
    assert_int_equal(catalog_take_commit_no(worker->catalog, &commit_no, NULL), OK);
    snprintf(path, sizeof path, "year=2024/f%llu.parquet", (unsigned long long)commit_no);
    struct catalog_file file = fixture_file(path, first, last);
    struct catalog_commit made = fixture_commit(commit_no, first, last, &file, 1);
    return catalog_add_commit_if(worker->catalog, &made, &terms, NULL);
}

/* One of a file that lies in an object store, besides. */
struct object_commit {
    struct fenced fenced;
    const char *uuid;
};

static enum error_code demand_both(void *context, struct error *error)
{
    struct object_commit *made = context;
    enum error_code code = demand(&made->fenced, error);
    return code == OK ? catalog_end_uploads(made->fenced.worker->catalog, made->uuid, 1, error)
                      : code;
}

static enum error_code end(struct worker *worker, const struct lease *lease, const char *holder,
                           enum lease_end how, bool *set_aside)
{
    return lease_end(worker->leases, lease, holder, how, set_aside, NULL);
}

static void two_that_plan_the_same_share_its_pieces(void **state)
{
    struct lease a, b, none;
    NEEDS_SERVER;
    plan(&me, 5, 29, 10);
    plan(&other, 5, 29, 10);
    assert_string_equal(postgres_server_query("SELECT string_agg(ledgers::text, ' ' ORDER BY "
                                              "lower(ledgers)) FROM ttp_lease"),
                        "[5,10) [10,20) [20,30)");
    assert_true(claim(&me, ME, false, &a));
    assert_true(claim(&other, OTHER, false, &b));
    assert_int_equal(a.ledgers.first, 5);
    assert_int_equal(a.ledgers.last, 9);
    assert_int_equal(b.next_ledger, 10);
    assert_false(claim(&me, ME, true, &none));
}

static void claims_stay_within_what_is_asked_for(void **state)
{
    const struct lease_claim inside = {.holder = ME, .within = {10, 19}};
    struct lease lease;
    bool found, may;
    NEEDS_SERVER;
    plan(&me, 0, 39, 10);
    assert_int_equal(lease_claim(me.leases, &inside, &lease, &found, NULL), OK);
    assert_true(found);
    assert_int_equal(lease.ledgers.first, 10);
    assert_int_equal(lease_claim(me.leases, &inside, &lease, &found, NULL), OK);
    assert_false(found);
    assert_int_equal(lease_may_come(me.leases, &inside, &may, NULL), OK);
    assert_true(may);
    assert_int_equal(end(&me, &lease, ME, LEASE_DONE, &found), OK);
    assert_int_equal(lease_may_come(me.leases, &inside, &may, NULL), OK);
    assert_false(may);
}

static void one_whose_lease_was_stolen_commits_nothing(void **state)
{
    struct lease mine, stolen, before;
    NEEDS_SERVER;
    plan(&me, 100, 199, 0);
    assert_true(claim(&me, ME, false, &mine));
    assert_int_equal(commit(&me, &mine, ME, 100, 119), OK);
    before = mine;
    expire(&mine);
    assert_true(claim(&other, OTHER, false, &stolen));
    assert_int_equal(stolen.next_ledger, 120);
    assert_int_equal(commit(&me, &mine, ME, 120, 139), ERR_AGAIN);
    assert_int_equal(lease_renew(me.leases, &before, ME, 0, NULL), ERR_CONFLICT);
    assert_int_equal(commit(&other, &stolen, OTHER, 120, 199), OK);
    assert_string_equal(postgres_server_query("SELECT first_ledger || ' ' || last_ledger FROM "
                                              "ttp_coverage"),
                        "100 199");
    assert_string_equal(postgres_server_query("SELECT done FROM ttp_lease"), "t");
}

/* The epoch tells two claims of one holder apart, the holder two of one epoch. */
static void a_lease_is_its_holders_by_name_and_epoch(void **state)
{
    struct lease first, second;
    NEEDS_SERVER;
    plan(&me, 1, 50, 0);
    assert_true(claim(&me, ME, false, &first));
    expire(&first);
    assert_true(claim(&me, ME, false, &second));
    assert_int_equal(commit(&me, &first, ME, 1, 10), ERR_AGAIN);
    assert_int_equal(commit(&me, &second, OTHER, 1, 10), ERR_AGAIN);
    assert_int_equal(commit(&me, &second, ME, 1, 10), OK);
    assert_int_equal(commit(&me, &second, ME, 5, 12), ERR_AGAIN); /* it is past these */
    assert_int_equal(commit(&me, &second, ME, 45, 60), ERR_AGAIN);
}

static void what_expired_and_was_not_stolen_is_still_held(void **state)
{
    struct lease lease;
    NEEDS_SERVER;
    plan(&me, 1, 50, 0);
    assert_true(claim(&me, ME, false, &lease));
    expire(&lease);
    assert_int_equal(lease_renew(me.leases, &lease, ME, 0, NULL), OK);
    assert_int_equal(commit(&me, &lease, ME, 1, 50), OK);
}

static void coverage_that_overlaps_is_refused_by_the_database(void **state)
{
    NEEDS_SERVER;
    assert_string_equal(postgres_server_query("INSERT INTO ttp_coverage VALUES (1, 10), (11, 20)"),
                        "");
    assert_string_equal(postgres_server_query("INSERT INTO ttp_coverage VALUES (20, 30)"), "ERROR");
    assert_string_equal(postgres_server_query("SELECT count(*) FROM ttp_coverage"), "2");
}

static void one_piece_follows_the_chain(void **state)
{
    struct lease live, none;
    bool may;
    const struct lease_claim wanted = {.holder = OTHER, .is_live = true};
    NEEDS_SERVER;
    plan(&me, 1000, 0, 10);
    plan(&other, 1000, 0, 10);
    assert_true(claim(&me, ME, true, &live));
    assert_int_equal(live.ledgers.last, 0);
    assert_false(claim(&other, OTHER, true, &none));
    assert_int_equal(lease_may_come(other.leases, &wanted, &may, NULL), OK);
    assert_true(may);
    assert_int_equal(commit(&me, &live, ME, 1000, 1010), OK);
    plan(&other, 1000, 0, 10); /* what it plans by is old: it is held */
    plan(&other, 990, 1020, 0);
    assert_string_equal(postgres_server_query("SELECT string_agg(ledgers::text, ' ' ORDER BY "
                                              "lower(ledgers)) FROM ttp_lease"),
                        "[990,1000) [1000,)");
    expire(&live);
    assert_true(claim(&other, OTHER, true, &none));
    assert_int_equal(none.next_ledger, 1011);
}

static void a_piece_that_fails_five_times_is_set_aside_until_it_is_asked_for_anew(void **state)
{
    struct lease lease;
    struct lease_counts counts;
    struct ledger_set aside = {0};
    bool set_aside = false;
    NEEDS_SERVER;
    plan(&me, 1, 10, 0);
    for (unsigned i = 0; i < LEASE_FAILURES_MAX; i++) {
        assert_false(set_aside);
        assert_true(claim(&me, ME, false, &lease));
        assert_int_equal(lease.failures, i);
        assert_int_equal(end(&me, &lease, ME, LEASE_GIVEN_BACK, &set_aside), OK);
        assert_true(claim(&me, ME, false, &lease));
        assert_int_equal(end(&me, &lease, ME, LEASE_FAILED, &set_aside), OK);
    }
    assert_true(set_aside);
    assert_false(claim(&me, ME, false, &lease));
    assert_int_equal(lease_count(me.leases, &counts, &aside, NULL), OK);
    assert_int_equal(counts.set_aside, 1);
    assert_int_equal(counts.waiting + counts.held + counts.done, 0);
    assert_int_equal(ledger_set_ledgers(&aside), 10);
    ledger_set_release(&aside);
    struct ledger_range range = {1, 10};
    const struct ledger_set missing = {.ranges = &range, .count = 1};
    const struct lease_wish again = {.missing = &missing, .takes_up_again = true};
    assert_int_equal(lease_plan(me.leases, &again, NULL), OK);
    assert_true(claim(&me, ME, false, &lease));
    assert_int_equal(commit(&me, &lease, ME, 1, 4), OK);
    assert_int_equal(end(&me, &lease, ME, LEASE_FAILED, &set_aside), OK); /* it got on */
    assert_true(claim(&me, ME, false, &lease));
    assert_int_equal(lease.failures, 0);
    assert_int_equal(lease.next_ledger, 5);
}

/* Its lease is not over when the next run plans. */
static void a_piece_whose_fifth_holder_died_just_now_is_taken_up_again(void **state)
{
    struct lease lease;
    struct ledger_range range = {1, 10};
    const struct ledger_set missing = {.ranges = &range, .count = 1};
    NEEDS_SERVER;
    plan(&me, 1, 10, 0);
    assert_true(claim(&other, OTHER, false, &lease));
    (void)postgres_server_query("UPDATE ttp_lease SET failures = 5 RETURNING 1");
    const struct lease_wish again = {.missing = &missing, .takes_up_again = true};
    assert_int_equal(lease_plan(me.leases, &again, NULL), OK);
    (void)postgres_server_query(
        "UPDATE ttp_lease SET expires_at = clock_timestamp() - interval '1 second' RETURNING 1");
    assert_true(claim(&me, ME, false, &lease));
}

/* Somebody else's ledgers, which nobody holds any more, don't stand in the way. */
static void pieces_that_reach_beyond_what_is_asked_for_make_room(void **state)
{
    NEEDS_SERVER;
    plan(&me, 1, 100, 0);
    plan(&other, 41, 60, 0);
    assert_string_equal(postgres_server_query("SELECT string_agg(ledgers::text, ' ' ORDER BY "
                                              "lower(ledgers)) FROM ttp_lease"),
                        "[41,61)");
    plan(&me, 1, 100, 0);
    assert_string_equal(postgres_server_query("SELECT string_agg(ledgers::text, ' ' ORDER BY "
                                              "lower(ledgers)) FROM ttp_lease"),
                        "[1,41) [41,61) [61,101)");
}

static void what_others_cover_is_done(void **state)
{
    struct lease lease;
    NEEDS_SERVER;
    plan(&me, 1, 30, 10);
    assert_true(claim(&me, ME, false, &lease));
    assert_int_equal(commit(&me, &lease, ME, 1, 10 - 1), OK);
    fixture_add(other.catalog, 100, 10, 19);
    fixture_add(other.catalog, 101, 25, 26);
    plan(&me, 1, 30, 10);
    assert_string_equal(postgres_server_query("SELECT string_agg(ledgers::text, ' ' ORDER BY "
                                              "lower(ledgers)) FROM ttp_lease WHERE NOT done"),
                        "[20,25) [27,30) [30,31)");
}

/* Planned by one whose look at the coverage was older than another's commit. */
static void what_is_covered_is_done_also_where_nothing_is_missing(void **state)
{
    const struct ledger_set nothing = {.count = 0};
    const struct lease_wish wish = {.missing = &nothing, .piece_ledgers = 10};
    struct lease lease;
    NEEDS_SERVER;
    plan(&me, 1, 10, 10);
    fixture_add(other.catalog, 100, 1, 10);
    assert_int_equal(lease_plan(me.leases, &wish, NULL), OK);
    assert_false(claim(&me, ME, false, &lease));
}

static void put_under(struct worker *worker, const struct lease *lease, const char *holder,
                      const char *path)
{
    const struct catalog_upload upload = {.path = path,
                                          .commit_uuid = path,
                                          .holder = holder,
                                          .lease_id = lease->lease_id,
                                          .epoch = lease->epoch,
                                          .size_bytes = 1,
                                          .created_us = 1};
    assert_int_equal(catalog_begin_uploads(worker->catalog, &upload, 1, NULL), OK);
}

/* Others look for what dead processes left while this one puts objects. */
static void objects_are_given_up_with_their_lease_and_not_before(void **state)
{
    struct lease mine, stolen;
    const struct lease none = {.lease_id = 0};
    uint64_t given_up = 0;
    bool has = false;
    NEEDS_SERVER;
    plan(&me, 1, 50, 0);
    assert_true(claim(&me, ME, false, &mine));
    put_under(&me, &mine, ME, "under-way.parquet");
    expire(&mine);
    assert_int_equal(catalog_has_old_upload(other.catalog, 0, &has, NULL), OK);
    assert_false(has);
    assert_int_equal(catalog_give_up_uploads(other.catalog, NULL, 5, &given_up, NULL), OK);
    assert_int_equal(given_up, 0);
    put_under(&me, &none, "a verb, which had the lake alone", "verb.parquet");
    assert_true(claim(&other, OTHER, false, &stolen));
    put_under(&other, &stolen, OTHER, "new.parquet");
    assert_int_equal(catalog_has_old_upload(other.catalog, 0, &has, NULL), OK);
    assert_true(has);
    assert_int_equal(catalog_give_up_uploads(other.catalog, NULL, 5, &given_up, NULL), OK);
    assert_int_equal(given_up, 2);
    assert_string_equal(postgres_server_query("SELECT path FROM ttp_upload WHERE swept_us IS NULL"),
                        "new.parquet");
}

/* A commit of a file, as a worker makes it: its number, its intent, and its transaction. */
static enum error_code commit_of_object(struct worker *worker, struct lease *lease, uint32_t first,
                                        uint32_t last, const char *uuid)
{
    struct object_commit made = {{worker, lease, ME, {first, last}}, uuid};
    const struct catalog_terms terms = {.demand = demand_both, .context = &made};
    const struct catalog_upload upload = {.path = uuid,
                                          .commit_uuid = uuid,
                                          .holder = ME,
                                          .lease_id = lease->lease_id,
                                          .epoch = lease->epoch,
                                          .size_bytes = 1,
                                          .created_us = 1};
    struct catalog_file file = fixture_file(uuid, first, last);
    uint64_t commit_no = 0;
    assert_int_equal(catalog_take_commit_no(worker->catalog, &commit_no, NULL), OK);
    assert_int_equal(catalog_begin_uploads(worker->catalog, &upload, 1, NULL), OK);
    struct catalog_commit commit = fixture_commit(commit_no, first, last, &file, 1);
    return catalog_add_commit_if(worker->catalog, &commit, &terms, NULL);
}

static void a_commit_under_a_lease_costs_four_round_trips(void **state)
{
    struct lease lease;
    NEEDS_SERVER;
    plan(&me, 1, 50, 0);
    assert_true(claim(&me, ME, false, &lease));
    assert_int_equal(commit_of_object(&me, &lease, 1, 5, "year=2024/1.parquet"), OK);
    uint64_t before = postgres_session(&me.catalog->database)->trips;
    assert_int_equal(commit_of_object(&me, &lease, 6, 9, "year=2024/2.parquet"), OK);
    assert_int_equal(postgres_session(&me.catalog->database)->trips - before, 4);
    assert_string_equal(postgres_server_query("SELECT count(*) FROM ttp_upload"), "0");
    assert_string_equal(postgres_server_query("SELECT next_ledger FROM ttp_lease"), "10");
}

/* Neither of its two demands alone lets it into the lake, nor changes anything. */
static void a_commit_that_was_given_up_moves_no_lease(void **state)
{
    struct lease lease;
    struct object_commit made = {{&me, &lease, ME, {1, 5}}, "never begun"};
    const struct catalog_terms terms = {.demand = demand_both, .context = &made};
    struct catalog_file file = fixture_file("year=2024/1.parquet", 1, 5);
    struct catalog_commit commit = fixture_commit(9, 1, 5, &file, 1);
    NEEDS_SERVER;
    plan(&me, 1, 50, 0);
    assert_true(claim(&me, ME, false, &lease));
    put_under(&me, &lease, ME, "another.parquet");
    assert_int_equal(catalog_add_commit_if(me.catalog, &commit, &terms, NULL), ERR_IO);
    assert_string_equal(postgres_server_query("SELECT next_ledger FROM ttp_lease"), "1");
    assert_string_equal(postgres_server_query("SELECT count(*) FROM ttp_commits"), "0");
}

/* As after a connection that was lost before the answer. */
static void an_intent_may_be_written_again_until_it_is_given_up(void **state)
{
    struct lease lease;
    NEEDS_SERVER;
    plan(&me, 1, 50, 0);
    assert_true(claim(&me, ME, false, &lease));
    put_under(&me, &lease, ME, "a.parquet");
    put_under(&me, &lease, ME, "a.parquet");
    assert_string_equal(postgres_server_query("SELECT count(*) FROM ttp_upload"), "1");
    const struct catalog_upload others = {
        .path = "a.parquet", .commit_uuid = "another", .holder = OTHER, .created_us = 1};
    assert_int_equal(catalog_begin_uploads(me.catalog, &others, 1, NULL), ERR_CONFLICT);
    assert_int_equal(catalog_begin_uploads(other.catalog, &others, 1, NULL), ERR_CONFLICT);
    assert_int_equal(catalog_give_up_uploads(me.catalog, "a.parquet", 5, NULL, NULL), OK);
    const struct catalog_upload again = {
        .path = "a.parquet", .commit_uuid = "a.parquet", .holder = ME, .created_us = 1};
    assert_int_equal(catalog_begin_uploads(me.catalog, &again, 1, NULL), ERR_CONFLICT);
}

static void numbers_of_commits_are_nobody_elses(void **state)
{
    uint64_t a = 0, b = 0, c = 0;
    NEEDS_SERVER;
    fixture_add(me.catalog, 7, 1, 10);
    assert_int_equal(catalog_take_commit_no(me.catalog, &a, NULL), OK);
    assert_int_equal(catalog_take_commit_no(other.catalog, &b, NULL), OK);
    assert_int_equal(catalog_take_commit_no(me.catalog, &c, NULL), OK);
    assert_int_equal(a, 8);
    assert_int_equal(b, 9);
    assert_int_equal(c, 10);
}

static void who_wants_to_be_alone_waits_for_nobody_and_ousts_nobody(void **state)
{
    struct catalog *alone;
    struct database_location exclusive;
    struct error error;
    NEEDS_SERVER;
    exclusive = where;
    exclusive.is_shared = false;
    assert_int_equal(catalog_open_at(&alone, &exclusive, CATALOG_WRITE, NULL, &error),
                     ERR_CONFLICT);
    assert_non_null(strstr(error.message, "2 processes that fill the lake"));
    fixture_add(me.catalog, 1, 1, 10); /* as before */
    end_worker(&me);
    end_worker(&other);
    assert_int_equal(catalog_open_at(&alone, &exclusive, CATALOG_WRITE, NULL, &error), OK);
    assert_int_equal(catalog_open_at(&me.catalog, &where, CATALOG_WRITE, NULL, &error), ERR_RETRY);
    fixture_add(alone, 2, 11, 20);
    catalog_close(alone);
    assert_int_equal(catalog_open_at(&me.catalog, &where, CATALOG_WRITE, NULL, &error), OK);
    catalog_close(me.catalog);
    me.catalog = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_that_plan_the_same_share_its_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(claims_stay_within_what_is_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_whose_lease_was_stolen_commits_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lease_is_its_holders_by_name_and_epoch, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_expired_and_was_not_stolen_is_still_held, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(coverage_that_overlaps_is_refused_by_the_database, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_piece_follows_the_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_piece_that_fails_five_times_is_set_aside_until_it_is_asked_for_anew, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_piece_whose_fifth_holder_died_just_now_is_taken_up_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(pieces_that_reach_beyond_what_is_asked_for_make_room,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_others_cover_is_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_covered_is_done_also_where_nothing_is_missing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(objects_are_given_up_with_their_lease_and_not_before,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_under_a_lease_costs_four_round_trips, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_commit_that_was_given_up_moves_no_lease, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_intent_may_be_written_again_until_it_is_given_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(numbers_of_commits_are_nobody_elses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_wants_to_be_alone_waits_for_nobody_and_ousts_nobody,
                                        set_up, tear_down),
    };
    has_server = postgres_server_start();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    postgres_server_stop();
    return failures;
}
