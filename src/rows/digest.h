// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_DIGEST_H
#define TTP_ROWS_DIGEST_H

/*
 * Digests of one ledger's events: `chain` covers the close time and which
 * transactions there are (their smallest hashes, whatever events they have), `contents` covers
 * every value that the schema version's row stores, in order. Both can be computed from the stream
 * and from the stored rows, and must then agree.
 */

#include <stdint.h>

#include "rows/row.h"
#include "rows/schema.h"

#define LEDGER_DIGEST_BYTES 16

struct ledger_digest {
    uint8_t chain[LEDGER_DIGEST_BYTES]; /* XXH3-128, canonical (big-endian) */
    uint8_t contents[LEDGER_DIGEST_BYTES];
};

/* Incremental; events in the order of event_index. Opaque state, no allocation after init. */
struct ledger_digest_state;
enum error_code ledger_digest_new(struct ledger_digest_state **out,
                                  const struct row_schema *schema) MUST_CHECK; /* ERR_NO_MEMORY */
void ledger_digest_free(struct ledger_digest_state *state);
void ledger_digest_begin(struct ledger_digest_state *state);
void ledger_digest_add_row(struct ledger_digest_state *state, const struct row_view *row);
/* A dead letter counts with its ordinal and raw bytes. */
void ledger_digest_add_dead_letter(struct ledger_digest_state *state, uint32_t event_index,
                                   struct bytes_view raw);
struct ledger_digest ledger_digest_end(const struct ledger_digest_state *state);

/* The digest of one event alone, by the same values: an XXH3-128. The sums of a ledger's events can
 * be made in any order. */
struct event_digest {
    uint64_t low, high;
};
struct event_digest event_digest_row(const struct row_schema *schema, const struct row_view *row);
struct event_digest event_digest_dead_letter(uint32_t event_index, struct bytes_view raw);

#endif
