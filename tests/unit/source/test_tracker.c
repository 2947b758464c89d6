// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "source/script_server.h"
#include "source/tracker.h"
#include "util/memory.h"
#include "util/text.h"

/* What the handler was told, as one line of text: "e5.0 c5 d h7 u5.1 s4.0 S4". */
struct diary {
    struct tracker tracker;
    struct source_handler handler;
    char text[4096];
    bool is_dead_letter;      /* events can't be stored */
    unsigned again_countdown; /* ERR_AGAIN at the N-th call from now; 0: never */
    enum source_seam_verdict verdict;
    enum error_code seam_code;
    struct stream_stats stats;
    struct error error;
};

static void note(struct diary *diary, const char *format, uint32_t a, uint32_t b)
{
    size_t used = strlen(diary->text);
    if (used != 0)
        diary->text[used++] = ' ';
    assert_true(used < sizeof(diary->text) - 32);
    if (strchr(format, '.') != NULL)
        snprintf(diary->text + used, sizeof(diary->text) - used, "%c%u.%u", format[0], a, b);
    else
        snprintf(diary->text + used, sizeof(diary->text) - used, "%c%u", format[0], a);
}

static bool is_busy(struct diary *diary)
{
    return diary->again_countdown != 0 && --diary->again_countdown == 0;
}

static enum error_code on_event(void *context, const struct event_view *event, uint32_t event_index,
                                struct bytes_view message, bool *is_stored, struct error *error)
{
    struct diary *diary = context;
    (void)message;
    (void)error;
    if (is_busy(diary))
        return ERR_AGAIN;
    *is_stored = !diary->is_dead_letter;
    note(diary, "e.", event->ledger_sequence, event_index);
    return OK;
}

static enum error_code on_unreadable(void *context, uint32_t ledger, uint32_t event_index,
                                     const char *reason, struct bytes_view message,
                                     struct error *error)
{
    struct diary *diary = context;
    (void)message;
    (void)error;
    assert_true(reason[0] != '\0');
    if (is_busy(diary))
        return ERR_AGAIN;
    note(diary, "u.", ledger, event_index);
    return OK;
}

static void on_dropped(void *context)
{
    struct diary *diary = context;
    note(diary, "d", 0, 0);
}

static enum error_code on_complete(void *context, uint32_t covered_to, struct error *error)
{
    struct diary *diary = context;
    (void)error;
    if (is_busy(diary))
        return ERR_AGAIN;
    note(diary, "c", covered_to, 0);
    return OK;
}

static enum error_code on_skip(void *context, uint32_t ledger, const char *words,
                               struct error *error)
{
    struct diary *diary = context;
    (void)words;
    (void)error;
    note(diary, "h", ledger, 0);
    return OK;
}

static enum error_code on_seam_event(void *context, const struct event_view *event,
                                     uint32_t event_index, struct bytes_view message,
                                     struct error *error)
{
    struct diary *diary = context;
    (void)message;
    (void)error;
    note(diary, "s.", event->ledger_sequence, event_index);
    return OK;
}

static enum error_code on_seam(void *context, uint32_t ledger, enum source_seam_verdict *verdict,
                               struct error *error)
{
    struct diary *diary = context;
    (void)error;
    note(diary, "S", ledger, 0);
    *verdict = diary->verdict;
    return diary->seam_code;
}

static void diary_open(struct diary *diary, uint32_t first, uint32_t last)
{
    const struct source_request request = {.first = first, .last = last};
    diary->handler = (struct source_handler){.context = diary,
                                             .on_event = on_event,
                                             .on_unreadable = on_unreadable,
                                             .on_ledger_dropped = on_dropped,
                                             .on_complete_to = on_complete,
                                             .on_skip = on_skip,
                                             .on_seam_event = on_seam_event,
                                             .on_seam_complete = on_seam};
    tracker_init(&diary->tracker, &request, &diary->handler, &diary->stats);
}

static void begin(struct diary *diary, enum source_purpose purpose, uint32_t start, uint32_t end,
                  uint32_t seam)
{
    const struct source_call call = {purpose, start, end, seam};
    tracker_begin(&diary->tracker, &call);
}

static enum track take_bytes(struct diary *diary, const void *bytes, size_t size)
{
    enum track track = TRACK_GO_ON;
    enum error_code code =
        tracker_take(&diary->tracker, bytes_view_of(bytes, size), &track, &diary->error);
    if (code == ERR_AGAIN)
        code = tracker_take(&diary->tracker, bytes_view_of(bytes, size), &track, &diary->error);
    assert_int_equal(code, OK);
    return track;
}

