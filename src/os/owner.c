// SPDX-License-Identifier: Apache-2.0
#include "os/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "os/calls.h"
#include "os/path.h"

/* The folder's owner, if this is root and the folder is somebody else's. */
static bool other_owner(const char *path, struct stat *folder)
{
    char above[OS_PATH_BYTES];
    return os_calls_get()->geteuid() == 0 && os_parent_path(above, path, NULL) == OK &&
           os_calls_get()->stat(above, folder) == 0 && folder->st_uid != 0;
}

/* Without the right to give files away (a container's root without CAP_CHOWN) they stay root's. */
static void give(int fd, const struct stat *folder)
{
    (void)os_calls_get()->fchown(fd, folder->st_uid, folder->st_gid);
}

void os_owner_give_file(int fd, const char *path)
{
    struct stat folder, file;
    /* A second name may be a link to a file of root's elsewhere, made by the folder's owner. */
    if (other_owner(path, &folder) && os_calls_get()->fstat(fd, &file) == 0 && file.st_uid == 0 &&
        S_ISREG(file.st_mode) && file.st_nlink == 1)
        give(fd, &folder);
}

void os_owner_give_folder(const char *path)
{
    struct stat above, folder;
    if (!other_owner(path, &above))
        return;
    int fd = os_calls_get()->open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (os_calls_get()->fstat(fd, &folder) == 0 && folder.st_uid == 0)
        give(fd, &above);
    os_calls_get()->close(fd);
}

bool os_owner_may_write(const char *path)
{
    if (os_calls_get()->may_write(path) == 0)
        return true;
    /* Anything else says nothing of rights: a sandbox that forbids to ask gives EPERM. */
    return errno != EACCES && errno != EROFS;
}

void os_owner_describe(const char *path, char out[OS_OWNER_WORDS_BYTES])
{
    struct stat info;
    unsigned user = (unsigned)os_calls_get()->geteuid();
    if (os_calls_get()->stat(path, &info) == 0)
        snprintf(out, OS_OWNER_WORDS_BYTES, "this process runs as user %u, it belongs to user %u",
                 user, (unsigned)info.st_uid);
    else
        snprintf(out, OS_OWNER_WORDS_BYTES, "this process runs as user %u", user);
}
