// SPDX-License-Identifier: Apache-2.0
#include "care/rebuild_commit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/layout.h"
#include "lake/data_file.h"
#include "lake/dead_letters.h"
#include "lake/file_partition.h"
#include "walk/file_facts.h"
#include "walk/file_rows.h"
#include "walk/row_scan.h"
#include "lake/inventory.h"
#include "lake/ledger_order.h"
#include "os/clock.h"
#include "sink/statistics.h"
#include "util/memory.h"

#define FAULT_BYTES    512
#define REBUILT_REASON "rebuild"

/* What is gathered of a commit while its files are walked. */
struct gathering {
    const char *root;
    enum partitioning_scheme scheme;
    const struct found_file *files;
    size_t file_count;
    const struct row_schema *schema;
    bool has_ordinals;
    struct arena *arena; /* of what is given out */
    struct arena scratch;
    struct buffer ledgers;  /* uint32_t: with events, repetitions next to each other left out */
    struct buffer ordinals; /* uint64_t */
    struct buffer letters;  /* struct stored_letter */
    struct file_rows *rows; /* of each file its newest ledger's */
    bool keeps_runs;        /* and where its ledgers stand */
    const struct commit_parts *parts;
    struct rebuilt_commit *rebuilt;
};

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "a commit that is made anew");
}

