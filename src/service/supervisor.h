// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_SUPERVISOR_H
#define TTP_SERVICE_SUPERVISOR_H

/*
 * What a run tells the service manager that started it (systemd; without one, nobody): that it is
 * up, where it stands, that it is alive, that it stops. All calls on the main thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "os/notify.h"
#include "service/run_facts.h"
#include "status/snapshot.h"

struct supervisor {
    struct os_notify notify;
    bool ready;
    int64_t next_watchdog_us, next_status_us; /* monotonic */
};

void supervisor_open(struct supervisor *supervisor);
void supervisor_close(struct supervisor *supervisor);

/* Whether it is worth a snapshot to call supervisor_turn now. */
bool supervisor_is_due(const struct supervisor *supervisor, int64_t now_monotonic_us);

/* About once a second: says READY once the run is in work, STATUS now and then, and feeds the
 * watchdog as long as health calls the run alive. */
void supervisor_turn(struct supervisor *supervisor, const struct status_snapshot *snapshot);

/* The run was told to stop. */
void supervisor_stopping(struct supervisor *supervisor);

/* Does all that from the facts of a run. */
struct run_observer supervisor_observer(struct supervisor *supervisor);

#endif
