// SPDX-License-Identifier: Apache-2.0
#include "care/backup_files.h"

#include <string.h>

#include "util/text.h"

static void count(struct backup_count *counts, uint64_t bytes)
{
    counts->files++;
    counts->bytes += bytes;
}

/* ---- what is missing there ---- */

static enum error_code look_at_item(struct backup_job *job, struct backup_item *item,
                                    struct error *error)
{
    bool damaged = false;
    const struct backup_ends ends = backup_ends_of(job);
    enum error_code code = backup_look_at(&ends, item, job->options->dry_run, &damaged, error);
    if (code == OK && damaged)
        teller_tell(&job->options->teller,
                    "%s/%s is damaged there: it is copied again, and what lay there is kept "
                    "in " LAKE_DAMAGED,
                    job->copy.root, item->name);
    return code;
}

enum error_code backup_look_at_files(struct backup_job *job, struct error *error)
{
    enum error_code code = OK, first = OK;
    struct backup_report *report = job->report;
    for (size_t i = 0; (code == OK || code == ERR_CORRUPT) && i < backup_item_count(job); i++) {
        struct error failure;
        struct backup_item *item = backup_item_at(job, i);
        code = look_at_item(job, item, &failure);
        if (code == OK && item->state == BACKUP_TO_COPY)
            count(&report->copied, item->size_bytes);
        if (code == OK && item->state != BACKUP_LEFT_OUT)
            count(&report->all, item->size_bytes);
        if (code == OK)
            continue;
        if (first == OK && error != NULL)
            *error = failure;
        else if (first != OK)
            teller_tell(&job->options->teller, "%s", failure.message);
        first = first == OK ? code : first;
    }
    report->snapshot_id = job->plan.snapshot_id;
    report->commit_no = job->plan.commit_no;
    return first;
}

/* ---- bringing it there ---- */

static enum error_code check_room(const struct backup_job *job, struct error *error)
{
    struct os_free_space space;
    char wanted[TEXT_TIME_BYTES], left[TEXT_TIME_BYTES];
    if (job->options->link || job->report->copied.bytes == 0)
        return OK;
    enum error_code code = store_free_space(&job->copy, &space, error);
    if (code != OK || space.bytes > job->report->copied.bytes)
        return code;
    text_size(job->report->copied.bytes, wanted);
    text_size(space.bytes, left);
    return error_set(error, ERR_IO,
                     "the file system of %s has %s left, and %s are to be copied: make room, or "
                     "give another folder",
                     job->copy.root, left, wanted);
}

enum error_code backup_stage_files(struct backup_job *job, struct error *error)
{
    const struct backup_ends ends = backup_ends_of(job);
    if (!store_is_folder(&job->copy))
        return OK;
    enum error_code code = check_room(job, error);
    for (size_t i = 0; code == OK && i < backup_item_count(job); i++) {
        struct backup_item *item = backup_item_at(job, i);
        if (item->state == BACKUP_TO_COPY)
            code = backup_stage(&ends, item, error);
    }
    return code;
}

/* ---- names ---- */

static enum error_code place_item(const struct backup_ends *ends, struct backup_item *item,
                                  struct error *error)
{
    enum error_code code = OK;
    if (item->state == BACKUP_TO_COPY)
        code = backup_stage(ends, item, error);
    return code == OK && item->state == BACKUP_STAGED ? backup_place(ends, item, error) : code;
}

enum error_code backup_place_files(struct backup_job *job, struct error *error)
{
    enum error_code code = OK;
    const struct backup_ends ends = backup_ends_of(job);
    for (size_t i = 0; code == OK && i < backup_item_count(job); i++)
        code = place_item(&ends, backup_item_at(job, i), error);
    return code;
}

/* A backup that died may have given the name: then it is announced at most, and need not be
 * durable. */
static bool is_new_name(const struct backup_job *job, const struct backup_item *item)
{
    const struct backup_item *before = job->destination.kind == DESTINATION_LAKE
                                           ? backup_plan_find(&job->former, item->name)
                                           : NULL;
    return item->state == BACKUP_PLACED ||
           (item->state == BACKUP_IS_THERE && (before == NULL || !before->has_size));
}

static bool is_same_folder(const char *a, const char *b)
{
    const char *end = strrchr(a, '/');
    size_t length = end == NULL ? 0 : (size_t)(end - a) + 1;
    return strncmp(a, b, length) == 0 && strchr(b + length, '/') == NULL;
}

enum error_code backup_sync_names(struct backup_job *job, struct error *error)
{
    enum error_code code = OK;
    const char *synced = NULL;
    for (size_t i = 0; code == OK && i < backup_item_count(job); i++) {
        const struct backup_item *item = backup_item_at(job, i);
        if (!is_new_name(job, item) || (synced != NULL && is_same_folder(synced, item->name)))
            continue;
        code = store_sync_put(&job->copy, &item->name, 1, error);
        synced = item->name;
    }
    return code;
}
