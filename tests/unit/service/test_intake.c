// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "service/intake.h"
#include "os/clock.h"
#include "support/allocation_sweep.h"
#include "support/recording.h"
#include "util/memory.h"

#define FIRST 1410048 /* of the recording of testnet, which has events in each ledger */

static bool stop_asked;
static int64_t clock_us;

static bool must_stop(void *context)
{
    (void)context;
    return stop_asked;
}

static int64_t fake_time(void)
{
    return clock_us;
}

static const struct os_clock fake_clock = {fake_time, fake_time};

/* An intake before a queue, and the recording that plays the source. */
struct fixture {
    struct batch_queue *queue;
    struct intake *intake;
    struct source_handler handler;
    struct recorded recording;
    struct bytes_view message; /* read but not handed over yet: of the next ledger */
    struct event_view event;
    bool has_message;
};

static const struct intake_options usual = {.scheme = PARTITION_DATE_HOUR,
                                            .batch_rows = 20,
                                            .flush_interval_us = 1000000,
                                            .flush_bytes = 64 << 20,
                                            .ledger_limit_bytes = 64 << 20,
                                            .memory_limit_bytes = 128 << 20};

static void fixture_open(struct fixture *fixture, struct intake_options options)
{
    *fixture = (struct fixture){.queue = NULL};
    struct error error;
    assert_int_equal(batch_queue_new(&fixture->queue, 1 << 30, &error), OK);
    stop_asked = false;
    clock_us = 1000;
    os_clock_set(&fake_clock);
    options.schema = row_schema_find("1.1.0");
    options.queue = fixture->queue;
    options.must_stop = must_stop;
    assert_int_equal(intake_new(&fixture->intake, &options, &error), OK);
    fixture->handler = intake_handler(fixture->intake);
    recorded_open(&fixture->recording, "testnet-1410048-1410207", ".events");
}

static void fixture_close(struct fixture *fixture)
{
    os_clock_set(NULL);
    intake_free(fixture->intake);
    batch_queue_free(fixture->queue);
    recorded_close(&fixture->recording);
}

static void begin(struct fixture *fixture, uint32_t first)
{
    const struct run_range range = {.first = first};
    assert_int_equal(intake_begin_range(fixture->intake, &range, NULL), OK);
}

/* Beside a ledger of the lake. */
static void begin_beside(struct fixture *fixture, uint32_t first,
                         const struct catalog_digest *digest)
{
    const struct run_range range = {.first = first, .below.digest = *digest};
    assert_int_equal(intake_begin_range(fixture->intake, &range, NULL), OK);
}

/* Reads on to the next message. */
static bool peek(struct fixture *fixture)
{
    if (!fixture->has_message && recorded_next(&fixture->recording, &fixture->message)) {
        assert_int_equal(event_decode(fixture->message, &fixture->event, NULL), OK);
        fixture->has_message = true;
    }
    return fixture->has_message;
}

/* Hands over all events of `ledger`; how many. */
static uint32_t hand_over(struct fixture *fixture, uint32_t ledger)
{
    uint32_t count = 0;
    for (; peek(fixture) && fixture->event.ledger_sequence == ledger; count++) {
        bool is_stored = true;
        assert_int_equal(fixture->handler.on_event(fixture->handler.context, &fixture->event, count,
                                                   fixture->message, &is_stored, NULL),
                         OK);
        assert_true(is_stored);
        fixture->has_message = false;
    }
    return count;
}

static void complete(struct fixture *fixture, uint32_t ledger)
{
    assert_int_equal(fixture->handler.on_complete_to(fixture->handler.context, ledger, NULL), OK);
}

/* The next batch in the queue; NULL if it is empty. */
static struct row_batch *take(struct fixture *fixture)
{
    struct queue_item item = batch_queue_pop(fixture->queue, 0);
    return item.kind == QUEUE_BATCH ? item.batch : NULL;
}

