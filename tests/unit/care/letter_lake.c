// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "care/letter_lake.h"

#include <stdio.h>
#include <string.h>

#include "catalog/files.h"
#include "catalog/history.h"
#include "lake/data_file.h"
#include "lake/open.h"
#include "lake/verify.h"
#include "pb/event.h"
#include "rows/batch_builder.h"
#include "walk/row_scan.h"

#define COMMIT_LEDGERS 10
#define EVENTS         9
#define LETTER_LEDGERS (LETTER_LAST - LETTER_FIRST + 1)

static uint32_t event_count(uint32_t ledger)
{
    return ledger % 7 == 6 ? 0 : ledger % 11 == 3 ? 1 : EVENTS;
}

/* An event that only the later program knows: at the beginning, in the midst and at the end of a
 * ledger, all of a ledger, and in some commits none. */
static bool is_unknown(uint32_t ledger, uint32_t index)
{
    if ((ledger - LETTER_FIRST) / COMMIT_LEDGERS == 1)
        return false;
    return event_count(ledger) == 1 || (ledger % 3 == 1 && (index == 0 || index == 8)) ||
           (ledger % 10 == 9 && index % 4 == 2);
}

static bool is_lost(uint32_t ledger, uint32_t index)
{
    return ledger % 4 == 1 && index == 5 && event_count(ledger) > 1 && ledger < LETTER_FIRST + 40;
}

uint64_t letter_lake_lost(void)
{
    uint64_t count = 0;
    for (uint32_t ledger = LETTER_FIRST; ledger <= LETTER_LAST; ledger++)
        for (uint32_t i = 0; i < event_count(ledger); i++)
            count += is_lost(ledger, i);
    return count;
}

uint64_t letter_lake_unknown(void)
{
    uint64_t count = 0;
    for (uint32_t ledger = LETTER_FIRST; ledger <= LETTER_LAST; ledger++)
        for (uint32_t i = 0; i < event_count(ledger); i++)
            count += is_unknown(ledger, i);
    return count;
}

static void add_event(struct batch_builder *builder, uint32_t ledger, uint32_t index,
                      bool knows_all)
{
    char hash[65], account[57];
    struct buffer raw;
    bool became_dead_letter;
    enum event_type type = (enum event_type)(EVENT_TRANSFER + (ledger + index) % 5);
    snprintf(hash, sizeof hash, "%064x", ledger * 100 + index / 2);
    snprintf(account, sizeof account, "G%055u", (ledger * 7 + index) % 50);
    struct event_view event = {
        .has_meta = true,
        .has_closed_at = true,
        .ledger_sequence = ledger,
        .closed_at_seconds = INT64_C(1705320000) + 5 * (int64_t)ledger,
        .tx_hash = bytes_view_text(is_lost(ledger, index) ? "no hash" : hash),
        .transaction_index = index / 2,
        .memo_kind = index == 8 ? MEMO_TEXT : MEMO_NONE,
        .memo = index == 8 ? bytes_view_text("bad \xff") : bytes_view_of(NULL, 0),
        .type = type,
        .from = bytes_view_text(type == EVENT_MINT ? "" : account),
        .to = bytes_view_text(type == EVENT_TRANSFER || type == EVENT_MINT ? account : ""),
        .amount = bytes_view_text(index == 0 ? "a lot" : "1000000"),
        .asset_kind = ASSET_NATIVE};
    buffer_init(&raw);
    assert_int_equal(event_encode(&event, &raw), OK);
    if (!knows_all && is_unknown(ledger, index))
        event.type = EVENT_NONE; /* what it is for a program that does not know the member */
    assert_int_equal(batch_builder_add_event(builder, &event, index, buffer_view(&raw),
                                             &became_dead_letter, NULL),
                     OK);
    assert_int_equal(became_dead_letter,
                     is_lost(ledger, index) || (!knows_all && is_unknown(ledger, index)));
    buffer_release(&raw);
}

static void send(struct sink *sink, struct batch_builder *builder)
{
    while (batch_builder_has_complete(builder)) {
        struct row_batch *batch = NULL;
        assert_int_equal(batch_builder_take(builder, &batch, NULL), OK);
        if (batch == NULL)
            break;
        assert_int_equal(sink_append(sink, &batch, NULL), OK);
    }
}

