// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arrow/dictionary.h"
#include "support/arrow_validate.h"
#include "row_json.h"
#include "rows/batch_builder.h"
#include "support/recording.h"
#include "util/memory.h"

#define HASH "163046606b0eb01a42c6a5bcb6702d1b5a04d618dff2cb3a1a847bfd6dec3d22"
#define NOON INT64_C(1705320000) /* 2024-01-15T12:00:00Z */

static struct batch_builder *new_builder(const char *version, enum partitioning_scheme scheme,
                                         bool dictionaries, uint32_t dictionary_values)
{
    const struct batch_builder_options options = {.schema = row_schema_find(version),
                                                  .scheme = scheme,
                                                  .dictionaries = dictionaries,
                                                  .dictionary_values = dictionary_values};
    struct error error;
    struct batch_builder *builder;
    assert_int_equal(batch_builder_new(&builder, &options, &error), OK);
    return builder;
}

static struct event_view event_of(uint32_t ledger, int64_t seconds)
{
    return (struct event_view){
        .has_meta = true,
        .has_closed_at = true,
        .ledger_sequence = ledger,
        .closed_at_seconds = seconds,
        .tx_hash = bytes_view_text(HASH),
        .transaction_index = 1,
        .type = EVENT_FEE,
        .from = bytes_view_text("G1"),
        .amount = bytes_view_text("100"),
        .asset_kind = ASSET_NATIVE,
    };
}

/* Adds `count` fee events of a ledger that closed at `seconds`. */
static void add_fees(struct batch_builder *builder, uint32_t ledger, int64_t seconds,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct event_view event = event_of(ledger, seconds);
        bool dead;
        assert_int_equal(
            batch_builder_add_event(builder, &event, i, bytes_view_text("raw"), &dead, NULL), OK);
        assert_false(dead);
    }
}

static void complete_to(struct batch_builder *builder, uint32_t ledger)
{
    assert_int_equal(batch_builder_complete_to(builder, ledger, NULL), OK);
}

/* The next batch, its arrays checked; NULL if there is none. */
static struct row_batch *take(struct batch_builder *builder, const char *version, bool dictionaries)
{
    struct row_batch *batch = NULL;
    bool has_complete = batch_builder_has_complete(builder);
    assert_int_equal(batch_builder_take(builder, &batch, NULL), OK);
    assert_int_equal(has_complete, batch != NULL);
    if (batch == NULL)
        return NULL;
    struct ArrowSchema schema;
    assert_int_equal(row_schema_export(row_schema_find(version), dictionaries, &schema), OK);
    int64_t rows = 0;
    for (size_t i = 0; i < batch->part_count; i++) {
        struct error error = {0};
        if (arrow_validate(&schema, &batch->parts[i].array, &error) != OK)
            fail_msg("%s", error.message);
        assert_int_equal(batch->parts[i].array.length, batch->parts[i].row_count);
        rows += batch->parts[i].row_count;
    }
    assert_int_equal(rows, batch->row_count);
    arrow_schema_release(&schema);
    return batch;
}

static void assert_range(const struct row_batch *batch, uint32_t first, uint32_t last)
{
    assert_int_equal(batch->range.first, first);
    assert_int_equal(batch->range.last, last);
}

static void only_complete_ledgers_leave(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 100);
    assert_null(take(builder, "1.1.0", true));
    add_fees(builder, 100, NOON, 3);
    assert_null(take(builder, "1.1.0", true));
    complete_to(builder, 100);
    add_fees(builder, 101, NOON + 5, 2);
    assert_int_equal(batch_builder_complete_rows(builder), 3);
    assert_true(batch_builder_memory_bytes(builder) > 3 * 32);

    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_range(batch, 100, 100);
    assert_int_equal(batch->row_count, 3);
    assert_int_equal(batch->part_count, 1);
    assert_true(batch->parts[0].first_close_us == NOON * 1000000);
    assert_true(batch->first_close_us == NOON * 1000000);
    assert_true(batch->last_close_us == NOON * 1000000);
    assert_int_equal(batch->digest_ledger, 100);
    assert_int_equal(batch->unconfirmed_count, 0);
    assert_true(batch->memory_bytes > 3 * 32);
    row_batch_free(batch);
    assert_int_equal(batch_builder_complete_rows(builder), 0);
    assert_null(take(builder, "1.1.0", true));

    complete_to(builder, 101);
    batch = take(builder, "1.1.0", true);
    assert_range(batch, 101, 101);
    assert_int_equal(batch->row_count, 2);
    assert_true(batch->parts[0].first_close_us == (NOON + 5) * 1000000);
    row_batch_free(batch);
    batch_builder_free(builder);
}

