// SPDX-License-Identifier: Apache-2.0
#include "parquet/dictionary.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "util/memory.h"

#define FIRST_SLOTS   1024u
#define FIRST_ENTRIES 256u
/* A table with more slots than this per value is not kept for the next chunk: clearing costs. */
#define OVERSIZED_SLOTS 16u
/* A table and body larger than this are worth prefetching: about half of a second-level cache. */
#define PREFETCH_BYTES ((size_t)256 << 10)
/* Slots passed in vain that show a hash of too few bytes: chance alone makes runs of some 200. */
#define LONG_PROBE 1024

/* A slot: the hash's upper 32 bits, and the id + 1 (an empty slot is 0). */
static inline uint64_t slot_of(uint32_t tag, uint32_t id)
{
    return (uint64_t)tag << 32 | (id + 1);
}

static inline uint32_t slot_tag(uint64_t slot)
{
    return (uint32_t)(slot >> 32);
}

static inline uint32_t slot_id(uint64_t slot)
{
    return (uint32_t)slot - 1;
}

/* Transaction hashes come again within their ledger or never: the table of fixed-size values holds
 * the newest ones only, so that it stays in the nearest caches. Sets of WINDOW_WAYS slots; a new
 * value takes the place of the oldest of its set. A value that comes again after that gets a second
 * id, which only costs room. */
#define WINDOW_SLOTS 16384u
#define WINDOW_WAYS  4u

static inline bool has_window(const struct chunk_dictionary *dictionary)
{
    return dictionary->type.kind == VALUE_FIXED;
}

static inline uint32_t window_set(uint32_t tag)
{
    return tag & (WINDOW_SLOTS - WINDOW_WAYS);
}

void chunk_dictionary_init(struct chunk_dictionary *dictionary, struct value_type type)
{
    *dictionary = (struct chunk_dictionary){.type = type};
}

static void clear_small_ids(struct chunk_dictionary *dictionary)
{
    if (dictionary->small_ids == NULL)
        return;
    for (uint32_t id = 0; id < dictionary->count; id++) {
        uint32_t value;
        memcpy(&value, chunk_dictionary_value(dictionary, id).data, sizeof value);
        if (value < DICTIONARY_SMALL_INTEGERS)
            dictionary->small_ids[value] = DICTIONARY_NO_ID;
    }
}

void chunk_dictionary_reset(struct chunk_dictionary *dictionary)
{
    clear_small_ids(dictionary);
    if (!has_window(dictionary) && dictionary->slot_count / OVERSIZED_SLOTS > dictionary->count) {
        mem_free(dictionary->slots);
        dictionary->slots = NULL;
        dictionary->slot_count = 0;
    }
    dictionary->count = 0;
    dictionary->bloom_hash_count = 0;
    buffer_reset(&dictionary->body);
    dictionary->has_table = false;
    dictionary->has_long_probes = false;
    dictionary->hashes_all_bytes = false;
}

void chunk_dictionary_release(struct chunk_dictionary *dictionary)
{
    buffer_release(&dictionary->body);
    mem_free(dictionary->entries);
    mem_free(dictionary->slots);
    mem_free(dictionary->small_ids);
    mem_free(dictionary->bloom_hashes);
    chunk_dictionary_init(dictionary, dictionary->type);
}

size_t chunk_dictionary_memory_bytes(const struct chunk_dictionary *dictionary)
{
    size_t small = dictionary->small_ids != NULL ? DICTIONARY_SMALL_INTEGERS * 4u : 0;
    return dictionary->body.capacity_bytes +
           dictionary->entry_capacity * sizeof *dictionary->entries +
           dictionary->slot_count * sizeof *dictionary->slots +
           dictionary->bloom_hash_capacity * sizeof *dictionary->bloom_hashes + small;
}

