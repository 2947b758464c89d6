// SPDX-License-Identifier: Apache-2.0
/*
 * What to ask the server for next: an outage is waited for, a poison ledger is not.
 *
 * A poison ledger is one that the server can't give, while it gives others. It looks like an outage
 * until a later ledger comes, so the policy finds out by asking. policy->purpose says what the next
 * call is for, and `->` what it becomes:
 *
 *   MAIN   the range, from the seam ledger or from the first incomplete one
 *            a ledger is completed               all counts begin anew (policy_on_progress)
 *            max_attempts failures since then    -> ALONE, if the ledger must exist by now
 *   ALONE  the first incomplete ledger by itself
 *            it comes                            -> MAIN
 *            it fails                            -> LATER
 *            it fails after a later one came     it is poison: POLICY_STOP, or POLICY_SKIP and MAIN
 *   LATER  a ledger 1, 2, 4 or 8 behind it (try_later)
 *            it comes                            -> ALONE, once more
 *            it fails                            -> LATER, the next one
 *            all failed, or the next one may
 *            not exist yet                       an outage: MAIN
 *   PROBE  ledgers that are only looked at: given up after a few failures, never poison
 *
 * ALONE comes twice so that an outage that ended between two calls is not taken for poison. A
 * failure is a status, a cut, or an answer that can't be right. Silence is none, since the chain
 * may have stopped: it doubles the idle time-out. A server that can't be reached max_attempts times
 * in a row is an outage, too. An outage is waited for as long as it takes, unless ends_in_outage.
 *
 * A status that no retry can change (is_final) ends the run at once, with the remedy. After any
 * other failure comes a pause that grows each time (grpc/retry.h).
 */
#include "source/policy.h"

#include <inttypes.h>
#include <stdio.h>

void policy_init(struct policy *policy, const struct source_options *options,
                 const struct source_request *request, uint64_t seed)
{
    int64_t idle_us = options->idle_timeout_us;
    if (request->is_probe && idle_us > POLICY_PROBE_IDLE_US)
        idle_us = POLICY_PROBE_IDLE_US;
    *policy = (struct policy){
        .max_attempts = options->max_attempts != 0 ? options->max_attempts : 1,
        .skip_poison = options->skip_poison_ledger,
        .ends_in_outage = options->ends_in_outage,
        .idle_initial_us = idle_us,
        .idle_us = idle_us,
        .first = request->first,
        .last = request->last,
        .request_seam =
            request->seam_ledger < request->first || request->is_probe ? request->seam_ledger : 0,
        .is_probe = request->is_probe,
        .purpose = request->is_probe ? SOURCE_CALL_PROBE : SOURCE_CALL_MAIN,
    };
    grpc_backoff_init(&policy->backoff, options->retry_initial_us, options->retry_max_us, seed);
}

/* The complete ledger with events that is nearest below the next one; 0: none that may be asked. */
static uint32_t nearest_seam(const struct policy *policy, const struct tracker *tracker)
{
    if (policy->seam_is_refused || tracker->seam_is_unwanted)
        return 0;
    uint32_t seam = tracker->newest_full;
    if (seam == 0 && policy->skipped == 0)
        seam = policy->request_seam;
    return seam < tracker->next ? seam : 0;
}

/* Ledgers that the stream left out are to be asked for by themselves. */
static bool has_gap(const struct tracker *tracker)
{
    return tracker->next != 0 && tracker->next <= tracker->asked_to;
}

static struct source_call main_call(const struct policy *policy, const struct tracker *tracker)
{
    uint32_t seam = nearest_seam(policy, tracker);
    uint32_t last = has_gap(tracker) ? tracker->asked_to : policy->last;
    if (seam != 0 && tracker->next - seam <= POLICY_NEAR_LEDGERS)
        return (struct source_call){SOURCE_CALL_MAIN, seam, last, seam};
    /* A ledger that may not exist yet is never asked for first; the one before it is had. */
    bool may_be_ahead = last == 0 && seam != 0 && tracker->next - 1 != policy->skipped;
    uint32_t start = may_be_ahead ? tracker->next - 1 : tracker->next;
    return (struct source_call){SOURCE_CALL_MAIN, start, last, 0};
}

