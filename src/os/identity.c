// SPDX-License-Identifier: Apache-2.0
#include "os/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "util/text.h"

int64_t os_process_id(void)
{
    return (int64_t)getpid();
}

void os_host_name(char out[OS_HOST_NAME_BYTES])
{
    if (gethostname(out, OS_HOST_NAME_BYTES) != 0)
        snprintf(out, OS_HOST_NAME_BYTES, "unknown");
    out[OS_HOST_NAME_BYTES - 1] = '\0';
}

/* The kernel gives up to 256 bytes in one piece, without being interrupted. */
enum error_code os_random(void *out, size_t size_bytes, struct error *error)
{
    ssize_t got;
    do
        got = getrandom(out, size_bytes, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)size_bytes)
        return error_set_errno(error, errno, "cannot read random bytes from the kernel");
    return OK;
}

enum error_code os_uuid(char out[OS_UUID_BYTES], struct error *error)
{
    uint8_t bytes[16];
    enum error_code code = os_random(bytes, sizeof bytes, error);
    if (code != OK)
        return code;
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* the RFC's variant */
    char hex[2 * sizeof bytes + 1];
    hex_encode(bytes_view_of(bytes, sizeof bytes), hex);
    snprintf(out, OS_UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
    return OK;
}

void os_sleep_us(int64_t duration_us)
{
    struct timespec pause = {.tv_sec = duration_us / US_PER_SECOND,
                             .tv_nsec = duration_us % US_PER_SECOND * 1000};
    nanosleep(&pause, NULL);
}
