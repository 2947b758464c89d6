// SPDX-License-Identifier: Apache-2.0
#include "database/vfs.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "database/sqlite_memory.h"
#include "os/file.h"
#include "os/identity.h"
#include "os/library_hook.h"

/* An open file: ours, then the system's, which `below` points to. */
struct vfs_file {
    sqlite3_file base;
    const char *path; /* SQLite keeps it until xClose; NULL for temporary files */
    sqlite3_file *below;
    bool is_database;                 /* in the list of open databases */
    struct vfs_file *previous, *next; /* in that list */
};

/* Room in front of the system's file, kept at the strictest alignment. */
#define VFS_FILE_BYTES                                                                             \
    ((sizeof(struct vfs_file) + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) *               \
     _Alignof(max_align_t))

static sqlite3_vfs *below_vfs; /* the system's; set once by register */

/* The databases that are open: theirs are the only names that SQLite may reach. */
static pthread_mutex_t databases_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vfs_file *databases;

/* The last path that this thread's SQLite was refused; "": none. */
static _Thread_local char refused_path[OS_PATH_BYTES];

static void add_database(struct vfs_file *file)
{
    (void)pthread_mutex_lock(&databases_lock);
    file->is_database = true;
    file->previous = NULL;
    file->next = databases;
    if (databases != NULL)
        databases->previous = file;
    databases = file;
    (void)pthread_mutex_unlock(&databases_lock);
}

static void remove_database(struct vfs_file *file)
{
    (void)pthread_mutex_lock(&databases_lock);
    if (file->previous != NULL)
        file->previous->next = file->next;
    else
        databases = file->next;
    if (file->next != NULL)
        file->next->previous = file->previous;
    file->is_database = false;
    (void)pthread_mutex_unlock(&databases_lock);
}

/* Whether `path` is "<database>-journal" or "<database>-wal". */
static bool is_side_file(const char *path, const char *database)
{
    size_t length = strlen(database);
    return strncmp(path, database, length) == 0 &&
           (strcmp(path + length, "-journal") == 0 || strcmp(path + length, "-wal") == 0);
}

/* A rollback journal may name a file elsewhere, which SQLite would read, and delete: what a file's
 * bytes name is never reached, only the side files of what our own code opened. */
static bool is_within_reach(const char *path)
{
    bool found = false;
    (void)pthread_mutex_lock(&databases_lock);
    for (const struct vfs_file *at = databases; at != NULL && !found; at = at->next)
        found = is_side_file(path, at->path);
    (void)pthread_mutex_unlock(&databases_lock);
    if (!found)
        (void)snprintf(refused_path, sizeof refused_path, "%s", path);
    return found;
}

bool catalog_vfs_take_refused(char out[OS_PATH_BYTES])
{
    memcpy(out, refused_path, sizeof refused_path);
    refused_path[0] = '\0';
    return out[0] != '\0';
}

static sqlite3_file *below_of(sqlite3_file *file)
{
    return ((struct vfs_file *)(void *)file)->below;
}

/* Asks the hook; EINTR is asked again, as the system's own VFS does. */
static int hook_before(const struct os_library_call *call, size_t *done_bytes)
{
    const struct os_library_hook *hook = os_library_hook_get();
    *done_bytes = 0;
    if (hook == NULL || call->path == NULL)
        return 0;
    int system_errno;
    do
        system_errno = hook->before(hook->context, call, done_bytes);
    while (system_errno == EINTR);
    return system_errno;
}

static void hook_after(const struct os_library_call *call)
{
    const struct os_library_hook *hook = os_library_hook_get();
    if (hook != NULL && call->path != NULL)
        hook->after(hook->context, call);
}

static int file_close(sqlite3_file *file)
{
    struct vfs_file *ours = (struct vfs_file *)(void *)file;
    if (ours->is_database)
        remove_database(ours);
    return below_of(file)->pMethods->xClose(below_of(file));
}