/* The commit is not whole. */
static enum error_code PRINTF_LIKE(3, 4)
    set_fault(struct gathering *gathering, struct error *error, const char *format, ...)
{
    char text[FAULT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    gathering->rebuilt->fault = arena_copy_text(gathering->arena, bytes_view_text(text));
    return gathering->rebuilt->fault == NULL ? no_memory(error) : OK;
}

/* A file that can't be read as what it should be makes a fault of the commit; other errors end the
 * rebuild. */
static enum error_code fault_of_error(struct gathering *gathering, enum error_code code,
                                      struct error *error)
{
    if (code != ERR_CORRUPT && code != ERR_INVALID && code != ERR_LIMIT)
        return code;
    char message[ERROR_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", error->message);
    error_clear(error);
    return set_fault(gathering, error, "%s", message);
}

/* ---- a file's description ---- */

static enum error_code describe_statistics(struct gathering *gathering,
                                           const struct parquet_file_metadata *metadata,
                                           struct catalog_file *file, struct error *error)
{
    const struct row_schema *schema = gathering->schema;
    struct catalog_column_statistics *columns =
        arena_alloc(gathering->arena, schema->column_count * sizeof *columns);
    if (columns == NULL)
        return no_memory(error);
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < schema->column_count; i++) {
        int index = parquet_metadata_column(metadata, schema->columns[i].name);
        if (index < 0)
            return error_set(error, ERR_CORRUPT, "%s has no column %s", file->path,
                             schema->columns[i].name);
        struct parquet_column_statistics facts = file_facts_column(metadata, (size_t)index);
        code = statistics_to_catalog(&schema->columns[i], &facts, gathering->arena, &columns[i],
                                     error);
        if (schema->columns[i].id == COLUMN_AMOUNT_DECIMAL)
            gathering->rebuilt->commit.null_decimal_count += facts.null_count;
    }
    file->statistics = columns;
    file->statistics_count = schema->column_count;
    return code;
}

static struct parquet_column_statistics facts_of(const struct parquet_file_metadata *metadata,
                                                 const char *column)
{
    int index = parquet_metadata_column(metadata, column);
    return index < 0 ? (struct parquet_column_statistics){0}
                     : file_facts_column(metadata, (size_t)index);
}

static enum error_code describe_partition(struct gathering *gathering,
                                          const struct parquet_file_metadata *metadata,
                                          const struct found_file *found, struct catalog_file *file,
                                          struct error *error)
{
    struct partition_key key;
    char label[PARTITION_PATH_BYTES], folder[PARTITION_PATH_BYTES];
    char values[PARTITION_TRANSFORM_MAX][32];
    int64_t last_us;
    unsigned count;
    if (!file_partition_find(gathering->scheme, metadata, &key, &last_us))
        return set_fault(gathering, error, "%s has rows of several partitions", found->path);
    partition_label(gathering->scheme, key, label);
    partition_directory(gathering->scheme, key, folder);
    const char *slash = strrchr(found->path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - found->path);
    if (strcmp(label, found->partition) != 0 || strlen(folder) != length ||
        strncmp(folder, found->path, length) != 0)
        return set_fault(gathering, error, "%s does not lie where its rows belong (%s)",
                         found->path, label);
    if (last_us > gathering->rebuilt->commit.last_close_us)
        gathering->rebuilt->commit.last_close_us = last_us;
    partition_transforms(gathering->scheme, &count);
    partition_values(gathering->scheme, key, values);
    for (unsigned i = 0; i < count; i++) {
        file->partition_values[i] = arena_copy_text(gathering->arena, bytes_view_text(values[i]));
        if (file->partition_values[i] == NULL)
            return no_memory(error);
    }
    return OK;
}

/* ---- rows ---- */

/* The ledgers of a file's rows. */
static enum error_code add_ledgers(struct gathering *gathering, const struct file_rows *rows,
                                   struct catalog_file *file, struct error *error)
{
    struct ledger_range range = gathering->rebuilt->commit.range;
    const uint32_t *indices = (const void *)rows->ordinals.data;
    for (size_t i = 0; i < LIST_COUNT(&rows->runs, struct ledger_run); i++) {
        const struct ledger_run *run = LIST_AT(&rows->runs, struct ledger_run, i);
        uint32_t ledger = run->ledger_sequence;
        if (ledger < range.first || ledger > range.last)
            return error_set(error, ERR_CORRUPT,
                             "%s has a row of ledger %" PRIu32 ", outside of its commit",
                             file->path, ledger);
        file->range.first = ledger < file->range.first ? ledger : file->range.first;
        file->range.last = ledger > file->range.last ? ledger : file->range.last;
        if (buffer_append(&gathering->ledgers, &ledger, sizeof ledger) != OK)
            return no_memory(error);
        for (uint32_t k = 0; gathering->has_ordinals && k < run->row_count; k++) {
            uint64_t ordinal = ledger_ordinal(ledger, *indices++);
            if (buffer_append(&gathering->ordinals, &ordinal, sizeof ordinal) != OK)
                return no_memory(error);
        }
    }
    return OK;
}

/* The newest ledger that the footer claims rows of; 0: it claims nothing. */
static uint32_t newest_ledger(const struct parquet_file_metadata *metadata)
{
    uint32_t ledger = 0;
    struct parquet_column_statistics ledgers = facts_of(metadata, "ledger_sequence");
    if (ledgers.has_bounds && ledgers.max_value.size_bytes == sizeof ledger)
        memcpy(&ledger, ledgers.max_value.data, sizeof ledger);
    return ledger;
}

static enum error_code describe_file(struct gathering *gathering, const struct found_file *found,
                                     struct parquet_walk *walk, const struct file_rows *rows,
                                     struct catalog_file *file, struct error *error)
{
    *file = (struct catalog_file){.path = found->path,
                                  .record_count = walk->metadata.row_count,
                                  .file_size_bytes = (int64_t)walk->source->size_bytes,
                                  .footer_size_bytes = (int64_t)walk->metadata.footer_bytes,
                                  .range = {UINT32_MAX, 0}};
    enum error_code code = describe_statistics(gathering, &walk->metadata, file, error);
    if (code == OK)
        code = describe_partition(gathering, &walk->metadata, found, file, error);
    if (code == OK)
        code = add_ledgers(gathering, rows, file, error);
    return code == OK ? parquet_walk_checksum(walk, &file->checksum, error) : code;
}

static enum error_code walk_file(struct gathering *gathering, const struct found_file *found,
                                 const struct parquet_source *source, struct file_rows *rows,
                                 struct catalog_file *file, struct error *error)
{
    struct parquet_walk walk;
    struct parquet_visitor visitor;
    struct file_rows_wish wish = {.times = true, .ordinals = gathering->has_ordinals};
    enum error_code code = parquet_walk_begin(&walk, source, true, error);
    if (code == OK) {
        wish.whole_ledger = newest_ledger(&walk.metadata);
        code = file_rows_begin(rows, &walk, &wish, &visitor, error);
    }
    if (code == OK)
        code = parquet_walk_run(&walk, PARQUET_VERIFY_PAGES, (int64_t)found->file_rows, &visitor,
                                error);
    if (code == OK)
        code = file_rows_end(rows, error);
    if (code == OK)
        code = describe_file(gathering, found, &walk, rows, file, error);
    if (!gathering->keeps_runs)
        file_rows_drop_runs(rows);
    parquet_walk_end(&walk);
    return code;
}

static enum error_code walk_files(struct gathering *gathering, struct catalog_file *files,
                                  struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && gathering->rebuilt->fault == NULL && i < gathering->file_count;
         i++) {
        struct lake_data_file data_file;
        code = lake_data_file_open(&data_file, gathering->root, gathering->files[i].path, error);
        if (code == OK)
            code = walk_file(gathering, &gathering->files[i], &data_file.source,
                             &gathering->rows[i], &files[i], error);
        lake_data_file_release(&data_file);
        if (code != OK)
            code = fault_of_error(gathering, code, error);
    }
    return code;
}