/* The 128-bit product of two 64-bit words, folded: every input bit reaches the upper half. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define MIX_KEY_0 UINT64_C(0x9e3779b97f4a7c15)
#define MIX_KEY_1 UINT64_C(0xbf58476d1ce4e5b9)
#define MIX_KEY_2 UINT64_C(0x94d049bb133111eb)
#define MIX_KEY_3 UINT64_C(0xd6e8feb86659fd93)

static inline uint64_t load_word(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* A hash of 16 or 32 bytes, each word with a key of its own. */
static inline uint64_t hash_fixed(const uint8_t *data, size_t size)
{
    if (size == 32)
        return mix(load_word(data) ^ MIX_KEY_0, load_word(data + 8) ^ MIX_KEY_1) ^
               mix(load_word(data + 16) ^ MIX_KEY_2, load_word(data + 24) ^ MIX_KEY_3);
    if (size == 16)
        return mix(load_word(data) ^ MIX_KEY_0, load_word(data + 8) ^ MIX_KEY_1);
    return XXH3_64bits(data, size);
}

static inline uint32_t load_half(const uint8_t *data)
{
    uint32_t half;
    memcpy(&half, data, sizeof half);
    return half;
}

/* A hash of a text's first and last 8 bytes and its size: all there is of amounts and codes, and
 * more than enough of addresses. Texts that differ in the middle only make it fail; the table then
 * turns to one of all bytes. */
static inline uint64_t hash_ends(const uint8_t *data, size_t size)
{
    uint64_t first = 0;
    uint64_t last = 0;
    if (size >= 8) {
        first = load_word(data);
        last = load_word(data + size - 8);
    } else if (size >= 4) {
        first = load_half(data);
        last = load_half(data + size - 4);
    } else if (size > 0) {
        first = (uint64_t)data[0] << 16 | (uint64_t)data[size / 2] << 8 | data[size - 1];
    }
    return mix(first ^ MIX_KEY_0 ^ size, last ^ MIX_KEY_1);
}

static inline uint32_t text_tag(const struct chunk_dictionary *dictionary, const uint8_t *data,
                                size_t size)
{
    uint64_t hash = dictionary->hashes_all_bytes ? XXH3_64bits(data, size) : hash_ends(data, size);
    return (uint32_t)(hash >> 32);
}

static inline uint32_t value_tag(const struct chunk_dictionary *dictionary, struct bytes_view value)
{
    return dictionary->type.kind == VALUE_TEXT
               ? text_tag(dictionary, value.data, value.size_bytes)
               : (uint32_t)(hash_fixed(value.data, value.size_bytes) >> 32);
}

static inline bool same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
    if (size < 8) {
        for (size_t i = 0; i < size; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }
    for (size_t i = 0; i + 8 <= size; i += 8)
        if (load_word(a + i) != load_word(b + i))
            return false;
    return load_word(a + size - 8) == load_word(b + size - 8);
}

static void place(uint64_t *slots, uint32_t mask, uint64_t slot)
{
    uint32_t to = slot_tag(slot) & mask;
    while (slots[to] != 0)
        to = (to + 1) & mask;
    slots[to] = slot;
}

static enum error_code grow_slots(struct chunk_dictionary *dictionary, uint32_t slot_count)
{
    uint64_t *slots = mem_alloc_zero(slot_count, sizeof *slots);
    if (slots == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < dictionary->slot_count; i++)
        if (dictionary->slots[i] != 0)
            place(slots, slot_count - 1, dictionary->slots[i]);
    mem_free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->slot_count = slot_count;
    return OK;
}

/* The oldest slot of a set, an empty one first: slots end in the id + 1. */
static inline uint64_t *oldest_slot(uint64_t *set)
{
    uint64_t *oldest = set;
    for (uint32_t way = 1; way < WINDOW_WAYS; way++)
        if ((uint32_t)set[way] < (uint32_t)*oldest)
            oldest = set + way;
    return oldest;
}

static inline void place_new(struct chunk_dictionary *dictionary, uint32_t tag, uint32_t id)
{
    if (has_window(dictionary))
        *oldest_slot(dictionary->slots + window_set(tag)) = slot_of(tag, id);
    else
        place(dictionary->slots, dictionary->slot_count - 1, slot_of(tag, id));
}

