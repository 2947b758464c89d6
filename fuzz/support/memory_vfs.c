// SPDX-License-Identifier: Apache-2.0
#include "support/memory_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX         16
#define PATH_BYTES       4200
#define FILE_BYTES_MAX   ((sqlite3_int64)64 << 20)
#define SHM_REGION_MAX   16
#define SECTOR_BYTES     4096
#define SHM_REGION_BYTES 32768

struct stored_file {
    char path[PATH_BYTES]; /* "": not in use */
    uint8_t *data;
    sqlite3_int64 size_bytes, capacity_bytes;
    void *shared[SHM_REGION_MAX];
    unsigned shared_users;
};

struct memory_file {
    sqlite3_file base;
    struct stored_file *stored;
    bool is_temporary, uses_shared;
};

static struct stored_file files[FILE_MAX];
static sqlite3_vfs *below;
static bool is_in_memory;

static struct stored_file *find(const char *path)
{
    for (size_t i = 0; i < FILE_MAX; i++)
        if (files[i].path[0] != '\0' && strcmp(files[i].path, path) == 0)
            return &files[i];
    return NULL;
}

static struct stored_file *find_or_make(const char *path)
{
    struct stored_file *file = find(path);
    for (size_t i = 0; file == NULL && i < FILE_MAX; i++)
        if (files[i].path[0] == '\0')
            file = &files[i];
    assert(file != NULL && strlen(path) < PATH_BYTES);
    memcpy(file->path, path, strlen(path) + 1);
    return file;
}

static void clear_shared(struct stored_file *file)
{
    for (size_t i = 0; i < SHM_REGION_MAX; i++) {
        free(file->shared[i]);
        file->shared[i] = NULL;
    }
}

static void forget(struct stored_file *file)
{
    clear_shared(file);
    file->shared_users = 0;
    file->path[0] = '\0';
    file->size_bytes = 0; /* the memory is kept for the next one */
}

static bool reserve(struct stored_file *file, sqlite3_int64 size_bytes)
{
    if (size_bytes > FILE_BYTES_MAX)
        return false;
    if (size_bytes <= file->capacity_bytes)
        return true;
    uint8_t *grown = realloc(file->data, (size_t)size_bytes * 2);
    if (grown == NULL)
        return false;
    file->data = grown;
    file->capacity_bytes = size_bytes * 2;
    return true;
}

static struct stored_file *stored_of(sqlite3_file *file)
{
    return ((struct memory_file *)(void *)file)->stored;
}

