// SPDX-License-Identifier: Apache-2.0
#include "service/lake_writer.h"

#include <assert.h>

#include "catalog/history.h"
#include "os/clock.h"
#include "util/memory.h"

#define TICK_US 1000000 /* sink_tick wants at least one call a second */

struct remembered {
    struct catalog *catalog;
    const struct queue_remark *remark;
};

/* Keeps it in the catalog, beside the commits. */
static enum error_code remember(void *context, struct error *error)
{
    const struct remembered *remembered = context;
    const struct queue_remark *remark = remembered->remark;
    struct catalog *catalog = remembered->catalog;
    struct ledger_range range = {remark->ledger, remark->ledger};
    switch (remark->kind) {
    case REMARK_SKIPPED: return catalog_record_hole(catalog, range, remark->words, error);
    case REMARK_OTHER_CONTENTS: return catalog_add_seam_finding(catalog, remark->ledger, error);
    case REMARK_UNCHECKED_SEAM: {
        const struct catalog_unchecked_seam seam = {.range = {remark->ledger, remark->last},
                                                    .below = remark->below,
                                                    .above = remark->above};
        return catalog_add_unchecked_seam(catalog, &seam, error);
    }
    }
    return OK;
}

static enum error_code handle(struct lake_writer *writer, struct writer_lane *lane,
                              struct queue_item *item)
{
    enum error_code code = OK;
    switch (item->kind) {
    case QUEUE_BATCH: return sink_append(lane->sink, &item->batch, &writer->error);
    case QUEUE_REMARK: {
        struct remembered remembered = {sink_catalog(lane->sink), item->remark};
        code = sink_remark(lane->sink, remember, &remembered, &writer->error);
        mem_free(item->remark);
        return code;
    }
    case QUEUE_END_OF_PIECE:
        code = sink_commit(lane->sink, ROTATION_END_OF_RANGE, &writer->error);
        if (code == OK)
            writer->on_end_of_piece(writer->context, item->piece);
        mem_free(item->piece);
        return code;
    case QUEUE_CLOSED:
        lane->is_over = true;
        return sink_commit(lane->sink,
                           writer->is_stopping(writer->context) ? ROTATION_SHUTDOWN
                                                                : ROTATION_END_OF_RANGE,
                           &writer->error);
    case QUEUE_ABORTED: /* closing the sink drops what is not committed */
        for (size_t i = 0; i < writer->lane_count; i++)
            writer->lanes[i].is_over = true;
        break;
    case QUEUE_NOTHING: break;
    }
    return OK;
}

static void care_between_commits(void *context)
{
    const struct writer_lane *lane = context;
    lake_care_idle(lane->writer->care, lane->sink);
}

/* A row group was closed: the stream's next ledger is to begin new dictionaries. */
static void ask_for_epoch(struct writer_lane *lane)
{
    if (sink_take_wish_for_epoch(lane->sink))
        batch_queue_ask_for_epoch(lane->queue);
}

/* One item of each lane; *took: there was any. */
static enum error_code take_in_turn(struct lake_writer *writer, bool *took)
{
    enum error_code code = OK;
    *took = false;
    for (size_t i = 0; code == OK && i < writer->lane_count; i++) {
        struct writer_lane *lane = &writer->lanes[i];
        if (lane->is_over)
            continue;
        struct queue_item item = batch_queue_pop(lane->queue, 0);
        *took = *took || item.kind != QUEUE_NOTHING;
        writer->failed_lane = i;
        code = handle(writer, lane, &item);
        ask_for_epoch(lane);
    }
    return code;
}

/* Lets time pass in all sinks, and does what the lake's care has due. */
static enum error_code tick(struct lake_writer *writer, int64_t now_us, int64_t *next_tick_us)
{
    struct sink *idle = writer->lanes[0].sink;
    *next_tick_us = now_us + TICK_US;
    for (size_t i = 0; i < writer->lane_count; i++) {
        int64_t next_call_us = INT64_MAX;
        struct sink *sink = writer->lanes[i].sink;
        writer->failed_lane = i;
        enum error_code code = sink_tick(sink, &next_call_us, &writer->error);
        ask_for_epoch(&writer->lanes[i]);
        *next_tick_us = os_earlier_us(next_call_us, *next_tick_us);
        if (code != OK)
            return code;
        if (!sink_is_idle(idle))
            idle = sink;
    }
    lake_care_tick(writer->care, idle, now_us);
    return OK;
}

static bool is_at_work(const struct lake_writer *writer)
{
    for (size_t i = 0; i < writer->lane_count; i++)
        if (!writer->lanes[i].is_over)
            return true;
    return false;
}

static void begin(struct lake_writer *writer)
{
    error_clear(&writer->error);
    writer->has_lost_range = false;
    for (size_t i = 0; i < writer->lane_count; i++) {
        writer->lanes[i].is_over = false;
        sink_on_idle(writer->lanes[i].sink, care_between_commits, &writer->lanes[i]);
    }
}

/* A call failed: nothing that is open anywhere is kept, since all of it is planned anew. */
static void fail(struct lake_writer *writer)
{
    struct ledger_range other;
    for (size_t i = 0; i < writer->lane_count; i++) {
        struct sink *sink = writer->lanes[i].sink;
        sink_drop(sink);
        if (i == writer->failed_lane)
            writer->has_lost_range = sink_take_lost_range(sink, &writer->lost_range);
        while (writer->lane_count > 1 && sink_take_lost_range(sink, &other))
            continue;
        batch_queue_abort(writer->lanes[i].queue);
    }
}

void lake_writer_add(struct lake_writer *writer, struct sink *sink, struct batch_queue *queue)
{
    assert(writer->lane_count < SINK_MAX);
    writer->lanes[writer->lane_count++] =
        (struct writer_lane){.writer = writer, .sink = sink, .queue = queue};
}

enum error_code lake_writer_run(struct lake_writer *writer)
{
    enum error_code code = OK;
    int64_t next_tick_us = 0;
    begin(writer);
    while (code == OK && is_at_work(writer)) {
        bool took = false;
        int64_t now_us = os_monotonic_us();
        atomic_store_explicit(&writer->seen_us, now_us, memory_order_relaxed);
        if (now_us >= next_tick_us)
            code = tick(writer, now_us, &next_tick_us);
        if (code == OK)
            code = take_in_turn(writer, &took);
        if (code == OK && !took)
            queue_bell_wait(writer->bell, next_tick_us);
    }
    for (size_t i = 0; i < writer->lane_count; i++)
        sink_on_idle(writer->lanes[i].sink, NULL, NULL);
    if (code != OK)
        fail(writer);
    /* Not running is not stuck. */
    atomic_store_explicit(&writer->seen_us, 0, memory_order_relaxed);
    return code;
}
