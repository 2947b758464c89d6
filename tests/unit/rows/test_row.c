// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "row_json.h"
#include "rows/row.h"
#include "support/recording.h"
#include "util/memory.h"

#define HASH "163046606b0eb01a42c6a5bcb6702d1b5a04d618dff2cb3a1a847bfd6dec3d22"

static struct bytes_view text(const char *value)
{
    return bytes_view_text(value);
}

/* A transfer that makes a row; tests change what they are about. */
static struct event_view good_event(void)
{
    return (struct event_view){
        .has_meta = true,
        .has_closed_at = true,
        .ledger_sequence = 7,
        .closed_at_seconds = 1705320000,
        .tx_hash = text(HASH),
        .transaction_index = 1,
        .has_operation_index = true,
        .operation_index = 2,
        .contract_address = text("C1"),
        .type = EVENT_TRANSFER,
        .from = text("G1"),
        .to = text("G2"),
        .amount = text("100"),
        .asset_kind = ASSET_ISSUED,
        .asset_code = text("USD"),
        .asset_issuer = text("GI"),
    };
}

static struct row_scratch scratch;

static struct row_view row_of(const struct event_view *event)
{
    struct row_view row;
    struct error error = {0};
    if (row_from_event(event, 3, &scratch, &row, &error) != OK)
        fail_msg("%s", error.message);
    return row;
}

static void assert_text(struct optional_text got, const char *expected)
{
    assert_true(got.present);
    assert_int_equal(got.text.size_bytes, strlen(expected));
    assert_true(bytes_equal(got.text, text(expected)));
}

static void assert_refused(const struct event_view *event, const char *reason)
{
    struct row_view row;
    struct error error = {0};
    assert_int_equal(row_from_event(event, 0, &scratch, &row, &error), ERR_INVALID);
    assert_string_equal(error.message, reason);
}

static void every_real_event_makes_the_row_that_its_producer_wrote_down(void **state)
{
    (void)state;
    size_t count = 0;
    struct buffer json;
    buffer_init(&json);
    for (size_t i = 0; i < recorded_count; i++) {
        struct recorded events, rows;
        struct bytes_view message, line;
        uint32_t ledger = 0, index = 0;
        recorded_open(&events, recorded_names[i], ".events");
        recorded_open(&rows, recorded_names[i], ".rows.jsonl");
        while (recorded_next(&events, &message)) {
            struct event_view event;
            struct row_view row;
            assert_int_equal(event_decode(message, &event, NULL), OK);
            index = event.ledger_sequence == ledger ? index + 1 : 0;
            ledger = event.ledger_sequence;
            assert_int_equal(row_from_event(&event, index, &scratch, &row, NULL), OK);
            assert_true(row.has_amount_decimal);
            assert_false(row.memo_replaced);
            buffer_reset(&json);
            row_json(&row, &json);
            assert_true(recorded_next_line(&rows, &line));
            if (!bytes_equal(buffer_view(&json), line))
                fail_msg("row %zu:\n%.*s\n%.*s", count, (int)json.size_bytes, json.data,
                         (int)line.size_bytes, line.data);
            count++;
        }
        assert_false(recorded_next_line(&rows, &line));
        recorded_close(&events);
        recorded_close(&rows);
    }
    buffer_release(&json);
    assert_int_equal(count, 5170);
}

static void each_type_has_the_accounts_it_should(void **state)
{
    (void)state;
    static const struct {
        enum event_type type;
        bool source, dest;
    } types[] = {{EVENT_TRANSFER, true, true},
                 {EVENT_MINT, false, true},
                 {EVENT_BURN, true, false},
                 {EVENT_CLAWBACK, true, false},
                 {EVENT_FEE, true, false}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct event_view event = good_event();
        event.type = types[i].type;
        struct row_view row = row_of(&event);
        assert_int_equal(row.source_account.present, types[i].source);
        assert_int_equal(row.dest_account.present, types[i].dest);
    }
}

static void assets_are_told_apart(void **state)
{
    (void)state;
    struct event_view event = good_event();
    struct row_view row = row_of(&event);
    assert_text(row.asset_code, "USD");
    assert_text(row.asset_issuer, "GI");
    event.asset_kind = ASSET_NATIVE;
    row = row_of(&event);
    assert_text(row.asset_code, "XLM");
    assert_false(row.asset_issuer.present);
    event.asset_kind = ASSET_NONE;
    row = row_of(&event);
    assert_false(row.asset_code.present);
    assert_false(row.asset_issuer.present);
}

