// SPDX-License-Identifier: Apache-2.0
#include "lake/foreign.h"

#include <string.h>

#include "util/memory.h"
#include "util/union_find.h"

/* Commits, files and inlined rows are nodes, in this order; groups are the trees of a union-find.
 */
struct forest {
    const struct inventory *inventory;
    size_t commit_count, file_count, inlined_count;
    size_t *parent;  /* commits come first: a group's root is one where it has any */
    bool *is_member; /* commits that are not whole, files of no commit, all inlined rows */
};

static const struct inventory_commit *commit_at(const struct inventory *inventory, size_t index)
{
    return LIST_AT(&inventory->commits, struct inventory_commit, index);
}

static const struct inventory_file *file_at(const struct inventory *inventory, size_t index)
{
    return LIST_AT(&inventory->files, struct inventory_file, index);
}

static const struct catalog_inlined *inlined_at(const struct inventory *inventory, size_t index)
{
    return LIST_AT(&inventory->inlined, struct catalog_inlined, index);
}

/* Whether rows of the commit that lie beside others' are all that its own files lack. */
static bool shares_fill(const struct inventory *inventory, const struct inventory_commit *commit)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < commit->live_file_count; i++)
        rows += (uint64_t)file_at(inventory, commit->first_file + i)->record_count;
    for (size_t i = 0; i < commit->share_count; i++)
        rows +=
            (uint64_t)inventory_share_at(&inventory->shares, commit->first_share + i)->record_count;
    return rows == (uint64_t)commit->row_count;
}

static bool is_whole(const struct inventory *inventory, const struct inventory_commit *commit)
{
    if (commit->share_count == 0 ? commit->live_file_count != (size_t)commit->file_count
                                 : !shares_fill(inventory, commit))
        return false;
    for (size_t i = 0; i < commit->live_file_count; i++)
        if (file_at(inventory, commit->first_file + i)->hidden_rows > 0)
            return false;
    for (size_t i = 0; i < commit->share_count; i++) {
        size_t file = inventory_share_at(&inventory->shares, commit->first_share + i)->file;
        if (file_at(inventory, file)->hidden_rows > 0)
            return false;
    }
    return true;
}

static enum error_code forest_init(struct forest *forest, const struct inventory *inventory,
                                   struct error *error)
{
    *forest =
        (struct forest){.inventory = inventory,
                        .commit_count = LIST_COUNT(&inventory->commits, struct inventory_commit),
                        .file_count = LIST_COUNT(&inventory->files, struct inventory_file),
                        .inlined_count = LIST_COUNT(&inventory->inlined, struct catalog_inlined)};
    size_t nodes = forest->commit_count + forest->file_count + forest->inlined_count;
    forest->parent = mem_alloc(nodes * sizeof *forest->parent);
    forest->is_member = mem_alloc_zero(nodes, sizeof *forest->is_member);
    if (forest->parent == NULL || forest->is_member == NULL)
        return error_no_memory(error, "the groups of what others changed");
    for (size_t i = 0; i < nodes; i++)
        forest->parent[i] = i;
    for (size_t i = 0; i < forest->commit_count; i++)
        forest->is_member[i] = !is_whole(inventory, commit_at(inventory, i));
    for (size_t i = 0; i < forest->file_count; i++)
        forest->is_member[forest->commit_count + i] = file_at(inventory, i)->commit_no == 0;
    for (size_t i = 0; i < forest->inlined_count; i++)
        forest->is_member[forest->commit_count + forest->file_count + i] = true;
    return OK;
}

static void forest_release(struct forest *forest)
{
    mem_free(forest->parent);
    mem_free(forest->is_member);
}

