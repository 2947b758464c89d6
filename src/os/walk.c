// SPDX-License-Identifier: Apache-2.0
/* os_walk of os/file.h: all regular files below a directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/calls.h"
#include "os/fence.h"
#include "os/file.h"

/* Deeper than any layout of ours; stops loops made by bind mounts. */
#define WALK_DEPTH_MAX 64

struct walk {
    const char *root;
    const struct os_walker *walker;
    struct buffer relative; /* path of the directory being read, NUL-terminated, "" for the root */
    bool behind_link;
};

static enum error_code walk_directory(struct walk *walk, int depth, struct error *error);

/* Appends "/name" (or "name" at the root) and a NUL; the size leaves the NUL out. */
static enum error_code push_name(struct walk *walk, const char *name, struct error *error)
{
    if (buffer_append_format(&walk->relative, "%s%s", walk->relative.size_bytes == 0 ? "" : "/",
                             name) != OK)
        return error_no_memory(error, "a directory walk");
    return OK;
}

static enum error_code pop_to(struct walk *walk, size_t size_bytes, struct error *error)
{
    walk->relative.size_bytes = size_bytes;
    if (buffer_reserve(&walk->relative, 1) != OK)
        return error_no_memory(error, "a directory walk");
    walk->relative.data[size_bytes] = '\0';
    return OK;
}

/* Whether `inner` is `outer`, or lies below it; both without links. */
static bool is_within(const char *inner, const char *outer)
{
    size_t length = strlen(outer);
    return strncmp(inner, outer, length) == 0 &&
           (inner[length] == '\0' || inner[length] == '/' || outer[length - 1] == '/');
}

/* A link to a folder that has nothing in common with the root: what lies in the root is met by its
 * own way, and a folder that holds the root has no end. */
static bool leads_out(const struct walk *walk, const char *path)
{
    char root[OS_PATH_BYTES], target[OS_PATH_BYTES];
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode) &&
           os_real_path(root, walk->root, NULL) == OK && os_real_path(target, path, NULL) == OK &&
           !is_within(target, root) && !is_within(root, target);
}

static enum error_code visit_link(struct walk *walk, const char *path, int depth,
                                  struct error *error)
{
    const struct os_walker *walker = walk->walker;
    if (walker->follow == NULL || walk->behind_link || !leads_out(walk, path) ||
        !walker->follow(walker->context, (const char *)walk->relative.data))
        return OK;
    walk->behind_link = true;
    enum error_code code = walk_directory(walk, depth + 1, error);
    walk->behind_link = false;
    return code;
}

static enum error_code visit_entry(struct walk *walk, int directory_fd, const char *name, int depth,
                                   struct error *error)
{
    char path[OS_PATH_BYTES];
    const struct os_walker *walker = walk->walker;
    size_t before = walk->relative.size_bytes;
    struct stat info;
    enum error_code code = push_name(walk, name, error);
    if (code == OK)
        code = os_path_join(path, walk->root, (const char *)walk->relative.data, error);
    if (code != OK)
        return code;
    const char *relative = (const char *)walk->relative.data;
    if (fstatat(directory_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) /* gone since it was listed: someone else's business */
            return error_set_errno(error, errno, "cannot look at %s", path);
    } else if (S_ISREG(info.st_mode)) {
        code = walker->visit(walker->context, relative, (uint64_t)info.st_size, error);
    } else if (S_ISDIR(info.st_mode)) {
        if (walker->enter == NULL || walker->enter(walker->context, relative))
            code = walk_directory(walk, depth + 1, error);
        if (code == OK && walker->leave != NULL)
            walker->leave(walker->context, (const char *)walk->relative.data);
    } else if (os_fence_refuses(path, error)) {
        code = ERR_INVALID;
    } else if (S_ISLNK(info.st_mode)) {
        code = visit_link(walk, path, depth, error);
    }
    return code == OK ? pop_to(walk, before, error) : code;
}

/* *directory NULL: it is gone since it was listed. */
static enum error_code open_directory(const char *path, int depth, DIR **directory,
                                      struct error *error)
{
    int fd = os_calls_get()->open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    *directory = fd < 0 ? NULL : fdopendir(fd);
    if (*directory != NULL)
        return OK;
    int system_errno = errno;
    if (fd >= 0)
        os_calls_get()->close(fd);
    if (system_errno == ENOENT && depth > 0)
        return OK;
    return os_fence_refuses(path, error)
               ? ERR_INVALID
               : error_set_errno(error, system_errno, "cannot read the directory %s", path);
}

static enum error_code walk_directory(struct walk *walk, int depth, struct error *error)
{
    char path[OS_PATH_BYTES];
    DIR *directory = NULL;
    enum error_code code = os_path_join(path, walk->root, (const char *)walk->relative.data, error);
    if (code == OK && depth > WALK_DEPTH_MAX)
        code = error_set(error, ERR_LIMIT,
                         "%s lies more than %d directories deep, as nothing of a lake does; move "
                         "it away",
                         path, WALK_DEPTH_MAX);
    if (code == OK)
        code = open_directory(path, depth, &directory, error);
    if (code != OK || directory == NULL)
        return code;
    while (code == OK) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            if (errno != 0)
                code = error_set_errno(error, errno, "cannot read the directory %s", path);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            code = visit_entry(walk, dirfd(directory), entry->d_name, depth, error);
    }
    closedir(directory);
    return code;
}

enum error_code os_walk(const char *root, const struct os_walker *walker, struct error *error)
{
    struct walk walk = {.root = root, .walker = walker};
    buffer_init(&walk.relative);
    enum error_code code = pop_to(&walk, 0, error);
    if (code == OK)
        code = walk_directory(&walk, 0, error);
    buffer_release(&walk.relative);
    return code;
}
