// SPDX-License-Identifier: Apache-2.0
// rooms: pb
// parsers: pb/straight.c
/*
 * A stream of messages that may be anything, two bytes of length before each: the quick way, which
 * remembers how the last one began, must give what the general decoder gives of each alone.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pb/straight.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_equal(struct bytes_view a, struct bytes_view b)
{
    assert(a.size_bytes == b.size_bytes && (a.size_bytes == 0 || a.data == b.data));
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
    assert(a->memo_kind == b->memo_kind && a->memo_id == b->memo_id);
    assert(a->type == b->type && a->asset_kind == b->asset_kind);
    must_equal(a->tx_hash, b->tx_hash);
    must_equal(a->contract_address, b->contract_address);
    must_equal(a->memo, b->memo);
    must_equal(a->from, b->from);
    must_equal(a->to, b->to);
    must_equal(a->amount, b->amount);
    must_equal(a->asset_code, b->asset_code);
    must_equal(a->asset_issuer, b->asset_issuer);
}

static void decode_both_ways(struct event_decoder *decoder, struct bytes_view message)
{
    struct event_view straight, general;
    struct error problem = {0}, expected = {0};
    enum error_code code = event_decode(message, &general, &expected);
    if (event_decode_straight(decoder, message, &straight)) {
        assert(code == OK);
        compare(&straight, &general);
    }
    enum error_code again = event_decoder_next(decoder, message, &straight, &problem);
    assert(again == code);
    if (code == OK)
        compare(&straight, &general);
    else
        assert(problem.code == expected.code && strcmp(problem.message, expected.message) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event_decoder decoder = {0};
    while (size >= 2) {
        size_t length = data[0] | (size_t)data[1] << 8;
        data += 2;
        size -= 2;
        length = length < size ? length : size;
        /* A copy of exactly that size shows a read beyond it. */
        uint8_t *copy = malloc(length != 0 ? length : 1);
        assert(copy != NULL);
        memcpy(copy, data, length);
        decode_both_ways(&decoder, bytes_view_of(copy, length));
        free(copy);
        data += length;
        size -= length;
    }
    return 0;
}
