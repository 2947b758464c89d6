// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "pb/straight.h"
#include "support/recording.h"
#include "util/memory.h"

/* A message written as a string literal, NULs included. */
#define MESSAGE(literal) bytes_view_of(literal, sizeof(literal) - 1)

static void assert_same_bytes(struct bytes_view a, struct bytes_view b)
{
    assert_int_equal(a.size_bytes, b.size_bytes);
    assert_true(a.size_bytes == 0 || a.data == b.data);
}

static void assert_same_event(const struct event_view *a, const struct event_view *b)
{
    assert_int_equal(a->has_meta, b->has_meta);
    assert_int_equal(a->has_closed_at, b->has_closed_at);
    assert_int_equal(a->has_operation_index, b->has_operation_index);
    assert_int_equal(a->ledger_sequence, b->ledger_sequence);
    assert_int_equal(a->closed_at_seconds, b->closed_at_seconds);
    assert_int_equal(a->closed_at_nanos, b->closed_at_nanos);
    assert_int_equal(a->transaction_index, b->transaction_index);
    assert_int_equal(a->operation_index, b->operation_index);
    assert_int_equal(a->memo_kind, b->memo_kind);
    assert_int_equal(a->memo_id, b->memo_id);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->asset_kind, b->asset_kind);
    assert_same_bytes(a->tx_hash, b->tx_hash);
    assert_same_bytes(a->contract_address, b->contract_address);
    assert_same_bytes(a->memo, b->memo);
    assert_same_bytes(a->from, b->from);
    assert_same_bytes(a->to, b->to);
    assert_same_bytes(a->amount, b->amount);
    assert_same_bytes(a->asset_code, b->asset_code);
    assert_same_bytes(a->asset_issuer, b->asset_issuer);
}

/* Whether the message goes the quick way; the outcome must be that of event_decode either way. */
static bool goes_straight(struct event_decoder *decoder, struct bytes_view message)
{
    struct event_view event, expected;
    struct error error = {0}, expected_error = {0};
    enum error_code code = event_decode(message, &expected, &expected_error);
    bool is_straight = event_decode_straight(decoder, message, &event);
    if (is_straight) {
        assert_int_equal(code, OK);
        assert_same_event(&event, &expected);
    }
    assert_int_equal(event_decoder_next(decoder, message, &event, &error), code);
    if (code == OK)
        assert_same_event(&event, &expected);
    else
        assert_string_equal(error.message, expected_error.message);
    return is_straight;
}

static bool goes_straight_alone(struct bytes_view message)
{
    struct event_decoder decoder = {0};
    return goes_straight(&decoder, message);
}

static void every_real_event_goes_the_quick_way(void **state)
{
    (void)state;
    size_t count = 0;
    struct event_decoder decoder = {0};
    for (size_t i = 0; i < recorded_count; i++) {
        struct recorded recording;
        struct bytes_view message;
        recorded_open(&recording, recorded_names[i], ".events");
        while (recorded_next(&recording, &message)) {
            assert_true(goes_straight(&decoder, message));
            count++;
        }
        recorded_close(&recording);
    }
    assert_int_equal(count, 5170);
}

static void every_cut_and_every_flipped_bit_of_real_events_has_the_same_outcome(void **state)
{
    (void)state;
    struct recorded recording;
    struct bytes_view message;
    struct event_decoder decoder = {0};
    recorded_open(&recording, "testnet-1410048-1410207", ".events");
    for (int n = 0; n < 40 && recorded_next(&recording, &message); n++) {
        /* A heap copy of exactly that size lets the sanitizer see a read beyond it. */
        for (size_t size = 0; size < message.size_bytes; size++) {
            uint8_t *cut = mem_copy(message.data, size);
            assert_false(goes_straight(&decoder, bytes_view_of(cut, size)));
            mem_free(cut);
        }
        uint8_t *copy = mem_copy(message.data, message.size_bytes);
        for (size_t bit = 0; bit < message.size_bytes * 8; bit++) {
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
            goes_straight(&decoder, bytes_view_of(copy, message.size_bytes));
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
            goes_straight(&decoder, bytes_view_of(copy, message.size_bytes));
        }
        mem_free(copy);
    }
    recorded_close(&recording);
}

#define BEGINNING "\x08\xc0\xc4\x07\x12\x06\x08\x80\x80\x80\x80\x06" /* ledger and close time */
#define PLAIN     "\x0a\x0e" BEGINNING "\x20\x01"

