// SPDX-License-Identifier: Apache-2.0
#include "sink/lake_folder.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "catalog/place.h"
#include "commit/data_path.h"
#include "commit/lake_catalog.h"
#include "os/identity.h"
#include "os/log.h"
#include "sink/lake_recovery.h"
#include "sink/lake_table.h"
#include "sink/newer_files.h"
#include "store/objects.h"
#include "util/memory.h"
#include "version.h"

#define NAMES_BYTES 256

/* What the user can mend by another path or other permissions. */
static bool is_path_problem(int system_errno)
{
    switch (system_errno) {
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EEXIST:
    case EISDIR:
    case ENOENT:
    case ELOOP:
    case ENAMETOOLONG: return true;
    default: return false;
    }
}

static enum error_code explain_path(const char *output_path, enum error_code code,
                                    struct error *error)
{
    if (code == ERR_RETRY && !objects_is_url(output_path)) {
        (void)error_prefix(error, ERR_IO, "no room for the lake at output_path %s: ", output_path);
        code = ERR_IO;
    } else if (error != NULL && is_path_problem(error->system_errno) &&
               !objects_is_url(output_path)) {
        (void)error_prefix(error, ERR_INVALID,
                           "output_path %s can't be written to; give another --output-path or "
                           "change its permissions: ",
                           output_path);
        code = ERR_INVALID;
    }
    if (error != NULL)
        error->code = code;
    return code;
}

/* An empty folder may be the place of a volume that is not mounted. */
static enum error_code require_lake(const struct store *store, struct error *error)
{
    if (store_exists(store, LAKE_FILE) || lake_catalog_exists(store))
        return OK;
    return error_set(error, ERR_INVALID,
                     "there is no lake in %s, and require_lake is true: is its volume mounted? To "
                     "make a new lake there, start once with --require-lake false",
                     store->root);
}

/* Makes output_path, _lake and staging, takes the lock, and tries what commits need. */
static enum error_code enter(struct lake_folder *folder, const char *output_path,
                             struct error *error)
{
    enum error_code code = store_make_folder(&folder->store, error);
    if (code == OK)
        code = ownership_take(&folder->ownership, &folder->store, true, error);
    return code == OK || code == ERR_CONFLICT ? code : explain_path(output_path, code, error);
}

static enum error_code check_lake(const struct lake_folder *folder,
                                  const struct sink_options *options, struct error *error)
{
    const char *scheme = partitioning_scheme_name(options->scheme);
    if (strcmp(folder->file.scheme, scheme) != 0)
        return error_set(error, ERR_CONFLICT,
                         "the lake at %s is partitioned by %s, not %s: run with "
                         "--partitioning-scheme %s, or give another --output-path",
                         folder->store.root, folder->file.scheme, scheme, folder->file.scheme);
    if (folder->file.network[0] != '\0' && options->network[0] != '\0' &&
        strcmp(folder->file.network, options->network) != 0)
        return error_set(error, ERR_CONFLICT,
                         "the lake at %s is of the network %s, not %s: give another --output-path "
                         "for %s",
                         folder->store.root, folder->file.network, options->network,
                         options->network);
    return OK;
}

/* Whether lake.json keeps where the catalog is. That of an object store may be another machine's.
 */
static bool is_placed(const struct lake_folder *folder, const struct sink_options *options)
{
    return store_is_folder(&folder->store) && options->catalog != NULL &&
           options->catalog[0] != '\0';
}

static void take_location(struct lake_folder *folder, const struct sink_options *options)
{
    struct lake_file *file = &folder->file;
    bool is_elsewhere = is_placed(folder, options);
    snprintf(file->catalog, sizeof file->catalog, "%s", is_elsewhere ? options->catalog : "");
    snprintf(file->catalog_schema, sizeof file->catalog_schema, "%s",
             is_elsewhere && options->catalog_schema != NULL ? options->catalog_schema : "");
    file->layout_version = is_elsewhere ? LAKE_LAYOUT_ELSEWHERE : CATALOG_LAYOUT_FIRST;
}

