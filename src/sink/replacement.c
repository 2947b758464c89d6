// SPDX-License-Identifier: Apache-2.0
#include "sink/replacement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commit/retirement.h"
#include "os/clock.h"
#include "os/log.h"
#include "sink/dead_letter_file.h"
#include "sink/file_description.h"
#include "util/list.h"
#include "util/memory.h"

/* As sink.c has it: row groups are closed when a writer holds this share of its memory. */
#define MEMORY_SHARE_PERCENT 60

struct replacement {
    struct replacement_setup setup;
    struct data_file_setup files; /* with the schema */
    struct size_estimate estimate;
    struct partition_key key;
    const char *reason;
    uint64_t commit_no;
    bool is_published;

    struct data_file file; /* the open one */
    bool is_open;
    struct buffer shares; /* struct provenance_commit: of the open file, by commit_no */
    size_t relieved_bytes;

    /* Of the files that are complete. */
    struct catalog_file *done; /* INTENT_FILE_MAX, in the intent's arena */
    size_t done_count;
    struct buffer members;                     /* struct catalog_member */
    const struct catalog_amendment *amendment; /* NULL: none */
    struct staged_file letters;
    int64_t letter_count;
    struct ledger_range range;
    int64_t row_count;
};

/* ---- beginning ---- */

static enum error_code begin_at_catalog(void *context, struct error *error)
{
    struct replacement *replacement = context;
    const struct replacement_setup *setup = &replacement->setup;
    enum error_code code = retirement_begin(setup->store, setup->lake, setup->catalog, error);
    if (code == OK) /* what an earlier one could not move */
        code = retirement_finish(setup->store, setup->catalog, error);
    return code == OK ? catalog_take_commit_no(setup->catalog, &replacement->commit_no, error)
                      : code;
}

static enum error_code begin(struct replacement *replacement, struct error *error)
{
    const struct replacement_setup *setup = &replacement->setup;
    struct intent *intent = &setup->publisher->intent;
    enum error_code code = publisher_settle(setup->publisher, error);
    if (code == OK)
        code = obstacle_wait_for_catalog(&setup->publisher->obstacle, begin_at_catalog, replacement,
                                         error);
    if (code != OK)
        return code;
    intent_release(intent);
    replacement->done = arena_alloc(&intent->arena, INTENT_FILE_MAX * sizeof *replacement->done);
    return replacement->done == NULL ? error_no_memory(error, "a replacement")
                                     : intent_number_objects(intent, setup->store, error);
}

enum error_code replacement_new(struct replacement **out, const struct replacement_setup *setup,
                                const struct row_schema *schema, struct partition_key key,
                                const char *reason, struct error *error)
{
    struct replacement *replacement = mem_alloc_zero(1, sizeof *replacement);
    *out = NULL;
    if (replacement == NULL)
        return error_no_memory(error, "a replacement");
    replacement->setup = *setup;
    replacement->files = *setup->files;
    replacement->files.schema = schema;
    replacement->files.estimate = &replacement->estimate;
    replacement->key = key;
    replacement->reason = reason;
    replacement->range = (struct ledger_range){UINT32_MAX, 0};
    data_file_init(&replacement->file);
    staged_file_init(&replacement->letters);
    enum error_code code = begin(replacement, error);
    if (code == OK)
        *out = replacement;
    else
        replacement_free(replacement);
    return code;
}

uint64_t replacement_number(const struct replacement *replacement)
{
    return replacement->commit_no;
}

/* Staged files are deleted unless an intent names them. */
static void discard_done(struct replacement *replacement)
{
    const struct publisher *publisher = replacement->setup.publisher;
    if (!publisher->unsettled)
        staged_file_discard(&replacement->letters);
    for (size_t i = 0; i < replacement->done_count && !publisher->unsettled; i++) {
        char name[INTENT_PATH_BYTES];
        struct error ignored;
        snprintf(name, sizeof name, LAKE_STAGING "/%s", publisher->intent.staged[i]);
        (void)!store_remove(replacement->setup.store, name, &ignored);
    }
}

void replacement_free(struct replacement *replacement)
{
    if (replacement == NULL)
        return;
    data_file_discard(&replacement->file);
    if (!replacement->is_published)
        discard_done(replacement);
    staged_file_release(&replacement->letters);
    buffer_release(&replacement->shares);
    buffer_release(&replacement->members);
    mem_free(replacement);
}

/* ---- rows ---- */

