// SPDX-License-Identifier: Apache-2.0
#include "care/backup_catalog.h"

#include <errno.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/copy.h"
#include "catalog/files.h"
#include "catalog/others.h"
#include "catalog/place.h"
#include "catalog/uploads.h"
#include "commit/lake_catalog.h"
#include "os/clock.h"
#include "os/identity.h"

#define STAGED_CATALOG BACKUP_STAGED_CATALOG
/* Of a first backup, while its files get their names: it knows them all. */
#define ANNOUNCED_CATALOG LAKE_STAGING "/backup_announced.sqlite"
#define ANNOUNCED_NEW     LAKE_STAGING "/backup_announced-new.sqlite"
/* lake.json has changed each time that the catalog was copied: nobody prunes so often. */
#define PAIR_ATTEMPTS    10
#define LAKE_FILE_BYTES  ((size_t)1 << 20)
#define BUSY_PATIENCE_US INT64_C(60000000)
#define BUSY_PAUSE_US    INT64_C(200000)

/* ---- the catalog, of one moment ---- */

typedef enum error_code catalog_step(const struct backup_job *job, struct error *error);

static enum error_code wait_for_catalog(const struct backup_job *job, catalog_step *step,
                                        struct error *error)
{
    int64_t until_us = os_monotonic_us() + BUSY_PATIENCE_US;
    for (;;) {
        struct error failure;
        error_clear(&failure);
        enum error_code code = step(job, &failure);
        bool is_busy = code == ERR_RETRY && failure.system_errno == EBUSY;
        if (!is_busy || os_monotonic_us() >= until_us) {
            if (code != OK && error != NULL)
                *error = failure;
            return code;
        }
        os_sleep_us(BUSY_PAUSE_US);
    }
}

static enum error_code copy_catalog(const struct backup_job *job, struct error *error)
{
    return lake_catalog_copy(&job->lake, job->staged_path, error);
}

static bool is_same(const struct buffer *a, const struct buffer *b)
{
    return a->size_bytes == b->size_bytes &&
           (a->size_bytes == 0 || memcmp(a->data, b->data, a->size_bytes) == 0);
}

/* lake.json says what the catalog of the same moment does not. */
static enum error_code copy_pair(struct backup_job *job, struct error *error)
{
    struct buffer before, after;
    bool is_pair = false;
    enum error_code code = OK;
    buffer_init(&before);
    buffer_init(&after);
    for (unsigned i = 0; code == OK && !is_pair && i < PAIR_ATTEMPTS; i++) {
        buffer_reset(&before);
        buffer_reset(&after);
        code = store_read_whole(&job->lake, LAKE_FILE, LAKE_FILE_BYTES, &before, error);
        if (code == OK)
            code = wait_for_catalog(job, copy_catalog, error);
        if (code == OK)
            code = store_read_whole(&job->lake, LAKE_FILE, LAKE_FILE_BYTES, &after, error);
        is_pair = is_same(&before, &after);
    }
    if (code == OK && !is_pair)
        code = error_set(error, ERR_CONFLICT, "%s/" LAKE_FILE " changes all the time: try again",
                         job->lake.root);
    if (code == OK) {
        lake_file_release(&job->copy_file);
        code = lake_file_parse(&job->copy_file, buffer_view(&after), LAKE_FILE, error);
    }
    buffer_release(&before);
    buffer_release(&after);
    return code;
}

enum error_code backup_stage_catalog(struct backup_job *job, struct error *error)
{
    catalog_close(job->staged);
    job->staged = NULL;
    enum error_code code = copy_pair(job, error);
    if (code == OK)
        code = catalog_open(&job->staged, job->staged_path, CATALOG_WRITE, NULL, error);
    return code == OK && store_is_folder(&job->copy) && !store_is_folder(&job->lake)
               ? catalog_name_kept(job->staged, error)
               : code;
}

/* ---- the one that is there ---- */

static enum error_code explain_former(const struct backup_job *job, enum error_code code,
                                      struct error *error)
{
    return code != ERR_CORRUPT
               ? code
               : error_prefix(error, code,
                              "the backup in %s can't be gone on with (give another folder, or "
                              "mend it there with `parquet-consumer rebuild`): ",
                              job->copy.root);
}

