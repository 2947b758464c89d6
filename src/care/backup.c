// SPDX-License-Identifier: Apache-2.0
/*
 * How the copy becomes whole, and stays so:
 *
 *   1. The lake's catalog is copied into the destination's staging, of one moment, and lake.json
 *      with it. From before that until the end the shared lock keeps deletions off.
 *   2. Each file that this catalog names is looked at, here and there; nothing has been written
 *      yet when one of the lake's turns out to be missing.
 *   3. What is missing is copied into the destination's staging: checked, and synced. A kill leaves
 *      files that the next backup finds there.
 *   4. The staged catalog is changed to what is the copy's own (its path; files that lay elsewhere;
 *      what is left of former backups), and sealed.
 *   5. The names that the files are to have are announced: in the catalog that is there, among
 *      those that may be deleted; of a first backup by the staged catalog itself, and lake.json.
 *   6. The files get their names, never over others, and the names are synced, with their folders.
 *   7. The catalog gets its name; or, where there is one, which others may be reading, that one
 *      becomes what it is, in one transaction of SQLite's.
 *   8. Only now may anything go that the former catalog needed (care/backup_left.h).
 */
#include "care/backup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/files.h"
#include "catalog/others.h"
#include "catalog/place.h"
#include "commit/backup_lock.h"
#include "commit/backup_record.h"
#include "commit/data_path.h"
#include "commit/lake_catalog.h"
#include "commit/ownership.h"
#include "care/backup_copy.h"
#include "care/backup_destination.h"
#include "care/backup_left.h"
#include "lake/open.h"
#include "os/clock.h"
#include "os/identity.h"
#include "util/memory.h"
#include "util/text.h"

#define STAGED_CATALOG LAKE_STAGING "/backup_catalog.sqlite"
/* Of a first backup, while its files get their names: it knows them all. */
#define ANNOUNCED_CATALOG LAKE_STAGING "/backup_announced.sqlite"
#define ANNOUNCED_NEW     LAKE_STAGING "/backup_announced-new.sqlite"
/* lake.json has changed each time that the catalog was copied: nobody prunes so often. */
#define PAIR_ATTEMPTS 10
/* Somebody deletes files of the lake beside a backup, whatever it holds (DuckDB does). */
#define PLAN_ATTEMPTS    3
#define BUSY_PATIENCE_US INT64_C(60000000)
#define BUSY_PAUSE_US    INT64_C(200000)
#define LAKE_FILE_BYTES  ((size_t)1 << 20)

struct backup {
    const struct backup_options *options;
    struct backup_report *report;
    struct store lake, copy;
    struct lake_file lake_file;
    struct buffer lake_text; /* lake.json, of the catalog that was copied */
    struct backup_lock lock;
    struct ownership ownership; /* of the copy */
    enum destination_kind kind;
    char staged_path[OS_PATH_BYTES];
    struct catalog *staged;
    struct backup_plan plan;
    bool has_former;
    struct backup_plan former; /* what the destination had before, or began to get */
    struct backup_left left;
    struct stored_changes changes; /* that are being made in the copy's own catalog */
};