/* ---- files of several commits ---- */

/* Whether the ledger's rows are the commit's: where several of the file have it, the latest's. */
static bool is_own(const struct gathering *gathering, const struct found_file *found,
                   uint32_t ledger)
{
    for (size_t i = found->share_count; i > 0; i--) {
        const struct provenance_commit *share = &found->shares[i - 1];
        if (ledger >= share->range.first && ledger <= share->range.last)
            return share->commit_no == gathering->rebuilt->commit.commit_no;
    }
    return false;
}

static enum error_code add_shared_ledgers(struct gathering *gathering,
                                          const struct rebuilt_file *shared, uint64_t *row_count,
                                          struct error *error)
{
    const uint32_t *indices = (const void *)shared->rows.ordinals.data;
    struct catalog_commit *commit = &gathering->rebuilt->commit;
    for (size_t i = 0, row = 0; i < LIST_COUNT(&shared->rows.runs, struct ledger_run); i++) {
        const struct ledger_run *run = LIST_AT(&shared->rows.runs, struct ledger_run, i);
        size_t first = row;
        row += run->row_count;
        if (!is_own(gathering, shared->found, run->ledger_sequence))
            continue;
        *row_count += run->row_count;
        if (run->time_us > commit->last_close_us)
            commit->last_close_us = run->time_us;
        if (buffer_append(&gathering->ledgers, &run->ledger_sequence, sizeof(uint32_t)) != OK)
            return no_memory(error);
        for (uint32_t k = 0; gathering->has_ordinals && k < run->row_count; k++) {
            uint64_t ordinal = ledger_ordinal(run->ledger_sequence, indices[first + k]);
            if (buffer_append(&gathering->ordinals, &ordinal, sizeof ordinal) != OK)
                return no_memory(error);
        }
    }
    return OK;
}

static enum error_code add_shared_files(struct gathering *gathering, struct error *error)
{
    const struct commit_parts *parts = gathering->parts;
    uint64_t rows = 0;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < parts->shared_count; i++)
        code = add_shared_ledgers(gathering, parts->shared[i], &rows, error);
    if (code == OK && parts->shared_count > 0 && rows != (uint64_t)parts->said->file_rows)
        code = set_fault(gathering, error,
                         "the files that it shares hold %" PRIu64 " rows of it, they say %" PRId64,
                         rows, parts->said->file_rows);
    return code;
}

struct digest_scan {
    struct gathering *gathering;
    struct buffer *rows;
};

static enum error_code keep_digest_row(void *context, const struct row_view *row,
                                       struct error *error)
{
    struct digest_scan *scan = context;
    struct row_view copy;
    enum error_code code = row_copy(row, &scan->gathering->scratch, &copy, error);
    return code == OK && buffer_append(scan->rows, &copy, sizeof copy) != OK ? no_memory(error)
                                                                             : code;
}

static enum error_code scan_shared_file(struct digest_scan *target, const char *path,
                                        uint32_t ledger, struct error *error)
{
    struct lake_data_file data_file;
    struct row_scan scan;
    enum error_code code = row_scan_init(&scan, error);
    if (code == OK) {
        code = lake_data_file_open(&data_file, target->gathering->root, path, error);
        if (code == OK)
            code = row_scan_file(&scan, &data_file.source, (struct ledger_range){ledger, ledger},
                                 keep_digest_row, target, error);
        lake_data_file_release(&data_file);
    }
    row_scan_release(&scan);
    return code;
}

