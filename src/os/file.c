// SPDX-License-Identifier: Apache-2.0
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/calls.h"
#include "os/fence.h"
#include "os/owner.h"
#include "util/memory.h"

#define FILE_MODE      0644
#define DIRECTORY_MODE 0755
/* The kernel takes at most 0x7ffff000 bytes a call. */
#define TRANSFER_MAX_BYTES (UINT32_C(1) << 30)

void os_file_init(struct os_file *file)
{
    *file = (struct os_file){.fd = -1};
}

static bool is_disk_full(int system_errno)
{
    return system_errno == ENOSPC || system_errno == EDQUOT;
}

bool os_is_refusal(int system_errno)
{
    switch (system_errno) {
    case EPERM:
    case EACCES:
    case EROFS:
    case EXDEV:
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP: return true;
    default: return false;
    }
}

/* What a link in a lake's own folder, or anything else in a folder's or file's place there, makes
 * of a call. */
static bool may_be_fence(int system_errno)
{
    return system_errno == ELOOP || system_errno == ENOTDIR || system_errno == ENXIO ||
           system_errno == EEXIST;
}

/* ERR_IO with errno and message; ERR_RETRY where the disk is full, ERR_INVALID at the fence. The
 * kernel has one word for no space and for no inodes, and only the first can be seen in what `df`
 * prints. */
static enum error_code set_io_error(struct error *error, int system_errno, const char *what,
                                    const char *path)
{
    char above[OS_PATH_BYTES];
    if (may_be_fence(system_errno) && os_fence_refuses(path, error))
        return ERR_INVALID;
    enum error_code code = error_set_errno(error, system_errno, "cannot %s %s", what, path);
    if (is_disk_full(system_errno))
        code = ERR_RETRY;
    if (error == NULL)
        return code;
    if (system_errno == ENOSPC && os_parent_path(above, path, NULL) == OK &&
        os_lacks_inodes(above)) {
        error_set(error, code,
                  "cannot %s %s: the file system has space but no inodes left (df -i): delete "
                  "files that are not needed, or use one with more of them",
                  what, path);
        error->system_errno = system_errno;
    }
    error->code = code;
    return code;
}

/* Never waits: neither for what writes to a pipe nor for a device. */
static int open_retrying(const char *path, int flags)
{
    int fd;
    do
        fd = os_calls_get()->open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, FILE_MODE);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static enum error_code set_open_error(const char *path, enum os_open_mode mode, int system_errno,
                                      struct error *error)
{
    enum error_code code = set_io_error(error, system_errno, "open", path);
    if (code == ERR_INVALID)
        return code;
    if (mode == OS_OPEN_READ && system_errno == ENOENT)
        code = ERR_NOT_FOUND;
    if (mode == OS_OPEN_CREATE_NEW && system_errno == EEXIST)
        code = ERR_CONFLICT;
    if (error != NULL)
        error->code = code;
    return code;
}

static enum error_code refuse_if_named_twice(const char *path, const struct stat *info,
                                             struct error *error)
{
    if (!S_ISREG(info->st_mode) || info->st_nlink <= 1)
        return OK;
    return error_set(
        error, ERR_INVALID,
        "%s has a second name (a hard link), so that writing to it would change a file "
        "elsewhere, too: put a copy of its own in its place (cp it, then mv the copy "
        "over it)",
        path);
}

/* What is opened by its name may be anything. */
static enum error_code check_is_file(struct os_file *file, enum os_open_mode mode,
                                     struct error *error)
{
    struct stat info;
    if (os_calls_get()->fstat(file->fd, &info) != 0)
        return error_set_errno(error, errno, "cannot look at %s", file->path);
    if (S_ISREG(info.st_mode))
        return mode == OS_OPEN_READ_WRITE && os_fence_holds(file->path)
                   ? refuse_if_named_twice(file->path, &info, error)
                   : OK;
    return error_set(error, ERR_INVALID, "%s is %s, not a file: move it away, or name a file",
                     file->path,
                     S_ISDIR(info.st_mode)    ? "a folder"
                     : S_ISFIFO(info.st_mode) ? "a pipe"
                                              : "a device");
}

