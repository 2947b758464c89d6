// SPDX-License-Identifier: Apache-2.0
/*
 * The oracle's eye on the stream: each call to the server, when it begins, what it asks for, how
 * long it may last, and what comes of it. It stands around source_run and in front of its handler.
 */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>

#include "pb/request.h"
#include "source/tracker.h"
#include "world.h"

#define WRAPPED(result, name, parameters)                                                          \
    extern __typeof__(name) __real_##name;                                                         \
    extern __typeof__(name) __wrap_##name;                                                         \
    result __wrap_##name parameters

/* Calls in a row that end well, bring nothing, and are followed at once by the next: one that finds
 * a gap, and a later ledger that came, so that the first incomplete one is asked for again. */
#define DONE_IN_A_ROW_MAX 3
/* Of a wait for the next call: then a stop is asked for in some lives. */
#define LONG_WAIT_US INT64_C(2000000)
/* The source looks twice a second whether it is to stop. */
#define STOP_SLACK_US INT64_C(900000)
/* The clock moves on within a step. */
#define CLOCK_SLACK_US 50000
/* From the connection's own side: what closes, resolves and greets takes turns, too. */
#define CALL_SLACK_US (2 * ORACLE_SLACK_US)

static const struct source_handler *handler; /* of the run in work */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct oracle_stream *stream(void)
{
    return &oracle.stream;
}

/* ---- waits ---- */

int64_t oracle_idle_us(void)
{
    int64_t idle_us = oracle.options->idle_timeout_us;
    if (stream()->is_probe && idle_us > POLICY_PROBE_IDLE_US)
        idle_us = POLICY_PROBE_IDLE_US;
    for (uint64_t i = 0; i < stream()->idle_tries && idle_us < POLICY_MAX_IDLE_US; i++)
        idle_us *= 2;
    return idle_us < POLICY_MAX_IDLE_US ? idle_us : POLICY_MAX_IDLE_US;
}

/* The wait that the next failure costs: it doubles from retry_initial to retry_max with each one
 * since the last ledger; half of it is jitter. */
static int64_t backoff_us(unsigned failures)
{
    int64_t wait_us = oracle.options->retry_initial_us;
    for (unsigned i = 0; i < failures && wait_us < oracle.options->retry_max_us; i++)
        wait_us *= 2;
    return wait_us < oracle.options->retry_max_us ? wait_us : oracle.options->retry_max_us;
}

/* A call that hangs: nothing came for longer than it may, though there was room for it. */
static void check_silence(void)
{
    const struct oracle_stream *now = stream();
    int64_t connected_us = now->begun_us + oracle.options->connect_timeout_us;
    int64_t quiet_since_us = later(later(now->received_us, now->full_us), connected_us);
    int64_t message_since_us = later(later(now->message_us, now->full_us), connected_us);
    if (world->now_us - quiet_since_us > oracle_idle_us() + CALL_SLACK_US)
        oracle_finding("a call has waited for %" PRId64
                       " ms while nothing came; it may for %" PRId64,
                       (world->now_us - quiet_since_us) / 1000, oracle_idle_us() / 1000);
    if (world->now_us - message_since_us > SOURCE_DRIP_TIMES * oracle_idle_us() + CALL_SLACK_US)
        oracle_finding("a call has waited for %" PRId64 " ms while no message came",
                       (world->now_us - message_since_us) / 1000);
}

void oracle_stream_sample(void)
{
    const struct oracle_stream *now = stream();
    if (!now->is_running)
        return;
    if (now->in_call)
        check_silence();
    else if (now->is_waiting && world->now_us - now->ended_us > now->most_wait_us + ORACLE_SLACK_US)
        oracle_finding("the next call has been waited for for %" PRId64 " ms; it may be %" PRId64,
                       (world->now_us - now->ended_us) / 1000, now->most_wait_us / 1000);
}

/* ---- a call begins ---- */

/* May a call of the range begin there? At the first incomplete ledger; at the nearest complete one
 * with events, which is compared; in a live stream at the one before, since the next may not exist.
 * A later ledger is tried alone once the first incomplete one failed too often. */
static bool may_begin_at(uint32_t start, uint32_t end)
{
    const struct oracle_stream *now = stream();
    uint32_t seam = now->newest_full;
    if (seam == 0 && !now->skipped_a_ledger)
        seam = now->request.seam_ledger;
    if (now->next == 0 || start == now->next)
        return true;
    if (seam != 0 && start == seam && now->next - seam <= POLICY_NEAR_LEDGERS)
        return true;
    if (end == 0 && start == now->next - 1)
        return true;
    return start == end && start > now->next &&
           now->status_failures >= oracle.options->max_attempts;
}

