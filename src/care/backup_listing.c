// SPDX-License-Identifier: Apache-2.0
#include "care/backup_listing.h"

#include <stdlib.h>
#include <string.h>

struct listed_object {
    const char *name;
    uint64_t size_bytes;
};

void backup_listing_init(struct backup_listing *listing)
{
    *listing = (struct backup_listing){.is_listed = false};
    arena_init(&listing->arena, 0);
}

void backup_listing_release(struct backup_listing *listing)
{
    arena_release(&listing->arena);
    buffer_release(&listing->files);
    backup_listing_init(listing);
}

static enum error_code add(void *context, const char *relative_path, uint64_t size_bytes,
                           struct error *error)
{
    struct backup_listing *listing = context;
    struct listed_object file = {arena_copy_text(&listing->arena, bytes_view_text(relative_path)),
                                 size_bytes};
    return file.name != NULL && buffer_append(&listing->files, &file, sizeof file) == OK
               ? OK
               : error_no_memory(error, "the list of objects");
}

static int compare_files(const void *a, const void *b)
{
    const struct listed_object *left = a, *right = b;
    return strcmp(left->name, right->name);
}

enum error_code backup_listing_read(struct backup_listing *listing, const struct store *store,
                                    struct error *error)
{
    const struct os_walker walker = {.context = listing, .visit = add};
    backup_listing_release(listing);
    if (store_is_folder(store))
        return OK;
    enum error_code code = store_walk(store, "", &walker, error);
    size_t count = LIST_COUNT(&listing->files, struct listed_object);
    if (code == OK && count > 0)
        qsort(LIST_AT(&listing->files, struct listed_object, 0), count,
              sizeof(struct listed_object), compare_files);
    listing->is_listed = code == OK;
    return code;
}

enum error_code backup_listing_each(const struct backup_listing *listing,
                                    backup_listing_visitor *visit, void *context,
                                    struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&listing->files, struct listed_object); i++) {
        const struct listed_object *file = LIST_AT(&listing->files, struct listed_object, i);
        code = visit(context, file->name, file->size_bytes, error);
    }
    return code;
}

static enum error_code ask(const struct store *store, const char *name, uint64_t *size_bytes,
                           struct error *error)
{
    struct store_file file;
    enum error_code code = store_open(store, name, &file, error);
    *size_bytes = file.size_bytes;
    store_close(&file);
    return code;
}

enum error_code backup_listing_find(const struct backup_listing *listing, const struct store *store,
                                    const char *name, uint64_t *size_bytes, struct error *error)
{
    const struct listed_object wanted = {.name = name};
    if (!listing->is_listed)
        return ask(store, name, size_bytes, error);
    size_t count = LIST_COUNT(&listing->files, struct listed_object);
    const struct listed_object *found =
        count == 0 ? NULL
                   : bsearch(&wanted, LIST_AT(&listing->files, struct listed_object, 0), count,
                             sizeof wanted, compare_files);
    *size_bytes = found == NULL ? 0 : found->size_bytes;
    return found != NULL ? OK
                         : error_set(error, ERR_NOT_FOUND, "there is no %s/%s", store->root, name);
}
