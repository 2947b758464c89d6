// SPDX-License-Identifier: Apache-2.0
/*
 * How events become batches of complete ledgers of one partition time.
 *
 * Segments wait in a list, oldest first. A segment is a batch in the making: rows and dead letters
 * of complete ledgers, which share a partition time and an epoch (rows/epoch.h). Only the newest
 * segment may also hold the ledger in progress, behind its complete rows:
 *
 *   oldest -> [complete ledgers] -> [complete ledgers] -> newest [complete | in progress]
 *
 *   what comes                       what happens
 *   -------------------------------  -----------------------------------------------------------
 *   a row of the ledger in progress  its values are numbered, and the ids go behind the newest
 *                                    segment's rows
 *   a ledger's first row, of another the epoch ends, and a new segment begins with this ledger, in
 *   partition, or when the epoch is  a new epoch
 *   over
 *   the ledger is dropped            the newest segment forgets what lies behind its complete rows;
 *                                    values that it alone had keep their numbers
 *   the ledger is complete           its rows join the complete ones; ledgers of the range that
 *                                    brought no event become unconfirmed; an epoch that holds much
 *                                    memory is over
 *   batch_builder_end_epoch          whoever writes files closed a row group: the epoch is over
 *   batch_builder_shed               the ledger in progress alone leaves no room for values of
 *                                    others: its rows are numbered anew
 *   batch_builder_take               the oldest segment becomes a batch; a ledger in progress is
 *                                    split off before
 *
 * What holds between calls:
 *   - All rows of a ledger lie in one segment, and so in one epoch. Where its events close in two
 *     partitions (no real ledger's do), those of the first one stay, and the others become dead
 *     letters.
 *   - A batch is one range of ledgers, and the next batch begins with the ledger behind it;
 *     `next_ledger` is the first one that no segment has.
 *   - A dictionary only grows, and a batch keeps its dictionaries alive: no id of a batch ever
 *     changes its meaning.
 *   - ERR_NO_MEMORY adds no row. A segment that is half a batch because memory ran out
 *     (segment->batch) takes no more rows and is taken later.
 */
#include "rows/batch_builder.h"

#include <assert.h>

#include "rows/segment_take.h"
#include "util/memory.h"

/* Of the memory that dictionaries may take, what one ledger more is not to exceed. */
#define EPOCH_MEMORY_PERCENT 75
#define EPOCH_MEMORY_BYTES   ((size_t)29 * 1024 * 1024)

struct batch_builder {
    struct batch_builder_options options;
    struct segment_layout layout;
    struct row_epoch *epoch; /* NULL: the next row begins one, or there are none */
    bool epoch_is_over;      /* the next ledger begins another */
    int64_t epoch_start_us;  /* of its rows' partition; INT64_MIN: it has none */
    struct row_scratch scratch;
    struct ledger_digest_state *digest;
    struct segment *oldest, *newest; /* NULL: none */
    uint64_t next_ledger;            /* first one that is not complete; 0: the first to arrive */
    int64_t complete_rows;
    int64_t progress_rows;

    bool has_progress;
    uint32_t progress_ledger;
    uint64_t progress_replaced, progress_null_decimals;
    int64_t progress_first_close_us, progress_last_close_us; /* where progress_rows is not 0 */
};

enum error_code batch_builder_new(struct batch_builder **out,
                                  const struct batch_builder_options *options, struct error *error)
{
    *out = NULL;
    struct batch_builder *builder = mem_alloc_zero(1, sizeof *builder);
    if (builder == NULL)
        return error_no_memory(error, "a batch builder");
    builder->options = *options;
    if (options->dictionary_bytes == 0)
        builder->options.dictionary_bytes = EPOCH_MEMORY_BYTES;
    segment_layout_init(&builder->layout, options->schema, options->dictionaries);
    buffer_init(&builder->scratch.text);
    if (ledger_digest_new(&builder->digest, options->schema, LEDGER_DIGEST_NEWEST) != OK) {
        batch_builder_free(builder);
        return error_no_memory(error, "a batch builder");
    }
    *out = builder;
    return OK;
}

