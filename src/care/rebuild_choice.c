// SPDX-License-Identifier: Apache-2.0
#include "care/rebuild_choice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/history.h"
#include "store/layout.h"
#include "lake/inventory.h"
#include "care/rebuild_bundle.h"
#include "os/file.h"
#include "util/memory.h"

#define REASON_BYTES 512

/* A range that is spoken for. */
struct taken_range {
    struct ledger_range range;
    uint64_t commit_no;
};

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the report of a rebuild");
}

static enum error_code add_entry(struct rebuild_choice *choice, struct rebuild_entry entry,
                                 struct error *error)
{
    struct arena *arena = &choice->report->arena;
    entry.path = arena_copy_text(arena, bytes_view_text(entry.path));
    entry.reason = arena_copy_text(arena, bytes_view_text(entry.reason));
    if (entry.path == NULL || entry.reason == NULL ||
        buffer_append(&choice->report->entries, &entry, sizeof entry) != OK)
        return no_memory(error);
    return OK;
}

/* Files of one commit that is not taken in. */
static enum error_code PRINTF_LIKE(5, 6)
    reject(struct rebuild_choice *choice, const struct found_file *files, size_t count,
           struct error *error, const char *format, ...)
{
    char reason[REASON_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count; i++)
        code = add_entry(choice,
                         (struct rebuild_entry){.path = files[i].path,
                                                .moved = true,
                                                .reason = reason,
                                                .commit_no = files[i].commit_no,
                                                .range = files[i].range},
                         error);
    return code;
}

/* ---- ranges that are spoken for ---- */

