// SPDX-License-Identifier: Apache-2.0
#include "source/run.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "pb/request.h"
#include "source/failure.h"
#include "source/tls_setup.h"
#include "util/sentence.h"
#include "util/text.h"

/* If a caller forgets source_wake, the source looks by itself after this long. */
#define MAX_POLL_US       500000
#define THROTTLED_POLL_US 20000
/* The same warning again, at most this often. */
#define LOG_AGAIN_US INT64_C(60000000)

enum error_code run_init(struct run *run, struct source *source,
                         const struct source_request *request, const struct source_handler *handler,
                         struct error *error)
{
    const struct link_options options = {.peer = source->options.endpoint,
                                         .endpoint = source->endpoint,
                                         .wake = &source->wake,
                                         .order = &source->addresses,
                                         .window_bytes = source->options.window_bytes};
    memset(run, 0, sizeof(*run));
    run->source = source;
    run->handler = handler;
    source->live.asked[0] = '\0';
    source->live.ledger_since_us = 0;
    tracker_init(&run->tracker, request, handler, &source->live);
    run->next_before = run->tracker.next;
    run->tracker.gaps = &source->gaps;
    policy_init(&run->policy, &source->options, request, (uint64_t)os_realtime_us());
    stream_init(&run->stream, &run->tracker, handler, source->options.max_message_bytes);
    buffer_init(&run->request);
    enum error_code code = link_init(&run->link, &options, error);
    if (code != OK)
        run_release(run);
    return code;
}

void run_release(struct run *run)
{
    link_release(&run->link);
    stream_release(&run->stream);
    tracker_release(&run->tracker);
    buffer_release(&run->request);
}

/* All events of a bounded range are here, and only a later ledger can tell that. */
static bool waits_for_later(const struct tracker *tracker)
{
    bool is_coming = tracker->kind == TRACKER_MAIN && tracker->current == tracker->last;
    bool came = tracker->seen_count != 0 && tracker->seen_ledger == tracker->last;
    return tracker->last != 0 && tracker->next == tracker->last && (is_coming || came);
}

static int64_t handler_deadline_us(const struct run *run)
{
    const struct source_handler *handler = run->handler;
    return handler->deadline_us != NULL ? handler->deadline_us(handler->context) : INT64_MAX;
}

/* Makes what happened visible to other threads. */
static void publish(struct run *run)
{
    struct source *source = run->source;
    struct stream_stats *live = &source->live;
    const struct tracker *tracker = &run->tracker;
    live->bytes_received += run->link.bytes_received - run->bytes_received;
    run->bytes_received = run->link.bytes_received;
    if (tracker->anything_came && !run->policy.is_probe) { /* a probe only looks */
        live->current_ledger = tracker->last_ledger;
        if (tracker->last_close_us != 0)
            live->current_close_us = tracker->last_close_us;
    }
    live->connected = run->link.state == LINK_OPEN;
    live->throttled = run->stream.is_throttled;
    live->outage = run->policy.outage;
    live->degraded = run->policy.degraded;
    live->drips = run->policy.drips;
    live->waits_behind = waits_for_later(tracker) ? tracker->last : 0;
    live->gaps = source->gaps.told;
    if (run->has_asked)
        source_asked_text(&run->call, live->asked);
    os_mutex_lock(&source->mutex);
    source->stats = *live;
    os_mutex_unlock(&source->mutex);
}

/* What the handler is owed whatever comes from the server: that it may stop the run, and its
 * deadline. */
static enum error_code attend(struct run *run, bool *is_stopped, struct error *error)
{
    const struct source_handler *handler = run->handler;
    *is_stopped = handler->must_stop(handler->context);
    int64_t deadline_us = handler_deadline_us(run);
    if (*is_stopped || deadline_us == INT64_MAX || os_monotonic_us() < deadline_us)
        return OK;
    return handler->on_deadline(handler->context, error);
}

