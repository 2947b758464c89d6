// SPDX-License-Identifier: Apache-2.0
/* The policy against a model of the real server and its network, days in milliseconds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "source/policy.h"
#include "source/script_server.h"
#include "util/text.h"

#define SECOND_US      INT64_C(1000000)
#define MINUTE_US      (60 * SECOND_US)
#define HOUR_US        (60 * MINUTE_US)
#define DAY_US         (24 * HOUR_US)
#define CHAIN_BEGIN_US (INT64_C(1700000000) * SECOND_US) /* ledger 0 closed (script_server.c) */
#define BIG_BANG       1000                              /* first ledger that the source keeps */

enum trouble {
    NO_TROUBLE,
    TROUBLE_REFUSED,  /* nobody listens */
    TROUBLE_INTERNAL, /* every call fails */
    TROUBLE_CUT,      /* every connection is cut at once */
    TROUBLE_HUNG,     /* calls are taken, nothing comes */
    TROUBLE_DENIED
};

struct model {
    struct policy policy;
    struct tracker tracker;
    struct source_handler handler;
    struct stream_stats stats;
    int64_t now_us; /* wall clock */
    enum trouble trouble;
    int64_t trouble_until_us;
    uint32_t poison[4];
    bool refuses_old;             /* NOT_FOUND for ledgers below BIG_BANG */
    uint32_t gap_first, gap_last; /* ledgers without events */
    /* What happened. */
    uint32_t asked_ahead; /* calls that began above the tip */
    uint32_t call_count, later_count, alone_count, probe_count;
    int64_t longest_wait_us, longest_idle_us;
    uint32_t skipped;
    uint32_t complete_to;
    bool was_outage;
    struct error error;
    enum policy_verdict verdict;
    int64_t live_until_us; /* a live stream runs until then */
};

static enum error_code ignore_event(void *context, const struct event_view *event,
                                    uint32_t event_index, struct bytes_view message,
                                    bool *is_stored, struct error *error)
{
    (void)context;
    (void)event;
    (void)event_index;
    (void)message;
    (void)is_stored;
    (void)error;
    return OK;
}

static enum error_code ignore_seam_event(void *context, const struct event_view *event,
                                         uint32_t event_index, struct bytes_view message,
                                         struct error *error)
{
    (void)context;
    (void)event;
    (void)event_index;
    (void)message;
    (void)error;
    return OK;
}

static void ignore_drop(void *context)
{
    (void)context;
}

static enum error_code note_complete(void *context, uint32_t covered_to, struct error *error)
{
    struct model *model = context;
    (void)error;
    assert_true(covered_to > model->complete_to);
    model->complete_to = covered_to;
    return OK;
}

static enum error_code note_skip(void *context, uint32_t ledger, const char *words,
                                 struct error *error)
{
    struct model *model = context;
    (void)words;
    (void)error;
    model->skipped = ledger;
    return OK;
}

static enum error_code approve_seam(void *context, uint32_t ledger,
                                    enum source_seam_verdict *verdict, struct error *error)
{
    (void)context;
    (void)ledger;
    (void)error;
    *verdict = SOURCE_SEAM_OK;
    return OK;
}

static void model_init(struct model *model, const struct source_request *request, bool skip_poison)
{
    const struct source_options options = {.idle_timeout_us = 90 * SECOND_US,
                                           .retry_initial_us = 500000,
                                           .retry_max_us = 30 * SECOND_US,
                                           .max_attempts = 10,
                                           .skip_poison_ledger = skip_poison};
    model->handler = (struct source_handler){.context = model,
                                             .on_event = ignore_event,
                                             .on_seam_event = ignore_seam_event,
                                             .on_seam_complete = approve_seam,
                                             .on_ledger_dropped = ignore_drop,
                                             .on_complete_to = note_complete,
                                             .on_skip = note_skip};
    tracker_init(&model->tracker, request, &model->handler, &model->stats);
    policy_init(&model->policy, &options, request, 42);
}

static void model_release(struct model *model)
{
    tracker_release(&model->tracker);
}

static uint32_t tip(const struct model *model)
{
    return (uint32_t)((model->now_us - CHAIN_BEGIN_US) / POLICY_LEDGER_US);
}

