// SPDX-License-Identifier: Apache-2.0
#include "service/patience.h"

void patience_init(struct patience *patience, int64_t limit_us, int64_t now_us)
{
    *patience = (struct patience){.limit_us = limit_us, .since_us = now_us};
}

bool patience_is_over(struct patience *patience, uint64_t mark, int64_t now_us)
{
    if (mark != patience->mark) {
        patience->mark = mark;
        patience->since_us = now_us;
    }
    return patience->limit_us != 0 && now_us - patience->since_us >= patience->limit_us;
}
