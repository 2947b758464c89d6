// SPDX-License-Identifier: Apache-2.0
/*
 * How the copy becomes whole, and stays so:
 *
 *   1. The lake's catalog is copied into the destination's staging, of one moment, and lake.json
 *      with it; there it is a SQLite file, whatever it was. From before that until the end the
 *      shared lock keeps deletions off.
 *   2. Each file that this catalog names is looked at, here and there; nothing has been written
 *      yet when one of the lake's turns out to be missing.
 *   3. What is missing is copied into the destination's staging: checked, and synced. A kill leaves
 *      files that the next backup finds there.
 *   4. The staged catalog is changed to what is the copy's own (its path; files that lay elsewhere;
 *      what is left of former backups), and sealed.
 *   5. The names that the files are to have are announced: in the catalog that is there, among
 *      those that may be deleted; of a first backup by the staged catalog itself, and lake.json.
 *   6. The files get their names, never over others, and the names are synced, with their folders.
 *      (On object storage they are staged, by step 3, only now, one after the other: a name is an
 *      upload there.)
 *   7. The catalog gets its name; or, where there is one, which others may be reading, or where it
 *      lies in another database, that one becomes what it is, in one transaction.
 *   8. Only now may anything go that the former catalog needed (care/backup_left.h).
 */
#include "care/backup.h"

#include <string.h>

#include "care/backup_catalog.h"
#include "care/backup_files.h"
#include "care/backup_job.h"
#include "catalog/others.h"
#include "commit/backup_record.h"
#include "commit/data_path.h"
#include "lake/open.h"
#include "os/clock.h"
#include "os/identity.h"
#include "util/memory.h"

/* Somebody deletes files of the lake beside a backup, whatever it holds (DuckDB does). */
#define PLAN_ATTEMPTS 3

/* ---- both ends ---- */

static enum error_code find_lake(struct backup_job *job, struct error *error)
{
    struct catalog *readable = NULL;
    enum error_code code = lake_open_catalog(&readable, job->options->output_path, error);
    catalog_close(readable);
    if (code == OK)
        code = store_at_real(&job->lake, job->options->output_path, error);
    if (code == OK)
        code = os_path_join(job->report->lake_path, "", job->lake.root, error);
    if (code == OK)
        code = lake_file_read(&job->lake_file, &job->lake, error);
    if (code == OK && job->lake_file.creating)
        code = error_set(error, ERR_NOT_FOUND,
                         "the lake in %s is only being made: there is nothing in it yet",
                         job->lake.root);
    memcpy(job->report->lake_id, job->lake_file.lake_id, sizeof job->report->lake_id);
    return code;
}

static enum error_code check_link(const struct backup_job *job, struct error *error)
{
    if (!job->options->link || (store_is_folder(&job->lake) && store_is_folder(&job->copy)))
        return OK;
    return error_set(error, ERR_INVALID,
                     "--link gives files second names on one file system, which object storage "
                     "does not have: leave it out, and they are copied");
}

static enum error_code find_copy(struct backup_job *job, struct error *error)
{
    struct backup_report *report = job->report;
    const struct backup_options *options = job->options;
    enum error_code code =
        destination_find(options->destination, report->lake_path, report->destination, error);
    if (code == OK)
        code = store_at(&job->copy, report->destination, error);
    if (code == OK)
        code = check_link(job, error);
    if (code == OK)
        code = destination_place(&job->destination, report->destination, options->catalog,
                                 options->catalog_schema, error);
    if (code == OK)
        code = data_path_make(report->data_path, report->destination, options->reader_data_path,
                              error);
    if (code == OK)
        code = store_path(&job->copy, BACKUP_STAGED_CATALOG, job->staged_path, error);
    if (code == OK)
        code = destination_reach(&job->copy, error);
    return code == OK ? destination_look(&job->destination, &job->copy, &job->lake_file, error)
                      : code;
}

/* Nobody else writes there from now on. */
static enum error_code enter_copy(struct backup_job *job, struct error *error)
{
    enum error_code code = store_make_folder(&job->copy, error);
    if (code == OK)
        code = ownership_take(&job->ownership, &job->copy, true, error);
    if (code == OK)
        code = destination_look(&job->destination, &job->copy, &job->lake_file, error);
    job->report->is_new = job->destination.kind != DESTINATION_LAKE;
    return code;
}

/* ---- all of one moment ---- */

static enum error_code plan_from(struct backup_job *job, struct catalog *catalog,
                                 struct error *error)
{
    struct backup_report *report = job->report;
    report->all = report->copied = report->left_out = (struct backup_count){0};
    backup_plan_release(&job->plan);
    enum error_code code = backup_plan_read(&job->plan, catalog, job->lake.root, error);
    if (code == OK)
        code = backup_read_former(job, catalog, error);
    if (code == OK)
        code = backup_listing_read(&job->lake_listing, &job->lake, error);
    if (code == OK)
        code = backup_listing_read(&job->copy_listing, &job->copy, error);
    return code == OK ? backup_look_at_files(job, error) : code;
}

static enum error_code find_left(struct backup_job *job, struct error *error)
{
    struct backup_report *report = job->report;
    struct backup_left *left = &job->left;
    enum error_code code = backup_left_find(left, &job->copy, backup_former_of(job), &job->plan,
                                            job->options->mirror, error);
    enum partitioning_scheme scheme;
    if (code == OK && job->destination.kind == DESTINATION_STARTED && !job->has_former &&
        partitioning_scheme_parse(job->lake_file.scheme, &scheme))
        code = backup_left_find_dead(left, &job->copy_listing, scheme, &job->plan, error);
    uint64_t kept = backup_left_count(&left->kept), all = backup_left_count(&left->files);
    report->left = (struct backup_count){kept, left->left_bytes};
    report->removed = (struct backup_count){all - kept, left->removed_bytes};
    return code;
}

