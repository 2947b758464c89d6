// SPDX-License-Identifier: Apache-2.0
#include "care/repair.h"

#include <inttypes.h>
#include <string.h>

#include "catalog/history.h"
#include "commit/retirement.h"
#include "lake/inventory.h"
#include "lake/ledger_owner.h"
#include "lake/open.h"
#include "lake/remedy.h"
#include "lake/take_out.h"
#include "lake/verify.h"
#include "os/file.h"
#include "util/memory.h"

#define ENDED_REASON CATALOG_TAKEN_OUT_PREFIX "damaged"
#define NAMED_REASON CATALOG_TAKEN_OUT_PREFIX "named"
#define OLDER_REASON CATALOG_TAKEN_OUT_PREFIX "of an older schema version"

static void release_texts(struct buffer *texts)
{
    for (size_t i = 0; i < LIST_COUNT(texts, char *); i++)
        mem_free(*LIST_AT(texts, char *, i));
    buffer_release(texts);
}

void repair_report_release(struct repair_report *report)
{
    buffer_release(&report->commits);
    ledger_set_release(&report->refetch);
    release_texts(&report->compacted);
    release_texts(&report->files);
    release_texts(&report->moved);
}

static enum error_code keep_text(struct buffer *texts, const char *text, struct error *error)
{
    char *kept = mem_copy_text(text);
    if (kept != NULL && buffer_append(texts, &kept, sizeof kept) == OK)
        return OK;
    mem_free(kept);
    return error_no_memory(error, "the list of files");
}

/* ---- taking out ---- */

/* One repair. */
struct repair {
    const struct repair_options *options;
    const struct open_lake *lake;
    struct repair_report *report;
    struct inventory inventory;
    struct foreign foreign;
    struct take_out out;
    struct take_out_list list;
};

static enum error_code move_file(struct repair *repair, const char *path, struct error *error)
{
    bool was_there; /* it may be missing: that was the damage */
    enum error_code code =
        retirement_set_aside(&repair->lake->store, repair->lake->catalog, path, &was_there, error);
    return code == OK && was_there ? keep_text(&repair->report->moved, path, error) : code;
}

/* Moves every file that was taken out and that still lies among the live ones: those of this
 * repair, and those of one of version 0.1.0 that was cut off. */
static enum error_code move_where_they_lie(struct repair *repair, struct error *error)
{
    struct inventory inventory;
    const char *root = repair->options->output_path;
    inventory_init(&inventory);
    enum error_code code = inventory_read_disk(&inventory, root, error);
    if (code == OK)
        code = inventory_read_catalog(&inventory, root, repair->lake->catalog, error);
    size_t count = LIST_COUNT(&inventory.disk_files, struct inventory_disk_file);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct inventory_disk_file *file =
            LIST_AT(&inventory.disk_files, struct inventory_disk_file, i);
        bool taken_out = false;
        if (file->state != INVENTORY_IN_USE)
            code = catalog_path_is_taken_out(repair->lake->catalog, file->path, &taken_out, error);
        if (code == OK && taken_out) {
            code = move_file(repair, file->path, error);
            if (file->state == INVENTORY_UNKNOWN && repair->report->unrepaired > 0 && code == OK)
                repair->report->unrepaired--; /* it was found as an unknown file */
        }
    }
    inventory_release(&inventory);
    return code;
}

static enum error_code move_ended_files(struct repair *repair, struct error *error)
{
    struct backup_lock lock;
    bool may_move = false;
    backup_lock_init(&lock);
    enum error_code code =
        retirement_lock_out_backups(&lock, &repair->lake->store, &may_move, error);
    if (code == OK && may_move)
        code = move_where_they_lie(repair, error);
    backup_lock_release(&lock);
    return code;
}

/* Those that `compact` made have a number of their own. */
static enum error_code list_file(struct repair_report *report, const struct inventory_file *file,
                                 struct error *error)
{
    return keep_text(file->commit_no != 0 ? &report->compacted : &report->files, file->path, error);
}

