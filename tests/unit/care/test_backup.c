// SPDX-License-Identifier: Apache-2.0
/* A backup that is killed, loses power or fails at any operation leaves the destination as it was,
 * or whole and new; run again it finishes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/files.h"
#include "commit/backup_lock.h"
#include "commit/backup_record.h"
#include "commit/lake_file.h"
#include "care/backup.h"
#include "care/repair.h"
#include "lake/verify.h"
#include "os/calls.h"
#include "os/file.h"
#include "os/log.h"
#include "support/allocation_sweep.h"
#include "support/fault_calls.h"
#include "support/power_loss.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"
#include "support/temp_store.h"
#include "util/json_text.h"

/* Two commits of several files, dead letters among them. */
#define FIRST 700
#define EARLY 712
#define LAST  719

static char folder[TEMP_PATH_BYTES], made[TEMP_PATH_BYTES], root[TEMP_PATH_BYTES];
static char lake[TEMP_PATH_BYTES], copy[TEMP_PATH_BYTES];
static struct sink_options options;
static struct error error;
static struct backup_report report;
static struct backup_options wanted;
static char notes[4096];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    json_text_use_our_memory();
    snprintf(made, sizeof made, "%s", temp_path(folder, "made"));
    snprintf(root, sizeof root, "%s", temp_path(folder, "root"));
    snprintf(lake, sizeof lake, "%s", temp_path(root, "lake"));
    snprintf(copy, sizeof copy, "%s", temp_path(root, "copy"));
    assert_int_equal(mkdir(root, 0755), 0);
    options = stream_options(lake);
    options.scheme = PARTITION_DATE_HOUR_TYPE;
    error_clear(&error);
    wanted = (struct backup_options){0};
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    power_loss_tell();
    os_calls_set(NULL);
    temp_folder_remove(folder);
    return 0;
}

static void fill(uint32_t last)
{
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    assert_true(stream_fill(sink, &options, FIRST, last, 1));
    sink_close(sink);
}

static void take_note(void *context, const char *sentence)
{
    (void)context;
    strncat(notes, sentence, sizeof notes - strlen(notes) - 2);
    strcat(notes, "\n");
}

static enum error_code back_up(void)
{
    notes[0] = '\0';
    wanted.output_path = lake;
    wanted.destination = copy;
    if (wanted.reader_data_path == NULL)
        wanted.reader_data_path = "";
    if (wanted.catalog == NULL)
        wanted.catalog = wanted.catalog_schema = "";
    wanted.teller.tell = take_note;
    return backup_lake(&wanted, &report, &error);
}

static void must_back_up(void)
{
    if (back_up() != OK)
        fail_msg("%s", error.message);
}

/* Takes the first ledgers out and fetches them again, so that their files are others. */
static void exchange_files(void)
{
    struct repair_report repaired;
    struct repair_options repair = {.output_path = lake, .ledgers = {FIRST, FIRST}, .threads = 1};
    if (repair_lake(&repair, &repaired, &error) != OK)
        fail_msg("%s", error.message);
    assert_true(repaired.refetch.count > 0);
    repair_report_release(&repaired);
    fill(LAST);
}

/* ---- what the destination is ---- */

/* The number of ledgers that it covers, all of them undamaged; 0: no lake. */
static uint64_t check_copy(void)
{
    struct verify_report verified;
    struct verify_options deep = {.output_path = copy, .deep = true, .threads = 1};
    if (!temp_exists(temp_path(copy, LAKE_CATALOG)))
        return 0;
    if (verify_lake(&deep, &verified, &error) != OK)
        fail_msg("%s", error.message);
    if (!verified.ok)
        fail_msg("%s", findings_problem(&verified.findings, 0)->message);
    uint64_t ledgers = ledger_set_ledgers(&verified.coverage);
    verify_report_release(&verified);
    return ledgers;
}