static void check_request(uint32_t start, uint32_t end)
{
    const struct oracle_stream *now = stream();
    uint32_t last = now->request.last;
    if (now->is_probe) {
        if (start != now->request.first || end != last)
            oracle_finding("a look at ledgers %" PRIu32 " to %" PRIu32 " asks for %" PRIu32
                           " to %" PRIu32,
                           now->request.first, last, start, end);
        return;
    }
    if (!may_begin_at(start, end))
        oracle_finding("the server is asked for ledger %" PRIu32 " and later ones (to %" PRIu32
                       "), while %" PRIu32 " is the first that is not complete and %" PRIu32
                       " the newest with events",
                       start, end, now->next, now->newest_full);
    bool is_alone = start == end && start == now->next && start != last && now->newest_full != 0;
    if (is_alone && now->status_failures < oracle.options->max_attempts)
        oracle_finding("ledger %" PRIu32 " is asked for alone after %u failed calls", start,
                       now->status_failures);
    if (end == 0 && last != 0)
        oracle_finding("an open request in a range that ends with %" PRIu32, last);
}

static void call_begins(uint32_t start, uint32_t end)
{
    struct oracle_stream *now = stream();
    if (now->is_waiting) {
        int64_t waited_us = world->now_us - now->ended_us;
        if (waited_us < now->least_wait_us || waited_us > now->most_wait_us + ORACLE_SLACK_US)
            oracle_finding("%u calls after the last ledger the next one comes after %" PRId64
                           " ms, not after %" PRId64 " to %" PRId64,
                           now->failures, waited_us / 1000, now->least_wait_us / 1000,
                           now->most_wait_us / 1000);
    }
    check_request(start, end);
    now->in_call = true;
    now->is_waiting = false;
    now->messages = 0;
    now->faults_before = oracle_fault_count();
    now->start = start;
    now->end = end;
    now->begun_us = now->received_us = now->message_us = world->now_us;
}

WRAPPED(enum error_code, get_events_request_encode,
        (const struct get_events_request *request, struct buffer *out))
{
    if (oracle.is_on && stream()->is_running)
        call_begins(request->start_ledger, request->end_ledger);
    return __real_get_events_request_encode(request, out);
}

/* ---- a call ends ---- */

/* An outage that the script began a moment ago, since the call that met it has just ended. */
static bool has_outage(void)
{
    struct oracle_stream *now = stream();
    int64_t duration_us = 0;
    uint64_t outages = oracle_fired(FAULT_OUTAGE, &duration_us);
    if (outages != now->outages_known)
        now->outage_until_us = world->now_us + duration_us + ORACLE_SLACK_US;
    now->outages_known = outages;
    return world->now_us < now->outage_until_us;
}

/* No call fails for nothing: a fault was met since the last one that failed, or one lasts. */
static void check_cause(const struct source_ending *ending)
{
    struct oracle_stream *now = stream();
    uint64_t faults = oracle_fault_count();
    bool is_new = faults != now->faults_known;
    now->faults_known = faults;
    if (has_outage() || is_new || oracle.is_other_chain ||
        oracle_fired(FAULT_SHRUNKEN_LEDGER, NULL) > 0)
        return;
    /* At the chain's end there is nothing more to come. */
    bool at_end = now->end == 0 || now->end >= oracle.chain->served_last;
    if (ending->outcome == SOURCE_SILENT && at_end)
        return;
    oracle_finding("a call for %" PRIu32 " to %" PRIu32 " failed while nothing went wrong: %s",
                   now->start, now->end, ending->words);
}

static void check_ending(const struct source_ending *ending)
{
    const struct oracle_stream *now = stream();
    int64_t quiet_us = world->now_us - later(now->message_us, now->full_us);
    if (ending->outcome == SOURCE_SILENT && quiet_us + CLOCK_SLACK_US < oracle_idle_us())
        oracle_finding("a call is called silent %" PRId64 " ms after its last message; "
                       "the idle time is %" PRId64,
                       quiet_us / 1000, oracle_idle_us() / 1000);
    check_silence();
}

