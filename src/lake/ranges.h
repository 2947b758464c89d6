// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_RANGES_H
#define TTP_LAKE_RANGES_H

/* Lists of ledger ranges: buffers of struct ledger_range, ascending and disjoint unless said
 * otherwise. What is made of two of them is appended to `out`. Errors: ERR_NO_MEMORY. */

#include "catalog/catalog.h"
#include "util/buffer.h"

/* Makes any list ascending, disjoint and not touching. */
void ranges_merge(struct buffer *ranges);

/* What of `ranges` none of `excluded` has. */
enum error_code ranges_exclude(const struct buffer *ranges, const struct buffer *excluded,
                               struct buffer *out, struct error *error) MUST_CHECK;
/* What both have. */
enum error_code ranges_intersect(const struct buffer *a, const struct buffer *b, struct buffer *out,
                                 struct error *error) MUST_CHECK;
/* The same ledgers in ranges of at most so many. */
enum error_code ranges_split(const struct buffer *ranges, uint32_t ledgers, struct buffer *out,
                             struct error *error) MUST_CHECK;

/* How many ledgers all have together. */
uint64_t ranges_count(const struct buffer *ranges);

/* Runs of a sample at most: each costs a server a call. */
#define RANGES_SAMPLE_RUNS 256
/* Runs of a sample lie so many ledgers apart at least; else there are fewer. */
#define RANGES_SAMPLE_GAP 100

/* A sample of the ledgers: so many millionths of them, one at least, in runs of about equal length
 * that are spread evenly. The same ranges give the same sample. */
enum error_code ranges_sample(const struct buffer *ranges, uint32_t millionths, struct buffer *out,
                              struct error *error) MUST_CHECK;

#endif
