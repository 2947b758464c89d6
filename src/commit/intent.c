// SPDX-License-Identifier: Apache-2.0
#include "commit/intent.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "os/identity.h"
#include "store/layout.h"

void intent_init(struct intent *intent)
{
    *intent = (struct intent){0};
    arena_init(&intent->arena, 0);
}

void intent_release(struct intent *intent)
{
    arena_release(&intent->arena);
    intent_init(intent);
}

enum error_code intent_number_objects(struct intent *intent, const struct store *store,
                                      struct error *error)
{
    char uuid[OS_UUID_BYTES];
    if (store_is_folder(store))
        return OK;
    enum error_code code = os_uuid(uuid, error);
    if (code != OK)
        return code;
    intent->commit_uuid = arena_copy_text(&intent->arena, bytes_view_text(uuid));
    return intent->commit_uuid != NULL ? OK : error_no_memory(error, "a commit");
}

enum error_code intent_name_dead_letters(struct intent *intent, uint64_t commit_no,
                                         struct error *error)
{
    char path[INTENT_PATH_BYTES];
    const char *uuid = intent->commit_uuid;
    snprintf(path, sizeof path, "dead_letters/commit_%" PRIu64 "%s%.8s.jsonl", commit_no,
             uuid == NULL ? "" : "_", uuid == NULL ? "" : uuid);
    intent->commit.dead_letters_path = arena_copy_text(&intent->arena, bytes_view_text(path));
    return intent->commit.dead_letters_path != NULL
               ? OK
               : error_no_memory(error, "a commit's dead letters");
}

size_t intent_item_count(const struct intent *intent)
{
    return intent->commit.file_count + (intent->dead_letters_staged != NULL);
}

void intent_item_get(const struct intent *intent, size_t index, struct intent_item *item)
{
    assert(index < intent_item_count(intent));
    if (index < intent->commit.file_count) {
        const struct catalog_file *file = &intent->commit.files[index];
        *item = (struct intent_item){.size_bytes = (uint64_t)file->file_size_bytes,
                                     .checksum = file->checksum};
        snprintf(item->staged, sizeof item->staged, LAKE_STAGING "/%s", intent->staged[index]);
        snprintf(item->path, sizeof item->path, "%s", file->path);
        return;
    }
    *item = (struct intent_item){.size_bytes = intent->dead_letters_size_bytes,
                                 .checksum = intent->commit.dead_letters_checksum};
    snprintf(item->staged, sizeof item->staged, LAKE_STAGING "/%s", intent->dead_letters_staged);
    snprintf(item->path, sizeof item->path, LAKE_FOLDER "/%s", intent->commit.dead_letters_path);
}
