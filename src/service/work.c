// SPDX-License-Identifier: Apache-2.0
#include "service/work.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lease/memory.h"
#include "os/log.h"
#include "os/thread.h"
#include "util/list.h"
#include "util/memory.h"

/* A piece that a stream holds: it fetches it, or waits until the rest of it is committed. */
struct held_piece {
    struct lease lease;
    size_t stream;
    struct catalog_digest newest; /* of its newest commit with events; ledger 0: none yet */
};

/* Between two pieces: what both saw of the last ledger of the lower one. */
struct piece_seam {
    uint32_t ledger;
    bool has_below, has_end;
    struct catalog_digest below, end; /* ledger 0: it has no event */
};

struct work {
    struct work_options options;
    struct leases *leases;
    struct run_plan *plan;
    struct os_mutex mutex; /* guards what follows, and the leases */
    struct os_condition changed;
    bool seams_are_checked;
    struct buffer held;  /* struct held_piece */
    struct buffer seams; /* struct piece_seam */
};

enum error_code work_new(struct work **out, const struct work_options *options, struct error *error)
{
    *out = NULL;
    assert(options->stream_count >= 1);
    struct work *work = mem_alloc_zero(1, sizeof *work);
    if (work == NULL)
        return error_no_memory(error, "the pieces of a run");
    work->options = *options;
    buffer_init(&work->held);
    buffer_init(&work->seams);
    enum error_code code = lease_memory_new(&work->leases, error);
    if (code != OK)
        goto free_work;
    code = os_mutex_init(&work->mutex, error);
    if (code != OK)
        goto free_work;
    code = os_condition_init(&work->changed, error);
    if (code != OK)
        goto release_mutex;
    *out = work;
    return OK;
release_mutex:
    os_mutex_release(&work->mutex);
free_work:
    leases_free(work->leases);
    mem_free(work);
    return code;
}

void work_free(struct work *work)
{
    if (work == NULL)
        return;
    os_condition_release(&work->changed);
    os_mutex_release(&work->mutex);
    leases_free(work->leases);
    buffer_release(&work->held);
    buffer_release(&work->seams);
    mem_free(work);
}

/* Pieces are held under the stream's own name: all streams are of this process. */
static const char *holder_of(size_t stream, char out[LEASE_HOLDER_BYTES])
{
    snprintf(out, LEASE_HOLDER_BYTES, "stream-%zu", stream + 1);
    return out;
}

static size_t held_count(const struct work *work)
{
    return LIST_COUNT(&work->held, struct held_piece);
}

static struct held_piece *held_at(const struct work *work, size_t index)
{
    return LIST_AT(&work->held, struct held_piece, index);
}

static bool is_live(const struct lease *lease)
{
    return lease->ledgers.last == 0;
}

/* ---- planning ---- */

static enum error_code missing_of(const struct run_plan *plan, struct ledger_set *out,
                                  struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < plan->range_count; i++)
        if (plan->ranges[i].last != 0)
            code = ledger_set_append(
                out, (struct ledger_range){plan->ranges[i].first, plan->ranges[i].last}, error);
    ledger_set_merge(out);
    return code;
}

enum error_code work_plan(struct work *work, struct run_plan *plan, struct error *error)
{
    struct ledger_set missing = {0};
    while (held_count(work) > 0)
        work_end(work, held_at(work, 0)->lease.lease_id, LEASE_GIVEN_BACK, NULL);
    work->plan = plan;
    work->seams_are_checked = false;
    enum error_code code = missing_of(plan, &missing, error);
    const struct lease_wish wish = {
        .missing = &missing,
        .has_live = plan->live,
        .live_first = plan->live ? plan->ranges[0].first : 0,
        .piece_ledgers = work->options.stream_count > 1 ? work->options.piece_ledgers : 0};
    if (code == OK)
        code = lease_plan(work->leases, &wish, error);
    ledger_set_release(&missing);
    return code;
}

bool work_must_check_seams(const struct work *work, size_t stream)
{
    (void)work;
    return stream == 0;
}

void work_seams_are_checked(struct work *work)
{
    os_mutex_lock(&work->mutex);
    work->seams_are_checked = true;
    os_condition_broadcast(&work->changed);
    os_mutex_unlock(&work->mutex);
}

/* ---- taking pieces ---- */

/* The range of the plan that the piece is of. */
static const struct run_range *range_of(const struct work *work, const struct lease *lease)
{
    for (size_t i = 0; i < work->plan->range_count; i++) {
        const struct run_range *range = &work->plan->ranges[i];
        if (is_live(lease)
                ? range->last == 0
                : range->first <= lease->next_ledger && lease->ledgers.last <= range->last)
            return range;
    }
    assert(!"a piece is of a range of the plan");
    return NULL;
}

