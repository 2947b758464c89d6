// SPDX-License-Identifier: Apache-2.0
#include "lake/repair.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/damaged.h"
#include "catalog/history.h"
#include "catalog/lake_layout.h"
#include "catalog/lake_lock.h"
#include "catalog/recovery.h"
#include "lake/inventory.h"
#include "lake/ledger_owner.h"
#include "lake/open.h"
#include "lake/ranges.h"
#include "lake/verify.h"
#include "os/file.h"
#include "util/memory.h"

#define ENDED_REASON "repair: damaged"
#define NAMED_REASON "repair: named"

void repair_report_release(struct repair_report *report)
{
    for (size_t i = 0; i < INVENTORY_COUNT(&report->moved, char *); i++)
        mem_free(*INVENTORY_AT(&report->moved, char *, i));
    buffer_release(&report->commits);
    buffer_release(&report->refetch);
    buffer_release(&report->moved);
}

static bool has_commit(const struct repair_report *report, uint64_t commit_no)
{
    size_t count = INVENTORY_COUNT(&report->commits, uint64_t);
    for (size_t i = 0; i < count; i++)
        if (*INVENTORY_AT(&report->commits, uint64_t, i) == commit_no)
            return true;
    return false;
}

/* The commits that problems name, each once, and the ranges to fetch again. */
static enum error_code take_findings(struct repair_report *report, const struct findings *findings,
                                     struct error *error)
{
    enum error_code code = OK;
    report->problems = findings_problem_count(findings);
    for (size_t i = 0; code == OK && i < report->problems; i++) {
        uint64_t commit_no = findings_problem(findings, i)->commit_no;
        if (commit_no == 0)
            report->unrepaired++;
        else if (!has_commit(report, commit_no))
            code = buffer_append(&report->commits, &commit_no, sizeof commit_no);
    }
    for (size_t i = 0; code == OK && i < findings_refetch_count(findings); i++) {
        struct catalog_range range = findings_refetch(findings, i);
        code = buffer_append(&report->refetch, &range, sizeof range);
    }
    return code == OK ? OK : error_no_memory(error, "the damaged commits");
}

static enum error_code move_file(struct repair_report *report, const char *root, const char *path,
                                 struct error *error)
{
    enum error_code code = damaged_keep(root, path, error);
    if (code == ERR_NOT_FOUND)
        return OK; /* missing: that was the damage */
    char *kept = code == OK ? mem_copy_text(path) : NULL;
    if (code == OK && (kept == NULL || buffer_append(&report->moved, &kept, sizeof kept) != OK)) {
        mem_free(kept);
        code = error_no_memory(error, "the list of moved files");
    }
    return code;
}

/* Moves every file that an ended commit made and that still lies among the live ones: those of this
 * repair, and those of one that was cut off. */
static enum error_code move_ended_files(struct repair_report *report, const char *root,
                                        struct catalog *catalog, struct error *error)
{
    struct inventory inventory;
    inventory_init(&inventory);
    enum error_code code = inventory_read_disk(&inventory, root, error);
    if (code == OK)
        code = inventory_read_catalog(&inventory, root, catalog, error);
    size_t count = INVENTORY_COUNT(&inventory.disk_files, struct inventory_disk_file);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct inventory_disk_file *file =
            INVENTORY_AT(&inventory.disk_files, struct inventory_disk_file, i);
        bool made_by_us = false;
        if (!file->is_known)
            code = catalog_path_is_ended(catalog, file->path, &made_by_us, error);
        if (code == OK && made_by_us) {
            code = move_file(report, root, file->path, error);
            if (report->unrepaired > 0 && code == OK)
                report->unrepaired--; /* it was found as an unknown file */
        }
    }
    inventory_release(&inventory);
    return code;
}

/* Takes the report's commits out of the lake and moves their files aside. */
static enum error_code end_commits(const struct repair_options *options,
                                   struct repair_report *report, struct catalog *catalog,
                                   const char *reason, struct error *error)
{
    size_t count = INVENTORY_COUNT(&report->commits, uint64_t);
    enum error_code code = OK;
    if (options->dry_run)
        return OK;
    if (count > 0)
        code = catalog_end_commits(catalog, (const uint64_t *)(const void *)report->commits.data,
                                   count, reason, error);
    return code == OK ? move_ended_files(report, options->output_path, catalog, error) : code;
}

static enum error_code repair_damage(const struct repair_options *options,
                                     struct repair_report *report, struct catalog *catalog,
                                     struct error *error)
{
    struct verify_options wanted = {
        .output_path = options->output_path, .deep = options->deep, .threads = options->threads};
    struct verify_report found;
    enum error_code code = verify_lake(&wanted, &found, error);
    if (code == OK)
        code = take_findings(report, &found.findings, error);
    verify_report_release(&found);
    return code == OK ? end_commits(options, report, catalog, ENDED_REASON, error) : code;
}

static enum error_code repair_unconfirmed(const struct repair_options *options,
                                          struct repair_report *report, struct catalog *catalog,
                                          struct error *error)
{
    struct catalog_range *ranges = NULL;
    size_t count = 0;
    enum error_code code = catalog_unconfirmed(catalog, &ranges, &count, error);
    if (code == OK && buffer_append(&report->refetch, ranges, count * sizeof *ranges) != OK)
        code = error_no_memory(error, "the unconfirmed ranges");
    mem_free(ranges);
    report->uncovered = ranges_count(&report->refetch);
    if (code == OK && count > 0 && !options->dry_run)
        code = catalog_uncover_unconfirmed(catalog, (struct catalog_range){0, UINT32_MAX}, error);
    return code;
}

/* ---- ledgers that are named ---- */

