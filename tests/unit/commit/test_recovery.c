// SPDX-License-Identifier: Apache-2.0
/*
 * Publishing with hand-made files: each state of docs/commit-protocol.md, a crash before and after
 * every file operation of a commit and of a recovery, and every operation failing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "util/json_text.h"
#include "store/layout.h"
#include "commit/publication.h"
#include "commit/folder_intents.h"
#include "commit/recovery.h"
#include "support/catalog_fixture.h"
#include "os/file.h"
#include "os/identity.h"
#include "os/thread.h"
#include "support/allocation_sweep.h"
#include "support/fault_calls.h"
#include "support/temp_folder.h"
#include "util/memory.h"
#include "catalog/files.h"

#define FILE_COUNT 2

static char folder[TEMP_PATH_BYTES];
static struct store store; /* of it */
static struct catalog *catalog;

static const char *const final_paths[FILE_COUNT] = {"year=2024/month=01/a.parquet",
                                                    "year=2024/month=02/b.parquet"};
static const char *const staged_names[FILE_COUNT] = {"commit_2_0.parquet.inprogress",
                                                     "commit_2_1.parquet.inprogress"};
static const char *const contents[FILE_COUNT + 1] = {"the rows of a", "the rows of b, a bit longer",
                                                     "{\"dead\":\"letter\"}\n"};
#define DEAD_LETTERS_PATH   "dead_letters/commit_2.jsonl"
#define DEAD_LETTERS_STAGED "commit_2_dead_letters.inprogress"

/* These files say nothing themselves. */
static bool names_data_file(const void *context, const char *path)
{
    (void)context;
    return strstr(path, "elsewhere") == NULL;
}

static enum file_author author_found;

static enum error_code find_author(const void *context, const struct store *of, const char *name,
                                   const struct intent *intent, size_t index,
                                   enum file_author *author, struct error *unused)
{
    (void)context;
    (void)of;
    (void)name;
    (void)intent;
    (void)index;
    (void)unused;
    *author = author_found;
    return OK;
}

static const struct intent_guard guard = {.names_data_file = names_data_file,
                                          .find_author = find_author};

static void close_lake(void)
{
    catalog_close(catalog);
    catalog = NULL;
}

static void open_lake(void)
{
    struct error error;
    close_lake();
    if (catalog_open(&catalog, temp_path(folder, LAKE_CATALOG), CATALOG_WRITE, NULL, &error) != OK)
        fail_msg("%s", error.message);
}

/* A lake with commit 1, ledgers 1 to 9: made once, then copied. */
static char model[TEMP_PATH_BYTES];

static int make_model(void **state)
{
    (void)state;
    temp_folder_make(model);
    assert_int_equal(os_make_directories(temp_path(model, LAKE_STAGING), NULL, NULL), OK);
    catalog = fixture_create(temp_path(model, LAKE_CATALOG), &fixture_table);
    fixture_add(catalog, 1, 1, 9);
    close_lake();
    return 0;
}

static int remove_model(void **state)
{
    (void)state;
    temp_folder_remove(model);
    return 0;
}

static void make_lake(void)
{
    temp_folder_remove(folder);
    temp_copy(model, folder);
    open_lake();
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    assert_int_equal(store_at(&store, folder, NULL), OK);
    author_found = AUTHOR_COMMIT;
    make_lake();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_lake();
    temp_folder_remove(folder);
    return 0;
}

static enum error_code write_staged(const char *name, const char *text)
{
    struct os_file file;
    char path[OS_PATH_BYTES];
    size_t written;
    snprintf(path, sizeof path, "%s", temp_path(folder, LAKE_STAGING));
    enum error_code code = os_file_open(&file, temp_path(path, name), OS_OPEN_READ_WRITE, NULL);
    if (code == OK)
        code = os_file_write(&file, 0, text, strlen(text), &written, NULL);
    if (code == OK)
        code = os_file_sync(&file, NULL);
    os_file_release(&file);
    return code;
}

