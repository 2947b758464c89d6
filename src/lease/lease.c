// SPDX-License-Identifier: Apache-2.0
#include "lease/lease.h"

#include <assert.h>

void leases_free(struct leases *leases)
{
    if (leases != NULL)
        leases->backend->free(leases);
}

enum error_code lease_plan(struct leases *leases, const struct lease_wish *wish,
                           struct error *error)
{
    return leases->backend->plan(leases, wish, error);
}

enum error_code lease_claim(struct leases *leases, const struct lease_claim *claim,
                            struct lease *lease, bool *found, struct error *error)
{
    *found = false;
    return leases->backend->claim(leases, claim, lease, found, error);
}

enum error_code lease_may_come(struct leases *leases, const struct lease_claim *claim, bool *may,
                               struct error *error)
{
    *may = false;
    return leases->backend->may_come(leases, claim, may, error);
}

enum error_code lease_renew(struct leases *leases, const struct lease *lease, const char *holder,
                            int64_t expires_us, struct error *error)
{
    return leases->backend->renew(leases, lease, holder, expires_us, error);
}

enum error_code lease_advance(struct leases *leases, struct lease *lease, const char *holder,
                              struct ledger_range committed, struct error *error)
{
    assert(committed.first <= committed.last);
    return leases->backend->advance(leases, lease, holder, committed, error);
}

enum error_code lease_end(struct leases *leases, const struct lease *lease, const char *holder,
                          enum lease_end how, bool *set_aside, struct error *error)
{
    *set_aside = false;
    return leases->backend->end(leases, lease, holder, how, set_aside, error);
}

enum error_code lease_count(struct leases *leases, struct lease_counts *counts,
                            struct ledger_set *set_aside, struct error *error)
{
    *counts = (struct lease_counts){0};
    return leases->backend->count(leases, counts, set_aside, error);
}

enum error_code lease_set_lost(const struct lease *lease, struct error *error)
{
    return error_set(error, ERR_CONFLICT,
                     "the ledgers from %u on are fetched by another worker by now: they were not "
                     "renewed in time",
                     (unsigned)lease->next_ledger);
}

enum error_code lease_cut(struct ledger_range range, uint32_t piece_ledgers, struct ledger_set *out,
                          struct error *error)
{
    uint64_t first = range.first;
    enum error_code code = OK;
    while (code == OK && first <= range.last) {
        uint64_t last = range.last;
        if (piece_ledgers != 0 && (first / piece_ledgers + 1) * piece_ledgers - 1 < last)
            last = (first / piece_ledgers + 1) * piece_ledgers - 1;
        code =
            ledger_set_append(out, (struct ledger_range){(uint32_t)first, (uint32_t)last}, error);
        first = last + 1;
    }
    return code;
}