static void each_kind_of_memo_becomes_text(void **state)
{
    (void)state;
    struct event_view event = good_event();
    struct row_view row = row_of(&event);
    assert_false(row.memo.present);
    event.memo_kind = MEMO_TEXT;
    row = row_of(&event);
    assert_text(row.memo, "");
    assert_int_equal(row.memo_kind, MEMO_TEXT);
    event.memo = text("h\xc3\xa9");
    row = row_of(&event);
    assert_text(row.memo, "h\xc3\xa9");
    assert_false(row.memo_replaced);
    event.memo_kind = MEMO_ID;
    row = row_of(&event);
    assert_text(row.memo, "0");
    event.memo_id = UINT64_MAX;
    row = row_of(&event);
    assert_text(row.memo, "18446744073709551615");
    event.memo_kind = MEMO_HASH;
    event.memo = bytes_view_of("\x00\xfe\x10", 3);
    row = row_of(&event);
    assert_text(row.memo, "00fe10");
    assert_int_equal(row.memo_kind, MEMO_HASH);
}

static void bad_utf8_in_a_text_memo_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *stored;
    } memos[] = {
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        /* Unicode 15.0, table 3-8 and the tables before it */
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
         "A",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef"
         "\xbf\xbd"
         "A"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
         "A",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
         "A"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd"},
        {"\xf0\x9f\x98", "\xef\xbf\xbd"},
        {"\xe2\x82\xac\x80", "\xe2\x82\xac\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof memos / sizeof memos[0]; i++) {
        struct event_view event = good_event();
        event.memo_kind = MEMO_TEXT;
        event.memo = text(memos[i].sent);
        struct row_view row = row_of(&event);
        assert_text(row.memo, memos[i].stored);
        assert_true(row.memo_replaced);
    }
}

static void what_can_not_be_a_row_is_refused_with_its_reason(void **state)
{
    (void)state;
    struct event_view event = good_event();
    event.has_meta = false;
    assert_refused(&event, "the event has no meta");
    event = good_event();
    event.has_closed_at = false;
    assert_refused(&event, "the event has no closed_at");
    event = good_event();
    event.type = EVENT_NONE;
    assert_refused(&event, "the event is of a type that this version does not know");
    event = good_event();
    event.tx_hash.size_bytes--;
    assert_refused(&event, "tx_hash is not 64 hexadecimal digits");
    event.tx_hash = text("g63046606b0eb01a42c6a5bcb6702d1b5a04d618dff2cb3a1a847bfd6dec3d22");
    assert_refused(&event, "tx_hash is not 64 hexadecimal digits");
    event.tx_hash = text("");
    assert_refused(&event, "tx_hash is not 64 hexadecimal digits");
    const struct bytes_view bad = text("\xff");
    event = good_event();
    event.from = bad;
    assert_refused(&event, "from is not UTF-8");
    event = good_event();
    event.to = bad;
    assert_refused(&event, "to is not UTF-8");
    event = good_event();
    event.amount = bad;
    assert_refused(&event, "amount is not UTF-8");
    event = good_event();
    event.asset_code = bad;
    assert_refused(&event, "asset_code is not UTF-8");
    event = good_event();
    event.asset_issuer = bad;
    assert_refused(&event, "asset_issuer is not UTF-8");
    event = good_event();
    event.contract_address = bad;
    assert_refused(&event, "contract_address is not UTF-8");
}

static void times_are_microseconds_between_the_years_1_and_9999(void **state)
{
    (void)state;
    struct event_view event = good_event();
    event.closed_at_nanos = 1999;
    assert_true(row_of(&event).timestamp_us == INT64_C(1705320000000001));
    event.closed_at_seconds = -1;
    assert_true(row_of(&event).timestamp_us == -999999);
    event.closed_at_seconds = INT64_C(253402300799);
    event.closed_at_nanos = 999999999;
    assert_true(row_of(&event).timestamp_us == INT64_C(253402300799999999));
    event.closed_at_nanos = 1000000000;
    assert_refused(&event, "closed_at (253402300799 s, 1000000000 ns) is out of range");
    event.closed_at_nanos = -1;
    assert_refused(&event, "closed_at (253402300799 s, -1 ns) is out of range");
    event.closed_at_nanos = 0;
    event.closed_at_seconds++;
    assert_refused(&event, "closed_at (253402300800 s, 0 ns) is out of range");
    event.closed_at_seconds = INT64_C(-62135596800);
    assert_true(row_of(&event).timestamp_us == INT64_C(-62135596800000000));
    event.closed_at_seconds--;
    assert_refused(&event, "closed_at (-62135596801 s, 0 ns) is out of range");
}

static void absent_values_stay_absent_and_upper_case_hashes_are_read(void **state)
{
    (void)state;
    struct event_view event = good_event();
    event.contract_address = text("");
    event.has_operation_index = false;
    event.tx_hash = text("163046606B0EB01A42C6A5BCB6702D1B5A04D618DFF2CB3A1A847BFD6DEC3D22");
    struct row_view row = row_of(&event);
    assert_false(row.contract_address.present);
    assert_false(row.has_operation_index);
    assert_int_equal(row.transaction_hash[0], 0x16);
    assert_int_equal(row.transaction_hash[4], 0x6b);
    assert_int_equal(row.transaction_hash[31], 0x22);
    assert_int_equal(row.event_index, 3);
}

