// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_MEMORY_FILE_H
#define TTP_FUZZ_MEMORY_FILE_H

/*
 * Files without a disk, for parsers that read a file by its name: from the first call on, os/
 * opens the names given here and no other.
 */

#include "util/bytes.h"

#define MEMORY_FILE_MAX 4

/* The file of that name (borrowed, a constant) holds `content` (copied) until the next call. */
void memory_file_set(const char *name, struct bytes_view content);

#endif
