// SPDX-License-Identifier: Apache-2.0
/*
 * How batches of ledgers become commits.
 *
 * A sink has at most one open commit, and a lake as many sinks as the run has streams: all of them
 * on one thread, so that commits end one after the other, in any order of their ledgers. A commit
 * begins with the batch that comes when there is none, and takes in every batch that follows its
 * range and is of its partition, into files in staging (sink/open_commit.c): nothing of it can be
 * seen by a reader. It is cut, always between two ledgers,
 *
 *   - before a batch that does not follow its range, starts another partition, or would make its
 *     intent too large;
 *   - after a batch by which a file reaches max_file_size, or the writers all of their memory;
 *   - when max_file_age is over, when the range ends, and when the process is to stop.
 *
 * Cutting is one road (commit_open): it takes the next number; the files get their footers, are
 * synced and read back (STAGED); each gets a name that neither the lake nor any commit ever had;
 * the intent is described; and from there the publisher (commit/publisher.c) brings it into the
 * lake wholly, or out of it wholly.
 *
 * What fails on the way is lost as a whole: the staged files are deleted, and the range is marked
 * to be asked for again (sink_take_lost_range). It was never covered, so nothing else has to know.
 * Two ends are different. A commit that is left to the next start because nobody wants to wait any
 * more keeps its files and its intent. And one of which it could not be settled whether it is in
 * the lake (UNSETTLED) is settled first, by whichever call comes next: until then nothing is
 * written.
 */
#include "sink/sink.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "commit/publisher.h"
#include "os/clock.h"
#include "os/identity.h"
#include "os/log.h"
#include "sink/file_description.h"
#include "sink/lake_folder.h"
#include "sink/lost_ranges.h"
#include "sink/newer_files.h"
#include "sink/open_commit.h"
#include "sink/sink_counters.h"
#include "util/memory.h"
#include "version.h"

/* Row groups are closed when the writers hold this share of memory_bytes, and before encoding one
 * would take them beyond all of it. */
#define MEMORY_SHARE_PERCENT 60
/* Some ten times what a row group is left open with (PARQUET_JOINED_ROWS). */
#define SMALL_ROW_GROUP_ROWS 50000u
#define SMALL_FILE_BYTES     ((uint64_t)4 << 20)

/* What the sinks of one lake share: the lake itself, how its files are written, and the one
 * publication that there may be at a time. */
struct sink_shared {
    struct lake_folder folder;
    const struct row_schema *schema;
    enum partitioning_scheme scheme;
    uint64_t max_file_size_bytes;
    int64_t max_file_age_us;
    uint64_t memory_bytes; /* of each sink */
    uint64_t min_free_disk_bytes;
    struct parquet_writer_options writer_options;
    struct data_file_setup setup;
    struct commit_origin origin;
    struct publisher publisher; /* ends each commit */
    struct size_estimate estimate;
    struct encode_pool *pool;
    struct sink *sinks[SINK_MAX];
    size_t sink_count;
};

struct sink {
    struct sink_shared *lake;
    struct open_commit open;
    int64_t checked_start_us; /* of the partition last looked at for files of lost commits */
    size_t relieved_bytes;    /* memory of its writers when a row group was last closed for it */
    bool wants_epoch;         /* a row group was closed while the dictionaries of its rows go on */

    struct lost_ranges lost;
    struct sink_counters stats;

    void (*on_commit)(void *context, const struct sink_commit_info *info);
    void *commit_context;
    sink_fence_maker *make_fence; /* NULL: nobody else commits */
    void *fence_context;
    bool (*is_stopping)(void *context);
    void *stopping_context;
    void (*on_idle)(void *context);
    void *idle_context;
};

/* ---- open and close ---- */

/* Whether what batches on their way leave of a row group shows in the size of files. */
static bool has_small_row_groups(const struct sink_options *options)
{
    return options->max_file_size_bytes < SMALL_FILE_BYTES ||
           (options->row_group_rows != 0 && options->row_group_rows < SMALL_ROW_GROUP_ROWS);
}

