// SPDX-License-Identifier: Apache-2.0
#include "os/notify.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/text.h"
#include "util/words.h"

/* A line of status longer than this is cut. */
#define LINE_BYTES 512

static int64_t watchdog_from_environment(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    const char *pid_text = getenv("WATCHDOG_PID");
    uint64_t interval_us, pid;
    if (!text || !text_parse_u64(bytes_view_text(text), &interval_us) || interval_us == 0 ||
        interval_us > INT64_MAX)
        return 0;
    if (pid_text && (!text_parse_u64(bytes_view_text(pid_text), &pid) || pid != (uint64_t)getpid()))
        return 0;
    return (int64_t)interval_us;
}

/* A socket connected to $NOTIFY_SOCKET: a path, or with @ first a name of Linux' abstract space. */
static int connect_to_manager(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length < 2 || length >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (connect(fd, (const struct sockaddr *)&address, size) == 0)
        return fd;
    close(fd);
    return -1;
}

void os_notify_open(struct os_notify *notify)
{
    notify->fd = -1;
    notify->watchdog_us = 0;
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path)
        return;
    notify->fd = connect_to_manager(path);
    if (notify->fd >= 0)
        notify->watchdog_us = watchdog_from_environment();
}

void os_notify_close(struct os_notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
    notify->watchdog_us = 0;
}

/* must_arrive: waits for room in the manager's queue; else a lost message is made good by the next.
 */
static void tell(const struct os_notify *notify, const char *words, bool must_arrive)
{
    int flags = MSG_NOSIGNAL | (must_arrive ? 0 : MSG_DONTWAIT);
    if (notify->fd >= 0)
        (void)!send(notify->fd, words, strlen(words), flags);
}

/* `status` as a field of the protocol: a line end in it would begin another field, and people read
 * it in terminals. */
static void send_status(const struct os_notify *notify, const char *before, const char *status,
                        bool must_arrive)
{
    char words[LINE_BYTES];
    snprintf(words, sizeof(words), "%sSTATUS=%s", before, status);
    words_clean(words + strlen(before));
    tell(notify, words, must_arrive);
}

void os_notify_ready(const struct os_notify *notify, const char *status)
{
    if (status)
        send_status(notify, "READY=1\n", status, true);
    else
        tell(notify, "READY=1", true);
}

void os_notify_stopping(const struct os_notify *notify)
{
    tell(notify, "STOPPING=1", true);
}

void os_notify_watchdog(const struct os_notify *notify)
{
    tell(notify, "WATCHDOG=1", false);
}

void os_notify_status(const struct os_notify *notify, const char *status)
{
    send_status(notify, "", status, false);
}
