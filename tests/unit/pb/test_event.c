// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "pb/event.h"
#include "support/recording.h"
#include "util/memory.h"

/* A message written as a string literal, NULs included. */
#define MESSAGE(literal) bytes_view_of(literal, sizeof(literal) - 1)

static void assert_text(struct bytes_view got, const char *expected)
{
    assert_int_equal(got.size_bytes, strlen(expected));
    assert_true(bytes_equal(got, bytes_view_text(expected)));
}

static struct event_view decode(struct bytes_view message)
{
    struct event_view event;
    struct error error = {0};
    if (event_decode(message, &event, &error) != OK)
        fail_msg("%s", error.message);
    return event;
}

static void assert_refused(struct bytes_view message, const char *problem)
{
    struct event_view event;
    struct error error = {0};
    assert_int_equal(event_decode(message, &event, &error), ERR_CORRUPT);
    if (strstr(error.message, problem) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, problem);
}

static void every_real_event_is_encoded_again_byte_for_byte(void **state)
{
    (void)state;
    size_t count = 0;
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < recorded_count; i++) {
        struct recorded recording;
        struct bytes_view message;
        recorded_open(&recording, recorded_names[i], ".events");
        while (recorded_next(&recording, &message)) {
            struct event_view event = decode(message);
            buffer_reset(&out);
            assert_int_equal(event_encode(&event, &out), OK);
            assert_int_equal(out.size_bytes, message.size_bytes);
            assert_memory_equal(out.data, message.data, message.size_bytes);
            count++;
        }
        recorded_close(&recording);
    }
    buffer_release(&out);
    assert_int_equal(count, 5170);
}

