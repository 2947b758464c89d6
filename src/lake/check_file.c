// SPDX-License-Identifier: Apache-2.0
#include "lake/check_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalog/history.h"
#include "lake/data_file.h"
#include "walk/file_facts.h"
#include "rows/bound_text.h"
#include "sink/provenance.h"

static struct ledger_range range_of(const struct inventory_file *file,
                                    const struct inventory_commit *commit)
{
    return commit != NULL ? commit->range : file->range;
}

enum error_code check_take_damage(struct findings *findings, const struct inventory_file *file,
                                  const struct inventory_commit *commit, enum error_code code,
                                  const struct error *error, bool *good)
{
    if (code != ERR_CORRUPT && code != ERR_INVALID && code != ERR_LIMIT)
        return code;
    *good = false;
    findings_add_problem(findings, PROBLEM_DAMAGED_FILE, file->path, file->commit_no,
                         range_of(file, commit), "%s", error->message);
    return OK;
}

/* What the footer's key-value pairs must say (design section 3). */
static bool check_provenance(const struct file_check *check, const struct inventory_file *file,
                             const struct inventory_commit *commit,
                             const struct parquet_file_metadata *metadata)
{
    static const enum provenance_key keys[] = {PROVENANCE_LAKE_ID,     PROVENANCE_SCHEMA_VERSION,
                                               PROVENANCE_COMMIT_NO,   PROVENANCE_FIRST_LEDGER,
                                               PROVENANCE_LAST_LEDGER, PROVENANCE_COMMIT_FILES,
                                               PROVENANCE_FILE_ROWS,   PROVENANCE_COMMIT_ROWS};
    struct parquet_key_value wanted[PROVENANCE_KEY_COUNT];
    struct provenance provenance = {
        .texts = {[PROVENANCE_LAKE_ID] = check->inventory->lake.lake_id,
                  [PROVENANCE_SCHEMA_VERSION] =
                      commit->schema == NULL ? NULL : commit->schema->version},
        .numbers = {[PROVENANCE_COMMIT_NO] = (int64_t)commit->commit_no,
                    [PROVENANCE_FIRST_LEDGER] = commit->range.first,
                    [PROVENANCE_LAST_LEDGER] = commit->range.last,
                    [PROVENANCE_COMMIT_FILES] = commit->file_count,
                    [PROVENANCE_FILE_ROWS] = file->record_count,
                    [PROVENANCE_COMMIT_ROWS] = commit->row_count}};
    bool good = true;
    provenance_write(&provenance, wanted);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *found = provenance_text(metadata, keys[i]);
        const char *value = wanted[keys[i]].value;
        if ((found != NULL && strcmp(found, value) == 0) ||
            (keys[i] == PROVENANCE_SCHEMA_VERSION && commit->schema == NULL))
            continue;
        good = false;
        findings_add_problem(check->findings, PROBLEM_CONTRADICTION, file->path, file->commit_no,
                             commit->range, "the file's metadata say %s = %s, the catalog says %s",
                             wanted[keys[i]].key, found == NULL ? "nothing" : found, value);
    }
    return good;
}

/* Of a file that took the place of others: whose rows it says that it holds. */
static enum error_code check_commits(const struct file_check *check,
                                     const struct inventory_file *file,
                                     const struct parquet_file_metadata *metadata, bool *good,
                                     struct error *error)
{
    struct buffer commits, wanted;
    const char *found = provenance_text(metadata, PROVENANCE_COMMITS);
    enum error_code code = OK;
    buffer_init(&commits);
    buffer_init(&wanted);
    for (size_t i = 0; code == OK && i < file->share_count; i++) {
        const struct inventory_share *share =
            inventory_share_at(&check->inventory->file_shares, file->first_share + i);
        const struct inventory_commit *commit =
            LIST_AT(&check->inventory->commits, struct inventory_commit, share->commit);
        struct provenance_commit one = {
            commit->commit_no,   commit->range,
            commit->row_count,   commit->file_count,
            share->record_count, catalog_dead_letters_number(commit->dead_letters_path)};
        if (buffer_append(&commits, &one, sizeof one) != OK)
            code = error_no_memory(error, "the commits of a file");
    }
    if (code == OK)
        code = provenance_format_commits((const void *)commits.data, file->share_count, &wanted,
                                         error);
    if (code == OK && (found == NULL || strcmp(found, (const char *)wanted.data) != 0)) {
        *good = false;
        findings_add_problem(check->findings, PROBLEM_CONTRADICTION, file->path, file->commit_no,
                             file->range,
                             "the file's metadata name other commits, or other rows of them, than "
                             "the catalog");
    }
    buffer_release(&commits);
    buffer_release(&wanted);
    return code;
}

