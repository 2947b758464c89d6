// SPDX-License-Identifier: Apache-2.0
/*
 * How events become batches of complete ledgers of one partition time.
 *
 * Segments wait in a list, oldest first. A segment is a batch in the making: rows and dead letters
 * of complete ledgers, which share a partition time and a set of dictionaries. Only the newest
 * segment may also hold the ledger in progress, behind its complete rows:
 *
 *   oldest -> [complete ledgers] -> [complete ledgers] -> newest [complete | in progress]
 *
 *   what comes                       what happens
 *   -------------------------------  -----------------------------------------------------------
 *   a row of the ledger in progress  it goes behind the newest segment's rows
 *   a ledger of another partition    split_newest: a new segment begins with this ledger
 *   a text, its dictionary is full   replace_dictionary: complete rows keep the old one in their
 *                                    segment; those of the ledger in progress move to a segment
 *                                    with a successor, and get their ids in it
 *   the ledger is dropped            the newest segment forgets what lies behind its complete rows
 *   the ledger is complete           its rows join the complete ones; ledgers of the range that
 *                                    brought no event become unconfirmed
 *   batch_builder_take               the oldest segment becomes a batch; a ledger in progress is
 *                                    split off before
 *
 * What holds between calls:
 *   - All rows of a ledger lie in one segment. Where its events close in two partitions (no real
 *     ledger's do), those of the first one stay, and the others become dead letters.
 *   - A batch is one range of ledgers, and the next batch begins with the ledger behind it;
 *     `next_ledger` is the first one that no segment has.
 *   - A dictionary only grows, and a batch keeps its dictionaries alive: no index of a batch ever
 *     changes its meaning.
 *   - ERR_NO_MEMORY adds nothing. A segment that is half a batch because memory ran out
 *     (segment->batch) takes no more rows and is taken later.
 */
#include "rows/batch_builder.h"

#include <assert.h>

#include "rows/segment_take.h"
#include "util/memory.h"