static enum error_code open_file(struct replacement *replacement, const struct partition_rows *rows,
                                 struct error *error)
{
    char name[STAGED_NAME_BYTES];
    snprintf(name, sizeof name, "commit_%" PRIu64 "_%zu.parquet" LAKE_IN_PROGRESS_SUFFIX,
             replacement->commit_no, replacement->done_count);
    enum error_code code =
        data_file_create(&replacement->file, &replacement->files, name, rows, error);
    replacement->is_open = code == OK;
    replacement->relieved_bytes = 0;
    return code;
}

enum error_code replacement_append(struct replacement *replacement, const struct ArrowArray *rows,
                                   int64_t first_close_us, struct error *error)
{
    struct partition_rows part = {.key = replacement->key,
                                  .row_count = rows->length,
                                  .first_close_us = first_close_us,
                                  .array = *rows};
    enum error_code code = OK;
    if (!replacement->is_open)
        code = open_file(replacement, &part, error);
    if (code == OK)
        code = data_file_append(&replacement->file, &replacement->files, &part, error);
    replacement->row_count += rows->length;
    return code;
}

enum error_code replacement_count(struct replacement *replacement,
                                  const struct provenance_commit *commit, struct error *error)
{
    struct provenance_commit *shares = (void *)replacement->shares.data;
    size_t count = LIST_COUNT(&replacement->shares, struct provenance_commit), at = count;
    while (at > 0 && shares[at - 1].commit_no > commit->commit_no)
        at--;
    if (at > 0 && shares[at - 1].commit_no == commit->commit_no) {
        shares[at - 1].file_rows += commit->file_rows;
        return OK;
    }
    if (count == PROVENANCE_COMMIT_MAX)
        return error_set(error, ERR_LIMIT, "rows of more than %d commits in one file",
                         PROVENANCE_COMMIT_MAX);
    if (buffer_append(&replacement->shares, commit, sizeof *commit) != OK)
        return error_no_memory(error, "the commits of a file");
    shares = (void *)replacement->shares.data;
    memmove(&shares[at + 1], &shares[at], (count - at) * sizeof *shares);
    shares[at] = *commit;
    return OK;
}

/* ---- a file's end ---- */

static enum error_code add_members(struct replacement *replacement, struct error *error)
{
    size_t count = LIST_COUNT(&replacement->shares, struct provenance_commit);
    for (size_t i = 0; i < count; i++) {
        const struct provenance_commit *share =
            LIST_AT(&replacement->shares, struct provenance_commit, i);
        struct catalog_member member = {replacement->done_count, share->commit_no,
                                        share->file_rows};
        if (buffer_append(&replacement->members, &member, sizeof member) != OK)
            return error_no_memory(error, "the commits of a file");
    }
    return OK;
}

/* What the file says of itself; the range is that of its rows. */
static enum error_code finish_with(struct replacement *replacement, const char *commits,
                                   struct error *error)
{
    const struct lake_file *lake = replacement->setup.lake;
    const struct data_file *file = &replacement->file;
    struct parquet_column_statistics ledgers;
    struct ledger_range range = {0};
    char partition[PARTITION_PATH_BYTES];
    struct parquet_key_value pairs[PROVENANCE_KEY_COUNT];
    parquet_writer_column_statistics(file->writer, COLUMN_LEDGER_SEQUENCE - 1, &ledgers);
    assert(ledgers.has_bounds && ledgers.min_value.size_bytes == sizeof range.first);
    memcpy(&range.first, ledgers.min_value.data, sizeof range.first);
    memcpy(&range.last, ledgers.max_value.data, sizeof range.last);
    partition_label(replacement->setup.scheme, replacement->key, partition);
    struct provenance provenance = {
        .texts = {[PROVENANCE_SCHEMA_VERSION] = replacement->files.schema->version,
                  [PROVENANCE_DESCRIPTION] = PROVENANCE_DESCRIPTION_TEXT,
                  [PROVENANCE_CREATED_BY] = PROVENANCE_CREATED_BY_TEXT,
                  [PROVENANCE_LAKE_ID] = lake->lake_id,
                  [PROVENANCE_NETWORK] = lake->network,
                  [PROVENANCE_PARTITION] = partition,
                  [PROVENANCE_COMMITS] = commits},
        .numbers = {[PROVENANCE_COMMIT_NO] = (int64_t)replacement->commit_no,
                    [PROVENANCE_FIRST_LEDGER] = range.first,
                    [PROVENANCE_LAST_LEDGER] = range.last,
                    [PROVENANCE_COMMIT_FILES] = 1,
                    [PROVENANCE_FILE_ROWS] = file->row_count,
                    [PROVENANCE_COMMIT_ROWS] = file->row_count}};
    size_t count = provenance_write(&provenance, pairs);
    return data_file_finish(&replacement->file, &replacement->files, pairs, count, error);
}

