// SPDX-License-Identifier: Apache-2.0
#include "sink/open_commit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "sink/file_description.h"
#include "sink/provenance.h"
#include "util/memory.h"

_Static_assert(EVENT_TYPE_COUNT <= INTENT_FILE_MAX, "an intent has room for a file of each type");

void open_commit_init(struct open_commit *commit)
{
    *commit = (struct open_commit){.state = COMMIT_IDLE};
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        data_file_init(&commit->files[i]);
    staged_file_init(&commit->dead_letters);
}

void open_commit_begin(struct open_commit *commit, const char *stem, uint32_t first)
{
    assert(commit->state == COMMIT_IDLE);
    commit->state = COMMIT_OPEN;
    snprintf(commit->stem, sizeof commit->stem, "%s", stem);
    commit->range = (struct ledger_range){first, first - 1};
    commit->opened_monotonic_us = os_monotonic_us();
    commit->opened_realtime_us = os_realtime_us();
}

void open_commit_number(struct open_commit *commit, uint64_t commit_no)
{
    assert(commit->state == COMMIT_OPEN && commit_no != 0);
    commit->commit_no = commit_no;
}

static struct data_file *find_file(struct open_commit *commit, struct partition_key key)
{
    for (size_t i = 0; i < commit->file_count; i++)
        if (partition_key_equal(commit->files[i].key, key))
            return &commit->files[i];
    return NULL;
}

static enum error_code append_rows(struct open_commit *commit, const struct data_file_setup *setup,
                                   const struct partition_rows *rows, struct error *error)
{
    assert(!commit->has_partition || commit->partition_start_us == rows->key.start_us);
    commit->has_partition = true;
    commit->partition_start_us = rows->key.start_us;
    struct data_file *file = find_file(commit, rows->key);
    if (file == NULL) {
        assert(commit->file_count < EVENT_TYPE_COUNT);
        char name[STAGED_NAME_BYTES];
        snprintf(name, sizeof name, "%s_%zu.parquet" LAKE_IN_PROGRESS_SUFFIX, commit->stem,
                 commit->file_count);
        file = &commit->files[commit->file_count];
        enum error_code code = data_file_create(file, setup, name, rows, error);
        if (code != OK)
            return code;
        commit->file_count++;
    }
    return data_file_append(file, setup, rows, error);
}

static enum error_code append_dead_letters(struct open_commit *commit,
                                           const struct data_file_setup *setup,
                                           const struct row_batch *batch, struct error *error)
{
    struct buffer lines;
    enum error_code code = OK;
    buffer_init(&lines);
    if (commit->dead_letters.name[0] == '\0') {
        char name[STAGED_NAME_BYTES];
        snprintf(name, sizeof name, "%s_dead_letters" LAKE_IN_PROGRESS_SUFFIX, commit->stem);
        code =
            staged_file_create(&commit->dead_letters, setup->store, name, setup->obstacle, error);
    }
    for (size_t i = 0; code == OK && i < batch->dead_letter_count; i++) {
        buffer_reset(&lines);
        code = dead_letter_format(&batch->dead_letters[i], &lines, error);
        if (code == OK)
            code = staged_file_append(&commit->dead_letters, buffer_view(&lines), setup->obstacle,
                                      error);
    }
    commit->dead_letter_count += (int64_t)batch->dead_letter_count;
    buffer_release(&lines);
    return code;
}

static enum error_code add_unconfirmed(struct open_commit *commit, struct ledger_range range,
                                       struct error *error)
{
    commit->unconfirmed_ledgers += ledger_range_count(range);
    return ledger_set_add(&commit->unconfirmed, range, error);
}

enum error_code open_commit_append(struct open_commit *commit, const struct data_file_setup *setup,
                                   const struct row_batch *batch, struct error *error)
{
    assert(commit->state == COMMIT_OPEN);
    assert(batch->range.first == commit->range.last + 1 && batch->range.first <= batch->range.last);
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < batch->part_count; i++)
        code = append_rows(commit, setup, &batch->parts[i], error);
    if (code == OK && batch->dead_letter_count > 0)
        code = append_dead_letters(commit, setup, batch, error);
    for (size_t i = 0; code == OK && i < batch->unconfirmed_count; i++)
        code = add_unconfirmed(commit, batch->unconfirmed[i], error);
    commit->range.last = batch->range.last;
    commit->row_count += batch->row_count;
    commit->null_decimal_count += (int64_t)batch->null_decimal_count;
    commit->replaced_memo_count += (int64_t)batch->replaced_memo_count;
    if (batch->digest_ledger != 0) {
        commit->digest_ledger = batch->digest_ledger;
        commit->digest = batch->digest;
    }
    if (batch->last_close_us != 0)
        commit->last_close_us = batch->last_close_us;
    return code;
}

