// SPDX-License-Identifier: Apache-2.0
#include "rows/digest.h"

#include <assert.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY /* the state as a struct: no allocation inside the library */
#include <xxhash.h>

#include "util/memory.h"

/*
 * Chain: the close time and the CHAIN_HASHES smallest distinct transaction hashes of the ledger.
 * The smallest ones stand for all: they say as surely which chain a ledger is of, in constant
 * memory, and they stay the same when an upgraded upstream reorders, adds or drops events of
 * the same transactions, which must show in the contents alone.
 *
 * Contents, version 1: each row's columns in the schema's order, events in the order of
 * event_index. Numbers are little-endian; a text is its length (uint32) and its bytes, NULL is the
 * length 2^32 - 1; an optional number has a byte 0 or 1 in front of it. A byte before each event
 * tells rows (1) from dead letters (2).
 *
 * Contents, version 2: a record an event. Its first 64 bits say which columns have a value (bit i:
 * column i) and, in the highest byte, the mark of version 1: so they say how long it is. Then come
 * what stands for texts and hashes, in the schema's order: XXH64 and XXH3-64, and behind them the
 * other values in that order: times and numbers as they are, decimals as 128 bits, event type and
 * kind of memo as the numbers of their enums, in a byte. What is NULL takes no room. A dead
 * letter's are its event_index (64 bits) and the same of the message.
 */
#define CHAIN_HASHES     16
#define HASH_BYTES       32
#define NULL_TEXT        UINT32_MAX
#define MARK_ROW         1
#define MARK_DEAD_LETTER 2
#define PIECE_BYTES      4096
/* Kept free behind each text: all that a row has besides texts, with lengths and marks. So only
 * texts look whether there is room. */
#define FIXED_BYTES (ROW_COLUMN_MAX * 33 + 1)

#define FACTS_BYTES       (2 * sizeof(uint64_t))
#define RECORD_BYTES_MAX  (sizeof(uint64_t) + ROW_COLUMN_MAX * FACTS_BYTES + PLAIN_BYTES_MAX)
#define LETTER_BYTES      (2 * sizeof(uint64_t) + FACTS_BYTES)
#define RECORDS_BYTES     4096
#define RECORD_MARK_SHIFT 56

/* Where in a row the value of a column lies that is no text or hash, and what says that there is
 * one (0: there always is). */
struct plain_column {
    uint16_t at, present_at;
    uint8_t size_bytes, position;
};
#define PLAIN_BYTES_MAX sizeof(__int128)

struct ledger_digest_state {
    const struct row_schema *schema;
    bool has_close_time;
    int64_t close_time_us;
    size_t hash_count;
    uint8_t hashes[CHAIN_HASHES][HASH_BYTES]; /* ascending */
    uint8_t version;
    /* Version 2: the columns of texts and hashes, by position, and the others. */
    uint8_t digested[ROW_COLUMN_MAX];
    struct plain_column plain[ROW_COLUMN_MAX];
    size_t digested_count, plain_count;
    XXH3_state_t contents;
    size_t records_bytes; /* version 2: records that are not hashed yet */
    uint8_t records[RECORDS_BYTES];
};
_Static_assert(RECORD_BYTES_MAX < RECORDS_BYTES, "a record fits");
_Static_assert(ROW_COLUMN_MAX < RECORD_MARK_SHIFT, "a bit a column");

/* Whether 128 bits stand for a column's values. */
static bool is_digested(const struct row_column *column)
{
    return column->kind == ROW_HASH || column->kind == ROW_TEXT || column->kind == ROW_MAYBE_TEXT;
}

/* The bytes of a value: event types and kinds of memo are small numbers, little-endian. */
static uint8_t plain_size(const struct row_column *column)
{
    switch (column->kind) {
    case ROW_TIME: return sizeof(int64_t);
    case ROW_NUMBER:
    case ROW_MAYBE_NUMBER: return sizeof(uint32_t);
    case ROW_MAYBE_DECIMAL: return sizeof(__int128);
    default: return 1;
    }
}

