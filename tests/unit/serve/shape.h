// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_SHAPE_H
#define TTP_TESTS_SHAPE_H

/* Figures of four ledgers' events, by which the generator is measured against the real ones. */

#include "util/bytes.h"

enum shape_figure {
    SHAPE_EVENTS,
    SHAPE_BYTES,
    SHAPE_FIRST_FEES,
    SHAPE_REFUNDS,
    SHAPE_TRANSFERS,
    SHAPE_MINTS,
    SHAPE_OPERATION_TXS,
    SHAPE_OPERATIONS,
    SHAPE_FROM_ACCOUNT,
    SHAPE_FROM_POOL,
    SHAPE_FROM_CONTRACT,
    SHAPE_TO_ACCOUNT,
    SHAPE_TO_POOL,
    SHAPE_TO_CONTRACT,
    SHAPE_TO_BALANCE,
    SHAPE_DISTINCT_HASHES,
    SHAPE_DISTINCT_FROM,
    SHAPE_DISTINCT_TO,
    SHAPE_DISTINCT_ASSETS,
    SHAPE_DISTINCT_ISSUERS,
    SHAPE_DISTINCT_CONTRACTS,
    SHAPE_DISTINCT_AMOUNTS,
    SHAPE_DISTINCT_MEMOS,
    SHAPE_DISTINCT_POOLS,
    SHAPE_RUNS_HASH,
    SHAPE_RUNS_FROM,
    SHAPE_RUNS_TO,
    SHAPE_RUNS_ASSET,
    SHAPE_RUNS_AMOUNT,
    SHAPE_RUNS_MEMO,
    SHAPE_NATIVE,
    SHAPE_MEMOS,
    SHAPE_AMOUNT_DIGITS,
    SHAPE_CODE_CHARACTERS,
    SHAPE_FIGURE_COUNT
};

extern const char *const shape_names[SHAPE_FIGURE_COUNT];

/* Adds up the figures of one window of ledgers: framed events in order. */
struct shape_window;
struct shape_window *shape_window_new(void);
void shape_window_add(struct shape_window *window, struct bytes_view framed_ledger);
/* Writes the figures and frees the window. */
void shape_window_finish(struct shape_window *window, double figures[SHAPE_FIGURE_COUNT]);

#endif
