// SPDX-License-Identifier: Apache-2.0
/* What others than this program did to the lake's table, as part of its inventory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/care.h"
#include "lake/inventory.h"
#include "store/store.h"
#include "util/memory.h"

struct others_reading {
    struct inventory *inventory;
    const char *real_root;
};

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "what others did to the lake's table");
}

/* Copies *text into the arena; NULL stays NULL. */
static enum error_code keep_text(struct inventory *inventory, const char **text,
                                 struct error *error)
{
    if (*text == NULL)
        return OK;
    *text = arena_copy_text(&inventory->arena, bytes_view_text(*text));
    return *text != NULL ? OK : no_memory(error);
}

static enum error_code keep(struct buffer *list, const void *item, size_t item_bytes,
                            struct error *error)
{
    return buffer_append(list, item, item_bytes) == OK ? OK : no_memory(error);
}

static enum error_code add_delete(void *context, const struct catalog_delete *one,
                                  struct error *error)
{
    struct inventory *inventory = context;
    struct catalog_delete kept = *one;
    enum error_code code = keep_text(inventory, &kept.path, error);
    return code == OK ? keep(&inventory->deletes, &kept, sizeof kept, error) : code;
}

static enum error_code add_inlined(void *context, const struct catalog_inlined *one,
                                   struct error *error)
{
    struct others_reading *reading = context;
    return keep(&reading->inventory->inlined, one, sizeof *one, error);
}

static enum error_code add_displaced(void *context, const struct catalog_displaced *file,
                                     struct error *error)
{
    struct others_reading *reading = context;
    struct catalog_displaced kept = *file;
    enum error_code code = keep_text(reading->inventory, &kept.path, error);
    return code == OK ? keep(&reading->inventory->displaced, &kept, sizeof kept, error) : code;
}

static enum error_code add_change(void *context, const struct catalog_change *change,
                                  struct error *error)
{
    struct others_reading *reading = context;
    struct catalog_change kept = *change;
    enum error_code code = keep_text(reading->inventory, &kept.time, error);
    if (code == OK)
        code = keep_text(reading->inventory, &kept.changes, error);
    return code == OK ? keep(&reading->inventory->changes, &kept, sizeof kept, error) : code;
}

static enum error_code add_object(void *context, bool is_view, const char *schema, const char *name,
                                  struct error *error)
{
    struct others_reading *reading = context;
    struct buffer text;
    buffer_init(&text);
    enum error_code code =
        buffer_append_format(&text, "%s %s.%s", is_view ? "view" : "table", schema, name);
    const char *kept = code == OK ? (const char *)text.data : NULL;
    if (code == OK)
        code = keep_text(reading->inventory, &kept, error);
    if (code == OK)
        code = keep(&reading->inventory->objects, &kept, sizeof kept, error);
    buffer_release(&text);
    return code == OK ? OK : no_memory(error);
}

/* An absolute path without `real_root` where it lies below it; else the path itself. */
static const char *strip_root(const char *real_root, const char *path)
{
    size_t length = strlen(real_root);
    bool is_below = strncmp(path, real_root, length) == 0 && path[length] == '/';
    return is_below ? path + length + 1 : path;
}

/* A file in use stays one, whatever else names it. */
static enum error_code mark_named(void *context, const struct catalog_named_file *file,
                                  struct error *error)
{
    struct others_reading *reading = context;
    const char *path =
        file->path_is_absolute ? strip_root(reading->real_root, file->path) : file->path;
    struct inventory_disk_file *found = inventory_find_disk_file(reading->inventory, path);
    (void)error;
    if (found != NULL && file->kind == CATALOG_NAMED_LIVE)
        found->state = INVENTORY_IN_USE;
    else if (found != NULL && found->state == INVENTORY_UNKNOWN)
        found->state = file->kind == CATALOG_NAMED_ENDED ? INVENTORY_ENDED : INVENTORY_SCHEDULED;
    return OK;
}

