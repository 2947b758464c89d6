// SPDX-License-Identifier: Apache-2.0
#include "care/rebuild.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalog/care.h"
#include "catalog/files.h"
#include "catalog/replacement.h"
#include "commit/lake_catalog.h"
#include "commit/exchange.h"
#include "commit/ownership.h"
#include "catalog/others.h"
#include "commit/data_path.h"
#include "commit/intent_file.h"
#include "lake/inventory.h"
#include "care/rebuild_choice.h"
#include "os/clock.h"
#include "os/file.h"
#include "sink/lake_recovery.h"
#include "sink/lake_table.h"
#include "store/objects.h"
#include "util/memory.h"
#include "version.h"

/* Of a catalog that is not made in the folder where it belongs. */
#define REBUILT_CATALOG LAKE_STAGING "/rebuilt.sqlite"

/* One rebuild. */
struct rebuild {
    const struct rebuild_options *options;
    struct rebuild_report *report;
    struct store store; /* its root is absolute */
    struct lake_file lake;
    bool lake_file_is_damaged;
    bool catalog_is_in_folder;
    char new_path[OS_PATH_BYTES]; /* of the new catalog, while it is made */
    enum partitioning_scheme scheme;
    struct intent intent;
    bool has_intent;
    struct arena arena;   /* of `files` */
    struct buffer files;  /* struct found_file */
    struct buffer linked; /* const char *: folders elsewhere that are among them */
    struct rebuild_choice choice;
};

/* ---- which lake it is ---- */

/* The scheme that makes such a label (rows/partition.h, partition_label). */
static enum partitioning_scheme scheme_of_label(const char *label)
{
    if (strstr(label, "/event_type=") != NULL)
        return PARTITION_DATE_HOUR_TYPE;
    if (strstr(label, "/hour=") != NULL)
        return PARTITION_DATE_HOUR;
    return strncmp(label, "year=", 5) == 0 ? PARTITION_DATE : PARTITION_SIMPLE;
}

/* lake.json from what the files say; where they differ, from the newest commit's. */
static enum error_code derive_lake(struct rebuild *rebuild, struct error *error)
{
    const struct found_file *newest = NULL;
    size_t count = LIST_COUNT(&rebuild->files, struct found_file);
    for (size_t i = 0; i < count; i++) {
        const struct found_file *file = LIST_AT(&rebuild->files, struct found_file, i);
        if (file->kind != FOUND_DATA)
            continue;
        if (newest != NULL && strcmp(newest->lake_id, file->lake_id) != 0)
            return error_set(
                error, ERR_CONFLICT,
                "%s and %s are of different lakes (%s and %s), and no readable " LAKE_FILE
                " tells which one this is: put it back from a backup, or move the "
                "other lake's files away",
                newest->path, file->path, newest->lake_id, file->lake_id);
        if (newest == NULL || file->commit_no > newest->commit_no)
            newest = file;
    }
    if (newest == NULL)
        return error_set(error, ERR_NOT_FOUND,
                         "%s has no readable " LAKE_FILE " and no file of a lake: there is nothing "
                         "to make a catalog of",
                         rebuild->store.root);
    if (strlen(newest->lake_id) >= LAKE_ID_BYTES || strlen(newest->network) >= LAKE_NETWORK_BYTES)
        return error_set(error, ERR_CORRUPT, "%s: its metadata name no lake of ours", newest->path);
    snprintf(rebuild->lake.lake_id, LAKE_ID_BYTES, "%s", newest->lake_id);
    snprintf(rebuild->lake.network, LAKE_NETWORK_BYTES, "%s", newest->network);
    snprintf(rebuild->lake.scheme, LAKE_SCHEME_BYTES, "%s",
             partitioning_scheme_name(scheme_of_label(newest->partition)));
    rebuild->report->lake_file_is_new = true;
    return OK;
}