/* A lake keeps its catalog where it is, unless that was never made. */
static enum error_code check_location(struct lake_folder *folder,
                                      const struct sink_options *options, struct error *error)
{
    struct lake_file *file = &folder->file;
    bool is_given = is_placed(folder, options);
    const char *schema = options->catalog_schema == NULL ? "" : options->catalog_schema;
    if (!is_given ||
        (strcmp(file->catalog, options->catalog) == 0 && strcmp(file->catalog_schema, schema) == 0))
        return OK;
    if (file->creating) {
        take_location(folder, options);
        return lake_file_write(file, &folder->store, error);
    }
    return error_set(error, ERR_CONFLICT,
                     "the lake at %s has its catalog in %.300s%s%s, not in %.300s%s%s: leave out "
                     "--catalog, or give another --output-path; a catalog that was moved is named "
                     "anew in _lake/lake.json",
                     folder->store.root, file->catalog[0] == '\0' ? "its folder" : file->catalog,
                     file->catalog_schema[0] == '\0' ? "" : " schema ", file->catalog_schema,
                     options->catalog, schema[0] == '\0' ? "" : " schema ", schema);
}

static enum error_code read_lake_file(struct lake_folder *folder,
                                      const struct sink_options *options, struct error *error)
{
    enum error_code code = lake_file_read(&folder->file, &folder->store, error);
    if (code == OK)
        code = check_lake(folder, options, error);
    return code == OK ? check_location(folder, options, error) : code;
}

/* Reads lake.json, or writes the first one, which says that the catalog may still be missing. */
static enum error_code open_lake_file(struct lake_folder *folder,
                                      const struct sink_options *options, struct error *error)
{
    enum error_code code = read_lake_file(folder, options, error);
    if (code != ERR_NOT_FOUND)
        return code;
    if (lake_catalog_exists(&folder->store))
        return error_set(error, ERR_CORRUPT,
                         "%s/" LAKE_FILE " is missing beside a catalog: restore it from a backup",
                         folder->store.root);
    folder->file.creating = true;
    take_location(folder, options);
    code = os_uuid(folder->file.lake_id, error);
    snprintf(folder->file.network, sizeof folder->file.network, "%s", options->network);
    snprintf(folder->file.scheme, sizeof folder->file.scheme, "%s",
             partitioning_scheme_name(options->scheme));
    if (code == OK)
        code = lake_file_create(&folder->file, &folder->store, error);
    /* Another process makes the same lake now: both do. */
    return code == ERR_CONFLICT && lake_catalog_may_be_shared(&folder->store)
               ? read_lake_file(folder, options, error)
               : code;
}

static enum error_code open_catalog(struct lake_folder *folder, const struct catalog_table *table,
                                    const char *data_path, struct error *error)
{
    struct catalog_create_options create = {.data_path = data_path,
                                            .lake_path = folder->store.root,
                                            .table = table,
                                            .created_by = "parquet-consumer " TTP_VERSION,
                                            .lake_id = folder->file.lake_id};
    bool creating = folder->file.creating;
    enum error_code code = lake_catalog_share(&folder->catalog, &folder->store,
                                              creating ? CATALOG_CREATE : CATALOG_WRITE,
                                              creating ? &create : NULL, error);
    if (code == ERR_NOT_FOUND)
        return error_set(error, ERR_CORRUPT,
                         "the catalog of %s is missing: make it anew from the files with "
                         "`parquet-consumer rebuild`, or restore it from a backup",
                         folder->store.root);
    if (code == ERR_CORRUPT && !lake_catalog_is_elsewhere(&folder->file))
        return error_prefix(error, code,
                            "the catalog is damaged (make it anew from the files with "
                            "`parquet-consumer rebuild`): ");
    return code;
}

