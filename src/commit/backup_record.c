// SPDX-License-Identifier: Apache-2.0
#include "commit/backup_record.h"

#include <jansson.h>
#include <string.h>

#include "os/clock.h"
#include "os/identity.h"
#include "util/json_text.h"
#include "util/memory.h"

#define LIMIT_BYTES (256 * 1024)
/* Others add theirs in a moment. */
#define PATIENCE_US INT64_C(10000000)
#define PAUSE_US    INT64_C(5000)

static int64_t number(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : value;
}

/* Entries that say no place, or no time, are left out. */
static void decode(const json_t *object, struct backup_records *records)
{
    const json_t *list = json_object_get(object, "backups");
    for (size_t i = 0; i < json_array_size(list) && records->count < BACKUP_RECORDS_MAX; i++) {
        const json_t *entry = json_array_get(list, i);
        const char *destination = json_string_value(json_object_get(entry, "destination"));
        struct backup_record *record = &records->items[records->count];
        *record = (struct backup_record){.ended_us = number(entry, "ended_us"),
                                         .snapshot_id = number(entry, "snapshot_id"),
                                         .commit_no = (uint64_t)number(entry, "commit_no"),
                                         .files = (uint64_t)number(entry, "files"),
                                         .bytes = (uint64_t)number(entry, "bytes")};
        if (destination == NULL || strlen(destination) >= OS_PATH_BYTES || record->ended_us == 0)
            continue;
        memcpy(record->destination, destination, strlen(destination) + 1);
        records->count++;
    }
}

enum error_code backup_records_read(struct backup_records *records, const struct store *store,
                                    struct error *error)
{
    struct error failure;
    struct buffer text;
    json_t *object = NULL;
    records->count = 0;
    buffer_init(&text);
    enum error_code code = store_read_whole(store, LAKE_BACKUPS, LIMIT_BYTES, &text, &failure);
    if (code == OK)
        code = json_text_parse(buffer_view(&text), LAKE_BACKUPS, &object, &failure);
    if (code == OK)
        decode(object, records);
    json_decref(object);
    buffer_release(&text);
    if (code != ERR_NO_MEMORY)
        return OK;
    if (error != NULL)
        *error = failure;
    return code;
}

static json_t *encode(const struct backup_record *record)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "destination", record->destination,
                     "ended_us", (json_int_t)record->ended_us, "snapshot_id",
                     (json_int_t)record->snapshot_id, "commit_no", (json_int_t)record->commit_no,
                     "files", (json_int_t)record->files, "bytes", (json_int_t)record->bytes);
}

/* The new one, then the others. NULL without memory. */
static json_t *encode_all(const struct backup_record *record, const struct backup_records *others)
{
    json_t *list = json_array();
    bool good = list != NULL && json_array_append_new(list, encode(record)) == 0;
    for (size_t i = 0; good && i < others->count; i++) {
        const struct backup_record *other = &others->items[i];
        if (strcmp(other->destination, record->destination) != 0 &&
            json_array_size(list) < BACKUP_RECORDS_MAX)
            good = json_array_append_new(list, encode(other)) == 0;
    }
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* Two backups may end together: each adds its own to what the other said. */
static enum error_code lock_records(struct os_file *file, const struct store *store,
                                    struct error *error)
{
    char path[OS_PATH_BYTES];
    int64_t until_us = os_monotonic_us() + PATIENCE_US;
    enum error_code code = store_path(store, LAKE_BACKUPS_LOCK, path, error);
    if (code == OK)
        code = os_refuse_no_file(path, error);
    if (code == OK)
        code = os_file_open(file, path, OS_OPEN_READ_WRITE, error);
    if (code != OK)
        return code;
    os_file_keep_from_readers(file);
    code = os_file_lock(file, error);
    while (code == ERR_CONFLICT && os_monotonic_us() < until_us) {
        os_sleep_us(PAUSE_US);
        code = os_file_lock(file, error);
    }
    return code;
}

static enum error_code add_record(const struct backup_record *record, const struct store *store,
                                  struct error *error)
{
    struct buffer text;
    struct backup_records *others = mem_alloc_zero(1, sizeof *others);
    if (others == NULL)
        return error_no_memory(error, "the list of backups");
    buffer_init(&text);
    enum error_code code = backup_records_read(others, store, error);
    json_t *object = code == OK ? json_pack("{s:o}", "backups", encode_all(record, others)) : NULL;
    if (code == OK)
        code = json_text_dump(object, true, &text, error);
    if (code == OK)
        code = store_replace(store, LAKE_BACKUPS, buffer_view(&text), error);
    json_decref(object);
    buffer_release(&text);
    mem_free(others);
    return code;
}

enum error_code backup_record_keep(const struct backup_record *record, const struct store *store,
                                   struct error *error)
{
    struct os_file lock;
    os_file_init(&lock);
    enum error_code code = lock_records(&lock, store, error);
    if (code == OK)
        code = add_record(record, store, error);
    os_file_release(&lock);
    return code;
}
