// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_GENERATOR_H
#define TTP_SERVE_GENERATOR_H

/*
 * Synthetic token transfer events of the public network's shape: ledger sizes, order of fees,
 * operations and refunds, heavy-tailed accounts and assets, runs, memos and kinds of addresses
 * follow the real ledgers 63092993 to 63092996. Every ledger is a function of (options, sequence)
 * alone, so that ledgers can be made in any order and a server can start anywhere.
 *
 * Not thread-safe; several generators with the same options give the same bytes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "serve/feed.h"
#include "util/buffer.h"
#include "util/error.h"

struct generator_options {
    uint64_t seed;
    uint32_t first_ledger; /* at least 1 */
    uint32_t ledger_count; /* 0: no limit */
    uint64_t event_count;  /* exactly so many, the last ledger cut short; 0: no limit */
    int64_t start_time_us; /* close time of first_ledger, since 1970; cut to whole seconds */
};

struct generator;

/* ERR_INVALID (first_ledger 0, ledgers beyond 2^32 - 1, a time before 1970 or beyond 9999),
 * ERR_NO_MEMORY. With event_count it plans the ledgers first, some 0.3 us for each. */
enum error_code generator_new(struct generator **out, const struct generator_options *options,
                              struct error *error) MUST_CHECK;
void generator_free(struct generator *generator); /* NULL is fine */

uint32_t generator_first_ledger(const struct generator *generator);
/* UINT32_MAX where neither limit was given. */
uint32_t generator_last_ledger(const struct generator *generator);

/* Appends the events of ledger `sequence` (first_ledger to last_ledger), framed as feed.h says
 * (walk them by feed_next_message, decode by event_decode). ERR_NO_MEMORY. */
enum error_code generator_load(struct generator *generator, uint32_t sequence,
                               struct buffer *framed, struct error *error) MUST_CHECK;

/* The generator as a server's feed; borrows it. */
struct feed generator_feed(struct generator *generator);

#endif