static void a_message_as_servers_write_it_goes_the_quick_way(void **state)
{
    (void)state;
    assert_true(goes_straight_alone(MESSAGE(PLAIN "\x32\x06\x0a\x01g\x1a\x01\x39")));
    assert_true(goes_straight_alone(MESSAGE(PLAIN "\x12\x09\x0a\x01g\x12\x01h\x22\x01\x39")));
    assert_true(
        goes_straight_alone(MESSAGE(PLAIN "\x1a\x0a\x0a\x01g\x12\x02\x08\x01\x1a\x01\x39")));
    assert_true(goes_straight_alone(MESSAGE(PLAIN "\x22\x00")));
    assert_true(goes_straight_alone(MESSAGE("\x0a\x12" BEGINNING "\x3a\x04\x0a\x02ok\x32\x00")));
}

static void what_is_written_otherwise_goes_the_general_way(void **state)
{
    (void)state;
    /* No meta, no member, meta behind the member, a member twice, an unknown field. */
    assert_false(goes_straight_alone(bytes_view_of(NULL, 0)));
    assert_false(goes_straight_alone(MESSAGE("\x32\x00")));
    assert_false(goes_straight_alone(MESSAGE(PLAIN)));
    assert_false(goes_straight_alone(MESSAGE("\x32\x00" PLAIN)));
    assert_false(goes_straight_alone(MESSAGE(PLAIN "\x32\x00\x32\x00")));
    assert_false(goes_straight_alone(MESSAGE(PLAIN "\x3a\x00")));
    assert_false(goes_straight_alone(MESSAGE(PLAIN "\x32\x03\x7a\x01x")));
    /* Close time before the ledger; no close time; the amount before the account. */
    assert_false(goes_straight_alone(MESSAGE("\x0a\x08\x12\x02\x08\x05\x08\xc0\xc4\x07\x32\x00")));
    assert_false(goes_straight_alone(MESSAGE("\x0a\x04\x08\xc0\xc4\x07\x32\x00")));
    assert_false(goes_straight_alone(MESSAGE(PLAIN "\x32\x06\x1a\x01\x39\x0a\x01g")));
    /* native = false, an empty asset, an empty muxed info, both members of a oneof. */
    assert_false(goes_straight_alone(MESSAGE(PLAIN "\x32\x04\x12\x02\x08\x00")));
    assert_false(goes_straight_alone(MESSAGE(PLAIN "\x32\x02\x12\x00")));
    assert_false(goes_straight_alone(MESSAGE("\x0a\x0e" BEGINNING "\x3a\x00\x32\x00")));
    assert_false(
        goes_straight_alone(MESSAGE("\x0a\x12" BEGINNING "\x3a\x04\x10\x01\x0a\x00\x32\x00")));
    /* A number of ten bytes, as a memo id above 2^63 has. */
    assert_false(goes_straight_alone(MESSAGE(
        "\x0a\x19" BEGINNING "\x3a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x32\x00")));
}

static void a_ledger_after_another_has_its_own_number_and_time(void **state)
{
    (void)state;
    struct event_decoder decoder = {0};
    struct event_view event;
    static const char *const beginnings[] = {
        "\x08\xc0\xc4\x07\x12\x06\x08\x80\x80\x80\x80\x06",
        "\x08\xc1\xc4\x07\x12\x06\x08\x80\x80\x80\x80\x06", /* another ledger */
        "\x08\xc1\xc4\x07\x12\x06\x08\x81\x80\x80\x80\x06", /* another time */
        "\x08\xc1\xc4\x07\x12\x06\x08\x81\x80\x80\x80\x07",
        "\x08\xc1\x44\x12\x07\x08\x81\x80\x80\x80\x80\x01", /* as long, other lengths within */
    };
    for (size_t i = 0; i < 2 * sizeof beginnings / sizeof *beginnings; i++) {
        uint8_t message[] = "\x0a\x0c............\x32\x00";
        memcpy(message + 2, beginnings[i / 2], 12);
        assert_true(goes_straight(&decoder, bytes_view_of(message, 16)));
        assert_true(event_decode_straight(&decoder, bytes_view_of(message, 16), &event));
        assert_int_equal(event.ledger_sequence, i < 2 ? 0x1e240 : i < 8 ? 0x1e241 : 0x2241);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_event_goes_the_quick_way),
        cmocka_unit_test(every_cut_and_every_flipped_bit_of_real_events_has_the_same_outcome),
        cmocka_unit_test(a_message_as_servers_write_it_goes_the_quick_way),
        cmocka_unit_test(what_is_written_otherwise_goes_the_general_way),
        cmocka_unit_test(a_ledger_after_another_has_its_own_number_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
