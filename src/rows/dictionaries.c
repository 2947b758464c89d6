// SPDX-License-Identifier: Apache-2.0
#include "rows/dictionaries.h"

#include <assert.h>

/*
 * Limits of each dictionary where nothing else is asked for. What is reserved and not used costs no
 * memory; full, all of them together hold about DEFAULT_MEMORY_BYTES. A million events of the
 * public network bring some 180,000 distinct accounts, 335,000 amounts, 13,000 memos and a few
 * thousand assets: the first two are then replaced once or twice, which costs less than their size.
 */
#define DEFAULT_MEMORY_BYTES (29u * 1024 * 1024)

static const struct limits {
    uint32_t values;
    uint32_t bytes;
} default_limits[DICTIONARY_COUNT] = {
    [DICTIONARY_EVENT_TYPE] = {8, 64},
    [DICTIONARY_ACCOUNT] = {128 * 1024, 8 * 1024 * 1024},
    [DICTIONARY_ASSET_CODE] = {16 * 1024, 256 * 1024},
    [DICTIONARY_ASSET_ISSUER] = {16 * 1024, 1024 * 1024},
    [DICTIONARY_AMOUNT] = {128 * 1024, 2 * 1024 * 1024},
    [DICTIONARY_MEMO] = {32 * 1024, 2 * 1024 * 1024},
    [DICTIONARY_CONTRACT] = {16 * 1024, 1024 * 1024},
    [DICTIONARY_MEMO_TYPE] = {8, 64},
};

/* Whatever memory there is: fewer values would cost more in replacements than they save. */
#define SCALE_MIN 32 /* the defaults divided by this */
#define SCALE_MAX 4  /* the defaults times this: 512 Ki accounts */

/* Bytes of a typical value (an account), for limits that are given as a number of values. */
#define TYPICAL_VALUE_BYTES 56

static bool is_fixed(enum row_dictionary id)
{
    return id == DICTIONARY_EVENT_TYPE || id == DICTIONARY_MEMO_TYPE;
}

static uint32_t scale(uint32_t limit, size_t memory_bytes)
{
    uint64_t scaled = (uint64_t)limit * memory_bytes / DEFAULT_MEMORY_BYTES;
    uint64_t least = limit / SCALE_MIN;
    uint64_t most = (uint64_t)limit * SCALE_MAX;
    return (uint32_t)(scaled < least ? least : scaled > most ? most : scaled);
}

static struct limits limits_of(const struct row_dictionaries *dictionaries, enum row_dictionary id)
{
    struct limits limits = default_limits[id];
    if (is_fixed(id))
        return limits;
    if (dictionaries->max_values != 0)
        return (struct limits){dictionaries->max_values,
                               dictionaries->max_values * TYPICAL_VALUE_BYTES};
    if (dictionaries->memory_bytes == 0)
        return limits;
    return (struct limits){scale(limits.values, dictionaries->memory_bytes),
                           scale(limits.bytes, dictionaries->memory_bytes)};
}

static void forget_previous(struct row_dictionaries *dictionaries, enum row_dictionary id)
{
    const struct row_column *column;
    for (int at = 1; (column = row_column_of(at)) != NULL; at++)
        if (column->dictionary == id)
            dictionaries->previous[at] = (struct previous_value){.size_bytes = SIZE_MAX};
}

static void intern_fixed(struct row_dictionaries *dictionaries)
{
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        uint32_t index =
            arrow_dictionary_intern(dictionaries->shared[DICTIONARY_EVENT_TYPE],
                                    bytes_view_text(event_type_name((enum event_type)type)));
        assert(index == row_dictionaries_event_type((enum event_type)type));
    }
    for (int kind = MEMO_TEXT; kind <= MEMO_HASH; kind++) {
        uint32_t index = arrow_dictionary_intern(dictionaries->shared[DICTIONARY_MEMO_TYPE],
                                                 bytes_view_text(memo_kind_name(kind)));
        assert(index == row_dictionaries_memo_type((enum memo_kind)kind));
    }
}

enum error_code row_dictionaries_init(struct row_dictionaries *dictionaries, size_t memory_bytes,
                                      uint32_t max_values)
{
    *dictionaries =
        (struct row_dictionaries){.memory_bytes = memory_bytes, .max_values = max_values};
    for (int i = DICTIONARY_NONE + 1; i < DICTIONARY_COUNT; i++) {
        enum row_dictionary id = (enum row_dictionary)i;
        struct limits limits = limits_of(dictionaries, id);
        if (arrow_dictionary_new(&dictionaries->shared[id], 0, limits.values, limits.bytes) != OK)
            return ERR_NO_MEMORY;
        forget_previous(dictionaries, id);
    }
    intern_fixed(dictionaries);
    return OK;
}

