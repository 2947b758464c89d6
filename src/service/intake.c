// SPDX-License-Identifier: Apache-2.0
#include "service/intake.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "rows/batch_builder.h"
#include "rows/digest.h"
#include "rows/row.h"
#include "util/memory.h"
#include "util/text.h"

/* Events, or bytes of them, between two looks at the builder's memory. */
#define MEMORY_CHECK_EVENTS 64
#define MEMORY_CHECK_BYTES  ((size_t)256 * 1024)

struct intake {
    struct intake_options options;
    struct batch_builder *builder;
    bool range_begun; /* false while START 0 waits for its first event */
    uint32_t events_since_memory_check;
    size_t bytes_since_memory_check;
    size_t idle_bytes; /* of the builder after a flush: dictionaries and the ledger in progress */
    int64_t flush_due_us; /* monotonic: when complete rows must go on; INT64_MAX: none wait */

    /* The seam check: digests that a ledger asked for again must have. */
    struct catalog_digest seam;   /* the catalog's */
    struct catalog_digest newest; /* of the batch pushed last */
    struct ledger_digest_state *seam_state;
    uint8_t seam_version;                 /* of its contents */
    const struct row_schema *seam_schema; /* seam_state's */
    bool seam_in_progress;
    bool has_compared; /* the server's ledger is the lake's */
    bool owes_remark;  /* of the range: nothing of it went on yet */
    bool tells_below, tells_end;
    struct ledger_range asked; /* the range */
    uint32_t seams[2];         /* what the lake holds below and above it; 0: nothing */
    struct row_scratch scratch;

    atomic_uint_fast64_t dead_letters;
    _Atomic uint32_t first_ledger;
};

enum error_code intake_new(struct intake **out, const struct intake_options *options,
                           struct error *error)
{
    *out = NULL;
    struct intake *intake = mem_alloc_zero(1, sizeof *intake);
    if (intake == NULL)
        return error_no_memory(error, "the intake");
    intake->options = *options;
    intake->flush_due_us = INT64_MAX;
    buffer_init(&intake->scratch.text);
    const struct batch_builder_options builder_options = {
        .schema = options->schema,
        .scheme = options->scheme,
        .dictionaries = true,
        /* Of the limit that ledger and dictionaries share: what earlier ledgers left in them goes
         * before a ledger is refused (check_memory). */
        .dictionary_bytes = options->ledger_limit_bytes / 4};
    enum error_code code = batch_builder_new(&intake->builder, &builder_options, error);
    if (code == OK)
        *out = intake;
    else
        mem_free(intake);
    return code;
}

void intake_free(struct intake *intake)
{
    if (intake == NULL)
        return;
    batch_builder_free(intake->builder);
    ledger_digest_free(intake->seam_state);
    buffer_release(&intake->scratch.text);
    mem_free(intake);
}

/* Remembers until when complete rows may wait. */
static void note_waiting(struct intake *intake)
{
    if (!batch_builder_has_complete(intake->builder))
        intake->flush_due_us = INT64_MAX;
    else if (intake->flush_due_us == INT64_MAX)
        intake->flush_due_us = os_monotonic_us() + intake->options.flush_interval_us;
}

/* Before the first batch of a range goes on: is it known to be of the lake's chain? */
static enum error_code remark_on_seam(struct intake *intake, struct error *error)
{
    intake->owes_remark = false;
    if (intake->has_compared || (intake->seams[0] == 0 && intake->seams[1] == 0))
        return OK;
    log_event(LOG_WARN, "app",
              "the server does not serve the lake's ledgers beside this range (any more): that "
              "both belong to the same chain could not be checked, only that close times fit; "
              "status names the seam as unchecked",
              LOG_U("first_ledger", intake->asked.first), LOG_U("ledger_below", intake->seams[0]),
              LOG_U("ledger_above", intake->seams[1]));
    const struct queue_remark remark = {.kind = REMARK_UNCHECKED_SEAM,
                                        .ledger = intake->asked.first,
                                        .last = intake->asked.last,
                                        .below = intake->seams[0],
                                        .above = intake->seams[1]};
    return batch_queue_push_remark_of(intake->options.queue, &remark, error);
}

/* The same chain with other contents: kept in the catalog, and no reason to stop. */
static enum error_code remark_on_contents(struct intake *intake, uint32_t ledger,
                                          struct error *error)
{
    log_event(LOG_WARN, "app",
              "the server sends other contents of a ledger than are stored, on the same chain: "
              "was it upgraded? Ledgers before and after may differ in what they say",
              LOG_U("ledger", ledger));
    return batch_queue_push_remark(intake->options.queue, REMARK_OTHER_CONTENTS, ledger, NULL,
                                   error);
}