static enum track take(struct diary *diary, uint32_t ledger, uint32_t ordinal)
{
    struct buffer message;
    buffer_init(&message);
    script_encode_event(ledger, ordinal, &message);
    enum track track = take_bytes(diary, message.data, message.size_bytes);
    buffer_release(&message);
    return track;
}

/* An event whose last bytes are damaged: its ledger can still be read. */
static enum track take_damaged(struct diary *diary, uint32_t ledger, uint32_t ordinal)
{
    struct buffer message;
    buffer_init(&message);
    script_encode_event(ledger, ordinal, &message);
    enum track track = take_bytes(diary, message.data, message.size_bytes - 1);
    buffer_release(&message);
    return track;
}

static enum track take_garbage(struct diary *diary)
{
    return take_bytes(diary, "\xff\xff\xff", 3);
}

/* An event of a ledger that closed some seconds later, or earlier, than it should have. */
static enum error_code take_shifted(struct diary *diary, uint32_t ledger, uint32_t ordinal,
                                    int64_t seconds, enum track *track)
{
    struct buffer plain, message;
    struct event_view event;
    buffer_init(&plain);
    buffer_init(&message);
    script_encode_event(ledger, ordinal, &plain);
    assert_int_equal(event_decode(buffer_view(&plain), &event, NULL), OK);
    event.closed_at_seconds += seconds;
    assert_int_equal(event_encode(&event, &message), OK);
    enum error_code code =
        tracker_take(&diary->tracker, buffer_view(&message), track, &diary->error);
    buffer_release(&plain);
    buffer_release(&message);
    return code;
}

static void expect(struct diary *diary, const char *text)
{
    assert_string_equal(diary->text, text);
    diary->text[0] = '\0';
}

static void a_ledger_is_complete_when_a_later_one_begins(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 5, 1), TRACK_GO_ON);
    assert_int_equal(take(&diary, 6, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 9, 0), TRACK_GO_ON);
    expect(&diary, "e5.0 e5.1 c5 e6.0 c8 e9.0");
    assert_int_equal(diary.tracker.next, 9);
    assert_int_equal(diary.tracker.newest_full, 6);
    assert_int_equal(diary.stats.ledgers_completed, 4);
    tracker_abandon(&diary.tracker);
    expect(&diary, "d0");
    tracker_abandon(&diary.tracker);
    expect(&diary, "");
    tracker_release(&diary.tracker);
}

static void an_event_above_end_completes_the_range_and_is_dropped(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 7);
    begin(&diary, SOURCE_CALL_MAIN, 5, 7, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 8, 0), TRACK_DONE);
    expect(&diary, "e5.0 c7");
    assert_true(diary.tracker.range_is_complete);
    tracker_release(&diary.tracker);
}

static void a_range_is_complete_with_its_last_ledger_and_not_before(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 7);
    begin(&diary, SOURCE_CALL_MAIN, 5, 7, 0);
    for (uint32_t ledger = 5; ledger <= 7; ledger++)
        assert_int_equal(take(&diary, ledger, 0), TRACK_GO_ON);
    expect(&diary, "e5.0 c5 e6.0 c6 e7.0");
    assert_false(diary.tracker.range_is_complete);
    assert_int_equal(take(&diary, 8, 0), TRACK_DONE);
    expect(&diary, "c7");
    assert_true(diary.tracker.range_is_complete);
    tracker_release(&diary.tracker);
}

static void ok_completes_a_bounded_request_even_an_empty_one(void **state)
{
    (void)state;
    struct diary diary = {0};
    enum track track;
    diary_open(&diary, 5, 7);
    begin(&diary, SOURCE_CALL_MAIN, 5, 7, 0);
    assert_int_equal(tracker_finish(&diary.tracker, &track, &diary.error), OK);
    assert_int_equal(track, TRACK_DONE);
    expect(&diary, "c7");
    tracker_release(&diary.tracker);
}

static void ok_on_an_open_request_is_a_disconnection(void **state)
{
    (void)state;
    struct diary diary = {0};
    enum track track;
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(tracker_finish(&diary.tracker, &track, &diary.error), OK);
    assert_int_equal(track, TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    expect(&diary, "e5.0 d0");
    tracker_release(&diary.tracker);
}

static void start_zero_begins_with_the_first_ledger_that_comes(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 0, 0);
    begin(&diary, SOURCE_CALL_MAIN, 0, 0, 0);
    assert_int_equal(take(&diary, 77, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 78, 0), TRACK_GO_ON);
    expect(&diary, "e77.0 c77 e78.0");
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_ledger_below_what_is_due_is_a_violation(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 4, 0), TRACK_VIOLATION);
    assert_non_null(strstr(diary.error.message, "ledger 4"));
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 6, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 5, 1), TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    expect(&diary, "e5.0 c5 e6.0 d0");
    tracker_release(&diary.tracker);
}

