// SPDX-License-Identifier: Apache-2.0
/*
 * How a stream of events becomes complete ledgers.
 *
 * A message says of which ledger its event is; nothing on the wire says that a ledger is over. So a
 * ledger is in progress from its first event until an event of a later ledger comes, or until the
 * server ends a bounded call with OK. Only then does the handler hear on_complete_to. What is in
 * progress can be dropped at any moment and comes again with the next call.
 *
 * The ledger in progress (tracker->kind):
 *
 *   kind  its events go to       begins with                           ends with
 *   ----  ---------------------  ------------------------------------  --------------------------
 *   NONE  -                      the call                              the first event
 *   MAIN  on_event               an event of `next` or later           complete_to, or dropped
 *   SEAM  on_seam_event          an event of the call's seam ledger    finish_seam: the verdict
 *   SKIP  nobody                 an event of a complete ledger         an event of another ledger
 *
 * A message passes these steps, in this order (tracker_take); each may refuse it:
 *
 *   1. It can be decoded and names its ledger. If not, take_unreadable: a dead letter where the
 *      ledger is certain; else the ledger in progress is dropped and asked for again once, and at
 *      the second time the message becomes a dead letter there.
 *   2. In a live stream the ledger can exist by now (is_believable).
 *   3. Its close time fits the lake and the stream (check_close_time).
 *   4. Where its ledger is not the one in progress (begin_ledger): ledger numbers do not fall; the
 *      seam gets its verdict; behind the end of the call the call is finished; what lies before the
 *      ledger is complete, if advance does not ask for it once more.
 *      (Of a SOURCE_CALL_LATER only whether its ledger comes matters: take_later.)
 *   5. It is not the first event of its ledger over again (take_event).
 *
 * A refusal is TRACK_VIOLATION: tracker_abandon drops the ledger in progress and policy.c says when
 * to ask again. An error is the end of the run.
 *
 * What holds between two calls of any function here:
 *
 *   A. `next` only rises. Each ledger below it, from the request's first on, was handed over by
 *      on_complete_to or left out by tracker_skip.
 *   B. The ledger that was dropped last (seen_ledger) is not completed with fewer events than were
 *      seen of it then (is_shrunken): a server that lost events is asked again.
 *   C. What a stream leaves out, and gaps.h says is to be asked for, is asked for once by itself:
 *      the call ends, `asked_to` is the last such ledger, and the next call ends there. What does
 *      not come then is empty as far as anybody can know.
 */
#include "source/tracker.h"

#include <assert.h>
#include <inttypes.h>

#include "os/log.h"
#include "util/text.h"

#define MAX_CLOSE_SECONDS INT64_C(253402300800) /* the year 10000: beyond it a time is noise */
/* Clocks differ; a ledger that closes later than this is none. */
#define MAX_AHEAD_US (3600 * US_PER_SECOND)
/* The public network's first ledger closed on 2015-09-30; no network is older. */
#define OLDEST_CLOSE_US (INT64_C(1443571200) * US_PER_SECOND)

void tracker_init(struct tracker *tracker, const struct source_request *request,
                  const struct source_handler *handler, struct stream_stats *stats)
{
    *tracker = (struct tracker){
        .handler = handler,
        .stats = stats,
        .next = request->is_probe ? request->last + 1 : request->first,
        .last = request->last,
        .range_is_complete = request->last != 0 && request->first > request->last,
        .closed = request->below,
        .above = request->above,
    };
    buffer_init(&tracker->first_message);
}

void tracker_release(struct tracker *tracker)
{
    buffer_release(&tracker->first_message);
}

/* No ledger is in progress any more. */
static void forget_ledger(struct tracker *tracker)
{
    tracker->kind = TRACKER_NONE;
    tracker->current = 0;
    tracker->current_close_us = 0;
    tracker->event_count = 0;
    buffer_reset(&tracker->first_message);
}

