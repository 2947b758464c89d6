// SPDX-License-Identifier: Apache-2.0
#include "arrow/dictionary.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include <xxhash.h>

#include "util/memory.h"

#define SLOTS_MIN 64

/* An entry of the hash table. It says where the value lies, so that looking one up touches two
 * cache lines, the slot and the value. Its place comes from the lower half of the hash. */
struct slot {
    uint32_t hash_lower_half;
    uint32_t index_plus_one; /* 0: empty */
    uint32_t offset;
    uint32_t size_bytes;
};

/*
 * Values lie one after the other in `data`, as in an Arrow string array. `slots` is an open hash
 * table with linear probing. Only the interning thread touches it, so it can move when it grows;
 * offsets, data and hashes never move.
 */
struct arrow_dictionary {
    _Atomic uint32_t references;
    uint64_t id;
    size_t fixed_size_bytes;
    uint32_t max_values;
    uint32_t max_bytes;
    uint32_t count;
    uint32_t used_bytes;
    bool is_list;     /* offsets and data are borrowed, and there is nothing else */
    int32_t *offsets; /* max_values + 1; NULL for fixed-size values */
    uint8_t *data;
    uint64_t *hashes; /* XXH64 with seed 0, for others; not those of the table */
    struct slot *slots;
    uint32_t slot_mask;
};

static _Atomic uint64_t newest_id;

/* XXH3's secret. */
_Static_assert(ARROW_DICTIONARY_KEY_BYTES >= XXH3_SECRET_SIZE_MIN, "what XXH3 asks for");
static uint8_t hash_key[ARROW_DICTIONARY_KEY_BYTES];
static bool has_key;

void arrow_dictionary_set_key(const uint8_t key[ARROW_DICTIONARY_KEY_BYTES])
{
    memcpy(hash_key, key, sizeof hash_key);
    has_key = true;
}

/* XXH3 only wants a secret whose bytes have no pattern. */
static void set_constant_key(void)
{
    uint64_t words[ARROW_DICTIONARY_KEY_BYTES / sizeof(uint64_t)];
    for (uint64_t i = 0; i < sizeof words / sizeof words[0]; i++)
        words[i] = XXH64(&i, sizeof i, 0);
    arrow_dictionary_set_key((const uint8_t *)words);
}

/* Reserves memory and does not touch it: the system gives pages only where values are written. */
static bool reserve(struct arrow_dictionary *dictionary)
{
    size_t values = dictionary->max_values;
    if (dictionary->fixed_size_bytes == 0) {
        dictionary->offsets = mem_alloc((values + 1) * sizeof *dictionary->offsets);
        if (dictionary->offsets == NULL)
            return false;
        dictionary->offsets[0] = 0;
    }
    dictionary->data = mem_alloc(dictionary->max_bytes);
    dictionary->hashes = mem_alloc(values * sizeof *dictionary->hashes);
    dictionary->slots = mem_alloc_zero(SLOTS_MIN, sizeof *dictionary->slots);
    dictionary->slot_mask = SLOTS_MIN - 1;
    return dictionary->data != NULL && dictionary->hashes != NULL && dictionary->slots != NULL;
}

static struct arrow_dictionary *make(size_t fixed_size_bytes)
{
    struct arrow_dictionary *dictionary = mem_alloc_zero(1, sizeof *dictionary);
    if (dictionary == NULL)
        return NULL;
    atomic_init(&dictionary->references, 1);
    dictionary->id = atomic_fetch_add(&newest_id, 1) + 1;
    dictionary->fixed_size_bytes = fixed_size_bytes;
    return dictionary;
}

enum error_code arrow_dictionary_new(struct arrow_dictionary **out, size_t fixed_size_bytes,
                                     uint32_t max_values, uint32_t max_bytes)
{
    assert(max_values <= INT32_MAX && max_bytes <= INT32_MAX);
    if (!has_key)
        set_constant_key();
    *out = NULL;
    struct arrow_dictionary *dictionary = make(fixed_size_bytes);
    if (dictionary == NULL)
        return ERR_NO_MEMORY;
    dictionary->max_values = max_values;
    dictionary->max_bytes = max_bytes;
    if (!reserve(dictionary)) {
        arrow_dictionary_release(dictionary);
        return ERR_NO_MEMORY;
    }
    *out = dictionary;
    return OK;
}

