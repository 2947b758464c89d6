// SPDX-License-Identifier: Apache-2.0
#include "service/work.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "catalog/leases.h"
#include "commit/lake_catalog.h"
#include "lease/memory.h"
#include "os/clock.h"
#include "os/identity.h"
#include "os/log.h"
#include "os/thread.h"
#include "service/lease_keeper.h"
#include "util/list.h"
#include "util/memory.h"

#define POLL_US        INT64_C(1000000) /* between two looks for a piece of other processes */
#define HOST_SHOWN_MAX 24

/* A piece that a stream holds: it fetches it, or waits until the rest of it is committed. */
struct held_piece {
    struct lease lease;
    size_t stream;
    bool is_taken;                /* by its stream, which fetches it */
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
    struct lease_keeper *keeper;      /* NULL: no other process writes to the lake */
    char process[LEASE_HOLDER_BYTES]; /* what it is called in holders; "": nothing */
    bool has_planned;
    bool tells_waiting; /* in this round it was told */
    bool is_troubled;   /* the leases can't be asked for, and that was told */
    atomic_bool stands_by, wants_round;
    struct run_plan *plan;
    struct os_mutex mutex; /* guards what follows, and the leases */
    struct os_condition changed;
    bool seams_are_checked;
    struct buffer held;  /* struct held_piece */
    struct buffer seams; /* struct piece_seam */
};

/* ---- several processes ---- */

static enum error_code open_beside(const struct work *work, struct catalog *committing,
                                   struct leases **out, struct error *error)
{
    struct catalog *beside;
    enum error_code code =
        lake_catalog_share(&beside, work->options.store, CATALOG_BESIDE, NULL, error);
    return code == OK
               ? catalog_leases_new(out, beside, committing, work->options.lease_ttl_us, error)
               : code;
}

/* Where the process is, for people, and who it is: of no other process, nor of itself before a
 * restart. */
static enum error_code name_process(struct work *work, struct error *error)
{
    char host[OS_HOST_NAME_BYTES], uuid[OS_UUID_BYTES];
    os_host_name(host);
    enum error_code code = os_uuid(uuid, error);
    if (code == OK)
        snprintf(work->process, sizeof work->process, "%.*s:%lld#%.8s%.4s", HOST_SHOWN_MAX, host,
                 (long long)os_process_id(), uuid, uuid + 9);
    return code;
}

static enum error_code share_leases(struct work *work, struct error *error)
{
    struct leases *renewals;
    enum error_code code = name_process(work, error);
    if (code == OK)
        code = open_beside(work, work->options.catalog, &work->leases, error);
    if (code == OK)
        code = open_beside(work, NULL, &renewals, error);
    return code == OK ? lease_keeper_new(&work->keeper, renewals, work->options.lease_ttl_us,
                                         work->options.on_lost, work->options.context, error)
                      : code;
}

bool work_is_shared(const struct work *work)
{
    return work->keeper != NULL;
}

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
    enum error_code code = options->catalog == NULL ? lease_memory_new(&work->leases, error)
                                                    : share_leases(work, error);
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
    lease_keeper_free(work->keeper);
    leases_free(work->leases);
    mem_free(work);
    return code;
}