void tracker_begin(struct tracker *tracker, const struct source_call *call)
{
    assert(tracker->kind == TRACKER_NONE);
    tracker->call = *call;
    tracker->floor = call->start;
    tracker->reached = call->start;
    tracker->seam_is_unreadable = false;
    tracker->seam_is_done = call->seam == 0;
    tracker->probe_event_count = 0;
    tracker->probe_close_us = 0;
}

static enum error_code violation(enum track *track)
{
    *track = TRACK_VIOLATION;
    return OK;
}

/* Do the ledgers up to `to` hold fewer events than were seen of one of them before, or even none?
 */
static bool is_shrunken(const struct tracker *tracker, uint32_t to)
{
    bool is_due = tracker->seen_count != 0 && tracker->seen_ledger >= tracker->next &&
                  tracker->seen_ledger <= to;
    bool is_current = tracker->kind == TRACKER_MAIN && tracker->current == tracker->seen_ledger;
    return is_due && (is_current ? tracker->event_count : 0) < tracker->seen_count;
}

/* Ledgers next to `to` become complete: which of them had events. */
static void note_fullness(struct tracker *tracker, uint32_t to)
{
    struct gaps *gaps = tracker->gaps;
    if (gaps == NULL)
        return;
    if (tracker->kind != TRACKER_MAIN) {
        gaps_add_empty(gaps, (uint64_t)to - tracker->next + 1);
        return;
    }
    gaps_add_empty(gaps, (uint64_t)tracker->current - tracker->next);
    gaps_add_full(gaps);
    gaps_add_empty(gaps, (uint64_t)to - tracker->current);
    if (tracker->current > tracker->asked_to)
        return;
    gaps->told.found_count++;
    if (!tracker->found_is_told)
        log_event(LOG_WARN, "source",
                  "the stream left out ledgers that came when they were asked for once more: the "
                  "source behind the server skips ledgers",
                  LOG_U("ledger", tracker->current), LOG_U("asked_to", tracker->asked_to));
    tracker->found_is_told = true;
}

/* Everything up to `to` is complete, the ledger in progress included. */
static enum error_code complete_to(struct tracker *tracker, uint32_t to, enum track *track,
                                   struct error *error)
{
    if (is_shrunken(tracker, to)) {
        bool is_current = tracker->kind == TRACKER_MAIN && tracker->current == tracker->seen_ledger;
        error_set(error, ERR_RETRY,
                  "ledger %" PRIu32 " came again with %" PRIu32 " events; %" PRIu32
                  " were seen of it before",
                  tracker->seen_ledger, is_current ? tracker->event_count : 0, tracker->seen_count);
        return violation(track);
    }
    enum error_code code = tracker->handler->on_complete_to(tracker->handler->context, to, error);
    if (code != OK)
        return code;
    note_fullness(tracker, to);
    if (tracker->kind == TRACKER_MAIN)
        tracker->newest_full = tracker->current;
    if (tracker->current_close_us != 0) {
        tracker->closed = (struct source_moment){tracker->current, tracker->current_close_us};
        tracker->closed_is_ours = true;
    }
    tracker->stats->ledgers_completed += to - tracker->next + 1;
    tracker->next = to + 1;
    tracker->range_is_complete = tracker->last != 0 && to >= tracker->last;
    tracker->seam_is_unwanted = false;
    tracker->met_unreadable = false;
    forget_ledger(tracker);
    return OK;
}

/* Ends the call; the next one asks for what this one left out, up to `to`. */
static enum error_code ask_once_more(struct tracker *tracker, uint32_t to, enum track *track,
                                     struct error *error)
{
    if (tracker->kind == TRACKER_MAIN) {
        enum error_code code = complete_to(tracker, tracker->current, track, error);
        if (code != OK || *track != TRACK_GO_ON)
            return code;
    }
    log_event(LOG_INFO, "source", "the stream left out ledgers: they are asked for once more",
              LOG_U("first_ledger", tracker->next), LOG_U("last_ledger", to));
    tracker->asked_to = to;
    tracker->found_is_told = false;
    *track = TRACK_DONE;
    return OK;
}

