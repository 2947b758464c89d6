// SPDX-License-Identifier: Apache-2.0
#include "status/histogram.h"

#include <inttypes.h>

const struct histogram_bounds histogram_durations = {
    .count = 19,
    .scale = 1e-6,
    .upper = {10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
              500000, 1000000, 2500000, 5000000, 10000000}};

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

const struct histogram_bounds histogram_sizes = {.count = 10,
                                                 .scale = 1,
                                                 .upper = {64 * KIB, 256 * KIB, MIB, 4 * MIB,
                                                           16 * MIB, 64 * MIB, 128 * MIB, 160 * MIB,
                                                           256 * MIB, 1024 * MIB}};

void histogram_observe(struct histogram *histogram, const struct histogram_bounds *bounds,
                       uint64_t value)
{
    size_t bucket = 0;
    while (bucket < bounds->count && value > bounds->upper[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum += value;
}

void histogram_write(const struct histogram *histogram, const struct histogram_bounds *bounds,
                     const char *name, const char *label, struct writer *writer)
{
    const char *comma = label[0] == '\0' ? "" : ",";
    const char *open = label[0] == '\0' ? "" : "{";
    const char *close = label[0] == '\0' ? "" : "}";
    uint64_t below = 0;
    for (size_t i = 0; i < bounds->count; i++) {
        below += histogram->counts[i];
        writer_format(writer, "%s_bucket{%s%sle=\"%.10g\"} %" PRIu64 "\n", name, label, comma,
                      (double)bounds->upper[i] * bounds->scale, below);
    }
    below += histogram->counts[bounds->count];
    writer_format(writer, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, label, comma, below);
    writer_format(writer, "%s_sum%s%s%s %.15g\n", name, open, label, close,
                  (double)histogram->sum * bounds->scale);
    writer_format(writer, "%s_count%s%s%s %" PRIu64 "\n", name, open, label, close, below);
}
