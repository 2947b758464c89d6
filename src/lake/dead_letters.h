// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_DEAD_LETTERS_H
#define TTP_LAKE_DEAD_LETTERS_H

/* Dead letters as they lie in _lake/dead_letters: one JSON object a line (design section 3). */

#include "os/file.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/error.h"

struct stored_letter {
    uint32_t ledger_sequence;
    uint32_t event_index;
    const char *reason;
    struct bytes_view raw;
};

/* Parses a whole file into `letters` (struct stored_letter, in file order); texts and bytes lie in
 * `arena`. ERR_CORRUPT names the line: one that is no dead letter, or larger than one can be beside
 * its event. */
enum error_code dead_letters_parse(struct bytes_view text, struct arena *arena,
                                   struct buffer *letters, struct error *error) MUST_CHECK;

/* Reads a commit's file, `path` relative to the lake's own folder; `full` gets its whole path.
 * ERR_NOT_FOUND if it is not there. */
enum error_code dead_letters_read(const char *root, const char *path, char full[OS_PATH_BYTES],
                                  struct buffer *text, struct error *error) MUST_CHECK;

/* Reads and parses a commit's file, `path` relative to the lake's own folder, and appends to
 * `letters`. *checksum, which may be NULL, gets the XXH64 of its bytes, also of damaged ones.
 * ERR_NOT_FOUND if it is not there; ERR_CORRUPT as above. */
enum error_code dead_letters_load(const char *root, const char *path, struct arena *arena,
                                  struct buffer *letters, uint64_t *checksum,
                                  struct error *error) MUST_CHECK;

/* A whole file of dead letters at most. */
#define DEAD_LETTERS_MAX_BYTES ((size_t)1 << 30)

#endif