/* Commits that are not whole and have rows in one file are changed together. */
static void join_sharers(struct forest *forest)
{
    const struct inventory *inventory = forest->inventory;
    for (size_t i = 0; i < forest->file_count; i++) {
        const struct inventory_file *file = file_at(inventory, i);
        size_t first = FOREIGN_NONE;
        for (size_t k = 0; k < file->share_count; k++) {
            size_t commit =
                inventory_share_at(&inventory->file_shares, file->first_share + k)->commit;
            if (!forest->is_member[commit])
                continue;
            if (first != FOREIGN_NONE)
                union_find_join(forest->parent, first, commit);
            else
                first = commit;
        }
    }
}

/* Joins each file and inlined row to the commits whose rows may lie there. DuckDB keeps the bounds
 * of a number column for every file: one without them has no row of a commit. */
static void join_to_commits(struct forest *forest)
{
    const struct inventory *inventory = forest->inventory;
    size_t first_file = forest->commit_count, first_inlined = first_file + forest->file_count;
    size_t loose = FOREIGN_NONE; /* the first inlined row that no commit's ledgers have */
    for (size_t i = 0; i < forest->file_count; i++) {
        const struct inventory_file *file = file_at(inventory, i);
        for (size_t k = 0; file->commit_no == 0 && file->has_range && k < first_file; k++)
            if (forest->is_member[k] &&
                ledger_ranges_overlap(commit_at(inventory, k)->range, file->range))
                union_find_join(forest->parent, k, first_file + i);
    }
    for (size_t i = 0; i < forest->inlined_count; i++) {
        const struct catalog_inlined *one = inlined_at(inventory, i);
        struct ledger_range ledger = {one->ledger, one->ledger};
        for (size_t k = 0; one->has_ledger && k < first_file; k++)
            if (forest->is_member[k] &&
                ledger_ranges_overlap(commit_at(inventory, k)->range, ledger))
                union_find_join(forest->parent, k, first_inlined + i);
        if (union_find_root(forest->parent, first_inlined + i) < first_file)
            continue;
        if (loose != FOREIGN_NONE)
            union_find_join(forest->parent, loose, first_inlined + i);
        else
            loose = first_inlined + i;
    }
}

/* Numbers the trees; of_commit, of_file and of_inlined get each node's. */
static enum error_code number_groups(struct foreign *foreign, struct forest *forest,
                                     struct error *error)
{
    size_t nodes = forest->commit_count + forest->file_count + forest->inlined_count;
    foreign->of_commit = mem_alloc(nodes * sizeof(size_t));
    if (foreign->of_commit == NULL)
        return error_no_memory(error, "the groups of what others changed");
    foreign->of_file = foreign->of_commit + forest->commit_count;
    foreign->of_inlined = foreign->of_file + forest->file_count;
    for (size_t i = 0; i < nodes; i++) { /* a root comes before its tree's other nodes */
        size_t root = union_find_root(forest->parent, i);
        if (!forest->is_member[i])
            foreign->of_commit[i] = FOREIGN_NONE;
        else
            foreign->of_commit[i] = root == i ? foreign->group_count++ : foreign->of_commit[root];
    }
    foreign->groups = mem_alloc_zero(foreign->group_count, sizeof *foreign->groups);
    if (foreign->groups == NULL)
        return error_no_memory(error, "the groups of what others changed");
    for (size_t i = 0; i < foreign->group_count; i++)
        foreign->groups[i].is_of_commits = true;
    return OK;
}

static void widen(struct foreign_group *group, struct ledger_range range)
{
    if (group->range.last == 0)
        group->range = range;
    if (range.first < group->range.first)
        group->range.first = range.first;
    if (range.last > group->range.last)
        group->range.last = range.last;
}

static void add_commits(struct foreign *foreign, const struct inventory *inventory)
{
    for (size_t i = 0; i < LIST_COUNT(&inventory->commits, struct inventory_commit); i++) {
        const struct inventory_commit *commit = commit_at(inventory, i);
        if (foreign->of_commit[i] == FOREIGN_NONE)
            continue;
        struct foreign_group *group = &foreign->groups[foreign->of_commit[i]];
        group->commit_count++;
        widen(group, commit->range);
        for (size_t k = 0; k < commit->live_file_count; k++) {
            const struct inventory_file *file = file_at(inventory, commit->first_file + k);
            group->hidden_rows += file->hidden_rows;
            if (file->hidden_rows > 0)
                group->path = file->path;
        }
    }
}