static void expect_remark(struct fixture *fixture, enum queue_remark_kind kind, uint32_t ledger,
                          const char *words)
{
    struct queue_item item = batch_queue_pop(fixture->queue, 0);
    assert_int_equal(item.kind, QUEUE_REMARK);
    assert_int_equal(item.remark->kind, kind);
    assert_int_equal(item.remark->ledger, ledger);
    assert_string_equal(item.remark->words, words);
    mem_free(item.remark);
}

static void complete_ledgers_go_on_when_they_are_a_batch(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, usual);
    begin(&fixture, FIRST);
    int64_t waiting = 0;
    for (uint32_t ledger = FIRST; ledger < FIRST + 40; ledger++) {
        uint32_t rows = hand_over(&fixture, ledger);
        assert_null(take(&fixture)); /* the ledger in progress never leaves */
        complete(&fixture, ledger);
        waiting += rows;
        struct row_batch *batch = take(&fixture);
        assert_true((batch != NULL) == (waiting >= 20));
        if (batch != NULL) {
            assert_int_equal(batch->row_count, waiting);
            assert_int_equal(batch->range.last, ledger);
            waiting = 0;
        }
        row_batch_free(batch);
    }
    fixture_close(&fixture);
}

static void a_dropped_ledger_leaves_nothing_behind(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, usual);
    begin(&fixture, FIRST);
    uint32_t rows = hand_over(&fixture, FIRST);
    complete(&fixture, FIRST);
    assert_true(hand_over(&fixture, FIRST + 1) > 0);
    fixture.handler.on_ledger_dropped(fixture.handler.context);
    assert_int_equal(intake_flush(fixture.intake, NULL), OK);
    struct row_batch *batch = take(&fixture);
    assert_non_null(batch);
    assert_int_equal(batch->range.first, FIRST);
    assert_int_equal(batch->range.last, FIRST);
    assert_int_equal(batch->row_count, rows);
    row_batch_free(batch);
    assert_null(take(&fixture));
    fixture_close(&fixture);
}

static int64_t deadline_of(const struct fixture *fixture)
{
    return fixture->handler.deadline_us(fixture->handler.context);
}

static void rows_that_wait_go_on_at_the_deadline_that_the_source_is_told(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, usual);
    assert_true(deadline_of(&fixture) == INT64_MAX);
    begin(&fixture, FIRST);
    hand_over(&fixture, FIRST);
    complete(&fixture, FIRST);
    assert_int_equal(deadline_of(&fixture), 1001000);
    clock_us += 1000000;
    assert_false(fixture.handler.must_stop(fixture.handler.context));
    assert_true(fixture.handler.has_room(fixture.handler.context));
    assert_null(take(&fixture)); /* asking changes nothing */
    assert_int_equal(fixture.handler.on_deadline(fixture.handler.context, NULL), OK);
    struct row_batch *batch = take(&fixture);
    assert_non_null(batch);
    row_batch_free(batch);
    assert_true(deadline_of(&fixture) == INT64_MAX);
    fixture_close(&fixture);
}

static void start_0_begins_with_the_first_ledger_that_comes(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, usual);
    begin(&fixture, 0);
    complete(&fixture, FIRST - 1); /* nothing came: there is no range yet */
    assert_int_equal(intake_flush(fixture.intake, NULL), OK);
    assert_null(take(&fixture));
    hand_over(&fixture, FIRST);
    complete(&fixture, FIRST);
    assert_int_equal(intake_flush(fixture.intake, NULL), OK);
    struct row_batch *batch = take(&fixture);
    assert_int_equal(batch->range.first, FIRST);
    row_batch_free(batch);
    struct stream_stats stats = {0};
    intake_add_stats(fixture.intake, &stats);
    assert_int_equal(stats.first_ledger, FIRST);
    fixture_close(&fixture);
}

