// SPDX-License-Identifier: Apache-2.0
#include "os/poll.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_POLL_ITEMS 1024

enum error_code os_wake_init(struct os_wake *wake, struct error *error)
{
    wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake->fd < 0)
        return error_set_errno(error, errno, "can't make a wake-up descriptor (eventfd)");
    return OK;
}

void os_wake_release(struct os_wake *wake)
{
    if (wake->fd >= 0)
        close(wake->fd);
    wake->fd = -1;
}

void os_wake_raise(const struct os_wake *wake)
{
    uint64_t one = 1;
    int saved_errno = errno;
    /* Fails only with EAGAIN when it was raised 2^64 times: then it is raised. */
    ssize_t written = write(wake->fd, &one, sizeof(one));
    (void)written;
    errno = saved_errno;
}

bool os_wake_clear(const struct os_wake *wake)
{
    uint64_t count = 0;
    return read(wake->fd, &count, sizeof(count)) == (ssize_t)sizeof(count) && count != 0;
}

static int milliseconds(int64_t timeout_us)
{
    if (timeout_us < 0)
        return -1;
    int64_t timeout_ms = timeout_us / 1000 + (timeout_us % 1000 != 0 ? 1 : 0);
    return timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

unsigned os_poll(struct os_poll_item *items, size_t count, int64_t timeout_us)
{
    struct pollfd polled[MAX_POLL_ITEMS];
    assert(count <= MAX_POLL_ITEMS);
    for (size_t i = 0; i < count; i++) {
        polled[i].fd = items[i].fd;
        polled[i].events =
            (short)((items[i].want_read ? POLLIN : 0) | (items[i].want_write ? POLLOUT : 0));
        polled[i].revents = 0;
    }
    int result = poll(polled, (nfds_t)count, milliseconds(timeout_us));
    unsigned ready = 0;
    for (size_t i = 0; i < count; i++) {
        short events = result > 0 ? polled[i].revents : 0;
        items[i].can_read = (events & (POLLIN | POLLHUP | POLLERR | POLLNVAL)) != 0;
        items[i].can_write = (events & (POLLOUT | POLLERR)) != 0;
        ready += items[i].can_read || items[i].can_write;
    }
    return ready;
}
