// SPDX-License-Identifier: Apache-2.0
#include "care/backup_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "catalog/history.h"
#include "catalog/others.h"
#include "catalog/care.h"
#include "commit/retirement.h"
#include "lake/data_file.h"
#include "util/memory.h"

/* DuckLake's ids stay far below. */
#define DEAD_LETTERS_IDS (INT64_C(1) << 62)

void backup_plan_init(struct backup_plan *plan)
{
    *plan = (struct backup_plan){0};
    arena_init(&plan->arena, 0);
}

void backup_plan_release(struct backup_plan *plan)
{
    arena_release(&plan->arena);
    buffer_release(&plan->items);
    buffer_release(&plan->twins);
    buffer_release(&plan->remote);
    backup_plan_init(plan);
}

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the list of files to back up");
}

/* ---- names ---- */

struct plan_reading {
    struct backup_plan *plan;
    const char *root;
    char *data_path; /* of the catalog: readers, and DuckDB users who name files, see the lake so */
};

/* What is behind `folder` and its slashes; NULL if `path` does not lie below it. */
static const char *strip(const char *folder, const char *path)
{
    size_t length = strlen(folder);
    while (length > 0 && folder[length - 1] == '/')
        length--;
    if (length == 0 || strncmp(path, folder, length) != 0 || path[length] != '/')
        return NULL;
    return path + length + strspn(path + length, "/");
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Of _lake itself only what holds data. */
static bool may_hold_data(const char *name)
{
    return strcmp(name, LAKE_FOLDER) != 0 &&
           (!begins(name, LAKE_FOLDER "/") || begins(name, LAKE_EXTERNAL "/") ||
            begins(name, LAKE_REPLACED "/") || begins(name, LAKE_DEAD_LETTERS "/"));
}

static const char *name_external(struct backup_plan *plan, const char *path)
{
    char name[sizeof LAKE_EXTERNAL + 24];
    snprintf(name, sizeof name, LAKE_EXTERNAL "/%016llx",
             (unsigned long long)XXH64(path, strlen(path), 0));
    return arena_copy_text(&plan->arena, bytes_view_text(name));
}

static enum error_code add_remote(struct backup_plan *plan, const char *path, struct error *error)
{
    const char *kept = arena_copy_text(&plan->arena, bytes_view_text(path));
    return kept != NULL && buffer_append(&plan->remote, &kept, sizeof kept) == OK
               ? OK
               : no_memory(error);
}

static enum error_code add_item(const struct plan_reading *reading, struct backup_item *item,
                                const char *path, bool is_absolute, struct error *error)
{
    struct backup_plan *plan = reading->plan;
    const char *inside = NULL;
    if (is_absolute && (inside = strip(reading->root, path)) == NULL)
        inside = strip(reading->data_path, path);
    if (inside == NULL && lake_data_file_is_remote(path))
        return add_remote(plan, path, error);
    item->is_named_anew = is_absolute;
    item->source = arena_copy_text(&plan->arena, bytes_view_text(inside == NULL ? path : inside));
    item->name = is_absolute && inside == NULL ? name_external(plan, path) : item->source;
    if (item->source == NULL || item->name == NULL)
        return no_memory(error);
    if (item->name[0] == '/' || item->name[0] == '\0' || !may_hold_data(item->name))
        return error_set(error, ERR_CORRUPT,
                         "the catalog names %.1000s, which can't be a file of the lake's data: it "
                         "was changed by hand; make it anew from the files with `parquet-consumer "
                         "rebuild`",
                         path);
    return buffer_append(&plan->items, item, sizeof *item) == OK ? OK : no_memory(error);
}

/* ---- reading ---- */

static enum error_code add_stored_file(void *context, const struct stored_file *file,
                                       struct error *error)
{
    struct backup_item item = {.kind = (enum backup_kind)file->kind,
                               .id = file->id,
                               .is_live = file->is_live,
                               .is_parquet = file->is_parquet,
                               .is_own = file->is_own,
                               .has_size = true,
                               .size_bytes = (uint64_t)file->size_bytes,
                               .footer_size_bytes = (uint64_t)file->footer_size_bytes,
                               .checksum = file->checksum};
    return add_item(context, &item, file->path, file->path_is_absolute, error);
}

static enum error_code add_commit(void *context, const struct catalog_commit_record *commit,
                                  struct error *error)
{
    const struct plan_reading *reading = context;
    char path[OS_PATH_BYTES];
    struct backup_item item = {.kind = BACKUP_DEAD_LETTERS,
                               .id = DEAD_LETTERS_IDS + (int64_t)commit->commit_no,
                               .is_live = !commit->ended,
                               .checksum = commit->dead_letters_checksum};
    if (commit->commit_no > reading->plan->commit_no)
        reading->plan->commit_no = commit->commit_no;
    if (commit->dead_letters_path == NULL)
        return OK;
    enum error_code code = os_path_join(path, LAKE_FOLDER, commit->dead_letters_path, error);
    return code == OK ? add_item(reading, &item, path, false, error) : code;
}

static enum error_code add_leftover(void *context, const struct stored_leftover *leftover,
                                    bool path_is_absolute, struct error *error)
{
    struct backup_item item = {.kind = BACKUP_DATA, .id = leftover->id};
    return add_item(context, &item, leftover->path, path_is_absolute, error);
}

/* ---- order ---- */

/* By name; of one name the live one first, then the one whose bytes are known best. */
static int compare_items(const void *a, const void *b)
{
    const struct backup_item *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    if (order == 0)
        order = (int)right->is_live - (int)left->is_live;
    if (order == 0)
        order = (int)(right->checksum != 0) - (int)(left->checksum != 0);
    if (order == 0)
        order = (int)right->has_size - (int)left->has_size;
    return order;
}

static enum error_code sort_items(struct backup_plan *plan, struct error *error)
{
    size_t count = LIST_COUNT(&plan->items, struct backup_item), kept = 0;
    if (count == 0)
        return OK;
    struct backup_item *items = LIST_AT(&plan->items, struct backup_item, 0);
    qsort(items, count, sizeof *items, compare_items);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(items[kept - 1].name, items[i].name) != 0)
            items[kept++] = items[i];
        else if (buffer_append(&plan->twins, &items[i], sizeof *items) != OK)
            return no_memory(error);
    }
    plan->items.size_bytes = kept * sizeof *items;
    return OK;
}

