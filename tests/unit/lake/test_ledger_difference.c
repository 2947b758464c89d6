// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lake/ledger_difference.h"
#include "util/memory.h"

#define ROWS 6

static struct optional_text some(const char *text)
{
    return (struct optional_text){true, bytes_view_text(text)};
}

static struct row_view row_number(uint32_t i)
{
    struct row_view row = {.timestamp_us = INT64_C(1705320000000000),
                           .ledger_sequence = 9,
                           .type = EVENT_TRANSFER,
                           .source_account = some("GSOURCE"),
                           .dest_account = some("GDEST"),
                           .asset_code = some("XLM"),
                           .amount = bytes_view_text("100"),
                           .memo = some("hello"),
                           .memo_kind = MEMO_TEXT,
                           .transaction_index = i,
                           .has_operation_index = true,
                           .operation_index = 1,
                           .contract_address = some("C"),
                           .event_index = i,
                           .has_amount_decimal = true,
                           .amount_decimal = 100};
    memset(row.transaction_hash, (int)(i / 2), sizeof row.transaction_hash);
    return row;
}

struct sides {
    struct row_view rows[2][ROWS];
    struct stored_letter letters[2][2];
    struct ledger_contents lake, server;
};

static void make(struct sides *sides)
{
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < ROWS; i++)
            sides->rows[side][i] = row_number(i);
    memset(sides->letters, 0, sizeof sides->letters);
    sides->lake = (struct ledger_contents){sides->rows[0], ROWS, sides->letters[0], 0};
    sides->server = (struct ledger_contents){sides->rows[1], ROWS, sides->letters[1], 0};
}

static void assert_described(const struct sides *sides, const char *version, const char *expected)
{
    char text[LEDGER_DIFFERENCE_BYTES];
    assert_int_equal(ledger_difference_describe(row_schema_find(version), &sides->lake,
                                                &sides->server, text, NULL),
                     OK);
    assert_string_equal(text, expected);
}

/* Without event_index the order does not count. */
static void shuffle_lake(struct sides *sides)
{
    struct row_view last = sides->rows[0][ROWS - 1];
    memmove(&sides->rows[0][1], &sides->rows[0][0], (ROWS - 1) * sizeof last);
    sides->rows[0][0] = last;
}

struct change {
    enum row_column_id column;
    const char *old, *changed;
};

static void apply(struct row_view *row, enum row_column_id column)
{
    switch (column) {
    case COLUMN_TIMESTAMP: row->timestamp_us += 5000000; break;
    case COLUMN_LEDGER_SEQUENCE: row->ledger_sequence = 10; break;
    case COLUMN_TRANSACTION_HASH: row->transaction_hash[0] = 0xfe; break;
    case COLUMN_EVENT_TYPE: row->type = EVENT_BURN; break;
    case COLUMN_SOURCE_ACCOUNT: row->source_account = some("GOTHER"); break;
    case COLUMN_DEST_ACCOUNT: row->dest_account.present = false; break;
    case COLUMN_ASSET_CODE: row->asset_code = some(""); break;
    case COLUMN_ASSET_ISSUER: row->asset_issuer = some("GISSUER"); break;
    case COLUMN_AMOUNT: row->amount = bytes_view_text("-101"); break;
    case COLUMN_MEMO: row->memo.present = false; break;
    case COLUMN_TRANSACTION_INDEX: row->transaction_index = 77; break;
    case COLUMN_OPERATION_INDEX: row->has_operation_index = false; break;
    case COLUMN_CONTRACT_ADDRESS: row->contract_address = some("CC"); break;
    case COLUMN_EVENT_INDEX: break;
    case COLUMN_MEMO_TYPE: row->memo_kind = MEMO_ID; break;
    case COLUMN_AMOUNT_DECIMAL: row->amount_decimal = -((__int128)1 << 100); break;
    }
}