static void check_that_it_is_new(void)
{
    assert_int_equal(check_copy(), LAST - FIRST + 1);
    assert_int_equal(temp_count(copy, LAKE_STAGING, ""), 0);
    stream_check_covers(copy, FIRST, LAST);
}

/* ---- situations ---- */

static uint64_t ledgers_before; /* what the destination covers, 0: nothing there */

static void keep_as_made(void)
{
    ledgers_before = check_copy();
    temp_copy(root, made);
}

static void make_first(void)
{
    fill(LAST);
    keep_as_made();
}

static void make_more(void)
{
    fill(EARLY);
    must_back_up();
    fill(LAST);
    keep_as_made();
}

static void make_left(void)
{
    fill(LAST);
    must_back_up();
    exchange_files();
    keep_as_made();
}

/* ---- the sweeps ---- */

static bool finish_child(pid_t child, int exit_code, const int ends[2])
{
    char done = 0;
    int status;
    close(ends[1]);
    bool was_done = read(ends[0], &done, 1) == 1;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (!was_done)
        assert_int_equal(WEXITSTATUS(status), exit_code);
    return was_done;
}

static bool lose_power(const struct power_loss_plan *plan)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        power_loss_begin(plan);
        if (back_up() != OK || write(ends[1], "d", 1) != 1)
            _exit(1);
        power_loss_strike();
    }
    return finish_child(child, POWER_LOSS_EXIT_CODE, ends);
}

static bool die(const struct fault_plan *plan)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fault_begin(plan);
        if (back_up() != OK || write(ends[1], "d", 1) != 1)
            _exit(1);
        _exit(0);
    }
    return finish_child(child, FAULT_EXIT_CODE, ends);
}

static void begin_again(void)
{
    temp_folder_remove(root);
    temp_copy(made, root);
}

static void check_and_finish(bool was_done)
{
    uint64_t ledgers = check_copy();
    if (was_done)
        assert_int_equal(ledgers, LAST - FIRST + 1);
    else
        assert_true(ledgers == ledgers_before || ledgers == LAST - FIRST + 1);
    must_back_up();
    check_that_it_is_new();
}

static void lose_power_everywhere(const char *what, enum power_loss_mode mode, uint64_t first,
                                  uint64_t step)
{
    bool done = false;
    uint64_t swept = 0;
    for (uint64_t at = first; !done; at += step, swept++) {
        struct power_loss_plan plan = {.root = root, .at = at, .mode = mode, .seed = at};
        begin_again();
        power_loss_doubt(&plan);
        done = lose_power(&plan);
        check_and_finish(done);
        power_loss_doubt(NULL);
        assert_true(!done || at > 20);
    }
    power_loss_tell_sweep(what, mode, swept);
}

static void lose_power_in_all_ways(const char *what)
{
    lose_power_everywhere(what, POWER_LOSS_FORGETS_ALL, 1, fault_step(23));
    lose_power_everywhere(what, POWER_LOSS_FORGETS_DATA, 2, fault_step(23));
    lose_power_everywhere(what, POWER_LOSS_FORGETS_NAMES, 3, fault_step(23));
    lose_power_everywhere(what, POWER_LOSS_RANDOM, 1, fault_step(37));
}

static void die_everywhere(const char *what, enum fault_kind kind, uint64_t step)
{
    bool done = false;
    uint64_t swept = 0;
    for (uint64_t at = 1; !done; at += fault_step(step), swept++) {
        struct fault_plan plan = {.kind = kind, .scope = FAULT_ALL, .first = at};
        begin_again();
        done = die(&plan);
        check_and_finish(done);
    }
    fault_tell_sweep(what, swept);
}

