// SPDX-License-Identifier: Apache-2.0
/*
 * How a commit to object storage is remembered, and what becomes of one that was left.
 *
 * Each object of a commit has a row in the catalog from before it is put. The names are the
 * commit's alone (they carry digits of its random number), so whatever has one of them is its own,
 * and may be deleted once it is certain that the commit never will be in the lake:
 *
 *   1. the rows are marked as given up. From then on the commit's transaction, which takes its rows
 *      out, does not find them all, and ends;
 *   2. the objects are deleted;
 *   3. the rows stay for a day, and then the objects are deleted once more: a request that a dead
 *      process, or a slow way to the store, still had under way may have put one after all.
 *
 * Rows that nobody gave up are those of a process that died: whoever owns the lake gives them up.
 * Where several processes share it, those are rows of a lease that is not what it was when they
 * were written: whoever claims a piece raises its epoch, and any of them gives up what that leaves.
 * There is no going forward: the files were staged on the dead process' disk, and their ledgers are
 * asked for again. A commit older than a day is given up in any case, since DuckDB takes objects
 * that no catalog knows for orphans after two.
 */
#include "commit/upload_intents.h"

#include <string.h>

#include "catalog/uploads.h"
#include "commit/recovery_report.h"
#include "os/clock.h"
#include "os/identity.h"
#include "os/log.h"
#include "util/buffer.h"

#define DAY_US (INT64_C(24) * 3600 * 1000000)

/* ---- a commit's own ---- */

static enum error_code write_rows(struct publication *publication, struct error *error)
{
    const struct intent *intent = publication->intent;
    const struct commit_fence *fence = &publication->fence;
    struct catalog_upload uploads[INTENT_ITEM_MAX];
    struct intent_item items[INTENT_ITEM_MAX];
    char host[OS_HOST_NAME_BYTES];
    size_t count = intent_item_count(intent);
    os_host_name(host);
    for (size_t i = 0; i < count; i++) {
        intent_item_get(intent, i, &items[i]);
        uploads[i] = (struct catalog_upload){.path = items[i].path,
                                             .commit_uuid = intent->commit_uuid,
                                             .holder = fence->lease_id != 0 ? fence->holder : host,
                                             .lease_id = fence->lease_id,
                                             .epoch = fence->epoch,
                                             .size_bytes = (int64_t)items[i].size_bytes,
                                             .checksum = items[i].checksum,
                                             .created_us = intent->commit.committed_us};
    }
    return catalog_begin_uploads(publication->catalog, uploads, count, error);
}

static enum error_code take_rows_out(struct publication *publication, struct error *error)
{
    const struct intent *intent = publication->intent;
    size_t count = intent_item_count(intent);
    if (count == 0)
        return OK;
    if (os_realtime_us() - intent->commit.committed_us > DAY_US)
        return error_set(error, ERR_IO,
                         "the commit is older than a day: other programs may take its objects for "
                         "orphans by now");
    return catalog_end_uploads(publication->catalog, intent->commit_uuid, count, error);
}

static enum error_code give_rows_up(struct publication *publication, struct error *error)
{
    return catalog_give_up_uploads(publication->catalog, publication->intent->commit_uuid,
                                   os_realtime_us(), NULL, error);
}

/* ---- what was given up ---- */

struct upload_sweep {
    int64_t before_us;   /* given up by then: for the second time */
    struct buffer paths; /* each ended by a NUL, behind 1 (forget it then) or 0 */
};

static enum error_code note(void *context, const struct catalog_upload *upload, struct error *error)
{
    struct upload_sweep *sweep = context;
    if (upload->swept_us == 0)
        return OK;
    enum error_code code =
        buffer_append_byte(&sweep->paths, upload->swept_us < sweep->before_us ? 1 : 0);
    if (code == OK)
        code = buffer_append(&sweep->paths, upload->path, strlen(upload->path) + 1);
    return code == OK ? OK : error_no_memory(error, "the objects to delete");
}

/* A path that a commit has is not deleted, whoever made such a row. */
static enum error_code sweep_one(const struct store *store, struct catalog *catalog,
                                 const char *path, bool forget, struct error *error)
{
    bool known = false;
    enum error_code code = catalog_upload_is_known(catalog, path, &known, error);
    if (code == OK && !known)
        code = store_remove(store, path, error);
    return code == OK && forget ? catalog_forget_upload(catalog, path, error) : code;
}

static enum error_code sweep(const struct store *store, struct catalog *catalog, size_t *deleted,
                             struct error *error)
{
    struct upload_sweep sweep = {.before_us = os_realtime_us() - DAY_US};
    buffer_init(&sweep.paths);
    enum error_code code = catalog_each_upload(catalog, note, &sweep, error);
    for (size_t at = 0; code == OK && at < sweep.paths.size_bytes;) {
        const char *path = (const char *)sweep.paths.data + at + 1;
        code = sweep_one(store, catalog, path, sweep.paths.data[at] == 1, error);
        *deleted += code == OK;
        at += strlen(path) + 2;
    }
    buffer_release(&sweep.paths);
    return code;
}

/* What can't be deleted now is later: the rows stay. */
static void try_to_sweep(const struct store *store, struct catalog *catalog, size_t *deleted)
{
    struct error failure;
    error_clear(&failure);
    if (sweep(store, catalog, deleted, &failure) != OK)
        log_event(LOG_WARN, "lake", "objects of commits that were given up can't be deleted yet",
                  LOG_T("reason", failure.message));
}

/* Those that are due for the second time, and those of other processes that lost their pieces. */
static void tend(const struct store *store, struct catalog *catalog)
{
    int64_t now_us = os_realtime_us();
    bool has = false;
    size_t deleted = 0;
    if (catalog_has_old_upload(catalog, now_us - DAY_US, &has, NULL) != OK || !has)
        return;
    if (!catalog_is_shared(catalog) ||
        catalog_give_up_uploads(catalog, NULL, now_us, NULL, NULL) == OK)
        try_to_sweep(store, catalog, &deleted);
}

static enum error_code recover(const struct store *store, struct catalog *catalog,
                               const struct intent_guard *guard, struct recovery_report *report,
                               struct error *error)
{
    uint64_t given_up = 0;
    size_t deleted = 0;
    (void)guard;
    enum error_code code =
        catalog_give_up_uploads(catalog, NULL, os_realtime_us(), &given_up, error);
    if (code != OK)
        return code;
    try_to_sweep(store, catalog, &deleted);
    report->uploads_given_up = given_up;
    return OK;
}

/* ---- for who looks at the lake ---- */

struct visiting {
    intent_path_visitor *visit;
    void *context;
};

static enum error_code tell(void *context, const struct catalog_upload *upload, struct error *error)
{
    const struct visiting *visiting = context;
    return visiting->visit(visiting->context, upload->path, upload->swept_us != 0, error);
}

static enum error_code each_path(const struct store *store, struct catalog *catalog,
                                 intent_path_visitor *visit, void *context, struct error *error)
{
    struct visiting visiting = {visit, context};
    (void)store;
    return catalog_each_upload(catalog, tell, &visiting, error);
}

const struct intent_keeper upload_intents = {.names_are_unique = true,
                                             .write = write_rows,
                                             .demand = take_rows_out,
                                             .give_up = give_rows_up,
                                             .tend = tend,
                                             .recover = recover,
                                             .each_path = each_path};
