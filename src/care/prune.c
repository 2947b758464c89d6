// SPDX-License-Identifier: Apache-2.0
#include "care/prune.h"

#include <string.h>

#include "catalog/care.h"
#include "catalog/history.h"
#include "commit/retirement.h"
#include "lake/open.h"
#include "lake/take_out.h"
#include "os/clock.h"
#include "util/memory.h"

void prune_report_release(struct prune_report *report)
{
    ledger_set_release(&report->ledgers);
    *report = (struct prune_report){.commits = 0};
}

/* One prune. */
struct prune {
    const struct store *store;
    struct lake_file *lake;
    struct catalog *catalog;
    const struct prune_cut *cut;
    struct prune_report *report;
    struct inventory inventory;
    struct foreign foreign;
    bool *is_old; /* of each commit */
    struct take_out stays, leaves;
};

static size_t commit_count(const struct prune *prune)
{
    return LIST_COUNT(&prune->inventory.commits, struct inventory_commit);
}

static const struct inventory_commit *commit_at(const struct prune *prune, size_t index)
{
    return LIST_AT(&prune->inventory.commits, struct inventory_commit, index);
}

/* ---- what is old ---- */

/* The cut as a time, where it is one. */
static enum error_code find_time(struct prune *prune, struct error *error)
{
    const struct prune_cut *cut = prune->cut;
    int64_t newest_us = 0, now_us = os_realtime_us();
    prune->report->before_us = cut->before_us;
    if (cut->before_ledger != 0 || cut->before_us != 0)
        return OK;
    enum error_code code = catalog_newest_close(prune->catalog, &newest_us, error);
    if (code == OK && newest_us != 0)
        prune->report->before_us = (newest_us < now_us ? newest_us : now_us) - cut->older_than_us;
    return code;
}

static bool is_old(const struct prune *prune, const struct inventory_commit *commit)
{
    if (prune->cut->before_ledger != 0)
        return commit->range.last < prune->cut->before_ledger;
    return commit->last_close_us != 0 && commit->last_close_us < prune->report->before_us;
}

/* The newest ledger that an old commit may have; 0: there is none. */
static enum error_code find_newest(struct prune *prune, uint32_t *newest, struct error *error)
{
    *newest = prune->cut->before_ledger - 1;
    return prune->cut->before_ledger != 0
               ? OK
               : catalog_newest_before(prune->catalog, prune->report->before_us, newest, error);
}

/* Whether others touched a commit that may be old. */
static bool is_touched(const struct prune *prune, uint32_t newest)
{
    for (size_t i = 0; i < commit_count(prune); i++)
        if (commit_at(prune, i)->range.first <= newest &&
            prune->foreign.of_commit[i] != FOREIGN_NONE)
            return true;
    return false;
}

/* What is old, with all that is to be known of it: a small part of a lake that lives for long. */
static enum error_code read_early(struct prune *prune, uint32_t newest, bool *is_enough,
                                  struct error *error)
{
    enum error_code code = catalog_has_care(prune->catalog, is_enough, error);
    if (code != OK || !*is_enough)
        return code;
    code = inventory_read_early(&prune->inventory, prune->catalog, newest, error);
    if (code == OK)
        code = foreign_find(&prune->foreign, &prune->inventory, error);
    *is_enough = code == OK && !is_touched(prune, newest);
    return code;
}

/* What leaves with a commit that others touched may be anywhere in the lake. */
static enum error_code read_all(struct prune *prune, struct error *error)
{
    foreign_release(&prune->foreign);
    inventory_release(&prune->inventory);
    enum error_code code =
        inventory_read_catalog(&prune->inventory, prune->store->root, prune->catalog, error);
    return code == OK ? foreign_find(&prune->foreign, &prune->inventory, error) : code;
}