struct batch_builder {
    struct batch_builder_options options;
    struct segment_layout layout;
    struct row_dictionaries dictionaries;
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
    segment_layout_init(&builder->layout, options->schema, options->dictionaries);
    buffer_init(&builder->scratch.text);
    if (ledger_digest_new(&builder->digest, options->schema) != OK ||
        (options->dictionaries &&
         row_dictionaries_init(&builder->dictionaries, options->dictionary_bytes,
                               options->dictionary_values) != OK)) {
        batch_builder_free(builder);
        return error_no_memory(error, "the dictionaries of a batch builder");
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
    row_dictionaries_release(&builder->dictionaries);
    ledger_digest_free(builder->digest);
    buffer_release(&builder->scratch.text);
    mem_free(builder);
}

void batch_builder_begin_range(struct batch_builder *builder, uint32_t first)
{
    assert(!builder->has_progress && !batch_builder_has_complete(builder));
    builder->next_ledger = first;
}

/* Makes an empty segment that is not in the list yet. */
static enum error_code make_segment(struct batch_builder *builder, struct segment **segment)
{
    return segment_new(segment, &builder->layout,
                       builder->options.dictionaries ? builder->dictionaries.shared : NULL);
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
    if (make_segment(builder, &segment) != OK)
        return ERR_NO_MEMORY;
    add_segment(builder, segment);
    return OK;
}

/* Leaves the complete ledgers to the newest segment and moves the one in progress to a new one. */
static enum error_code split_newest(struct batch_builder *builder)
{
    struct segment *segment;
    if (make_segment(builder, &segment) != OK)
        return ERR_NO_MEMORY;
    if (segment_split(builder->newest, segment) != OK) {
        segment_free(segment);
        return ERR_NO_MEMORY;
    }
    add_segment(builder, segment);
    return OK;
}

/* Makes the newest segment one that a row of this time may go to. */
static enum error_code ensure_segment_for(struct batch_builder *builder, int64_t start_us)
{
    if (ensure_segment(builder) != OK)
        return ERR_NO_MEMORY;
    if (builder->progress_rows != 0) {
        assert(builder->newest->start_us == start_us);
        return OK;
    }
    if (segment_rows(builder->newest) != 0 && builder->newest->start_us != start_us &&
        split_newest(builder) != OK)
        return ERR_NO_MEMORY;
    builder->newest->start_us = start_us;
    return OK;
}

/* Replaces the full dictionary `id` by one with room for the row that comes next. */
static enum error_code replace_dictionary(struct batch_builder *builder, enum row_dictionary id,
                                          size_t row_bytes_max)
{
    const uint64_t row_values_max = 2; /* source_account and dest_account */
    struct row_dictionaries *dictionaries = &builder->dictionaries;
    if (ensure_segment(builder) != OK ||
        (segment_complete_rows(builder->newest) != 0 && split_newest(builder) != OK))
        return ERR_NO_MEMORY;
    uint32_t count = arrow_dictionary_count(dictionaries->shared[id]);
    uint32_t *remap = mem_alloc(count * sizeof *remap);
    if (remap == NULL)
        return ERR_NO_MEMORY;
    uint64_t values, bytes;
    segment_dictionary_needs(builder->newest, id, remap, &values, &bytes);
    bool oversized;
    struct arrow_dictionary *successor = NULL;
    enum error_code code = row_dictionaries_successor(
        dictionaries, id, values + row_values_max, bytes + row_bytes_max, &successor, &oversized);
    if (code == OK)
        code = segment_set_dictionary(builder->newest, id, successor, remap);
    mem_free(remap);
    if (code != OK) {
        arrow_dictionary_release(successor);
        return code;
    }
    row_dictionaries_replace(dictionaries, id, successor, oversized);
    return OK;
}

/* A dictionary that grew for the sake of one ledger goes when the next one begins. */
static enum error_code replace_oversized(struct batch_builder *builder)
{
    for (int id = 0; id < DICTIONARY_COUNT; id++)
        if (builder->dictionaries.oversized[id] &&
            replace_dictionary(builder, (enum row_dictionary)id, 0) != OK)
            return ERR_NO_MEMORY;
    return OK;
}

/* The index of a column's text in its dictionary; ARROW_DICTIONARY_FULL where that has no room. An
 * absent text gets the index of '' where the column is required, else ROW_INDEX_NULL. */
static inline uint32_t intern_text(struct batch_builder *builder, const struct row_view *row,
                                   const struct row_column *column)
{
    const void *value = row_value(row, column);
    struct bytes_view text;
    if (column->kind == ROW_MAYBE_TEXT) { /* as most are */
        const struct optional_text *maybe = value;
        if (!maybe->present && column->nullable)
            return ROW_INDEX_NULL;
        text = maybe->text;
    } else if (column->kind == ROW_TEXT) {
        text = *(const struct bytes_view *)value;
    } else if (column->kind == ROW_EVENT_TYPE) {
        return row_dictionaries_event_type(*(const enum event_type *)value);
    } else {
        enum memo_kind kind = *(const enum memo_kind *)value;
        return kind == MEMO_NONE ? ROW_INDEX_NULL : row_dictionaries_memo_type(kind);
    }
    return row_dictionaries_intern(&builder->dictionaries, column->dictionary, column->id, text);
}

/* Interns the texts; stops with *full set to the first dictionary that has no room. */
static void intern_texts(struct batch_builder *builder, const struct row_view *row,
                         uint32_t indices[ROW_COLUMN_MAX + 1], enum row_dictionary *full)
{
    const struct row_schema *schema = builder->options.schema;
    row_dictionaries_expect_values(&builder->dictionaries);
    *full = DICTIONARY_NONE;
    for (size_t i = 0; i < schema->column_count; i++) {
        const struct row_column *column = &schema->columns[i];
        if (column->dictionary == DICTIONARY_NONE)
            continue;
        indices[column->id] = intern_text(builder, row, column);
        if (indices[column->id] == ARROW_DICTIONARY_FULL) {
            *full = column->dictionary;
            return;
        }
    }
}

/* As intern_texts; full dictionaries are replaced, each at most once. */
static enum error_code intern_row(struct batch_builder *builder, const struct row_view *row,
                                  size_t row_bytes_max, uint32_t indices[ROW_COLUMN_MAX + 1])
{
    enum row_dictionary full;
    bool replaced[DICTIONARY_COUNT] = {false};
    if (builder->progress_rows == 0 && builder->dictionaries.oversized_count != 0 &&
        replace_oversized(builder) != OK)
        return ERR_NO_MEMORY;
    for (;;) {
        intern_texts(builder, row, indices, &full);
        if (full == DICTIONARY_NONE)
            return OK;
        if (replaced[full] || replace_dictionary(builder, full, row_bytes_max) != OK)
            return ERR_NO_MEMORY;
        replaced[full] = true;
    }
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

static enum error_code add_row(struct batch_builder *builder, const struct row_view *row,
                               int64_t start_us, size_t raw_bytes, struct error *error)
{
    /* A row's own texts come from its message; replaced UTF-8 grows threefold, hashes twofold. */
    const size_t row_bytes_max = 3 * raw_bytes + 64;
    uint32_t indices[ROW_COLUMN_MAX + 1];
    bool by_type = builder->options.scheme == PARTITION_DATE_HOUR_TYPE;
    bool dictionaries = builder->options.dictionaries;
    if (ensure_segment_for(builder, start_us) != OK ||
        (dictionaries && intern_row(builder, row, row_bytes_max, indices) != OK) ||
        segment_add_row(builder->newest, by_type ? row->type : EVENT_NONE, row,
                        dictionaries ? indices : NULL) != OK)
        return error_no_memory(error, "the rows of a ledger");
    begin_ledger(builder, row->ledger_sequence);
    if (builder->progress_rows == 0)
        builder->progress_first_close_us = row->timestamp_us;
    builder->progress_last_close_us = row->timestamp_us;
    builder->progress_rows++;
    builder->progress_replaced += row->memo_replaced;
    builder->progress_null_decimals += !row->has_amount_decimal;
    ledger_digest_add_row(builder->digest, row);
    return OK;
}

enum error_code batch_builder_add_event(struct batch_builder *builder,
                                        const struct event_view *event, uint32_t event_index,
                                        struct bytes_view raw, bool *became_dead_letter,
                                        struct error *error)
{
    struct row_view row;
    struct error problem;
    *became_dead_letter = false;
    if (builder->options.dictionaries)
        row_dictionaries_expect(&builder->dictionaries, event);
    enum error_code code = row_from_event(event, event_index, &builder->scratch, &row, &problem);
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, "a row");
    if (code == OK) {
        int64_t start_us =
            partition_key_of(builder->options.scheme, row.timestamp_us, row.type).start_us;
        if (builder->progress_rows == 0 || builder->newest->start_us == start_us)
            return add_row(builder, &row, start_us, raw.size_bytes, error);
        error_set(&problem, ERR_INVALID,
                  "closed_at lies in another partition than that of the ledger's first event");
    }
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

/* Of the dictionaries that `segment` keeps alive and no newer segment does, nor the builder. */
static size_t replaced_dictionary_bytes(const struct batch_builder *builder,
                                        const struct segment *segment)
{
    struct arrow_dictionary *const *newer =
        segment->newer != NULL ? segment->newer->dictionaries : builder->dictionaries.shared;
    size_t bytes = 0;
    for (int id = 0; id < DICTIONARY_COUNT; id++)
        if (segment->dictionaries[id] != newer[id])
            bytes += arrow_dictionary_memory_bytes(segment->dictionaries[id]);
    return bytes;
}

size_t batch_builder_memory_bytes(const struct batch_builder *builder)
{
    size_t bytes = sizeof *builder + builder->scratch.text.capacity_bytes;
    bytes += row_dictionaries_memory_bytes(&builder->dictionaries);
    for (const struct segment *segment = builder->oldest; segment != NULL; segment = segment->newer)
        bytes += segment_memory_bytes(segment) + replaced_dictionary_bytes(builder, segment);
    return bytes;
}

bool batch_builder_has_complete(const struct batch_builder *builder)
{
    return builder->oldest != NULL && builder->oldest->has_range;
}

static void mark_replaced(const struct batch_builder *builder, struct row_batch *batch)
{
    for (int id = DICTIONARY_NONE + 1; id < DICTIONARY_COUNT; id++) {
        struct batch_dictionary *dictionary = &batch->dictionaries[id];
        dictionary->is_replaced =
            dictionary->id != 0 &&
            dictionary->id != arrow_dictionary_id(builder->dictionaries.shared[id]);
    }
}

enum error_code batch_builder_take(struct batch_builder *builder, struct row_batch **batch,
                                   struct error *error)
{
    *batch = NULL;
    if (!batch_builder_has_complete(builder))
        return OK;
    struct segment *segment = builder->oldest;
    if (segment == builder->newest && builder->has_progress && split_newest(builder) != OK)
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
    /* What one ledger made large leaves with it; where memory is out, it stays a little longer. */
    if (builder->oldest == NULL && builder->dictionaries.oversized_count != 0)
        (void)replace_oversized(builder);
    mark_replaced(builder, *batch);
    return OK;
}