/* What a first backup that died had announced; *former NULL: nothing. */
static enum error_code open_announced(const struct backup_job *job, struct catalog **former,
                                      struct error *error)
{
    char path[OS_PATH_BYTES];
    const char *name =
        store_exists(&job->copy, ANNOUNCED_CATALOG) ? ANNOUNCED_CATALOG : ANNOUNCED_NEW;
    if (!store_exists(&job->copy, name))
        return OK;
    enum error_code code = store_path(&job->copy, name, path, error);
    return code == OK ? catalog_open(former, path, CATALOG_READ, NULL, error) : code;
}

enum error_code backup_read_former(struct backup_job *job, struct catalog *lake,
                                   struct error *error)
{
    bool is_lake = job->destination.kind == DESTINATION_LAKE;
    struct catalog *former = NULL;
    backup_plan_release(&job->former);
    enum error_code code = is_lake
                               ? lake_catalog_open(&former, &job->copy, CATALOG_READ, NULL, error)
                               : open_announced(job, &former, error);
    code = explain_former(job, code, error);
    job->has_former = code == OK && former != NULL;
    if (!job->has_former)
        return code;
    if (is_lake)
        code = destination_check_older(&job->copy, former, lake, error);
    if (code == OK && is_lake)
        code = catalog_next_commit_no(former, &job->former_next_commit_no, error);
    if (code == OK)
        code = backup_plan_read(&job->former, former, job->copy.root, error);
    if (code == OK)
        code = backup_plan_read_leftovers(&job->former, former, job->copy.root, error);
    catalog_close(former);
    return code;
}

/* In the copy's own catalog. */
static enum error_code change_copy_once(const struct backup_job *job, struct error *error)
{
    struct catalog *catalog = NULL;
    enum error_code code = lake_catalog_open(&catalog, &job->copy, CATALOG_WRITE, NULL, error);
    if (code == OK)
        code = catalog_change_stored_files(catalog, &job->changes, error);
    catalog_close(catalog);
    return code;
}

enum error_code backup_change_copy(struct backup_job *job, const struct buffer *leftovers,
                                   bool keeps_listed, struct error *error)
{
    job->changes = (struct stored_changes){.leftovers = backup_left_list(leftovers),
                                           .leftover_count = backup_left_count(leftovers),
                                           .keeps_listed = keeps_listed};
    return wait_for_catalog(job, change_copy_once, error);
}

/* ---- announcing what is to come ---- */

/* The copy's catalog of now names them as files that may be deleted: so they are nobody's in no
 * moment, and known to the next backup. */
static enum error_code announce(struct backup_job *job, struct error *error)
{
    struct buffer files;
    enum error_code code = OK;
    buffer_init(&files);
    for (size_t i = 0; code == OK && i < backup_item_count(job); i++) {
        const struct backup_item *item = backup_item_at(job, i);
        struct stored_leftover leftover = {item->id, item->name};
        if ((item->state == BACKUP_STAGED || item->state == BACKUP_TO_COPY) &&
            backup_plan_find(&job->former, item->name) == NULL &&
            buffer_append(&files, &leftover, sizeof leftover) != OK)
            code = error_no_memory(error, "the list of new files");
    }
    if (code == OK && backup_left_count(&files) > 0)
        code = backup_change_copy(job, &files, true, error);
    buffer_release(&files);
    return code;
}

/* What an earlier backup announced is known until this one has taken its place. */
static enum error_code announce_catalog(struct backup_job *job, struct error *error)
{
    static const char *const name = ANNOUNCED_NEW;
    char path[OS_PATH_BYTES], new_path[OS_PATH_BYTES];
    const struct store *copy = &job->copy;
    enum error_code code = store_path(copy, ANNOUNCED_CATALOG, path, error);
    if (code == OK)
        code = store_path(copy, ANNOUNCED_NEW, new_path, error);
    if (code == OK && store_exists(copy, ANNOUNCED_NEW) && !store_exists(copy, ANNOUNCED_CATALOG))
        code = store_move(copy, ANNOUNCED_NEW, ANNOUNCED_CATALOG, error);
    if (code == OK)
        code = catalog_discard(new_path, error);
    if (code == OK)
        code = store_put(copy, STAGED_CATALOG, ANNOUNCED_NEW, error);
    if (code == OK)
        code = store_sync_changed(copy, &name, 1, error);
    if (code == OK)
        code = catalog_discard(path, error);
    return code == OK ? store_move(copy, ANNOUNCED_NEW, ANNOUNCED_CATALOG, error) : code;
}

