// SPDX-License-Identifier: Apache-2.0
#include "sink/provenance.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/json_text.h"

static const char *const names[] = {
    [PROVENANCE_SCHEMA_VERSION] = "version",        [PROVENANCE_DESCRIPTION] = "description",
    [PROVENANCE_CREATED_BY] = "created_by",         [PROVENANCE_LAKE_ID] = "ttp.lake_id",
    [PROVENANCE_NETWORK] = "ttp.network",           [PROVENANCE_COMMIT_NO] = "ttp.commit_no",
    [PROVENANCE_FIRST_LEDGER] = "ttp.first_ledger", [PROVENANCE_LAST_LEDGER] = "ttp.last_ledger",
    [PROVENANCE_COMMIT_FILES] = "ttp.commit_files", [PROVENANCE_FILE_ROWS] = "ttp.file_rows",
    [PROVENANCE_COMMIT_ROWS] = "ttp.commit_rows",   [PROVENANCE_PARTITION] = "ttp.partition",
    [PROVENANCE_COMMITS] = "ttp.commits",
};

size_t provenance_write(struct provenance *provenance,
                        struct parquet_key_value pairs[PROVENANCE_KEY_COUNT])
{
    size_t count = PROVENANCE_KEY_COUNT;
    if (provenance->texts[PROVENANCE_COMMITS] == NULL)
        count = PROVENANCE_COMMITS;
    for (size_t i = 0; i < count; i++) {
        const char *text = provenance->texts[i];
        if (text == NULL) {
            snprintf(provenance->digits[i], sizeof provenance->digits[i], "%" PRId64,
                     provenance->numbers[i]);
            text = provenance->digits[i];
        }
        pairs[i] = (struct parquet_key_value){names[i], text};
    }
    return count;
}

const char *provenance_text(const struct parquet_file_metadata *metadata, enum provenance_key key)
{
    return parquet_metadata_find(metadata, names[key]);
}

bool provenance_number(const struct parquet_file_metadata *metadata, enum provenance_key key,
                       uint64_t limit, uint64_t *number)
{
    const char *text = provenance_text(metadata, key);
    if (text == NULL || text[0] == '\0' || strlen(text) > 19 ||
        strspn(text, "0123456789") != strlen(text))
        return false;
    *number = strtoull(text, NULL, 10);
    return *number <= limit;
}

bool provenance_says(const struct parquet_file_metadata *metadata, enum provenance_key key,
                     const char *text)
{
    const char *found = provenance_text(metadata, key);
    return found != NULL && strcmp(found, text) == 0;
}

bool provenance_says_number(const struct parquet_file_metadata *metadata, enum provenance_key key,
                            uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    return provenance_says(metadata, key, digits);
}

/* ---- the commits of a replacing file: [[number, first, last, rows, files, rows here, number of
 * its dead letters], …] ---- */

#define COMMIT_FIELDS 7

enum error_code provenance_format_commits(const struct provenance_commit *commits, size_t count,
                                          struct buffer *out, struct error *error)
{
    enum error_code code = buffer_append_byte(out, '[');
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct provenance_commit *one = &commits[i];
        code = buffer_append_format(out,
                                    "%s[%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%" PRId64
                                    ",%" PRId64 ",%" PRIu64 "]",
                                    i == 0 ? "" : ",", one->commit_no, one->range.first,
                                    one->range.last, one->row_count, one->file_count,
                                    one->file_rows, one->letters_no);
    }
    if (code == OK)
        code = buffer_append(out, "]", 2);
    return code == OK ? OK : error_no_memory(error, "the commits of a file");
}

static bool read_commit(const json_t *fields, struct provenance_commit *commit)
{
    int64_t numbers[COMMIT_FIELDS];
    if (json_array_size(fields) != COMMIT_FIELDS)
        return false;
    for (size_t i = 0; i < COMMIT_FIELDS; i++) {
        const json_t *field = json_array_get(fields, i);
        numbers[i] = json_integer_value(field);
        if (!json_is_integer(field) || numbers[i] < 0)
            return false;
    }
    if (numbers[0] == 0 || numbers[1] > numbers[2] || numbers[2] > UINT32_MAX || numbers[5] == 0 ||
        numbers[5] > numbers[3] || numbers[4] == 0)
        return false;
    *commit = (struct provenance_commit){.commit_no = (uint64_t)numbers[0],
                                         .range = {(uint32_t)numbers[1], (uint32_t)numbers[2]},
                                         .row_count = numbers[3],
                                         .file_count = numbers[4],
                                         .file_rows = numbers[5],
                                         .letters_no = (uint64_t)numbers[6]};
    return true;
}

enum error_code provenance_parse_commits(const char *text, const char *path, struct buffer *commits,
                                         struct error *error)
{
    json_t *array = NULL;
    json_error_t problem;
    enum error_code code = json_text_load(bytes_view_text(text), 0, &array, &problem);
    size_t count = json_array_size(array);
    bool good = code == OK && count > 0 && count <= PROVENANCE_COMMIT_MAX;
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, path);
    code = OK; /* no JSON is no list of commits */
    uint64_t before = 0;
    for (size_t i = 0; code == OK && good && i < count; i++) {
        struct provenance_commit commit = {0};
        good = read_commit(json_array_get(array, i), &commit) && commit.commit_no > before;
        before = commit.commit_no;
        if (good && buffer_append(commits, &commit, sizeof commit) != OK)
            code = error_no_memory(error, path);
    }
    json_decref(array);
    return code != OK || good
               ? code
               : error_set(error, ERR_CORRUPT,
                           "%s: its metadata do not say which commits' rows it holds", path);
}
