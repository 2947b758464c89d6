// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_ROW_JSON_H
#define TTP_TESTS_ROW_JSON_H

/* Rows as lines of tests/data/<name>.rows.jsonl, from the row and from the columns of a batch. */

#include "rows/batch.h"
#include "rows/row.h"

/* The row as a line, without its end; absent texts are null. */
void row_json(const struct row_view *row, struct buffer *out);

/* Row `at` of a batch of schema 1.1.0, dictionary-encoded or plain, read back from its Arrow
 * columns. Texts point into the batch. */
void row_from_batch(const struct ArrowArray *batch, int64_t at, struct row_view *row);

#endif