/* Where the range stands among the taken ones: the first that begins at or below it. */
static size_t place_of(const struct rebuild_choice *choice, struct ledger_range range)
{
    const struct taken_range *taken = (const void *)choice->ranges.data;
    size_t low = 0, high = LIST_COUNT(&choice->ranges, struct taken_range);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (taken[middle].range.first > range.first)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The commit that has some of the range already; 0: none. */
static uint64_t find_overlap(const struct rebuild_choice *choice, struct ledger_range range)
{
    const struct taken_range *taken = (const void *)choice->ranges.data;
    size_t at = place_of(choice, range);
    if (at > 0 && taken[at - 1].range.first <= range.last)
        return taken[at - 1].commit_no;
    if (at < LIST_COUNT(&choice->ranges, struct taken_range) && taken[at].range.last >= range.first)
        return taken[at].commit_no;
    return 0;
}

static enum error_code take_range(struct rebuild_choice *choice, struct ledger_range range,
                                  uint64_t commit_no, struct error *error)
{
    struct taken_range one = {range, commit_no};
    size_t at = place_of(choice, range);
    if (buffer_append(&choice->ranges, &one, sizeof one) != OK)
        return no_memory(error);
    struct taken_range *taken = (void *)choice->ranges.data;
    size_t count = LIST_COUNT(&choice->ranges, struct taken_range);
    memmove(&taken[at + 1], &taken[at], (count - 1 - at) * sizeof *taken);
    taken[at] = one;
    return OK;
}

static bool was_pruned(const struct rebuild_choice *choice, struct ledger_range range)
{
    for (size_t i = 0; i < choice->lake->pruned.count; i++)
        if (choice->lake->pruned.ranges[i].first <= range.first &&
            choice->lake->pruned.ranges[i].last >= range.last)
            return true;
    return false;
}

/* ---- one commit ---- */

static bool is_where_it_belongs(const struct found_file *file)
{
    const char *slash = strrchr(file->path, '/');
    if (slash == NULL) /* scheme simple has no folders, and a day for a label */
        return strchr(file->partition, '=') == NULL;
    size_t length = (size_t)(slash - file->path);
    return strlen(file->partition) == length && strncmp(file->path, file->partition, length) == 0;
}

/* Brings one file a partition to the front; what else claims to be the same is a copy. */
static enum error_code drop_copies(struct rebuild_choice *choice, struct found_file *files,
                                   size_t *count, struct error *error)
{
    enum error_code code = OK;
    size_t kept = 0;
    for (size_t i = 0; code == OK && i < *count; i++) {
        struct found_file file = files[i];
        if (kept == 0 || strcmp(files[kept - 1].partition, file.partition) != 0) {
            files[kept++] = file;
            continue;
        }
        if (!is_where_it_belongs(&files[kept - 1]) && is_where_it_belongs(&file)) {
            struct found_file other = files[kept - 1];
            files[kept - 1] = file;
            file = other;
        }
        code = reject(choice, &file, 1, error, "a copy of %s", files[kept - 1].path);
    }
    *count = kept;
    return code;
}

static enum error_code accept(struct rebuild_choice *choice, struct rebuilt_commit *rebuilt,
                              struct error *error)
{
    const struct catalog_commit *commit = &rebuilt->commit;
    struct rebuild_report *report = choice->report;
    report->commits++;
    report->files += commit->file_count;
    report->rows += (uint64_t)commit->row_count;
    report->dead_letters += (uint64_t)commit->dead_letter_count;
    report->commits_without_digest += !rebuilt->has_digest;
    for (size_t i = 0; i < commit->unconfirmed_count; i++)
        report->unconfirmed_ledgers += ledger_range_count(commit->unconfirmed[i]);
    if (buffer_append(&choice->commits, &rebuilt, sizeof rebuilt) != OK)
        return no_memory(error);
    return take_range(choice, commit->range, commit->commit_no, error);
}

static bool number_is_taken(const struct rebuild_choice *choice, uint64_t commit_no)
{
    size_t count = LIST_COUNT(&choice->commits, struct rebuilt_commit *);
    if (choice->intent != NULL && choice->intent->commit.commit_no == commit_no)
        return true;
    return count > 0 &&
           (*LIST_AT(&choice->commits, struct rebuilt_commit *, count - 1))->commit.commit_no ==
               commit_no;
}

static enum error_code judge(struct rebuild_choice *choice, struct found_file *files, size_t count,
                             struct error *error)
{
    struct rebuilt_commit *rebuilt = arena_alloc(&choice->report->arena, sizeof *rebuilt);
    if (rebuilt == NULL)
        return no_memory(error);
    enum error_code code = drop_copies(choice, files, &count, error);
    uint64_t winner = find_overlap(choice, files[0].range);
    if (code != OK)
        return code;
    if (winner != 0)
        return reject(choice, files, count, error, "superseded: commit %" PRIu64 " has its ledgers",
                      winner);
    if (number_is_taken(choice, files[0].commit_no))
        return reject(choice, files, count, error, "another commit has its number");
    if (was_pruned(choice, files[0].range))
        return reject(choice, files, count, error, "its ledgers were pruned");
    const struct commit_parts parts = {
        .own = files, .own_count = count, .letters = &choice->letters};
    code = rebuild_commit(choice->store->root, choice->scheme, &parts, &choice->report->arena,
                          rebuilt, error);
    if (code == OK && rebuilt->fault != NULL)
        return reject(choice, files, count, error, "its commit is not whole: %s", rebuilt->fault);
    return code == OK ? accept(choice, rebuilt, error) : code;
}

/* ---- commits that share files ---- */

/* The files of a bundle that is not taken in; the ledgers of all its commits are to be fetched. */
static enum error_code reject_bundle(struct rebuild_choice *choice,
                                     const struct rebuild_bundle *bundle, const char *reason,
                                     struct error *error)
{
    enum error_code code = reject(choice, bundle->own, bundle->own_count, error, "%s", reason);
    for (size_t i = 0; code == OK && i < bundle->shared_count; i++) {
        struct found_file file = bundle->shared[i];
        for (size_t k = 0; k < file.share_count; k++) {
            struct ledger_range range = file.shares[k].range;
            file.range.first = range.first < file.range.first ? range.first : file.range.first;
            file.range.last = range.last > file.range.last ? range.last : file.range.last;
        }
        code = reject(choice, &file, 1, error, "%s", reason);
    }
    return code;
}

/* Why the bundle can't be taken in at all; NULL: nothing is against it yet. */
static const char *find_obstacle(const struct rebuild_choice *choice,
                                 const struct rebuild_bundle *bundle)
{
    size_t pruned = 0;
    if (bundle->contradicts)
        return "files that share a commit's rows say different things of it";
    for (size_t i = 0; i < bundle->commit_count; i++) {
        if (find_overlap(choice, bundle->commits[i].range) != 0)
            return "superseded: a later commit has ledgers of one whose rows it holds";
        if (i > 0 && ledger_ranges_overlap(bundle->commits[i].range, bundle->commits[i - 1].range))
            return "commits whose rows it holds have the same ledgers";
        pruned += was_pruned(choice, bundle->commits[i].range);
    }
    return pruned > 0 ? "ledgers whose rows it holds were pruned" : NULL;
}

/* The shared files that hold rows of the commit, and its own. */
static enum error_code rebuild_sharer(struct rebuild_choice *choice,
                                      const struct rebuild_bundle *bundle,
                                      const struct rebuilt_file *files, size_t index,
                                      struct rebuilt_commit *rebuilt, struct error *error)
{
    const struct provenance_commit *said = &bundle->commits[index];
    struct arena *arena = &choice->report->arena;
    struct commit_parts parts = {.said = said, .letters = &choice->letters};
    const struct rebuilt_file **shared =
        arena_alloc(arena, (bundle->shared_count + 1) * sizeof(void *));
    if (shared == NULL)
        return no_memory(error);
    for (size_t i = 0; i < bundle->shared_count; i++)
        for (size_t k = 0; k < bundle->shared[i].share_count; k++)
            if (bundle->shared[i].shares[k].commit_no == said->commit_no)
                shared[parts.shared_count++] = &files[i];
    for (size_t i = 0; i < bundle->own_count; i++) {
        if (bundle->own[i].commit_no != said->commit_no)
            continue;
        parts.own = parts.own == NULL ? &bundle->own[i] : parts.own;
        parts.own_count++;
    }
    parts.shared = shared;
    return rebuild_commit(choice->store->root, choice->scheme, &parts, arena, rebuilt, error);
}

static enum error_code add_replacement(struct rebuild_choice *choice,
                                       const struct rebuilt_file *shared, struct error *error)
{
    struct arena *arena = &choice->report->arena;
    const struct found_file *found = shared->found;
    struct catalog_file *file = arena_alloc(arena, sizeof *file);
    struct rebuilt_replacement one = {.change = {.commit_no = found->commit_no,
                                                 .range = shared->file.range,
                                                 .schema_version = found->schema->version,
                                                 .reason = "rebuild",
                                                 .file_count = 1,
                                                 .files = file,
                                                 .row_count = shared->file.record_count},
                                      .member_count = found->share_count};
    one.members = arena_alloc(arena, found->share_count * sizeof *one.members);
    if (file == NULL || one.members == NULL)
        return no_memory(error);
    *file = shared->file;
    for (size_t i = 0; i < found->share_count; i++)
        one.members[i] = (struct catalog_member){.commit_no = found->shares[i].commit_no,
                                                 .record_count = found->shares[i].file_rows};
    choice->report->files++;
    return buffer_append(&choice->replacements, &one, sizeof one) == OK ? OK : no_memory(error);
}

static enum error_code reject_sharers(struct rebuild_choice *choice,
                                      const struct rebuild_bundle *bundle, uint64_t commit_no,
                                      const char *fault, struct error *error)
{
    char reason[REASON_BYTES];
    snprintf(reason, sizeof reason, "commit %" PRIu64 " whose rows it holds is not whole: %s",
             commit_no, fault);
    return reject_bundle(choice, bundle, reason, error);
}

/* All of its commits, or none. */
static enum error_code judge_commits(struct rebuild_choice *choice,
                                     const struct rebuild_bundle *bundle,
                                     const struct rebuilt_file *files, struct error *error)
{
    struct rebuilt_commit *rebuilt =
        arena_alloc(&choice->report->arena, bundle->commit_count * sizeof *rebuilt);
    enum error_code code = rebuilt == NULL ? no_memory(error) : OK;
    for (size_t i = 0; code == OK && i < bundle->commit_count; i++) {
        code = rebuild_sharer(choice, bundle, files, i, &rebuilt[i], error);
        if (code == OK && rebuilt[i].fault != NULL)
            return reject_sharers(choice, bundle, bundle->commits[i].commit_no, rebuilt[i].fault,
                                  error);
    }
    for (size_t i = 0; code == OK && i < bundle->commit_count; i++)
        code = accept(choice, &rebuilt[i], error);
    for (size_t i = 0; code == OK && i < bundle->shared_count; i++)
        code = add_replacement(choice, &files[i], error);
    return code;
}

static enum error_code judge_bundle(struct rebuild_choice *choice,
                                    const struct rebuild_bundle *bundle, struct error *error)
{
    const char *obstacle = find_obstacle(choice, bundle);
    if (obstacle != NULL)
        return reject_bundle(choice, bundle, obstacle, error);
    struct rebuilt_file *files = mem_alloc_zero(bundle->shared_count, sizeof *files);
    enum error_code code = files == NULL ? no_memory(error) : OK;
    const struct rebuilt_file *bad = NULL;
    for (size_t i = 0; code == OK && bad == NULL && i < bundle->shared_count; i++) {
        code = rebuild_file(choice->store->root, choice->scheme, &bundle->shared[i],
                            &choice->report->arena, &files[i], error);
        bad = files[i].fault != NULL ? &files[i] : NULL;
    }
    if (code == OK)
        code = bad != NULL ? reject_bundle(choice, bundle, bad->fault, error)
                           : judge_commits(choice, bundle, files, error);
    for (size_t i = 0; files != NULL && i < bundle->shared_count; i++)
        rebuilt_file_release(&files[i]);
    mem_free(files);
    return code;
}

/* ---- all of them ---- */

#define COMPARE(a, b)                                                                              \
    if ((a) != (b))                                                                                \
    return (a) < (b) ? -1 : 1

/* Highest commit_no first; then so that files that say the same of their commit stand together. */
static int compare_commits(const struct found_file *left, const struct found_file *right)
{
    COMPARE(right->commit_no, left->commit_no);
    COMPARE(left->range.first, right->range.first);
    COMPARE(left->range.last, right->range.last);
    COMPARE(left->commit_files, right->commit_files);
    COMPARE(left->commit_rows, right->commit_rows);
    COMPARE(left->schema->rank, right->schema->rank);
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    const struct found_file *left = a, *right = b;
    COMPARE(left->kind, right->kind);
    int order = left->kind == FOUND_DATA ? compare_commits(left, right) : 0;
    if (order == 0 && left->kind == FOUND_DATA)
        order = strcmp(left->partition, right->partition);
    return order != 0 ? order : strcmp(left->path, right->path);
}

static bool is_in_flight(const struct rebuild_choice *choice, const char *path)
{
    for (size_t i = 0; choice->intent != NULL && i < choice->intent->commit.file_count; i++)
        if (strcmp(choice->intent->commit.files[i].path, path) == 0)
            return true;
    return false;
}

/* Puts aside what is no commit's file: in flight, of another lake, damaged, strangers. */
static enum error_code put_aside(struct rebuild_choice *choice, struct buffer *files,
                                 struct error *error)
{
    enum error_code code = OK;
    struct found_file *all = (void *)files->data;
    size_t count = LIST_COUNT(files, struct found_file), kept = 0;
    for (size_t i = 0; code == OK && i < count; i++) {
        bool is_other =
            all[i].lake_id[0] != '\0' && strcmp(all[i].lake_id, choice->lake->lake_id) != 0;
        if (is_in_flight(choice, all[i].path))
            continue;
        choice->report->foreign_files += all[i].table_rows > 0;
        choice->report->foreign_rows += all[i].table_rows;
        if (all[i].kind == FOUND_DATA && !is_other)
            all[kept++] = all[i];
        else
            code = add_entry(choice,
                             (struct rebuild_entry){
                                 .path = all[i].path,
                                 .moved = all[i].kind == FOUND_DAMAGED && !is_other,
                                 .reason = is_other ? "it is of another lake" : all[i].reason},
                             error);
    }
    files->size_bytes = kept * sizeof *all;
    return code;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct rebuilt_commit *left = *(struct rebuilt_commit *const *)a;
    const struct rebuilt_commit *right = *(struct rebuilt_commit *const *)b;
    COMPARE(left->commit.commit_no, right->commit.commit_no);
    return 0;
}

/* ---- dead letters of commits that are not there ---- */

static const struct catalog_commit *find_commit(const struct rebuild_choice *choice,
                                                uint64_t commit_no)
{
    struct rebuilt_commit wanted = {.commit = {.commit_no = commit_no}};
    const struct rebuilt_commit *key = &wanted;
    struct rebuilt_commit *const *found =
        choice->commits.size_bytes == 0
            ? NULL
            : bsearch(&key, choice->commits.data,
                      LIST_COUNT(&choice->commits, struct rebuilt_commit *), sizeof key,
                      compare_numbers);
    return found == NULL ? NULL : &(*found)->commit;
}

/* Whether a commit has its dead letters there, under its own number, or that of the change which
 * made rows of some of them. */
static bool has_letters(const struct rebuild_choice *choice, const char *path)
{
    uint64_t number = catalog_dead_letters_number(path);
    const struct catalog_commit *commit = find_commit(choice, number);
    if (choice->intent != NULL && choice->intent->commit.commit_no == number)
        return true;
    if (commit != NULL && catalog_dead_letters_number(commit->dead_letters_path) == number)
        return strcmp(commit->dead_letters_path, path) == 0;
    for (size_t i = 0; commit == NULL && i < LIST_COUNT(&choice->commits, struct rebuilt_commit *);
         i++) {
        const char *other =
            (*LIST_AT(&choice->commits, struct rebuilt_commit *, i))->commit.dead_letters_path;
        if (other != NULL && strcmp(other, path) == 0)
            return true;
    }
    return false;
}

static enum error_code look_at_letters(void *context, const char *relative_path,
                                       uint64_t size_bytes, struct error *error)
{
    struct rebuild_choice *choice = context;
    char path[OS_PATH_BYTES];
    (void)size_bytes;
    enum error_code code = os_path_join(path, LAKE_DEAD_LETTERS, relative_path, error);
    if (code != OK)
        return code;
    const char *inside = path + sizeof LAKE_FOLDER;
    uint64_t commit_no = catalog_dead_letters_number(inside);
    if (commit_no == 0 || has_letters(choice, inside))
        return OK;
    return add_entry(choice,
                     (struct rebuild_entry){.path = path,
                                            .moved = true,
                                            .commit_no = commit_no,
                                            .reason = find_commit(choice, commit_no) == NULL
                                                          ? "its commit is not in the lake"
                                                          : "replaced: its letters are rows by "
                                                            "now, or lie in another file"},
                     error);
}

static enum error_code find_lost_letters(struct rebuild_choice *choice, struct error *error)
{
    const struct os_walker walker = {.context = choice, .visit = look_at_letters};
    return store_exists(choice->store, LAKE_DEAD_LETTERS)
               ? store_walk(choice->store, LAKE_DEAD_LETTERS, &walker, error)
               : OK;
}

/* ---- coverage ---- */

/* The commits' ranges. */
static enum error_code list_coverage(struct rebuild_choice *choice, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&choice->ranges, struct taken_range); i++)
        code = ledger_set_append(&choice->report->coverage,
                                 LIST_AT(&choice->ranges, struct taken_range, i)->range, error);
    ledger_set_merge(&choice->report->coverage);
    return code;
}

