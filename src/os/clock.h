// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_CLOCK_H
#define TTP_OS_CLOCK_H

/* The clocks, in microseconds; replaceable by tests (os_clock_set). */

#include <stdint.h>

struct os_clock {
    int64_t (*monotonic_us)(void); /* for intervals; never steps */
    int64_t (*realtime_us)(void);  /* since 1970-01-01T00:00:00Z */
};

int64_t os_monotonic_us(void);
int64_t os_realtime_us(void);
/* As monotonic, and goes on while the machine sleeps: for what others count, too. */
int64_t os_boottime_us(void);
static inline int64_t os_earlier_us(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}
/* CPU time (user + system) that this process has used. */
int64_t os_process_cpu_us(void);
/* Resident and peak resident memory of this process, in bytes. */
uint64_t os_resident_bytes(void);
uint64_t os_peak_resident_bytes(void);

/* NULL goes back to the kernel's. */
void os_clock_set(const struct os_clock *clock);

#endif