/* What leaves besides commits, for the report. */
static enum error_code list_foreign(struct repair *repair, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0;
         code == OK && i < LIST_COUNT(&repair->inventory.files, struct inventory_file); i++)
        if (repair->out.files[i])
            code = list_file(repair->report,
                             LIST_AT(&repair->inventory.files, struct inventory_file, i), error);
    for (size_t i = 0; i < LIST_COUNT(&repair->inventory.inlined, struct catalog_inlined); i++)
        if (repair->out.inlined[i])
            repair->report->inlined_rows +=
                (uint64_t)LIST_AT(&repair->inventory.inlined, struct catalog_inlined, i)->row_count;
    for (size_t i = 0; i < repair->foreign.group_count; i++)
        repair->report->discarded_groups +=
            repair->out.groups[i] && foreign_group_is_changed(&repair->foreign.groups[i]);
    return code;
}

/* Takes it out of the catalog, and moves files aside. */
static enum error_code carry_out(struct repair *repair, const char *reason, struct error *error)
{
    struct repair_report *report = repair->report;
    enum error_code code = take_out_list(&repair->out, &repair->list, error);
    if (code == OK)
        code = list_foreign(repair, error);
    if (code == OK)
        code = take_out_append_ranges(&repair->out, &report->refetch, error);
    ledger_set_merge(&report->refetch);
    if (code == OK)
        code = buffer_append(&report->commits, repair->list.commit_nos.data,
                             repair->list.commit_nos.size_bytes);
    if (code != OK || repair->options->dry_run)
        return code;
    struct catalog_removal removal = take_out_removal(&repair->list);
    removal.reason = reason;
    removal.decided_at = repair->inventory.snapshot_id;
    if (removal.commit_count + removal.data_file_count + removal.inlined_count > 0)
        code = catalog_take_out(repair->lake->catalog, &removal, &report->snapshot_id, error);
    return code == OK ? move_ended_files(repair, error) : code;
}

/* ---- damage ---- */

static enum error_code repair_damage(struct repair *repair, struct error *error)
{
    struct verify_options wanted = {.output_path = repair->options->output_path,
                                    .deep = repair->options->deep,
                                    .threads = repair->options->threads};
    struct verify_report found;
    struct remedy_counts counts = {0};
    enum error_code code = verify_lake(&wanted, &found, error);
    if (code == OK) {
        remedy_find(&repair->out, &found.findings, repair->options->discard_changes, &counts);
        repair->report->problems = findings_problem_count(&found.findings);
        repair->report->unrepaired = counts.others;
        repair->report->changed = counts.changed;
        repair->report->damage_is_left = counts.first_changed != NULL;
    }
    verify_report_release(&found);
    return code == OK ? carry_out(repair, ENDED_REASON, error) : code;
}

/* Keeps the ranges to fetch again into which nobody inserted rows. */
static void leave_inserted(struct repair *repair)
{
    struct ledger_set *ranges = &repair->report->refetch;
    size_t kept = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        if (foreign_has_inserted(&repair->foreign, &repair->inventory, ranges->ranges[i]))
            repair->report->changed++;
        else
            ranges->ranges[kept++] = ranges->ranges[i];
    }
    ranges->count = kept;
}

/* Takes ledgers without events out of the coverage. */
static enum error_code uncover(struct repair *repair, const struct ledger_set *ledgers,
                               struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && !repair->options->dry_run && i < ledgers->count; i++)
        code = catalog_uncover_unconfirmed(repair->lake->catalog, ledgers->ranges[i], error);
    return code;
}

static enum error_code repair_unconfirmed(struct repair *repair, struct error *error)
{
    struct repair_report *report = repair->report;
    enum error_code code = catalog_unconfirmed(repair->lake->catalog, &report->refetch, error);
    leave_inserted(repair);
    report->uncovered = ledger_set_ledgers(&report->refetch);
    return code == OK ? uncover(repair, &report->refetch, error) : code;
}

/* ---- ledgers that are named ---- */

/* Appends what of the commit's named ledgers is covered without an event; *all tells if that is
 * everything that is covered of them. */
