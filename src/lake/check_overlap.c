// SPDX-License-Identifier: Apache-2.0
#include "lake/check_overlap.h"

#include <inttypes.h>

#include "lake/dead_letters.h"
#include "lake/ledger_owner.h"
#include "lake/row_scan.h"

/* The first ledger of the range that a file of the commit has a row of; 0: none. */
static enum error_code find_row(struct row_scan *scan, const struct inventory *inventory,
                                const struct inventory_commit *commit, struct ledger_range within,
                                const bool *file_is_bad, uint32_t *ledger, struct error *error)
{
    enum error_code code = OK;
    *ledger = 0;
    for (size_t i = 0; code == OK && *ledger == 0 && i < commit->live_file_count; i++) {
        size_t at = commit->first_file + i;
        if (!file_is_bad[at])
            code = row_scan_find(scan,
                                 INVENTORY_AT(&inventory->files, struct inventory_file, at)->path,
                                 within, ledger, error);
    }
    return code;
}

/* The same for its dead letters. A file that can't be read is a finding of another check. */
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
        dead_letters_load(root, commit->dead_letters_path, &arena, &letters, error);
    for (size_t i = 0; i < INVENTORY_COUNT(&letters, struct stored_letter); i++) {
        uint32_t found = INVENTORY_AT(&letters, struct stored_letter, i)->ledger_sequence;
        if (found >= within.first && found <= within.last && *ledger == 0)
            *ledger = found;
    }
    buffer_release(&letters);
    arena_release(&arena);
    return code == ERR_NOT_FOUND || code == ERR_CORRUPT ? OK : code;
}

enum error_code check_overlap(const char *root, const struct inventory *inventory,
                              const bool *file_is_bad, struct findings *findings,
                              struct error *error)
{
    struct ledger_owners owners;
    struct row_scan scan;
    enum error_code code = row_scan_init(&scan, root, error);
    owners = (struct ledger_owners){0};
    if (code == OK)
        code = ledger_owners_make(&owners, inventory, error);
    size_t count = INVENTORY_COUNT(&owners.taken_over, struct owned_range);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct owned_range *one = INVENTORY_AT(&owners.taken_over, struct owned_range, i);
        const struct inventory_commit *commit =
            INVENTORY_AT(&inventory->commits, struct inventory_commit, one->commit);
        uint32_t ledger;
        code = find_row(&scan, inventory, commit, one->range, file_is_bad, &ledger, error);
        if (code == OK && ledger == 0)
            code = find_letter(root, commit, one->range, &ledger, error);
        if (code != OK || ledger == 0)
            continue;
        const struct owned_range *owner = ledger_owners_find(&owners, ledger);
        findings_add_problem(
            findings, PROBLEM_CONTRADICTION, NULL, commit->commit_no, commit->range,
            "ledger %" PRIu32 " is in two commits: %" PRIu64 " has rows or dead letters of it, and "
            "%" PRIu64 " took it over",
            ledger, commit->commit_no,
            INVENTORY_AT(&inventory->commits, struct inventory_commit, owner->commit)->commit_no);
    }
    ledger_owners_release(&owners);
    row_scan_release(&scan);
    return code;
}
