// SPDX-License-Identifier: Apache-2.0
/* os_walk of os/file.h: all regular files below a directory. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "os/file.h"

/* Deeper than any layout of ours; stops loops made by bind mounts. */
#define WALK_DEPTH_MAX 64

struct walk {
    const char *root;
    os_enter_function *enter;
    os_visit_function *visit;
    void *context;
    struct buffer relative; /* path of the directory being read, NUL-terminated, "" for the root */
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

static enum error_code visit_entry(struct walk *walk, const char *name, int depth,
                                   struct error *error)
{
    char path[OS_PATH_BYTES];
    size_t before = walk->relative.size_bytes;
    struct stat info;
    enum error_code code = push_name(walk, name, error);
    if (code == OK)
        code = os_path_join(path, walk->root, (const char *)walk->relative.data, error);
    if (code != OK)
        return code;
    const char *relative = (const char *)walk->relative.data;
    if (lstat(path, &info) != 0) {
        if (errno != ENOENT) /* gone since it was listed: someone else's business */
            return error_set_errno(error, errno, "cannot look at %s", path);
    } else if (S_ISREG(info.st_mode)) {
        code = walk->visit(walk->context, relative, (uint64_t)info.st_size, error);
    } else if (S_ISDIR(info.st_mode) &&
               (walk->enter == NULL || walk->enter(walk->context, relative))) {
        code = walk_directory(walk, depth + 1, error);
    }
    return code == OK ? pop_to(walk, before, error) : code;
}

static enum error_code walk_directory(struct walk *walk, int depth, struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = os_path_join(path, walk->root, (const char *)walk->relative.data, error);
    if (code != OK)
        return code;
    if (depth > WALK_DEPTH_MAX)
        return error_set(error, ERR_LIMIT, "%s lies more than %d directories deep", path,
                         WALK_DEPTH_MAX);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        if (errno == ENOENT && depth > 0)
            return OK;
        return error_set_errno(error, errno, "cannot read the directory %s", path);
    }
    while (code == OK) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            if (errno != 0)
                code = error_set_errno(error, errno, "cannot read the directory %s", path);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            code = visit_entry(walk, entry->d_name, depth, error);
    }
    closedir(directory);
    return code;
}

enum error_code os_walk(const char *root, os_enter_function *enter, os_visit_function *visit,
                        void *context, struct error *error)
{
    struct walk walk = {.root = root, .enter = enter, .visit = visit, .context = context};
    buffer_init(&walk.relative);
    enum error_code code = pop_to(&walk, 0, error);
    if (code == OK)
        code = walk_directory(&walk, 0, error);
    buffer_release(&walk.relative);
    return code;
}
