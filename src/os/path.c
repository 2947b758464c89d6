// SPDX-License-Identifier: Apache-2.0
#include "os/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum error_code os_path_join(char out[OS_PATH_BYTES], const char *directory, const char *name,
                             struct error *error)
{
    size_t length = strlen(directory);
    const char *separator = length == 0 || directory[length - 1] == '/' ? "" : "/";
    int written = snprintf(out, OS_PATH_BYTES, "%s%s%s", directory, separator, name);
    if (written < 0 || written >= OS_PATH_BYTES)
        return error_set(error, ERR_LIMIT, "the path %.200s…/%.200s is too long", directory, name);
    return OK;
}

/* The directory that holds `path`: "." for a bare name, "/" for one below the root. */
enum error_code os_parent_path(char out[OS_PATH_BYTES], const char *path, struct error *error)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length >= OS_PATH_BYTES)
        return error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
    if (length == 0)
        memcpy(out, ".", 2);
    else {
        memcpy(out, path, length);
        out[length] = '\0';
    }
    return OK;
}

enum error_code os_absolute_path(char out[OS_PATH_BYTES], const char *path, struct error *error)
{
    char folder[OS_PATH_BYTES];
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        while (path[0] == '/')
            path++;
    }
    if (path[0] == '/')
        return os_path_join(out, "", path, error);
    if (getcwd(folder, sizeof folder) == NULL)
        return error_set_errno(error, errno, "cannot find out the working folder");
    return os_path_join(out, folder, path, error);
}

enum error_code os_real_path(char out[OS_PATH_BYTES], const char *path, struct error *error)
{
    char *resolved = realpath(path, NULL);
    if (resolved == NULL)
        return error_set_errno(error, errno, "cannot resolve the path %s", path);
    size_t length = strlen(resolved);
    enum error_code code = OK;
    if (length >= OS_PATH_BYTES)
        code = error_set(error, ERR_LIMIT, "the path %.200s… is too long", resolved);
    else
        memcpy(out, resolved, length + 1);
    free(resolved);
    return code;
}