static void free_segments(struct batch_builder *builder)
{
    while (builder->oldest != NULL) {
        struct segment *segment = builder->oldest;
        builder->oldest = segment->newer;
        segment_free(segment);
    }
    builder->newest = NULL;
}

void batch_builder_free(struct batch_builder *builder)
{
    if (builder == NULL)
        return;
    free_segments(builder);
    row_epoch_release(builder->epoch);
    ledger_digest_free(builder->digest);
    buffer_release(&builder->scratch.text);
    mem_free(builder);
}

void batch_builder_begin_range(struct batch_builder *builder, uint32_t first)
{
    assert(!builder->has_progress && !batch_builder_has_complete(builder));
    builder->next_ledger = first;
}

/* The epoch that is not over, begun where there is none. */
static enum error_code ensure_epoch(struct batch_builder *builder)
{
    struct row_epoch *epoch;
    if (!builder->options.dictionaries || (builder->epoch != NULL && !builder->epoch_is_over))
        return OK;
    if (row_epoch_new(&epoch, builder->options.schema) != OK)
        return ERR_NO_MEMORY;
    row_epoch_release(builder->epoch);
    builder->epoch = epoch;
    builder->epoch_is_over = false;
    builder->epoch_start_us = INT64_MIN;
    return OK;
}

static void add_segment(struct batch_builder *builder, struct segment *segment)
{
    if (builder->newest == NULL)
        builder->oldest = segment;
    else
        builder->newest->newer = segment;
    builder->newest = segment;
}

/* A newest segment to add to; not one that is half a batch because memory ran out. */
static enum error_code ensure_segment(struct batch_builder *builder)
{
    if (builder->newest != NULL && builder->newest->batch == NULL)
        return OK;
    struct segment *segment;
    if (ensure_epoch(builder) != OK ||
        segment_new(&segment, &builder->layout, builder->epoch) != OK)
        return ERR_NO_MEMORY;
    add_segment(builder, segment);
    return OK;
}

/* Leaves the complete ledgers to the newest segment and moves the one in progress to a new one,
 * whose rows are numbered in `epoch`. */
static enum error_code split_newest(struct batch_builder *builder, struct row_epoch *epoch)
{
    struct segment *segment;
    if (segment_new(&segment, &builder->layout, epoch) != OK)
        return ERR_NO_MEMORY;
    if (segment_split(builder->newest, segment) != OK) {
        segment_free(segment);
        return ERR_NO_MEMORY;
    }
    add_segment(builder, segment);
    return OK;
}

/* Makes the newest segment one that the first row of a ledger may go to. */
static enum error_code begin_rows(struct batch_builder *builder, int64_t start_us)
{
    struct segment *newest = builder->newest;
    bool has_rows = segment_rows(newest) != 0;
    if (builder->epoch_start_us != start_us && builder->epoch_start_us != INT64_MIN)
        builder->epoch_is_over = true;
    if (ensure_epoch(builder) != OK)
        return ERR_NO_MEMORY;
    builder->epoch_start_us = start_us;
    if (has_rows && (newest->start_us != start_us || newest->epoch != builder->epoch)) {
        if (split_newest(builder, builder->epoch) != OK)
            return ERR_NO_MEMORY;
    } else if (newest->epoch != builder->epoch) {
        segment_set_epoch(newest, builder->epoch);
    }
    builder->newest->start_us = start_us;
    return OK;
}

/* Makes the newest segment one that a row of this time may go to. */
static enum error_code ensure_segment_for(struct batch_builder *builder, int64_t start_us)
{
    if (ensure_segment(builder) != OK)
        return ERR_NO_MEMORY;
    if (builder->progress_rows == 0)
        return begin_rows(builder, start_us);
    assert(builder->newest->start_us == start_us);
    return OK;
}

