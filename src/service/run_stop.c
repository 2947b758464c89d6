// SPDX-License-Identifier: Apache-2.0
#include "service/run_stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "database/location.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/log_output.h"
#include "os/signal.h"
#include "store/objects.h"
#include "util/text.h"

#define GIVE_UP_GRACE_US 1000000 /* for the sink to end by itself after stop_timeout */

void run_stop_init(struct run_stop *stop, const struct options *options)
{
    *stop = (struct run_stop){.options = options};
    atomic_store(&stop->deadline_us, INT64_MAX);
    patience_init(&stop->patience, options->give_up_after_us, os_monotonic_us());
}

bool run_stop_is_ending(const struct run_stop *stop)
{
    return os_stop_requested() || atomic_load(&stop->gave_up);
}

bool run_stop_is_over(const struct run_stop *stop)
{
    return os_monotonic_us() >= atomic_load(&stop->deadline_us);
}

static _Noreturn void give_up_publishing(const struct run_stop *stop)
{
    char timeout[TEXT_TIME_BYTES];
    char sentence[256];
    text_duration(stop->options->stop_timeout_us, timeout);
    snprintf(sentence, sizeof sentence,
             "could not publish within stop_timeout (%s): the next run recovers what is staged and "
             "asks for the rest again",
             timeout);
    log_line(LOG_ERROR, "app", sentence);
    log_output_drain(LOG_OUTPUT_PATIENCE_US);
    _exit(EXIT_FAILED);
}

bool run_stop_look(struct run_stop *stop, int64_t now_us)
{
    int64_t deadline_us = atomic_load(&stop->deadline_us);
    if (deadline_us != INT64_MAX && now_us - deadline_us > GIVE_UP_GRACE_US)
        give_up_publishing(stop);
    if (deadline_us != INT64_MAX || !os_stop_requested())
        return false;
    atomic_store(&stop->deadline_us, now_us + stop->options->stop_timeout_us);
    log_event(LOG_INFO, "app", "stopping: publishing every complete ledger",
              LOG_I("signal", os_stop_signal()));
    return true;
}

/* What a run waits for while nothing moves. */
static void describe_wait(struct run_stop *stop, const struct stream_stats *stream,
                          const struct sink_stats *sink)
{
    const char *endpoint = stop->options->ttp_processor_endpoint;
    char *out = stop->waited_for;
    size_t out_bytes = sizeof stop->waited_for;
    if (sink->waiting_for_space || sink->intake_paused)
        snprintf(out, out_bytes, "space on the disk: make room");
    else if (stream->waits_behind != 0)
        snprintf(out, out_bytes,
                 "a later ledger than %" PRIu32 " from %s: all events of that ledger are here, but "
                 "only a later one tells that it is complete",
                 stream->waits_behind, endpoint);
    else if (stream->degraded)
        snprintf(out, out_bytes, "%s: %s", endpoint, stream->failure.words);
    else
        snprintf(out, out_bytes, "%s to send something: it is %s", endpoint,
                 stream->connected ? "connected and silent" : "not connected");
}

bool run_stop_lost_patience(struct run_stop *stop, const struct stream_stats *stream,
                            const struct sink_stats *sink, int64_t now_us)
{
    uint64_t mark = stream->ledgers_completed + sink->batches + sink->commits;
    if (!patience_is_over(&stop->patience, mark, now_us) || stop->options->end_ledger == 0 ||
        run_stop_is_ending(stop))
        return false;
    describe_wait(stop, stream, sink);
    atomic_store(&stop->gave_up, true);
    atomic_store(&stop->deadline_us, now_us + stop->options->stop_timeout_us);
    log_line(LOG_INFO, "app", "giving up (give_up_after): publishing every complete ledger");
    return true;
}

bool run_stop_ends_waiting(struct run_stop *stop, int64_t now_us)
{
    bool is_bounded = stop->options->end_ledger != 0;
    if (is_bounded && patience_is_over(&stop->patience, stop->patience.mark, now_us))
        atomic_store(&stop->gave_up, true);
    return run_stop_is_ending(stop);
}

bool run_stop_is_shared(const struct run_stop *stop)
{
    const struct options *options = stop->options;
    return objects_is_url(options->output_path) && options->catalog[0] != '\0' &&
           database_location_parse(options->catalog, options->catalog_schema).conninfo != NULL;
}

enum exit_code run_stop_exit_code(const struct run_stop *stop)
{
    bool is_bounded = stop->options->end_ledger != 0;
    return run_stop_is_shared(stop) && is_bounded ? EXIT_FAILED : EXIT_DONE;
}

enum exit_code run_stop_say_ended_waiting(const struct run_stop *stop, const struct error *error)
{
    char after[TEXT_TIME_BYTES];
    char sentence[ERROR_MESSAGE_BYTES + 256];
    if (!atomic_load(&stop->gave_up)) {
        log_event(LOG_INFO, "app", "stopped while another program held the catalog",
                  LOG_T("reason", error->message));
        return run_stop_exit_code(stop);
    }
    text_duration(stop->options->give_up_after_us, after);
    snprintf(sentence, sizeof sentence,
             "gave up after %s (give_up_after): waited for another program that holds the lake's "
             "catalog: %s",
             after, error->message);
    log_line(LOG_ERROR, "app", sentence);
    return EXIT_FAILED;
}

void run_stop_say_gave_up(const struct run_stop *stop, uint32_t ledger)
{
    char after[TEXT_TIME_BYTES];
    char sentence[ERROR_MESSAGE_BYTES + 384];
    if (!atomic_load(&stop->gave_up))
        return;
    text_duration(stop->options->give_up_after_us, after);
    snprintf(sentence, sizeof sentence,
             "gave up after %s without a further ledger (give_up_after) at ledger %" PRIu32
             ": waited for %s",
             after, ledger, stop->waited_for);
    log_line(LOG_ERROR, "app", sentence);
}
