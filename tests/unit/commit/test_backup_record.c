// SPDX-License-Identifier: Apache-2.0
/* Which backups a lake remembers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "commit/backup_record.h"
#include "support/temp_folder.h"
#include "support/temp_store.h"

#define ROUNDS 10
#define EACH   (BACKUP_RECORDS_MAX / 2)

static char folder[TEMP_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    return mkdir(temp_path(folder, "_lake"), 0755);
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

struct backups {
    const struct store *store;
    const char *name;
    enum error_code code;
};

static void *end_backups(void *context)
{
    struct backups *backups = context;
    for (int i = 0; i < EACH && backups->code == OK; i++) {
        struct error error;
        struct backup_record record = {.ended_us = 1000 + i, .snapshot_id = i};
        snprintf(record.destination, sizeof record.destination, "/%s/%d", backups->name, i);
        backups->code = backup_record_keep(&record, backups->store, &error);
    }
    return NULL;
}

static void backups_that_end_together_are_all_remembered(void **state)
{
    (void)state;
    static struct backup_records records;
    struct error error;
    const struct store *store = temp_store(folder);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t other;
        struct backups theirs = {store, "theirs", OK}, ours = {store, "ours", OK};
        (void)remove(temp_path(folder, "_lake/backups.json"));
        assert_int_equal(pthread_create(&other, NULL, end_backups, &theirs), 0);
        end_backups(&ours);
        assert_int_equal(pthread_join(other, NULL), 0);
        assert_int_equal(ours.code, OK);
        assert_int_equal(theirs.code, OK);
        assert_int_equal(backup_records_read(&records, store, &error), OK);
        assert_int_equal(records.count, 2 * EACH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        backups_that_end_together_are_all_remembered, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
