// SPDX-License-Identifier: Apache-2.0
/* A lake in a folder: the first backend of store/store.h. Names are given by renames, so that a
 * file is there wholly or not at all; a rename is durable when the folder of the new name was
 * synced, and so were those above it that were made for it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/fence.h"
#include "store/folder.h"
#include "store/probe.h"

#define ASIDE_MAX 100000 /* things of one name that can be kept aside */

/* ---- names ---- */

/* Whether one of its components leads up. */
static bool goes_up(const char *name)
{
    for (const char *part = name;; part++) {
        size_t length = strcspn(part, "/");
        if (length == 2 && part[0] == '.' && part[1] == '.')
            return true;
        part += length;
        if (*part == '\0')
            return false;
    }
}

static enum error_code path_of(const struct store *store, const char *name, char out[OS_PATH_BYTES],
                               struct error *error)
{
    if (name[0] == '/' || goes_up(name))
        return error_set(error, ERR_CORRUPT, "%.1000s is no file of the lake at %.1000s", name,
                         store->root);
    return name[0] == '\0' ? os_path_join(out, "", store->root, error)
                           : os_path_join(out, store->root, name, error);
}

/* The folder that holds a file of that name. */
static enum error_code folder_of(const struct store *store, const char *name,
                                 char out[OS_PATH_BYTES], struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = path_of(store, name, path, error);
    return code == OK ? os_parent_path(out, path, error) : code;
}

static enum error_code check_way(const struct store *store, const char *name, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = path_of(store, name, path, error);
    return code == OK ? os_refuse_linked_folders(store->root, name, error) : code;
}

static bool exists(const struct store *store, const char *name)
{
    char path[OS_PATH_BYTES];
    return path_of(store, name, path, NULL) == OK && os_path_exists(path);
}

/* ---- putting, and taking away ---- */

/* Makes the folder that a file of that name lies in. */
static enum error_code make_way(const struct store *store, const char *name, char to[OS_PATH_BYTES],
                                struct error *error)
{
    char folder[OS_PATH_BYTES];
    enum error_code code = path_of(store, name, to, error);
    if (code == OK)
        code = os_parent_path(folder, to, error);
    if (code == OK)
        code = check_way(store, name, error);
    return code == OK ? os_make_directories(folder, NULL, error) : code;
}

static enum error_code put(const struct store *store, const char *staged, const char *name,
                           struct error *error)
{
    char from[OS_PATH_BYTES], to[OS_PATH_BYTES];
    enum error_code code = path_of(store, staged, from, error);
    if (code == OK)
        code = make_way(store, name, to, error);
    return code == OK ? os_rename_no_replace(from, to, error) : code;
}

static enum error_code put_link(const struct store *store, const char *path, const char *name,
                                struct error *error)
{
    char to[OS_PATH_BYTES];
    enum error_code code = make_way(store, name, to, error);
    return code == OK ? os_link(path, to, error) : code;
}

/* The folder of names[index], unless it is that of an earlier one. */
static enum error_code next_folder(const struct store *store, const char *const *names,
                                   size_t index, bool *seen, char out[OS_PATH_BYTES],
                                   struct error *error)
{
    char earlier[OS_PATH_BYTES];
    *seen = false;
    enum error_code code = folder_of(store, names[index], out, error);
    for (size_t i = 0; code == OK && !*seen && i < index; i++) {
        code = folder_of(store, names[i], earlier, error);
        *seen = code == OK && strcmp(earlier, out) == 0;
    }
    return code;
}

/* Sync Y5. All folders up to the root are synced: an earlier try that died may have made some. */
static enum error_code sync_put(const struct store *store, const char *const *names, size_t count,
                                struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count; i++) {
        char folder[OS_PATH_BYTES];
        bool seen;
        code = next_folder(store, names, i, &seen, folder, error);
        if (code == OK && !seen)
            code = os_sync_directories_up_to(folder, store->root, error);
    }
    return code;
}

/* Sync Y7. Not all folders need have been made yet. */
static enum error_code sync_changed(const struct store *store, const char *const *names,
                                    size_t count, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count; i++) {
        char folder[OS_PATH_BYTES];
        code = folder_of(store, names[i], folder, error);
        if (code == OK && os_path_exists(folder))
            code = os_sync_directory(folder, error);
    }
    return code;
}

