// SPDX-License-Identifier: Apache-2.0
/*
 * Distinct values to ids, in the order of first occurrence.
 *
 * The body is the dictionary page as Parquet wants it (PLAIN values one after the other); an id
 * is a value's place in it. Four ways lead from a value to its id, by its type and size:
 *
 *   values                                way                          cost of a look-up
 *   ------------------------------------  ---------------------------  -------------------------
 *   integers below 65,536                 an array (small_ids)         one load
 *   other values of at most 16 bytes      short_table: the value lies  one slot
 *                                         in the slot
 *   longer texts (accounts, memos)        long_table: the slot says    a slot, then the bytes
 *                                         where in the body
 *   longer binaries (transaction hashes)  recent_table: the newest     one set of four slots
 *                                         values only
 *
 * The last one forgets: a value that comes again much later gets a second id. The other three never
 * give two ids to one value.
 *
 * Values come in blocks of at most 256 (value_block.h) in which runs of one value were folded into
 * one change; map_changes hashes all changes of a block, then looks them up. Where the tables are
 * larger than a cache (are_far) it asks for slots and bytes some look-ups ahead, so that cache
 * misses overlap.
 *
 * The tables are built only when somebody looks a value up. A column that is fed from one shared
 * Arrow dictionary knows by itself which values are new (chunk_dictionary_add_new), and never pays
 * for them; build_tables fills them from the body when a second producer comes.
 *
 * Whoever chooses the values can choose ones that collide. A table that sees a run of more than
 * LONG_PROBE slots says so (has_long_probes), and prepare_tables builds it anew with a key that
 * can't be foreseen, and for texts with a hash of all bytes.
 *
 * ERR_NO_MEMORY leaves the values as they were: room for a whole block is reserved before its first
 * value is added.
 */
#include "parquet/dictionary.h"

#include "parquet/recent_table.h"
#include "util/memory.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define FIRST_ENTRIES 256u
/* Tables and bodies larger than this are worth prefetching: about half of a second-level cache. */
#define PREFETCH_BYTES ((size_t)256 << 10)
/* How many look-ups ahead bytes are asked for; slots twice as many. */
#define EXPECT_AHEAD 12u

void chunk_dictionary_init(struct chunk_dictionary *dictionary, struct value_type type)
{
    *dictionary = (struct chunk_dictionary){.type = type};
    short_table_init(&dictionary->shorts);
    long_table_init(&dictionary->longs);
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
    short_table_clear(&dictionary->shorts, 0);
    long_table_clear(&dictionary->longs, false, 0);
    dictionary->has_tables = false;
    dictionary->count = 0;
    dictionary->bloom_hash_count = 0;
    buffer_reset(&dictionary->body);
}

void chunk_dictionary_clear_tables(struct chunk_dictionary *dictionary)
{
    if (!dictionary->has_tables)
        return;
    clear_small_ids(dictionary);
    short_table_clear(&dictionary->shorts, 0);
    long_table_clear(&dictionary->longs, false, 0);
    dictionary->has_tables = false;
}

void chunk_dictionary_release_tables(struct chunk_dictionary *dictionary)
{
    short_table_release(&dictionary->shorts);
    long_table_release(&dictionary->longs);
    mem_free(dictionary->recents);
    dictionary->recents = NULL;
    dictionary->has_tables = false;
}

void chunk_dictionary_release(struct chunk_dictionary *dictionary)
{
    chunk_dictionary_release_tables(dictionary);
    buffer_release(&dictionary->body);
    mem_free(dictionary->entries);
    mem_free(dictionary->small_ids);
    mem_free(dictionary->bloom_hashes);
    chunk_dictionary_init(dictionary, dictionary->type);
}