/* Ranges between the covered ones, and of commits that were not taken in, but for pruned ledgers.
 */
static enum error_code list_refetch(const struct rebuild_choice *choice, struct error *error)
{
    struct rebuild_report *report = choice->report;
    struct ledger_set had = {0};
    enum error_code code = ledger_set_append_all(&had, &report->coverage, error);
    if (code == OK)
        code = ledger_set_append_all(&had, &choice->lake->pruned, error);
    ledger_set_merge(&had);
    if (code == OK && report->coverage.count > 0)
        code =
            ledger_set_missing(&had, ledger_set_span(&report->coverage), &report->refetch, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&report->entries, struct rebuild_entry); i++) {
        const struct rebuild_entry *entry = LIST_AT(&report->entries, struct rebuild_entry, i);
        if (entry->range.last != 0)
            code = ledger_set_missing(&had, entry->range, &report->refetch, error);
    }
    ledger_set_release(&had);
    ledger_set_merge(&report->refetch);
    return code;
}

static int compare_replacements(const void *a, const void *b)
{
    const struct rebuilt_replacement *left = a, *right = b;
    COMPARE(left->change.commit_no, right->change.commit_no);
    COMPARE(left->change.range.first, right->change.range.first);
    return 0;
}

/* Judges the bundles whose highest commit is above that number; *next: the first that is not judged
 * yet. */