static void fail_everywhere(const char *what, int system_errno, uint64_t step)
{
    bool met = true;
    uint64_t swept = 0;
    for (uint64_t at = 1; met; at += fault_step(step), swept++) {
        struct fault_plan plan = {
            .kind = FAULT_ERRNO, .scope = FAULT_ALL, .system_errno = system_errno, .first = at};
        begin_again();
        fault_begin(&plan);
        enum error_code code = back_up();
        (void)fault_end();
        met = fault_was_met();
        assert_true(code != ERR_CORRUPT && code != ERR_NOT_FOUND);
        check_and_finish(code == OK);
    }
    fault_tell_sweep(what, swept);
}

static void a_first_backup_that_loses_power_is_no_lake_or_whole(void **state)
{
    (void)state;
    make_first();
    lose_power_in_all_ways("a first backup");
}

static void a_backup_that_loses_power_leaves_the_old_one_or_the_new_one(void **state)
{
    (void)state;
    make_more();
    lose_power_in_all_ways("a second backup");
}

static void a_linked_backup_that_loses_power_leaves_the_old_one_or_the_new_one(void **state)
{
    (void)state;
    wanted = (struct backup_options){.link = true};
    make_more();
    lose_power_everywhere("a linked backup", POWER_LOSS_FORGETS_ALL, 1, fault_step(23));
    lose_power_everywhere("a linked backup", POWER_LOSS_RANDOM, 2, fault_step(37));
}

static void what_left_the_lake_is_removed_or_set_aside_over_power_losses(void **state)
{
    (void)state;
    make_left();
    lose_power_everywhere("a backup after a repair", POWER_LOSS_FORGETS_ALL, 1, fault_step(23));
    wanted = (struct backup_options){.mirror = true};
    lose_power_everywhere("a mirror after a repair", POWER_LOSS_FORGETS_ALL, 2, fault_step(23));
    lose_power_everywhere("a mirror after a repair", POWER_LOSS_RANDOM, 1, fault_step(37));
}

static void a_backup_that_is_killed_anywhere_can_be_gone_on_with(void **state)
{
    (void)state;
    make_first();
    die_everywhere("a first backup, killed before the operation", FAULT_DIE_BEFORE, 23);
    temp_folder_remove(made);
    temp_folder_clear(root);
    make_left();
    die_everywhere("a backup after a repair, killed before the operation", FAULT_DIE_BEFORE, 23);
    die_everywhere("a backup after a repair, killed after the operation", FAULT_DIE_AFTER, 17);
}

/* The lake's files have changed when the backup is gone on with, and it loses power once more. */
static void a_first_backup_that_loses_power_twice_leaves_nothing_unknown(void **state)
{
    (void)state;
    bool done = false;
    uint64_t swept = 0;
    make_first();
    for (uint64_t at = 40; !done; at += fault_step(9), swept++) {
        struct power_loss_plan plan = {
            .root = root, .at = at, .mode = POWER_LOSS_FORGETS_DATA, .seed = at};
        struct power_loss_plan again = {
            .root = root, .at = at / 2, .mode = POWER_LOSS_RANDOM, .seed = at};
        begin_again();
        power_loss_doubt(&plan);
        done = lose_power(&plan);
        exchange_files();
        (void)lose_power(&again);
        must_back_up();
        check_that_it_is_new();
        power_loss_doubt(NULL);
    }
    power_loss_tell_sweep("a first backup, twice", POWER_LOSS_FORGETS_DATA, swept);
}

static void a_disk_that_fails_or_is_full_anywhere_costs_a_second_try(void **state)
{
    (void)state;
    make_first();
    fail_everywhere("a first backup, EIO", EIO, 29);
    fail_everywhere("a first backup, ENOSPC", ENOSPC, 37);
    temp_folder_remove(made);
    temp_folder_clear(root);
    make_left();
    fail_everywhere("a backup after a repair, EIO", EIO, 29);
    fail_everywhere("a backup after a repair, ENOSPC", ENOSPC, 37);
}

static void a_backup_without_memory_can_be_run_again(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 97, .may_succeed = true};
    make_left();
    while (sweep_next(&sweep)) {
        begin_again();
        sweep_begin(&sweep);
        enum error_code code = back_up();
        sweep_end(&sweep, code);
        check_and_finish(code == OK);
    }
}