static void a_dropped_ledger_leaves_nothing_behind(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 100);
    add_fees(builder, 100, NOON, 1);
    complete_to(builder, 100);
    add_fees(builder, 101, NOON, 4);
    assert_int_equal(
        batch_builder_add_dead_letter(builder, 101, 4, "why", bytes_view_text("x"), NULL), OK);
    batch_builder_drop_ledger(builder);
    batch_builder_drop_ledger(builder);
    add_fees(builder, 101, NOON, 2);
    complete_to(builder, 101);
    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_range(batch, 100, 101);
    assert_int_equal(batch->row_count, 3);
    assert_int_equal(batch->dead_letter_count, 0);
    row_batch_free(batch);
    batch_builder_free(builder);
}

static void ledgers_without_events_are_unconfirmed_runs(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.0.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 100);
    complete_to(builder, 101);
    complete_to(builder, 102); /* joins the run before */
    complete_to(builder, 102); /* says nothing new */
    add_fees(builder, 105, NOON, 1);
    complete_to(builder, 109);
    add_fees(builder, 110, NOON, 1);
    complete_to(builder, 110);
    struct row_batch *batch = take(builder, "1.0.0", true);
    assert_range(batch, 100, 110);
    assert_int_equal(batch->unconfirmed_count, 2);
    assert_int_equal(batch->unconfirmed[0].first, 100);
    assert_int_equal(batch->unconfirmed[0].last, 104);
    assert_int_equal(batch->unconfirmed[1].first, 106);
    assert_int_equal(batch->unconfirmed[1].last, 109);
    row_batch_free(batch);

    complete_to(builder, 200);
    batch = take(builder, "1.0.0", true);
    assert_range(batch, 111, 200);
    assert_int_equal(batch->part_count, 0);
    assert_int_equal(batch->row_count, 0);
    assert_int_equal(batch->digest_ledger, 0);
    assert_true(batch->first_close_us == 0);
    assert_int_equal(batch->unconfirmed_count, 1);
    row_batch_free(batch);
    batch_builder_free(builder);
}

static void a_range_from_0_begins_with_the_first_ledger_that_arrives(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.0.0", PARTITION_DATE, true, 0);
    batch_builder_begin_range(builder, 0);
    complete_to(builder, 50);
    assert_false(batch_builder_has_complete(builder));
    add_fees(builder, 77, NOON, 1);
    complete_to(builder, 78);
    struct row_batch *batch = take(builder, "1.0.0", true);
    assert_range(batch, 77, 78);
    assert_int_equal(batch->unconfirmed_count, 1);
    row_batch_free(batch);
    batch_builder_free(builder);
}

static void the_last_ledger_of_all_can_be_covered(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.0.0", PARTITION_DATE, true, 0);
    batch_builder_begin_range(builder, UINT32_MAX - 1);
    add_fees(builder, UINT32_MAX, NOON, 1);
    complete_to(builder, UINT32_MAX);
    complete_to(builder, UINT32_MAX);
    struct row_batch *batch = take(builder, "1.0.0", true);
    assert_range(batch, UINT32_MAX - 1, UINT32_MAX);
    row_batch_free(batch);
    assert_false(batch_builder_has_complete(builder));
    batch_builder_free(builder);
}

static void a_new_hour_begins_a_new_batch(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 100);
    add_fees(builder, 100, NOON + 3598, 2);
    complete_to(builder, 101);
    /* A dead letter opens ledger 102; then its first row turns out to be of the next hour. */
    assert_int_equal(
        batch_builder_add_dead_letter(builder, 102, 0, "why", bytes_view_text("x"), NULL), OK);
    add_fees(builder, 102, NOON + 3603, 1);
    complete_to(builder, 102);
    add_fees(builder, 103, NOON + 3608, 1);
    complete_to(builder, 103);
    assert_int_equal(batch_builder_complete_rows(builder), 4);

    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_range(batch, 100, 101);
    assert_int_equal(batch->row_count, 2);
    assert_int_equal(batch->dead_letter_count, 0);
    assert_true(batch->parts[0].key.start_us == NOON * 1000000);
    row_batch_free(batch);
    batch = take(builder, "1.1.0", true);
    assert_range(batch, 102, 103);
    assert_int_equal(batch->row_count, 2);
    assert_int_equal(batch->dead_letter_count, 1);
    assert_true(batch->parts[0].key.start_us == (NOON + 3600) * 1000000);
    assert_true(batch->first_close_us == (NOON + 3603) * 1000000);
    assert_true(batch->last_close_us == (NOON + 3608) * 1000000);
    row_batch_free(batch);
    batch_builder_free(builder);
}

static void a_dropped_ledger_of_the_next_hour_may_come_again_in_this_one(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 100);
    add_fees(builder, 100, NOON, 2);
    complete_to(builder, 100);
    add_fees(builder, 101, NOON + 3600, 2);
    batch_builder_drop_ledger(builder);
    add_fees(builder, 101, NOON, 3);
    complete_to(builder, 101);
    int64_t rows = 0;
    struct row_batch *batch;
    uint32_t next = 100;
    while ((batch = take(builder, "1.1.0", true)) != NULL) {
        assert_int_equal(batch->range.first, next);
        next = batch->range.last + 1;
        assert_true(batch->parts[0].key.start_us == NOON * 1000000);
        rows += batch->row_count;
        row_batch_free(batch);
    }
    assert_int_equal(rows, 5);
    assert_int_equal(next, 102);
    batch_builder_free(builder);
}