static bool is_poison(const struct model *model, uint32_t ledger)
{
    for (size_t i = 0; i < sizeof(model->poison) / sizeof(model->poison[0]); i++)
        if (model->poison[i] == ledger)
            return true;
    return false;
}

/* `count` events of a ledger; what the tracker makes of the last of them. */
static enum track send_events(struct model *model, uint32_t ledger, uint32_t count)
{
    enum track track = TRACK_GO_ON;
    if (ledger >= model->gap_first && ledger <= model->gap_last)
        return track;
    for (uint32_t i = 0; i < count && track == TRACK_GO_ON; i++) {
        struct buffer message;
        buffer_init(&message);
        script_encode_event(ledger, i, &message);
        enum error_code code =
            tracker_take(&model->tracker, buffer_view(&message), &track, &model->error);
        assert_int_equal(code, OK);
        buffer_release(&message);
    }
    policy_on_event(&model->policy);
    return track;
}

static struct source_ending failed(bool has_status, enum grpc_code code, const char *words)
{
    return (struct source_ending){.outcome = SOURCE_FAILED,
                                  .has_status = has_status,
                                  .code = code,
                                  .is_cut = !has_status,
                                  .words = words};
}

static struct source_ending silence(struct model *model)
{
    int64_t idle_us = model->policy.idle_us;
    model->now_us += idle_us;
    if (idle_us > model->longest_idle_us)
        model->longest_idle_us = idle_us;
    return (struct source_ending){.outcome = SOURCE_SILENT, .words = "nothing came"};
}

static struct source_ending suffer(struct model *model)
{
    switch (model->trouble) {
    case TROUBLE_REFUSED:
        return (struct source_ending){.outcome = SOURCE_UNREACHABLE, .words = "refused"};
    case TROUBLE_HUNG: return silence(model);
    case TROUBLE_CUT: return failed(false, GRPC_UNAVAILABLE, "closed");
    case TROUBLE_DENIED: return failed(true, GRPC_PERMISSION_DENIED, "no");
    default: return failed(true, GRPC_INTERNAL, "source error");
    }
}

/* What the real server does with a call, as far as a client can see. */
static struct source_ending serve(struct model *model, const struct source_call *call)
{
    static const struct source_ending done = {.outcome = SOURCE_DONE};
    if (model->trouble != NO_TROUBLE && model->now_us < model->trouble_until_us)
        return suffer(model);
    policy_on_connected(&model->policy);
    if (call->start == 0)
        return failed(true, GRPC_INTERNAL, "start 0");
    if (call->start > tip(model)) {
        model->asked_ahead++;
        return failed(true, GRPC_INTERNAL, "service temporarily unavailable");
    }
    if (model->refuses_old && call->start < BIG_BANG)
        return failed(true, GRPC_NOT_FOUND, "before the oldest ledger");
    for (uint32_t ledger = call->start;; ledger++) {
        while (ledger > tip(model)) {
            /* Live: time goes by, until somebody pulls the plug. */
            if (model->now_us >= model->live_until_us)
                return failed(false, GRPC_UNAVAILABLE, "closed");
            model->now_us += POLICY_LEDGER_US;
        }
        if (model->trouble != NO_TROUBLE &&
            model->now_us >= model->trouble_until_us - 10 * DAY_US &&
            model->now_us < model->trouble_until_us)
            return suffer(model);
        if (is_poison(model, ledger)) {
            enum track track = send_events(model, ledger, 2);
            if (track == TRACK_DONE)
                return done;
            return failed(true, GRPC_INTERNAL, "invalid UTF-8");
        }
        enum track track = send_events(model, ledger, 3);
        if (track == TRACK_DONE)
            return done;
        assert_int_equal(track, TRACK_GO_ON);
        if (call->end != 0 && ledger == call->end && ledger < tip(model)) {
            assert_int_equal(tracker_finish(&model->tracker, &track, &model->error), OK);
            return done;
        }
    }
}

static void count_call(struct model *model, const struct source_call *call)
{
    model->call_count++;
    model->alone_count += call->purpose == SOURCE_CALL_ALONE;
    model->later_count += call->purpose == SOURCE_CALL_LATER;
    model->probe_count += call->purpose == SOURCE_CALL_PROBE;
    if (call->purpose == SOURCE_CALL_LATER)
        assert_true(call->start <= tip(model));
}