/* The ledgers `first` to `to` did not come twice, where nearly each ledger before had events. */
static enum error_code pass_loud_gap(struct tracker *tracker, uint32_t first, uint32_t to,
                                     enum track *track, struct error *error)
{
    enum error_code code = OK;
    if (tracker->gaps->are_fatal) {
        if (tracker->kind == TRACKER_MAIN)
            code = complete_to(tracker, tracker->current, track, error);
        if (code != OK || *track != TRACK_GO_ON)
            return code;
        return error_set(error, ERR_CORRUPT,
                         "no event came of the ledgers %" PRIu32 " to %" PRIu32
                         ", nor when they were asked for once more, while nearly each ledger "
                         "before had some: repair the source behind ttp_processor_endpoint and run "
                         "again, or set on_gap to warn to take them as empty",
                         first, to);
    }
    code = complete_to(tracker, to, track, error);
    if (code != OK || *track != TRACK_GO_ON)
        return code;
    gaps_tell(tracker->gaps, first, to, tracker->now_us);
    log_event(LOG_WARN, "source",
              "a gap: no event came of these ledgers, nor when they were asked for once more, "
              "while nearly each ledger before had some; they are covered as unconfirmed, and "
              "`parquet-consumer repair --unconfirmed` has them asked for again",
              LOG_U("first_ledger", first), LOG_U("last_ledger", to),
              LOG_U("ledgers", (uint64_t)to - first + 1));
    return OK;
}

/* The stream has come past `to`: what is in progress is complete, and what lies between that and
 * `to` did not come. `is_end`: of the request, so that no later ledger was seen. */
static enum error_code advance(struct tracker *tracker, uint32_t to, bool is_end, enum track *track,
                               struct error *error)
{
    uint32_t first = tracker->kind == TRACKER_MAIN ? tracker->current + 1 : tracker->next;
    uint32_t jump_from = tracker->reached < first ? tracker->reached : first;
    if (tracker->gaps == NULL || first > to)
        return complete_to(tracker, to, track, error);
    if (to <= tracker->asked_to)
        return gaps_are_loud(tracker->gaps) ? pass_loud_gap(tracker, first, to, track, error)
                                            : complete_to(tracker, to, track, error);
    if (is_end || gaps_must_ask(tracker->gaps, (uint64_t)to - jump_from + 1))
        return ask_once_more(tracker, to, track, error);
    return complete_to(tracker, to, track, error);
}

/* The seam ledger is over, with or without events: the verdict. */
static enum error_code finish_seam(struct tracker *tracker, struct error *error)
{
    bool has_events = tracker->kind == TRACKER_SEAM && tracker->event_count != 0;
    bool is_readable = !tracker->seam_is_unreadable;
    uint32_t seam = tracker->call.seam;
    if (tracker->seam_is_done)
        return OK;
    tracker->seam_is_done = true;
    forget_ledger(tracker);
    if (tracker->handler->on_seam_complete == NULL)
        return OK;
    if (!has_events || !is_readable) {
        log_event(LOG_WARN, "source",
                  has_events ? "the seam could not be checked: a message of it can't be read"
                             : "the seam could not be checked: the server does not serve its "
                               "ledger (any more)",
                  LOG_U("ledger", seam));
        return OK;
    }
    tracker->stats->seam_checked++;
    enum source_seam_verdict verdict = SOURCE_SEAM_OK;
    enum error_code code =
        tracker->handler->on_seam_complete(tracker->handler->context, seam, &verdict, error);
    if (code != OK)
        return code;
    switch (verdict) {
    case SOURCE_SEAM_OK: break;
    case SOURCE_SEAM_OTHER_CONTENTS: tracker->stats->seam_other_contents++; break;
    case SOURCE_SEAM_OTHER_CHAIN:
        return error_set(error, ERR_CONFLICT,
                         "the server's ledger %" PRIu32 " is of another chain than the lake's "
                         "(its close time or transactions differ): wrong network, or a test "
                         "network that was reset; check ttp_processor_endpoint, or write to "
                         "another output_path",
                         seam);
    }
    return OK;
}