/* What a group's commits still have in files that took the place of theirs is not displaced; rows
 * hidden there are hidden of the group. */
static void add_shares(struct foreign *foreign, const struct inventory *inventory)
{
    for (size_t i = 0; i < LIST_COUNT(&inventory->files, struct inventory_file); i++) {
        const struct inventory_file *file = file_at(inventory, i);
        bool counted = false;
        for (size_t k = 0; k < file->share_count; k++) {
            const struct inventory_share *share =
                inventory_share_at(&inventory->file_shares, file->first_share + k);
            if (foreign->of_commit[share->commit] == FOREIGN_NONE)
                continue;
            struct foreign_group *group = &foreign->groups[foreign->of_commit[share->commit]];
            uint64_t rows = (uint64_t)share->record_count;
            group->displaced_rows -= rows < group->displaced_rows ? rows : group->displaced_rows;
            if (file->hidden_rows > 0 && !counted) {
                group->hidden_rows += file->hidden_rows;
                group->path = file->path;
                counted = true;
            }
        }
    }
}

/* Both lists are by commit_no. */
static void add_displaced(struct foreign *foreign, const struct inventory *inventory)
{
    size_t count = LIST_COUNT(&inventory->displaced, struct catalog_displaced);
    size_t commit_count = LIST_COUNT(&inventory->commits, struct inventory_commit);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct catalog_displaced *file =
            LIST_AT(&inventory->displaced, struct catalog_displaced, i);
        while (at < commit_count && commit_at(inventory, at)->commit_no < file->commit_no)
            at++;
        if (at == commit_count || commit_at(inventory, at)->commit_no != file->commit_no ||
            foreign->of_commit[at] == FOREIGN_NONE)
            continue;
        struct foreign_group *group = &foreign->groups[foreign->of_commit[at]];
        group->displaced_rows += (uint64_t)file->record_count;
        if (group->path == NULL)
            group->path = file->path;
    }
}

static void add_files(struct foreign *foreign, const struct inventory *inventory)
{
    for (size_t i = 0; i < LIST_COUNT(&inventory->files, struct inventory_file); i++) {
        const struct inventory_file *file = file_at(inventory, i);
        if (foreign->of_file[i] == FOREIGN_NONE)
            continue;
        struct foreign_group *group = &foreign->groups[foreign->of_file[i]];
        group->file_count++;
        group->file_rows += (uint64_t)file->record_count;
        group->hidden_rows += file->hidden_rows;
        group->is_of_commits = group->is_of_commits && file->is_of_commits;
        group->path = file->path;
        if (file->has_range)
            widen(group, file->range);
    }
    for (size_t i = 0; i < LIST_COUNT(&inventory->inlined, struct catalog_inlined); i++) {
        const struct catalog_inlined *one = inlined_at(inventory, i);
        struct foreign_group *group = &foreign->groups[foreign->of_inlined[i]];
        group->inlined_rows += (uint64_t)one->row_count;
        if (one->has_ledger)
            widen(group, (struct ledger_range){one->ledger, one->ledger});
    }
}

enum error_code foreign_find(struct foreign *foreign, const struct inventory *inventory,
                             struct error *error)
{
    struct forest forest;
    *foreign = (struct foreign){0};
    enum error_code code = forest_init(&forest, inventory, error);
    if (code == OK) {
        join_to_commits(&forest);
        join_sharers(&forest);
        code = number_groups(foreign, &forest, error);
    }
    forest_release(&forest);
    if (code != OK)
        return code;
    add_commits(foreign, inventory);
    add_displaced(foreign, inventory);
    add_shares(foreign, inventory);
    add_files(foreign, inventory);
    for (size_t i = 0; i < foreign->group_count; i++) {
        struct foreign_group *group = &foreign->groups[i];
        group->is_merged = group->displaced_rows > 0 && group->hidden_rows == 0 &&
                           group->inlined_rows == 0 && group->is_of_commits &&
                           group->file_rows == group->displaced_rows;
        group->is_void = group->commit_count == 0 && group->inlined_rows == 0 &&
                         group->hidden_rows >= group->file_rows;
    }
    return OK;
}