struct source_call policy_next_call(const struct policy *policy, const struct tracker *tracker)
{
    switch (policy->purpose) {
    case SOURCE_CALL_PROBE:
        return (struct source_call){SOURCE_CALL_PROBE, policy->first, policy->last,
                                    policy->request_seam};
    case SOURCE_CALL_ALONE:
        return (struct source_call){SOURCE_CALL_ALONE, tracker->next, tracker->next, 0};
    case SOURCE_CALL_LATER:
        return (struct source_call){SOURCE_CALL_LATER, policy->later_ledger, policy->later_ledger,
                                    0};
    default: return main_call(policy, tracker);
    }
}

void policy_on_event(struct policy *policy)
{
    policy->idle_us = policy->idle_initial_us;
}

void policy_on_progress(struct policy *policy)
{
    grpc_backoff_reset(&policy->backoff);
    policy->purpose = SOURCE_CALL_MAIN;
    policy->later_worked = false;
    policy->failed_calls = 0;
    policy->unreachable_tries = 0;
    policy->silent_tries = 0;
    policy->seam_is_refused = false;
    policy->drips = false;
    policy->outage = false;
    policy->degraded = false;
}

void policy_on_connected(struct policy *policy)
{
    policy->unreachable_tries = 0;
}

/* Must the server have `ledger` by now? Its close time is estimated from the last one seen; where
 * nothing was seen, the user's range is believed, and one more (a bounded request ends only when a
 * later ledger is there). */
static bool must_exist(const struct policy *policy, const struct tracker *tracker, uint32_t ledger,
                       int64_t now_us)
{
    if (tracker->last_close_us != 0) {
        int64_t away = (int64_t)ledger - (int64_t)tracker->last_ledger;
        return away <= 0 ||
               tracker->last_close_us + away * POLICY_LEDGER_US + POLICY_SETTLE_US <= now_us;
    }
    return policy->last != 0 && (int64_t)ledger <= (int64_t)policy->last + 1;
}

static struct policy_decision again(int64_t wait_us)
{
    return (struct policy_decision){.verdict = POLICY_AGAIN, .wait_us = wait_us};
}

static struct policy_decision stop(void)
{
    return (struct policy_decision){.verdict = POLICY_STOP};
}

/* Nothing works: go on with the range as it is, and say so. */
static struct policy_decision call_it_outage(struct policy *policy)
{
    policy->outage = true;
    policy->purpose = SOURCE_CALL_MAIN;
    policy->later_worked = false;
    policy->failed_calls = 0;
    return again(grpc_backoff_next(&policy->backoff));
}

/* After the first incomplete ledger failed alone, and after each later one that failed, too. */
static struct policy_decision try_later(struct policy *policy, const struct tracker *tracker,
                                        int64_t now_us)
{
    /* Those that the stream left out may all be lost: one behind them was seen. */
    uint32_t from = has_gap(tracker) ? tracker->asked_to : tracker->next;
    uint32_t later = from + (UINT32_C(1) << policy->later_tries);
    if (policy->later_tries == POLICY_LATER_TRIES || later <= tracker->next ||
        !must_exist(policy, tracker, later, now_us))
        return call_it_outage(policy);
    policy->purpose = SOURCE_CALL_LATER;
    policy->later_tries++;
    policy->later_ledger = later;
    return again(grpc_backoff_next(&policy->backoff));
}

/* The first incomplete ledger failed alone, a later one came, and it failed alone again: no outage
 * that ended in between. */
static struct policy_decision poison(struct policy *policy, const struct tracker *tracker,
                                     struct error *error)
{
    if (!policy->skip_poison) {
        error_set(error, ERR_CORRUPT,
                  "ledger %" PRIu32 " can't be had from the server, while ledger %" PRIu32
                  " can: %s%s, or set on_poison_ledger to skip to leave it out",
                  tracker->next, policy->later_ledger, policy->poison_words,
                  policy->poison_is_aged ? "" : "; repair the source");
        return stop();
    }
    policy->skipped = tracker->next;
    policy_on_progress(policy);
    return (struct policy_decision){.verdict = POLICY_SKIP, .ledger = policy->skipped};
}

