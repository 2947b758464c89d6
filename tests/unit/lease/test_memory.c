// SPDX-License-Identifier: Apache-2.0
/* The pieces of a range, who holds them, and what becomes of those that fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "lease/memory.h"
#include "support/allocation_sweep.h"

#define ME    "worker-1"
#define OTHER "worker-2"

static struct leases *leases;

static int set_up(void **state)
{
    (void)state;
    return lease_memory_new(&leases, NULL) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    leases_free(leases);
    leases = NULL;
    return 0;
}

static void plan_of(uint32_t live_first, uint32_t piece_ledgers, size_t count,
                    struct ledger_range *ranges)
{
    const struct ledger_set missing = {.ranges = ranges, .count = count};
    const struct lease_wish wish = {.missing = &missing,
                                    .has_live = live_first != 0,
                                    .live_first = live_first,
                                    .piece_ledgers = piece_ledgers};
    struct error error;
    assert_int_equal(lease_plan(leases, &wish, &error), OK);
}
#define PLAN(live_first, piece_ledgers, ...)                                                       \
    plan_of((live_first), (piece_ledgers),                                                         \
            sizeof((struct ledger_range[]){__VA_ARGS__}) / sizeof(struct ledger_range),            \
            (struct ledger_range[]){__VA_ARGS__})

static bool claim_as(const char *holder, bool newest_first, struct lease *lease)
{
    const struct lease_claim claim = {.holder = holder, .newest_first = newest_first};
    bool found;
    assert_int_equal(lease_claim(leases, &claim, lease, &found, NULL), OK);
    return found;
}

static void expect_piece(const struct lease *lease, uint32_t next, uint32_t first, uint32_t last)
{
    assert_int_equal(lease->next_ledger, next);
    assert_int_equal(lease->ledgers.first, first);
    assert_int_equal(lease->ledgers.last, last);
}

static void advance(struct lease *lease, const char *holder, uint32_t first, uint32_t last)
{
    assert_int_equal(lease_advance(leases, lease, holder, (struct ledger_range){first, last}, NULL),
                     OK);
}

static bool end(const struct lease *lease, const char *holder, enum lease_end how)
{
    bool set_aside;
    assert_int_equal(lease_end(leases, lease, holder, how, &set_aside, NULL), OK);
    return set_aside;
}

static struct lease_counts counts(void)
{
    struct lease_counts counts;
    assert_int_equal(lease_count(leases, &counts, NULL, NULL), OK);
    return counts;
}

static void pieces_end_before_multiples_of_their_length(void **state)
{
    static const struct {
        struct ledger_range range;
        uint32_t ledgers;
        size_t count;
        struct ledger_range first, last;
    } cases[] = {
        {{1, 100}, 0, 1, {1, 100}, {1, 100}},
        {{1, 100}, 1000, 1, {1, 100}, {1, 100}},
        {{10, 39}, 10, 3, {10, 19}, {30, 39}},
        {{5, 31}, 10, 4, {5, 9}, {30, 31}},
        {{9, 10}, 10, 2, {9, 9}, {10, 10}},
        {{UINT32_MAX - 5, UINT32_MAX - 1},
         16384,
         1,
         {UINT32_MAX - 5, UINT32_MAX - 1},
         {UINT32_MAX - 5, UINT32_MAX - 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ledger_set out = {0};
        assert_int_equal(lease_cut(cases[i].range, cases[i].ledgers, &out, NULL), OK);
        assert_int_equal(out.count, cases[i].count);
        assert_memory_equal(&out.ranges[0], &cases[i].first, sizeof cases[i].first);
        assert_memory_equal(&out.ranges[out.count - 1], &cases[i].last, sizeof cases[i].last);
        ledger_set_release(&out);
    }
}

static void pieces_are_claimed_lowest_or_newest_first_and_never_twice(void **state)
{
    struct lease a, b, c, none;
    (void)state;
    PLAN(0, 10, {5, 29});
    assert_true(claim_as(ME, false, &a));
    assert_true(claim_as(OTHER, true, &b));
    assert_true(claim_as(ME, false, &c));
    expect_piece(&a, 5, 5, 9);
    expect_piece(&b, 20, 20, 29);
    expect_piece(&c, 10, 10, 19);
    assert_false(claim_as(OTHER, false, &none));
    assert_int_equal(counts().held, 3);
}

static void planning_again_adds_nothing(void **state)
{
    struct lease lease;
    (void)state;
    PLAN(100, 10, {5, 29});
    PLAN(100, 10, {5, 29});
    assert_int_equal(counts().waiting, 4);
    assert_true(claim_as(ME, false, &lease));
    PLAN(100, 10, {5, 29});
    assert_int_equal(counts().waiting, 3);
    assert_int_equal(counts().held, 1);
    PLAN(100, 10, {5, 29}, {40, 45}); /* what is new comes in */
    assert_int_equal(counts().waiting, 4);
}

