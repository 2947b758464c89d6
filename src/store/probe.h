// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_PROBE_H
#define TTP_STORE_PROBE_H

/*
 * Whether commits can be made here at all: this user may write to all that is the lake's, and the
 * file system can do what docs/commit-protocol.md builds on: give a staged file its name without
 * replacing another, across folders, and sync folders. Locks are lake_lock's to try. What a start
 * does not find out here, the first commit would, after everything was fetched.
 */

#include "store/store.h"

/* The lake's lock is held. `others`: files that somebody else keeps in the lake, which must be
 * writable too, where they are there. Leaves nothing behind; what an earlier one left when its
 * process died is deleted. ERR_INVALID, with the remedy: not here, or not as this user. Others
 * (ERR_IO) as they come; a full disk tells nothing and is OK. */
enum error_code lake_probe(const struct store *store, const char *const *others, size_t other_count,
                           struct error *error) MUST_CHECK;

#endif