static void plan_records(struct ledger_digest_state *state)
{
    state->digested_count = state->plain_count = 0;
    for (size_t i = 0; i < state->schema->column_count; i++) {
        const struct row_column *column = &state->schema->columns[i];
        if (is_digested(column)) {
            state->digested[state->digested_count++] = (uint8_t)i;
            continue;
        }
        bool is_optional = column->kind == ROW_MAYBE_NUMBER || column->kind == ROW_MAYBE_DECIMAL;
        assert(column->at + PLAIN_BYTES_MAX <= sizeof(struct row_view));
        state->plain[state->plain_count++] =
            (struct plain_column){.at = (uint16_t)column->at,
                                  .present_at = is_optional ? (uint16_t)column->present_at : 0,
                                  .size_bytes = plain_size(column),
                                  .position = (uint8_t)i};
    }
}

enum error_code ledger_digest_new(struct ledger_digest_state **out, const struct row_schema *schema,
                                  uint8_t version)
{
    *out = NULL;
    /* XXH3_state_t wants 64-byte alignment, which the heap need not give. */
    const size_t alignment = _Alignof(struct ledger_digest_state);
    uint8_t *block = mem_alloc(sizeof(struct ledger_digest_state) + alignment + sizeof(void *));
    if (block == NULL)
        return ERR_NO_MEMORY;
    uintptr_t after = (uintptr_t)block + sizeof(void *);
    uintptr_t aligned = (after + alignment - 1) / alignment * alignment;
    memcpy((void *)(aligned - sizeof(void *)), &block, sizeof(void *));
    struct ledger_digest_state *state = (struct ledger_digest_state *)aligned;
    state->schema = schema;
    state->version = version == LEDGER_DIGEST_FIRST ? version : LEDGER_DIGEST_NEWEST;
    plan_records(state);
    XXH3_INITSTATE(&state->contents);
    ledger_digest_begin(state);
    *out = state;
    return OK;
}

void ledger_digest_free(struct ledger_digest_state *state)
{
    if (state == NULL)
        return;
    void *block;
    memcpy(&block, (uint8_t *)state - sizeof block, sizeof block);
    mem_free(block);
}

void ledger_digest_begin(struct ledger_digest_state *state)
{
    state->has_close_time = false;
    state->close_time_us = 0;
    state->hash_count = 0;
    state->records_bytes = 0;
    XXH3_128bits_reset(&state->contents);
}

/* Surely larger than all that are kept, as most are: by their first bytes. */
static inline bool is_too_large(const struct ledger_digest_state *state,
                                const uint8_t hash[HASH_BYTES])
{
    uint64_t begins[2];
    memcpy(&begins[0], hash, sizeof begins[0]);
    memcpy(&begins[1], state->hashes[CHAIN_HASHES - 1], sizeof begins[1]);
    return state->hash_count == CHAIN_HASHES &&
           __builtin_bswap64(begins[0]) > __builtin_bswap64(begins[1]);
}

static void add_hash(struct ledger_digest_state *state, const uint8_t hash[HASH_BYTES])
{
    size_t at = state->hash_count;
    for (; at > 0; at--) {
        int order = memcmp(hash, state->hashes[at - 1], HASH_BYTES);
        if (order == 0)
            return;
        if (order > 0)
            break;
    }
    if (at == CHAIN_HASHES)
        return;
    size_t moved = state->hash_count - at;
    if (state->hash_count == CHAIN_HASHES)
        moved--;
    else
        state->hash_count++;
    memmove(state->hashes[at + 1], state->hashes[at], moved * HASH_BYTES);
    memcpy(state->hashes[at], hash, HASH_BYTES);
}

/* Collects a row's bytes so that the hash sees few and large pieces. */
struct piece {
    XXH3_state_t *state;
    size_t used;
    uint8_t bytes[PIECE_BYTES];
};

