// SPDX-License-Identifier: Apache-2.0
#include "lake/check_foreign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lake/data_file.h"
#include "walk/verify.h"
#include "util/memory.h"
#include "util/text.h"

#define CHANGES_TOLD 3
#define OBJECTS_TOLD 20
#define TEXT_BYTES   400

/* ---- delete files ---- */

/* What is wrong with a delete file that could be opened; ERR_CORRUPT and the like are findings. */
static enum error_code check_delete(const struct catalog_delete *one,
                                    const struct parquet_source *source, struct findings *findings,
                                    struct error *error)
{
    static const struct ledger_range none = {0};
    if (source->size_bytes != (uint64_t)one->file_size_bytes) {
        findings_add_problem(findings, PROBLEM_TRUNCATED_FILE, one->path, 0, none,
                             "the delete file has %" PRIu64 " bytes, the catalog says %" PRId64,
                             source->size_bytes, one->file_size_bytes);
        return OK;
    }
    enum error_code code =
        one->is_parquet ? parquet_verify(source, PARQUET_VERIFY_PAGES, -1, error) : OK;
    if (code != ERR_CORRUPT && code != ERR_INVALID && code != ERR_LIMIT)
        return code;
    findings_add_problem(findings, PROBLEM_DAMAGED_FILE, one->path, 0, none, "%s", error->message);
    return OK;
}

enum error_code check_deletes(const char *root, const struct inventory *inventory,
                              struct findings *findings, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&inventory->deletes, struct catalog_delete);
         i++) {
        const struct catalog_delete *one = LIST_AT(&inventory->deletes, struct catalog_delete, i);
        struct lake_data_file file;
        if (one->path == NULL || lake_data_file_is_remote(one->path))
            continue;
        code = lake_data_file_open(&file, root, one->path, error);
        if (code == OK) {
            code = check_delete(one, &file.source, findings, error);
        } else if (code == ERR_NOT_FOUND) {
            findings_add_problem(findings, PROBLEM_MISSING_FILE, one->path, 0,
                                 (struct ledger_range){0},
                                 "it hides rows that DuckDB deleted, and it is not there: DuckDB "
                                 "can't read the table without it");
            code = OK;
        }
        lake_data_file_release(&file);
    }
    return code;
}

/* ---- the snapshots that did it ---- */

/* Snapshots between which a group was changed. */
struct span {
    size_t group;
    struct catalog_snapshots snapshots;
};

struct spans {
    struct buffer list; /* struct span, by group */
    bool *change_is_told;
};

static enum error_code add_span(struct spans *spans, size_t group,
                                struct catalog_snapshots snapshots, struct error *error)
{
    struct span one = {group, snapshots};
    if (group == FOREIGN_NONE || snapshots.last == 0)
        return OK;
    return buffer_append(&spans->list, &one, sizeof one) == OK
               ? OK
               : error_no_memory(error, "the snapshots of others");
}

static int compare_groups(const void *a, const void *b)
{
    const struct span *left = a, *right = b;
    return left->group < right->group ? -1 : left->group > right->group;
}

static enum error_code gather_commits(struct spans *spans, const struct inventory *inventory,
                                      const struct foreign *foreign, struct error *error)
{
    enum error_code code = OK;
    size_t at = 0, displaced = LIST_COUNT(&inventory->displaced, struct catalog_displaced);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&inventory->commits, struct inventory_commit);
         i++) {
        const struct inventory_commit *commit =
            LIST_AT(&inventory->commits, struct inventory_commit, i);
        for (size_t k = 0; code == OK && k < commit->live_file_count; k++)
            code =
                add_span(spans, foreign->of_commit[i],
                         LIST_AT(&inventory->files, struct inventory_file, commit->first_file + k)
                             ->hidden_by,
                         error);
        for (; code == OK && at < displaced; at++) {
            const struct catalog_displaced *file =
                LIST_AT(&inventory->displaced, struct catalog_displaced, at);
            if (file->commit_no > commit->commit_no)
                break;
            code = add_span(spans, foreign->of_commit[i], file->ended_by, error);
        }
    }
    return code;
}

static enum error_code gather_spans(struct spans *spans, const struct inventory *inventory,
                                    const struct foreign *foreign, struct error *error)
{
    enum error_code code = gather_commits(spans, inventory, foreign, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&inventory->files, struct inventory_file);
         i++) {
        const struct inventory_file *file = LIST_AT(&inventory->files, struct inventory_file, i);
        code = add_span(spans, foreign->of_file[i], file->snapshots, error);
        if (code == OK && foreign->of_file[i] != FOREIGN_NONE)
            code = add_span(spans, foreign->of_file[i], file->hidden_by, error);
    }
    for (size_t i = 0; code == OK && i < LIST_COUNT(&inventory->inlined, struct catalog_inlined);
         i++)
        code = add_span(spans, foreign->of_inlined[i],
                        LIST_AT(&inventory->inlined, struct catalog_inlined, i)->snapshots, error);
    if (spans->list.size_bytes > 0)
        qsort(spans->list.data, LIST_COUNT(&spans->list, struct span), sizeof(struct span),
              compare_groups);
    return code;
}