static enum error_code describe(struct replacement *replacement, struct error *error)
{
    struct intent *intent = &replacement->setup.publisher->intent;
    struct catalog_file *file = &replacement->done[replacement->done_count];
    const char *staged =
        arena_copy_text(&intent->arena, bytes_view_text(replacement->file.staged.name));
    if (staged == NULL)
        return error_no_memory(error, "a replacement");
    enum error_code code =
        file_description_make(&replacement->file, &replacement->files, replacement->setup.scheme,
                              &intent->arena, file, error);
    if (code == OK)
        code = file_description_name(&replacement->file, replacement->setup.store,
                                     replacement->setup.catalog, replacement->setup.scheme,
                                     replacement->done, replacement->done_count,
                                     intent->commit_uuid, &intent->arena, &file->path, error);
    if (code == OK)
        code = add_members(replacement, error);
    if (code != OK)
        return code;
    intent->staged[replacement->done_count++] = staged;
    replacement->range.first =
        file->range.first < replacement->range.first ? file->range.first : replacement->range.first;
    replacement->range.last =
        file->range.last > replacement->range.last ? file->range.last : replacement->range.last;
    return OK;
}

static enum error_code end_file(struct replacement *replacement, struct error *error)
{
    struct buffer commits;
    buffer_init(&commits);
    enum error_code code =
        data_file_close_row_group(&replacement->file, &replacement->files, error);
    if (code == OK)
        code = provenance_format_commits((const void *)replacement->shares.data,
                                         LIST_COUNT(&replacement->shares, struct provenance_commit),
                                         &commits, error);
    if (code == OK)
        code = finish_with(replacement, (const char *)commits.data, error);
    buffer_release(&commits);
    if (code == OK)
        code = describe(replacement, error);
    if (code != OK)
        return code;
    data_file_release(&replacement->file);
    buffer_reset(&replacement->shares);
    replacement->is_open = false;
    return OK;
}

enum error_code replacement_turn_to(struct replacement *replacement, struct partition_key key,
                                    struct error *error)
{
    enum error_code code = replacement->is_open ? end_file(replacement, error) : OK;
    if (code == OK && replacement->done_count == INTENT_FILE_MAX)
        code = error_set(error, ERR_LIMIT, "more than %d files in one change", INTENT_FILE_MAX);
    replacement->key = key;
    return code;
}

/* A row group that would outgrow the writer's memory is closed; it keeps that memory for the next
 * one, so it is left alone until it wants more. */
static enum error_code relieve_memory(struct replacement *replacement, struct error *error)
{
    const struct parquet_writer *writer = replacement->file.writer;
    uint64_t limit = replacement->setup.memory_bytes;
    size_t bytes = parquet_writer_memory_bytes(writer);
    if (limit == 0 || bytes <= replacement->relieved_bytes + replacement->relieved_bytes / 16 ||
        (bytes <= limit / 100 * MEMORY_SHARE_PERCENT &&
         bytes + parquet_writer_closing_bytes(writer) <= limit))
        return OK;
    enum error_code code =
        data_file_close_row_group(&replacement->file, &replacement->files, error);
    replacement->relieved_bytes = parquet_writer_memory_bytes(writer);
    return code;
}

enum error_code replacement_end_ledger(struct replacement *replacement, struct error *error)
{
    struct data_file *file = &replacement->file;
    uint64_t limit = replacement->setup.max_file_size_bytes;
    enum error_code code = OK;
    if (!replacement->is_open)
        return OK;
    enum size_verdict verdict =
        rotation_by_size(&replacement->estimate, limit, file->staged.size_bytes,
                         parquet_writer_open_bytes_estimate(file->writer));
    if (verdict == SIZE_CLOSE_ROW_GROUP) {
        code = data_file_close_row_group(file, &replacement->files, error);
        verdict = rotation_by_size(&replacement->estimate, limit, file->staged.size_bytes, 0);
    }
    if (code == OK && verdict == SIZE_CUT && replacement->done_count + 1 < INTENT_FILE_MAX)
        return end_file(replacement, error);
    return code == OK ? relieve_memory(replacement, error) : code;
}

/* ---- a commit that is amended ---- */

void replacement_amend(struct replacement *replacement, const struct catalog_amendment *amendment)
{
    replacement->amendment = amendment;
}