/* Counts a message in a row of dead letters; too many: this is not a TTP server. */
static enum error_code count_storable(struct tracker *tracker, bool is_stored, struct error *error)
{
    if (is_stored) {
        tracker->unstorable_count = 0;
        return OK;
    }
    if (++tracker->unstorable_count < SOURCE_MAX_UNSTORABLE)
        return OK;
    return error_set(error, ERR_CORRUPT,
                     "%d messages in a row could not be stored (the last of ledger %" PRIu32
                     "): this does not look like a TTP server; check ttp_processor_endpoint",
                     SOURCE_MAX_UNSTORABLE, tracker->current);
}

/* An event was taken: accepted, or one that we had before. */
static void count_event(struct tracker *tracker)
{
    if (tracker->current == tracker->seen_ledger && tracker->event_count < tracker->seen_count)
        tracker->stats->events_refetched++;
    else
        tracker->stats->events_accepted++;
    tracker->event_count++;
}

/* The close time of an event; 0: it has none, or one that is noise. */
static int64_t close_us_of(const struct event_view *event)
{
    return event->has_closed_at && event->closed_at_seconds > 0 &&
                   event->closed_at_seconds < MAX_CLOSE_SECONDS
               ? event->closed_at_seconds * US_PER_SECOND
               : 0;
}

static enum error_code other_chain_by_time(struct tracker *tracker, struct source_moment came,
                                           struct source_moment ours, struct error *error)
{
    char came_text[TEXT_TIME_BYTES], our_text[TEXT_TIME_BYTES];
    text_rfc3339(came.close_us, came_text);
    text_rfc3339(ours.close_us, our_text);
    tracker->misfits = true;
    return error_set(error, ERR_CONFLICT,
                     "the server's ledger %" PRIu32 " closed at %s, the lake's ledger %" PRIu32
                     " at %s: close times rise with the ledger number, so these are two chains "
                     "(wrong network, or a test network that was reset); check "
                     "ttp_processor_endpoint, or write to another output_path",
                     came.ledger, came_text, ours.ledger, our_text);
}

/* Close times rise with the ledger number (equal ones are let pass). Against the lake's ledgers
 * around the range that tells another chain; within a stream the server is asked again. */
static enum error_code check_close_time(struct tracker *tracker, struct source_moment came,
                                        enum track *track, struct error *error)
{
    struct source_moment before = tracker->closed;
    bool is_ours = tracker->closed_is_ours;
    const struct source_call *call = &tracker->call;
    bool is_looked_at = call->purpose == SOURCE_CALL_PROBE && call->seam == 0;
    if (came.close_us == 0 || (call->end != 0 && came.ledger > call->end) ||
        (!is_looked_at && (tracker->next == 0 || came.ledger < tracker->next)))
        return OK;
    if (tracker->above.ledger != 0 && came.close_us > tracker->above.close_us)
        return other_chain_by_time(tracker, came, tracker->above, error);
    if (tracker->kind == TRACKER_MAIN && tracker->current < came.ledger &&
        tracker->current_close_us > before.close_us) {
        before = (struct source_moment){tracker->current, tracker->current_close_us};
        is_ours = true;
    }
    if (before.ledger == 0 || came.close_us >= before.close_us)
        return OK;
    if (!is_ours)
        return other_chain_by_time(tracker, came, before, error);
    char came_text[TEXT_TIME_BYTES], before_text[TEXT_TIME_BYTES];
    text_rfc3339(came.close_us, came_text);
    text_rfc3339(before.close_us, before_text);
    error_set(error, ERR_RETRY,
              "the server's ledger %" PRIu32 " closed at %s, before its ledger %" PRIu32
              " (%s): one of them is not of this chain",
              came.ledger, came_text, before.ledger, before_text);
    return violation(track);
}

