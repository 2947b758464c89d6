// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_LEASE_KEEPER_H
#define TTP_SERVICE_LEASE_KEEPER_H

/*
 * Keeps the leases that a process holds in a shared catalog: a thread renews them at a third of
 * their time, over a connection of its own, and tells whether each is still good. A lease is good
 * until its time is over by this process's own clock, counted from before it was asked for; past
 * that nothing of it may be published until it was renewed after all (nobody took it), or is lost.
 *
 * Thread-safe, but for lease_keeper_new and lease_keeper_free.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lease/lease.h"
#include "util/error.h"

enum lease_state {
    LEASE_GOOD,
    LEASE_LATE, /* not renewed in time; it may still be */
    LEASE_LOST  /* somebody else's */
};

struct lease_keeper;

/* `leases` (owned from then on, also after a failure) is used by its thread alone. on_lost is
 * called on that thread when a lease is found to be somebody else's. ERR_NO_MEMORY, ERR_RETRY. */
enum error_code lease_keeper_new(struct lease_keeper **out, struct leases *leases, int64_t ttl_us,
                                 void (*on_lost)(void *context), void *context,
                                 struct error *error) MUST_CHECK;
void lease_keeper_free(struct lease_keeper *keeper); /* NULL is fine */

/* From now on it is renewed. asked_us: os_boottime_us before it was claimed, or its last sign of
 * life. ERR_NO_MEMORY. */
enum error_code lease_keeper_hold(struct lease_keeper *keeper, const struct lease *lease,
                                  const char *holder, int64_t asked_us,
                                  struct error *error) MUST_CHECK;
void lease_keeper_drop(struct lease_keeper *keeper, uint64_t lease_id);
/* One that is not held is lost. */
enum lease_state lease_keeper_state(struct lease_keeper *keeper, uint64_t lease_id, uint64_t epoch);
/* How the pieces of all processes stood when they were last looked at. */
void lease_keeper_counts(struct lease_keeper *keeper, struct lease_counts *out);

#endif