static void flush(struct piece *piece)
{
    XXH3_128bits_update(piece->state, piece->bytes, piece->used);
    piece->used = 0;
}

/* A value that is no text; inlined with a constant size. */
static inline void put(struct piece *piece, const void *bytes, size_t size_bytes)
{
    memcpy(piece->bytes + piece->used, bytes, size_bytes);
    piece->used += size_bytes;
}

static inline void put_u32(struct piece *piece, uint32_t value)
{
    put(piece, &value, sizeof value);
}

static inline void put_byte(struct piece *piece, uint8_t value)
{
    put(piece, &value, sizeof value);
}

static inline void put_text(struct piece *piece, struct bytes_view text)
{
    put_u32(piece, (uint32_t)text.size_bytes);
    if (text.size_bytes > PIECE_BYTES - FIXED_BYTES ||
        piece->used + text.size_bytes > PIECE_BYTES - FIXED_BYTES) {
        flush(piece);
        if (text.size_bytes > PIECE_BYTES - FIXED_BYTES) {
            XXH3_128bits_update(piece->state, text.data, text.size_bytes);
            return;
        }
    }
    if (text.size_bytes != 0)
        put(piece, text.data, text.size_bytes);
}

/* '' of none where the column takes no NULL: so the lake has it. */
static inline void put_optional(struct piece *piece, const struct optional_text *text,
                                bool nullable)
{
    if (text->present)
        put_text(piece, text->text);
    else
        put_u32(piece, nullable ? NULL_TEXT : 0);
}

static inline void put_value(struct piece *piece, const struct row_view *row,
                             const struct row_column *column)
{
    const void *value = row_value(row, column);
    if (column->kind == ROW_MAYBE_TEXT) { /* as most are */
        put_optional(piece, value, column->nullable);
        return;
    }
    switch (column->kind) {
    case ROW_TIME: put(piece, value, sizeof(int64_t)); break;
    case ROW_NUMBER: put(piece, value, sizeof(uint32_t)); break;
    case ROW_MAYBE_NUMBER:
        put_byte(piece, row_has_value(row, column));
        if (row_has_value(row, column))
            put(piece, value, sizeof(uint32_t));
        break;
    case ROW_HASH: put(piece, value, HASH_BYTES); break;
    case ROW_EVENT_TYPE:
        put_text(piece, bytes_view_text(event_type_name(*(const enum event_type *)value)));
        break;
    case ROW_MEMO_KIND: put_byte(piece, (uint8_t) * (const enum memo_kind *)value); break;
    case ROW_TEXT: put_text(piece, *(const struct bytes_view *)value); break;
    case ROW_MAYBE_TEXT: break;
    case ROW_MAYBE_DECIMAL:
        put_byte(piece, row_has_value(row, column));
        if (row_has_value(row, column))
            put(piece, value, sizeof(__int128));
        break;
    }
}

static void put_row(struct piece *piece, const struct row_schema *schema,
                    const struct row_view *row)
{
    put_byte(piece, MARK_ROW);
    for (size_t i = 0; i < schema->column_count; i++)
        put_value(piece, row, &schema->columns[i]);
    flush(piece);
}

static void put_dead_letter(struct piece *piece, uint32_t event_index, struct bytes_view raw)
{
    put_byte(piece, MARK_DEAD_LETTER);
    put_u32(piece, event_index);
    put_text(piece, raw);
    flush(piece);
}

/* ---- version 2 ---- */

static void hash_records(struct ledger_digest_state *state)
{
    XXH3_128bits_update(&state->contents, state->records, state->records_bytes);
    state->records_bytes = 0;
}

/* Where a record of at most size_bytes goes. */
static inline uint8_t *record_room(struct ledger_digest_state *state, size_t size_bytes)
{
    if (state->records_bytes + size_bytes > RECORDS_BYTES)
        hash_records(state);
    return state->records + state->records_bytes;
}