void row_dictionaries_release(struct row_dictionaries *dictionaries)
{
    for (int id = 0; id < DICTIONARY_COUNT; id++) {
        arrow_dictionary_release(dictionaries->shared[id]);
        dictionaries->shared[id] = NULL;
    }
}

size_t row_dictionaries_memory_bytes(const struct row_dictionaries *dictionaries)
{
    size_t bytes = 0;
    for (int id = 0; id < DICTIONARY_COUNT; id++)
        if (dictionaries->shared[id] != NULL)
            bytes += arrow_dictionary_memory_bytes(dictionaries->shared[id]);
    return bytes;
}

enum error_code row_dictionaries_successor(const struct row_dictionaries *dictionaries,
                                           enum row_dictionary id, uint64_t least_values,
                                           uint64_t least_bytes,
                                           struct arrow_dictionary **successor, bool *oversized)
{
    struct limits limits = limits_of(dictionaries, id);
    *oversized = 2 * least_values > limits.values || 2 * least_bytes > limits.bytes;
    uint64_t values = 2 * least_values > limits.values ? 2 * least_values : limits.values;
    uint64_t bytes = 2 * least_bytes > limits.bytes ? 2 * least_bytes : limits.bytes;
    if (least_values > INT32_MAX / 2 || least_bytes > INT32_MAX / 2)
        return ERR_NO_MEMORY;
    return arrow_dictionary_new(successor, 0, (uint32_t)values, (uint32_t)bytes);
}

void row_dictionaries_replace(struct row_dictionaries *dictionaries, enum row_dictionary id,
                              struct arrow_dictionary *successor, bool oversized)
{
    assert(!is_fixed(id));
    arrow_dictionary_release(dictionaries->shared[id]);
    dictionaries->shared[id] = successor;
    dictionaries->oversized_count += oversized - dictionaries->oversized[id];
    dictionaries->oversized[id] = oversized;
    forget_previous(dictionaries, id);
}

/* The columns whose values are many: those of other columns are in the processor's caches. */
static const struct {
    enum row_column_id column;
    enum row_dictionary dictionary;
} large_columns[] = {{COLUMN_SOURCE_ACCOUNT, DICTIONARY_ACCOUNT},
                     {COLUMN_DEST_ACCOUNT, DICTIONARY_ACCOUNT},
                     {COLUMN_AMOUNT, DICTIONARY_AMOUNT}};
#define LARGE_COLUMN_COUNT (sizeof large_columns / sizeof large_columns[0])

void row_dictionaries_expect(struct row_dictionaries *dictionaries, const struct event_view *event)
{
    const struct bytes_view texts[LARGE_COLUMN_COUNT] = {event->from, event->to, event->amount};
    for (size_t i = 0; i < LARGE_COLUMN_COUNT; i++) {
        enum row_column_id column = large_columns[i].column;
        struct expected_value *expected = &dictionaries->expected[column];
        expected->data = NULL;
        if (texts[i].size_bytes == 0 ||
            row_dictionaries_is_previous(&dictionaries->previous[column], texts[i]))
            continue;
        uint64_t hash = arrow_dictionary_hash(texts[i]);
        *expected = (struct expected_value){texts[i].data, texts[i].size_bytes, hash};
        arrow_dictionary_expect(dictionaries->shared[large_columns[i].dictionary], hash);
    }
}

void row_dictionaries_expect_values(const struct row_dictionaries *dictionaries)
{
    for (size_t i = 0; i < LARGE_COLUMN_COUNT; i++) {
        enum row_column_id column = large_columns[i].column;
        const struct expected_value *expected = &dictionaries->expected[column];
        if (expected->data != NULL)
            arrow_dictionary_expect_value(dictionaries->shared[large_columns[i].dictionary],
                                          expected->hash);
    }
}

uint32_t row_dictionaries_lookup(struct row_dictionaries *dictionaries, enum row_dictionary id,
                                 enum row_column_id column, struct bytes_view text)
{
    struct arrow_dictionary *shared = dictionaries->shared[id];
    const struct expected_value *expected = &dictionaries->expected[column];
    /* The same bytes, not just equal ones: an event's texts stay where they are while it is added.
     */
    bool is_expected = expected->data != NULL && expected->data == text.data &&
                       expected->size_bytes == text.size_bytes;
    uint64_t hash = is_expected ? expected->hash : arrow_dictionary_hash(text);
    uint32_t index = arrow_dictionary_intern_hashed(shared, text, hash);
    if (index != ARROW_DICTIONARY_FULL) {
        struct bytes_view value = arrow_dictionary_value(shared, index);
        dictionaries->previous[column] =
            (struct previous_value){value.data, value.size_bytes, index};
    }
    return index;
}
