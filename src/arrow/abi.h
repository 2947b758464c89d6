// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ARROW_ABI_H
#define TTP_ARROW_ABI_H

/*
 * The Arrow C Data Interface (arrow.apache.org/docs/format/CDataInterface.html): two structs that
 * any Arrow implementation can import. Names, members and their order are fixed by that
 * specification.
 */

#include <stdint.h>

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count; /* -1: not computed */
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

/* Releases if it was not released yet (release != NULL). */
void arrow_array_release(struct ArrowArray *array);
void arrow_schema_release(struct ArrowSchema *schema);

#endif