/* Commit 2, ledgers 10 to 19: two files and dead letters. */
static void describe(struct intent *intent)
{
    static struct catalog_file files[FILE_COUNT];
    intent_init(intent);
    intent->lake_id = "lake-1";
    for (size_t i = 0; i < FILE_COUNT; i++) {
        files[i] = fixture_file(final_paths[i], 10, 19);
        files[i].file_size_bytes = (int64_t)strlen(contents[i]);
        files[i].footer_size_bytes = 5;
        files[i].checksum = XXH64(contents[i], strlen(contents[i]), 0);
        intent->staged[i] = staged_names[i];
    }
    intent->commit = fixture_commit(2, 10, 19, files, FILE_COUNT);
    intent->commit.dead_letters_path = DEAD_LETTERS_PATH;
    intent->commit.dead_letter_count = 1;
    intent->dead_letters_staged = DEAD_LETTERS_STAGED;
    intent->dead_letters_size_bytes = strlen(contents[FILE_COUNT]);
    intent->commit.dead_letters_checksum =
        XXH64(contents[FILE_COUNT], strlen(contents[FILE_COUNT]), 0);
}

static enum error_code stage(void)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < FILE_COUNT; i++)
        code = write_staged(staged_names[i], contents[i]);
    return code == OK ? write_staged(DEAD_LETTERS_STAGED, contents[FILE_COUNT]) : code;
}

/* The commit as far as `until`. */
static enum error_code publish_until(enum publication_state until, struct publication *publication,
                                     const struct intent *intent, struct error *error)
{
    publication_init(publication, &store, catalog, intent, &folder_intents);
    enum error_code code = stage();
    if (code == OK && until >= PUBLICATION_INTENDED)
        code = publish_write_intent(publication, error);
    if (code == OK && until >= PUBLICATION_PLACED)
        code = publish_place_files(publication, error);
    if (code == OK && until >= PUBLICATION_COMMITTED)
        code = publish_to_catalog(publication, error);
    if (code == OK && until >= PUBLICATION_FINISHED)
        code = publish_remove_intent(publication, error);
    return code;
}

static bool has_content(const char *path, const char *text)
{
    struct buffer content;
    buffer_init(&content);
    bool same = os_read_whole(path, 1 << 20, &content, NULL) == OK &&
                content.size_bytes == strlen(text) &&
                memcmp(content.data, text, content.size_bytes) == 0;
    buffer_release(&content);
    return same;
}

/* The lake is whole: commit 2 is in it completely or not at all, and nothing is left over. Returns
 * whether it is in. */
static bool check_lake(void)
{
    bool has;
    struct ledger_set coverage = {0};
    assert_int_equal(catalog_has_commit(catalog, 2, &has, NULL), OK);
    assert_int_equal(catalog_coverage(catalog, &coverage, NULL), OK);
    assert_int_equal(coverage.count, 1);
    assert_int_equal(coverage.ranges[0].first, 1);
    assert_int_equal(coverage.ranges[0].last, has ? 19 : 9);
    ledger_set_release(&coverage);
    for (size_t i = 0; i < FILE_COUNT; i++)
        assert_int_equal(has_content(temp_path(folder, final_paths[i]), contents[i]), has);
    assert_int_equal(
        has_content(temp_path(folder, "_lake/" DEAD_LETTERS_PATH), contents[FILE_COUNT]), has);
    assert_int_equal(temp_count(folder, "", ".parquet"), has ? FILE_COUNT : 0);
    assert_int_equal(temp_count(folder, LAKE_STAGING, ""), 0);
    assert_int_equal(temp_count(folder, LAKE_DAMAGED, ""), 0);
    assert_string_equal(
        fixture_query(temp_path(folder, LAKE_CATALOG), "SELECT count(*) FROM ducklake_data_file"),
        has ? "3" : "1");
    return has;
}

