// SPDX-License-Identifier: Apache-2.0
#include "lake/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/history.h"
#include "commit/intent_keeper.h"
#include "util/memory.h"

void inventory_init(struct inventory *inventory)
{
    *inventory = (struct inventory){0};
    arena_init(&inventory->arena, 0);
    lake_file_init(&inventory->lake);
}

void inventory_release(struct inventory *inventory)
{
    arena_release(&inventory->arena);
    lake_file_release(&inventory->lake);
    buffer_release(&inventory->disk_files);
    buffer_release(&inventory->linked);
    buffer_release(&inventory->files);
    buffer_release(&inventory->commits);
    buffer_release(&inventory->in_flight);
    buffer_release(&inventory->shares);
    buffer_release(&inventory->file_shares);
    buffer_release(&inventory->deletes);
    buffer_release(&inventory->inlined);
    buffer_release(&inventory->displaced);
    buffer_release(&inventory->changes);
    buffer_release(&inventory->objects);
    ledger_set_release(&inventory->coverage);
    ledger_set_release(&inventory->unconfirmed);
    ledger_set_release(&inventory->recorded_holes);
    ledger_set_release(&inventory->pruned);
    inventory_init(inventory);
}

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the list of a lake's files");
}

/* A text in the arena; NULL stays NULL. */
static enum error_code keep_text(struct inventory *inventory, const char *text, const char **kept,
                                 struct error *error)
{
    *kept = text == NULL ? NULL : arena_copy_text(&inventory->arena, bytes_view_text(text));
    return text == NULL || *kept != NULL ? OK : no_memory(error);
}

static void mark_in_use(struct inventory *inventory, const char *path)
{
    struct inventory_disk_file *found = inventory_find_disk_file(inventory, path);
    if (found != NULL)
        found->state = INVENTORY_IN_USE;
}

static enum error_code add_file(void *context, const struct catalog_file *file, uint64_t commit_no,
                                struct error *error)
{
    struct inventory *inventory = context;
    struct inventory_file kept = {.record_count = file->record_count,
                                  .file_size_bytes = file->file_size_bytes,
                                  .footer_size_bytes = file->footer_size_bytes,
                                  .checksum = file->checksum,
                                  .range = file->range,
                                  .data_file_id = file->data_file_id,
                                  .commit_no = commit_no,
                                  .has_range = file->has_range,
                                  .is_of_commits = file->is_of_commits,
                                  .snapshots = {file->first_snapshot, file->last_snapshot}};
    enum error_code code = keep_text(inventory, file->path, &kept.path, error);
    if (code == OK && buffer_append(&inventory->files, &kept, sizeof kept) != OK)
        code = no_memory(error);
    return code;
}

static enum error_code add_commit(void *context, const struct catalog_commit_record *commit,
                                  struct error *error)
{
    struct inventory *inventory = context;
    struct inventory_commit kept = {.commit_no = commit->commit_no,
                                    .range = commit->range,
                                    .schema = row_schema_find(commit->schema_version),
                                    .file_count = commit->file_count,
                                    .row_count = commit->row_count,
                                    .dead_letter_count = commit->dead_letter_count,
                                    .last_close_us = commit->last_close_us,
                                    .digest_ledger = commit->digest_ledger,
                                    .dead_letters_checksum = commit->dead_letters_checksum};
    if (commit->ended)
        return OK;
    if (commit->digest_ledger != 0 &&
        (!hex_decode(bytes_view_text(commit->digest_chain), kept.digest_chain,
                     sizeof kept.digest_chain) ||
         !contents_digest_parse(bytes_view_text(commit->digest_contents), &kept.digest_contents)))
        return error_set(error, ERR_CORRUPT, "the catalog's digests of commit %llu are damaged",
                         (unsigned long long)commit->commit_no);
    enum error_code code =
        keep_text(inventory, commit->dead_letters_path, &kept.dead_letters_path, error);
    if (code == OK && buffer_append(&inventory->commits, &kept, sizeof kept) != OK)
        code = no_memory(error);
    return code;
}

static enum error_code add_hole(void *context, struct ledger_range range, const char *reason,
                                int64_t recorded_us, struct error *error)
{
    struct inventory *inventory = context;
    (void)reason;
    (void)recorded_us;
    return ledger_set_append(&inventory->recorded_holes, range, error);
}

static enum error_code read_lists(struct inventory *inventory, const char *root,
                                  struct catalog *catalog, struct error *error)
{
    enum error_code code = catalog_each_file(catalog, add_file, inventory, error);
    if (code == OK)
        code = catalog_each_commit(catalog, 0, add_commit, inventory, error);
    if (code == OK)
        code = catalog_each_recorded_hole(catalog, add_hole, inventory, error);
    if (code == OK)
        code = catalog_coverage(catalog, &inventory->coverage, error);
    if (code == OK)
        code = catalog_unconfirmed(catalog, &inventory->unconfirmed, error);
    if (code == OK)
        code = catalog_pruned(catalog, &inventory->pruned, error);
    if (code == OK)
        code = inventory_read_others(inventory, root, catalog, error);
    return code;
}

