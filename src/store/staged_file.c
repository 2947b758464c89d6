// SPDX-License-Identifier: Apache-2.0
#include "store/staged_file.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
/* For a state in our own memory. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "util/memory.h"

void staged_file_init(struct staged_file *staged)
{
    *staged = (struct staged_file){0};
    os_file_init(&staged->file);
}

enum error_code staged_file_create(struct staged_file *staged, const struct store *store,
                                   const char *name, struct obstacle *obstacle, struct error *error)
{
    char staging[OS_PATH_BYTES], path[OS_PATH_BYTES];
    struct error failure;
    staged_file_init(staged);
    assert(strlen(name) < sizeof staged->name);
    enum error_code code = store_path(store, LAKE_STAGING, staging, error);
    if (code == OK)
        code = os_path_join(path, staging, name, error);
    if (code != OK)
        return code;
    staged->hash = mem_alloc(sizeof(XXH64_state_t));
    if (staged->hash == NULL)
        return error_no_memory(error, "a staged file");
    XXH64_reset(staged->hash, 0);
    staged->is_durable = store_is_folder(store);
    error_clear(&failure);
    while ((code = os_file_open(&staged->file, path, OS_OPEN_CREATE_NEW, &failure)) != OK) {
        if (code == ERR_CONFLICT) /* left by a commit whose clean-up failed: staging is ours */
            code = os_unlink(path, &failure);
        else if (code == ERR_RETRY)
            code = obstacle_wait(obstacle, &failure, &failure);
        if (code != OK)
            break;
    }
    if (code == OK) {
        obstacle_gone(obstacle);
        memcpy(staged->name, name, strlen(name) + 1);
        return OK;
    }
    if (error != NULL)
        *error = failure;
    staged_file_release(staged);
    return code;
}

enum error_code staged_file_append(struct staged_file *staged, struct bytes_view bytes,
                                   struct obstacle *obstacle, struct error *error)
{
    size_t done = 0;
    assert(!staged->failed);
    while (done < bytes.size_bytes) {
        size_t written = 0;
        struct error failure;
        error_clear(&failure);
        enum error_code code =
            os_file_write(&staged->file, staged->size_bytes + done, bytes.data + done,
                          bytes.size_bytes - done, &written, &failure);
        done += written;
        if (code == ERR_RETRY)
            code = obstacle_wait(obstacle, &failure, error);
        else if (code != OK && error != NULL)
            *error = failure;
        if (code != OK) {
            staged->failed = true;
            return code;
        }
    }
    obstacle_gone(obstacle);
    if (bytes.size_bytes > 0)
        XXH64_update(staged->hash, bytes.data, bytes.size_bytes);
    staged->size_bytes += bytes.size_bytes;
    return OK;
}

enum error_code staged_file_sync(struct staged_file *staged, struct error *error)
{
    assert(!staged->failed);
    if (!staged->is_durable)
        return OK;
    enum error_code code = os_file_sync(&staged->file, error);
    if (code != OK)
        staged->failed = true;
    return code;
}

enum error_code staged_file_read(void *staged, uint64_t offset, void *data, size_t size_bytes,
                                 struct error *error)
{
    const struct staged_file *of = staged;
    return os_file_read(&of->file, offset, data, size_bytes, error);
}

enum error_code staged_file_check_size(const struct staged_file *staged, struct error *error)
{
    uint64_t size_bytes;
    enum error_code code = os_file_size(&staged->file, &size_bytes, error);
    if (code == OK && size_bytes != staged->size_bytes)
        code = error_set(error, ERR_CORRUPT, "%s has %llu bytes after %llu were written",
                         staged->file.path, (unsigned long long)size_bytes,
                         (unsigned long long)staged->size_bytes);
    return code;
}

uint64_t staged_file_checksum(const struct staged_file *staged)
{
    return XXH64_digest(staged->hash);
}

void staged_file_release(struct staged_file *staged)
{
    os_file_release(&staged->file);
    mem_free(staged->hash);
    staged_file_init(staged);
}

void staged_file_discard(struct staged_file *staged)
{
    if (staged->file.path != NULL)
        os_discard(staged->file.path);
    staged_file_release(staged);
}