enum error_code os_file_open(struct os_file *file, const char *path, enum os_open_mode mode,
                             struct error *error)
{
    static const int flags[] = {
        [OS_OPEN_READ] = O_RDONLY,
        [OS_OPEN_CREATE_NEW] = O_RDWR | O_CREAT | O_EXCL,
        [OS_OPEN_READ_WRITE] = O_RDWR | O_CREAT,
    };
    os_file_init(file);
    char *copy = mem_copy_text(path);
    if (copy == NULL)
        return error_no_memory(error, "a file's path");
    int fd = open_retrying(path, flags[mode]);
    if (fd < 0) {
        int system_errno = errno;
        mem_free(copy);
        return set_open_error(path, mode, system_errno, error);
    }
    *file = (struct os_file){.fd = fd, .path = copy};
    enum error_code code = check_is_file(file, mode, error);
    if (code != OK)
        os_file_release(file);
    else if (mode != OS_OPEN_READ)
        os_owner_give_file(fd, path);
    return code;
}

enum error_code os_file_write(struct os_file *file, uint64_t offset, const void *data,
                              size_t size_bytes, size_t *written_bytes, struct error *error)
{
    const uint8_t *bytes = data;
    size_t done = 0;
    while (done < size_bytes) {
        size_t piece = size_bytes - done;
        if (piece > TRANSFER_MAX_BYTES)
            piece = TRANSFER_MAX_BYTES;
        ssize_t count =
            os_calls_get()->pwrite(file->fd, bytes + done, piece, (off_t)(offset + done));
        if (count > 0) {
            done += (size_t)count;
            continue;
        }
        int system_errno = count == 0 ? EIO : errno;
        if (count < 0 && system_errno == EINTR)
            continue;
        *written_bytes = done;
        return set_io_error(error, system_errno, "write to", file->path);
    }
    *written_bytes = done;
    return OK;
}

enum error_code os_file_read(const struct os_file *file, uint64_t offset, void *data,
                             size_t size_bytes, struct error *error)
{
    uint8_t *bytes = data;
    size_t done = 0;
    while (done < size_bytes) {
        size_t piece = size_bytes - done;
        if (piece > TRANSFER_MAX_BYTES)
            piece = TRANSFER_MAX_BYTES;
        ssize_t count =
            os_calls_get()->pread(file->fd, bytes + done, piece, (off_t)(offset + done));
        if (count > 0) {
            done += (size_t)count;
            continue;
        }
        if (count == 0)
            return error_set(error, ERR_CORRUPT,
                             "%s ends early: %zu bytes at offset %llu were expected", file->path,
                             size_bytes, (unsigned long long)offset);
        if (errno != EINTR)
            return error_set_errno(error, errno, "cannot read %s", file->path);
    }
    return OK;
}

enum error_code os_file_sync(struct os_file *file, struct error *error)
{
    /* EINTR is not retried: after any failed fsync the state of the pages is not known. */
    if (os_calls_get()->fsync(file->fd) != 0)
        return error_set_errno(error, errno, "cannot sync %s", file->path);
    return OK;
}

enum error_code os_file_truncate(struct os_file *file, uint64_t size_bytes, struct error *error)
{
    int result;
    do
        result = os_calls_get()->ftruncate(file->fd, (off_t)size_bytes);
    while (result != 0 && errno == EINTR);
    return result == 0 ? OK : error_set_errno(error, errno, "cannot truncate %s", file->path);
}

enum error_code os_file_size(const struct os_file *file, uint64_t *size_bytes, struct error *error)
{
    struct stat info;
    if (os_calls_get()->fstat(file->fd, &info) != 0)
        return error_set_errno(error, errno, "cannot read the size of %s", file->path);
    *size_bytes = (uint64_t)info.st_size;
    return OK;
}

enum error_code os_file_close(struct os_file *file, struct error *error)
{
    if (file->fd < 0)
        return OK;
    enum error_code code = OK;
    /* On Linux the descriptor is gone even after EINTR: a close is never repeated. */
    if (os_calls_get()->close(file->fd) != 0 && errno != EINTR)
        code = error_set_errno(error, errno, "cannot close %s", file->path);
    mem_free(file->path);
    os_file_init(file);
    return code;
}

void os_file_release(struct os_file *file)
{
    (void)os_file_close(file, NULL);
}

static enum error_code lock_file(struct os_file *file, int (*lock)(int fd), struct error *error)
{
    int result;
    do
        result = lock(file->fd);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return OK;
    if (errno == EAGAIN)
        return error_set(error, ERR_CONFLICT, "%s is locked by another process", file->path);
    return error_set_errno(error, errno, "cannot lock %s", file->path);
}

enum error_code os_file_lock(struct os_file *file, struct error *error)
{
    return lock_file(file, os_calls_get()->lock, error);
}

enum error_code os_file_lock_shared(struct os_file *file, struct error *error)
{
    return lock_file(file, os_calls_get()->lock_shared, error);
}