static void a_repeated_ledger_is_noticed_by_its_first_event(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 5, 1), TRACK_GO_ON);
    assert_int_equal(take(&diary, 5, 1), TRACK_GO_ON); /* two equal events may be */
    assert_int_equal(take(&diary, 5, 0), TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    expect(&diary, "e5.0 e5.1 e5.2 d0");
    tracker_release(&diary.tracker);
}

static void a_replay_with_fewer_events_is_not_believed(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    for (int i = 0; i < 2; i++) {
        begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
        assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
        assert_int_equal(take(&diary, 5, 1), TRACK_GO_ON);
        tracker_abandon(&diary.tracker);
        diary.text[0] = '\0';
        begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
        assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
        assert_int_equal(take(&diary, 6, 0), TRACK_VIOLATION);
        assert_non_null(strstr(diary.error.message, "came again with 1 events; 2 were seen"));
        tracker_abandon(&diary.tracker);
        expect(&diary, "e5.0 d0");
    }
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 5, 1), TRACK_GO_ON);
    assert_int_equal(take(&diary, 6, 0), TRACK_GO_ON);
    expect(&diary, "e5.0 e5.1 c5 e6.0");
    assert_int_equal(diary.stats.events_accepted, 3);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_replay_without_a_ledger_that_was_seen_is_not_believed(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 4, 9);
    begin(&diary, SOURCE_CALL_MAIN, 4, 9, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
    assert_int_equal(take(&diary, 6, 0), TRACK_VIOLATION);
    assert_non_null(strstr(diary.error.message, "5 came again with 0 events; 1 were seen"));
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
    enum track track;
    assert_int_equal(tracker_finish(&diary.tracker, &track, &diary.error), OK);
    assert_int_equal(track, TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 6, 0), TRACK_GO_ON);
    tracker_abandon(&diary.tracker);
    expect(&diary, "c4 e5.0 d0 e5.0 c5 e6.0 d0");
    tracker_release(&diary.tracker);
}

static void the_seam_ledger_is_compared_and_what_lies_between_is_skipped(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 10, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 5);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 5, 1), TRACK_GO_ON);
    assert_int_equal(take(&diary, 7, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 10, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 11, 0), TRACK_GO_ON);
    expect(&diary, "s5.0 s5.1 S5 e10.0 c10 e11.0");
    assert_int_equal(diary.stats.events_refetched, 3);
    assert_int_equal(diary.stats.seam_checked, 1);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_seam_ledger_that_does_not_come_gets_no_verdict(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 10, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 5);
    assert_int_equal(take(&diary, 10, 0), TRACK_GO_ON);
    expect(&diary, "e10.0");
    assert_int_equal(diary.stats.seam_checked, 0);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

/* Its digest would lack an event: it would look like another ledger. */
static void a_seam_ledger_that_can_not_be_read_whole_gets_no_verdict(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 10, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 5);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take_damaged(&diary, 5, 1), TRACK_GO_ON);
    assert_int_equal(take(&diary, 10, 0), TRACK_GO_ON);
    expect(&diary, "s5.0 e10.0");
    assert_int_equal(diary.stats.seam_checked, 0);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_ledger_older_than_the_one_before_is_asked_for_again(void **state)
{
    (void)state;
    struct diary diary = {0};
    enum track track;
    diary_open(&diary, 5, 9);
    begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take_shifted(&diary, 6, 0, -7, &track), OK);
    assert_int_equal(track, TRACK_VIOLATION);
    assert_non_null(strstr(diary.error.message, "ledger 6 closed at 2023-11-14T22:13:49Z"));
    assert_non_null(strstr(diary.error.message, "ledger 5 (2023-11-14T22:13:50Z)"));
    tracker_abandon(&diary.tracker);
    expect(&diary, "e5.0 d0"); /* neither of them is complete */
    begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take_shifted(&diary, 6, 0, -6, &track), OK); /* equal */
    assert_int_equal(track, TRACK_GO_ON);
    assert_int_equal(take_shifted(&diary, 8, 0, -19, &track), OK);
    assert_int_equal(track, TRACK_VIOLATION);
    tracker_release(&diary.tracker);
}