static void call_ends(const struct source_ending *ending)
{
    struct oracle_stream *now = stream();
    now->in_call = false;
    now->ended_us = world->now_us;
    now->is_waiting = true;
    now->least_wait_us = now->most_wait_us = 0;
    check_ending(ending);
    if (ending->outcome == SOURCE_DONE) {
        if (++now->done_in_a_row > DONE_IN_A_ROW_MAX)
            oracle_finding("%u calls in a row ended well and brought nothing", now->done_in_a_row);
        return;
    }
    check_cause(ending);
    now->done_in_a_row = 0;
    now->most_wait_us = backoff_us(now->failures++);
    now->least_wait_us = now->most_wait_us / 2;
    if (world->life.stops_in_wait && now->most_wait_us >= LONG_WAIT_US &&
        world->now_us < world->life.stop_at_us)
        world->life.stop_at_us = world->now_us + 1;
    bool is_unreachable =
        ending->outcome == SOURCE_UNREACHABLE || ending->outcome == SOURCE_NOT_ASKED;
    now->unreachable = is_unreachable ? now->unreachable + 1 : now->unreachable;
    now->status_failures += ending->outcome == SOURCE_FAILED;
    now->idle_tries += ending->outcome == SOURCE_SILENT;
}

WRAPPED(struct policy_decision, policy_after,
        (struct policy * policy, const struct tracker *tracker, const struct source_call *call,
         const struct source_ending *ending, int64_t now_us, struct error *error))
{
    bool is_watched = oracle.is_on && stream()->is_running;
    if (is_watched)
        call_ends(ending);
    struct policy_decision decision =
        __real_policy_after(policy, tracker, call, ending, now_us, error);
    if (is_watched && decision.verdict != POLICY_AGAIN)
        stream()->is_waiting = false;
    return decision;
}

/* A connection stands: what could not be reached can. */
WRAPPED(void, policy_on_connected, (struct policy * policy))
{
    stream()->unreachable = 0;
    __real_policy_on_connected(policy);
}

/* ---- what comes ---- */

void oracle_note_received(void)
{
    stream()->received_us = world->now_us;
}

WRAPPED(enum error_code, tracker_take,
        (struct tracker * tracker, struct bytes_view message, enum track *track,
         struct error *error))
{
    enum error_code code = __real_tracker_take(tracker, message, track, error);
    if (code == OK) {
        stream()->messages++;
        stream()->message_us = world->now_us;
        stream()->idle_tries = 0;
    }
    return code;
}

static void progress(void)
{
    struct oracle_stream *now = stream();
    now->failures = now->unreachable = now->status_failures = now->done_in_a_row = 0;
    oracle.mark_us = world->now_us;
}

/* The first event of a ledger comes. */
static void ledger_comes(uint32_t ledger)
{
    struct oracle_stream *now = stream();
    now->current = ledger;
    if (!oracle_is_ours(ledger))
        return;
    bool *delivered = &oracle.delivered[ledger - oracle.chain->first];
    oracle.again += *delivered;
    *delivered = true;
    if (ledger > oracle.newest_delivered) {
        oracle.newest_delivered = ledger;
        oracle.mark_us = oracle.newest_us = world->now_us;
    }
}

static enum error_code on_event(void *context, const struct event_view *event, uint32_t event_index,
                                struct bytes_view message, bool *is_stored, struct error *error)
{
    (void)context;
    enum error_code code =
        handler->on_event(handler->context, event, event_index, message, is_stored, error);
    if (code == OK && event_index == 0)
        ledger_comes(event->ledger_sequence);
    return code;
}

static enum error_code on_unreadable(void *context, uint32_t ledger_sequence, uint32_t event_index,
                                     const char *reason, struct bytes_view message,
                                     struct error *error)
{
    (void)context;
    enum error_code code = handler->on_unreadable(handler->context, ledger_sequence, event_index,
                                                  reason, message, error);
    if (code == OK && event_index == 0)
        ledger_comes(ledger_sequence);
    return code;
}

static void on_ledger_dropped(void *context)
{
    (void)context;
    oracle.again_allowed++;
    stream()->current = 0;
    handler->on_ledger_dropped(handler->context);
}

static enum error_code on_complete_to(void *context, uint32_t covered_to, struct error *error)
{
    (void)context;
    struct oracle_stream *now = stream();
    enum error_code code = handler->on_complete_to(handler->context, covered_to, error);
    if (code != OK)
        return code;
    for (uint32_t ledger = now->next; ledger != 0 && ledger <= covered_to; ledger++)
        if (oracle_is_ours(ledger))
            oracle.completed[ledger - oracle.chain->first] = true;
    if (now->current != 0)
        now->newest_full = now->current;
    now->current = 0;
    now->next = covered_to + 1;
    progress();
    return code;
}