static enum error_code find_lake(struct rebuild *rebuild, struct error *error)
{
    struct error failure;
    error_clear(&failure);
    enum error_code code = lake_file_read(&rebuild->lake, &rebuild->store, &failure);
    rebuild->lake_file_is_damaged = code == ERR_CORRUPT;
    if (code == OK && !partitioning_scheme_parse(rebuild->lake.scheme, &rebuild->scheme)) {
        rebuild->lake_file_is_damaged = true;
        lake_file_release(&rebuild->lake);
        code = ERR_CORRUPT;
    }
    if (code == ERR_NOT_FOUND || code == ERR_CORRUPT)
        code = derive_lake(rebuild, &failure);
    if (code == OK && !partitioning_scheme_parse(rebuild->lake.scheme, &rebuild->scheme))
        code = error_set(&failure, ERR_CORRUPT, "there is no scheme %s", rebuild->lake.scheme);
    if (code != OK && error != NULL)
        *error = failure;
    memcpy(rebuild->report->lake_id, rebuild->lake.lake_id, LAKE_ID_BYTES);
    memcpy(rebuild->report->network, rebuild->lake.network, LAKE_NETWORK_BYTES);
    memcpy(rebuild->report->scheme, rebuild->lake.scheme, LAKE_SCHEME_BYTES);
    return code;
}

