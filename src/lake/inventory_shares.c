// SPDX-License-Identifier: Apache-2.0
/* Which commits' rows lie in which files that took the place of others. */
#include <stdlib.h>

#include "catalog/replacement.h"
#include "lake/inventory.h"
#include "util/memory.h"

/* A file by its id. */
struct file_id {
    int64_t data_file_id;
    size_t file;
};

struct join {
    struct inventory *inventory;
    struct file_id *ids; /* by id */
    size_t id_count;
    size_t next_commit; /* both lists are by commit_no */
};

static int compare_ids(const void *a, const void *b)
{
    const struct file_id *left = a, *right = b;
    return left->data_file_id < right->data_file_id ? -1 : left->data_file_id > right->data_file_id;
}

static uint64_t commit_no_at(const struct inventory *inventory, size_t index)
{
    return LIST_AT(&inventory->commits, struct inventory_commit, index)->commit_no;
}

static enum error_code list_ids(struct join *join, struct error *error)
{
    const struct inventory *inventory = join->inventory;
    join->id_count = LIST_COUNT(&inventory->files, struct inventory_file);
    join->ids = mem_alloc((join->id_count + 1) * sizeof *join->ids);
    if (join->ids == NULL)
        return error_no_memory(error, "the list of a lake's files");
    for (size_t i = 0; i < join->id_count; i++)
        join->ids[i] =
            (struct file_id){LIST_AT(&inventory->files, struct inventory_file, i)->data_file_id, i};
    if (join->id_count > 0)
        qsort(join->ids, join->id_count, sizeof *join->ids, compare_ids);
    return OK;
}

/* One of a file or commit that is not there was made by somebody who wrote into the catalog. */
static enum error_code add_share(void *context, const struct catalog_share *share,
                                 struct error *error)
{
    struct join *join = context;
    struct inventory *inventory = join->inventory;
    struct file_id id = {.data_file_id = share->data_file_id};
    const struct file_id *file =
        join->id_count == 0 ? NULL
                            : bsearch(&id, join->ids, join->id_count, sizeof id, compare_ids);
    while (join->next_commit < LIST_COUNT(&inventory->commits, struct inventory_commit) &&
           commit_no_at(inventory, join->next_commit) < share->commit_no)
        join->next_commit++;
    bool is_live = join->next_commit < LIST_COUNT(&inventory->commits, struct inventory_commit) &&
                   commit_no_at(inventory, join->next_commit) == share->commit_no;
    if (file == NULL || !is_live)
        return OK;
    struct inventory_share kept = {file->file, join->next_commit, share->record_count};
    return buffer_append(&inventory->shares, &kept, sizeof kept) == OK &&
                   buffer_append(&inventory->file_shares, &kept, sizeof kept) == OK
               ? OK
               : error_no_memory(error, "the list of a lake's files");
}

static int compare_files(const void *a, const void *b)
{
    const struct inventory_share *left = a, *right = b;
    if (left->file != right->file)
        return left->file < right->file ? -1 : 1;
    return left->commit < right->commit ? -1 : left->commit > right->commit;
}

enum error_code inventory_join_shares(struct inventory *inventory, struct catalog *catalog,
                                      const uint32_t *early, struct error *error)
{
    struct join join = {.inventory = inventory};
    enum error_code code = list_ids(&join, error);
    if (code == OK)
        code = early == NULL ? catalog_each_share(catalog, add_share, &join, error)
                             : catalog_each_early_share(catalog, *early, add_share, &join, error);
    mem_free(join.ids);
    size_t count = LIST_COUNT(&inventory->shares, struct inventory_share);
    if (code != OK || count == 0)
        return code;
    qsort(inventory->file_shares.data, count, sizeof(struct inventory_share), compare_files);
    for (size_t i = 0; i < count; i++) {
        struct inventory_commit *commit =
            LIST_AT(&inventory->commits, struct inventory_commit,
                    inventory_share_at(&inventory->shares, i)->commit);
        struct inventory_file *file = LIST_AT(&inventory->files, struct inventory_file,
                                              inventory_share_at(&inventory->file_shares, i)->file);
        commit->first_share = commit->share_count++ == 0 ? i : commit->first_share;
        file->first_share = file->share_count++ == 0 ? i : file->first_share;
    }
    return OK;
}
