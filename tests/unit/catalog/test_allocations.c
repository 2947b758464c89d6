// SPDX-License-Identifier: Apache-2.0
/* Every allocation of every call on a catalog fails in turn, SQLite's included, some of which it
 * can do without: ERR_NO_MEMORY, nothing changed, and the call works when it is made again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "catalog/place.h"
#include "catalog/catalog.h"
#include "catalog/history.h"
#include "catalog/others.h"
#include "util/json_text.h"
#include "commit/lake_file.h"
#include "support/catalog_fixture.h"
#include "os/file.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "support/temp_store.h"

static char folder[TEMP_PATH_BYTES], made[TEMP_PATH_BYTES], used[TEMP_PATH_BYTES];
static char database_path[TEMP_PATH_BYTES];
static struct error error;

/* Three commits with holes between them, one of them taken out; unconfirmed ledgers, a hole that
 * was given up, a seam finding. */
static int make_model(void **state)
{
    (void)state;
    temp_folder_make(folder);
    json_text_use_our_memory();
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    snprintf(used, sizeof used, "%s", temp_path(folder, "used"));
    snprintf(database_path, sizeof database_path, "%s", temp_path(used, "catalog.sqlite"));
    static const struct ledger_range left_out[] = {{102, 102}, {105, 106}};
    const uint64_t ended[] = {2};
    assert_int_equal(os_make_directories(made, NULL, &error), OK);
    struct catalog *catalog = fixture_create(temp_path(made, "catalog.sqlite"), &fixture_table_1);
    const struct catalog_unchecked_seam unchecked = {.range = {30, 39}, .above = 109};
    const struct catalog_unchecked_seam unlanded = {.range = {70, 79}, .above = 109};
    fixture_add(catalog, 1, 10, 19);
    fixture_add(catalog, 2, 30, 39);
    struct catalog_file file = fixture_file("year=2024/f3.parquet", 100, 109);
    struct catalog_commit commit = fixture_commit(3, 100, 109, &file, 1);
    commit.unconfirmed = left_out;
    commit.unconfirmed_count = 2;
    commit.dead_letters_path = "dead_letters/commit_3.jsonl";
    commit.dead_letters_checksum = 77;
    commit.dead_letter_count = 2;
    assert_int_equal(catalog_add_commit(catalog, &commit, &error), OK);
    assert_int_equal(fixture_take_out(catalog, ended, 1, &error), OK);
    assert_int_equal(
        catalog_record_hole(catalog, (struct ledger_range){50, 52}, "the server's words", &error),
        OK);
    assert_int_equal(catalog_add_seam_finding(catalog, 19, &error), OK);
    assert_int_equal(catalog_add_unchecked_seam(catalog, &unchecked, &error), OK);
    assert_int_equal(catalog_add_unchecked_seam(catalog, &unlanded, &error), OK);
    catalog_close(catalog);
    return 0;
}

static int remove_model(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void take_a_fresh_copy(void)
{
    if (temp_exists(used))
        temp_folder_remove(used);
    temp_copy(made, used);
}

static struct catalog *must_open(enum catalog_mode mode)
{
    struct catalog *catalog;
    if (catalog_open(&catalog, database_path, mode, NULL, &error) != OK)
        fail_msg("%s", error.message);
    return catalog;
}

/* ---- opening ---- */

static void a_catalog_is_opened_or_not(void **state)
{
    (void)state;
    static const enum catalog_mode modes[] = {CATALOG_READ, CATALOG_WRITE};
    for (size_t i = 0; i < 2; i++) {
        struct allocation_sweep sweep = {.step = 7, .may_succeed = true};
        take_a_fresh_copy();
        while (sweep_next(&sweep)) {
            sweep_begin(&sweep);
            struct catalog *catalog;
            (void)sweep_end(&sweep, catalog_open(&catalog, database_path, modes[i], NULL, &error));
            catalog_close(catalog);
        }
        assert_true(sweep.failures > 1);
        catalog_close(must_open(modes[i]));
    }
}

static void a_catalog_is_made_or_can_be_made_again(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 61, .may_succeed = true};
    while (sweep_next(&sweep)) {
        struct catalog_create_options create = {
            .data_path = "/data/", .table = &fixture_table, .created_by = "a test"};
        if (temp_exists(used))
            temp_folder_remove(used);
        assert_int_equal(os_make_directories(used, NULL, &error), OK);
        sweep_begin(&sweep);
        struct catalog *catalog;
        if (!sweep_end(&sweep,
                       catalog_open(&catalog, database_path, CATALOG_CREATE, &create, &error)))
            catalog = fixture_create(database_path, &fixture_table);
        fixture_add(catalog, 1, 10, 19);
        catalog_close(catalog);
    }
    assert_true(sweep.failures > 1);
}

