// SPDX-License-Identifier: Apache-2.0
/*
 * How a commit becomes part of the lake, or not at all.
 *
 * The catalog alone decides what is in the lake, and its transaction takes in files by their names.
 * So all files must have their names, durably, before it; and names that were given must be found
 * again, and taken back, if it never comes. Hence the intent: the whole commit, written down before
 * the first name is given.
 *
 *   1. publish_write_intent  STAGED → INTENDED.   The intent is durable: its bytes, its name, and
 *      the names of the staged files, which lie in the same folder. From here on a crash is
 *      recovered from (commit/folder_intents.c); before, there are staged files only, which are
 * deleted.
 *   2. publish_place_files   INTENDED → PLACED.   Each staged file gets its final name, never over
 *      another file; then all those names are made durable.
 *   3. publish_to_catalog    PLACED → COMMITTED.  One transaction, in which each file is looked at
 *      once more. This is the commit: before it nobody sees anything, after it everybody does.
 *   4. publish_remove_intent COMMITTED → FINISHED. It need not be durable: an intent that comes
 * back names a commit that the catalog holds, and is removed again.
 *
 * What fails in 1 has promised nothing. What fails in 2 or 3, and is not to be tried again, is
 * undone by publish_withdraw: if a transaction may have begun, the catalog is first made to tell
 * for good whether it holds the commit (a failed COMMIT can have left whole frames in its log);
 * only if it does not, now and ever, are the files deleted, durably, and the intent after them. A
 * file is deleted only if it was this process that placed it, or if its bytes are the intent's and
 * it says itself that it is of this commit: the name may have been taken by a stranger's.
 *
 * docs/commit-protocol.md has the invariants, and which sync protects what.
 */
#include "commit/publication.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
/* For a state on the stack. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "catalog/uploads.h"
#include "util/memory.h"

#define READ_BYTES ((size_t)1 << 20)

_Static_assert(INTENT_ITEM_MAX <= 32, "the mark of placed items has a bit for each");

void publication_init(struct publication *publication, const struct store *store,
                      struct catalog *catalog, const struct intent *intent,
                      const struct intent_keeper *keeper)
{
    *publication = (struct publication){.store = store,
                                        .catalog = catalog,
                                        .intent = intent,
                                        .keeper = keeper,
                                        .state = PUBLICATION_STAGED};
}

/* The items' final names. */
struct final_names {
    struct intent_item items[INTENT_ITEM_MAX];
    const char *names[INTENT_ITEM_MAX];
    size_t count;
};

static void get_final_names(const struct intent *intent, struct final_names *final)
{
    final->count = intent_item_count(intent);
    for (size_t i = 0; i < final->count; i++) {
        intent_item_get(intent, i, &final->items[i]);
        final->names[i] = final->items[i].path;
    }
}

static enum error_code may_go_on(const struct publication *publication, struct error *error)
{
    const struct commit_fence *fence = &publication->fence;
    return fence->lease_id == 0 ? OK : fence->may_go_on(fence, error);
}

enum error_code publish_write_intent(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_STAGED);
    enum error_code code = may_go_on(publication, error);
    if (code == OK)
        code = publication->keeper->write(publication, error);
    if (code == OK)
        publication->state = PUBLICATION_INTENDED;
    return code;
}

enum error_code publish_place_files(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_INTENDED);
    struct final_names final;
    enum error_code code = OK;
    get_final_names(publication->intent, &final);
    for (size_t i = 0; code == OK && i < final.count; i++) {
        if ((publication->placed >> i & 1) != 0)
            continue;
        code = may_go_on(publication, error);
        if (code == OK)
            code = store_put(publication->store, final.items[i].staged, final.names[i], error);
        if (code == OK)
            publication->placed |= UINT32_C(1) << i;
    }
    if (code == OK)
        code = store_sync_put(publication->store, final.names, final.count, error);
    if (code == OK)
        publication->state = PUBLICATION_PLACED;
    return code;
}

/* Whether what has the item's final name is there and as large as it was placed. */
static enum error_code look_at_placed(const struct publication *publication,
                                      const struct intent_item *item, bool *there,
                                      struct error *error)
{
    struct store_file file;
    struct error failure;
    *there = false;
    enum error_code code = store_open(publication->store, item->path, &file, &failure);
    *there = code == OK && file.size_bytes == item->size_bytes;
    store_close(&file);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

enum error_code publication_look_again(struct publication *publication, struct error *error)
{
    enum error_code code = OK;
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
                  publication->store->root, item.path);
    }
    return code == OK && publication->file_lost ? ERR_IO : code;
}

static enum error_code demand(void *context, struct error *error)
{
    struct publication *publication = context;
    const struct commit_fence *fence = &publication->fence;
    enum error_code code = OK;
    publication->began = true;
    if (fence->lease_id != 0 && fence->confirm != NULL)
        code = fence->confirm(fence, publication->intent->commit.range, error);
    if (code == OK && publication->keeper->demand != NULL)
        code = publication->keeper->demand(publication, error);
    return code;
}

/* Whoever held the catalog before may have cleaned up, too. */
static enum error_code look_again(void *context, struct error *error)
{
    struct publication *publication = context;
    return publication->keeper->confirm == NULL ? OK
                                                : publication->keeper->confirm(publication, error);
}

