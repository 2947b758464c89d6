// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_RECORDING_H
#define TTP_SERVE_RECORDING_H

/*
 * `.events` files: TokenTransferEvent messages one after another, each behind its length as a
 * varint (protobuf's "delimited" form). A ledger's events stand together and ledgers rise.
 *
 * A recording is one or several such files, indexed by ledger; the index is in memory (32 bytes a
 * ledger), the events stay in the files and are read ledger by ledger. A message whose ledger can't
 * be read (a recorded stream may hold some) belongs to the ledger before it. Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/feed.h"
#include "util/buffer.h"
#include "util/error.h"

struct recording;

/* Opens and indexes the files, in any order; no ledger may be in two of them. ERR_NOT_FOUND
 * or ERR_IO (a file can't be read), ERR_CORRUPT (a record that ends early, a length that is no
 * length, ledgers that go backwards: with file, byte and event), ERR_CONFLICT (two files hold the
 * same ledgers), ERR_INVALID (no event in any file). *out is NULL after a failure. */
enum error_code recording_open(struct recording **out, const char *const *paths, size_t path_count,
                               struct error *error) MUST_CHECK;
void recording_free(struct recording *recording); /* NULL is fine */

uint32_t recording_first_ledger(const struct recording *recording);
uint32_t recording_last_ledger(const struct recording *recording);
uint64_t recording_event_count(const struct recording *recording);
uint64_t recording_ledger_count(const struct recording *recording); /* with at least one event */

/* A run of ledgers without a missing number. */
struct recording_group {
    uint32_t first_ledger;
    uint32_t last_ledger;
    uint64_t event_count;
};

/* Groups in ascending order; `index` is below recording_group_count. */
size_t recording_group_count(const struct recording *recording);
struct recording_group recording_group(const struct recording *recording, size_t index);

/* The first recorded ledger at or above `wanted`; false if there is none. */
bool recording_find(const struct recording *recording, uint32_t wanted, uint32_t *sequence);

/* Appends the events of a recorded ledger, framed as feed.h says. ERR_NOT_FOUND if it has none,
 * ERR_IO, ERR_CORRUPT (the file changed since it was indexed), ERR_NO_MEMORY. */
enum error_code recording_load(struct recording *recording, uint32_t sequence,
                               struct buffer *framed, struct error *error) MUST_CHECK;

/* The recording as a server's feed; borrows it. */
struct feed recording_feed(struct recording *recording);

/* Writes an `.events` file, sequentially, through a buffer. */
struct recording_writer;

/* Creates `path`; ERR_CONFLICT if it exists and `go_on` is false. With `go_on` an existing file is
 * continued: a record that ends early and the file's last ledger (perhaps incomplete) are cut off,
 * and *next_ledger is that ledger, from which the stream must be asked for again (0: the file holds
 * nothing). Any other damage, or a file that is not empty and holds no whole event, is ERR_CORRUPT
 * and leaves the file alone. */
enum error_code recording_writer_open(struct recording_writer **out, const char *path, bool go_on,
                                      uint32_t *next_ledger, struct error *error) MUST_CHECK;
/* Appends one message. ERR_RETRY: the disk is full, the same call may succeed later. */
enum error_code recording_writer_append(struct recording_writer *writer, struct bytes_view message,
                                        struct error *error) MUST_CHECK;
/* Writes out what is buffered and syncs. */
enum error_code recording_writer_finish(struct recording_writer *writer,
                                        struct error *error) MUST_CHECK;
uint64_t
recording_writer_size(const struct recording_writer *writer); /* bytes, buffered included */
void recording_writer_free(struct recording_writer *writer);  /* closes; NULL is fine */

#endif
