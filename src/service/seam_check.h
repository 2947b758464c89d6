// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_SEAM_CHECK_H
#define TTP_SERVICE_SEAM_CHECK_H

/*
 * Before the first row of a run lands: is the server of the lake's chain, at every range that it is
 * asked for? The ledgers that the lake holds below and above a range are asked for alone and
 * compared; where one is not served, ledgers at the range's own ends are looked at, whose close
 * times must lie between those of the lake.
 *
 * A seam ledger near below the first range is left to the call for the range itself, which begins
 * with it (a live run must not ask for the newest ledger alone: such a call ends with the next
 * one). What the stream brings is held against the same close times once more (source/tracker.h).
 */

#include "service/intake.h"
#include "service/run_plan.h"
#include "source/source.h"

struct seam_check_options {
    struct source *source;
    struct intake *intake;
    bool streams_through_first; /* the first range is asked for as one, beginning with its seam */
    unsigned max_attempts;
};

/* On the source's thread, before its first range. Sets `is_compared` of the ranges.
 * *stopped: the run is to stop. ERR_CONFLICT: another chain; or what source_run gives. */
enum error_code seam_check(const struct seam_check_options *options, struct run_range *ranges,
                           size_t range_count, bool *stopped, struct error *error) MUST_CHECK;

/* When the nearest ledger of the lake on that side closed. */
struct source_moment seam_moment(const struct catalog_neighbour *neighbour);

#endif