struct parquet_writer_options sink_writer_options(const struct sink_options *options)
{
    return (struct parquet_writer_options){.codec = options->codec,
                                           .compression_level = options->compression_level,
                                           .profile = options->profile,
                                           .row_group_rows = options->row_group_rows,
                                           .page_size_bytes = options->page_size_bytes,
                                           .bloom_filters = options->bloom_filters,
                                           .looks_up_all = has_small_row_groups(options),
                                           .created_by = TTP_CREATED_BY};
}

static void set_up(struct sink_shared *lake, const struct sink_options *options)
{
    lake->publisher.store = &lake->folder.store;
    lake->publisher.catalog = lake->folder.catalog;
    lake->scheme = options->scheme;
    lake->max_file_size_bytes = options->max_file_size_bytes;
    lake->max_file_age_us = options->max_file_age_us;
    lake->memory_bytes = options->memory_bytes;
    lake->min_free_disk_bytes = options->min_free_disk_bytes;
    lake->writer_options = sink_writer_options(options);
    lake->setup = (struct data_file_setup){.store = &lake->folder.store,
                                           .schema = lake->schema,
                                           .options = &lake->writer_options,
                                           .pool = lake->pool,
                                           .obstacle = &lake->publisher.obstacle,
                                           .estimate = &lake->estimate,
                                           .verify = options->verify_files};
    lake->origin = (struct commit_origin){.lake_id = lake->folder.file.lake_id,
                                          .network = lake->folder.file.network,
                                          .scheme = options->scheme};
}

static void release_shared(struct sink_shared *lake)
{
    publisher_release(&lake->publisher);
    encode_pool_free(lake->pool);
    lake_folder_close(&lake->folder);
    mem_free(lake);
}

static enum error_code open_shared(struct sink_shared *lake, const struct sink_options *options,
                                   struct error *error)
{
    publisher_init(&lake->publisher);
    lake->publisher.obstacle.root = lake->folder.store.root;
    lake->publisher.obstacle.give_up = options->give_up;
    lake->publisher.obstacle.context = options->give_up_context;
    enum error_code code =
        lake_folder_open(&lake->folder, options, lake->schema, &lake->publisher.obstacle, error);
    if (code == OK)
        code = encode_pool_new(&lake->pool,
                               options->encode_threads == 0 ? 1 : options->encode_threads, error);
    if (code == OK)
        set_up(lake, options);
    return code;
}

/* One more that writes to the lake. */
static enum error_code add_sink(struct sink_shared *lake, struct sink **out, struct error *error)
{
    assert(lake->sink_count < SINK_MAX);
    struct sink *sink = *out = mem_alloc_zero(1, sizeof *sink);
    if (sink == NULL)
        return error_no_memory(error, "the lake's writer");
    sink->lake = lake;
    sink->checked_start_us = INT64_MIN;
    open_commit_init(&sink->open);
    lake->sinks[lake->sink_count++] = sink;
    return OK;
}

enum error_code sink_open(struct sink **out, const struct sink_options *options,
                          struct error *error)
{
    *out = NULL;
    const struct row_schema *schema = row_schema_find(options->schema_version);
    if (schema == NULL)
        return error_set(error, ERR_INVALID, "there is no schema version %s",
                         options->schema_version);
    struct sink_shared *lake = mem_alloc_zero(1, sizeof *lake);
    if (lake == NULL)
        return error_no_memory(error, "the lake's writer");
    lake->schema = schema;
    enum error_code code = open_shared(lake, options, error);
    if (code == OK)
        code = add_sink(lake, out, error);
    if (code != OK)
        release_shared(lake);
    return code;
}

enum error_code sink_open_beside(struct sink **out, struct sink *sink, struct error *error)
{
    return add_sink(sink->lake, out, error);
}

