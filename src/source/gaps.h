// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_GAPS_H
#define TTP_SOURCE_GAPS_H

/*
 * Ledger numbers that a stream leaves out. Nothing on the wire tells an empty ledger from one that
 * the source lost, so what the stream left out is asked for once more, in one bounded request of
 * its own, before it is covered as unconfirmed. Networks whose ledgers are mostly empty have as
 * many gaps as ledgers: there that would be two requests for each ledger, and would tell nothing.
 * So the gap is weighed by how many of the last GAPS_WINDOW ledgers had events:
 *
 * - nearly each (GAPS_NEARLY_EACH of a hundred): every gap is asked for again. One that is empty
 *   then is loud: a warning, a health rule, and with on_gap = fail the end of the run.
 * - fewer: only a gap that chance alone would leave less than once in a million, were each ledger
 *   empty as often as the last hundred were. Shorter gaps are normal on such a network.
 *
 * Ledgers that are not known yet, at the start of a process, count as full where it is decided
 * whether to ask; a gap is not loud before GAPS_KNOWN_MIN are known. The end of a bounded range is
 * always asked for again, since a source that jumps past it looks like one that is done. Each gap
 * is asked for once, so that a range takes at most as many requests again as it has gaps, and five
 * in a hundred ledgers once they are seen to be empty.
 *
 * Not thread-safe. No I/O.
 */

#include <stdbool.h>
#include <stdint.h>

#include "status/stages.h"

#define GAPS_WINDOW      100
#define GAPS_NEARLY_EACH 95
#define GAPS_KNOWN_MIN   10

struct gaps {
    bool are_fatal; /* on_gap: fail */
    /* The last ledgers: which had events. */
    bool is_full[GAPS_WINDOW];
    unsigned at, known_count, full_count;
    struct source_gaps told;
};

void gaps_init(struct gaps *gaps, bool are_fatal);

/* The next ledger had events; the next `count` had none. */
void gaps_add_full(struct gaps *gaps);
void gaps_add_empty(struct gaps *gaps, uint64_t count);

/* Whether so many ledgers without events in a row are to be asked for again. */
bool gaps_must_ask(const struct gaps *gaps, uint64_t count);
/* Whether ledgers without events, asked for again, are worth an alarm. */
bool gaps_are_loud(const struct gaps *gaps);

/* Keeps a loud gap for those who watch. now_us: wall clock. */
void gaps_tell(struct gaps *gaps, uint32_t first, uint32_t last, int64_t now_us);

#endif
