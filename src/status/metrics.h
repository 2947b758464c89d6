// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_METRICS_H
#define TTP_STATUS_METRICS_H

/*
 * What /metrics shows and a snapshot can't keep: the histograms and the rows per partition
 * (status/figures.h has all that is shown).
 *
 * Thread-safe. Updates take a mutex: call them per batch, file or commit, never per event.
 */

#include <stdint.h>

#include "status/histogram.h"
#include "status/snapshot.h"
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

struct metrics_partition {
    char label[STATUS_LABEL_BYTES];
    uint64_t row_count;
    uint64_t last_use;
};

struct metrics_series {
    struct histogram durations[METRICS_OPERATION_COUNT];
    struct histogram file_sizes;
    uint64_t uses; /* of partitions, so far */
    size_t partition_count;
    struct metrics_partition partitions[METRICS_PARTITIONS_MAX];
};

struct metrics;

enum error_code metrics_new(struct metrics **out, struct error *error) MUST_CHECK;
void metrics_free(struct metrics *metrics); /* NULL is fine */

const char *metrics_operation_name(enum metrics_operation operation);
/* The operation of this name ("decode", "encode", "readback", "commit"); false if there is none. */
bool metrics_operation_by_name(const char *name, enum metrics_operation *operation) MUST_CHECK;

void metrics_observe_duration(struct metrics *metrics, enum metrics_operation operation,
                              int64_t duration_us);
/* A published file's size. */
void metrics_observe_file(struct metrics *metrics, uint64_t size_bytes);
/* Rows committed to a partition, named as the label shall be (such as 2024-01-15T12). */
void metrics_add_written(struct metrics *metrics, const char *partition, uint64_t row_count);

/* All of it, as it is now. */
void metrics_read(const struct metrics *metrics, struct metrics_series *out);

#endif