void sink_close(struct sink *sink)
{
    if (sink == NULL)
        return;
    struct sink_shared *lake = sink->lake;
    open_commit_discard(&sink->open);
    for (size_t i = 0; i < lake->sink_count; i++)
        if (lake->sinks[i] == sink)
            lake->sinks[i] = lake->sinks[--lake->sink_count];
    mem_free(sink);
    if (lake->sink_count == 0)
        release_shared(lake);
}

struct catalog *sink_catalog(struct sink *sink)
{
    return sink->lake->folder.catalog;
}

enum error_code sink_at_catalog(struct sink *sink, obstacle_step *step, void *context,
                                struct error *error)
{
    return obstacle_wait_for_catalog(&sink->lake->publisher.obstacle, step, context, error);
}

/* ---- numbers for others ---- */

static int64_t next_commit_us(const struct sink *sink)
{
    return sink->open.state == COMMIT_IDLE
               ? 0
               : sink->open.opened_realtime_us + sink->lake->max_file_age_us;
}

static void publish_open_stats(struct sink *sink)
{
    bool is_open = sink->open.state != COMMIT_IDLE;
    atomic_store_explicit(&sink->stats.rows_open, is_open ? (uint64_t)sink->open.row_count : 0,
                          memory_order_relaxed);
    atomic_store_explicit(&sink->stats.bytes_open,
                          is_open ? open_commit_bytes(&sink->open, &sink->lake->estimate) : 0,
                          memory_order_relaxed);
    atomic_store_explicit(&sink->stats.next_commit_us, next_commit_us(sink), memory_order_relaxed);
}

void sink_get_stats(const struct sink *sink, struct sink_stats *out)
{
    sink_counters_get(&sink->stats, &sink->lake->publisher.obstacle, out);
}

static void tell_commit(struct sink *sink, enum rotation_reason reason, const char *partition,
                        int64_t started_us)
{
    const struct catalog_commit *commit = &sink->lake->publisher.intent.commit;
    struct sink_commit_info info = {.commit_no = commit->commit_no,
                                    .range = {commit->range.first, commit->range.last},
                                    .reason = reason,
                                    .file_count = commit->file_count,
                                    .row_count = (uint64_t)commit->row_count,
                                    .last_close_us = commit->last_close_us,
                                    .partition = partition,
                                    .duration_us = os_monotonic_us() - started_us,
                                    .files = commit->files,
                                    .commit = commit};
    for (size_t i = 0; i < commit->file_count; i++)
        info.size_bytes += (uint64_t)commit->files[i].file_size_bytes;
    if (sink->lake->setup.on_duration != NULL)
        sink->lake->setup.on_duration(sink->lake->setup.duration_context, "commit",
                                      info.duration_us);
    if (sink->on_commit != NULL)
        sink->on_commit(sink->commit_context, &info);
    if (commit->dead_letter_count > 0)
        log_event(LOG_WARN, "sink", "events that can't be rows were set aside as dead letters",
                  LOG_U("commit_no", info.commit_no),
                  LOG_U("dead_letters", (uint64_t)commit->dead_letter_count),
                  LOG_T("path", commit->dead_letters_path));
}

/* ---- what is lost ---- */

bool sink_take_lost_range(struct sink *sink, struct ledger_range *range)
{
    return lost_ranges_take(&sink->lost, range);
}

/* Nothing of the open commit is kept. */
static void discard_open(struct sink *sink)
{
    if (open_commit_has_ledgers(&sink->open))
        lost_ranges_add(&sink->lost, sink->open.range);
    /* Where it is the one that is not settled, its staged files belong to the intent. */
    if (sink->lake->publisher.unsettled && sink->open.state == COMMIT_STAGED)
        open_commit_release(&sink->open);
    else
        open_commit_discard(&sink->open);
}

/* The open commit failed. */
static void drop_open(struct sink *sink)
{
    discard_open(sink);
    sink_counter_add(&sink->stats.commits_failed, 1);
    atomic_store_explicit(&sink->stats.failing, true, memory_order_relaxed);
    publish_open_stats(sink);
}