/* ---- files ---- */

static char found[TEMP_PATH_BYTES];

static enum error_code find_one(void *context, const char *relative_path, uint64_t size_bytes,
                                struct error *problem)
{
    (void)size_bytes;
    (void)problem;
    const char *suffix = context;
    size_t length = strlen(relative_path), end = strlen(suffix);
    if (found[0] == '\0' && length > end && strcmp(relative_path + length - end, suffix) == 0)
        snprintf(found, sizeof found, "%s", relative_path);
    return OK;
}

/* The path, relative to it, of a file of the lake. */
static void find_file(const char *below, const char *suffix)
{
    found[0] = '\0';
    const struct os_walker walker = {.context = (void *)suffix, .visit = find_one};
    assert_int_equal(os_walk(below, &walker, &error), OK);
    assert_true(found[0] != '\0');
}

static enum error_code find_newer(void *context, const char *relative_path, uint64_t size_bytes,
                                  struct error *problem)
{
    char old[TEMP_PATH_BYTES];
    snprintf(old, sizeof old, "%s", temp_path(made, "copy"));
    return temp_exists(temp_path(old, relative_path))
               ? OK
               : find_one(context, relative_path, size_bytes, problem);
}

/* The path of a data file that the copy has only now. */
static void find_new_file(void)
{
    found[0] = '\0';
    const struct os_walker walker = {.context = (void *)".parquet", .visit = find_newer};
    assert_int_equal(os_walk(copy, &walker, &error), OK);
    assert_true(found[0] != '\0');
}

static void spoil(const char *path)
{
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\xff\xfe\xfd", 3, 40), 3);
    close(fd);
}

/* ---- what is copied ---- */

static void only_what_is_not_there_is_copied(void **state)
{
    (void)state;
    make_more();
    must_back_up();
    assert_true(report.copied.files > 0 && report.copied.files < report.all.files);
    assert_false(report.is_new);
    must_back_up();
    assert_int_equal(report.copied.files, 0);
    check_that_it_is_new();
}

static void a_file_that_was_staged_before_a_kill_is_not_copied_again(void **state)
{
    (void)state;
    make_first();
    struct fault_plan plan = {.kind = FAULT_NONE, .scope = FAULT_WRITES};
    fault_begin(&plan);
    must_back_up();
    uint64_t all = fault_end();
    begin_again();
    struct fault_plan death = {.kind = FAULT_DIE_BEFORE, .scope = FAULT_WRITES, .first = all / 2};
    assert_false(die(&death));
    fault_begin(&plan);
    must_back_up();
    assert_true(fault_end() < all);
    check_that_it_is_new();
}

static void a_dry_run_writes_nothing_and_says_what_would_be_done(void **state)
{
    (void)state;
    make_first();
    wanted = (struct backup_options){.dry_run = true};
    must_back_up();
    assert_true(report.copied.files > 0);
    assert_false(temp_exists(copy));
    wanted = (struct backup_options){0};
    must_back_up();
    check_that_it_is_new();
}

/* ---- links ---- */

static void linked_files_are_the_lakes_own(void **state)
{
    (void)state;
    struct stat here, there;
    wanted = (struct backup_options){.link = true};
    make_first();
    must_back_up();
    check_that_it_is_new();
    find_file(lake, ".parquet");
    assert_int_equal(stat(temp_path(lake, found), &here), 0);
    assert_int_equal(stat(temp_path(copy, found), &there), 0);
    assert_true(here.st_ino == there.st_ino);
    find_file(lake, ".jsonl");
    assert_int_equal(stat(temp_path(lake, found), &here), 0);
    assert_int_equal(stat(temp_path(copy, found), &there), 0);
    assert_true(here.st_ino != there.st_ino);
}