size_t chunk_dictionary_memory_bytes(const struct chunk_dictionary *dictionary)
{
    size_t small = dictionary->small_ids != NULL ? DICTIONARY_SMALL_INTEGERS * 4u : 0;
    size_t recents = dictionary->recents != NULL ? RECENT_SLOTS * sizeof(uint64_t) : 0;
    return dictionary->body.capacity_bytes +
           dictionary->entry_capacity * sizeof *dictionary->entries +
           dictionary->shorts.slot_count * sizeof *dictionary->shorts.slots +
           dictionary->longs.slot_count * sizeof *dictionary->longs.slots + recents +
           dictionary->bloom_hash_capacity * sizeof *dictionary->bloom_hashes + small;
}

/* --- room ---------------------------------------------------------------------------------- */

/* Binaries longer than what the table of short values takes. */
static bool has_recents(const struct chunk_dictionary *dictionary)
{
    return dictionary->type.kind == VALUE_FIXED && dictionary->type.width_bytes > SHORT_VALUE_BYTES;
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

/* Room for `more` values of `bytes` in all, so that appending them can't fail. */
static enum error_code reserve_values(struct chunk_dictionary *dictionary, uint32_t more,
                                      uint64_t bytes)
{
    assert(!chunk_dictionary_may_overflow(dictionary, more, bytes));
    if (reserve_entries(dictionary, more) != OK)
        return ERR_NO_MEMORY;
    return buffer_reserve(&dictionary->body, bytes + 4 * (size_t)more);
}

static enum error_code reserve_recents(struct chunk_dictionary *dictionary)
{
    if (dictionary->recents == NULL)
        dictionary->recents = mem_alloc_zero(RECENT_SLOTS, sizeof *dictionary->recents);
    return dictionary->recents == NULL ? ERR_NO_MEMORY : OK;
}

/* Room in the tables for `more` values. Of texts either table may take them all. */
static enum error_code reserve_slots(struct chunk_dictionary *dictionary, uint32_t more)
{
    if (has_recents(dictionary))
        return reserve_recents(dictionary);
    if (short_table_reserve(&dictionary->shorts, more) != OK)
        return ERR_NO_MEMORY;
    return dictionary->type.kind == VALUE_TEXT ? long_table_reserve(&dictionary->longs, more) : OK;
}

/* --- the tables ---------------------------------------------------------------------------- */

static void put_short(struct short_table *table, uint64_t head, uint64_t tail, uint32_t size,
                      uint32_t id)
{
    uint32_t hash = short_table_hash(table, head, tail, size);
    short_table_put(table, short_table_find(table, head, tail, size, hash), head, tail, size, id);
}

static void put_long(struct chunk_dictionary *dictionary, struct bytes_view value, uint32_t id)
{
    struct long_table *table = &dictionary->longs;
    const uint8_t *body = dictionary->body.data;
    uint32_t size = (uint32_t)value.size_bytes;
    uint32_t hash = long_table_hash(table, value.data, hash_load(value.data),
                                    hash_load(value.data + size - 8), size);
    struct long_slot *slot = long_table_find(table, body, value.data, size, hash);
    long_table_put(table, slot, hash, (uint32_t)(value.data - body), size, id);
}

static uint32_t recent_hash(const uint8_t *value, uint32_t width_bytes)
{
    return width_bytes == 32
               ? hash_32_bytes(value)
               : hash_words(hash_load(value), hash_load(value + width_bytes - 8), width_bytes, 0);
}

/* The words of a value in the body as a block has them. */
static void load_short(const struct value_type *type, struct bytes_view value, uint64_t *head,
                       uint64_t *tail)
{
    uint8_t bytes[SHORT_VALUE_BYTES] = {0};
    if (value.size_bytes != 0)
        memcpy(bytes, value.data, value.size_bytes);
    *head = hash_load(bytes);
    *tail = hash_load(bytes + 8);
    if (type->kind == VALUE_DECIMAL) {
        uint64_t high = __builtin_bswap64(*head);
        *head = __builtin_bswap64(*tail);
        *tail = high;
    }
}

static void put_known_value(struct chunk_dictionary *dictionary, uint32_t id)
{
    struct bytes_view value = chunk_dictionary_value(dictionary, id);
    uint64_t head, tail;
    if (has_recents(dictionary)) {
        uint32_t hash = recent_hash(value.data, dictionary->type.width_bytes);
        recent_put(recent_set(dictionary->recents, hash), hash, id);
    } else if (value.size_bytes > SHORT_VALUE_BYTES) {
        put_long(dictionary, value, id);
    } else {
        load_short(&dictionary->type, value, &head, &tail);
        put_short(&dictionary->shorts, head, tail, (uint32_t)value.size_bytes, id);
    }
}

/* Puts the values that are there into the tables, which are kept from the last chunk. */
static enum error_code build_tables(struct chunk_dictionary *dictionary, uint32_t more)
{
    if (reserve_slots(dictionary, dictionary->count + more) != OK)
        return ERR_NO_MEMORY;
    if (has_recents(dictionary))
        memset(dictionary->recents, 0, RECENT_SLOTS * sizeof *dictionary->recents);
    for (uint32_t id = 0; id < dictionary->count; id++)
        put_known_value(dictionary, id);
    dictionary->has_tables = true;
    return OK;
}

/* A key that nobody who chooses values can foresee: where the system put our memory. */
static uint64_t new_hash_key(const struct chunk_dictionary *dictionary)
{
    return hash_mix((uintptr_t)dictionary ^ HASH_KEY_2, (uintptr_t)dictionary->body.data) | 1;
}

/* Makes the tables ready for `more` values; ones that hash badly are built anew. */
static enum error_code prepare_tables(struct chunk_dictionary *dictionary, uint32_t more)
{
    if (dictionary->shorts.has_long_probes || dictionary->longs.has_long_probes) {
        uint64_t key = new_hash_key(dictionary);
        short_table_clear(&dictionary->shorts, key);
        long_table_clear(&dictionary->longs, true, key);
        dictionary->has_tables = false;
    }
    return dictionary->has_tables ? reserve_slots(dictionary, more)
                                  : build_tables(dictionary, more);
}

/* --- new values ---------------------------------------------------------------------------- */

static inline uint32_t append_text(struct chunk_dictionary *dictionary, const uint8_t *data,
                                   uint32_t size, uint64_t prefix)
{
    struct buffer *body = &dictionary->body;
    buffer_append_unchecked(body, &size, sizeof size); /* Parquet's little-endian length */
    dictionary->entries[dictionary->count] = (struct text_entry){
        .prefix = prefix, .offset = (uint32_t)body->size_bytes, .size_bytes = size};
    buffer_append_unchecked(body, data, size);
    return dictionary->count++;
}

static inline uint32_t append_fixed(struct chunk_dictionary *dictionary, const void *value,
                                    uint32_t width_bytes)
{
    buffer_append_unchecked(&dictionary->body, value, width_bytes);
    return dictionary->count++;
}

/* Arrow holds decimals little-endian, Parquet big-endian. */
static inline uint32_t append_decimal(struct chunk_dictionary *dictionary, uint64_t low,
                                      uint64_t high)
{
    uint64_t swapped[2] = {__builtin_bswap64(high), __builtin_bswap64(low)};
    return append_fixed(dictionary, swapped, sizeof swapped);
}

static uint32_t append_short(struct chunk_dictionary *dictionary, uint64_t head, uint64_t tail,
                             uint32_t size)
{
    uint64_t words[2] = {head, tail};
    if (dictionary->type.kind == VALUE_TEXT)
        return append_text(dictionary, (const uint8_t *)words, size, __builtin_bswap64(head));
    if (dictionary->type.kind == VALUE_DECIMAL)
        return append_decimal(dictionary, head, tail);
    return append_fixed(dictionary, words, size);
}

/* --- look-ups ------------------------------------------------------------------------------ */

static inline uint32_t map_short(struct chunk_dictionary *dictionary, uint64_t head, uint64_t tail,
                                 uint32_t size, uint32_t hash)
{
    struct short_table *table = &dictionary->shorts;
    struct short_slot *slot = short_table_find(table, head, tail, size, hash);
    if (slot->id_plus_1 != 0)
        return slot->id_plus_1 - 1;
    uint32_t id = append_short(dictionary, head, tail, size);
    short_table_put(table, slot, head, tail, size, id);
    return id;
}

static inline uint32_t map_long(struct chunk_dictionary *dictionary, const uint8_t *data,
                                uint64_t head, uint32_t size, uint32_t hash)
{
    struct long_table *table = &dictionary->longs;
    struct long_slot *slot = long_table_find(table, dictionary->body.data, data, size, hash);
    if (slot->id_plus_1 != 0)
        return slot->id_plus_1 - 1;
    uint32_t id = append_text(dictionary, data, size, __builtin_bswap64(head));
    long_table_put(table, slot, hash, dictionary->entries[id].offset, size, id);
    return id;
}

static bool are_far(const struct chunk_dictionary *dictionary)
{
    return dictionary->shorts.value_count * sizeof *dictionary->shorts.slots > PREFETCH_BYTES ||
           dictionary->longs.value_count * sizeof *dictionary->longs.slots > PREFETCH_BYTES / 4;
}

/* In what follows `lengths` is a constant where it is inlined. */
ALWAYS_INLINE bool is_long(const struct value_block *block, uint32_t change,
                           enum value_lengths lengths)
{
    return lengths == VALUES_LONG ||
           (lengths == VALUES_MIXED && block->sizes[change] > SHORT_VALUE_BYTES);
}

/* Asks for the slot of change `ahead`, and for the bytes of one whose slot was asked for a while
 * ago, so that their cache misses overlap. (Inlined by force: the compiler leaves out calls of
 * functions that do nothing but prefetch.) */
ALWAYS_INLINE void expect(const struct chunk_dictionary *dictionary,
                          const struct value_block *block, const uint32_t *hashes, uint32_t ahead,
                          enum value_lengths lengths)
{
    if (ahead < block->change_count) {
        if (is_long(block, ahead, lengths))
            long_table_expect(&dictionary->longs, hashes[ahead]);
        else
            short_table_expect(&dictionary->shorts, hashes[ahead]);
    }
    if (lengths == VALUES_SHORT || ahead < EXPECT_AHEAD ||
        ahead - EXPECT_AHEAD >= block->change_count)
        return;
    uint32_t sooner = ahead - EXPECT_AHEAD;
    if (is_long(block, sooner, lengths))
        long_table_expect_bytes(&dictionary->longs, dictionary->body.data, hashes[sooner]);
}

ALWAYS_INLINE uint32_t hash_change(const struct chunk_dictionary *dictionary,
                                   const struct value_block *block, uint32_t change,
                                   enum value_lengths lengths)
{
    uint64_t head = block->heads[change];
    uint64_t tail = block->tails[change];
    if (is_long(block, change, lengths))
        return long_table_hash(&dictionary->longs, block->data[change], head, tail,
                               block->sizes[change]);
    return short_table_hash(&dictionary->shorts, head, tail, block->sizes[change]);
}

ALWAYS_INLINE uint32_t map_change(struct chunk_dictionary *dictionary,
                                  const struct value_block *block, uint32_t change, uint32_t hash,
                                  enum value_lengths lengths)
{
    if (is_long(block, change, lengths))
        return map_long(dictionary, block->data[change], block->heads[change], block->sizes[change],
                        hash);
    return map_short(dictionary, block->heads[change], block->tails[change], block->sizes[change],
                     hash);
}

ALWAYS_INLINE void map_changes(struct chunk_dictionary *dictionary, const struct value_block *block,
                               uint32_t *change_ids, enum value_lengths lengths)
{
    uint32_t hashes[VALUE_BLOCK_MAX];
    uint32_t count = block->change_count;
    for (uint32_t i = 0; i < count; i++)
        hashes[i] = hash_change(dictionary, block, i, lengths);
    if (!are_far(dictionary)) {
        for (uint32_t i = 0; i < count; i++)
            change_ids[i] = map_change(dictionary, block, i, hashes[i], lengths);
        return;
    }
    for (uint32_t ahead = 0; ahead < 2 * EXPECT_AHEAD; ahead++)
        expect(dictionary, block, hashes, ahead, lengths);
    for (uint32_t i = 0; i < count; i++) {
        expect(dictionary, block, hashes, i + 2 * EXPECT_AHEAD, lengths);
        change_ids[i] = map_change(dictionary, block, i, hashes[i], lengths);
    }
}

static void map_by_tables(struct chunk_dictionary *dictionary, const struct value_block *block,
                          uint32_t *change_ids)
{
    switch (block->lengths) {
    case VALUES_SHORT: map_changes(dictionary, block, change_ids, VALUES_SHORT); break;
    case VALUES_LONG: map_changes(dictionary, block, change_ids, VALUES_LONG); break;
    case VALUES_MIXED: map_changes(dictionary, block, change_ids, VALUES_MIXED); break;
    }
}

/* `width` is a constant where this is inlined. */
ALWAYS_INLINE void map_recent(struct chunk_dictionary *dictionary, const struct value_block *block,
                              uint32_t width, uint32_t *change_ids)
{
    for (uint32_t i = 0; i < block->change_count; i++) {
        const uint8_t *value = block->data[i];
        uint32_t hash = recent_hash(value, width);
        uint64_t *set = recent_set(dictionary->recents, hash);
        uint32_t id = recent_find(set, dictionary->body.data, value, width, hash);
        if (id == RECENT_NONE) {
            id = append_fixed(dictionary, value, width);
            recent_put(set, hash, id);
        }
        change_ids[i] = id;
    }
}

enum error_code chunk_dictionary_map(struct chunk_dictionary *dictionary,
                                     const struct value_block *block, uint32_t *change_ids)
{
    if (prepare_tables(dictionary, block->change_count) != OK ||
        reserve_values(dictionary, block->change_count, block->change_bytes) != OK)
        return ERR_NO_MEMORY;
    if (!has_recents(dictionary))
        map_by_tables(dictionary, block, change_ids);
    else if (dictionary->type.width_bytes == 32)
        map_recent(dictionary, block, 32, change_ids);
    else
        map_recent(dictionary, block, dictionary->type.width_bytes, change_ids);
    return OK;
}

bool chunk_dictionary_append_fixed(struct chunk_dictionary *dictionary, const uint8_t *values,
                                   uint32_t count, uint32_t *first_id)
{
    uint32_t width = dictionary->type.width_bytes;
    if (!has_recents(dictionary) ||
        reserve_values(dictionary, count, (uint64_t)count * width) != OK)
        return false;
    *first_id = dictionary->count;
    buffer_append_unchecked(&dictionary->body, values, (size_t)count * width);
    dictionary->count += count;
    return true;
}

/* --- integers ------------------------------------------------------------------------------ */

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

static inline uint32_t map_small(struct chunk_dictionary *dictionary, uint32_t value)
{
    uint32_t *id = &dictionary->small_ids[value];
    if (*id == DICTIONARY_NO_ID)
        *id = append_fixed(dictionary, &value, sizeof value);
    return *id;
}

enum error_code chunk_dictionary_map_uint32(struct chunk_dictionary *dictionary,
                                            const uint32_t *values, uint32_t count, uint32_t *ids)
{
    assert(count <= VALUE_BLOCK_MAX);
    if (make_small_ids(dictionary) != OK || prepare_tables(dictionary, count) != OK ||
        reserve_values(dictionary, count, count * sizeof *values) != OK)
        return ERR_NO_MEMORY;
    uint32_t id = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] < DICTIONARY_SMALL_INTEGERS)
            id = map_small(dictionary, values[i]);
        else if (i == 0 || values[i] != values[i - 1])
            id = map_short(dictionary, values[i], 0, sizeof *values,
                           short_table_hash(&dictionary->shorts, values[i], 0, sizeof *values));
        ids[i] = id;
    }
    return OK;
}