/* Inlined with a constant size. */
static inline uint8_t *record_put(uint8_t *at, const void *value, size_t size_bytes)
{
    memcpy(at, value, size_bytes);
    return at + size_bytes;
}

/* 128 bits that stand for the value of column i. */
static inline uint8_t *record_facts(uint8_t *at, const struct arrow_value_facts *facts, size_t i,
                                    uint64_t *head)
{
    _Static_assert(sizeof *facts == FACTS_BYTES, "both hashes, and nothing else");
    *head |= UINT64_C(1) << i;
    memcpy(at, facts, sizeof *facts);
    return at + sizeof *facts;
}

/* What follows what stands for texts and hashes. As many bytes are copied as a value has at most,
 * and what is too much is written over. */
static inline void end_record(struct ledger_digest_state *state, const struct row_view *row,
                              uint8_t *record, uint8_t *at, uint64_t head)
{
    const uint8_t *values = (const uint8_t *)row;
    for (size_t i = 0; i < state->plain_count; i++) {
        const struct plain_column *column = &state->plain[i];
        uint64_t present = column->present_at == 0 || values[column->present_at] != 0;
        memcpy(at, values + column->at, PLAIN_BYTES_MAX);
        at += present * column->size_bytes;
        head |= present << column->position;
    }
    head |= (uint64_t)MARK_ROW << RECORD_MARK_SHIFT;
    record_put(record, &head, sizeof head);
    state->records_bytes += (size_t)(at - record);
}

/* The bytes of a text or hash; false where it is NULL. */
static bool digested_value(const struct row_view *row, const struct row_column *column,
                           struct bytes_view *bytes)
{
    const void *value = row_value(row, column);
    const struct optional_text *maybe = value;
    switch (column->kind) {
    case ROW_HASH: *bytes = bytes_view_of(value, HASH_BYTES); return true;
    case ROW_TEXT: *bytes = *(const struct bytes_view *)value; return true;
    default:
        /* '' of none where the column takes no NULL: so the lake has it. */
        *bytes = maybe->present ? maybe->text : bytes_view_of(NULL, 0);
        return maybe->present || !column->nullable;
    }
}

static void add_record(struct ledger_digest_state *state, const struct row_view *row)
{
    uint8_t *record = record_room(state, RECORD_BYTES_MAX);
    uint8_t *at = record + sizeof(uint64_t);
    uint64_t head = 0;
    for (size_t i = 0; i < state->digested_count; i++) {
        size_t column = state->digested[i];
        struct bytes_view bytes;
        if (!digested_value(row, &state->schema->columns[column], &bytes))
            continue;
        struct arrow_value_facts facts = arrow_value_facts_of(bytes);
        at = record_facts(at, &facts, column, &head);
    }
    end_record(state, row, record, at, head);
}

static void add_letter_record(struct ledger_digest_state *state, uint32_t event_index,
                              struct bytes_view raw)
{
    const uint64_t head = (uint64_t)MARK_DEAD_LETTER << RECORD_MARK_SHIFT, index = event_index;
    const struct arrow_value_facts facts = arrow_value_facts_of(raw);
    uint8_t *at = record_room(state, LETTER_BYTES);
    at = record_put(at, &head, sizeof head);
    at = record_put(at, &index, sizeof index);
    at = record_put(at, &facts.xxh64, sizeof facts.xxh64);
    record_put(at, &facts.xxh3, sizeof facts.xxh3);
    state->records_bytes += LETTER_BYTES;
}

/* ---- either ---- */

static inline void note_transaction(struct ledger_digest_state *state, const struct row_view *row)
{
    if (!state->has_close_time) {
        state->has_close_time = true;
        state->close_time_us = row->timestamp_us;
    }
    if (!is_too_large(state, row->transaction_hash))
        add_hash(state, row->transaction_hash);
}