static enum error_code find_intent(struct rebuild *rebuild, struct error *error)
{
    struct error failure;
    enum error_code code = intent_read(&rebuild->intent, &rebuild->store, &failure);
    rebuild->has_intent = code == OK;
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

/* ---- where its catalog is ---- */

/* The old one must be of this lake, as far as it can be read; a server must be there. */
static enum error_code check_elsewhere(struct rebuild *rebuild, struct error *error)
{
    struct error failure;
    bool is_there = false;
    struct catalog *old = NULL;
    enum error_code code = lake_catalog_look(&rebuild->store, &is_there, &failure);
    if (code == OK && is_there)
        code = lake_catalog_open(&old, &rebuild->store, CATALOG_READ, NULL, &failure);
    if (code == OK && is_there && strcmp(catalog_lake_id(old), rebuild->lake.lake_id) != 0)
        code = error_set(&failure, ERR_CONFLICT,
                         "the catalog that is named for %s is that of another lake (%s, not %s): "
                         "name the one that this lake has",
                         rebuild->store.root, catalog_lake_id(old), rebuild->lake.lake_id);
    else if (code == ERR_CORRUPT || (is_there && code == ERR_CONFLICT))
        code = OK; /* which is why it is made anew */
    catalog_close(old);
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

/* lake.json says it; of a lake on object storage, and where it is lost, the options. */
static enum error_code find_catalog(struct rebuild *rebuild, struct error *error)
{
    struct lake_file *lake = &rebuild->lake;
    const struct rebuild_options *options = rebuild->options;
    bool is_lost = rebuild->report->lake_file_is_new && store_is_folder(&rebuild->store);
    if (is_lost && options->catalog != NULL && options->catalog[0] != '\0') {
        snprintf(lake->catalog, sizeof lake->catalog, "%s", options->catalog);
        snprintf(lake->catalog_schema, sizeof lake->catalog_schema, "%s", options->catalog_schema);
        lake->layout_version = LAKE_LAYOUT_ELSEWHERE;
        lake_catalog_configure_for(rebuild->store.root, options->catalog, options->catalog_schema);
    }
    enum error_code code =
        lake_catalog_is_in_folder(&rebuild->store, &rebuild->catalog_is_in_folder, error);
    if (code == OK)
        code = store_path(&rebuild->store,
                          rebuild->catalog_is_in_folder ? CATALOG_NEW : REBUILT_CATALOG,
                          rebuild->new_path, error);
    return code == OK && !rebuild->catalog_is_in_folder ? check_elsewhere(rebuild, error) : code;
}

/* ---- the new catalog ---- */

static const struct row_schema *later(const struct row_schema *a, const struct row_schema *b)
{
    return b != NULL && (a == NULL || b->rank > a->rank) ? b : a;
}

/* The schema that the lake had before the commit with the index, itself included. */
static const struct row_schema *schema_of(const struct rebuild *rebuild, size_t index)
{
    const struct rebuilt_commit *rebuilt =
        *LIST_AT(&rebuild->choice.commits, struct rebuilt_commit *, index);
    return row_schema_find(rebuilt->commit.schema_version);
}

static const struct row_schema *first_schema(const struct rebuild *rebuild)
{
    if (rebuild->choice.commits.size_bytes > 0)
        return schema_of(rebuild, 0);
    const struct row_schema *schema =
        rebuild->has_intent ? row_schema_find(rebuild->intent.commit.schema_version) : NULL;
    return schema != NULL ? schema : rebuild->options->schema;
}

static const struct row_schema *last_schema(const struct rebuild *rebuild)
{
    const struct row_schema *schema = first_schema(rebuild);
    size_t count = LIST_COUNT(&rebuild->choice.commits, struct rebuilt_commit *);
    for (size_t i = 0; i < count; i++)
        schema = later(schema, schema_of(rebuild, i));
    if (rebuild->has_intent)
        schema = later(schema, row_schema_find(rebuild->intent.commit.schema_version));
    return schema;
}

static enum error_code evolve(struct rebuild *rebuild, struct catalog *catalog,
                              const struct row_schema **current, const struct row_schema *wanted,
                              struct error *error)
{
    struct lake_table arrays;
    if (wanted == NULL || wanted->rank <= (*current)->rank)
        return OK;
    struct catalog_table table = lake_table_describe(wanted, rebuild->scheme, &arrays);
    size_t own_count = (*current)->column_count;
    *current = wanted;
    return catalog_evolve(catalog, &table, own_count, error);
}

/* What lake.json says was pruned, but for what is in the lake all the same. */
static enum error_code fill_pruned(struct rebuild *rebuild, struct catalog *catalog,
                                   struct error *error)
{
    struct ledger_set pruned = {0};
    enum error_code code =
        ledger_set_subtract(&rebuild->lake.pruned, &rebuild->report->coverage, &pruned, error);
    if (code == OK && pruned.count > 0)
        code = catalog_care_begin(catalog, error);
    if (code == OK && pruned.count > 0)
        code = catalog_add_pruned(catalog, &pruned, error);
    ledger_set_release(&pruned);
    return code;
}

/* The replacement whose first file has that index, with all its files; *end gets the next one's. */
static enum error_code fill_replacement(struct rebuild *rebuild, struct catalog *catalog,
                                        size_t first, size_t *end, struct error *error)
{
    const struct buffer *list = &rebuild->choice.replacements;
    struct catalog_commit change = LIST_AT(list, struct rebuilt_replacement, first)->change;
    size_t members = 0;
    for (*end = first;
         *end < LIST_COUNT(list, struct rebuilt_replacement) &&
         LIST_AT(list, struct rebuilt_replacement, *end)->change.commit_no == change.commit_no;
         ++*end)
        members += LIST_AT(list, struct rebuilt_replacement, *end)->member_count;
    struct catalog_file *files = arena_alloc(&rebuild->arena, (*end - first) * sizeof *files);
    struct catalog_member *all = arena_alloc(&rebuild->arena, members * sizeof *all);
    if (files == NULL || all == NULL)
        return error_no_memory(error, "a replacement that is made anew");
    struct catalog_replacement replacement = {.members = all};
    change.files = files;
    change.file_count = 0;
    change.row_count = 0;
    change.committed_us = os_realtime_us();
    for (size_t i = first; i < *end; i++) {
        const struct rebuilt_replacement *one = LIST_AT(list, struct rebuilt_replacement, i);
        for (size_t k = 0; k < one->member_count; k++) {
            all[replacement.member_count] = one->members[k];
            all[replacement.member_count++].file = change.file_count;
        }
        files[change.file_count++] = one->change.files[0];
        change.row_count += one->change.row_count;
        if (one->change.range.last > change.range.last)
            change.range.last = one->change.range.last;
    }
    return catalog_replace_if(catalog, &change, &replacement, NULL, error);
}

static enum error_code fill_replacements(struct rebuild *rebuild, struct catalog *catalog,
                                         struct error *error)
{
    size_t count = LIST_COUNT(&rebuild->choice.replacements, struct rebuilt_replacement);
    enum error_code code = count > 0 ? catalog_care_begin(catalog, error) : OK;
    for (size_t i = 0; code == OK && i < count;)
        code = fill_replacement(rebuild, catalog, i, &i, error);
    return code;
}

static enum error_code fill(struct rebuild *rebuild, struct catalog *catalog, struct error *error)
{
    enum error_code code = OK;
    const struct row_schema *current = first_schema(rebuild);
    size_t count = LIST_COUNT(&rebuild->choice.commits, struct rebuilt_commit *);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct rebuilt_commit *rebuilt =
            *LIST_AT(&rebuild->choice.commits, struct rebuilt_commit *, i);
        code = evolve(rebuild, catalog, &current, schema_of(rebuild, i), error);
        if (code == OK)
            code = catalog_add_commit(catalog, &rebuilt->commit, error);
    }
    if (code == OK)
        code = evolve(rebuild, catalog, &current, last_schema(rebuild), error);
    if (code == OK)
        code = fill_replacements(rebuild, catalog, error);
    return code == OK ? fill_pruned(rebuild, catalog, error) : code;
}

static enum error_code make_catalog(struct rebuild *rebuild, struct error *error)
{
    char data_path[OS_PATH_BYTES];
    const char *path = rebuild->new_path;
    struct lake_table arrays;
    struct catalog_table table =
        lake_table_describe(first_schema(rebuild), rebuild->scheme, &arrays);
    struct catalog_create_options create = {.data_path = data_path,
                                            .lake_path = rebuild->store.root,
                                            .table = &table,
                                            .created_by = "parquet-consumer " TTP_VERSION,
                                            .lake_id = rebuild->lake.lake_id};
    enum error_code code =
        data_path_make(data_path, rebuild->store.root, rebuild->options->data_path, error);
    if (code == OK)
        code = catalog_discard(path, error);
    if (code != OK)
        return code;
    struct catalog *catalog;
    code = catalog_open(&catalog, path, CATALOG_CREATE, &create, error);
    if (code != OK)
        return code;
    if (!rebuild->catalog_is_in_folder) /* as each that is made there */
        code = catalog_care_begin(catalog, error);
    if (code == OK)
        code = fill(rebuild, catalog, error);
    if (code == OK)
        return catalog_seal(path, catalog, error);
    catalog_close(catalog);
    return code;
}

/* ---- what the new catalog will not have ---- */

static enum error_code announce_object(void *context, bool is_view, const char *schema,
                                       const char *name, struct error *error)
{
    const struct rebuild *rebuild = context;
    (void)error;
    teller_tell(&rebuild->options->teller, "%s %s.%s of others%s", is_view ? "view" : "table",
                schema, name, is_view ? "" : " (its files stay where they are)");
    return OK;
}

static enum error_code count_change(void *context, const struct catalog_change *change,
                                    struct error *error)
{
    (void)change;
    (void)error;
    ++*(uint64_t *)context;
    return OK;
}

/* What is in the old catalog and in no file of a commit. `file_count` gets its live files. */
static enum error_code announce_losses(struct rebuild *rebuild, struct catalog *old,
                                       uint64_t *file_count, struct error *error)
{
    struct catalog_totals totals;
    struct catalog_visible visible;
    uint64_t changes = 0;
    enum error_code code = catalog_totals(old, &totals, error);
    if (code == OK)
        code = catalog_visible_rows(old, &visible, error);
    if (code == OK)
        code = catalog_each_other_object(old, announce_object, rebuild, error);
    if (code == OK)
        code = catalog_each_change(old, count_change, &changes, error);
    if (code == OK && changes > 0)
        teller_tell(&rebuild->options->teller,
                    "what others changed in %" PRIu64 " snapshots ('verify' names them)", changes);
    if (code == OK && visible.inlined_rows > 0)
        teller_tell(&rebuild->options->teller, "%" PRIu64 " rows that lie in the catalog alone",
                    visible.inlined_rows);
    *file_count = code == OK ? totals.files : 0;
    return code;
}

/* An old catalog that can't be read loses nothing more. */
static enum error_code look_at_old(struct rebuild *rebuild, struct error *error)
{
    struct error ignored;
    uint64_t file_count = 0;
    const struct rebuild_report *report = rebuild->report;
    struct catalog *old = NULL;
    bool opened = lake_catalog_open(&old, &rebuild->store, CATALOG_READ, NULL, &ignored) == OK;
    if (report->foreign_rows > 0)
        teller_tell(&rebuild->options->teller,
                    "%" PRIu64 " rows in %" PRIu64
                    " files that no commit made (DuckDB merged, rewrote or "
                    "inserted them): they can't be taken in",
                    report->foreign_rows, report->foreign_files);
    enum error_code code = opened ? announce_losses(rebuild, old, &file_count, &ignored) : OK;
    catalog_close(old);
    if (code == ERR_NO_MEMORY) {
        *error = ignored;
        return code;
    }
    if (report->commits > 0 || rebuild->has_intent || report->foreign_rows == 0 || file_count == 0)
        return OK;
    return error_set(error, ERR_CORRUPT,
                     "nothing of the files in %s could be taken in, though %" PRIu64
                     " of them hold "
                     "rows of the table and the catalog names %" PRIu64 " files: it was left as it "
                     "is. 'verify' says what is wrong; move the catalog away to begin anew",
                     rebuild->store.root, report->foreign_files, file_count);
}

/* ---- putting it in place ---- */

static enum error_code write_lake_file(struct rebuild *rebuild, struct error *error)
{
    enum error_code code = OK;
    bool raises = rebuild->choice.replacements.size_bytes > 0 &&
                  rebuild->lake.layout_version < CATALOG_LAYOUT_CARE;
    if (raises) /* as compaction had done before */
        rebuild->lake.layout_version = CATALOG_LAYOUT_CARE;
    if (!rebuild->report->lake_file_is_new && !rebuild->lake.creating && !raises)
        return OK;
    if (rebuild->lake_file_is_damaged)
        code = store_move_aside(&rebuild->store, LAKE_FILE, NULL, error);
    rebuild->lake.creating = false;
    return code == OK ? lake_file_write(&rebuild->lake, &rebuild->store, error) : code;
}

/* What the catalog covers in the end, the commit that was being published included. */
static enum error_code read_coverage(struct rebuild *rebuild, struct catalog *catalog,
                                     struct error *error)
{
    struct rebuild_report *report = rebuild->report;
    enum error_code code = catalog_coverage(catalog, &report->coverage, error);
    if (code == OK && report->recovered.outcome == RECOVERY_ROLLED_BACK)
        code = ledger_set_append(&report->refetch, report->recovered.range, error);
    return code;
}

/* Finishes or undoes the commit that was being published, in the new catalog. */
static enum error_code recover(struct rebuild *rebuild, struct error *error)
{
    struct catalog *catalog;
    enum error_code code = lake_catalog_open(&catalog, &rebuild->store, CATALOG_WRITE, NULL, error);
    if (code == OK)
        code = lake_recover(&rebuild->store, &rebuild->lake, catalog, &rebuild->report->recovered,
                            error);
    if (code == OK)
        code = read_coverage(rebuild, catalog, error);
    catalog_close(catalog);
    return code;
}

static enum error_code move_files(struct rebuild *rebuild, struct error *error)
{
    struct error failure;
    enum error_code code = OK;
    size_t count = LIST_COUNT(&rebuild->report->entries, struct rebuild_entry);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct rebuild_entry *entry =
            LIST_AT(&rebuild->report->entries, struct rebuild_entry, i);
        if (!entry->moved)
            continue;
        code = store_move_aside(&rebuild->store, entry->path, NULL, &failure);
        if (code == ERR_NOT_FOUND)
            code = OK;
        else if (code != OK && error != NULL)
            *error = failure;
    }
    return code;
}