/* What the catalog is of, where it is not of this lake. */
static enum error_code refuse_other_lake(struct lake_folder *folder, struct error *error)
{
    char *place = NULL;
    enum error_code code = catalog_lake_path(folder->catalog, &place, error);
    if (code == OK)
        code = error_set(error, ERR_CONFLICT,
                         "the catalog %.300s holds another lake, that of %s: give this one a "
                         "--catalog-schema of its own",
                         folder->file.catalog, place == NULL ? "(unknown)" : place);
    mem_free(place);
    return code;
}

/* Two folders with one catalog would each lack the other's files. One in the folder goes where the
 * folder goes; one elsewhere stays, so that a copied folder has the same. */
static enum error_code check_place(struct lake_folder *folder, struct error *error)
{
    char *place = NULL;
    if (!lake_catalog_is_elsewhere(&folder->file))
        return OK;
    enum error_code code = catalog_lake_path(folder->catalog, &place, error);
    if (code == OK && place != NULL && strcmp(place, folder->store.root) != 0)
        code = error_set(error, ERR_CONFLICT,
                         "the catalog %.300s is that of the lake in %s, and this is %s: if the "
                         "folder was moved, say so with `parquet-consumer relocate`; a copy needs "
                         "a copy of the catalog, too",
                         folder->file.catalog, place, folder->store.root);
    mem_free(place);
    return code;
}

/* A new lake's last step; or the network becomes known. */
static enum error_code complete_lake_file(struct lake_folder *folder,
                                          const struct sink_options *options, struct error *error)
{
    bool is_new = folder->file.creating;
    bool learns_network = folder->file.network[0] == '\0' && options->network[0] != '\0';
    if (strcmp(folder->file.lake_id, catalog_lake_id(folder->catalog)) != 0 &&
        lake_catalog_is_elsewhere(&folder->file))
        return refuse_other_lake(folder, error);
    if (strcmp(folder->file.lake_id, catalog_lake_id(folder->catalog)) != 0)
        return error_set(error, ERR_CORRUPT,
                         "%s/" LAKE_FILE " and the catalog beside it are of different lakes (%s "
                         "and %s): restore the one that belongs here",
                         folder->store.root, folder->file.lake_id,
                         catalog_lake_id(folder->catalog));
    if (!is_new && !learns_network)
        return OK;
    folder->file.creating = false;
    if (learns_network)
        snprintf(folder->file.network, sizeof folder->file.network, "%s", options->network);
    enum error_code code = lake_file_write(&folder->file, &folder->store, error);
    return code == OK && is_new ? store_sync_folder(&folder->store, error) : code;
}

static enum error_code recover(struct lake_folder *folder, struct error *error)
{
    struct recovery_report report;
    enum error_code code =
        lake_recover(&folder->store, &folder->file, folder->catalog, &report, error);
    if (code == ERR_RETRY)
        return error_prefix(error, code, "an unfinished commit can't be recovered yet: ");
    if (code != OK)
        return code;
    static const char *const messages[] = {
        [RECOVERY_FINISHED] = "a commit that was in the catalog already was closed",
        [RECOVERY_ROLLED_FORWARD] = "an interrupted commit was finished",
        [RECOVERY_ROLLED_BACK] = "an interrupted commit was undone; its ledgers are fetched again",
    };
    if (report.uploads_given_up > 0)
        log_event(LOG_INFO, "sink",
                  "objects of interrupted commits were deleted; their ledgers are fetched again",
                  LOG_U("objects", report.uploads_given_up));
    if (report.outcome == RECOVERY_ROLLED_BACK && report.is_replacement)
        log_event(LOG_INFO, "sink",
                  "new files that were to take the place of others were deleted; what they were to "
                  "replace is in the lake",
                  LOG_U("commit_no", report.commit_no));
    else if (report.outcome != RECOVERY_NOTHING)
        log_event(LOG_INFO, "sink", messages[report.outcome], LOG_U("commit_no", report.commit_no),
                  LOG_U("first_ledger", report.range.first),
                  LOG_U("last_ledger", report.range.last));
    if (report.staged_deleted > 0)
        log_event(LOG_INFO, "sink", "unfinished files of an interrupted run were deleted",
                  LOG_U("files", report.staged_deleted));
    return OK;
}

