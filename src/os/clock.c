// SPDX-License-Identifier: Apache-2.0
#include "os/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_US 1000
#define US_PER_S  INT64_C(1000000)

static int64_t kernel_clock_us(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0)
        return 0; /* only for an unknown clock id, which is a mistake of ours */
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

static int64_t kernel_monotonic_us(void)
{
    return kernel_clock_us(CLOCK_MONOTONIC);
}

static int64_t kernel_realtime_us(void)
{
    return kernel_clock_us(CLOCK_REALTIME);
}

static const struct os_clock kernel_clock = {kernel_monotonic_us, kernel_realtime_us};
static _Atomic(const struct os_clock *) clock_in_force = &kernel_clock;

void os_clock_set(const struct os_clock *clock)
{
    atomic_store(&clock_in_force, clock != NULL ? clock : &kernel_clock);
}

int64_t os_monotonic_us(void)
{
    return atomic_load_explicit(&clock_in_force, memory_order_relaxed)->monotonic_us();
}

int64_t os_realtime_us(void)
{
    return atomic_load_explicit(&clock_in_force, memory_order_relaxed)->realtime_us();
}

int64_t os_boottime_us(void)
{
    const struct os_clock *clock = atomic_load_explicit(&clock_in_force, memory_order_relaxed);
    return clock == &kernel_clock ? kernel_clock_us(CLOCK_BOOTTIME) : clock->monotonic_us();
}

int64_t os_process_cpu_us(void)
{
    return kernel_clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t os_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    unsigned long total_pages = 0;
    unsigned long resident_pages = 0;
    int read_count = fscanf(file, "%lu %lu", &total_pages, &resident_pages);
    fclose(file);
    return read_count == 2 ? (uint64_t)resident_pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Not getrusage's ru_maxrss: that one is inherited over exec, from a launcher of whatever size. */
uint64_t os_peak_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    if (file == NULL)
        return 0;
    char line[256];
    unsigned long kib = 0;
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = sscanf(line, "VmHWM: %lu kB", &kib) == 1;
    fclose(file);
    return found ? (uint64_t)kib * 1024 : os_resident_bytes();
}