/* What the piece asks for. Where it begins or ends within the range it has no neighbour in the lake
 * there; close times are held against those of the range's own. */
static struct run_range describe(const struct work *work, const struct lease *lease)
{
    const struct run_range *whole = range_of(work, lease);
    struct run_range range = *whole;
    range.first = lease->next_ledger;
    range.last = lease->ledgers.last;
    if (range.first != whole->first) {
        range.below.digest = (struct catalog_digest){.ledger = range.first - 1};
        range.tells_below = true;
        range.is_compared = true; /* the range's first piece tells if it is not */
    }
    if (range.last != whole->last) {
        range.above.digest = (struct catalog_digest){.ledger = 0};
        range.tells_end = true;
    }
    return range;
}

/* Takes a piece, if there is one; the mutex is held. */
static bool claim(struct work *work, size_t stream, struct work_piece *piece)
{
    char holder[LEASE_HOLDER_BYTES];
    struct held_piece held = {.stream = stream};
    struct error error;
    bool found = false;
    const struct lease_claim claim = {.holder = holder_of(stream, holder),
                                      .is_live = work->plan->live && stream == 0,
                                      .newest_first = work->plan->live};
    enum error_code code = buffer_reserve(&work->held, sizeof held) != OK
                               ? error_no_memory(&error, "the pieces of a run")
                               : lease_claim(work->leases, &claim, &held.lease, &found, &error);
    if (code != OK)
        log_line(LOG_WARN, "app", error.message); /* it stays where it is */
    if (code != OK || !found)
        return false;
    buffer_append_unchecked(&work->held, &held, sizeof held);
    *piece = (struct work_piece){held.lease.lease_id, describe(work, &held.lease)};
    return true;
}

/* Whether a piece that is held may be given back, and the stream may take it. */
static bool may_come_back(const struct work *work, size_t stream)
{
    if (work->options.stream_count == 1 || (work->plan->live && stream == 0))
        return false; /* where its own piece fails it ends */
    for (size_t i = 0; i < held_count(work); i++)
        if (!is_live(&held_at(work, i)->lease))
            return true;
    return false;
}

bool work_take(struct work *work, size_t stream, struct work_piece *piece)
{
    bool has_piece = false, waits = true;
    os_mutex_lock(&work->mutex);
    while (!has_piece && waits) {
        waits = !work->options.must_stop(work->options.context);
        if (waits && work->seams_are_checked) {
            has_piece = claim(work, stream, piece);
            waits = may_come_back(work, stream);
        }
        if (!has_piece && waits)
            os_condition_wait(&work->changed, &work->mutex);
    }
    os_mutex_unlock(&work->mutex);
    return has_piece;
}

void work_wake(struct work *work)
{
    os_mutex_lock(&work->mutex);
    os_condition_broadcast(&work->changed);
    os_mutex_unlock(&work->mutex);
}

/* ---- what becomes of pieces ---- */

static void take_digest(struct catalog_digest *out, const struct catalog_commit *commit)
{
    if (commit->digest_ledger == 0)
        return;
    out->ledger = commit->digest_ledger;
    snprintf(out->schema_version, sizeof out->schema_version, "%s", commit->schema_version);
    memcpy(out->chain, commit->digest_chain, sizeof out->chain);
    memcpy(out->contents, commit->digest_contents, sizeof out->contents);
}

void work_committed(struct work *work, size_t stream, const struct sink_commit_info *info)
{
    char holder[LEASE_HOLDER_BYTES];
    struct error error;
    os_mutex_lock(&work->mutex);
    for (size_t i = 0; i < held_count(work); i++) {
        struct held_piece *held = held_at(work, i);
        if (held->stream != stream || info->range.first < held->lease.next_ledger ||
            (!is_live(&held->lease) && info->range.last > held->lease.ledgers.last))
            continue;
        take_digest(&held->newest, info->commit);
        if (lease_advance(work->leases, &held->lease, holder_of(stream, holder), info->range,
                          &error) != OK)
            log_line(LOG_WARN, "app", error.message);
        break;
    }
    os_mutex_unlock(&work->mutex);
}

static void log_failure(const struct lease *lease, bool set_aside, const char *words)
{
    char sentence[ERROR_MESSAGE_BYTES + 128];
    snprintf(sentence, sizeof sentence,
             set_aside ? "a piece failed again and again without progress and is set aside; the "
                         "others go on: %s"
                       : "a piece failed and is tried again: %s",
             words);
    log_event(set_aside ? LOG_ERROR : LOG_WARN, "app", sentence,
              LOG_U("first_ledger", lease->next_ledger), LOG_U("last_ledger", lease->ledgers.last));
}

/* The seam at that ledger, made where there is none yet; NULL where memory is out: it is not
 * compared then. */