/* The last ledger of a piece that another one follows: as the stream of that one saw it? */
static enum error_code tell_end(struct intake *intake, struct error *error)
{
    uint32_t ledger = intake->asked.last;
    switch (intake->options.on_end(intake->options.context, ledger,
                                   intake->newest.ledger == ledger ? &intake->newest : NULL)) {
    case SOURCE_SEAM_OK: break;
    case SOURCE_SEAM_OTHER_CONTENTS: return remark_on_contents(intake, ledger, error);
    case SOURCE_SEAM_OTHER_CHAIN:
        return error_set(error, ERR_CONFLICT,
                         "ledger %" PRIu32 " came twice, to two streams, and of two chains (its "
                         "close time or transactions differ): are there servers of two networks "
                         "behind ttp_processor_endpoint, or was a test network reset?",
                         ledger);
    }
    return OK;
}

enum error_code intake_flush(struct intake *intake, struct error *error)
{
    enum error_code code = OK;
    if (intake->owes_remark && batch_builder_has_complete(intake->builder))
        code = remark_on_seam(intake, error);
    while (code == OK && batch_builder_has_complete(intake->builder)) {
        struct row_batch *batch;
        code = batch_builder_take(intake->builder, &batch, error);
        if (code != OK || batch == NULL)
            break;
        if (batch->digest_ledger != 0) {
            intake->newest.ledger = batch->digest_ledger;
            snprintf(intake->newest.schema_version, sizeof intake->newest.schema_version, "%s",
                     intake->options.schema->version);
            memcpy(intake->newest.chain, batch->digest.chain, LEDGER_DIGEST_BYTES);
            intake->newest.contents = batch->digest.contents;
        }
        if (intake->tells_end && batch->range.last == intake->asked.last)
            code = tell_end(intake, error);
        if (code != OK) {
            row_batch_free(batch);
            break;
        }
        code = batch_queue_push(intake->options.queue, &batch, error);
        if (code == OK && intake->options.on_batch != NULL)
            intake->options.on_batch(intake->options.context);
    }
    note_waiting(intake);
    intake->idle_bytes = batch_builder_memory_bytes(intake->builder);
    return code;
}

/* Whether the complete ledgers are enough for the queue, by rows, bytes or waiting time. */
static bool must_flush(const struct intake *intake)
{
    return batch_builder_complete_rows(intake->builder) >= intake->options.batch_rows ||
           batch_builder_memory_bytes(intake->builder) >=
               intake->idle_bytes + intake->options.flush_bytes ||
           batch_builder_unconfirmed_runs(intake->builder) >= BATCH_UNCONFIRMED_RUNS ||
           os_monotonic_us() >= intake->flush_due_us;
}

static uint32_t seam_of(const struct catalog_neighbour *neighbour)
{
    return neighbour->digest.ledger != 0 ? neighbour->digest.ledger : neighbour->closed_ledger;
}

void intake_begin_probe(struct intake *intake, const struct catalog_digest *digest)
{
    intake->seam = *digest;
    intake->newest.ledger = 0;
    intake->seam_in_progress = false;
    intake->has_compared = false;
    intake->tells_below = intake->tells_end = false;
}

bool intake_has_compared(const struct intake *intake)
{
    return intake->has_compared;
}

enum error_code intake_begin_range(struct intake *intake, const struct run_range *range,
                                   struct error *error)
{
    batch_builder_drop_ledger(intake->builder);
    while (batch_builder_has_complete(intake->builder)) {
        struct row_batch *batch;
        enum error_code code = batch_builder_take(intake->builder, &batch, error);
        if (code != OK)
            return code;
        row_batch_free(batch);
    }
    note_waiting(intake);
    intake_begin_probe(intake, &range->below.digest);
    intake->has_compared = range->is_compared;
    intake->tells_below = range->tells_below;
    intake->tells_end = range->tells_end;
    intake->owes_remark = true;
    intake->asked = (struct ledger_range){range->first, range->last};
    intake->seams[0] = seam_of(&range->below);
    intake->seams[1] = seam_of(&range->above);
    intake->range_begun = range->first != 0;
    if (range->first != 0)
        batch_builder_begin_range(intake->builder, range->first);
    return OK;
}