/* One call and the wait after it. False: the run is over. */
static bool step(struct model *model)
{
    uint32_t next_before = model->tracker.next;
    struct source_call call = policy_next_call(&model->policy, &model->tracker);
    count_call(model, &call);
    tracker_begin(&model->tracker, &call);
    struct source_ending ending = serve(model, &call);
    tracker_abandon(&model->tracker);
    if (model->tracker.next != next_before)
        policy_on_progress(&model->policy);
    struct policy_decision decision =
        policy_after(&model->policy, &model->tracker, &call, &ending, model->now_us, &model->error);
    model->verdict = decision.verdict;
    model->was_outage |= model->policy.outage;
    if (decision.verdict == POLICY_SKIP) {
        assert_int_equal(
            tracker_skip(&model->tracker, decision.ledger, model->policy.poison_words, NULL), OK);
        return !model->tracker.range_is_complete;
    }
    if (decision.verdict != POLICY_AGAIN)
        return false;
    if (decision.wait_us > model->longest_wait_us)
        model->longest_wait_us = decision.wait_us;
    model->now_us += decision.wait_us;
    return true;
}

static void run_until(struct model *model, int64_t until_us)
{
    for (unsigned i = 0; model->now_us < until_us; i++) {
        assert_true(i < 100000);
        if (!step(model))
            return;
    }
}

static int64_t at(uint32_t ledger)
{
    return CHAIN_BEGIN_US + (int64_t)ledger * POLICY_LEDGER_US;
}

/* A live run that has followed the chain for an hour, then meets trouble for so long. */
static void live_through(struct model *model, enum trouble trouble, int64_t trouble_us)
{
    const struct source_request request = {.first = 5000, .seam_ledger = 4999};
    model->now_us = at(5500);
    model_init(model, &request, false);
    model->live_until_us = model->now_us + HOUR_US;
    run_until(model, model->live_until_us);
    uint32_t tip_before = tip(model);
    assert_in_range(model->complete_to, tip_before - 20, tip_before);
    assert_false(model->was_outage);
    model->trouble = trouble;
    model->trouble_until_us = model->now_us + trouble_us;
    model->longest_wait_us = 0;
    run_until(model, model->trouble_until_us);
    assert_true(model->complete_to <= tip_before + 1);
    model->live_until_us = model->trouble_until_us + 3 * HOUR_US;
    run_until(model, model->live_until_us);
}

static void assert_recovered(const struct model *model)
{
    assert_int_equal(model->verdict, POLICY_AGAIN);
    assert_in_range(model->complete_to, tip(model) - 30, tip(model));
    assert_int_equal(model->skipped, 0);
    assert_int_equal(model->asked_ahead, 0);
    assert_false(model->policy.outage);
}

static void three_days_without_a_server_end_where_they_began(void **state)
{
    (void)state;
    struct model model = {0};
    live_through(&model, TROUBLE_REFUSED, 3 * DAY_US);
    assert_recovered(&model);
    assert_true(model.was_outage);
    assert_in_range(model.longest_wait_us, 15 * SECOND_US, 30 * SECOND_US);
    /* Refused connections never make a ledger suspect. */
    assert_int_equal(model.alone_count, 0);
    assert_in_range(model.call_count, 3 * DAY_US / (30 * SECOND_US), 3 * DAY_US / (15 * SECOND_US));
    model_release(&model);
}

static void a_day_of_internal_errors_is_an_outage_and_no_poison(void **state)
{
    (void)state;
    struct model model = {0};
    live_through(&model, TROUBLE_INTERNAL, DAY_US);
    assert_recovered(&model);
    assert_true(model.was_outage);
    assert_true(model.later_count > 0);
    model_release(&model);
}

static void a_minute_of_internal_errors_asks_for_no_ledger_that_may_not_exist(void **state)
{
    (void)state;
    struct model model = {0};
    live_through(&model, TROUBLE_INTERNAL, MINUTE_US);
    assert_recovered(&model);
    model_release(&model);
}

static void connections_cut_for_a_day_are_survived(void **state)
{
    (void)state;
    struct model model = {0};
    live_through(&model, TROUBLE_CUT, DAY_US);
    assert_recovered(&model);
    model_release(&model);
}

