// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_DICTIONARY_H
#define TTP_PARQUET_DICTIONARY_H

/*
 * The dictionary of one column chunk: its distinct values in the order of first occurrence, kept
 * as the PLAIN-encoded body of the dictionary page, and hash tables from values to ids: one of
 * values of at most 16 bytes, one of longer texts, and one of longer binaries that knows the
 * newest. A dictionary that is fed from one shared Arrow dictionary never needs them: they are
 * built when a second producer turns up.
 */

#include "arrow/dictionary.h"
#include "parquet/long_table.h"
#include "parquet/short_table.h"
#include "parquet/value.h"
#include "parquet/value_block.h"
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
    bool has_tables; /* they know every value (of longer binaries, the newest) */
    struct short_table shorts;
    struct long_table longs;
    uint64_t *recents;      /* RECENT_SLOTS; NULL until one is needed */
    uint32_t *small_ids;    /* integers only; NULL until one is looked up */
    uint64_t *bloom_hashes; /* XXH64 of values 0 .. bloom_hash_count - 1 */
    uint32_t bloom_hash_count;
    uint32_t bloom_hash_capacity;
};

void chunk_dictionary_init(struct chunk_dictionary *dictionary, struct value_type type);
void chunk_dictionary_reset(struct chunk_dictionary *dictionary); /* keeps the memory */
void chunk_dictionary_release(struct chunk_dictionary *dictionary);
/* Gives back what only look-ups need, where no more of them come. */
void chunk_dictionary_release_tables(struct chunk_dictionary *dictionary);
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

/* The ids of a block's changes, added where new; the caller has checked
 * chunk_dictionary_may_overflow. ERR_NO_MEMORY leaves the dictionary as it was. */
enum error_code chunk_dictionary_map(struct chunk_dictionary *dictionary,
                                     const struct value_block *block,
                                     uint32_t *change_ids) MUST_CHECK;
/* Appends values of a type whose older values are forgotten anyway (recent_table.h), without
 * looking them up: for values that differ from each other. False, with nothing appended, for other
 * types, or when memory is out. */
bool chunk_dictionary_append_fixed(struct chunk_dictionary *dictionary, const uint8_t *values,
                                   uint32_t count, uint32_t *first_id) MUST_CHECK;
/* As chunk_dictionary_map, of `count` <= VALUE_BLOCK_MAX integers, an id for each. */
enum error_code chunk_dictionary_map_uint32(struct chunk_dictionary *dictionary,
                                            const uint32_t *values, uint32_t count,
                                            uint32_t *ids) MUST_CHECK;

/* Values side by side, as in an Arrow array. */
struct value_list {
    const int32_t *offsets; /* texts only */
    const uint8_t *bytes;
    const struct arrow_value_facts *facts; /* NULL: not known */
};

/* Appends `count` values of a list, from `first` on, whatever the dictionary has; the tables must
 * not have been built. ERR_NO_MEMORY leaves it as it was. */
enum error_code chunk_dictionary_append_list(struct chunk_dictionary *dictionary,
                                             const struct value_list *list, uint32_t first,
                                             uint32_t count) MUST_CHECK;

/* The tables know nothing any more; who looks a value up builds them anew. */
void chunk_dictionary_clear_tables(struct chunk_dictionary *dictionary);

/* Adds a value that the caller knows to be new, with its XXH64 (NULL: not known); the tables must
 * not have been built. ERR_NO_MEMORY. */
enum error_code chunk_dictionary_add_new(struct chunk_dictionary *dictionary,
                                         struct bytes_view value, const uint64_t *xxh64,
                                         uint32_t *id) MUST_CHECK;

#endif
