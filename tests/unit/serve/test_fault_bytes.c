// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "pb/event.h"
#include "serve/feed.h"
#include "serve/serve_test.h"
#include "serve/fault_bytes.h"

/* A good event, and what a fault makes of it. */
struct spoiled {
    struct buffer good, bytes;
    uint8_t flag;
    uint32_t length;           /* what the prefix says */
    struct bytes_view message; /* behind the prefix, all there is */
};

static struct spoiled spoil(enum fault_kind kind, uint64_t number)
{
    struct spoiled spoiled;
    buffer_init(&spoiled.good);
    buffer_init(&spoiled.bytes);
    append_event(&spoiled.good, 77, 5);
    buffer_drop_front(&spoiled.good, 1);
    const struct fault fault = {.kind = kind, .number = number};
    assert_int_equal(fault_bytes_event(&fault, buffer_view(&spoiled.good), &spoiled.bytes), OK);
    const uint8_t *p = spoiled.bytes.data;
    spoiled.flag = p[0];
    spoiled.length = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    spoiled.message =
        bytes_view_of(p + FEED_PREFIX_BYTES, spoiled.bytes.size_bytes - FEED_PREFIX_BYTES);
    return spoiled;
}

static void release(struct spoiled *spoiled)
{
    buffer_release(&spoiled->good);
    buffer_release(&spoiled->bytes);
}

static void framing_faults_keep_the_event_and_damage_the_prefix(void **state)
{
    (void)state;
    struct spoiled spoiled = spoil(FAULT_WRONG_LENGTH, 7);
    assert_int_equal(spoiled.length, spoiled.good.size_bytes + 7);
    assert_true(bytes_equal(spoiled.message, buffer_view(&spoiled.good)));
    release(&spoiled);
    spoiled = spoil(FAULT_COMPRESSED, 0);
    assert_int_equal(spoiled.flag, 1);
    assert_true(bytes_equal(spoiled.message, buffer_view(&spoiled.good)));
    release(&spoiled);
    spoiled = spoil(FAULT_HALF_MESSAGE, 0);
    assert_int_equal(spoiled.length, spoiled.good.size_bytes);
    assert_int_equal(spoiled.message.size_bytes, spoiled.good.size_bytes / 2);
    release(&spoiled);
}

static void oversize_event_has_the_size_and_is_still_the_event(void **state)
{
    (void)state;
    struct spoiled spoiled = spoil(FAULT_OVERSIZE, 100000);
    assert_int_equal(spoiled.length, 100000);
    assert_int_equal(spoiled.message.size_bytes, 100000);
    struct event_view event;
    assert_int_equal(event_decode(spoiled.message, &event, NULL), OK);
    assert_int_equal(event.ledger_sequence, 77);
    assert_int_equal(event.type, EVENT_TRANSFER);
    release(&spoiled);
}

static void unknown_fields_leave_the_event_as_it_was(void **state)
{
    (void)state;
    struct spoiled spoiled = spoil(FAULT_UNKNOWN_FIELDS, 0);
    assert_true(spoiled.length > spoiled.good.size_bytes);
    struct event_view event;
    struct buffer again;
    buffer_init(&again);
    assert_int_equal(event_decode(spoiled.message, &event, NULL), OK);
    assert_int_equal(event_encode(&event, &again), OK);
    assert_true(bytes_equal(buffer_view(&again), buffer_view(&spoiled.good)));
    buffer_release(&again);
    release(&spoiled);
}

static void damaged_messages_are_damaged_as_their_names_say(void **state)
{
    (void)state;
    struct event_view event;
    uint32_t ledger = 0;
    struct spoiled spoiled = spoil(FAULT_INVALID_PROTOBUF, 0);
    assert_int_equal(event_decode(spoiled.message, &event, NULL), ERR_CORRUPT);
    assert_false(event_peek_ledger(spoiled.message, &ledger));
    release(&spoiled);

    spoiled = spoil(FAULT_DAMAGED_EVENT, 0);
    assert_int_equal(event_decode(spoiled.message, &event, NULL), ERR_CORRUPT);
    assert_true(event_peek_ledger(spoiled.message, &ledger));
    assert_int_equal(ledger, 77);
    release(&spoiled);

    spoiled = spoil(FAULT_MISSING_META, 0);
    assert_int_equal(event_decode(spoiled.message, &event, NULL), OK);
    assert_false(event.has_meta);
    assert_int_equal(event.type, EVENT_TRANSFER);
    release(&spoiled);

    spoiled = spoil(FAULT_UNKNOWN_EVENT_TYPE, 15);
    assert_int_equal(event_decode(spoiled.message, &event, NULL), OK);
    assert_int_equal(event.type, EVENT_NONE);
    assert_int_equal(event.ledger_sequence, 77);
    release(&spoiled);
}

