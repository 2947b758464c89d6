// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_CALLS_H
#define TTP_OS_CALLS_H

/*
 * Every system call on files that this program makes goes through one table, so that tests can
 * fail, shorten or stop the N-th of them. The functions have the meaning, results and errno of
 * their namesakes, but for paths into a lake's own folder, which never pass a link: errno ELOOP
 * (os/fence.h). The table is set before threads start and never while they run.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

struct os_calls {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *data, size_t size_bytes, off_t offset);
    ssize_t (*pwrite)(int fd, const void *data, size_t size_bytes, off_t offset);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    int (*ftruncate)(int fd, off_t size_bytes);
    int (*fstat)(int fd, struct stat *out);
    int (*stat)(const char *path, struct stat *out);
    int (*rename_no_replace)(const char *from, const char *to); /* renameat2(RENAME_NOREPLACE) */
    int (*rename)(const char *from, const char *to);
    int (*link)(const char *path, const char *name); /* a link `path` is followed outside a lake */
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
    int (*statvfs)(const char *path, struct statvfs *out);
    /* An open-file-description lock on the whole file, exclusive or shared, in place of one that
     * the description has; not waiting: EAGAIN if others are in the way. */
    int (*lock)(int fd);
    int (*lock_shared)(int fd);
    int (*fchown)(int fd, uid_t user, gid_t group);
    int (*fchmod)(int fd, mode_t mode);
    int (*may_write)(const char *path); /* faccessat(W_OK, AT_EACCESS) */
    uid_t (*geteuid)(void);
};

/* The kernel's. */
extern const struct os_calls os_calls_real;

/* The table in force; os_calls_set(NULL) goes back to the kernel's. */
const struct os_calls *os_calls_get(void);
void os_calls_set(const struct os_calls *calls);

#endif
