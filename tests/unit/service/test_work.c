// SPDX-License-Identifier: Apache-2.0
/* What several streams fetch: pieces, who waits for which, and what two of them saw of the ledger
 * between theirs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include "os/thread.h"
#include "service/work.h"
#include "util/memory.h"

static atomic_bool is_stopping;

static bool must_stop(void *context)
{
    (void)context;
    return atomic_load(&is_stopping);
}

static struct work *make_work(size_t stream_count, uint32_t piece_ledgers)
{
    struct work *work;
    const struct work_options options = {
        .stream_count = stream_count, .piece_ledgers = piece_ledgers, .must_stop = must_stop};
    atomic_store(&is_stopping, false);
    assert_int_equal(work_new(&work, &options, NULL), OK);
    return work;
}

static void plan_ranges(struct work *work, struct run_plan *plan)
{
    assert_int_equal(work_plan(work, plan, NULL), OK);
    work_seams_are_checked(work);
}

static struct work_piece take(struct work *work, size_t stream)
{
    struct work_piece piece;
    assert_true(work_take(work, stream, &piece));
    return piece;
}

static void commit(struct work *work, size_t stream, uint32_t first, uint32_t last)
{
    struct catalog_commit commit = {
        .range = {first, last}, .schema_version = "1.1.0", .digest_ledger = last};
    memset(commit.digest_chain, (int)last, sizeof commit.digest_chain);
    const struct sink_commit_info info = {.range = {first, last}, .commit = &commit};
    work_committed(work, stream, &info);
}

static struct catalog_digest digest_of(uint32_t ledger, int chain, int contents)
{
    struct catalog_digest digest = {.ledger = ledger, .schema_version = "1.1.0"};
    memset(digest.chain, chain, sizeof digest.chain);
    digest.contents.version = 2;
    memset(digest.contents.bytes, contents, sizeof digest.contents.bytes);
    return digest;
}

static void one_stream_takes_the_ranges_as_they_are(void **state)
{
    (void)state;
    struct run_range ranges[] = {{.first = 5, .last = 95}, {.first = 200, .last = 300}};
    struct run_plan plan = {.ranges = ranges, .range_count = 2};
    struct work *work = make_work(1, 10);
    struct work_piece piece;
    plan_ranges(work, &plan);
    for (size_t i = 0; i < 2; i++) {
        piece = take(work, 0);
        assert_memory_equal(&piece.range, &ranges[i], sizeof ranges[i]);
    }
    assert_false(work_take(work, 0, &piece)); /* it does not wait for its own commits */
    work_free(work);
}

static void pieces_know_what_lies_beside_them(void **state)
{
    (void)state;
    struct run_range ranges[] = {{.first = 5,
                                  .last = 25,
                                  .below = {.digest = {.ledger = 4}, .closed_ledger = 4},
                                  .above = {.digest = {.ledger = 26}, .closed_ledger = 26}}};
    struct run_plan plan = {.ranges = ranges, .range_count = 1};
    struct work *work = make_work(3, 10);
    plan_ranges(work, &plan);
    struct run_range low = take(work, 0).range, middle = take(work, 1).range,
                     high = take(work, 2).range;
    assert_int_equal(low.first, 5);
    assert_int_equal(low.below.digest.ledger, 4);
    assert_true(!low.tells_below && low.tells_end && !low.is_compared);
    assert_int_equal(middle.first, 10);
    assert_int_equal(middle.below.digest.ledger, 9);
    assert_int_equal(middle.below.closed_ledger, 4); /* close times must rise from there */
    assert_int_equal(middle.above.closed_ledger, 26);
    assert_true(middle.tells_below && middle.tells_end && middle.is_compared);
    assert_int_equal(high.last, 25);
    assert_int_equal(high.above.digest.ledger, 26);
    assert_true(high.tells_below && !high.tells_end);
    work_free(work);
}

