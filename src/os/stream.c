// SPDX-License-Identifier: Apache-2.0
#include "os/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/calls.h"
#include "os/clock.h"

enum error_code os_stream_look(const char *path, bool *is_stream, struct error *error)
{
    struct stat itself, target;
    *is_stream = false;
    if (lstat(path, &itself) != 0)
        return OK; /* a new file, or an error that making it will name */
    bool is_there = stat(path, &target) == 0;
    if (is_there && S_ISDIR(target.st_mode))
        return error_set(error, ERR_INVALID, "%s is a folder: name a file in it", path);
    if (S_ISLNK(itself.st_mode) && (!is_there || S_ISREG(target.st_mode)))
        return error_set(error, ERR_INVALID, "%s is a link to a %s: name the file itself", path,
                         is_there ? "file" : "place where nothing is");
    *is_stream = !S_ISREG(target.st_mode);
    return OK;
}

static enum error_code set_nobody_reads(const char *path, struct error *error)
{
    return error_set(error, ERR_RETRY, "nobody reads what is written to %s", path);
}

static enum error_code write_all(int fd, const char *path, struct bytes_view bytes,
                                 int64_t deadline_us, struct error *error)
{
    for (size_t done = 0; done < bytes.size_bytes;) {
        struct pollfd item = {.fd = fd, .events = POLLOUT};
        int64_t left_us = deadline_us - os_monotonic_us();
        int ready = left_us <= 0 ? 0 : poll(&item, 1, (int)(left_us / 1000 + 1));
        if (ready == 0)
            return set_nobody_reads(path, error);
        ssize_t count = ready < 0 ? -1 : write(fd, bytes.data + done, bytes.size_bytes - done);
        if (count >= 0)
            done += (size_t)count;
        else if (errno == EPIPE)
            return set_nobody_reads(path, error);
        else if (errno != EINTR && errno != EAGAIN)
            return error_set_errno(error, errno, "cannot write to %s", path);
    }
    return OK;
}

enum error_code os_stream_write(const char *path, struct bytes_view bytes, int64_t timeout_us,
                                struct error *error)
{
    const int64_t deadline_us = os_monotonic_us() + timeout_us;
    int fd = os_calls_get()->open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0 && errno == ENXIO)
        return set_nobody_reads(path, error);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", path);
    enum error_code code = write_all(fd, path, bytes, deadline_us, error);
    os_calls_get()->close(fd);
    return code;
}