static void every_column_is_named_with_both_values(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {COLUMN_TIMESTAMP, "'2024-01-15T12:00:00Z'", "'2024-01-15T12:00:05Z'"},
        {COLUMN_LEDGER_SEQUENCE, "'9'", "'10'"},
        {COLUMN_TRANSACTION_HASH,
         "'0101010101010101010101010101010101010101010101010101010101010101'",
         "'fe01010101010101010101010101010101010101010101010101010101010101'"},
        {COLUMN_EVENT_TYPE, "'transfer'", "'burn'"},
        {COLUMN_SOURCE_ACCOUNT, "'GSOURCE'", "'GOTHER'"},
        {COLUMN_DEST_ACCOUNT, "'GDEST'", "NULL"},
        {COLUMN_ASSET_CODE, "'XLM'", "''"},
        {COLUMN_ASSET_ISSUER, "NULL", "'GISSUER'"},
        {COLUMN_AMOUNT, "'100'", "'-101'"},
        {COLUMN_MEMO, "'hello'", "NULL"},
        {COLUMN_TRANSACTION_INDEX, "'3'", "'77'"},
        {COLUMN_OPERATION_INDEX, "'1'", "NULL"},
        {COLUMN_CONTRACT_ADDRESS, "'C'", "'CC'"},
        {COLUMN_MEMO_TYPE, "'text'", "'id'"},
        {COLUMN_AMOUNT_DECIMAL, "'100'", "'-1267650600228229401496703205376'"}};
    static const char *const versions[] = {"1.0.0", "1.1.0"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        for (int v = 0; v < 2; v++) {
            const struct row_schema *schema = row_schema_find(versions[v]);
            enum row_column_id column = changes[i].column;
            struct sides sides;
            char expected[LEDGER_DIFFERENCE_BYTES];
            if ((size_t)column > schema->column_count)
                continue;
            make(&sides);
            apply(&sides.rows[1][3], column);
            if (v == 0)
                shuffle_lake(&sides);
            /* '' and NULL are one where accounts are required; so is the text of an absent one. */
            const char *changed =
                v == 0 && column == COLUMN_DEST_ACCOUNT ? "''" : changes[i].changed;
            snprintf(expected, sizeof expected,
                     "event_index 3: %s is %s in the lake, %s from the server",
                     schema->columns[column - 1].name, changes[i].old, changed);
            assert_described(&sides, versions[v], expected);
        }
    }
}

static void long_values_are_cut(void **state)
{
    (void)state;
    struct sides sides;
    char memo[200], text[LEDGER_DIFFERENCE_BYTES];
    memset(memo, 'm', sizeof memo);
    make(&sides);
    sides.rows[1][0].memo = (struct optional_text){true, bytes_view_of(memo, sizeof memo)};
    assert_int_equal(ledger_difference_describe(row_schema_find("1.1.0"), &sides.lake,
                                                &sides.server, text, NULL),
                     OK);
    assert_non_null(strstr(text, "mmm...' from the server"));
    assert_true(strlen(text) < 200);
}

static void values_do_no_harm_to_terminals_and_json(void **state)
{
    (void)state;
    struct sides sides;
    make(&sides);
    sides.rows[0][0].memo = some("\x1b[2J\xc2\x9b"
                                 "\n\x7fz\xff");
    /* 81 bytes, cut within the last character but one. */
    sides.rows[1][0].memo =
        some("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
             "\xf0\x9f\x98\x80");
    assert_described(
        &sides, "1.1.0",
        "event_index 0: memo is '?[2J???z\xef\xbf\xbd' in the lake, "
        "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' "
        "from the server");
}

static void an_event_that_one_side_lacks_is_named(void **state)
{
    (void)state;
    struct sides sides;
    make(&sides);
    sides.server.row_count--;
    assert_described(&sides, "1.1.0",
                     "event_index 5: a transfer of 100 is in the lake, and the server does not "
                     "send it");
    assert_described(&sides, "1.0.0",
                     "a transfer of 100 is in the lake, and the server does not send it");
    make(&sides);
    sides.lake.row_count--;
    assert_described(&sides, "1.1.0", "event_index 5: a transfer of 100 is not in the lake");
    assert_described(&sides, "1.0.0", "event_index 5: a transfer of 100 is not in the lake");
    make(&sides); /* one of two equal rows */
    sides.rows[0][4] = sides.rows[0][5];
    sides.rows[1][4] = sides.rows[1][5];
    sides.lake.row_count--;
    assert_described(&sides, "1.0.0", "event_index 5: a transfer of 100 is not in the lake");
    make(&sides);
    sides.lake.rows++;
    sides.lake.row_count--;
    assert_described(&sides, "1.1.0", "event_index 0: a transfer of 100 is not in the lake");
}

