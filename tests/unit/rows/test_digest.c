// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <stdio.h>

#include "rows/batch_builder.h"
#include "rows/digest.h"
#include "row_json.h"
#include "support/recording.h"
#include "util/memory.h"

#define ROWS 50

static struct optional_text some(const char *text)
{
    return (struct optional_text){true, bytes_view_text(text)};
}

/* The i-th row of a ledger; equal i, equal row. */
static struct row_view row_number(uint32_t i)
{
    struct row_view row = {
        .timestamp_us = 1705320000000000,
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
        .amount_decimal = 100,
    };
    for (uint32_t k = 0; k < sizeof row.transaction_hash; k++)
        row.transaction_hash[k] = (uint8_t)(i * 37 + k * (i + 3));
    return row;
}

/* The version of contents digests that is tested: all tests run for each. */
static uint8_t made_as = LEDGER_DIGEST_FIRST;

static struct ledger_digest digest_of(const char *version, const struct row_view *rows,
                                      size_t row_count)
{
    struct ledger_digest_state *state;
    assert_int_equal(ledger_digest_new(&state, row_schema_find(version), made_as), OK);
    for (size_t i = 0; i < row_count; i++)
        ledger_digest_add_row(state, &rows[i]);
    struct ledger_digest digest = ledger_digest_end(state);
    ledger_digest_free(state);
    return digest;
}

static bool same_chain(const struct ledger_digest *a, const struct ledger_digest *b)
{
    return memcmp(a->chain, b->chain, LEDGER_DIGEST_BYTES) == 0;
}

static bool same_contents(const struct ledger_digest *a, const struct ledger_digest *b)
{
    return memcmp(a->contents.bytes, b->contents.bytes, LEDGER_DIGEST_BYTES) == 0;
}

/* Changes of one field, each of which must show in the contents. */
static void change_field(struct row_view *row, int field)
{
    switch (field) {
    case 0: row->timestamp_us++; break;
    case 1: row->ledger_sequence++; break;
    case 2: row->transaction_hash[31] ^= 1; break;
    case 3: row->type = EVENT_CLAWBACK; break;
    case 4: row->source_account = some("GSOURCF"); break;
    case 5: row->dest_account = some(""); break;
    case 6: row->asset_code.present = false; break;
    case 7: row->asset_issuer = some(""); break;
    case 8: row->amount = bytes_view_text("101"); break;
    case 9: row->memo.present = false; break;
    case 10: row->transaction_index++; break;
    case 11: row->has_operation_index = false; break;
    case 12: row->contract_address = some("D"); break;
    case 13: row->event_index++; break;
    case 14: row->memo_kind = MEMO_ID; break;
    case 15: row->has_amount_decimal = false; break;
    default: fail();
    }
}

static void every_stored_value_shows_in_the_contents(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        int columns;
    } versions[] = {{"1.0.0", 10}, {"1.1.0", 16}};
    for (size_t v = 0; v < 2; v++) {
        struct row_view rows[3] = {row_number(0), row_number(1), row_number(2)};
        struct ledger_digest before = digest_of(versions[v].version, rows, 3);
        for (int field = 0; field < 16; field++) {
            rows[1] = row_number(1);
            change_field(&rows[1], field);
            struct ledger_digest after = digest_of(versions[v].version, rows, 3);
            assert_int_equal(same_contents(&before, &after), field >= versions[v].columns);
        }
    }
}

static void texts_do_not_run_into_each_other(void **state)
{
    (void)state;
    struct row_view one = row_number(0), two = row_number(0);
    one.asset_code = some("AB");
    one.asset_issuer = some("C");
    two.asset_code = some("A");
    two.asset_issuer = some("BC");
    struct ledger_digest a = digest_of("1.1.0", &one, 1);
    struct ledger_digest b = digest_of("1.1.0", &two, 1);
    assert_false(same_contents(&a, &b));
}

static void an_absent_account_is_an_empty_one_in_1_0_0_only(void **state)
{
    (void)state;
    struct row_view absent = row_number(0), empty = row_number(0);
    absent.source_account.present = false;
    empty.source_account = some("");
    struct ledger_digest a = digest_of("1.0.0", &absent, 1), b = digest_of("1.0.0", &empty, 1);
    assert_true(same_contents(&a, &b));
    a = digest_of("1.1.0", &absent, 1);
    b = digest_of("1.1.0", &empty, 1);
    assert_false(same_contents(&a, &b));
}