/* ---- finishing ---- */

/* Design section 3: enough to rebuild the catalog from the files alone. */
static void describe_file(const struct open_commit *commit, const struct data_file *file,
                          const struct data_file_setup *setup, const struct commit_origin *origin,
                          const char *partition, struct provenance *provenance)
{
    *provenance =
        (struct provenance){.texts = {[PROVENANCE_SCHEMA_VERSION] = setup->schema->version,
                                      [PROVENANCE_DESCRIPTION] = PROVENANCE_DESCRIPTION_TEXT,
                                      [PROVENANCE_CREATED_BY] = PROVENANCE_CREATED_BY_TEXT,
                                      [PROVENANCE_LAKE_ID] = origin->lake_id,
                                      [PROVENANCE_NETWORK] = origin->network,
                                      [PROVENANCE_PARTITION] = partition},
                            .numbers = {[PROVENANCE_COMMIT_NO] = (int64_t)commit->commit_no,
                                        [PROVENANCE_FIRST_LEDGER] = commit->range.first,
                                        [PROVENANCE_LAST_LEDGER] = commit->range.last,
                                        [PROVENANCE_COMMIT_FILES] = (int64_t)commit->file_count,
                                        [PROVENANCE_FILE_ROWS] = file->row_count,
                                        [PROVENANCE_COMMIT_ROWS] = commit->row_count}};
}

static enum error_code finish_file(const struct open_commit *commit, struct data_file *file,
                                   const struct data_file_setup *setup,
                                   const struct commit_origin *origin, struct error *error)
{
    struct provenance provenance;
    struct parquet_key_value pairs[PROVENANCE_KEY_COUNT];
    char partition[PARTITION_PATH_BYTES];
    partition_label(origin->scheme, file->key, partition);
    describe_file(commit, file, setup, origin, partition, &provenance);
    size_t count = provenance_write(&provenance, pairs);
    return data_file_finish(file, setup, pairs, count, error);
}

enum error_code open_commit_finish(struct open_commit *commit, const struct data_file_setup *setup,
                                   const struct commit_origin *origin, struct error *error)
{
    assert(commit->state == COMMIT_OPEN && commit->commit_no != 0);
    enum error_code code = OK;
    int64_t row_count = 0;
    for (size_t i = 0; code == OK && i < commit->file_count; i++) {
        code = data_file_close_row_group(&commit->files[i], setup, error);
        row_count += commit->files[i].row_count;
    }
    assert(code != OK || row_count == commit->row_count);
    for (size_t i = 0; code == OK && i < commit->file_count; i++)
        code = finish_file(commit, &commit->files[i], setup, origin, error);
    if (code == OK && commit->dead_letter_count > 0)
        code = staged_file_sync(&commit->dead_letters, error);
    if (code == OK)
        commit->state = COMMIT_STAGED;
    return code;
}

/* ---- the intent ---- */

static const char *copy_text(struct intent *intent, const char *text)
{
    return arena_copy_text(&intent->arena, bytes_view_text(text));
}

static enum error_code describe_files(const struct open_commit *commit,
                                      const struct data_file_setup *setup,
                                      const struct commit_origin *origin, struct intent *intent,
                                      struct error *error)
{
    struct catalog_file *files =
        arena_alloc(&intent->arena, (commit->file_count + 1) * sizeof *files);
    if (files == NULL)
        return error_no_memory(error, "a commit's files");
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < commit->file_count; i++) {
        const struct data_file *file = &commit->files[i];
        intent->staged[i] = copy_text(intent, file->staged.name);
        if (intent->staged[i] == NULL)
            return error_no_memory(error, "a commit's files");
        code = file_description_make(file, setup, origin->scheme, &intent->arena, &files[i], error);
    }
    intent->commit.files = files;
    intent->commit.file_count = commit->file_count;
    return code;
}

