// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "serve/recording.h"
#include "serve/serve_test.h"
#include "serve/truth.h"
#include "util/utf8.h"
#include "util/memory.h"

static void write_rows(struct recording *recording, struct buffer *out)
{
    struct buffer framed;
    buffer_init(&framed);
    for (uint32_t ledger = 0; recording_find(recording, ledger, &ledger); ledger++) {
        buffer_reset(&framed);
        assert_int_equal(recording_load(recording, ledger, &framed, NULL), OK);
        struct bytes_view rest = buffer_view(&framed), message;
        for (uint32_t index = 0; feed_next_message(&rest, &message); index++) {
            struct event_view event;
            assert_int_equal(event_decode(message, &event, NULL), OK);
            assert_int_equal(truth_append_row(&event, index, out), OK);
        }
    }
    buffer_release(&framed);
}

static void rows_of_all_real_events_are_the_recorded_truth_byte_for_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"pubnet-early", "pubnet-protocol13", "pubnet-57500008",
                                        "pubnet-63092993-63092996", "testnet-1410048-1410207"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s.events", TTP_TEST_DATA, names[i]);
        const char *paths[] = {path};
        struct recording *recording;
        assert_int_equal(recording_open(&recording, paths, 1, NULL), OK);
        struct buffer rows;
        buffer_init(&rows);
        write_rows(recording, &rows);
        recording_free(recording);

        snprintf(path, sizeof path, "%s/%s.rows.jsonl", TTP_TEST_DATA, names[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        char *truth = mem_alloc(rows.size_bytes + 1);
        assert_int_equal(fread(truth, 1, rows.size_bytes + 1, file), rows.size_bytes);
        assert_memory_equal(truth, rows.data, rows.size_bytes);
        fclose(file);
        mem_free(truth);
        buffer_release(&rows);
    }
}

static void texts_are_escaped_and_bad_bytes_replaced(void **state)
{
    (void)state;
    static const char memo[] = "a\"b\\c\n\r\t\x01\x7f\xff\xc3\xa4";
    const struct event_view event = {.type = EVENT_TRANSFER,
                                     .memo_kind = MEMO_TEXT,
                                     .memo = bytes_view_of(memo, sizeof memo - 1)};
    struct buffer row;
    buffer_init(&row);
    assert_int_equal(truth_append_row(&event, 0, &row), OK);
    assert_int_equal(buffer_append_byte(&row, 0), OK);
    assert_non_null(strstr((const char *)row.data,
                           "\"memo\":\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u007f\xef\xbf\xbd\xc3\xa4\""));
    buffer_release(&row);
}

/* The truth is what the product must store: one U+FFFD for each maximal subpart, not for each byte.
 */
static void bad_utf8_is_replaced_as_the_rows_do_it(void **state)
{
    (void)state;
    static const char memo[] = "\xf0\x9f\x98z\xe2\x82\xff";
    uint8_t mended[3 * sizeof memo];
    const struct event_view event = {.type = EVENT_TRANSFER,
                                     .memo_kind = MEMO_TEXT,
                                     .memo = bytes_view_of(memo, sizeof memo - 1)};
    struct buffer row;
    buffer_init(&row);
    assert_int_equal(utf8_mend(event.memo, mended), 10);
    assert_int_equal(truth_append_row(&event, 0, &row), OK);
    assert_int_equal(buffer_append_byte(&row, 0), OK);
    assert_non_null(
        strstr((const char *)row.data, "\"memo\":\"\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\""));
    buffer_release(&row);
}

static void empty_text_memo_is_a_memo_and_none_is_null(void **state)
{
    (void)state;
    struct event_view event = {.type = EVENT_MINT, .memo_kind = MEMO_TEXT};
    struct buffer row;
    buffer_init(&row);
    assert_int_equal(truth_append_row(&event, 0, &row), OK);
    event.memo_kind = MEMO_NONE;
    assert_int_equal(truth_append_row(&event, 1, &row), OK);
    assert_int_equal(buffer_append_byte(&row, 0), OK);
    assert_non_null(strstr((const char *)row.data, "\"memo\":\"\",\"memo_type\":\"text\""));
    assert_non_null(strstr((const char *)row.data, "\"memo\":null,\"memo_type\":null"));
    buffer_release(&row);
}

static enum error_code append_one(void *context)
{
    struct buffer row;
    buffer_init(&row);
    enum error_code code = truth_append_row(context, 0, &row);
    buffer_release(&row);
    return code;
}

static void each_failed_allocation_is_out_of_memory(void **state)
{
    (void)state;
    struct event_view event = {.type = EVENT_TRANSFER,
                               .memo_kind = MEMO_HASH,
                               .memo = bytes_view_text("0123456789abcdef0123456789abcdef"),
                               .tx_hash = bytes_view_text("00")};
    sweep_allocations(append_one, &event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_all_real_events_are_the_recorded_truth_byte_for_byte),
        cmocka_unit_test(texts_are_escaped_and_bad_bytes_replaced),
        cmocka_unit_test(bad_utf8_is_replaced_as_the_rows_do_it),
        cmocka_unit_test(empty_text_memo_is_a_memo_and_none_is_null),
        cmocka_unit_test(each_failed_allocation_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
