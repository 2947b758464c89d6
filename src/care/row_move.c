// SPDX-License-Identifier: Apache-2.0
#include "care/row_move.h"

#include <inttypes.h>
#include <stdlib.h>

#include "catalog/own_files.h"
#include "lake/ledger_order.h"
#include "care/row_order.h"
#include "util/memory.h"
#include "walk/walk.h"

/* Rows of one file that are moved before its size is looked at. */
#define STEP_ROWS 32768
/* The mark of a slice's input that is none of the files, but an array of new rows. */
#define NEW_ROWS (UINT32_C(1) << 31)

static struct moved_file *file_at(const struct row_move *move, uint32_t index)
{
    return LIST_AT(&move->files, struct moved_file, index);
}

static struct provenance_commit *commit_at(const struct row_move *move, size_t index)
{
    return LIST_AT(&move->commits, struct provenance_commit, index);
}

/* ---- whose rows ---- */

static enum error_code add_commit(void *context, const struct catalog_file_commit *commit,
                                  struct error *error)
{
    struct row_move *move = context;
    struct provenance_commit kept = {.commit_no = commit->commit_no,
                                     .range = commit->range,
                                     .row_count = commit->row_count,
                                     .file_count = commit->file_count,
                                     .file_rows = commit->file_rows,
                                     .letters_no = commit->letters_no};
    if (move->insertion != NULL && commit->commit_no == move->insertion->commit->commit_no) {
        kept = *move->insertion->commit;
        kept.file_rows = commit->file_rows;
    }
    return buffer_append(&move->commits, &kept, sizeof kept) == OK
               ? OK
               : error_no_memory(error, "the commits of a file");
}

static enum error_code read_commits(struct row_move *move, struct moved_file *file,
                                    const struct compact_plan *plan, struct error *error)
{
    const struct compact_input *input = file->input;
    enum error_code code = OK;
    file->first_commit = LIST_COUNT(&move->commits, struct provenance_commit);
    for (size_t i = 0; code == OK && i < input->commit_count; i++)
        code = add_commit(
            move, LIST_AT(&plan->commits, struct catalog_file_commit, input->first_commit + i),
            error);
    if (code == OK && !input->is_adopted)
        code = catalog_each_file_commit(move->setup->catalog, input->data_file_id, add_commit, move,
                                        error);
    file->commit_count = LIST_COUNT(&move->commits, struct provenance_commit) - file->first_commit;
    return code;
}

/* The commit whose ledger it is: where several have it, it had brought nothing to all but the
 * latest. NULL: none of the file's. */
static struct provenance_commit *owner_of(const struct row_move *move,
                                          const struct moved_file *file, uint32_t ledger)
{
    for (size_t i = file->commit_count; i > 0; i--) {
        struct provenance_commit *commit = commit_at(move, file->first_commit + i - 1);
        if (ledger >= commit->range.first && ledger <= commit->range.last)
            return commit;
    }
    return NULL;
}