static void a_skipped_ledger_parts_the_batches(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, usual);
    begin(&fixture, FIRST);
    hand_over(&fixture, FIRST);
    complete(&fixture, FIRST);
    assert_int_equal(fixture.handler.on_skip(fixture.handler.context, FIRST + 1, "words", NULL),
                     OK);
    while (peek(&fixture) && fixture.event.ledger_sequence == FIRST + 1)
        fixture.has_message = false;
    hand_over(&fixture, FIRST + 2);
    complete(&fixture, FIRST + 2);
    assert_int_equal(intake_flush(fixture.intake, NULL), OK);
    struct row_batch *before = take(&fixture);
    expect_remark(&fixture, REMARK_SKIPPED, FIRST + 1, "words");
    struct row_batch *after = take(&fixture);
    assert_int_equal(before->range.last, FIRST);
    assert_int_equal(after->range.first, FIRST + 2);
    assert_int_equal(after->unconfirmed_count, 0);
    row_batch_free(before);
    row_batch_free(after);
    fixture_close(&fixture);
}

static void a_message_that_cannot_be_read_is_a_dead_letter(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, usual);
    begin(&fixture, FIRST);
    assert_int_equal(fixture.handler.on_unreadable(fixture.handler.context, FIRST, 0, "torn",
                                                   bytes_view_text("\x0a\xff"), NULL),
                     OK);
    complete(&fixture, FIRST);
    assert_int_equal(intake_flush(fixture.intake, NULL), OK);
    struct row_batch *batch = take(&fixture);
    assert_int_equal(batch->row_count, 0);
    assert_int_equal(batch->dead_letter_count, 1);
    assert_string_equal(batch->dead_letters[0].reason, "torn");
    row_batch_free(batch);
    fixture_close(&fixture);
}

static void a_ledger_beyond_its_share_of_memory_ends_the_run_and_names_the_option(void **state)
{
    (void)state;
    struct fixture fixture;
    struct intake_options options = usual;
    options.ledger_limit_bytes = 4096;
    fixture_open(&fixture, options);
    begin(&fixture, FIRST);
    struct error error;
    enum error_code code = OK;
    bool is_stored = true;
    assert_true(peek(&fixture));
    for (uint32_t i = 0; code == OK && i < 100000; i++)
        code = fixture.handler.on_event(fixture.handler.context, &fixture.event, i, fixture.message,
                                        &is_stored, &error);
    assert_int_equal(code, ERR_LIMIT);
    assert_non_null(strstr(error.message, "1410048"));
    assert_non_null(strstr(error.message, "memory_limit (128.0 MiB)"));
    fixture_close(&fixture);
}

static void what_earlier_ledgers_left_goes_before_a_ledger_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct intake_options options = usual;
    options.ledger_limit_bytes = 450000;
    fixture_open(&fixture, options);
    begin(&fixture, FIRST);
    assert_true(peek(&fixture));
    for (uint32_t ledger = FIRST; ledger < FIRST + 40; ledger++) {
        for (uint32_t i = 0; i < 3000; i++) {
            char account[24];
            int size = snprintf(account, sizeof account, "G%010u%04u", ledger, i % 1000);
            bool is_stored;
            fixture.event.ledger_sequence = ledger;
            fixture.event.from = bytes_view_of(account, (size_t)size);
            struct error error;
            if (fixture.handler.on_event(fixture.handler.context, &fixture.event, i,
                                         fixture.message, &is_stored, &error) != OK)
                fail_msg("%s", error.message);
        }
        complete(&fixture, ledger);
        row_batch_free(take(&fixture));
    }
    fixture_close(&fixture);
}

static void a_wish_for_an_epoch_is_met_by_the_next_ledger(void **state)
{
    (void)state;
    struct fixture fixture;
    struct intake_options options = usual;
    options.batch_rows = 1;
    fixture_open(&fixture, options);
    begin(&fixture, FIRST);
    for (uint32_t ledger = FIRST; ledger < FIRST + 4; ledger++) {
        hand_over(&fixture, ledger);
        if (ledger == FIRST + 1)
            batch_queue_ask_for_epoch(fixture.queue);
        complete(&fixture, ledger);
        struct row_batch *batch = take(&fixture);
        assert_non_null(batch);
        assert_int_equal(batch->parts[0].begins_epoch, ledger == FIRST || ledger == FIRST + 2);
        row_batch_free(batch);
    }
    fixture_close(&fixture);
}