/* The link has a TCP connection: the call's request goes out on it. */
static enum error_code on_connected(void *context, struct http_client *client, struct error *error)
{
    struct stream *stream = context;
    struct run *run = (struct run *)((char *)stream - offsetof(struct run, stream));
    const struct source *source = run->source;
    const struct source_options *options = &source->options;
    /* Where it is known by another name than we reach it by, that is whom the request is for. */
    bool has_name = options->tls && options->tls_server_name[0] != '\0';
    const struct grpc_request request = {.scheme = options->tls ? "https" : "http",
                                         .authority = has_name ? options->tls_server_name
                                                               : options->endpoint,
                                         .path = TTP_GET_EVENTS_PATH,
                                         .user_agent = source->options.user_agent,
                                         .metadata = source->credentials.headers,
                                         .metadata_count = source->credentials.count,
                                         .message = buffer_view(&run->request)};
    return stream_start(stream, client, &request, error);
}

static enum error_code begin_call(struct run *run, int64_t now_us, struct error *error)
{
    const struct link_handler handler = {.http = {.context = &run->stream,
                                                  .on_headers = stream_on_headers,
                                                  .on_data = stream_on_data,
                                                  .on_close = stream_on_close},
                                         .on_connected = on_connected};
    const struct get_events_request request = {run->call.start, run->call.end};
    buffer_reset(&run->request);
    enum error_code code = get_events_request_encode(&request, &run->request);
    if (code != OK)
        return error_no_memory(error, "a request");
    tracker_begin(&run->tracker, &run->call);
    run->call_next = run->tracker.next;
    run->link_is_over = false;
    run->is_established = false;
    run->quiet_since_us = run->message_since_us = now_us;
    stream_forget(&run->stream);
    run->link.options.tls = run->source->tls.context;
    run->link.options.server_name = run->source->options.tls_server_name[0] != '\0'
                                        ? run->source->options.tls_server_name
                                        : run->source->endpoint.host;
    return link_open(&run->link, &handler, now_us, run->source->options.connect_timeout_us, error);
}

/* What changed in tracker and stream since it was last called. */
static void note_progress(struct run *run, int64_t now_us)
{
    if (run->stream.data_count != run->data_count || run->stream.is_throttled) {
        run->data_count = run->stream.data_count;
        run->quiet_since_us = now_us;
    }
    if (run->stream.event_count != run->event_count || run->stream.is_throttled)
        run->message_since_us = now_us;
    if (run->stream.event_count != run->event_count) {
        run->event_count = run->stream.event_count;
        run->source->live.last_event_us = os_realtime_us();
        policy_on_event(&run->policy);
    }
    if (run->tracker.next != run->next_before) {
        run->next_before = run->tracker.next;
        run->source->live.ledger_since_us = 0;
        policy_on_progress(&run->policy);
    }
    if (run->source->live.ledger_since_us == 0 && run->tracker.kind == TRACKER_MAIN)
        run->source->live.ledger_since_us = os_realtime_us();
    if (!run->is_established && run->link.state == LINK_OPEN) {
        run->is_established = true;
        run->quiet_since_us = run->message_since_us = now_us;
        run->source->live.connects++;
        policy_on_connected(&run->policy);
        log_event(run->source->options.is_quiet ? LOG_DEBUG : LOG_INFO, "source", "connected",
                  LOG_T("endpoint", run->source->options.endpoint),
                  LOG_T("address", link_address_text(&run->link)),
                  LOG_U("start_ledger", run->call.start), LOG_U("end_ledger", run->call.end));
        run->was_unreachable = false;
    }
}

/* When silence, or bytes that make no message, will have lasted too long. */
static int64_t silent_at_us(const struct run *run)
{
    return os_earlier_us(run->quiet_since_us + run->policy.idle_us,
                         run->message_since_us + SOURCE_DRIP_TIMES * run->policy.idle_us);
}

/* How long this call may sleep. */
static int64_t poll_timeout_us(const struct run *run, int64_t now_us)
{
    int64_t until_us = now_us + (run->stream.is_throttled ? THROTTLED_POLL_US : MAX_POLL_US);
    until_us = os_earlier_us(until_us, link_deadline_us(&run->link));
    until_us = os_earlier_us(until_us, handler_deadline_us(run));
    if (run->link.state == LINK_OPEN && !run->stream.is_throttled)
        until_us = os_earlier_us(until_us, silent_at_us(run));
    return until_us > now_us ? until_us - now_us : 0;
}