static struct policy_decision after_done(struct policy *policy, const struct tracker *tracker,
                                         const struct source_call *call)
{
    switch (call->purpose) {
    case SOURCE_CALL_LATER:
        policy->later_worked = true;
        policy->purpose = SOURCE_CALL_ALONE;
        return again(0);
    case SOURCE_CALL_PROBE: return (struct policy_decision){.verdict = POLICY_FINISHED};
    case SOURCE_CALL_ALONE: policy->purpose = SOURCE_CALL_MAIN; break;
    case SOURCE_CALL_MAIN: break;
    }
    /* Ended early for the sake of ledgers that it left out, or they came now. */
    if (tracker->next != 0 && !tracker->range_is_complete)
        return again(0);
    return (struct policy_decision){.verdict = POLICY_FINISHED};
}

static const char *remedy(enum grpc_code code)
{
    switch (code) {
    case GRPC_UNAUTHENTICATED:
        return "give credentials in metadata, such as {\"authorization\": \"env:TTP_TOKEN\"}";
    case GRPC_PERMISSION_DENIED:
        return "the credentials in metadata may not read this stream: ask the server's operator";
    case GRPC_UNIMPLEMENTED:
        return "this server does not offer GetTTPEvents: check that ttp_processor_endpoint is a "
               "ttp-processor's gRPC port";
    default: return "the server will never accept this request: check START and END";
    }
}

/* A status that no retry can change. */
static bool is_final(const struct source_ending *ending)
{
    if (ending->outcome != SOURCE_FAILED || grpc_code_is_passing(ending->code))
        return false;
    /* An HTTP answer of something in between (404 while a proxy's backend starts) may pass. */
    return ending->has_status || ending->code == GRPC_UNAUTHENTICATED ||
           ending->code == GRPC_PERMISSION_DENIED;
}

/* An empty lake's START 0 that the server refuses, as real ones do. */
static bool is_refused_start(const struct policy *policy, const struct tracker *tracker,
                             const struct source_ending *ending)
{
    return policy->first == 0 && !tracker->anything_came && ending->has_status &&
           ending->code != GRPC_UNAVAILABLE && ending->code != GRPC_CANCELLED &&
           ending->code != GRPC_RESOURCE_EXHAUSTED;
}

/* The first incomplete ledger failed alone. */
static struct policy_decision after_alone(struct policy *policy, const struct tracker *tracker,
                                          const struct source_ending *ending, int64_t now_us,
                                          struct error *error)
{
    snprintf(policy->poison_words, sizeof(policy->poison_words), "%.*s",
             (int)sizeof(policy->poison_words) - 1, ending->words);
    policy->poison_is_aged = ending->is_aged; /* the words have the remedy */
    if (policy->later_worked && ending->outcome == SOURCE_FAILED)
        return poison(policy, tracker, error);
    if (policy->later_worked)
        return call_it_outage(policy);
    policy->later_tries = 0;
    return try_later(policy, tracker, now_us);
}

/* A probe failed: whether it is given up. */
static struct policy_decision after_probe(struct policy *policy, const struct source_ending *ending,
                                          bool is_not_served)
{
    bool says_nothing = ending->is_cut || ending->code == GRPC_UNAVAILABLE ||
                        ending->code == GRPC_RESOURCE_EXHAUSTED;
    unsigned tries = says_nothing ? policy->max_attempts : POLICY_PROBE_TRIES;
    if (is_not_served || ending->outcome == SOURCE_SILENT || ++policy->probe_tries >= tries)
        return (struct policy_decision){.verdict = POLICY_GIVEN_UP};
    return again(grpc_backoff_next(&policy->backoff));
}

static struct policy_decision after_failure(struct policy *policy, const struct tracker *tracker,
                                            const struct source_call *call,
                                            const struct source_ending *ending, int64_t now_us,
                                            struct error *error)
{
    bool is_not_served =
        ending->has_status && (ending->code == GRPC_NOT_FOUND || ending->code == GRPC_OUT_OF_RANGE);
    switch (call->purpose) {
    case SOURCE_CALL_PROBE: return after_probe(policy, ending, is_not_served);
    case SOURCE_CALL_ALONE: return after_alone(policy, tracker, ending, now_us, error);
    case SOURCE_CALL_LATER: return try_later(policy, tracker, now_us);
    case SOURCE_CALL_MAIN: break;
    }
    if (call->seam != 0 && is_not_served)
        policy->seam_is_refused = true;
    /* Silence is no failure of a ledger: the chain may have stopped. */
    if (ending->outcome == SOURCE_FAILED && ++policy->failed_calls >= policy->max_attempts) {
        bool may_be_asked =
            tracker->next != 0 &&
            (tracker->last_close_us == 0 || must_exist(policy, tracker, tracker->next, now_us));
        if (!may_be_asked)
            return call_it_outage(policy);
        policy->purpose = SOURCE_CALL_ALONE;
    }
    return again(grpc_backoff_next(&policy->backoff));
}