/* An event of the ledger in progress; `close_us` is close_us_of it. */
static enum error_code take_event(struct tracker *tracker, const struct event_view *event,
                                  int64_t close_us, struct bytes_view message, enum track *track,
                                  struct error *error)
{
    const struct source_handler *handler = tracker->handler;
    bool is_stored = true;
    if (tracker->call.purpose == SOURCE_CALL_PROBE) {
        tracker->probe_event_count++;
        tracker->probe_close_us = close_us;
    }
    if (tracker->kind == TRACKER_SKIP) {
        tracker->stats->events_refetched++;
        return OK;
    }
    if (tracker->event_count == 0) {
        buffer_reset(&tracker->first_message);
        if (buffer_append(&tracker->first_message, message.data, message.size_bytes) != OK)
            return error_no_memory(error, "an event");
    } else if (bytes_equal(buffer_view(&tracker->first_message), message)) {
        error_set(error, ERR_RETRY,
                  "the first event of ledger %" PRIu32 " came again: the source repeated it",
                  tracker->current);
        return violation(track);
    }
    if (tracker->kind == TRACKER_SEAM) {
        enum error_code code = handler->on_seam_event == NULL
                                   ? OK
                                   : handler->on_seam_event(handler->context, event,
                                                            tracker->event_count, message, error);
        if (code == OK) {
            tracker->event_count++;
            tracker->stats->events_refetched++;
        }
        return code;
    }
    enum error_code code = handler->on_event(handler->context, event, tracker->event_count, message,
                                             &is_stored, error);
    if (code != OK)
        return code;
    if (close_us > tracker->current_close_us)
        tracker->current_close_us = close_us;
    count_event(tracker);
    return count_storable(tracker, is_stored, error);
}

/* Ends what was in progress and begins `ledger`. *track stays GO_ON if its event may be taken. */
static enum error_code begin_ledger(struct tracker *tracker, uint32_t ledger, enum track *track,
                                    struct error *error)
{
    enum error_code code = OK;
    if (ledger < tracker->floor || ledger == UINT32_MAX) {
        error_set(error, ERR_RETRY,
                  "the server sent an event of ledger %" PRIu32 " where %" PRIu32
                  " or later was due",
                  ledger, tracker->floor);
        return violation(track);
    }
    if (!tracker->seam_is_done && ledger != tracker->call.seam)
        code = finish_seam(tracker, error);
    if (code != OK)
        return code;
    if (tracker->call.end != 0 && ledger > tracker->call.end)
        return tracker_finish(tracker, track, error);
    bool is_main = ledger >= tracker->next;
    if (is_main && tracker->next != 0 && ledger > tracker->next) {
        code = advance(tracker, ledger - 1, false, track, error);
        if (code != OK || *track != TRACK_GO_ON)
            return code;
    }
    if (tracker->next == 0)
        tracker->next = ledger;
    forget_ledger(tracker);
    tracker->floor = ledger;
    tracker->reached = ledger + 1;
    tracker->current = ledger;
    tracker->unstorable_count_at_ledger = tracker->unstorable_count;
    tracker->kind = is_main ? TRACKER_MAIN : TRACKER_SKIP;
    if (!tracker->seam_is_done)
        tracker->kind = TRACKER_SEAM;
    return OK;
}

/* A later ledger that is asked for alone: only whether it comes matters. */
static void take_later(struct tracker *tracker, uint32_t ledger, enum track *track,
                       struct error *error)
{
    if (ledger > tracker->call.end) {
        *track = TRACK_DONE;
    } else if (ledger < tracker->call.start) {
        error_set(error, ERR_RETRY,
                  "the server sent an event of ledger %" PRIu32 " where %" PRIu32 " was due",
                  ledger, tracker->call.start);
        *track = TRACK_VIOLATION;
    }
    tracker->stats->events_refetched++;
}