enum error_code replacement_add_letter(struct replacement *replacement,
                                       const struct dead_letter *letter, struct error *error)
{
    struct staged_file *staged = &replacement->letters;
    struct obstacle *obstacle = replacement->files.obstacle;
    struct buffer line;
    enum error_code code = OK;
    buffer_init(&line);
    if (staged->name[0] == '\0') {
        char name[STAGED_NAME_BYTES];
        snprintf(name, sizeof name, "commit_%" PRIu64 "_dead_letters" LAKE_IN_PROGRESS_SUFFIX,
                 replacement->commit_no);
        code = staged_file_create(staged, replacement->setup.store, name, obstacle, error);
    }
    if (code == OK)
        code = dead_letter_format(letter, &line, error);
    if (code == OK)
        code = staged_file_append(staged, buffer_view(&line), obstacle, error);
    replacement->letter_count++;
    buffer_release(&line);
    return code;
}

static enum error_code describe_letters(const struct replacement *replacement,
                                        struct intent *intent, struct error *error)
{
    struct catalog_commit *change = &intent->commit;
    enum error_code code = intent_name_dead_letters(intent, replacement->commit_no, error);
    if (code != OK)
        return code;
    intent->dead_letters_staged =
        arena_copy_text(&intent->arena, bytes_view_text(replacement->letters.name));
    if (intent->dead_letters_staged == NULL)
        return error_no_memory(error, "a commit's dead letters");
    change->dead_letter_count = replacement->letter_count;
    change->dead_letters_checksum = staged_file_checksum(&replacement->letters);
    intent->dead_letters_size_bytes = replacement->letters.size_bytes;
    return OK;
}

/* ---- publishing ---- */

static void describe_change(struct replacement *replacement, struct intent *intent)
{
    intent->lake_id = replacement->setup.lake->lake_id;
    intent->is_replacement = true;
    intent->commit = (struct catalog_commit){.commit_no = replacement->commit_no,
                                             .range = replacement->range,
                                             .schema_version = replacement->files.schema->version,
                                             .reason = replacement->reason,
                                             .file_count = replacement->done_count,
                                             .files = replacement->done,
                                             .row_count = replacement->row_count,
                                             .committed_us = os_realtime_us()};
}

/* What fails here is done by the next writer: nothing is lost meanwhile. */
static void move_replaced(const struct replacement *replacement)
{
    struct error failure;
    error_clear(&failure);
    if (retirement_finish(replacement->setup.store, replacement->setup.catalog, &failure) != OK)
        log_event(LOG_WARN, "sink",
                  "files that were replaced can't be moved yet: readers of the bare folder count "
                  "their rows twice until they are",
                  LOG_T("reason", failure.message));
}

enum error_code replacement_publish(struct replacement *replacement, const int64_t *ended,
                                    size_t ended_count, struct replacement_report *report,
                                    struct error *error)
{
    struct publisher *publisher = replacement->setup.publisher;
    bool committed = false;
    enum error_code code = replacement->is_open ? end_file(replacement, error) : OK;
    if (code != OK)
        return code;
    assert(replacement->done_count > 0);
    const struct catalog_replacement change = {
        .ended = ended,
        .ended_count = ended_count,
        .members = (const void *)replacement->members.data,
        .member_count = LIST_COUNT(&replacement->members, struct catalog_member),
        .amendment = replacement->amendment,
        .in_place = retirement_in_place(replacement->setup.store)};
    describe_change(replacement, &publisher->intent);
    if (replacement->letter_count > 0) {
        code = staged_file_sync(&replacement->letters, error);
        if (code == OK)
            code = describe_letters(replacement, &publisher->intent, error);
        if (code != OK)
            return code;
    }
    publisher->intent.replacement = &change;
    code = publisher_run(publisher, &committed, error);
    publisher->intent.replacement = NULL;
    replacement->is_published = committed;
    if (!committed) /* a refusal that nobody waits for is no other writer's */
        return code == ERR_CONFLICT && publisher->obstacle.gave_up ? ERR_IO : code;
    *report = (struct replacement_report){.commit_no = replacement->commit_no,
                                          .file_count = replacement->done_count,
                                          .row_count = replacement->row_count};
    for (size_t i = 0; i < replacement->done_count; i++)
        report->size_bytes += (uint64_t)replacement->done[i].file_size_bytes;
    if (!publisher->unsettled) /* else the next call or writer does both */
        move_replaced(replacement);
    return OK;
}