static void every_byte_that_is_no_digit_spoils_a_hash(void **state)
{
    (void)state;
    char digits[65] = HASH;
    uint8_t expected[32];
    for (size_t at = 0; at < 64; at += 7) {
        char kept = digits[at];
        for (int byte = 0; byte < 256; byte++) {
            struct event_view event = good_event();
            struct row_view row;
            digits[at] = (char)byte;
            event.tx_hash = bytes_view_of(digits, 64);
            bool good = hex_decode(event.tx_hash, expected, 32);
            assert_int_equal(row_from_event(&event, 0, &scratch, &row, NULL),
                             good ? OK : ERR_INVALID);
            if (good)
                assert_memory_equal(row.transaction_hash, expected, 32);
        }
        digits[at] = kept;
    }
}

static __int128 decimal(const char *amount)
{
    struct event_view event = good_event();
    event.amount = text(amount);
    struct row_view row = row_of(&event);
    assert_true(row.has_amount_decimal);
    return row.amount_decimal;
}

static void amounts_of_up_to_38_digits_are_decimals(void **state)
{
    (void)state;
    __int128 ten_to_19 = INT64_C(1000000000000000000) * (__int128)10;
    assert_true(decimal("0") == 0);
    assert_true(decimal("-0") == 0);
    assert_true(decimal("-100") == -100);
    assert_true(decimal("007") == 7);
    assert_true(decimal("9223372036854775808") == (__int128)INT64_MAX + 1);
    assert_true(decimal("10000000000000000000") == ten_to_19);
    assert_true(decimal("99999999999999999999999999999999999999") == ten_to_19 * ten_to_19 - 1);
    assert_true(decimal("-99999999999999999999999999999999999999") == 1 - ten_to_19 * ten_to_19);
    assert_true(decimal("00000000000000000000000000000000000000012") == 12);
    static const char *const refused[] = {
        "",    "-",   "+1", "1.0",     " 1", "1 ", "1e3", "170141183460469231731687303715884105727",
        "0x1", "--1", "1-", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct event_view event = good_event();
        event.amount = text(refused[i]);
        assert_false(row_of(&event).has_amount_decimal);
    }
}

static void out_of_memory_is_not_a_dead_letter(void **state)
{
    (void)state;
    static const enum memo_kind kinds[] = {MEMO_TEXT, MEMO_ID, MEMO_HASH};
    for (size_t i = 0; i < 3; i++) {
        struct row_view row;
        struct event_view event = good_event();
        event.memo_kind = kinds[i];
        event.memo = text("\xff");
        buffer_release(&scratch.text);
        mem_fail_after(1);
        assert_int_equal(row_from_event(&event, 0, &scratch, &row, NULL), ERR_NO_MEMORY);
        mem_fail_after(0);
    }
}

static int release_scratch(void **state)
{
    (void)state;
    buffer_release(&scratch.text);
    return 0;
}

static void a_copy_of_a_row_has_texts_of_its_own(void **state)
{
    (void)state;
    char account[] = "G1", amount[] = "100";
    struct event_view event = good_event();
    struct arena arena;
    struct row_view row, copy;
    event.from = text(account);
    event.amount = text(amount);
    arena_init(&arena, 0);
    row = row_of(&event);
    assert_int_equal(row_copy(&row, &arena, &copy, NULL), OK);
    account[1] = amount[0] = '9';
    assert_text(copy.source_account, "G1");
    assert_text(copy.asset_issuer, "GI");
    assert_text(copy.contract_address, "C1");
    assert_false(copy.memo.present);
    assert_true(bytes_equal(copy.amount, text("100")));
    assert_int_equal(copy.event_index, 3);
    arena_release(&arena);
    mem_fail_after(1);
    assert_int_equal(row_copy(&row, &arena, &copy, NULL), ERR_NO_MEMORY);
    mem_fail_after(0);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_event_makes_the_row_that_its_producer_wrote_down),
        cmocka_unit_test(each_type_has_the_accounts_it_should),
        cmocka_unit_test(assets_are_told_apart),
        cmocka_unit_test(each_kind_of_memo_becomes_text),
        cmocka_unit_test(bad_utf8_in_a_text_memo_is_replaced),
        cmocka_unit_test(what_can_not_be_a_row_is_refused_with_its_reason),
        cmocka_unit_test(times_are_microseconds_between_the_years_1_and_9999),
        cmocka_unit_test(absent_values_stay_absent_and_upper_case_hashes_are_read),
        cmocka_unit_test(every_byte_that_is_no_digit_spoils_a_hash),
        cmocka_unit_test(amounts_of_up_to_38_digits_are_decimals),
        cmocka_unit_test(out_of_memory_is_not_a_dead_letter),
        cmocka_unit_test(a_copy_of_a_row_has_texts_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, release_scratch);
}
