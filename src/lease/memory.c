// SPDX-License-Identifier: Apache-2.0
#include "lease/memory.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util/list.h"
#include "util/memory.h"

struct lease_piece {
    struct lease lease;
    char holder[LEASE_HOLDER_BYTES]; /* "": nobody's */
    int64_t expires_us;              /* INT64_MAX: never */
    bool is_set_aside;
    bool has_progress; /* since it was claimed */
};

struct lease_memory {
    struct leases leases;
    struct buffer pieces; /* struct lease_piece: all that are not done, in no order */
    uint64_t next_id;
    size_t done_count;
};

static struct lease_memory *memory_of(struct leases *leases)
{
    return (struct lease_memory *)leases;
}

static size_t piece_count(const struct lease_memory *memory)
{
    return LIST_COUNT(&memory->pieces, struct lease_piece);
}

static struct lease_piece *piece_at(const struct lease_memory *memory, size_t index)
{
    return LIST_AT(&memory->pieces, struct lease_piece, index);
}

static bool is_live(const struct lease_piece *piece)
{
    return piece->lease.ledgers.last == 0;
}

static bool is_held(const struct lease_piece *piece)
{
    return piece->holder[0] != '\0';
}

/* What is not committed of it. */
static struct ledger_range rest_of(const struct lease_piece *piece)
{
    return (struct ledger_range){piece->lease.next_ledger, piece->lease.ledgers.last};
}

static void remove_piece(struct lease_memory *memory, size_t index)
{
    *piece_at(memory, index) = *piece_at(memory, piece_count(memory) - 1);
    memory->pieces.size_bytes -= sizeof(struct lease_piece);
    memory->done_count++;
}

static enum error_code add_piece(struct lease_memory *memory, struct ledger_range range,
                                 struct error *error)
{
    const struct lease_piece piece = {
        .lease = {.lease_id = ++memory->next_id, .ledgers = range, .next_ledger = range.first},
        .expires_us = INT64_MAX};
    return buffer_append(&memory->pieces, &piece, sizeof piece) == OK
               ? OK
               : error_no_memory(error, "the pieces of a range");
}

/* ---- planning ---- */

/* A piece that nobody holds goes on with what is missing of it; *left is false if nothing is. What
 * lies behind a ledger that others committed is planned as another piece. */
static enum error_code move_on(struct lease_piece *piece, const struct ledger_set *missing,
                               bool *left, struct error *error)
{
    struct ledger_range rest = rest_of(piece);
    const struct ledger_set own = {.ranges = &rest, .count = rest.first <= rest.last};
    struct ledger_set still = {0};
    enum error_code code = ledger_set_intersect(missing, &own, &still, error);
    *left = code != OK || still.count > 0;
    if (code == OK && still.count > 0) {
        piece->lease.next_ledger = still.ranges[0].first;
        piece->lease.ledgers.last = still.ranges[0].last;
    }
    ledger_set_release(&still);
    return code;
}

static enum error_code look_at_pieces(struct lease_memory *memory, const struct lease_wish *wish,
                                      struct ledger_set *taken, bool *has_live, struct error *error)
{
    enum error_code code = OK;
    *has_live = false;
    for (size_t i = piece_count(memory); code == OK && i-- > 0;) {
        struct lease_piece *piece = piece_at(memory, i);
        bool left = true;
        if (is_live(piece)) {
            if (!is_held(piece))
                piece->lease.next_ledger = wish->live_first;
            *has_live = true;
            continue;
        }
        if (!is_held(piece))
            code = move_on(piece, wish->missing, &left, error);
        if (code == OK && left)
            code = ledger_set_append(taken, rest_of(piece), error);
        else if (code == OK)
            remove_piece(memory, i);
    }
    ledger_set_merge(taken);
    return code;
}

static void take_up_again(struct lease_memory *memory)
{
    for (size_t i = 0; i < piece_count(memory); i++) {
        struct lease_piece *piece = piece_at(memory, i);
        if (piece->is_set_aside)
            piece->lease.failures = 0;
        piece->is_set_aside = false;
    }
}