static enum error_code refuse_if_open(const struct rebuild *rebuild, struct error *error)
{
    char path[OS_PATH_BYTES];
    if (!store_is_folder(&rebuild->store))
        return OK;
    enum error_code code = store_path(&rebuild->store, LAKE_CATALOG, path, error);
    return code == OK ? catalog_refuse_if_open(path, error) : code;
}

static enum error_code put_in_place(struct rebuild *rebuild, struct error *error)
{
    struct rebuild_report *report = rebuild->report;
    if (rebuild->catalog_is_in_folder)
        return catalog_exchange(&rebuild->store, &report->kept_old_catalog, error);
    enum error_code code =
        lake_catalog_replace(&rebuild->store, rebuild->new_path, report->kept_elsewhere, error);
    return code == OK ? catalog_discard(rebuild->new_path, error) : code;
}

/* The files move last: until then the old catalog may still be the lake's, and name them. */
static enum error_code carry_out(struct rebuild *rebuild, struct error *error)
{
    enum error_code code = make_catalog(rebuild, error);
    if (code == OK) /* nobody came meanwhile */
        code = refuse_if_open(rebuild, error);
    if (code == OK)
        code = write_lake_file(rebuild, error);
    if (code == OK)
        code = put_in_place(rebuild, error);
    if (code == OK)
        code = recover(rebuild, error);
    return code == OK ? move_files(rebuild, error) : code;
}