/* A commit without an event is as old as one above it. */
static void find_old(struct prune *prune)
{
    uint32_t highest = 0;
    for (size_t i = 0; i < commit_count(prune); i++) {
        const struct inventory_commit *commit = commit_at(prune, i);
        prune->is_old[i] = is_old(prune, commit);
        if (prune->is_old[i] && commit->range.last > highest)
            highest = commit->range.last;
    }
    for (size_t i = 0; i < commit_count(prune); i++)
        if (commit_at(prune, i)->last_close_us == 0 && commit_at(prune, i)->range.last < highest)
            prune->is_old[i] = true;
}

/* Old commits leave, but for those whose rows lie in one file with those of a young one. */
static enum error_code choose(struct prune *prune, struct error *error)
{
    enum error_code code = take_out_init(&prune->stays, &prune->inventory, &prune->foreign, error);
    if (code == OK)
        code = take_out_init(&prune->leaves, &prune->inventory, &prune->foreign, error);
    for (size_t i = 0; code == OK && i < commit_count(prune); i++)
        if (!prune->is_old[i])
            take_out_commit(&prune->stays, i);
    for (size_t i = 0; code == OK && i < commit_count(prune); i++) {
        if (prune->is_old[i] && prune->stays.commits[i])
            prune->report->tied_commits++;
        else if (prune->is_old[i])
            take_out_commit(&prune->leaves, i);
    }
    return code;
}

/* ---- what leaves ---- */

static void count_files(struct prune *prune)
{
    struct prune_report *report = prune->report;
    size_t count = LIST_COUNT(&prune->inventory.files, struct inventory_file);
    size_t commit = 0;
    for (size_t i = 0; i < count; i++) {
        const struct inventory_file *file =
            LIST_AT(&prune->inventory.files, struct inventory_file, i);
        while (commit < commit_count(prune) &&
               commit_at(prune, commit)->commit_no < file->commit_no)
            commit++;
        bool is_of_commit =
            commit < commit_count(prune) && commit_at(prune, commit)->commit_no == file->commit_no;
        if (!(is_of_commit ? prune->leaves.commits[commit] : prune->leaves.files[i]))
            continue;
        report->files++;
        report->bytes += (uint64_t)file->file_size_bytes;
    }
}

/* The ledgers of what leaves, but for those that commits which stay brought later. */
static enum error_code list_ledgers(struct prune *prune, struct error *error)
{
    struct ledger_set leaving = {0}, staying = {0};
    enum error_code code = take_out_append_ranges(&prune->leaves, &leaving, error);
    for (size_t i = 0; code == OK && i < commit_count(prune); i++)
        if (!prune->leaves.commits[i])
            code = ledger_set_append(&staying, commit_at(prune, i)->range, error);
    ledger_set_merge(&leaving);
    ledger_set_merge(&staying);
    if (code == OK)
        code = ledger_set_subtract(&leaving, &staying, &prune->report->ledgers, error);
    ledger_set_release(&leaving);
    ledger_set_release(&staying);
    return code;
}

static enum error_code describe(struct prune *prune, struct error *error)
{
    struct prune_report *report = prune->report;
    for (size_t i = 0; i < commit_count(prune); i++) {
        if (!prune->leaves.commits[i])
            continue;
        report->commits++;
        report->rows += (uint64_t)commit_at(prune, i)->row_count;
        report->dead_letters += (uint64_t)commit_at(prune, i)->dead_letter_count;
    }
    count_files(prune);
    return list_ledgers(prune, error);
}

/* ---- pruning ---- */

/* lake.json says it first (docs/commit-protocol.md, invariant "Pruned is not missing"). */
static enum error_code announce(struct prune *prune, struct error *error)
{
    struct ledger_set pruned = {0};
    enum error_code code = ledger_set_append_all(&pruned, &prune->lake->pruned, error);
    if (code == OK)
        code = ledger_set_append_all(&pruned, &prune->report->ledgers, error);
    ledger_set_merge(&pruned);
    if (code == OK) {
        ledger_set_move(&prune->lake->pruned, &pruned);
        code = lake_file_write(prune->lake, prune->store, error);
    }
    ledger_set_release(&pruned);
    return code;
}

