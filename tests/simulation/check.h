// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_CHECK_H
#define TTP_SIMULATION_CHECK_H

/* Compares a lake with the chain, by the catalog and our own reader of Parquet. */

#include <stdbool.h>

#include "chain.h"

/* Every covered ledger is there completely, once, value by value, and nothing else is. `is_final`:
 * the coverage is exactly the chain, nothing is unconfirmed but what has no events, staging is
 * empty and `verify --deep` finds nothing. False: the first finding was printed. True where the
 * lake has no catalog yet, unless it is final. */
bool check_lake(const char *folder, const struct chain *chain, bool is_final);
/* The same of a lake at rest, or of a backup, at whatever time of the lake it was made: it is the
 * truth as far as it goes, and `verify --deep` finds nothing. */
bool check_deep(const char *folder, const struct chain *chain);
/* Of a lake on objects at rest, after its sweeps: the store holds what the catalog names, and
 * nothing else. */
bool check_bucket(const char *lake);

#endif