/* The names of the columns that `newer` has and `older` has not, with commas. */
static void list_new_columns(const struct row_schema *older, const struct row_schema *newer,
                             char out[NAMES_BYTES])
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = older->column_count; i < newer->column_count && length < NAMES_BYTES; i++)
        length += (size_t)snprintf(out + length, NAMES_BYTES - length, "%s%s",
                                   length == 0 ? "" : ", ", newer->columns[i].name);
}

static void announce_new_lake(const struct lake_folder *folder, const struct row_schema *schema)
{
    const struct row_schema *newest = &row_schemas[row_schema_count - 1];
    char names[NAMES_BYTES];
    log_event(LOG_INFO, "sink", "a new lake was made", LOG_T("path", folder->store.root),
              LOG_T("scheme", folder->file.scheme), LOG_T("schema_version", schema->version));
    if (schema->rank == newest->rank)
        return;
    list_new_columns(schema, newest, names);
    log_event(LOG_INFO, "sink",
              "this schema version leaves columns out; --schema-version with the newest keeps them",
              LOG_T("schema_version", schema->version), LOG_T("newest", newest->version),
              LOG_T("left_out", names));
}

static enum error_code set_schema(struct lake_folder *folder, const struct sink_options *options,
                                  const struct row_schema *schema,
                                  const struct catalog_table *table, struct error *error)
{
    const char *current = catalog_schema_version(folder->catalog);
    const struct row_schema *lake_schema = row_schema_find(current);
    if (lake_schema == NULL)
        return error_set(error, ERR_CONFLICT,
                         "the lake at %s has schema version %s, which this version does not know: "
                         "use a newer parquet-consumer",
                         folder->store.root, current);
    if (lake_schema->rank == schema->rank)
        return OK;
    if (lake_schema->rank > schema->rank)
        return error_set(error, ERR_CONFLICT,
                         "the lake at %s has schema version %s, and there is no way back to %s: "
                         "run with --schema-version %s, or give another --output-path",
                         folder->store.root, current, schema->version, current);
    if (!options->enable_schema_evolution)
        return error_set(error, ERR_CONFLICT,
                         "the lake at %s has schema version %s, not %s, and "
                         "enable_schema_evolution is false: run with --schema-version %s, or with "
                         "--enable-schema-evolution true",
                         folder->store.root, current, schema->version, current);
    char names[NAMES_BYTES];
    list_new_columns(lake_schema, schema, names);
    enum error_code code = catalog_evolve(folder->catalog, table, lake_schema->column_count, error);
    if (code == OK)
        log_event(LOG_INFO, "sink", "the lake's schema evolved; older files read as NULL there",
                  LOG_T("schema_version", schema->version), LOG_T("new_columns", names));
    return code;
}

/* A copied, moved or restored lake names the place of the one it was made of. */
static enum error_code set_place(struct lake_folder *folder, const char *data_path,
                                 struct error *error)
{
    struct catalog_place before;
    enum error_code code =
        catalog_set_place(folder->catalog, data_path, folder->store.root, &before, error);
    if (code == OK && before.data_path_changed)
        log_event(before.lay_elsewhere ? LOG_WARN : LOG_INFO, "sink",
                  before.lay_elsewhere
                      ? "the catalog named another place than this lake's (was it copied, moved or "
                        "restored?); readers look for its files here from now on"
                      : "readers look for the lake's files under another path from now on",
                  LOG_T("before", before.data_path), LOG_T("data_path", data_path));
    return code;
}