static enum error_code plan(struct leases *leases, const struct lease_wish *wish,
                            struct error *error)
{
    struct lease_memory *memory = memory_of(leases);
    struct ledger_set taken = {0}, gaps = {0}, pieces = {0};
    bool has_live;
    if (wish->takes_up_again)
        take_up_again(memory);
    enum error_code code = look_at_pieces(memory, wish, &taken, &has_live, error);
    if (code == OK)
        code = ledger_set_subtract(wish->missing, &taken, &gaps, error);
    for (size_t i = 0; code == OK && i < gaps.count; i++)
        code = lease_cut(gaps.ranges[i], wish->piece_ledgers, &pieces, error);
    for (size_t i = 0; code == OK && i < pieces.count; i++)
        code = add_piece(memory, pieces.ranges[i], error);
    if (code == OK && wish->has_live && !has_live)
        code = add_piece(memory, (struct ledger_range){wish->live_first, 0}, error);
    ledger_set_release(&taken);
    ledger_set_release(&gaps);
    ledger_set_release(&pieces);
    return code;
}

/* ---- holding ---- */

static bool is_of_claim(const struct lease_piece *piece, const struct lease_claim *claim)
{
    if (is_live(piece) || claim->within.last == 0)
        return is_live(piece) == claim->is_live;
    return !claim->is_live && piece->lease.next_ledger >= claim->within.first &&
           piece->lease.ledgers.last <= claim->within.last;
}

static bool may_be_claimed(const struct lease_piece *piece, const struct lease_claim *claim)
{
    return !piece->is_set_aside && is_of_claim(piece, claim) &&
           (!is_held(piece) || piece->expires_us < claim->now_us);
}

static bool comes_before(const struct lease_piece *a, const struct lease_piece *b,
                         bool newest_first)
{
    return newest_first ? a->lease.next_ledger > b->lease.next_ledger
                        : a->lease.next_ledger < b->lease.next_ledger;
}

static bool count_failure(struct lease_piece *piece)
{
    piece->lease.failures = piece->has_progress ? 0 : piece->lease.failures + 1;
    piece->is_set_aside = piece->lease.failures >= LEASE_FAILURES_MAX;
    return piece->is_set_aside;
}

static struct lease_piece *choose(const struct lease_memory *memory,
                                  const struct lease_claim *claim)
{
    struct lease_piece *best = NULL;
    for (size_t i = 0; i < piece_count(memory); i++) {
        struct lease_piece *piece = piece_at(memory, i);
        if (may_be_claimed(piece, claim) &&
            (best == NULL || comes_before(piece, best, claim->newest_first)))
            best = piece;
    }
    return best;
}

static enum error_code claim(struct leases *leases, const struct lease_claim *claim,
                             struct lease *lease, bool *found, struct error *error)
{
    struct lease_memory *memory = memory_of(leases);
    struct lease_piece *piece;
    (void)error;
    assert(claim->holder[0] != '\0' && strlen(claim->holder) < LEASE_HOLDER_BYTES);
    /* The one who lost it failed, too. */
    while ((piece = choose(memory, claim)) != NULL && is_held(piece) && count_failure(piece))
        piece->holder[0] = '\0';
    if (piece == NULL)
        return OK;
    snprintf(piece->holder, sizeof piece->holder, "%s", claim->holder);
    piece->lease.epoch++;
    piece->has_progress = false;
    piece->expires_us = claim->ttl_us == 0 ? INT64_MAX : claim->now_us + claim->ttl_us;
    *lease = piece->lease;
    *found = true;
    return OK;
}

/* The piece, if it is still the holder's. */
static enum error_code find(const struct lease_memory *memory, const struct lease *lease,
                            const char *holder, size_t *index, struct error *error)
{
    for (size_t i = 0; i < piece_count(memory); i++) {
        const struct lease_piece *piece = piece_at(memory, i);
        *index = i;
        if (piece->lease.lease_id == lease->lease_id && piece->lease.epoch == lease->epoch &&
            strcmp(piece->holder, holder) == 0)
            return OK;
    }
    return lease_set_lost(lease, error);
}

