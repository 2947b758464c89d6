// SPDX-License-Identifier: Apache-2.0
#include "service/ledger_stream.h"

#include <stdatomic.h>
#include <stdio.h>

#include "service/intake.h"
#include "service/seam_check.h"
#include "service/source_setup.h"
#include "service/tip_search.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/thread.h"
#include "source/source.h"
#include "util/memory.h"

#define BATCHES_PER_FILE 16 /* at least */

struct ledger_stream {
    struct stream_host host;
    struct source_setup source_setup;
    struct source *source;
    struct intake *intake;
    _Atomic int64_t streaming_since_us; /* wall clock; 0: nothing is asked for */
    _Atomic uint64_t range;             /* in work: first << 32 | last; 0: none */
    int64_t decoded_us;                 /* the source's decode_us when the last batch was made */

    /* What the thread works on, and how that ended. */
    struct os_thread thread;
    struct run_plan *plan;
    enum error_code code;
    struct error error;
};

static bool must_stop(void *context)
{
    const struct ledger_stream *stream = context;
    return stream->host.must_stop(stream->host.context);
}

/* A batch went to the queue. */
static void tell_batch(void *context)
{
    struct ledger_stream *stream = context;
    struct stream_stats stats;
    source_get_stats(stream->source, &stats);
    const struct run_fact fact = {.kind = FACT_BATCH,
                                  .operation = METRICS_DECODE,
                                  .duration_us = stats.decode_us - stream->decoded_us};
    stream->decoded_us = stats.decode_us;
    run_observers_tell(stream->host.observers, &fact);
}

static enum source_seam_verdict on_below(void *context, uint32_t ledger,
                                         const struct catalog_digest *digest)
{
    struct ledger_stream *stream = context;
    return work_note_below(stream->host.work, ledger, digest);
}

static enum source_seam_verdict on_end(void *context, uint32_t ledger,
                                       const struct catalog_digest *digest)
{
    struct ledger_stream *stream = context;
    return work_note_end(stream->host.work, ledger, digest);
}

/* Rows that wait longer than a file may get old would make max_file_age a lie. */
static int64_t flush_interval_us(const struct options *options)
{
    return options->flush_interval_us < options->max_file_age_us ? options->flush_interval_us
                                                                 : options->max_file_age_us;
}

/* A file is measured between batches: one batch must be a small part of it, however large
 * batch_size is. Rows in memory take more than their compressed bytes. */
static size_t flush_bytes(const struct stream_host *host)
{
    uint64_t part = host->options->max_file_size_bytes / BATCHES_PER_FILE;
    return part < host->memory->flush_bytes ? (size_t)part : host->memory->flush_bytes;
}

enum error_code ledger_stream_new(struct ledger_stream **out, const struct stream_host *host,
                                  struct error *error)
{
    const struct options *options = host->options;
    struct ledger_stream *stream = *out = mem_alloc_zero(1, sizeof *stream);
    if (stream == NULL)
        return error_no_memory(error, "a stream");
    stream->host = *host;
    const struct intake_options intake_options = {
        .schema = row_schema_find(options->schema_version),
        .scheme = (enum partitioning_scheme)options->partitioning_scheme,
        .batch_rows = options->batch_size,
        .flush_interval_us = flush_interval_us(options),
        .flush_bytes = flush_bytes(host),
        .ledger_limit_bytes = host->memory->ledger_limit_bytes,
        .memory_limit_bytes = options->memory_limit_bytes,
        .shares_memory = options->streams > 1,
        .queue = host->queue,
        .must_stop = must_stop,
        .on_batch = tell_batch,
        .on_below = on_below,
        .on_end = on_end,
        .context = stream};
    enum error_code code = intake_new(&stream->intake, &intake_options, error);
    if (code == OK)
        code = source_setup_make(&stream->source_setup, options, host->memory->window_bytes, false,
                                 &stream->source, error);
    if (code != OK) {
        ledger_stream_free(stream);
        *out = NULL;
    }
    return code;
}

void ledger_stream_free(struct ledger_stream *stream)
{
    if (stream == NULL)
        return;
    intake_free(stream->intake);
    source_free(stream->source);
    source_setup_release(&stream->source_setup);
    mem_free(stream);
}

/* Among other processes the piece beside the lake may be another's: then what this one fetches
 * first is compared with nothing. */
static enum error_code check_seams(struct ledger_stream *stream, bool *stopped)
{
    bool is_alone = stream->host.options->streams == 1 && !work_is_shared(stream->host.work);
    const struct seam_check_options options = {
        .source = stream->source,
        .intake = stream->intake,
        .streams_through_first = stream->plan->live || is_alone,
        .max_attempts = (unsigned)stream->host.options->max_attempts};
    atomic_store(&stream->streaming_since_us, os_realtime_us());
    enum error_code code = seam_check(&options, stream->plan->ranges, stream->plan->range_count,
                                      stopped, &stream->error);
    atomic_store(&stream->streaming_since_us, 0);
    return code;
}