static enum error_code on_skip(void *context, uint32_t ledger, const char *words,
                               struct error *error)
{
    (void)context;
    struct oracle_stream *now = stream();
    enum error_code code = handler->on_skip(handler->context, ledger, words, error);
    if (code != OK)
        return code;
    if (oracle.options->on_poison_ledger != POISON_SKIP || ledger != now->next ||
        now->status_failures <= oracle.options->max_attempts)
        oracle_finding("ledger %" PRIu32 " is left out after %u failed calls", ledger,
                       now->status_failures);
    oracle.poison_ledgers++;
    now->skipped_a_ledger = true;
    now->newest_full = 0;
    now->next = ledger + 1;
    progress();
    return code;
}

static bool has_room(void *context)
{
    (void)context;
    bool has = handler->has_room(handler->context);
    if (!has)
        stream()->full_us = world->now_us;
    return has;
}

static bool must_stop(void *context)
{
    (void)context;
    return handler->must_stop(handler->context);
}

static enum error_code on_seam_event(void *context, const struct event_view *event,
                                     uint32_t event_index, struct bytes_view message,
                                     struct error *error)
{
    (void)context;
    return handler->on_seam_event(handler->context, event, event_index, message, error);
}

static enum error_code on_seam_complete(void *context, uint32_t ledger,
                                        enum source_seam_verdict *verdict, struct error *error)
{
    (void)context;
    enum error_code code = handler->on_seam_complete(handler->context, ledger, verdict, error);
    if (*verdict != SOURCE_SEAM_OK && !oracle.is_other_chain)
        oracle_finding("ledger %" PRIu32 " is said to differ from the lake's, and does not",
                       ledger);
    return code;
}

static int64_t deadline_us(void *context)
{
    (void)context;
    return handler->deadline_us(handler->context);
}

static enum error_code on_deadline(void *context, struct error *error)
{
    (void)context;
    return handler->on_deadline(handler->context, error);
}

/* ---- a range ---- */

/* What the lake has is not asked for again. */
static void check_range(const struct source_request *request)
{
    uint32_t last = request->last != 0 ? request->last : oracle.chain->last;
    for (uint32_t ledger = request->first; ledger <= last; ledger++)
        if (oracle_is_ours(ledger) && oracle.covered[ledger - oracle.chain->first]) {
            oracle_finding("ledgers %" PRIu32 " to %" PRIu32
                           " are fetched, and the lake has %" PRIu32,
                           request->first, request->last, ledger);
            return;
        }
}

/* A stop ends it wherever it waits. */
static void check_stop(void)
{
    int64_t stop_us = later(world->life.stop_at_us, stream()->since_us);
    if (world->life.stop_at_us != 0 && world->now_us - stop_us > STOP_SLACK_US)
        oracle_finding("the source went on for %" PRId64 " ms after a stop",
                       (world->now_us - stop_us) / 1000);
}

WRAPPED(enum error_code, source_run,
        (struct source * source, const struct source_request *request,
         const struct source_handler *real_handler, struct source_result *result,
         struct error *error))
{
    static const struct source_handler watched = {.on_event = on_event,
                                                  .on_unreadable = on_unreadable,
                                                  .on_ledger_dropped = on_ledger_dropped,
                                                  .on_complete_to = on_complete_to,
                                                  .on_skip = on_skip,
                                                  .has_room = has_room,
                                                  .must_stop = must_stop,
                                                  .on_seam_event = on_seam_event,
                                                  .on_seam_complete = on_seam_complete,
                                                  .deadline_us = deadline_us,
                                                  .on_deadline = on_deadline};
    if (!oracle.is_on)
        return __real_source_run(source, request, real_handler, result, error);
    handler = real_handler;
    *stream() = (struct oracle_stream){.is_running = true,
                                       .is_probe = request->is_probe,
                                       .request = *request,
                                       .next = request->first,
                                       .faults_known = stream()->faults_known,
                                       .outages_known = stream()->outages_known,
                                       .outage_until_us = stream()->outage_until_us,
                                       .since_us = world->now_us};
    if (!request->is_probe)
        check_range(request);
    enum error_code code = __real_source_run(source, request, &watched, result, error);
    stream()->is_running = false;
    check_stop();
    oracle.source_code = code;
    oracle.misfits = oracle.misfits || result->misfits;
    return code;
}
