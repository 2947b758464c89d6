// SPDX-License-Identifier: Apache-2.0
#include "lake/verify.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "catalog/history.h"
#include "catalog/files.h"
#include "commit/data_path.h"
#include "lake/check_close_times.h"
#include "lake/check_file.h"
#include "lake/check_foreign.h"
#include "lake/check_overlap.h"
#include "lake/check_rows.h"
#include "lake/open.h"
#include "lake/remedy.h"
#include "os/file.h"
#include "os/thread.h"
#include "util/memory.h"
#include "util/text.h"

#define THREADS_MAX 64

struct commit_progress {
    _Atomic size_t files_left; /* live files that were not walked yet */
    bool rows_were_checked;
};

/* What the workers share. Items are handed out by an atomic counter; the first error ends all. */
struct verification {
    const struct verify_options *options;
    struct inventory inventory;
    struct foreign foreign;
    struct ledger_owners owners;
    struct overlap overlap;
    struct file_check file_check;
    struct rows_check rows_check;
    struct catalog *catalog;
    struct os_mutex catalog_mutex;
    /* Per live file, each written by one worker: it can't be read; its pages have no checksums. */
    bool *file_is_bad, *file_lacks_checksums;
    struct file_rows **rows;          /* per live file, until its commit was checked; NULL: none */
    struct commit_progress *progress; /* per commit */
    size_t file_count, commit_count;
    enum error_code (*work)(struct verification *verification, size_t index, struct error *error);
    size_t item_count;
    _Atomic size_t next_item;
    _Atomic bool failed;
    struct os_mutex error_mutex;
    struct error error;
};

static struct inventory_file *file_at(const struct verification *verification, size_t index)
{
    return LIST_AT(&verification->inventory.files, struct inventory_file, index);
}

static struct inventory_commit *commit_at(const struct verification *verification, size_t index)
{
    return LIST_AT(&verification->inventory.commits, struct inventory_commit, index);
}

static void *worker(void *context)
{
    struct verification *verification = context;
    struct error error = {0};
    while (!atomic_load(&verification->failed)) {
        size_t index = atomic_fetch_add(&verification->next_item, 1);
        if (index >= verification->item_count)
            break;
        if (verification->work(verification, index, &error) == OK)
            continue;
        os_mutex_lock(&verification->error_mutex);
        if (!atomic_exchange(&verification->failed, true))
            verification->error = error;
        os_mutex_unlock(&verification->error_mutex);
    }
    return NULL;
}

/* Runs `work` on 0 … item_count - 1, on this thread and others. */
static enum error_code run_workers(struct verification *verification, size_t item_count,
                                   enum error_code (*work)(struct verification *, size_t,
                                                           struct error *),
                                   struct error *error)
{
    struct os_thread threads[THREADS_MAX] = {0}; /* not started */
    unsigned started = 0;
    unsigned wanted = verification->options->threads;
    verification->work = work;
    verification->item_count = item_count;
    atomic_store(&verification->next_item, 0);
    if (wanted > THREADS_MAX)
        wanted = THREADS_MAX;
    struct error ignored; /* fewer threads do the same work */
    while (started + 1 < wanted && started + 1 < item_count &&
           os_thread_start(&threads[started], "verify", worker, verification, &ignored) == OK)
        started++;
    worker(verification);
    for (unsigned i = 0; i < started; i++)
        os_thread_join(&threads[i]);
    if (!atomic_load(&verification->failed))
        return OK;
    if (error != NULL)
        *error = verification->error;
    return verification->error.code;
}

/* Whether all rows that the commit brought can be read: its own files and those that they were
 * merged into are sound, and nobody changed their rows. */
