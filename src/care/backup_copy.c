// SPDX-License-Identifier: Apache-2.0
#include "care/backup_copy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "store/staged_file.h"
#include "util/memory.h"

#define IN_PROGRESS   "backup" LAKE_IN_PROGRESS_SUFFIX
#define STAGED_PREFIX "backup_"
#define STAGED_BYTES  64
#define PIECE_BYTES   ((size_t)1 << 20)
#define MAGIC         "PAR1"
#define MAGIC_BYTES   4
#define TAIL_BYTES    8 /* the footer's length and the magic bytes */

/* A file that leaves the lake is renamed a moment after the catalog said so: beside a backup,
 * either may be what it meets. The name lives in `storage` then. */
static enum error_code open_source(const struct backup_ends *ends, const struct backup_item *item,
                                   struct store_file *file, char storage[OS_PATH_BYTES],
                                   struct error *error)
{
    if (item->source[0] == '/')
        return store_open_path(item->source, file, error);
    enum error_code code = store_open(ends->lake, item->source, file, error);
    if (code != ERR_NOT_FOUND || !backup_other_name(item->source, storage))
        return code;
    store_close(file);
    return store_open(ends->lake, storage, file, error);
}

/* Where it waits for its name: the same for each backup that needs these bytes under that name. */
static void name_staged(const struct backup_item *item, char out[STAGED_BYTES])
{
    snprintf(out, STAGED_BYTES, LAKE_STAGING "/" STAGED_PREFIX "%016" PRIx64 ".copied",
             XXH64(item->name, strlen(item->name), item->checksum));
}

/* ---- is it there? ---- */

static enum error_code set_missing_error(const struct backup_ends *ends,
                                         const struct backup_item *item, struct error *error)
{
    return error_set(error, ERR_CORRUPT,
                     "%s%s%s is missing, so that the lake can't be backed up whole: `verify` says "
                     "what else is wrong, `repair` and a run mend it",
                     item->source[0] == '/' ? "" : ends->lake->root,
                     item->source[0] == '/' ? "" : "/", item->source);
}

/* `path` is what messages call it. */
static enum error_code size_of_source(const struct backup_ends *ends,
                                      const struct backup_item *item, char path[OS_PATH_BYTES],
                                      uint64_t *size_bytes, struct error *error)
{
    struct store_file file;
    char other[OS_PATH_BYTES];
    const char *name = item->source;
    enum error_code code;
    if (name[0] == '/') {
        code = store_open_path(name, &file, error);
        *size_bytes = file.size_bytes;
        store_close(&file);
        return code == OK ? os_path_join(path, "", name, error) : code;
    }
    code = backup_listing_find(ends->lake_listing, ends->lake, name, size_bytes, error);
    if (code == ERR_NOT_FOUND && backup_other_name(name, other)) {
        name = other;
        code = backup_listing_find(ends->lake_listing, ends->lake, name, size_bytes, error);
    }
    return code == OK ? store_path(ends->lake, name, path, error) : code;
}

/* *size_bytes of the lake's file; *is_whole: as far as its size tells. */
static enum error_code look_at_source(const struct backup_ends *ends,
                                      const struct backup_item *item, uint64_t *size_bytes,
                                      bool *is_whole, struct error *error)
{
    struct error failure;
    char path[OS_PATH_BYTES];
    *is_whole = false;
    enum error_code code = size_of_source(ends, item, path, size_bytes, &failure);
    if (code == OK && item->has_size && item->size_bytes != *size_bytes)
        code = error_set(&failure, ERR_CORRUPT,
                         "%s has %" PRIu64 " bytes, not the %" PRIu64
                         " that the catalog names: `verify` says what else is wrong, `repair` and "
                         "a run mend it",
                         path, *size_bytes, item->size_bytes);
    else if (code == ERR_NOT_FOUND)
        code = set_missing_error(ends, item, &failure);
    *is_whole = code == OK;
    if (code == OK || (code == ERR_CORRUPT && !item->is_live))
        return OK;
    if (error != NULL)
        *error = failure;
    return code;
}

