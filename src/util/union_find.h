// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_UNION_FIND_H
#define TTP_UTIL_UNION_FIND_H

/* Sets of what belongs together, of things that are numbered from 0: a forest in which each thing
 * has a parent, at the beginning itself. A set's root is its lowest number. */

#include <stddef.h>

static inline size_t union_find_root(size_t *parents, size_t thing)
{
    while (parents[thing] != thing) {
        parents[thing] = parents[parents[thing]];
        thing = parents[thing];
    }
    return thing;
}

static inline void union_find_join(size_t *parents, size_t a, size_t b)
{
    size_t left = union_find_root(parents, a), right = union_find_root(parents, b);
    parents[left > right ? left : right] = left > right ? right : left;
}

#endif
