// SPDX-License-Identifier: Apache-2.0
#include "lake/check_overlap.h"

#include <inttypes.h>

#include "lake/dead_letters.h"
#include "util/memory.h"

enum error_code overlap_init(struct overlap *overlap, const struct inventory *inventory,
                             const struct ledger_owners *owners, struct error *error)
{
    size_t commits = LIST_COUNT(&inventory->commits, struct inventory_commit);
    size_t ranges = LIST_COUNT(&owners->taken_over, struct owned_range);
    *overlap = (struct overlap){.owners = owners};
    overlap->is_concerned = mem_alloc_zero(commits, sizeof *overlap->is_concerned);
    overlap->rows_of = mem_alloc_zero(ranges, sizeof *overlap->rows_of);
    if (overlap->is_concerned == NULL || overlap->rows_of == NULL)
        return error_no_memory(error, "the commits' ranges");
    for (size_t i = 0; i < ranges; i++)
        overlap->is_concerned[LIST_AT(&owners->taken_over, struct owned_range, i)->commit] = true;
    return OK;
}

void overlap_release(struct overlap *overlap)
{
    mem_free(overlap->is_concerned);
    mem_free(overlap->rows_of);
}

void overlap_add(struct overlap *overlap, size_t commit, const struct file_rows *rows)
{
    const struct buffer *ranges = &overlap->owners->taken_over;
    for (size_t i = 0; i < LIST_COUNT(ranges, struct owned_range); i++) {
        const struct owned_range *one = LIST_AT(ranges, struct owned_range, i);
        if (one->commit == commit && overlap->rows_of[i] == 0)
            overlap->rows_of[i] = file_rows_find(rows, one->range);
    }
}

/* The first ledger of the range that the commit has a dead letter of; 0: none. A file that can't be
 * read is a finding of another check. */
static enum error_code find_letter(const char *root, const struct inventory_commit *commit,
                                   struct ledger_range within, uint32_t *ledger,
                                   struct error *error)
{
    struct arena arena;
    struct buffer letters;
    if (commit->dead_letters_path == NULL)
        return OK;
    arena_init(&arena, 0);
    buffer_init(&letters);
    enum error_code code =
        dead_letters_load(root, commit->dead_letters_path, &arena, &letters, NULL, error);
    for (size_t i = 0; i < LIST_COUNT(&letters, struct stored_letter); i++) {
        uint32_t found = LIST_AT(&letters, struct stored_letter, i)->ledger_sequence;
        if (found >= within.first && found <= within.last && *ledger == 0)
            *ledger = found;
    }
    buffer_release(&letters);
    arena_release(&arena);
    return code == ERR_NOT_FOUND || code == ERR_CORRUPT ? OK : code;
}

enum error_code check_overlap(const char *root, const struct inventory *inventory,
                              const struct overlap *overlap, struct findings *findings,
                              struct error *error)
{
    const struct buffer *ranges = &overlap->owners->taken_over;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(ranges, struct owned_range); i++) {
        const struct owned_range *one = LIST_AT(ranges, struct owned_range, i);
        const struct inventory_commit *commit =
            LIST_AT(&inventory->commits, struct inventory_commit, one->commit);
        uint32_t ledger = overlap->rows_of[i];
        if (ledger == 0)
            code = find_letter(root, commit, one->range, &ledger, error);
        if (code != OK || ledger == 0)
            continue;
        const struct owned_range *owner = ledger_owners_find(overlap->owners, ledger);
        findings_add_problem(
            findings, PROBLEM_CONTRADICTION, NULL, commit->commit_no, commit->range,
            "ledger %" PRIu32 " is in two commits: %" PRIu64 " has rows or dead letters of it, and "
            "%" PRIu64 " took it over",
            ledger, commit->commit_no,
            LIST_AT(&inventory->commits, struct inventory_commit, owner->commit)->commit_no);
    }
    return code;
}
