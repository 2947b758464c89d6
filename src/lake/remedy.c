// SPDX-License-Identifier: Apache-2.0
#include "lake/remedy.h"

#include <stdlib.h>

static int compare_commit_no(const void *a, const void *b)
{
    uint64_t left = ((const struct inventory_commit *)a)->commit_no;
    uint64_t right = ((const struct inventory_commit *)b)->commit_no;
    return left < right ? -1 : left > right;
}

/* The live commit's index; FOREIGN_NONE if there is none. */
static size_t find_commit(const struct inventory *inventory, uint64_t commit_no)
{
    struct inventory_commit wanted = {.commit_no = commit_no};
    size_t count = LIST_COUNT(&inventory->commits, struct inventory_commit);
    const struct inventory_commit *first = (const void *)inventory->commits.data;
    const struct inventory_commit *found =
        count == 0 || commit_no == 0
            ? NULL
            : bsearch(&wanted, first, count, sizeof wanted, compare_commit_no);
    return found == NULL ? FOREIGN_NONE : (size_t)(found - first);
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
        bool is_changed = is_change || (group != FOREIGN_NONE &&
                                        foreign_group_is_changed(&foreign->groups[group]));
        if (problem->kind == PROBLEM_DIFFERENCE ||
            (commit == FOREIGN_NONE && group == FOREIGN_NONE && !is_change)) {
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
            else if (group != FOREIGN_NONE)
                take_out_group(out, group);
        }
    }
}
