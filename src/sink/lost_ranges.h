// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_LOST_RANGES_H
#define TTP_SINK_LOST_RANGES_H

/* Ledgers whose commit failed, until somebody asks for them again. */

#include <stdbool.h>
#include <stddef.h>

#include "util/ledgers.h"

/* A failed call can lose the open range and a batch that did not follow it. */
#define LOST_RANGES_MAX 2

struct lost_ranges {
    struct ledger_range ranges[LOST_RANGES_MAX];
    size_t count;
};

void lost_ranges_add(struct lost_ranges *lost, struct ledger_range range);
/* The oldest one; false: there is none. */
bool lost_ranges_take(struct lost_ranges *lost, struct ledger_range *range);

#endif