/* At most 70% full: a power of two that holds `count` values. */
static uint32_t slots_for(const struct chunk_dictionary *dictionary, uint32_t count)
{
    uint32_t slots = has_window(dictionary) ? WINDOW_SLOTS : FIRST_SLOTS;
    if (has_window(dictionary))
        return slots;
    while ((uint64_t)slots * 7 < (uint64_t)count * 10)
        slots *= 2;
    return slots;
}

/* Puts the values that are there into the table; slots kept from the last chunk are used again. */
static enum error_code build_table(struct chunk_dictionary *dictionary, uint32_t more)
{
    if (dictionary->slot_count != 0)
        memset(dictionary->slots, 0, dictionary->slot_count * sizeof *dictionary->slots);
    uint32_t wanted = slots_for(dictionary, dictionary->count + more);
    if (wanted > dictionary->slot_count && grow_slots(dictionary, wanted) != OK)
        return ERR_NO_MEMORY;
    for (uint32_t id = 0; id < dictionary->count; id++) {
        struct bytes_view value = chunk_dictionary_value(dictionary, id);
        place_new(dictionary, value_tag(dictionary, value), id);
    }
    dictionary->has_table = true;
    return OK;
}

static enum error_code reserve_entries(struct chunk_dictionary *dictionary, uint32_t more)
{
    if (dictionary->type.kind != VALUE_TEXT ||
        dictionary->entry_capacity - dictionary->count >= more)
        return OK;
    uint32_t capacity = dictionary->entry_capacity + dictionary->entry_capacity / 2;
    if (capacity < dictionary->count + more)
        capacity = dictionary->count + more;
    if (capacity < FIRST_ENTRIES)
        capacity = FIRST_ENTRIES;
    struct text_entry *entries =
        mem_realloc(dictionary->entries, capacity * sizeof *dictionary->entries);
    if (entries == NULL)
        return ERR_NO_MEMORY;
    dictionary->entries = entries;
    dictionary->entry_capacity = capacity;
    return OK;
}

/* Room for `more` values of `bytes` in all, so that nothing below can fail. */
static enum error_code reserve(struct chunk_dictionary *dictionary, uint32_t more, size_t bytes)
{
    assert(!chunk_dictionary_may_overflow(dictionary, more, bytes));
    if (reserve_entries(dictionary, more) != OK)
        return ERR_NO_MEMORY;
    return buffer_reserve(&dictionary->body, bytes + 4 * (size_t)more);
}

static enum error_code reserve_slots(struct chunk_dictionary *dictionary, uint32_t more)
{
    if (dictionary->has_long_probes && !dictionary->hashes_all_bytes) {
        dictionary->hashes_all_bytes = true;
        dictionary->has_table = false;
    }
    if (!dictionary->has_table)
        return build_table(dictionary, more);
    uint32_t wanted = slots_for(dictionary, dictionary->count + more);
    return wanted > dictionary->slot_count ? grow_slots(dictionary, wanted) : OK;
}

static inline uint32_t append_text(struct chunk_dictionary *dictionary, struct bytes_view value)
{
    uint32_t size = (uint32_t)value.size_bytes; /* Parquet's little-endian length prefix */
    buffer_append_unchecked(&dictionary->body, &size, sizeof size);
    dictionary->entries[dictionary->count] = (struct text_entry){
        .prefix = value_prefix(value.data, value.size_bytes),
        .offset = (uint32_t)dictionary->body.size_bytes,
        .size_bytes = size,
    };
    buffer_append_unchecked(&dictionary->body, value.data, value.size_bytes);
    return dictionary->count++;
}

static inline uint32_t append_fixed(struct chunk_dictionary *dictionary, const uint8_t *value)
{
    buffer_append_unchecked(&dictionary->body, value, dictionary->type.width_bytes);
    return dictionary->count++;
}

