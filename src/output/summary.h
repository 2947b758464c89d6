// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OUTPUT_SUMMARY_H
#define TTP_OUTPUT_SUMMARY_H

/* What is told to people before and after a run. */

#include "service/lake_run.h"
#include "util/buffer.h"
#include "util/error.h"

/* Appends the summary of a run: rows, files, bytes, rates, warnings, what stayed uncovered and the
 * command that fetches it. ERR_NO_MEMORY. */
enum error_code summary_render(const struct options *options, const struct run_report *report,
                               struct buffer *out) MUST_CHECK;

/* Appends what a run would do: parameters, schema, ranges to fetch, an estimate of the files.
 * ERR_NO_MEMORY. */
enum error_code summary_render_plan(const struct options *options, const struct run_plan *plan,
                                    struct buffer *out) MUST_CHECK;

#endif
