// SPDX-License-Identifier: Apache-2.0
#include "store/lake_lock.h"

#include <stdio.h>
#include <string.h>

#include "os/identity.h"

#define LOCK_TEXT_BYTES 512

void lake_lock_init(struct lake_lock *lock)
{
    os_file_init(&lock->file);
}

static enum error_code set_held_error(const struct lake_lock *lock, struct error *error)
{
    char text[LOCK_TEXT_BYTES] = "";
    uint64_t size_bytes = 0;
    if (os_file_size(&lock->file, &size_bytes, NULL) != OK || size_bytes >= sizeof text ||
        os_file_read(&lock->file, 0, text, (size_t)size_bytes, NULL) != OK)
        size_bytes = 0;
    text[size_bytes] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return error_set(error, ERR_CONFLICT,
                     "the lake is in use: %s is locked by %s; stop that process first, or give "
                     "this one another --output-path",
                     lock->file.path, text[0] == '\0' ? "another process" : text);
}

static enum error_code set_no_locks_error(const struct lake_lock *lock, struct error *error)
{
    return error_set(error, ERR_INVALID,
                     "the file system of %s keeps no locks, which keep two writers from one lake: "
                     "put output_path on a local file system, or mount this one with locks",
                     lock->file.path);
}

/* A file system may say yes to every lock: then a second one is had, too. */
static enum error_code check_that_it_holds(const struct lake_lock *lock, struct error *error)
{
    struct os_file again;
    enum error_code code = os_file_open(&again, lock->file.path, OS_OPEN_READ_WRITE, error);
    if (code != OK)
        return code;
    code = os_file_lock(&again, error);
    os_file_release(&again);
    if (code == ERR_CONFLICT)
        return OK;
    return code == OK ? set_no_locks_error(lock, error) : code;
}

static enum error_code write_text(struct lake_lock *lock, struct error *error)
{
    char text[LOCK_TEXT_BYTES];
    char host[OS_HOST_NAME_BYTES];
    size_t written;
    os_host_name(host);
    snprintf(text, sizeof text, "pid %lld on host %s\n", (long long)os_process_id(), host);
    enum error_code code = os_file_truncate(&lock->file, 0, error);
    if (code == OK)
        code = os_file_write(&lock->file, 0, text, strlen(text), &written, error);
    return code == ERR_RETRY ? OK : code; /* a full disk: the text only informs */
}

enum error_code lake_lock_take(struct lake_lock *lock, const struct store *store,
                               struct error *error)
{
    char path[OS_PATH_BYTES];
    lake_lock_init(lock);
    enum error_code code = store_path(store, LAKE_LOCK, path, error);
    return code == OK ? lake_lock_take_at(lock, path, error) : code;
}

enum error_code lake_lock_take_at(struct lake_lock *lock, const char *path, struct error *error)
{
    lake_lock_init(lock);
    enum error_code code = os_refuse_no_file(path, error);
    if (code == OK)
        code = os_file_open(&lock->file, path, OS_OPEN_READ_WRITE, error);
    if (code != OK)
        return code;
    os_file_keep_from_readers(&lock->file);
    code = os_file_lock(&lock->file, error);
    if (code == ERR_CONFLICT)
        set_held_error(lock, error);
    else if (code != OK)
        code = set_no_locks_error(lock, error);
    else
        code = write_text(lock, error);
    if (code == OK)
        code = check_that_it_holds(lock, error);
    if (code != OK)
        lake_lock_release(lock);
    return code;
}

void lake_lock_release(struct lake_lock *lock)
{
    os_file_release(&lock->file);
}