static void of_a_live_run_the_first_stream_follows_and_the_others_fill_newest_first(void **state)
{
    (void)state;
    struct run_range ranges[] = {
        {.first = 100}, {.first = 5, .last = 14}, {.first = 40, .last = 59}};
    struct run_plan plan = {.ranges = ranges, .range_count = 3, .live = true};
    struct work *work = make_work(2, 10);
    plan_ranges(work, &plan);
    assert_int_equal(take(work, 1).range.first, 50);
    assert_int_equal(take(work, 0).range.first, 100);
    assert_int_equal(take(work, 1).range.first, 40);
    assert_int_equal(take(work, 1).range.first, 10);
    assert_int_equal(take(work, 1).range.first, 5);
    work_free(work);
}

static void a_piece_given_back_goes_on_behind_its_commits_with_a_seam(void **state)
{
    (void)state;
    struct run_range ranges[] = {{.first = 10, .last = 29}};
    struct run_plan plan = {.ranges = ranges, .range_count = 1};
    struct work *work = make_work(2, 10);
    plan_ranges(work, &plan);
    struct work_piece piece = take(work, 0);
    commit(work, 0, 10, 14);
    work_end(work, piece.lease_id, LEASE_FAILED, "the server is gone");
    piece = take(work, 1);
    assert_int_equal(piece.range.first, 15);
    assert_true(piece.range.tells_below);
    struct catalog_digest same = digest_of(14, 14, 0), other = digest_of(14, 99, 0);
    assert_int_equal(work_note_below(work, 14, &same), SOURCE_SEAM_OK);
    assert_int_equal(work_note_below(work, 14, &other), SOURCE_SEAM_OTHER_CHAIN);
    work_free(work);
}

static void of_two_neighbours_the_second_compares(void **state)
{
    static const struct {
        int chain, contents;
        enum source_seam_verdict verdict;
    } cases[] = {{1, 1, SOURCE_SEAM_OK},
                 {1, 2, SOURCE_SEAM_OTHER_CONTENTS},
                 {2, 1, SOURCE_SEAM_OTHER_CHAIN}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct work *work = make_work(2, 10);
        struct catalog_digest one = digest_of(9, 1, 1),
                              other = digest_of(9, cases[i].chain, cases[i].contents);
        assert_int_equal(work_note_below(work, 9, &one), SOURCE_SEAM_OK);
        assert_int_equal(work_note_end(work, 9, &other), cases[i].verdict);
        assert_int_equal(work_note_end(work, 19, &one), SOURCE_SEAM_OK);
        assert_int_equal(work_note_below(work, 19, &other), cases[i].verdict);
        assert_int_equal(work_note_end(work, 29, NULL),
                         SOURCE_SEAM_OK); /* no event: none to compare */
        assert_int_equal(work_note_below(work, 29, &other), SOURCE_SEAM_OK);
        work_free(work);
    }
}

static void a_piece_that_fails_again_and_again_is_set_aside(void **state)
{
    (void)state;
    struct run_range ranges[] = {{.first = 10, .last = 29}};
    struct run_plan plan = {.ranges = ranges, .range_count = 1};
    struct work *work = make_work(2, 10);
    struct work_piece piece;
    struct work_stats stats;
    plan_ranges(work, &plan);
    for (unsigned i = 0; i < LEASE_FAILURES_MAX; i++) {
        piece = take(work, 0);
        assert_int_equal(piece.range.first, 10);
        work_end(work, piece.lease_id, LEASE_FAILED, "poison");
    }
    piece = take(work, 1);
    commit(work, 1, 20, 29);
    work_end(work, piece.lease_id, LEASE_DONE, NULL);
    assert_false(work_take(work, 0, &piece));
    work_get_stats(work, &stats);
    assert_int_equal(stats.pieces_set_aside, 1);
    assert_int_equal(stats.pieces_done, 1);
    work_free(work);
}

static void a_new_round_plans_what_is_missing_by_then(void **state)
{
    (void)state;
    struct run_range ranges[] = {{.first = 10, .last = 29}};
    struct run_range left[] = {{.first = 15, .last = 19}, {.first = 25, .last = 29}};
    struct run_plan plan = {.ranges = ranges, .range_count = 1};
    struct run_plan again = {.ranges = left, .range_count = 2};
    struct work *work = make_work(2, 10);
    plan_ranges(work, &plan);
    (void)take(work, 0);
    (void)take(work, 1);
    commit(work, 0, 10, 14); /* and 20 to 24 of the other, of which nobody told */
    plan_ranges(work, &again);
    assert_int_equal(take(work, 0).range.first, 15);
    assert_int_equal(take(work, 1).range.first, 25);
    work_free(work);
}

