// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_PATH_H
#define TTP_OS_PATH_H

/* Paths as texts. */

#include "util/error.h"

/* "<directory>/<name>" into out, 4096 bytes at most; ERR_LIMIT if it does not fit. */
#define OS_PATH_BYTES 4096
enum error_code os_path_join(char out[OS_PATH_BYTES], const char *directory, const char *name,
                             struct error *error) MUST_CHECK;

/* The directory that holds `path`: "." for a bare name. */
enum error_code os_parent_path(char out[OS_PATH_BYTES], const char *path,
                               struct error *error) MUST_CHECK;
/* The path as seen from the root, whether or not anything lies there; links stay as they are. */
enum error_code os_absolute_path(char out[OS_PATH_BYTES], const char *path,
                                 struct error *error) MUST_CHECK;
/* The absolute path of something that exists, symbolic links resolved. */
enum error_code os_real_path(char out[OS_PATH_BYTES], const char *path,
                             struct error *error) MUST_CHECK;

#endif