static void planning_moves_pieces_on_to_what_is_missing(void **state)
{
    struct lease lease;
    (void)state;
    PLAN(0, 10, {10, 29});
    PLAN(0, 10, {15, 16}, {19, 19}); /* others have committed the rest */
    assert_int_equal(counts().done, 1);
    assert_true(claim_as(ME, false, &lease));
    expect_piece(&lease, 15, 10, 16);
    assert_true(claim_as(ME, false, &lease));
    expect_piece(&lease, 19, 19, 19);
}

static void a_piece_goes_on_behind_its_commits_and_is_done_at_its_end(void **state)
{
    struct lease lease;
    (void)state;
    PLAN(0, 0, {10, 29});
    assert_true(claim_as(ME, false, &lease));
    advance(&lease, ME, 10, 14);
    assert_false(end(&lease, ME, LEASE_GIVEN_BACK));
    assert_true(claim_as(OTHER, false, &lease));
    expect_piece(&lease, 15, 10, 29);
    assert_int_equal(lease.epoch, 2);
    advance(&lease, OTHER, 15, 29);
    assert_false(end(&lease, OTHER, LEASE_GIVEN_BACK));
    assert_false(claim_as(ME, false, &lease));
    assert_int_equal(counts().done, 1);
}

static void a_ledger_left_out_at_the_end_leaves_no_piece(void **state)
{
    struct lease lease;
    (void)state;
    PLAN(0, 0, {10, 29});
    assert_true(claim_as(ME, false, &lease));
    advance(&lease, ME, 10, 28);
    assert_false(end(&lease, ME, LEASE_DONE));
    assert_false(claim_as(ME, false, &lease));
}

static void a_piece_that_fails_five_times_is_set_aside_and_named(void **state)
{
    struct lease lease;
    struct lease_counts now;
    struct ledger_set set_aside = {0};
    (void)state;
    PLAN(0, 10, {10, 29});
    for (unsigned i = 1; i <= LEASE_FAILURES_MAX; i++) {
        assert_true(claim_as(ME, false, &lease));
        expect_piece(&lease, 10, 10, 19);
        assert_int_equal(lease.failures, i - 1);
        assert_int_equal(end(&lease, ME, LEASE_FAILED), i == LEASE_FAILURES_MAX);
    }
    assert_true(claim_as(ME, false, &lease)); /* the others go on */
    expect_piece(&lease, 20, 20, 29);
    PLAN(0, 10, {10, 29}); /* and it stays aside */
    assert_int_equal(lease_count(leases, &now, &set_aside, NULL), OK);
    assert_int_equal(now.set_aside, 1);
    assert_int_equal(now.waiting, 0);
    assert_int_equal(set_aside.count, 1);
    assert_int_equal(set_aside.ranges[0].first, 10);
    assert_int_equal(set_aside.ranges[0].last, 19);
    ledger_set_release(&set_aside);
}

static void progress_begins_the_count_of_failures_anew(void **state)
{
    struct lease lease;
    (void)state;
    PLAN(0, 0, {10, 29});
    for (unsigned i = 0; i < 3 * LEASE_FAILURES_MAX; i++) {
        assert_true(claim_as(ME, false, &lease));
        if (i % LEASE_FAILURES_MAX == LEASE_FAILURES_MAX - 1)
            advance(&lease, ME, 10 + i, 10 + i);
        assert_false(end(&lease, ME, LEASE_FAILED));
    }
}