static enum error_code look_for_tip(struct ledger_stream *stream, bool *stopped)
{
    uint32_t tip;
    if (!stream->host.wants_tip(stream->host.context, stream->host.index))
        return OK;
    enum error_code code = tip_search(stream->source, stream->intake, stream->plan->start, &tip,
                                      stopped, &stream->error);
    if (code == OK && !*stopped)
        stream->host.on_tip(stream->host.context, tip);
    *stopped = must_stop(stream);
    return code;
}

static void set_range(struct ledger_stream *stream, struct ledger_range range)
{
    atomic_store(&stream->range, (uint64_t)range.first << 32 | range.last);
}

static enum error_code run_range(struct ledger_stream *stream, const struct run_range *range,
                                 struct source_result *result)
{
    const struct source_request request = {.first = range->first,
                                           .last = range->last,
                                           .seam_ledger = range->below.digest.ledger,
                                           .below = seam_moment(&range->below),
                                           .above = seam_moment(&range->above)};
    const struct source_handler handler = intake_handler(stream->intake);
    log_event(LOG_INFO, "app", range->last == 0 ? "following the chain" : "fetching a range",
              LOG_U("first_ledger", range->first), LOG_U("last_ledger", range->last),
              LOG_U("seam_ledger", range->below.digest.ledger));
    set_range(stream, (struct ledger_range){range->first, range->last});
    atomic_store(&stream->streaming_since_us, os_realtime_us());
    enum error_code code = source_run(stream->source, &request, &handler, result, &stream->error);
    atomic_store(&stream->streaming_since_us, 0);
    set_range(stream, (struct ledger_range){0, 0});
    return code;
}

static enum error_code fetch(struct ledger_stream *stream, const struct run_range *range,
                             bool *stopped)
{
    struct source_result result = {.stopped = false};
    enum error_code code = intake_begin_range(stream->intake, range, &stream->error);
    if (code == OK)
        code = run_range(stream, range, &result);
    *stopped = result.stopped;
    if (result.misfits) { /* what came before on the same connection is no better */
        stream->host.on_misfit(stream->host.context);
        return code;
    }
    /* Whatever else ended it: complete ledgers are published. */
    struct error flush_error;
    enum error_code flush_code = intake_flush(stream->intake, &flush_error);
    if (code == OK && flush_code != OK) {
        stream->error = flush_error;
        code = flush_code;
    }
    return code;
}

/* Whether another piece may go well where one has failed so. */
static bool is_of_the_piece(const struct ledger_stream *stream, const struct run_range *range,
                            enum error_code code)
{
    bool has_others = stream->host.options->streams > 1 || work_is_shared(stream->host.work);
    return has_others && range->last != 0 && code != ERR_CONFLICT && code != ERR_INVALID &&
           code != ERR_NO_MEMORY;
}

/* Takes piece after piece. */
static enum error_code work_through(struct ledger_stream *stream, bool *stopped)
{
    struct work_piece piece;
    enum error_code code = OK;
    while (code == OK && !*stopped && work_take(stream->host.work, stream->host.index, &piece)) {
        code = fetch(stream, &piece.range, stopped);
        bool has_failed = code != OK && is_of_the_piece(stream, &piece.range, code);
        if ((code == OK && !*stopped) || has_failed)
            code =
                batch_queue_push_end_of_piece(stream->host.queue, piece.lease_id,
                                              has_failed ? &stream->error : NULL, &stream->error);
    }
    return code;
}

static void *body(void *context)
{
    struct ledger_stream *stream = context;
    bool stopped = false;
    enum error_code code = look_for_tip(stream, &stopped);
    if (code == OK && !stopped)
        stopped = !work_begin(stream->host.work, stream->host.index);
    if (code == OK && !stopped && work_must_check_seams(stream->host.index)) {
        code = check_seams(stream, &stopped);
        if (code == OK && !stopped)
            work_seams_are_checked(stream->host.work);
    }
    if (code == OK && !stopped)
        code = work_through(stream, &stopped);
    stream->code = code;
    stream->host.on_done(stream->host.context, stream->host.index, code);
    return NULL;
}

enum error_code ledger_stream_start(struct ledger_stream *stream, struct run_plan *plan,
                                    struct error *error)
{
    char name[16] = "ttp-source";
    stream->plan = plan;
    stream->code = OK;
    if (stream->host.options->streams > 1)
        snprintf(name, sizeof name, "ttp-source-%zu", stream->host.index + 1);
    return os_thread_start(&stream->thread, name, body, stream, error);
}

enum error_code ledger_stream_join(struct ledger_stream *stream, struct error *error)
{
    os_thread_join(&stream->thread);
    if (stream->code != OK && error != NULL)
        *error = stream->error;
    return stream->code;
}

void ledger_stream_wake(struct ledger_stream *stream)
{
    source_wake(stream->source);
}

void ledger_stream_get_stats(const struct ledger_stream *stream, struct stream_stats *out)
{
    source_get_stats(stream->source, out);
    intake_add_stats(stream->intake, out);
    out->streaming_since_us = atomic_load(&stream->streaming_since_us);
}

struct ledger_range ledger_stream_range(const struct ledger_stream *stream)
{
    uint64_t range = atomic_load(&stream->range);
    return (struct ledger_range){(uint32_t)(range >> 32), (uint32_t)range};
}
