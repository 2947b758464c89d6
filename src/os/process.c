// SPDX-License-Identifier: Apache-2.0
#include "os/process.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

unsigned os_core_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        if (count > 0)
            return (unsigned)count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

bool os_is_terminal(int fd, unsigned *columns)
{
    struct winsize size;
    *columns = 80;
    if (!isatty(fd))
        return false;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        *columns = size.ws_col;
    return true;
}

bool os_program_path(char *out, size_t out_bytes)
{
    ssize_t length = readlink("/proc/self/exe", out, out_bytes - 1);
    if (length <= 0 || (size_t)length >= out_bytes - 1)
        return false;
    out[length] = '\0';
    return true;
}

void os_heap_tune(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 2);
    /* Fixed thresholds: the allocator's own adaption would keep column buffers for ever. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
#endif
}
