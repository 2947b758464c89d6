// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_LAKE_SCRIPT_H
#define TTP_FUZZ_LAKE_SCRIPT_H

/*
 * A lake's folder as somebody hostile may leave it, described by bytes. The first byte chooses a
 * sound lake: at rest, or with a commit that a process died in. Steps follow, until the bytes end:
 * they put links, pipes, sockets, devices, sparse files, hard links and folders anywhere, move and
 * copy what is there, damage bytes, numbers, JSON and the catalog (by SQL as well), and make a
 * write-ahead log or a rollback journal beside it.
 *
 * Beside the lake lies a folder that nobody may change, a lake of its own among other things: links
 * lead there. No step ever does something through a link.
 */

#include <stdbool.h>

#include "support/input.h"

/* Once, before the others: makes the sound lakes and the folder outside, below a temporary folder
 * that goes with the process. */
void lake_script_prepare(void);

/* The lake's folder, the same each time. */
const char *lake_script_folder(void);

/* Lays the lake down in place of the last one. */
void lake_script_run(struct fuzz_input *input);

/* Whether nothing but the lake changed since lake_script_prepare; says on stderr what did. */
bool lake_script_outside_is_same(void);

/* Whether each file that lay outside of _lake is still somewhere in the lake, all but those of the
 * commit that a process died in. */
bool lake_script_files_are_kept(void);

#endif
