// SPDX-License-Identifier: Apache-2.0
#include "care/compact_adopt.h"

#include "catalog/history.h"
#include "catalog/own_files.h"
#include "lake/data_file.h"
#include "lake/file_partition.h"

/* Appends the commits of the group whose rows the file may hold; *schema gets theirs, NULL where
 * they have several. */
static enum error_code list_commits(struct compact_plan *plan, const struct inventory *inventory,
                                    const struct foreign *foreign, size_t group,
                                    struct compact_input *input, struct error *error)
{
    input->first_commit = LIST_COUNT(&plan->commits, struct catalog_file_commit);
    for (size_t i = 0; i < LIST_COUNT(&inventory->commits, struct inventory_commit); i++) {
        const struct inventory_commit *commit =
            LIST_AT(&inventory->commits, struct inventory_commit, i);
        if (foreign->of_commit[i] != group || !ledger_ranges_overlap(commit->range, input->range))
            continue;
        struct catalog_file_commit one = {
            .commit_no = commit->commit_no,
            .range = commit->range,
            .row_count = commit->row_count,
            .file_count = commit->file_count,
            .letters_no = catalog_dead_letters_number(commit->dead_letters_path)};
        if (buffer_append(&plan->commits, &one, sizeof one) != OK)
            return error_no_memory(error, "the commits of a file");
        input->schema =
            input->commit_count == 0 || input->schema == commit->schema ? commit->schema : NULL;
        input->commit_count++;
    }
    return OK;
}

/* Whether the file's rows are of one partition, which *key gets. */
static enum error_code find_partition(const struct compact_plan *plan, const char *root,
                                      struct compact_input *input, bool *found, struct error *error)
{
    struct lake_data_file file;
    struct parquet_file_metadata metadata;
    struct error unreadable;
    int64_t last_us;
    *found = false;
    enum error_code code = lake_data_file_open(&file, root, input->path, &unreadable);
    if (code == OK)
        code = parquet_metadata_read(&file.source, &metadata, &unreadable);
    if (code == OK) {
        *found = file_partition_find(plan->scheme, &metadata, &input->key, &last_us);
        parquet_metadata_release(&metadata);
    }
    lake_data_file_release(&file);
    return code == ERR_NO_MEMORY ? error_no_memory(error, input->path) : OK;
}

static enum error_code adopt_file(struct compact_plan *plan, const char *root,
                                  const struct inventory *inventory, const struct foreign *foreign,
                                  size_t index, struct error *error)
{
    const struct inventory_file *file = LIST_AT(&inventory->files, struct inventory_file, index);
    struct compact_input input = {.data_file_id = file->data_file_id,
                                  .record_count = file->record_count,
                                  .file_size_bytes = file->file_size_bytes,
                                  .checksum = file->checksum,
                                  .range = file->range,
                                  .is_adopted = true};
    bool found = false;
    enum error_code code = OK;
    input.path = arena_copy_text(&plan->arena, bytes_view_text(file->path));
    if (input.path == NULL)
        return error_no_memory(error, "the list of files");
    code = list_commits(plan, inventory, foreign, foreign->of_file[index], &input, error);
    if (code == OK && input.schema != NULL)
        code = find_partition(plan, root, &input, &found, error);
    if (code != OK || !found)
        return code;
    return buffer_append(&plan->inputs, &input, sizeof input) == OK
               ? OK
               : error_no_memory(error, "the list of files");
}

enum error_code compact_adopt(struct compact_plan *plan, const char *root,
                              const struct inventory *inventory, const struct foreign *foreign,
                              struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&inventory->files, struct inventory_file);
         i++) {
        const struct inventory_file *file = LIST_AT(&inventory->files, struct inventory_file, i);
        size_t group = foreign->of_file[i];
        if (group != FOREIGN_NONE && file->commit_no == 0 && foreign->groups[group].is_merged &&
            file->has_range && file->path[0] != '/')
            code = adopt_file(plan, root, inventory, foreign, i, error);
    }
    return code;
}
