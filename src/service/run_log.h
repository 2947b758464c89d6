// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_RUN_LOG_H
#define TTP_SERVICE_RUN_LOG_H

/* What the log tells of a run: its commits, and the ledgers that it leaves out. */

#include <stdatomic.h>

#include "config/options.h"
#include "service/run_facts.h"

struct run_log {
    const struct options *options;
    const struct run_plan *plan; /* borrowed until the next; NULL: none yet */
    atomic_bool owes_left_below; /* run_log_left_below has not spoken */
};

/* `log` and `options` must live as long as the run. */
struct run_observer run_log_observer(struct run_log *log, const struct options *options);

/* Live, once a plan: which ledgers below the newest are not in the lake and not fetched here. Not
 * before the server's chain is known to be the lake's: the command in it would fetch another one.
 * On any thread. */
void run_log_left_below(struct run_log *log);

#endif
