// SPDX-License-Identifier: Apache-2.0
#include "arrow/dictionary.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include <xxhash.h>

#include "util/memory.h"

#define SLOTS_MIN  64
#define VALUES_MIN 256 /* that there is room for at first */
#define BYTES_MIN  4096

/* An entry of the hash table. It says where the value lies, so that looking one up touches two
 * cache lines, the slot and the value. Its place comes from the lower half of the hash. */
struct slot {
    uint32_t hash_lower_half;
    uint32_t index_plus_one; /* 0: empty */
    uint32_t offset;
    uint32_t size_bytes;
};

/*
 * Values one after the other in `data`, as in an Arrow string array. What is written never changes
 * or moves: a store that is too small is replaced by a larger copy, and lives on as long as an
 * array points to it.
 */
struct value_store {
    _Atomic uint32_t references;
    uint32_t capacity_values;
    uint32_t capacity_bytes;
    int32_t *offsets; /* one more than values; NULL for fixed-size values */
    uint8_t *data;
    struct arrow_value_facts *facts;
    bool is_borrowed; /* a list's: offsets and data are somebody else's, and there are no facts */
};

/*
 * `slots` is an open hash table with linear probing. Only the interning thread touches it, so it
 * can move when it grows.
 */
struct arrow_dictionary {
    _Atomic uint32_t references;
    uint64_t id;
    size_t fixed_size_bytes;
    uint32_t max_values;
    uint32_t max_bytes;
    uint32_t count;
    uint32_t used_bytes;
    uint32_t forgotten; /* values before this index are not in the table */
    bool is_list;
    struct value_store *store;
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

static void release_store(struct value_store *store)
{
    if (store == NULL || atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) > 1)
        return;
    if (!store->is_borrowed) {
        mem_free(store->offsets);
        mem_free(store->data);
    }
    mem_free(store->facts);
    mem_free(store);
}

static struct value_store *retain_store(struct value_store *store)
{
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    return store;
}