static bool is_readable(const struct verification *verification,
                        const struct inventory_commit *commit, size_t index)
{
    size_t group = verification->foreign.of_commit[index];
    for (size_t i = 0; i < commit->live_file_count; i++)
        if (verification->file_is_bad[commit->first_file + i])
            return false;
    for (size_t i = 0; i < commit->share_count; i++)
        if (verification->file_is_bad[inventory_share_at(&verification->inventory.shares,
                                                         commit->first_share + i)
                                          ->file])
            return false;
    for (size_t i = 0; group != FOREIGN_NONE && i < verification->file_count; i++)
        if (verification->foreign.of_file[i] == group && verification->file_is_bad[i])
            return false;
    return group == FOREIGN_NONE || verification->foreign.groups[group].is_merged;
}

/* Whether the rows of the commit are checked as its files are walked: they are in these alone. */
static bool is_checked_by_files(const struct verification *verification, size_t index)
{
    const struct inventory_commit *commit = commit_at(verification, index);
    return verification->options->deep && commit->schema != NULL && commit->live_file_count > 0 &&
           commit->share_count == 0 && verification->foreign.of_commit[index] == FOREIGN_NONE;
}

/* What the walk over a file of the commit is to gather of its rows; false: nothing. */
static bool wants_rows(const struct verification *verification, size_t commit,
                       struct file_rows_wish *wish)
{
    *wish = (struct file_rows_wish){0};
    if (is_checked_by_files(verification, commit))
        *wish = check_rows_wish(commit_at(verification, commit));
    else if (!verification->overlap.is_concerned[commit])
        return false;
    return true;
}

static void drop_rows(struct verification *verification, size_t file)
{
    if (verification->rows[file] == NULL)
        return;
    file_rows_release(verification->rows[file]);
    mem_free(verification->rows[file]);
    verification->rows[file] = NULL;
}

/* All files of a commit were walked, the last of them by this thread. */
static enum error_code finish_commit(struct verification *verification, size_t index,
                                     struct error *error)
{
    const struct inventory_commit *commit = commit_at(verification, index);
    struct file_rows **rows = &verification->rows[commit->first_file];
    enum error_code code = OK;
    for (size_t i = 0; verification->overlap.is_concerned[index] && i < commit->live_file_count;
         i++)
        if (rows[i] != NULL && !verification->file_is_bad[commit->first_file + i])
            overlap_add(&verification->overlap, index, rows[i]);
    bool has_rows =
        is_checked_by_files(verification, index) && is_readable(verification, commit, index);
    for (size_t i = 0; i < commit->live_file_count; i++)
        has_rows = has_rows && rows[i] != NULL;
    if (has_rows)
        code = check_commit_rows(&verification->rows_check, commit, rows, NULL, error);
    verification->progress[index].rows_were_checked = has_rows;
    for (size_t i = 0; i < commit->live_file_count; i++)
        drop_rows(verification, commit->first_file + i);
    return code;
}

/* A file that took the place of others speaks of itself as a commit's only file does. */
static struct inventory_commit maker_of_shared(const struct verification *verification,
                                               const struct inventory_file *file)
{
    size_t sharer =
        inventory_share_at(&verification->inventory.file_shares, file->first_share)->commit;
    return (struct inventory_commit){.commit_no = file->commit_no,
                                     .range = file->range,
                                     .schema = commit_at(verification, sharer)->schema,
                                     .file_count = 1,
                                     .row_count = file->record_count};
}

static enum error_code walk_file(struct verification *verification, size_t index,
                                 const struct inventory_commit *commit, struct error *error)
{
    const struct inventory_file *file = file_at(verification, index);
    struct file_rows_wish wish;
    struct file_outcome outcome;
    if (commit != NULL &&
        wants_rows(verification, (size_t)(commit - commit_at(verification, 0)), &wish)) {
        verification->rows[index] = mem_alloc(sizeof **verification->rows);
        if (verification->rows[index] == NULL)
            return error_no_memory(error, "the rows of a file");
        file_rows_init(verification->rows[index]);
    }
    struct inventory_commit shared;
    const struct inventory_commit *maker = commit;
    if (file->share_count > 0) {
        shared = maker_of_shared(verification, file);
        maker = &shared;
    }
    enum error_code code = check_file(&verification->file_check, file, maker, &wish,
                                      verification->rows[index], &outcome, error);
    if (outcome.is_out_of_reach) {
        findings_add_note(verification->file_check.findings,
                          "%s was not checked: somebody registered it there", file->path);
        drop_rows(verification, index);
    }
    verification->file_is_bad[index] = !outcome.good;
    verification->file_lacks_checksums[index] = outcome.lacks_checksums;
    return code;
}

