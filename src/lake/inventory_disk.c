// SPDX-License-Identifier: Apache-2.0
/* The files that lie in a lake's folder, as part of its inventory. */
#include <stdlib.h>
#include <string.h>

#include "lake/inventory.h"
#include "store/layout.h"
#include "store/store.h"

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the list of a lake's files");
}

static bool is_outside_lake_folder(void *context, const char *relative_path)
{
    (void)context;
    return strcmp(relative_path, LAKE_FOLDER) != 0;
}

/* An operator may keep old partitions elsewhere: they are read there. */
static bool add_linked_folder(void *context, const char *relative_path)
{
    struct inventory *inventory = context;
    const char *path = arena_copy_text(&inventory->arena, bytes_view_text(relative_path));
    if (path == NULL || buffer_append(&inventory->linked, &path, sizeof path) != OK)
        inventory->link_was_lost = true;
    return true;
}

static enum error_code add_disk_file(void *context, const char *relative_path, uint64_t size_bytes,
                                     struct error *error)
{
    struct inventory *inventory = context;
    if (!lake_is_data_path(relative_path))
        return OK;
    struct inventory_disk_file file = {
        .path = arena_copy_text(&inventory->arena, bytes_view_text(relative_path)),
        .size_bytes = size_bytes};
    if (file.path == NULL || buffer_append(&inventory->disk_files, &file, sizeof file) != OK)
        return no_memory(error);
    return OK;
}

static int compare_disk_files(const void *a, const void *b)
{
    return strcmp(((const struct inventory_disk_file *)a)->path,
                  ((const struct inventory_disk_file *)b)->path);
}

enum error_code inventory_read_disk(struct inventory *inventory, const char *root,
                                    struct error *error)
{
    const struct os_walker walker = {.context = inventory,
                                     .visit = add_disk_file,
                                     .enter = is_outside_lake_folder,
                                     .follow = add_linked_folder};
    struct store store;
    enum error_code code = store_at(&store, root, error);
    if (code == OK)
        code = store_walk(&store, "", &walker, error);
    if (code == OK && inventory->link_was_lost)
        code = no_memory(error);
    if (code == OK && inventory->disk_files.size_bytes > 0)
        qsort(inventory->disk_files.data,
              LIST_COUNT(&inventory->disk_files, struct inventory_disk_file),
              sizeof(struct inventory_disk_file), compare_disk_files);
    return code;
}

struct inventory_disk_file *inventory_find_disk_file(const struct inventory *inventory,
                                                     const char *path)
{
    struct inventory_disk_file wanted = {.path = path};
    if (inventory->disk_files.size_bytes == 0)
        return NULL;
    return bsearch(&wanted, inventory->disk_files.data,
                   LIST_COUNT(&inventory->disk_files, struct inventory_disk_file), sizeof wanted,
                   compare_disk_files);
}
