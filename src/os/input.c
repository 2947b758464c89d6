// SPDX-License-Identifier: Apache-2.0
#include "os/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/calls.h"
#include "os/clock.h"
#include "util/text.h"

#define PIECE_BYTES 4096

static enum error_code set_read_error(int system_errno, const char *path, struct error *error)
{
    return error_set_errno(error, system_errno, "cannot read %s", path);
}

/* Waits until there is something to read, or nothing more to come. */
static enum error_code wait_for_input(int fd, const char *path, int64_t timeout_us,
                                      int64_t deadline_us, struct error *error)
{
    for (;;) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        int64_t left_us = deadline_us - os_monotonic_us();
        int ready = left_us <= 0 ? 0 : poll(&item, 1, (int)(left_us / 1000 + 1));
        if (ready > 0)
            return OK;
        if (ready == 0) {
            char waited[TEXT_TIME_BYTES];
            text_duration(timeout_us, waited);
            return error_set(error, ERR_RETRY,
                             "%s is no file, and what writes to it did not come to its end "
                             "within %s",
                             path, waited);
        }
        if (errno != EINTR)
            return set_read_error(errno, path, error);
    }
}

/* One piece; *count 0: the end. */
static enum error_code read_piece(int fd, bool is_file, uint64_t offset, const char *path,
                                  uint8_t piece[PIECE_BYTES], size_t *count, struct error *error)
{
    ssize_t result;
    do
        result = is_file ? os_calls_get()->pread(fd, piece, PIECE_BYTES, (off_t)offset)
                         : read(fd, piece, PIECE_BYTES);
    while (result < 0 && errno == EINTR);
    *count = result > 0 ? (size_t)result : 0;
    return result >= 0 ? OK : set_read_error(errno, path, error);
}

static enum error_code read_all(int fd, bool is_file, const char *path, size_t limit_bytes,
                                int64_t timeout_us, struct buffer *out, struct error *error)
{
    const int64_t deadline_us = os_monotonic_us() + timeout_us;
    uint8_t piece[PIECE_BYTES];
    for (size_t done_bytes = 0;;) {
        size_t count = 0;
        enum error_code code =
            is_file ? OK : wait_for_input(fd, path, timeout_us, deadline_us, error);
        if (code == OK)
            code = read_piece(fd, is_file, done_bytes, path, piece, &count, error);
        if (code != OK || count == 0)
            return code;
        done_bytes += count;
        if (done_bytes > limit_bytes)
            return error_set(error, ERR_LIMIT, "%s has more than the %zu bytes that are read", path,
                             limit_bytes);
        if (buffer_append(out, piece, count) != OK)
            return error_no_memory(error, path);
    }
}

enum error_code os_read_input(const char *path, size_t limit_bytes, int64_t timeout_us,
                              struct buffer *out, bool *is_file, struct error *error)
{
    /* A FIFO that nobody writes to yet must not hold the open. */
    int fd = os_calls_get()->open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0) {
        enum error_code code = error_set_errno(error, errno, "cannot open %s", path);
        if (error != NULL && error->system_errno == ENOENT)
            error->code = code = ERR_NOT_FOUND;
        return code;
    }
    struct stat info;
    enum error_code code = OK;
    if (os_calls_get()->fstat(fd, &info) != 0)
        code = set_read_error(errno, path, error);
    bool is_regular = code == OK && S_ISREG(info.st_mode);
    if (code == OK && !is_regular && timeout_us == 0)
        code = error_set(error, ERR_INVALID, "%s is not a regular file", path);
    if (code == OK)
        code = read_all(fd, is_regular, path, limit_bytes, timeout_us, out, error);
    if (is_file != NULL)
        *is_file = is_regular;
    os_calls_get()->close(fd);
    return code;
}