/* Whether a ledger has outgrown its share of memory. */
static enum error_code check_memory_now(struct intake *intake, uint32_t ledger, struct error *error)
{
    intake->events_since_memory_check = 0;
    intake->bytes_since_memory_check = 0;
    if (batch_builder_memory_bytes(intake->builder) <= intake->options.ledger_limit_bytes)
        return OK;
    enum error_code code = intake_flush(intake, error);
    if (code == OK &&
        batch_builder_memory_bytes(intake->builder) > intake->options.ledger_limit_bytes)
        code = batch_builder_shed(intake->builder, error);
    if (code != OK ||
        batch_builder_memory_bytes(intake->builder) <= intake->options.ledger_limit_bytes)
        return code;
    char limit[TEXT_TIME_BYTES];
    text_size(intake->options.memory_limit_bytes, limit);
    return error_set(error, ERR_LIMIT,
                     "ledger %" PRIu32 " alone takes more than half of %smemory_limit (%s): raise "
                     "memory_limit",
                     ledger, intake->options.shares_memory ? "a stream's share of " : "", limit);
}

/* The same, every so often. */
static inline enum error_code check_memory(struct intake *intake, uint32_t ledger,
                                           struct bytes_view message, struct error *error)
{
    intake->bytes_since_memory_check += message.size_bytes;
    if (++intake->events_since_memory_check < MEMORY_CHECK_EVENTS &&
        intake->bytes_since_memory_check < MEMORY_CHECK_BYTES)
        return OK;
    return check_memory_now(intake, ledger, error);
}

static void begin_with(struct intake *intake, uint32_t ledger)
{
    if (!intake->range_begun) {
        batch_builder_begin_range(intake->builder, ledger);
        intake->range_begun = true;
    }
    uint32_t none = 0;
    atomic_compare_exchange_strong(&intake->first_ledger, &none, ledger);
}

static enum error_code on_event(void *context, const struct event_view *event, uint32_t event_index,
                                struct bytes_view message, bool *is_stored, struct error *error)
{
    struct intake *intake = context;
    if (event_index == 0)
        begin_with(intake, event->ledger_sequence);
    bool became_dead_letter = false;
    enum error_code code = batch_builder_add_event(intake->builder, event, event_index, message,
                                                   &became_dead_letter, error);
    if (became_dead_letter) {
        *is_stored = false;
        atomic_fetch_add_explicit(&intake->dead_letters, 1, memory_order_relaxed);
    }
    return code == OK ? check_memory(intake, event->ledger_sequence, message, error) : code;
}

static enum error_code on_unreadable(void *context, uint32_t ledger_sequence, uint32_t event_index,
                                     const char *reason, struct bytes_view message,
                                     struct error *error)
{
    struct intake *intake = context;
    begin_with(intake, ledger_sequence);
    enum error_code code = batch_builder_add_dead_letter(intake->builder, ledger_sequence,
                                                         event_index, reason, message, error);
    atomic_fetch_add_explicit(&intake->dead_letters, 1, memory_order_relaxed);
    return code == OK ? check_memory(intake, ledger_sequence, message, error) : code;
}

static void on_ledger_dropped(void *context)
{
    struct intake *intake = context;
    batch_builder_drop_ledger(intake->builder);
}

static enum error_code on_complete_to(void *context, uint32_t covered_to, struct error *error)
{
    struct intake *intake = context;
    if (!intake->range_begun)
        return OK; /* START 0 and nothing arrived: there is no range */
    enum error_code code = batch_builder_complete_to(intake->builder, covered_to, error);
    if (code != OK)
        return code;
    if (batch_queue_take_wish_for_epoch(intake->options.queue))
        batch_builder_end_epoch(intake->builder);
    note_waiting(intake);
    return must_flush(intake) ? intake_flush(intake, error) : OK;
}

static enum error_code on_skip(void *context, uint32_t ledger, const char *words,
                               struct error *error)
{
    struct intake *intake = context;
    enum error_code code = intake_flush(intake, error);
    if (code == OK)
        code = batch_queue_push_remark(intake->options.queue, REMARK_SKIPPED, ledger, words, error);
    if (code != OK)
        return code;
    batch_builder_begin_range(intake->builder, ledger + 1);
    intake->range_begun = true;
    return OK;
}

static bool has_room(void *context)
{
    struct intake *intake = context;
    return batch_queue_has_room(intake->options.queue);
}

static bool must_stop(void *context)
{
    struct intake *intake = context;
    return intake->options.must_stop(intake->options.context);
}

static int64_t deadline_us(void *context)
{
    const struct intake *intake = context;
    return intake->flush_due_us;
}

static enum error_code on_deadline(void *context, struct error *error)
{
    return intake_flush(context, error);
}

/* The digest that `ledger` must have; NULL if we don't know it. */
static const struct catalog_digest *digest_of(const struct intake *intake, uint32_t ledger)
{
    if (intake->newest.ledger == ledger && ledger != 0)
        return &intake->newest;
    if (intake->seam.ledger == ledger && ledger != 0)
        return &intake->seam;
    return NULL;
}

