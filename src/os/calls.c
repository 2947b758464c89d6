// SPDX-License-Identifier: Apache-2.0
#include "os/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fence.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1u << 0)
#endif

/* Every path goes through the fence (os/fence.h). */

static int real_open(const char *path, int flags, mode_t mode)
{
    struct os_fenced_path at;
    if (os_fence_enter(&at, path) != 0)
        return -1;
    int fd = openat(at.folder_fd, at.name, flags | (at.inside ? O_NOFOLLOW : 0), mode);
    os_fence_leave(&at);
    return fd;
}

static int real_fstat(int fd, struct stat *out)
{
    return fstat(fd, out);
}

static int real_stat(const char *path, struct stat *out)
{
    struct os_fenced_path at;
    if (os_fence_enter(&at, path) != 0)
        return -1;
    int result = fstatat(at.folder_fd, at.name, out, at.inside ? AT_SYMLINK_NOFOLLOW : 0);
    os_fence_leave(&at);
    return result;
}

typedef int two_path_function(const struct os_fenced_path *from, const struct os_fenced_path *to);

static int call_with_two(const char *from, const char *to, two_path_function *call)
{
    struct os_fenced_path from_at, to_at;
    if (os_fence_enter(&from_at, from) != 0)
        return -1;
    int result = os_fence_enter(&to_at, to);
    if (result == 0) {
        result = call(&from_at, &to_at);
        os_fence_leave(&to_at);
    }
    os_fence_leave(&from_at);
    return result;
}

static int replace(const struct os_fenced_path *from, const struct os_fenced_path *to)
{
    return renameat(from->folder_fd, from->name, to->folder_fd, to->name);
}

/* File systems without RENAME_NOREPLACE (EINVAL) get a hard link, which never replaces either. */
static int do_not_replace(const struct os_fenced_path *from, const struct os_fenced_path *to)
{
    if (syscall(SYS_renameat2, from->folder_fd, from->name, to->folder_fd, to->name,
                RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(from->folder_fd, from->name, to->folder_fd, to->name, 0) != 0)
        return -1;
    return unlinkat(from->folder_fd, from->name, 0);
}

static int add_name(const struct os_fenced_path *path, const struct os_fenced_path *name)
{
    return linkat(path->folder_fd, path->name, name->folder_fd, name->name,
                  path->inside ? 0 : AT_SYMLINK_FOLLOW);
}

static int real_link(const char *path, const char *name)
{
    return call_with_two(path, name, add_name);
}

static int real_rename(const char *from, const char *to)
{
    return call_with_two(from, to, replace);
}

static int real_rename_no_replace(const char *from, const char *to)
{
    return call_with_two(from, to, do_not_replace);
}

static int remove_fenced(const char *path, int flags)
{
    struct os_fenced_path at;
    if (os_fence_enter(&at, path) != 0)
        return -1;
    int result = unlinkat(at.folder_fd, at.name, flags);
    os_fence_leave(&at);
    return result;
}

static int real_unlink(const char *path)
{
    return remove_fenced(path, 0);
}

static int real_rmdir(const char *path)
{
    return remove_fenced(path, AT_REMOVEDIR);
}

static int real_mkdir(const char *path, mode_t mode)
{
    struct os_fenced_path at;
    if (os_fence_enter(&at, path) != 0)
        return -1;
    int result = mkdirat(at.folder_fd, at.name, mode);
    os_fence_leave(&at);
    return result;
}

static int lock_as(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno == EACCES)
        errno = EAGAIN;
    return -1;
}

static int real_lock(int fd)
{
    return lock_as(fd, F_WRLCK);
}

static int real_lock_shared(int fd)
{
    return lock_as(fd, F_RDLCK);
}

static int real_may_write(const char *path)
{
    struct os_fenced_path at;
    if (os_fence_enter(&at, path) != 0)
        return -1;
    int result = faccessat(at.folder_fd, at.name, W_OK, AT_EACCESS);
    os_fence_leave(&at);
    return result;
}

const struct os_calls os_calls_real = {
    .open = real_open,
    .close = close,
    .pread = pread,
    .pwrite = pwrite,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .ftruncate = ftruncate,
    .fstat = real_fstat,
    .stat = real_stat,
    .rename_no_replace = real_rename_no_replace,
    .rename = real_rename,
    .link = real_link,
    .unlink = real_unlink,
    .mkdir = real_mkdir,
    .rmdir = real_rmdir,
    .statvfs = statvfs,
    .lock = real_lock,
    .lock_shared = real_lock_shared,
    .fchown = fchown,
    .fchmod = fchmod,
    .may_write = real_may_write,
    .geteuid = geteuid,
};

static const struct os_calls *in_force = &os_calls_real;

const struct os_calls *os_calls_get(void)
{
    return in_force;
}

void os_calls_set(const struct os_calls *calls)
{
    in_force = calls == NULL ? &os_calls_real : calls;
}