/* A message of a known ledger that can't be decoded, or one that gets the ledger in progress. */
static enum error_code take_dead_letter(struct tracker *tracker, uint32_t ledger,
                                        const char *reason, struct bytes_view message,
                                        enum track *track, struct error *error)
{
    const struct source_handler *handler = tracker->handler;
    if (tracker->kind == TRACKER_NONE || ledger != tracker->current) {
        enum error_code code = begin_ledger(tracker, ledger, track, error);
        if (code != OK || *track != TRACK_GO_ON)
            return code;
    }
    if (tracker->kind == TRACKER_SEAM)
        tracker->seam_is_unreadable = true;
    if (tracker->kind != TRACKER_MAIN)
        return OK;
    if (tracker->event_count == 0) {
        buffer_reset(&tracker->first_message);
        if (buffer_append(&tracker->first_message, message.data, message.size_bytes) != OK)
            return error_no_memory(error, "a message");
    }
    enum error_code code = handler->on_unreadable(handler->context, ledger, tracker->event_count,
                                                  reason, message, error);
    if (code != OK)
        return code;
    tracker->event_count++;
    return count_storable(tracker, false, error);
}

/* A message whose ledger is not known for sure, for the first time here: drop and ask again. */
static enum error_code ask_again(struct tracker *tracker, uint32_t here, const char *reason,
                                 enum track *track, struct error *error)
{
    if (!tracker->seam_is_done) {
        tracker->seam_is_unwanted = true;
    } else {
        tracker->met_unreadable = true;
        tracker->unreadable_ledger = here;
    }
    error_set(error, ERR_RETRY,
              "a message at ledger %" PRIu32 " has no readable ledger number (%s)", here, reason);
    return violation(track);
}

/* An open request has no end that would bound what a wrong number does: in a live stream a ledger
 * is believed only if it can have closed by now, and after as many seconds as it jumps over
 * ledgers, since each closes at least a second after the one before. close_us 0: it has no close
 * time. */
static bool is_believable(const struct tracker *tracker, uint32_t ledger, int64_t close_us,
                          struct error *error)
{
    if (tracker->call.end != 0 || tracker->now_us == 0)
        return true;
    if (close_us > tracker->now_us + MAX_AHEAD_US) {
        char time[TEXT_TIME_BYTES];
        text_rfc3339(close_us, time);
        error_set(error, ERR_RETRY,
                  "ledger %" PRIu32 " closes at %s, more than an hour from now: the server's data "
                  "is wrong, or this machine's clock",
                  ledger, time);
        return false;
    }
    bool is_first = tracker->last_close_us == 0;
    uint32_t from = is_first ? tracker->next : tracker->last_ledger;
    if (from == 0 || ledger <= from + UINT64_C(1))
        return true;
    int64_t jump = (int64_t)ledger - (int64_t)from - 1;
    int64_t passed_us = (close_us != 0 ? close_us : tracker->now_us) -
                        (is_first ? OLDEST_CLOSE_US : tracker->last_close_us);
    if (passed_us / US_PER_SECOND >= jump)
        return true;
    error_set(error, ERR_RETRY,
              "ledger %" PRIu32 " can't come after ledger %" PRIu32 ": there are %" PRId64
              " ledgers between, and each takes a second at least, but only %" PRId64
              " s passed by its close time",
              ledger, from, jump, passed_us / US_PER_SECOND);
    return false;
}

static enum error_code take_unreadable(struct tracker *tracker, struct bytes_view message,
                                       bool is_decodable, const char *reason, enum track *track,
                                       struct error *error)
{
    uint32_t ledger = 0;
    bool has_ledger = !is_decodable && event_peek_ledger(message, &ledger) && ledger != 0;
    bool is_looked_at = tracker->call.purpose == SOURCE_CALL_LATER ||
                        (tracker->call.purpose == SOURCE_CALL_PROBE && tracker->call.seam == 0);
    if (is_looked_at) {
        tracker->stats->events_refetched++;
        return OK;
    }
    uint32_t here = tracker->kind != TRACKER_NONE ? tracker->current : tracker->next;
    if (has_ledger && ledger == here && here != 0)
        return take_dead_letter(tracker, ledger, reason, message, track, error);
    if (!tracker->seam_is_done && has_ledger && ledger == tracker->call.seam)
        return take_dead_letter(tracker, ledger, reason, message, track, error);
    if (tracker->kind == TRACKER_SEAM || tracker->kind == TRACKER_SKIP)
        here = tracker->next;
    bool is_second = tracker->met_unreadable && tracker->unreadable_ledger == here;
    if (!tracker->seam_is_done || !is_second)
        return ask_again(tracker, here, reason, track, error);
    /* The same again: what its damaged bytes say of the ledger is believed if it may be true. */
    if (has_ledger && ledger >= here && is_believable(tracker, ledger, 0, NULL))
        here = ledger;
    if (here == 0)
        return error_set(error, ERR_CORRUPT,
                         "the first message can't be read (%s): this does not look like a TTP "
                         "server; check ttp_processor_endpoint",
                         reason);
    return take_dead_letter(tracker, here, reason, message, track, error);
}