/* ---- publishing ---- */

/* Whether another sink's commit is past OPEN. */
static bool another_is_cut(const struct sink *sink)
{
    for (size_t i = 0; i < sink->lake->sink_count; i++)
        if (sink->lake->sinks[i] != sink && sink->lake->sinks[i]->open.state > COMMIT_OPEN)
            return true;
    return false;
}

static enum error_code read_number(void *context, struct error *error)
{
    struct sink *sink = context;
    uint64_t commit_no = 0;
    enum error_code code = catalog_take_commit_no(sink->lake->folder.catalog, &commit_no, error);
    if (code == OK)
        open_commit_number(&sink->open, commit_no);
    return code;
}

/* The number of a commit that is cut: others may have come into the lake since it was opened. As
 * for its transaction, the catalog is waited for. */
static enum error_code take_number(struct sink *sink, struct error *error)
{
    assert(!another_is_cut(sink));
    return sink_at_catalog(sink, read_number, sink, error);
}

/* Whose what is published next is. */
static enum error_code fence(struct sink *sink, struct ledger_range range, struct error *error)
{
    struct commit_fence *out = &sink->lake->publisher.fence;
    *out = (struct commit_fence){.lease_id = 0};
    return sink->make_fence == NULL ? OK : sink->make_fence(sink->fence_context, range, out, error);
}

/* OPEN → STAGED, and the intent, without a file's fate decided yet. */
static enum error_code stage(struct sink *sink, enum rotation_reason reason, struct error *error)
{
    enum error_code code = fence(sink, sink->open.range, error);
    if (code == OK)
        code = take_number(sink, error);
    if (code == OK)
        code = open_commit_finish(&sink->open, &sink->lake->setup, &sink->lake->origin, error);
    intent_release(&sink->lake->publisher.intent);
    if (code == OK)
        code = open_commit_describe(&sink->open, &sink->lake->setup, &sink->lake->origin,
                                    rotation_reason_name(reason), &sink->lake->publisher.intent,
                                    error);
    struct catalog_file *files = (struct catalog_file *)sink->lake->publisher.intent.commit.files;
    for (size_t i = 0; code == OK && i < sink->open.file_count; i++)
        code = file_description_name(&sink->open.files[i], &sink->lake->folder.store,
                                     sink->lake->folder.catalog, sink->lake->scheme, files, i,
                                     sink->lake->publisher.intent.commit_uuid,
                                     &sink->lake->publisher.intent.arena, &files[i].path, error);
    return code;
}

static enum error_code commit_open(struct sink *sink, enum rotation_reason reason,
                                   struct error *error)
{
    int64_t started_us = os_monotonic_us();
    char partition[PARTITION_PATH_BYTES] = "";
    assert(sink->open.state == COMMIT_OPEN && !sink->lake->publisher.unsettled);
    if (sink->open.has_partition)
        partition_label(sink->lake->scheme, sink->open.files[0].key, partition);
    bool committed = false;
    enum error_code code = stage(sink, reason, error);
    if (code == OK)
        code = publisher_run(&sink->lake->publisher, &committed, error);
    if (!committed) {
        drop_open(sink);
        return code;
    }
    open_commit_release(&sink->open);
    sink->wants_epoch = true;
    sink_counters_add_commit(&sink->stats, &sink->lake->publisher.intent.commit, reason);
    publish_open_stats(sink);
    tell_commit(sink, reason, partition, started_us);
    if (sink->on_idle != NULL && reason != ROTATION_SHUTDOWN)
        sink->on_idle(sink->idle_context);
    return OK;
}

/* ---- taking batches ---- */

static bool starts_another_partition(const struct sink *sink, const struct row_batch *batch)
{
    return sink->open.has_partition && batch->part_count > 0 &&
           batch->parts[0].key.start_us != sink->open.partition_start_us;
}