static enum error_code work_on_file(struct verification *verification, size_t index,
                                    struct error *error)
{
    const struct inventory_commit *commit =
        inventory_find_commit(&verification->inventory, file_at(verification, index)->commit_no);
    enum error_code code = walk_file(verification, index, commit, error);
    if (code != OK || commit == NULL)
        return code;
    size_t at = (size_t)(commit - commit_at(verification, 0));
    bool is_last = atomic_fetch_sub(&verification->progress[at].files_left, 1) == 1;
    return is_last ? finish_commit(verification, at, error) : OK;
}

/* What is left to do of a commit when all files were walked. */
static enum error_code work_on_commit(struct verification *verification, size_t index,
                                      struct rows_cache *cache, struct error *error)
{
    const struct inventory_commit *commit = commit_at(verification, index);
    if (verification->progress[index].rows_were_checked)
        return OK;
    if (!verification->options->deep || is_checked_by_files(verification, index) ||
        !is_readable(verification, commit, index))
        return check_commit_dead_letters(&verification->rows_check, commit, error);
    return check_commit_rows(&verification->rows_check, commit, NULL, cache, error);
}

/* Commits that stand one behind the other often share files: what was read of these serves several.
 */
#define COMMITS_TOGETHER 64

static enum error_code work_on_commits(struct verification *verification, size_t block,
                                       struct error *error)
{
    struct rows_cache cache;
    size_t first = block * COMMITS_TOGETHER, end = first + COMMITS_TOGETHER;
    enum error_code code = OK;
    rows_cache_init(&cache);
    for (size_t i = first; code == OK && i < end && i < verification->commit_count; i++)
        code = work_on_commit(verification, i, &cache, error);
    rows_cache_release(&cache);
    return code;
}

/* Files and rows of each commit as the catalog counts them in two places. */
static void check_commit_counts(struct verification *verification, struct findings *findings)
{
    for (size_t i = 0; i < verification->commit_count; i++) {
        const struct inventory_commit *commit = commit_at(verification, i);
        uint64_t rows = 0; /* counts of a damaged catalog may be too large to add up */
        if (commit->live_file_count != (size_t)commit->file_count)
            continue; /* check_foreign tells */
        for (size_t k = 0; k < commit->live_file_count; k++)
            rows += (uint64_t)file_at(verification, commit->first_file + k)->record_count;
        if (rows != (uint64_t)commit->row_count)
            findings_add_problem(findings, PROBLEM_CATALOG, NULL, commit->commit_no, commit->range,
                                 "commit %" PRIu64 " has %" PRId64 " rows, its files have %" PRIu64,
                                 commit->commit_no, commit->row_count, rows);
    }
}

/* Coverage must come from commits: every covered ledger lies in the range of one. */
static enum error_code check_coverage(struct verification *verification, struct findings *findings,
                                      struct error *error)
{
    const struct ledger_set *coverage = &verification->inventory.coverage;
    struct ledger_set brought = {0}, missing = {0};
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < verification->commit_count; i++)
        code = ledger_set_append(&brought, commit_at(verification, i)->range, error);
    ledger_set_merge(&brought);
    for (size_t i = 0; code == OK && i < coverage->count; i++) {
        missing.count = 0;
        code = ledger_set_missing(&brought, coverage->ranges[i], &missing, error);
        if (code == OK && missing.count > 0)
            findings_add_problem(findings, PROBLEM_CATALOG, NULL, 0, coverage->ranges[i],
                                 "ledger %" PRIu32 " is covered, but no commit brought it",
                                 missing.ranges[0].first);
    }
    ledger_set_release(&brought);
    ledger_set_release(&missing);
    return code;
}