static void the_chain_is_the_close_time_and_the_transactions(void **state)
{
    (void)state;
    struct row_view rows[2 * ROWS], others[2 * ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        rows[i] = rows[ROWS + i] = row_number(i);
    struct ledger_digest all = digest_of("1.1.0", rows, 2 * ROWS);
    struct ledger_digest once = digest_of("1.1.0", rows, ROWS);
    assert_true(same_chain(&all, &once));
    assert_false(same_contents(&all, &once));

    /* other events of the same transactions, in another order */
    for (uint32_t i = 0; i < ROWS; i++) {
        others[i] = row_number(ROWS - 1 - i);
        others[i].amount = bytes_view_text("7");
    }
    struct ledger_digest reordered = digest_of("1.1.0", others, ROWS);
    assert_true(same_chain(&all, &reordered));
    assert_false(same_contents(&once, &reordered));

    /* another chain: no transaction in common, or another close time */
    for (uint32_t i = 0; i < ROWS; i++)
        others[i] = row_number(1000 + i);
    struct ledger_digest elsewhere = digest_of("1.1.0", others, ROWS);
    assert_false(same_chain(&all, &elsewhere));
    for (uint32_t i = 0; i < ROWS; i++)
        rows[i].timestamp_us += 5000000;
    struct ledger_digest later = digest_of("1.1.0", rows, ROWS);
    assert_false(same_chain(&once, &later));
}

static void one_other_transaction_is_another_chain_in_a_small_ledger(void **state)
{
    (void)state;
    struct row_view rows[10];
    for (uint32_t i = 0; i < 10; i++)
        rows[i] = row_number(i);
    struct ledger_digest before = digest_of("1.1.0", rows, 10);
    for (uint32_t i = 0; i < 10; i++) {
        struct row_view kept = rows[i];
        rows[i].transaction_hash[5] ^= 1;
        struct ledger_digest after = digest_of("1.1.0", rows, 10);
        assert_false(same_chain(&before, &after));
        rows[i] = kept;
    }
}

static void dead_letters_count_in_the_contents(void **state)
{
    (void)state;
    struct ledger_digest_state *digest;
    assert_int_equal(ledger_digest_new(&digest, row_schema_find("1.1.0"), made_as), OK);
    struct row_view row = row_number(0);
    struct ledger_digest with[3];
    static const struct {
        uint32_t index;
        const char *raw;
    } letters[3] = {{1, "raw"}, {2, "raw"}, {1, "rax"}};
    for (int i = 0; i < 3; i++) {
        ledger_digest_begin(digest);
        ledger_digest_add_row(digest, &row);
        ledger_digest_add_dead_letter(digest, letters[i].index, bytes_view_text(letters[i].raw));
        with[i] = ledger_digest_end(digest);
    }
    struct ledger_digest without = digest_of("1.1.0", &row, 1);
    assert_true(same_chain(&with[0], &without));
    assert_false(same_contents(&with[0], &without));
    assert_false(same_contents(&with[0], &with[1]));
    assert_false(same_contents(&with[0], &with[2]));
    ledger_digest_free(digest);
    ledger_digest_free(NULL);
}

static void assert_hex(const uint8_t digest[LEDGER_DIGEST_BYTES], const char *expected)
{
    char text[2 * LEDGER_DIGEST_BYTES + 1];
    hex_encode(bytes_view_of(digest, LEDGER_DIGEST_BYTES), text);
    assert_string_equal(text, expected);
}

static void assert_event_hex(struct event_digest digest, const char *expected)
{
    char text[40];
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)digest.high,
             (unsigned long long)digest.low);
    assert_string_equal(text, expected);
}

/* Version 1's and version 2's. */
static void assert_contents(const struct ledger_digest *digest, const char *first,
                            const char *second)
{
    assert_int_equal(digest->contents.version, made_as);
    assert_hex(digest->contents.bytes, made_as == LEDGER_DIGEST_FIRST ? first : second);
}

