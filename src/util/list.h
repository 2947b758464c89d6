// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_LIST_H
#define TTP_UTIL_LIST_H

/* A buffer as a list of items of one type. */

#include "util/buffer.h"

static inline size_t list_count_of(const struct buffer *list, size_t item_bytes)
{
    return list->size_bytes / item_bytes;
}
#define LIST_COUNT(list, type)     list_count_of((list), sizeof(type))
#define LIST_AT(list, type, index) (&((type *)(void *)(list)->data)[index])

#endif
