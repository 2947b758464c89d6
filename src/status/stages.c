// SPDX-License-Identifier: Apache-2.0
#include "status/stages.h"

#include <assert.h>

#include "util/sentence.h"

const char *rotation_reason_name(enum rotation_reason reason)
{
    static const char *const names[ROTATION_REASON_COUNT] = {
        [ROTATION_NONE] = "none",         [ROTATION_PARTITION] = "partition",
        [ROTATION_SIZE] = "size",         [ROTATION_AGE] = "age",
        [ROTATION_MEMORY] = "memory",     [ROTATION_END_OF_RANGE] = "end_of_range",
        [ROTATION_SHUTDOWN] = "shutdown",
    };
    assert(reason < ROTATION_REASON_COUNT);
    return names[reason];
}

const char *care_task_name(enum care_task task)
{
    static const char *const names[CARE_TASK_COUNT] = {
        [CARE_PRUNE] = "prune",
        [CARE_COMPACT] = "compact",
        [CARE_EXPIRE] = "expire",
    };
    assert(task < CARE_TASK_COUNT);
    return names[task];
}

static void add_gaps(struct source_gaps *total, const struct source_gaps *one)
{
    uint64_t count = total->count + one->count;
    uint64_t ledger_count = total->ledger_count + one->ledger_count;
    uint64_t found_count = total->found_count + one->found_count;
    if (one->last_us >= total->last_us) /* whose newest ones are the newest */
        *total = *one;
    total->count = count;
    total->ledger_count = ledger_count;
    total->found_count = found_count;
}

/* The earlier of two times that may not be known. */
static int64_t earlier_of(int64_t a_us, int64_t b_us)
{
    return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

/* Of those that ask for something nobody gets it. */
static bool is_out(const struct stream_stats *a, const struct stream_stats *b)
{
    bool a_asks = a->streaming_since_us != 0, b_asks = b->streaming_since_us != 0;
    if (a_asks == b_asks)
        return a_asks ? a->outage && b->outage : a->outage || b->outage;
    return a_asks ? a->outage : b->outage;
}

void stream_stats_add(struct stream_stats *total, const struct stream_stats *one)
{
    struct stream_stats sum = one->current_ledger >= total->current_ledger ? *one : *total;
    const struct stream_stats *other = sum.current_ledger == one->current_ledger ? total : one;
    sum.events_accepted += other->events_accepted;
    sum.events_refetched += other->events_refetched;
    sum.bytes_received += other->bytes_received;
    sum.ledgers_completed += other->ledgers_completed;
    sum.connects += other->connects;
    sum.retries += other->retries;
    sum.seam_checked += other->seam_checked;
    sum.seam_other_contents += other->seam_other_contents;
    sum.dead_letters += other->dead_letters;
    sum.decode_us += other->decode_us;
    add_gaps(&sum.gaps, &other->gaps);
    if (other->last_event_us > sum.last_event_us)
        sum.last_event_us = other->last_event_us;
    if (other->failure.at_us > sum.failure.at_us)
        sum.failure = other->failure;
    sum.ledger_since_us = earlier_of(sum.ledger_since_us, other->ledger_since_us);
    sum.streaming_since_us = earlier_of(sum.streaming_since_us, other->streaming_since_us);
    if (sum.first_ledger == 0)
        sum.first_ledger = other->first_ledger;
    if (sum.waits_behind == 0)
        sum.waits_behind = other->waits_behind;
    sum.connected = sum.connected || other->connected;
    sum.throttled = sum.throttled || other->throttled;
    sum.degraded = sum.degraded || other->degraded || total->outage || one->outage;
    sum.outage = is_out(total, one);
    sum.drips = sum.drips || other->drips;
    *total = sum;
}

void queue_stats_add(struct queue_stats *total, const struct queue_stats *one)
{
    total->batch_count += one->batch_count;
    total->row_count += one->row_count;
    total->memory_bytes += one->memory_bytes;
    total->limit_bytes += one->limit_bytes;
}

static int64_t later_of(int64_t a_us, int64_t b_us)
{
    return a_us > b_us ? a_us : b_us;
}

void sink_stats_add(struct sink_stats *total, const struct sink_stats *one)
{
    bool is_later = one->last_commit_us > total->last_commit_us;
    total->rows_committed += one->rows_committed;
    total->files_committed += one->files_committed;
    total->bytes_committed += one->bytes_committed;
    total->commits += one->commits;
    total->commits_failed += one->commits_failed;
    total->dead_letters_committed += one->dead_letters_committed;
    total->unconfirmed_ledgers += one->unconfirmed_ledgers;
    total->rows_open += one->rows_open;
    total->bytes_open += one->bytes_open;
    total->batches += one->batches;
    for (size_t i = 0; i < ROTATION_REASON_COUNT; i++)
        total->rotations[i] += one->rotations[i];
    total->last_batch_us = later_of(total->last_batch_us, one->last_batch_us);
    total->last_commit_us = later_of(total->last_commit_us, one->last_commit_us);
    total->next_commit_us = earlier_of(total->next_commit_us, one->next_commit_us);
    if (is_later)
        total->last_ledger = one->last_ledger;
    total->waiting_for_space = total->waiting_for_space || one->waiting_for_space;
    if (total->catalog_busy_since_us == 0)
        total->catalog_busy_since_us = one->catalog_busy_since_us;
    if (total->store_away_since_us == 0)
        total->store_away_since_us = one->store_away_since_us;
    total->intake_paused = total->intake_paused || one->intake_paused;
    total->failing = total->failing || one->failing;
    total->refused = total->refused || one->refused;
}

void stream_view_make(struct stream_view *view, const struct stream_stats *stream,
                      const struct sink_stats *sink, struct ledger_range range)
{
    *view = (struct stream_view){.range = range,
                                 .current_ledger = stream->current_ledger,
                                 .events_accepted = stream->events_accepted,
                                 .ledgers_completed = stream->ledgers_completed,
                                 .rows_committed = sink->rows_committed,
                                 .retries = stream->retries,
                                 .connected = stream->connected,
                                 .degraded = stream->degraded || stream->outage,
                                 .throttled = stream->throttled,
                                 .failed_at_us = stream->failure.at_us};
    sentence_fit(view->failure, sizeof view->failure, stream->failure.words);
}

const char *stream_view_state(const struct stream_view *view)
{
    if (view->range.first == 0 && view->range.last == 0)
        return "idle";
    if (view->degraded)
        return "reconnecting";
    if (!view->connected)
        return "connecting";
    return view->throttled ? "waiting for the writer" : "streaming";
}