static int file_close(sqlite3_file *file)
{
    if (((struct memory_file *)(void *)file)->is_temporary)
        forget(stored_of(file));
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *data, int size_bytes, sqlite3_int64 offset)
{
    const struct stored_file *stored = stored_of(file);
    sqlite3_int64 left = offset < stored->size_bytes ? stored->size_bytes - offset : 0;
    sqlite3_int64 taken = left < size_bytes ? left : size_bytes;
    if (taken > 0)
        memcpy(data, stored->data + offset, (size_t)taken);
    memset((char *)data + taken, 0, (size_t)(size_bytes - taken));
    return taken == size_bytes ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size_bytes)
{
    struct stored_file *stored = stored_of(file);
    if (!reserve(stored, size_bytes))
        return SQLITE_FULL;
    if (size_bytes > stored->size_bytes)
        memset(stored->data + stored->size_bytes, 0, (size_t)(size_bytes - stored->size_bytes));
    stored->size_bytes = size_bytes;
    return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *data, int size_bytes, sqlite3_int64 offset)
{
    struct stored_file *stored = stored_of(file);
    if (offset + size_bytes > stored->size_bytes &&
        file_truncate(file, offset + size_bytes) != SQLITE_OK)
        return SQLITE_FULL;
    memcpy(stored->data + offset, data, (size_t)size_bytes);
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size_bytes)
{
    *size_bytes = stored_of(file)->size_bytes;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *reserved)
{
    (void)file;
    *reserved = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    (void)file;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR_BYTES;
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static int file_shm_map(sqlite3_file *file, int region, int region_bytes, int extend,
                        void volatile **memory)
{
    struct stored_file *stored = stored_of(file);
    struct memory_file *opened = (struct memory_file *)(void *)file;
    *memory = NULL;
    if (!opened->uses_shared) {
        opened->uses_shared = true;
        stored->shared_users++;
    }
    if (region >= SHM_REGION_MAX || region_bytes > SHM_REGION_BYTES)
        return SQLITE_IOERR_SHMMAP;
    if (stored->shared[region] == NULL && extend != 0)
        stored->shared[region] = calloc(1, SHM_REGION_BYTES);
    *memory = stored->shared[region];
    return *memory == NULL && extend != 0 ? SQLITE_NOMEM : SQLITE_OK;
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    (void)file;
    (void)offset;
    (void)count;
    (void)flags;
    return SQLITE_OK;
}

static void file_shm_barrier(sqlite3_file *file)
{
    (void)file;
}

static int file_shm_unmap(sqlite3_file *file, int delete_it)
{
    struct memory_file *opened = (struct memory_file *)(void *)file;
    (void)delete_it;
    if (opened->uses_shared && --opened->stored->shared_users == 0)
        clear_shared(opened->stored); /* the last one made it consistent */
    opened->uses_shared = false;
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file, int flags,
                    int *out_flags)
{
    static unsigned temporary_count;
    (void)vfs;
    if (!is_in_memory)
        return below->xOpen(below, path, file, flags, out_flags);
    struct memory_file *opened = (struct memory_file *)(void *)file;
    char name[32];
    *opened = (struct memory_file){.is_temporary = path == NULL};
    snprintf(name, sizeof name, "temporary %u", temporary_count++);
    if (path == NULL)
        path = name;
    if ((flags & SQLITE_OPEN_CREATE) == 0 && find(path) == NULL)
        return SQLITE_CANTOPEN;
    opened->stored = find_or_make(path);
    opened->base.pMethods = &methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    (void)vfs;
    if (!is_in_memory)
        return below->xDelete(below, path, sync_directory);
    struct stored_file *file = find(path);
    if (file == NULL)
        return SQLITE_IOERR_DELETE_NOENT;
    forget(file);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    (void)vfs;
    if (!is_in_memory)
        return below->xAccess(below, path, flags, result);
    const struct stored_file *file = find(path);
    *result = file != NULL && (flags != SQLITE_ACCESS_EXISTS || file->size_bytes > 0);
    return SQLITE_OK;
}

void memory_vfs_register(void)
{
    static sqlite3_vfs vfs;
    below = sqlite3_vfs_find(NULL);
    assert(below != NULL);
    vfs = *below;
    vfs.pNext = NULL;
    vfs.zName = "fuzz";
    vfs.iVersion = 2;
    if (vfs.szOsFile < (int)sizeof(struct memory_file))
        vfs.szOsFile = (int)sizeof(struct memory_file);
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    int result = sqlite3_vfs_register(&vfs, 1);
    assert(result == SQLITE_OK);
}

void memory_vfs_switch(bool to_memory)
{
    is_in_memory = to_memory;
    for (size_t i = 0; to_memory && i < FILE_MAX; i++)
        forget(&files[i]);
}

void memory_vfs_set(const char *path, struct bytes_view content)
{
    char side[PATH_BYTES + 8];
    struct stored_file *file = find(path);
    if (file != NULL)
        forget(file);
    snprintf(side, sizeof side, "%s-wal", path);
    file = find(side);
    if (file != NULL)
        forget(file);
    file = find_or_make(path);
    bool fits = reserve(file, (sqlite3_int64)content.size_bytes);
    assert(fits);
    if (content.size_bytes != 0)
        memcpy(file->data, content.data, content.size_bytes);
    file->size_bytes = (sqlite3_int64)content.size_bytes;
}

struct bytes_view memory_vfs_get(const char *path)
{
    const struct stored_file *file = find(path);
    return file == NULL ? bytes_view_of(NULL, 0)
                        : bytes_view_of(file->data, (size_t)file->size_bytes);
}