/* Lakes keep digests: another release must find the same ones. A ledger of more transactions than
 * the chain digest holds, with every kind of value and a dead letter. */
static void digests_stay_the_same_from_release_to_release(void **state)
{
    (void)state;
    struct ledger_digest_state *digest;
    assert_int_equal(ledger_digest_new(&digest, row_schema_find("1.1.0"), made_as), OK);
    struct row_view rows[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i] = row_number(i);
        change_field(&rows[i], (int)(2 + i % 14));
    }
    struct ledger_digest older = digest_of("1.0.0", rows, ROWS);
    assert_hex(older.chain, "32d34198d17a88545f40aecc3c3553c1");
    assert_contents(&older, "d0d4d22d16179b30354353b65aafb55b", "2fde53c08d38ebdcf79614cee4a4c63e");
    struct ledger_digest newer = digest_of("1.1.0", rows, ROWS);
    assert_hex(newer.chain, "32d34198d17a88545f40aecc3c3553c1");
    assert_contents(&newer, "874c1f98b6933f805a13781a976e50cf", "f29d1f64c6774f99a5c4827b8eb9379f");
    for (uint32_t i = 0; i < ROWS; i++)
        ledger_digest_add_row(digest, &rows[i]);
    ledger_digest_add_dead_letter(digest, ROWS, bytes_view_text("raw"));
    newer = ledger_digest_end(digest);
    assert_hex(newer.chain, "32d34198d17a88545f40aecc3c3553c1");
    assert_contents(&newer, "f43aefd967f191d802f186fb13d0f791", "632c2c5f8988ac3673f461af99eb5f21");
    assert_event_hex(event_digest_row(row_schema_find("1.0.0"), &rows[3]),
                     "cf45fbab71299e70588deed3e1ee3661");
    assert_event_hex(event_digest_row(row_schema_find("1.1.0"), &rows[3]),
                     "48b00834960869ca155880a60ac8d850");
    assert_event_hex(event_digest_dead_letter(7, bytes_view_text("raw")),
                     "4c443704b957732b416ed2fa6d74f916");
    ledger_digest_free(digest);
}

static void texts_longer_than_a_piece_are_hashed_whole(void **state)
{
    (void)state;
    char *memo = malloc(5000);
    memset(memo, 'm', 5000);
    struct row_view row = row_number(0);
    row.memo = (struct optional_text){true, bytes_view_of(memo, 5000)};
    struct ledger_digest before = digest_of("1.1.0", &row, 1);
    for (size_t at = 0; at < 5000; at += 499) {
        memo[at] = 'n';
        struct ledger_digest after = digest_of("1.1.0", &row, 1);
        assert_false(same_contents(&before, &after));
        memo[at] = 'm';
    }
    free(memo);
}

/* The digest of a recorded ledger, from the rows of a batch that stores it. */
static struct ledger_digest digest_of_stored(const struct row_batch *batch, const char *version)
{
    struct ledger_digest_state *digest;
    uint8_t made_as_batch = batch->digest.contents.version;
    assert_int_equal(made_as_batch, LEDGER_DIGEST_NEWEST);
    assert_int_equal(ledger_digest_new(&digest, row_schema_find(version), made_as_batch), OK);
    const struct ArrowArray *array = &batch->parts[0].array;
    for (int64_t i = 0; i < array->length; i++) {
        struct row_view row;
        row_from_batch(array, i, &row);
        if (row.ledger_sequence == batch->digest_ledger)
            ledger_digest_add_row(digest, &row);
    }
    struct ledger_digest result = ledger_digest_end(digest);
    ledger_digest_free(digest);
    return result;
}

