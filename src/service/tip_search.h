// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_TIP_SEARCH_H
#define TTP_SERVICE_TIP_SEARCH_H

/*
 * Where a live run of an empty lake begins to follow the chain, so that other streams can fill what
 * lies before: near the server's newest ledger. No call tells that one, and a ledger that may not
 * exist yet must not be asked for. So ledgers are looked at whose close times tell how many more
 * there must be by now (POLICY_LEDGER_US each, more than any long stretch of the public network
 * took), until those are few: three or four looks for ten years.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/intake.h"
#include "source/source.h"
#include "util/error.h"

/* On the source's thread, before its first range. *tip: the last ledger that was found there,
 * `first` where nothing came. *stopped: the run is to stop. Errors as source_run's. */
enum error_code tip_search(struct source *source, struct intake *intake, uint32_t first,
                           uint32_t *tip, bool *stopped, struct error *error) MUST_CHECK;

#endif
