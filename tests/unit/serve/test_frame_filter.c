// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "serve/frame_filter.h"
#include "serve/serve_test.h"

#define PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS      "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\144"
#define SETTINGS_ACK  "\0\0\0\4\1\0\0\0\0"
#define PING          "\0\0\10\6\0\0\0\0\0abcdefgh"
#define PING_ACK      "\0\0\10\6\1\0\0\0\0abcdefgh"
#define WINDOW_UPDATE "\0\0\4\10\0\0\0\0\1\0\0\1\0"
#define DATA_FRAME    "\0\0\3\0\1\0\0\0\1xyz"
#define PART(text)    bytes_view_of(text, sizeof(text) - 1)

/* Passes `in` in pieces of `piece` bytes; the result must be `wanted`. */
static void expect(struct frame_filter *filter, struct bytes_view in, size_t piece,
                   struct bytes_view wanted)
{
    struct buffer out;
    buffer_init(&out);
    for (size_t at = 0; at < in.size_bytes; at += piece) {
        size_t size = in.size_bytes - at < piece ? in.size_bytes - at : piece;
        assert_int_equal(frame_filter_pass(filter, bytes_view_of(in.data + at, size), &out), OK);
    }
    assert_true(bytes_equal(buffer_view(&out), wanted));
    buffer_release(&out);
}

static void without_orders_every_byte_passes(void **state)
{
    (void)state;
    struct bytes_view all =
        PART(PREFACE SETTINGS SETTINGS_ACK PING PING_ACK WINDOW_UPDATE DATA_FRAME);
    for (size_t piece = 1; piece <= all.size_bytes; piece++) {
        struct frame_filter filter;
        frame_filter_init(&filter);
        expect(&filter, all, piece, all);
        frame_filter_release(&filter);
    }
}

static void acknowledgements_that_are_owed_are_swallowed(void **state)
{
    (void)state;
    struct bytes_view all = PART(PREFACE SETTINGS SETTINGS_ACK PING_ACK SETTINGS_ACK PING PING_ACK
                                     PING_ACK SETTINGS_ACK DATA_FRAME);
    for (size_t piece = 1; piece <= all.size_bytes; piece++) {
        struct frame_filter filter;
        frame_filter_init(&filter);
        filter.settings_acks = 2;
        filter.ping_acks = 2;
        expect(&filter, all, piece, PART(PREFACE SETTINGS PING PING_ACK SETTINGS_ACK DATA_FRAME));
        assert_int_equal(filter.settings_acks, 0);
        assert_int_equal(filter.ping_acks, 0);
        frame_filter_release(&filter);
    }
}

static void held_window_updates_come_later_and_whole(void **state)
{
    (void)state;
    struct bytes_view all = PART(PREFACE WINDOW_UPDATE DATA_FRAME WINDOW_UPDATE);
    for (size_t piece = 1; piece <= all.size_bytes; piece++) {
        struct frame_filter filter;
        frame_filter_init(&filter);
        filter.hold_window_updates = true;
        expect(&filter, all, piece, PART(PREFACE DATA_FRAME));
        struct buffer out;
        buffer_init(&out);
        assert_false(frame_filter_take_held(&filter, &out));
        frame_filter_let_go(&filter);
        assert_true(frame_filter_take_held(&filter, &out));
        assert_true(bytes_equal(buffer_view(&out), PART(WINDOW_UPDATE WINDOW_UPDATE)));
        assert_false(frame_filter_take_held(&filter, &out));
        buffer_release(&out);
        expect(&filter, PART(WINDOW_UPDATE), piece, PART(WINDOW_UPDATE));
        frame_filter_release(&filter);
    }
}

static void held_frames_wait_for_the_end_of_the_frame_in_progress(void **state)
{
    (void)state;
    struct frame_filter filter;
    frame_filter_init(&filter);
    filter.hold_window_updates = true;
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(
        frame_filter_pass(&filter, PART(PREFACE WINDOW_UPDATE "\0\0\3\0\1\0\0\0\1x"), &out), OK);
    buffer_reset(&out);
    frame_filter_let_go(&filter);
    assert_false(frame_filter_take_held(&filter, &out));
    assert_int_equal(frame_filter_pass(&filter, PART("yz" PING), &out), OK);
    assert_true(bytes_equal(buffer_view(&out), PART("yz" WINDOW_UPDATE PING)));
    buffer_release(&out);
    frame_filter_release(&filter);
}

static enum error_code pass_some(void *context)
{
    (void)context;
    struct frame_filter filter;
    frame_filter_init(&filter);
    filter.hold_window_updates = true;
    struct buffer out;
    buffer_init(&out);
    enum error_code code = frame_filter_pass(&filter, PART(PREFACE WINDOW_UPDATE PING), &out);
    buffer_release(&out);
    frame_filter_release(&filter);
    return code;
}

static void each_failed_allocation_is_out_of_memory(void **state)
{
    (void)state;
    sweep_allocations(pass_some, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_orders_every_byte_passes),
        cmocka_unit_test(acknowledgements_that_are_owed_are_swallowed),
        cmocka_unit_test(held_window_updates_come_later_and_whole),
        cmocka_unit_test(held_frames_wait_for_the_end_of_the_frame_in_progress),
        cmocka_unit_test(each_failed_allocation_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