/* --- from a shared dictionary -------------------------------------------------------------- */

/* Room for the hashes of `more` values, where those of all values so far are known. */
static enum error_code reserve_bloom_hashes(struct chunk_dictionary *dictionary, uint32_t more)
{
    if (dictionary->bloom_hash_count != dictionary->count ||
        dictionary->bloom_hash_capacity - dictionary->bloom_hash_count >= more)
        return OK;
    uint32_t capacity = dictionary->bloom_hash_capacity * 2;
    if (capacity < dictionary->bloom_hash_count + more)
        capacity = dictionary->bloom_hash_count + more;
    if (capacity < FIRST_ENTRIES)
        capacity = FIRST_ENTRIES;
    uint64_t *hashes = mem_realloc(dictionary->bloom_hashes, capacity * sizeof *hashes);
    if (hashes == NULL)
        return ERR_NO_MEMORY;
    dictionary->bloom_hashes = hashes;
    dictionary->bloom_hash_capacity = capacity;
    return OK;
}

static uint32_t append_known(struct chunk_dictionary *dictionary, struct bytes_view value,
                             const uint64_t *xxh64)
{
    uint32_t size = (uint32_t)value.size_bytes;
    if (xxh64 != NULL && dictionary->bloom_hash_count == dictionary->count)
        dictionary->bloom_hashes[dictionary->bloom_hash_count++] = *xxh64;
    if (dictionary->type.kind == VALUE_TEXT)
        return append_text(dictionary, value.data, size, value_prefix(value.data, size));
    if (dictionary->type.kind == VALUE_DECIMAL)
        return append_decimal(dictionary, hash_load(value.data), hash_load(value.data + 8));
    return append_fixed(dictionary, value.data, size);
}