static void close_times_that_do_not_fit_between_the_lake_s_are_another_chain(void **state)
{
    (void)state;
    const int64_t begin_us = INT64_C(1700000000) * US_PER_SECOND; /* script_server.c */
    const struct source_moment below = {4, begin_us + 30 * US_PER_SECOND};
    const struct source_moment above = {10, begin_us + 48 * US_PER_SECOND};
    enum track track;
    struct diary diary = {0};
    diary_open(&diary, 5, 9);
    diary.tracker.closed = below;
    diary.tracker.above = above;
    begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON); /* equal */
    assert_int_equal(take(&diary, 8, 0), TRACK_GO_ON); /* equal */
    assert_int_equal(take_shifted(&diary, 9, 0, 0, &track), ERR_CONFLICT);
    assert_true(diary.tracker.misfits);
    tracker_release(&diary.tracker);
    diary_open(&diary, 5, 9);
    diary.tracker.closed = below;
    begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
    assert_int_equal(take_shifted(&diary, 5, 0, -1, &track), ERR_CONFLICT);
    tracker_release(&diary.tracker);
}

static void a_handler_that_compares_nothing_passes_the_seam_ledger_over(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 10, 0);
    diary.handler.on_seam_event = NULL;
    diary.handler.on_seam_complete = NULL;
    begin(&diary, SOURCE_CALL_MAIN, 9, 0, 9);
    assert_int_equal(take(&diary, 9, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 9, 1), TRACK_GO_ON);
    assert_int_equal(take(&diary, 10, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 11, 0), TRACK_GO_ON);
    expect(&diary, "e10.0 c10 e11.0");
    assert_int_equal(diary.stats.seam_checked, 0);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void other_contents_are_counted_and_another_chain_ends_the_run(void **state)
{
    (void)state;
    struct diary diary = {.verdict = SOURCE_SEAM_OTHER_CONTENTS};
    struct buffer message;
    enum track track;
    diary_open(&diary, 10, 0);
    begin(&diary, SOURCE_CALL_MAIN, 9, 0, 9);
    assert_int_equal(take(&diary, 9, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 10, 0), TRACK_GO_ON);
    assert_int_equal(diary.stats.seam_other_contents, 1);
    tracker_abandon(&diary.tracker);
    diary.verdict = SOURCE_SEAM_OTHER_CHAIN;
    begin(&diary, SOURCE_CALL_MAIN, 9, 0, 9);
    assert_int_equal(take(&diary, 9, 0), TRACK_GO_ON);
    buffer_init(&message);
    script_encode_event(10, 0, &message);
    assert_int_equal(tracker_take(&diary.tracker, buffer_view(&message), &track, &diary.error),
                     ERR_CONFLICT);
    assert_non_null(strstr(diary.error.message, "ledger 9"));
    buffer_release(&message);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_later_ledger_asked_alone_gives_nothing_to_the_handler(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_LATER, 8, 8, 0);
    assert_int_equal(take(&diary, 8, 0), TRACK_GO_ON);
    assert_int_equal(take_garbage(&diary), TRACK_GO_ON);
    assert_int_equal(take(&diary, 9, 0), TRACK_DONE);
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_LATER, 8, 8, 0);
    assert_int_equal(take(&diary, 7, 0), TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    expect(&diary, "");
    assert_int_equal(diary.tracker.next, 5);
    tracker_release(&diary.tracker);
}

static void a_seam_whose_verdict_fails_ends_the_run(void **state)
{
    (void)state;
    struct diary diary = {.seam_code = ERR_NO_MEMORY};
    enum track track;
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 4, 0, 4);
    assert_int_equal(take(&diary, 4, 0), TRACK_GO_ON);
    struct buffer message;
    buffer_init(&message);
    script_encode_event(5, 0, &message);
    assert_int_equal(tracker_take(&diary.tracker, buffer_view(&message), &track, &diary.error),
                     ERR_NO_MEMORY);
    assert_int_equal(diary.stats.seam_other_contents, 0);
    buffer_release(&message);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_damaged_message_with_its_ledger_keeps_its_ordinal(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take_damaged(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 5, 1), TRACK_GO_ON);
    assert_int_equal(take_damaged(&diary, 5, 2), TRACK_GO_ON);
    assert_int_equal(take(&diary, 6, 0), TRACK_GO_ON);
    expect(&diary, "u5.0 e5.1 u5.2 c5 e6.0");
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_damaged_message_of_another_ledger_is_believed_only_when_it_comes_again(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take_damaged(&diary, 6, 0), TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take_damaged(&diary, 6, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 6, 1), TRACK_GO_ON);
    expect(&diary, "e5.0 d0 e5.0 c5 u6.0 e6.1");
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void garbage_becomes_a_dead_letter_of_its_ledger_when_it_comes_again(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take_garbage(&diary), TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take_garbage(&diary), TRACK_GO_ON);
    assert_int_equal(take(&diary, 5, 1), TRACK_GO_ON);
    assert_int_equal(take(&diary, 6, 0), TRACK_GO_ON);
    assert_int_equal(take_garbage(&diary), TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    expect(&diary, "u5.0 e5.1 c5 e6.0 d0");
    tracker_release(&diary.tracker);
}