/* ---- statistics ---- */

struct statistics_check {
    const struct file_check *check;
    const struct inventory_file *file;
    const struct inventory_commit *commit;
    const struct parquet_file_metadata *metadata;
    bool *good;
    struct arena arena;
};

static const struct row_column *find_column(const struct row_schema *schema, int column_id)
{
    for (size_t i = 0; i < schema->column_count; i++)
        if ((int)schema->columns[i].id == column_id)
            return &schema->columns[i];
    return NULL;
}

static bool texts_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void report_statistic(const struct statistics_check *context, const char *column,
                             const char *what, const char *found, const char *said)
{
    findings_add_problem(context->check->findings, PROBLEM_CONTRADICTION, context->file->path,
                         context->file->commit_no, range_of(context->file, context->commit),
                         "column %s: %s is %s in the file and %s in the catalog", column, what,
                         found == NULL ? "not given" : found, said == NULL ? "not given" : said);
}

static enum error_code
compare_statistic(void *argument, const struct catalog_column_statistics *said, struct error *error)
{
    struct statistics_check *context = argument;
    const struct row_column *column = find_column(context->commit->schema, said->column_id);
    int index = column == NULL ? -1 : parquet_metadata_column(context->metadata, column->name);
    if (index < 0)
        return OK; /* a user's own column */
    struct parquet_column_statistics facts = file_facts_column(context->metadata, (size_t)index);
    if (facts.value_count != said->value_count || facts.null_count != said->null_count) {
        char found[64], told[64];
        snprintf(found, sizeof found, "%" PRId64 " and %" PRId64, facts.value_count,
                 facts.null_count);
        snprintf(told, sizeof told, "%" PRId64 " and %" PRId64, said->value_count,
                 said->null_count);
        report_statistic(context, column->name, "the count of values and nulls", found, told);
    }
    const char *min_text = NULL, *max_text = NULL;
    enum error_code code = OK;
    if (facts.has_bounds)
        code = row_bound_text(column, facts.min_value, false, &context->arena, &min_text, error);
    if (code == OK && facts.has_bounds)
        code = row_bound_text(column, facts.max_value, true, &context->arena, &max_text, error);
    if (code != OK) /* the file's bound is none, or there is no memory */
        return check_take_damage(context->check->findings, context->file, context->commit, code,
                                 error, context->good);
    if (!texts_equal(min_text, said->min_value))
        report_statistic(context, column->name, "the minimum", min_text, said->min_value);
    if (!texts_equal(max_text, said->max_value))
        report_statistic(context, column->name, "the maximum", max_text, said->max_value);
    return OK;
}

/* The catalog's statistics of a file against the file's own. */
static enum error_code check_statistics(const struct file_check *check,
                                        const struct inventory_file *file,
                                        const struct inventory_commit *commit,
                                        const struct parquet_file_metadata *metadata, bool *good,
                                        struct error *error)
{
    struct statistics_check context = {check, file, commit, metadata, good, {0}};
    if (commit == NULL || commit->schema == NULL)
        return OK;
    arena_init(&context.arena, 0);
    os_mutex_lock(check->catalog_mutex);
    enum error_code code = catalog_each_statistic(check->catalog, file->data_file_id,
                                                  compare_statistic, &context, error);
    os_mutex_unlock(check->catalog_mutex);
    arena_release(&context.arena);
    return code;
}

/* ---- the walk ---- */

/* Where the file's own checks find nothing, or can't say more, its checksum still tells. */
static enum error_code check_checksum(const struct file_check *check,
                                      const struct inventory_file *file,
                                      const struct inventory_commit *commit,
                                      struct parquet_walk *walk, bool *good, struct error *error)
{
    uint64_t checksum = 0;
    if (file->checksum == 0 || check->level == PARQUET_VERIFY_FOOTER)
        return OK;
    enum error_code code = parquet_walk_checksum(walk, &checksum, error);
    if (code == OK && checksum != file->checksum) {
        *good = false;
        findings_add_problem(check->findings, PROBLEM_DAMAGED_FILE, file->path, file->commit_no,
                             range_of(file, commit),
                             "its bytes changed since it was committed: the checksum is %016" PRIx64
                             ", the catalog says %016" PRIx64,
                             checksum, file->checksum);
    }
    return code;
}

