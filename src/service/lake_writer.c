// SPDX-License-Identifier: Apache-2.0
#include "service/lake_writer.h"

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

static enum error_code handle(struct lake_writer *writer, struct queue_item *item)
{
    switch (item->kind) {
    case QUEUE_BATCH: return sink_append(writer->sink, &item->batch, &writer->error);
    case QUEUE_REMARK: {
        struct remembered remembered = {sink_catalog(writer->sink), item->remark};
        enum error_code code = sink_remark(writer->sink, remember, &remembered, &writer->error);
        mem_free(item->remark);
        return code;
    }
    case QUEUE_END_OF_RANGE:
        return sink_commit(writer->sink, ROTATION_END_OF_RANGE, &writer->error);
    case QUEUE_CLOSED:
        return sink_commit(writer->sink,
                           writer->is_stopping(writer->context) ? ROTATION_SHUTDOWN
                                                                : ROTATION_END_OF_RANGE,
                           &writer->error);
    case QUEUE_ABORTED: /* closing the sink drops what is not committed */
    case QUEUE_NOTHING: break;
    }
    return OK;
}

static void care_between_commits(void *context)
{
    struct lake_writer *writer = context;
    lake_care_idle(writer->care, writer->sink);
}

enum error_code lake_writer_run(struct lake_writer *writer)
{
    enum error_code code = OK;
    struct queue_item item = {.kind = QUEUE_NOTHING};
    int64_t next_tick_us = 0;
    error_clear(&writer->error);
    writer->has_lost_range = false;
    sink_on_idle(writer->sink, care_between_commits, writer);
    while (code == OK && item.kind != QUEUE_CLOSED && item.kind != QUEUE_ABORTED) {
        int64_t now_us = os_monotonic_us();
        atomic_store_explicit(&writer->seen_us, now_us, memory_order_relaxed);
        if (now_us >= next_tick_us) {
            int64_t next_call_us = INT64_MAX;
            code = sink_tick(writer->sink, &next_call_us, &writer->error);
            next_tick_us = os_earlier_us(next_call_us, now_us + TICK_US);
            if (code != OK)
                break;
            lake_care_tick(writer->care, writer->sink, now_us);
        }
        item = batch_queue_pop(writer->queue, next_tick_us);
        code = handle(writer, &item);
    }
    sink_on_idle(writer->sink, NULL, NULL);
    if (code != OK) {
        writer->has_lost_range = sink_take_lost_range(writer->sink, &writer->lost_range);
        batch_queue_abort(writer->queue);
    }
    /* Not running is not stuck. */
    atomic_store_explicit(&writer->seen_us, 0, memory_order_relaxed);
    return code;
}
