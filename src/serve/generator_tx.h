// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_GENERATOR_TX_H
#define TTP_SERVE_GENERATOR_TX_H

/* The events of one planned ledger: its fees, its transactions' operations, its refunds. */

#include "serve/event_writer.h"
#include "serve/ledger_plan.h"
#include "serve/population.h"

void generator_write_fees(struct event_writer *writer, struct population *population,
                          const struct ledger_plan *plan);
/* Exactly tx->event_count events. */
void generator_write_tx(struct event_writer *writer, struct population *population,
                        const struct ledger_plan *plan, const struct planned_tx *tx);
void generator_write_refunds(struct event_writer *writer, struct population *population,
                             const struct ledger_plan *plan);

#endif