static const struct backup_item *former_item(const struct backup_ends *ends, const char *name)
{
    return ends->former == NULL ? NULL : backup_plan_find(ends->former, name);
}

static enum error_code refuse_other_file(const struct backup_ends *ends,
                                         const struct backup_item *item, struct error *error)
{
    return error_set(error, ERR_CONFLICT,
                     "another file lies at %s/%s, where the backup needs the name, and was left "
                     "alone: move it away, or give another folder",
                     ends->copy->root, item->name);
}

/* What lies in the copy under the item's name, of another size or lake history than it should. */
static enum error_code meet_other_file(const struct backup_ends *ends,
                                       const struct backup_item *item, bool dry_run, bool *damaged,
                                       struct error *error)
{
    if (former_item(ends, item->name) == NULL)
        return refuse_other_file(ends, item, error);
    *damaged = true;
    if (dry_run)
        return OK;
    enum error_code code = store_move_aside(ends->copy, item->name, NULL, error);
    return code == ERR_NOT_FOUND ? OK : code;
}

static enum error_code refuse_other_history(const struct backup_ends *ends,
                                            const struct backup_item *item, struct error *error)
{
    return error_set(
        error, ERR_CONFLICT,
        "the lake in %s went its own way since it was a backup: its file %s is another "
        "than this lake's; give another folder",
        ends->copy->root, item->name);
}

static enum error_code look_at_copy(const struct backup_ends *ends, struct backup_item *item,
                                    uint64_t size_bytes, bool dry_run, bool *damaged,
                                    struct error *error)
{
    struct error failure;
    uint64_t there_bytes = 0;
    const struct backup_item *before = former_item(ends, item->name);
    enum error_code code =
        backup_listing_find(ends->copy_listing, ends->copy, item->name, &there_bytes, &failure);
    item->state = BACKUP_TO_COPY;
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK) {
        if (error != NULL)
            *error = failure;
        return code;
    }
    if (before != NULL && before->checksum != 0 && item->checksum != 0 &&
        before->checksum != item->checksum)
        return refuse_other_history(ends, item, error);
    if (there_bytes != size_bytes)
        return meet_other_file(ends, item, dry_run, damaged, error);
    item->state = BACKUP_IS_THERE;
    return OK;
}

enum error_code backup_look_at(const struct backup_ends *ends, struct backup_item *item,
                               bool dry_run, bool *damaged, struct error *error)
{
    uint64_t size_bytes = 0;
    bool is_whole = false;
    *damaged = false;
    enum error_code code = look_at_source(ends, item, &size_bytes, &is_whole, error);
    if (code != OK)
        return code;
    if (!is_whole) {
        item->state = BACKUP_LEFT_OUT;
        return OK;
    }
    item->size_bytes = size_bytes;
    item->has_size = true;
    return look_at_copy(ends, item, size_bytes, dry_run, damaged, error);
}

/* ---- bringing it there ---- */

static enum error_code set_damaged_error(const struct store_file *file, const char *what,
                                         struct error *error)
{
    return error_set(error, ERR_CORRUPT,
                     "%s is damaged (%s), and was not copied: `verify` says what else is wrong, "
                     "`repair` and a run mend it",
                     file->name, what);
}

/* Of a file without a checksum: that it is what the catalog describes, and no other file that it
 * names. */
