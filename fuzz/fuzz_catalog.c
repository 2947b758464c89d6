// SPDX-License-Identifier: Apache-2.0
// rooms: app
// options: -max_len=200
// parsers: catalog/queries.c catalog/history.c catalog/column_value.c lake/open.c lake/inventory.c
// parsers: lake/listing.c lake/verify.c
/*
 * A lake whose catalog.sqlite was damaged, and all that reads or changes a catalog. The first byte
 * chooses what is done, then come damages: bytes of the file that are written over, or values, rows
 * and tables that SQL changes (SQLite then finds nothing wrong with the file). Everything must say
 * what is wrong, or come through.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/program.h"
#include "catalog/history.h"
#include "catalog/others.h"
#include "catalog/place.h"
#include "store/layout.h"
#include "lake/dead_letter_list.h"
#include "lake/listing.h"
#include "lake/open.h"
#include "care/repair.h"
#include "lake/verify.h"
#include "os/file.h"
#include "support/catalog_damage.h"
#include "support/input.h"
#include "support/memory_vfs.h"
#include "support/small_lake.h"
#include "support/sqlite_arena.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "catalog/files.h"

enum action { DO_QUERY, DO_LIST, DO_VERIFY, DO_VERIFY_DEEP, DO_REPAIR, DO_CHANGE, DO_COMMAND };

/* By the lower half of the first byte; what takes long comes less often. The upper half chooses
 * among commands and filters. */
static const enum action actions[] = {
    DO_QUERY,  DO_QUERY,  DO_QUERY,  DO_QUERY,  DO_QUERY,  DO_LIST,        DO_LIST,   DO_LIST,
    DO_CHANGE, DO_CHANGE, DO_CHANGE, DO_VERIFY, DO_VERIFY, DO_VERIFY_DEEP, DO_REPAIR, DO_COMMAND};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[TEMP_PATH_BYTES]; /* of the lake */
static char catalog_path[TEMP_PATH_BYTES];
static struct buffer pristine; /* the catalog's bytes */

static void remove_folder(void)
{
    temp_folder_remove(folder);
}

static void prepare(void)
{
    sqlite_arena_install();
    memory_vfs_register();
    temp_folder_make(folder);
    atexit(remove_folder);
    small_lake_make(folder);
    snprintf(catalog_path, sizeof catalog_path, "%.4000s/%s", folder, LAKE_CATALOG);
    catalog_damage_prepare(catalog_path, false);
    enum error_code code = os_read_whole(catalog_path, SIZE_MAX / 2, &pristine, NULL);
    assert(code == OK);
    memory_vfs_switch(true); /* the file on the disk stays: it says that there is one */
}

/* What the input says it has become. */
static void make_damaged(struct fuzz_input *input)
{
    static struct buffer bytes;
    buffer_reset(&bytes);
    enum error_code code = buffer_append(&bytes, pristine.data, pristine.size_bytes);
    assert(code == OK);
    catalog_damage(input, catalog_path, &bytes);
    memory_vfs_set(catalog_path, buffer_view(&bytes));
}

/* ---- what reads it ---- */

static void touch_text(const char *text)
{
    if (text != NULL)
        fuzz_touch(bytes_view_text(text));
}

static enum error_code visit_commit(void *context, const struct catalog_commit_record *commit,
                                    struct error *error)
{
    (void)context;
    (void)error;
    touch_text(commit->reason);
    touch_text(commit->schema_version);
    touch_text(commit->digest_chain);
    touch_text(commit->digest_contents);
    touch_text(commit->ended_reason);
    touch_text(commit->dead_letters_path);
    return OK;
}

static enum error_code visit_hole(void *context, struct ledger_range range, const char *reason,
                                  int64_t recorded_us, struct error *error)
{
    (void)context;
    (void)recorded_us;
    (void)error;
    assert(range.first <= range.last);
    touch_text(reason);
    return OK;
}

static enum error_code visit_unchecked(void *context, const struct catalog_unchecked_seam *seam,
                                       struct error *error)
{
    (void)context;
    (void)error;
    return seam->recorded_us == 1 ? ERR_AGAIN : OK;
}

static enum error_code visit_close(void *context, const struct catalog_close *close,
                                   struct error *error)
{
    (void)context;
    (void)error;
    return close->close_us == 1 ? ERR_AGAIN : OK;
}

static enum error_code visit_seam(void *context, const struct catalog_seam_finding *finding,
                                  struct error *error)
{
    (void)context;
    (void)finding;
    (void)error;
    return OK;
}

static enum error_code visit_listed(void *context, const struct listed_file *file,
                                    struct error *error)
{
    (void)context;
    (void)error;
    touch_text(file->path);
    return OK;
}

static enum error_code visit_letter(void *context, uint64_t commit_no,
                                    const struct stored_letter *letter, struct error *error)
{
    (void)context;
    (void)commit_no;
    (void)error;
    touch_text(letter->reason);
    fuzz_touch(letter->raw);
    return OK;
}