/* What a file that the walk has nothing against says, against the catalog. */
static enum error_code compare(const struct file_check *check, const struct inventory_file *file,
                               const struct inventory_commit *commit, struct parquet_walk *walk,
                               bool *good, struct error *error)
{
    const struct parquet_file_metadata *metadata = &walk->metadata;
    if (metadata->footer_bytes != (uint64_t)file->footer_size_bytes) {
        *good = false;
        findings_add_problem(check->findings, PROBLEM_CONTRADICTION, file->path, file->commit_no,
                             range_of(file, commit),
                             "the footer has %" PRIu32 " bytes, the catalog says %" PRId64,
                             metadata->footer_bytes, file->footer_size_bytes);
    }
    if (commit != NULL && !check_provenance(check, file, commit, metadata))
        *good = false;
    enum error_code code = OK;
    if (file->share_count > 0)
        code = check_commits(check, file, metadata, good, error);
    if (code == OK && *good)
        code = check_checksum(check, file, commit, walk, good, error);
    if (code == OK && *good && check->level == PARQUET_VERIFY_VALUES)
        code = check_statistics(check, file, commit, metadata, good, error);
    return code;
}

static enum error_code walk_file(const struct file_check *check, const struct inventory_file *file,
                                 const struct parquet_source *source,
                                 const struct file_rows_wish *wish, struct file_rows *rows,
                                 struct parquet_walk *walk, struct error *error)
{
    struct parquet_visitor visitor;
    bool reads_all = file->checksum != 0 && check->level > PARQUET_VERIFY_FOOTER;
    enum error_code code = parquet_walk_begin(walk, source, reads_all, error);
    if (code == OK && rows != NULL)
        code = file_rows_begin(rows, walk, wish, &visitor, error);
    if (code == OK)
        code = parquet_walk_run(walk, check->level, file->record_count,
                                rows == NULL ? NULL : &visitor, error);
    return code == OK && rows != NULL ? file_rows_end(rows, error) : code;
}

/* Size, bytes, footer and metadata of a file that could be opened. */
static enum error_code check_contents(const struct file_check *check,
                                      const struct inventory_file *file,
                                      const struct inventory_commit *commit,
                                      const struct parquet_source *source,
                                      const struct file_rows_wish *wish, struct file_rows *rows,
                                      struct file_outcome *outcome, struct error *error)
{
    struct parquet_walk walk;
    bool *good = &outcome->good;
    if (source->size_bytes != (uint64_t)file->file_size_bytes) {
        *good = false;
        findings_add_problem(check->findings, PROBLEM_TRUNCATED_FILE, file->path, file->commit_no,
                             range_of(file, commit),
                             "the file has %" PRIu64 " bytes, the catalog says %" PRId64,
                             source->size_bytes, file->file_size_bytes);
        return OK;
    }
    enum error_code code = walk_file(check, file, source, wish, rows, &walk, error);
    outcome->lacks_checksums = code == OK && file->commit_no == 0 && walk.lacks_checksums;
    code = code == OK ? compare(check, file, commit, &walk, good, error)
                      : check_take_damage(check->findings, file, commit, code, error, good);
    parquet_walk_end(&walk);
    return code;
}

enum error_code check_file(const struct file_check *check, const struct inventory_file *file,
                           const struct inventory_commit *commit, const struct file_rows_wish *wish,
                           struct file_rows *rows, struct file_outcome *outcome,
                           struct error *error)
{
    struct lake_data_file data_file;
    *outcome = (struct file_outcome){.good = true};
    if (lake_data_file_is_remote(file->path)) {
        *outcome = (struct file_outcome){.is_out_of_reach = true};
        return OK;
    }
    enum error_code code = lake_data_file_open(&data_file, check->root, file->path, error);
    if (code == ERR_NOT_FOUND) {
        outcome->good = false;
        findings_add_problem(check->findings, PROBLEM_MISSING_FILE, file->path, file->commit_no,
                             range_of(file, commit), "the catalog lists it and it is not there");
        code = OK;
    } else if (code == ERR_INVALID) { /* a pipe or a folder has its name */
        code = check_take_damage(check->findings, file, commit, code, error, &outcome->good);
    } else if (code == OK) {
        code = check_contents(check, file, commit, &data_file.source, wish, rows, outcome, error);
    }
    lake_data_file_release(&data_file);
    return code;
}