static struct piece_seam *seam_at(struct work *work, uint32_t ledger)
{
    const struct piece_seam made = {.ledger = ledger};
    size_t count = LIST_COUNT(&work->seams, struct piece_seam);
    for (size_t i = 0; i < count; i++)
        if (LIST_AT(&work->seams, struct piece_seam, i)->ledger == ledger)
            return LIST_AT(&work->seams, struct piece_seam, i);
    if (buffer_append(&work->seams, &made, sizeof made) != OK)
        return NULL;
    return LIST_AT(&work->seams, struct piece_seam, count);
}

/* Who goes on with it compares the ledger before with what was committed. */
static void note_left(struct work *work, const struct held_piece *held)
{
    struct piece_seam *seam = NULL;
    if (held->newest.ledger != 0 && held->newest.ledger + 1 == held->lease.next_ledger)
        seam = seam_at(work, held->newest.ledger);
    if (seam == NULL)
        return;
    seam->end = held->newest;
    seam->has_end = true;
}

/* Ends the held piece of that index; the mutex is held. */
static void end_held(struct work *work, size_t index, enum lease_end how, const char *words)
{
    char holder[LEASE_HOLDER_BYTES];
    struct held_piece held = *held_at(work, index);
    struct error error;
    bool set_aside = false;
    *held_at(work, index) = *held_at(work, held_count(work) - 1);
    work->held.size_bytes -= sizeof held;
    if (how != LEASE_DONE)
        note_left(work, &held);
    if (lease_end(work->leases, &held.lease, holder_of(held.stream, holder), how, &set_aside,
                  &error) != OK)
        log_line(LOG_WARN, "app", error.message);
    else if (how == LEASE_FAILED)
        log_failure(&held.lease, set_aside, words);
    os_condition_broadcast(&work->changed);
}

void work_end(struct work *work, uint64_t lease_id, enum lease_end how, const char *words)
{
    os_mutex_lock(&work->mutex);
    for (size_t i = 0; i < held_count(work); i++)
        if (held_at(work, i)->lease.lease_id == lease_id) {
            end_held(work, i, how, words);
            break;
        }
    os_mutex_unlock(&work->mutex);
}

/* ---- seams ---- */

/* A ledger in which one of them saw no event is none to compare: close times decide. */
static enum source_seam_verdict compare(const struct piece_seam *seam)
{
    const struct catalog_digest *below = &seam->below, *end = &seam->end;
    if (!seam->has_below || !seam->has_end || below->ledger == 0 || end->ledger == 0)
        return SOURCE_SEAM_OK;
    if (memcmp(below->chain, end->chain, sizeof below->chain) != 0)
        return SOURCE_SEAM_OTHER_CHAIN;
    return memcmp(below->contents, end->contents, sizeof below->contents) == 0
               ? SOURCE_SEAM_OK
               : SOURCE_SEAM_OTHER_CONTENTS;
}

static enum source_seam_verdict note(struct work *work, uint32_t ledger, bool is_end,
                                     const struct catalog_digest *digest)
{
    const struct catalog_digest none = {.ledger = 0};
    enum source_seam_verdict verdict = SOURCE_SEAM_OK;
    os_mutex_lock(&work->mutex);
    struct piece_seam *seam = seam_at(work, ledger);
    if (seam != NULL) {
        *(is_end ? &seam->end : &seam->below) = digest != NULL ? *digest : none;
        *(is_end ? &seam->has_end : &seam->has_below) = true;
        verdict = compare(seam);
    }
    os_mutex_unlock(&work->mutex);
    return verdict;
}

enum source_seam_verdict work_note_below(struct work *work, uint32_t ledger,
                                         const struct catalog_digest *digest)
{
    return note(work, ledger, false, digest);
}

enum source_seam_verdict work_note_end(struct work *work, uint32_t ledger,
                                       const struct catalog_digest *digest)
{
    return note(work, ledger, true, digest);
}

/* ---- how it stands ---- */

void work_get_stats(struct work *work, struct work_stats *out)
{
    struct lease_counts counts;
    os_mutex_lock(&work->mutex);
    if (lease_count(work->leases, &counts, NULL, NULL) == OK)
        *out = (struct work_stats){.pieces_waiting = counts.waiting,
                                   .pieces_held = counts.held,
                                   .pieces_done = counts.done,
                                   .pieces_set_aside = counts.set_aside};
    os_mutex_unlock(&work->mutex);
}

enum error_code work_set_aside(struct work *work, struct ledger_set *out, struct error *error)
{
    struct lease_counts counts;
    os_mutex_lock(&work->mutex);
    enum error_code code = lease_count(work->leases, &counts, out, error);
    os_mutex_unlock(&work->mutex);
    return code;
}
