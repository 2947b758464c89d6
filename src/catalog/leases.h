// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_LEASES_H
#define TTP_CATALOG_LEASES_H

/*
 * Leases (lease/lease.h) in a catalog that several processes write to: rows of ttp_lease, of which
 * each operation is one statement (docs/commit-protocol.md, "Several processes"). They go over a
 * connection of their own, so that a commit holds up no renewal; lease_advance alone is part of the
 * commit's transaction, on the connection of the catalog that commits.
 *
 * Times are the database's: now_us and expires_us of the callers are not looked at.
 */

#include "catalog/catalog.h"
#include "lease/lease.h"

/* `beside`: the catalog opened with CATALOG_BESIDE, which is the leases' from then on, also after a
 * failure. `committing` (borrowed, may be NULL where nothing is committed): whose transactions
 * lease_advance is called in. ttl_us: how long a lease lasts from each sign of life on.
 * ERR_NO_MEMORY. */
enum error_code catalog_leases_new(struct leases **out, struct catalog *beside,
                                   struct catalog *committing, int64_t ttl_us,
                                   struct error *error) MUST_CHECK;
/* The connection beside, for questions on the leases' thread. */
struct catalog *catalog_leases_catalog(struct leases *leases);

/* For who looks at a lake: pieces that are not done, by their ledgers. */
struct catalog_lease {
    struct ledger_range ledgers; /* what is not committed of it; last 0: it follows the chain */
    const char *holder;          /* NULL: nobody's. Lives during the call */
    int64_t left_us;             /* until it may be taken from its holder; below 0: it may now */
    unsigned failures;           /* claims in a row without progress */
    bool is_set_aside;
};
typedef enum error_code catalog_lease_visitor(void *context, const struct catalog_lease *lease,
                                              struct error *error);
/* Those that are not done; *done_count gets how many are. Nothing where the catalog keeps none. */
enum error_code catalog_each_lease(struct catalog *catalog, catalog_lease_visitor *visit,
                                   void *context, uint64_t *done_count,
                                   struct error *error) MUST_CHECK;

#endif
