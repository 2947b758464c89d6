// SPDX-License-Identifier: Apache-2.0
#include "lake/check_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lake/check_file.h"
#include "lake/data_file.h"
#include "lake/dead_letters.h"
#include "lake/ledger_order.h"
#include "walk/row_scan.h"
#include "os/file.h"
#include "store/layout.h"
#include "util/memory.h"
#include "util/text.h"

/* What is gathered from all files of the commit. */
struct commit_rows {
    const struct rows_check *check;
    const struct inventory_commit *commit;
    struct arena arena;
    struct buffer ordinals;    /* uint64_t: ledger << 32 | event_index */
    struct buffer read_here;   /* struct file_rows *: whose texts the digest's rows need */
    struct buffer digest_rows; /* struct row_view of the digest ledger */
    struct buffer letters;     /* struct stored_letter */
    size_t digest_files;       /* how many files hold rows of the digest ledger */
    bool has_all_digest_rows;
    uint32_t ledger_before; /* of the file's rows walked so far, its newest ledger; 0: none */
    int64_t time_before;
    uint64_t row_count;
    bool has_event_index;
    bool is_mixed;  /* rows of other commits lie in the file, too */
    bool is_merged; /* so they do, and its folder and its order are DuckDB's */
    bool good;      /* every file could be read */
};

static void report(const struct commit_rows *rows, const char *path, const char *message)
{
    findings_add_problem(rows->check->findings, PROBLEM_CONTRADICTION, path,
                         rows->commit->commit_no, rows->commit->range, "%s", message);
}

/* The directory that a row's own time asks for, but for the type, which is in the name as well. */
static bool lies_in_partition(const struct commit_rows *rows, const char *path, int64_t time_us)
{
    char directory[PARTITION_PATH_BYTES];
    struct partition_key key = partition_key_of(rows->check->scheme, time_us, EVENT_NONE);
    enum partitioning_scheme scheme =
        rows->check->scheme == PARTITION_DATE_HOUR_TYPE ? PARTITION_DATE_HOUR : rows->check->scheme;
    partition_directory(scheme, key, directory);
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (length == 0 || path[length] == '/');
}

/* Where a ledger's rows begin: it may not be older than the ledger before. */
static void check_order(struct commit_rows *rows, const char *path, uint32_t ledger,
                        int64_t time_us)
{
    char time[TEXT_TIME_BYTES], time_before[TEXT_TIME_BYTES];
    if (rows->ledger_before != 0 && ledger > rows->ledger_before && time_us < rows->time_before) {
        text_rfc3339(time_us, time);
        text_rfc3339(rows->time_before, time_before);
        findings_add_problem(rows->check->findings, PROBLEM_CLOSE_TIMES, path,
                             rows->commit->commit_no, rows->commit->range,
                             "ledger %" PRIu32 " closed at %s, before ledger %" PRIu32 " at %s",
                             ledger, time, rows->ledger_before, time_before);
    }
    rows->ledger_before = ledger;
    rows->time_before = time_us;
}

/* Whether a row of a file of several commits is one of this commit's. */
static bool is_own(const struct commit_rows *rows, uint32_t ledger)
{
    struct ledger_range range = rows->commit->range;
    if (ledger < range.first || ledger > range.last)
        return false;
    const struct owned_range *owner = ledger_owners_find(rows->check->owners, ledger);
    return owner != NULL && LIST_AT(&rows->check->inventory->commits, struct inventory_commit,
                                    owner->commit) == rows->commit;
}

/* Reports what is wrong with rows that stand together; false if nothing is. */
static bool has_fault(const struct commit_rows *rows, const char *path,
                      const struct ledger_run *run)
{
    struct ledger_range range = rows->commit->range;
    char message[160];
    uint32_t ledger = run->ledger_sequence;
    if (ledger < range.first || ledger > range.last)
        snprintf(message, sizeof message, "a row of ledger %" PRIu32 " lies outside its commit",
                 ledger);
    else if (!rows->is_merged && !lies_in_partition(rows, path, run->time_us))
        snprintf(message, sizeof message, "ledger %" PRIu32 " belongs into another partition",
                 ledger);
    else if (run->has_other_time)
        snprintf(message, sizeof message, "ledger %" PRIu32 " has rows of different times", ledger);
    else
        return false;
    report(rows, path, message);
    return true;
}

static enum error_code add_ordinals(struct commit_rows *rows, const struct ledger_run *run,
                                    const uint32_t *indices, struct error *error)
{
    if (buffer_reserve(&rows->ordinals, run->row_count * sizeof(uint64_t)) != OK)
        return error_no_memory(error, "a commit's ordinals");
    for (uint32_t i = 0; i < run->row_count; i++) {
        uint64_t ordinal = ledger_ordinal(run->ledger_sequence, indices[i]);
        buffer_append_unchecked(&rows->ordinals, &ordinal, sizeof ordinal);
    }
    return OK;
}

