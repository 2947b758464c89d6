// SPDX-License-Identifier: Apache-2.0
#include "sink/rotation.h"

#include "util/text.h"

#define PARTITION_CHANGE_US (120 * US_PER_SECOND)

void size_estimate_learn(struct size_estimate *estimate, uint64_t estimated_bytes,
                         uint64_t real_bytes)
{
    if (estimated_bytes == 0)
        return;
    double ratio = (double)real_bytes / (double)estimated_bytes;
    estimate->ratio = estimate->ratio == 0 ? ratio : (estimate->ratio + ratio) / 2;
}

uint64_t size_estimate_of(const struct size_estimate *estimate, uint64_t written_bytes,
                          uint64_t open_estimated_bytes)
{
    double ratio = estimate->ratio == 0 ? 1 : estimate->ratio;
    return written_bytes + (uint64_t)((double)open_estimated_bytes * ratio);
}

enum size_verdict rotation_by_size(const struct size_estimate *estimate, uint64_t max_bytes,
                                   uint64_t written_bytes, uint64_t open_estimated_bytes)
{
    uint64_t enough_bytes = max_bytes - max_bytes / 10;
    if (written_bytes >= max_bytes)
        return SIZE_CUT;
    if (open_estimated_bytes == 0)
        return written_bytes >= enough_bytes ? SIZE_CUT : SIZE_GO_ON;
    uint64_t expected_bytes = size_estimate_of(estimate, written_bytes, open_estimated_bytes);
    if (expected_bytes >= max_bytes)
        return SIZE_CLOSE_ROW_GROUP;
    if (estimate->ratio == 0 && expected_bytes >= max_bytes / 2)
        return SIZE_CLOSE_ROW_GROUP;
    return SIZE_GO_ON;
}

int64_t rotation_age_wait_us(const struct rotation_age *age, int64_t monotonic_us,
                             int64_t realtime_us)
{
    int64_t left_us = age->opened_us + age->max_age_us - monotonic_us;
    if (left_us > 0)
        return left_us;
    if (age->has_partition && realtime_us >= age->partition_end_us &&
        realtime_us - age->partition_end_us < PARTITION_CHANGE_US)
        return age->partition_end_us + PARTITION_CHANGE_US - realtime_us;
    return 0;
}
