// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_RUN_STOP_H
#define TTP_SERVICE_RUN_STOP_H

/*
 * How a run is ended before its work is done: by a signal, or because give_up_after is over. From
 * then on what is complete is published, for stop_timeout at most. The one who runs the run calls;
 * run_stop_is_ending and run_stop_is_over are for all threads.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "service/patience.h"
#include "status/stages.h"
#include "util/error.h"
#include "util/exit_code.h"

struct run_stop {
    const struct options *options; /* borrowed */
    _Atomic int64_t deadline_us;   /* monotonic; INT64_MAX: nobody asked for a stop */
    struct patience patience;      /* give_up_after */
    atomic_bool gave_up;
    char waited_for[ERROR_MESSAGE_BYTES + 128]; /* what it was that did not come */
};

void run_stop_init(struct run_stop *stop, const struct options *options);

/* By a signal, or because give_up_after is over. */
bool run_stop_is_ending(const struct run_stop *stop);
/* stop_timeout is over: who waits gives up. */
bool run_stop_is_over(const struct run_stop *stop);

/* Looks at the signals and the deadline. True, once: a stop was asked for, and its time counts from
 * now on. Ends the process where stop_timeout is over and the writer is stuck where nothing can end
 * it: staging and intent are left to the next start. */
bool run_stop_look(struct run_stop *stop, int64_t now_us);

/* Looks for progress of a bounded run. True, once: it has been waited for too long, and the run is
 * ended as by a stop, but has failed. */
bool run_stop_lost_patience(struct run_stop *stop, const struct stream_stats *stream,
                            const struct sink_stats *sink, int64_t now_us);

/* Between rounds another program holds the catalog: nothing is under way that a stop would have to
 * publish. True: the wait ends, by a stop or since give_up_after is over. */
bool run_stop_ends_waiting(struct run_stop *stop, int64_t now_us);
/* Whether other processes may fill the same lake meanwhile: files in an object store, a catalog in
 * PostgreSQL. */
bool run_stop_is_shared(const struct run_stop *stop);
/* What a run ends with that was stopped before its work was done, and published what was complete:
 * done, as it was told to. But of a range that several processes fill side by side it says that all
 * of it is in the lake, which a supervisor of many workers believes: such a one has failed. */
enum exit_code run_stop_exit_code(const struct run_stop *stop);
/* Logs that, and gives the exit code. `error`: what was waited for. */
enum exit_code run_stop_say_ended_waiting(const struct run_stop *stop, const struct error *error);

/* Logs that give_up_after ended the run at a ledger, if it did. */
void run_stop_say_gave_up(const struct run_stop *stop, uint32_t ledger);

#endif
