// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_TEMP_FOLDER_H
#define TTP_TESTS_TEMP_FOLDER_H

/* A folder of a test's own, in memory where the system has such a file system. */

#include <stdbool.h>
#include <stddef.h>

#define TEMP_PATH_BYTES 4096

/* Makes an empty folder and writes its path; fails the test if it can't. */
void temp_folder_make(char out[TEMP_PATH_BYTES]);
/* Deletes it with all that is in it. */
void temp_folder_remove(const char *path);
/* Deletes what is in it. */
void temp_folder_clear(const char *path);

/* "<folder>/<name>" in a buffer that lives until the fourth call after this one. */
const char *temp_path(const char *folder, const char *name);

void temp_write(const char *path, const void *data, size_t size_bytes);
bool temp_exists(const char *path);
/* How many regular files below `folder` have a path (relative to it) that begins with `prefix` and
 * ends with `suffix`. */
size_t temp_count(const char *folder, const char *prefix, const char *suffix);
/* Copies a folder with all that is in it to one that does not exist. */
void temp_copy(const char *from, const char *to);

#endif