static int refuse_link(const char *path, const char *name)
{
    (void)path;
    (void)name;
    errno = EXDEV;
    return -1;
}

static void what_cannot_be_linked_is_refused_with_the_remedy(void **state)
{
    (void)state;
    struct os_calls calls = os_calls_real;
    calls.link = refuse_link;
    make_first();
    os_calls_set(&calls);
    wanted = (struct backup_options){.link = true};
    assert_int_equal(back_up(), ERR_INVALID);
    assert_non_null(
        strstr(error.message, "--link needs the backup on the file system of the lake"));
    wanted = (struct backup_options){0};
    must_back_up(); /* copies, with a file system that has no links */
    check_that_it_is_new();
}

/* ---- what left the lake ---- */

static void what_left_the_lake_is_set_aside_and_a_mirror_removes_it(void **state)
{
    (void)state;
    make_left();
    size_t files = temp_count(copy, "", ".parquet");
    must_back_up();
    assert_true(report.left.files > 0);
    assert_int_equal(report.removed.files, 0);
    assert_true(temp_count(copy, LAKE_REPLACED, "") > 0);
    assert_int_equal(temp_count(copy, "", ".parquet"), files);
    uint64_t left = report.left.files;
    must_back_up();
    assert_int_equal(report.left.files, left); /* it is still known */
    wanted = (struct backup_options){.mirror = true};
    must_back_up();
    assert_int_equal(report.removed.files, left);
    assert_int_equal(temp_count(copy, LAKE_REPLACED, ""), 0);
    check_that_it_is_new();
}

static void a_mirror_leaves_a_strangers_file_alone(void **state)
{
    (void)state;
    make_left();
    temp_write(temp_path(copy, "notes.txt"), "mine", 4);
    wanted = (struct backup_options){.mirror = true};
    must_back_up();
    assert_true(temp_exists(temp_path(copy, "notes.txt")));
}

/* ---- damage ---- */

static void a_damaged_file_is_named_and_the_destination_stays_as_it_was(void **state)
{
    (void)state;
    make_first();
    find_file(lake, ".parquet");
    spoil(temp_path(lake, found));
    assert_int_equal(back_up(), ERR_CORRUPT);
    assert_non_null(strstr(error.message, found));
    assert_non_null(strstr(error.message, "is damaged"));
    assert_int_equal(check_copy(), 0);
}

static void damaged_dead_letters_are_named(void **state)
{
    (void)state;
    make_first();
    find_file(lake, ".jsonl");
    spoil(temp_path(lake, found));
    assert_int_equal(back_up(), ERR_CORRUPT);
    assert_non_null(strstr(error.message, found));
    assert_int_equal(check_copy(), 0);
}

static void a_missing_file_is_named_and_the_destination_stays_as_it_was(void **state)
{
    (void)state;
    make_left();
    find_file(lake, ".parquet");
    assert_int_equal(unlink(temp_path(lake, found)), 0);
    assert_int_equal(back_up(), ERR_CORRUPT);
    assert_non_null(strstr(error.message, found));
    assert_non_null(strstr(error.message, "is missing"));
    assert_int_equal(check_copy(), ledgers_before);
}

static void a_file_that_was_cut_short_there_is_copied_again(void **state)
{
    (void)state;
    fill(LAST);
    must_back_up();
    find_file(copy, ".parquet");
    assert_int_equal(truncate(temp_path(copy, found), 50), 0);
    must_back_up();
    assert_int_equal(report.copied.files, 1);
    assert_non_null(strstr(notes, "is damaged there"));
    assert_int_equal(temp_count(copy, LAKE_DAMAGED, ""), 1);
    check_that_it_is_new();
}