static enum error_code list_empty(const struct inventory *inventory, struct ledger_range named,
                                  struct ledger_set *empty, bool *all, struct error *error)
{
    struct ledger_set covered = {0};
    const struct ledger_set one = {.ranges = &named, .count = 1};
    enum error_code code = ledger_set_intersect(&one, &inventory->coverage, &covered, error);
    if (code == OK)
        code = ledger_set_intersect(&covered, &inventory->unconfirmed, empty, error);
    *all = code == OK && ledger_set_ledgers(empty) == ledger_set_ledgers(&covered);
    ledger_set_release(&covered);
    return code;
}

/* Takes the commit (its index) out, or only its ledgers without events if none other is named. */
static enum error_code name_part(struct repair *repair, size_t commit, struct ledger_range named,
                                 struct ledger_set *uncover, struct error *error)
{
    struct ledger_set empty = {0};
    bool all_are_empty;
    enum error_code code = list_empty(&repair->inventory, named, &empty, &all_are_empty, error);
    if (code == OK && all_are_empty)
        code = ledger_set_append_all(uncover, &empty, error);
    else if (code == OK)
        take_out_commit(&repair->out, commit);
    ledger_set_release(&empty);
    return code;
}

static enum error_code name_all(struct repair *repair, struct ledger_set *uncover,
                                struct error *error)
{
    struct ledger_owners owners;
    struct ledger_range named = repair->options->ledgers;
    enum error_code code = ledger_owners_make(&owners, &repair->inventory, error);
    size_t count = LIST_COUNT(&owners.owned, struct owned_range);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct owned_range *one = LIST_AT(&owners.owned, struct owned_range, i);
        struct ledger_range part = {one->range.first > named.first ? one->range.first : named.first,
                                    one->range.last < named.last ? one->range.last : named.last};
        if (part.first <= part.last)
            code = name_part(repair, one->commit, part, uncover, error);
    }
    ledger_owners_release(&owners);
    if (code != OK)
        return code;
    take_out_inserted(&repair->out, uncover);
    return ledger_set_append_all(&repair->report->refetch, uncover, error);
}

/* The first commit that is not whole. */
static uint64_t first_commit(const struct repair *repair)
{
    size_t count = LIST_COUNT(&repair->inventory.commits, struct inventory_commit);
    for (size_t i = 0; i < count; i++)
        if (repair->out.commits[i] && repair->foreign.of_commit[i] != FOREIGN_NONE)
            return LIST_AT(&repair->inventory.commits, struct inventory_commit, i)->commit_no;
    return 0;
}

/* Ledgers that must leave together are named together, and what others changed goes only where that
 * is asked for. */
static enum error_code refuse_halves(const struct repair *repair, struct error *error)
{
    struct ledger_range named = repair->options->ledgers, all = named;
    const struct foreign_group *changed = take_out_changed(&repair->out);
    const char *path = NULL;
    for (size_t i = 0; i < repair->foreign.group_count; i++) {
        const struct foreign_group *group = &repair->foreign.groups[i];
        if (!repair->out.groups[i] || group->commit_count == 0)
            continue;
        path = group->path;
        all.first = group->range.first < all.first ? group->range.first : all.first;
        all.last = group->range.last > all.last ? group->range.last : all.last;
    }
    if (changed != NULL && !repair->options->discard_changes)
        return error_set(error, ERR_CONFLICT,
                         "ledgers %" PRIu32 " to %" PRIu32 " are not taken out: others than this "
                         "program added, hid or changed rows there ('verify' names the snapshots), "
                         "which would be lost or stand there twice; 'repair %" PRIu32 " %" PRIu32
                         " --discard-changes' takes their changes out, too",
                         named.first, named.last, all.first, all.last);
    if (all.first != named.first || all.last != named.last)
        return error_set(error, ERR_CONFLICT,
                         "commit %" PRIu64
                         " can't be taken out of the lake alone: DuckDB merged or "
                         "rewrote its rows with other commits' into files such as %s; 'repair "
                         "%" PRIu32 " %" PRIu32 "%s' takes all of them out",
                         first_commit(repair), path, all.first, all.last,
                         repair->options->discard_changes ? " --discard-changes" : "");
    return OK;
}

static enum error_code repair_named(struct repair *repair, struct error *error)
{
    struct ledger_set empty = {0};
    enum error_code code = name_all(repair, &empty, error);
    if (code == OK)
        code = refuse_halves(repair, error);
    repair->report->uncovered = ledger_set_ledgers(&empty);
    if (code == OK)
        code = uncover(repair, &empty, error);
    if (code == OK)
        code = carry_out(repair, NAMED_REASON, error);
    ledger_set_release(&empty);
    return code;
}