/* ---- reading ---- */

/* What a question said, as text: calls add to it. */
static char answer[4096];

static void add_text(const char *text)
{
    size_t used_bytes = strlen(answer);
    snprintf(answer + used_bytes, sizeof answer - used_bytes, "%s ", text == NULL ? "-" : text);
}

static void add_number(int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    add_text(text);
}

static enum error_code add_ranges(enum error_code code, struct ledger_set *set)
{
    for (size_t i = 0; code == OK && i < set->count; i++) {
        add_number(set->ranges[i].first);
        add_number(set->ranges[i].last);
    }
    ledger_set_release(set);
    return code;
}

static enum error_code see_file(void *context, const struct catalog_file *file, uint64_t commit_no,
                                struct error *problem)
{
    (void)context;
    (void)problem;
    add_text(file->path);
    add_number((int64_t)commit_no);
    add_number((int64_t)(file->checksum >> 1));
    add_number(file->range.last);
    return OK;
}

static enum error_code see_statistic(void *context,
                                     const struct catalog_column_statistics *statistics,
                                     struct error *problem)
{
    (void)context;
    (void)problem;
    add_text(statistics->min_value);
    add_text(statistics->max_value);
    return OK;
}

static enum error_code see_commit(void *context, const struct catalog_commit_record *commit,
                                  struct error *problem)
{
    (void)context;
    (void)problem;
    add_text(commit->reason);
    add_text(commit->ended_reason);
    add_text(commit->dead_letters_path);
    add_number((int64_t)commit->dead_letters_checksum);
    return OK;
}

static enum error_code see_hole(void *context, struct ledger_range range, const char *reason,
                                int64_t recorded_us, struct error *problem)
{
    (void)context;
    (void)recorded_us;
    (void)problem;
    add_number(range.first);
    add_text(reason);
    return OK;
}

static enum error_code see_finding(void *context, const struct catalog_seam_finding *finding,
                                   struct error *problem)
{
    (void)context;
    (void)problem;
    add_number(finding->ledger);
    return OK;
}

static enum error_code see_unchecked(void *context, const struct catalog_unchecked_seam *seam,
                                     struct error *problem)
{
    (void)context;
    (void)problem;
    add_number(seam->range.first);
    return OK;
}

static enum error_code see_close(void *context, const struct catalog_close *close,
                                 struct error *problem)
{
    (void)context;
    (void)problem;
    add_number(close->ledger);
    add_number(close->close_us);
    return OK;
}

typedef enum error_code question(struct catalog *catalog);

static enum error_code ask_commits(struct catalog *catalog)
{
    uint64_t next = 0;
    bool has = false, known = false, taken_out = false;
    enum error_code code = catalog_next_commit_no(catalog, &next, &error);
    if (code == OK)
        code = catalog_has_commit(catalog, 3, &has, &error);
    if (code == OK)
        code = catalog_path_is_known(catalog, "year=2024/f2.parquet", &known, &error);
    if (code == OK)
        code = catalog_path_is_taken_out(catalog, "year=2024/f2.parquet", &taken_out, &error);
    add_number((int64_t)next);
    add_number(has);
    add_number(known);
    add_number(taken_out);
    return code == OK ? catalog_each_commit(catalog, 0, see_commit, NULL, &error) : code;
}

static enum error_code ask_coverage(struct catalog *catalog)
{
    struct ledger_set set = {0};
    enum error_code code = catalog_coverage(catalog, &set, &error);
    return add_ranges(code, &set);
}

