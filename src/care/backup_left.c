// SPDX-License-Identifier: Apache-2.0
#include "care/backup_left.h"

#include <string.h>

#include "catalog/care.h"
#include "catalog/history.h"
#include "commit/retirement.h"

void backup_left_init(struct backup_left *left)
{
    *left = (struct backup_left){.is_done = true};
    arena_init(&left->arena, 0);
}

void backup_left_release(struct backup_left *left)
{
    arena_release(&left->arena);
    buffer_release(&left->files);
    buffer_release(&left->targets);
    buffer_release(&left->kept);
    backup_left_init(left);
}

/* ---- finding them ---- */

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the list of files that left the lake");
}

static enum error_code keep(struct buffer *list, int64_t id, const char *path, struct error *error)
{
    struct stored_leftover leftover = {id, path};
    return buffer_append(list, &leftover, sizeof leftover) == OK ? OK : no_memory(error);
}

/* Whether the copy's new catalog finds it there. */
static bool is_needed(const struct backup_plan *plan, const char *name)
{
    const struct backup_item *item = backup_plan_find(plan, name);
    return item != NULL && item->state != BACKUP_LEFT_OUT;
}

/* Where it is to lie: out of the sight of who reads the bare folder. */
static const char *place_aside(struct backup_left *left, const char *name)
{
    char aside[OS_PATH_BYTES];
    bool has_place = retirement_kept_path(name, aside, NULL) == OK;
    return arena_copy_text(&left->arena, bytes_view_text(has_place ? aside : name));
}

static enum error_code add(struct backup_left *left, const struct backup_item *item,
                           const struct backup_plan *plan, bool mirror, uint64_t size_bytes,
                           struct error *error)
{
    const char *name = arena_copy_text(&left->arena, bytes_view_text(item->name));
    const char *target = place_aside(left, item->name);
    if (name == NULL || target == NULL)
        return no_memory(error);
    bool stays = strcmp(name, target) == 0;
    if (mirror || (!stays && is_needed(plan, target)))
        target = NULL; /* or the lake keeps it for older snapshots, and so does the copy by now */
    left->is_done &= target != NULL && stays;
    *(target == NULL ? &left->removed_bytes : &left->left_bytes) += size_bytes;
    enum error_code code = keep(&left->files, item->id, name, error);
    if (code == OK && buffer_append(&left->targets, &target, sizeof target) != OK)
        code = no_memory(error);
    return code == OK && target != NULL ? keep(&left->kept, item->id, target, error) : code;
}

/* One that is not there any more was deleted by others. */
static bool is_there(const struct store *copy, const char *name, uint64_t *size_bytes)
{
    struct store_file file;
    bool opened = store_open(copy, name, &file, NULL) == OK;
    *size_bytes = file.size_bytes;
    store_close(&file);
    return opened;
}

enum error_code backup_left_find(struct backup_left *left, const struct store *copy,
                                 const struct backup_plan *former, const struct backup_plan *plan,
                                 bool mirror, struct error *error)
{
    enum error_code code = OK;
    uint64_t size_bytes;
    size_t count = former == NULL ? 0 : LIST_COUNT(&former->items, struct backup_item);
    backup_left_release(left);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct backup_item *item = LIST_AT(&former->items, struct backup_item, i);
        bool is_of_copy = strcmp(item->source, item->name) == 0;
        if (is_of_copy && !is_needed(plan, item->name) && is_there(copy, item->name, &size_bytes))
            code = add(left, item, plan, mirror, size_bytes, error);
    }
    return code;
}

/* ---- of a first backup that died ---- */

struct dead {
    struct backup_left *left;
    enum partitioning_scheme scheme;
    const struct backup_plan *plan;
};

/* What follows the folder in the name; NULL: it lies elsewhere. */
static const char *below(const char *name, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(name, folder, length) == 0 ? name + length : NULL;
}

static bool is_lakes(enum partitioning_scheme scheme, const char *name)
{
    return partition_makes_path(scheme, name) || below(name, CATALOG_RETIRED_PREFIX) != NULL ||
           catalog_dead_letters_number(below(name, "_lake/")) != 0;
}

static enum error_code add_dead(void *context, const char *name, uint64_t size_bytes,
                                struct error *error)
{
    const struct dead *dead = context;
    struct backup_left *left = dead->left;
    const char *kept = NULL, *target = NULL;
    if (!is_lakes(dead->scheme, name) || is_needed(dead->plan, name))
        return OK;
    kept = arena_copy_text(&left->arena, bytes_view_text(name));
    if (kept == NULL || buffer_append(&left->targets, &target, sizeof target) != OK)
        return no_memory(error);
    left->removed_bytes += size_bytes;
    left->is_done = false;
    return keep(&left->files, 0, kept, error);
}

enum error_code backup_left_find_dead(struct backup_left *left,
                                      const struct backup_listing *listing,
                                      enum partitioning_scheme scheme,
                                      const struct backup_plan *plan, struct error *error)
{
    struct dead dead = {left, scheme, plan};
    return backup_listing_each(listing, add_dead, &dead, error);
}

/* ---- doing it ---- */

static enum error_code remove_file(const struct store *copy, const char *path, struct error *error)
{
    enum error_code code = store_remove(copy, path, error);
    return code == OK ? store_sync_changed(copy, &path, 1, error) : code;
}

/* A power loss in a move may leave the file under both names. */
static enum error_code set_aside(const struct store *copy, const char *path, const char *target,
                                 struct error *error)
{
    uint64_t size_bytes, there_bytes;
    if (!is_there(copy, target, &there_bytes) || !is_there(copy, path, &size_bytes) ||
        size_bytes != there_bytes)
        return store_move(copy, path, target, error);
    enum error_code code = store_sync_put(copy, &target, 1, error);
    return code == OK ? remove_file(copy, path, error) : code;
}

enum error_code backup_left_finish(const struct backup_left *left, const struct store *copy,
                                   struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < backup_left_count(&left->files); i++) {
        const char *path = backup_left_list(&left->files)[i].path;
        const char *target = *LIST_AT(&left->targets, const char *, i);
        if (target == NULL)
            code = remove_file(copy, path, error);
        else if (strcmp(target, path) != 0)
            code = set_aside(copy, path, target, error);
    }
    return code;
}
