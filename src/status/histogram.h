// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_HISTOGRAM_H
#define TTP_STATUS_HISTOGRAM_H

/* Counts of observations per bucket, with fixed upper bounds. Not thread-safe. */

#include <stddef.h>
#include <stdint.h>

#include "status/writer.h"

#define HISTOGRAM_BOUNDS_MAX 24

struct histogram_bounds {
    size_t count;
    double scale; /* of what is shown to what is observed: 1e-6 shows microseconds as seconds */
    uint64_t upper[HISTOGRAM_BOUNDS_MAX]; /* ascending, inclusive, as observed */
};

/* 10 us to 10 s, shown in seconds. */
extern const struct histogram_bounds histogram_durations;
/* 64 KiB to 1 GiB, shown in bytes. */
extern const struct histogram_bounds histogram_sizes;

struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulative; the last is +Inf */
    uint64_t sum;
};

void histogram_observe(struct histogram *histogram, const struct histogram_bounds *bounds,
                       uint64_t value);

/* The samples name_bucket, name_sum and name_count; label is like `operation="encode"` or "". */
void histogram_write(const struct histogram *histogram, const struct histogram_bounds *bounds,
                     const char *name, const char *label, struct writer *writer);

#endif
