// SPDX-License-Identifier: Apache-2.0
#include "sink/rotation.h"

#include "util/text.h"

#define PARTITION_CHANGE_US (120 * US_PER_SECOND)

/* The first bytes of an estimate count as exact: small row groups compress unlike large ones. */
#define TRUSTED_BYTES 65536.0
/* Added to what is expected: the limit is to be kept, a row group more costs little. */
#define MARGIN             1.1
#define FOOTER_FIXED_BYTES 6144
#define FIRST_TAIL_SHARE   0.02

void size_estimate_learn(struct size_estimate *estimate, uint64_t estimated_bytes,
                         uint64_t real_bytes)
{
    estimate->real_bytes = estimate->real_bytes / 2 + (double)real_bytes;
    estimate->estimated_bytes = estimate->estimated_bytes / 2 + (double)estimated_bytes;
}

void size_estimate_learn_tail(struct size_estimate *estimate, uint64_t data_bytes,
                              uint64_t tail_bytes)
{
    double growing_bytes =
        tail_bytes > FOOTER_FIXED_BYTES ? (double)(tail_bytes - FOOTER_FIXED_BYTES) : 0;
    double known_bytes = estimate->tail_data_bytes / 2;
    double all_bytes = known_bytes + (double)data_bytes;
    if (all_bytes <= 0)
        return;
    estimate->tail_share = (estimate->tail_share * known_bytes + growing_bytes) / all_bytes;
    estimate->tail_data_bytes = all_bytes;
}

uint64_t size_estimate_of(const struct size_estimate *estimate, uint64_t written_bytes,
                          uint64_t open_estimated_bytes)
{
    double ratio =
        (TRUSTED_BYTES + estimate->real_bytes) / (TRUSTED_BYTES + estimate->estimated_bytes);
    return written_bytes + (uint64_t)((double)open_estimated_bytes * ratio);
}

/* What the row groups may take of a file's limit. Of the first file, two in a hundred and the fixed
 * part of a footer are kept for what follows them. */
static uint64_t data_limit(const struct size_estimate *estimate, uint64_t max_bytes)
{
    double share = estimate->tail_data_bytes > 0 ? estimate->tail_share : FIRST_TAIL_SHARE;
    uint64_t fixed_bytes = FOOTER_FIXED_BYTES < max_bytes / 4 ? FOOTER_FIXED_BYTES : max_bytes / 4;
    return (uint64_t)((double)(max_bytes - fixed_bytes) / (1 + share));
}

enum size_verdict rotation_by_size(const struct size_estimate *estimate, uint64_t max_bytes,
                                   uint64_t written_bytes, uint64_t open_estimated_bytes)
{
    max_bytes = data_limit(estimate, max_bytes);
    uint64_t enough_bytes = max_bytes - max_bytes / 10;
    if (written_bytes >= max_bytes)
        return SIZE_CUT;
    if (open_estimated_bytes == 0)
        return written_bytes >= enough_bytes ? SIZE_CUT : SIZE_GO_ON;
    uint64_t open_bytes = size_estimate_of(estimate, 0, open_estimated_bytes);
    if (written_bytes + (uint64_t)((double)open_bytes * MARGIN) >= max_bytes)
        return SIZE_CLOSE_ROW_GROUP;
    if (estimate->estimated_bytes == 0 && written_bytes + open_bytes >= max_bytes / 2)
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
