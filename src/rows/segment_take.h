// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_SEGMENT_TAKE_H
#define TTP_ROWS_SEGMENT_TAKE_H

/* From a segment to the batch that leaves its builder. Inner part of batch_builder. */

#include "rows/segment.h"

/* Turns the segment, which holds complete ledgers only, into a batch; the segment is then empty.
 * ERR_NO_MEMORY: call again later. */
enum error_code segment_take(struct segment *segment, enum partitioning_scheme scheme,
                             struct row_batch **batch) MUST_CHECK;

#endif
