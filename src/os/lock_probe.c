// SPDX-License-Identifier: Apache-2.0
#include "os/lock_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "os/calls.h"
#include "os/file.h"
#include "os/identity.h"

enum error_code os_lock_probe(const char *path, uint64_t offset, uint64_t length,
                              struct os_lock_holder *holder, struct error *error)
{
    struct os_file file;
    struct error failure;
    *holder = (struct os_lock_holder){0};
    os_file_init(&file);
    enum error_code code = os_file_open(&file, path, OS_OPEN_READ, &failure);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code == OK) {
        /* What would be in the way of a lock for writing: every other one. */
        struct flock lock = {.l_type = F_WRLCK,
                             .l_whence = SEEK_SET,
                             .l_start = (off_t)offset,
                             .l_len = (off_t)length};
        if (fcntl(file.fd, F_GETLK, &lock) != 0) {
            code = error_set_errno(&failure, errno, "cannot ask for the locks on %s", path);
        } else if (lock.l_type != F_UNLCK) {
            holder->held = true;
            holder->pid = lock.l_pid > 0 ? lock.l_pid : 0;
        }
    }
    os_file_release(&file);
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

/* "1: POSIX  ADVISORY  READ 4711 fd:01:1234 120 120"; a process of -1 holds it by an open file. */
static bool is_others_lock(const char *line, const struct stat *file, int64_t *pid)
{
    unsigned major_number, minor_number;
    uint64_t inode;
    if (sscanf(line, "%*d: %*s %*s %*s %" SCNd64 " %x:%x:%" SCNu64, pid, &major_number,
               &minor_number, &inode) != 4)
        return false; /* one that waits ("1: -> POSIX …") among them */
    return inode == file->st_ino && major_number == major(file->st_dev) &&
           minor_number == minor(file->st_dev) && *pid != os_process_id();
}

void os_lock_find_holder(const char *path, struct os_lock_holder *holder)
{
    char line[256];
    struct stat file;
    int64_t pid;
    *holder = (struct os_lock_holder){0};
    if (os_calls_get()->stat(path, &file) != 0)
        return;
    FILE *locks = fopen("/proc/locks", "re");
    if (locks == NULL)
        return;
    while (!holder->held && fgets(line, sizeof line, locks) != NULL)
        if (is_others_lock(line, &file, &pid))
            *holder = (struct os_lock_holder){.held = true, .pid = pid > 0 ? pid : 0};
    (void)fclose(locks);
}