static void rows_are_split_by_type_where_the_scheme_asks_for_it(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR_TYPE, true, 0);
    static const enum event_type types[] = {EVENT_FEE, EVENT_FEE, EVENT_MINT, EVENT_TRANSFER,
                                            EVENT_FEE};
    batch_builder_begin_range(builder, 9);
    for (uint32_t i = 0; i < 5; i++) {
        struct event_view event = event_of(9, NOON);
        bool dead;
        event.type = types[i];
        assert_int_equal(
            batch_builder_add_event(builder, &event, i, bytes_view_text("raw"), &dead, NULL), OK);
    }
    complete_to(builder, 9);
    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_int_equal(batch->part_count, 3);
    assert_int_equal(batch->row_count, 5);
    for (size_t i = 0; i < 3; i++) {
        const struct partition_rows *part = &batch->parts[i];
        assert_int_equal(part->row_count, part->key.type == EVENT_FEE ? 3 : 1);
        for (int64_t at = 0; at < part->row_count; at++) {
            struct row_view row;
            row_from_batch(&part->array, at, &row);
            assert_int_equal(row.type, part->key.type);
            assert_int_equal(row.type, types[row.event_index]);
        }
    }
    row_batch_free(batch);
    batch_builder_free(builder);
}

static void events_that_can_not_be_rows_become_dead_letters(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 50);
    struct event_view event = event_of(50, NOON);
    bool dead;
    event.tx_hash.size_bytes = 3;
    assert_int_equal(
        batch_builder_add_event(builder, &event, 0, bytes_view_of("a\0b", 3), &dead, NULL), OK);
    assert_true(dead);
    add_fees(builder, 50, NOON, 1);
    event = event_of(50, NOON + 3600);
    assert_int_equal(
        batch_builder_add_event(builder, &event, 2, bytes_view_text("later"), &dead, NULL), OK);
    assert_true(dead);
    event = (struct event_view){0}; /* whose ledger can't be read: counted to the one in progress */
    assert_int_equal(
        batch_builder_add_event(builder, &event, 3, bytes_view_of(NULL, 0), &dead, NULL), OK);
    assert_true(dead);
    complete_to(builder, 50);
    assert_int_equal(batch_builder_complete_rows(builder), 1);
    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_int_equal(batch->dead_letter_count, 3);
    assert_int_equal(batch->dead_letters[0].ledger_sequence, 50);
    assert_int_equal(batch->dead_letters[0].event_index, 0);
    assert_string_equal(batch->dead_letters[0].reason, "tx_hash is not 64 hexadecimal digits");
    assert_int_equal(batch->dead_letters[0].raw.size_bytes, 3);
    assert_memory_equal(batch->dead_letters[0].raw.data, "a\0b", 3);
    assert_string_equal(
        batch->dead_letters[1].reason,
        "closed_at lies in another partition than that of the ledger's first event");
    assert_int_equal(batch->dead_letters[2].ledger_sequence, 50);
    assert_string_equal(batch->dead_letters[2].reason, "the event has no meta");
    assert_int_equal(batch->unconfirmed_count, 0);
    row_batch_free(batch);
    batch_builder_free(builder);
}

static void required_columns_hold_empty_texts_in_1_0_0_and_null_in_1_1_0(void **state)
{
    (void)state;
    static const char *const versions[] = {"1.0.0", "1.1.0"};
    for (int plain = 0; plain < 2; plain++) {
        for (size_t v = 0; v < 2; v++) {
            struct batch_builder *builder =
                new_builder(versions[v], PARTITION_DATE_HOUR, !plain, 0);
            batch_builder_begin_range(builder, 5);
            struct event_view event = event_of(5, NOON);
            bool dead;
            event.type = EVENT_MINT;
            event.to = bytes_view_text("G2");
            assert_int_equal(
                batch_builder_add_event(builder, &event, 0, bytes_view_text("r"), &dead, NULL), OK);
            event.type = EVENT_FEE;
            assert_int_equal(
                batch_builder_add_event(builder, &event, 1, bytes_view_text("r"), &dead, NULL), OK);
            complete_to(builder, 5);
            struct row_batch *batch = take(builder, versions[v], !plain);
            struct row_view mint, fee;
            row_from_batch(&batch->parts[0].array, 0, &mint);
            row_from_batch(&batch->parts[0].array, 1, &fee);
            assert_int_equal(mint.source_account.present, v == 0);
            assert_int_equal(mint.source_account.text.size_bytes, 0);
            assert_int_equal(fee.dest_account.present, v == 0);
            assert_int_equal(fee.dest_account.text.size_bytes, 0);
            assert_true(bytes_equal(mint.dest_account.text, bytes_view_text("G2")));
            assert_false(mint.memo.present);
            row_batch_free(batch);
            batch_builder_free(builder);
        }
    }
}