/* ---- on threads ---- */

#define THREADS 4
#define LEDGERS 2000

struct walker {
    struct work *work;
    size_t stream;
    struct os_thread thread;
    atomic_uint *fetched; /* by ledger */
    unsigned failures;
};

/* Fetches piece after piece in commits of three ledgers; fails now and then. */
static void *walk(void *context)
{
    struct walker *walker = context;
    struct work_piece piece;
    while (work_take(walker->work, walker->stream, &piece)) {
        bool fails = (piece.range.first + walker->stream) % 3 == 0 && walker->failures++ < 20;
        for (uint32_t at = piece.range.first; at <= piece.range.last; at += 3) {
            uint32_t last = at + 2 < piece.range.last ? at + 2 : piece.range.last;
            for (uint32_t ledger = at; ledger <= last; ledger++)
                atomic_fetch_add(&walker->fetched[ledger], 1);
            commit(walker->work, walker->stream, at, last);
            if (fails)
                break;
        }
        (void)work_note_below(walker->work, piece.range.first - 1, NULL);
        (void)work_note_end(walker->work, piece.range.last, NULL);
        work_end(walker->work, piece.lease_id, fails ? LEASE_FAILED : LEASE_DONE, "made up");
    }
    return NULL;
}

static void streams_on_threads_fetch_each_ledger_once(void **state)
{
    (void)state;
    static atomic_uint fetched[LEDGERS + 1];
    struct run_range ranges[] = {{.first = 1, .last = LEDGERS}};
    struct run_plan plan = {.ranges = ranges, .range_count = 1};
    struct work *work = make_work(THREADS, 32);
    struct walker walkers[THREADS];
    struct work_stats stats;
    assert_int_equal(work_plan(work, &plan, NULL), OK);
    for (size_t i = 0; i < THREADS; i++) {
        walkers[i] = (struct walker){.work = work, .stream = i, .fetched = fetched};
        assert_int_equal(os_thread_start(&walkers[i].thread, "walker", walk, &walkers[i], NULL),
                         OK);
    }
    work_get_stats(work, &stats);
    assert_int_equal(stats.pieces_done, 0); /* none is taken before the seams are checked */
    work_seams_are_checked(work);
    for (size_t i = 0; i < THREADS; i++)
        os_thread_join(&walkers[i].thread);
    for (uint32_t ledger = 1; ledger <= LEDGERS; ledger++)
        assert_int_equal(atomic_load(&fetched[ledger]), 1);
    work_get_stats(work, &stats);
    assert_int_equal(stats.pieces_held + stats.pieces_waiting + stats.pieces_set_aside, 0);
    work_free(work);
}

static void a_stop_wakes_streams_that_wait(void **state)
{
    (void)state;
    struct run_range ranges[] = {{.first = 1, .last = 5}};
    struct run_plan plan = {.ranges = ranges, .range_count = 1};
    struct work *work = make_work(2, 32);
    struct walker waiting = {.work = work, .stream = 1};
    plan_ranges(work, &plan);
    (void)take(work, 0);
    assert_int_equal(os_thread_start(&waiting.thread, "walker", walk, &waiting, NULL), OK);
    atomic_store(&is_stopping, true);
    work_wake(work);
    os_thread_join(&waiting.thread);
    work_free(work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_stream_takes_the_ranges_as_they_are),
        cmocka_unit_test(pieces_know_what_lies_beside_them),
        cmocka_unit_test(of_a_live_run_the_first_stream_follows_and_the_others_fill_newest_first),
        cmocka_unit_test(a_piece_given_back_goes_on_behind_its_commits_with_a_seam),
        cmocka_unit_test(of_two_neighbours_the_second_compares),
        cmocka_unit_test(a_piece_that_fails_again_and_again_is_set_aside),
        cmocka_unit_test(a_new_round_plans_what_is_missing_by_then),
        cmocka_unit_test(streams_on_threads_fetch_each_ledger_once),
        cmocka_unit_test(a_stop_wakes_streams_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