/* Hands the seam ledger over again and asks for the verdict. */
static enum source_seam_verdict seam_verdict(struct fixture *fixture, const char *other_amount,
                                             int64_t later_seconds)
{
    uint32_t index = 0;
    for (; peek(fixture) && fixture->event.ledger_sequence == FIRST; index++) {
        struct event_view event = fixture->event;
        event.closed_at_seconds += later_seconds;
        if (other_amount != NULL && index == 0)
            event.amount = bytes_view_text(other_amount);
        assert_int_equal(fixture->handler.on_seam_event(fixture->handler.context, &event, index,
                                                        fixture->message, NULL),
                         OK);
        fixture->has_message = false;
    }
    assert_true(index > 0);
    enum source_seam_verdict verdict;
    assert_int_equal(
        fixture->handler.on_seam_complete(fixture->handler.context, FIRST, &verdict, NULL), OK);
    return verdict;
}

/* The digest that a run stored of its first ledger. */
static struct catalog_digest stored_digest(void)
{
    struct fixture fixture;
    fixture_open(&fixture, usual);
    begin(&fixture, FIRST);
    hand_over(&fixture, FIRST);
    complete(&fixture, FIRST);
    assert_int_equal(intake_flush(fixture.intake, NULL), OK);
    struct row_batch *batch = take(&fixture);
    struct catalog_digest digest = {.ledger = batch->digest_ledger, .schema_version = "1.1.0"};
    assert_int_equal(digest.ledger, FIRST);
    memcpy(digest.chain, batch->digest.chain, sizeof digest.chain);
    digest.contents = batch->digest.contents;
    row_batch_free(batch);
    fixture_close(&fixture);
    return digest;
}

static void the_seam_ledger_tells_other_chains_and_other_contents(void **state)
{
    (void)state;
    const struct catalog_digest digest = stored_digest();
    const struct {
        const char *other_amount;
        int64_t later_seconds;
        enum source_seam_verdict verdict;
    } cases[] = {{NULL, 0, SOURCE_SEAM_OK},
                 {"31337", 0, SOURCE_SEAM_OTHER_CONTENTS},
                 {NULL, 1, SOURCE_SEAM_OTHER_CHAIN}};
    for (size_t i = 0; i < 3; i++) {
        struct fixture fixture;
        fixture_open(&fixture, usual);
        begin_beside(&fixture, FIRST + 1, &digest);
        assert_int_equal(seam_verdict(&fixture, cases[i].other_amount, cases[i].later_seconds),
                         cases[i].verdict);
        if (cases[i].verdict == SOURCE_SEAM_OTHER_CONTENTS)
            expect_remark(&fixture, REMARK_OTHER_CONTENTS, FIRST, "");
        assert_int_equal(intake_has_compared(fixture.intake),
                         cases[i].verdict != SOURCE_SEAM_OTHER_CHAIN);
        assert_null(take(&fixture));
        fixture_close(&fixture);
    }
}

static void a_range_beside_the_lake_of_which_nothing_was_compared_is_remarked_once(void **state)
{
    (void)state;
    const struct catalog_digest digest = stored_digest();
    const struct run_range ranges[] = {
        {.first = FIRST + 1, .below.digest = digest},
        {.first = FIRST + 1, .above.closed_ledger = FIRST + 500, .above.close_us = 1},
        {.first = FIRST + 1, .below.digest = digest, .is_compared = true},
        {.first = FIRST + 1}};
    for (size_t i = 0; i < 4; i++) {
        struct fixture fixture;
        fixture_open(&fixture, usual);
        assert_int_equal(intake_begin_range(fixture.intake, &ranges[i], NULL), OK);
        for (uint32_t k = 1; k <= 2; k++) {
            complete(&fixture, FIRST + k);
            assert_int_equal(intake_flush(fixture.intake, NULL), OK);
        }
        if (i < 2) {
            struct queue_item item = batch_queue_pop(fixture.queue, 0);
            assert_int_equal(item.kind, QUEUE_REMARK);
            assert_int_equal(item.remark->kind, REMARK_UNCHECKED_SEAM);
            assert_int_equal(item.remark->ledger, FIRST + 1);
            assert_int_equal(item.remark->below, i == 0 ? FIRST : 0);
            assert_int_equal(item.remark->above, i == 0 ? 0 : FIRST + 500);
            mem_free(item.remark);
        }
        for (uint32_t k = 1; k <= 2; k++) {
            struct row_batch *batch = take(&fixture);
            assert_non_null(batch);
            row_batch_free(batch);
        }
        fixture_close(&fixture);
    }
}