static void note_link(struct run *run, enum error_code code)
{
    if (code == OK)
        return;
    /* A server that was there has changed its ways, or is being changed: it may change again. */
    if (code == ERR_INVALID && run->source->live.connects > 0)
        code = ERR_RETRY;
    run->link_is_over = true;
    run->link_code = code;
    run->stream.client = NULL;
}

/* Moves bytes and events once. An error ends the run. */
static enum error_code step_call(struct run *run, const struct os_poll_item *ready,
                                 struct error *error)
{
    struct stream *stream = &run->stream;
    int64_t before_us = os_monotonic_us();
    uint64_t events_before = stream->event_count;
    run->tracker.now_us = os_realtime_us();
    if (!run->link_is_over)
        note_link(run, link_step(&run->link, ready, before_us, &run->link_error));
    if (stream->state == STREAM_FLOWING)
        stream_pump(stream);
    if (!run->link_is_over)
        note_link(run, link_flush(&run->link, &run->link_error));
    int64_t now_us = os_monotonic_us();
    if (stream->event_count != events_before)
        run->source->live.decode_us += now_us - before_us;
    note_progress(run, now_us);
    publish(run);
    if (stream->state == STREAM_BROKEN) {
        if (error != NULL)
            *error = stream->error;
        return stream->code;
    }
    if (run->link_is_over && run->link_code != ERR_RETRY && run->link_code != ERR_CORRUPT) {
        if (error != NULL)
            *error = run->link_error;
        return run->link_code;
    }
    return OK;
}

/* "INTERNAL: words" */
static void describe_status(const struct grpc_call *call, char *out, size_t capacity_bytes)
{
    if (call->end == GRPC_END_STATUS)
        snprintf(out, capacity_bytes, "the server answered %s%s%s", grpc_code_name(call->code),
                 call->words[0] != '\0' ? ": " : "", call->words);
    else
        snprintf(out, capacity_bytes, "%s", call->words);
}

/* Whether a connection ended as servers and proxies end those that are old: with a GOAWAY that
 * names no error. Where that comes before a single ledger was through, trying again helps nothing.
 */
static bool is_aged(const struct run *run)
{
    uint32_t http2_error = 0;
    bool is_let_go =
        run->link.client != NULL
            ? http_client_is_going_away(run->link.client, &http2_error, NULL) && http2_error == 0
            : run->link.was_let_go;
    return is_let_go && run->tracker.next == run->call_next;
}

/* A cut of which `words` are known. */
static void note_cut(const struct run *run, struct source_ending *ending, const char *words,
                     char *out, size_t capacity_bytes)
{
    ending->is_cut = true;
    ending->is_aged = is_aged(run);
    snprintf(out, capacity_bytes, "%s%s", words,
             ending->is_aged
                 ? "; no ledger was through before it: where the server or a proxy in front of it "
                   "ends connections by their age, raise that maximum connection age"
                 : "");
}

static void describe_silence(const struct run *run, bool is_drip, char *out, size_t capacity_bytes)
{
    char silent[TEXT_TIME_BYTES];
    text_duration(is_drip ? SOURCE_DRIP_TIMES * run->policy.idle_us : run->policy.idle_us, silent);
    if (is_drip)
        snprintf(out, capacity_bytes,
                 "bytes came, but no whole message for %s (%d times idle_timeout)", silent,
                 SOURCE_DRIP_TIMES);
    else
        snprintf(out, capacity_bytes, "nothing came for %s (idle_timeout)", silent);
}