static int compare_commit_no(const void *a, const void *b)
{
    uint64_t left = ((const struct inventory_commit *)a)->commit_no;
    uint64_t right = ((const struct inventory_commit *)b)->commit_no;
    return left < right ? -1 : left > right;
}

struct inventory_commit *inventory_find_commit(const struct inventory *inventory,
                                               uint64_t commit_no)
{
    struct inventory_commit wanted = {.commit_no = commit_no};
    size_t count = LIST_COUNT(&inventory->commits, struct inventory_commit);
    return count == 0
               ? NULL
               : bsearch(&wanted, inventory->commits.data, count, sizeof wanted, compare_commit_no);
}

static int compare_files(const void *a, const void *b)
{
    const struct inventory_file *left = a, *right = b;
    if (left->commit_no != right->commit_no)
        return left->commit_no < right->commit_no ? -1 : 1;
    return strcmp(left->path, right->path);
}

/* Sorts the files by commit and tells each commit where its own stand. */
static void join_files_to_commits(struct inventory *inventory)
{
    size_t file_count = LIST_COUNT(&inventory->files, struct inventory_file);
    size_t commit_count = LIST_COUNT(&inventory->commits, struct inventory_commit);
    struct inventory_file *files = (void *)inventory->files.data;
    if (file_count > 0)
        qsort(files, file_count, sizeof *files, compare_files);
    for (size_t i = 0; i < file_count; i++)
        mark_in_use(inventory, files[i].path);
    size_t at = 0;
    for (size_t i = 0; i < commit_count; i++) {
        struct inventory_commit *commit = LIST_AT(&inventory->commits, struct inventory_commit, i);
        while (at < file_count && files[at].commit_no < commit->commit_no)
            at++;
        commit->first_file = at;
        while (at < file_count && files[at].commit_no == commit->commit_no)
            at++;
        commit->live_file_count = at - commit->first_file;
    }
}

static enum error_code count_staged(void *context, const char *relative_path, uint64_t size_bytes,
                                    struct error *error)
{
    struct inventory *inventory = context;
    (void)relative_path;
    (void)size_bytes;
    (void)error;
    inventory->staged_count++;
    return OK;
}

/* A path of a commit that is not in the lake yet, or never will be. */
static enum error_code note_intended(void *context, const char *path, bool is_given_up,
                                     struct error *error)
{
    struct inventory *inventory = context;
    const char *kept;
    enum error_code code = keep_text(inventory, path, &kept, error);
    if (code == OK && !is_given_up &&
        buffer_append(&inventory->in_flight, &kept, sizeof kept) != OK)
        code = no_memory(error);
    if (code == OK)
        mark_in_use(inventory, kept);
    return code;
}

enum error_code inventory_read_catalog(struct inventory *inventory, const char *root,
                                       struct catalog *catalog, struct error *error)
{
    struct store store;
    const struct os_walker walker = {.context = inventory, .visit = count_staged};
    enum error_code code = store_at(&store, root, error);
    if (code == OK)
        code = lake_file_read(&inventory->lake, &store, error);
    if (code == OK && store_exists(&store, LAKE_STAGING))
        code = store_walk(&store, LAKE_STAGING, &walker, error);
    if (code == OK)
        code =
            intent_keeper_of(&store)->each_path(&store, catalog, note_intended, inventory, error);
    if (code == OK)
        code = catalog_begin_read(catalog, error);
    if (code != OK)
        return code;
    code = read_lists(inventory, root, catalog, error);
    join_files_to_commits(inventory);
    if (code == OK)
        code = inventory_join_shares(inventory, catalog, NULL, error);
    catalog_end_read(catalog);
    return code;
}

enum error_code inventory_read_early(struct inventory *inventory, struct catalog *catalog,
                                     uint32_t ledger, struct error *error)
{
    enum error_code code = catalog_begin_read(catalog, error);
    if (code != OK)
        return code;
    code = catalog_each_early_file(catalog, ledger, add_file, inventory, error);
    if (code == OK)
        code = catalog_each_early_commit(catalog, ledger, add_commit, inventory, error);
    if (code == OK)
        code = inventory_read_deletes(inventory, catalog, error);
    join_files_to_commits(inventory);
    if (code == OK)
        code = inventory_join_shares(inventory, catalog, &ledger, error);
    catalog_end_read(catalog);
    return code;
}
