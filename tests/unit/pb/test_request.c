// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "pb/request.h"
#include "util/memory.h"

static void a_request_survives_the_wire(void **state)
{
    (void)state;
    const struct get_events_request requests[] = {
        {0, 0}, {1, 0}, {57500008, 57500010}, {UINT32_MAX, UINT32_MAX}, {0, 7}};
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        buffer_reset(&out);
        assert_int_equal(get_events_request_encode(&requests[i], &out), OK);
        struct get_events_request decoded = {9, 9};
        assert_int_equal(get_events_request_decode(buffer_view(&out), &decoded, NULL), OK);
        assert_int_equal(decoded.start_ledger, requests[i].start_ledger);
        assert_int_equal(decoded.end_ledger, requests[i].end_ledger);
    }
    buffer_release(&out);
}

static void zeros_are_not_written(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(get_events_request_encode(&(struct get_events_request){300, 0}, &out), OK);
    assert_int_equal(out.size_bytes, 3);
    assert_memory_equal(out.data, "\x08\xac\x02", 3);
    buffer_release(&out);
}

static void unknown_fields_are_skipped_and_damage_is_refused(void **state)
{
    (void)state;
    struct get_events_request request;
    struct error error = {0};
    assert_int_equal(
        get_events_request_decode(bytes_view_of("\x1a\x01z\x10\x05\x08\x04", 7), &request, NULL),
        OK);
    assert_int_equal(request.start_ledger, 4);
    assert_int_equal(request.end_ledger, 5);
    assert_int_equal(get_events_request_decode(bytes_view_of("\x08", 1), &request, &error),
                     ERR_CORRUPT);
    assert_string_equal(error.message,
                        "not a GetEventsRequest: a varint is cut off at byte 1 of 1");
}

static void out_of_memory_is_reported(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    mem_fail_after(1);
    assert_int_equal(get_events_request_encode(&(struct get_events_request){1, 2}, &out),
                     ERR_NO_MEMORY);
    mem_fail_after(0);
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_survives_the_wire),
        cmocka_unit_test(zeros_are_not_written),
        cmocka_unit_test(unknown_fields_are_skipped_and_damage_is_refused),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