static enum error_code describe_dead_letters(const struct open_commit *commit,
                                             struct intent *intent, struct error *error)
{
    enum error_code code = intent_name_dead_letters(intent, commit->commit_no, error);
    if (code != OK)
        return code;
    intent->dead_letters_staged = copy_text(intent, commit->dead_letters.name);
    if (intent->dead_letters_staged == NULL)
        return error_no_memory(error, "a commit's dead letters");
    intent->dead_letters_size_bytes = commit->dead_letters.size_bytes;
    intent->commit.dead_letters_checksum = staged_file_checksum(&commit->dead_letters);
    return OK;
}

enum error_code open_commit_describe(const struct open_commit *commit,
                                     const struct data_file_setup *setup,
                                     const struct commit_origin *origin, const char *reason,
                                     struct intent *intent, struct error *error)
{
    assert(commit->state == COMMIT_STAGED);
    intent->lake_id = copy_text(intent, origin->lake_id);
    enum error_code code = intent_number_objects(intent, setup->store, error);
    if (code != OK)
        return code;
    struct ledger_range *unconfirmed =
        arena_alloc(&intent->arena, (commit->unconfirmed.count + 1) * sizeof *unconfirmed);
    if (intent->lake_id == NULL || unconfirmed == NULL)
        return error_no_memory(error, "a commit");
    if (commit->unconfirmed.count > 0)
        memcpy(unconfirmed, commit->unconfirmed.ranges,
               commit->unconfirmed.count * sizeof *unconfirmed);
    intent->commit = (struct catalog_commit){.commit_no = commit->commit_no,
                                             .range = {commit->range.first, commit->range.last},
                                             .schema_version = setup->schema->version,
                                             .reason = reason,
                                             .unconfirmed_count = commit->unconfirmed.count,
                                             .unconfirmed = unconfirmed,
                                             .dead_letter_count = commit->dead_letter_count,
                                             .row_count = commit->row_count,
                                             .null_decimal_count = commit->null_decimal_count,
                                             .replaced_memo_count = commit->replaced_memo_count,
                                             .digest_ledger = commit->digest_ledger,
                                             .last_close_us = commit->last_close_us,
                                             .committed_us = os_realtime_us()};
    _Static_assert(sizeof intent->commit.digest_chain == LEDGER_DIGEST_BYTES, "digests fit");
    memcpy(intent->commit.digest_chain, commit->digest.chain, LEDGER_DIGEST_BYTES);
    intent->commit.digest_contents = commit->digest.contents;
    code = describe_files(commit, setup, origin, intent, error);
    if (code == OK && commit->dead_letter_count > 0)
        code = describe_dead_letters(commit, intent, error);
    return code;
}

void open_commit_release(struct open_commit *commit)
{
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        data_file_release(&commit->files[i]);
    staged_file_release(&commit->dead_letters);
    ledger_set_release(&commit->unconfirmed);
    open_commit_init(commit);
}

void open_commit_discard(struct open_commit *commit)
{
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        data_file_discard(&commit->files[i]);
    staged_file_discard(&commit->dead_letters);
    open_commit_release(commit);
}

bool open_commit_has_ledgers(const struct open_commit *commit)
{
    return commit->state != COMMIT_IDLE && commit->range.last + 1 != commit->range.first;
}

size_t open_commit_memory_bytes(const struct open_commit *commit)
{
    size_t bytes = commit->unconfirmed.capacity * sizeof *commit->unconfirmed.ranges;
    for (size_t i = 0; i < commit->file_count; i++)
        bytes += parquet_writer_memory_bytes(commit->files[i].writer) +
                 commit->files[i].encoded.capacity_bytes;
    return bytes;
}

uint64_t open_commit_bytes(const struct open_commit *commit, const struct size_estimate *estimate)
{
    uint64_t bytes = commit->dead_letters.size_bytes;
    for (size_t i = 0; i < commit->file_count; i++)
        bytes += size_estimate_of(estimate, commit->files[i].staged.size_bytes,
                                  parquet_writer_open_bytes_estimate(commit->files[i].writer));
    return bytes;
}