static void check_unknown_files(struct verification *verification, struct findings *findings)
{
    size_t count = LIST_COUNT(&verification->inventory.disk_files, struct inventory_disk_file);
    for (size_t i = 0; i < count; i++) {
        const struct inventory_disk_file *file =
            LIST_AT(&verification->inventory.disk_files, struct inventory_disk_file, i);
        if (file->state == INVENTORY_UNKNOWN)
            findings_add_problem(findings, PROBLEM_UNKNOWN_FILE, file->path, 0,
                                 (struct ledger_range){0},
                                 "the catalog does not know it, but whoever reads the lake without "
                                 "the catalog counts its rows: move it away");
    }
}

static size_t count_without_checksums(const struct verification *verification)
{
    size_t count = 0;
    for (size_t i = 0; i < verification->file_count; i++)
        count += verification->file_lacks_checksums[i];
    return count;
}

/* Notes of ranges, one each, leave room for the others. */
#define RANGES_NOTED_MAX 2000

/* Between covered ledgers, and not pruned. */
static enum error_code note_holes(const struct inventory *inventory, struct findings *findings,
                                  struct error *error)
{
    struct ledger_set had = {0}, holes = {0};
    enum error_code code = ledger_set_append_all(&had, &inventory->coverage, error);
    if (code == OK)
        code = ledger_set_append_all(&had, &inventory->pruned, error);
    ledger_set_merge(&had);
    if (code == OK && inventory->coverage.count > 0)
        code = ledger_set_missing(&had, ledger_set_span(&inventory->coverage), &holes, error);
    for (size_t i = 0; i < holes.count && i < RANGES_NOTED_MAX; i++)
        findings_add_note(findings, "ledgers %" PRIu32 " to %" PRIu32 " are not in the lake",
                          holes.ranges[i].first, holes.ranges[i].last);
    if (holes.count > RANGES_NOTED_MAX)
        findings_add_note(findings,
                          "%zu more ranges of ledgers are not in the lake: 'status' has the "
                          "command that fetches them",
                          holes.count - RANGES_NOTED_MAX);
    ledger_set_release(&had);
    ledger_set_release(&holes);
    return code;
}

static void note_pruned(const struct inventory *inventory, struct findings *findings)
{
    char ranges[LEDGER_SET_TEXT_BYTES];
    ledger_set_text(&inventory->pruned, ranges);
    if (inventory->pruned.count > 0)
        findings_add_note(findings, "ledgers were pruned, and are not in the lake: %s", ranges);
}

static void note_recorded_holes(const struct inventory *inventory, struct findings *findings)
{
    size_t holes = inventory->recorded_holes.count;
    for (size_t i = 0; i < holes && i < RANGES_NOTED_MAX; i++) {
        struct ledger_range hole = inventory->recorded_holes.ranges[i];
        findings_add_note(findings,
                          "ledgers %" PRIu32 " to %" PRIu32 " were given up: the server could not "
                          "serve them; 'run %" PRIu32 " %" PRIu32 "' asks again",
                          hole.first, hole.last, hole.first, hole.last);
    }
    if (holes > RANGES_NOTED_MAX)
        findings_add_note(findings, "%zu more ranges of ledgers were given up",
                          holes - RANGES_NOTED_MAX);
}

/* Ledgers that are not there, or there without their events. */
static void note_ledgers(const struct verification *verification, struct findings *findings)
{
    const struct inventory *inventory = &verification->inventory;
    uint64_t dead_letters = 0;
    uint64_t unconfirmed = ledger_set_ledgers(&inventory->unconfirmed);
    for (size_t i = 0; i < verification->commit_count; i++)
        dead_letters += (uint64_t)commit_at(verification, i)->dead_letter_count;
    if (dead_letters > 0)
        findings_add_note(findings, "%" PRIu64 " event%s could not be stored as rows: see %s",
                          dead_letters, text_plural(dead_letters), LAKE_DEAD_LETTERS);
    if (unconfirmed > 0)
        findings_add_note(findings,
                          "%" PRIu64 " ledgers in %zu ranges brought no event: the server claims "
                          "them empty; 'repair --unconfirmed' has them asked for again",
                          unconfirmed, inventory->unconfirmed.count);
}