/* Ranges come ascending, apart from each other, and not backwards. */
static void check_ranges(const struct ledger_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        assert(set->ranges[i].first <= set->ranges[i].last);
        assert(i == 0 || set->ranges[i].first > set->ranges[i - 1].last);
    }
}

static enum error_code visit_delete(void *context, const struct catalog_delete *one,
                                    struct error *error)
{
    (void)context;
    (void)error;
    assert(one->row_count >= 0 && one->file_size_bytes >= 0);
    if (one->path != NULL)
        touch_text(one->path);
    return OK;
}

static enum error_code visit_inlined(void *context, const struct catalog_inlined *one,
                                     struct error *error)
{
    (void)context;
    (void)error;
    assert(one->has_ledger || one->ledger == 0);
    return OK;
}

static enum error_code visit_displaced(void *context, const struct catalog_displaced *file,
                                       struct error *error)
{
    (void)context;
    (void)error;
    touch_text(file->path);
    assert(file->range.first <= file->range.last && file->record_count >= 0);
    return OK;
}

static enum error_code visit_change(void *context, const struct catalog_change *change,
                                    struct error *error)
{
    (void)context;
    (void)error;
    touch_text(change->time);
    touch_text(change->changes);
    return OK;
}

static enum error_code visit_named(void *context, const struct catalog_named_file *file,
                                   struct error *error)
{
    (void)context;
    (void)error;
    touch_text(file->path);
    return OK;
}

static enum error_code visit_object(void *context, bool is_view, const char *schema,
                                    const char *name, struct error *error)
{
    (void)context;
    (void)is_view;
    (void)error;
    touch_text(schema);
    touch_text(name);
    return OK;
}

static void query_others(struct catalog *catalog, struct error *error)
{
    struct catalog_visible visible;
    if (catalog_visible_rows(catalog, &visible, error) == OK)
        assert(visible.deleted_rows <= visible.file_rows);
    (void)!catalog_each_delete(catalog, visit_delete, NULL, error);
    (void)!catalog_each_inlined(catalog, visit_inlined, NULL, error);
    (void)!catalog_each_displaced(catalog, visit_displaced, NULL, error);
    (void)!catalog_each_change(catalog, visit_change, NULL, error);
    (void)!catalog_each_named_file(catalog, visit_named, NULL, error);
    (void)!catalog_each_other_object(catalog, visit_object, NULL, error);
}

static void query(struct catalog *catalog, struct error *error)
{
    struct catalog_totals totals;
    struct catalog_neighbour below, above;
    struct ledger_set set = {0};
    char *data_path = NULL;
    bool answer;
    uint64_t next;
    touch_text(catalog_lake_id(catalog));
    touch_text(catalog_schema_version(catalog));
    if (catalog_coverage(catalog, &set, error) == OK)
        check_ranges(&set);
    if (catalog_unconfirmed(catalog, &set, error) == OK)
        check_ranges(&set);
    if (catalog_uncovered(catalog, (struct ledger_range){1, 0}, &set, error) == OK)
        check_ranges(&set);
    ledger_set_release(&set);
    (void)!catalog_totals(catalog, &totals, error);
    (void)!catalog_each_commit(catalog, 0, visit_commit, NULL, error);
    (void)!catalog_each_commit(catalog, 2, visit_commit, NULL, error);
    query_others(catalog, error);
    (void)!catalog_each_recorded_hole(catalog, visit_hole, NULL, error);
    (void)!catalog_each_seam_finding(catalog, visit_seam, NULL, error);
    (void)!catalog_each_unchecked_seam(catalog, visit_unchecked, NULL, error);
    (void)!catalog_each_close(catalog, visit_close, NULL, error);
    (void)!catalog_neighbours(catalog, (struct ledger_range){16, 20}, &below, &above, error);
    (void)!catalog_has_commit(catalog, 1, &answer, error);
    (void)!catalog_next_commit_no(catalog, &next, error);
    (void)!catalog_path_is_known(catalog, "a.parquet", &answer, error);
    (void)!catalog_path_is_taken_out(catalog, "a.parquet", &answer, error);
    if (catalog_data_path(catalog, &data_path, error) == OK)
        touch_text(data_path);
    mem_free(data_path);
}

static void list(struct catalog *catalog, uint8_t variant, struct error *error)
{
    struct listing_filter filter = {
        .since = {.kind = variant % 3, .ledger = 13, .time_us = INT64_C(1705323600000000)}};
    filter.until = filter.since;
    struct listing_totals totals;
    (void)!listing_each_file(catalog, folder, &filter, visit_listed, NULL, &totals, error);
    (void)!dead_letters_each(catalog, folder, (struct ledger_range){0, UINT32_MAX}, visit_letter,
                             NULL, error);
}