/* Is the call over? Then *ending says how; its words go to run->last_error. */
static bool is_over(struct run *run, struct source_ending *ending, int64_t now_us)
{
    struct stream *stream = &run->stream;
    char *words = run->last_error;
    size_t capacity_bytes = sizeof(run->last_error);
    *ending = (struct source_ending){.outcome = SOURCE_FAILED, .words = words};
    if (stream->is_closed && !stream_settle(stream))
        return false;
    if (stream->state == STREAM_DONE) {
        *ending = (struct source_ending){.outcome = SOURCE_DONE};
        return true;
    }
    if (stream->state == STREAM_VIOLATED) {
        sentence_fit(words, capacity_bytes, stream->error.message);
        return true;
    }
    if (stream->state == STREAM_BROKEN)
        return true;
    if (stream->is_closed) {
        ending->has_status = stream->call.end == GRPC_END_STATUS;
        ending->code = stream->call.code;
        if (stream->call.end == GRPC_END_CUT)
            note_cut(run, ending, stream->call.words, words, capacity_bytes);
        else
            describe_status(&stream->call, words, capacity_bytes);
        return true;
    }
    if (run->link_is_over) {
        if (run->is_established && !stream_is_drained(stream))
            return false;
        ending->outcome = run->is_established ? SOURCE_FAILED : SOURCE_UNREACHABLE;
        ending->code = GRPC_UNAVAILABLE;
        if (run->is_established)
            note_cut(run, ending, run->link_error.message, words, capacity_bytes);
        else
            snprintf(words, capacity_bytes, "%s", run->link_error.message);
        return true;
    }
    if (run->link.state != LINK_OPEN || stream->is_throttled || now_us < silent_at_us(run))
        return false;
    ending->outcome = SOURCE_SILENT;
    ending->is_drip = now_us - run->quiet_since_us < run->policy.idle_us;
    describe_silence(run, ending->is_drip, words, capacity_bytes);
    return true;
}

/* Drives the call until it ends or the run is to stop. */
static enum error_code drive_call(struct run *run, struct source_ending *ending, bool *is_stopped,
                                  struct error *error)
{
    for (;;) {
        struct os_poll_item items[2] = {{.fd = run->source->wake.fd, .want_read = true},
                                        run->link_is_over ? (struct os_poll_item){.fd = -1}
                                                          : link_poll_item(&run->link)};
        (void)os_poll(items, 2, poll_timeout_us(run, os_monotonic_us()));
        if (items[0].can_read)
            (void)os_wake_clear(&run->source->wake);
        enum error_code code = attend(run, is_stopped, error);
        if (code == OK && *is_stopped)
            return OK;
        if (code == OK)
            code = step_call(run, &items[1], error);
        if (code != OK)
            return code;
        if (is_over(run, ending, os_monotonic_us())) {
            if (run->stream.state == STREAM_BROKEN) {
                if (error != NULL)
                    *error = run->stream.error;
                return run->stream.code;
            }
            return OK;
        }
    }
}

/* The call has ended: what it says of the server's address. */
static void judge_address(struct run *run, const struct source_ending *ending)
{
    const struct os_address *address = link_address(&run->link);
    if (address == NULL) /* none was reached, and the link knows why */
        return;
    if (ending->outcome == SOURCE_DONE || run->tracker.next != run->call_next)
        address_order_worked(&run->source->addresses, address);
    else
        address_order_failed(&run->source->addresses, address);
}

/* May a status that no retry can change be another one at the next try? There is another address of
 * the name where nothing has failed yet, or the credentials were renewed (or are being renewed:
 * they can't be read) since the call began. */
static bool may_be_answered_otherwise(struct run *run, const struct source_ending *ending)
{
    struct source *source = run->source;
    bool is_renewed = false;
    if (address_order_has_fresh(&source->addresses, &run->link.addresses, link_address(&run->link)))
        return true;
    return ending->code == GRPC_UNAUTHENTICATED &&
           (credentials_read_again(&source->credentials, &is_renewed, NULL) != OK || is_renewed);
}

/* They were fine at the start: somebody is renewing them. */
static enum error_code read_tls_files_again(struct source *source, struct error *error)
{
    enum error_code code = tls_setup_refresh(&source->tls, &source->options, error);
    return code == OK || code == ERR_NO_MEMORY ? code : (error->code = ERR_RETRY);
}