void foreign_release(struct foreign *foreign)
{
    mem_free(foreign->groups);
    mem_free(foreign->of_commit); /* the others lie behind it */
    *foreign = (struct foreign){0};
}

static size_t group_of_file(const struct foreign *foreign, const struct inventory *inventory,
                            size_t index)
{
    const struct inventory_file *file = file_at(inventory, index);
    if (file->commit_no == 0)
        return foreign->of_file[index];
    for (size_t i = 0; i < file->share_count; i++) {
        size_t commit = inventory_share_at(&inventory->file_shares, file->first_share + i)->commit;
        if (foreign->of_commit[commit] != FOREIGN_NONE)
            return foreign->of_commit[commit];
    }
    for (size_t i = 0; i < LIST_COUNT(&inventory->commits, struct inventory_commit); i++)
        if (commit_at(inventory, i)->commit_no == file->commit_no)
            return foreign->of_commit[i];
    return FOREIGN_NONE;
}

size_t foreign_group_of_path(const struct foreign *foreign, const struct inventory *inventory,
                             const char *path)
{
    int64_t data_file_id = -1;
    for (size_t i = 0; i < LIST_COUNT(&inventory->deletes, struct catalog_delete); i++) {
        const struct catalog_delete *one = LIST_AT(&inventory->deletes, struct catalog_delete, i);
        if (one->path != NULL && strcmp(one->path, path) == 0)
            data_file_id = one->data_file_id;
    }
    for (size_t i = 0; i < LIST_COUNT(&inventory->files, struct inventory_file); i++) {
        const struct inventory_file *file = file_at(inventory, i);
        if (file->data_file_id == data_file_id || strcmp(file->path, path) == 0)
            return group_of_file(foreign, inventory, i);
    }
    return FOREIGN_NONE;
}

/* Whether a file of no commit may hold rows of the range; merged ones are none of others'. */
static bool has_file(const struct foreign *foreign, const struct inventory *inventory,
                     struct ledger_range range, bool also_merged)
{
    for (size_t i = 0; i < LIST_COUNT(&inventory->files, struct inventory_file); i++) {
        const struct inventory_file *file = file_at(inventory, i);
        if (file->commit_no == 0 && file->has_range && ledger_ranges_overlap(file->range, range) &&
            (also_merged || foreign_group_is_changed(&foreign->groups[foreign->of_file[i]])))
            return true;
    }
    return false;
}

static bool has_inlined(const struct inventory *inventory, struct ledger_range range)
{
    for (size_t i = 0; i < LIST_COUNT(&inventory->inlined, struct catalog_inlined); i++) {
        const struct catalog_inlined *one = inlined_at(inventory, i);
        if (one->has_ledger && one->ledger >= range.first && one->ledger <= range.last)
            return true;
    }
    return false;
}

bool foreign_has_inserted(const struct foreign *foreign, const struct inventory *inventory,
                          struct ledger_range range)
{
    return has_file(foreign, inventory, range, false) || has_inlined(inventory, range);
}

bool foreign_touches(const struct foreign *foreign, const struct inventory *inventory,
                     struct ledger_range range)
{
    for (size_t i = 0; i < LIST_COUNT(&inventory->commits, struct inventory_commit); i++)
        if (foreign->of_commit[i] != FOREIGN_NONE &&
            ledger_ranges_overlap(commit_at(inventory, i)->range, range))
            return true;
    return has_file(foreign, inventory, range, true) || has_inlined(inventory, range);
}
