// SPDX-License-Identifier: Apache-2.0
#include "lake/remedy.h"

#include <string.h>

/* The live commit's index; FOREIGN_NONE if there is none. */
static size_t find_commit(const struct inventory *inventory, uint64_t commit_no)
{
    const struct inventory_commit *found = inventory_find_commit(inventory, commit_no);
    return found == NULL
               ? FOREIGN_NONE
               : (size_t)(found - LIST_AT(&inventory->commits, struct inventory_commit, 0));
}

/* The file with that path, if it took the place of others; FOREIGN_NONE if none did. */
static size_t find_shared_file(const struct inventory *inventory, const char *path)
{
    for (size_t i = 0; path != NULL && i < LIST_COUNT(&inventory->files, struct inventory_file);
         i++) {
        const struct inventory_file *file = LIST_AT(&inventory->files, struct inventory_file, i);
        if (file->share_count > 0 && strcmp(file->path, path) == 0)
            return i;
    }
    return FOREIGN_NONE;
}

void remedy_find(struct take_out *out, struct findings *findings, bool discard_changes,
                 struct remedy_counts *counts)
{
    const struct foreign *foreign = out->foreign;
    *counts = (struct remedy_counts){0};
    for (size_t i = 0; discard_changes && i < foreign->group_count; i++)
        if (foreign_group_is_changed(&foreign->groups[i]))
            take_out_group(out, i);
    for (size_t i = 0; i < findings_problem_count(findings); i++) {
        const struct problem *problem = findings_problem(findings, i);
        bool is_change = problem->kind == PROBLEM_CHANGED_BY_OTHERS;
        size_t commit = find_commit(out->inventory, problem->commit_no);
        size_t group = commit != FOREIGN_NONE ? foreign->of_commit[commit]
                       : problem->path != NULL
                           ? foreign_group_of_path(foreign, out->inventory, problem->path)
                           : FOREIGN_NONE;
        size_t file =
            commit == FOREIGN_NONE ? find_shared_file(out->inventory, problem->path) : FOREIGN_NONE;
        bool is_changed = is_change || (group != FOREIGN_NONE &&
                                        foreign_group_is_changed(&foreign->groups[group]));
        if (problem->kind == PROBLEM_DIFFERENCE ||
            (commit == FOREIGN_NONE && group == FOREIGN_NONE && file == FOREIGN_NONE &&
             !is_change)) {
            counts->others++;
        } else if (is_changed && !discard_changes) {
            counts->changed++;
            if (counts->first_changed == NULL && group != FOREIGN_NONE && !is_change)
                counts->first_changed = &foreign->groups[group];
        } else {
            counts->mended++;
            findings_set_by_repair(findings, i);
            if (commit != FOREIGN_NONE)
                take_out_commit(out, commit);
            else if (file != FOREIGN_NONE)
                take_out_file(out, file);
            if (commit == FOREIGN_NONE && group != FOREIGN_NONE)
                take_out_group(out, group);
        }
    }
}