static void stream_and_stored_rows_give_one_digest(void **state)
{
    (void)state;
    static const char *const versions[] = {"1.0.0", "1.1.0"};
    for (size_t v = 0; v < 2; v++) {
        const struct batch_builder_options options = {.schema = row_schema_find(versions[v]),
                                                      .scheme = PARTITION_DATE_HOUR,
                                                      .dictionaries = true};
        struct error error;
        struct batch_builder *builder;
        assert_int_equal(batch_builder_new(&builder, &options, &error), OK);
        struct recorded recording;
        struct bytes_view message;
        uint32_t ledger = 0, index = 0;
        recorded_open(&recording, "pubnet-63092993-63092996", ".events");
        batch_builder_begin_range(builder, 0);
        while (recorded_next(&recording, &message)) {
            struct event_view event;
            bool dead;
            assert_int_equal(event_decode(message, &event, NULL), OK);
            if (ledger != 0 && event.ledger_sequence != ledger) {
                assert_int_equal(batch_builder_complete_to(builder, ledger, NULL), OK);
                index = 0;
            }
            ledger = event.ledger_sequence;
            assert_int_equal(
                batch_builder_add_event(builder, &event, index++, message, &dead, NULL), OK);
        }
        assert_int_equal(batch_builder_complete_to(builder, ledger, NULL), OK);
        struct row_batch *batch;
        assert_int_equal(batch_builder_take(builder, &batch, NULL), OK);
        assert_int_equal(batch->digest_ledger, 63092996);
        struct ledger_digest stored = digest_of_stored(batch, versions[v]);
        assert_memory_equal(&stored, &batch->digest, sizeof stored);
        row_batch_free(batch);
        batch_builder_free(builder);
        recorded_close(&recording);
    }
}

static bool same_event(struct event_digest a, struct event_digest b)
{
    return a.low == b.low && a.high == b.high;
}

static void an_event_has_a_digest_of_its_own(void **state)
{
    (void)state;
    const struct row_schema *schema = row_schema_find("1.1.0");
    struct row_view row = row_number(3);
    struct event_digest digest = event_digest_row(schema, &row);
    assert_true(same_event(digest, event_digest_row(schema, &row)));
    assert_false(same_event(digest, event_digest_row(row_schema_find("1.0.0"), &row)));
    for (int field = 0; field < 7; field++) {
        struct row_view other = row_number(3);
        change_field(&other, field);
        assert_false(same_event(digest, event_digest_row(schema, &other)));
    }
    char memo[3000];
    memset(memo, 'm', sizeof memo);
    row.memo.text = bytes_view_of(memo, sizeof memo);
    digest = event_digest_row(schema, &row);
    memo[2999] = 'n';
    assert_false(same_event(digest, event_digest_row(schema, &row)));
    digest = event_digest_dead_letter(3, bytes_view_text("abc"));
    assert_true(same_event(digest, event_digest_dead_letter(3, bytes_view_text("abc"))));
    assert_false(same_event(digest, event_digest_dead_letter(4, bytes_view_text("abc"))));
    assert_false(same_event(digest, event_digest_dead_letter(3, bytes_view_text("abd"))));
}

static void the_bytes_of_a_digest_stay_what_they_are(void **state)
{
    (void)state;
    /* Lakes keep them: another value here means that every lake's seam check fails once. */
    struct row_view rows[2] = {row_number(0), row_number(1)};
    struct ledger_digest digest = digest_of("1.1.0", rows, 2);
    char hex[2 * LEDGER_DIGEST_BYTES + 1];
    hex_encode(bytes_view_of(digest.chain, LEDGER_DIGEST_BYTES), hex);
    assert_string_equal(hex, "0c11b81c41eef01287436003c595512c");
    assert_contents(&digest, "e08bd51f8093296cf559554c1a3c7ade",
                    "cec5fb8eb201cf8c03d4b2b02d72701c");
}

static void a_failing_allocation_gives_no_state(void **state)
{
    (void)state;
    mem_fail_after(1);
    struct ledger_digest_state *none;
    assert_int_equal(ledger_digest_new(&none, row_schema_find("1.1.0"), made_as), ERR_NO_MEMORY);
    assert_null(none);
    mem_fail_after(0);
}

