// SPDX-License-Identifier: Apache-2.0
#include "store/damaged.h"

#include <stdio.h>
#include <string.h>

#include "store/layout.h"
#include "os/file.h"

#define ATTEMPTS_MAX 100000 /* things of one name that can be kept */

static enum error_code keep_as(const char *root, const char *from, const char *name,
                               unsigned attempt, struct error *error)
{
    char to[OS_PATH_BYTES], relative[OS_PATH_BYTES];
    char suffix[16] = "";
    if (attempt > 1)
        snprintf(suffix, sizeof suffix, "-%u", attempt);
    int length = snprintf(relative, sizeof relative, LAKE_DAMAGED "/%s" LAKE_DAMAGED_SUFFIX "%s",
                          name, suffix);
    if (length < 0 || (size_t)length >= sizeof relative)
        return error_set(error, ERR_LIMIT, "the name %s is too long", name);
    enum error_code code = os_path_join(to, root, relative, error);
    return code == OK ? os_rename_no_replace(from, to, error) : code;
}

enum error_code damaged_keep(const char *root, const char *path, struct error *error)
{
    char from[OS_PATH_BYTES], folder[OS_PATH_BYTES], above[OS_PATH_BYTES], directory[OS_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    enum error_code code = os_path_join(folder, root, LAKE_DAMAGED, error);
    if (code == OK)
        code = os_make_directories(folder, NULL, error);
    if (code == OK)
        code = os_path_join(above, root, LAKE_FOLDER, error);
    if (code == OK) /* before anything is in it: the folder must not be lost with it */
        code = os_sync_directory(above, error);
    if (code == OK)
        code = os_refuse_linked_folders(root, path, error);
    if (code == OK)
        code = os_path_join(from, root, path, error);
    if (code == OK && !os_path_exists(from))
        code = error_set(error, ERR_NOT_FOUND, "%s is not there", from);
    if (code != OK)
        return code;
    code = ERR_CONFLICT;
    for (unsigned attempt = 1; code == ERR_CONFLICT && attempt <= ATTEMPTS_MAX; attempt++)
        code = keep_as(root, from, name, attempt, error);
    if (code == OK)
        code = os_sync_directory(folder, error);
    if (code == OK)
        code = os_parent_path(directory, from, error);
    return code == OK ? os_sync_directory(directory, error) : code;
}