void letter_lake_make(const struct sink_options *options, bool knows_all)
{
    const struct batch_builder_options builder_options = {
        .schema = row_schema_find(options->schema_version),
        .scheme = options->scheme,
        .dictionaries = true};
    struct batch_builder *builder;
    struct error error;
    struct sink *sink;
    if (sink_open(&sink, options, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(batch_builder_new(&builder, &builder_options, &error), OK);
    batch_builder_begin_range(builder, LETTER_FIRST);
    for (uint32_t ledger = LETTER_FIRST; ledger <= LETTER_LAST; ledger++) {
        for (uint32_t i = 0; i < event_count(ledger); i++)
            add_event(builder, ledger, i, knows_all);
        assert_int_equal(batch_builder_complete_to(builder, ledger, NULL), OK);
        if (ledger % COMMIT_LEDGERS != COMMIT_LEDGERS - 1)
            continue;
        send(sink, builder);
        assert_int_equal(sink_commit(sink, ROTATION_AGE, NULL), OK);
    }
    batch_builder_free(builder);
    sink_close(sink);
}

/* ---- comparing ---- */

/* What a lake says and holds. */
struct contents {
    const char *folder;
    const struct row_schema *schema;
    struct catalog_commit_record commits[LETTER_LEDGERS];
    char chains[LETTER_LEDGERS][40], digests[LETTER_LEDGERS][40];
    size_t commit_count;
    /* By ledger: rows, and the sum of what they hold. */
    uint64_t rows[LETTER_LEDGERS];
    struct event_digest sums[LETTER_LEDGERS];
};

static enum error_code note_commit(void *context, const struct catalog_commit_record *commit,
                                   struct error *error)
{
    struct contents *contents = context;
    (void)error;
    assert_true(contents->commit_count < LETTER_LEDGERS);
    size_t at = contents->commit_count++;
    contents->commits[at] = *commit;
    snprintf(contents->chains[at], sizeof contents->chains[at], "%s", commit->digest_chain);
    snprintf(contents->digests[at], sizeof contents->digests[at], "%s", commit->digest_contents);
    return OK;
}

static enum error_code note_row(void *context, const struct row_view *row, struct error *error)
{
    struct contents *contents = context;
    (void)error;
    assert_in_range(row->ledger_sequence, LETTER_FIRST, LETTER_LAST);
    size_t at = row->ledger_sequence - LETTER_FIRST;
    struct event_digest digest = event_digest_row(contents->schema, row);
    contents->rows[at]++;
    contents->sums[at].low += digest.low;
    contents->sums[at].high += digest.high;
    return OK;
}

static enum error_code note_file(void *context, const struct catalog_file *file, uint64_t commit_no,
                                 struct error *error)
{
    struct contents *contents = context;
    struct lake_data_file data_file;
    struct row_scan scan;
    (void)commit_no;
    assert_int_equal(row_scan_init(&scan, error), OK);
    if (lake_data_file_open(&data_file, contents->folder, file->path, error) != OK)
        fail_msg("%s", error->message);
    enum error_code code = row_scan_file(
        &scan, &data_file.source, (struct ledger_range){0, UINT32_MAX}, note_row, contents, error);
    lake_data_file_release(&data_file);
    row_scan_release(&scan);
    return code;
}

static void read_contents(const char *folder, struct contents *contents)
{
    struct catalog *catalog;
    struct error error;
    *contents = (struct contents){.folder = folder};
    if (lake_open_catalog(&catalog, folder, &error) != OK)
        fail_msg("%s", error.message);
    contents->schema = row_schema_find(catalog_schema_version(catalog));
    assert_int_equal(catalog_each_commit(catalog, 0, note_commit, contents, &error), OK);
    if (catalog_each_file(catalog, note_file, contents, &error) != OK)
        fail_msg("%s", error.message);
    catalog_close(catalog);
}

void letter_lake_compare(const char *folder, const char *expected, bool is_rebuilt)
{
    static struct contents got, wanted;
    read_contents(folder, &got);
    read_contents(expected, &wanted);
    assert_int_equal(got.commit_count, wanted.commit_count);
    for (size_t i = 0; i < got.commit_count; i++) {
        const struct catalog_commit_record *a = &got.commits[i], *b = &wanted.commits[i];
        assert_int_equal(a->range.first, b->range.first);
        assert_int_equal(a->range.last, b->range.last);
        assert_int_equal(a->row_count, b->row_count);
        assert_int_equal(a->dead_letter_count, b->dead_letter_count);
        assert_int_equal(a->unconfirmed_ledgers, b->unconfirmed_ledgers);
        if (!is_rebuilt) {
            assert_int_equal(a->null_decimal_count, b->null_decimal_count);
            assert_int_equal(a->replaced_memo_count, b->replaced_memo_count);
        }
        if (!is_rebuilt || a->digest_ledger != 0) { /* files of 1.0.0 need not tell it */
            assert_int_equal(a->digest_ledger, b->digest_ledger);
            assert_string_equal(got.chains[i], wanted.chains[i]);
            assert_string_equal(got.digests[i], wanted.digests[i]);
        }
        assert_int_equal(a->last_close_us, b->last_close_us);
    }
    assert_memory_equal(got.rows, wanted.rows, sizeof got.rows);
    assert_memory_equal(got.sums, wanted.sums, sizeof got.sums);
}

void letter_lake_verify(const char *folder)
{
    struct verify_options wanted = {.output_path = folder, .deep = true, .threads = 2};
    struct verify_report report;
    struct error error;
    if (verify_lake(&wanted, &report, &error) != OK)
        fail_msg("%s", error.message);
    if (!report.ok)
        fail_msg("%s: %s", findings_problem(&report.findings, 0)->path,
                 findings_problem(&report.findings, 0)->message);
    verify_report_release(&report);
}
