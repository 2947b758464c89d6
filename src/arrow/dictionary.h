// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ARROW_DICTIONARY_H
#define TTP_ARROW_DICTIONARY_H

/*
 * An append-only dictionary of distinct values, interned once and shared by many record batches.
 *
 * One thread interns; arrays made of it may be read by other threads, which see the values below
 * the array's own length (handing a batch over through a locked queue orders the writes before the
 * reads). What an array points to stays where it is as long as the array lives: a dictionary that
 * grows goes over to a larger copy. Indices are given in the order of first occurrence.
 *
 * An array may say which of its values are new since the one before (Arrow's delta dictionaries):
 * the values before them are there all the same, so that anybody can import it, and who follows the
 * arrays takes each value once.
 *
 * The values are somebody else's bytes, who may have chosen them so that they collide. So the hash
 * has a key (arrow_dictionary_set_key) that they can't know, and a value that finds no place within
 * ARROW_DICTIONARY_PROBES slots is not found again: no value ever costs more than that.
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
#define ARROW_DICTIONARY_NONE UINT32_MAX
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

/* With the key; never leaves the process. */
uint64_t arrow_dictionary_hash(struct bytes_view value);
/* The two halves of interning, for callers that look at a value only when it is new: its index, or
 * ARROW_DICTIONARY_NONE; and adding one that was not found. A value for which there is no slot
 * within ARROW_DICTIONARY_PROBES is added all the same, and again each time it comes.
 * ARROW_DICTIONARY_FULL: the limits are reached, or memory is out. */
uint32_t arrow_dictionary_find(const struct arrow_dictionary *dictionary, struct bytes_view value,
                               uint64_t hash);
uint32_t arrow_dictionary_add(struct arrow_dictionary *dictionary, struct bytes_view value,
                              uint64_t hash);

/* No value so far is looked up any more: one that comes again gets another index. */
void arrow_dictionary_forget(struct arrow_dictionary *dictionary);

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
/* Until the next value is added. */
struct bytes_view arrow_dictionary_value(const struct arrow_dictionary *dictionary, uint32_t index);
/* What is worked out once for each distinct value, when it is new. */
struct arrow_value_facts {
    uint64_t xxh64; /* of its bytes, seed 0: what Parquet's Bloom filters take */
    uint64_t xxh3;  /* XXH3-64 of them, seed 0: with the former 128 bits that stand for the value */
};
struct arrow_value_facts arrow_value_facts_of(struct bytes_view value);
/* By index; until the next value is added. Not of a list. */
const struct arrow_value_facts *arrow_dictionary_facts(const struct arrow_dictionary *dictionary);
/* Memory in use (not what is reserved). For the interning thread only. */
size_t arrow_dictionary_memory_bytes(const struct arrow_dictionary *dictionary);

/* Fills `out` (empty) with the ArrowArray of the values so far; it holds a reference until
 * released. ERR_NO_MEMORY. */
enum error_code arrow_dictionary_export(struct arrow_dictionary *dictionary,
                                        struct ArrowArray *out) MUST_CHECK;

/* The same of the first `count` values, of which those from `first_new` on are new to who got the
 * array before. */
enum error_code arrow_dictionary_export_part(struct arrow_dictionary *dictionary,
                                             uint32_t first_new, uint32_t count,
                                             struct ArrowArray *out) MUST_CHECK;

/* The shared dictionary behind an exported array (`array->dictionary` of a column), or NULL if some
 * other producer made it. Borrowed. */
const struct arrow_dictionary *arrow_dictionary_of(const struct ArrowArray *values);
/* Of an array of arrow_dictionary_export_part: the first value that is new; ARROW_DICTIONARY_NONE
 * of any other. */
uint32_t arrow_dictionary_first_new(const struct ArrowArray *values);
/* By index, on any thread, as long as the array lives; NULL if another producer made it. */
const struct arrow_value_facts *arrow_dictionary_facts_of(const struct ArrowArray *values);

#endif