/* Begins a seam ledger: its digest is made as the known one was, by its schema version and its own.
 * A ledger that is only told of is as nobody knew it. */
static enum error_code begin_seam(struct intake *intake, uint32_t ledger, struct error *error)
{
    enum error_code code = intake_flush(intake, error); /* makes `newest` the newest */
    if (code != OK)
        return code;
    const struct catalog_digest *known = digest_of(intake, ledger);
    const struct row_schema *schema =
        known != NULL ? row_schema_find(known->schema_version) : intake->options.schema;
    if (schema == NULL)
        schema = intake->options.schema; /* of a later version: only the chain can be compared */
    uint8_t version = known != NULL && known->contents.version != 0 ? known->contents.version
                                                                    : LEDGER_DIGEST_NEWEST;
    if (intake->seam_state == NULL || intake->seam_schema != schema ||
        intake->seam_version != version) {
        ledger_digest_free(intake->seam_state);
        intake->seam_schema = schema;
        intake->seam_version = version;
        if (ledger_digest_new(&intake->seam_state, schema, version) != OK)
            return error_no_memory(error, "the seam check");
    }
    ledger_digest_begin(intake->seam_state);
    intake->seam_in_progress = true;
    return OK;
}

static enum error_code on_seam_event(void *context, const struct event_view *event,
                                     uint32_t event_index, struct bytes_view message,
                                     struct error *error)
{
    struct intake *intake = context;
    enum error_code code = OK;
    if (event_index == 0 || !intake->seam_in_progress)
        code = begin_seam(intake, event->ledger_sequence, error);
    if (code != OK)
        return code;
    struct row_view row;
    code = row_from_event(event, event_index, &intake->scratch, &row, NULL);
    if (code == OK)
        ledger_digest_add_row(intake->seam_state, &row);
    else if (code == ERR_INVALID)
        ledger_digest_add_dead_letter(intake->seam_state, event_index, message);
    else
        return error_no_memory(error, "the seam check");
    return OK;
}

/* The digest of a ledger that nobody knew. */
static enum source_seam_verdict tell_below(struct intake *intake, uint32_t ledger,
                                           const struct ledger_digest *digest)
{
    struct catalog_digest seen = {.ledger = ledger};
    snprintf(seen.schema_version, sizeof seen.schema_version, "%s", intake->seam_schema->version);
    memcpy(seen.chain, digest->chain, LEDGER_DIGEST_BYTES);
    seen.contents = digest->contents;
    return intake->options.on_below(intake->options.context, ledger, &seen);
}

static enum error_code on_seam_complete(void *context, uint32_t ledger,
                                        enum source_seam_verdict *verdict, struct error *error)
{
    struct intake *intake = context;
    const struct catalog_digest *known = digest_of(intake, ledger);
    bool can_compare = intake->seam_in_progress && known != NULL;
    intake->seam_in_progress = false;
    *verdict = SOURCE_SEAM_OK;
    if (!can_compare)
        return OK;
    struct ledger_digest digest = ledger_digest_end(intake->seam_state);
    if (intake->tells_below && known == &intake->seam) {
        *verdict = tell_below(intake, ledger, &digest);
        return *verdict == SOURCE_SEAM_OTHER_CONTENTS ? remark_on_contents(intake, ledger, error)
                                                      : OK;
    }
    if (memcmp(digest.chain, known->chain, LEDGER_DIGEST_BYTES) != 0) {
        *verdict = SOURCE_SEAM_OTHER_CHAIN;
        return OK;
    }
    intake->has_compared = true;
    if (strcmp(intake->seam_schema->version, known->schema_version) != 0 ||
        !contents_digest_differ(&digest.contents, &known->contents))
        return OK;
    *verdict = SOURCE_SEAM_OTHER_CONTENTS;
    return remark_on_contents(intake, ledger, error);
}

struct source_handler intake_handler(struct intake *intake)
{
    return (struct source_handler){.context = intake,
                                   .on_event = on_event,
                                   .on_unreadable = on_unreadable,
                                   .on_ledger_dropped = on_ledger_dropped,
                                   .on_complete_to = on_complete_to,
                                   .on_skip = on_skip,
                                   .has_room = has_room,
                                   .must_stop = must_stop,
                                   .deadline_us = deadline_us,
                                   .on_deadline = on_deadline,
                                   .on_seam_event = on_seam_event,
                                   .on_seam_complete = on_seam_complete};
}

void intake_add_stats(const struct intake *intake, struct stream_stats *out)
{
    out->dead_letters = atomic_load_explicit(&intake->dead_letters, memory_order_relaxed);
    out->first_ledger = atomic_load_explicit(&intake->first_ledger, memory_order_relaxed);
}
