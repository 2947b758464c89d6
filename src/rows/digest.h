// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_DIGEST_H
#define TTP_ROWS_DIGEST_H

/*
 * Digests of one ledger's events: `chain` covers the close time and which
 * transactions there are (their smallest hashes, whatever events they have), `contents` covers
 * every value that the schema version's row stores, in order. Both can be computed from the stream
 * and from the stored rows, and must then agree.
 *
 * They tell what came by accident: a server that was upgraded and says other things, a row that was
 * lost, doubled or damaged. Neither has a secret and XXH3 is no cryptographic hash, so who can
 * choose values may make two that look alike: they prove nothing against somebody who wants to
 * deceive, who could as well change the catalog that they stand in.
 *
 * `contents` comes in versions. 1 is the hash of all values, one after the other. 2 is that of a
 * record a row in which 128 bits stand for each text and hash (struct arrow_value_facts): so one
 * that comes again is not hashed again. What is new is made by the newest; what is compared with a
 * kept one, by the kept one's.
 */

#include <stdint.h>

#include "rows/epoch.h"
#include "rows/row.h"
#include "rows/schema.h"
#include "util/contents_digest.h"

#define LEDGER_DIGEST_BYTES  16
#define LEDGER_DIGEST_FIRST  1
#define LEDGER_DIGEST_NEWEST 2

struct ledger_digest {
    uint8_t chain[LEDGER_DIGEST_BYTES]; /* XXH3-128, canonical (big-endian), like the contents */
    struct contents_digest contents;
};

/* Incremental; events in the order of event_index. Opaque state, no allocation after init. A
 * version that this program does not know is made like the newest, and says so. ERR_NO_MEMORY. */
struct ledger_digest_state;
enum error_code ledger_digest_new(struct ledger_digest_state **out, const struct row_schema *schema,
                                  uint8_t version) MUST_CHECK;
void ledger_digest_free(struct ledger_digest_state *state);
void ledger_digest_begin(struct ledger_digest_state *state);
void ledger_digest_add_row(struct ledger_digest_state *state, const struct row_view *row);
/* The same of the newest version, of a row that epoch_part_number numbered: what stands for its
 * texts and hashes is known to the dictionaries. */
void ledger_digest_add_numbered(struct ledger_digest_state *state, const struct row_view *row,
                                const struct epoch_part *part, const uint32_t ids[ROW_COLUMN_MAX]);
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