static void note_files(const struct verification *verification, struct findings *findings)
{
    const struct inventory *inventory = &verification->inventory;
    for (size_t i = 0; i < LIST_COUNT(&inventory->linked, const char *); i++)
        findings_add_note(findings,
                          "%s is a link to a folder elsewhere: its files are read, and nothing is "
                          "written, moved or deleted there",
                          *LIST_AT(&inventory->linked, const char *, i));
    size_t unsigned_files = count_without_checksums(verification);
    if (unsigned_files > 0)
        findings_add_note(findings,
                          "%zu file%s no page checksums (DuckDB wrote %s): damage inside a page "
                          "shows only where it can't be decoded, or where --deep misses rows",
                          unsigned_files, unsigned_files == 1 ? " carries" : "s carry",
                          unsigned_files == 1 ? "it" : "them");
}

static enum error_code add_notes(const struct verification *verification, struct findings *findings,
                                 struct error *error)
{
    const struct inventory *inventory = &verification->inventory;
    note_ledgers(verification, findings);
    note_files(verification, findings);
    enum error_code code = note_holes(inventory, findings, error);
    note_pruned(inventory, findings);
    note_recorded_holes(inventory, findings);
    if (inventory->in_flight.size_bytes > 0)
        findings_add_note(findings, "a commit of %zu files is being published",
                          LIST_COUNT(&inventory->in_flight, const char *));
    else if (inventory->staged_count > 0)
        findings_add_note(findings, "%zu files are being written in %s", inventory->staged_count,
                          LAKE_STAGING);
    return code;
}

/* The ranges to fetch again, and which problems 'repair' mends. */
static enum error_code plan_repair(struct verification *verification, struct findings *findings,
                                   struct error *error)
{
    struct take_out out;
    struct remedy_counts counts;
    enum error_code code =
        take_out_init(&out, &verification->inventory, &verification->foreign, error);
    if (code == OK) {
        remedy_find(&out, findings, false, &counts);
        code = take_out_append_ranges(&out, &findings->refetch, error);
    }
    if (code == OK && counts.first_changed != NULL)
        findings_add_note(findings,
                          "what is wrong in ledgers %" PRIu32 " to %" PRIu32 " lies among rows "
                          "that others changed: 'repair' leaves it, 'repair --discard-changes' "
                          "takes it out with them",
                          counts.first_changed->range.first, counts.first_changed->range.last);
    take_out_release(&out);
    return code;
}

static enum error_code prepare(struct verification *verification, struct error *error)
{
    const struct inventory *inventory = &verification->inventory;
    verification->file_count = LIST_COUNT(&inventory->files, struct inventory_file);
    verification->commit_count = LIST_COUNT(&inventory->commits, struct inventory_commit);
    verification->file_is_bad = mem_alloc_zero(verification->file_count * 2, sizeof(bool));
    verification->rows = mem_alloc_zero(verification->file_count, sizeof *verification->rows);
    verification->progress =
        mem_alloc_zero(verification->commit_count, sizeof *verification->progress);
    if (verification->file_is_bad == NULL || verification->rows == NULL ||
        verification->progress == NULL)
        return error_no_memory(error, "the list of files");
    verification->file_lacks_checksums = verification->file_is_bad + verification->file_count;
    for (size_t i = 0; i < verification->commit_count; i++)
        atomic_init(&verification->progress[i].files_left,
                    commit_at(verification, i)->live_file_count);
    enum error_code code = foreign_find(&verification->foreign, inventory, error);
    if (code == OK)
        code = ledger_owners_make(&verification->owners, inventory, error);
    if (code == OK)
        code = overlap_init(&verification->overlap, inventory, &verification->owners, error);
    return code;
}

