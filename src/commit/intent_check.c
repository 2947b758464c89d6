// SPDX-License-Identifier: Apache-2.0
#include "commit/intent_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commit/lake_file.h"
#include "store/layout.h"

#define NAME_BYTES     96
#define STEM_BYTES     32
#define COMMIT_NO_MAX  (UINT64_C(1) << 50)
#define COUNT_MAX      (INT64_C(1) << 48) /* rows, bytes */
#define WORD_BYTES     32                 /* a schema version, a reason */
#define VALUE_BYTES    4096               /* a bound of a column, as text */
#define YEAR_10000_US  INT64_C(253402300800000000)
#define STATISTICS_MAX 256
#define COLUMN_ID_MAX  1000000

static bool is_count(int64_t number, int64_t most)
{
    return number >= 0 && number <= most;
}

static bool is_time(int64_t unix_us)
{
    return unix_us >= 0 && unix_us < YEAR_10000_US;
}

static bool is_within(struct ledger_range inner, struct ledger_range outer)
{
    return inner.first >= outer.first && inner.first <= inner.last && inner.last <= outer.last;
}

static bool is_short(const char *text, size_t room)
{
    return text[0] != '\0' && strlen(text) < room;
}

static bool is_path_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || strchr("=_-./", byte) != NULL;
}

/* Relative, plain, without steps up or aside, and not in our own folder; the form that a lake's
 * scheme gives its paths is the caller's to know (commit/recovery.h). */
static bool is_data_path(const char *path)
{
    if (!lake_is_data_path(path))
        return false;
    for (const char *at = path; *at != '\0'; at++)
        if (!is_path_byte(*at) || ((at == path || at[-1] == '/') && (*at == '.' || *at == '/')))
            return false;
    return true;
}

/* What the staged files must be called after: the stream that the commit was open for, where the
 * first of them says so, or the commit's number. */
static void find_stem(const struct intent *intent, char stem[STEM_BYTES])
{
    unsigned stream;
    const char *first =
        intent->commit.file_count > 0 ? intent->staged[0] : intent->dead_letters_staged;
    if (!intent->is_replacement && sscanf(first, "stream_%4u_", &stream) == 1)
        snprintf(stem, STEM_BYTES, "stream_%u", stream);
    else
        snprintf(stem, STEM_BYTES, "commit_%" PRIu64, intent->commit.commit_no);
}

static const char *find_in_names(const struct intent *intent)
{
    char stem[STEM_BYTES], name[NAME_BYTES];
    const struct catalog_commit *commit = &intent->commit;
    find_stem(intent, stem);
    for (size_t i = 0; i < commit->file_count; i++) {
        snprintf(name, sizeof name, "%s_%zu.parquet" LAKE_IN_PROGRESS_SUFFIX, stem, i);
        if (strcmp(intent->staged[i], name) != 0)
            return "staged";
        if (!is_data_path(commit->files[i].path))
            return "path";
        for (size_t k = 0; k < i; k++)
            if (strcmp(commit->files[k].path, commit->files[i].path) == 0)
                return "path";
    }
    if (intent->dead_letters_staged == NULL)
        return NULL;
    snprintf(name, sizeof name, "%s_dead_letters" LAKE_IN_PROGRESS_SUFFIX, stem);
    if (strcmp(intent->dead_letters_staged, name) != 0)
        return "staged";
    snprintf(name, sizeof name, "dead_letters/commit_%" PRIu64 ".jsonl", commit->commit_no);
    return strcmp(commit->dead_letters_path, name) != 0 ? "path" : NULL;
}

static const char *find_in_statistics(const struct catalog_file *file)
{
    if (file->statistics_count > STATISTICS_MAX)
        return "statistics";
    for (size_t i = 0; i < file->statistics_count; i++) {
        const struct catalog_column_statistics *column = &file->statistics[i];
        if (column->column_id > COLUMN_ID_MAX)
            return "column_id";
        if (!is_count(column->value_count, file->record_count))
            return "value_count";
        if (!is_count(column->null_count, file->record_count))
            return "null_count";
        if (!is_count(column->column_size_bytes, COUNT_MAX))
            return "column_size_bytes";
        if (column->min_value != NULL && strlen(column->min_value) > VALUE_BYTES)
            return "min";
        if (column->max_value != NULL && strlen(column->max_value) > VALUE_BYTES)
            return "max";
    }
    return NULL;
}

static const char *find_in_files(const struct catalog_commit *commit)
{
    int64_t rows = 0;
    for (size_t i = 0; i < commit->file_count; i++) {
        const struct catalog_file *file = &commit->files[i];
        if (!is_count(file->record_count, COUNT_MAX))
            return "record_count";
        if (!is_count(file->file_size_bytes, COUNT_MAX))
            return "file_size_bytes";
        if (!is_count(file->footer_size_bytes, file->file_size_bytes))
            return "footer_size_bytes";
        if (!is_within(file->range, commit->range))
            return "first_ledger";
        const char *fault = find_in_statistics(file);
        if (fault != NULL)
            return fault;
        rows += file->record_count;
    }
    return rows != commit->row_count ? "row_count" : NULL;
}

static const char *find_in_unconfirmed(const struct catalog_commit *commit)
{
    if (commit->unconfirmed_count > INTENT_UNCONFIRMED_MAX)
        return "unconfirmed";
    for (size_t i = 0; i < commit->unconfirmed_count; i++)
        if (!is_within(commit->unconfirmed[i], commit->range) ||
            (i > 0 && commit->unconfirmed[i].first <= commit->unconfirmed[i - 1].last))
            return "unconfirmed";
    return NULL;
}

static const char *find_in_commit(const struct intent *intent)
{
    const struct catalog_commit *commit = &intent->commit;
    struct ledger_range digest = {commit->digest_ledger, commit->digest_ledger};
    if (!is_short(intent->lake_id, LAKE_ID_BYTES))
        return "lake_id";
    if (commit->commit_no > COMMIT_NO_MAX)
        return "commit_no";
    if (commit->range.first == 0)
        return "first_ledger";
    if (!is_short(commit->schema_version, WORD_BYTES))
        return "schema_version";
    if (!is_short(commit->reason, WORD_BYTES))
        return "reason";
    if (commit->digest_ledger != 0 && !is_within(digest, commit->range))
        return "digest_ledger";
    if (!is_time(commit->last_close_us))
        return "last_close_us";
    if (!is_time(commit->committed_us))
        return "committed_us";
    bool has_letters = intent->dead_letters_staged != NULL;
    if (!is_count(commit->dead_letter_count, COUNT_MAX) ||
        (commit->dead_letter_count > 0) != has_letters)
        return "dead_letter_count";
    if (has_letters && !is_count((int64_t)intent->dead_letters_size_bytes, COUNT_MAX))
        return "size_bytes";
    if (!is_count(commit->null_decimal_count, commit->row_count))
        return "null_decimal_count";
    if (!is_count(commit->replaced_memo_count, commit->row_count))
        return "replaced_memo_count";
    return NULL;
}

const char *intent_find_fault(const struct intent *intent)
{
    if (intent_item_count(intent) == 0)
        return "files";
    const char *fault = find_in_commit(intent);
    if (fault == NULL)
        fault = find_in_names(intent);
    if (fault == NULL)
        fault = find_in_files(&intent->commit);
    return fault != NULL ? fault : find_in_unconfirmed(&intent->commit);
}