static enum error_code judge_bundles(struct rebuild_choice *choice, const struct buffer *bundles,
                                     size_t *next, uint64_t above, struct error *error)
{
    enum error_code code = OK;
    for (; code == OK && *next < LIST_COUNT(bundles, struct rebuild_bundle); ++*next) {
        const struct rebuild_bundle *bundle = LIST_AT(bundles, struct rebuild_bundle, *next);
        if (bundle->commits[bundle->commit_count - 1].commit_no <= above)
            break;
        code = judge_bundle(choice, bundle, error);
    }
    return code;
}

static enum error_code reject_replaced(struct rebuild_choice *choice, const struct buffer *replaced,
                                       struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(replaced, struct found_file); i++)
        code = reject(choice, LIST_AT(replaced, struct found_file, i), 1, error,
                      "replaced: its rows lie in another file");
    return code;
}

/* Highest commit first, alone or with those that it shares files with. */
static enum error_code judge_all(struct rebuild_choice *choice, struct buffer *files,
                                 const struct buffer *bundles, struct error *error)
{
    struct found_file *all = (void *)files->data;
    size_t count = LIST_COUNT(files, struct found_file), next_bundle = 0;
    enum error_code code = OK;
    for (size_t first = 0; code == OK && first < count;) {
        size_t end = first + 1;
        while (end < count && compare_commits(&all[first], &all[end]) == 0)
            end++;
        code = judge_bundles(choice, bundles, &next_bundle, all[first].commit_no, error);
        if (code == OK)
            code = judge(choice, &all[first], end - first, error);
        first = end;
    }
    return code == OK ? judge_bundles(choice, bundles, &next_bundle, 0, error) : code;
}