/* Without a catalog beside it, lake.json keeps every command from taking the folder for a lake, or
 * for an empty place. */
static enum error_code announce_first(struct backup_job *job, struct error *error)
{
    enum error_code code = announce_catalog(job, error);
    return code == OK ? lake_file_write(&job->copy_file, &job->copy, error) : code;
}

enum error_code backup_announce(struct backup_job *job, struct error *error)
{
    return job->destination.kind == DESTINATION_LAKE ? announce(job, error)
                                                     : announce_first(job, error);
}

/* ---- the new one ---- */

/* Files that lay outside of the lake have a name in the copy. */
static enum error_code add_place(const struct backup_job *job, struct buffer *places,
                                 struct arena *arena, const struct backup_item *item,
                                 struct error *error)
{
    char path[OS_PATH_BYTES];
    if (!item->is_named_anew || item->kind == BACKUP_DEAD_LETTERS)
        return OK;
    enum error_code code = item->is_own
                               ? os_path_join(path, "", item->name, error)
                               : os_path_join(path, job->report->data_path, item->name, error);
    if (code != OK)
        return code;
    struct stored_place place = {.kind = (enum stored_kind)item->kind,
                                 .id = item->id,
                                 .path = arena_copy_text(arena, bytes_view_text(path)),
                                 .is_absolute = !item->is_own};
    if (place.path == NULL || buffer_append(places, &place, sizeof place) != OK)
        return error_no_memory(error, "the paths of the copy");
    return OK;
}

static enum error_code list_places(struct backup_job *job, struct buffer *places,
                                   struct error *error)
{
    enum error_code code = OK;
    struct arena *arena = &job->plan.arena;
    size_t twins = LIST_COUNT(&job->plan.twins, struct backup_item);
    for (size_t i = 0; code == OK && i < backup_item_count(job); i++)
        code = add_place(job, places, arena, backup_item_at(job, i), error);
    for (size_t i = 0; code == OK && i < twins; i++)
        code =
            add_place(job, places, arena, LIST_AT(&job->plan.twins, struct backup_item, i), error);
    return code;
}

/* Each file is where the copy's catalog says, also one that the lake is still to move. */
static enum error_code note_unmoved(void *context, const struct catalog_retired *file,
                                    struct error *error)
{
    (void)file;
    (void)error;
    *(bool *)context = true;
    return OK;
}

static enum error_code set_moved(struct backup_job *job, struct error *error)
{
    bool some = false;
    enum error_code code = catalog_each_unmoved(job->staged, note_unmoved, &some, error);
    return code == OK && some ? catalog_set_moved(job->staged, error) : code;
}

/* What no catalog in a folder needs from its first day (commit/lake_catalog.h); and where it is. */
static enum error_code set_layout(struct backup_job *job, struct error *error)
{
    struct lake_file *file = &job->copy_file;
    const struct destination *to = &job->destination;
    bool is_named = store_is_folder(&job->copy) && !to->catalog_is_in_folder;
    enum error_code code = to->catalog_is_in_folder ? OK : catalog_care_begin(job->staged, error);
    if (code == OK)
        code = catalog_layout(job->staged, &file->layout_version, error);
    memset(file->catalog, 0, sizeof file->catalog);
    memset(file->catalog_schema, 0, sizeof file->catalog_schema);
    if (code != OK || !is_named)
        return code;
    file->layout_version = LAKE_LAYOUT_ELSEWHERE;
    memcpy(file->catalog, to->catalog, sizeof file->catalog);
    memcpy(file->catalog_schema, to->schema, sizeof file->catalog_schema);
    return OK;
}