/* Appends the rows of the ledger that stand in shared files. */
static enum error_code take_shared_digest_rows(struct gathering *gathering, uint32_t ledger,
                                               struct buffer *rows, struct ledger_events *events,
                                               struct error *error)
{
    const struct commit_parts *parts = gathering->parts;
    struct digest_scan target = {gathering, rows};
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < parts->shared_count; i++) {
        size_t before = rows->size_bytes;
        struct ledger_range range = parts->shared[i]->file.range;
        if (ledger >= range.first && ledger <= range.last)
            code = scan_shared_file(&target, parts->shared[i]->found->path, ledger, error);
        events->file_count += rows->size_bytes > before;
    }
    events->rows = (void *)rows->data;
    events->row_count = LIST_COUNT(rows, struct row_view);
    return code;
}

/* ---- dead letters ---- */

static enum error_code take_letters(struct gathering *gathering, const char *path,
                                    uint64_t checksum, struct error *error)
{
    struct catalog_commit *commit = &gathering->rebuilt->commit;
    size_t count = LIST_COUNT(&gathering->letters, struct stored_letter);
    if (count == 0)
        return error_set(error, ERR_CORRUPT, "it is empty");
    for (size_t i = 0; i < count; i++) {
        const struct stored_letter *letter = LIST_AT(&gathering->letters, struct stored_letter, i);
        uint64_t ordinal = ledger_ordinal(letter->ledger_sequence, letter->event_index);
        if (letter->ledger_sequence < commit->range.first ||
            letter->ledger_sequence > commit->range.last)
            return error_set(error, ERR_CORRUPT,
                             "a dead letter of ledger %" PRIu32 " is not of its commit",
                             letter->ledger_sequence);
        if (buffer_append(&gathering->ledgers, &letter->ledger_sequence, sizeof(uint32_t)) != OK ||
            (gathering->has_ordinals &&
             buffer_append(&gathering->ordinals, &ordinal, sizeof ordinal) != OK))
            return no_memory(error);
    }
    commit->dead_letters_path = arena_copy_text(gathering->arena, bytes_view_text(path));
    commit->dead_letters_checksum = checksum;
    commit->dead_letter_count = (int64_t)count;
    return commit->dead_letters_path == NULL ? no_memory(error) : OK;
}

/* Those that lie under the commit's number, if there are any; where files that took the place of
 * its own name it, those that lie under the number that they say. */