/* What of one commit's ledgers is named. */
struct named_part {
    const struct inventory_commit *commit;
    struct catalog_range named;
};

/* Appends what of the commit's named ledgers is covered without an event; *all tells if that is
 * everything that is covered of them. */
static enum error_code list_empty(const struct inventory *inventory, struct catalog_range named,
                                  struct buffer *empty, bool *all, struct error *error)
{
    struct buffer one, coverage, unconfirmed, covered;
    buffer_init(&one);
    buffer_init(&covered);
    coverage = (struct buffer){.data = (void *)inventory->coverage,
                               .size_bytes = inventory->coverage_count * sizeof named};
    unconfirmed = (struct buffer){.data = (void *)inventory->unconfirmed,
                                  .size_bytes = inventory->unconfirmed_count * sizeof named};
    enum error_code code = buffer_append(&one, &named, sizeof named);
    if (code == OK)
        code = ranges_intersect(&one, &coverage, &covered, error);
    if (code == OK)
        code = ranges_intersect(&covered, &unconfirmed, empty, error);
    *all = code == OK && ranges_count(empty) == ranges_count(&covered);
    buffer_release(&one);
    buffer_release(&covered);
    return code == OK ? OK : error_no_memory(error, "the ledgers named");
}

/* Takes the commit out, or only its ledgers without events if none other is named. */
static enum error_code name_part(struct repair_report *report, const struct inventory *inventory,
                                 const struct named_part *part, struct buffer *uncover,
                                 struct error *error)
{
    struct buffer empty;
    bool all_are_empty;
    buffer_init(&empty);
    enum error_code code = list_empty(inventory, part->named, &empty, &all_are_empty, error);
    if (code == OK && all_are_empty) {
        code = buffer_append(uncover, empty.data, empty.size_bytes);
        if (code == OK)
            code = buffer_append(&report->refetch, empty.data, empty.size_bytes);
    } else if (code == OK) {
        const struct inventory_commit *commit = part->commit;
        if (!has_commit(report, commit->commit_no))
            code = buffer_append(&report->commits, &commit->commit_no, sizeof commit->commit_no);
        if (code == OK)
            code = buffer_append(&report->refetch, &commit->range, sizeof commit->range);
    }
    buffer_release(&empty);
    return code == OK ? OK : error_no_memory(error, "the ledgers named");
}

static enum error_code name_all(const struct repair_options *options, struct repair_report *report,
                                const struct inventory *inventory, struct buffer *uncover,
                                struct error *error)
{
    struct ledger_owners owners;
    struct catalog_range named = options->ledgers;
    enum error_code code = ledger_owners_make(&owners, inventory, error);
    size_t count = INVENTORY_COUNT(&owners.owned, struct owned_range);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct owned_range *one = INVENTORY_AT(&owners.owned, struct owned_range, i);
        struct named_part part = {
            .commit = INVENTORY_AT(&inventory->commits, struct inventory_commit, one->commit),
            .named = {one->range.first > named.first ? one->range.first : named.first,
                      one->range.last < named.last ? one->range.last : named.last}};
        if (part.named.first <= part.named.last)
            code = name_part(report, inventory, &part, uncover, error);
    }
    ledger_owners_release(&owners);
    return code;
}

static enum error_code repair_named(const struct repair_options *options,
                                    struct repair_report *report, struct catalog *catalog,
                                    struct error *error)
{
    struct inventory inventory;
    struct buffer uncover;
    inventory_init(&inventory);
    buffer_init(&uncover);
    enum error_code code = inventory_read_catalog(&inventory, options->output_path, catalog, error);
    if (code == OK)
        code = name_all(options, report, &inventory, &uncover, error);
    report->uncovered = ranges_count(&uncover);
    ranges_merge(&report->refetch);
    for (size_t i = 0;
         code == OK && !options->dry_run && i < INVENTORY_COUNT(&uncover, struct catalog_range);
         i++)
        code = catalog_uncover_unconfirmed(catalog,
                                           *INVENTORY_AT(&uncover, struct catalog_range, i), error);
    if (code == OK)
        code = end_commits(options, report, catalog, NAMED_REASON, error);
    buffer_release(&uncover);
    inventory_release(&inventory);
    return code;
}

static enum error_code repair_locked(const struct repair_options *options,
                                     struct repair_report *report, struct error *error)
{
    char path[OS_PATH_BYTES];
    struct recovery_report recovered;
    enum error_code code = os_path_join(path, options->output_path, LAKE_CATALOG, error);
    if (code != OK)
        return code;
    struct catalog *catalog = catalog_open(path, CATALOG_WRITE, NULL, error);
    if (catalog == NULL)
        return error->code;
    code = options->dry_run ? OK : recovery_run(options->output_path, catalog, &recovered, error);
    if (code == OK)
        code = options->ledgers.last != 0 ? repair_named(options, report, catalog, error)
               : options->unconfirmed     ? repair_unconfirmed(options, report, catalog, error)
                                          : repair_damage(options, report, catalog, error);
    catalog_close(catalog);
    return code;
}

enum error_code repair_lake(const struct repair_options *options, struct repair_report *report,
                            struct error *error)
{
    struct error local;
    struct lake_lock lock;
    error = error == NULL ? &local : error;
    *report = (struct repair_report){0};
    lake_lock_init(&lock);
    struct catalog *readable = lake_open_catalog(options->output_path, error);
    if (readable == NULL)
        return error->code;
    catalog_close(readable);
    enum error_code code = lake_lock_take(&lock, options->output_path, error);
    if (code == OK)
        code = repair_locked(options, report, error);
    lake_lock_release(&lock);
    return code;
}