static void moved_event_differs_in_its_ledger_alone(void **state)
{
    (void)state;
    struct buffer good, moved;
    buffer_init(&good);
    buffer_init(&moved);
    append_event(&good, 77, 5);
    buffer_drop_front(&good, 1);
    assert_int_equal(fault_bytes_moved_event(buffer_view(&good), 76, &moved), OK);
    struct event_view event, original;
    struct bytes_view rest = buffer_view(&moved), message;
    assert_true(feed_next_message(&rest, &message));
    assert_int_equal(event_decode(message, &event, NULL), OK);
    assert_int_equal(event_decode(buffer_view(&good), &original, NULL), OK);
    assert_int_equal(event.ledger_sequence, 76);
    assert_true(bytes_equal(event.amount, original.amount));
    assert_int_equal(fault_bytes_moved_event(bytes_view_text("\xff"), 76, &moved), ERR_CORRUPT);
    buffer_release(&good);
    buffer_release(&moved);
}

static void floods_are_whole_frames_and_counted_off(void **state)
{
    (void)state;
    static const struct {
        enum fault_kind kind;
        uint8_t type;
    } floods[] = {{FAULT_HEADER_FLOOD, 1},
                  {FAULT_CONTINUATION_FLOOD, 9},
                  {FAULT_SETTINGS_FLOOD, 4},
                  {FAULT_PING_FLOOD, 6},
                  {FAULT_RESET_FLOOD, 3}};
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        struct buffer out;
        buffer_init(&out);
        uint64_t remaining = 25;
        assert_int_equal(fault_bytes_flood(floods[i].kind, 1, true, &remaining, 10, &out), OK);
        assert_int_equal(remaining, 15);
        assert_int_equal(fault_bytes_flood(floods[i].kind, 1, false, &remaining, 100, &out), OK);
        assert_int_equal(remaining, 0);
        size_t at = 0;
        unsigned counted = 0;
        while (at < out.size_bytes) {
            size_t size = (size_t)out.data[at + 1] << 8 | out.data[at + 2];
            counted += out.data[at + 3] == floods[i].type;
            at += 9 + size;
        }
        assert_int_equal(at, out.size_bytes);
        assert_int_equal(counted, 25);
        buffer_release(&out);
    }
}

static enum error_code spoil_all(void *context)
{
    struct buffer *good = context;
    struct buffer out;
    buffer_init(&out);
    enum error_code code = OK;
    for (unsigned kind = 0; code == OK && kind < FAULT_KIND_COUNT; kind++) {
        const struct fault fault = {.kind = (enum fault_kind)kind, .number = 15};
        if (fault_bytes_replace_event(fault.kind))
            code = fault_bytes_event(&fault, buffer_view(good), &out);
    }
    if (code == OK)
        code = fault_bytes_moved_event(buffer_view(good), 3, &out);
    buffer_release(&out);
    return code;
}

static void each_failed_allocation_is_out_of_memory(void **state)
{
    (void)state;
    struct buffer good;
    buffer_init(&good);
    append_event(&good, 77, 5);
    buffer_drop_front(&good, 1);
    sweep_allocations(spoil_all, &good);
    buffer_release(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing_faults_keep_the_event_and_damage_the_prefix),
        cmocka_unit_test(oversize_event_has_the_size_and_is_still_the_event),
        cmocka_unit_test(unknown_fields_leave_the_event_as_it_was),
        cmocka_unit_test(damaged_messages_are_damaged_as_their_names_say),
        cmocka_unit_test(moved_event_differs_in_its_ledger_alone),
        cmocka_unit_test(floods_are_whole_frames_and_counted_off),
        cmocka_unit_test(each_failed_allocation_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
