// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "catalog/care.h"
#include "catalog/catalog.h"
#include "store/layout.h"
#include "store/store.h"
#include "foreign.h"
#include "lake/verify.h"
#include "parquet/reader.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "util/text.h"
#include "world.h"
#include "catalog/files.h"
#include "support/parquet_bytes.h"

#define FILE_BYTES_MAX (64u << 20)

enum column {
    COLUMN_LEDGER,
    COLUMN_INDEX,
    COLUMN_TIMESTAMP,
    COLUMN_HASH,
    COLUMN_TYPE,
    COLUMN_SOURCE,
    COLUMN_DEST,
    COLUMN_CODE,
    COLUMN_ISSUER,
    COLUMN_AMOUNT,
    COLUMN_MEMO,
    COLUMN_COUNT
};
static const char *const column_names[COLUMN_COUNT] = {
    "ledger_sequence", "event_index",    "timestamp",    "transaction_hash",
    "event_type",      "source_account", "dest_account", "asset_code",
    "asset_issuer",    "amount",         "memo"};

/* A value in the file's bytes or the arena; data NULL: null. */
struct value {
    const uint8_t *data;
    size_t size_bytes;
};

struct check {
    const char *folder;
    const struct chain *chain;
    bool is_any;          /* lake or backup, of whatever time */
    bool has_old_letters; /* what an older program could not store may be a dead letter */
    bool failed;
    uint8_t *seen; /* by ledger - first and index: how often */
    struct arena arena;
};

#define INDEX_MAX 64