static void replaced_memos_and_missing_decimals_are_counted(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 5);
    for (int round = 0; round < 2; round++) {
        struct event_view event = event_of(5, NOON);
        bool dead;
        event.memo_kind = MEMO_TEXT;
        event.memo = bytes_view_text("\xff");
        event.amount = bytes_view_text("many");
        assert_int_equal(
            batch_builder_add_event(builder, &event, 0, bytes_view_text("r"), &dead, NULL), OK);
        if (round == 0)
            batch_builder_drop_ledger(builder);
    }
    complete_to(builder, 5);
    add_fees(builder, 6, NOON, 3);
    complete_to(builder, 6);
    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_int_equal(batch->replaced_memo_count, 1);
    assert_int_equal(batch->null_decimal_count, 1);
    row_batch_free(batch);
    batch_builder_free(builder);
}

/* What the real events must become, for the tests that drive a builder with them. */
struct truth {
    struct bytes_view *lines;
    uint8_t *seen;
    uint32_t *ledgers;
    uint32_t *indices;
    size_t count, capacity;
};

static void truth_find(const struct truth *truth, uint32_t ledger, uint32_t index, size_t *at)
{
    for (*at = 0; *at < truth->count; (*at)++)
        if (truth->ledgers[*at] == ledger && truth->indices[*at] == index)
            return;
    fail_msg("ledger %u has no event %u", ledger, index);
}

static void truth_check(struct truth *truth, const struct ArrowArray *array)
{
    struct buffer json;
    buffer_init(&json);
    size_t at = 0;
    uint32_t last_ledger = 0, last_index = 0;
    for (int64_t i = 0; i < array->length; i++) {
        struct row_view row;
        row_from_batch(array, i, &row);
        /* in order within a part */
        assert_true(
            row.ledger_sequence > last_ledger ||
            (row.ledger_sequence == last_ledger && (i == 0 || row.event_index > last_index)));
        last_ledger = row.ledger_sequence;
        last_index = row.event_index;
        truth_find(truth, row.ledger_sequence, row.event_index, &at);
        buffer_reset(&json);
        row_json(&row, &json);
        if (!bytes_equal(buffer_view(&json), truth->lines[at]))
            fail_msg("got\n%.*s\nnot\n%.*s", (int)json.size_bytes, json.data,
                     (int)truth->lines[at].size_bytes, truth->lines[at].data);
        assert_int_equal(truth->seen[at]++, 0);
        assert_true(row.has_amount_decimal);
    }
    buffer_release(&json);
}

/* How a drive goes: sizes of dictionaries, and how often it drops and takes, in percent. */
struct drive {
    enum partitioning_scheme scheme;
    bool dictionaries;
    uint32_t dictionary_values;
    int drop_percent, take_percent;
};

struct driver {
    const struct drive *drive;
    struct batch_builder *builder;
    struct truth *truth;
    uint32_t next_ledger;
    size_t batches;
};

static void take_all(struct driver *driver)
{
    struct row_batch *batch;
    while ((batch = take(driver->builder, "1.1.0", driver->drive->dictionaries)) != NULL) {
        assert_int_equal(batch->range.first, driver->next_ledger);
        assert_true(batch->range.last >= batch->range.first);
        driver->next_ledger = batch->range.last + 1;
        driver->batches++;
        for (size_t i = 0; i < batch->part_count; i++)
            truth_check(driver->truth, &batch->parts[i].array);
        row_batch_free(batch);
    }
}

/* One ledger's messages [first, end), with an accident now and then. */
static void drive_ledger(struct driver *driver, const struct bytes_view *messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct event_view event;
        bool dead;
        assert_int_equal(event_decode(messages[i], &event, NULL), OK);
        assert_int_equal(
            batch_builder_add_event(driver->builder, &event, (uint32_t)i, messages[i], &dead, NULL),
            OK);
        assert_false(dead);
        if (rand() % 1000 < driver->drive->take_percent)
            take_all(driver);
        if (rand() % 5000 < driver->drive->drop_percent) {
            batch_builder_drop_ledger(driver->builder);
            i = (size_t)-1;
        }
    }
}