static enum error_code check_footer(struct store_file *file, const struct backup_item *item,
                                    struct error *error)
{
    uint8_t head[MAGIC_BYTES], tail[TAIL_BYTES];
    if (!item->is_parquet || item->checksum != 0)
        return OK;
    if (file->size_bytes < sizeof head + sizeof tail)
        return set_damaged_error(file, "it is no Parquet file", error);
    enum error_code code = store_read(file, 0, head, sizeof head, error);
    if (code == OK)
        code = store_read(file, file->size_bytes - sizeof tail, tail, sizeof tail, error);
    if (code != OK)
        return code;
    uint64_t footer_bytes = (uint64_t)tail[0] | (uint64_t)tail[1] << 8 | (uint64_t)tail[2] << 16 |
                            (uint64_t)tail[3] << 24;
    if (memcmp(head, MAGIC, MAGIC_BYTES) != 0 || memcmp(tail + 4, MAGIC, MAGIC_BYTES) != 0)
        return set_damaged_error(file, "it is no Parquet file", error);
    if (item->footer_size_bytes != 0 && footer_bytes != item->footer_size_bytes)
        return set_damaged_error(file, "its footer is not the one that the catalog names", error);
    return OK;
}

/* Every byte, from the first to the last; `staged` NULL: only to know them. */
static enum error_code read_through(struct store_file *file, struct staged_file *staged,
                                    uint64_t *checksum, struct error *error)
{
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    XXH64_state_t *hash = mem_alloc(sizeof *hash);
    enum error_code code =
        piece != NULL && hash != NULL ? OK : error_no_memory(error, "copying a file");
    if (code == OK)
        XXH64_reset(hash, 0);
    for (uint64_t at = 0; code == OK && at < file->size_bytes;) {
        size_t bytes =
            file->size_bytes - at < PIECE_BYTES ? (size_t)(file->size_bytes - at) : PIECE_BYTES;
        code = store_read(file, at, piece, bytes, error);
        if (code == OK)
            XXH64_update(hash, piece, bytes);
        if (code == OK && staged != NULL)
            code = staged_file_append(staged, bytes_view_of(piece, bytes), NULL, error);
        at += bytes;
    }
    if (code == OK)
        *checksum = XXH64_digest(hash);
    mem_free(hash);
    mem_free(piece);
    return code;
}

static enum error_code check_bytes(struct store_file *file, struct staged_file *staged,
                                   const struct backup_item *item, struct error *error)
{
    uint64_t checksum = 0;
    enum error_code code = check_footer(file, item, error);
    if (code == OK)
        code = read_through(file, staged, &checksum, error);
    if (code == OK && item->checksum != 0 && item->checksum != checksum)
        code = set_damaged_error(file, "its checksum is not the one that the catalog names", error);
    return code;
}

static enum error_code copy_bytes(const struct backup_ends *ends, struct store_file *file,
                                  const struct backup_item *item, const char *staged_name,
                                  struct error *error)
{
    struct staged_file staged;
    enum error_code code = staged_file_create(&staged, ends->copy, IN_PROGRESS, NULL, error);
    if (code != OK)
        return code;
    code = check_bytes(file, &staged, item, error);
    if (code == OK)
        code = staged_file_sync(&staged, error);
    if (code != OK) {
        staged_file_discard(&staged);
        return code;
    }
    staged_file_release(&staged);
    return store_put(ends->copy, LAKE_STAGING "/" IN_PROGRESS, staged_name, error);
}

/* A file system has no links, or none between these two places or of this user's. */
static enum error_code explain_link(enum error_code code, struct error *error)
{
    if (code == OK || (!os_is_refusal(error->system_errno) && error->system_errno != EMLINK))
        return code;
    (void)error_prefix(error, ERR_INVALID,
                       "--link needs the backup on the file system of the lake, and the lake's "
                       "files to belong to who runs it; without it they are copied: ");
    error->code = ERR_INVALID;
    return ERR_INVALID;
}

/* Others than our own commits need not have synced what they wrote. */
static enum error_code link_file(const struct backup_ends *ends, struct store_file *file,
                                 const struct backup_item *item, const char *staged_name,
                                 struct error *error)
{
    enum error_code code = check_bytes(file, NULL, item, error);
    if (code == OK)
        code = os_file_sync(&file->file, error);
    return code == OK
               ? explain_link(store_put_link(ends->copy, file->name, staged_name, error), error)
               : code;
}

