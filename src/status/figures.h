// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_FIGURES_H
#define TTP_STATUS_FIGURES_H

/*
 * Every figure that a run shows, in one table: its metric (name, type, labels, help), its key in
 * /health and its key in the report of a run. /metrics (Prometheus' text format 0.0.4), the plain
 * figures of /health, those of the report, and docs/METRICS.md are made of it. What lies in the
 * snapshot's `stream` is a stream's own figure: that can be shown with a label per stream.
 */

#include "status/metrics.h"
#include "status/snapshot.h"
#include "status/writer.h"
#include "util/buffer.h"
#include "util/error.h"

/* Appends the exposition. ERR_NO_MEMORY; `out` then holds a part of it. */
enum error_code figures_render_metrics(const struct metrics *metrics,
                                       const struct status_snapshot *snapshot,
                                       struct buffer *out) MUST_CHECK;

/* Appends docs/METRICS.md. ERR_NO_MEMORY. */
enum error_code figures_render_documentation(struct buffer *out) MUST_CHECK;

/* Writes `,"key":value` of each that /health has. */
void figures_write_health(struct writer *writer, const struct status_snapshot *snapshot);

/* Figure number `place` of a report, from 1 on; false: there are no more. */
bool figures_of_report(const struct status_snapshot *snapshot, unsigned place, const char **key,
                       uint64_t *number) MUST_CHECK;

#endif