static size_t drive_recording(const struct drive *drive, const char *name)
{
    struct recorded events, rows;
    static struct bytes_view messages[4000], lines[4000];
    static uint8_t seen[4000];
    static uint32_t ledgers[4000], indices[4000];
    struct truth truth = {lines, seen, ledgers, indices, 0, 4000};
    memset(seen, 0, sizeof seen);
    recorded_open(&events, name, ".events");
    recorded_open(&rows, name, ".rows.jsonl");
    while (recorded_next(&events, &messages[truth.count])) {
        struct event_view event;
        assert_int_equal(event_decode(messages[truth.count], &event, NULL), OK);
        assert_true(recorded_next_line(&rows, &lines[truth.count]));
        size_t at = truth.count++;
        ledgers[at] = event.ledger_sequence;
        indices[at] = at > 0 && ledgers[at - 1] == ledgers[at] ? indices[at - 1] + 1 : 0;
    }
    struct driver driver = {.drive = drive, .truth = &truth, .next_ledger = ledgers[0] - 2};
    driver.builder =
        new_builder("1.1.0", drive->scheme, drive->dictionaries, drive->dictionary_values);
    batch_builder_begin_range(driver.builder, driver.next_ledger);
    for (size_t first = 0, end; first < truth.count; first = end) {
        for (end = first; end < truth.count && ledgers[end] == ledgers[first];)
            end++;
        drive_ledger(&driver, messages + first, end - first);
        complete_to(driver.builder, ledgers[first]);
        if (rand() % 100 < drive->take_percent)
            take_all(&driver);
    }
    take_all(&driver);
    assert_int_equal(driver.next_ledger, ledgers[truth.count - 1] + 1);
    for (size_t i = 0; i < truth.count; i++)
        assert_int_equal(seen[i], 1);
    batch_builder_free(driver.builder);
    recorded_close(&events);
    recorded_close(&rows);
    return driver.batches;
}

static void real_events_come_out_as_their_rows_whatever_happens_on_the_way(void **state)
{
    (void)state;
    static const struct drive drives[] = {
        {PARTITION_DATE_HOUR, true, 0, 0, 100},     {PARTITION_DATE_HOUR, false, 0, 0, 0},
        {PARTITION_DATE_HOUR_TYPE, true, 0, 2, 20}, {PARTITION_DATE, true, 1, 2, 20},
        {PARTITION_DATE_HOUR_TYPE, true, 3, 2, 20}, {PARTITION_SIMPLE, true, 50, 1, 0},
        {PARTITION_DATE_HOUR, true, 400, 2, 5},     {PARTITION_DATE_HOUR_TYPE, false, 0, 2, 20},
    };
    srand(20240115);
    for (size_t i = 0; i < sizeof drives / sizeof drives[0]; i++)
        for (size_t r = 0; r < recorded_count; r++)
            assert_true(drive_recording(&drives[i], recorded_names[r]) > 0);
}

static void a_large_value_finds_room(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 2);
    const size_t size = 100000;
    char *memo = malloc(size);
    memset(memo, 'm', size);
    batch_builder_begin_range(builder, 5);
    for (uint32_t i = 0; i < 6; i++) {
        struct event_view event = event_of(5, NOON);
        bool dead;
        event.memo_kind = MEMO_TEXT;
        memo[0] = (char)('a' + i);
        event.memo = bytes_view_of(memo, size);
        assert_int_equal(
            batch_builder_add_event(builder, &event, i, bytes_view_of(memo, size), &dead, NULL),
            OK);
    }
    complete_to(builder, 5);
    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_int_equal(batch->row_count, 6);
    for (uint32_t i = 0; i < 6; i++) {
        struct row_view row;
        row_from_batch(&batch->parts[0].array, i, &row);
        assert_int_equal(row.memo.text.size_bytes, size);
        assert_int_equal(row.memo.text.data[0], 'a' + i);
    }
    row_batch_free(batch);
    free(memo);
    batch_builder_free(builder);
}

/* A ledger of fees, each from an account that was never seen before. */
static void add_newcomers(struct batch_builder *builder, uint32_t ledger, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char from[64];
        struct event_view event = event_of(ledger, NOON);
        bool dead;
        int size = snprintf(from, sizeof from, "G%055u", ledger * 1000000 + i);
        event.from = bytes_view_of(from, (size_t)size);
        assert_int_equal(
            batch_builder_add_event(builder, &event, i, bytes_view_text("r"), &dead, NULL), OK);
    }
    complete_to(builder, ledger);
    struct row_batch *batch;
    while ((batch = take(builder, "1.1.0", true)) != NULL)
        row_batch_free(batch);
}

static void dictionaries_stay_within_their_memory(void **state)
{
    (void)state;
    const size_t budget = 2 * 1024 * 1024;
    const struct batch_builder_options options = {.schema = row_schema_find("1.1.0"),
                                                  .scheme = PARTITION_DATE_HOUR,
                                                  .dictionaries = true,
                                                  .dictionary_bytes = budget};
    struct error error;
    struct batch_builder *builder;
    assert_int_equal(batch_builder_new(&builder, &options, &error), OK);
    batch_builder_begin_range(builder, 1);
    for (uint32_t ledger = 1; ledger <= 30; ledger++) {
        add_newcomers(builder, ledger, 3000);
        assert_true(batch_builder_memory_bytes(builder) < budget);
    }
    /* One ledger that needs more gets it, and its batch takes it along. */
    add_newcomers(builder, 31, 40000);
    assert_true(batch_builder_memory_bytes(builder) < budget);
    add_newcomers(builder, 32, 100);
    assert_true(batch_builder_memory_bytes(builder) < budget);
    batch_builder_free(builder);
}