/* Pieces are held under the stream's own name. */
static const char *holder_of(const struct work *work, size_t stream, char out[LEASE_HOLDER_BYTES])
{
    if (work->keeper == NULL)
        snprintf(out, LEASE_HOLDER_BYTES, "stream-%zu", stream + 1);
    else
        snprintf(out, LEASE_HOLDER_BYTES, "%.*s/%zu", LEASE_HOLDER_BYTES - 8, work->process,
                 stream + 1);
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

static struct held_piece *live_piece(const struct work *work)
{
    for (size_t i = 0; i < held_count(work); i++)
        if (is_live(&held_at(work, i)->lease))
            return held_at(work, i);
    return NULL;
}

static void give_all_back(struct work *work)
{
    while (held_count(work) > 0)
        work_end(work, held_at(work, 0)->lease.lease_id, LEASE_GIVEN_BACK, NULL);
}

void work_free(struct work *work)
{
    if (work == NULL)
        return;
    if (work->keeper != NULL)
        give_all_back(work);
    lease_keeper_free(work->keeper);
    os_condition_release(&work->changed);
    os_mutex_release(&work->mutex);
    leases_free(work->leases);
    buffer_release(&work->held);
    buffer_release(&work->seams);
    mem_free(work);
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
    give_all_back(work);
    work->plan = plan;
    work->seams_are_checked = false;
    work->tells_waiting = false;
    atomic_store(&work->stands_by, false);
    atomic_store(&work->wants_round, false);
    enum error_code code = missing_of(plan, &missing, error);
    const struct lease_wish wish = {.missing = &missing,
                                    .has_live = plan->live,
                                    .live_first = plan->live ? plan->ranges[0].first : 0,
                                    .piece_ledgers =
                                        work->options.stream_count > 1 || work->keeper != NULL
                                            ? work->options.piece_ledgers
                                            : 0,
                                    .takes_up_again = !work->has_planned};
    if (code == OK)
        code = lease_plan(work->leases, &wish, error);
    work->has_planned = work->has_planned || code == OK;
    ledger_set_release(&missing);
    return code;
}

bool work_must_check_seams(size_t stream)
{
    return stream == 0;
}

void work_seams_are_checked(struct work *work)
{
    os_mutex_lock(&work->mutex);
    work->seams_are_checked = true;
    os_condition_broadcast(&work->changed);
    os_mutex_unlock(&work->mutex);
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

/* ---- taking pieces ---- */

/* The range of the plan that the piece is of; NULL where others planned it, too. */
static const struct run_range *range_of(const struct work *work, const struct lease *lease)
{
    for (size_t i = 0; i < work->plan->range_count; i++) {
        const struct run_range *range = &work->plan->ranges[i];
        if (is_live(lease)
                ? range->last == 0
                : range->first <= lease->next_ledger && lease->ledgers.last <= range->last)
            return range;
    }
    assert(work->keeper != NULL); /* a piece is of a range of the plan */
    return NULL;
}

/* What another process has committed of the ledger below the piece: the stream compares with it. */
static void look_below(struct work *work, const struct lease *lease)
{
    struct catalog_neighbour below = {0}, above;
    struct piece_seam *seam = NULL;
    struct error error;
    enum error_code code = catalog_neighbours(
        catalog_leases_catalog(work->leases),
        (struct ledger_range){lease->next_ledger, lease->ledgers.last}, &below, &above, &error);
    if (code != OK)
        log_line(LOG_WARN, "app", error.message); /* close times decide then */
    else if (below.digest.ledger != 0 && below.digest.ledger + 1 == lease->next_ledger)
        seam = seam_at(work, below.digest.ledger);
    if (seam == NULL || seam->has_end)
        return;
    seam->end = below.digest;
    seam->has_end = true;
}

/* What the piece asks for. Where it begins or ends within the range it has no neighbour in the lake
 * there; close times are held against those of the range's own. */
static struct run_range describe(struct work *work, const struct lease *lease)
{
    const struct run_range *whole = range_of(work, lease);
    const struct run_range unknown = {.first = UINT32_MAX, .last = UINT32_MAX};
    struct run_range range = whole != NULL ? *whole : (struct run_range){0};
    whole = whole != NULL ? whole : &unknown;
    range.first = lease->next_ledger;
    range.last = lease->ledgers.last;
    if (range.first != whole->first) {
        range.below.digest = (struct catalog_digest){.ledger = range.first - 1};
        range.tells_below = true;
        range.is_compared = true; /* the range's first piece tells if it is not */
        if (work->keeper != NULL)
            look_below(work, lease);
    }
    if (range.last != whole->last) {
        range.above.digest = (struct catalog_digest){.ledger = 0};
        range.tells_end = true;
    }
    return range;
}

static struct lease_claim claim_of(const struct work *work, size_t stream,
                                   char holder[LEASE_HOLDER_BYTES])
{
    const struct run_plan *plan = work->plan;
    return (struct lease_claim){
        .holder = holder_of(work, stream, holder),
        .is_live = plan->live && stream == 0,
        .newest_first = plan->live,
        .within = {work->keeper != NULL ? plan->start : 0, work->keeper == NULL ? 0
                                                           : plan->live         ? UINT32_MAX
                                                                                : plan->end}};
}

/* Told once, until it goes again. */
static void tell_trouble(struct work *work, enum error_code code, const struct error *error)
{
    if (code != OK && !work->is_troubled)
        log_line(LOG_WARN, "app", error->message);
    work->is_troubled = code != OK;
}

/* Takes a piece, if there is one, else NULL; the mutex is held. */
static struct held_piece *claim(struct work *work, size_t stream)
{
    char holder[LEASE_HOLDER_BYTES];
    struct held_piece held = {.stream = stream};
    struct error error;
    bool found = false;
    const struct lease_claim wanted = claim_of(work, stream, holder);
    int64_t asked_us = os_boottime_us();
    enum error_code code = buffer_reserve(&work->held, sizeof held) != OK
                               ? error_no_memory(&error, "the pieces of a run")
                               : lease_claim(work->leases, &wanted, &held.lease, &found, &error);
    if (code == OK && found && work->keeper != NULL) /* what is not kept expires */
        code = lease_keeper_hold(work->keeper, &held.lease, wanted.holder, asked_us, &error);
    tell_trouble(work, code, &error); /* it stays where it is */
    if (code != OK || !found)
        return NULL;
    buffer_append_unchecked(&work->held, &held, sizeof held);
    return held_at(work, held_count(work) - 1);
}

/* Whether a piece that is held may be given back, and the stream may take it. */
static bool may_come_back(struct work *work, size_t stream)
{
    char holder[LEASE_HOLDER_BYTES];
    const struct lease_claim wanted = claim_of(work, stream, holder);
    struct error error;
    bool may = true;
    if (work->plan->live && stream == 0)
        return false; /* where its own piece fails it ends */
    if (work->keeper != NULL) {
        tell_trouble(work, lease_may_come(work->leases, &wanted, &may, &error), &error);
        return may || work->is_troubled;
    }
    if (work->options.stream_count == 1)
        return false;
    for (size_t i = 0; i < held_count(work); i++)
        if (!is_live(&held_at(work, i)->lease))
            return true;
    return false;
}

/* The one that it waited for at the beginning, or another one. */
static struct held_piece *take(struct work *work, size_t stream)
{
    struct held_piece *live = live_piece(work);
    bool is_its = live != NULL && live->stream == stream && !live->is_taken;
    return is_its ? live : claim(work, stream);
}

/* Once a round. */
static void tell_waiting(struct work *work)
{
    if (work->keeper != NULL && !work->tells_waiting)
        log_line(
            LOG_INFO, "app",
            "other processes hold the pieces that are left: waiting until they are covered, or "
            "can be taken over (lease_ttl)");
    work->tells_waiting = true;
}

bool work_take(struct work *work, size_t stream, struct work_piece *piece)
{
    struct held_piece *held = NULL;
    bool waits = true;
    os_mutex_lock(&work->mutex);
    while (held == NULL && waits) {
        waits = !work->options.must_stop(work->options.context) && !work_wants_round(work);
        if (waits && work->seams_are_checked) {
            held = take(work, stream);
            waits = held == NULL && may_come_back(work, stream);
        }
        if (held == NULL && waits && work->seams_are_checked)
            tell_waiting(work);
        if (held == NULL && waits)
            os_condition_wait_until(&work->changed, &work->mutex,
                                    work->keeper == NULL ? INT64_MAX : os_monotonic_us() + POLL_US);
    }
    if (held != NULL) {
        held->is_taken = true;
        *piece = (struct work_piece){held->lease.lease_id, describe(work, &held->lease)};
    }
    os_mutex_unlock(&work->mutex);
    return held != NULL;
}

/* ---- following the chain ---- */

bool work_begin(struct work *work, size_t stream)
{
    struct held_piece *held = NULL;
    bool waits = work->keeper != NULL && work->plan->live && stream == 0;
    if (!waits)
        return true;
    os_mutex_lock(&work->mutex);
    while (held == NULL && !work->options.must_stop(work->options.context)) {
        held = claim(work, stream);
        if (held != NULL)
            break;
        if (!atomic_exchange(&work->stands_by, true))
            log_line(LOG_INFO, "app", "another process follows the chain: standing by");
        os_condition_wait_until(&work->changed, &work->mutex, os_monotonic_us() + POLL_US);
    }
    bool has_waited = atomic_exchange(&work->stands_by, false);
    if (held != NULL && has_waited) {
        log_line(LOG_INFO, "app", "following the chain in the place of another process");
        atomic_store(&work->wants_round, true);
        os_condition_broadcast(&work->changed);
    }
    os_mutex_unlock(&work->mutex);
    return held != NULL && !has_waited;
}

bool work_wants_round(const struct work *work)
{
    return atomic_load(&work->wants_round);
}

bool work_stands_by(const struct work *work)
{
    return atomic_load(&work->stands_by);
}

bool work_has_care(struct work *work)
{
    if (work->keeper == NULL)
        return true;
    os_mutex_lock(&work->mutex);
    const struct held_piece *held = live_piece(work);
    bool has = held != NULL && lease_keeper_state(work->keeper, held->lease.lease_id,
                                                  held->lease.epoch) == LEASE_GOOD;
    os_mutex_unlock(&work->mutex);
    return has;
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
    out->contents = commit->digest_contents;
}

static bool holds(const struct held_piece *held, size_t stream, struct ledger_range range)
{
    return held->stream == stream && range.first >= held->lease.next_ledger &&
           (is_live(&held->lease) || range.last <= held->lease.ledgers.last);
}

static enum error_code set_lost(const struct commit_fence *fence, struct error *error)
{
    (void)fence;
    return error_set(error, ERR_AGAIN, "%s", LEASE_LOST_WORDS);
}

static enum error_code may_go_on(const struct commit_fence *fence, struct error *error)
{
    const struct work *work = fence->context;
    switch (lease_keeper_state(work->keeper, fence->lease_id, fence->epoch)) {
    case LEASE_GOOD: return OK;
    case LEASE_LOST: return set_lost(fence, error);
    case LEASE_LATE: break;
    }
    enum error_code code =
        error_set(error, ERR_RETRY,
                  "the lease of these ledgers was not renewed within lease_ttl, and may be another "
                  "process's: nothing is published until that is known");
    if (error != NULL)
        error->system_errno = EBUSY;
    return code;
}

static enum error_code confirm(const struct commit_fence *fence, struct ledger_range range,
                               struct error *error)
{
    const struct work *work = fence->context;
    struct lease lease = {
        .lease_id = fence->lease_id, .epoch = fence->epoch, .next_ledger = range.first};
    enum error_code code = lease_advance(work->leases, &lease, fence->holder, range, error);
    return code == ERR_CONFLICT ? set_lost(fence, error) : code;
}

enum error_code work_fence(struct work *work, size_t stream, struct ledger_range range,
                           struct commit_fence *fence, struct error *error)
{
    bool is_care = range.first == 0 && range.last == 0;
    const struct held_piece *held = NULL;
    if (work->keeper == NULL)
        return OK;
    os_mutex_lock(&work->mutex);
    for (size_t i = 0; held == NULL && !is_care && i < held_count(work); i++)
        if (holds(held_at(work, i), stream, range))
            held = held_at(work, i);
    if (is_care)
        held = live_piece(work);
    if (held != NULL) {
        *fence = (struct commit_fence){.lease_id = held->lease.lease_id,
                                       .epoch = held->lease.epoch,
                                       .context = work,
                                       .may_go_on = may_go_on,
                                       .confirm = is_care ? NULL : confirm};
        holder_of(work, held->stream, fence->holder);
    }
    os_mutex_unlock(&work->mutex);
    return held != NULL ? OK : set_lost(fence, error);
}

void work_committed(struct work *work, size_t stream, const struct sink_commit_info *info)
{
    char holder[LEASE_HOLDER_BYTES];
    struct error error;
    os_mutex_lock(&work->mutex);
    for (size_t i = 0; i < held_count(work); i++) {
        struct held_piece *held = held_at(work, i);
        if (!holds(held, stream, info->range))
            continue;
        take_digest(&held->newest, info->commit);
        if (work->leases->backend->advances_in_commit)
            held->lease.next_ledger = info->range.last + 1;
        else if (lease_advance(work->leases, &held->lease, holder_of(work, stream, holder),
                               info->range, &error) != OK)
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
    if (work->keeper != NULL)
        lease_keeper_drop(work->keeper, held.lease.lease_id);
    if (how != LEASE_DONE)
        note_left(work, &held);
    if (lease_end(work->leases, &held.lease, holder_of(work, held.stream, holder), how, &set_aside,
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
    return contents_digest_differ(&below->contents, &end->contents) ? SOURCE_SEAM_OTHER_CONTENTS
                                                                    : SOURCE_SEAM_OK;
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
    struct lease_counts counts = {0};
    enum error_code code = OK;
    if (work->keeper != NULL) { /* no question of a page waits for a database */
        lease_keeper_counts(work->keeper, &counts);
    } else {
        os_mutex_lock(&work->mutex);
        code = lease_count(work->leases, &counts, NULL, NULL);
        os_mutex_unlock(&work->mutex);
    }
    if (code == OK)
        *out = (struct work_stats){.pieces_waiting = counts.waiting,
                                   .pieces_held = counts.held,
                                   .pieces_done = counts.done,
                                   .pieces_set_aside = counts.set_aside,
                                   .is_shared = work->keeper != NULL,
                                   .stands_by = work_stands_by(work)};
}

enum error_code work_set_aside(struct work *work, struct ledger_set *out, struct error *error)
{
    struct lease_counts counts;
    os_mutex_lock(&work->mutex);
    enum error_code code = lease_count(work->leases, &counts, out, error);
    os_mutex_unlock(&work->mutex);
    return code;
}
