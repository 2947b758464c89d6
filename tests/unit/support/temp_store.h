// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_TEMP_STORE_H
#define TTP_TESTS_TEMP_STORE_H

#include "store/store.h"

/* The store of a folder; it lives until the fourth call after this one. */
const struct store *temp_store(const char *folder);

#endif