static void batches_outlive_their_builder_and_share_its_dictionaries(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 5);
    add_fees(builder, 5, NOON, 1);
    complete_to(builder, 5);
    struct row_batch *one = take(builder, "1.1.0", true);
    add_fees(builder, 6, NOON, 1);
    complete_to(builder, 6);
    struct row_batch *two = take(builder, "1.1.0", true);
    batch_builder_free(builder);
    const struct arrow_dictionary *accounts =
        arrow_dictionary_of(one->parts[0].array.children[COLUMN_SOURCE_ACCOUNT - 1]->dictionary);
    assert_non_null(accounts);
    assert_ptr_equal(
        accounts,
        arrow_dictionary_of(two->parts[0].array.children[COLUMN_SOURCE_ACCOUNT - 1]->dictionary));
    /* Each column has its own: its values stand in the file's. */
    assert_ptr_not_equal(
        accounts,
        arrow_dictionary_of(two->parts[0].array.children[COLUMN_DEST_ACCOUNT - 1]->dictionary));
    row_batch_free(one);
    struct row_view row;
    row_from_batch(&two->parts[0].array, 0, &row);
    assert_true(bytes_equal(row.source_account.text, bytes_view_text("G1")));
    row_batch_free(two);
    row_batch_free(NULL);
    batch_builder_free(NULL);
}

/* Which value of source_account a batch calls the first that is new, and how many there are. */
static void assert_accounts(const struct row_batch *batch, uint32_t first_new, int64_t count)
{
    const struct ArrowArray *accounts =
        batch->parts[0].array.children[COLUMN_SOURCE_ACCOUNT - 1]->dictionary;
    assert_int_equal(arrow_dictionary_first_new(accounts), first_new);
    assert_int_equal(accounts->length, count);
    assert_int_equal(batch->parts[0].begins_epoch, first_new == 0);
}

static void add_fee_of(struct batch_builder *builder, uint32_t ledger, uint32_t index,
                       const char *from)
{
    struct event_view event = event_of(ledger, NOON);
    bool dead;
    event.from = bytes_view_text(from);
    assert_int_equal(
        batch_builder_add_event(builder, &event, index, bytes_view_text("r"), &dead, NULL), OK);
    assert_false(dead);
}

static void an_epoch_ends_at_the_next_ledger_when_it_is_asked_to(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 5);
    add_fee_of(builder, 5, 0, "GA");
    add_fee_of(builder, 5, 1, "GB");
    complete_to(builder, 5);
    struct row_batch *first = take(builder, "1.1.0", true);
    assert_accounts(first, 0, 2);
    add_fee_of(builder, 6, 0, "GB");
    batch_builder_end_epoch(builder);
    add_fee_of(builder, 6, 1, "GC");
    complete_to(builder, 6);
    add_fee_of(builder, 7, 0, "GC");
    complete_to(builder, 7);
    struct row_batch *second = take(builder, "1.1.0", true);
    assert_range(second, 6, 6); /* a ledger lies in one epoch */
    assert_accounts(second, 2, 3);
    assert_true(second->epoch.is_over);
    assert_int_equal(second->epoch.id, first->epoch.id);
    struct row_batch *third = take(builder, "1.1.0", true);
    assert_range(third, 7, 7);
    assert_accounts(third, 0, 1);
    assert_false(third->epoch.is_over);
    assert_int_not_equal(third->epoch.id, first->epoch.id);
    row_batch_free(first);
    row_batch_free(second);
    row_batch_free(third);
    batch_builder_free(builder);
}

static void another_partition_is_another_epoch_also_when_nothing_waits(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 5);
    for (uint32_t ledger = 5; ledger < 8; ledger++) {
        add_fees(builder, ledger, NOON + (ledger == 7 ? 3600 : 0), 2);
        complete_to(builder, ledger);
        struct row_batch *batch = take(builder, "1.1.0", true);
        assert_accounts(batch, ledger == 6 ? 1 : 0, 1);
        row_batch_free(batch);
    }
    batch_builder_free(builder);
}

static void values_of_the_ledger_in_progress_do_not_leave_with_the_ones_before(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    batch_builder_begin_range(builder, 5);
    add_fee_of(builder, 5, 0, "GA");
    complete_to(builder, 5);
    add_fee_of(builder, 6, 0, "GB");
    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_accounts(batch, 0, 1);
    row_batch_free(batch);
    batch_builder_free(builder);
}