static enum error_code read_letters(struct gathering *gathering, struct error *error)
{
    const struct commit_parts *parts = gathering->parts;
    uint64_t checksum, number = gathering->rebuilt->commit.commit_no;
    struct error failure;
    bool is_said = parts->shared_count > 0;
    error_clear(&failure);
    if (is_said)
        number = parts->said->letters_no;
    if (number == 0)
        return OK;
    const char *path =
        letter_names_find(parts->letters, number, parts->own_count > 0 ? parts->own[0].path : NULL);
    if (path == NULL && is_said)
        return set_fault(gathering, error,
                         "its dead letters, of the number %" PRIu64 ", are not there", number);
    if (path == NULL)
        return OK;
    enum error_code code = dead_letters_load(gathering->root, path, &gathering->scratch,
                                             &gathering->letters, &checksum, &failure);
    if (code == OK)
        code = take_letters(gathering, path, checksum, &failure);
    if (code == ERR_CORRUPT)
        return set_fault(gathering, error, LAKE_FOLDER "/%s: %s", path, failure.message);
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

/* ---- what follows from all of them ---- */

static int compare_ledgers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* Ledgers of the range that brought neither a row nor a dead letter. */
static enum error_code find_unconfirmed(struct gathering *gathering, struct error *error)
{
    struct catalog_commit *commit = &gathering->rebuilt->commit;
    uint32_t *ledgers = (void *)gathering->ledgers.data;
    size_t count = LIST_COUNT(&gathering->ledgers, uint32_t), found = 0;
    struct ledger_range *ranges = arena_alloc(gathering->arena, (count + 1) * sizeof *ranges);
    if (ranges == NULL)
        return no_memory(error);
    qsort(ledgers, count, sizeof *ledgers, compare_ledgers);
    uint64_t next = commit->range.first;
    for (size_t i = 0; i <= count; i++) {
        uint64_t ledger = i < count ? ledgers[i] : (uint64_t)commit->range.last + 1;
        if (ledger > next)
            ranges[found++] = (struct ledger_range){(uint32_t)next, (uint32_t)(ledger - 1)};
        next = ledger >= next ? ledger + 1 : next;
    }
    commit->unconfirmed = ranges;
    commit->unconfirmed_count = found;
    return OK;
}

/* The rows of the commit's newest ledger with events; false where not all of it was read. */
static bool take_digest_rows(const struct gathering *gathering, uint32_t ledger,
                             struct buffer *rows, struct ledger_events *events,
                             enum error_code *code)
{
    bool is_whole = true;
    const struct catalog_commit *commit = &gathering->rebuilt->commit;
    for (size_t i = 0; *code == OK && i < commit->file_count; i++) {
        const struct file_rows *file = &gathering->rows[i];
        if (commit->files[i].range.last != ledger)
            continue;
        events->file_count++;
        is_whole = is_whole && file->wish.whole_ledger == ledger && !file->whole_is_incomplete;
        *code = buffer_append(rows, file->whole.data, file->whole.size_bytes);
    }
    events->rows = (void *)rows->data;
    events->row_count = LIST_COUNT(rows, struct row_view);
    return is_whole;
}

static enum error_code compute_digest(struct gathering *gathering, struct error *error)
{
    struct catalog_commit *commit = &gathering->rebuilt->commit;
    size_t ledger_count = LIST_COUNT(&gathering->ledgers, uint32_t);
    struct buffer rows;
    struct ledger_events events = {
        .ledger_sequence = *LIST_AT(&gathering->ledgers, uint32_t, ledger_count - 1),
        .letters = (const void *)gathering->letters.data,
        .letter_count = LIST_COUNT(&gathering->letters, struct stored_letter)};
    struct ledger_digest digest;
    enum error_code code = OK;
    buffer_init(&rows);
    bool is_whole = take_digest_rows(gathering, events.ledger_sequence, &rows, &events, &code);
    if (code != OK)
        code = no_memory(error);
    if (code == OK)
        code = take_shared_digest_rows(gathering, events.ledger_sequence, &rows, &events, error);
    gathering->rebuilt->has_digest =
        code == OK && is_whole && ledger_order_is_known(gathering->schema, &events);
    if (code == OK && gathering->rebuilt->has_digest) {
        code =
            ledger_order_digest(gathering->schema, LEDGER_DIGEST_NEWEST, &events, &digest, error);
        if (code == OK) {
            commit->digest_ledger = events.ledger_sequence;
            memcpy(commit->digest_chain, digest.chain, sizeof digest.chain);
            commit->digest_contents = digest.contents;
        }
    }
    buffer_release(&rows);
    return code;
}

static enum error_code check_ordinals(struct gathering *gathering, struct error *error)
{
    char fault[LEDGER_FAULT_BYTES];
    if (!gathering->has_ordinals ||
        ledger_ordinals_are_whole((void *)gathering->ordinals.data,
                                  LIST_COUNT(&gathering->ordinals, uint64_t), fault))
        return OK;
    return set_fault(gathering, error, "%s", fault);
}

/* All files there, and their rows as many as the commit says. */
static enum error_code check_counts(struct gathering *gathering, struct error *error)
{
    const struct commit_parts *parts = gathering->parts;
    uint64_t rows = 0;
    for (size_t i = 0; i < gathering->file_count; i++)
        rows += gathering->files[i].file_rows;
    if (parts->shared_count > 0) {
        rows += (uint64_t)parts->said->file_rows;
        if ((uint64_t)parts->said->file_count <= parts->own_count)
            return set_fault(gathering, error, "more of its files are there than it had");
        return rows == (uint64_t)parts->said->row_count
                   ? OK
                   : set_fault(gathering, error,
                               "%" PRIu64 " of the %" PRId64 " rows of commit %" PRIu64
                               " are there",
                               rows, parts->said->row_count, parts->said->commit_no);
    }
    if (gathering->file_count != gathering->files[0].commit_files)
        return set_fault(gathering, error, "%zu of its %" PRIu64 " files are there",
                         gathering->file_count, gathering->files[0].commit_files);
    if (rows != gathering->files[0].commit_rows)
        return set_fault(gathering, error, "its files have %" PRIu64 " rows, it was of %" PRIu64,
                         rows, gathering->files[0].commit_rows);
    return OK;
}

static enum error_code gather(struct gathering *gathering, struct error *error)
{
    struct rebuilt_commit *rebuilt = gathering->rebuilt;
    struct catalog_file *files =
        arena_alloc(gathering->arena, (gathering->file_count + 1) * sizeof *files);
    gathering->rows = mem_alloc_zero(gathering->file_count + 1, sizeof *gathering->rows);
    if (files == NULL || gathering->rows == NULL)
        return no_memory(error);
    for (size_t i = 0; i < gathering->file_count; i++)
        file_rows_init(&gathering->rows[i]);
    rebuilt->commit.files = files;
    enum error_code code = check_counts(gathering, error);
    if (code == OK && rebuilt->fault == NULL)
        code = walk_files(gathering, files, error);
    if (code == OK && rebuilt->fault == NULL)
        code = add_shared_files(gathering, error);
    if (code == OK && rebuilt->fault == NULL)
        code = read_letters(gathering, error);
    if (code == OK && rebuilt->fault == NULL)
        code = check_ordinals(gathering, error);
    if (code == OK && rebuilt->fault == NULL && gathering->ledgers.size_bytes == 0)
        code = set_fault(gathering, error, "its files hold no rows");
    if (code == OK && rebuilt->fault == NULL)
        code = find_unconfirmed(gathering, error);
    if (code == OK && rebuilt->fault == NULL)
        code = compute_digest(gathering, error);
    return code;
}

/* The commit as its own files say, or those that it shares. */
static struct catalog_commit describe_commit(const struct commit_parts *parts)
{
    const struct found_file *own = parts->own;
    struct catalog_commit commit = {.schema_version =
                                        own != NULL ? own->schema->version
                                                    : parts->shared[0]->found->schema->version,
                                    .reason = REBUILT_REASON,
                                    .file_count = parts->own_count,
                                    .committed_us = os_realtime_us()};
    if (parts->shared_count > 0) {
        commit.commit_no = parts->said->commit_no;
        commit.range = parts->said->range;
        commit.row_count = parts->said->row_count;
        commit.files_elsewhere = (size_t)parts->said->file_count - parts->own_count;
        return commit;
    }
    commit.commit_no = own->commit_no;
    commit.range = own->range;
    commit.row_count = (int64_t)own->commit_rows;
    return commit;
}

enum error_code rebuild_commit(const char *root, enum partitioning_scheme scheme,
                               const struct commit_parts *parts, struct arena *arena,
                               struct rebuilt_commit *rebuilt, struct error *error)
{
    struct error local;
    error = error == NULL ? &local : error;
    *rebuilt = (struct rebuilt_commit){.commit = describe_commit(parts)};
    const struct row_schema *schema = row_schema_find(rebuilt->commit.schema_version);
    struct gathering gathering = {.root = root,
                                  .scheme = scheme,
                                  .files = parts->own,
                                  .file_count = parts->own_count,
                                  .parts = parts,
                                  .schema = schema,
                                  .has_ordinals = ledger_schema_has_ordinals(schema),
                                  .arena = arena,
                                  .rebuilt = rebuilt};
    arena_init(&gathering.scratch, 0);
    enum error_code code = gather(&gathering, error);
    for (size_t i = 0; gathering.rows != NULL && i < parts->own_count; i++)
        file_rows_release(&gathering.rows[i]);
    mem_free(gathering.rows);
    buffer_release(&gathering.ledgers);
    buffer_release(&gathering.ordinals);
    buffer_release(&gathering.letters);
    arena_release(&gathering.scratch);
    return code;
}

enum error_code rebuild_file(const char *root, enum partitioning_scheme scheme,
                             const struct found_file *found, struct arena *arena,
                             struct rebuilt_file *rebuilt, struct error *error)
{
    struct error local;
    struct rebuilt_commit alone = {.commit = {.range = found->range}};
    struct gathering gathering = {.root = root,
                                  .scheme = scheme,
                                  .files = found,
                                  .file_count = 1,
                                  .schema = found->schema,
                                  .has_ordinals = ledger_schema_has_ordinals(found->schema),
                                  .arena = arena,
                                  .rows = &rebuilt->rows,
                                  .keeps_runs = true,
                                  .rebuilt = &alone};
    error = error == NULL ? &local : error;
    *rebuilt = (struct rebuilt_file){.found = found};
    file_rows_init(&rebuilt->rows);
    enum error_code code = walk_files(&gathering, &rebuilt->file, error);
    rebuilt->fault = alone.fault;
    buffer_release(&gathering.ledgers);
    buffer_release(&gathering.ordinals);
    return code;
}

void rebuilt_file_release(struct rebuilt_file *rebuilt)
{
    file_rows_release(&rebuilt->rows);
}
