// SPDX-License-Identifier: Apache-2.0
#include "store/probe.h"

#include <errno.h>
#include <string.h>

#include "os/owner.h"

struct probe {
    const char *root;
    char staged[OS_PATH_BYTES], final[OS_PATH_BYTES], staging[OS_PATH_BYTES];
};

/* ---- rights ---- */

static enum error_code set_rights_error(const char *root, const char *path, int system_errno,
                                        struct error *error)
{
    char owner[OS_OWNER_WORDS_BYTES];
    if (system_errno == EROFS)
        return error_set(error, ERR_INVALID,
                         "%s is on a file system that is mounted read-only: mount it for writing",
                         path);
    os_owner_describe(path, owner);
    return error_set(error, ERR_INVALID,
                     "%s can't be written to: %s. Give the lake to the user who runs this, as root "
                     "with `chown -R USER %s`, or run this as its owner",
                     path, owner, root);
}

static enum error_code check_rights(const struct store *store, const char *const *places,
                                    size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        char path[OS_PATH_BYTES];
        enum error_code code = store_path(store, places[i], path, error);
        if (code != OK)
            return code;
        if (os_path_exists(path) && !os_owner_may_write(path))
            return set_rights_error(store->root, path, errno, error);
    }
    return OK;
}

/* ---- the file system ---- */

static enum error_code make_staged(const struct probe *probe, struct error *error)
{
    struct os_file file;
    enum error_code code = os_file_open(&file, probe->staged, OS_OPEN_CREATE_NEW, error);
    os_file_release(&file);
    return code;
}

static enum error_code delete_if_there(const char *path, struct error *error)
{
    struct error failure;
    enum error_code code = os_unlink(path, &failure);
    if (code == OK || code == ERR_NOT_FOUND)
        return OK;
    if (error != NULL)
        *error = failure;
    return code;
}

/* A staged file gets a name, and the next one does not get the same. */
static enum error_code try_names(const struct probe *probe, struct error *error)
{
    enum error_code code = make_staged(probe, error);
    if (code == OK)
        code = os_rename_no_replace(probe->staged, probe->final, error);
    if (code == OK)
        code = make_staged(probe, error);
    if (code != OK)
        return code;
    code = os_rename_no_replace(probe->staged, probe->final, error);
    if (code == ERR_CONFLICT)
        return OK;
    if (code == OK)
        code =
            error_set_errno(error, EINVAL, "%s replaced another file of that name", probe->final);
    return code;
}

/* Whether it can be a file of a probe: they are empty. */
static bool is_empty_file(const char *path)
{
    struct os_file file;
    uint64_t size_bytes = 1;
    bool is_empty = os_file_open(&file, path, OS_OPEN_READ, NULL) == OK &&
                    os_file_size(&file, &size_bytes, NULL) == OK && size_bytes == 0;
    os_file_release(&file);
    return is_empty;
}

/* In staging all is ours; outside of it somebody may have taken the name. */
static enum error_code clean_up(const struct probe *probe, struct error *error)
{
    enum error_code code = delete_if_there(probe->staged, error);
    return code == OK && is_empty_file(probe->final) ? delete_if_there(probe->final, error) : code;
}

/* What the file system won't do is no fault that passes. */
static enum error_code explain(const struct probe *probe, enum error_code code, const char *what,
                               struct error *error)
{
    char reason[ERROR_MESSAGE_BYTES];
    if (code == OK || code == ERR_RETRY || !os_is_refusal(error->system_errno))
        return code;
    memcpy(reason, error->message, sizeof reason);
    return error_set(error, ERR_INVALID,
                     "the file system of %s can't %s (%.500s): no commit on it could be safe. Put "
                     "output_path on a local file system (ext4, XFS, btrfs, ZFS) or on NFS, not on "
                     "a mounted object store or a folder shared with a virtual machine",
                     probe->root, what, reason);
}

enum error_code lake_probe(const struct store *store, const char *const *others, size_t other_count,
                           struct error *error)
{
    static const char *const places[] = {"",           LAKE_FOLDER, LAKE_STAGING, LAKE_DEAD_LETTERS,
                                         LAKE_DAMAGED, LAKE_LOCK};
    struct probe probe = {.root = store->root};
    struct error failure;
    error_clear(&failure);
    enum error_code code = check_rights(store, places, sizeof places / sizeof *places, &failure);
    if (code == OK)
        code = check_rights(store, others, other_count, &failure);
    if (code == OK)
        code = store_make_staging(store, &failure);
    if (code == OK)
        code = store_path(store, LAKE_STAGING, probe.staging, &failure);
    if (code == OK)
        code = store_path(store, LAKE_PROBE_STAGED, probe.staged, &failure);
    if (code == OK)
        code = store_path(store, LAKE_PROBE_FINAL, probe.final, &failure);
    if (code == OK)
        code = clean_up(&probe, &failure);
    if (code == OK) {
        code = explain(&probe, try_names(&probe, &failure),
                       "give a file its name without replacing another", &failure);
        enum error_code cleaned = clean_up(&probe, code == OK ? &failure : NULL);
        code = code == OK ? cleaned : code;
    }
    /* Last, so that what was staged stays deleted after a power loss. No commit may count on it. */
    if (code == OK)
        code =
            explain(&probe, os_sync_directory(probe.staging, &failure), "sync folders", &failure);
    if (code == ERR_RETRY)
        return OK;
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}
