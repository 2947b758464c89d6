// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_INTENT_FILE_H
#define TTP_COMMIT_INTENT_FILE_H

/* An intent as JSON text, and the file that it is kept in: _lake/staging/intent.json. */

#include "commit/intent.h"
#include "store/store.h"
#include "util/buffer.h"
#include "util/error.h"

/* Appends the JSON text. */
enum error_code intent_encode(const struct intent *intent, struct buffer *out,
                              struct error *error) MUST_CHECK;
/* ERR_CORRUPT (naming `path`) also where no commit can have made it (commit/intent_check.h),
 * ERR_CONFLICT for a newer layout. `intent` is initialised in every
 * case. */
enum error_code intent_decode(struct intent *intent, struct bytes_view text, const char *path,
                              struct error *error) MUST_CHECK;

/* Reads the lake's intent; ERR_NOT_FOUND if there is none. */
enum error_code intent_read(struct intent *intent, const struct store *store,
                            struct error *error) MUST_CHECK;
/* Writes it durably: bytes and name. ERR_RETRY on a full disk, with no intent there. */
enum error_code intent_write(const struct intent *intent, const struct store *store,
                             struct error *error) MUST_CHECK;

#endif