/* Range, partition and close time of each row of a file; gathers the ordinals. */
static enum error_code check_runs(struct commit_rows *rows, const char *path,
                                  const struct file_rows *file, struct error *error)
{
    const uint32_t *indices = (const void *)file->ordinals.data;
    enum error_code code = OK;
    rows->ledger_before = 0;
    for (size_t i = 0, first = 0; code == OK && i < LIST_COUNT(&file->runs, struct ledger_run);
         i++) {
        const struct ledger_run *run = LIST_AT(&file->runs, struct ledger_run, i);
        size_t at = first;
        first += run->row_count;
        if (rows->is_mixed && !is_own(rows, run->ledger_sequence))
            continue;
        rows->row_count += run->row_count;
        if (has_fault(rows, path, run))
            return OK;
        check_order(rows, path, run->ledger_sequence, run->time_us);
        if (rows->has_event_index)
            code = add_ordinals(rows, run, indices + at, error);
    }
    return code;
}

static enum error_code add_digest_rows(struct commit_rows *rows, const struct file_rows *file,
                                       struct error *error)
{
    if (file->whole.size_bytes > 0)
        rows->digest_files += rows->is_merged ? 2 : 1; /* a merged file may have another order */
    rows->has_all_digest_rows = rows->has_all_digest_rows && !file->whole_is_incomplete;
    return buffer_append(&rows->digest_rows, file->whole.data, file->whole.size_bytes) == OK
               ? OK
               : error_no_memory(error, "a ledger's rows");
}

static enum error_code add_file(struct commit_rows *rows, const struct inventory_file *file,
                                const struct file_rows *gathered, struct error *error)
{
    enum error_code code = check_runs(rows, file->path, gathered, error);
    return code == OK ? add_digest_rows(rows, gathered, error) : code;
}

/* A file whose rows were not gathered while it was checked: DuckDB merged those of other commits
 * into it, or into others beside it. */
static enum error_code read_file(struct commit_rows *rows, const struct inventory_file *file,
                                 struct error *error)
{
    struct file_rows_wish wish = check_rows_wish(rows->commit);
    struct file_rows *gathered = mem_alloc(sizeof *gathered);
    if (gathered == NULL)
        return error_no_memory(error, "the rows of a file");
    file_rows_init(gathered);
    if (buffer_append(&rows->read_here, &gathered, sizeof gathered) != OK) {
        mem_free(gathered);
        return error_no_memory(error, "the rows of a file");
    }
    enum error_code code =
        lake_data_file_rows(rows->check->root, file->path, &wish, gathered, error);
    if (code != OK)
        return check_take_damage(rows->check->findings, file, rows->commit, code, error,
                                 &rows->good);
    code = add_file(rows, file, gathered, error);
    file_rows_drop_runs(gathered);
    return code;
}

/* ---- files of several commits ---- */

void rows_cache_init(struct rows_cache *cache)
{
    *cache = (struct rows_cache){0};
    for (size_t i = 0; i < ROWS_CACHE_FILES; i++) {
        file_rows_init(&cache->rows[i]);
        cache->files[i] = FOREIGN_NONE;
    }
}

void rows_cache_release(struct rows_cache *cache)
{
    for (size_t i = 0; i < ROWS_CACHE_FILES; i++)
        file_rows_release(&cache->rows[i]);
}

/* The rows of a file, all but whole ones. */
static enum error_code cache_read(struct rows_cache *cache, const struct commit_rows *rows,
                                  size_t index, const struct file_rows **out, struct error *error)
{
    const struct inventory_file *file =
        LIST_AT(&rows->check->inventory->files, struct inventory_file, index);
    const struct file_rows_wish wish = {.times = true, .ordinals = rows->has_event_index};
    for (size_t i = 0; i < ROWS_CACHE_FILES; i++) {
        *out = &cache->rows[i];
        if (cache->files[i] == index)
            return OK;
    }
    size_t slot = cache->next++ % ROWS_CACHE_FILES;
    *out = &cache->rows[slot];
    cache->files[slot] = FOREIGN_NONE;
    file_rows_release(&cache->rows[slot]);
    enum error_code code =
        lake_data_file_rows(rows->check->root, file->path, &wish, &cache->rows[slot], error);
    if (code == OK)
        cache->files[slot] = index;
    return code;
}

static enum error_code keep_digest_row(void *context, const struct row_view *row,
                                       struct error *error)
{
    struct commit_rows *rows = context;
    struct row_view copy;
    enum error_code code = row_copy(row, &rows->arena, &copy, error);
    if (code == OK && buffer_append(&rows->digest_rows, &copy, sizeof copy) != OK)
        code = error_no_memory(error, "a ledger's rows");
    return code;
}