enum error_code tracker_take(struct tracker *tracker, struct bytes_view message, enum track *track,
                             struct error *error)
{
    struct event_view event;
    struct error why;
    *track = TRACK_GO_ON;
    if (event_decoder_next(&tracker->decoder, message, &event, &why) != OK)
        return take_unreadable(tracker, message, false, why.message, track, error);
    if (event.ledger_sequence == 0)
        return take_unreadable(tracker, message, true,
                               event.has_meta ? "meta.ledger_sequence is 0" : "it has no meta",
                               track, error);
    int64_t close_us = close_us_of(&event);
    if ((event.ledger_sequence != tracker->last_ledger || !tracker->anything_came) &&
        !is_believable(tracker, event.ledger_sequence, close_us, error))
        return violation(track);
    tracker->anything_came = true;
    tracker->last_ledger = event.ledger_sequence;
    if (close_us != 0)
        tracker->last_close_us = close_us;
    if (tracker->call.purpose == SOURCE_CALL_LATER) {
        take_later(tracker, event.ledger_sequence, track, error);
        return OK;
    }
    enum error_code code = check_close_time(
        tracker, (struct source_moment){event.ledger_sequence, close_us}, track, error);
    if (code != OK || *track != TRACK_GO_ON)
        return code;
    if (tracker->kind == TRACKER_NONE || event.ledger_sequence != tracker->current) {
        code = begin_ledger(tracker, event.ledger_sequence, track, error);
        if (code != OK || *track != TRACK_GO_ON)
            return code;
    }
    return take_event(tracker, &event, close_us, message, track, error);
}

enum error_code tracker_finish(struct tracker *tracker, enum track *track, struct error *error)
{
    *track = TRACK_GO_ON;
    enum error_code code = finish_seam(tracker, error);
    if (code != OK)
        return code;
    if (tracker->call.end == 0) {
        error_set(error, ERR_RETRY, "the server ended a request that is open (END 0) with OK");
        return violation(track);
    }
    bool brings_ledgers =
        tracker->call.purpose == SOURCE_CALL_MAIN || tracker->call.purpose == SOURCE_CALL_ALONE;
    if (brings_ledgers && tracker->next != 0 && tracker->next <= tracker->call.end)
        code = advance(tracker, tracker->call.end, true, track, error);
    if (code == OK && *track == TRACK_GO_ON)
        *track = TRACK_DONE;
    return code;
}

void tracker_abandon(struct tracker *tracker)
{
    if (tracker->kind == TRACKER_MAIN && tracker->event_count != 0) {
        if (tracker->seen_ledger != tracker->current ||
            tracker->seen_count < tracker->event_count) {
            tracker->seen_ledger = tracker->current;
            tracker->seen_count = tracker->event_count;
        }
        tracker->unstorable_count = tracker->unstorable_count_at_ledger;
        tracker->handler->on_ledger_dropped(tracker->handler->context);
    }
    forget_ledger(tracker);
}

enum error_code tracker_skip(struct tracker *tracker, uint32_t ledger, const char *words,
                             struct error *error)
{
    assert(tracker->kind == TRACKER_NONE && ledger == tracker->next);
    enum error_code code =
        tracker->handler->on_skip(tracker->handler->context, ledger, words, error);
    if (code != OK)
        return code;
    tracker->next = ledger + 1;
    tracker->newest_full = 0;
    tracker->range_is_complete = tracker->last != 0 && ledger >= tracker->last;
    return OK;
}
