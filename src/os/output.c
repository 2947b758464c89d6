// SPDX-License-Identifier: Apache-2.0
#include "os/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

/* The kernel's clock, whatever os/clock.h shows: a reader that hangs does so in real time. */
static int64_t kernel_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void os_standard_streams_secure(void)
{
    static const int flags[] = {[STDIN_FILENO] = O_RDONLY,
                                [STDOUT_FILENO] = O_RDONLY, /* writing fails, and is noticed */
                                [STDERR_FILENO] = O_RDWR};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", flags[fd]) < 0)
            return; /* no /dev/null: nothing that could be done */
    }
    signal(SIGPIPE, SIG_IGN);
}

/* Whether fd takes something before the deadline. */
static bool is_writable_by(int fd, int64_t deadline_us)
{
    struct pollfd item = {.fd = fd, .events = POLLOUT};
    for (;;) {
        int64_t left_us = deadline_us - kernel_now_us();
        int wait_ms = left_us <= 0 ? 0 : left_us > 1000000 ? 1000 : (int)(left_us / 1000 + 1);
        int ready = poll(&item, 1, wait_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true; /* what is wrong with it, writing tells */
        if (ready == 0 && left_us <= 0)
            return false;
    }
}

enum error_code os_write_out(int fd, const char *text, size_t size_bytes, int64_t timeout_us,
                             struct error *error)
{
    const int64_t now_us = kernel_now_us();
    const int64_t deadline_us = timeout_us < INT64_MAX - now_us ? now_us + timeout_us : INT64_MAX;
    while (size_bytes != 0) {
        if (!is_writable_by(fd, deadline_us))
            return error_set(error, ERR_RETRY, "nobody reads descriptor %d", fd);
        ssize_t written = write(fd, text, size_bytes < PIPE_BUF ? size_bytes : PIPE_BUF);
        /* EAGAIN: somebody who shares it made it non-blocking, or was faster. */
        if (written < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (written < 0)
            return error_set_errno(error, errno, "cannot write to descriptor %d", fd);
        text += written;
        size_bytes -= (size_t)written;
    }
    return OK;
}