static void at_a_reconnect_the_newest_complete_ledger_is_the_seam(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, usual);
    begin(&fixture, FIRST);
    hand_over(&fixture, FIRST);
    complete(&fixture, FIRST);
    recorded_close(&fixture.recording);
    recorded_open(&fixture.recording, "testnet-1410048-1410207", ".events");
    fixture.has_message = false;
    assert_int_equal(seam_verdict(&fixture, NULL, 1), SOURCE_SEAM_OTHER_CHAIN);
    fixture_close(&fixture);
}

static void another_schema_version_compares_by_its_own_columns(void **state)
{
    (void)state;
    struct catalog_digest digest = stored_digest();
    struct fixture fixture;
    fixture_open(&fixture, usual);
    strcpy(digest.schema_version, "1.0.0"); /* its contents differ: another version's digest */
    begin_beside(&fixture, FIRST + 1, &digest);
    assert_int_equal(seam_verdict(&fixture, NULL, 0), SOURCE_SEAM_OTHER_CONTENTS);
    recorded_close(&fixture.recording);
    recorded_open(&fixture.recording, "testnet-1410048-1410207", ".events");
    fixture.has_message = false;
    strcpy(digest.schema_version, "7.0.0"); /* unknown here: the chain alone is compared */
    begin_beside(&fixture, FIRST + 1, &digest);
    assert_int_equal(seam_verdict(&fixture, NULL, 0), SOURCE_SEAM_OK);
    fixture_close(&fixture);
}

static void any_failed_allocation_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {0};
    while (sweep_next(&sweep)) {
        struct fixture fixture;
        fixture_open(&fixture, usual);
        begin(&fixture, FIRST);
        enum error_code code = OK;
        sweep_begin(&sweep);
        for (uint32_t i = 0; code == OK && peek(&fixture) && fixture.event.ledger_sequence == FIRST;
             i++) {
            bool is_stored = true;
            code = fixture.handler.on_event(fixture.handler.context, &fixture.event, i,
                                            fixture.message, &is_stored, NULL);
            fixture.has_message = false;
        }
        if (code == OK)
            code = fixture.handler.on_complete_to(fixture.handler.context, FIRST, NULL);
        if (code == OK)
            code = intake_flush(fixture.intake, NULL);
        (void)sweep_end(&sweep, code);
        fixture_close(&fixture);
    }
    assert_true(sweep.failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_ledgers_go_on_when_they_are_a_batch),
        cmocka_unit_test(a_dropped_ledger_leaves_nothing_behind),
        cmocka_unit_test(rows_that_wait_go_on_at_the_deadline_that_the_source_is_told),
        cmocka_unit_test(start_0_begins_with_the_first_ledger_that_comes),
        cmocka_unit_test(a_skipped_ledger_parts_the_batches),
        cmocka_unit_test(a_message_that_cannot_be_read_is_a_dead_letter),
        cmocka_unit_test(what_earlier_ledgers_left_goes_before_a_ledger_is_refused),
        cmocka_unit_test(a_wish_for_an_epoch_is_met_by_the_next_ledger),
        cmocka_unit_test(a_ledger_beyond_its_share_of_memory_ends_the_run_and_names_the_option),
        cmocka_unit_test(the_seam_ledger_tells_other_chains_and_other_contents),
        cmocka_unit_test(a_range_beside_the_lake_of_which_nothing_was_compared_is_remarked_once),
        cmocka_unit_test(at_a_reconnect_the_newest_complete_ledger_is_the_seam),
        cmocka_unit_test(another_schema_version_compares_by_its_own_columns),
        cmocka_unit_test(any_failed_allocation_is_an_error_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