enum error_code rebuild_choose(struct rebuild_choice *choice, struct buffer *files,
                               struct error *error)
{
    struct buffer bundles, replaced;
    buffer_init(&bundles);
    buffer_init(&replaced);
    enum error_code code = put_aside(choice, files, error);
    if (code == OK)
        code = letter_names_read(&choice->letters, choice->store, error);
    if (code == OK)
        code = rebuild_bundles_make(files, &choice->report->arena, &bundles, &replaced, error);
    if (code == OK)
        code = reject_replaced(choice, &replaced, error);
    struct found_file *all = (void *)files->data;
    size_t count = LIST_COUNT(files, struct found_file);
    if (count > 0)
        qsort(all, count, sizeof *all, compare_files);
    if (code == OK && choice->intent != NULL && !choice->intent->is_replacement)
        code = take_range(choice, choice->intent->commit.range, choice->intent->commit.commit_no,
                          error);
    if (code == OK)
        code = judge_all(choice, files, &bundles, error);
    buffer_release(&bundles);
    buffer_release(&replaced);
    if (choice->replacements.size_bytes > 0)
        qsort(choice->replacements.data,
              LIST_COUNT(&choice->replacements, struct rebuilt_replacement),
              sizeof(struct rebuilt_replacement), compare_replacements);
    if (choice->commits.size_bytes > 0)
        qsort(choice->commits.data, LIST_COUNT(&choice->commits, struct rebuilt_commit *),
              sizeof(struct rebuilt_commit *), compare_numbers);
    if (code == OK)
        code = find_lost_letters(choice, error);
    if (code == OK)
        code = list_coverage(choice, error);
    return code == OK ? list_refetch(choice, error) : code;
}