static void garbage_beside_the_seam_is_asked_for_again_without_it(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 10, 0);
    begin(&diary, SOURCE_CALL_MAIN, 9, 0, 9);
    assert_int_equal(take(&diary, 9, 0), TRACK_GO_ON);
    assert_int_equal(take_garbage(&diary), TRACK_VIOLATION);
    assert_true(diary.tracker.seam_is_unwanted);
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_MAIN, 10, 0, 0);
    assert_int_equal(take(&diary, 10, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 11, 0), TRACK_GO_ON);
    assert_false(diary.tracker.seam_is_unwanted);
    expect(&diary, "s9.0 e10.0 c10 e11.0");
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_first_message_that_nobody_can_place_is_not_from_a_ttp_server(void **state)
{
    (void)state;
    struct diary diary = {0};
    enum track track;
    diary_open(&diary, 0, 0);
    begin(&diary, SOURCE_CALL_MAIN, 0, 0, 0);
    assert_int_equal(take_garbage(&diary), TRACK_VIOLATION);
    tracker_abandon(&diary.tracker);
    begin(&diary, SOURCE_CALL_MAIN, 0, 0, 0);
    assert_int_equal(
        tracker_take(&diary.tracker, bytes_view_of("\xff\xff\xff", 3), &track, &diary.error),
        ERR_CORRUPT);
    assert_non_null(strstr(diary.error.message, "TTP server"));
    tracker_release(&diary.tracker);
}

static void a_thousand_events_that_no_row_can_hold_end_the_run(void **state)
{
    (void)state;
    struct diary diary = {.is_dead_letter = true};
    struct buffer message;
    enum track track;
    enum error_code code = OK;
    uint32_t count = 0;
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    buffer_init(&message);
    while (code == OK) {
        diary.is_dead_letter = count != 10; /* one that is stored begins the count anew */
        diary.text[0] = '\0';
        buffer_reset(&message);
        script_encode_event(5, count, &message);
        code = tracker_take(&diary.tracker, buffer_view(&message), &track, &diary.error);
        count++;
    }
    assert_int_equal(code, ERR_CORRUPT);
    assert_int_equal(count, 11 + SOURCE_MAX_UNSTORABLE);
    buffer_release(&message);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void a_handler_that_is_busy_at_any_call_misses_and_doubles_nothing(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 9; n++) {
        struct diary diary = {.again_countdown = n};
        enum track track;
        diary_open(&diary, 5, 9);
        begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
        assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
        assert_int_equal(take(&diary, 6, 0), TRACK_GO_ON);
        assert_int_equal(take_damaged(&diary, 6, 1), TRACK_GO_ON);
        assert_int_equal(take(&diary, 8, 0), TRACK_GO_ON);
        assert_int_equal(take(&diary, 8, 1), TRACK_GO_ON);
        enum error_code code = tracker_finish(&diary.tracker, &track, &diary.error);
        if (code == ERR_AGAIN)
            code = tracker_finish(&diary.tracker, &track, &diary.error);
        assert_int_equal(code, OK);
        assert_int_equal(track, TRACK_DONE);
        expect(&diary, "e5.0 c5 e6.0 u6.1 c7 e8.0 e8.1 c9");
        assert_int_equal(diary.again_countdown, n == 9 ? 1 : 0);
        tracker_release(&diary.tracker);
    }
}

static void a_skipped_ledger_is_left_and_what_follows_begins_above_it(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 6);
    begin(&diary, SOURCE_CALL_MAIN, 5, 6, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    tracker_abandon(&diary.tracker);
    assert_int_equal(tracker_skip(&diary.tracker, 5, "broken", NULL), OK);
    assert_false(diary.tracker.range_is_complete);
    begin(&diary, SOURCE_CALL_MAIN, 6, 6, 0);
    assert_int_equal(take(&diary, 7, 0), TRACK_DONE);
    expect(&diary, "e5.0 d0 h5 c6");
    assert_true(diary.tracker.range_is_complete);
    tracker_release(&diary.tracker);
}