/* ---- a schema version ---- */

/* What is to be fetched again becomes rows of the lake's version: only older ones gain by it. */
static enum error_code check_older(const struct repair *repair, struct error *error)
{
    const char *version = repair->options->schema->version;
    const char *lakes = catalog_schema_version(repair->lake->catalog);
    const struct row_schema *current = row_schema_find(lakes);
    if (current != NULL && repair->options->schema->rank < current->rank)
        return OK;
    if (strcmp(version, lakes) == 0)
        return error_set(error, ERR_CONFLICT,
                         "%s is the schema version of the lake at %s itself: its rows would come "
                         "back as they are; a run with a newer --schema-version evolves the lake, "
                         "and 'repair START END' has ledgers fetched again whatever they are",
                         version, repair->options->output_path);
    return error_set(error, ERR_CONFLICT,
                     "the lake at %s has schema version %s, and no rows of %s: name an older "
                     "version than the lake's",
                     repair->options->output_path, lakes, version);
}

static bool is_changed_there(const struct repair *repair, size_t commit)
{
    const struct foreign *foreign = &repair->foreign;
    size_t group = foreign->of_commit[commit];
    struct ledger_range range =
        LIST_AT(&repair->inventory.commits, struct inventory_commit, commit)->range;
    return (group != FOREIGN_NONE && foreign_group_is_changed(&foreign->groups[group])) ||
           foreign_has_inserted(foreign, &repair->inventory, range);
}

static enum error_code repair_version(struct repair *repair, struct error *error)
{
    const struct repair_options *options = repair->options;
    const struct ledger_set none = {0};
    enum error_code code = check_older(repair, error);
    if (code != OK)
        return code;
    for (size_t i = 0; i < LIST_COUNT(&repair->inventory.commits, struct inventory_commit); i++) {
        if (LIST_AT(&repair->inventory.commits, struct inventory_commit, i)->schema !=
            options->schema)
            continue;
        if (!options->discard_changes && is_changed_there(repair, i))
            repair->report->changed++;
        else
            take_out_commit(&repair->out, i);
    }
    take_out_inserted(&repair->out, &none);
    if (!options->discard_changes && take_out_changed(&repair->out) != NULL)
        return error_set(error, ERR_CONFLICT,
                         "what is of schema version %s is not taken out: others than this program "
                         "added, hid or changed rows in files that leave with it ('verify' names "
                         "the snapshots), which would be lost; --discard-changes takes their "
                         "changes out, too",
                         options->schema->version);
    return carry_out(repair, OLDER_REASON, error);
}

static enum error_code repair_opened(struct repair *repair, struct error *error)
{
    const struct repair_options *options = repair->options;
    enum error_code code = inventory_read_catalog(&repair->inventory, options->output_path,
                                                  repair->lake->catalog, error);
    if (code == OK)
        code = foreign_find(&repair->foreign, &repair->inventory, error);
    if (code == OK)
        code = take_out_init(&repair->out, &repair->inventory, &repair->foreign, error);
    if (code != OK)
        return code;
    return options->ledgers.last != 0 ? repair_named(repair, error)
           : options->schema != NULL  ? repair_version(repair, error)
           : options->unconfirmed     ? repair_unconfirmed(repair, error)
                                      : repair_damage(repair, error);
}

enum error_code repair_lake(const struct repair_options *options, struct repair_report *report,
                            struct error *error)
{
    struct open_lake lake;
    struct repair repair = {.options = options, .lake = &lake, .report = report};
    *report = (struct repair_report){0};
    inventory_init(&repair.inventory);
    enum error_code code = options->dry_run ? open_lake_look(&lake, options->output_path, error)
                                            : open_lake_own(&lake, options->output_path, error);
    if (code == OK)
        code = repair_opened(&repair, error);
    take_out_list_release(&repair.list);
    take_out_release(&repair.out);
    foreign_release(&repair.foreign);
    inventory_release(&repair.inventory);
    open_lake_close(&lake);
    return code;
}
