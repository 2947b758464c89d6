// SPDX-License-Identifier: Apache-2.0
#include "status/metrics.h"

#include <stdio.h>
#include <string.h>

#include "os/thread.h"
#include "util/memory.h"

struct metrics {
    struct os_mutex mutex;
    struct metrics_series series;
};

const char *metrics_operation_name(enum metrics_operation operation)
{
    static const char *const names[METRICS_OPERATION_COUNT] = {"decode", "encode", "readback",
                                                               "commit"};
    return names[operation];
}

enum error_code metrics_new(struct metrics **out, struct error *error)
{
    *out = NULL;
    struct metrics *metrics = mem_alloc_zero(1, sizeof(*metrics));
    if (!metrics)
        return error_no_memory(error, "the metrics");
    enum error_code code = os_mutex_init(&metrics->mutex, error);
    if (code == OK)
        *out = metrics;
    else
        mem_free(metrics);
    return code;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    os_mutex_release(&metrics->mutex);
    mem_free(metrics);
}

bool metrics_operation_by_name(const char *name, enum metrics_operation *operation)
{
    for (size_t i = 0; i < METRICS_OPERATION_COUNT; i++)
        if (strcmp(metrics_operation_name((enum metrics_operation)i), name) == 0) {
            *operation = (enum metrics_operation)i;
            return true;
        }
    return false;
}

void metrics_observe_duration(struct metrics *metrics, enum metrics_operation operation,
                              int64_t duration_us)
{
    uint64_t value = duration_us > 0 ? (uint64_t)duration_us : 0;
    os_mutex_lock(&metrics->mutex);
    histogram_observe(&metrics->series.durations[operation], &histogram_durations, value);
    os_mutex_unlock(&metrics->mutex);
}

void metrics_observe_file(struct metrics *metrics, uint64_t size_bytes)
{
    os_mutex_lock(&metrics->mutex);
    histogram_observe(&metrics->series.file_sizes, &histogram_sizes, size_bytes);
    os_mutex_unlock(&metrics->mutex);
}

/* The partition's place: its own, a new one, or that of the one unused for longest. */
static struct metrics_partition *find_partition(struct metrics_series *series, const char *label)
{
    struct metrics_partition *oldest = &series->partitions[0];
    for (size_t i = 0; i < series->partition_count; i++) {
        struct metrics_partition *partition = &series->partitions[i];
        if (strcmp(partition->label, label) == 0)
            return partition;
        if (partition->last_use < oldest->last_use)
            oldest = partition;
    }
    if (series->partition_count < METRICS_PARTITIONS_MAX)
        oldest = &series->partitions[series->partition_count++];
    memset(oldest, 0, sizeof(*oldest));
    snprintf(oldest->label, sizeof(oldest->label), "%s", label);
    return oldest;
}

void metrics_add_written(struct metrics *metrics, const char *partition, uint64_t row_count)
{
    char label[STATUS_LABEL_BYTES];
    snprintf(label, sizeof(label), "%s", partition);
    os_mutex_lock(&metrics->mutex);
    struct metrics_partition *place = find_partition(&metrics->series, label);
    place->row_count += row_count;
    place->last_use = ++metrics->series.uses;
    os_mutex_unlock(&metrics->mutex);
}

void metrics_read(const struct metrics *metrics, struct metrics_series *out)
{
    struct os_mutex *mutex = (struct os_mutex *)&metrics->mutex;
    os_mutex_lock(mutex);
    *out = metrics->series;
    os_mutex_unlock(mutex);
}