static void recover(enum recovery_outcome expected)
{
    struct recovery_report report;
    struct error error;
    error_clear(&error);
    open_lake();
    if (recovery_run(&store, catalog, &guard, &report, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(report.outcome, expected);
}

static void recovery_leads_from_each_state_to_a_whole_lake(void **state)
{
    (void)state;
    static const struct {
        enum publication_state state;
        enum recovery_outcome outcome;
        bool in;
    } cases[] = {
        {PUBLICATION_STAGED, RECOVERY_NOTHING, false},
        {PUBLICATION_INTENDED, RECOVERY_ROLLED_FORWARD, true},
        {PUBLICATION_PLACED, RECOVERY_ROLLED_FORWARD, true},
        {PUBLICATION_COMMITTED, RECOVERY_FINISHED, true},
        {PUBLICATION_FINISHED, RECOVERY_NOTHING, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct intent intent;
        struct publication publication;
        close_lake();
        make_lake();
        describe(&intent);
        assert_int_equal(publish_until(cases[i].state, &publication, &intent, NULL), OK);
        recover(cases[i].outcome);
        assert_int_equal(check_lake(), cases[i].in);
        recover(RECOVERY_NOTHING);
        assert_int_equal(check_lake(), cases[i].in);
        intent_release(&intent);
    }
}

static void a_commit_with_a_missing_or_damaged_file_is_rolled_back(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        struct intent intent;
        struct publication publication;
        char staging[OS_PATH_BYTES];
        close_lake();
        make_lake();
        describe(&intent);
        assert_int_equal(publish_until(PUBLICATION_INTENDED, &publication, &intent, NULL), OK);
        snprintf(staging, sizeof staging, "%s", temp_path(folder, LAKE_STAGING));
        /* The first file has its final name already, as if the process died in between. */
        assert_int_equal(os_make_directories(temp_path(folder, "year=2024/month=01"), NULL, NULL),
                         OK);
        assert_int_equal(os_rename_no_replace(temp_path(staging, staged_names[0]),
                                              temp_path(folder, final_paths[0]), NULL),
                         OK);
        switch (which) {
        case 0: assert_int_equal(unlink(temp_path(staging, staged_names[1])), 0); break;
        case 1: assert_int_equal(truncate(temp_path(staging, staged_names[1]), 5), 0); break;
        case 2:
            temp_write(temp_path(staging, staged_names[1]), "the rows of B, a bit longer", 27);
            break;
        default: assert_int_equal(unlink(temp_path(staging, DEAD_LETTERS_STAGED)), 0); break;
        }
        recover(RECOVERY_ROLLED_BACK);
        assert_false(check_lake());
        intent_release(&intent);
    }
}

static void a_strangers_file_under_a_final_name_is_left_alone(void **state)
{
    (void)state;
    struct intent intent;
    struct publication publication;
    struct error error;
    describe(&intent);
    assert_int_equal(publish_until(PUBLICATION_INTENDED, &publication, &intent, NULL), OK);
    assert_int_equal(os_make_directories(temp_path(folder, "year=2024/month=02"), NULL, NULL), OK);
    temp_write(temp_path(folder, final_paths[1]), "a stranger's", 12);
    /* In the same process: the rename does not replace it, and withdrawing leaves it. */
    assert_int_equal(publish_place_files(&publication, &error), ERR_CONFLICT);
    assert_int_equal(publish_withdraw(&publication, &error), OK);
    assert_int_equal(publish_remove_intent(&publication, &error), OK);
    assert_true(has_content(temp_path(folder, final_paths[1]), "a stranger's"));
    assert_false(temp_exists(temp_path(folder, final_paths[0])));
    /* At the next start: the same. */
    assert_int_equal(publish_until(PUBLICATION_INTENDED, &publication, &intent, NULL), OK);
    recover(RECOVERY_ROLLED_BACK);
    assert_true(has_content(temp_path(folder, final_paths[1]), "a stranger's"));
    assert_int_equal(temp_count(folder, "", ".parquet"), 1);
    intent_release(&intent);
}

static void our_own_file_that_was_changed_moves_aside(void **state)
{
    (void)state;
    struct intent intent;
    struct publication publication;
    describe(&intent);
    assert_int_equal(publish_until(PUBLICATION_PLACED, &publication, &intent, NULL), OK);
    temp_write(temp_path(folder, final_paths[1]), "damaged", 7);
    recover(RECOVERY_ROLLED_BACK);
    assert_int_equal(temp_count(folder, "", ".parquet"), 0);
    assert_true(has_content(temp_path(folder, LAKE_DAMAGED "/b.parquet.damaged"), "damaged"));
    intent_release(&intent);
}

/* Right sizes and checksums are not enough: a file says itself whose it is. */
static void a_file_that_is_not_of_the_commit_is_never_deleted_or_published(void **state)
{
    (void)state;
    static const enum file_author others[] = {AUTHOR_UNKNOWN, AUTHOR_OTHER};
    for (size_t i = 0; i < 2; i++) {
        struct intent intent;
        struct publication publication;
        close_lake();
        make_lake();
        describe(&intent);
        assert_int_equal(publish_until(PUBLICATION_PLACED, &publication, &intent, NULL), OK);
        author_found = others[i];
        recover(RECOVERY_ROLLED_BACK);
        assert_int_equal(temp_count(folder, "", ".parquet"), FILE_COUNT);
        assert_int_equal(temp_count(folder, LAKE_DAMAGED, ""), 0);
        intent_release(&intent);
    }
}

static void a_changed_file_of_somebody_else_is_left_where_it_is(void **state)
{
    (void)state;
    struct intent intent;
    struct publication publication;
    describe(&intent);
    assert_int_equal(publish_until(PUBLICATION_PLACED, &publication, &intent, NULL), OK);
    temp_write(temp_path(folder, final_paths[1]), "a stranger's", 12);
    author_found = AUTHOR_OTHER;
    recover(RECOVERY_ROLLED_BACK);
    assert_true(has_content(temp_path(folder, final_paths[1]), "a stranger's"));
    assert_int_equal(temp_count(folder, LAKE_DAMAGED, ""), 0);
    intent_release(&intent);
}

static void assert_refused(struct intent *intent, const char *says)
{
    struct publication publication;
    struct recovery_report report;
    struct error error;
    size_t before;
    assert_int_equal(publish_until(PUBLICATION_INTENDED, &publication, intent, NULL), OK);
    before = temp_count(folder, "", "");
    assert_int_equal(recovery_run(&store, catalog, &guard, &report, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, says));
    assert_int_equal(temp_count(folder, "", ""), before);
    intent_release(intent);
}

static void an_intent_with_names_of_others_stops_the_start_and_touches_nothing(void **state)
{
    (void)state;
    struct intent intent;
    describe(&intent);
    ((struct catalog_file *)(uintptr_t)intent.commit.files)[0].path = "elsewhere/a.parquet";
    assert_refused(&intent, "names elsewhere/a.parquet");
    describe(&intent); /* commit 1 has it */
    ((struct catalog_file *)(uintptr_t)intent.commit.files)[1].path = "year=2024/f1.parquet";
    assert_refused(&intent, "year=2024/f1.parquet, a file of another commit");
    describe(&intent);
    fixture_add(catalog, 9, 30, 39);
    assert_refused(&intent, "the commit 2, which the catalog is past");
}

static void nothing_is_undone_behind_a_link(void **state)
{
    (void)state;
    struct intent intent;
    struct publication publication;
    struct recovery_report report;
    struct error error;
    char staging[TEMP_PATH_BYTES];
    describe(&intent);
    assert_int_equal(publish_until(PUBLICATION_PLACED, &publication, &intent, NULL), OK);
    snprintf(staging, sizeof staging, "%s", temp_path(folder, "year=2024"));
    assert_int_equal(rename(staging, temp_path(folder, "kept")), 0);
    assert_int_equal(symlink("kept", staging), 0);
    assert_int_equal(unlink(temp_path(folder, final_paths[1])), 0); /* so that it is undone */
    assert_int_equal(recovery_run(&store, catalog, &guard, &report, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "year=2024 is a link"));
    assert_true(temp_exists(temp_path(folder, "kept/month=01/a.parquet")));
    intent_release(&intent);
}

/* ---- what others do while a commit waits for the catalog ---- */

static void a_placed_file_that_is_gone_when_the_catalog_is_had_withdraws_the_commit(void **state)
{
    (void)state;
    static const char *const paths[] = {"year=2024/month=01/a.parquet",
                                        "year=2024/month=02/b.parquet",
                                        ("_lake/" DEAD_LETTERS_PATH)};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct intent intent;
        struct publication publication;
        struct error error;
        describe(&intent);
        assert_int_equal(publish_until(PUBLICATION_PLACED, &publication, &intent, NULL), OK);
        assert_int_equal(unlink(temp_path(folder, paths[i])), 0);
        assert_int_equal(publish_to_catalog(&publication, &error), ERR_IO);
        assert_non_null(strstr(error.message, paths[i]));
        assert_true(publication.file_lost);
        assert_int_equal(publish_withdraw(&publication, &error), OK);
        assert_int_equal(publish_remove_intent(&publication, &error), OK);
        assert_false(check_lake());
        intent_release(&intent);
    }
}

static void a_placed_file_of_another_size_withdraws_the_commit_and_is_kept(void **state)
{
    (void)state;
    struct intent intent;
    struct publication publication;
    describe(&intent);
    assert_int_equal(publish_until(PUBLICATION_PLACED, &publication, &intent, NULL), OK);
    temp_write(temp_path(folder, final_paths[1]), "a stranger's", 12);
    assert_int_equal(publish_to_catalog(&publication, NULL), ERR_IO);
    assert_int_equal(publish_withdraw(&publication, NULL), OK);
    assert_int_equal(publish_remove_intent(&publication, NULL), OK);
    assert_int_equal(temp_count(folder, "", ".parquet"), 0);
    assert_true(has_content(temp_path(folder, LAKE_DAMAGED "/b.parquet.damaged"), "a stranger's"));
    intent_release(&intent);
}

/* Another program that has the catalog. */
static sqlite3 *hold_catalog(void)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(temp_path(folder, LAKE_CATALOG), &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return database;
}

static void a_commit_that_never_had_the_catalog_is_withdrawn_while_another_has_it(void **state)
{
    (void)state;
    struct intent intent;
    struct publication publication;
    struct error error;
    describe(&intent);
    assert_int_equal(publish_until(PUBLICATION_PLACED, &publication, &intent, NULL), OK);
    sqlite3 *other = hold_catalog();
    assert_int_equal(publish_to_catalog(&publication, &error), ERR_RETRY);
    assert_int_equal(error.system_errno, EBUSY);
    assert_int_equal(publish_withdraw(&publication, &error), OK);
    assert_int_equal(publish_remove_intent(&publication, &error), OK);
    sqlite3_close(other);
    assert_false(check_lake());
    intent_release(&intent);
}

/* A program that holds the catalog, cleans up what it does not name, and lets go of it. */
struct clean_up {
    sqlite3 *database;
    char last[TEMP_PATH_BYTES], victim[TEMP_PATH_BYTES];
};

static void *clean_up(void *context)
{
    struct clean_up *other = context;
    while (!os_path_exists(other->last)) /* all files have their final names then */
        os_sleep_us(1000);
    unlink(other->victim);
    sqlite3_close(other->database);
    return NULL;
}

static void a_recovery_looks_again_when_it_has_the_catalog(void **state)
{
    (void)state;
    struct intent intent;
    struct publication publication;
    struct recovery_report report;
    struct clean_up other;
    struct os_thread thread = {0};
    describe(&intent);
    assert_int_equal(publish_until(PUBLICATION_INTENDED, &publication, &intent, NULL), OK);
    open_lake();
    snprintf(other.last, sizeof other.last, "%s", temp_path(folder, "_lake/" DEAD_LETTERS_PATH));
    snprintf(other.victim, sizeof other.victim, "%s", temp_path(folder, final_paths[0]));
    other.database = hold_catalog();
    assert_int_equal(os_thread_start(&thread, "clean-up", clean_up, &other, NULL), OK);
    enum error_code code;
    do
        code = recovery_run(&store, catalog, &guard, &report, NULL);
    while (code == ERR_RETRY);
    os_thread_join(&thread);
    assert_int_equal(code, OK);
    assert_int_equal(report.outcome, RECOVERY_ROLLED_BACK);
    assert_false(check_lake());
    intent_release(&intent);
}

static void intents_of_other_lakes_and_damaged_ones_stop_the_start(void **state)
{
    (void)state;
    struct intent intent;
    struct publication publication;
    struct recovery_report report;
    struct error error;
    describe(&intent);
    intent.lake_id = "lake-2";
    assert_int_equal(publish_until(PUBLICATION_INTENDED, &publication, &intent, NULL), OK);
    assert_int_equal(recovery_run(&store, catalog, &guard, &report, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "lake-2"));
    temp_write(temp_path(folder, LAKE_INTENT), "{", 1);
    assert_int_equal(recovery_run(&store, catalog, &guard, &report, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "intent.json"));
    assert_int_equal(temp_count(folder, LAKE_STAGING, ""), FILE_COUNT + 2); /* nothing touched */
    intent_release(&intent);
}

/* In a child: the whole commit, dying where the plan says. False if it was not met. */
static bool crash_in_commit(const struct fault_plan *plan)
{
    close_lake();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct intent intent;
        struct publication publication;
        struct error error;
        enum error_code code =
            catalog_open(&catalog, temp_path(folder, LAKE_CATALOG), CATALOG_WRITE, NULL, &error);
        describe(&intent);
        fault_begin(plan);
        if (code == OK)
            code = publish_until(PUBLICATION_FINISHED, &publication, &intent, NULL);
        _exit(code == OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT_CODE);
    return WEXITSTATUS(status) == FAULT_EXIT_CODE;
}

static bool crash_in_recovery(const struct fault_plan *plan)
{
    close_lake();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct recovery_report report;
        struct error error;
        fault_begin(plan);
        enum error_code code =
            catalog_open(&catalog, temp_path(folder, LAKE_CATALOG), CATALOG_WRITE, NULL, &error);
        if (code == OK)
            code = recovery_run(&store, catalog, &guard, &report, NULL);
        _exit(code == OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT_CODE);
    return WEXITSTATUS(status) == FAULT_EXIT_CODE;
}

static enum recovery_outcome recover_whatever_is_there(void)
{
    struct recovery_report report;
    struct error error;
    open_lake();
    if (recovery_run(&store, catalog, &guard, &report, &error) != OK)
        fail_msg("%s", error.message);
    return report.outcome;
}

/* The states of the protocol that a crash can leave, by what recovery does with them. */
static void crash_in_commit_everywhere(enum fault_kind kind, const char *what)
{
    uint64_t found[RECOVERY_ROLLED_BACK + 1] = {0};
    bool was_in = false;
    uint64_t n = 1;
    for (;; n++) {
        struct fault_plan plan = {.kind = kind, .scope = FAULT_ALL, .first = n};
        close_lake();
        make_lake();
        bool crashed = crash_in_commit(&plan);
        found[recover_whatever_is_there()]++;
        bool in = check_lake();
        assert_true(in || !was_in); /* once durable, later crashes don't lose it */
        was_in = in;
        if (!crashed) {
            assert_true(in && n > 20);
            break;
        }
        if (!in) { /* the range can be fetched again, under the same number */
            struct intent intent;
            struct publication publication;
            describe(&intent);
            assert_int_equal(publish_until(PUBLICATION_FINISHED, &publication, &intent, NULL), OK);
            assert_true(check_lake());
            intent_release(&intent);
        }
    }
    fault_tell_sweep(what, n - 1);
    assert_true(found[RECOVERY_NOTHING] > 0);        /* OPEN, STAGED */
    assert_true(found[RECOVERY_ROLLED_FORWARD] > 0); /* INTENDED, PLACED */
    assert_true(found[RECOVERY_FINISHED] > 0);       /* COMMITTED */
}

static void a_crash_at_every_operation_of_a_commit_leaves_a_whole_lake(void **state)
{
    (void)state;
    crash_in_commit_everywhere(FAULT_DIE_BEFORE, "a commit, killed before the operation");
    crash_in_commit_everywhere(FAULT_DIE_AFTER, "a commit, killed after the operation");
}

/* In a child: a commit with all its files in place is withdrawn, dying where the plan says. */
static bool crash_in_withdrawal(const struct fault_plan *plan)
{
    close_lake();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct intent intent;
        struct publication publication;
        open_lake();
        describe(&intent);
        if (publish_until(PUBLICATION_PLACED, &publication, &intent, NULL) != OK)
            _exit(1);
        fault_begin(plan);
        _exit(publish_withdraw(&publication, NULL) == OK &&
                      publish_remove_intent(&publication, NULL) == OK
                  ? 0
                  : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT_CODE);
    return WEXITSTATUS(status) == FAULT_EXIT_CODE;
}

/* What was half undone is undone; what was still whole is rolled forward, as nobody can tell. */
static void a_crash_at_every_operation_of_a_withdrawal_leaves_a_whole_lake(void **state)
{
    (void)state;
    uint64_t found[RECOVERY_ROLLED_BACK + 1] = {0};
    uint64_t swept = 0;
    for (bool crashed = true; crashed; swept += crashed) {
        struct fault_plan plan = {.kind = FAULT_DIE_BEFORE, .scope = FAULT_ALL, .first = swept + 1};
        close_lake();
        make_lake();
        crashed = crash_in_withdrawal(&plan);
        enum recovery_outcome outcome = recover_whatever_is_there();
        found[outcome]++;
        assert_int_equal(check_lake(), outcome == RECOVERY_ROLLED_FORWARD);
    }
    fault_tell_sweep("a withdrawal, killed before the operation", swept);
    assert_true(found[RECOVERY_ROLLED_FORWARD] > 0);
    assert_true(found[RECOVERY_ROLLED_BACK] > 0); /* UNSETTLED, WITHDRAWN */
    assert_int_equal(found[RECOVERY_NOTHING], 1); /* the last, which was not killed */
}

static void a_crash_at_every_operation_of_a_recovery_can_be_recovered_from(void **state)
{
    (void)state;
    uint64_t swept = 0;
    for (uint64_t n = 1;; n += fault_step(2)) {
        struct fault_plan commit_plan = {.kind = FAULT_DIE_BEFORE, .scope = FAULT_ALL, .first = n};
        bool crashed = true, recovery_crashed = true;
        for (uint64_t m = 1 + n % fault_step(11); crashed && recovery_crashed;
             m += fault_step(11)) {
            struct fault_plan plan = {.kind = FAULT_DIE_BEFORE, .scope = FAULT_ALL, .first = m};
            close_lake();
            make_lake();
            crashed = crash_in_commit(&commit_plan);
            recovery_crashed = crash_in_recovery(&plan);
            recover_whatever_is_there();
            check_lake();
            swept += recovery_crashed;
        }
        if (!crashed)
            break;
    }
    fault_tell_sweep("a commit, killed before the operation, and then the recovery, too", swept);
}

/* Any operation fails: the commit is in, or withdrawn; afterwards the same range can be committed.
 */
static void a_failure_at_every_operation_of_a_commit_is_undone_or_in(void **state)
{
    (void)state;
    static const struct {
        enum fault_kind kind;
        int system_errno;
        const char *what;
    } faults[] = {{FAULT_ERRNO, EIO, "a commit, EIO"},
                  {FAULT_ERRNO, ENOSPC, "a commit, ENOSPC"},
                  {FAULT_ERRNO, EINTR, "a commit, EINTR"},
                  {FAULT_SHORT, 0, "a commit, short writes"}};
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
        uint64_t swept = 0;
        for (uint64_t n = 1 + f % fault_step(4);; n += fault_step(4), swept++) {
            struct intent intent;
            struct publication publication;
            struct error error;
            struct fault_plan plan = {.kind = faults[f].kind,
                                      .scope = FAULT_ALL,
                                      .system_errno = faults[f].system_errno,
                                      .first = n};
            close_lake();
            make_lake();
            describe(&intent);
            fault_begin(&plan);
            enum error_code code =
                publish_until(PUBLICATION_FINISHED, &publication, &intent, &error);
            fault_end();
            bool met = fault_was_met();
            if (code != OK && publication.state > PUBLICATION_STAGED) {
                if (publication.state < PUBLICATION_COMMITTED)
                    assert_int_equal(publish_withdraw(&publication, &error), OK);
                assert_int_equal(publish_remove_intent(&publication, &error), OK);
            }
            if (code != OK) {
                recover_whatever_is_there();
                if (!check_lake())
                    assert_int_equal(
                        publish_until(PUBLICATION_FINISHED, &publication, &intent, NULL), OK);
            }
            assert_true(check_lake());
            intent_release(&intent);
            if (!met)
                break;
        }
        fault_tell_sweep(faults[f].what, swept);
    }
}