void os_file_keep_from_readers(const struct os_file *file)
{
    struct stat info;
    if (os_calls_get()->fstat(file->fd, &info) != 0)
        return;
    mode_t mode = info.st_mode & 07777;
    if ((mode & S_IWGRP) == 0)
        mode &= ~(mode_t)S_IRGRP;
    if ((mode & S_IWOTH) == 0)
        mode &= ~(mode_t)S_IROTH;
    if (mode != (info.st_mode & 07777))
        (void)os_calls_get()->fchmod(file->fd, mode);
}

enum error_code os_read_whole(const char *path, size_t limit_bytes, struct buffer *out,
                              struct error *error)
{
    struct os_file file;
    enum error_code code = os_file_open(&file, path, OS_OPEN_READ, error);
    if (code != OK)
        return code;
    uint64_t size_bytes;
    code = os_file_size(&file, &size_bytes, error);
    if (code == OK && size_bytes > limit_bytes)
        code = error_set(error, ERR_LIMIT, "%s has %llu bytes; at most %zu are read", path,
                         (unsigned long long)size_bytes, limit_bytes);
    if (code == OK && buffer_reserve(out, (size_t)size_bytes + 1) != OK) /* memory even for none */
        code = error_no_memory(error, path);
    if (code == OK)
        code = os_file_read(&file, 0, out->data + out->size_bytes, (size_t)size_bytes, error);
    if (code == OK)
        out->size_bytes += (size_t)size_bytes;
    os_file_release(&file);
    return code;
}

/* A file of this name that a crash left is not ours to write into: it may be a link, or open
 * somewhere else. */
static enum error_code create_anew(struct os_file *file, const char *path, struct error *error)
{
    enum error_code code = os_file_open(file, path, OS_OPEN_CREATE_NEW, error);
    if (code == ERR_CONFLICT) {
        code = os_unlink(path, error);
        if (code == OK)
            code = os_file_open(file, path, OS_OPEN_CREATE_NEW, error);
    }
    return code;
}

static enum error_code write_synced(const char *path, struct bytes_view content,
                                    struct error *error)
{
    struct os_file file;
    enum error_code code = create_anew(&file, path, error);
    if (code != OK)
        return code;
    size_t written;
    code = os_file_write(&file, 0, content.data, content.size_bytes, &written, error);
    if (code == OK)
        code = os_file_sync(&file, error);
    if (code == OK)
        code = os_file_close(&file, error);
    os_file_release(&file);
    return code;
}

/* `verb`: what could not be done from one name to the other. */
static enum error_code set_rename_error(struct error *error, int system_errno, const char *verb,
                                        const char *from, const char *to)
{
    char what[OS_PATH_BYTES];
    if (may_be_fence(system_errno) && os_fence_refuses(from, error))
        return ERR_INVALID;
    snprintf(what, sizeof what, "%s %.*s to", verb, OS_PATH_BYTES - 16, from);
    enum error_code code = set_io_error(error, system_errno, what, to);
    if (code == ERR_INVALID)
        return code;
    if (system_errno == EEXIST)
        code = ERR_CONFLICT;
    if (error != NULL)
        error->code = code;
    return code;
}

enum error_code os_write_atomically(const char *path, struct bytes_view content,
                                    struct error *error)
{
    char temporary[OS_PATH_BYTES];
    char directory[OS_PATH_BYTES];
    int length = snprintf(temporary, sizeof temporary, "%s.inprogress", path);
    if (length < 0 || (size_t)length >= sizeof temporary)
        return error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
    enum error_code code = os_parent_path(directory, path, error);
    if (code == OK)
        code = write_synced(temporary, content, error);
    if (code == OK && os_calls_get()->rename(temporary, path) != 0)
        code = set_rename_error(error, errno, "rename", temporary, path);
    if (code == OK)
        return os_sync_directory(directory, error);
    os_discard(temporary);
    return code;
}

enum error_code os_rename_no_replace(const char *from, const char *to, struct error *error)
{
    if (os_calls_get()->rename_no_replace(from, to) == 0)
        return OK;
    return set_rename_error(error, errno, "rename", from, to);
}

enum error_code os_link(const char *path, const char *name, struct error *error)
{
    if (os_calls_get()->link(path, name) == 0)
        return OK;
    return set_rename_error(error, errno, "link", path, name);
}