/* It left the lake, and still lies where it was. */
static enum error_code mark_unmoved(void *context, const struct catalog_retired *file,
                                    struct error *error)
{
    const struct catalog_named_file named = {.kind = CATALOG_NAMED_ENDED, .path = file->path};
    return mark_named(context, &named, error);
}

/* It left the lake, and stays where it is until it is deleted. */
static enum error_code mark_kept(void *context, const struct catalog_retired *file,
                                 struct error *error)
{
    struct others_reading *reading = context;
    struct inventory_disk_file *found =
        file->path == NULL ? NULL : inventory_find_disk_file(reading->inventory, file->path);
    (void)error;
    if (found != NULL && found->state != INVENTORY_IN_USE)
        found->state = INVENTORY_RETIRED;
    return OK;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t left = (*(struct inventory_file *const *)a)->data_file_id;
    int64_t right = (*(struct inventory_file *const *)b)->data_file_id;
    return left < right ? -1 : left > right;
}

/* Tells each live file how many of its rows are hidden. */
static enum error_code count_hidden(struct inventory *inventory, struct error *error)
{
    size_t file_count = LIST_COUNT(&inventory->files, struct inventory_file);
    size_t delete_count = LIST_COUNT(&inventory->deletes, struct catalog_delete);
    if (delete_count == 0 || file_count == 0)
        return OK;
    struct inventory_file **by_id = mem_alloc(file_count * sizeof(struct inventory_file *));
    if (by_id == NULL)
        return no_memory(error);
    for (size_t i = 0; i < file_count; i++)
        by_id[i] = LIST_AT(&inventory->files, struct inventory_file, i);
    qsort(by_id, file_count, sizeof *by_id, compare_ids);
    for (size_t i = 0; i < delete_count; i++) {
        const struct catalog_delete *one = LIST_AT(&inventory->deletes, struct catalog_delete, i);
        struct inventory_file wanted = {.data_file_id = one->data_file_id};
        struct inventory_file *key = &wanted;
        struct inventory_file **found =
            bsearch(&key, by_id, file_count, sizeof *by_id, compare_ids);
        if (found == NULL)
            continue;
        struct catalog_snapshots *by = &(*found)->hidden_by;
        if (by->last == 0 || one->snapshots.first < by->first)
            by->first = one->snapshots.first;
        if (one->snapshots.last > by->last)
            by->last = one->snapshots.last;
        (*found)->hidden_rows += (uint64_t)one->row_count;
    }
    mem_free(by_id);
    return OK;
}

enum error_code inventory_read_deletes(struct inventory *inventory, struct catalog *catalog,
                                       struct error *error)
{
    enum error_code code = catalog_newest_snapshot(catalog, &inventory->snapshot_id, error);
    if (code == OK)
        code = catalog_each_delete(catalog, add_delete, inventory, error);
    return code == OK ? count_hidden(inventory, error) : code;
}

enum error_code inventory_read_others(struct inventory *inventory, const char *root,
                                      struct catalog *catalog, struct error *error)
{
    struct store store;
    struct others_reading reading = {.inventory = inventory, .real_root = store.root};
    enum error_code code = store_at_real(&store, root, error);
    if (code == OK)
        code = catalog_visible_rows(catalog, &inventory->visible, error);
    if (code == OK)
        code = inventory_read_deletes(inventory, catalog, error);
    if (code == OK)
        code = catalog_each_inlined(catalog, add_inlined, &reading, error);
    if (code == OK)
        code = catalog_each_displaced(catalog, add_displaced, &reading, error);
    if (code == OK)
        code = catalog_each_change(catalog, add_change, &reading, error);
    if (code == OK)
        code = catalog_each_other_object(catalog, add_object, &reading, error);
    if (code == OK)
        code = catalog_each_named_file(catalog, mark_named, &reading, error);
    if (code == OK)
        code = catalog_each_unmoved(catalog, mark_unmoved, &reading, error);
    return code == OK ? catalog_each_kept(catalog, mark_kept, &reading, error) : code;
}