static enum error_code scan_digest_rows(struct commit_rows *rows, const struct inventory_file *file,
                                        struct error *error)
{
    uint32_t ledger = rows->commit->digest_ledger;
    struct lake_data_file data_file;
    struct row_scan scan;
    size_t before = rows->digest_rows.size_bytes;
    if (ledger < file->range.first || ledger > file->range.last)
        return OK;
    enum error_code code = row_scan_init(&scan, error);
    if (code == OK)
        code = lake_data_file_open(&data_file, rows->check->root, file->path, error);
    if (code == OK) {
        code = row_scan_file(&scan, &data_file.source, (struct ledger_range){ledger, ledger},
                             keep_digest_row, rows, error);
        lake_data_file_release(&data_file);
    }
    row_scan_release(&scan);
    rows->digest_files += rows->digest_rows.size_bytes > before;
    return code;
}

/* The files that took the place of the commit's own. */
static enum error_code read_shared_files(struct commit_rows *rows, struct rows_cache *cache,
                                         struct error *error)
{
    const struct inventory *inventory = rows->check->inventory;
    enum error_code code = OK;
    rows->is_mixed = true;
    for (size_t i = 0; code == OK && i < rows->commit->share_count; i++) {
        size_t index = inventory_share_at(&inventory->shares, rows->commit->first_share + i)->file;
        const struct inventory_file *file =
            LIST_AT(&inventory->files, struct inventory_file, index);
        const struct file_rows *gathered;
        code = cache_read(cache, rows, index, &gathered, error);
        if (code == OK)
            code = check_runs(rows, file->path, gathered, error);
        if (code == OK)
            code = scan_digest_rows(rows, file, error);
        if (code != OK)
            code = check_take_damage(rows->check->findings, file, NULL, code, error, &rows->good);
    }
    return code;
}

/* ---- dead letters ---- */

/* Reads and parses the dead letters of a commit; what is wrong with the file is a finding. */
static enum error_code read_letters(const struct rows_check *check,
                                    const struct inventory_commit *commit, struct arena *arena,
                                    struct buffer *letters, struct error *error)
{
    char shown[OS_PATH_BYTES];
    uint64_t checksum = commit->dead_letters_checksum;
    enum error_code code = os_path_join(shown, LAKE_FOLDER, commit->dead_letters_path, error);
    if (code != OK)
        return code;
    code =
        dead_letters_load(check->root, commit->dead_letters_path, arena, letters, &checksum, error);
    const char *wrong = NULL;
    if (code == ERR_NOT_FOUND)
        wrong = "the catalog lists it and it is not there";
    else if (checksum != commit->dead_letters_checksum && (code == OK || code == ERR_CORRUPT))
        wrong = "it changed since it was committed";
    else if (code == ERR_CORRUPT)
        wrong = error != NULL ? error->message : "it is damaged";
    else if (code == OK &&
             LIST_COUNT(letters, struct stored_letter) != (size_t)commit->dead_letter_count)
        wrong = "it does not hold as many dead letters as were committed";
    if (wrong == NULL)
        return code;
    findings_add_problem(check->findings, PROBLEM_DEAD_LETTERS, shown, commit->commit_no,
                         commit->range, "%s", wrong);
    letters->size_bytes = 0;
    return OK;
}

enum error_code check_commit_dead_letters(const struct rows_check *check,
                                          const struct inventory_commit *commit,
                                          struct error *error)
{
    struct arena arena;
    struct buffer letters;
    if (commit->dead_letters_path == NULL)
        return OK;
    arena_init(&arena, 0);
    buffer_init(&letters);
    enum error_code code = read_letters(check, commit, &arena, &letters, error);
    buffer_release(&letters);
    arena_release(&arena);
    return code;
}

/* From 0 on in every ledger, without a gap or a repetition. */
static enum error_code check_ordinals(struct commit_rows *rows, struct error *error)
{
    const struct stored_letter *letters = (const void *)rows->letters.data;
    size_t letter_count = LIST_COUNT(&rows->letters, struct stored_letter);
    for (size_t i = 0; i < letter_count; i++) {
        uint64_t ordinal = ledger_ordinal(letters[i].ledger_sequence, letters[i].event_index);
        if (buffer_append(&rows->ordinals, &ordinal, sizeof ordinal) != OK)
            return error_no_memory(error, "a commit's ordinals");
    }
    char fault[LEDGER_FAULT_BYTES];
    if (!ledger_ordinals_are_whole((void *)rows->ordinals.data,
                                   LIST_COUNT(&rows->ordinals, uint64_t), fault))
        report(rows, NULL, fault);
    return OK;
}