/* Until the catalog's turn: nothing that is there changes. */
static enum error_code bring_all(struct backup_job *job, struct error *error)
{
    enum error_code code = backup_stage_catalog(job, error);
    if (code == OK)
        code = plan_from(job, job->staged, error);
    if (code == OK)
        code = backup_stage_files(job, error);
    if (code == OK)
        code = find_left(job, error);
    if (code == OK)
        code = backup_seal_catalog(job, error);
    if (code == OK)
        code = backup_announce(job, error);
    if (code == OK)
        code = backup_place_files(job, error);
    return code == OK ? backup_sync_names(job, error) : code;
}

/* Whether somebody changed the lake since its catalog was copied. */
static bool lake_moved_on(const struct backup_job *job)
{
    int64_t snapshot_id = job->plan.snapshot_id;
    struct catalog *now = NULL;
    if (lake_open_catalog(&now, job->lake.root, NULL) == OK &&
        catalog_newest_snapshot(now, &snapshot_id, NULL) != OK)
        snapshot_id = job->plan.snapshot_id;
    catalog_close(now);
    return snapshot_id != job->plan.snapshot_id;
}

static enum error_code make_whole(struct backup_job *job, struct error *error)
{
    enum error_code code = bring_all(job, error);
    for (unsigned i = 1; code == ERR_CORRUPT && i < PLAN_ATTEMPTS && lake_moved_on(job); i++)
        code = bring_all(job, error);
    if (code == OK)
        code = backup_lock_check(&job->lock, error);
    return code == OK ? backup_name_catalog(job, error) : code;
}

/* ---- after it ---- */

/* A backup stands without its record. */
static void keep_record(const struct backup_job *job)
{
    struct error error;
    const struct backup_report *report = job->report;
    struct backup_record record = {.ended_us = os_realtime_us(),
                                   .snapshot_id = report->snapshot_id,
                                   .commit_no = report->commit_no,
                                   .files = report->all.files,
                                   .bytes = report->all.bytes};
    memcpy(record.destination, report->destination, sizeof record.destination);
    if (backup_record_keep(&record, &job->lake, &error) != OK)
        teller_tell(&job->options->teller,
                    "the backup is whole, but " LAKE_BACKUPS " can't tell of it: %s",
                    error.message);
}

static void tell_left_out(const struct backup_job *job, const struct backup_item *item)
{
    job->report->left_out.files++;
    job->report->left_out.bytes += item->size_bytes;
    teller_tell(
        &job->options->teller,
        "%s is left out: only older snapshots need it, and it is not, or not whole, in the lake",
        item->source);
}

/* As one item for each URL would be too many. */
static void tell_rest(const struct backup_job *job)
{
    size_t remote = LIST_COUNT(&job->plan.remote, const char *);
    for (size_t i = 0; i < backup_item_count(job); i++)
        if (backup_item_at(job, i)->state == BACKUP_LEFT_OUT)
            tell_left_out(job, backup_item_at(job, i));
    if (remote > 0)
        teller_tell(
            &job->options->teller,
            "%zu files that the catalog names by URLs, such as %s, were left where they are",
            remote, *LIST_AT(&job->plan.remote, const char *, 0));
}

static enum error_code clear_up(struct backup_job *job, struct error *error)
{
    enum error_code code = backup_left_finish(&job->left, &job->copy, error);
    if (code == OK && !job->left.is_done)
        code = backup_change_copy(job, &job->left.kept, false, error);
    return code == OK ? backup_clear_staging(&job->copy, error) : code;
}

static enum error_code back_up(struct backup_job *job, struct error *error)
{
    /* Of an object store: where the lock is, on this machine. */
    enum error_code code = store_is_folder(&job->lake) ? OK : store_make_staging(&job->lake, error);
    if (code == OK)
        code = backup_lock_share(&job->lock, &job->lake, job->report->destination, error);
    if (code == OK)
        code = enter_copy(job, error);
    if (code == OK)
        code = make_whole(job, error);
    if (code != OK)
        return code;
    backup_lock_release(&job->lock);
    tell_rest(job);
    keep_record(job);
    return clear_up(job, error);
}

/* By the catalog as it is now; nothing is written. */
static enum error_code look_only(struct backup_job *job, struct error *error)
{
    struct catalog *catalog = NULL;
    enum error_code code = lake_open_catalog(&catalog, job->lake.root, error);
    if (code == OK)
        code = plan_from(job, catalog, error);
    if (code == OK)
        code = find_left(job, error);
    catalog_close(catalog);
    if (code != OK)
        return code;
    tell_rest(job);
    return OK;
}

enum error_code backup_lake(const struct backup_options *options, struct backup_report *report,
                            struct error *error)
{
    int64_t began_us = os_monotonic_us();
    struct backup_job *job = mem_alloc_zero(1, sizeof *job);
    *report = (struct backup_report){0};
    if (job == NULL)
        return error_no_memory(error, "a backup");
    job->options = options;
    job->report = report;
    backup_job_init(job);
    enum error_code code = find_lake(job, error);
    if (code == OK)
        code = find_copy(job, error);
    report->is_new = job->destination.kind != DESTINATION_LAKE;
    if (code == OK)
        code = options->dry_run ? look_only(job, error) : back_up(job, error);
    backup_job_release(job);
    destination_forget();
    mem_free(job);
    report->duration_us = os_monotonic_us() - began_us;
    return code;
}
