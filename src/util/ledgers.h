// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_LEDGERS_H
#define TTP_UTIL_LEDGERS_H

/* Ledgers are numbered from 1 upwards, without holes; a range of them names its first and last. */

#include <stdint.h>

struct ledger_range {
    uint32_t first, last; /* inclusive */
};

#endif