static bool follows(const struct sink *sink, const struct row_batch *batch)
{
    return (uint64_t)sink->open.range.last + 1 == batch->range.first;
}

/* Whether the file of dead letters is as large as one may become: they are read whole. */
static bool has_many_dead_letters(const struct sink *sink)
{
    uint64_t most = sink->lake->max_file_size_bytes;
    return sink->open.dead_letters.size_bytes >=
           (most < DEAD_LETTERS_CUT_BYTES ? most : DEAD_LETTERS_CUT_BYTES);
}

/* Closes the row groups that ask for it; *cut if a file has reached max_file_size. */
static enum error_code measure_files(struct sink *sink, bool *cut, struct error *error)
{
    *cut = has_many_dead_letters(sink);
    for (size_t i = 0; i < sink->open.file_count; i++) {
        struct data_file *file = &sink->open.files[i];
        enum size_verdict verdict = rotation_by_size(
            &sink->lake->estimate, sink->lake->max_file_size_bytes, file->staged.size_bytes,
            parquet_writer_open_bytes_estimate(file->writer));
        if (verdict == SIZE_CLOSE_ROW_GROUP) {
            enum error_code code = data_file_close_row_group(file, &sink->lake->setup, error);
            if (code != OK)
                return code;
            verdict = rotation_by_size(&sink->lake->estimate, sink->lake->max_file_size_bytes,
                                       file->staged.size_bytes, 0);
        }
        *cut = *cut || verdict == SIZE_CUT;
    }
    return OK;
}

/* Closes the largest row group when the writers reach their share. They keep that memory for the
 * next one, so it is left alone until they want more; *cut if they have all that there is. */
static enum error_code relieve_memory(struct sink *sink, bool *cut, struct error *error)
{
    size_t bytes = open_commit_memory_bytes(&sink->open);
    *cut = sink->lake->memory_bytes != 0 && bytes > sink->lake->memory_bytes;
    if (sink->lake->memory_bytes == 0 || *cut ||
        bytes <= sink->relieved_bytes + sink->relieved_bytes / 16)
        return OK;
    struct data_file *largest = NULL;
    for (size_t i = 0; i < sink->open.file_count; i++) {
        struct data_file *file = &sink->open.files[i];
        if (largest == NULL || parquet_writer_open_bytes_estimate(file->writer) >
                                   parquet_writer_open_bytes_estimate(largest->writer))
            largest = file;
    }
    if (largest == NULL ||
        (bytes <= sink->lake->memory_bytes / 100 * MEMORY_SHARE_PERCENT &&
         bytes + parquet_writer_closing_bytes(largest->writer) <= sink->lake->memory_bytes))
        return OK;
    enum error_code code = data_file_close_row_group(largest, &sink->lake->setup, error);
    sink->relieved_bytes = open_commit_memory_bytes(&sink->open);
    return code;
}

/* Nothing is published through a link: said before the work is done. */
static enum error_code refuse_linked_partitions(const struct sink *sink,
                                                const struct row_batch *batch, struct error *error)
{
    char directory[PARTITION_PATH_BYTES], path[OS_PATH_BYTES];
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < batch->part_count; i++) {
        partition_directory(sink->lake->scheme, batch->parts[i].key, directory);
        code = os_path_join(path, directory, "file", error);
        if (code == OK)
            code = store_check_way(&sink->lake->folder.store, path, error);
    }
    return code;
}

/* What the staged files are called after: the number that the commit will have, where no other
 * sink's can come into the lake before it; else the sink. */
static enum error_code name_staged(const struct sink *sink, char stem[OPEN_COMMIT_STEM_BYTES],
                                   struct error *error)
{
    uint64_t number = 0;
    enum error_code code = OK;
    const struct sink_shared *lake = sink->lake;
    bool is_alone = lake->sink_count == 1 && !catalog_is_shared(lake->folder.catalog);
    if (is_alone)
        code = catalog_next_commit_no(lake->folder.catalog, &number, error);
    while (!is_alone && lake->sinks[number++] != sink)
        continue;
    snprintf(stem, OPEN_COMMIT_STEM_BYTES, "%s_%" PRIu64, is_alone ? "commit" : "stream", number);
    return code;
}