static void begin_ledger(struct batch_builder *builder, uint32_t ledger_sequence)
{
    if (builder->has_progress) {
        assert(ledger_sequence == builder->progress_ledger);
        return;
    }
    assert(ledger_sequence >= builder->next_ledger);
    builder->has_progress = true;
    builder->progress_ledger = ledger_sequence;
    builder->progress_replaced = 0;
    builder->progress_null_decimals = 0;
    ledger_digest_begin(builder->digest);
}

/* The row is in the newest segment; `part` and `ids` say as what, NULL of plain texts. */
static void note_row(struct batch_builder *builder, const struct row_view *row,
                     const struct epoch_part *part, const uint32_t *ids)
{
    begin_ledger(builder, row->ledger_sequence);
    if (builder->progress_rows == 0)
        builder->progress_first_close_us = row->timestamp_us;
    builder->progress_last_close_us = row->timestamp_us;
    builder->progress_rows++;
    builder->progress_replaced += row->memo_replaced;
    builder->progress_null_decimals += !row->has_amount_decimal;
    if (part != NULL)
        ledger_digest_add_numbered(builder->digest, row, part, ids);
    else
        ledger_digest_add_row(builder->digest, row);
}

/* What becomes a row. */
struct arrival {
    const struct event_view *event;
    bool is_checked; /* `row` is row_from_event's, else row_collect's */
    struct row_view row;
};

/* ERR_INVALID: the row has to be checked. */
static enum error_code add_row(struct batch_builder *builder, struct arrival *arrival,
                               int64_t start_us)
{
    struct row_view *row = &arrival->row;
    struct epoch_part *part = NULL;
    uint32_t ids[ROW_COLUMN_MAX];
    bool by_type = builder->options.scheme == PARTITION_DATE_HOUR_TYPE;
    enum event_type type = by_type ? row->type : EVENT_NONE;
    enum error_code code = ensure_segment_for(builder, start_us);
    if (code == OK && builder->options.dictionaries) {
        code = row_epoch_part(builder->newest->epoch, type, &part);
        if (code == OK)
            code = epoch_part_number(part, builder->options.schema, arrival->event->tx_hash,
                                     arrival->is_checked, row, ids);
    }
    if (code == OK)
        code = segment_add_row(builder->newest, type, row, ids);
    if (code == OK)
        note_row(builder, row, part, ids);
    return code;
}

/* ERR_INVALID, with the reason, for an event that can't be a row here. */
static enum error_code add_arrival(struct batch_builder *builder, struct arrival *arrival,
                                   struct error *problem)
{
    int64_t start_us =
        partition_key_of(builder->options.scheme, arrival->row.timestamp_us, arrival->row.type)
            .start_us;
    if (builder->progress_rows != 0 && builder->newest->start_us != start_us)
        return error_set(
            problem, ERR_INVALID,
            "closed_at lies in another partition than that of the ledger's first event");
    return add_row(builder, arrival, start_us);
}

static enum error_code add_checked(struct batch_builder *builder, struct arrival *arrival,
                                   uint32_t event_index, struct error *problem)
{
    arrival->is_checked = true;
    enum error_code code =
        row_from_event(arrival->event, event_index, &builder->scratch, &arrival->row, problem);
    return code == OK ? add_arrival(builder, arrival, problem) : code;
}

