// SPDX-License-Identifier: Apache-2.0
#include "lake/take_out.h"

#include "util/memory.h"

static size_t commit_count(const struct take_out *out)
{
    return LIST_COUNT(&out->inventory->commits, struct inventory_commit);
}

static size_t file_count(const struct take_out *out)
{
    return LIST_COUNT(&out->inventory->files, struct inventory_file);
}

static size_t inlined_count(const struct take_out *out)
{
    return LIST_COUNT(&out->inventory->inlined, struct catalog_inlined);
}

static struct ledger_range commit_range(const struct take_out *out, size_t index)
{
    return LIST_AT(&out->inventory->commits, struct inventory_commit, index)->range;
}

enum error_code take_out_init(struct take_out *out, const struct inventory *inventory,
                              const struct foreign *foreign, struct error *error)
{
    *out = (struct take_out){.inventory = inventory, .foreign = foreign};
    size_t marks = commit_count(out) + file_count(out) + inlined_count(out) + foreign->group_count;
    out->commits = mem_alloc_zero(marks, sizeof(bool));
    if (out->commits == NULL)
        return error_no_memory(error, "what is to be taken out");
    out->files = out->commits + commit_count(out);
    out->inlined = out->files + file_count(out);
    out->groups = out->inlined + inlined_count(out);
    return OK;
}

void take_out_release(struct take_out *out)
{
    mem_free(out->commits); /* the others lie behind it */
    *out = (struct take_out){0};
}

void take_out_group(struct take_out *out, size_t group)
{
    const struct foreign *foreign = out->foreign;
    if (out->groups[group])
        return;
    out->groups[group] = true;
    for (size_t i = 0; i < commit_count(out); i++)
        if (foreign->of_commit[i] == group)
            take_out_commit(out, i);
    for (size_t i = 0; i < file_count(out); i++)
        out->files[i] = out->files[i] || foreign->of_file[i] == group;
    for (size_t i = 0; i < inlined_count(out); i++)
        out->inlined[i] = out->inlined[i] || foreign->of_inlined[i] == group;
}

/* All of them lie in one partition: it does not go deep. */
void take_out_file(struct take_out *out, size_t file)
{
    const struct inventory_file *shared =
        LIST_AT(&out->inventory->files, struct inventory_file, file);
    if (out->files[file])
        return;
    out->files[file] = true;
    for (size_t i = 0; i < shared->share_count; i++)
        take_out_commit(
            out, inventory_share_at(&out->inventory->file_shares, shared->first_share + i)->commit);
}

void take_out_commit(struct take_out *out, size_t commit)
{
    const struct inventory_commit *one =
        LIST_AT(&out->inventory->commits, struct inventory_commit, commit);
    if (out->commits[commit])
        return;
    out->commits[commit] = true;
    for (size_t i = 0; i < one->share_count; i++)
        take_out_file(out, inventory_share_at(&out->inventory->shares, one->first_share + i)->file);
    if (out->foreign->of_commit[commit] != FOREIGN_NONE)
        take_out_group(out, out->foreign->of_commit[commit]);
}

/* Whether a commit that leaves, or one of the ranges, has ledgers of the range. */
static bool leaves(const struct take_out *out, const struct ledger_set *ranges,
                   struct ledger_range range)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (ledger_ranges_overlap(ranges->ranges[i], range))
            return true;
    for (size_t i = 0; i < commit_count(out); i++) {
        if (out->commits[i] && ledger_ranges_overlap(commit_range(out, i), range))
            return true;
    }
    return false;
}

void take_out_inserted(struct take_out *out, const struct ledger_set *ranges)
{
    for (size_t i = 0; i < file_count(out); i++) {
        const struct inventory_file *file =
            LIST_AT(&out->inventory->files, struct inventory_file, i);
        bool may_hold_others =
            file->commit_no == 0 && file->has_range &&
            foreign_group_is_changed(&out->foreign->groups[out->foreign->of_file[i]]);
        if (may_hold_others && leaves(out, ranges, file->range))
            take_out_group(out, out->foreign->of_file[i]);
    }
    for (size_t i = 0; i < inlined_count(out); i++) {
        const struct catalog_inlined *one =
            LIST_AT(&out->inventory->inlined, struct catalog_inlined, i);
        if (!one->has_ledger ||
            !leaves(out, ranges, (struct ledger_range){one->ledger, one->ledger}))
            continue;
        out->inlined[i] = true; /* alone: rows that touch no commit are one group, wherever */
        out->groups[out->foreign->of_inlined[i]] = true;
    }
}

const struct foreign_group *take_out_changed(const struct take_out *out)
{
    for (size_t i = 0; i < out->foreign->group_count; i++)
        if (out->groups[i] && foreign_group_is_changed(&out->foreign->groups[i]))
            return &out->foreign->groups[i];
    return NULL;
}

enum error_code take_out_append_ranges(const struct take_out *out, struct ledger_set *ranges,
                                       struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < commit_count(out); i++)
        if (out->commits[i])
            code = ledger_set_append(ranges, commit_range(out, i), error);
    return code;
}

void take_out_list_release(struct take_out_list *list)
{
    buffer_release(&list->commit_nos);
    buffer_release(&list->data_file_ids);
    ledger_set_release(&list->inlined);
}

enum error_code take_out_list(const struct take_out *out, struct take_out_list *list,
                              struct error *error)
{
    enum error_code code = OK;
    *list = (struct take_out_list){.inlined = {0}};
    for (size_t i = 0; code == OK && i < commit_count(out); i++)
        if (out->commits[i])
            code = buffer_append(
                &list->commit_nos,
                &LIST_AT(&out->inventory->commits, struct inventory_commit, i)->commit_no,
                sizeof(uint64_t));
    for (size_t i = 0; code == OK && i < file_count(out); i++)
        if (out->files[i])
            code = buffer_append(
                &list->data_file_ids,
                &LIST_AT(&out->inventory->files, struct inventory_file, i)->data_file_id,
                sizeof(int64_t));
    for (size_t i = 0; code == OK && i < inlined_count(out); i++) {
        const struct catalog_inlined *one =
            LIST_AT(&out->inventory->inlined, struct catalog_inlined, i);
        struct ledger_range range = {0, UINT32_MAX}; /* only with all others has it no ledger */
        if (one->has_ledger)
            range = (struct ledger_range){one->ledger, one->ledger};
        if (out->inlined[i])
            code = ledger_set_append(&list->inlined, range, error);
    }
    ledger_set_merge(&list->inlined);
    return code == OK ? OK : error_no_memory(error, "what is to be taken out");
}

struct catalog_removal take_out_removal(const struct take_out_list *list)
{
    return (struct catalog_removal){
        .commit_nos = (const void *)list->commit_nos.data,
        .commit_count = LIST_COUNT(&list->commit_nos, uint64_t),
        .data_file_ids = (const void *)list->data_file_ids.data,
        .data_file_count = LIST_COUNT(&list->data_file_ids, int64_t),
        .inlined = list->inlined.ranges,
        .inlined_count = list->inlined.count,
    };
}
