// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_OBJECT_STORE_H
#define TTP_TESTS_OBJECT_STORE_H

#include "store/store.h"

/* A folder that behaves as an object store does, as far as the rooms above the store can tell: it
 * is none, moves and links nothing, and deletes many at once. One at a time. */
void object_store_make(struct store *store, const char *folder);

/* Of the next deletion of many: how many of them go before it fails; SIZE_MAX: all. */
void object_store_fail_after(size_t count);
/* Requests so far: deletions of many, and files that were opened. */
struct object_store_counts {
    size_t deletions, opens;
};
struct object_store_counts object_store_counts(void);

#endif