enum error_code batch_builder_add_event(struct batch_builder *builder,
                                        const struct event_view *event, uint32_t event_index,
                                        struct bytes_view raw, bool *became_dead_letter,
                                        struct error *error)
{
    struct arrival arrival;
    struct error problem;
    enum error_code code = ERR_INVALID;
    *became_dead_letter = false;
    arrival.event = event;
    arrival.is_checked = false;
    if (builder->options.dictionaries &&
        row_collect(event, event_index, &builder->scratch, &arrival.row))
        code = add_arrival(builder, &arrival, &problem);
    if (code == ERR_INVALID)
        code = add_checked(builder, &arrival, event_index, &problem);
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, "the rows of a ledger");
    if (code == OK)
        return OK;
    *became_dead_letter = true;
    uint32_t ledger_sequence = event->ledger_sequence;
    if (ledger_sequence == 0)
        ledger_sequence =
            builder->has_progress ? builder->progress_ledger : (uint32_t)builder->next_ledger;
    return batch_builder_add_dead_letter(builder, ledger_sequence, event_index, problem.message,
                                         raw, error);
}

enum error_code batch_builder_add_dead_letter(struct batch_builder *builder,
                                              uint32_t ledger_sequence, uint32_t event_index,
                                              const char *reason, struct bytes_view raw,
                                              struct error *error)
{
    if (ensure_segment(builder) != OK ||
        segment_add_letter(builder->newest, ledger_sequence, event_index, reason, raw) != OK)
        return error_no_memory(error, "a dead letter");
    begin_ledger(builder, ledger_sequence);
    ledger_digest_add_dead_letter(builder->digest, event_index, raw);
    return OK;
}

void batch_builder_drop_ledger(struct batch_builder *builder)
{
    if (!builder->has_progress)
        return;
    segment_drop_progress(builder->newest);
    builder->has_progress = false;
    builder->progress_rows = 0;
}

static enum error_code add_unconfirmed(struct batch_builder *builder, uint64_t first, uint64_t last)
{
    if (first > last)
        return OK;
    return segment_add_unconfirmed(builder->newest,
                                   (struct ledger_range){(uint32_t)first, (uint32_t)last});
}

/* All values so far are of complete ledgers; whether they are so many that the next ledger's go to
 * another epoch. */
static void complete_values(struct batch_builder *builder)
{
    struct row_epoch *epoch = builder->newest->epoch;
    if (epoch == NULL)
        return;
    row_epoch_complete(epoch);
    size_t limit = builder->options.dictionary_bytes / 100 * EPOCH_MEMORY_PERCENT;
    if (row_epoch_memory_bytes(epoch) > limit ||
        (builder->options.dictionary_values != 0 &&
         row_epoch_values(epoch) >= builder->options.dictionary_values))
        builder->epoch_is_over = true;
}

/* The ledger in progress joins the complete ones of its segment. */
static void complete_progress(struct batch_builder *builder)
{
    struct segment *segment = builder->newest;
    segment_complete_progress(segment);
    segment->replaced_memo_count += builder->progress_replaced;
    segment->null_decimal_count += builder->progress_null_decimals;
    segment->digest_ledger = builder->progress_ledger;
    segment->digest = ledger_digest_end(builder->digest);
    if (builder->progress_rows != 0) {
        if (!segment->has_close_time)
            segment->first_close_us = builder->progress_first_close_us;
        segment->has_close_time = true;
        segment->last_close_us = builder->progress_last_close_us;
        complete_values(builder);
    }
    builder->complete_rows += builder->progress_rows;
    builder->progress_rows = 0;
    builder->has_progress = false;
}

enum error_code batch_builder_complete_to(struct batch_builder *builder, uint32_t covered_to,
                                          struct error *error)
{
    uint64_t next = builder->next_ledger;
    if (builder->has_progress) {
        assert(builder->progress_ledger <= covered_to);
        if (next == 0)
            next = builder->progress_ledger;
    }
    if (next == 0 || covered_to < next)
        return OK;
    enum error_code code = ensure_segment(builder);
    /* Room first, so that the first run is not there without the second. */
    if (code == OK)
        code = buffer_reserve(&builder->newest->unconfirmed, 2 * sizeof(struct ledger_range));
    if (code == OK && builder->has_progress)
        code = add_unconfirmed(builder, next, (uint64_t)builder->progress_ledger - 1);
    if (code == OK)
        code = add_unconfirmed(
            builder, builder->has_progress ? builder->progress_ledger + UINT64_C(1) : next,
            covered_to);
    if (code != OK)
        return error_no_memory(error, "a batch");
    struct segment *segment = builder->newest;
    if (!segment->has_range)
        segment->range.first = (uint32_t)next;
    segment->has_range = true;
    segment->range.last = covered_to;
    builder->next_ledger = (uint64_t)covered_to + 1;
    if (builder->has_progress)
        complete_progress(builder);
    return OK;
}