static inline uint32_t find_text(struct chunk_dictionary *dictionary, struct bytes_view value,
                                 uint32_t tag)
{
    uint32_t mask = dictionary->slot_count - 1;
    uint32_t at = tag & mask;
    uint32_t probes = 0;
    for (;; at = (at + 1) & mask, probes++) {
        uint64_t slot = dictionary->slots[at];
        if (slot == 0)
            break;
        if (slot_tag(slot) != tag)
            continue;
        const struct text_entry *entry = &dictionary->entries[slot_id(slot)];
        if (entry->size_bytes == value.size_bytes &&
            same_bytes(dictionary->body.data + entry->offset, value.data, value.size_bytes))
            return slot_id(slot);
    }
    if (probes > LONG_PROBE)
        dictionary->has_long_probes = true;
    uint32_t id = append_text(dictionary, value);
    dictionary->slots[at] = slot_of(tag, id);
    return id;
}

/* `width` is a constant where these are inlined. */
static inline __attribute__((always_inline)) uint32_t
find_recent(struct chunk_dictionary *dictionary, const uint8_t *value, uint32_t width, uint32_t tag)
{
    const uint64_t *set = dictionary->slots + window_set(tag);
    for (uint32_t way = 0; way < WINDOW_WAYS; way++)
        if (slot_tag(set[way]) == tag && set[way] != 0 &&
            memcmp(dictionary->body.data + (size_t)slot_id(set[way]) * width, value, width) == 0)
            return slot_id(set[way]);
    uint32_t id = append_fixed(dictionary, value);
    place_new(dictionary, tag, id);
    return id;
}

static inline __attribute__((always_inline)) uint32_t
find_fixed(struct chunk_dictionary *dictionary, const uint8_t *value, uint32_t width, uint32_t tag)
{
    uint32_t mask = dictionary->slot_count - 1;
    uint32_t at = tag & mask;
    for (;; at = (at + 1) & mask) {
        uint64_t slot = dictionary->slots[at];
        if (slot == 0)
            break;
        if (slot_tag(slot) == tag &&
            memcmp(dictionary->body.data + (size_t)slot_id(slot) * width, value, width) == 0)
            return slot_id(slot);
    }
    uint32_t id = append_fixed(dictionary, value);
    dictionary->slots[at] = slot_of(tag, id);
    return id;
}

/* Brings the slots, then the entries, then the bytes of the first candidates near, so that their
 * cache misses overlap. */
static void prefetch_texts(const struct chunk_dictionary *dictionary, const uint32_t *tags,
                           size_t count)
{
    uint32_t mask = dictionary->slot_count - 1;
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(&dictionary->slots[tags[i] & mask]);
    for (size_t i = 0; i < count; i++) {
        uint64_t slot = dictionary->slots[tags[i] & mask];
        if (slot != 0)
            __builtin_prefetch(&dictionary->entries[slot_id(slot)]);
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t slot = dictionary->slots[tags[i] & mask];
        if (slot == 0)
            continue;
        const struct text_entry *entry = &dictionary->entries[slot_id(slot)];
        __builtin_prefetch(dictionary->body.data + entry->offset);
        __builtin_prefetch(dictionary->body.data + entry->offset + entry->size_bytes);
    }
}

/* The values that differ from the one before them: their places, and how many bytes they take. */
static size_t list_changes(const struct bytes_view *values, size_t count, uint16_t *changes,
                           size_t *bytes)
{
    size_t found = 0;
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (i != 0 && values[i].size_bytes == values[i - 1].size_bytes &&
            same_bytes(values[i].data, values[i - 1].data, values[i].size_bytes))
            continue;
        changes[found++] = (uint16_t)i;
        *bytes += values[i].size_bytes;
    }
    return found;
}