static enum error_code ask_uncovered(struct catalog *catalog)
{
    struct ledger_set set = {0};
    enum error_code code = catalog_uncovered(catalog, (struct ledger_range){5, 200}, &set, &error);
    return add_ranges(code, &set);
}

static enum error_code ask_unconfirmed(struct catalog *catalog)
{
    struct ledger_set set = {0};
    enum error_code code = catalog_unconfirmed(catalog, &set, &error);
    return add_ranges(code, &set);
}

static enum error_code ask_neighbours(struct catalog *catalog)
{
    const struct ledger_range within = {50, 60};
    struct catalog_neighbour below = {.closed_ledger = 0}, above = {.closed_ledger = 0};
    enum error_code code = catalog_neighbours(catalog, within, &below, &above, &error);
    add_number(below.digest.ledger);
    add_text(below.digest.schema_version);
    add_number(below.digest.chain[1]);
    add_number(above.closed_ledger);
    add_number(above.close_us);
    return code == OK ? catalog_each_close(catalog, see_close, NULL, &error) : code;
}

static enum error_code ask_totals(struct catalog *catalog)
{
    struct catalog_totals totals = {0};
    enum error_code code = catalog_totals(catalog, &totals, &error);
    add_number((int64_t)totals.rows);
    add_number((int64_t)totals.files);
    add_number(totals.snapshots);
    return code;
}

static enum error_code ask_files(struct catalog *catalog)
{
    enum error_code code = catalog_each_file(catalog, see_file, NULL, &error);
    return code == OK ? catalog_each_statistic(catalog, 0, see_statistic, NULL, &error) : code;
}

static enum error_code ask_history(struct catalog *catalog)
{
    enum error_code code = catalog_begin_read(catalog, &error);
    if (code == OK)
        code = catalog_each_recorded_hole(catalog, see_hole, NULL, &error);
    if (code == OK)
        code = catalog_each_seam_finding(catalog, see_finding, NULL, &error);
    if (code == OK)
        code = catalog_each_unchecked_seam(catalog, see_unchecked, NULL, &error);
    catalog_end_read(catalog);
    return code;
}

static enum error_code see_delete(void *context, const struct catalog_delete *one,
                                  struct error *problem)
{
    (void)context;
    (void)problem;
    add_text(one->path);
    add_number(one->row_count);
    return OK;
}

static enum error_code see_inlined(void *context, const struct catalog_inlined *one,
                                   struct error *problem)
{
    (void)context;
    (void)problem;
    add_number(one->ledger);
    add_number(one->row_count);
    return OK;
}

static enum error_code see_displaced(void *context, const struct catalog_displaced *file,
                                     struct error *problem)
{
    (void)context;
    (void)problem;
    add_text(file->path);
    return OK;
}

static enum error_code see_change(void *context, const struct catalog_change *change,
                                  struct error *problem)
{
    (void)context;
    (void)problem;
    add_text(change->changes);
    return OK;
}

static enum error_code see_named(void *context, const struct catalog_named_file *file,
                                 struct error *problem)
{
    (void)context;
    (void)problem;
    add_text(file->path);
    return OK;
}

static enum error_code see_object(void *context, bool is_view, const char *schema, const char *name,
                                  struct error *problem)
{
    (void)context;
    (void)problem;
    add_number(is_view);
    add_text(schema);
    add_text(name);
    return OK;
}

static enum error_code ask_others(struct catalog *catalog)
{
    enum error_code code = catalog_each_delete(catalog, see_delete, NULL, &error);
    if (code == OK)
        code = catalog_each_inlined(catalog, see_inlined, NULL, &error);
    if (code == OK)
        code = catalog_each_displaced(catalog, see_displaced, NULL, &error);
    if (code == OK)
        code = catalog_each_change(catalog, see_change, NULL, &error);
    if (code == OK)
        code = catalog_each_named_file(catalog, see_named, NULL, &error);
    return code == OK ? catalog_each_other_object(catalog, see_object, NULL, &error) : code;
}

static enum error_code ask_data_path(struct catalog *catalog)
{
    char *path = NULL;
    enum error_code code = catalog_data_path(catalog, &path, &error);
    if (code == OK)
        add_text(path);
    mem_free(path);
    return code;
}