/* Holds the rows that a file has of each commit against what the catalog says. */
static enum error_code count_rows(struct row_move *move, const struct moved_file *file,
                                  size_t first_slice, struct error *error)
{
    size_t count = LIST_COUNT(&move->slices, struct row_slice);
    int64_t *rows = mem_alloc_zero(file->commit_count + 1, sizeof *rows);
    enum error_code code = rows == NULL ? error_no_memory(error, "the commits of a file") : OK;
    for (size_t i = first_slice; code == OK && i < count; i++) {
        const struct row_slice *slice = LIST_AT(&move->slices, struct row_slice, i);
        const struct provenance_commit *owner = owner_of(move, file, slice->ledger);
        if (owner == NULL)
            code = error_set(error, ERR_CORRUPT,
                             "%s has rows of ledger %" PRIu32
                             ", and no commit that the catalog knows of it brought them",
                             file->input->path, slice->ledger);
        else
            rows[owner - commit_at(move, file->first_commit)] += slice->row_count;
    }
    for (size_t i = 0; code == OK && i < file->commit_count; i++) {
        struct provenance_commit *commit = commit_at(move, file->first_commit + i);
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

static enum error_code walk_file(struct row_move *move, const struct compact_input *input,
                                 const struct parquet_source *source, struct file_rows *rows,
                                 struct error *error)
{
    struct parquet_walk walk;
    struct parquet_visitor visitor;
    const struct file_rows_wish wish = {.times = true, .ordinals = move->has_ordinals};
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
static enum error_code check_partition(const struct row_move *move,
                                       const struct compact_input *input, size_t first_slice,
                                       struct error *error)
{
    for (size_t i = first_slice; i < LIST_COUNT(&move->slices, struct row_slice); i++) {
        const struct row_slice *slice = LIST_AT(&move->slices, struct row_slice, i);
        struct partition_key key =
            partition_key_of(move->setup->scheme, slice->time_us, input->key.type);
        if (!partition_key_equal(key, input->key))
            return error_set(error, ERR_CORRUPT,
                             "%s has rows of ledger %" PRIu32 ", which belong into another "
                             "partition",
                             input->path, slice->ledger);
    }
    return OK;
}

static int compare_ledgers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static bool is_inserted_into(const struct row_insertion *insertion, uint32_t ledger)
{
    return insertion->ledger_count > 0 &&
           bsearch(&ledger, insertion->ledgers, insertion->ledger_count, sizeof ledger,
                   compare_ledgers) != NULL;
}

/* The rows of a ledger one by one, each with its own place, so that others fit between them. */
static enum error_code part_slice(struct row_move *move, const struct row_slice *slice,
                                  const struct file_rows *rows, uint32_t *index,
                                  struct error *error)
{
    const struct row_insertion *insertion = move->insertion;
    const uint32_t *ordinals = (const void *)rows->ordinals.data;
    for (uint32_t i = 0; i < slice->row_count; i++) {
        struct row_slice one = *slice;
        one.first_row += i;
        one.row_count = 1;
        one.first_ordinal = one.last_ordinal =
            move->has_ordinals
                ? ordinals[one.first_row]
                : insertion->find_ordinal(insertion->context, slice->ledger, (*index)++);
        if (buffer_append(&move->slices, &one, sizeof one) != OK)
            return error_no_memory(error, "the order of rows");
    }
    return OK;
}

static enum error_code part_slices(struct row_move *move, size_t first_slice,
                                   const struct file_rows *rows, struct error *error)
{
    size_t count = LIST_COUNT(&move->slices, struct row_slice) - first_slice;
    uint32_t ledger = 0, index = 0; /* of the ledger's rows */
    struct buffer whole;
    buffer_init(&whole);
    enum error_code code = OK;
    if (count > 0 && buffer_append(&whole, LIST_AT(&move->slices, struct row_slice, first_slice),
                                   count * sizeof(struct row_slice)) != OK)
        code = error_no_memory(error, "the order of rows");
    if (code == OK)
        move->slices.size_bytes = first_slice * sizeof(struct row_slice);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct row_slice *slice = LIST_AT(&whole, struct row_slice, i);
        index = slice->ledger == ledger ? index : 0;
        ledger = slice->ledger;
        if (is_inserted_into(move->insertion, ledger))
            code = part_slice(move, slice, rows, &index, error);
        else if (buffer_append(&move->slices, slice, sizeof *slice) != OK)
            code = error_no_memory(error, "the order of rows");
    }
    buffer_release(&whole);
    return code;
}

static enum error_code look_at(struct row_move *move, const struct moved_file *file,
                               struct error *error)
{
    struct lake_data_file data_file;
    struct file_rows rows;
    const struct compact_input *input = file->input;
    size_t first_slice = LIST_COUNT(&move->slices, struct row_slice);
    file_rows_init(&rows);
    enum error_code code =
        lake_data_file_open(&data_file, move->setup->store->root, input->path, error);
    if (code == ERR_NOT_FOUND)
        code = error_set(error, ERR_CORRUPT, "%s is not there", input->path);
    if (code == OK)
        code = walk_file(move, input, &data_file.source, &rows, error);
    if (code == OK)
        code = row_order_add(&move->slices,
                             (uint32_t)(LIST_COUNT(&move->files, struct moved_file) - 1), &rows,
                             move->has_ordinals, input->path, error);
    if (code == OK)
        code = check_partition(move, input, first_slice, error);
    if (code == OK)
        code = count_rows(move, file, first_slice, error);
    if (code == OK && move->insertion != NULL)
        code = part_slices(move, first_slice, &rows, error);
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

static enum error_code cursor_open(struct row_move *move, uint32_t input, struct error *error)
{
    struct source_cursor *cursor = &move->cursor;
    cursor_close(cursor);
    cursor->input = input;
    cursor->is_open = true;
    enum error_code code = lake_data_file_open(&cursor->file, move->setup->store->root,
                                               file_at(move, input)->input->path, error);
    if (code == OK)
        code = parquet_metadata_read(&cursor->file.source, &cursor->metadata, error);
    cursor->has_metadata = code == OK;
    return code;
}

/* Makes the row group that has the row the open one, with nothing of it read beyond the row. */
static enum error_code cursor_seek(struct row_move *move, uint32_t input, uint64_t row,
                                   struct error *error)
{
    struct source_cursor *cursor = &move->cursor;
    enum error_code code = OK;
    if (!cursor->is_open || cursor->input != input)
        code = cursor_open(move, input, error);
    if (code != OK || (cursor->group_is_open && row >= cursor->next_row && row < cursor->group_end))
        return code;
    size_t group = 0;
    uint64_t first = 0;
    while (group < cursor->metadata.row_group_count &&
           row >= first + (uint64_t)cursor->metadata.row_groups[group].row_count)
        first += (uint64_t)cursor->metadata.row_groups[group++].row_count;
    if (group == cursor->metadata.row_group_count)
        return error_set(error, ERR_CORRUPT, "%s ends before its rows do",
                         file_at(move, input)->input->path);
    cursor->row_group = group;
    cursor->group_first = cursor->next_row = first;
    cursor->group_end = first + (uint64_t)cursor->metadata.row_groups[group].row_count;
    cursor->group_is_open = true;
    return stored_batches_open(move->batches, &cursor->file.source, &cursor->metadata, group,
                               error);
}

/* Rows that lie in no file yet. */
static enum error_code append_new_rows(struct row_move *move, struct replacement *replacement,
                                       const struct row_slice *first, uint64_t row_count,
                                       struct error *error)
{
    struct ArrowArray rows = *LIST_AT(&move->new_rows, struct ArrowArray, first->input & ~NEW_ROWS);
    rows.offset += (int64_t)first->first_row;
    rows.length = (int64_t)row_count;
    return replacement_append(replacement, &rows, first->time_us, error);
}

static enum error_code move_rows(struct row_move *move, struct replacement *replacement,
                                 const struct row_slice *first, uint64_t row_count,
                                 struct error *error)
{
    struct source_cursor *cursor = &move->cursor;
    if ((first->input & NEW_ROWS) != 0)
        return append_new_rows(move, replacement, first, row_count, error);
    enum error_code code = OK;
    for (uint64_t row = first->first_row, end = row + row_count; code == OK && row < end;) {
        const struct ArrowArray *rows = NULL;
        code = cursor_seek(move, first->input, row, error);
        if (code != OK)
            return code;
        uint64_t most = end < cursor->group_end ? end : cursor->group_end;
        code = stored_batches_read(move->batches, (int64_t)(row - cursor->group_first),
                                   (int64_t)(most - row), &rows, error);
        if (code == OK)
            code = replacement_append(replacement, rows, first->time_us, error);
        if (code == OK)
            cursor->next_row = row += (uint64_t)rows->length;
    }
    return code;
}

/* The end of a step: slices that stand one behind the other in a file, not too many rows. */
static size_t step_end(const struct row_move *move, size_t first, uint64_t *row_count)
{
    const struct row_slice *slices = (const void *)move->slices.data;
    size_t count = LIST_COUNT(&move->slices, struct row_slice), end = first + 1;
    *row_count = slices[first].row_count;
    while (end < count && *row_count + slices[end].row_count <= STEP_ROWS &&
           slices[end].input == slices[first].input &&
           slices[end].first_row == slices[first].first_row + *row_count)
        *row_count += slices[end++].row_count;
    return end;
}

static enum error_code count_step(struct row_move *move, struct replacement *replacement,
                                  size_t first, size_t end, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = first; code == OK && i < end; i++) {
        const struct row_slice *slice = LIST_AT(&move->slices, struct row_slice, i);
        struct provenance_commit commit =
            (slice->input & NEW_ROWS) != 0
                ? *move->insertion->commit
                : *owner_of(move, file_at(move, slice->input), slice->ledger);
        commit.file_rows = slice->row_count;
        code = replacement_count(replacement, &commit, error);
    }
    return code;
}

static enum error_code write_slices(struct row_move *move, struct replacement *replacement,
                                    struct error *error)
{
    const struct row_slice *slices = (const void *)move->slices.data;
    size_t count = LIST_COUNT(&move->slices, struct row_slice);
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count;) {
        uint64_t row_count;
        size_t end = step_end(move, i, &row_count);
        code = move_rows(move, replacement, &slices[i], row_count, error);
        if (code == OK)
            code = count_step(move, replacement, i, end, error);
        if (code == OK && (end == count || slices[end].ledger != slices[end - 1].ledger))
            code = replacement_end_ledger(replacement, error);
        i = end;
    }
    return code;
}

/* ---- all of it ---- */

void row_move_init(struct row_move *move, const struct replacement_setup *setup,
                   const struct row_schema *schema, const struct row_insertion *insertion)
{
    *move = (struct row_move){.setup = setup,
                              .schema = schema,
                              .insertion = insertion,
                              .has_ordinals = ledger_schema_has_ordinals(schema)};
}

void row_move_release(struct row_move *move)
{
    cursor_close(&move->cursor);
    stored_batches_free(move->batches);
    buffer_release(&move->files);
    buffer_release(&move->commits);
    buffer_release(&move->slices);
    buffer_release(&move->new_rows);
}

enum error_code row_move_add_file(struct row_move *move, const struct compact_plan *plan,
                                  const struct compact_input *input, struct error *error)
{
    struct moved_file file = {.input = input};
    /* Nothing is written or moved behind a link: said before the work is done. */
    enum error_code code = store_check_way(move->setup->store, input->path, error);
    if (code == OK)
        code = read_commits(move, &file, plan, error);
    if (code == OK && buffer_append(&move->files, &file, sizeof file) != OK)
        code = error_no_memory(error, "the files whose rows move");
    return code == OK ? look_at(move, &file, error) : code;
}

enum error_code row_move_add_rows(struct row_move *move, const struct ArrowArray *rows,
                                  const struct row_place *places, struct error *error)
{
    uint32_t input = NEW_ROWS | (uint32_t)LIST_COUNT(&move->new_rows, struct ArrowArray);
    enum error_code code = buffer_append(&move->new_rows, rows, sizeof *rows);
    for (int64_t i = 0; code == OK && i < rows->length; i++) {
        struct row_slice slice = {.input = input,
                                  .ledger = places[i].ledger,
                                  .first_row = (uint64_t)i,
                                  .row_count = 1,
                                  .first_ordinal = places[i].ordinal,
                                  .last_ordinal = places[i].ordinal,
                                  .time_us = places[i].time_us};
        code = buffer_append(&move->slices, &slice, sizeof slice);
    }
    return code == OK ? OK : error_no_memory(error, "rows that are new");
}

enum error_code row_move_write(struct row_move *move, struct replacement *replacement,
                               struct error *error)
{
    enum error_code code = row_order_sort(&move->slices, move->has_ordinals, error);
    if (code == OK && move->batches == NULL)
        code = stored_batches_new(&move->batches, move->schema, error);
    if (code == OK)
        code = write_slices(move, replacement, error);
    cursor_close(&move->cursor);
    return code;
}