enum error_code chunk_dictionary_add_new(struct chunk_dictionary *dictionary,
                                         struct bytes_view value, const uint64_t *xxh64,
                                         uint32_t *id)
{
    assert(!dictionary->has_tables);
    if (reserve_values(dictionary, 1, value.size_bytes) != OK ||
        (xxh64 != NULL && reserve_bloom_hashes(dictionary, 1) != OK))
        return ERR_NO_MEMORY;
    *id = append_known(dictionary, value, xxh64);
    return OK;
}

enum error_code chunk_dictionary_append_list(struct chunk_dictionary *dictionary,
                                             const struct value_list *list, uint32_t first,
                                             uint32_t count)
{
    assert(!dictionary->has_tables);
    uint32_t width = dictionary->type.width_bytes;
    uint64_t bytes = list->offsets != NULL
                         ? (uint64_t)(list->offsets[first + count] - list->offsets[first])
                         : (uint64_t)count * width;
    if (reserve_values(dictionary, count, bytes) != OK ||
        (list->facts != NULL && reserve_bloom_hashes(dictionary, count) != OK))
        return ERR_NO_MEMORY;
    for (uint32_t i = first; i < first + count; i++) {
        struct bytes_view value = bytes_view_of(list->bytes + (size_t)i * width, width);
        if (list->offsets != NULL)
            value = bytes_view_of(list->bytes + list->offsets[i],
                                  (size_t)(list->offsets[i + 1] - list->offsets[i]));
        append_known(dictionary, value, list->facts == NULL ? NULL : &list->facts[i].xxh64);
    }
    return OK;
}