/* What is the copy's own. */
static enum error_code change_staged(struct backup_job *job, struct error *error)
{
    struct buffer places;
    struct catalog_place ignored;
    buffer_init(&places);
    enum error_code code = list_places(job, &places, error);
    const struct stored_changes changes = {
        .places = (const struct stored_place *)(const void *)places.data,
        .place_count = LIST_COUNT(&places, struct stored_place),
        .leftovers = backup_left_list(&job->left.files),
        .leftover_count = backup_left_count(&job->left.files)};
    if (code == OK)
        code = catalog_change_stored_files(job->staged, &changes, error);
    if (code == OK)
        code = set_moved(job, error);
    if (code == OK)
        code =
            catalog_set_place(job->staged, job->report->data_path, job->copy.root, &ignored, error);
    if (code == OK)
        code = catalog_forget_uploads(job->staged, error);
    if (code == OK)
        code = set_layout(job, error);
    buffer_release(&places);
    return code;
}

enum error_code backup_seal_catalog(struct backup_job *job, struct error *error)
{
    enum error_code code = change_staged(job, error);
    if (code != OK)
        return code;
    struct catalog *staged = job->staged;
    job->staged = NULL;
    return catalog_seal(job->staged_path, staged, error);
}

/* ---- its place ---- */

/* What lies beside a catalog that is gone would be taken for the new one's log. */
static enum error_code give_name(const struct backup_job *job, struct error *error)
{
    static const char *const name = LAKE_CATALOG;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < CATALOG_PART_COUNT; i++)
        if (store_exists(&job->copy, catalog_parts[i]))
            code = store_move_aside(&job->copy, catalog_parts[i], NULL, error);
    if (code == OK)
        code = store_put(&job->copy, ANNOUNCED_CATALOG, name, error);
    return code == OK ? store_sync_changed(&job->copy, &name, 1, error) : code;
}

/* A run elsewhere may have gone on in it while the files came: only in a folder does the lock keep
 * that from happening. */
static enum error_code check_former(const struct backup_job *job, struct error *error)
{
    int64_t snapshot_id = 0;
    uint64_t next_commit_no = 0;
    struct catalog *former = NULL;
    enum error_code code = lake_catalog_open(&former, &job->copy, CATALOG_READ, NULL, error);
    if (code == OK)
        code = catalog_newest_snapshot(former, &snapshot_id, error);
    if (code == OK)
        code = catalog_next_commit_no(former, &next_commit_no, error);
    if (code == OK &&
        (snapshot_id != job->former.snapshot_id || next_commit_no != job->former_next_commit_no))
        code = error_set(error, ERR_CONFLICT,
                         "somebody wrote to the lake in %s while it was backed up to: it is no "
                         "backup any more; give another place",
                         job->copy.root);
    catalog_close(former);
    return code;
}

static enum error_code overwrite(const struct backup_job *job, struct error *error)
{
    return lake_catalog_overwrite(&job->copy, job->staged_path, error);
}

static enum error_code overwrite_from_announced(const struct backup_job *job, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = store_path(&job->copy, ANNOUNCED_CATALOG, path, error);
    return code == OK ? lake_catalog_overwrite(&job->copy, path, error) : code;
}

static enum error_code name_first(const struct backup_job *job, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = store_sync_folder(&job->copy, error);
    if (code != OK || job->destination.catalog_is_in_folder)
        return code == OK ? give_name(job, error) : code;
    code = wait_for_catalog(job, overwrite_from_announced, error);
    if (code == OK)
        code = store_path(&job->copy, ANNOUNCED_CATALOG, path, error);
    return code == OK ? catalog_discard(path, error) : code;
}

static enum error_code replace_former(const struct backup_job *job, struct error *error)
{
    enum error_code code = job->destination.catalog_is_in_folder ? OK : check_former(job, error);
    if (code == OK)
        code = lake_file_write(&job->copy_file, &job->copy, error);
    if (code == OK)
        code = wait_for_catalog(job, overwrite, error);
    return code == OK ? catalog_discard(job->staged_path, error) : code;
}

enum error_code backup_name_catalog(struct backup_job *job, struct error *error)
{
    return job->destination.kind == DESTINATION_LAKE ? replace_former(job, error)
                                                     : name_first(job, error);
}