static enum error_code renew(struct leases *leases, const struct lease *lease, const char *holder,
                             int64_t expires_us, struct error *error)
{
    struct lease_memory *memory = memory_of(leases);
    size_t index;
    enum error_code code = find(memory, lease, holder, &index, error);
    if (code == OK)
        piece_at(memory, index)->expires_us = expires_us;
    return code;
}

static enum error_code advance(struct leases *leases, struct lease *lease, const char *holder,
                               struct ledger_range committed, struct error *error)
{
    struct lease_memory *memory = memory_of(leases);
    size_t index;
    enum error_code code = find(memory, lease, holder, &index, error);
    if (code != OK)
        return code;
    struct lease_piece *piece = piece_at(memory, index);
    assert(committed.first >=
           piece->lease.next_ledger); /* the same ledgers are not committed twice */
    assert(is_live(piece) || committed.last <= piece->lease.ledgers.last);
    piece->lease.next_ledger = committed.last + 1;
    piece->lease.failures = 0;
    piece->has_progress = true;
    *lease = piece->lease;
    return OK;
}

static enum error_code end(struct leases *leases, const struct lease *lease, const char *holder,
                           enum lease_end how, bool *set_aside, struct error *error)
{
    struct lease_memory *memory = memory_of(leases);
    size_t index;
    enum error_code code = find(memory, lease, holder, &index, error);
    if (code != OK)
        return code;
    struct lease_piece *piece = piece_at(memory, index);
    bool is_through = !is_live(piece) && piece->lease.next_ledger > piece->lease.ledgers.last;
    if (how == LEASE_DONE || is_through) {
        remove_piece(memory, index);
        return OK;
    }
    if (how == LEASE_FAILED)
        *set_aside = count_failure(piece);
    piece->holder[0] = '\0';
    return OK;
}

static enum error_code may_come(struct leases *leases, const struct lease_claim *claim, bool *may,
                                struct error *error)
{
    const struct lease_memory *memory = memory_of(leases);
    (void)error;
    for (size_t i = 0; i < piece_count(memory); i++) {
        const struct lease_piece *piece = piece_at(memory, i);
        *may = *may || (!piece->is_set_aside && is_of_claim(piece, claim));
    }
    return OK;
}

static enum error_code count(struct leases *leases, struct lease_counts *counts,
                             struct ledger_set *set_aside, struct error *error)
{
    const struct lease_memory *memory = memory_of(leases);
    enum error_code code = OK;
    counts->done = memory->done_count;
    for (size_t i = 0; code == OK && i < piece_count(memory); i++) {
        const struct lease_piece *piece = piece_at(memory, i);
        counts->held += is_held(piece);
        counts->waiting += !is_held(piece) && !piece->is_set_aside;
        counts->set_aside += piece->is_set_aside;
        if (piece->is_set_aside && set_aside != NULL && !is_live(piece))
            code = ledger_set_append(set_aside, rest_of(piece), error);
    }
    if (set_aside != NULL)
        ledger_set_merge(set_aside);
    return code;
}

static void free_memory(struct leases *leases)
{
    buffer_release(&memory_of(leases)->pieces);
    mem_free(leases);
}

enum error_code lease_memory_new(struct leases **out, struct error *error)
{
    static const struct lease_backend backend = {.plan = plan,
                                                 .claim = claim,
                                                 .renew = renew,
                                                 .advance = advance,
                                                 .end = end,
                                                 .may_come = may_come,
                                                 .count = count,
                                                 .free = free_memory};
    *out = NULL;
    struct lease_memory *memory = mem_alloc_zero(1, sizeof *memory);
    if (memory == NULL)
        return error_no_memory(error, "the leases");
    memory->leases.backend = &backend;
    buffer_init(&memory->pieces);
    *out = &memory->leases;
    return OK;
}