static void a_hung_server_is_asked_again_ever_more_rarely(void **state)
{
    (void)state;
    struct model model = {0};
    live_through(&model, TROUBLE_HUNG, 2 * DAY_US);
    assert_recovered(&model);
    assert_int_equal(model.longest_idle_us, POLICY_MAX_IDLE_US);
    assert_int_equal(model.policy.idle_us, 90 * SECOND_US);
    assert_int_equal(model.alone_count, 0);
    assert_in_range(model.call_count, 48, 120);
    model_release(&model);
}

static void bounded(struct model *model, uint32_t first, uint32_t last, uint32_t seam,
                    bool skip_poison)
{
    const struct source_request request = {.first = first, .last = last, .seam_ledger = seam};
    model->now_us = at(20000);
    model_init(model, &request, skip_poison);
    for (unsigned i = 0; i < 10000 && step(model); i++)
        continue;
}

static void a_poison_ledger_is_told_from_an_outage_and_stops(void **state)
{
    (void)state;
    struct model model = {.poison = {5050}};
    bounded(&model, 5000, 5100, 0, false);
    assert_int_equal(model.verdict, POLICY_STOP);
    assert_int_equal(model.error.code, ERR_CORRUPT);
    assert_non_null(strstr(model.error.message, "5050"));
    assert_non_null(strstr(model.error.message, "invalid UTF-8"));
    assert_int_equal(model.complete_to, 5049);
    assert_int_equal(model.alone_count, 2);
    assert_int_equal(model.later_count, 1);
    model_release(&model);
}

static void poison_ledgers_side_by_side_are_skipped_one_by_one(void **state)
{
    (void)state;
    struct model model = {.poison = {5050, 5051, 5060, 5100}};
    bounded(&model, 5000, 5100, 0, true);
    assert_int_equal(model.verdict, POLICY_SKIP);
    assert_true(model.tracker.range_is_complete);
    assert_int_equal(model.skipped, 5100);
    assert_int_equal(model.complete_to, 5099);
    model_release(&model);
}

static void the_first_ledger_ever_asked_for_may_be_poison(void **state)
{
    (void)state;
    struct model model = {.poison = {5000}};
    bounded(&model, 5000, 5000, 0, false);
    assert_int_equal(model.verdict, POLICY_STOP);
    assert_int_equal(model.error.code, ERR_CORRUPT);
    model_release(&model);
}

static void a_final_status_stops_whenever_it_comes(void **state)
{
    (void)state;
    struct model model = {.trouble = TROUBLE_DENIED, .trouble_until_us = INT64_MAX};
    bounded(&model, 5000, 5100, 0, false);
    assert_int_equal(model.verdict, POLICY_STOP);
    assert_int_equal(model.error.code, ERR_INVALID);
    assert_int_equal(model.call_count, 1);
    model_release(&model);
}

static void start_zero_is_not_insisted_on(void **state)
{
    (void)state;
    struct model model = {0};
    bounded(&model, 0, 0, 0, false);
    assert_int_equal(model.verdict, POLICY_STOP);
    assert_int_equal(model.error.code, ERR_INVALID);
    assert_non_null(strstr(model.error.message, "START"));
    model_release(&model);
}

static void a_seam_ledger_that_is_not_served_is_given_up(void **state)
{
    (void)state;
    struct model near = {.refuses_old = true};
    bounded(&near, 1100, 1200, 900, false);
    assert_int_equal(near.verdict, POLICY_FINISHED);
    assert_int_equal(near.complete_to, 1200);
    assert_int_equal(near.stats.seam_checked, 0);
    model_release(&near);
}

/* Looks at a ledger that the lake has. */
static void probe(struct model *model, uint32_t ledger, uint32_t seam)
{
    const struct source_request request = {
        .first = ledger, .last = ledger, .seam_ledger = seam, .is_probe = true};
    model->now_us = at(20000);
    model_init(model, &request, false);
    for (unsigned i = 0; i < 10000 && step(model); i++)
        continue;
    assert_int_equal(model->complete_to, 0);
    assert_int_equal(model->probe_count, model->call_count);
}

