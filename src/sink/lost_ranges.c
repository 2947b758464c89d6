// SPDX-License-Identifier: Apache-2.0
#include "sink/lost_ranges.h"

#include <string.h>

void lost_ranges_add(struct lost_ranges *lost, struct ledger_range range)
{
    for (size_t i = 0; i < lost->count; i++)
        if ((uint64_t)lost->ranges[i].last + 1 == range.first) {
            lost->ranges[i].last = range.last;
            return;
        }
    if (lost->count < LOST_RANGES_MAX) {
        lost->ranges[lost->count++] = range;
        return;
    }
    /* Nobody took the marks of earlier failures: one range that spans them all is asked for again,
     * less what the lake has by then. */
    struct ledger_range *first = &lost->ranges[0];
    first->first = range.first < first->first ? range.first : first->first;
    for (size_t i = 1; i < lost->count; i++) {
        first->first = lost->ranges[i].first < first->first ? lost->ranges[i].first : first->first;
        first->last = lost->ranges[i].last > first->last ? lost->ranges[i].last : first->last;
    }
    first->last = range.last > first->last ? range.last : first->last;
    lost->count = 1;
}

bool lost_ranges_take(struct lost_ranges *lost, struct ledger_range *range)
{
    if (lost->count == 0)
        return false;
    *range = lost->ranges[0];
    memmove(lost->ranges, lost->ranges + 1, --lost->count * sizeof *lost->ranges);
    return true;
}