static void another_file_of_the_name_is_left_alone(void **state)
{
    (void)state;
    char name[TEMP_PATH_BYTES];
    make_more();
    must_back_up();
    find_new_file();
    snprintf(name, sizeof name, "%s", found);
    begin_again();
    temp_write(temp_path(copy, name), "mine", 4);
    assert_int_equal(back_up(), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "another file lies at"));
    assert_int_equal(unlink(temp_path(copy, name)), 0);
    assert_int_equal(check_copy(), ledgers_before);
    must_back_up();
    check_that_it_is_new();
}

static void a_folder_with_something_else_in_it_is_refused(void **state)
{
    (void)state;
    fill(LAST);
    assert_int_equal(mkdir(copy, 0755), 0);
    assert_int_equal(mkdir(temp_path(copy, "lost+found"), 0700), 0);
    temp_write(temp_path(copy, "notes.txt"), "mine", 4);
    assert_int_equal(back_up(), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "there is notes.txt"));
    assert_int_equal(unlink(temp_path(copy, "notes.txt")), 0);
    must_back_up();
    assert_int_equal(unlink(temp_path(copy, LAKE_FILE)), 0);
    assert_int_equal(back_up(), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "no " LAKE_FILE));
}

/* ---- what is refused ---- */

static void a_folder_within_the_lake_or_around_it_is_refused(void **state)
{
    (void)state;
    fill(LAST);
    snprintf(copy, sizeof copy, "%s", temp_path(lake, "copy"));
    assert_int_equal(back_up(), ERR_INVALID);
    snprintf(copy, sizeof copy, "%s", root);
    assert_int_equal(back_up(), ERR_INVALID);
    snprintf(copy, sizeof copy, "%s", lake);
    assert_int_equal(back_up(), ERR_INVALID);
    snprintf(copy, sizeof copy, "s3://bucket/copy");
    assert_int_equal(back_up(), ERR_INVALID);
    assert_non_null(strstr(error.message, "an object store can't hold the copy's catalog"));
}

static void a_backup_that_a_run_holds_is_refused(void **state)
{
    (void)state;
    struct sink *sink;
    fill(LAST);
    must_back_up();
    struct sink_options there = options;
    there.output_path = copy;
    assert_int_equal(sink_open(&sink, &there, &error), OK);
    assert_int_equal(back_up(), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "is locked by"));
    sink_close(sink);
    must_back_up();
}

static void a_run_goes_on_in_it_and_then_it_is_no_backup_any_more(void **state)
{
    (void)state;
    struct sink *sink;
    fill(EARLY);
    must_back_up();
    struct sink_options there = options;
    there.output_path = copy;
    assert_int_equal(sink_open(&sink, &there, &error), OK);
    assert_true(stream_fill(sink, &there, FIRST, LAST, 1));
    sink_close(sink);
    check_that_it_is_new();
    assert_int_equal(back_up(), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "that the lake has not"));
    check_that_it_is_new();
}

static void the_backup_of_another_lake_is_refused(void **state)
{
    (void)state;
    fill(LAST);
    must_back_up();
    temp_folder_remove(lake);
    fill(LAST);
    assert_int_equal(back_up(), ERR_CONFLICT);
    assert_non_null(strstr(error.message, "holds another lake"));
}

/* ---- beside others ---- */

/* The lake's files change when the first of them is being copied. */
static bool has_changed;

static int change_then_open(const char *path, int flags, mode_t mode)
{
    if (!has_changed && strstr(path, "backup.inprogress") != NULL) {
        has_changed = true;
        exchange_files();
    }
    return os_calls_real.open(path, flags, mode);
}

static void files_that_leave_beside_it_let_it_begin_anew(void **state)
{
    (void)state;
    struct os_calls calls = os_calls_real;
    calls.open = change_then_open;
    has_changed = false;
    fill(LAST);
    os_calls_set(&calls);
    must_back_up();
    os_calls_set(NULL);
    assert_true(has_changed);
    check_that_it_is_new();
}