static enum error_code check_digest(struct commit_rows *rows, struct error *error)
{
    const struct inventory_commit *commit = rows->commit;
    struct ledger_events events = {.ledger_sequence = commit->digest_ledger,
                                   .rows = (void *)rows->digest_rows.data,
                                   .row_count = LIST_COUNT(&rows->digest_rows, struct row_view),
                                   .file_count = rows->digest_files,
                                   .letters = (const void *)rows->letters.data,
                                   .letter_count =
                                       LIST_COUNT(&rows->letters, struct stored_letter)};
    struct ledger_digest digest;
    if (commit->digest_ledger == 0 || !rows->has_all_digest_rows ||
        !ledger_order_is_known(commit->schema, &events))
        return OK;
    enum error_code code = ledger_order_digest(commit->schema, commit->digest_contents.version,
                                               &events, &digest, error);
    if (code != OK)
        return code;
    char message[128];
    bool chain = memcmp(digest.chain, commit->digest_chain, sizeof digest.chain) == 0;
    bool contents = !contents_digest_differ(&digest.contents, &commit->digest_contents);
    if (chain && contents)
        return OK;
    snprintf(message, sizeof message, "the rows of ledger %" PRIu32 " do not give the commit's %s",
             commit->digest_ledger, chain ? "contents digest" : "chain digest");
    report(rows, NULL, message);
    return OK;
}

/* The merged files that may hold rows of the commit. */
static enum error_code walk_merged_files(struct commit_rows *rows, size_t group,
                                         struct error *error)
{
    const struct inventory *inventory = rows->check->inventory;
    struct ledger_range range = rows->commit->range;
    enum error_code code = OK;
    rows->is_mixed = rows->is_merged = true;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&inventory->files, struct inventory_file);
         i++) {
        const struct inventory_file *file = LIST_AT(&inventory->files, struct inventory_file, i);
        if (rows->check->foreign->of_file[i] == group && file->range.first <= range.last &&
            file->range.last >= range.first)
            code = read_file(rows, file, error);
    }
    return code;
}

static void check_row_count(struct commit_rows *rows)
{
    char message[160];
    if (rows->row_count == (uint64_t)rows->commit->row_count)
        return;
    snprintf(message, sizeof message,
             "commit %" PRIu64 " brought %" PRId64 " rows; its files and those it shares hold "
             "%" PRIu64,
             rows->commit->commit_no, rows->commit->row_count, rows->row_count);
    report(rows, NULL, message);
}

static void release(struct commit_rows *rows)
{
    for (size_t i = 0; i < LIST_COUNT(&rows->read_here, struct file_rows *); i++) {
        struct file_rows *one = *LIST_AT(&rows->read_here, struct file_rows *, i);
        file_rows_release(one);
        mem_free(one);
    }
    buffer_release(&rows->read_here);
    buffer_release(&rows->ordinals);
    buffer_release(&rows->digest_rows);
    buffer_release(&rows->letters);
    arena_release(&rows->arena);
}

struct file_rows_wish check_rows_wish(const struct inventory_commit *commit)
{
    return (struct file_rows_wish){.times = true,
                                   .ordinals = ledger_schema_has_ordinals(commit->schema),
                                   .whole_ledger = commit->digest_ledger};
}

enum error_code check_commit_rows(const struct rows_check *check,
                                  const struct inventory_commit *commit,
                                  struct file_rows *const *own, struct rows_cache *cache,
                                  struct error *error)
{
    struct commit_rows rows = {
        .check = check, .commit = commit, .has_all_digest_rows = true, .good = true};
    if (commit->schema == NULL)
        return OK;
    arena_init(&rows.arena, 0);
    rows.has_event_index = ledger_schema_has_ordinals(commit->schema);
    enum error_code code = OK;
    if (commit->dead_letters_path != NULL)
        code = read_letters(check, commit, &rows.arena, &rows.letters, error);
    for (size_t i = 0; code == OK && i < commit->live_file_count; i++) {
        const struct inventory_file *file =
            LIST_AT(&check->inventory->files, struct inventory_file, commit->first_file + i);
        code = own != NULL ? add_file(&rows, file, own[i], error) : read_file(&rows, file, error);
    }
    if (code == OK && commit->share_count > 0)
        code = read_shared_files(&rows, cache, error);
    size_t group =
        check->foreign
            ->of_commit[commit - LIST_AT(&check->inventory->commits, struct inventory_commit, 0)];
    if (code == OK && group != FOREIGN_NONE)
        code = walk_merged_files(&rows, group, error);
    if (code == OK && rows.good && (group != FOREIGN_NONE || commit->share_count > 0))
        check_row_count(&rows);
    if (code == OK && rows.good && rows.has_event_index)
        code = check_ordinals(&rows, error);
    if (code == OK && rows.good)
        code = check_digest(&rows, error);
    release(&rows);
    return code;
}