/* The views that DuckDB users query: a new lake has them, one that lacks any gets it. */
static enum error_code make_views(struct lake_folder *folder, const struct catalog_table *table,
                                  struct error *error)
{
    struct catalog_views views;
    enum error_code code = catalog_make_views(folder->catalog, table, &views, error);
    for (size_t i = 0; code == OK && i < CATALOG_VIEW_COUNT; i++) {
        enum catalog_view_outcome outcome = views.items[i].outcome;
        if (outcome == CATALOG_VIEW_REFUSED)
            log_event(LOG_INFO, "sink",
                      "a view of the lake was not made: others have something of its name",
                      LOG_T("view", views.items[i].name),
                      LOG_T("taken_by", views.items[i].taken_by));
        else if (outcome != CATALOG_VIEW_KEPT)
            log_event(LOG_INFO, "sink", "a view of the lake was made",
                      LOG_T("view", views.items[i].name));
    }
    return code;
}

/* What is done at the catalog when a lake is opened. */
struct catalog_work {
    struct lake_folder *folder;
    const struct sink_options *options;
    const struct row_schema *schema;
    const struct catalog_table *table;
    const char *data_path;
    bool is_new; /* the lake */
};

/* It may be begun anew where another program keeps the catalog from it: what is done is found done.
 */
static enum error_code work_at_catalog(void *context, struct error *error)
{
    const struct catalog_work *work = context;
    struct lake_folder *folder = work->folder;
    enum error_code code = OK;
    if (folder->catalog == NULL)
        code = open_catalog(folder, work->table, work->data_path, error);
    if (code == OK)
        code = complete_lake_file(folder, work->options, error);
    if (code == OK)
        code = check_place(folder, error);
    if (code == OK)
        code = recover(folder, error);
    if (code == OK && !work->is_new)
        code = newer_files_check_newest(&folder->store, &folder->file, folder->catalog,
                                        work->options->scheme, error);
    if (code == OK)
        code = set_schema(folder, work->options, work->schema, work->table, error);
    if (code == OK)
        code = set_place(folder, work->data_path, error);
    return code == OK ? make_views(folder, work->table, error) : code;
}

static enum error_code open_all(struct lake_folder *folder, const struct sink_options *options,
                                const struct row_schema *schema, struct obstacle *obstacle,
                                struct error *error)
{
    struct lake_table arrays;
    struct catalog_table table = lake_table_describe(schema, options->scheme, &arrays);
    char data_path[OS_PATH_BYTES];
    enum error_code code = store_at(&folder->store, options->output_path, error);
    if (code == OK && options->require_lake)
        code = require_lake(&folder->store, error);
    if (code == OK)
        code = enter(folder, options->output_path, error);
    if (code == OK)
        code = data_path_make(data_path, folder->store.root, options->reader_data_path, error);
    if (code == OK)
        code = open_lake_file(folder, options, error);
    struct catalog_work work = {folder, options,   schema,
                                &table, data_path, .is_new = folder->file.creating};
    if (code == OK)
        code = obstacle_wait_for_catalog(obstacle, work_at_catalog, &work, error);
    if (code == ERR_RETRY) { /* the disk is full */
        code = ERR_IO;
        if (error != NULL)
            error->code = code;
    }
    if (code == OK && work.is_new)
        announce_new_lake(folder, schema);
    return code;
}

enum error_code lake_folder_open(struct lake_folder *folder, const struct sink_options *options,
                                 const struct row_schema *schema, struct obstacle *obstacle,
                                 struct error *error)
{
    folder->catalog = NULL;
    ownership_init(&folder->ownership);
    lake_file_init(&folder->file);
    enum error_code code = open_all(folder, options, schema, obstacle, error);
    if (code != OK)
        lake_folder_close(folder);
    return code;
}

void lake_folder_close(struct lake_folder *folder)
{
    catalog_close(folder->catalog);
    folder->catalog = NULL;
    lake_file_release(&folder->file);
    ownership_release(&folder->ownership);
}
