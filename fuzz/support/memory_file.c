// SPDX-License-Identifier: Apache-2.0
#include "support/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/calls.h"

static struct {
    const char *name;
    int fd;
} files[MEMORY_FILE_MAX];

static void fail(const char *what)
{
    perror(what);
    abort();
}

static int find(const char *name)
{
    for (int i = 0; i < MEMORY_FILE_MAX; i++)
        if (files[i].name != NULL && strcmp(files[i].name, name) == 0)
            return i;
    return -1;
}

static int memory_open(const char *path, int flags, mode_t mode)
{
    (void)mode;
    int index = find(path);
    if (index < 0 || (flags & O_ACCMODE) != O_RDONLY) {
        errno = index < 0 ? ENOENT : EACCES;
        return -1;
    }
    return dup(files[index].fd);
}

static int memory_stat(const char *path, struct stat *out)
{
    int index = find(path);
    if (index >= 0)
        return fstat(files[index].fd, out);
    errno = ENOENT;
    return -1;
}

static int take_slot(const char *name)
{
    static struct os_calls calls;
    int slot = 0;
    while (slot < MEMORY_FILE_MAX && files[slot].name != NULL)
        slot++;
    if (slot == MEMORY_FILE_MAX)
        fail("too many files");
    files[slot].name = name;
    files[slot].fd = memfd_create(name, MFD_CLOEXEC);
    if (files[slot].fd < 0)
        fail("memfd_create");
    calls = os_calls_real;
    calls.open = memory_open;
    calls.stat = memory_stat;
    os_calls_set(&calls);
    return slot;
}

void memory_file_set(const char *name, struct bytes_view content)
{
    int slot = find(name);
    if (slot < 0)
        slot = take_slot(name);
    if (ftruncate(files[slot].fd, (off_t)content.size_bytes) != 0 ||
        (content.size_bytes != 0 && pwrite(files[slot].fd, content.data, content.size_bytes, 0) !=
                                        (ssize_t)content.size_bytes))
        fail(name);
}