/* Whether the snapshot lies in one of the group's spans, which begin at `first`. */
static bool did_it(const struct spans *spans, size_t first, size_t group, int64_t snapshot_id)
{
    for (size_t i = first; i < LIST_COUNT(&spans->list, struct span); i++) {
        const struct span *one = LIST_AT(&spans->list, struct span, i);
        if (one->group != group)
            return false;
        if (one->snapshots.first <= snapshot_id && snapshot_id <= one->snapshots.last)
            return true;
    }
    return false;
}

/* "snapshot 5 (2026-…, deleted_from_table:1), snapshot 6 (…) and 3 more" */
static void name_snapshots(const struct inventory *inventory, struct spans *spans, size_t group,
                           char out[TEXT_BYTES])
{
    size_t first = 0, told = 0, more = 0, used = 0;
    while (first < LIST_COUNT(&spans->list, struct span) &&
           LIST_AT(&spans->list, struct span, first)->group < group)
        first++;
    for (size_t i = 0; i < LIST_COUNT(&inventory->changes, struct catalog_change); i++) {
        const struct catalog_change *change =
            LIST_AT(&inventory->changes, struct catalog_change, i);
        if (!did_it(spans, first, group, change->snapshot_id))
            continue;
        spans->change_is_told[i] = true;
        if (told == CHANGES_TOLD)
            more++;
        else if (used < TEXT_BYTES)
            used += (size_t)snprintf(
                out + used, TEXT_BYTES - used, "%ssnapshot %" PRId64 " (%.32s, %.60s)",
                told++ == 0 ? "" : ", ", change->snapshot_id, change->time, change->changes);
    }
    if (more > 0 && used < TEXT_BYTES)
        snprintf(out + used, TEXT_BYTES - used, " and %zu more", more);
    if (told == 0)
        snprintf(out, TEXT_BYTES, "the snapshots that did it are expired");
}

/* ---- groups ---- */

/* What was done to the rows of a group that is not merged. */
static void describe(const struct foreign_group *group, char out[TEXT_BYTES])
{
    uint64_t displaced = group->displaced_rows, rows = group->file_rows;
    uint64_t hidden = group->hidden_rows + (displaced > rows ? displaced - rows : 0);
    uint64_t added = group->inlined_rows + (rows > displaced ? rows - displaced : 0);
    char ledgers[64] = "";
    if (group->range.last != 0 && group->range.first == group->range.last)
        snprintf(ledgers, sizeof ledgers, "ledger %" PRIu32 ": ", group->range.first);
    else if (group->range.last != 0)
        snprintf(ledgers, sizeof ledgers, "ledgers %" PRIu32 " to %" PRIu32 ": ",
                 group->range.first, group->range.last);
    if (hidden > 0 && added > 0)
        snprintf(out, TEXT_BYTES,
                 "%s%" PRIu64 " row%s hidden from readers, and %" PRIu64 " that no commit brought",
                 ledgers, hidden, hidden == 1 ? " is" : "s are", added);
    else if (hidden > 0)
        snprintf(out, TEXT_BYTES, "%s%" PRIu64 " row%s hidden from readers", ledgers, hidden,
                 hidden == 1 ? " is" : "s are");
    else if (added > 0)
        snprintf(out, TEXT_BYTES, "%s%" PRIu64 " row%s there that no commit brought%s", ledgers,
                 added, added == 1 ? " is" : "s are",
                 group->file_count == 0 ? ", in the catalog itself" : "");
    else
        snprintf(out, TEXT_BYTES, "%s%" PRIu64 " row%s written anew by others", ledgers, rows,
                 rows == 1 ? " was" : "s were");
}

static void report_groups(const struct inventory *inventory, const struct foreign *foreign,
                          struct spans *spans, struct findings *findings)
{
    char what[TEXT_BYTES], snapshots[TEXT_BYTES];
    size_t changed = 0;
    for (size_t i = 0; i < foreign->group_count; i++) {
        const struct foreign_group *group = &foreign->groups[i];
        if (!foreign_group_is_changed(group))
            continue;
        describe(group, what);
        name_snapshots(inventory, spans, i, snapshots);
        findings_add_problem(findings, PROBLEM_CHANGED_BY_OTHERS, group->path, 0, group->range,
                             "%s: %s", what, snapshots);
        changed++;
    }
    if (changed > 0)
        findings_add_note(findings, "rows that others changed are left as they are; 'repair "
                                    "--discard-changes' takes them out with the commits that they "
                                    "touch, for a run to fetch the lake's own rows again");
}

/* ---- notes ---- */

