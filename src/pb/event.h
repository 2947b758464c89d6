// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PB_EVENT_H
#define TTP_PB_EVENT_H

/*
 * token_transfer.TokenTransferEvent, decoded without copying (stellar/go-stellar-sdk
 * protos/processors/token_transfer/token_transfer_event.proto). Views point into the message.
 *
 * Tolerated as protobuf says: unknown fields and unknown oneof members are skipped, a repeated
 * scalar's last value wins, repeated embedded messages merge, a later oneof member replaces an
 * earlier one. Strings are not checked for UTF-8 here: the row decides what to do with them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

enum event_type {
    EVENT_NONE, /* no member of the oneof that this version knows */
    EVENT_TRANSFER,
    EVENT_MINT,
    EVENT_BURN,
    EVENT_CLAWBACK,
    EVENT_FEE
};
#define EVENT_TYPE_COUNT 6

enum asset_kind {
    ASSET_NONE, /* no asset, or an Asset with nothing (or native = false) in it */
    ASSET_NATIVE,
    ASSET_ISSUED
};

enum memo_kind { MEMO_NONE, MEMO_TEXT, MEMO_ID, MEMO_HASH };

struct event_view {
    bool has_meta;
    bool has_closed_at;
    bool has_operation_index;
    uint32_t ledger_sequence;
    int64_t closed_at_seconds;
    int32_t closed_at_nanos;
    struct bytes_view tx_hash; /* as sent: hexadecimal text */
    uint32_t transaction_index;
    uint32_t operation_index;
    struct bytes_view contract_address;

    enum memo_kind memo_kind;
    struct bytes_view memo; /* MEMO_TEXT and MEMO_HASH */
    uint64_t memo_id;

    enum event_type type;
    struct bytes_view from; /* empty where the type has none */
    struct bytes_view to;
    struct bytes_view amount;
    enum asset_kind asset_kind;
    struct bytes_view asset_code;
    struct bytes_view asset_issuer;
};

/* Decodes one message. ERR_CORRUPT if it is not well-formed protobuf; *event is then undefined. */
enum error_code event_decode(struct bytes_view message, struct event_view *event,
                             struct error *error) MUST_CHECK;

/* The ledger of a message that event_decode may refuse: the last readable meta.ledger_sequence
 * before the damage. False if there is none. */
bool event_peek_ledger(struct bytes_view message, uint32_t *ledger_sequence);

/* Appends the serialized message, fields in ascending order as Go's protobuf writes them: decoding
 * a real event and encoding it again gives the same bytes. ERR_NO_MEMORY. */
enum error_code event_encode(const struct event_view *event, struct buffer *out) MUST_CHECK;

/* "transfer", "mint", …; "" for EVENT_NONE. Static. */
const char *event_type_name(enum event_type type);

#endif