static struct policy_decision after_silence(struct policy *policy, const struct tracker *tracker,
                                            const struct source_call *call,
                                            const struct source_ending *ending, int64_t now_us,
                                            struct error *error)
{
    policy->idle_us =
        policy->idle_us > POLICY_MAX_IDLE_US / 2 ? POLICY_MAX_IDLE_US : policy->idle_us * 2;
    return after_failure(policy, tracker, call, ending, now_us, error);
}

/* For callers that do not want to wait: whether the server has nothing for them now. */
static bool must_give_up(const struct policy *policy)
{
    return policy->ends_in_outage &&
           (policy->outage || policy->silent_tries >= POLICY_SILENT_TRIES);
}

/* The ledger that is named is the one that did not come: the seam ledger below the range, where the
 * call began with it. Later ones, tried alone, only tell an outage from poison. */
static struct policy_decision give_up(const struct tracker *tracker, const struct source_call *call,
                                      const struct source_ending *ending, struct error *error)
{
    uint32_t asked = call->seam != 0 && !tracker->seam_is_done ? call->seam : tracker->next;
    if (ending->outcome == SOURCE_NOT_ASKED)
        error_set(error, ERR_RETRY, "no request can be made: %s", ending->words);
    else if (ending->outcome == SOURCE_UNREACHABLE)
        error_set(error, ERR_RETRY, "the server can't be reached: %s", ending->words);
    else if (ending->outcome == SOURCE_SILENT)
        error_set(error, ERR_RETRY,
                  "at ledger %" PRIu32 " %s: does the server have this ledger and a later one?",
                  asked, ending->words);
    else
        error_set(error, ERR_RETRY, "ledger %" PRIu32 " can't be had now: %s", asked,
                  ending->words);
    return stop();
}

static struct policy_decision after_trouble(struct policy *policy, const struct tracker *tracker,
                                            const struct source_call *call,
                                            const struct source_ending *ending, int64_t now_us,
                                            struct error *error)
{
    switch (ending->outcome) {
    case SOURCE_NOT_ASKED:
    case SOURCE_UNREACHABLE:
        if (++policy->unreachable_tries >= policy->max_attempts)
            policy->outage = true;
        return again(grpc_backoff_next(&policy->backoff));
    case SOURCE_SILENT:
        policy->silent_tries++;
        policy->drips = policy->drips || ending->is_drip;
        return after_silence(policy, tracker, call, ending, now_us, error);
    default: return after_failure(policy, tracker, call, ending, now_us, error);
    }
}

struct policy_decision policy_after(struct policy *policy, const struct tracker *tracker,
                                    const struct source_call *call,
                                    const struct source_ending *ending, int64_t now_us,
                                    struct error *error)
{
    if (ending->outcome == SOURCE_DONE)
        return after_done(policy, tracker, call);
    policy->degraded = true;
    if (is_final(ending) && !ending->may_be_answered_otherwise) {
        error_set(error, ERR_INVALID, "%s; %s", ending->words, remedy(ending->code));
        return stop();
    }
    if (is_refused_start(policy, tracker, ending) && !ending->may_be_answered_otherwise) {
        error_set(error, ERR_INVALID,
                  "the server does not choose a first ledger by itself (%s); give a START, such "
                  "as a recent ledger that its source still keeps",
                  ending->words);
        return stop();
    }
    struct policy_decision decision = after_trouble(policy, tracker, call, ending, now_us, error);
    if (decision.verdict == POLICY_AGAIN && must_give_up(policy))
        return give_up(tracker, call, ending, error);
    return decision;
}
