// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ARROW_DICTIONARY_H
#define TTP_ARROW_DICTIONARY_H

/*
 * An append-only dictionary of distinct values, interned once and shared by many record batches.
 *
 * One thread interns; arrays made of it may be read by other threads, which see the values below
 * the array's own length (handing a batch over through a locked queue orders the writes before the
 * reads). Capacity is reserved at creation and never moves, so pointers stay valid as long as a
 * reference is held; pages that are not used cost no memory. A full dictionary is replaced by a new
 * one with another id. Indices are given in the order of first occurrence.
 *
 * The values are somebody else's bytes, who may have chosen them so that they collide. So the hash
 * has a key (arrow_dictionary_set_key) that they can't know, and a value that finds no place within
 * ARROW_DICTIONARY_PROBES slots makes the dictionary full: no value ever costs more than that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arrow/abi.h"
#include "util/bytes.h"
#include "util/error.h"

struct arrow_dictionary;

/* Values are UTF-8 strings (format "u"), or fixed-size binary where fixed_size_bytes is not 0
 * ("w:N"). The caller holds one reference. ERR_NO_MEMORY. */
enum error_code arrow_dictionary_new(struct arrow_dictionary **out, size_t fixed_size_bytes,
                                     uint32_t max_values, uint32_t max_bytes) MUST_CHECK;
struct arrow_dictionary *arrow_dictionary_retain(struct arrow_dictionary *dictionary);
void arrow_dictionary_release(struct arrow_dictionary *dictionary); /* NULL is fine */

#define ARROW_DICTIONARY_FULL UINT32_MAX
/* A look-up passes at most this many slots; then the dictionary counts as full. Chance alone makes
 * runs of about 300. */
#define ARROW_DICTIONARY_PROBES 1024

/* The key of all hashes of this process: random bytes, set before threads start and while there is
 * no dictionary. Without one it is a constant, for tests and measurements that are to be the same
 * each time. */
#define ARROW_DICTIONARY_KEY_BYTES 192
void arrow_dictionary_set_key(const uint8_t key[ARROW_DICTIONARY_KEY_BYTES]);

/* The index of `value`, interned if it is new; ARROW_DICTIONARY_FULL if there is no room for it. */
uint32_t arrow_dictionary_intern(struct arrow_dictionary *dictionary, struct bytes_view value);

/*
 * The same in steps, for callers that have other work to do while memory is on its way: hash,
 * expect (asks for the hash table's entry), then expect_value (asks for the value there), then
 * intern.
 */
uint64_t
arrow_dictionary_hash(struct bytes_view value); /* with the key; never leaves the process */
void arrow_dictionary_expect(const struct arrow_dictionary *dictionary, uint64_t hash);
void arrow_dictionary_expect_value(const struct arrow_dictionary *dictionary, uint64_t hash);
uint32_t arrow_dictionary_intern_hashed(struct arrow_dictionary *dictionary,
                                        struct bytes_view value, uint64_t hash);

/*
 * Or a dictionary is a list: of values that others numbered, such as those of a file's pages, of
 * which some may be equal. Nothing is interned in it, and it borrows the values, which outlive it:
 * `count` of them side by side, texts with their `offsets`, as in an Arrow array. ERR_NO_MEMORY.
 */
enum error_code arrow_dictionary_new_list(struct arrow_dictionary **out, size_t fixed_size_bytes,
                                          uint32_t count, const int32_t *offsets,
                                          const uint8_t *values) MUST_CHECK;
bool arrow_dictionary_is_list(const struct arrow_dictionary *dictionary);

/* Unique in this process: the same id means the same index stands for the same value. */
uint64_t arrow_dictionary_id(const struct arrow_dictionary *dictionary);
uint32_t arrow_dictionary_count(const struct arrow_dictionary *dictionary);
struct bytes_view arrow_dictionary_value(const struct arrow_dictionary *dictionary, uint32_t index);
/* XXH64 (seed 0) of each value's bytes, by index: what Parquet's bloom filters need too. Not of a
 * list. */
const uint64_t *arrow_dictionary_hashes(const struct arrow_dictionary *dictionary);
/* Memory in use (not what is reserved). For the interning thread only. */
size_t arrow_dictionary_memory_bytes(const struct arrow_dictionary *dictionary);

/* Fills `out` (empty) with the ArrowArray of the values so far; it holds a reference until
 * released. ERR_NO_MEMORY. */
enum error_code arrow_dictionary_export(struct arrow_dictionary *dictionary,
                                        struct ArrowArray *out) MUST_CHECK;

/* The shared dictionary behind an exported array (`array->dictionary` of a column), or NULL if some
 * other producer made it. Borrowed. */
const struct arrow_dictionary *arrow_dictionary_of(const struct ArrowArray *values);

#endif