/* One call, from the connection to its end. */
static enum error_code make_call(struct run *run, struct source_ending *ending, bool *is_stopped,
                                 struct error *error)
{
    struct error failure;
    bool is_renewed;
    error_clear(&failure);
    *ending = (struct source_ending){.outcome = SOURCE_NOT_ASKED, .words = run->last_error};
    run->call = policy_next_call(&run->policy, &run->tracker);
    run->has_asked = true;
    enum error_code code = credentials_read_again(&run->source->credentials, &is_renewed, &failure);
    if (code == OK)
        code = read_tls_files_again(run->source, &failure);
    if (code == OK)
        code = begin_call(run, os_monotonic_us(), &failure);
    if (code == OK) {
        code = drive_call(run, ending, is_stopped, &failure);
    } else if (code == ERR_RETRY) {
        snprintf(run->last_error, sizeof(run->last_error), "%s", failure.message);
        code = OK;
    }
    if (code != OK && error != NULL)
        *error = failure;
    if (run->link.client != NULL && !run->stream.is_closed)
        http_client_cancel(run->link.client, run->stream.call.stream_id);
    run->stream.client = NULL;
    run->stream.is_throttled = false;
    link_close(&run->link);
    tracker_abandon(&run->tracker);
    note_progress(run, os_monotonic_us());
    publish(run);
    if (code == OK && !*is_stopped && ending->outcome != SOURCE_NOT_ASKED) {
        judge_address(run, ending);
        ending->may_be_answered_otherwise =
            ending->outcome == SOURCE_FAILED && may_be_answered_otherwise(run, ending);
    }
    return code;
}

/* Keeps how the call failed, for all who ask. */
static void note_failure(struct run *run, const struct source_ending *ending)
{
    struct source_failure *failure = &run->source->live.failure;
    *failure = (struct source_failure){.at_us = os_realtime_us(),
                                       .meaning = source_words_meaning(run->last_error)};
    source_asked_text(&run->call, failure->asked);
    snprintf(failure->address, sizeof(failure->address), "%s", link_address_text(&run->link));
    memcpy(failure->words, run->last_error, sizeof(failure->words));
    if (!ending->has_status)
        return;
    snprintf(failure->status, sizeof(failure->status), "%s", grpc_code_name(ending->code));
    snprintf(failure->message, sizeof(failure->message), "%s", run->stream.call.words);
}

/* What a failed call is told as: the server's own words, where it gave any, and what they mean. */
static void describe_failure(const struct run *run, const struct source_ending *ending,
                             char out[ERROR_MESSAGE_BYTES])
{
    static const char *const openings[] = {
        [SOURCE_NOT_ASKED] = "no request could be made: ",
        [SOURCE_UNREACHABLE] = "no connection: ",
        [SOURCE_FAILED] = "the stream ended early: ",
        [SOURCE_SILENT] = "",
    };
    char whole[2 * ERROR_MESSAGE_BYTES];
    const char *meaning = run->source->live.failure.meaning;
    if (ending->outcome == SOURCE_SILENT && !run->policy.is_probe && !run->tracker.anything_came)
        meaning = "no event has come yet, so the start ledger may lie beyond the network's newest "
                  "one, or below what the source still keeps (its retention)";
    snprintf(whole, sizeof(whole), "%s%s%s%s; trying again",
             ending->has_status ? "" : openings[ending->outcome], run->last_error,
             meaning != NULL ? ": " : "", meaning != NULL ? meaning : "");
    sentence_fit(out, ERROR_MESSAGE_BYTES, whole);
}

/* Warns of a failed call; the same words again only now and then. */
static void log_failure(struct run *run, const struct source_ending *ending, int64_t wait_us)
{
    int64_t now_us = os_monotonic_us();
    char wait[TEXT_TIME_BYTES];
    char sentence[ERROR_MESSAGE_BYTES];
    if (strcmp(run->logged, run->last_error) == 0 && now_us - run->logged_at_us < LOG_AGAIN_US) {
        run->suppressed_count++;
        return;
    }
    text_duration(wait_us / 1000 * 1000, wait);
    bool waits = ending->outcome == SOURCE_SILENT && waits_for_later(&run->tracker);
    if (waits)
        snprintf(sentence, sizeof(sentence),
                 "all events of ledger %" PRIu32 ", the last one asked for, are here; that it is "
                 "complete is known once the server has a later one: waiting for that",
                 run->tracker.last);
    else
        describe_failure(run, ending, sentence);
    log_event(waits ? LOG_INFO : LOG_WARN, "source", sentence,
              LOG_T("endpoint", run->source->options.endpoint),
              LOG_T("address", link_address_text(&run->link)), LOG_T("reason", run->last_error),
              LOG_T("asked_for", run->source->live.failure.asked),
              LOG_U("start_ledger", run->call.start), LOG_U("end_ledger", run->call.end),
              LOG_T("next_try_in", wait), LOG_U("suppressed", run->suppressed_count));
    memcpy(run->logged, run->last_error, sizeof(run->logged));
    run->logged_at_us = now_us;
    run->suppressed_count = 0;
}

