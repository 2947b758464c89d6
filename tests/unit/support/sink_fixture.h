// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_SINK_FIXTURE_H
#define TTP_TESTS_SINK_FIXTURE_H

/*
 * A stream of made-up ledgers for the sink's tests, and the truth about it: ledger L closes at
 * 2024-01-15T12:00:00Z + 5 L seconds and has stream_rows(L) events; where that is 0 the stream
 * leaves it out; each ledger that divides by 13 has one event that can't be a row.
 */

#include "rows/batch_builder.h"
#include "sink/sink.h"

#define STREAM_START_S INT64_C(1705320000)

uint32_t stream_rows(uint32_t ledger);
bool stream_has_dead_letter(uint32_t ledger);
int64_t stream_close_us(uint32_t ledger);

/* An event of a ledger, with its texts in `texts`. What stands for its message is STREAM_RAW. */
#define STREAM_RAW "raw bytes"
struct stream_texts {
    char hash[65], account[57];
};
struct event_view stream_event(uint32_t ledger, uint32_t index, struct stream_texts *texts);
/* How many there are of it: rows and its dead letter. */
uint32_t stream_events(uint32_t ledger);

/* Options for a lake at `folder`: 1.1.0, date_hour, snappy, limits that nothing here reaches. */
struct sink_options stream_options(const char *folder);

/* Sends ledgers first..last in batches of batch_ledgers (each may be cut at an hour's end); stops
 * at the first failure. A sink that failed has a lost range. */
enum error_code stream_send(struct sink *sink, const struct sink_options *options, uint32_t first,
                            uint32_t last, uint32_t batch_ledgers, struct error *error);

/* The batches that stream_send would send, in its order; the caller frees them. */
size_t stream_batches(const struct sink_options *options, uint32_t first, uint32_t last,
                      uint32_t batch_ledgers, struct row_batch **batches, size_t batches_max);

/* As a run does: sends what the catalog does not cover of first..last and commits; tries again
 * after a failure, at most `tries` times. False if it never got through. */
bool stream_fill(struct sink *sink, const struct sink_options *options, uint32_t first,
                 uint32_t last, unsigned tries);

/* Checks the lake at `folder` against the truth: each covered ledger has all its rows, once, and
 * other ledgers none; each file is what the catalog says and passes verification of every value;
 * there is no other .parquet file, nothing in staging and no intent. Returns the ledgers covered.
 */
uint64_t stream_check(const char *folder);

/* The lake covers exactly first..last. */
void stream_check_covers(const char *folder, uint32_t first, uint32_t last);

#endif
