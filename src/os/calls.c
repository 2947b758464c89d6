// SPDX-License-Identifier: Apache-2.0
#include "os/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1u << 0)
#endif

static int real_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

static int real_fstat(int fd, struct stat *out)
{
    return fstat(fd, out);
}

static int real_stat(const char *path, struct stat *out)
{
    return stat(path, out);
}

/* File systems without RENAME_NOREPLACE (EINVAL) get a hard link, which never replaces either. */
static int real_rename_no_replace(const char *from, const char *to)
{
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (link(from, to) != 0)
        return -1;
    return unlink(from);
}

static int real_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno == EACCES)
        errno = EAGAIN;
    return -1;
}

static int real_may_write(const char *path)
{
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
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
    .rename = rename,
    .unlink = unlink,
    .mkdir = mkdir,
    .rmdir = rmdir,
    .statvfs = statvfs,
    .lock = real_lock,
    .fchown = fchown,
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