static void finding(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
static void finding(struct check *check, const char *format, ...)
{
    va_list arguments;
    if (!check->failed) {
        printf("  found: ");
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
    }
    check->failed = true;
}

/* ---- rows ---- */

static bool read_column(struct check *check, const struct parquet_source *source,
                        const struct parquet_file_metadata *metadata, size_t row_group,
                        const char *name, struct value *values)
{
    struct error error;
    struct parquet_page_values page;
    struct parquet_column_reader *reader;
    enum error_code code = parquet_column_reader_new(&reader, &error);
    int column = parquet_metadata_column(metadata, name);
    if (column < 0)
        code = error_set(&error, ERR_CORRUPT, "there is no %s", name);
    if (code == OK)
        code =
            parquet_column_reader_open(reader, source, metadata, row_group, (size_t)column, &error);
    while (code == OK && (code = parquet_column_reader_next(reader, &page, &error)) == OK) {
        uint32_t at = 0;
        for (uint32_t i = 0; i < page.row_count; i++, values++) {
            *values = (struct value){NULL, 0};
            if (page.validity != NULL && page.validity[i] == 0)
                continue;
            struct bytes_view view = parquet_page_value(&page, at++);
            uint8_t *copy = arena_alloc(&check->arena, view.size_bytes + 1);
            if (view.size_bytes > 0)
                memcpy(copy, view.data, view.size_bytes);
            *values = (struct value){copy, view.size_bytes};
        }
    }
    parquet_column_reader_free(reader);
    if (code != ERR_NOT_FOUND)
        finding(check, "%s: %s", source->name, error.message);
    return code == ERR_NOT_FOUND;
}

static uint64_t number(const struct value *value)
{
    uint64_t result = 0;
    if (value->data != NULL && value->size_bytes <= sizeof result)
        memcpy(&result, value->data, value->size_bytes);
    return result;
}

static bool is_text(const struct value *value, struct bytes_view expected)
{
    if (expected.size_bytes == 0)
        return value->data == NULL;
    return value->data != NULL && value->size_bytes == expected.size_bytes &&
           memcmp(value->data, expected.data, expected.size_bytes) == 0;
}

/* Version 1.0.0, which knows no event_index, has '' for none. */
static bool is_account(const struct value row[COLUMN_COUNT], enum column column,
                       struct bytes_view expected)
{
    const struct value *value = &row[column];
    if (row[COLUMN_INDEX].data == NULL && expected.size_bytes == 0)
        return value->data != NULL && value->size_bytes == 0;
    return is_text(value, expected);
}

static bool memo_is(const struct value *value, const struct event_view *view)
{
    char text[24] = "";
    if (view->memo_kind == MEMO_ID)
        snprintf(text, sizeof text, "%" PRIu64, view->memo_id);
    return is_text(value, view->memo_kind == MEMO_TEXT ? view->memo : bytes_view_text(text));
}

/* The name of the first column that differs; NULL: none does. */
static const char *difference(const struct value row[COLUMN_COUNT], const struct event_view *view)
{
    char hash[65] = "";
    if (row[COLUMN_HASH].data != NULL && row[COLUMN_HASH].size_bytes == 32)
        hex_encode(bytes_view_of(row[COLUMN_HASH].data, 32), hash);
    const char *code = view->asset_kind == ASSET_NATIVE ? "XLM" : "";
    bool same[COLUMN_COUNT] = {
        [COLUMN_LEDGER] = true,
        [COLUMN_INDEX] = true,
        [COLUMN_TIMESTAMP] =
            number(&row[COLUMN_TIMESTAMP]) == (uint64_t)(view->closed_at_seconds * US_PER_SECOND),
        [COLUMN_HASH] = bytes_equal(bytes_view_text(hash), view->tx_hash),
        [COLUMN_TYPE] = is_text(&row[COLUMN_TYPE], bytes_view_text(event_type_name(view->type))),
        [COLUMN_SOURCE] = is_account(row, COLUMN_SOURCE, view->from),
        [COLUMN_DEST] = is_account(row, COLUMN_DEST, view->to),
        [COLUMN_CODE] =
            is_text(&row[COLUMN_CODE],
                    view->asset_kind == ASSET_ISSUED ? view->asset_code : bytes_view_text(code)),
        [COLUMN_ISSUER] = is_text(&row[COLUMN_ISSUER], view->asset_issuer),
        [COLUMN_AMOUNT] = is_text(&row[COLUMN_AMOUNT], view->amount),
        [COLUMN_MEMO] = memo_is(&row[COLUMN_MEMO], view)};
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (!same[i])
            return column_names[i];
    return NULL;
}

/* Of a row that does not say which event it is: one that it can be. */
static uint64_t find_index(const struct check *check, const struct value row[COLUMN_COUNT],
                           uint64_t ledger)
{
    const struct chain *chain = check->chain;
    uint64_t found = INDEX_MAX;
    if (ledger < chain->first || ledger > chain->last)
        return found;
    for (uint32_t i = 0; i < chain_ledger(chain, (uint32_t)ledger)->event_count; i++) {
        struct chain_event event;
        if (!chain_event(chain, (uint32_t)ledger, i, &event) ||
            difference(row, &event.view) != NULL)
            continue;
        found = i;
        if (check->seen[(ledger - chain->first) * INDEX_MAX + i] == 0)
            break;
    }
    return found;
}

static void check_row(struct check *check, const struct value row[COLUMN_COUNT], const char *path)
{
    const struct chain *chain = check->chain;
    uint64_t ledger = number(&row[COLUMN_LEDGER]);
    uint64_t index = row[COLUMN_INDEX].data == NULL ? find_index(check, row, ledger)
                                                    : number(&row[COLUMN_INDEX]);
    struct chain_event event;
    if (ledger < chain->first || ledger > chain->last ||
        index >= chain_ledger(chain, (uint32_t)ledger)->event_count ||
        !chain_event(chain, (uint32_t)ledger, (uint32_t)index, &event)) {
        finding(check, "%s has a row of ledger %" PRIu64 ", event %" PRIu64 ", which there is not",
                path, ledger, index);
        return;
    }
    const char *name = difference(row, &event.view);
    if (name != NULL)
        finding(check, "%s: ledger %" PRIu64 ", event %" PRIu64 ": %s is not the truth", path,
                ledger, index, name);
    if (check->seen[(ledger - chain->first) * INDEX_MAX + index]++ != 0)
        finding(check, "%s: ledger %" PRIu64 ", event %" PRIu64 " is there twice", path, ledger,
                index);
}

static void check_row_group(struct check *check, const struct parquet_source *source,
                            const struct parquet_file_metadata *metadata, size_t row_group)
{
    size_t count = (size_t)metadata->row_groups[row_group].row_count;
    struct value *columns[COLUMN_COUNT];
    bool is_read = true;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        columns[i] = calloc(count + 1, sizeof *columns[i]);
        if (i == COLUMN_INDEX && parquet_metadata_column(metadata, column_names[i]) < 0)
            continue; /* of version 1.0.0 */
        is_read =
            is_read && read_column(check, source, metadata, row_group, column_names[i], columns[i]);
    }
    for (size_t r = 0; is_read && r < count; r++) {
        struct value row[COLUMN_COUNT];
        for (size_t i = 0; i < COLUMN_COUNT; i++)
            row[i] = columns[i][r];
        check_row(check, row, source->name);
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        free(columns[i]);
    arena_reset(&check->arena);
}

static enum error_code check_file(void *context, const struct catalog_file *file,
                                  uint64_t commit_no, struct error *error)
{
    struct check *check = context;
    struct buffer content;
    struct error problem;
    struct store store;
    (void)error;
    if (foreign_owns(file->path))
        return OK;
    buffer_init(&content);
    if (store_at(&store, check->folder, &problem) != OK ||
        store_read_whole(&store, file->path, FILE_BYTES_MAX, &content, &problem) != OK) {
        finding(check, "a file of commit %" PRIu64 ": %s", commit_no, problem.message);
        return OK;
    }
    struct bytes_view bytes = buffer_view(&content);
    struct parquet_source source = parquet_source_of_bytes(&bytes, file->path);
    struct parquet_file_metadata metadata;
    if (parquet_metadata_read(&source, &metadata, &problem) != OK) {
        finding(check, "%s", problem.message);
    } else {
        if (metadata.row_count != file->record_count)
            finding(check, "%s has not the catalog's rows", file->path);
        for (size_t i = 0; i < metadata.row_group_count; i++)
            check_row_group(check, &source, &metadata, i);
        parquet_metadata_release(&metadata);
    }
    buffer_release(&content);
    return OK;
}

/* ---- ledgers ---- */

static void check_ledger(struct check *check, uint32_t ledger, bool is_covered, bool is_unconfirmed,
                         bool is_final, uint64_t *dead_letters)
{
    const struct chain_ledger *truth = chain_ledger(check->chain, ledger);
    if (is_unconfirmed &&
        (!is_covered || (truth->event_count != 0 && (is_final || !truth->skipped))))
        finding(check, "ledger %" PRIu32 " is said to be empty", ledger);
    if (is_covered && truth->event_count == 0 && !is_unconfirmed)
        finding(check, "ledger %" PRIu32 " came empty, but is not unconfirmed", ledger);
    for (uint32_t i = 0; i < truth->event_count; i++) {
        struct chain_event event;
        bool is_wanted = is_covered && !is_unconfirmed;
        bool is_row = chain_event(check->chain, ledger, i, &event);
        bool is_there = check->seen[(size_t)(ledger - check->chain->first) * INDEX_MAX + i] != 0;
        if (!is_there && check->has_old_letters && chain_is_news(&event.view))
            is_row = false;
        *dead_letters += is_wanted && !is_row;
        if (is_there != (is_wanted && is_row))
            finding(check, "ledger %" PRIu32 " (%s): event %" PRIu32 " is %s", ledger,
                    is_covered ? "covered" : "not covered", i, is_there ? "there" : "missing");
    }
}

static void check_ledgers(struct check *check, struct catalog *catalog, bool is_final)
{
    struct ledger_set coverage = {0}, unconfirmed = {0}, pruned = {0};
    struct catalog_totals totals;
    struct error error;
    uint64_t dead_letters = 0;
    const struct chain *chain = check->chain;
    if (catalog_coverage(catalog, &coverage, &error) != OK ||
        catalog_unconfirmed(catalog, &unconfirmed, &error) != OK ||
        catalog_pruned(catalog, &pruned, &error) != OK ||
        catalog_totals(catalog, &totals, &error) != OK) {
        finding(check, "%s", error.message);
        return;
    }
    for (uint32_t ledger = chain->first; ledger <= chain->last; ledger++)
        check_ledger(check, ledger, ledger_set_has(&coverage, ledger),
                     ledger_set_has(&unconfirmed, ledger),
                     is_final && !ledger_set_has(&pruned, ledger), &dead_letters);
    if (totals.dead_letters != dead_letters)
        finding(check, "%" PRIu64 " dead letters in place of %" PRIu64, totals.dead_letters,
                dead_letters);
    if (ledger_set_append_all(&coverage, &pruned, &error) != OK)
        finding(check, "%s", error.message);
    ledger_set_merge(&coverage); /* what is covered or was pruned */
    struct ledger_range span = ledger_set_span(&coverage);
    if (coverage.count != 0 && (span.first < chain->first || span.last > chain->last))
        finding(check, "the coverage says %" PRIu32 "-%" PRIu32 ", the chain %" PRIu32 "-%" PRIu32,
                span.first, span.last, chain->first, chain->last);
    if (is_final && (coverage.count != 1 || span.first != chain->first || span.last != chain->last))
        finding(check, "the coverage is not the chain, in %zu ranges", coverage.count);
    ledger_set_release(&coverage);
    ledger_set_release(&unconfirmed);
    ledger_set_release(&pruned);
}

/* What others did to our rows is a problem, and the only one; what they did beside them is none. */
static void check_problems(struct check *check, const struct verify_report *report)
{
    const struct world_foreign *foreign = &world->foreign;
    size_t others = 0;
    for (size_t i = 0; i < findings_problem_count(&report->findings); i++) {
        const struct problem *problem = findings_problem(&report->findings, i);
        if (problem->kind != PROBLEM_CHANGED_BY_OTHERS)
            finding(check, "verify: %s", problem->message);
        others++;
    }
    if (check->is_any)
        return;
    if (foreign->inserted_files + foreign->deletes == 0 && !report->ok)
        finding(check, "verify says that others changed our rows, and nobody did");
    if (foreign->inserted_files != 0 && others == 0 && !foreign->may_lack_inserted)
        finding(check, "verify does not say that others inserted rows");
}

static void check_verify(struct check *check)
{
    const struct verify_options options = {
        .output_path = check->folder, .deep = true, .threads = 1};
    struct verify_report report;
    struct error error;
    enum error_code code = verify_lake(&options, &report, &error);
    if (code == OK)
        check_problems(check, &report);
    else if (code != ERR_NOT_FOUND || !check->is_any) /* one that is only being made */
        finding(check, "verify: %s", error.message);
    verify_report_release(&report);
}

static void check_rows(struct check *check, bool is_final)
{
    struct error error;
    struct catalog *catalog;
    check->seen = calloc((size_t)CHAIN_LEDGERS_MAX * INDEX_MAX, 1);
    arena_init(&check->arena, 65536);
    enum error_code code = world_open_catalog(&catalog, check->folder, &error);
    if (code != OK && is_final)
        finding(check, "%s", error.message);
    if (code == OK) {
        if (catalog_each_file(catalog, check_file, check, &error) != OK)
            finding(check, "%s", error.message);
        check_ledgers(check, catalog, is_final);
    }
    catalog_close(catalog);
    arena_release(&check->arena);
    free(check->seen);
}

bool check_lake(const char *folder, const struct chain *chain, bool is_final)
{
    if (!is_final && !world_has_catalog(folder))
        return true;
    struct check check = {
        .folder = folder, .chain = chain, .has_old_letters = world->has_old_letters};
    check_rows(&check, is_final);
    const char *foreign = world->is_on_objects ? NULL : foreign_finding(folder);
    if (foreign != NULL)
        finding(&check, "%s", foreign);
    if (is_final)
        check_verify(&check);
    size_t staged = world->is_on_objects ? temp_count(world->staging_path, "", ".inprogress")
                                         : temp_count(folder, LAKE_STAGING, "");
    if (is_final && staged != 0)
        finding(&check, "staging is not empty");
    return !check.failed;
}

bool check_deep(const char *folder, const struct chain *chain)
{
    struct check check = {
        .folder = folder, .chain = chain, .is_any = true, .has_old_letters = true};
    check_rows(&check, false);
    check_verify(&check);
    return !check.failed;
}