enum error_code chunk_dictionary_map_texts(struct chunk_dictionary *dictionary,
                                           const struct bytes_view *values, size_t count,
                                           uint32_t *ids)
{
    assert(count <= DICTIONARY_BLOCK_VALUES);
    uint32_t tags[DICTIONARY_BLOCK_VALUES];
    uint16_t changes[DICTIONARY_BLOCK_VALUES + 1];
    size_t bytes;
    size_t change_count = list_changes(values, count, changes, &bytes);
    if (reserve_slots(dictionary, (uint32_t)change_count) != OK ||
        reserve(dictionary, (uint32_t)change_count, bytes) != OK)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < change_count; i++)
        tags[i] = text_tag(dictionary, values[changes[i]].data, values[changes[i]].size_bytes);
    if (dictionary->body.size_bytes > PREFETCH_BYTES)
        prefetch_texts(dictionary, tags, change_count);
    changes[change_count] = (uint16_t)count;
    for (size_t i = 0; i < change_count; i++) {
        uint32_t id = find_text(dictionary, values[changes[i]], tags[i]);
        for (size_t k = changes[i]; k < changes[i + 1]; k++)
            ids[k] = id;
    }
    return OK;
}

static inline __attribute__((always_inline)) void map_recent(struct chunk_dictionary *dictionary,
                                                             const uint8_t *const *values,
                                                             size_t count, uint32_t width,
                                                             uint32_t *ids)
{
    uint32_t id = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || memcmp(values[i], values[i - 1], width) != 0) {
            uint32_t tag = (uint32_t)(hash_fixed(values[i], width) >> 32);
            id = find_recent(dictionary, values[i], width, tag);
        }
        ids[i] = id;
    }
}

static void map_decimals(struct chunk_dictionary *dictionary, const uint8_t *const *values,
                         size_t count, uint32_t *ids)
{
    uint32_t tags[DICTIONARY_BLOCK_VALUES];
    uint32_t mask = dictionary->slot_count - 1;
    bool far = dictionary->body.size_bytes > PREFETCH_BYTES;
    for (size_t i = 0; i < count; i++) {
        tags[i] = (uint32_t)(hash_fixed(values[i], DECIMAL_BYTES) >> 32);
        if (far)
            __builtin_prefetch(&dictionary->slots[tags[i] & mask]);
    }
    for (size_t i = 0; i < count && far; i++) {
        uint64_t slot = dictionary->slots[tags[i] & mask];
        if (slot != 0)
            __builtin_prefetch(dictionary->body.data + (size_t)slot_id(slot) * DECIMAL_BYTES);
    }
    uint32_t id = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || tags[i] != tags[i - 1] ||
            memcmp(values[i], values[i - 1], DECIMAL_BYTES) != 0)
            id = find_fixed(dictionary, values[i], DECIMAL_BYTES, tags[i]);
        ids[i] = id;
    }
}

enum error_code chunk_dictionary_map_fixed(struct chunk_dictionary *dictionary,
                                           const uint8_t *const *values, size_t count,
                                           uint32_t *ids)
{
    assert(count <= DICTIONARY_BLOCK_VALUES);
    uint32_t width = dictionary->type.width_bytes;
    if (reserve_slots(dictionary, (uint32_t)count) != OK ||
        reserve(dictionary, (uint32_t)count, count * width) != OK)
        return ERR_NO_MEMORY;
    if (!has_window(dictionary))
        map_decimals(dictionary, values, count, ids);
    else if (width == 32)
        map_recent(dictionary, values, count, 32, ids);
    else
        map_recent(dictionary, values, count, width, ids);
    return OK;
}

static uint32_t find_integer(struct chunk_dictionary *dictionary, const void *value, uint32_t width)
{
    uint64_t word = 0;
    memcpy(&word, value, width);
    uint32_t tag = (uint32_t)(mix(word ^ MIX_KEY_0, MIX_KEY_1) >> 32);
    return width == 4 ? find_fixed(dictionary, value, 4, tag)
                      : find_fixed(dictionary, value, 8, tag);
}

static enum error_code reserve_integers(struct chunk_dictionary *dictionary, size_t count)
{
    if (reserve_slots(dictionary, (uint32_t)count) != OK)
        return ERR_NO_MEMORY;
    return reserve(dictionary, (uint32_t)count, count * dictionary->type.width_bytes);
}

