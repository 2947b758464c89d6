// SPDX-License-Identifier: Apache-2.0
#include "commit/publication.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
/* For a state on the stack. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "store/damaged.h"
#include "store/layout.h"
#include "os/file.h"
#include "util/memory.h"

#define READ_BYTES ((size_t)1 << 20)

void publication_init(struct publication *publication, const char *root, struct catalog *catalog,
                      const struct intent *intent)
{
    *publication = (struct publication){
        .root = root, .catalog = catalog, .intent = intent, .state = PUBLICATION_STAGED};
}

static enum error_code staged_path(char out[OS_PATH_BYTES], const char *root,
                                   const struct intent_item *item, struct error *error)
{
    char name[OS_PATH_BYTES];
    enum error_code code = os_path_join(name, LAKE_STAGING, item->staged, error);
    return code == OK ? os_path_join(out, root, name, error) : code;
}

enum error_code publish_write_intent(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_STAGED);
    enum error_code code = intent_write(publication->intent, publication->root, error);
    if (code == OK)
        publication->state = PUBLICATION_INTENDED;
    return code;
}

static enum error_code place_item(struct publication *publication, size_t index,
                                  struct error *error)
{
    struct intent_item item;
    char staged[OS_PATH_BYTES], final[OS_PATH_BYTES], directory[OS_PATH_BYTES];
    intent_item_get(publication->intent, index, &item);
    enum error_code code = staged_path(staged, publication->root, &item, error);
    if (code == OK)
        code = os_path_join(final, publication->root, item.path, error);
    if (code == OK)
        code = os_parent_path(directory, final, error);
    if (code == OK)
        code = os_refuse_linked_folders(publication->root, item.path, error);
    if (code == OK)
        code = os_make_directories(directory, NULL, error);
    if (code == OK)
        code = os_rename_no_replace(staged, final, error);
    if (code == OK)
        publication->placed |= UINT32_C(1) << index;
    return code;
}

/* The directory of an item's final name; all of them up to output_path are synced, since an earlier
 * try that died may have made some of them. One directory is synced once. */
static enum error_code sync_directory_of(const struct publication *publication, size_t index,
                                         struct error *error)
{
    struct intent_item item, earlier;
    char final[OS_PATH_BYTES], directory[OS_PATH_BYTES], other[OS_PATH_BYTES];
    intent_item_get(publication->intent, index, &item);
    enum error_code code = os_path_join(final, publication->root, item.path, error);
    if (code == OK)
        code = os_parent_path(directory, final, error);
    for (size_t i = 0; code == OK && i < index; i++) {
        intent_item_get(publication->intent, i, &earlier);
        code = os_path_join(final, publication->root, earlier.path, error);
        if (code == OK)
            code = os_parent_path(other, final, error);
        if (code == OK && strcmp(directory, other) == 0)
            return OK;
    }
    return code == OK ? os_sync_directories_up_to(directory, publication->root, error) : code;
}

enum error_code publish_place_files(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_INTENDED);
    size_t count = intent_item_count(publication->intent);
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count; i++)
        if ((publication->placed >> i & 1) == 0)
            code = place_item(publication, i, error);
    for (size_t i = 0; code == OK && i < count; i++)
        code = sync_directory_of(publication, i, error);
    if (code == OK)
        publication->state = PUBLICATION_PLACED;
    return code;
}

/* Whether what has the item's final name is there and as large as it was placed. */
static enum error_code look_at_placed(const struct publication *publication,
                                      const struct intent_item *item, bool *there,
                                      struct error *error)
{
    char final[OS_PATH_BYTES];
    struct os_file file;
    uint64_t size_bytes = 0;
    struct error failure;
    *there = false;
    enum error_code code = os_path_join(final, publication->root, item->path, error);
    if (code != OK)
        return code;
    code = os_file_open(&file, final, OS_OPEN_READ, &failure);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code == OK)
        code = os_file_size(&file, &size_bytes, &failure);
    os_file_release(&file);
    if (code != OK && error != NULL)
        *error = failure;
    *there = code == OK && size_bytes == item->size_bytes;
    return code;
}

/* Inside the transaction: whoever held the catalog before may have cleaned up the folder, too. */
static enum error_code look_again(void *context, struct error *error)
{
    struct publication *publication = context;
    enum error_code code = OK;
    publication->began = true;
    for (size_t i = 0; code == OK && i < intent_item_count(publication->intent); i++) {
        struct intent_item item;
        bool there;
        intent_item_get(publication->intent, i, &item);
        code = look_at_placed(publication, &item, &there, error);
        if (code != OK || there)
            continue;
        publication->placed &= ~(UINT32_C(1) << i); /* withdrawing looks at what is there */
        publication->file_lost = true;
        error_set(error, ERR_IO,
                  "%s/%s was removed or changed by another program before the catalog could take "
                  "it in (a clean-up of orphaned files with cleanup_all?)",
                  publication->root, item.path);
    }
    return code == OK && publication->file_lost ? ERR_IO : code;
}

enum error_code publish_to_catalog(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_PLACED);
    enum error_code code = catalog_add_commit_if(publication->catalog, &publication->intent->commit,
                                                 look_again, publication, error);
    if (code == OK)
        publication->state = PUBLICATION_COMMITTED;
    return code;
}

