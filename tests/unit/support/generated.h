// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_SUPPORT_GENERATED_H
#define TTP_TESTS_SUPPORT_GENERATED_H

/* What the event generator makes of a ledger, as its messages say it. */

#include "serve/generator.h"

uint64_t generated_event_count(struct generator *generator, uint32_t sequence);
/* Microseconds since 1970. */
int64_t generated_close_us(struct generator *generator, uint32_t sequence);

#endif
