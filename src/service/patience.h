// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_PATIENCE_H
#define TTP_SERVICE_PATIENCE_H

/* give_up_after: how long a run may go on without a sign of progress. Time is a parameter. */

#include <stdbool.h>
#include <stdint.h>

struct patience {
    int64_t limit_us; /* 0: endless */
    int64_t since_us; /* the last progress */
    uint64_t mark;    /* what rises with each progress */
};

/* now_us: monotonic. */
void patience_init(struct patience *patience, int64_t limit_us, int64_t now_us);

/* True once `mark` has been the same for limit_us. */
bool patience_is_over(struct patience *patience, uint64_t mark, int64_t now_us);

#endif