static enum error_code remove_file(const struct store *store, const char *name, struct error *error)
{
    char path[OS_PATH_BYTES];
    struct error failure;
    enum error_code code = path_of(store, name, path, error);
    if (code == OK)
        code = check_way(store, name, error);
    if (code != OK)
        return code;
    code = os_unlink(path, &failure);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

static enum error_code pass_by(void *context, const char *relative_path, uint64_t size_bytes,
                               struct error *error)
{
    (void)context;
    (void)relative_path;
    (void)size_bytes;
    (void)error;
    return OK;
}

/* What is deeper was left before. */
static void remove_if_empty(void *context, const char *relative_path)
{
    char path[OS_PATH_BYTES];
    if (os_path_join(path, context, relative_path, NULL) == OK)
        os_remove_if_empty(path);
}

static enum error_code tidy(const struct store *store, const char *below, struct error *error)
{
    char path[OS_PATH_BYTES], inside[OS_PATH_BYTES];
    const struct os_walker walker = {.context = path, .visit = pass_by, .leave = remove_if_empty};
    enum error_code code = path_of(store, below, path, error);
    if (code == OK)
        code = os_path_join(inside, below, "x", error);
    if (code == OK)
        code = check_way(store, inside, error);
    return code == OK && os_path_exists(path) ? os_walk(path, &walker, error) : code;
}

static enum error_code remove_files(const struct store *store, const char *const *names,
                                    size_t count, size_t *done, struct error *error)
{
    enum error_code code = OK;
    for (*done = 0; code == OK && *done < count; *done += code == OK)
        code = remove_file(store, names[*done], error);
    return code;
}

static enum error_code keep_as(const struct store *store, const char *from, const char *name,
                               unsigned attempt, char aside[OS_PATH_BYTES], struct error *error)
{
    char to[OS_PATH_BYTES];
    char suffix[16] = "";
    if (attempt > 1)
        snprintf(suffix, sizeof suffix, "-%u", attempt);
    int length =
        snprintf(aside, OS_PATH_BYTES, LAKE_DAMAGED "/%s" LAKE_DAMAGED_SUFFIX "%s", name, suffix);
    if (length < 0 || length >= OS_PATH_BYTES)
        return error_set(error, ERR_LIMIT, "the name %s is too long", name);
    enum error_code code = path_of(store, aside, to, error);
    return code == OK ? os_rename_no_replace(from, to, error) : code;
}

/* Sync Y9: where things are kept is durable before anything is in it, then its new name is, then
 * that the old one is gone. */
static enum error_code move_aside(const struct store *store, const char *name,
                                  char kept[OS_PATH_BYTES], struct error *error)
{
    char name_now[OS_PATH_BYTES];
    char from[OS_PATH_BYTES], aside[OS_PATH_BYTES], above[OS_PATH_BYTES], folder[OS_PATH_BYTES];
    const char *slash = strrchr(name, '/');
    enum error_code code = path_of(store, LAKE_DAMAGED, aside, error);
    if (code == OK)
        code = os_make_directories(aside, NULL, error);
    if (code == OK)
        code = path_of(store, LAKE_FOLDER, above, error);
    if (code == OK)
        code = os_sync_directory(above, error);
    if (code == OK)
        code = check_way(store, name, error);
    if (code == OK)
        code = path_of(store, name, from, error);
    if (code == OK && !os_path_exists(from))
        code = error_set(error, ERR_NOT_FOUND, "%s is not there", from);
    if (code != OK)
        return code;
    code = ERR_CONFLICT;
    for (unsigned attempt = 1; code == ERR_CONFLICT && attempt <= ASIDE_MAX; attempt++)
        code = keep_as(store, from, slash == NULL ? name : slash + 1, attempt,
                       kept == NULL ? name_now : kept, error);
    if (code == OK)
        code = os_sync_directory(aside, error);
    if (code == OK)
        code = os_parent_path(folder, from, error);
    return code == OK ? os_sync_directory(folder, error) : code;
}

/* Sync Y11: the folders that the new name needs are durable before the file is in them, then the
 * new name is, then that the old one is gone. */
static enum error_code move_file(const struct store *store, const char *name, const char *to,
                                 struct error *error)
{
    char from[OS_PATH_BYTES], folder[OS_PATH_BYTES];
    enum error_code code = path_of(store, name, from, error);
    if (code == OK)
        code = check_way(store, name, error);
    if (code == OK && !os_path_exists(from))
        code = error_set(error, ERR_NOT_FOUND, "%s is not there", from);
    if (code == OK)
        code = folder_of(store, to, folder, error);
    if (code == OK)
        code = os_make_directories(folder, NULL, error);
    if (code == OK)
        code = sync_put(store, &to, 1, error);
    if (code == OK)
        code = put(store, name, to, error);
    if (code == OK)
        code = os_sync_directory(folder, error);
    return code == OK ? sync_changed(store, &name, 1, error) : code;
}

/* ---- reading ---- */

static enum error_code open_path(const struct store *store, const char *path, const char *name,
                                 struct store_file *file, struct error *error)
{
    *file = (struct store_file){.store = store, .name = name};
    enum error_code code = os_file_open(&file->file, path, OS_OPEN_READ, error);
    return code == OK ? os_file_size(&file->file, &file->size_bytes, error) : code;
}

static enum error_code open_file(const struct store *store, const char *name,
                                 struct store_file *file, struct error *error)
{
    char path[OS_PATH_BYTES];
    *file = (struct store_file){0};
    enum error_code code = path_of(store, name, path, error);
    if (code == OK)
        code = open_path(store, path, name, file, error);
    if (file->file.path != NULL)
        file->name = file->file.path;
    return code;
}

static enum error_code read_range(const struct store_file *file, uint64_t offset, void *data,
                                  size_t size_bytes, struct error *error)
{
    return os_file_read(&file->file, offset, data, size_bytes, error);
}

static void close_file(struct store_file *file)
{
    os_file_release(&file->file);
}

static enum error_code read_whole(const struct store *store, const char *name, size_t limit_bytes,
                                  struct buffer *out, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = path_of(store, name, path, error);
    return code == OK ? os_read_whole(path, limit_bytes, out, error) : code;
}

static enum error_code replace(const struct store *store, const char *name,
                               struct bytes_view content, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = path_of(store, name, path, error);
    return code == OK ? os_write_atomically(path, content, error) : code;
}

static enum error_code walk(const struct store *store, const char *below,
                            const struct os_walker *walker, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = path_of(store, below, path, error);
    return code == OK ? os_walk(path, walker, error) : code;
}

static enum error_code free_space(const struct store *store, struct os_free_space *space,
                                  struct error *error)
{
    return os_free_space(store->root, space, error);
}

/* ---- the folder itself ---- */

static enum error_code resolve(struct store *store, struct error *error)
{
    char real[OS_PATH_BYTES];
    enum error_code code = os_real_path(real, store->root, error);
    if (code == OK)
        memcpy(store->root, real, sizeof real);
    return code;
}

static enum error_code find_lake(const struct store *store, struct error *error)
{
    char folder[OS_PATH_BYTES];
    enum error_code code = path_of(store, LAKE_FOLDER, folder, error);
    return code == OK && !os_path_exists(folder) ? ERR_NOT_FOUND : code;
}

static enum error_code make_staging(const struct store *store, struct error *error)
{
    char staging[OS_PATH_BYTES];
    enum error_code code = path_of(store, LAKE_STAGING, staging, error);
    return code == OK ? os_make_directories(staging, NULL, error) : code;
}

static enum error_code make(struct store *store, struct error *error)
{
    enum error_code code = os_make_directories(store->root, NULL, error);
    if (code == OK)
        code = resolve(store, error);
    return code == OK ? make_staging(store, error) : code;
}

/* As far as we may open them: one that we may not was not made by us. _lake itself was synced when
 * lake.json was written, after all else in it. */
static enum error_code sync_lake(const struct store *store, struct error *error)
{
    char path[OS_PATH_BYTES], above[OS_PATH_BYTES];
    enum error_code code = os_sync_directory(store->root, error);
    memcpy(path, store->root, sizeof path);
    while (code == OK) {
        code = os_parent_path(above, path, error);
        if (code != OK || strcmp(above, path) == 0)
            return code;
        struct error failure;
        if (os_sync_directory(above, &failure) != OK && failure.system_errno != EACCES &&
            failure.system_errno != EPERM && failure.system_errno != EROFS) {
            if (error != NULL)
                *error = failure;
            return failure.code;
        }
        memcpy(path, above, sizeof path);
    }
    return code;
}

static const struct store_backend folder_backend = {
    .is_folder = true,
    .path = path_of,
    .resolve = resolve,
    .find_lake = find_lake,
    .make = make,
    .make_staging = make_staging,
    .sync_lake = sync_lake,
    .probe = lake_probe,
    .put = put,
    .put_link = put_link,
    .sync_put = sync_put,
    .sync_changed = sync_changed,
    .remove = remove_file,
    .tidy = tidy,
    .remove_many = remove_files,
    .move_aside = move_aside,
    .move = move_file,
    .check_way = check_way,
    .exists = exists,
    .open = open_file,
    .read = read_range,
    .close = close_file,
    .read_whole = read_whole,
    .replace = replace,
    .create = replace,
    .walk = walk,
    .free_space = free_space,
};

enum error_code folder_at(struct store *store, const char *output_path, struct error *error)
{
    store->backend = &folder_backend;
    store->objects = NULL;
    return os_path_join(store->root, "", output_path, error);
}

enum error_code store_open_path(const char *path, struct store_file *file, struct error *error)
{
    static const struct store nowhere = {.backend = &folder_backend};
    return open_path(&nowhere, path, path, file, error);
}