static void every_cut_and_every_flipped_bit_of_real_events_is_survived(void **state)
{
    (void)state;
    struct recorded recording;
    struct bytes_view message;
    recorded_open(&recording, "testnet-1410048-1410207", ".events");
    for (int n = 0; n < 40 && recorded_next(&recording, &message); n++) {
        struct event_view event;
        /* A heap copy of exactly that size lets the sanitizer see a read beyond it. */
        for (size_t size = 0; size < message.size_bytes; size++) {
            uint8_t *cut = mem_copy(message.data, size);
            uint32_t ledger;
            assert_int_equal(event_peek_ledger(bytes_view_of(cut, size), &ledger), size >= 7);
            if (event_decode(bytes_view_of(cut, size), &event, NULL) == OK)
                assert_true(size == 0 || !event.type || size > 130);
            mem_free(cut);
        }
        uint8_t *copy = mem_copy(message.data, message.size_bytes);
        for (size_t bit = 0; bit < message.size_bytes * 8; bit++) {
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
            enum error_code code =
                event_decode(bytes_view_of(copy, message.size_bytes), &event, NULL);
            assert_true(code == OK || code == ERR_CORRUPT);
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        mem_free(copy);
    }
    recorded_close(&recording);
}

static void an_empty_message_has_nothing(void **state)
{
    (void)state;
    struct event_view event = decode(bytes_view_of(NULL, 0));
    assert_false(event.has_meta);
    assert_int_equal(event.type, EVENT_NONE);
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(event_encode(&event, &out), OK);
    assert_int_equal(out.size_bytes, 0);
    buffer_release(&out);
}

static void absent_and_zero_operation_index_differ(void **state)
{
    (void)state;
    assert_false(decode(MESSAGE("\x0a\x00")).has_operation_index);
    struct event_view event = decode(MESSAGE("\x0a\x02\x28\x00"));
    assert_true(event.has_operation_index);
    assert_int_equal(event.operation_index, 0);
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(event_encode(&event, &out), OK);
    assert_int_equal(out.size_bytes, 4);
    assert_memory_equal(out.data, "\x0a\x02\x28\x00", 4);
    buffer_release(&out);
}

static void unknown_fields_of_every_wire_type_are_skipped(void **state)
{
    (void)state;
    struct event_view event = decode(MESSAGE("\x78\x96\x01"                         /* varint 15 */
                                             "\x79\x01\x02\x03\x04\x05\x06\x07\x08" /* fixed64 */
                                             "\x7a\x02zz"                           /* bytes */
                                             "\x7d\x01\x02\x03\x04"                 /* fixed32 */
                                             "\x7b\x08\x01\x13\x14\x7c" /* group with a group */
                                             "\x0a\x05\x78\x01\x08\xb9\x0a"));
    assert_true(event.has_meta);
    assert_int_equal(event.ledger_sequence, 1337);
}

static void a_known_number_with_another_wire_type_is_an_unknown_field(void **state)
{
    (void)state;
    /* ledger_sequence as bytes, tx_hash as a varint, meta as fixed32 */
    struct event_view event = decode(MESSAGE("\x0a\x05\x0a\x01"
                                             "a\x18\x07\x0d\x01\x02\x03\x04"));
    assert_true(event.has_meta);
    assert_int_equal(event.ledger_sequence, 0);
    assert_int_equal(event.tx_hash.size_bytes, 0);
}

static void the_last_value_of_a_repeated_scalar_wins(void **state)
{
    (void)state;
    struct event_view event = decode(MESSAGE("\x0a\x0a\x08\x01\x1a\x01"
                                             "a\x08\x02\x1a\x01"
                                             "b"));
    assert_int_equal(event.ledger_sequence, 2);
    assert_text(event.tx_hash, "b");
}

static void repeated_embedded_messages_merge(void **state)
{
    (void)state;
    struct event_view event = decode(MESSAGE("\x0a\x06\x08\x05\x12\x02\x08\x09" /* seconds */
                                             "\x0a\x04\x12\x02\x10\x07"         /* nanos */
                                             "\x12\x03\x0a\x01"
                                             "f"
                                             "\x12\x03\x12\x01"
                                             "t"));
    assert_int_equal(event.ledger_sequence, 5);
    assert_int_equal(event.closed_at_seconds, 9);
    assert_int_equal(event.closed_at_nanos, 7);
    assert_int_equal(event.type, EVENT_TRANSFER);
    assert_text(event.from, "f");
    assert_text(event.to, "t");
}

static void a_later_member_of_a_oneof_replaces_the_earlier_one(void **state)
{
    (void)state;
    /* transfer {from, asset {native}} then mint {to}: nothing of the transfer is left */
    struct event_view event = decode(MESSAGE("\x12\x07\x0a\x01"
                                             "f\x1a\x02\x08\x01"
                                             "\x1a\x03\x0a\x01"
                                             "t"));
    assert_int_equal(event.type, EVENT_MINT);
    assert_text(event.to, "t");
    assert_text(event.from, "");
    assert_int_equal(event.asset_kind, ASSET_NONE);

    /* memo: text, then id 0 */
    event = decode(MESSAGE("\x0a\x07\x3a\x05\x0a\x01"
                           "x\x10\x00"));
    assert_int_equal(event.memo_kind, MEMO_ID);
    assert_int_equal(event.memo_id, 0);
    assert_text(event.memo, "");

    /* asset: issued, native, issued again: the first issued one is forgotten */
    event = decode(MESSAGE("\x32\x0e\x12\x0c\x12\x03\x0a\x01"
                           "C\x08\x01\x12\x03\x12\x01"
                           "I"));
    assert_int_equal(event.asset_kind, ASSET_ISSUED);
    assert_text(event.asset_code, "");
    assert_text(event.asset_issuer, "I");
}

static void native_false_is_no_asset(void **state)
{
    (void)state;
    assert_int_equal(decode(MESSAGE("\x32\x04\x12\x02\x08\x01")).asset_kind, ASSET_NATIVE);
    assert_int_equal(decode(MESSAGE("\x32\x04\x12\x02\x08\x00")).asset_kind, ASSET_NONE);
    assert_int_equal(decode(MESSAGE("\x32\x02\x12\x00")).asset_kind, ASSET_NONE);
    assert_int_equal(decode(MESSAGE("\x32\x05\x12\x03\x08\x80\x02")).asset_kind, ASSET_NATIVE);
}

static void an_empty_text_memo_is_a_memo(void **state)
{
    (void)state;
    struct event_view event = decode(MESSAGE("\x0a\x04\x3a\x02\x0a\x00"));
    assert_int_equal(event.memo_kind, MEMO_TEXT);
    assert_int_equal(event.memo.size_bytes, 0);
    assert_int_equal(decode(MESSAGE("\x0a\x02\x3a\x00")).memo_kind, MEMO_NONE);
}

static void numbers_are_cut_to_their_type(void **state)
{
    (void)state;
    /* ledger 2^32 + 3; nanos -1 as ten bytes */
    struct event_view event =
        decode(MESSAGE("\x0a\x13\x08\x83\x80\x80\x80\x10"
                       "\x12\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    assert_int_equal(event.ledger_sequence, 3);
    assert_int_equal(event.closed_at_nanos, -1);
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(event_encode(&event, &out), OK);
    assert_int_equal(out.size_bytes, 17);
    assert_memory_equal(out.data, "\x0a\x0f\x08\x03\x12\x0b\x10\xff\xff\xff\xff", 11);
    buffer_release(&out);
}

static void what_is_not_protobuf_is_refused(void **state)
{
    (void)state;
    assert_refused(MESSAGE("\x0a"), "a varint is cut off at byte 1 of 1");
    assert_refused(MESSAGE("\x0a\x02\x08"), "a length runs past the end");
    assert_refused(MESSAGE("\x0a\x02\x08\x80"), "a varint is cut off");
    assert_refused(MESSAGE("\x02\x00"), "field number is out of range");
    assert_refused(MESSAGE("\x80\x00\x00"), "field number is out of range");
    assert_refused(MESSAGE("\x0a\x02\x02\x00"), "field number is out of range at byte 2");
    assert_refused(MESSAGE("\xff\xff\xff\xff\x1f\x00"), "field number is out of range");
    assert_refused(MESSAGE("\x88\x80\x80\x80\x80\x00\x00"), "a varint is too long");
    assert_refused(MESSAGE("\x78\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                   "a varint is too long");
    assert_refused(MESSAGE("\x7e\x00"), "an unknown wire type");
    assert_refused(MESSAGE("\x7f\x00"), "an unknown wire type");
    assert_refused(MESSAGE("\x7c"), "a group ends that did not begin");
    assert_refused(MESSAGE("\x7b\x08\x01"), "a group does not end");
    assert_refused(MESSAGE("\x7b\x74"), "a group ends with another's number");
    assert_refused(MESSAGE("\x7d\x01\x02\x03"), "a fixed-size value is cut off");
    assert_refused(MESSAGE("\x79\x01\x02\x03"), "a fixed-size value is cut off");
    assert_refused(MESSAGE("\x7a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01zz"),
                   "a length runs past the end");
}

static void groups_nest_only_so_deep(void **state)
{
    (void)state;
    char message[400];
    memset(message, 0x7b, 200);
    memset(message + 200, 0x7c, 200);
    assert_refused(bytes_view_of(message, 400), "groups are nested too deep");
    decode(bytes_view_of(message + 100, 200));
    assert_refused(bytes_view_of(message + 99, 202), "groups are nested too deep");
}

static void overlong_varints_are_read_as_protobuf_reads_them(void **state)
{
    (void)state;
    assert_int_equal(
        decode(MESSAGE("\x0a\x0b\x08\x85\x80\x80\x80\x80\x80\x80\x80\x80\x00")).ledger_sequence, 5);
    assert_int_equal(
        decode(MESSAGE("\x0a\x0b\x08\x85\x80\x80\x80\x80\x80\x80\x80\x80\x7e")).ledger_sequence, 5);
    assert_int_equal(decode(MESSAGE("\x8a\x80\x80\x80\x00\x02\x08\x05")).ledger_sequence, 5);
}

static void the_ledger_of_a_damaged_message_is_the_last_readable_one(void **state)
{
    (void)state;
    uint32_t ledger = 0;
    assert_true(event_peek_ledger(MESSAGE("\x0a\x02\x08\x05\x7e"), &ledger));
    assert_int_equal(ledger, 5);
    /* meta cut off behind the ledger */
    assert_true(event_peek_ledger(MESSAGE("\x0a\x64\x08\x06\x1a\x40"), &ledger));
    assert_int_equal(ledger, 6);
    /* the damage stands before the second meta */
    assert_true(event_peek_ledger(MESSAGE("\x0a\x02\x08\x07\x7f\x0a\x02\x08\x08"), &ledger));
    assert_int_equal(ledger, 7);
    assert_true(event_peek_ledger(MESSAGE("\x12\x00\x0a\x02\x08\x07\x0a\x02\x08\x08"), &ledger));
    assert_int_equal(ledger, 8);
    assert_false(event_peek_ledger(MESSAGE("\x7f\x0a\x02\x08\x08"), &ledger));
    assert_false(event_peek_ledger(MESSAGE("\x0a\x02\x08\x80"), &ledger));
    assert_false(event_peek_ledger(MESSAGE("\x0a\x00"), &ledger));
    assert_false(event_peek_ledger(bytes_view_of(NULL, 0), &ledger));
}

static void a_failing_allocation_leaves_the_output_as_it_was(void **state)
{
    (void)state;
    struct event_view event = decode(MESSAGE("\x0a\x02\x08\x05\x12\x00"));
    struct buffer out;
    buffer_init(&out);
    mem_fail_after(1);
    assert_int_equal(event_encode(&event, &out), ERR_NO_MEMORY);
    mem_fail_after(0);
    assert_int_equal(out.size_bytes, 0);
    assert_int_equal(event_encode(&event, &out), OK);
    assert_int_equal(out.size_bytes, 6);
    buffer_release(&out);
}

static void types_have_names(void **state)
{
    (void)state;
    assert_string_equal(event_type_name(EVENT_NONE), "");
    assert_string_equal(event_type_name(EVENT_TRANSFER), "transfer");
    assert_string_equal(event_type_name(EVENT_FEE), "fee");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_event_is_encoded_again_byte_for_byte),
        cmocka_unit_test(every_cut_and_every_flipped_bit_of_real_events_is_survived),
        cmocka_unit_test(an_empty_message_has_nothing),
        cmocka_unit_test(absent_and_zero_operation_index_differ),
        cmocka_unit_test(unknown_fields_of_every_wire_type_are_skipped),
        cmocka_unit_test(a_known_number_with_another_wire_type_is_an_unknown_field),
        cmocka_unit_test(the_last_value_of_a_repeated_scalar_wins),
        cmocka_unit_test(repeated_embedded_messages_merge),
        cmocka_unit_test(a_later_member_of_a_oneof_replaces_the_earlier_one),
        cmocka_unit_test(native_false_is_no_asset),
        cmocka_unit_test(an_empty_text_memo_is_a_memo),
        cmocka_unit_test(numbers_are_cut_to_their_type),
        cmocka_unit_test(what_is_not_protobuf_is_refused),
        cmocka_unit_test(groups_nest_only_so_deep),
        cmocka_unit_test(overlong_varints_are_read_as_protobuf_reads_them),
        cmocka_unit_test(the_ledger_of_a_damaged_message_is_the_last_readable_one),
        cmocka_unit_test(a_failing_allocation_leaves_the_output_as_it_was),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