static void without_memory_the_run_ends_with_that(void **state)
{
    (void)state;
    struct diary diary = {0};
    struct buffer message;
    enum track track;
    diary_open(&diary, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    buffer_init(&message);
    script_encode_event(5, 0, &message);
    mem_fail_after(1);
    assert_int_equal(tracker_take(&diary.tracker, buffer_view(&message), &track, &diary.error),
                     ERR_NO_MEMORY);
    mem_fail_after(0);
    expect(&diary, "");
    buffer_release(&message);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

/* A diary whose network had events in the last hundred ledgers, but for each `period`-th. */
static void diary_open_with_gaps(struct diary *diary, struct gaps *gaps, unsigned period,
                                 uint32_t first, uint32_t last)
{
    gaps_init(gaps, false);
    for (unsigned i = 1; i <= GAPS_WINDOW; i++) {
        if (period != 0 && i % period == 0)
            gaps_add_empty(gaps, 1);
        else
            gaps_add_full(gaps);
    }
    diary_open(diary, first, last);
    diary->tracker.gaps = gaps;
}

static void what_the_stream_left_out_is_asked_for_once_more_and_lands_in_its_place(void **state)
{
    (void)state;
    struct diary diary = {0};
    struct gaps gaps;
    diary_open_with_gaps(&diary, &gaps, 0, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    diary.again_countdown = 1; /* the queue is full just then */
    assert_int_equal(take(&diary, 9, 0), TRACK_DONE);
    expect(&diary, "e5.0 c5");
    assert_int_equal(diary.tracker.next, 6);
    assert_int_equal(diary.tracker.asked_to, 8);
    tracker_abandon(&diary.tracker);
    /* What is missing once more is empty. */
    begin(&diary, SOURCE_CALL_MAIN, 5, 8, 5);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 7, 0), TRACK_GO_ON);
    enum track track;
    assert_int_equal(tracker_finish(&diary.tracker, &track, &diary.error), OK);
    assert_int_equal(track, TRACK_DONE);
    expect(&diary, "s5.0 S5 c6 e7.0 c8");
    assert_int_equal(gaps.told.found_count, 1);
    assert_int_equal(gaps.told.count, 2);
    assert_int_equal(gaps.told.kept[0].first, 6);
    assert_int_equal(gaps.told.kept[1].last, 8);
    begin(&diary, SOURCE_CALL_MAIN, 7, 0, 7);
    assert_int_equal(take(&diary, 7, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 9, 0), TRACK_GO_ON);
    expect(&diary, "s7.0 S7 e9.0");
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void where_ledgers_are_often_empty_a_small_gap_is_covered_at_once(void **state)
{
    (void)state;
    struct diary diary = {0};
    struct gaps gaps;
    diary_open_with_gaps(&diary, &gaps, 2, 5, 0);
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take(&diary, 8, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 15, 0), TRACK_GO_ON);
    expect(&diary, "c7 e8.0 c14 e15.0");
    assert_int_equal(take(&diary, 300, 0), TRACK_DONE);
    expect(&diary, "c15");
    assert_int_equal(diary.tracker.asked_to, 299);
    assert_int_equal(gaps.told.count, 0);
    tracker_release(&diary.tracker);
}

static void the_end_of_a_range_is_asked_for_once_more_in_any_network(void **state)
{
    (void)state;
    struct diary diary = {0};
    struct gaps gaps;
    enum track track;
    diary_open_with_gaps(&diary, &gaps, 2, 5, 8);
    begin(&diary, SOURCE_CALL_MAIN, 5, 8, 0);
    assert_int_equal(take(&diary, 7, 0), TRACK_GO_ON);
    assert_int_equal(tracker_finish(&diary.tracker, &track, &diary.error), OK);
    assert_int_equal(track, TRACK_DONE);
    expect(&diary, "c6 e7.0 c7");
    assert_false(diary.tracker.range_is_complete);
    begin(&diary, SOURCE_CALL_MAIN, 7, 8, 7);
    assert_int_equal(tracker_finish(&diary.tracker, &track, &diary.error), OK);
    assert_int_equal(track, TRACK_DONE);
    expect(&diary, "c8");
    assert_true(diary.tracker.range_is_complete);
    tracker_release(&diary.tracker);
}

static void a_jump_is_as_long_as_the_stream_made_it_not_as_what_is_incomplete_of_it(void **state)
{
    (void)state;
    struct diary diary = {0};
    struct gaps gaps;
    diary_open_with_gaps(&diary, &gaps, 2, 100, 0);
    begin(&diary, SOURCE_CALL_MAIN, 50, 0, 50);
    assert_int_equal(take(&diary, 50, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 103, 0), TRACK_DONE);
    assert_int_equal(diary.tracker.asked_to, 102);
    expect(&diary, "s50.0 S50");
    tracker_release(&diary.tracker);
}

static void with_on_gap_fail_a_gap_ends_the_run_before_it_is_covered(void **state)
{
    (void)state;
    struct diary diary = {0};
    struct gaps gaps;
    struct buffer message;
    enum track track;
    diary_open_with_gaps(&diary, &gaps, 0, 5, 20);
    gaps.are_fatal = true;
    begin(&diary, SOURCE_CALL_MAIN, 5, 20, 0);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 12, 0), TRACK_DONE);
    begin(&diary, SOURCE_CALL_MAIN, 5, 11, 5);
    assert_int_equal(take(&diary, 5, 0), TRACK_GO_ON);
    assert_int_equal(take(&diary, 6, 0), TRACK_GO_ON);
    buffer_init(&message);
    script_encode_event(10, 0, &message);
    assert_int_equal(tracker_take(&diary.tracker, buffer_view(&message), &track, &diary.error),
                     ERR_CORRUPT);
    assert_non_null(strstr(diary.error.message, "7 to 9"));
    assert_non_null(strstr(diary.error.message, "set on_gap to warn"));
    expect(&diary, "e5.0 c5 s5.0 S5 e6.0 c6");
    assert_int_equal(gaps.told.count, 0);
    buffer_release(&message);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

