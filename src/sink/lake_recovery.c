// SPDX-License-Identifier: Apache-2.0
#include "sink/lake_recovery.h"

#include "commit/deletion.h"
#include "commit/retirement.h"
#include "os/log.h"
#include "rows/partition.h"
#include "sink/provenance.h"

static bool names_data_file(const void *context, const char *path)
{
    return partition_makes_path(*(const enum partitioning_scheme *)context, path);
}

/* Design section 3: each file says which commit of which lake it is of. */
static bool is_of_commit(const struct parquet_file_metadata *metadata, const struct intent *intent,
                         size_t index)
{
    const struct catalog_commit *commit = &intent->commit;
    uint64_t rows = (uint64_t)commit->files[index].record_count;
    /* A replacing file holds rows of many commits, and speaks of itself. */
    struct ledger_range range = intent->is_replacement ? commit->files[index].range : commit->range;
    return provenance_says(metadata, PROVENANCE_SCHEMA_VERSION, commit->schema_version) &&
           provenance_says(metadata, PROVENANCE_LAKE_ID, intent->lake_id) &&
           provenance_says_number(metadata, PROVENANCE_COMMIT_NO, commit->commit_no) &&
           provenance_says_number(metadata, PROVENANCE_FIRST_LEDGER, range.first) &&
           provenance_says_number(metadata, PROVENANCE_LAST_LEDGER, range.last) &&
           provenance_says_number(metadata, PROVENANCE_FILE_ROWS, rows) &&
           (uint64_t)metadata->row_count == rows;
}

static enum error_code find_author(const void *context, const struct store *store, const char *name,
                                   const struct intent *intent, size_t index,
                                   enum file_author *author, struct error *error)
{
    struct store_file file;
    struct parquet_file_metadata metadata;
    struct error failure;
    (void)context;
    *author = AUTHOR_UNKNOWN;
    error_clear(&failure);
    enum error_code code = store_open(store, name, &file, &failure);
    struct parquet_source source = {
        .size_bytes = file.size_bytes, .name = file.name, .context = &file, .read = store_read};
    if (code == OK)
        code = parquet_metadata_read(&source, &metadata, &failure);
    if (code == OK) {
        *author = is_of_commit(&metadata, intent, index) ? AUTHOR_COMMIT : AUTHOR_OTHER;
        parquet_metadata_release(&metadata);
    } else if (code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT) {
        code = OK;
    } else if (error != NULL) {
        *error = failure;
    }
    store_close(&file);
    return code;
}

/* What can't be deleted stays listed, and is no reason not to work with the lake. */
static enum error_code finish_deletion(const struct store *store, struct catalog *catalog,
                                       struct error *error)
{
    struct deletion_report report;
    struct error failure;
    enum error_code code = deletion_finish(store, catalog, &report, &failure);
    if (code == ERR_NO_MEMORY)
        return error_no_memory(error, "the files to delete");
    if (code != OK)
        log_event(LOG_WARN, "lake", "files that nothing needs any more could not be deleted",
                  LOG_T("error", failure.message));
    if (report.files > 0)
        log_event(LOG_INFO, "lake", "deleted files that nothing needs any more",
                  LOG_U("files", report.files), LOG_U("bytes", report.bytes));
    return OK;
}

enum error_code lake_recover(const struct store *store, struct lake_file *lake,
                             struct catalog *catalog, struct recovery_report *report,
                             struct error *error)
{
    enum partitioning_scheme scheme;
    *report = (struct recovery_report){0};
    if (!partitioning_scheme_parse(lake->scheme, &scheme))
        return error_set(error, ERR_CORRUPT,
                         "%s/" LAKE_FILE " names an unknown partitioning scheme: restore it from a "
                         "backup",
                         store->root);
    const struct intent_guard guard = {
        .context = &scheme, .names_data_file = names_data_file, .find_author = find_author};
    enum error_code code = recovery_run(store, catalog, &guard, report, error);
    /* Where others are at work what left the lake is moved by who has its care, or has it alone. */
    if (code != OK || catalog_is_shared(catalog))
        return code;
    code = retirement_finish(store, catalog, error);
    if (code == OK)
        code = finish_deletion(store, catalog, error);
    return code == OK ? retirement_keep_pruned(store, lake, catalog, error) : code;
}