static enum error_code take_out(struct prune *prune, struct error *error)
{
    struct take_out_list list;
    enum error_code code = take_out_list(&prune->leaves, &list, error);
    struct catalog_removal removal = take_out_removal(&list);
    removal.reason = CATALOG_PRUNED_PREFIX "retention";
    removal.prunes = true;
    removal.in_place = retirement_in_place(prune->store);
    removal.decided_at = prune->inventory.snapshot_id;
    if (code == OK)
        code = catalog_take_out(prune->catalog, &removal, &prune->report->snapshot_id, error);
    take_out_list_release(&list);
    return code;
}

static enum error_code carry_out(struct prune *prune, struct error *error)
{
    struct error ignored;
    enum error_code code = retirement_begin(prune->store, prune->lake, prune->catalog, error);
    if (code == OK)
        code = announce(prune, error);
    if (code == OK)
        code = take_out(prune, error);
    enum error_code kept = retirement_keep_pruned(prune->store, prune->lake, prune->catalog,
                                                  code == OK ? error : &ignored);
    if (code != OK || kept != OK) /* the next writer makes the two agree */
        return code != OK ? code : kept;
    return retirement_finish(prune->store, prune->catalog, error);
}

static enum error_code plan(struct prune *prune, struct error *error)
{
    uint32_t newest = 0;
    bool is_enough = false;
    enum error_code code = find_time(prune, error);
    if (code == OK)
        code = find_newest(prune, &newest, error);
    if (code != OK || newest == 0)
        return code;
    code = read_early(prune, newest, &is_enough, error);
    if (code == OK && !is_enough)
        code = read_all(prune, error);
    if (code != OK)
        return code;
    prune->is_old = mem_alloc_zero(commit_count(prune) + 1, sizeof *prune->is_old);
    if (prune->is_old == NULL)
        return error_no_memory(error, "the commits to prune");
    find_old(prune);
    code = choose(prune, error);
    return code == OK ? describe(prune, error) : code;
}

enum error_code prune_owned(const struct store *store, struct lake_file *lake,
                            struct catalog *catalog, const struct prune_cut *cut, bool dry_run,
                            struct prune_report *report, struct error *error)
{
    struct prune prune = {
        .store = store, .lake = lake, .catalog = catalog, .cut = cut, .report = report};
    *report = (struct prune_report){.commits = 0};
    inventory_init(&prune.inventory);
    enum error_code code = plan(&prune, error);
    if (code == OK && !dry_run)
        code = report->commits > 0 ? carry_out(&prune, error)
                                   : retirement_finish(store, catalog, error);
    take_out_release(&prune.stays);
    take_out_release(&prune.leaves);
    mem_free(prune.is_old);
    foreign_release(&prune.foreign);
    inventory_release(&prune.inventory);
    return code;
}

enum error_code prune_lake(const char *output_path, const struct prune_cut *cut, bool dry_run,
                           struct prune_report *report, struct error *error)
{
    struct open_lake lake;
    *report = (struct prune_report){.commits = 0};
    enum error_code code = open_lake_for(&lake, output_path, dry_run, "prune", "retention", error);
    if (code == OK)
        code = prune_owned(&lake.store, &lake.file, lake.catalog, cut, dry_run, report, error);
    open_lake_close(&lake);
    return code;
}

enum error_code prune_forget(const char *output_path, struct ledger_range range,
                             struct error *error)
{
    struct open_lake lake;
    struct error failure;
    enum error_code code = open_lake_own(&lake, output_path, &failure);
    if (code == ERR_NOT_FOUND) {
        open_lake_close(&lake);
        return OK;
    }
    if (code == OK && lake.file.layout_version >= CATALOG_LAYOUT_CARE)
        code = catalog_forget_pruned(lake.catalog, range, &failure);
    if (code == OK)
        code = retirement_keep_pruned(&lake.store, &lake.file, lake.catalog, &failure);
    if (code != OK && error != NULL)
        *error = failure;
    open_lake_close(&lake);
    return code;
}