static enum error_code make_small_ids(struct chunk_dictionary *dictionary)
{
    if (dictionary->small_ids != NULL)
        return OK;
    size_t size = DICTIONARY_SMALL_INTEGERS * sizeof *dictionary->small_ids;
    dictionary->small_ids = mem_alloc(size);
    if (dictionary->small_ids == NULL)
        return ERR_NO_MEMORY;
    memset(dictionary->small_ids, 0xff, size);
    return OK;
}

static uint32_t find_small(struct chunk_dictionary *dictionary, uint32_t value)
{
    uint32_t *id = &dictionary->small_ids[value];
    if (*id == DICTIONARY_NO_ID)
        *id = append_fixed(dictionary, (const uint8_t *)&value);
    return *id;
}

enum error_code chunk_dictionary_map_uint32(struct chunk_dictionary *dictionary,
                                            const uint32_t *values, size_t count, uint32_t *ids)
{
    if (make_small_ids(dictionary) != OK || reserve_integers(dictionary, count) != OK)
        return ERR_NO_MEMORY;
    uint32_t id = 0;
    for (size_t i = 0; i < count; i++) {
        if (values[i] < DICTIONARY_SMALL_INTEGERS)
            id = find_small(dictionary, values[i]);
        else if (i == 0 || values[i] != values[i - 1])
            id = find_integer(dictionary, &values[i], sizeof values[i]);
        ids[i] = id;
    }
    return OK;
}

enum error_code chunk_dictionary_map_int64(struct chunk_dictionary *dictionary,
                                           const int64_t *values, size_t count, uint32_t *ids)
{
    if (reserve_integers(dictionary, count) != OK)
        return ERR_NO_MEMORY;
    uint32_t id = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || values[i] != values[i - 1])
            id = find_integer(dictionary, &values[i], sizeof values[i]);
        ids[i] = id;
    }
    return OK;
}

enum error_code chunk_dictionary_map_one(struct chunk_dictionary *dictionary,
                                         struct bytes_view value, uint32_t *id)
{
    if (reserve_slots(dictionary, 1) != OK || reserve(dictionary, 1, value.size_bytes) != OK)
        return ERR_NO_MEMORY;
    uint32_t tag = value_tag(dictionary, value);
    if (dictionary->type.kind == VALUE_TEXT)
        *id = find_text(dictionary, value, tag);
    else if (has_window(dictionary))
        *id = find_recent(dictionary, value.data, dictionary->type.width_bytes, tag);
    else
        *id = find_fixed(dictionary, value.data, dictionary->type.width_bytes, tag);
    return OK;
}

static enum error_code add_bloom_hash(struct chunk_dictionary *dictionary, uint64_t xxh64)
{
    if (dictionary->bloom_hash_count == dictionary->bloom_hash_capacity) {
        uint32_t capacity = dictionary->bloom_hash_capacity == 0
                                ? FIRST_ENTRIES
                                : dictionary->bloom_hash_capacity * 2;
        uint64_t *hashes = mem_realloc(dictionary->bloom_hashes, capacity * sizeof *hashes);
        if (hashes == NULL)
            return ERR_NO_MEMORY;
        dictionary->bloom_hashes = hashes;
        dictionary->bloom_hash_capacity = capacity;
    }
    dictionary->bloom_hashes[dictionary->bloom_hash_count++] = xxh64;
    return OK;
}

enum error_code chunk_dictionary_add_new(struct chunk_dictionary *dictionary,
                                         struct bytes_view value, const uint64_t *xxh64,
                                         uint32_t *id)
{
    assert(!dictionary->has_table);
    if (reserve(dictionary, 1, value.size_bytes) != OK)
        return ERR_NO_MEMORY;
    if (xxh64 != NULL && dictionary->bloom_hash_count == dictionary->count &&
        add_bloom_hash(dictionary, *xxh64) != OK)
        return ERR_NO_MEMORY;
    *id = dictionary->type.kind == VALUE_TEXT ? append_text(dictionary, value)
                                              : append_fixed(dictionary, value.data);
    return OK;
}
