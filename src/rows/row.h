// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_ROW_H
#define TTP_ROWS_ROW_H

/* One event as the row it becomes (design section 3), before it is a column of anything. */

#include <stdbool.h>
#include <stdint.h>

#include "pb/event.h"
#include "rows/schema.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/bytes.h"

/* A text that may be NULL. */
struct optional_text {
    bool present;
    struct bytes_view text;
};

struct row_view {
    int64_t timestamp_us;
    uint32_t ledger_sequence;
    uint8_t transaction_hash[32];
    enum event_type type;
    struct optional_text source_account; /* absent on mint: NULL from 1.1.0, '' in 1.0.0 */
    struct optional_text dest_account;
    struct optional_text asset_code;
    struct optional_text asset_issuer;
    struct bytes_view amount;
    struct optional_text memo;
    enum memo_kind memo_kind;
    uint32_t transaction_index;
    bool has_operation_index;
    uint32_t operation_index;
    struct optional_text contract_address;
    uint32_t event_index;
    bool has_amount_decimal;
    __int128 amount_decimal;
    bool memo_replaced; /* bad UTF-8 in a text memo became U+FFFD */
};

/* A column's value in a row, as the column's kind says (rows/schema.h), and whether there is one,
 * of kinds that have a bool for it. */
static inline const void *row_value(const struct row_view *row, const struct row_column *column)
{
    return (const char *)row + column->at;
}
static inline bool row_has_value(const struct row_view *row, const struct row_column *column)
{
    return *((const bool *)((const char *)row + column->present_at));
}
static inline uint32_t row_value_u32(const struct row_view *row, const struct row_column *column)
{
    return *(const uint32_t *)row_value(row, column);
}

/* Room for the texts that a row makes itself: ids in decimal, hashes in hex, mended UTF-8. */
struct row_scratch {
    struct buffer text;
};

/* Makes the row of an event. Views point into the event's message, static texts or `scratch`, and
 * live until the next call with it. ERR_INVALID with the reason if the event can't be a row (a dead
 * letter then); ERR_NO_MEMORY. Texts other than memos that are not UTF-8 are ERR_INVALID too. */
enum error_code row_from_event(const struct event_view *event, uint32_t event_index,
                               struct row_scratch *scratch, struct row_view *row,
                               struct error *error) MUST_CHECK;

/*
 * The same of an event that has nothing unusual about it, without what rows/epoch.h works out for
 * new values alone: texts (but those of columns that its type leaves empty) are not looked at,
 * transaction_hash and amount_decimal not filled in. False where row_from_event has to tell.
 */
bool row_collect(const struct event_view *event, uint32_t event_index, struct row_scratch *scratch,
                 struct row_view *row);

/* 64 hexadecimal digits. False if they are not that. */
bool row_decode_hash(struct bytes_view digits, uint8_t hash[32]);
/* An amount as decimal(38,0): false where it is not an integer of at most 38 digits (an optional
 * minus sign and ASCII digits; leading zeros do not count). */
bool row_parse_amount(struct bytes_view amount, __int128 *value);

/* A copy whose texts lie in `arena`. ERR_NO_MEMORY. */
enum error_code row_copy(const struct row_view *row, struct arena *arena, struct row_view *copy,
                         struct error *error) MUST_CHECK;

/* "text", "id", "hash"; "" for MEMO_NONE. Static. */
const char *memo_kind_name(enum memo_kind kind);

#endif
