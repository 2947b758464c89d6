// SPDX-License-Identifier: Apache-2.0
#include "commit/backup_lock.h"

#include <stdio.h>
#include <string.h>

#include "commit/lake_catalog.h"
#include "os/clock.h"
#include "os/identity.h"

/* Of the backups that began since there was none: more are not told of. */
#define TEXT_BYTES 2048
#define PAUSE_US   INT64_C(50000)
/* Of a SQLite catalog that is not in the lake's folder. */
#define BESIDE_CATALOG "-backup"

void backup_lock_init(struct backup_lock *lock)
{
    os_file_init(&lock->file);
    lock->keeping = NULL;
}

void backup_lock_release(struct backup_lock *lock)
{
    catalog_keeping_free(lock->keeping);
    lock->keeping = NULL;
    os_file_release(&lock->file);
}

enum error_code backup_lock_check(const struct backup_lock *lock, struct error *error)
{
    return catalog_keeping_check(lock->keeping, error);
}

/* Whoever only reads the lake can't keep others from deleting. */
static enum error_code explain_rights(enum error_code code, const struct store *store,
                                      struct error *error)
{
    if (code != ERR_IO || error == NULL || !os_is_refusal(error->system_errno))
        return code;
    (void)error_prefix(error, ERR_INVALID,
                       "who may not write to %s can't keep its files from being deleted meanwhile; "
                       "run this as the lake's owner: ",
                       store->root);
    error->code = ERR_INVALID;
    return ERR_INVALID;
}

static enum error_code find_file(const struct store *store, char path[OS_PATH_BYTES],
                                 struct error *error)
{
    if (store_is_folder(store))
        return store_path(store, LAKE_BACKUP_LOCK, path, error);
    enum error_code code = lake_catalog_path(store, path, error);
    if (code == ERR_CONFLICT) /* it is in PostgreSQL, and so is the lock; the rest is staged here */
        return store_path(store, LAKE_BACKUP_LOCK, path, error);
    size_t length = code == OK ? strlen(path) : 0;
    if (code == OK && length + sizeof BESIDE_CATALOG > OS_PATH_BYTES)
        code = error_set(error, ERR_LIMIT, "the path %.200s… is too long", path);
    if (code == OK)
        memcpy(path + length, BESIDE_CATALOG, sizeof BESIDE_CATALOG);
    return code;
}

static enum error_code open_file(struct backup_lock *lock, const struct store *store,
                                 struct error *error)
{
    char path[OS_PATH_BYTES];
    backup_lock_init(lock);
    enum error_code code = find_file(store, path, error);
    if (code == OK)
        code = os_refuse_no_file(path, error);
    if (code == OK)
        code = os_file_open(&lock->file, path, OS_OPEN_READ_WRITE, error);
    if (code == OK)
        os_file_keep_from_readers(&lock->file);
    return code;
}

/* A shared lock, in place of the exclusive one where *is_alone says that nobody else had any. */
static enum error_code share_now(struct backup_lock *lock, const struct store *store,
                                 bool *is_alone, struct error *error)
{
    char ignored[KEEPING_HOLDER_BYTES];
    *is_alone = os_file_lock(&lock->file, NULL) == OK;
    enum error_code code = os_file_lock_shared(&lock->file, error);
    return code == OK ? lake_catalog_keep(&lock->keeping, store, true, ignored, error) : code;
}

/* One line a backup; the first one begins the text anew. A full disk is no reason to fail. */
static void write_text(struct backup_lock *lock, bool is_alone, const char *destination)
{
    char text[TEXT_BYTES], host[OS_HOST_NAME_BYTES];
    uint64_t offset = 0;
    size_t written;
    os_host_name(host);
    int length = snprintf(text, sizeof text, "process %lld on host %s, to %.1000s\n",
                          (long long)os_process_id(), host, destination);
    if (is_alone ? os_file_truncate(&lock->file, 0, NULL) != OK
                 : os_file_size(&lock->file, &offset, NULL) != OK)
        return;
    (void)!os_file_write(&lock->file, offset, text, (size_t)length, &written, NULL);
}

enum error_code backup_lock_share(struct backup_lock *lock, const struct store *store,
                                  const char *destination, struct error *error)
{
    bool is_alone = false;
    int64_t until_us = os_monotonic_us() + BACKUP_LOCK_PATIENCE_US;
    enum error_code code = explain_rights(open_file(lock, store, error), store, error);
    if (code == OK)
        code = share_now(lock, store, &is_alone, error);
    while (code == ERR_CONFLICT && os_monotonic_us() < until_us) {
        os_sleep_us(PAUSE_US);
        code = share_now(lock, store, &is_alone, error);
    }
    if (code == ERR_CONFLICT)
        code = error_set(error, code,
                         "files of the lake are being deleted (%s is locked), which a backup waits "
                         "for: let that end, then start the backup again",
                         lock->file.path);
    if (code == OK)
        write_text(lock, is_alone, destination);
    else
        backup_lock_release(lock);
    return code;
}

/* The lines of the text, with "; " between them. */
static void describe_backups(const struct backup_lock *lock, char out[TEXT_BYTES])
{
    char text[TEXT_BYTES];
    uint64_t size_bytes = 0;
    size_t length = 0;
    if (os_file_size(&lock->file, &size_bytes, NULL) != OK || size_bytes >= sizeof text ||
        os_file_read(&lock->file, 0, text, (size_t)size_bytes, NULL) != OK)
        size_bytes = 0;
    text[size_bytes] = '\0';
    for (const char *line = text; *line != '\0' && length < TEXT_BYTES;
         line += strspn(line, "\n")) {
        size_t bytes = strcspn(line, "\n");
        length += (size_t)snprintf(out + length, TEXT_BYTES - length, "%s%.*s",
                                   length == 0 ? "" : "; ", (int)bytes, line);
        line += bytes;
    }
    if (length == 0)
        snprintf(out, TEXT_BYTES, "another process");
}

enum error_code backup_lock_delete(struct backup_lock *lock, const struct store *store,
                                   struct error *error)
{
    char by[TEXT_BYTES] = "";
    enum error_code code = open_file(lock, store, error);
    if (code == OK)
        code = os_file_lock(&lock->file, error);
    if (code == ERR_CONFLICT)
        describe_backups(lock, by);
    else if (code == OK)
        code = lake_catalog_keep(&lock->keeping, store, false, by, error);
    if (code == ERR_CONFLICT && by[0] != '\0') {
        code = error_set(error, code,
                         "a backup of the lake is running (%s): files that it may need are deleted "
                         "after it has ended",
                         by);
    }
    if (code != OK)
        backup_lock_release(lock);
    return code;
}