static void every_question_is_answered_in_full_or_not_at_all(void **state)
{
    (void)state;
    static question *const questions[] = {
        ask_commits, ask_coverage, ask_uncovered, ask_unconfirmed, ask_neighbours,
        ask_totals,  ask_files,    ask_history,   ask_data_path,   ask_others};
    take_a_fresh_copy();
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        struct allocation_sweep sweep = {.step = 7, .may_succeed = true};
        char expected[sizeof answer] = "";
        while (sweep_next(&sweep)) {
            struct catalog *catalog = must_open(CATALOG_READ);
            answer[0] = '\0';
            sweep_begin(&sweep);
            enum error_code code = questions[i](catalog);
            if (!sweep_end(&sweep, code)) {
                answer[0] = '\0';
                assert_int_equal(questions[i](catalog), OK);
            }
            if (sweep.number == 0)
                memcpy(expected, answer, sizeof answer);
            assert_string_equal(answer, expected);
            catalog_close(catalog);
        }
        assert_true(strlen(expected) > 3);
        assert_true(sweep.failures > 1);
    }
}

/* ---- writing ---- */

typedef enum error_code change(struct catalog *catalog);

static enum error_code add_commit(struct catalog *catalog)
{
    static const struct ledger_range left_out[] = {{61, 62}};
    struct catalog_file file = fixture_file("year=2024/f4.parquet", 60, 69);
    struct catalog_commit commit = fixture_commit(4, 60, 69, &file, 1);
    commit.unconfirmed = left_out;
    commit.unconfirmed_count = 1;
    return catalog_add_commit(catalog, &commit, &error);
}

static enum error_code take_out(struct catalog *catalog)
{
    const uint64_t numbers[] = {1, 3};
    const struct ledger_range ledgers[] = {{12, 12}};
    struct catalog_removal removal = {.commit_nos = numbers,
                                      .commit_count = 2,
                                      .inlined = ledgers,
                                      .inlined_count = 1,
                                      .reason = "repair: test",
                                      .decided_at = -1};
    int64_t snapshot;
    return catalog_take_out(catalog, &removal, &snapshot, &error);
}

static enum error_code add_hole(struct catalog *catalog)
{
    return catalog_record_hole(catalog, (struct ledger_range){51, 60}, "other words", &error);
}

static enum error_code add_finding(struct catalog *catalog)
{
    return catalog_add_seam_finding(catalog, 109, &error);
}

static enum error_code add_unchecked(struct catalog *catalog)
{
    const struct catalog_unchecked_seam seam = {.range = {100, 109}, .below = 39};
    return catalog_add_unchecked_seam(catalog, &seam, &error);
}

static enum error_code forget_unlanded(struct catalog *catalog)
{
    return catalog_forget_unlanded_seams(catalog, &error);
}

static enum error_code uncover_unconfirmed(struct catalog *catalog)
{
    return catalog_uncover_unconfirmed(catalog, (struct ledger_range){0, UINT32_MAX}, &error);
}

static enum error_code evolve(struct catalog *catalog)
{
    return catalog_evolve(catalog, &fixture_table_2, 4, &error);
}

/* One of them has another text over that table. */
static enum error_code make_views(struct catalog *catalog)
{
    struct catalog_views views;
    return catalog_make_views(catalog, &fixture_table_2, &views, &error);
}

static enum error_code set_data_path(struct catalog *catalog)
{
    struct catalog_place before;
    return catalog_set_place(catalog, "/elsewhere/", "/lake", &before, &error);
}

/* What a change may change. */
static const char *content(void)
{
    return fixture_query(
        database_path,
        "SELECT (SELECT count(*) FROM ducklake_snapshot) || ' ' || (SELECT count(*) FROM "
        "ducklake_data_file) || ' ' || (SELECT count(*) FROM ducklake_column) || ' ' || (SELECT "
        "count(*) FROM ttp_commits WHERE ended_reason IS NULL) || ' ' || (SELECT "
        "group_concat(first_ledger || '-' || last_ledger) FROM ttp_coverage) || ' ' || (SELECT "
        "count(*) FROM ttp_unconfirmed) || ' ' || (SELECT group_concat(first_ledger || '-' || "
        "last_ledger) FROM ttp_holes) || ' ' || (SELECT count(*) FROM ttp_seam_findings) || ' ' "
        "|| (SELECT group_concat(first_ledger) FROM ttp_unchecked_seams) || ' ' "
        "|| (SELECT group_concat(\"value\") FROM ttp_lake) || ' ' || (SELECT "
        "group_concat(\"value\") FROM ducklake_metadata)");
}

