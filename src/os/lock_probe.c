// SPDX-License-Identifier: Apache-2.0
#include "os/lock_probe.h"

#include <errno.h>
#include <fcntl.h>

#include "os/calls.h"
#include "os/file.h"

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
