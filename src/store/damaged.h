// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_DAMAGED_H
#define TTP_STORE_DAMAGED_H

/* _lake/damaged: what is not part of the lake any more and is kept all the same. */

#include "util/error.h"

/* Moves root/path there, under its own name with the suffix .damaged (which no glob for .parquet
 * takes; "-2", "-3" … behind it where that is taken), durably. ERR_NOT_FOUND if it is not there. */
enum error_code damaged_keep(const char *root, const char *path, struct error *error) MUST_CHECK;

#endif