static void a_ledger_in_progress_sheds_the_values_of_those_before(void **state)
{
    (void)state;
    static const enum partitioning_scheme schemes[] = {PARTITION_DATE_HOUR,
                                                       PARTITION_DATE_HOUR_TYPE};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct batch_builder *builder = new_builder("1.1.0", schemes[i], true, 0);
        batch_builder_begin_range(builder, 1);
        add_newcomers(builder, 1, 20000);
        size_t before = batch_builder_memory_bytes(builder);
        add_fee_of(builder, 2, 0, "GB");
        add_fee_of(builder, 2, 1, "GC");
        add_fee_of(builder, 2, 2, "GB");
        assert_int_equal(batch_builder_shed(builder, NULL), OK);
        assert_true(batch_builder_memory_bytes(builder) < before / 10);
        add_fee_of(builder, 2, 3, "GC");
        complete_to(builder, 2);
        struct row_batch *batch = take(builder, "1.1.0", true);
        assert_accounts(batch, 0, 2);
        static const char *const accounts[] = {"GB", "GC", "GB", "GC"};
        for (int64_t at = 0; at < 4; at++) {
            struct row_view row;
            row_from_batch(&batch->parts[0].array, at, &row);
            assert_true(bytes_equal(row.source_account.text, bytes_view_text(accounts[at])));
            assert_true(bytes_equal(row.amount, bytes_view_text("100")));
            assert_true(row.has_amount_decimal && row.amount_decimal == 100);
            assert_int_equal(row.type, EVENT_FEE);
            assert_true(row.source_account.present && !row.dest_account.present);
        }
        row_batch_free(batch);
        batch_builder_free(builder);
    }
}

/* Bytes that are no UTF-8, in columns that the schema has and in one that it has not. */
static void texts_are_checked_also_where_the_schema_stores_none(void **state)
{
    (void)state;
    static const char *const versions[] = {"1.0.0", "1.1.0"};
    for (size_t v = 0; v < 2; v++) {
        struct batch_builder *builder = new_builder(versions[v], PARTITION_DATE_HOUR, true, 0);
        batch_builder_begin_range(builder, 5);
        for (uint32_t i = 0; i < 4; i++) {
            struct event_view event = event_of(5, NOON);
            struct bytes_view *const texts[] = {&event.contract_address, &event.from, &event.to,
                                                &event.amount};
            bool dead;
            *texts[i] = bytes_view_text("C\xff");
            assert_int_equal(
                batch_builder_add_event(builder, &event, i, bytes_view_text("r"), &dead, NULL), OK);
            assert_true(dead);
        }
        complete_to(builder, 5);
        struct row_batch *batch = take(builder, versions[v], true);
        assert_int_equal(batch->dead_letter_count, 4);
        assert_string_equal(batch->dead_letters[0].reason, "contract_address is not UTF-8");
        assert_string_equal(batch->dead_letters[2].reason, "to is not UTF-8");
        row_batch_free(batch);
        batch_builder_free(builder);
    }
}

/* The digest of the events of one ledger, through a builder. */
static struct ledger_digest digest_of_builder(struct batch_builder *builder)
{
    batch_builder_begin_range(builder, 5);
    add_fees(builder, 5, NOON, 3);
    complete_to(builder, 5);
    struct row_batch *batch = take(builder, "1.1.0", true);
    struct ledger_digest digest = batch->digest;
    row_batch_free(batch);
    return digest;
}

static void the_digest_of_a_batch_is_that_of_its_last_ledger(void **state)
{
    (void)state;
    struct batch_builder *builder = new_builder("1.1.0", PARTITION_DATE_HOUR, true, 0);
    struct ledger_digest alone = digest_of_builder(builder);
    batch_builder_begin_range(builder, 3);
    add_fees(builder, 3, NOON, 7);
    complete_to(builder, 4);
    add_fees(builder, 5, NOON, 1);
    batch_builder_drop_ledger(builder);
    add_fees(builder, 5, NOON, 3);
    complete_to(builder, 8);
    struct row_batch *batch = take(builder, "1.1.0", true);
    assert_int_equal(batch->digest_ledger, 5);
    assert_memory_equal(&batch->digest, &alone, sizeof alone);
    row_batch_free(batch);
    batch_builder_free(builder);
}

/* A short run that meets splits, full dictionaries and dead letters. False: memory ran out; each
 * failed call is made again without failures, and nothing may be lost then. */