static enum error_code take(struct sink *sink, const struct row_batch *batch, struct error *error)
{
    enum error_code code = OK;
    if (sink->open.state == COMMIT_IDLE) {
        char stem[OPEN_COMMIT_STEM_BYTES];
        code = name_staged(sink, stem, error);
        if (code != OK)
            return code;
        open_commit_begin(&sink->open, stem, batch->range.first);
        sink->relieved_bytes = 0;
    }
    if (!sink->open.has_partition)
        code = refuse_linked_partitions(sink, batch, error);
    if (batch->part_count > 0 && batch->parts[0].begins_epoch)
        sink->wants_epoch = false;
    if (code == OK)
        code = open_commit_append(&sink->open, &sink->lake->setup, batch, error);
    sink_counter_add(&sink->stats.batches, 1);
    atomic_store_explicit(&sink->stats.last_batch_us, os_realtime_us(), memory_order_relaxed);
    return code;
}

static void log_low_disk(const struct sink *sink, const struct os_free_space *space)
{
    if (space->bytes < sink->lake->min_free_disk_bytes)
        log_event(LOG_WARN, "sink",
                  "less than min_free_disk is free; taking no more until there is room",
                  LOG_U("free_bytes", space->bytes),
                  LOG_U("min_free_disk", sink->lake->min_free_disk_bytes));
    else
        log_event(LOG_WARN, "sink",
                  "too few inodes are free (df -i); taking no more until there are more",
                  LOG_U("free_inodes", space->inodes), LOG_U("least", SPACE_MIN_INODES));
}

/* What is open in any sink of the lake is published when its time comes. */
static enum error_code tick_all(struct sink_shared *lake, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < lake->sink_count; i++)
        code = sink_tick(lake->sinks[i], NULL, error);
    return code;
}

/* Intake stops below min_free_disk or SPACE_MIN_INODES; what is open may still be published, in the
 * room kept for it, when its time comes or the process is to stop. */
static enum error_code wait_for_free_disk(struct sink *sink, struct error *error)
{
    bool waited = false;
    for (;;) {
        struct os_free_space space;
        if (sink->lake->min_free_disk_bytes == 0 ||
            store_free_space(&sink->lake->folder.store, &space, NULL) != OK ||
            (space.bytes >= sink->lake->min_free_disk_bytes && space.inodes >= SPACE_MIN_INODES) ||
            (sink->is_stopping != NULL && sink->is_stopping(sink->stopping_context)))
            break;
        if (!waited)
            log_low_disk(sink, &space);
        waited = true;
        atomic_store_explicit(&sink->stats.intake_paused, true, memory_order_relaxed);
        enum error_code code = tick_all(sink->lake, error);
        if (code != OK)
            return code;
        os_sleep_us(OBSTACLE_WAIT_US);
    }
    if (waited)
        log_event(LOG_INFO, "sink", "taking batches again",
                  LOG_T("path", sink->lake->folder.store.root));
    atomic_store_explicit(&sink->stats.intake_paused, false, memory_order_relaxed);
    return OK;
}

/* Before a partition's first row is taken: no file there may be of a commit that the catalog does
 * not know. */
static enum error_code check_partition(struct sink *sink, const struct row_batch *batch,
                                       struct error *error)
{
    if (batch->part_count == 0 || batch->parts[0].key.start_us == sink->checked_start_us)
        return OK;
    int64_t start_us = batch->parts[0].key.start_us;
    enum error_code code = newer_files_check_partition(
        &sink->lake->folder.store, &sink->lake->folder.file, sink->lake->folder.catalog,
        sink->lake->scheme, start_us, error);
    if (code == OK)
        sink->checked_start_us = start_us;
    return code;
}