/* Whether `path` is there with the item's size and checksum; *exists if it is there at all. */
static enum error_code is_complete(const char *path, const struct intent_item *item, bool *exists,
                                   bool *complete, struct error *error)
{
    struct os_file file;
    uint64_t size_bytes = 0;
    *exists = false;
    *complete = false;
    enum error_code code = os_file_open(&file, path, OS_OPEN_READ, error);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK)
        return code;
    *exists = true;
    uint8_t *block = mem_alloc(READ_BYTES);
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    code = block == NULL ? error_no_memory(error, path) : os_file_size(&file, &size_bytes, error);
    bool right_size = code == OK && size_bytes == item->size_bytes;
    for (uint64_t at = 0; right_size && code == OK && at < size_bytes;) {
        size_t piece = size_bytes - at < READ_BYTES ? (size_t)(size_bytes - at) : READ_BYTES;
        code = os_file_read(&file, at, block, piece, error);
        if (code == OK)
            XXH64_update(&state, block, piece);
        at += piece;
    }
    *complete = code == OK && right_size && XXH64_digest(&state) == item->checksum;
    mem_free(block);
    os_file_release(&file);
    return code;
}

/* Dead letters carry no name of their own: their path says whose they are. */
static enum error_code find_author(const struct publication *publication, size_t index,
                                   const char *full_path, enum file_author *author,
                                   struct error *error)
{
    const struct intent_guard *guard = publication->guard;
    *author = AUTHOR_COMMIT;
    if (guard == NULL || index >= publication->intent->commit.file_count)
        return OK;
    return guard->find_author(guard->context, full_path, publication->intent, index, author, error);
}

enum error_code publication_find_item(const struct publication *publication, size_t index,
                                      enum item_place *place, struct error *error)
{
    struct intent_item item;
    char staged[OS_PATH_BYTES], final[OS_PATH_BYTES];
    bool in_staging = false, staged_complete = false, has_final = false, final_complete = false;
    enum file_author staged_author = AUTHOR_COMMIT, final_author = AUTHOR_COMMIT;
    intent_item_get(publication->intent, index, &item);
    enum error_code code = staged_path(staged, publication->root, &item, error);
    if (code == OK)
        code = os_path_join(final, publication->root, item.path, error);
    if (code == OK)
        code = is_complete(final, &item, &has_final, &final_complete, error);
    if (code == OK && has_final)
        code = find_author(publication, index, final, &final_author, error);
    if (code == OK && !final_complete)
        code = is_complete(staged, &item, &in_staging, &staged_complete, error);
    if (code == OK && staged_complete)
        code = find_author(publication, index, staged, &staged_author, error);
    if (code != OK)
        return code;
    if (final_complete)
        *place = final_author == AUTHOR_COMMIT ? ITEM_PLACED : ITEM_BLOCKED;
    else if (has_final)
        *place = in_staging || final_author == AUTHOR_OTHER ? ITEM_BLOCKED : ITEM_FINAL_WRONG;
    else
        *place = staged_complete && staged_author == AUTHOR_COMMIT ? ITEM_STAGED : ITEM_MISSING;
    return OK;
}

static enum error_code delete_if_there(const char *path, struct error *error)
{
    enum error_code code = os_unlink(path, error);
    return code == ERR_NOT_FOUND ? OK : code;
}

/* Undoes one item. Its final name goes only if what has it is ours. */
static enum error_code withdraw_item(struct publication *publication, size_t index,
                                     struct error *error)
{
    struct intent_item item;
    char staged[OS_PATH_BYTES], final[OS_PATH_BYTES];
    enum item_place place = ITEM_PLACED;
    intent_item_get(publication->intent, index, &item);
    enum error_code code = staged_path(staged, publication->root, &item, error);
    if (code == OK)
        code = os_path_join(final, publication->root, item.path, error);
    if (code == OK && (publication->placed >> index & 1) == 0)
        code = publication_find_item(publication, index, &place, error);
    if (code == OK && place == ITEM_PLACED)
        code = os_refuse_linked_folders(publication->root, item.path, error);
    if (code == OK && place == ITEM_PLACED)
        code = delete_if_there(final, error);
    if (code == OK && place == ITEM_FINAL_WRONG)
        code = damaged_keep(publication->root, item.path, error);
    if (code == OK)
        code = delete_if_there(staged, error);
    return code;
}

/* The final directories may not all have been made yet. */
static enum error_code sync_if_there(const struct publication *publication, size_t index,
                                     struct error *error)
{
    struct intent_item item;
    char final[OS_PATH_BYTES], directory[OS_PATH_BYTES];
    intent_item_get(publication->intent, index, &item);
    enum error_code code = os_path_join(final, publication->root, item.path, error);
    if (code == OK)
        code = os_parent_path(directory, final, error);
    if (code == OK && os_path_exists(directory))
        code = os_sync_directory(directory, error);
    return code;
}

enum error_code publish_withdraw(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_INTENDED || publication->state == PUBLICATION_PLACED);
    bool committed = false;
    enum error_code code = OK;
    if (publication->began)
        code = catalog_settle_commit(publication->catalog, publication->intent->commit.commit_no,
                                     &committed, error);
    if (code != OK)
        return code;
    if (committed) {
        publication->state = PUBLICATION_COMMITTED;
        return OK;
    }
    size_t count = intent_item_count(publication->intent);
    for (size_t i = 0; code == OK && i < count; i++)
        code = withdraw_item(publication, i, error);
    for (size_t i = 0; code == OK && i < count; i++)
        code = sync_if_there(publication, i, error);
    if (code == OK)
        publication->state = PUBLICATION_WITHDRAWN;
    return code;
}

enum error_code publish_remove_intent(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_COMMITTED ||
           publication->state == PUBLICATION_WITHDRAWN);
    char path[OS_PATH_BYTES];
    enum error_code code = os_path_join(path, publication->root, LAKE_INTENT, error);
    if (code == OK)
        code = delete_if_there(path, error);
    if (code == OK)
        publication->state = PUBLICATION_FINISHED;
    return code;
}
