// SPDX-License-Identifier: Apache-2.0
#include "lake/compact_task.h"

#include <inttypes.h>

#include "catalog/own_files.h"
#include "lake/data_file.h"
#include "lake/ledger_order.h"
#include "lake/row_order.h"
#include "util/memory.h"
#include "walk/stored_batches.h"
#include "walk/walk.h"

#define REASON "compaction"
/* Rows of one file that are moved before its size is looked at. */
#define STEP_ROWS 32768

/* A file of the task, and whose rows it holds. */
struct source_file {
    const struct compact_input *input;
    size_t first_commit, commit_count; /* among the task's commits */
};

/* The file that rows are read of. */
struct source_cursor {
    struct lake_data_file file;
    struct parquet_file_metadata metadata;
    bool is_open, has_metadata;
    uint32_t input;
    size_t row_group;
    uint64_t group_first, group_end; /* its rows in the file */
    bool group_is_open;
    uint64_t next_row;
};

struct compaction {
    const struct replacement_setup *setup;
    const struct compact_input *inputs;
    const struct row_schema *schema;
    bool has_ordinals;
    struct source_file *files;
    size_t file_count;
    struct buffer commits; /* struct provenance_commit: of each file its own, by number */
    struct buffer slices;  /* struct row_slice */
    struct stored_batches *batches;
    struct source_cursor cursor;
    struct replacement *replacement;
};

static struct provenance_commit *commit_at(const struct compaction *compaction, size_t index)
{
    return LIST_AT(&compaction->commits, struct provenance_commit, index);
}

/* ---- whose rows ---- */

static enum error_code add_commit(void *context, const struct catalog_file_commit *commit,
                                  struct error *error)
{
    struct compaction *compaction = context;
    struct provenance_commit kept = {.commit_no = commit->commit_no,
                                     .range = commit->range,
                                     .row_count = commit->row_count,
                                     .file_count = commit->file_count,
                                     .file_rows = commit->file_rows};
    return buffer_append(&compaction->commits, &kept, sizeof kept) == OK
               ? OK
               : error_no_memory(error, "the commits of a file");
}

static enum error_code read_commits(struct compaction *compaction, struct source_file *file,
                                    const struct compact_plan *plan, struct error *error)
{
    const struct compact_input *input = file->input;
    enum error_code code = OK;
    file->first_commit = LIST_COUNT(&compaction->commits, struct provenance_commit);
    for (size_t i = 0; code == OK && i < input->commit_count; i++)
        code = add_commit(
            compaction,
            LIST_AT(&plan->commits, struct catalog_file_commit, input->first_commit + i), error);
    if (code == OK && !input->is_adopted)
        code = catalog_each_file_commit(compaction->setup->catalog, input->data_file_id, add_commit,
                                        compaction, error);
    file->commit_count =
        LIST_COUNT(&compaction->commits, struct provenance_commit) - file->first_commit;
    return code;
}

/* The commit whose ledger it is: where several have it, it had brought nothing to all but the
 * latest. NULL: none of the file's. */
static struct provenance_commit *owner_of(const struct compaction *compaction,
                                          const struct source_file *file, uint32_t ledger)
{
    for (size_t i = file->commit_count; i > 0; i--) {
        struct provenance_commit *commit = commit_at(compaction, file->first_commit + i - 1);
        if (ledger >= commit->range.first && ledger <= commit->range.last)
            return commit;
    }
    return NULL;
}