/* Everything sink_append does but for what is lost. A batch that was taken is freed at once:
 * closing a row group wants memory. */
static enum error_code append(struct sink *sink, struct row_batch **owned, bool *taken,
                              struct error *error)
{
    const struct row_batch *batch = *owned;
    bool cut = false;
    enum error_code code = publisher_settle(&sink->lake->publisher, error);
    if (code == OK)
        code = wait_for_free_disk(sink, error);
    if (code == OK && sink->open.state == COMMIT_OPEN && !follows(sink, batch))
        code = commit_open(sink, ROTATION_END_OF_RANGE, error);
    if (code == OK && sink->open.state == COMMIT_OPEN && starts_another_partition(sink, batch))
        code = commit_open(sink, ROTATION_PARTITION, error);
    if (code == OK &&
        sink->open.unconfirmed.count + batch->unconfirmed_count > INTENT_UNCONFIRMED_MAX &&
        open_commit_has_ledgers(&sink->open))
        code = commit_open(sink, ROTATION_MEMORY, error);
    if (code != OK)
        return code;
    *taken = true;
    code = check_partition(sink, batch, error);
    if (code == OK)
        code = take(sink, batch, error);
    row_batch_free(*owned);
    *owned = NULL;
    if (code == OK)
        code = measure_files(sink, &cut, error);
    if (code == OK && cut)
        return commit_open(sink, ROTATION_SIZE, error);
    if (code == OK)
        code = relieve_memory(sink, &cut, error);
    if (code == OK && cut)
        return commit_open(sink, ROTATION_MEMORY, error);
    if (code != OK)
        drop_open(sink);
    else
        publish_open_stats(sink);
    return code;
}

enum error_code sink_append(struct sink *sink, struct row_batch **batch, struct error *error)
{
    bool taken = false;
    struct ledger_range range = (*batch)->range;
    enum error_code code = append(sink, batch, &taken, error);
    if (code != OK && (!taken || sink->lost.count == 0 ||
                       sink->lost.ranges[sink->lost.count - 1].last < range.last))
        lost_ranges_add(&sink->lost, range);
    row_batch_free(*batch);
    *batch = NULL;
    return code;
}

bool sink_take_wish_for_epoch(struct sink *sink)
{
    bool wants_epoch = sink->wants_epoch;
    for (size_t i = 0; i < sink->open.file_count; i++) {
        wants_epoch = wants_epoch || sink->open.files[i].leaves_epoch;
        sink->open.files[i].leaves_epoch = false;
    }
    sink->wants_epoch = false;
    /* Small row groups take their ids one by one, whatever the dictionaries have before. */
    return wants_epoch && !sink->lake->writer_options.looks_up_all;
}

enum error_code sink_commit(struct sink *sink, enum rotation_reason reason, struct error *error)
{
    enum error_code code = publisher_settle(&sink->lake->publisher, error);
    if (code != OK || sink->open.state == COMMIT_IDLE)
        return code;
    return commit_open(sink, reason, error);
}

enum error_code sink_tick(struct sink *sink, int64_t *next_call_us, struct error *error)
{
    if (next_call_us != NULL)
        *next_call_us = INT64_MAX;
    enum error_code code = publisher_settle(&sink->lake->publisher, error);
    publisher_tend(&sink->lake->publisher, false);
    if (code != OK || sink->open.state == COMMIT_IDLE)
        return code;
    struct rotation_age age = {.opened_us = sink->open.opened_monotonic_us,
                               .max_age_us = sink->lake->max_file_age_us,
                               .has_partition = sink->open.has_partition};
    if (age.has_partition)
        age.partition_end_us = partition_end_us(sink->lake->scheme, sink->open.files[0].key);
    int64_t now_us = os_monotonic_us();
    int64_t wait_us = rotation_age_wait_us(&age, now_us, os_realtime_us());
    if (wait_us == 0)
        return commit_open(sink, ROTATION_AGE, error);
    if (next_call_us != NULL)
        *next_call_us = now_us + wait_us;
    return OK;
}