static void verify(bool deep, struct error *error)
{
    struct verify_options options = {.output_path = folder, .deep = deep, .threads = 1};
    struct verify_report report;
    enum error_code code = verify_lake(&options, &report, error);
    assert(code != OK || report.ok == (findings_problem_count(&report.findings) == 0));
    verify_report_release(&report);
}

static void repair(struct error *error)
{
    struct repair_options options = {.output_path = folder, .dry_run = true, .threads = 1};
    struct repair_report report;
    (void)!repair_lake(&options, &report, error);
    repair_report_release(&report);
}

/* The whole command with its output. */
static void run_command(uint8_t variant)
{
    static const char *const commands[][2] = {
        {"status", "--json=false"}, {"status", "--json"},   {"verify", "--json"},
        {"verify", "--deep"},       {"files", "--json"},    {"dead-letters", "--json"},
        {"rebuild", "--dry-run"},   {"repair", "--dry-run"}};
    size_t chosen = variant % (sizeof commands / sizeof commands[0]);
    const char *arguments[] = {"parquet-consumer", commands[chosen][0], "--output-path", folder,
                               commands[chosen][1]};
    enum exit_code code = program_run(chosen == 0 ? 4 : 5, arguments);
    assert(code >= EXIT_DONE && code <= EXIT_PROBLEMS);
    fflush(stdout);
}

/* ---- what writes into it ---- */

static void add_commit(struct catalog *catalog, struct error *error)
{
    struct catalog_column_statistics statistics[] = {
        {.column_id = 2, .value_count = 1, .min_value = "50", .max_value = "50"},
        {.column_id = 9, .value_count = 1, .min_value = "a", .max_value = "b"}};
    struct catalog_file file = {.path = "a.parquet",
                                .record_count = 1,
                                .file_size_bytes = 1,
                                .footer_size_bytes = 1,
                                .range = {50, 50},
                                .partition_values = {"2024", "1", "15", "12"},
                                .statistics_count = 2,
                                .statistics = statistics};
    struct catalog_commit commit = {.range = {50, 50},
                                    .schema_version = "1.1.0",
                                    .reason = "end_of_range",
                                    .file_count = 1,
                                    .files = &file,
                                    .row_count = 1};
    bool committed;
    if (catalog_next_commit_no(catalog, &commit.commit_no, error) != OK)
        return;
    if (catalog_add_commit(catalog, &commit, error) != OK)
        (void)!catalog_settle_commit(catalog, commit.commit_no, &committed, error);
}

static void change(struct catalog *catalog, struct error *error)
{
    static const uint64_t taken_out[] = {1};
    add_commit(catalog, error);
    static const struct ledger_range all[] = {{0, UINT32_MAX}};
    static const int64_t data_files[] = {2};
    const struct catalog_removal removal = {.commit_nos = taken_out,
                                            .commit_count = 1,
                                            .data_file_ids = data_files,
                                            .data_file_count = 1,
                                            .inlined = all,
                                            .inlined_count = 1,
                                            .reason = "repair: damaged",
                                            .decided_at = -1};
    int64_t snapshot;
    (void)!catalog_take_out(catalog, &removal, &snapshot, error);
    (void)!catalog_uncover_unconfirmed(catalog, (struct ledger_range){0, UINT32_MAX}, error);
    (void)!catalog_record_hole(catalog, (struct ledger_range){21, 22}, "no", error);
    (void)!catalog_add_seam_finding(catalog, 13, error);
    struct catalog_place before;
    (void)!catalog_set_place(catalog, "/elsewhere/", "/lake", &before, error);
}

static void use_catalog(enum action chosen, uint8_t variant, struct error *error)
{
    struct catalog *catalog;
    enum error_code code = chosen == DO_CHANGE
                               ? catalog_open(&catalog, catalog_path, CATALOG_WRITE, NULL, error)
                               : lake_open_catalog(&catalog, folder, error);
    if (code != OK) {
        assert(error->message[0] != '\0');
        return;
    }
    if (chosen == DO_QUERY)
        query(catalog, error);
    else if (chosen == DO_LIST)
        list(catalog, variant, error);
    else
        change(catalog, error);
    catalog_close(catalog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct error error;
    if (pristine.size_bytes == 0)
        prepare();
    error_clear(&error);
    uint8_t first = fuzz_input_u8(&input);
    uint8_t variant = first / 16;
    enum action chosen = actions[first % (sizeof actions / sizeof actions[0])];
    make_damaged(&input);
    switch (chosen) {
    case DO_COMMAND: run_command(variant); break;
    case DO_VERIFY: verify(false, &error); break;
    case DO_VERIFY_DEEP: verify(true, &error); break;
    case DO_REPAIR: repair(&error); break;
    default: use_catalog(chosen, variant, &error);
    }
    sqlite_arena_reset();
    return 0;
}
