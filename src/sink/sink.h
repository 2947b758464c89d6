// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_SINK_H
#define TTP_SINK_SINK_H

/*
 * A lake open for writing: takes batches of complete ledgers and turns them into commits
 * (docs/commit-protocol.md). One thread, the writer thread, calls it; sink_get_stats
 * may be read from any thread. It runs encode workers of its own.
 */

#include <stdbool.h>
#include <stdint.h>

#include "catalog/catalog.h"
#include "commit/lake_file.h"
#include "commit/publication.h"
#include "rows/batch.h"
#include "sink/replacement.h"
#include "sink/sink_options.h"
#include "status/stages.h"
#include "store/obstacle.h"

/* How such a sink writes its files. */
struct parquet_writer_options sink_writer_options(const struct sink_options *options);

struct sink;

/* Opens or creates the lake: makes output_path, takes the lock, checks lake.json and the catalog,
 * recovers what a crash left, evolves the schema where asked. Errors: ERR_CONFLICT (locked, other
 * network or scheme, newer layout, evolution refused), ERR_INVALID (path not writable),
 * ERR_CORRUPT, ERR_IO. */
enum error_code sink_open(struct sink **out, const struct sink_options *options,
                          struct error *error) MUST_CHECK;

/* So many may write to one lake. */
#define SINK_MAX 16
/* Opens one more sink of the lake that `sink` has open, with an open commit of its own, on the same
 * thread; for as many streams of ledgers. All of them are opened before any is written to. What
 * concerns the lake (its catalog, its care, what is waited for) is the same through any of them. */
enum error_code sink_open_beside(struct sink **out, struct sink *sink,
                                 struct error *error) MUST_CHECK;

/* What is not committed in it is dropped; the last one of a lake releases the lock. Does not
 * commit. NULL is fine. */
void sink_close(struct sink *sink);

/* The lake's catalog, for reading coverage on the writer's thread or before it starts. Borrowed. */
struct catalog *sink_catalog(struct sink *sink);

/* The lake that the sink owns, for its care: on the writer's thread, between calls. Borrowed. */
struct sink_lake {
    const struct store *store;
    struct lake_file *file;
    struct catalog *catalog;
};
/* ERR_RETRY while a commit before it is not settled. */
enum error_code sink_get_lake(struct sink *sink, struct sink_lake *lake,
                              struct error *error) MUST_CHECK;

/* Runs a step on the catalog, while the writer thread does not run. As long as another program
 * holds the catalog it waits and runs the step again, as for a commit: a step must allow that. */
enum error_code sink_at_catalog(struct sink *sink, obstacle_step *step, void *context,
                                struct error *error) MUST_CHECK;

/* Takes a batch (ownership moves in every case; *batch becomes NULL). Cuts a commit first where the
 * batch starts another partition or does not follow the open range, and after it where size or
 * memory ask for it. On error everything not committed is dropped: ask sink_lost_range what to
 * fetch again. ERR_IO/ERR_CORRUPT (staging failed), ERR_LIMIT, ERR_NO_MEMORY. */
enum error_code sink_append(struct sink *sink, struct row_batch **batch,
                            struct error *error) MUST_CHECK;

/* Time passes: cuts a commit whose max_file_age is over. Call at least each second.
 * next_call_us (may be NULL): monotonic time of the next thing to do, INT64_MAX if none. */
enum error_code sink_tick(struct sink *sink, int64_t *next_call_us, struct error *error) MUST_CHECK;

/* Whether row groups were closed, since it was asked last, while the dictionaries of their rows go
 * on (rows/epoch.h): batches of others would spare the next row group work. */
bool sink_take_wish_for_epoch(struct sink *sink);

/* Publishes all that is open, if anything. */
enum error_code sink_commit(struct sink *sink, enum rotation_reason reason,
                            struct error *error) MUST_CHECK;

/* Looks now for what processes that died left on object storage; else that is done now and then. */
void sink_tend(struct sink *sink);

/* Drops what is open: it is lost as by a failed call, without being counted as one. */
void sink_drop(struct sink *sink);

/* How many commits came into the lake by this sink and those beside it. */
uint64_t sink_lake_commits(const struct sink *sink);

/* Whether this sink has no commit open: only then is there room for others than commits that change
 * the lake. */
bool sink_is_idle(const struct sink *sink);
/* What a replacement of data files needs of the lake (sink/replacement.h), while it is idle. */
struct replacement_setup sink_replacement_setup(struct sink *sink);
/* Called on the writer's thread between two commits, when one is in the lake and the next is not
 * open yet, but not at the end of the run: for the care of the lake. */
void sink_on_idle(struct sink *sink, void (*handler)(void *context), void *context);

/* Writes what is to be known beside the commits into the catalog, by a step that may be begun anew;
 * waits while another program holds it, as a commit does. On error everything not committed is
 * dropped, as by a failed commit. Errors: the step's, or those of a wait given up. */
enum error_code sink_remark(struct sink *sink, obstacle_step *step, void *context,
                            struct error *error) MUST_CHECK;

/* After a failed call: the range whose rows were dropped and must be asked for again. False if
 * nothing was lost. Clears the mark. */
bool sink_take_lost_range(struct sink *sink, struct ledger_range *range);

void sink_get_stats(const struct sink *sink, struct sink_stats *out);

/* While a call waits, it asks `give_up` now and then whether to stop waiting (NULL: never). If so,
 * the call fails: with ERR_CONFLICT where the file system refused, else with ERR_IO. A commit whose
 * intent is written stays as it is, and the next start publishes it (sink_keeps_commit). */
void sink_set_give_up(struct sink *sink, bool (*give_up)(void *context, enum obstacle_kind wait),
                      void *context);

/* Whether the last wait was given up. If so, ERR_CONFLICT means that the file system refused; if
 * not, it means that this lake may not be touched. */
bool sink_gave_up(const struct sink *sink);

/* Whether a commit is complete in staging and left to the next start. */
bool sink_keeps_commit(const struct sink *sink);

/* While less than min_free_disk is free, batches wait. They ask this whether the process is to
 * stop: if so, what was handed over is still written, into the room that was kept free. Default:
 * no. */
void sink_set_stopping(struct sink *sink, bool (*is_stopping)(void *context), void *context);

/* One call a commit, on the writer's thread, after it is durable: for logs, metrics and pages. */
struct sink_commit_info {
    uint64_t commit_no;
    struct ledger_range range;
    enum rotation_reason reason;
    size_t file_count;
    uint64_t row_count;
    uint64_t size_bytes;
    int64_t last_close_us; /* newest close time in it; 0: it has no event */
    const char *partition; /* label */
    int64_t duration_us;   /* from the cut to durability */
    const struct catalog_file *files;
    const struct catalog_commit *commit; /* all of it */
};
/* Where other processes commit to the lake, too: whose the ledgers of the next commit are. Asked on
 * the writer's thread when it is cut; for a change that takes no ledgers (0, 0), whose the care of
 * the lake is. An error drops the commit. */
typedef enum error_code sink_fence_maker(void *context, struct ledger_range range,
                                         struct commit_fence *fence, struct error *error);
void sink_set_fence(struct sink *sink, sink_fence_maker *make, void *context);
void sink_on_commit(struct sink *sink,
                    void (*handler)(void *context, const struct sink_commit_info *info),
                    void *context);
/* Durations of operations for the histogram ("encode", "readback", "commit"), on the writer's
 * thread. */
void sink_on_duration(struct sink *sink,
                      void (*handler)(void *context, const char *operation, int64_t duration_us),
                      void *context);

#endif