static void note_merged(const struct foreign *foreign, bool deep, struct findings *findings)
{
    size_t files = 0, commits = 0;
    for (size_t i = 0; i < foreign->group_count; i++) {
        files += foreign->groups[i].is_merged ? foreign->groups[i].file_count : 0;
        commits += foreign->groups[i].is_merged ? foreign->groups[i].commit_count : 0;
    }
    if (files > 0)
        findings_add_note(findings,
                          "DuckDB merged files of %zu commit%s into %zu file%s of its own: as many "
                          "rows as the commits brought%s",
                          commits, text_plural(commits), files, text_plural(files),
                          deep ? "" : " (--deep reads them)");
}

/* Changes that no group shows: undone, or merged into files of commits. */
static void note_untold(const struct inventory *inventory, const struct spans *spans,
                        struct findings *findings)
{
    size_t untold = 0;
    int64_t last = 0;
    for (size_t i = 0; i < LIST_COUNT(&inventory->changes, struct catalog_change); i++) {
        const struct catalog_change *change =
            LIST_AT(&inventory->changes, struct catalog_change, i);
        findings_add_change(findings, change);
        untold += !spans->change_is_told[i];
        last = spans->change_is_told[i] ? last : change->snapshot_id;
    }
    if (untold > 0)
        findings_add_note(findings,
                          "others changed rows in %zu snapshot%s (the last is %" PRId64
                          "), of which the catalog shows nothing any more",
                          untold, text_plural(untold), last);
}

/* Files that readers who do without the catalog count, too. */
struct left_files {
    const char *path; /* of the first */
    uint64_t size_bytes;
    size_t count;
};

static void add_left(struct left_files *left, const struct inventory_disk_file *file)
{
    left->path = left->count++ == 0 ? file->path : left->path;
    left->size_bytes += file->size_bytes;
}

static void note_replaced(const struct inventory *inventory, struct findings *findings)
{
    struct left_files others = {0}, own = {0};
    char size[TEXT_TIME_BYTES];
    for (size_t i = 0; i < LIST_COUNT(&inventory->disk_files, struct inventory_disk_file); i++) {
        const struct inventory_disk_file *file =
            LIST_AT(&inventory->disk_files, struct inventory_disk_file, i);
        if (file->state == INVENTORY_ENDED || file->state == INVENTORY_SCHEDULED)
            add_left(&others, file);
        else if (file->state == INVENTORY_RETIRED)
            add_left(&own, file);
    }
    text_size(others.size_bytes, size);
    if (others.count > 0)
        findings_add_note(findings,
                          "%zu file%s (%s) that only older snapshots need, or that DuckDB is to "
                          "delete, such as %s: readers of the bare folder count %s rows, too, "
                          "until ducklake_expire_snapshots and ducklake_cleanup_old_files ran",
                          others.count, text_plural(others.count), size, others.path,
                          others.count == 1 ? "its" : "their");
    text_size(own.size_bytes, size);
    if (own.count > 0)
        findings_add_note(
            findings,
            "%zu file%s (%s) that only older snapshots need, such as %s: readers that "
            "do without the catalog count %s rows, too, until `expire` ends these "
            "snapshots",
            own.count, text_plural(own.count), size, own.path, own.count == 1 ? "its" : "their");
}

static enum error_code note_objects(const struct inventory *inventory, struct findings *findings,
                                    struct error *error)
{
    struct buffer text;
    size_t count = LIST_COUNT(&inventory->objects, const char *);
    enum error_code code = OK;
    buffer_init(&text);
    for (size_t i = 0; code == OK && i < count && i < OBJECTS_TOLD; i++)
        code = buffer_append_format(&text, "%s%s", i == 0 ? "" : ", ",
                                    *LIST_AT(&inventory->objects, const char *, i));
    if (code == OK && count > OBJECTS_TOLD)
        code = buffer_append_format(&text, " and %zu more", count - OBJECTS_TOLD);
    if (code == OK && count > 0)
        findings_add_note(findings, "others keep in this catalog: %s", (const char *)text.data);
    buffer_release(&text);
    return code == OK ? OK : error_no_memory(error, "the tables of others");
}

enum error_code check_foreign(const struct inventory *inventory, const struct foreign *foreign,
                              bool deep, struct findings *findings, struct error *error)
{
    struct spans spans = {0};
    size_t changes = LIST_COUNT(&inventory->changes, struct catalog_change);
    spans.change_is_told = mem_alloc_zero(changes, sizeof(bool));
    enum error_code code = spans.change_is_told == NULL
                               ? error_no_memory(error, "the snapshots of others")
                               : gather_spans(&spans, inventory, foreign, error);
    if (code == OK) {
        report_groups(inventory, foreign, &spans, findings);
        note_merged(foreign, deep, findings);
        note_untold(inventory, &spans, findings);
        note_replaced(inventory, findings);
        code = note_objects(inventory, findings, error);
    }
    buffer_release(&spans.list);
    mem_free(spans.change_is_told);
    return code;
}