int64_t batch_builder_complete_rows(const struct batch_builder *builder)
{
    return builder->complete_rows;
}

size_t batch_builder_unconfirmed_runs(const struct batch_builder *builder)
{
    return builder->newest == NULL
               ? 0
               : builder->newest->unconfirmed.size_bytes / sizeof(struct ledger_range);
}

void batch_builder_end_epoch(struct batch_builder *builder)
{
    builder->epoch_is_over = true;
}

enum error_code batch_builder_shed(struct batch_builder *builder, struct error *error)
{
    struct row_epoch *epoch;
    assert(!batch_builder_has_complete(builder));
    if (builder->newest == NULL || builder->newest->epoch == NULL)
        return OK;
    if (row_epoch_new(&epoch, builder->options.schema) != OK)
        return error_no_memory(error, "the ledger in progress");
    if (segment_renumber(builder->newest, epoch) != OK) {
        row_epoch_release(epoch);
        return error_no_memory(error, "the ledger in progress");
    }
    row_epoch_release(builder->epoch);
    builder->epoch = epoch;
    builder->epoch_is_over = false;
    return OK;
}

/* Of the epoch that `segment` keeps alive and no newer segment does, nor the builder. */
static size_t old_epoch_bytes(const struct batch_builder *builder, const struct segment *segment)
{
    const struct row_epoch *newer = segment->newer != NULL ? segment->newer->epoch : builder->epoch;
    return segment->epoch != newer ? row_epoch_memory_bytes(segment->epoch) : 0;
}

size_t batch_builder_memory_bytes(const struct batch_builder *builder)
{
    size_t bytes = sizeof *builder + builder->scratch.text.capacity_bytes;
    if (builder->epoch != NULL)
        bytes += row_epoch_memory_bytes(builder->epoch);
    for (const struct segment *segment = builder->oldest; segment != NULL; segment = segment->newer)
        bytes += segment_memory_bytes(segment) + old_epoch_bytes(builder, segment);
    return bytes;
}

bool batch_builder_has_complete(const struct batch_builder *builder)
{
    return builder->oldest != NULL && builder->oldest->has_range;
}

enum error_code batch_builder_take(struct batch_builder *builder, struct row_batch **batch,
                                   struct error *error)
{
    *batch = NULL;
    if (!batch_builder_has_complete(builder))
        return OK;
    struct segment *segment = builder->oldest;
    if (segment == builder->newest && builder->has_progress &&
        split_newest(builder, segment->epoch) != OK)
        return error_no_memory(error, "the ledger in progress");
    int64_t row_count = segment_complete_rows(segment);
    if (segment->batch != NULL)
        row_count += segment->batch->row_count;
    if (segment_take(segment, builder->options.scheme, batch) != OK)
        return error_no_memory(error, "a batch");
    builder->complete_rows -= row_count;
    builder->oldest = segment->newer;
    if (builder->oldest == NULL)
        builder->newest = NULL;
    segment_free(segment);
    /* Nobody but batches needs an epoch that is over. */
    if (builder->oldest == NULL && builder->epoch_is_over) {
        row_epoch_release(builder->epoch);
        builder->epoch = NULL;
    }
    (*batch)->epoch.is_over = builder->epoch == NULL || builder->epoch->id != (*batch)->epoch.id;
    return OK;
}
