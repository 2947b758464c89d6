// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_METRICS_H
#define TTP_STATUS_METRICS_H

/*
 * The metrics registry: one table (name, type, labels, help) makes both /metrics in Prometheus'
 * text format 0.0.4 and docs/METRICS.md. Most values come from the snapshot at each scrape; a
 * struct metrics keeps what a snapshot can't: the histograms and the rows per partition.
 *
 * Thread-safe. Updates take a mutex: call them per batch, file or commit, never per event.
 */

#include <stdint.h>

#include "status/snapshot.h"
#include "util/buffer.h"
#include "util/error.h"

/* ttp_processing_duration_seconds{operation} */
enum metrics_operation {
    METRICS_DECODE,   /* a batch's bytes to rows */
    METRICS_ENCODE,   /* a batch to column chunks */
    METRICS_READBACK, /* a file read back before it is published */
    METRICS_COMMIT    /* from the cut to durability */
};
#define METRICS_OPERATION_COUNT 4

/* Series of ttp_events_written_total: the partitions written to most lately. */
#define METRICS_PARTITIONS_MAX 48

struct metrics;

/* NULL with ERR_NO_MEMORY. */
struct metrics *metrics_new(struct error *error);
void metrics_free(struct metrics *metrics); /* NULL is fine */

/* The operation of this name ("decode", "encode", "readback", "commit"); false if there is none. */
bool metrics_operation_by_name(const char *name, enum metrics_operation *operation) MUST_CHECK;

void metrics_observe_duration(struct metrics *metrics, enum metrics_operation operation,
                              int64_t duration_us);
/* A published file's size. */
void metrics_observe_file(struct metrics *metrics, uint64_t size_bytes);
/* Rows committed to a partition, named as the label shall be (such as 2024-01-15T12). */
void metrics_add_written(struct metrics *metrics, const char *partition, uint64_t row_count);

/* Appends the exposition. ERR_NO_MEMORY; `out` then holds a part of it. */
enum error_code metrics_render(const struct metrics *metrics,
                               const struct status_snapshot *snapshot,
                               struct buffer *out) MUST_CHECK;

/* Appends docs/METRICS.md, made of the same table. ERR_NO_MEMORY. */
enum error_code metrics_render_documentation(struct buffer *out) MUST_CHECK;

#endif
