// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_SAMPLE_H
#define TTP_LAKE_SAMPLE_H

/* Which ledgers `verify --against --sample` asks for. */

#include "util/ledgers.h"

/* Runs of a sample at most: each costs a server a call. */
#define SAMPLE_RUNS 256
/* Runs of a sample lie so many ledgers apart at least; else there are fewer. */
#define SAMPLE_GAP 100

/* Appends a sample of the set's ledgers: so many millionths of them, one at least, in runs of about
 * equal length that are spread evenly. The same set gives the same sample. ERR_NO_MEMORY. */
enum error_code sample_ledgers(const struct ledger_set *set, uint32_t millionths,
                               struct ledger_set *out, struct error *error) MUST_CHECK;

#endif