static enum error_code read_all(struct plan_reading *reading, struct catalog *catalog,
                                struct error *error)
{
    struct backup_plan *plan = reading->plan;
    enum error_code code = catalog_newest_snapshot(catalog, &plan->snapshot_id, error);
    if (code == OK)
        code = catalog_each_stored_file(catalog, add_stored_file, reading, error);
    return code == OK ? catalog_each_commit(catalog, 0, add_commit, reading, error) : code;
}

enum error_code backup_plan_read(struct backup_plan *plan, struct catalog *catalog,
                                 const char *root, struct error *error)
{
    struct plan_reading reading = {.plan = plan, .root = root};
    enum error_code code = catalog_begin_read(catalog, error);
    if (code != OK)
        return code;
    code = catalog_data_path(catalog, &reading.data_path, error);
    if (code == OK)
        code = read_all(&reading, catalog, error);
    catalog_end_read(catalog);
    mem_free(reading.data_path);
    return code == OK ? sort_items(plan, error) : code;
}

enum error_code backup_plan_read_leftovers(struct backup_plan *plan, struct catalog *catalog,
                                           const char *root, struct error *error)
{
    struct plan_reading reading = {.plan = plan, .root = root};
    enum error_code code = catalog_data_path(catalog, &reading.data_path, error);
    if (code == OK)
        code = catalog_each_leftover(catalog, add_leftover, &reading, error);
    mem_free(reading.data_path);
    return code == OK ? sort_items(plan, error) : code;
}

struct backup_item *backup_plan_find(const struct backup_plan *plan, const char *name)
{
    size_t first = 0, end = LIST_COUNT(&plan->items, struct backup_item);
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        struct backup_item *item = LIST_AT(&plan->items, struct backup_item, middle);
        int order = strcmp(item->name, name);
        if (order == 0)
            return item;
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

bool backup_other_name(const char *name, char out[OS_PATH_BYTES])
{
    size_t length = strlen(name), prefix = strlen(CATALOG_RETIRED_PREFIX),
           suffix = strlen(CATALOG_RETIRED_SUFFIX);
    if (!begins(name, CATALOG_RETIRED_PREFIX))
        return retirement_kept_path(name, out, NULL) == OK;
    if (length <= prefix + suffix || length >= OS_PATH_BYTES ||
        strcmp(name + length - suffix, CATALOG_RETIRED_SUFFIX) != 0)
        return false;
    memcpy(out, name + prefix, length - prefix - suffix);
    out[length - prefix - suffix] = '\0';
    return true;
}
