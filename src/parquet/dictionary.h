// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_DICTIONARY_H
#define TTP_PARQUET_DICTIONARY_H

/*
 * The dictionary of one column chunk: its distinct values in the order of first occurrence, kept
 * as the PLAIN-encoded body of the dictionary page, and a hash table over them.
 *
 * The table is open-addressing with 8 bytes a slot: 32 bits of the hash and the id. It grows by
 * moving slots only, so no value is hashed twice. A dictionary that is fed from one shared Arrow
 * dictionary never needs it: it is built when a second producer turns up.
 */

#include "parquet/value.h"
#include "util/buffer.h"
#include "util/error.h"

#define DICTIONARY_NO_ID UINT32_MAX
/* More does not pay for any column: ids of 24 bits. */
#define DICTIONARY_MAX_VALUES (UINT32_C(1) << 24)
/* Bounds the dictionary page, which a reader holds whole. */
#define DICTIONARY_MAX_BYTES ((size_t)64 << 20)
/* Integers below this find their id in an array instead of the table. */
#define DICTIONARY_SMALL_INTEGERS (UINT32_C(1) << 16)

/* What page statistics need of a text, in one place. */
struct text_entry {
    uint64_t prefix; /* value_prefix of the bytes */
    uint32_t offset; /* of the bytes in the body, behind their length */
    uint32_t size_bytes;
};

struct chunk_dictionary {
    struct value_type type;
    uint32_t count;
    struct buffer body;
    struct text_entry *entries; /* texts only */
    uint32_t entry_capacity;
    bool has_table;        /* the slots hold every value (of fixed-size ones, the newest) */
    bool has_long_probes;  /* texts: the hash of their ends does not tell them apart */
    bool hashes_all_bytes; /* so it was given up */
    uint64_t *slots;
    uint32_t slot_count;    /* a power of two */
    uint32_t *small_ids;    /* integers only; NULL until one is looked up */
    uint64_t *bloom_hashes; /* XXH64 of values 0 .. bloom_hash_count - 1 */
    uint32_t bloom_hash_count;
    uint32_t bloom_hash_capacity;
};

void chunk_dictionary_init(struct chunk_dictionary *dictionary, struct value_type type);
void chunk_dictionary_reset(struct chunk_dictionary *dictionary); /* keeps the memory */
void chunk_dictionary_release(struct chunk_dictionary *dictionary);
size_t chunk_dictionary_memory_bytes(const struct chunk_dictionary *dictionary);

static inline struct bytes_view chunk_dictionary_value(const struct chunk_dictionary *dictionary,
                                                       uint32_t id)
{
    if (dictionary->type.kind == VALUE_TEXT)
        return bytes_view_of(dictionary->body.data + dictionary->entries[id].offset,
                             dictionary->entries[id].size_bytes);
    return bytes_view_of(dictionary->body.data + (size_t)id * dictionary->type.width_bytes,
                         dictionary->type.width_bytes);
}

/* True if `value_bytes` more of at most `value_count` values might not fit the limits. */
static inline bool chunk_dictionary_may_overflow(const struct chunk_dictionary *dictionary,
                                                 size_t value_count, size_t value_bytes)
{
    return dictionary->count + value_count > DICTIONARY_MAX_VALUES ||
           dictionary->body.size_bytes + value_bytes + 4 * value_count > DICTIONARY_MAX_BYTES;
}

/* Most values in one call: what stays in the nearest cache between the passes over them. */
#define DICTIONARY_BLOCK_VALUES 256

/* The ids of `count` <= DICTIONARY_BLOCK_VALUES values, added where new; the caller has checked
 * chunk_dictionary_may_overflow. ERR_NO_MEMORY. */
enum error_code chunk_dictionary_map_texts(struct chunk_dictionary *dictionary,
                                           const struct bytes_view *values, size_t count,
                                           uint32_t *ids) MUST_CHECK;
enum error_code chunk_dictionary_map_fixed(struct chunk_dictionary *dictionary,
                                           const uint8_t *const *values, size_t count,
                                           uint32_t *ids) MUST_CHECK;
enum error_code chunk_dictionary_map_uint32(struct chunk_dictionary *dictionary,
                                            const uint32_t *values, size_t count,
                                            uint32_t *ids) MUST_CHECK;
enum error_code chunk_dictionary_map_int64(struct chunk_dictionary *dictionary,
                                           const int64_t *values, size_t count,
                                           uint32_t *ids) MUST_CHECK;

/* The id of one value, added if it is new, through the table (built if need be). ERR_NO_MEMORY. */
enum error_code chunk_dictionary_map_one(struct chunk_dictionary *dictionary,
                                         struct bytes_view value, uint32_t *id) MUST_CHECK;

/* Adds a value that the caller knows to be new, with its XXH64 (NULL: not known); the table must
 * not have been built. ERR_NO_MEMORY. */
enum error_code chunk_dictionary_add_new(struct chunk_dictionary *dictionary,
                                         struct bytes_view value, const uint64_t *xxh64,
                                         uint32_t *id) MUST_CHECK;

#endif
