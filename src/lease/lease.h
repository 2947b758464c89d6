// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LEASE_LEASE_H
#define TTP_LEASE_LEASE_H

/*
 * Who fetches what. The ledgers that are missing are cut into pieces, and each is held by one
 * stream at a time: claimed, moved on with each commit, and done, or given back for others to go on
 * with from the first ledger that is not committed. Where leases expire, one that was not renewed
 * in time may be claimed by another holder (stolen). A claim raises the piece's epoch: holder and
 * epoch together fence, expiry only allows stealing. A piece whose claims end LEASE_FAILURES_MAX
 * times in a row without a commit is set aside: nobody claims it again.
 *
 * Planning is idempotent: pieces that are there already are not planned again, so any number of
 * workers may plan the same work, each when it begins.
 *
 * A backend is a table of operations. The one in memory (lease/memory.h) serves one process, whose
 * pieces nobody else can hold. In a database the same operations are transactions, and
 * lease_advance is part of the commit's own. Times are parameters (microseconds, of any clock that
 * all calls share; a database uses its own). Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/ledgers.h"

/* Claims in a row without progress, after which a piece is set aside. */
#define LEASE_FAILURES_MAX 5
#define LEASE_HOLDER_BYTES 64
/* What a commit is told whose piece is another holder's by now. */
#define LEASE_LOST_WORDS                                                                           \
    "these ledgers are another process's by now: this one did not renew its lease in time "        \
    "(lease_ttl)"

/* A piece as its holder has it: a copy, valid until it is ended or stolen. */
struct lease {
    uint64_t lease_id;
    uint64_t epoch;
    struct ledger_range ledgers; /* last 0: open, it follows the chain */
    uint32_t next_ledger;        /* the first that is not committed */
    unsigned failures;           /* claims before this one in a row that ended without progress */
};

/* What is to be fetched. */
struct lease_wish {
    /* Not covered of what is wanted, as the caller sees it. A backend that has the coverage beside
     * the leases takes out of it what is covered by now. */
    const struct ledger_set *missing;
    bool has_live;          /* the chain is to be followed, from live_first on */
    uint32_t live_first;    /* 0: from where the server begins */
    uint32_t piece_ledgers; /* pieces end before multiples of it; 0: they are not cut */
    bool takes_up_again;    /* pieces of it that were set aside may be claimed anew */
};

struct lease_claim {
    const char *holder;         /* of no other worker, nor of the same one before a restart */
    bool is_live;               /* the open piece, and no other; else any other */
    bool newest_first;          /* else the lowest first */
    struct ledger_range within; /* pieces that lie in it; last 0: any */
    int64_t now_us;
    int64_t ttl_us; /* how long it may be held without being renewed; 0: as long as one likes */
};

enum lease_end {
    LEASE_DONE,       /* nothing is left to fetch of it, committed or left out for good */
    LEASE_GIVEN_BACK, /* by a stop: no failure of the piece */
    LEASE_FAILED      /* counts, unless it made progress */
};

struct lease_counts {
    size_t waiting, held, done, set_aside; /* pieces */
};

struct leases; /* a backend in use */

struct lease_backend {
    enum error_code (*plan)(struct leases *leases, const struct lease_wish *wish,
                            struct error *error);
    enum error_code (*claim)(struct leases *leases, const struct lease_claim *claim,
                             struct lease *lease, bool *found, struct error *error);
    enum error_code (*renew)(struct leases *leases, const struct lease *lease, const char *holder,
                             int64_t expires_us, struct error *error);
    enum error_code (*advance)(struct leases *leases, struct lease *lease, const char *holder,
                               struct ledger_range committed, struct error *error);
    enum error_code (*end)(struct leases *leases, const struct lease *lease, const char *holder,
                           enum lease_end how, bool *set_aside, struct error *error);
    enum error_code (*may_come)(struct leases *leases, const struct lease_claim *claim, bool *may,
                                struct error *error);
    enum error_code (*count)(struct leases *leases, struct lease_counts *counts,
                             struct ledger_set *set_aside, struct error *error);
    void (*free)(struct leases *leases);
    /* lease_advance is called in the commit's transaction, and comes about with it; else after the
     * commit. */
    bool advances_in_commit;
};

struct leases {
    const struct lease_backend *backend; /* what follows it is the backend's */
};

void leases_free(struct leases *leases); /* NULL is fine */

/* Plans what of the wish no piece has yet. Pieces that nobody holds, and of which nothing is
 * missing any more, are done; others move on to what is missing of them. ERR_NO_MEMORY, a
 * database's. */
enum error_code lease_plan(struct leases *leases, const struct lease_wish *wish,
                           struct error *error) MUST_CHECK;

/* Takes a piece that nobody holds, or whose holder let it expire. *found: there was one. */
enum error_code lease_claim(struct leases *leases, const struct lease_claim *claim,
                            struct lease *lease, bool *found, struct error *error) MUST_CHECK;

/* Whether such a claim that found none may find one later: others hold pieces that they may give
 * back, or lose. */
enum error_code lease_may_come(struct leases *leases, const struct lease_claim *claim, bool *may,
                               struct error *error) MUST_CHECK;

/* Still held, until expires_us. ERR_CONFLICT: not the holder's any more, and what it has fetched
 * must not be committed. */
enum error_code lease_renew(struct leases *leases, const struct lease *lease, const char *holder,
                            int64_t expires_us, struct error *error) MUST_CHECK;

/* A commit of these ledgers of the piece: it goes on behind them. ERR_CONFLICT, as above. Of a
 * backend with advances_in_commit it is a demand of the commit's transaction, which may be what
 * fails, with ERR_AGAIN; and `lease`, a copy, is its caller's to move when that is in the lake. */
enum error_code lease_advance(struct leases *leases, struct lease *lease, const char *holder,
                              struct ledger_range committed, struct error *error) MUST_CHECK;

/* The holder is through with it. *set_aside: it failed once too often. ERR_CONFLICT, as above:
 * then there is nothing to do. */
enum error_code lease_end(struct leases *leases, const struct lease *lease, const char *holder,
                          enum lease_end how, bool *set_aside, struct error *error) MUST_CHECK;

/* How many pieces there are of each kind, and (appended, may be NULL) what is left of those that
 * were set aside. */
enum error_code lease_count(struct leases *leases, struct lease_counts *counts,
                            struct ledger_set *set_aside, struct error *error) MUST_CHECK;

/* The error of a piece that is another holder's: ERR_CONFLICT. */
enum error_code lease_set_lost(const struct lease *lease, struct error *error);

/* Appends the pieces of a range, which end before multiples of piece_ledgers (0: one piece). */
enum error_code lease_cut(struct ledger_range range, uint32_t piece_ledgers, struct ledger_set *out,
                          struct error *error) MUST_CHECK;

#endif