enum error_code arrow_dictionary_new_list(struct arrow_dictionary **out, size_t fixed_size_bytes,
                                          uint32_t count, const int32_t *offsets,
                                          const uint8_t *values)
{
    assert(count <= INT32_MAX && (fixed_size_bytes == 0) == (offsets != NULL));
    *out = make(fixed_size_bytes);
    if (*out == NULL)
        return ERR_NO_MEMORY;
    (*out)->is_list = true;
    (*out)->count = count;
    (*out)->offsets = (int32_t *)offsets; /* neither is written to */
    (*out)->data = (uint8_t *)values;
    return OK;
}

struct arrow_dictionary *arrow_dictionary_retain(struct arrow_dictionary *dictionary)
{
    atomic_fetch_add_explicit(&dictionary->references, 1, memory_order_relaxed);
    return dictionary;
}

void arrow_dictionary_release(struct arrow_dictionary *dictionary)
{
    if (dictionary == NULL ||
        atomic_fetch_sub_explicit(&dictionary->references, 1, memory_order_acq_rel) > 1)
        return;
    if (!dictionary->is_list) {
        mem_free(dictionary->offsets);
        mem_free(dictionary->data);
    }
    mem_free(dictionary->hashes);
    mem_free(dictionary->slots);
    mem_free(dictionary);
}

static struct bytes_view value_at(const struct arrow_dictionary *dictionary, uint32_t index)
{
    if (dictionary->fixed_size_bytes != 0)
        return bytes_view_of(dictionary->data + index * dictionary->fixed_size_bytes,
                             dictionary->fixed_size_bytes);
    int32_t start = dictionary->offsets[index];
    return bytes_view_of(dictionary->data + start,
                         (size_t)(dictionary->offsets[index + 1] - start));
}

/* Puts an entry into the first empty slot for it; false if none is near enough. */
static bool fill_slot(struct slot *slots, uint32_t mask, const struct slot *entry)
{
    for (uint32_t probe = 0; probe < ARROW_DICTIONARY_PROBES; probe++) {
        struct slot *slot = &slots[(entry->hash_lower_half + probe) & mask];
        if (slot->index_plus_one == 0) {
            *slot = *entry;
            return true;
        }
    }
    return false;
}

/* Doubles the table. False, with nothing changed, if memory is out or too many values collide. */
static bool grow_slots(struct arrow_dictionary *dictionary)
{
    uint32_t mask = dictionary->slot_mask * 2 + 1;
    struct slot *slots = mem_alloc_zero((size_t)mask + 1, sizeof *slots);
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i <= dictionary->slot_mask; i++) {
        const struct slot *entry = &dictionary->slots[i];
        if (entry->index_plus_one != 0 && !fill_slot(slots, mask, entry)) {
            mem_free(slots);
            return false;
        }
    }
    mem_free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->slot_mask = mask;
    return true;
}

/* Appends a value that is not there yet. */
static uint32_t append(struct arrow_dictionary *dictionary, struct bytes_view value, uint64_t hash)
{
    uint32_t index = dictionary->count;
    uint32_t offset = dictionary->used_bytes;
    if (index == dictionary->max_values || value.size_bytes > dictionary->max_bytes - offset)
        return ARROW_DICTIONARY_FULL;
    /* At most three quarters full; where the table can't grow, the dictionary is full. */
    if (index >= dictionary->slot_mask / 4 * 3 && !grow_slots(dictionary))
        return ARROW_DICTIONARY_FULL;
    const struct slot entry = {(uint32_t)hash, index + 1, offset, (uint32_t)value.size_bytes};
    if (!fill_slot(dictionary->slots, dictionary->slot_mask, &entry))
        return ARROW_DICTIONARY_FULL;
    if (value.size_bytes != 0)
        memcpy(dictionary->data + offset, value.data, value.size_bytes);
    dictionary->used_bytes += (uint32_t)value.size_bytes;
    if (dictionary->offsets != NULL)
        dictionary->offsets[index + 1] = (int32_t)dictionary->used_bytes;
    dictionary->hashes[index] = XXH64(value.data, value.size_bytes, 0);
    dictionary->count = index + 1;
    return index;
}