/* The rows that are left are those of commits that an error kept from being finished. */
static void release(struct verification *verification)
{
    for (size_t i = 0; verification->rows != NULL && i < verification->file_count; i++)
        drop_rows(verification, i);
    mem_free(verification->rows);
    mem_free(verification->progress);
    mem_free(verification->file_is_bad);
    overlap_release(&verification->overlap);
    ledger_owners_release(&verification->owners);
    foreign_release(&verification->foreign);
    inventory_release(&verification->inventory);
}

/* What looks at more than one file or commit. */
static enum error_code check_together(struct verification *verification, struct findings *findings,
                                      struct error *error)
{
    const char *root = verification->options->output_path;
    enum error_code code = check_coverage(verification, findings, error);
    if (code == OK)
        code =
            check_overlap(root, &verification->inventory, &verification->overlap, findings, error);
    if (code == OK)
        code = check_close_times(verification->catalog, findings, error);
    if (code == OK)
        code = check_deletes(root, &verification->inventory, findings, error);
    if (code == OK)
        code = check_foreign(&verification->inventory, &verification->foreign,
                             verification->options->deep, findings, error);
    return code;
}

static enum error_code check_all(struct verification *verification, struct findings *findings,
                                 struct error *error)
{
    enum error_code code = prepare(verification, error);
    if (code != OK)
        return code;
    if (!partitioning_scheme_parse(verification->inventory.lake.scheme,
                                   &verification->rows_check.scheme))
        return error_set(error, ERR_CORRUPT, "%s names an unknown partitioning scheme '%s'",
                         LAKE_FILE, verification->inventory.lake.scheme);
    code = run_workers(verification, verification->file_count, work_on_file, error);
    if (code == OK)
        code = run_workers(verification,
                           (verification->commit_count + COMMITS_TOGETHER - 1) / COMMITS_TOGETHER,
                           work_on_commits, error);
    if (code == OK)
        code = check_together(verification, findings, error);
    if (code != OK)
        return code;
    check_commit_counts(verification, findings);
    check_unknown_files(verification, findings);
    code = add_notes(verification, findings, error);
    if (code != OK)
        return code;
    return plan_repair(verification, findings, error);
}

static enum error_code take_coverage(struct verification *verification,
                                     struct verify_report *report)
{
    const struct catalog_visible *visible = &verification->inventory.visible;
    report->rows = visible->file_rows - visible->deleted_rows + visible->inlined_rows;
    report->files = verification->file_count;
    report->files_without_checksums = count_without_checksums(verification);
    ledger_set_move(&report->coverage, &verification->inventory.coverage);
    return OK;
}

/* Compares what the checks have nothing against. */
static enum error_code compare_with_server(struct verification *verification,
                                           struct verify_report *report, struct error *error)
{
    const struct verify_against *against = verification->options->against;
    const struct comparison_options options = {.root = verification->options->output_path,
                                               .file_is_bad = verification->file_is_bad,
                                               .foreign = &verification->foreign,
                                               .scheme = verification->rows_check.scheme,
                                               .sample_millionths = against->sample_millionths,
                                               .ledger_limit_bytes = against->ledger_limit_bytes};
    struct comparison *comparison = NULL;
    enum error_code code = findings_finish(&report->findings, error);
    if (code == OK)
        code = comparison_new(&comparison, &options, &verification->inventory, &report->findings,
                              error);
    if (code != OK)
        return code;
    code = against->stream(against->context, comparison, error);
    if (code == OK)
        code = comparison_finish(comparison, error);
    report->against = comparison_totals(comparison);
    comparison_free(comparison);
    return code;
}