static void the_folder_above_it_must_be_there(void **state)
{
    (void)state;
    fill(LAST);
    snprintf(copy, sizeof copy, "%s", temp_path(root, "not mounted/copy"));
    assert_int_equal(back_up(), ERR_INVALID);
    assert_non_null(strstr(error.message, "is its volume mounted?"));
    assert_false(temp_exists(temp_path(root, "not mounted")));
}

static void a_deletion_is_put_off_until_the_files_are_there(void **state)
{
    (void)state;
    struct backup_lock lock;
    fill(LAST);
    assert_int_equal(backup_lock_share(&lock, temp_store(lake), "/elsewhere", &error), OK);
    must_back_up(); /* beside another one */
    backup_lock_release(&lock);
    assert_int_equal(backup_lock_delete(&lock, temp_store(lake), &error), OK);
    backup_lock_release(&lock);
}

static void the_lake_remembers_its_backups(void **state)
{
    (void)state;
    static struct backup_records records;
    fill(EARLY);
    must_back_up();
    snprintf(copy, sizeof copy, "%s", temp_path(root, "second"));
    must_back_up();
    fill(LAST);
    must_back_up();
    assert_int_equal(backup_records_read(&records, temp_store(lake), &error), OK);
    assert_int_equal(records.count, 2);
    assert_string_equal(records.items[0].destination, copy);
    assert_true(records.items[0].ended_us >= records.items[1].ended_us);
    assert_int_equal(records.items[0].snapshot_id, report.snapshot_id);
    assert_int_equal(records.items[0].commit_no, report.commit_no);
    temp_write(temp_path(lake, LAKE_BACKUPS), "?", 1);
    assert_int_equal(backup_records_read(&records, temp_store(lake), &error), OK);
    assert_int_equal(records.count, 0);
    must_back_up();
    assert_int_equal(backup_records_read(&records, temp_store(lake), &error), OK);
    assert_int_equal(records.count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_what_is_not_there_is_copied),
        TEST(a_file_that_was_staged_before_a_kill_is_not_copied_again),
        TEST(a_dry_run_writes_nothing_and_says_what_would_be_done),
        TEST(linked_files_are_the_lakes_own),
        TEST(what_cannot_be_linked_is_refused_with_the_remedy),
        TEST(what_left_the_lake_is_set_aside_and_a_mirror_removes_it),
        TEST(a_mirror_leaves_a_strangers_file_alone),
        TEST(a_damaged_file_is_named_and_the_destination_stays_as_it_was),
        TEST(damaged_dead_letters_are_named),
        TEST(a_missing_file_is_named_and_the_destination_stays_as_it_was),
        TEST(a_file_that_was_cut_short_there_is_copied_again),
        TEST(another_file_of_the_name_is_left_alone),
        TEST(a_folder_with_something_else_in_it_is_refused),
        TEST(a_folder_within_the_lake_or_around_it_is_refused),
        TEST(a_backup_that_a_run_holds_is_refused),
        TEST(a_run_goes_on_in_it_and_then_it_is_no_backup_any_more),
        TEST(the_backup_of_another_lake_is_refused),
        TEST(files_that_leave_beside_it_let_it_begin_anew),
        TEST(the_folder_above_it_must_be_there),
        TEST(a_deletion_is_put_off_until_the_files_are_there),
        TEST(the_lake_remembers_its_backups),
        TEST(a_first_backup_that_loses_power_is_no_lake_or_whole),
        TEST(a_backup_that_loses_power_leaves_the_old_one_or_the_new_one),
        TEST(a_linked_backup_that_loses_power_leaves_the_old_one_or_the_new_one),
        TEST(what_left_the_lake_is_removed_or_set_aside_over_power_losses),
        TEST(a_backup_that_is_killed_anywhere_can_be_gone_on_with),
        TEST(a_first_backup_that_loses_power_twice_leaves_nothing_unknown),
        TEST(a_disk_that_fails_or_is_full_anywhere_costs_a_second_try),
        TEST(a_backup_without_memory_can_be_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