static void a_lease_that_expired_is_stolen_and_fenced(void **state)
{
    struct lease mine, stolen;
    bool found, set_aside;
    struct error error;
    struct lease_claim claim = {.holder = ME, .now_us = 1000, .ttl_us = 60};
    (void)state;
    PLAN(0, 0, {10, 29});
    assert_int_equal(lease_claim(leases, &claim, &mine, &found, NULL), OK);
    assert_true(found);
    assert_int_equal(lease_renew(leases, &mine, ME, 1100, NULL), OK);
    claim.holder = OTHER;
    claim.now_us = 1100; /* not yet */
    assert_int_equal(lease_claim(leases, &claim, &stolen, &found, NULL), OK);
    assert_false(found);
    claim.now_us = 1101;
    assert_int_equal(lease_claim(leases, &claim, &stolen, &found, NULL), OK);
    assert_true(found);
    assert_int_equal(stolen.epoch, mine.epoch + 1);
    assert_int_equal(lease_renew(leases, &mine, ME, 9999, &error), ERR_CONFLICT);
    assert_int_equal(lease_advance(leases, &mine, ME, (struct ledger_range){10, 11}, &error),
                     ERR_CONFLICT);
    assert_int_equal(lease_end(leases, &mine, ME, LEASE_FAILED, &set_aside, &error), ERR_CONFLICT);
    advance(&stolen, OTHER, 10, 11);
}

static void the_same_holder_is_fenced_by_the_epoch(void **state)
{
    struct lease before, after;
    (void)state;
    PLAN(0, 0, {10, 29});
    assert_true(claim_as(ME, false, &before));
    assert_false(end(&before, ME, LEASE_GIVEN_BACK));
    assert_true(claim_as(ME, false, &after));
    assert_int_equal(lease_advance(leases, &before, ME, (struct ledger_range){10, 11}, NULL),
                     ERR_CONFLICT);
    advance(&after, ME, 10, 11);
}

static void a_piece_that_is_let_expire_again_and_again_is_set_aside(void **state)
{
    struct lease lease;
    bool found = true;
    struct lease_claim claim = {.holder = ME, .ttl_us = 1};
    (void)state;
    PLAN(0, 0, {10, 29});
    for (unsigned i = 0; i < LEASE_FAILURES_MAX; i++, claim.now_us += 10) {
        assert_int_equal(lease_claim(leases, &claim, &lease, &found, NULL), OK);
        assert_true(found);
    }
    assert_int_equal(lease_claim(leases, &claim, &lease, &found, NULL), OK);
    assert_false(found);
    assert_int_equal(counts().set_aside, 1);
}

static void the_open_piece_is_claimed_only_by_who_wants_it(void **state)
{
    struct lease lease;
    bool found;
    const struct lease_claim claim = {.holder = ME, .is_live = true};
    (void)state;
    PLAN(100, 10, {10, 19});
    assert_int_equal(lease_claim(leases, &claim, &lease, &found, NULL), OK);
    assert_true(found);
    expect_piece(&lease, 100, 100, 0);
    advance(&lease, ME, 100, 150);
    assert_int_equal(lease_claim(leases, &claim, &lease, &found, NULL), OK);
    assert_false(found);
    assert_true(claim_as(ME, true, &lease));
    expect_piece(&lease, 10, 10, 19);
    assert_false(claim_as(ME, true, &lease));
}

static void memory_that_runs_out_leaves_leases_that_work(void **state)
{
    struct ledger_range missing_range = {5, 95};
    const struct ledger_set missing = {.ranges = &missing_range, .count = 1};
    const struct lease_wish wish = {
        .missing = &missing, .has_live = true, .live_first = 100, .piece_ledgers = 10};
    struct allocation_sweep sweep = {0};
    (void)state;
    while (sweep_next(&sweep)) {
        struct leases *own;
        sweep_begin(&sweep);
        enum error_code code = lease_memory_new(&own, NULL);
        if (code == OK)
            code = lease_plan(own, &wish, NULL);
        bool done = sweep_end(&sweep, code);
        if (!done && own != NULL)
            assert_int_equal(lease_plan(own, &wish, NULL), OK);
        leases_free(own);
    }
    assert_true(sweep.failures > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_end_before_multiples_of_their_length),
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(pieces_are_claimed_lowest_or_newest_first_and_never_twice),
        TEST(planning_again_adds_nothing),
        TEST(planning_moves_pieces_on_to_what_is_missing),
        TEST(a_piece_goes_on_behind_its_commits_and_is_done_at_its_end),
        TEST(a_ledger_left_out_at_the_end_leaves_no_piece),
        TEST(a_piece_that_fails_five_times_is_set_aside_and_named),
        TEST(progress_begins_the_count_of_failures_anew),
        TEST(a_lease_that_expired_is_stolen_and_fenced),
        TEST(the_same_holder_is_fenced_by_the_epoch),
        TEST(a_piece_that_is_let_expire_again_and_again_is_set_aside),
        TEST(the_open_piece_is_claimed_only_by_who_wants_it),
        TEST(memory_that_runs_out_leaves_leases_that_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