/* An event that says so of its close time; 0: it has none. */
static enum track take_closed_at(struct diary *diary, uint32_t ledger, int64_t close_s)
{
    const struct event_view event = {.has_meta = true,
                                     .has_closed_at = close_s != 0,
                                     .ledger_sequence = ledger,
                                     .closed_at_seconds = close_s,
                                     .transaction_index = 1,
                                     .type = EVENT_FEE};
    struct buffer message;
    buffer_init(&message);
    assert_int_equal(event_encode(&event, &message), OK);
    enum track track = take_bytes(diary, message.data, message.size_bytes);
    buffer_release(&message);
    return track;
}

#define NOW_S INT64_C(1705320000)

static void in_a_live_stream_a_jump_needs_a_second_for_each_ledger(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 1000, 0);
    diary.tracker.now_us = NOW_S * US_PER_SECOND;
    begin(&diary, SOURCE_CALL_MAIN, 1000, 0, 0);
    assert_int_equal(take_closed_at(&diary, 1000, NOW_S - 100), TRACK_GO_ON);
    assert_int_equal(take_closed_at(&diary, 1001, NOW_S - 100), TRACK_GO_ON);
    assert_int_equal(take_closed_at(&diary, 1012, NOW_S - 91), TRACK_VIOLATION);
    assert_non_null(strstr(diary.error.message, "ledger 1012 can't come after ledger 1001"));
    assert_int_equal(take_closed_at(&diary, 3000001002, NOW_S), TRACK_VIOLATION);
    /* Without a close time it can have closed by now at the latest. */
    assert_int_equal(take_closed_at(&diary, 1103, 0), TRACK_VIOLATION);
    assert_int_equal(take_closed_at(&diary, 1012, NOW_S - 90), TRACK_GO_ON);
    expect(&diary, "e1000.0 c1000 e1001.0 c1011 e1012.0");
    assert_int_equal(diary.tracker.last_ledger, 1012);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

static void the_first_ledger_of_a_live_stream_can_not_be_older_than_networks_are(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 1000, 0);
    diary.tracker.now_us = NOW_S * US_PER_SECOND;
    begin(&diary, SOURCE_CALL_MAIN, 1000, 0, 0);
    assert_int_equal(take_closed_at(&diary, 3000001002, NOW_S), TRACK_VIOLATION);
    assert_int_equal(take_closed_at(&diary, 50000000, NOW_S), TRACK_GO_ON);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

/* Years beyond 9999 are noise: they neither overflow nor let the next ledger look too old. */
static void a_close_time_beyond_the_year_9999_is_none(void **state)
{
    (void)state;
    static const int64_t beyond[] = {INT64_C(253402300800), INT64_MAX / 1000000 + 1, INT64_MAX, -1,
                                     INT64_MIN};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        struct diary diary = {0};
        diary_open(&diary, 5, 9);
        begin(&diary, SOURCE_CALL_MAIN, 5, 9, 0);
        assert_int_equal(take_closed_at(&diary, 5, NOW_S), TRACK_GO_ON);
        assert_int_equal(take_closed_at(&diary, 6, beyond[i]), TRACK_GO_ON);
        assert_int_equal(take_closed_at(&diary, 7, NOW_S + 10), TRACK_GO_ON);
        assert_int_equal(take_closed_at(&diary, 8, NOW_S + 15), TRACK_GO_ON);
        expect(&diary, "e5.0 c5 e6.0 c6 e7.0 c7 e8.0");
        assert_int_equal(diary.tracker.closed.ledger, 7);
        assert_true(diary.tracker.closed.close_us == (NOW_S + 10) * US_PER_SECOND);
        tracker_release(&diary.tracker);
    }
}