/* Memory that is not touched costs nothing: the system gives pages where values are written. */
static struct value_store *new_store(size_t fixed_size_bytes, uint32_t values, uint32_t bytes)
{
    struct value_store *store = mem_alloc_zero(1, sizeof *store);
    if (store == NULL)
        return NULL;
    atomic_init(&store->references, 1);
    store->capacity_values = values;
    store->capacity_bytes = bytes;
    if (fixed_size_bytes == 0)
        store->offsets = mem_alloc(((size_t)values + 1) * sizeof *store->offsets);
    store->data = mem_alloc(bytes);
    store->facts = mem_alloc(values * sizeof *store->facts);
    if (store->data == NULL || store->facts == NULL ||
        (fixed_size_bytes == 0 && store->offsets == NULL)) {
        release_store(store);
        return NULL;
    }
    if (store->offsets != NULL)
        store->offsets[0] = 0;
    return store;
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

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
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
    dictionary->store =
        new_store(fixed_size_bytes, at_most(VALUES_MIN, max_values), at_most(BYTES_MIN, max_bytes));
    dictionary->slots = mem_alloc_zero(SLOTS_MIN, sizeof *dictionary->slots);
    dictionary->slot_mask = SLOTS_MIN - 1;
    if (dictionary->store == NULL || dictionary->slots == NULL) {
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
    struct arrow_dictionary *list = make(fixed_size_bytes);
    struct value_store *store = mem_alloc_zero(1, sizeof *store);
    *out = NULL;
    if (list == NULL || store == NULL) {
        mem_free(list);
        mem_free(store);
        return ERR_NO_MEMORY;
    }
    atomic_init(&store->references, 1);
    store->is_borrowed = true;
    store->offsets = (int32_t *)offsets; /* neither is written to */
    store->data = (uint8_t *)values;
    list->is_list = true;
    list->count = count;
    list->store = store;
    *out = list;
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
    release_store(dictionary->store);
    mem_free(dictionary->slots);
    mem_free(dictionary);
}

static struct bytes_view value_at(const struct arrow_dictionary *dictionary, uint32_t index)
{
    const struct value_store *store = dictionary->store;
    if (dictionary->fixed_size_bytes != 0)
        return bytes_view_of(store->data + index * dictionary->fixed_size_bytes,
                             dictionary->fixed_size_bytes);
    int32_t start = store->offsets[index];
    return bytes_view_of(store->data + start, (size_t)(store->offsets[index + 1] - start));
}

static uint32_t doubled(uint32_t capacity, uint64_t least, uint32_t limit)
{
    uint64_t size = 2 * (uint64_t)capacity;
    size = size < least ? least : size;
    return size < limit ? (uint32_t)size : limit;
}

/* Room for one more value; false if memory is out. The caller has looked at the limits. */
static bool reserve(struct arrow_dictionary *dictionary, size_t size_bytes)
{
    struct value_store *old = dictionary->store;
    uint64_t bytes = (uint64_t)dictionary->used_bytes + size_bytes;
    if (dictionary->count < old->capacity_values && bytes <= old->capacity_bytes)
        return true;
    uint32_t values = old->capacity_values, capacity_bytes = old->capacity_bytes;
    if (dictionary->count == values)
        values = doubled(values, 0, dictionary->max_values);
    if (bytes > capacity_bytes)
        capacity_bytes = doubled(capacity_bytes, bytes, dictionary->max_bytes);
    struct value_store *store = new_store(dictionary->fixed_size_bytes, values, capacity_bytes);
    if (store == NULL)
        return false;
    memcpy(store->data, old->data, dictionary->used_bytes);
    memcpy(store->facts, old->facts, dictionary->count * sizeof *store->facts);
    if (store->offsets != NULL)
        memcpy(store->offsets, old->offsets,
               ((size_t)dictionary->count + 1) * sizeof *store->offsets);
    dictionary->store = store;
    release_store(old);
    return true;
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

/* Gives the value that comes next a slot; false if there is none near enough. */
static bool take_slot(struct arrow_dictionary *dictionary, uint32_t size_bytes, uint64_t hash)
{
    /* At most three quarters full; where the table can't grow, the dictionary is full. */
    if (dictionary->count - dictionary->forgotten >= dictionary->slot_mask / 4 * 3 &&
        !grow_slots(dictionary))
        return false;
    const struct slot entry = {(uint32_t)hash, dictionary->count + 1, dictionary->used_bytes,
                               size_bytes};
    return fill_slot(dictionary->slots, dictionary->slot_mask, &entry);
}

static bool may_append(const struct arrow_dictionary *dictionary, struct bytes_view value)
{
    return dictionary->count < dictionary->max_values &&
           value.size_bytes <= dictionary->max_bytes - dictionary->used_bytes;
}

struct arrow_value_facts arrow_value_facts_of(struct bytes_view value)
{
    return (struct arrow_value_facts){.xxh64 = XXH64(value.data, value.size_bytes, 0),
                                      .xxh3 = XXH3_64bits(value.data, value.size_bytes)};
}

static uint32_t append(struct arrow_dictionary *dictionary, struct bytes_view value)
{
    uint32_t index = dictionary->count;
    struct value_store *store = dictionary->store;
    if (value.size_bytes != 0)
        memcpy(store->data + dictionary->used_bytes, value.data, value.size_bytes);
    dictionary->used_bytes += (uint32_t)value.size_bytes;
    if (store->offsets != NULL)
        store->offsets[index + 1] = (int32_t)dictionary->used_bytes;
    store->facts[index] = arrow_value_facts_of(value);
    dictionary->count = index + 1;
    return index;
}

uint64_t arrow_dictionary_hash(struct bytes_view value)
{
    return XXH3_64bits_withSecret(value.data, value.size_bytes, hash_key, sizeof hash_key);
}

/* *is_near: a value that is not there would find a slot. */
static uint32_t find(const struct arrow_dictionary *dictionary, struct bytes_view value,
                     uint64_t hash, bool *is_near)
{
    assert(dictionary->fixed_size_bytes == 0 || value.size_bytes == dictionary->fixed_size_bytes);
    assert(!dictionary->is_list);
    const uint32_t lower_half = (uint32_t)hash;
    const uint8_t *data = dictionary->store->data;
    *is_near = true;
    for (uint32_t probe = 0; probe < ARROW_DICTIONARY_PROBES; probe++) {
        const struct slot *slot = &dictionary->slots[(lower_half + probe) & dictionary->slot_mask];
        if (slot->index_plus_one == 0)
            return ARROW_DICTIONARY_NONE;
        if (slot->hash_lower_half == lower_half &&
            bytes_equal(bytes_view_of(data + slot->offset, slot->size_bytes), value))
            return slot->index_plus_one - 1;
    }
    *is_near = false;
    return ARROW_DICTIONARY_NONE;
}

uint32_t arrow_dictionary_find(const struct arrow_dictionary *dictionary, struct bytes_view value,
                               uint64_t hash)
{
    bool is_near;
    return find(dictionary, value, hash, &is_near);
}

uint32_t arrow_dictionary_add(struct arrow_dictionary *dictionary, struct bytes_view value,
                              uint64_t hash)
{
    if (!may_append(dictionary, value) || !reserve(dictionary, value.size_bytes))
        return ARROW_DICTIONARY_FULL;
    (void)take_slot(dictionary, (uint32_t)value.size_bytes, hash);
    return append(dictionary, value);
}

uint32_t arrow_dictionary_intern(struct arrow_dictionary *dictionary, struct bytes_view value)
{
    uint64_t hash = arrow_dictionary_hash(value);
    bool is_near;
    uint32_t index = find(dictionary, value, hash, &is_near);
    if (index != ARROW_DICTIONARY_NONE)
        return index;
    if (!is_near || !may_append(dictionary, value) || !reserve(dictionary, value.size_bytes) ||
        !take_slot(dictionary, (uint32_t)value.size_bytes, hash))
        return ARROW_DICTIONARY_FULL;
    return append(dictionary, value);
}

void arrow_dictionary_forget(struct arrow_dictionary *dictionary)
{
    if (dictionary->forgotten == dictionary->count)
        return;
    memset(dictionary->slots, 0, ((size_t)dictionary->slot_mask + 1) * sizeof *dictionary->slots);
    dictionary->forgotten = dictionary->count;
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

const struct arrow_value_facts *arrow_dictionary_facts(const struct arrow_dictionary *dictionary)
{
    return dictionary->store->facts;
}

size_t arrow_dictionary_memory_bytes(const struct arrow_dictionary *dictionary)
{
    size_t per_value = sizeof *dictionary->store->facts;
    if (dictionary->store->offsets != NULL)
        per_value += sizeof *dictionary->store->offsets;
    return sizeof *dictionary + sizeof *dictionary->store + dictionary->used_bytes +
           dictionary->count * per_value +
           ((size_t)dictionary->slot_mask + 1) * sizeof *dictionary->slots;
}

/* What an exported array holds on to. */
struct exported_values {
    struct arrow_dictionary *dictionary;
    struct value_store *store;
    uint32_t first_new;
    const void *buffers[3];
};

static void release_exported(struct ArrowArray *array)
{
    struct exported_values *exported = array->private_data;
    release_store(exported->store);
    arrow_dictionary_release(exported->dictionary);
    mem_free(exported);
    array->release = NULL;
}

enum error_code arrow_dictionary_export_part(struct arrow_dictionary *dictionary,
                                             uint32_t first_new, uint32_t count,
                                             struct ArrowArray *out)
{
    assert(count <= dictionary->count);
    struct exported_values *exported = mem_alloc_zero(1, sizeof *exported);
    if (exported == NULL)
        return ERR_NO_MEMORY;
    exported->dictionary = arrow_dictionary_retain(dictionary);
    exported->store = retain_store(dictionary->store);
    exported->first_new = first_new;
    bool fixed = dictionary->fixed_size_bytes != 0;
    if (!fixed)
        exported->buffers[1] = dictionary->store->offsets;
    exported->buffers[fixed ? 1 : 2] = dictionary->store->data;
    *out = (struct ArrowArray){
        .length = count,
        .n_buffers = fixed ? 2 : 3,
        .buffers = exported->buffers,
        .release = release_exported,
        .private_data = exported,
    };
    return OK;
}

enum error_code arrow_dictionary_export(struct arrow_dictionary *dictionary, struct ArrowArray *out)
{
    return arrow_dictionary_export_part(dictionary, ARROW_DICTIONARY_NONE, dictionary->count, out);
}

static const struct exported_values *exported_of(const struct ArrowArray *values)
{
    return values->release == release_exported ? values->private_data : NULL;
}

const struct arrow_dictionary *arrow_dictionary_of(const struct ArrowArray *values)
{
    const struct exported_values *exported = exported_of(values);
    return exported == NULL ? NULL : exported->dictionary;
}

uint32_t arrow_dictionary_first_new(const struct ArrowArray *values)
{
    const struct exported_values *exported = exported_of(values);
    return exported == NULL ? ARROW_DICTIONARY_NONE : exported->first_new;
}

const struct arrow_value_facts *arrow_dictionary_facts_of(const struct ArrowArray *values)
{
    const struct exported_values *exported = exported_of(values);
    return exported == NULL ? NULL : exported->store->facts;
}