static void a_row_is_compared_with_one_of_its_transaction(void **state)
{
    (void)state;
    struct sides sides;
    make(&sides); /* rows 0 and 5 of the lake match none; row 4 of the server is 5's kin */
    sides.rows[0][0].amount = bytes_view_text("7");
    sides.rows[0][5].amount = bytes_view_text("8");
    sides.rows[1][0] = sides.rows[1][1] = row_number(1);
    sides.rows[0][1] = row_number(1);
    sides.rows[1][5].amount = bytes_view_text("9");
    sides.rows[1][0] = row_number(1);
    sides.server.rows++; /* 1 … 5 */
    sides.server.row_count--;
    assert_described(&sides, "1.0.0",
                     "event_index 5: amount is '8' in the lake, '9' from the server");
}

static void dead_letters_are_compared_by_their_bytes(void **state)
{
    (void)state;
    static const char *const versions[] = {"1.0.0", "1.1.0"};
    struct sides sides;
    make(&sides);
    for (int side = 0; side < 2; side++)
        sides.letters[side][0] =
            (struct stored_letter){9, 6, "reason", bytes_view_text(side ? "abcdef" : "abx")};
    sides.lake.letter_count = sides.server.letter_count = 1;
    for (int v = 0; v < 2; v++)
        assert_described(&sides, versions[v],
                         "event_index 6: the dead letter has 3 bytes in the lake, 6 from the "
                         "server, and they differ from byte 2 on");
    sides.server.letter_count = 0;
    for (int v = 0; v < 2; v++)
        assert_described(&sides, versions[v],
                         "event_index 6: a dead letter is in the lake, and the server does not "
                         "send it");
    sides.letters[0][0].event_index = 2; /* in the place of row 2 */
    memmove(&sides.rows[0][2], &sides.rows[0][3], 3 * sizeof sides.rows[0][0]);
    sides.lake.row_count--;
    assert_described(&sides, "1.1.0",
                     "event_index 2: a dead letter in the lake, a transfer of 100 from the server");
}

static void chains_are_told_by_close_time_and_transactions(void **state)
{
    (void)state;
    struct sides sides;
    make(&sides);
    assert_false(ledger_is_of_another_chain(&sides.lake, &sides.server));
    sides.rows[1][0].transaction_hash[0] = 99;
    assert_false(ledger_is_of_another_chain(&sides.lake, &sides.server));
    for (int i = 0; i < ROWS; i++)
        sides.rows[1][i].transaction_hash[0] = 99;
    assert_true(ledger_is_of_another_chain(&sides.lake, &sides.server));
    make(&sides);
    sides.rows[1][0].timestamp_us++;
    assert_true(ledger_is_of_another_chain(&sides.lake, &sides.server));
    sides.server.row_count = 0;
    assert_false(ledger_is_of_another_chain(&sides.lake, &sides.server));
}

static void a_failing_allocation_is_told(void **state)
{
    (void)state;
    struct sides sides;
    char text[LEDGER_DIFFERENCE_BYTES];
    make(&sides);
    mem_fail_after(1);
    assert_int_equal(ledger_difference_describe(row_schema_find("1.0.0"), &sides.lake,
                                                &sides.server, text, NULL),
                     ERR_NO_MEMORY);
    mem_fail_after(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_is_named_with_both_values),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(values_do_no_harm_to_terminals_and_json),
        cmocka_unit_test(an_event_that_one_side_lacks_is_named),
        cmocka_unit_test(a_row_is_compared_with_one_of_its_transaction),
        cmocka_unit_test(dead_letters_are_compared_by_their_bytes),
        cmocka_unit_test(chains_are_told_by_close_time_and_transactions),
        cmocka_unit_test(a_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