uint64_t arrow_dictionary_hash(struct bytes_view value)
{
    return XXH3_64bits_withSecret(value.data, value.size_bytes, hash_key, sizeof hash_key);
}

void arrow_dictionary_expect(const struct arrow_dictionary *dictionary, uint64_t hash)
{
    __builtin_prefetch(&dictionary->slots[(uint32_t)hash & dictionary->slot_mask]);
}

void arrow_dictionary_expect_value(const struct arrow_dictionary *dictionary, uint64_t hash)
{
    const struct slot *slot = &dictionary->slots[(uint32_t)hash & dictionary->slot_mask];
    __builtin_prefetch(dictionary->data + slot->offset);
}

uint32_t arrow_dictionary_intern_hashed(struct arrow_dictionary *dictionary,
                                        struct bytes_view value, uint64_t hash)
{
    assert(dictionary->fixed_size_bytes == 0 || value.size_bytes == dictionary->fixed_size_bytes);
    assert(!dictionary->is_list);
    const uint32_t lower_half = (uint32_t)hash;
    for (uint32_t probe = 0; probe < ARROW_DICTIONARY_PROBES; probe++) {
        const struct slot *slot = &dictionary->slots[(lower_half + probe) & dictionary->slot_mask];
        if (slot->index_plus_one == 0)
            return append(dictionary, value, hash);
        if (slot->hash_lower_half == lower_half &&
            bytes_equal(bytes_view_of(dictionary->data + slot->offset, slot->size_bytes), value))
            return slot->index_plus_one - 1;
    }
    return ARROW_DICTIONARY_FULL;
}

uint32_t arrow_dictionary_intern(struct arrow_dictionary *dictionary, struct bytes_view value)
{
    return arrow_dictionary_intern_hashed(dictionary, value, arrow_dictionary_hash(value));
}

bool arrow_dictionary_is_list(const struct arrow_dictionary *dictionary)
{
    return dictionary->is_list;
}

uint64_t arrow_dictionary_id(const struct arrow_dictionary *dictionary)
{
    return dictionary->id;
}

uint32_t arrow_dictionary_count(const struct arrow_dictionary *dictionary)
{
    return dictionary->count;
}

struct bytes_view arrow_dictionary_value(const struct arrow_dictionary *dictionary, uint32_t index)
{
    return value_at(dictionary, index);
}

const uint64_t *arrow_dictionary_hashes(const struct arrow_dictionary *dictionary)
{
    return dictionary->hashes;
}

size_t arrow_dictionary_memory_bytes(const struct arrow_dictionary *dictionary)
{
    size_t per_value = sizeof *dictionary->hashes;
    if (dictionary->offsets != NULL)
        per_value += sizeof *dictionary->offsets;
    return sizeof *dictionary + dictionary->used_bytes + dictionary->count * per_value +
           ((size_t)dictionary->slot_mask + 1) * sizeof *dictionary->slots;
}

/* What an exported array holds on to. */
struct exported_values {
    struct arrow_dictionary *dictionary;
    const void *buffers[3];
};

static void release_exported(struct ArrowArray *array)
{
    struct exported_values *exported = array->private_data;
    arrow_dictionary_release(exported->dictionary);
    mem_free(exported);
    array->release = NULL;
}

enum error_code arrow_dictionary_export(struct arrow_dictionary *dictionary, struct ArrowArray *out)
{
    struct exported_values *exported = mem_alloc_zero(1, sizeof *exported);
    if (exported == NULL)
        return ERR_NO_MEMORY;
    exported->dictionary = arrow_dictionary_retain(dictionary);
    bool fixed = dictionary->fixed_size_bytes != 0;
    if (!fixed)
        exported->buffers[1] = dictionary->offsets;
    exported->buffers[fixed ? 1 : 2] = dictionary->data;
    *out = (struct ArrowArray){
        .length = dictionary->count,
        .n_buffers = fixed ? 2 : 3,
        .buffers = exported->buffers,
        .release = release_exported,
        .private_data = exported,
    };
    return OK;
}

const struct arrow_dictionary *arrow_dictionary_of(const struct ArrowArray *values)
{
    if (values->release != release_exported)
        return NULL;
    const struct exported_values *exported = values->private_data;
    return exported->dictionary;
}