static void a_probe_that_is_answered_takes_one_call(void **state)
{
    (void)state;
    struct model seam = {0};
    probe(&seam, 2000, 2000);
    assert_int_equal(seam.verdict, POLICY_FINISHED);
    assert_int_equal(seam.stats.seam_checked, 1);
    assert_int_equal(seam.call_count, 1);
    model_release(&seam);
    struct model look = {0};
    probe(&look, 2000, 0);
    assert_int_equal(look.verdict, POLICY_FINISHED);
    assert_int_equal(look.stats.seam_checked, 0);
    assert_int_equal(look.tracker.probe_event_count, 3);
    model_release(&look);
}

static void a_probe_is_given_up_as_soon_as_its_failures_mean_something(void **state)
{
    (void)state;
    const struct {
        struct model model;
        uint32_t calls;
    } cases[] = {{{.refuses_old = true}, 1},
                 {{.poison = {900}}, POLICY_PROBE_TRIES},
                 {{.trouble = TROUBLE_INTERNAL, .trouble_until_us = INT64_MAX}, POLICY_PROBE_TRIES},
                 {{.trouble = TROUBLE_HUNG, .trouble_until_us = INT64_MAX}, 1},
                 {{.trouble = TROUBLE_CUT, .trouble_until_us = INT64_MAX}, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model model = cases[i].model;
        probe(&model, 900, 900);
        assert_int_equal(model.verdict, POLICY_GIVEN_UP);
        assert_int_equal(model.call_count, cases[i].calls);
        assert_true(model.longest_idle_us <= POLICY_PROBE_IDLE_US);
        model_release(&model);
    }
}

static void a_server_that_is_not_there_is_waited_for_by_a_probe(void **state)
{
    (void)state;
    struct model model = {.trouble = TROUBLE_REFUSED, .trouble_until_us = at(20000) + HOUR_US};
    probe(&model, 2000, 2000);
    assert_int_equal(model.verdict, POLICY_FINISHED);
    assert_int_equal(model.stats.seam_checked, 1);
    model_release(&model);
}

static void after_long_quiet_a_live_request_begins_with_the_last_ledger_had(void **state)
{
    (void)state;
    struct model model = {0};
    const struct source_request request = {.first = 5001, .seam_ledger = 2000};
    model.now_us = at(5000) + POLICY_LEDGER_US / 2;
    assert_int_equal(tip(&model), 5000);
    model_init(&model, &request, false);
    model.live_until_us = model.now_us + 100 * POLICY_LEDGER_US;
    while (model.complete_to < 5050)
        assert_true(step(&model));
    assert_int_equal(model.probe_count, 0);
    assert_int_equal(model.asked_ahead, 0);
    model_release(&model);
}

static void after_a_long_gap_the_next_call_begins_where_events_were_seen(void **state)
{
    (void)state;
    struct model model = {.gap_first = 5010, .gap_last = 8000};
    const struct source_request request = {.first = 5000, .last = 0};
    model.now_us = at(8005);
    model_init(&model, &request, false);
    model.live_until_us = model.now_us;
    assert_true(step(&model));
    assert_in_range(model.tracker.next, 8001, 8006);
    struct source_call call = policy_next_call(&model.policy, &model.tracker);
    assert_in_range(call.start, 8001, model.tracker.next);
    model_release(&model);
}

/* A bounded request of a source that does not wait outages out. */
static void ask_once(struct model *model, uint32_t first, uint32_t last, uint32_t newest)
{
    const struct source_request request = {.first = first, .last = last};
    model->now_us = at(newest) + POLICY_LEDGER_US / 2;
    model->trouble_until_us = model->now_us + DAY_US;
    model_init(model, &request, false);
    model->policy.ends_in_outage = true;
    for (unsigned i = 0; step(model); i++)
        assert_true(i < 1000);
}

static void who_asks_once_gives_up_in_an_outage(void **state)
{
    (void)state;
    static const struct {
        enum trouble trouble;
        const char *words;
    } cases[] = {{TROUBLE_REFUSED, "can't be reached: refused"},
                 {TROUBLE_CUT, "ledger 5000 can't be had now: closed"},
                 {TROUBLE_INTERNAL, "ledger 5000 can't be had now: source error"},
                 {TROUBLE_HUNG, "at ledger 5000 nothing came: does the server"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model model = {.trouble = cases[i].trouble};
        ask_once(&model, 5000, 5100, 6000);
        assert_int_equal(model.verdict, POLICY_STOP);
        assert_int_equal(model.error.code, ERR_RETRY);
        assert_non_null(strstr(model.error.message, cases[i].words));
        assert_true(model.now_us < model.trouble_until_us - DAY_US + 10 * MINUTE_US);
        model_release(&model);
    }
}

static void who_asks_once_still_tells_poison_and_ends_with_the_range(void **state)
{
    (void)state;
    struct model poisoned = {.poison = {5050}}, sound = {0};
    ask_once(&poisoned, 5000, 5100, 6000);
    assert_int_equal(poisoned.verdict, POLICY_STOP);
    assert_int_equal(poisoned.error.code, ERR_CORRUPT);
    assert_int_equal(poisoned.complete_to, 5049);
    model_release(&poisoned);
    ask_once(&sound, 5000, 5100, 6000);
    assert_int_equal(sound.verdict, POLICY_FINISHED);
    model_release(&sound);
}

/* The last event of the range comes, the OK behind it never: each new try brings events again. */
static void who_asks_once_does_not_wait_at_the_tip_for_ever(void **state)
{
    (void)state;
    struct model model = {0};
    const struct source_request request = {.first = 5000, .last = 5100};
    struct source_ending ending = {.outcome = SOURCE_SILENT, .words = "nothing came"};
    model_init(&model, &request, false);
    model.policy.ends_in_outage = true;
    for (unsigned tries = 1; tries <= POLICY_SILENT_TRIES; tries++) {
        struct source_call call = policy_next_call(&model.policy, &model.tracker);
        tracker_begin(&model.tracker, &call);
        for (uint32_t ledger = call.start; ledger <= 5100; ledger++)
            assert_int_equal(send_events(&model, ledger, 3), TRACK_GO_ON);
        tracker_abandon(&model.tracker);
        if (tries == 1)
            policy_on_progress(&model.policy);
        assert_int_equal(
            policy_after(&model.policy, &model.tracker, &call, &ending, at(5101), &model.error)
                .verdict,
            tries < POLICY_SILENT_TRIES ? POLICY_AGAIN : POLICY_STOP);
    }
    assert_non_null(strstr(model.error.message, "ledger 5100"));
    model_release(&model);
}

/* The range begins at 5000 and the lake has 4990: the server refuses that one. */
static void the_ledger_that_is_named_is_the_one_that_was_asked_for(void **state)
{
    (void)state;
    struct model model = {0};
    const struct source_request request = {.first = 5000, .last = 5100, .seam_ledger = 4990};
    const struct source_ending ending = failed(true, GRPC_INTERNAL, "no ledger 4990");
    struct policy_decision decision = {.verdict = POLICY_AGAIN};
    model_init(&model, &request, false);
    model.policy.ends_in_outage = true;
    model.policy.max_attempts = 1;
    model.policy.outage = true;
    struct source_call call = policy_next_call(&model.policy, &model.tracker);
    assert_int_equal(call.start, 4990);
    tracker_begin(&model.tracker, &call);
    tracker_abandon(&model.tracker);
    decision = policy_after(&model.policy, &model.tracker, &call, &ending, at(6000), &model.error);
    assert_int_equal(decision.verdict, POLICY_STOP);
    assert_non_null(strstr(model.error.message, "ledger 4990 can't be had now: no ledger 4990"));
    model_release(&model);
}

static void what_a_stream_left_out_is_asked_for_by_itself_and_then_the_stream_goes_on(void **state)
{
    (void)state;
    struct model model = {.gap_first = 5020, .gap_last = 5319};
    const struct source_request request = {.first = 5000, .last = 0, .seam_ledger = 4999};
    struct gaps gaps;
    gaps_init(&gaps, false);
    model.now_us = at(5500);
    model_init(&model, &request, false);
    model.tracker.gaps = &gaps;
    model.live_until_us = model.now_us;
    assert_true(step(&model)); /* ends at 5320 */
    assert_int_equal(model.complete_to, 5019);
    struct source_call call = policy_next_call(&model.policy, &model.tracker);
    assert_int_equal(call.purpose, SOURCE_CALL_MAIN);
    assert_int_equal(call.start, 5019);
    assert_int_equal(call.seam, 5019);
    assert_int_equal(call.end, 5319);
    int64_t before_us = model.now_us;
    assert_true(step(&model));
    assert_int_equal(model.complete_to, 5319);
    assert_int_equal(model.now_us, before_us); /* no failure, so no wait */
    assert_int_equal(gaps.told.count, 1);
    call = policy_next_call(&model.policy, &model.tracker);
    assert_int_equal(call.start, 5019);
    assert_int_equal(call.end, 0);
    assert_true(step(&model));
    assert_in_range(model.complete_to, 5490, 5500);
    assert_int_equal(model.call_count, 3);
    model_release(&model);
}

/* All that was left out may be lost: whether the server works is seen at what lies behind it. */
static void a_gap_that_fails_is_weighed_against_the_ledger_behind_it(void **state)
{
    (void)state;
    struct model model = {0};
    const struct source_request request = {.first = 5000, .last = 0};
    model.now_us = at(6000);
    model_init(&model, &request, false);
    model.tracker.asked_to = 5299;
    for (int i = 0; i < 10; i++) {
        struct source_call call = policy_next_call(&model.policy, &model.tracker);
        assert_int_equal(call.end, 5299);
        struct source_ending ending = failed(true, GRPC_INTERNAL, "out of retention");
        (void)policy_after(&model.policy, &model.tracker, &call, &ending, model.now_us, NULL);
    }
    struct source_call call = policy_next_call(&model.policy, &model.tracker);
    assert_int_equal(call.purpose, SOURCE_CALL_ALONE);
    struct source_ending ending = failed(true, GRPC_INTERNAL, "out of retention");
    model.tracker.last_ledger = 5300;
    model.tracker.last_close_us = at(5300);
    (void)policy_after(&model.policy, &model.tracker, &call, &ending, model.now_us, NULL);
    call = policy_next_call(&model.policy, &model.tracker);
    assert_int_equal(call.purpose, SOURCE_CALL_LATER);
    assert_int_equal(call.start, 5300);
    model_release(&model);
}

static void a_drip_is_remembered_until_a_ledger_is_complete(void **state)
{
    (void)state;
    struct model model = {0};
    const struct source_request request = {.first = 5000, .last = 0};
    model.now_us = at(6000);
    model_init(&model, &request, false);
    struct source_call call = policy_next_call(&model.policy, &model.tracker);
    struct source_ending ending = {.outcome = SOURCE_SILENT, .words = "drip", .is_drip = true};
    (void)policy_after(&model.policy, &model.tracker, &call, &ending, model.now_us, NULL);
    ending.is_drip = false;
    (void)policy_after(&model.policy, &model.tracker, &call, &ending, model.now_us, NULL);
    policy_on_event(&model.policy);
    assert_true(model.policy.drips);
    policy_on_progress(&model.policy);
    assert_false(model.policy.drips);
    model_release(&model);
}

/* One call that ends so, half a minute behind the last ledger that was seen; what is to be done
 * then. */
static enum policy_verdict end_call(struct model *model, const struct source_ending *ending)
{
    struct source_call call = policy_next_call(&model->policy, &model->tracker);
    return policy_after(&model->policy, &model->tracker, &call, ending, at(5001) + 30 * SECOND_US,
                        &model->error)
        .verdict;
}

/* Half a minute after a ledger closed, the server need not have the one after it. */
static void at_the_tip_no_later_ledger_is_asked_for_to_tell_poison(void **state)
{
    (void)state;
    struct model model = {0};
    const struct source_request request = {.first = 5000};
    struct source_ending cut = failed(false, GRPC_UNAVAILABLE, "cut");
    model_init(&model, &request, false);
    struct source_call call = policy_next_call(&model.policy, &model.tracker);
    tracker_begin(&model.tracker, &call);
    assert_int_equal(send_events(&model, 5000, 3), TRACK_GO_ON);
    assert_int_equal(send_events(&model, 5001, 1), TRACK_GO_ON);
    tracker_abandon(&model.tracker);
    policy_on_progress(&model.policy);
    for (unsigned calls = 0; calls < model.policy.max_attempts; calls++)
        assert_int_equal(end_call(&model, &cut), POLICY_AGAIN);
    assert_int_equal(policy_next_call(&model.policy, &model.tracker).purpose, SOURCE_CALL_ALONE);
    assert_int_equal(end_call(&model, &cut), POLICY_AGAIN);
    assert_true(model.policy.outage);
    assert_int_equal(policy_next_call(&model.policy, &model.tracker).purpose, SOURCE_CALL_MAIN);
    model_release(&model);
}

static void calls_that_failed_before_a_ledger_was_completed_do_not_count_after_it(void **state)
{
    (void)state;
    struct model model = {0};
    const struct source_request request = {.first = 5000, .last = 5100};
    struct source_ending cut = failed(false, GRPC_UNAVAILABLE, "cut");
    model_init(&model, &request, false);
    for (unsigned round = 0; round < 3; round++) {
        policy_on_progress(&model.policy);
        for (unsigned calls = 1; calls < model.policy.max_attempts; calls++)
            assert_int_equal(end_call(&model, &cut), POLICY_AGAIN);
        assert_int_equal(policy_next_call(&model.policy, &model.tracker).purpose, SOURCE_CALL_MAIN);
    }
    assert_int_equal(end_call(&model, &cut), POLICY_AGAIN);
    assert_int_equal(policy_next_call(&model.policy, &model.tracker).purpose, SOURCE_CALL_ALONE);
    model_release(&model);
}

static void silence_before_a_ledger_was_completed_does_not_count_after_it(void **state)
{
    (void)state;
    struct model model = {0};
    const struct source_request request = {.first = 5000, .last = 5100};
    const struct source_ending silent = {.outcome = SOURCE_SILENT, .words = "nothing came"};
    model_init(&model, &request, false);
    model.policy.ends_in_outage = true;
    for (unsigned round = 0; round < 3; round++) {
        policy_on_progress(&model.policy);
        for (unsigned tries = 1; tries < POLICY_SILENT_TRIES; tries++)
            assert_int_equal(end_call(&model, &silent), POLICY_AGAIN);
    }
    assert_int_equal(end_call(&model, &silent), POLICY_STOP);
    model_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_stream_left_out_is_asked_for_by_itself_and_then_the_stream_goes_on),
        cmocka_unit_test(a_gap_that_fails_is_weighed_against_the_ledger_behind_it),
        cmocka_unit_test(a_drip_is_remembered_until_a_ledger_is_complete),
        cmocka_unit_test(calls_that_failed_before_a_ledger_was_completed_do_not_count_after_it),
        cmocka_unit_test(at_the_tip_no_later_ledger_is_asked_for_to_tell_poison),
        cmocka_unit_test(silence_before_a_ledger_was_completed_does_not_count_after_it),
        cmocka_unit_test(three_days_without_a_server_end_where_they_began),
        cmocka_unit_test(a_day_of_internal_errors_is_an_outage_and_no_poison),
        cmocka_unit_test(a_minute_of_internal_errors_asks_for_no_ledger_that_may_not_exist),
        cmocka_unit_test(connections_cut_for_a_day_are_survived),
        cmocka_unit_test(a_hung_server_is_asked_again_ever_more_rarely),
        cmocka_unit_test(a_poison_ledger_is_told_from_an_outage_and_stops),
        cmocka_unit_test(poison_ledgers_side_by_side_are_skipped_one_by_one),
        cmocka_unit_test(the_first_ledger_ever_asked_for_may_be_poison),
        cmocka_unit_test(a_final_status_stops_whenever_it_comes),
        cmocka_unit_test(start_zero_is_not_insisted_on),
        cmocka_unit_test(a_seam_ledger_that_is_not_served_is_given_up),
        cmocka_unit_test(a_probe_that_is_answered_takes_one_call),
        cmocka_unit_test(a_probe_is_given_up_as_soon_as_its_failures_mean_something),
        cmocka_unit_test(a_server_that_is_not_there_is_waited_for_by_a_probe),
        cmocka_unit_test(after_long_quiet_a_live_request_begins_with_the_last_ledger_had),
        cmocka_unit_test(after_a_long_gap_the_next_call_begins_where_events_were_seen),
        cmocka_unit_test(who_asks_once_gives_up_in_an_outage),
        cmocka_unit_test(the_ledger_that_is_named_is_the_one_that_was_asked_for),
        cmocka_unit_test(who_asks_once_still_tells_poison_and_ends_with_the_range),
        cmocka_unit_test(who_asks_once_does_not_wait_at_the_tip_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