/* A file that left the lake is in the copy already, under the name that it had: it gets its new one
 * beside it, if the file system has links. */
static bool link_within_copy(const struct backup_ends *ends, const struct backup_item *item,
                             const char *staged_name)
{
    char other[OS_PATH_BYTES], path[OS_PATH_BYTES];
    struct store_file file = {0};
    if (!backup_other_name(item->name, other))
        return false;
    const struct backup_item *before = former_item(ends, other);
    if (before == NULL || before->checksum == 0 || before->checksum != item->checksum)
        return false;
    bool is_it = store_open(ends->copy, other, &file, NULL) == OK &&
                 file.size_bytes == item->size_bytes &&
                 store_path(ends->copy, other, path, NULL) == OK &&
                 store_put_link(ends->copy, path, staged_name, NULL) == OK;
    store_close(&file);
    return is_it;
}

/* From an earlier backup; one of another size was spoilt since. */
static enum error_code find_staged(const struct backup_ends *ends, const struct backup_item *item,
                                   const char *staged_name, bool *found, struct error *error)
{
    struct store_file file;
    struct error failure;
    enum error_code code = store_open(ends->copy, staged_name, &file, &failure);
    *found = code == OK && file.size_bytes == item->size_bytes;
    store_close(&file);
    if (code == OK && !*found)
        return store_remove(ends->copy, staged_name, error);
    if (code == OK || code == ERR_NOT_FOUND)
        return OK;
    if (error != NULL)
        *error = failure;
    return code;
}

static enum error_code bring(const struct backup_ends *ends, const struct backup_item *item,
                             const char *staged_name, struct error *error)
{
    struct store_file file;
    char storage[OS_PATH_BYTES];
    enum error_code code = open_source(ends, item, &file, storage, error);
    if (code == ERR_NOT_FOUND)
        code = set_missing_error(ends, item, error);
    if (code == OK)
        code = ends->link && item->kind != BACKUP_DEAD_LETTERS
                   ? link_file(ends, &file, item, staged_name, error)
                   : copy_bytes(ends, &file, item, staged_name, error);
    store_close(&file);
    return code;
}

enum error_code backup_stage(const struct backup_ends *ends, struct backup_item *item,
                             struct error *error)
{
    char staged_name[STAGED_BYTES];
    struct error failure;
    bool found = false;
    error_clear(&failure);
    name_staged(item, staged_name);
    enum error_code code = find_staged(ends, item, staged_name, &found, &failure);
    if (code == OK && !found && !link_within_copy(ends, item, staged_name))
        code = bring(ends, item, staged_name, &failure);
    item->state = BACKUP_STAGED;
    if (code == ERR_CORRUPT && !item->is_live) {
        item->state = BACKUP_LEFT_OUT;
        return OK;
    }
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

enum error_code backup_place(const struct backup_ends *ends, struct backup_item *item,
                             struct error *error)
{
    char staged_name[STAGED_BYTES];
    name_staged(item, staged_name);
    enum error_code code = store_put(ends->copy, staged_name, item->name, error);
    if (code == ERR_CONFLICT)
        return refuse_other_file(ends, item, error);
    item->state = BACKUP_PLACED;
    return code;
}

static enum error_code remove_staged(void *context, const char *relative_path, uint64_t size_bytes,
                                     struct error *error)
{
    char name[OS_PATH_BYTES];
    (void)size_bytes;
    if (strncmp(relative_path, STAGED_PREFIX, strlen(STAGED_PREFIX)) != 0 &&
        strcmp(relative_path, IN_PROGRESS) != 0)
        return OK;
    enum error_code code = os_path_join(name, LAKE_STAGING, relative_path, error);
    return code == OK ? store_remove(context, name, error) : code;
}

enum error_code backup_clear_staging(const struct store *copy, struct error *error)
{
    const struct os_walker walker = {.context = (void *)copy, .visit = remove_staged};
    return store_walk(copy, LAKE_STAGING, &walker, error);
}