static void no_ledger_of_a_live_stream_closes_more_than_an_hour_from_now(void **state)
{
    (void)state;
    struct diary diary = {0};
    diary_open(&diary, 5, 0);
    diary.tracker.now_us = NOW_S * US_PER_SECOND;
    begin(&diary, SOURCE_CALL_MAIN, 5, 0, 0);
    assert_int_equal(take_closed_at(&diary, 5, NOW_S + 3601), TRACK_VIOLATION);
    assert_non_null(strstr(diary.error.message, "this machine's clock"));
    assert_int_equal(take_closed_at(&diary, 5, NOW_S + 3600), TRACK_GO_ON);
    tracker_abandon(&diary.tracker);
    /* A bounded request is its own bound. */
    begin(&diary, SOURCE_CALL_MAIN, 5, 9000, 0);
    assert_int_equal(take_closed_at(&diary, 5, NOW_S + 7200), TRACK_GO_ON);
    assert_int_equal(take_closed_at(&diary, 8000, NOW_S + 7200), TRACK_GO_ON);
    tracker_abandon(&diary.tracker);
    tracker_release(&diary.tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ledger_is_complete_when_a_later_one_begins),
        cmocka_unit_test(an_event_above_end_completes_the_range_and_is_dropped),
        cmocka_unit_test(a_range_is_complete_with_its_last_ledger_and_not_before),
        cmocka_unit_test(ok_completes_a_bounded_request_even_an_empty_one),
        cmocka_unit_test(ok_on_an_open_request_is_a_disconnection),
        cmocka_unit_test(start_zero_begins_with_the_first_ledger_that_comes),
        cmocka_unit_test(a_ledger_below_what_is_due_is_a_violation),
        cmocka_unit_test(a_repeated_ledger_is_noticed_by_its_first_event),
        cmocka_unit_test(a_replay_with_fewer_events_is_not_believed),
        cmocka_unit_test(a_replay_without_a_ledger_that_was_seen_is_not_believed),
        cmocka_unit_test(the_seam_ledger_is_compared_and_what_lies_between_is_skipped),
        cmocka_unit_test(a_seam_ledger_that_does_not_come_gets_no_verdict),
        cmocka_unit_test(a_seam_ledger_that_can_not_be_read_whole_gets_no_verdict),
        cmocka_unit_test(a_ledger_older_than_the_one_before_is_asked_for_again),
        cmocka_unit_test(close_times_that_do_not_fit_between_the_lake_s_are_another_chain),
        cmocka_unit_test(a_handler_that_compares_nothing_passes_the_seam_ledger_over),
        cmocka_unit_test(other_contents_are_counted_and_another_chain_ends_the_run),
        cmocka_unit_test(a_later_ledger_asked_alone_gives_nothing_to_the_handler),
        cmocka_unit_test(a_damaged_message_with_its_ledger_keeps_its_ordinal),
        cmocka_unit_test(a_seam_whose_verdict_fails_ends_the_run),
        cmocka_unit_test(a_damaged_message_of_another_ledger_is_believed_only_when_it_comes_again),
        cmocka_unit_test(garbage_becomes_a_dead_letter_of_its_ledger_when_it_comes_again),
        cmocka_unit_test(garbage_beside_the_seam_is_asked_for_again_without_it),
        cmocka_unit_test(a_first_message_that_nobody_can_place_is_not_from_a_ttp_server),
        cmocka_unit_test(a_thousand_events_that_no_row_can_hold_end_the_run),
        cmocka_unit_test(a_handler_that_is_busy_at_any_call_misses_and_doubles_nothing),
        cmocka_unit_test(a_skipped_ledger_is_left_and_what_follows_begins_above_it),
        cmocka_unit_test(without_memory_the_run_ends_with_that),
        cmocka_unit_test(what_the_stream_left_out_is_asked_for_once_more_and_lands_in_its_place),
        cmocka_unit_test(where_ledgers_are_often_empty_a_small_gap_is_covered_at_once),
        cmocka_unit_test(the_end_of_a_range_is_asked_for_once_more_in_any_network),
        cmocka_unit_test(a_jump_is_as_long_as_the_stream_made_it_not_as_what_is_incomplete_of_it),
        cmocka_unit_test(with_on_gap_fail_a_gap_ends_the_run_before_it_is_covered),
        cmocka_unit_test(in_a_live_stream_a_jump_needs_a_second_for_each_ledger),
        cmocka_unit_test(the_first_ledger_of_a_live_stream_can_not_be_older_than_networks_are),
        cmocka_unit_test(a_close_time_beyond_the_year_9999_is_none),
        cmocka_unit_test(no_ledger_of_a_live_stream_closes_more_than_an_hour_from_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
