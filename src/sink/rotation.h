// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_ROTATION_H
#define TTP_SINK_ROTATION_H

/* When a commit is cut, and when a row group is closed (design section 4): arithmetic only. */

#include <stdbool.h>
#include <stdint.h>

/* A file that would reach its limit only by an estimate is measured first: its row group is closed.
 * The ratio of real to estimated bytes of the last row groups corrects the estimate. */
struct size_estimate {
    double real_bytes, estimated_bytes; /* older row groups count half each; 0: nothing measured */
    /* What follows the row groups (indexes, filters, footer) less a footer's fixed part, over the
     * row groups' bytes; by their bytes, so that tiny files of rare types say little. */
    double tail_share;
    double tail_data_bytes; /* that it was learnt from; older files count half each */
};

/* Learns from a closed row group. */
void size_estimate_learn(struct size_estimate *estimate, uint64_t estimated_bytes,
                         uint64_t real_bytes);
/* Learns from a finished file: bytes of its row groups and of all that follows them. */
void size_estimate_learn_tail(struct size_estimate *estimate, uint64_t data_bytes,
                              uint64_t tail_bytes);
/* What a file has, or will have when its open row group closes. */
uint64_t size_estimate_of(const struct size_estimate *estimate, uint64_t written_bytes,
                          uint64_t open_estimated_bytes);

enum size_verdict {
    SIZE_GO_ON,
    SIZE_CLOSE_ROW_GROUP, /* by the estimate it is enough, or nothing was measured yet: measure */
    SIZE_CUT
};
/* written_bytes: closed row groups. A file is cut from 90% of its limit on if its row group had
 * just to be closed, so that no tiny row group follows. */
enum size_verdict rotation_by_size(const struct size_estimate *estimate, uint64_t max_bytes,
                                   uint64_t written_bytes, uint64_t open_estimated_bytes);

/* An open commit, as far as its age goes. */
struct rotation_age {
    int64_t opened_us; /* monotonic */
    int64_t max_age_us;
    bool has_partition;
    int64_t partition_end_us; /* wall clock */
};
/* Microseconds until its age cuts it; 0: now. Within two minutes after the partition's end the cut
 * is left to the partition's change. */
int64_t rotation_age_wait_us(const struct rotation_age *age, int64_t monotonic_us,
                             int64_t realtime_us);

#endif