/* Holds the rows that a file has of each commit against what the catalog says. */
static enum error_code count_rows(struct compaction *compaction, const struct source_file *file,
                                  size_t first_slice, struct error *error)
{
    size_t count = LIST_COUNT(&compaction->slices, struct row_slice);
    int64_t *rows = mem_alloc_zero(file->commit_count + 1, sizeof *rows);
    enum error_code code = rows == NULL ? error_no_memory(error, "the commits of a file") : OK;
    for (size_t i = first_slice; code == OK && i < count; i++) {
        const struct row_slice *slice = LIST_AT(&compaction->slices, struct row_slice, i);
        const struct provenance_commit *owner = owner_of(compaction, file, slice->ledger);
        if (owner == NULL)
            code = error_set(error, ERR_CORRUPT,
                             "%s has rows of ledger %" PRIu32
                             ", and no commit that the catalog knows of it brought them",
                             file->input->path, slice->ledger);
        else
            rows[owner - commit_at(compaction, file->first_commit)] += slice->row_count;
    }
    for (size_t i = 0; code == OK && i < file->commit_count; i++) {
        struct provenance_commit *commit = commit_at(compaction, file->first_commit + i);
        if (!file->input->is_adopted && rows[i] != commit->file_rows)
            code = error_set(error, ERR_CORRUPT,
                             "%s has %" PRId64 " rows of commit %" PRIu64
                             ", the catalog says %" PRId64,
                             file->input->path, rows[i], commit->commit_no, commit->file_rows);
    }
    mem_free(rows);
    return code;
}

/* ---- looking at the files ---- */

static enum error_code check_facts(const struct compact_input *input,
                                   const struct parquet_source *source, struct parquet_walk *walk,
                                   struct error *error)
{
    uint64_t checksum = input->checksum;
    enum error_code code = OK;
    if (input->checksum != 0)
        code = parquet_walk_checksum(walk, &checksum, error);
    if (code == OK &&
        (source->size_bytes != (uint64_t)input->file_size_bytes || checksum != input->checksum))
        return error_set(error, ERR_CORRUPT, "%s changed since it was committed", input->path);
    return code;
}

static enum error_code walk_file(struct compaction *compaction, const struct compact_input *input,
                                 const struct parquet_source *source, struct file_rows *rows,
                                 struct error *error)
{
    struct parquet_walk walk;
    struct parquet_visitor visitor;
    const struct file_rows_wish wish = {.times = true, .ordinals = compaction->has_ordinals};
    enum error_code code = parquet_walk_begin(&walk, source, input->checksum != 0, error);
    if (code == OK)
        code = file_rows_begin(rows, &walk, &wish, &visitor, error);
    if (code == OK)
        code = parquet_walk_run(&walk, PARQUET_VERIFY_FOOTER, input->record_count, &visitor, error);
    if (code == OK)
        code = file_rows_end(rows, error);
    if (code == OK)
        code = check_facts(input, source, &walk, error);
    parquet_walk_end(&walk);
    return code;
}

/* Every row lies in the partition. */
static enum error_code check_partition(const struct compaction *compaction,
                                       const struct compact_input *input, size_t first_slice,
                                       struct error *error)
{
    for (size_t i = first_slice; i < LIST_COUNT(&compaction->slices, struct row_slice); i++) {
        const struct row_slice *slice = LIST_AT(&compaction->slices, struct row_slice, i);
        struct partition_key key =
            partition_key_of(compaction->setup->scheme, slice->time_us, input->key.type);
        if (!partition_key_equal(key, input->key))
            return error_set(error, ERR_CORRUPT,
                             "%s has rows of ledger %" PRIu32 ", which belong into another "
                             "partition",
                             input->path, slice->ledger);
    }
    return OK;
}

static enum error_code look_at(struct compaction *compaction, const struct source_file *file,
                               struct error *error)
{
    struct lake_data_file data_file;
    struct file_rows rows;
    const struct compact_input *input = file->input;
    size_t first_slice = LIST_COUNT(&compaction->slices, struct row_slice);
    file_rows_init(&rows);
    enum error_code code =
        lake_data_file_open(&data_file, compaction->setup->store->root, input->path, error);
    if (code == ERR_NOT_FOUND)
        code = error_set(error, ERR_CORRUPT, "%s is not there", input->path);
    if (code == OK)
        code = walk_file(compaction, input, &data_file.source, &rows, error);
    if (code == OK)
        code = row_order_add(&compaction->slices, (uint32_t)(file - compaction->files), &rows,
                             compaction->has_ordinals, input->path, error);
    if (code == OK)
        code = check_partition(compaction, input, first_slice, error);
    if (code == OK)
        code = count_rows(compaction, file, first_slice, error);
    file_rows_release(&rows);
    lake_data_file_release(&data_file);
    return code;
}