static int file_read(sqlite3_file *file, void *data, int size_bytes, sqlite3_int64 offset)
{
    return below_of(file)->pMethods->xRead(below_of(file), data, size_bytes, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size_bytes, sqlite3_int64 offset)
{
    sqlite3_file *below = below_of(file);
    struct os_library_call call = {.operation = OS_LIBRARY_WRITE,
                                   .path = ((struct vfs_file *)(void *)file)->path,
                                   .offset = (uint64_t)offset,
                                   .data = data,
                                   .size_bytes = (size_t)size_bytes};
    size_t done_bytes;
    int system_errno = hook_before(&call, &done_bytes);
    if (system_errno != 0) {
        if (done_bytes > 0)
            (void)below->pMethods->xWrite(below, data, (int)done_bytes, offset);
        return system_errno == ENOSPC || system_errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    int result = below->pMethods->xWrite(below, data, size_bytes, offset);
    if (result == SQLITE_OK)
        hook_after(&call);
    return result;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size_bytes)
{
    struct os_library_call call = {.operation = OS_LIBRARY_TRUNCATE,
                                   .path = ((struct vfs_file *)(void *)file)->path,
                                   .offset = (uint64_t)size_bytes};
    size_t done_bytes;
    if (hook_before(&call, &done_bytes) != 0)
        return SQLITE_IOERR_TRUNCATE;
    int result = below_of(file)->pMethods->xTruncate(below_of(file), size_bytes);
    if (result == SQLITE_OK)
        hook_after(&call);
    return result;
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct os_library_call call = {.operation = OS_LIBRARY_SYNC,
                                   .path = ((struct vfs_file *)(void *)file)->path};
    size_t done_bytes;
    if (hook_before(&call, &done_bytes) != 0)
        return SQLITE_IOERR_FSYNC;
    int result = below_of(file)->pMethods->xSync(below_of(file), flags);
    if (result == SQLITE_OK)
        hook_after(&call);
    return result;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size_bytes)
{
    return below_of(file)->pMethods->xFileSize(below_of(file), size_bytes);
}

static int file_lock(sqlite3_file *file, int level)
{
    return below_of(file)->pMethods->xLock(below_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return below_of(file)->pMethods->xUnlock(below_of(file), level);
}

static int file_check_reserved(sqlite3_file *file, int *reserved)
{
    return below_of(file)->pMethods->xCheckReservedLock(below_of(file), reserved);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return below_of(file)->pMethods->xFileControl(below_of(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return below_of(file)->pMethods->xSectorSize(below_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return below_of(file)->pMethods->xDeviceCharacteristics(below_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int page_bytes, int extend,
                        void volatile **memory)
{
    return below_of(file)->pMethods->xShmMap(below_of(file), page, page_bytes, extend, memory);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return below_of(file)->pMethods->xShmLock(below_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    below_of(file)->pMethods->xShmBarrier(below_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete_it)
{
    return below_of(file)->pMethods->xShmUnmap(below_of(file), delete_it);
}

/* Version 2: with shared memory for WAL, without memory-mapped reads of the file itself. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* A database is what our own code opens (nothing is ever attached); temporary files have no name.
 */
static bool may_open(const char *path, int flags)
{
    return path == NULL || (flags & SQLITE_OPEN_MAIN_DB) != 0 || is_within_reach(path);
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file, int flags,
                    int *out_flags)
{
    (void)vfs;
    struct vfs_file *ours = (struct vfs_file *)(void *)file;
    *ours = (struct vfs_file){.path = path,
                              .below = (sqlite3_file *)(void *)((char *)file + VFS_FILE_BYTES)};
    struct os_library_call call = {.operation = OS_LIBRARY_OPEN, .path = path};
    size_t done_bytes;
    if (!may_open(path, flags))
        return SQLITE_CANTOPEN;
    if (hook_before(&call, &done_bytes) != 0)
        return SQLITE_CANTOPEN;
    ours->below->pMethods = NULL;
    int result = below_vfs->xOpen(below_vfs, path, ours->below, flags, out_flags);
    if (ours->below->pMethods != NULL) /* SQLite calls xClose whenever methods are set */
        ours->base.pMethods = &file_methods;
    if (ours->base.pMethods != NULL && (flags & SQLITE_OPEN_MAIN_DB) != 0)
        add_database(ours);
    if (result == SQLITE_OK)
        hook_after(&call);
    return result;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    (void)vfs;
    struct os_library_call call = {.operation = OS_LIBRARY_DELETE, .path = path};
    size_t done_bytes;
    if (!is_within_reach(path))
        return SQLITE_IOERR_DELETE;
    if (hook_before(&call, &done_bytes) != 0)
        return SQLITE_IOERR_DELETE;
    int result = below_vfs->xDelete(below_vfs, path, sync_directory);
    if (result == SQLITE_OK)
        hook_after(&call);
    return result;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    (void)vfs;
    *result = 0;
    if (!is_within_reach(path))
        return SQLITE_IOERR_ACCESS;
    return below_vfs->xAccess(below_vfs, path, flags, result);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *path, int out_bytes, char *out)
{
    (void)vfs;
    return below_vfs->xFullPathname(below_vfs, path, out_bytes, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size_bytes, char *out)
{
    (void)vfs;
    return below_vfs->xRandomness(below_vfs, size_bytes, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    os_sleep_us(microseconds);
    return microseconds;
}

static int vfs_current_time(sqlite3_vfs *vfs, double *time)
{
    (void)vfs;
    return below_vfs->xCurrentTime(below_vfs, time);
}

static int vfs_last_error(sqlite3_vfs *vfs, int out_bytes, char *out)
{
    (void)vfs;
    return below_vfs->xGetLastError(below_vfs, out_bytes, out);
}

static int vfs_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *time)
{
    (void)vfs;
    return below_vfs->xCurrentTimeInt64(below_vfs, time);
}

static sqlite3_vfs our_vfs = {
    .iVersion = 2,
    .zName = CATALOG_VFS_NAME,
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_pathname,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_current_time,
    .xGetLastError = vfs_last_error,
    .xCurrentTimeInt64 = vfs_current_time_int64,
};

static pthread_once_t register_once = PTHREAD_ONCE_INIT;
static int register_result = SQLITE_ERROR;

static void register_vfs(void)
{
    sqlite_memory_use_ours();
    below_vfs = sqlite3_vfs_find(NULL);
    if (below_vfs == NULL)
        return;
    our_vfs.szOsFile = (int)VFS_FILE_BYTES + below_vfs->szOsFile;
    our_vfs.mxPathname = below_vfs->mxPathname;
    register_result = sqlite3_vfs_register(&our_vfs, 0);
}

int catalog_vfs_register(void)
{
    (void)pthread_once(&register_once, register_vfs);
    return register_result;
}