enum error_code os_unlink(const char *path, struct error *error)
{
    if (os_calls_get()->unlink(path) == 0)
        return OK;
    int system_errno = errno;
    enum error_code code = set_io_error(error, system_errno, "delete", path);
    if (system_errno == ENOENT)
        code = ERR_NOT_FOUND;
    if (error != NULL)
        error->code = code;
    return code;
}

void os_remove_if_empty(const char *path)
{
    (void)os_calls_get()->rmdir(path);
}

void os_discard(const char *path)
{
    os_calls_get()->unlink(path);
}

/* Makes one directory; *made tells whether it was not there. */
static enum error_code make_directory(const char *path, bool *made, struct error *error)
{
    *made = false;
    if (os_calls_get()->mkdir(path, DIRECTORY_MODE) == 0) {
        *made = true;
        os_owner_give_folder(path);
        return OK;
    }
    int system_errno = errno;
    struct stat info;
    if (system_errno == EEXIST && os_calls_get()->stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode))
            return OK;
        system_errno = ENOTDIR;
    }
    return set_io_error(error, system_errno, "make the directory", path);
}

static bool is_directory(const char *path)
{
    struct stat info;
    return os_calls_get()->stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum error_code os_make_directories(const char *path, bool *created_any, struct error *error)
{
    if (created_any != NULL)
        *created_any = false;
    if (is_directory(path))
        return OK;
    char prefix[OS_PATH_BYTES];
    size_t length = strlen(path);
    if (length >= sizeof prefix)
        return error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
    memcpy(prefix, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (prefix[i] != '/' && prefix[i] != '\0')
            continue;
        char separator = prefix[i];
        prefix[i] = '\0';
        bool made = false;
        enum error_code code = is_directory(prefix) ? OK : make_directory(prefix, &made, error);
        if (code != OK)
            return code;
        if (made && created_any != NULL)
            *created_any = true;
        prefix[i] = separator;
    }
    return OK;
}

enum error_code os_sync_directory(const char *path, struct error *error)
{
    int fd = open_retrying(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return set_io_error(error, errno, "open, to sync it, the directory", path);
    enum error_code code = OK;
    /* EINVAL: this file system has no fsync for directories and promises order by itself. */
    if (os_calls_get()->fsync(fd) != 0 && errno != EINVAL)
        code = error_set_errno(error, errno, "cannot sync the directory %s", path);
    os_calls_get()->close(fd);
    return code;
}

enum error_code os_sync_directories_up_to(const char *path, const char *top, struct error *error)
{
    char current[OS_PATH_BYTES];
    size_t length = strlen(path);
    size_t top_length = strlen(top);
    if (length >= sizeof current)
        return error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
    memcpy(current, path, length + 1);
    for (;;) {
        enum error_code code = os_sync_directory(current, error);
        if (code != OK || strlen(current) <= top_length)
            return code;
        char above[OS_PATH_BYTES];
        code = os_parent_path(above, current, error);
        if (code != OK)
            return code;
        if (strcmp(above, current) == 0)
            return OK;
        memcpy(current, above, strlen(above) + 1);
    }
}

bool os_path_exists(const char *path)
{
    struct stat info;
    return os_calls_get()->stat(path, &info) == 0 || errno == ELOOP;
}

enum error_code os_refuse_no_file(const char *path, struct error *error)
{
    struct stat info;
    if (os_calls_get()->stat(path, &info) != 0)
        return may_be_fence(errno) && os_fence_refuses(path, error) ? ERR_INVALID : OK;
    if (S_ISREG(info.st_mode))
        return OK;
    return os_fence_refuses(path, error)
               ? ERR_INVALID
               : error_set(error, ERR_INVALID, "%s is not a file: move it away", path);
}

enum error_code os_refuse_second_name(const char *path, struct error *error)
{
    struct stat info;
    return os_calls_get()->stat(path, &info) == 0 ? refuse_if_named_twice(path, &info, error) : OK;
}

bool os_is_regular_file(const char *path)
{
    struct stat info;
    return os_calls_get()->stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

enum error_code os_free_space(const char *path, struct os_free_space *space, struct error *error)
{
    struct statvfs info;
    if (os_calls_get()->statvfs(path, &info) != 0)
        return error_set_errno(error, errno, "cannot ask for the free space at %s", path);
    space->bytes = (uint64_t)info.f_bavail * info.f_frsize;
    space->inodes = info.f_files == 0 ? UINT64_MAX : (uint64_t)info.f_favail;
    return OK;
}

bool os_lacks_inodes(const char *path)
{
    struct os_free_space space;
    return os_free_space(path, &space, NULL) == OK && space.bytes > 0 && space.inodes == 0;
}