/* ---- moving rows ---- */

static void cursor_close(struct source_cursor *cursor)
{
    if (cursor->has_metadata)
        parquet_metadata_release(&cursor->metadata);
    if (cursor->is_open)
        lake_data_file_release(&cursor->file);
    *cursor = (struct source_cursor){0};
}

static enum error_code cursor_open(struct compaction *compaction, uint32_t input,
                                   struct error *error)
{
    struct source_cursor *cursor = &compaction->cursor;
    cursor_close(cursor);
    cursor->input = input;
    cursor->is_open = true;
    enum error_code code = lake_data_file_open(&cursor->file, compaction->setup->store->root,
                                               compaction->files[input].input->path, error);
    if (code == OK)
        code = parquet_metadata_read(&cursor->file.source, &cursor->metadata, error);
    cursor->has_metadata = code == OK;
    return code;
}

/* Makes the row group that has the row the open one, with nothing of it read beyond the row. */
static enum error_code cursor_seek(struct compaction *compaction, uint32_t input, uint64_t row,
                                   struct error *error)
{
    struct source_cursor *cursor = &compaction->cursor;
    enum error_code code = OK;
    if (!cursor->is_open || cursor->input != input)
        code = cursor_open(compaction, input, error);
    if (code != OK || (cursor->group_is_open && row >= cursor->next_row && row < cursor->group_end))
        return code;
    size_t group = 0;
    uint64_t first = 0;
    while (group < cursor->metadata.row_group_count &&
           row >= first + (uint64_t)cursor->metadata.row_groups[group].row_count)
        first += (uint64_t)cursor->metadata.row_groups[group++].row_count;
    if (group == cursor->metadata.row_group_count)
        return error_set(error, ERR_CORRUPT, "%s ends before its rows do",
                         compaction->files[input].input->path);
    cursor->row_group = group;
    cursor->group_first = cursor->next_row = first;
    cursor->group_end = first + (uint64_t)cursor->metadata.row_groups[group].row_count;
    cursor->group_is_open = true;
    return stored_batches_open(compaction->batches, &cursor->file.source, &cursor->metadata, group,
                               error);
}

static enum error_code move_rows(struct compaction *compaction, const struct row_slice *first,
                                 uint64_t row_count, struct error *error)
{
    struct source_cursor *cursor = &compaction->cursor;
    enum error_code code = OK;
    for (uint64_t row = first->first_row, end = row + row_count; code == OK && row < end;) {
        const struct ArrowArray *rows = NULL;
        code = cursor_seek(compaction, first->input, row, error);
        if (code != OK)
            return code;
        uint64_t most = end < cursor->group_end ? end : cursor->group_end;
        code = stored_batches_read(compaction->batches, (int64_t)(row - cursor->group_first),
                                   (int64_t)(most - row), &rows, error);
        if (code == OK)
            code = replacement_append(compaction->replacement, rows, first->time_us, error);
        if (code == OK)
            cursor->next_row = row += (uint64_t)rows->length;
    }
    return code;
}

/* The end of a step: slices that stand one behind the other in a file, not too many rows. */
static size_t step_end(const struct compaction *compaction, size_t first, uint64_t *row_count)
{
    const struct row_slice *slices = (const void *)compaction->slices.data;
    size_t count = LIST_COUNT(&compaction->slices, struct row_slice), end = first + 1;
    *row_count = slices[first].row_count;
    while (end < count && *row_count + slices[end].row_count <= STEP_ROWS &&
           slices[end].input == slices[first].input &&
           slices[end].first_row == slices[first].first_row + *row_count)
        *row_count += slices[end++].row_count;
    return end;
}