/* A catalog that can't be read is a finding, not the end of the check. */
static enum error_code catalog_problem(enum error_code code, struct findings *findings,
                                       struct error *error)
{
    if (code != ERR_CORRUPT)
        return code;
    findings_add_problem(findings, PROBLEM_CATALOG, LAKE_CATALOG, 0, (struct ledger_range){0}, "%s",
                         error->message);
    return OK;
}

static enum error_code note_place(struct verification *verification, struct findings *findings,
                                  struct error *error)
{
    char warning[DATA_PATH_WARNING_BYTES];
    const struct verify_options *options = verification->options;
    const char *reader_path = options->reader_data_path == NULL ? "" : options->reader_data_path;
    enum error_code code =
        data_path_warning(verification->catalog, options->output_path, reader_path, warning, error);
    if (code == OK && warning[0] != '\0')
        findings_add_note(findings, "%s", warning);
    return code;
}

/* To read an object is to fetch all of it: without --deep, footers must do. */
static enum error_code choose_level(struct verification *verification, struct verify_report *report,
                                    struct error *error)
{
    struct store store;
    const struct verify_options *options = verification->options;
    enum error_code code = store_at(&store, options->output_path, error);
    report->footers_only = code == OK && !store_is_folder(&store) && !options->deep;
    if (report->footers_only)
        verification->file_check.level = PARQUET_VERIFY_FOOTER;
    return code;
}

static enum error_code verify_opened(struct verification *verification,
                                     struct verify_report *report, struct error *error)
{
    const char *root = verification->options->output_path;
    enum error_code code = choose_level(verification, report, error);
    if (code == OK)
        code = lake_must_exist(root, error);
    if (code == OK)
        code = inventory_read_disk(&verification->inventory, root, error);
    if (code != OK)
        return code;
    code = lake_open_catalog(&verification->catalog, root, error);
    if (code != OK)
        return catalog_problem(code, &report->findings, error);
    verification->file_check.catalog = verification->catalog;
    code = inventory_read_catalog(&verification->inventory, root, verification->catalog, error);
    if (code == OK)
        code = note_place(verification, &report->findings, error);
    if (code == OK)
        code = check_all(verification, &report->findings, error);
    if (code != OK)
        return catalog_problem(code, &report->findings, error);
    if (verification->options->against != NULL)
        code = compare_with_server(verification, report, error);
    return code == OK ? take_coverage(verification, report) : code;
}

enum error_code verify_lake(const struct verify_options *options, struct verify_report *report,
                            struct error *error)
{
    struct verification verification = {.options = options};
    struct error local;
    error = error == NULL ? &local : error;
    *report = (struct verify_report){.deep = options->deep};
    enum error_code code = findings_init(&report->findings, error);
    if (code != OK)
        return code;
    inventory_init(&verification.inventory);
    verification.file_check =
        (struct file_check){.root = options->output_path,
                            .inventory = &verification.inventory,
                            .level = options->deep ? PARQUET_VERIFY_VALUES : PARQUET_VERIFY_PAGES,
                            .findings = &report->findings,
                            .catalog_mutex = &verification.catalog_mutex};
    verification.rows_check = (struct rows_check){.root = options->output_path,
                                                  .inventory = &verification.inventory,
                                                  .foreign = &verification.foreign,
                                                  .owners = &verification.owners,
                                                  .findings = &report->findings};
    code = os_mutex_init(&verification.catalog_mutex, error);
    if (code == OK) {
        code = os_mutex_init(&verification.error_mutex, error);
        if (code == OK) {
            code = verify_opened(&verification, report, error);
            os_mutex_release(&verification.error_mutex);
        }
        os_mutex_release(&verification.catalog_mutex);
    }
    if (code == OK)
        code = findings_finish(&report->findings, error);
    report->ok = code == OK && findings_problem_count(&report->findings) == 0;
    catalog_close(verification.catalog);
    release(&verification);
    return code;
}

void verify_report_release(struct verify_report *report)
{
    ledger_set_release(&report->coverage);
    findings_release(&report->findings);
}