void ledger_digest_add_row(struct ledger_digest_state *state, const struct row_view *row)
{
    note_transaction(state, row);
    if (state->version != LEDGER_DIGEST_FIRST) {
        add_record(state, row);
        return;
    }
    struct piece piece;
    piece.state = &state->contents;
    piece.used = 0;
    put_row(&piece, state->schema, row);
}

void ledger_digest_add_numbered(struct ledger_digest_state *state, const struct row_view *row,
                                const struct epoch_part *part, const uint32_t ids[ROW_COLUMN_MAX])
{
    assert(state->version == LEDGER_DIGEST_NEWEST);
    uint8_t *record = record_room(state, RECORD_BYTES_MAX);
    uint8_t *at = record + sizeof(uint64_t);
    uint64_t head = 0;
    note_transaction(state, row);
    for (size_t i = 0; i < state->digested_count; i++) {
        size_t column = state->digested[i];
        if (ids[column] != ROW_ID_NULL)
            at = record_facts(
                at, arrow_dictionary_facts(part->columns[column].dictionary) + ids[column], column,
                &head);
    }
    end_record(state, row, record, at, head);
}

void ledger_digest_add_dead_letter(struct ledger_digest_state *state, uint32_t event_index,
                                   struct bytes_view raw)
{
    if (state->version != LEDGER_DIGEST_FIRST) {
        add_letter_record(state, event_index, raw);
        return;
    }
    struct piece piece;
    piece.state = &state->contents;
    piece.used = 0;
    put_dead_letter(&piece, event_index, raw);
}

static void begin_event(struct piece *piece, XXH3_state_t *state)
{
    XXH3_INITSTATE(state);
    XXH3_128bits_reset(state);
    piece->state = state;
    piece->used = 0;
}

static struct event_digest end_event(const struct piece *piece)
{
    XXH128_hash_t hash = XXH3_128bits_digest(piece->state);
    return (struct event_digest){hash.low64, hash.high64};
}

struct event_digest event_digest_row(const struct row_schema *schema, const struct row_view *row)
{
    XXH3_state_t state;
    struct piece piece;
    begin_event(&piece, &state);
    put_row(&piece, schema, row);
    return end_event(&piece);
}

struct event_digest event_digest_dead_letter(uint32_t event_index, struct bytes_view raw)
{
    XXH3_state_t state;
    struct piece piece;
    begin_event(&piece, &state);
    put_dead_letter(&piece, event_index, raw);
    return end_event(&piece);
}

/* Of the state as it is: more events may follow. */
static XXH128_hash_t contents_hash(const struct ledger_digest_state *state)
{
    if (state->records_bytes == 0)
        return XXH3_128bits_digest(&state->contents);
    XXH3_state_t whole;
    XXH3_copyState(&whole, &state->contents);
    XXH3_128bits_update(&whole, state->records, state->records_bytes);
    return XXH3_128bits_digest(&whole);
}

struct ledger_digest ledger_digest_end(const struct ledger_digest_state *state)
{
    struct ledger_digest digest = {.contents = {.version = state->version}};
    uint8_t chain[sizeof(int64_t) + sizeof state->hashes];
    memcpy(chain, &state->close_time_us, sizeof state->close_time_us);
    memcpy(chain + sizeof state->close_time_us, state->hashes, state->hash_count * HASH_BYTES);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(chain, sizeof state->close_time_us +
                                                                 state->hash_count * HASH_BYTES));
    _Static_assert(sizeof canonical == LEDGER_DIGEST_BYTES, "a digest is an XXH3-128");
    _Static_assert(sizeof canonical == CONTENTS_DIGEST_BYTES, "the other, too");
    memcpy(digest.chain, &canonical, sizeof canonical);
    XXH128_canonicalFromHash(&canonical, contents_hash(state));
    memcpy(digest.contents.bytes, &canonical, sizeof canonical);
    return digest;
}
