// SPDX-License-Identifier: Apache-2.0
#include "os/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/path.h"
#include "util/bytes.h"

/* ---- the components of a path ---- */

/* The component at *at, without slashes; *at goes behind it. An empty one is the end. */
static struct bytes_view next_component(const char **at)
{
    while (**at == '/')
        (*at)++;
    const char *begin = *at;
    *at += strcspn(begin, "/");
    return bytes_view_of(begin, (size_t)(*at - begin));
}

static bool is_text(struct bytes_view component, const char *text)
{
    return component.size_bytes == strlen(text) &&
           memcmp(component.data, text, component.size_bytes) == 0;
}

static bool is_last(const char *at)
{
    return at[strspn(at, "/")] == '\0';
}

/* Where the fence begins in `path`: at its last component of that name; NULL if it has none. */
static const char *find_fence(const char *path)
{
    const char *fence = NULL;
    for (const char *at = path;;) {
        struct bytes_view component = next_component(&at);
        if (component.size_bytes == 0)
            return fence;
        if (is_text(component, OS_FENCED_FOLDER))
            fence = (const char *)component.data;
        else if (is_text(component, ".."))
            fence = NULL;
    }
}

/* ---- going in ---- */

static int fail(int system_errno)
{
    errno = system_errno;
    return -1;
}

static bool copy_name(char storage[256], struct bytes_view component)
{
    if (component.size_bytes >= 256)
        return false;
    memcpy(storage, component.data, component.size_bytes);
    storage[component.size_bytes] = '\0';
    return true;
}

/* The folder that the fence stands in: links on the way are the operator's. */
static int open_outside(const char *path, const char *fence)
{
    char outside[OS_PATH_BYTES];
    size_t length = (size_t)(fence - path);
    if (length >= sizeof outside)
        return fail(ENAMETOOLONG);
    memcpy(outside, path, length);
    outside[length] = '\0';
    return open(length == 0 ? "." : outside, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* One folder further in; the one it lies in is closed in every case. */
static int open_inside(int folder_fd, const char *name)
{
    struct stat info;
    int fd = openat(folder_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int system_errno = errno;
    if (fd < 0 && system_errno == ENOTDIR &&
        fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode))
        system_errno = ELOOP;
    close(folder_fd);
    errno = system_errno;
    return fd;
}

int os_fence_enter(struct os_fenced_path *fenced, const char *path)
{
    const char *at = find_fence(path);
    *fenced = (struct os_fenced_path){.inside = at != NULL, .folder_fd = AT_FDCWD, .name = path};
    if (at == NULL)
        return 0;
    int fd = open_outside(path, at);
    while (fd >= 0) {
        if (!copy_name(fenced->storage, next_component(&at))) {
            close(fd);
            return fail(ENAMETOOLONG);
        }
        if (is_last(at))
            break;
        fd = open_inside(fd, fenced->storage);
    }
    if (fd < 0)
        return -1;
    fenced->folder_fd = fd;
    fenced->name = fenced->storage;
    return 0;
}

void os_fence_leave(struct os_fenced_path *fenced)
{
    int system_errno = errno;
    if (fenced->inside)
        close(fenced->folder_fd);
    errno = system_errno;
}

/* ---- saying what is wrong ---- */

static const char *kind_of(mode_t mode)
{
    if (S_ISFIFO(mode))
        return "a pipe";
    if (S_ISSOCK(mode))
        return "a socket";
    return S_ISBLK(mode) || S_ISCHR(mode) ? "a device" : NULL;
}

bool os_fence_holds(const char *path)
{
    return find_fence(path) != NULL;
}

/* Looks at the first `length` bytes of `path`, without following what they name. */
static bool is_refused(const char *path, size_t length, struct error *error)
{
    char prefix[OS_PATH_BYTES];
    struct stat info;
    memcpy(prefix, path, length);
    prefix[length] = '\0';
    if (lstat(prefix, &info) != 0)
        return false;
    if (S_ISLNK(info.st_mode))
        (void)error_set(error, ERR_INVALID,
                        "%s is a link: " OS_FENCED_FOLDER
                        " and all below it must be real folders and files, so that nothing outside "
                        "the lake is ever touched; put what it leads to in its place, or remove it",
                        prefix);
    else if (kind_of(info.st_mode) != NULL)
        (void)error_set(error, ERR_INVALID, "%s is %s, not a file: move it away", prefix,
                        kind_of(info.st_mode));
    else
        return false;
    return true;
}

bool os_fence_refuses(const char *path, struct error *error)
{
    const char *at = find_fence(path);
    if (at == NULL || strlen(path) >= OS_PATH_BYTES)
        return false;
    while (!is_last(at)) {
        (void)next_component(&at);
        if (is_refused(path, (size_t)(at - path), error))
            return true;
    }
    return false;
}

enum error_code os_refuse_linked_folders(const char *root, const char *relative_path,
                                         struct error *error)
{
    char path[OS_PATH_BYTES];
    struct stat info;
    enum error_code code = os_path_join(path, root, relative_path, error);
    const char *at = code == OK ? path + (strlen(path) - strlen(relative_path)) : NULL;
    while (code == OK && next_component(&at).size_bytes > 0 && !is_last(at)) {
        char *end = path + (at - path);
        *end = '\0';
        if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode))
            code = error_set(error, ERR_INVALID,
                             "%s is a link: files below it are read, but never written, moved or "
                             "deleted there, since it leads out of the lake; move the folder it "
                             "leads to into its place, or mount it there",
                             path);
        *end = '/';
    }
    return code;
}
