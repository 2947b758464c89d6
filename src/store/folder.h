// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_FOLDER_H
#define TTP_STORE_FOLDER_H

/* A lake in a folder, for store/store.c. */

#include "store/store.h"

enum error_code folder_at(struct store *store, const char *output_path,
                          struct error *error) MUST_CHECK;

#endif