static void every_change_is_made_in_full_or_not_at_all(void **state)
{
    (void)state;
    static change *const changes[] = {
        add_commit,          take_out, add_hole,   add_finding,  add_unchecked, forget_unlanded,
        uncover_unconfirmed, evolve,   make_views, set_data_path};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct allocation_sweep sweep = {.step = 11, .may_succeed = true};
        char before[512], after[512] = "";
        while (sweep_next(&sweep)) {
            take_a_fresh_copy();
            snprintf(before, sizeof before, "%s", content());
            struct catalog *catalog = must_open(CATALOG_WRITE);
            sweep_begin(&sweep);
            enum error_code code = changes[i](catalog);
            if (!sweep_end(&sweep, code)) {
                assert_string_equal(content(), before);
                assert_int_equal(changes[i](catalog), OK);
            }
            catalog_close(catalog);
            if (sweep.number == 0)
                snprintf(after, sizeof after, "%s", content());
            assert_string_equal(content(), after);
            assert_string_not_equal(before, after);
        }
        assert_true(sweep.failures > 1);
    }
}

static void what_a_failed_commit_left_is_settled_or_not(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 5, .may_succeed = true};
    while (sweep_next(&sweep)) {
        bool committed = true;
        take_a_fresh_copy();
        struct catalog *catalog = must_open(CATALOG_WRITE);
        sweep_begin(&sweep);
        if (!sweep_end(&sweep, catalog_settle_commit(catalog, 4, &committed, &error)))
            assert_int_equal(catalog_settle_commit(catalog, 4, &committed, &error), OK);
        assert_false(committed);
        assert_int_equal(add_commit(catalog), OK);
        catalog_close(catalog);
    }
    assert_true(sweep.failures > 1);
}

/* ---- lake.json ---- */

static void lake_json_is_read_and_written_whole_or_not_at_all(void **state)
{
    (void)state;
    struct allocation_sweep writing = {0}, reading = {0};
    struct ledger_range pruned[] = {{1, 5}, {8, 9}};
    struct lake_file lake = {.layout_version = CATALOG_LAYOUT_FIRST,
                             .network = "pubnet",
                             .scheme = "date",
                             .pruned = {.ranges = pruned, .count = 2}};
    snprintf(lake.lake_id, sizeof lake.lake_id, "lake-1");
    take_a_fresh_copy();
    assert_int_equal(os_make_directories(temp_path(used, "_lake"), NULL, &error), OK);
    assert_int_equal(lake_file_write(&lake, temp_store(used), &error), OK);
    while (sweep_next(&writing)) {
        struct lake_file seen;
        sweep_begin(&writing);
        (void)sweep_end(&writing, lake_file_write(&lake, temp_store(used), &error));
        assert_int_equal(lake_file_read(&seen, temp_store(used), &error), OK);
        assert_int_equal(seen.pruned.count, 2);
        assert_string_equal(seen.network, "pubnet");
        lake_file_release(&seen);
    }
    while (sweep_next(&reading)) {
        struct lake_file seen;
        sweep_begin(&reading);
        if (sweep_end(&reading, lake_file_read(&seen, temp_store(used), &error)))
            assert_int_equal(seen.pruned.ranges[1].last, 9);
        lake_file_release(&seen);
    }
    assert_true(writing.failures > 20 && reading.failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_catalog_is_opened_or_not),
        cmocka_unit_test(a_catalog_is_made_or_can_be_made_again),
        cmocka_unit_test(every_question_is_answered_in_full_or_not_at_all),
        cmocka_unit_test(every_change_is_made_in_full_or_not_at_all),
        cmocka_unit_test(what_a_failed_commit_left_is_settled_or_not),
        cmocka_unit_test(lake_json_is_read_and_written_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