enum error_code publish_to_catalog(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_PLACED);
    const struct intent *intent = publication->intent;
    assert(!intent->is_replacement || intent->replacement != NULL);
    const struct catalog_terms terms = {demand, look_again, publication};
    enum error_code code = may_go_on(publication, error);
    if (code == OK)
        code = intent->is_replacement
                   ? catalog_replace_if(publication->catalog, &intent->commit, intent->replacement,
                                        &terms, error)
                   : catalog_add_commit_if(publication->catalog, &intent->commit, &terms, error);
    if (code == OK)
        publication->state = PUBLICATION_COMMITTED;
    return code;
}

static enum error_code read_checksum(struct store_file *file, uint64_t *checksum,
                                     struct error *error)
{
    uint8_t *block = mem_alloc(READ_BYTES);
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    enum error_code code = block == NULL ? error_no_memory(error, file->name) : OK;
    for (uint64_t at = 0; code == OK && at < file->size_bytes;) {
        uint64_t left = file->size_bytes - at;
        size_t piece = left < READ_BYTES ? (size_t)left : READ_BYTES;
        code = store_read(file, at, block, piece, error);
        if (code == OK)
            XXH64_update(&state, block, piece);
        at += piece;
    }
    *checksum = XXH64_digest(&state);
    mem_free(block);
    return code;
}

/* Whether `name` is there with the item's size and checksum; *exists if it is there at all. */
static enum error_code is_complete(const struct store *store, const char *name,
                                   const struct intent_item *item, bool *exists, bool *complete,
                                   struct error *error)
{
    struct store_file file;
    uint64_t checksum = 0;
    *complete = false;
    enum error_code code = store_open(store, name, &file, error);
    *exists = code == OK;
    if (code == OK && file.size_bytes == item->size_bytes) {
        code = read_checksum(&file, &checksum, error);
        *complete = code == OK && checksum == item->checksum;
    }
    store_close(&file);
    return code == ERR_NOT_FOUND ? OK : code;
}

/* Dead letters carry no name of their own: their path says whose they are. */
static enum error_code find_author(const struct publication *publication, size_t index,
                                   const char *name, enum file_author *author, struct error *error)
{
    const struct intent_guard *guard = publication->guard;
    *author = AUTHOR_COMMIT;
    if (guard == NULL || index >= publication->intent->commit.file_count)
        return OK;
    return guard->find_author(guard->context, publication->store, name, publication->intent, index,
                              author, error);
}

enum error_code publication_find_item(const struct publication *publication, size_t index,
                                      enum item_place *place, struct error *error)
{
    const struct store *store = publication->store;
    struct intent_item item;
    bool in_staging = false, staged_complete = false, has_final = false, final_complete = false;
    enum file_author staged_author = AUTHOR_COMMIT, final_author = AUTHOR_COMMIT;
    intent_item_get(publication->intent, index, &item);
    enum error_code code = is_complete(store, item.path, &item, &has_final, &final_complete, error);
    if (code == OK && has_final)
        code = find_author(publication, index, item.path, &final_author, error);
    if (code == OK && !final_complete)
        code = is_complete(store, item.staged, &item, &in_staging, &staged_complete, error);
    if (code == OK && staged_complete)
        code = find_author(publication, index, item.staged, &staged_author, error);
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

/* Where a put was refused since a commit of the lake has the name, it stays. */
static enum error_code find_unique(struct publication *publication, const struct intent_item *item,
                                   enum item_place *place, struct error *error)
{
    bool is_a_commits = false;
    enum error_code code =
        catalog_upload_is_known(publication->catalog, item->path, &is_a_commits, error);
    *place = is_a_commits ? ITEM_BLOCKED : ITEM_PLACED;
    return code;
}

/* Undoes one item. Its final name goes only if what has it is ours. */
static enum error_code withdraw_item(struct publication *publication, size_t index,
                                     const struct intent_item *item, struct error *error)
{
    enum item_place place = ITEM_PLACED;
    enum error_code code = OK;
    if (publication->keeper->names_are_unique)
        code = find_unique(publication, item, &place, error);
    else if ((publication->placed >> index & 1) == 0)
        code = publication_find_item(publication, index, &place, error);
    if (code == OK && place == ITEM_PLACED)
        code = store_remove(publication->store, item->path, error);
    if (code == OK && place == ITEM_FINAL_WRONG)
        code = store_move_aside(publication->store, item->path, NULL, error);
    return code == OK ? store_remove(publication->store, item->staged, error) : code;
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
    struct final_names final;
    get_final_names(publication->intent, &final);
    code = publication->keeper->give_up(publication, error);
    for (size_t i = 0; code == OK && i < final.count; i++)
        code = withdraw_item(publication, i, &final.items[i], error);
    if (code == OK)
        code = store_sync_changed(publication->store, final.names, final.count, error);
    if (code == OK)
        publication->state = PUBLICATION_WITHDRAWN;
    return code;
}

enum error_code publish_remove_intent(struct publication *publication, struct error *error)
{
    assert(publication->state == PUBLICATION_COMMITTED ||
           publication->state == PUBLICATION_WITHDRAWN);
    enum error_code code =
        publication->keeper->remove == NULL ? OK : publication->keeper->remove(publication, error);
    if (code == OK)
        publication->state = PUBLICATION_FINISHED;
    return code;
}
