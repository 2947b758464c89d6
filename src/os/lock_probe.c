// SPDX-License-Identifier: Apache-2.0
#include "os/lock_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
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

struct device {
    unsigned major_number, minor_number;
};

/* The device by which the kernel lists the locks of a file: that of its mount. Overlays and Btrfs
 * give another one for the file itself, which serves where the mount is not known. */
static struct device device_of(const char *path, const struct stat *file)
{
    struct device device = {.major_number = major(file->st_dev),
                            .minor_number = minor(file->st_dev)};
    struct statx facts;
    if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &facts) != 0 || (facts.stx_mask & STATX_MNT_ID) == 0)
        return device;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (mounts == NULL)
        return device;
    char line[4096];
    uint64_t mount;
    struct device found;
    /* "36 35 98:0 /root /mount/point …" (proc_pid_mountinfo(5)) */
    while (fgets(line, sizeof line, mounts) != NULL)
        if (sscanf(line, "%" SCNu64 " %*d %u:%u ", &mount, &found.major_number,
                   &found.minor_number) == 3 &&
            mount == facts.stx_mnt_id)
            device = found;
    (void)fclose(mounts);
    return device;
}

/* "1: POSIX  ADVISORY  READ 4711 fd:01:1234 120 120"; a process of -1 holds it by an open file. */
static bool is_others_lock(const char *line, struct device device, uint64_t inode, int64_t *pid)
{
    struct device at;
    uint64_t locked;
    if (sscanf(line, "%*d: %*s %*s %*s %" SCNd64 " %x:%x:%" SCNu64, pid, &at.major_number,
               &at.minor_number, &locked) != 4)
        return false; /* one that waits ("1: -> POSIX …") among them */
    return locked == inode && at.major_number == device.major_number &&
           at.minor_number == device.minor_number && *pid != os_process_id();
}

void os_lock_find_holder(const char *path, struct os_lock_holder *holder)
{
    char line[256];
    struct stat file;
    int64_t pid;
    *holder = (struct os_lock_holder){0};
    if (os_calls_get()->stat(path, &file) != 0)
        return;
    struct device device = device_of(path, &file);
    FILE *locks = fopen("/proc/locks", "re");
    if (locks == NULL)
        return;
    while (!holder->held && fgets(line, sizeof line, locks) != NULL)
        if (is_others_lock(line, device, file.st_ino, &pid))
            *holder = (struct os_lock_holder){.held = true, .pid = pid > 0 ? pid : 0};
    (void)fclose(locks);
}