static bool run_short_of_memory(uint64_t fail_after)
{
    struct error error;
    bool dead, failed = false;
    struct row_batch *batch = NULL;
    struct batch_builder *builder;
    const struct batch_builder_options options = {.schema = row_schema_find("1.1.0"),
                                                  .scheme = PARTITION_DATE_HOUR_TYPE,
                                                  .dictionaries = true,
                                                  .dictionary_values = 4};
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum error_code code = (call);                                                             \
        if (code != OK) {                                                                          \
            assert_int_equal(code, ERR_NO_MEMORY);                                                 \
            assert_int_equal(error.code, ERR_NO_MEMORY);                                           \
            mem_fail_after(0);                                                                     \
            failed = true;                                                                         \
            assert_int_equal((call), OK);                                                          \
        }                                                                                          \
    } while (0)

    mem_fail_after(fail_after);
    if (batch_builder_new(&builder, &options, &error) != OK) {
        mem_fail_after(0);
        return false;
    }
    batch_builder_begin_range(builder, 10);
    int64_t rows = 0;
    for (uint32_t ledger = 10; ledger < 16; ledger++) {
        for (uint32_t i = 0; i < 6; i++) {
            char from[16], amount[16];
            struct event_view event = event_of(ledger, NOON + (int64_t)ledger / 13 * 3600);
            snprintf(from, sizeof from, "G%u", ledger * 3 + i);
            snprintf(amount, sizeof amount, "%u", ledger + i);
            event.from = bytes_view_text(from);
            event.amount = bytes_view_text(amount);
            event.type = i % 2 == 0 ? EVENT_FEE : EVENT_BURN;
            event.memo_kind = MEMO_ID;
            event.memo_id = i;
            TRY(batch_builder_add_event(builder, &event, i, bytes_view_text(from), &dead, &error));
        }
        if (ledger == 14) {
            while (batch_builder_has_complete(builder)) {
                TRY(batch_builder_take(builder, &batch, &error));
                rows += batch->row_count;
                row_batch_free(batch);
            }
            TRY(batch_builder_shed(builder, &error));
        }
        TRY(batch_builder_add_dead_letter(builder, ledger, 6, "why", bytes_view_text("r"), &error));
        if (ledger == 12) {
            TRY(batch_builder_take(builder, &batch, &error));
            rows += batch != NULL ? batch->row_count : 0;
            row_batch_free(batch);
        }
        TRY(batch_builder_complete_to(builder, ledger, &error));
    }
    while (batch_builder_has_complete(builder)) {
        TRY(batch_builder_take(builder, &batch, &error));
        rows += batch->row_count;
        for (size_t i = 0; i < batch->part_count; i++) {
            for (int64_t at = 0; at < batch->parts[i].row_count; at++) {
                struct row_view row;
                char from[16];
                row_from_batch(&batch->parts[i].array, at, &row);
                snprintf(from, sizeof from, "G%u", row.ledger_sequence * 3 + row.event_index);
                assert_true(bytes_equal(row.source_account.text, bytes_view_text(from)));
            }
        }
        row_batch_free(batch);
    }
    batch_builder_free(builder);
    assert_int_equal(rows, 36);
    mem_fail_after(0);
    return !failed;
}

static void no_failing_allocation_loses_or_breaks_a_row(void **state)
{
    (void)state;
    assert_true(run_short_of_memory(UINT64_MAX / 2));
    mem_fail_after(UINT64_MAX / 2);
    uint64_t n = 1;
    while (!run_short_of_memory(n))
        n++;
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_complete_ledgers_leave),
        cmocka_unit_test(a_dropped_ledger_leaves_nothing_behind),
        cmocka_unit_test(ledgers_without_events_are_unconfirmed_runs),
        cmocka_unit_test(a_range_from_0_begins_with_the_first_ledger_that_arrives),
        cmocka_unit_test(the_last_ledger_of_all_can_be_covered),
        cmocka_unit_test(a_new_hour_begins_a_new_batch),
        cmocka_unit_test(a_dropped_ledger_of_the_next_hour_may_come_again_in_this_one),
        cmocka_unit_test(rows_are_split_by_type_where_the_scheme_asks_for_it),
        cmocka_unit_test(events_that_can_not_be_rows_become_dead_letters),
        cmocka_unit_test(required_columns_hold_empty_texts_in_1_0_0_and_null_in_1_1_0),
        cmocka_unit_test(replaced_memos_and_missing_decimals_are_counted),
        cmocka_unit_test(real_events_come_out_as_their_rows_whatever_happens_on_the_way),
        cmocka_unit_test(a_large_value_finds_room),
        cmocka_unit_test(dictionaries_stay_within_their_memory),
        cmocka_unit_test(batches_outlive_their_builder_and_share_its_dictionaries),
        cmocka_unit_test(an_epoch_ends_at_the_next_ledger_when_it_is_asked_to),
        cmocka_unit_test(another_partition_is_another_epoch_also_when_nothing_waits),
        cmocka_unit_test(values_of_the_ledger_in_progress_do_not_leave_with_the_ones_before),
        cmocka_unit_test(a_ledger_in_progress_sheds_the_values_of_those_before),
        cmocka_unit_test(texts_are_checked_also_where_the_schema_stores_none),
        cmocka_unit_test(the_digest_of_a_batch_is_that_of_its_last_ledger),
        cmocka_unit_test(no_failing_allocation_loses_or_breaks_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