static void PRINTF_LIKE(2, 3) tell(const struct backup *backup, const char *format, ...)
{
    char text[ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (backup->options->tell != NULL)
        backup->options->tell(backup->options->tell_context, text);
}

static void count(struct backup_count *counts, uint64_t bytes)
{
    counts->files++;
    counts->bytes += bytes;
}

static const struct backup_plan *former_of(const struct backup *backup)
{
    return backup->has_former ? &backup->former : NULL;
}

static struct backup_ends ends_of(const struct backup *backup)
{
    return (struct backup_ends){&backup->lake, &backup->copy, former_of(backup),
                                backup->options->link};
}

static size_t item_count(const struct backup *backup)
{
    return LIST_COUNT(&backup->plan.items, struct backup_item);
}

static struct backup_item *item_at(const struct backup *backup, size_t index)
{
    return LIST_AT(&backup->plan.items, struct backup_item, index);
}

/* ---- both ends ---- */

static enum error_code find_ends(struct backup *backup, struct error *error)
{
    struct backup_report *report = backup->report;
    const struct backup_options *options = backup->options;
    struct catalog *readable = NULL;
    enum error_code code = lake_open_catalog(&readable, options->output_path, error);
    catalog_close(readable);
    if (code == OK)
        code = os_real_path(report->lake_path, options->output_path, error);
    if (code == OK)
        code = store_at(&backup->lake, report->lake_path, error);
    if (code == OK)
        code = lake_file_read(&backup->lake_file, &backup->lake, error);
    if (code == OK)
        code = lake_catalog_refuse_elsewhere(
            &backup->lake_file, "backup",
            "copy the lake's files with any tool and then the catalog with pg_dump (of a SQLite "
            "file: `sqlite3 FILE .backup`), in this order, while nothing deletes files",
            error);
    if (code == OK && backup->lake_file.creating)
        code = error_set(error, ERR_NOT_FOUND,
                         "the lake in %s is only being made: there is nothing in it yet",
                         report->lake_path);
    if (code == OK)
        code =
            destination_find(options->destination, report->lake_path, report->destination, error);
    if (code == OK)
        code = store_at(&backup->copy, report->destination, error);
    if (code == OK)
        code = data_path_make(report->data_path, report->destination, options->reader_data_path,
                              error);
    if (code == OK)
        code = store_path(&backup->copy, STAGED_CATALOG, backup->staged_path, error);
    if (code == OK)
        code = destination_look(&backup->copy, &backup->lake_file, &backup->kind, error);
    memcpy(report->lake_id, backup->lake_file.lake_id, sizeof report->lake_id);
    return code;
}

static enum error_code open_former(const struct backup *backup, const char *name,
                                   struct catalog **former, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = store_path(&backup->copy, name, path, error);
    if (code == OK)
        code = catalog_open(former, path, CATALOG_READ, NULL, error);
    if (code == ERR_CORRUPT)
        code = error_prefix(error, code,
                            "the backup in %s can't be gone on with (give another folder, or mend "
                            "it there with `parquet-consumer rebuild`): ",
                            backup->copy.root);
    return code;
}

static enum error_code read_former(struct backup *backup, struct catalog *lake, struct error *error)
{
    bool is_lake = backup->kind == DESTINATION_LAKE;
    const char *name = is_lake                                          ? LAKE_CATALOG
                       : store_exists(&backup->copy, ANNOUNCED_CATALOG) ? ANNOUNCED_CATALOG
                                                                        : ANNOUNCED_NEW;
    struct catalog *former = NULL;
    backup_plan_release(&backup->former);
    backup->has_former = store_exists(&backup->copy, name);
    if (!backup->has_former)
        return OK;
    enum error_code code = open_former(backup, name, &former, error);
    if (code == OK && is_lake)
        code = destination_check_older(&backup->copy, former, lake, error);
    if (code == OK)
        code = backup_plan_read(&backup->former, former, backup->copy.root, error);
    if (code == OK)
        code = backup_plan_read_leftovers(&backup->former, former, backup->copy.root, error);
    catalog_close(former);
    return code;
}

/* Nobody else writes there from now on. */
static enum error_code enter_copy(struct backup *backup, struct error *error)
{
    enum error_code code = store_make_folder(&backup->copy, error);
    if (code == OK)
        code = ownership_take(&backup->ownership, &backup->copy, true, error);
    if (code == OK)
        code = destination_look(&backup->copy, &backup->lake_file, &backup->kind, error);
    backup->report->is_new = backup->kind != DESTINATION_LAKE;
    return code;
}

/* ---- the catalog, of one moment ---- */

typedef enum error_code catalog_step(const struct backup *backup, struct error *error);

static enum error_code wait_for_catalog(const struct backup *backup, catalog_step *step,
                                        struct error *error)
{
    int64_t until_us = os_monotonic_us() + BUSY_PATIENCE_US;
    for (;;) {
        struct error failure;
        error_clear(&failure);
        enum error_code code = step(backup, &failure);
        bool is_busy = code == ERR_RETRY && failure.system_errno == EBUSY;
        if (!is_busy || os_monotonic_us() >= until_us) {
            if (code != OK && error != NULL)
                *error = failure;
            return code;
        }
        os_sleep_us(BUSY_PAUSE_US);
    }
}

static enum error_code copy_catalog(const struct backup *backup, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = store_path(&backup->lake, LAKE_CATALOG, path, error);
    return code == OK ? catalog_copy(backup->staged_path, path, error) : code;
}

static bool is_same(const struct buffer *a, const struct buffer *b)
{
    return a->size_bytes == b->size_bytes &&
           (a->size_bytes == 0 || memcmp(a->data, b->data, a->size_bytes) == 0);
}

/* lake.json says what the catalog of the same moment does not. */
static enum error_code copy_pair(struct backup *backup, struct error *error)
{
    struct buffer before;
    bool is_pair = false;
    enum error_code code = OK;
    buffer_init(&before);
    for (unsigned i = 0; code == OK && !is_pair && i < PAIR_ATTEMPTS; i++) {
        buffer_reset(&before);
        buffer_reset(&backup->lake_text);
        code = store_read_whole(&backup->lake, LAKE_FILE, LAKE_FILE_BYTES, &before, error);
        if (code == OK)
            code = wait_for_catalog(backup, copy_catalog, error);
        if (code == OK)
            code = store_read_whole(&backup->lake, LAKE_FILE, LAKE_FILE_BYTES, &backup->lake_text,
                                    error);
        is_pair = is_same(&before, &backup->lake_text);
    }
    if (code == OK && !is_pair)
        code = error_set(error, ERR_CONFLICT, "%s/" LAKE_FILE " changes all the time: try again",
                         backup->lake.root);
    buffer_release(&before);
    return code;
}

static enum error_code stage_catalog(struct backup *backup, struct error *error)
{
    catalog_close(backup->staged);
    backup->staged = NULL;
    enum error_code code = copy_pair(backup, error);
    return code == OK
               ? catalog_open(&backup->staged, backup->staged_path, CATALOG_WRITE, NULL, error)
               : code;
}

/* ---- what is missing there ---- */

static enum error_code look_at_item(struct backup *backup, struct backup_item *item,
                                    struct error *error)
{
    bool damaged = false;
    const struct backup_ends ends = ends_of(backup);
    enum error_code code = backup_look_at(&ends, item, backup->options->dry_run, &damaged, error);
    if (code == OK && damaged)
        tell(backup,
             "%s/%s is damaged there: it is copied again, and what lay there is kept "
             "in " LAKE_DAMAGED,
             backup->copy.root, item->name);
    return code;
}

static void tell_left_out(const struct backup *backup, const struct backup_item *item)
{
    count(&backup->report->left_out, item->size_bytes);
    tell(backup,
         "%s is left out: only older snapshots need it, and it is not, or not whole, in the lake",
         item->source);
}

/* All that is missing is told of, and the first of it is the error. */
static enum error_code look_at_all(struct backup *backup, struct error *error)
{
    enum error_code code = OK, first = OK;
    struct backup_report *report = backup->report;
    for (size_t i = 0; (code == OK || code == ERR_CORRUPT) && i < item_count(backup); i++) {
        struct error failure;
        struct backup_item *item = item_at(backup, i);
        code = look_at_item(backup, item, &failure);
        if (code == OK && item->state == BACKUP_TO_COPY)
            count(&report->copied, item->size_bytes);
        if (code == OK && item->state != BACKUP_LEFT_OUT)
            count(&report->all, item->size_bytes);
        if (code == OK)
            continue;
        if (first == OK && error != NULL)
            *error = failure;
        else if (first != OK)
            tell(backup, "%s", failure.message);
        first = first == OK ? code : first;
    }
    report->snapshot_id = backup->plan.snapshot_id;
    report->commit_no = backup->plan.commit_no;
    return first;
}

static enum error_code plan_from(struct backup *backup, struct catalog *catalog,
                                 struct error *error)
{
    struct backup_report *report = backup->report;
    report->all = report->copied = report->left_out = (struct backup_count){0};
    backup_plan_release(&backup->plan);
    enum error_code code = backup_plan_read(&backup->plan, catalog, backup->lake.root, error);
    if (code == OK)
        code = read_former(backup, catalog, error);
    return code == OK ? look_at_all(backup, error) : code;
}

static enum error_code check_room(const struct backup *backup, struct error *error)
{
    struct os_free_space space;
    char wanted[TEXT_TIME_BYTES], left[TEXT_TIME_BYTES];
    if (backup->options->link || backup->report->copied.bytes == 0)
        return OK;
    enum error_code code = store_free_space(&backup->copy, &space, error);
    if (code != OK || space.bytes > backup->report->copied.bytes)
        return code;
    text_size(backup->report->copied.bytes, wanted);
    text_size(space.bytes, left);
    return error_set(error, ERR_IO,
                     "the file system of %s has %s left, and %s are to be copied: make room, or "
                     "give another folder",
                     backup->copy.root, left, wanted);
}

static enum error_code stage_all(struct backup *backup, struct error *error)
{
    enum error_code code = OK;
    const struct backup_ends ends = ends_of(backup);
    for (size_t i = 0; code == OK && i < item_count(backup); i++) {
        struct backup_item *item = item_at(backup, i);
        if (item->state == BACKUP_TO_COPY)
            code = backup_stage(&ends, item, error);
    }
    return code;
}

/* Whether somebody changed the lake since its catalog was copied. */
static bool lake_moved_on(const struct backup *backup)
{
    int64_t snapshot_id = backup->plan.snapshot_id;
    struct catalog *now = NULL;
    if (lake_open_catalog(&now, backup->lake.root, NULL) == OK &&
        catalog_newest_snapshot(now, &snapshot_id, NULL) != OK)
        snapshot_id = backup->plan.snapshot_id;
    catalog_close(now);
    return snapshot_id != backup->plan.snapshot_id;
}

static enum error_code bring_files(struct backup *backup, struct error *error)
{
    enum error_code code = ERR_CORRUPT;
    for (unsigned i = 0; code == ERR_CORRUPT && i < PLAN_ATTEMPTS; i++) {
        if (i > 0 && !lake_moved_on(backup))
            return code;
        code = stage_catalog(backup, error);
        if (code == OK)
            code = plan_from(backup, backup->staged, error);
        if (code == OK)
            code = check_room(backup, error);
        if (code == OK)
            code = stage_all(backup, error);
    }
    return code;
}

/* ---- making it whole ---- */

/* In the copy's own catalog. */
static enum error_code change_copy_once(const struct backup *backup, struct error *error)
{
    char path[OS_PATH_BYTES];
    struct catalog *catalog = NULL;
    enum error_code code = store_path(&backup->copy, LAKE_CATALOG, path, error);
    if (code == OK)
        code = catalog_open(&catalog, path, CATALOG_WRITE, NULL, error);
    if (code == OK)
        code = catalog_change_stored_files(catalog, &backup->changes, error);
    catalog_close(catalog);
    return code;
}

static enum error_code change_copy(struct backup *backup, const struct buffer *leftovers,
                                   bool keeps_listed, struct error *error)
{
    backup->changes = (struct stored_changes){.leftovers = backup_left_list(leftovers),
                                              .leftover_count = backup_left_count(leftovers),
                                              .keeps_listed = keeps_listed};
    return wait_for_catalog(backup, change_copy_once, error);
}

static enum error_code find_left(struct backup *backup, struct error *error)
{
    struct backup_report *report = backup->report;
    struct backup_left *left = &backup->left;
    enum error_code code = backup_left_find(left, &backup->copy, former_of(backup), &backup->plan,
                                            backup->options->mirror, error);
    uint64_t kept = backup_left_count(&left->kept), all = backup_left_count(&left->files);
    report->left = (struct backup_count){kept, left->left_bytes};
    report->removed = (struct backup_count){all - kept, left->removed_bytes};
    return code;
}

/* The copy's catalog of now names them as files that may be deleted: so they are nobody's in no
 * moment, and known to the next backup. */
static enum error_code announce(struct backup *backup, struct error *error)
{
    struct buffer files;
    enum error_code code = OK;
    buffer_init(&files);
    for (size_t i = 0; code == OK && i < item_count(backup); i++) {
        const struct backup_item *item = item_at(backup, i);
        struct stored_leftover leftover = {item->id, item->name};
        if (item->state == BACKUP_STAGED && backup_plan_find(&backup->former, item->name) == NULL &&
            buffer_append(&files, &leftover, sizeof leftover) != OK)
            code = error_no_memory(error, "the list of new files");
    }
    if (code == OK && backup_left_count(&files) > 0)
        code = change_copy(backup, &files, true, error);
    buffer_release(&files);
    return code;
}

/* What an earlier backup announced is known until this one has taken its place. */
static enum error_code announce_catalog(struct backup *backup, struct error *error)
{
    static const char *const name = ANNOUNCED_NEW;
    char path[OS_PATH_BYTES], new_path[OS_PATH_BYTES];
    const struct store *copy = &backup->copy;
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
static enum error_code announce_first(struct backup *backup, struct error *error)
{
    enum error_code code = announce_catalog(backup, error);
    return code == OK
               ? store_replace(&backup->copy, LAKE_FILE, buffer_view(&backup->lake_text), error)
               : code;
}

static enum error_code place_all(struct backup *backup, struct error *error)
{
    enum error_code code =
        backup->kind == DESTINATION_LAKE ? announce(backup, error) : announce_first(backup, error);
    const struct backup_ends ends = ends_of(backup);
    for (size_t i = 0; code == OK && i < item_count(backup); i++) {
        struct backup_item *item = item_at(backup, i);
        if (item->state == BACKUP_STAGED)
            code = backup_place(&ends, item, error);
    }
    return code;
}

/* A backup that died may have given the name: then it is announced at most, and need not be
 * durable. */
static bool is_new_name(const struct backup *backup, const struct backup_item *item)
{
    const struct backup_item *before =
        backup->kind == DESTINATION_LAKE ? backup_plan_find(&backup->former, item->name) : NULL;
    return item->state == BACKUP_PLACED ||
           (item->state == BACKUP_IS_THERE && (before == NULL || !before->has_size));
}

static bool is_same_folder(const char *a, const char *b)
{
    const char *end = strrchr(a, '/');
    size_t length = end == NULL ? 0 : (size_t)(end - a) + 1;
    return strncmp(a, b, length) == 0 && strchr(b + length, '/') == NULL;
}

static enum error_code sync_names(struct backup *backup, struct error *error)
{
    enum error_code code = OK;
    const char *synced = NULL;
    for (size_t i = 0; code == OK && i < item_count(backup); i++) {
        const struct backup_item *item = item_at(backup, i);
        if (!is_new_name(backup, item) || (synced != NULL && is_same_folder(synced, item->name)))
            continue;
        code = store_sync_put(&backup->copy, &item->name, 1, error);
        synced = item->name;
    }
    return code;
}

/* Files that lay outside of the lake have a name in the copy. */
static enum error_code add_place(const struct backup *backup, struct buffer *places,
                                 struct arena *arena, const struct backup_item *item,
                                 struct error *error)
{
    char path[OS_PATH_BYTES];
    if (!item->is_named_anew || item->kind == BACKUP_DEAD_LETTERS)
        return OK;
    enum error_code code = item->is_own
                               ? os_path_join(path, "", item->name, error)
                               : os_path_join(path, backup->report->data_path, item->name, error);
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

static enum error_code list_places(struct backup *backup, struct buffer *places,
                                   struct error *error)
{
    enum error_code code = OK;
    struct arena *arena = &backup->plan.arena;
    size_t twins = LIST_COUNT(&backup->plan.twins, struct backup_item);
    for (size_t i = 0; code == OK && i < item_count(backup); i++)
        code = add_place(backup, places, arena, item_at(backup, i), error);
    for (size_t i = 0; code == OK && i < twins; i++)
        code = add_place(backup, places, arena, LIST_AT(&backup->plan.twins, struct backup_item, i),
                         error);
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

static enum error_code set_moved(struct backup *backup, struct error *error)
{
    bool some = false;
    enum error_code code = catalog_each_unmoved(backup->staged, note_unmoved, &some, error);
    return code == OK && some ? catalog_set_moved(backup->staged, error) : code;
}

/* What is the copy's own. */
static enum error_code change_staged(struct backup *backup, struct error *error)
{
    struct buffer places;
    struct catalog_place ignored;
    buffer_init(&places);
    enum error_code code = list_places(backup, &places, error);
    const struct stored_changes changes = {
        .places = (const struct stored_place *)(const void *)places.data,
        .place_count = LIST_COUNT(&places, struct stored_place),
        .leftovers = backup_left_list(&backup->left.files),
        .leftover_count = backup_left_count(&backup->left.files)};
    if (code == OK)
        code = catalog_change_stored_files(backup->staged, &changes, error);
    if (code == OK)
        code = set_moved(backup, error);
    if (code == OK)
        code = catalog_set_place(backup->staged, backup->report->data_path, backup->copy.root,
                                 &ignored, error);
    buffer_release(&places);
    return code;
}

static enum error_code seal_staged(struct backup *backup, struct error *error)
{
    struct catalog *staged = backup->staged;
    backup->staged = NULL;
    return catalog_seal(backup->staged_path, staged, error);
}

/* What lies beside a catalog that is gone would be taken for the new one's log. */
static enum error_code give_name(const struct backup *backup, struct error *error)
{
    static const char *const name = LAKE_CATALOG;
    enum error_code code = store_sync_folder(&backup->copy, error);
    for (size_t i = 0; code == OK && i < CATALOG_PART_COUNT; i++)
        if (store_exists(&backup->copy, catalog_parts[i]))
            code = store_move_aside(&backup->copy, catalog_parts[i], NULL, error);
    if (code == OK)
        code = store_put(&backup->copy, ANNOUNCED_CATALOG, name, error);
    return code == OK ? store_sync_changed(&backup->copy, &name, 1, error) : code;
}

static enum error_code overwrite_former(const struct backup *backup, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = store_path(&backup->copy, LAKE_CATALOG, path, error);
    return code == OK ? catalog_overwrite(path, backup->staged_path, error) : code;
}

static enum error_code replace_former(struct backup *backup, struct error *error)
{
    enum error_code code =
        store_replace(&backup->copy, LAKE_FILE, buffer_view(&backup->lake_text), error);
    if (code == OK)
        code = wait_for_catalog(backup, overwrite_former, error);
    return code == OK ? catalog_discard(backup->staged_path, error) : code;
}

static enum error_code make_whole(struct backup *backup, struct error *error)
{
    enum error_code code = find_left(backup, error);
    if (code == OK)
        code = change_staged(backup, error);
    if (code == OK)
        code = seal_staged(backup, error);
    if (code == OK)
        code = place_all(backup, error);
    if (code == OK)
        code = sync_names(backup, error);
    if (code == OK)
        code = backup->kind == DESTINATION_LAKE ? replace_former(backup, error)
                                                : give_name(backup, error);
    return code;
}

/* ---- after it ---- */

/* A backup stands without its record. */
static void keep_record(const struct backup *backup)
{
    struct error error;
    const struct backup_report *report = backup->report;
    struct backup_record record = {.ended_us = os_realtime_us(),
                                   .snapshot_id = report->snapshot_id,
                                   .commit_no = report->commit_no,
                                   .files = report->all.files,
                                   .bytes = report->all.bytes};
    memcpy(record.destination, report->destination, sizeof record.destination);
    if (backup_record_keep(&record, &backup->lake, &error) != OK)
        tell(backup, "the backup is whole, but " LAKE_BACKUPS " can't tell of it: %s",
             error.message);
}

/* As one item for each URL would be too many. */
static void tell_rest(const struct backup *backup)
{
    size_t remote = LIST_COUNT(&backup->plan.remote, const char *);
    for (size_t i = 0; i < item_count(backup); i++)
        if (item_at(backup, i)->state == BACKUP_LEFT_OUT)
            tell_left_out(backup, item_at(backup, i));
    if (remote > 0)
        tell(backup,
             "%zu files that the catalog names by URLs, such as %s, were left where they are",
             remote, *LIST_AT(&backup->plan.remote, const char *, 0));
}

static enum error_code back_up(struct backup *backup, struct error *error)
{
    enum error_code code =
        backup_lock_share(&backup->lock, &backup->lake, backup->report->destination, error);
    if (code == OK)
        code = enter_copy(backup, error);
    if (code == OK)
        code = bring_files(backup, error);
    if (code == OK)
        code = make_whole(backup, error);
    if (code != OK)
        return code;
    backup_lock_release(&backup->lock);
    tell_rest(backup);
    keep_record(backup);
    code = backup_left_finish(&backup->left, &backup->copy, error);
    if (code == OK && !backup->left.is_done)
        code = change_copy(backup, &backup->left.kept, false, error);
    return code == OK ? backup_clear_staging(&backup->copy, error) : code;
}

/* By the catalog as it is now; nothing is written. */
static enum error_code look_only(struct backup *backup, struct error *error)
{
    struct catalog *catalog = NULL;
    enum error_code code = lake_open_catalog(&catalog, backup->lake.root, error);
    if (code == OK)
        code = plan_from(backup, catalog, error);
    if (code == OK)
        code = find_left(backup, error);
    catalog_close(catalog);
    if (code != OK)
        return code;
    tell_rest(backup);
    return OK;
}

static void release(struct backup *backup)
{
    bool was_staged = backup->staged != NULL;
    catalog_close(backup->staged);
    if (was_staged)
        (void)!catalog_discard(backup->staged_path, NULL);
    ownership_release(&backup->ownership);
    backup_lock_release(&backup->lock);
    backup_left_release(&backup->left);
    backup_plan_release(&backup->plan);
    backup_plan_release(&backup->former);
    buffer_release(&backup->lake_text);
    lake_file_release(&backup->lake_file);
    mem_free(backup);
}

enum error_code backup_lake(const struct backup_options *options, struct backup_report *report,
                            struct error *error)
{
    int64_t began_us = os_monotonic_us();
    struct backup *backup = mem_alloc_zero(1, sizeof *backup);
    *report = (struct backup_report){0};
    if (backup == NULL)
        return error_no_memory(error, "a backup");
    backup->options = options;
    backup->report = report;
    backup_lock_init(&backup->lock);
    ownership_init(&backup->ownership);
    lake_file_init(&backup->lake_file);
    backup_plan_init(&backup->plan);
    backup_plan_init(&backup->former);
    backup_left_init(&backup->left);
    enum error_code code = find_ends(backup, error);
    report->is_new = backup->kind != DESTINATION_LAKE;
    if (code == OK)
        code = options->dry_run ? look_only(backup, error) : back_up(backup, error);
    release(backup);
    report->duration_us = os_monotonic_us() - began_us;
    return code;
}
