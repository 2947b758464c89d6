// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_DICTIONARIES_H
#define TTP_ROWS_DICTIONARIES_H

/*
 * The shared dictionaries behind the text columns of the batches, and the shortcut in front of
 * them: events of one ledger share accounts, assets and amounts, so each column first looks whether
 * its value is the previous one.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arrow/dictionary.h"
#include "rows/row.h"

/* The last value of a column; `data` points into the dictionary. */
struct previous_value {
    const uint8_t *data;
    size_t size_bytes; /* SIZE_MAX: there was none */
    uint32_t index;
};

static inline bool row_dictionaries_is_previous(const struct previous_value *previous,
                                                struct bytes_view text)
{
    uint64_t ends[2];
    if (text.size_bytes != previous->size_bytes)
        return false;
    if (text.size_bytes < sizeof ends[0])
        return text.size_bytes == 0 || memcmp(text.data, previous->data, text.size_bytes) == 0;
    /* Addresses begin alike; their ends tell most of them apart. */
    size_t end_at = text.size_bytes - sizeof ends[0];
    memcpy(&ends[0], text.data + end_at, sizeof ends[0]);
    memcpy(&ends[1], previous->data + end_at, sizeof ends[1]);
    return ends[0] == ends[1] && memcmp(text.data, previous->data, end_at) == 0;
}

/* A text of the row to come whose hash is known already. */
struct expected_value {
    const uint8_t *data; /* NULL: none, or it is the previous one */
    size_t size_bytes;
    uint64_t hash;
};

struct row_dictionaries {
    size_t memory_bytes; /* of all of them when full; 0: the default */
    uint32_t max_values; /* 0: what memory_bytes gives each */
    int oversized_count;
    bool oversized[DICTIONARY_COUNT]; /* larger than its limit, for the sake of one ledger */
    struct arrow_dictionary *shared[DICTIONARY_COUNT];
    struct previous_value previous[ROW_COLUMN_MAX + 1]; /* by column id */
    struct expected_value expected[ROW_COLUMN_MAX + 1];
};

/* memory_bytes: what all of them together may hold, about; 0 = the default. max_values: of each
 * dictionary that grows, whatever memory_bytes says; 0 = by memory_bytes. ERR_NO_MEMORY; release
 * after it, too. */
enum error_code row_dictionaries_init(struct row_dictionaries *dictionaries, size_t memory_bytes,
                                      uint32_t max_values) MUST_CHECK;
void row_dictionaries_release(struct row_dictionaries *dictionaries);

size_t row_dictionaries_memory_bytes(const struct row_dictionaries *dictionaries);

/* An empty dictionary to take `id`'s place, with room for at least twice what must go in at once;
 * *oversized tells whether that is beyond its limit. ERR_NO_MEMORY, also where it is more than an
 * Arrow dictionary can hold. */
enum error_code row_dictionaries_successor(const struct row_dictionaries *dictionaries,
                                           enum row_dictionary id, uint64_t least_values,
                                           uint64_t least_bytes,
                                           struct arrow_dictionary **successor,
                                           bool *oversized) MUST_CHECK;

/* Puts `successor` (ownership moves) in the place of `id`. */
void row_dictionaries_replace(struct row_dictionaries *dictionaries, enum row_dictionary id,
                              struct arrow_dictionary *successor, bool oversized);

/* Asks for the memory that interning the texts of this event will touch: first the hash tables,
 * then (a row's making later) the values. Only a hint; the event may turn out to be no row. */
void row_dictionaries_expect(struct row_dictionaries *dictionaries, const struct event_view *event);
void row_dictionaries_expect_values(const struct row_dictionaries *dictionaries);

uint32_t row_dictionaries_lookup(struct row_dictionaries *dictionaries, enum row_dictionary id,
                                 enum row_column_id column, struct bytes_view text);

/* The index of a column's text; ARROW_DICTIONARY_FULL if its dictionary is full. */
static inline uint32_t row_dictionaries_intern(struct row_dictionaries *dictionaries,
                                               enum row_dictionary id, enum row_column_id column,
                                               struct bytes_view text)
{
    const struct previous_value *previous = &dictionaries->previous[column];
    if (row_dictionaries_is_previous(previous, text))
        return previous->index;
    return row_dictionaries_lookup(dictionaries, id, column, text);
}

/* Stands for an index where a row has NULL. */
#define ROW_INDEX_NULL (ARROW_DICTIONARY_FULL - 1)

/* The dictionaries of event types and memo types hold all their values from the start. */
static inline uint32_t row_dictionaries_event_type(enum event_type type)
{
    return (uint32_t)type - 1;
}

static inline uint32_t row_dictionaries_memo_type(enum memo_kind kind)
{
    return (uint32_t)kind - 1;
}

#endif