/* More events than are hashed at once, so that records and letters wait across them. */
static void where_records_are_cut_does_not_show(void **state)
{
    (void)state;
    const struct row_schema *schema = row_schema_find("1.1.0");
    struct ledger_digest_state *digest, *asked_often;
    assert_int_equal(ledger_digest_new(&digest, schema, made_as), OK);
    assert_int_equal(ledger_digest_new(&asked_often, schema, made_as), OK);
    struct ledger_digest before = ledger_digest_end(digest);
    for (uint32_t i = 0; i < 200; i++) {
        struct row_view row = row_number(i);
        ledger_digest_add_row(digest, &row);
        ledger_digest_add_row(asked_often, &row);
        if (i % 7 == 0) {
            ledger_digest_add_dead_letter(digest, i, bytes_view_text("raw"));
            ledger_digest_add_dead_letter(asked_often, i, bytes_view_text("raw"));
        }
        struct ledger_digest now = ledger_digest_end(asked_often);
        assert_false(same_contents(&before, &now));
        before = now;
    }
    struct ledger_digest whole = ledger_digest_end(digest);
    assert_true(same_contents(&before, &whole));
    ledger_digest_begin(digest);
    whole = ledger_digest_end(digest);
    ledger_digest_begin(asked_often);
    struct ledger_digest empty = ledger_digest_end(asked_often);
    assert_true(same_contents(&whole, &empty));
    ledger_digest_free(digest);
    ledger_digest_free(asked_often);
}

/* As a batch's rows are, whose dictionaries know what stands for each value. */
static void numbered_rows_give_the_same(void **state)
{
    (void)state;
    static const char *const versions[] = {"1.0.0", "1.1.0"};
    for (size_t v = 0; v < 2 && made_as == LEDGER_DIGEST_NEWEST; v++) {
        const struct row_schema *schema = row_schema_find(versions[v]);
        struct ledger_digest_state *digest;
        struct row_epoch *epoch;
        struct epoch_part *part;
        assert_int_equal(ledger_digest_new(&digest, schema, made_as), OK);
        assert_int_equal(row_epoch_new(&epoch, schema), OK);
        assert_int_equal(row_epoch_part(epoch, EVENT_NONE, &part), OK);
        struct row_view rows[ROWS];
        for (uint32_t i = 0; i < ROWS; i++) {
            char digits[65];
            uint32_t ids[ROW_COLUMN_MAX];
            rows[i] = row_number(i);
            change_field(&rows[i], (int)(2 + i % 14));
            hex_encode(bytes_view_of(rows[i].transaction_hash, 32), digits);
            assert_int_equal(
                epoch_part_number(part, schema, bytes_view_of(digits, 64), true, &rows[i], ids),
                OK);
            ledger_digest_add_numbered(digest, &rows[i], part, ids);
        }
        struct ledger_digest expected = digest_of(versions[v], rows, ROWS);
        struct ledger_digest got = ledger_digest_end(digest);
        assert_true(same_contents(&expected, &got) && same_chain(&expected, &got));
        ledger_digest_free(digest);
        row_epoch_release(epoch);
    }
}

static void a_version_that_is_not_known_is_made_like_the_newest(void **state)
{
    (void)state;
    struct ledger_digest_state *digest;
    assert_int_equal(ledger_digest_new(&digest, row_schema_find("1.0.0"), LEDGER_DIGEST_NEWEST + 1),
                     OK);
    assert_int_equal(ledger_digest_end(digest).contents.version, LEDGER_DIGEST_NEWEST);
    ledger_digest_free(digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stored_value_shows_in_the_contents),
        cmocka_unit_test(texts_do_not_run_into_each_other),
        cmocka_unit_test(an_absent_account_is_an_empty_one_in_1_0_0_only),
        cmocka_unit_test(the_chain_is_the_close_time_and_the_transactions),
        cmocka_unit_test(one_other_transaction_is_another_chain_in_a_small_ledger),
        cmocka_unit_test(dead_letters_count_in_the_contents),
        cmocka_unit_test(digests_stay_the_same_from_release_to_release),
        cmocka_unit_test(texts_longer_than_a_piece_are_hashed_whole),
        cmocka_unit_test(stream_and_stored_rows_give_one_digest),
        cmocka_unit_test(where_records_are_cut_does_not_show),
        cmocka_unit_test(numbered_rows_give_the_same),
        cmocka_unit_test(a_version_that_is_not_known_is_made_like_the_newest),
        cmocka_unit_test(an_event_has_a_digest_of_its_own),
        cmocka_unit_test(the_bytes_of_a_digest_stay_what_they_are),
        cmocka_unit_test(a_failing_allocation_gives_no_state),
    };
    int failed = 0;
    for (made_as = LEDGER_DIGEST_FIRST; made_as <= LEDGER_DIGEST_NEWEST; made_as++)
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    return failed;
}