static void every_failed_allocation_of_a_commit_leaves_it_in_or_out(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 41, .may_succeed = true};
    json_text_use_our_memory();
    close_lake();
    while (sweep_next(&sweep)) {
        struct intent intent;
        struct publication publication;
        struct error error;
        make_lake();
        describe(&intent);
        sweep_begin(&sweep);
        enum error_code code = publish_until(PUBLICATION_FINISHED, &publication, &intent, &error);
        bool done = sweep_end(&sweep, code);
        if (!done && publication.state > PUBLICATION_STAGED && sweep.number % 2 == 0) {
            if (publication.state < PUBLICATION_COMMITTED)
                assert_int_equal(publish_withdraw(&publication, &error), OK);
            assert_int_equal(publish_remove_intent(&publication, &error), OK);
        }
        if (!done) { /* the next start */
            recover_whatever_is_there();
            if (!check_lake())
                assert_int_equal(publish_until(PUBLICATION_FINISHED, &publication, &intent, NULL),
                                 OK);
        }
        assert_true(check_lake());
        intent_release(&intent);
        close_lake();
    }
    assert_true(sweep.failures > 1);
}

static void every_failed_allocation_of_a_recovery_can_be_recovered_from(void **state)
{
    (void)state;
    static const enum publication_state states[] = {PUBLICATION_INTENDED, PUBLICATION_PLACED,
                                                    PUBLICATION_COMMITTED};
    json_text_use_our_memory();
    close_lake();
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct allocation_sweep sweep = {.step = 41, .may_succeed = true};
        while (sweep_next(&sweep)) {
            struct intent intent;
            struct publication publication;
            struct recovery_report report;
            struct error error;
            make_lake();
            describe(&intent);
            assert_int_equal(publish_until(states[i], &publication, &intent, &error), OK);
            intent_release(&intent);
            open_lake();
            sweep_begin(&sweep);
            if (!sweep_end(&sweep, recovery_run(&store, catalog, &guard, &report, &error)))
                recover_whatever_is_there();
            assert_true(check_lake());
            close_lake();
        }
        assert_true(sweep.failures > 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(recovery_leads_from_each_state_to_a_whole_lake),
        TEST(a_commit_with_a_missing_or_damaged_file_is_rolled_back),
        TEST(a_strangers_file_under_a_final_name_is_left_alone),
        TEST(our_own_file_that_was_changed_moves_aside),
        TEST(a_file_that_is_not_of_the_commit_is_never_deleted_or_published),
        TEST(a_changed_file_of_somebody_else_is_left_where_it_is),
        TEST(an_intent_with_names_of_others_stops_the_start_and_touches_nothing),
        TEST(nothing_is_undone_behind_a_link),
        TEST(a_placed_file_that_is_gone_when_the_catalog_is_had_withdraws_the_commit),
        TEST(a_placed_file_of_another_size_withdraws_the_commit_and_is_kept),
        TEST(a_commit_that_never_had_the_catalog_is_withdrawn_while_another_has_it),
        TEST(a_recovery_looks_again_when_it_has_the_catalog),
        TEST(intents_of_other_lakes_and_damaged_ones_stop_the_start),
        TEST(a_crash_at_every_operation_of_a_commit_leaves_a_whole_lake),
        TEST(a_crash_at_every_operation_of_a_withdrawal_leaves_a_whole_lake),
        TEST(a_crash_at_every_operation_of_a_recovery_can_be_recovered_from),
        TEST(a_failure_at_every_operation_of_a_commit_is_undone_or_in),
        TEST(every_failed_allocation_of_a_commit_leaves_it_in_or_out),
        TEST(every_failed_allocation_of_a_recovery_can_be_recovered_from),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