static enum error_code report_links(struct rebuild *rebuild, struct error *error)
{
    struct rebuild_report *report = rebuild->report;
    for (size_t i = 0; i < LIST_COUNT(&rebuild->linked, const char *); i++) {
        struct rebuild_entry entry = {
            .path = arena_copy_text(&report->arena,
                                    bytes_view_text(*LIST_AT(&rebuild->linked, const char *, i))),
            .reason = "a link to a folder elsewhere: its files are read, and never moved"};
        if (entry.path == NULL || buffer_append(&report->entries, &entry, sizeof entry) != OK)
            return error_no_memory(error, "the list of links");
    }
    return OK;
}

static enum error_code rebuild_locked(struct rebuild *rebuild, struct error *error)
{
    enum error_code code = refuse_if_open(rebuild, error);
    if (code == OK)
        code = found_files_read(rebuild->store.root, &rebuild->arena, &rebuild->files,
                                &rebuild->linked, error);
    if (code == OK)
        code = report_links(rebuild, error);
    if (code == OK)
        code = find_lake(rebuild, error);
    if (code == OK)
        code = find_catalog(rebuild, error);
    if (code == OK)
        code = find_intent(rebuild, error);
    if (code != OK)
        return code;
    rebuild->choice.store = &rebuild->store;
    rebuild->choice.lake = &rebuild->lake;
    rebuild->choice.scheme = rebuild->scheme;
    rebuild->choice.intent = rebuild->has_intent ? &rebuild->intent : NULL;
    rebuild->choice.report = rebuild->report;
    code = rebuild_choose(&rebuild->choice, &rebuild->files, error);
    if (code == OK)
        rebuild->report->schema_version = last_schema(rebuild)->version;
    if (code == OK)
        code = look_at_old(rebuild, error);
    return code == OK && !rebuild->options->dry_run ? carry_out(rebuild, error) : code;
}