/* Sleeps between calls. */
static enum error_code wait_for(struct run *run, int64_t wait_us, bool *is_stopped,
                                struct error *error)
{
    int64_t until_us = os_monotonic_us() + wait_us;
    for (;;) {
        struct os_poll_item item = {.fd = run->source->wake.fd, .want_read = true};
        enum error_code code = attend(run, is_stopped, error);
        int64_t now_us = os_monotonic_us();
        if (code != OK || *is_stopped || now_us >= until_us)
            return code;
        int64_t next_us = os_earlier_us(until_us, handler_deadline_us(run));
        (void)os_poll(&item, 1,
                      os_earlier_us(next_us > now_us ? next_us - now_us : 0, MAX_POLL_US));
        if (item.can_read)
            (void)os_wake_clear(&run->source->wake);
    }
}

/* The handler takes it when it has room. */
static enum error_code skip_poison(struct run *run, uint32_t ledger, bool *is_stopped,
                                   struct error *error)
{
    log_event(LOG_ERROR, "source", "a ledger can't be had and is left out (on_poison_ledger: skip)",
              LOG_U("ledger", ledger), LOG_T("reason", run->policy.poison_words));
    for (;;) {
        enum error_code code = tracker_skip(&run->tracker, ledger, run->policy.poison_words, error);
        run->next_before = run->tracker.next;
        if (code == ERR_AGAIN)
            code = wait_for(run, THROTTLED_POLL_US, is_stopped, error);
        else
            return code;
        if (code != OK || *is_stopped)
            return code;
    }
}

/* What follows from a call that ended. *is_done: source_run returns. */
static enum error_code after_call(struct run *run, const struct source_ending *ending,
                                  bool *is_done, bool *is_stopped, struct error *error)
{
    struct error why;
    error_clear(&why);
    if (ending->outcome != SOURCE_DONE)
        note_failure(run, ending);
    struct policy_decision decision =
        policy_after(&run->policy, &run->tracker, &run->call, ending, os_realtime_us(), &why);
    run->was_unreachable = ending->outcome == SOURCE_UNREACHABLE;
    publish(run);
    switch (decision.verdict) {
    case POLICY_GIVEN_UP:
        log_event(LOG_INFO, "source", "the server has no ledgers to compare with the lake's",
                  LOG_T("reason", run->last_error), LOG_U("start_ledger", run->call.start),
                  LOG_U("end_ledger", run->call.end));
        run->is_given_up = true;
        *is_done = true;
        return OK;
    case POLICY_FINISHED: *is_done = true; return OK;
    case POLICY_STOP:
        if (error != NULL)
            *error = why;
        return why.code;
    case POLICY_SKIP: {
        enum error_code code = skip_poison(run, decision.ledger, is_stopped, error);
        *is_done = run->tracker.range_is_complete;
        return code;
    }
    case POLICY_AGAIN: break;
    }
    if (ending->outcome != SOURCE_DONE) {
        run->source->live.retries++;
        log_failure(run, ending, decision.wait_us);
    }
    return wait_for(run, decision.wait_us, is_stopped, error);
}

enum error_code run_all(struct run *run, struct source_result *result, struct error *error)
{
    enum error_code code = OK;
    bool is_done = run->tracker.range_is_complete;
    bool is_stopped = false;
    while (code == OK && !is_done && !is_stopped) {
        struct source_ending ending;
        code = attend(run, &is_stopped, error);
        if (code == OK && !is_stopped)
            code = make_call(run, &ending, &is_stopped, error);
        if (code == OK && !is_stopped)
            code = after_call(run, &ending, &is_done, &is_stopped, error);
    }
    result->stopped = code == OK && is_stopped;
    result->complete = code == OK && is_done && !run->is_given_up;
    result->misfits = run->tracker.misfits;
    result->event_count = run->tracker.probe_event_count;
    result->close_us = run->tracker.probe_close_us;
    result->next_ledger = run->tracker.next;
    publish(run);
    return code;
}
