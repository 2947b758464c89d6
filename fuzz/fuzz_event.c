// SPDX-License-Identifier: Apache-2.0
// rooms: pb rows
// parsers: pb/event.c pb/outline.c pb/wire.c pb/wire.h pb/request.c rows/row.c
/*
 * A message of a TTP server that may be anything: decoding and making a row must survive it, and
 * what was decoded must survive encoding and decoding again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "pb/event.h"
#include "pb/outline.h"
#include "pb/request.h"
#include "rows/digest.h"
#include "rows/row.h"
#include "util/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_equal(struct bytes_view a, struct bytes_view b)
{
    assert(bytes_equal(a, b));
}

static void compare(const struct event_view *a, const struct event_view *b)
{
    assert(a->has_meta == b->has_meta && a->has_closed_at == b->has_closed_at);
    assert(a->has_operation_index == b->has_operation_index);
    assert(a->ledger_sequence == b->ledger_sequence);
    assert(a->closed_at_seconds == b->closed_at_seconds);
    assert(a->closed_at_nanos == b->closed_at_nanos);
    assert(a->transaction_index == b->transaction_index);
    assert(a->operation_index == b->operation_index);
    assert(a->memo_kind == b->memo_kind && a->type == b->type && a->asset_kind == b->asset_kind);
    assert(a->memo_kind != MEMO_ID || a->memo_id == b->memo_id);
    must_equal(a->tx_hash, b->tx_hash);
    must_equal(a->contract_address, b->contract_address);
    must_equal(a->memo, b->memo);
    must_equal(a->from, b->from);
    must_equal(a->to, b->to);
    must_equal(a->amount, b->amount);
    must_equal(a->asset_code, b->asset_code);
    must_equal(a->asset_issuer, b->asset_issuer);
}

static void encode_and_decode(const struct event_view *event)
{
    struct buffer encoded;
    struct event_view again;
    buffer_init(&encoded);
    if (event_encode(event, &encoded) == OK) {
        enum error_code code = event_decode(buffer_view(&encoded), &again, NULL);
        assert(code == OK);
        compare(event, &again);
    }
    buffer_release(&encoded);
}

static void check_text(const struct optional_text *text)
{
    assert(!text->present || utf8_is_valid(text->text));
}

static void make_row(const struct event_view *event, struct ledger_digest_state *digest)
{
    struct row_scratch scratch = {0};
    struct row_view row;
    struct error error;
    if (row_from_event(event, 0, &scratch, &row, &error) == OK) {
        check_text(&row.source_account);
        check_text(&row.dest_account);
        check_text(&row.asset_code);
        check_text(&row.asset_issuer);
        check_text(&row.memo);
        check_text(&row.contract_address);
        assert(utf8_is_valid(row.amount));
        if (digest != NULL)
            ledger_digest_add_row(digest, &row);
    } else {
        assert(error.message[0] != '\0');
    }
    buffer_release(&scratch.text);
}

static enum error_code check_field(void *context, const struct event_field *field,
                                   struct error *error)
{
    size_t *size = context;
    (void)error;
    assert(field->bytes.size_bytes <= *size && field->depth < 8);
    return OK;
}

static void outline(struct bytes_view message)
{
    struct event_outline_end end;
    enum error_code code = event_outline(message, check_field, &message.size_bytes, &end, NULL);
    assert(code == OK && end.offset <= message.size_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_view message = bytes_view_of(data, size);
    struct event_view event;
    struct get_events_request request;
    struct error error;
    uint32_t ledger = 0;
    bool peeked = event_peek_ledger(message, &ledger);
    outline(message);
    if (event_decode(message, &event, &error) == OK) {
        struct ledger_digest_state *digest;
        enum error_code made = ledger_digest_new(&digest, row_schema_find("1.1.0"), 1 + (size & 1));
        assert(made == OK);
        assert(event.ledger_sequence == (peeked ? ledger : 0));
        encode_and_decode(&event);
        make_row(&event, digest);
        ledger_digest_free(digest);
    } else {
        assert(error.code == ERR_CORRUPT && error.message[0] != '\0');
    }
    if (get_events_request_decode(message, &request, NULL) == OK) {
        struct buffer encoded;
        buffer_init(&encoded);
        if (get_events_request_encode(&request, &encoded) == OK) {
            struct get_events_request again;
            enum error_code code = get_events_request_decode(buffer_view(&encoded), &again, NULL);
            assert(code == OK && again.start_ledger == request.start_ledger &&
                   again.end_ledger == request.end_ledger);
        }
        buffer_release(&encoded);
    }
    return 0;
}