/* An object store has no folders that could be gone; what is made is staged on this machine. */
static enum error_code enter_objects(struct rebuild *rebuild, struct error *error)
{
    enum error_code code = store_at(&rebuild->store, rebuild->options->output_path, error);
    return code == OK ? store_make_staging(&rebuild->store, error) : code;
}

/* Where even _lake is gone, something must say that this was a lake before one is made here. */
static enum error_code enter(struct rebuild *rebuild, bool *has_folder, struct error *error)
{
    static const char *const lake_folder = LAKE_FOLDER;
    char real[OS_PATH_BYTES];
    const char *output_path = rebuild->options->output_path;
    *has_folder = objects_is_url(output_path);
    if (*has_folder)
        return enter_objects(rebuild, error);
    if (!os_path_exists(output_path))
        return error_set(error, ERR_NOT_FOUND,
                         "there is no lake in %s: name its folder with --output-path", output_path);
    enum error_code code = os_real_path(real, output_path, error);
    if (code == OK)
        code = store_at(&rebuild->store, real, error);
    *has_folder = code == OK && store_exists(&rebuild->store, LAKE_FOLDER);
    if (code != OK || *has_folder)
        return code;
    code = found_files_read(rebuild->store.root, &rebuild->arena, &rebuild->files, &rebuild->linked,
                            error);
    if (code == OK)
        code = derive_lake(rebuild, error);
    buffer_reset(&rebuild->files);
    buffer_reset(&rebuild->linked);
    arena_reset(&rebuild->arena);
    lake_file_release(&rebuild->lake);
    rebuild->report->lake_file_is_new = false;
    if (code == OK && !rebuild->options->dry_run) {
        *has_folder = true;
        code = store_make_staging(&rebuild->store, error);
    }
    return code == OK && *has_folder ? store_sync_changed(&rebuild->store, &lake_folder, 1, error)
                                     : code;
}

enum error_code rebuild_lake(const struct rebuild_options *options, struct rebuild_report *report,
                             struct error *error)
{
    struct error local;
    struct ownership ownership;
    struct rebuild *rebuild = mem_alloc_zero(1, sizeof *rebuild);
    bool has_folder = false;
    error = error == NULL ? &local : error;
    *report = (struct rebuild_report){0};
    arena_init(&report->arena, 0);
    if (rebuild == NULL)
        return error_no_memory(error, "a rebuild");
    rebuild->options = options;
    rebuild->report = report;
    ownership_init(&ownership);
    lake_file_init(&rebuild->lake);
    intent_init(&rebuild->intent);
    letter_names_init(&rebuild->choice.letters);
    arena_init(&rebuild->arena, 0);
    enum error_code code = enter(rebuild, &has_folder, error);
    if (code == OK && has_folder)
        code = ownership_take(&ownership, &rebuild->store, !options->dry_run, error);
    if (code == OK)
        code = rebuild_locked(rebuild, error);
    ownership_release(&ownership);
    lake_catalog_configure_for(NULL, "", "");
    letter_names_release(&rebuild->choice.letters);
    buffer_release(&rebuild->choice.commits);
    buffer_release(&rebuild->choice.replacements);
    buffer_release(&rebuild->choice.ranges);
    buffer_release(&rebuild->files);
    buffer_release(&rebuild->linked);
    arena_release(&rebuild->arena);
    intent_release(&rebuild->intent);
    lake_file_release(&rebuild->lake);
    mem_free(rebuild);
    return code;
}