static enum error_code count_step(struct compaction *compaction, size_t first, size_t end,
                                  struct error *error)
{
    enum error_code code = OK;
    for (size_t i = first; code == OK && i < end; i++) {
        const struct row_slice *slice = LIST_AT(&compaction->slices, struct row_slice, i);
        struct provenance_commit commit =
            *owner_of(compaction, &compaction->files[slice->input], slice->ledger);
        commit.file_rows = slice->row_count;
        code = replacement_count(compaction->replacement, &commit, error);
    }
    return code;
}

static enum error_code write_all(struct compaction *compaction, struct error *error)
{
    const struct row_slice *slices = (const void *)compaction->slices.data;
    size_t count = LIST_COUNT(&compaction->slices, struct row_slice);
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count;) {
        uint64_t row_count;
        size_t end = step_end(compaction, i, &row_count);
        code = move_rows(compaction, &slices[i], row_count, error);
        if (code == OK)
            code = count_step(compaction, i, end, error);
        if (code == OK && (end == count || slices[end].ledger != slices[end - 1].ledger))
            code = replacement_end_ledger(compaction->replacement, error);
        i = end;
    }
    return code;
}

/* ---- all of it ---- */

static enum error_code prepare(struct compaction *compaction, const struct compact_plan *plan,
                               struct error *error)
{
    compaction->files = mem_alloc_zero(compaction->file_count, sizeof *compaction->files);
    enum error_code code =
        compaction->files == NULL ? error_no_memory(error, "a compaction's files") : OK;
    for (size_t i = 0; code == OK && i < compaction->file_count; i++) {
        compaction->files[i].input = &compaction->inputs[i];
        /* Nothing is written or moved behind a link: said before the work is done. */
        code = store_check_way(compaction->setup->store, compaction->inputs[i].path, error);
        if (code == OK)
            code = read_commits(compaction, &compaction->files[i], plan, error);
        if (code == OK)
            code = look_at(compaction, &compaction->files[i], error);
    }
    if (code == OK)
        code = row_order_sort(&compaction->slices, compaction->has_ordinals, error);
    return code == OK ? stored_batches_new(&compaction->batches, compaction->schema, error) : code;
}

static enum error_code publish(struct compaction *compaction, struct replacement_report *report,
                               struct error *error)
{
    int64_t *ended = mem_alloc(compaction->file_count * sizeof *ended);
    if (ended == NULL)
        return error_no_memory(error, "a compaction's files");
    for (size_t i = 0; i < compaction->file_count; i++)
        ended[i] = compaction->inputs[i].data_file_id;
    enum error_code code =
        replacement_publish(compaction->replacement, ended, compaction->file_count, report, error);
    mem_free(ended);
    return code;
}

enum error_code compact_task_run(const struct replacement_setup *setup,
                                 const struct compact_plan *plan, const struct compact_task *task,
                                 struct replacement_report *report, struct error *error)
{
    const struct compact_input *inputs = LIST_AT(&plan->inputs, struct compact_input, task->first);
    struct compaction compaction = {.setup = setup,
                                    .inputs = inputs,
                                    .file_count = task->count,
                                    .schema = inputs->schema,
                                    .has_ordinals = ledger_schema_has_ordinals(inputs->schema)};
    enum error_code code = prepare(&compaction, plan, error);
    if (code == OK)
        code = replacement_new(&compaction.replacement, setup, inputs->schema, inputs->key, REASON,
                               error);
    if (code == OK)
        code = write_all(&compaction, error);
    cursor_close(&compaction.cursor);
    if (code == OK)
        code = publish(&compaction, report, error);
    replacement_free(compaction.replacement);
    stored_batches_free(compaction.batches);
    buffer_release(&compaction.commits);
    buffer_release(&compaction.slices);
    mem_free(compaction.files);
    return code;
}