void sink_tend(struct sink *sink)
{
    publisher_tend(&sink->lake->publisher, true);
}

void sink_drop(struct sink *sink)
{
    discard_open(sink);
    publish_open_stats(sink);
}

/* ---- remarks ---- */

enum error_code sink_remark(struct sink *sink, obstacle_step *step, void *context,
                            struct error *error)
{
    enum error_code code = publisher_settle(&sink->lake->publisher, error);
    if (code == OK)
        code = sink_at_catalog(sink, step, context, error);
    if (code == OK)
        return OK;
    if (open_commit_has_ledgers(&sink->open))
        drop_open(sink);
    atomic_store_explicit(&sink->stats.failing, true, memory_order_relaxed);
    return code;
}

enum error_code sink_get_lake(struct sink *sink, struct sink_lake *lake, struct error *error)
{
    *lake = (struct sink_lake){&sink->lake->folder.store, &sink->lake->folder.file,
                               sink->lake->folder.catalog};
    if (sink->lake->publisher.unsettled)
        return error_set(error, ERR_RETRY, "a commit is not closed yet");
    return OK;
}

/* ---- care of the lake ---- */

uint64_t sink_lake_commits(const struct sink *sink)
{
    uint64_t commits = 0;
    for (size_t i = 0; i < sink->lake->sink_count; i++)
        commits += atomic_load_explicit(&sink->lake->sinks[i]->stats.commits, memory_order_relaxed);
    return commits;
}

bool sink_is_idle(const struct sink *sink)
{
    return sink->open.state == COMMIT_IDLE;
}

struct replacement_setup sink_replacement_setup(struct sink *sink)
{
    struct error ignored; /* whose care is not this process's does not ask */
    (void)!fence(sink, (struct ledger_range){0, 0}, &ignored);
    return (struct replacement_setup){.store = &sink->lake->folder.store,
                                      .catalog = sink->lake->folder.catalog,
                                      .lake = &sink->lake->folder.file,
                                      .publisher = &sink->lake->publisher,
                                      .files = &sink->lake->setup,
                                      .scheme = sink->lake->scheme,
                                      .max_file_size_bytes = sink->lake->max_file_size_bytes,
                                      .memory_bytes = sink->lake->memory_bytes};
}

void sink_on_idle(struct sink *sink, void (*handler)(void *context), void *context)
{
    sink->on_idle = handler;
    sink->idle_context = context;
}

/* ---- handlers ---- */

bool sink_keeps_commit(const struct sink *sink)
{
    return publisher_keeps_commit(&sink->lake->publisher);
}

bool sink_gave_up(const struct sink *sink)
{
    return sink->lake->publisher.obstacle.gave_up;
}

void sink_set_give_up(struct sink *sink, bool (*give_up)(void *context, enum obstacle_kind wait),
                      void *context)
{
    sink->lake->publisher.obstacle.give_up = give_up;
    sink->lake->publisher.obstacle.context = context;
}

void sink_set_stopping(struct sink *sink, bool (*is_stopping)(void *context), void *context)
{
    sink->is_stopping = is_stopping;
    sink->stopping_context = context;
}

void sink_set_fence(struct sink *sink, sink_fence_maker *make, void *context)
{
    sink->make_fence = make;
    sink->fence_context = context;
}

void sink_on_commit(struct sink *sink,
                    void (*handler)(void *context, const struct sink_commit_info *info),
                    void *context)
{
    sink->on_commit = handler;
    sink->commit_context = context;
}

void sink_on_duration(struct sink *sink,
                      void (*handler)(void *context, const char *operation, int64_t duration_us),
                      void *context)
{
    sink->lake->setup.on_duration = handler;
    sink->lake->setup.duration_context = context;
}
