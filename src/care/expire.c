// SPDX-License-Identifier: Apache-2.0
#include "care/expire.h"

#include "commit/retirement.h"
#include "lake/open.h"
#include "sink/newer_files.h"

enum error_code expire_owned(const struct store *store, struct catalog *catalog,
                             int64_t older_than_us, bool dry_run, struct expire_report *report,
                             struct error *error)
{
    enum error_code code = OK;
    *report = (struct expire_report){.commits_forgotten = 0};
    if (!dry_run) /* what a backup kept where it was can be moved by now */
        code = retirement_finish(store, catalog, error);
    if (code == OK)
        code = catalog_expire(catalog, older_than_us, dry_run, &report->expiry, error);
    if (code != OK || dry_run)
        return code;
    code = deletion_finish(store, catalog, &report->deleted, error);
    return code == OK ? deletion_forget_commits(store, catalog, report->expiry.oldest_us,
                                                &report->commits_forgotten, error)
                      : code;
}

/* A catalog that somebody put back may need what a newer one had let go of. */
static enum error_code refuse_older_catalog(const struct open_lake *lake, struct error *error)
{
    enum partitioning_scheme scheme;
    if (!partitioning_scheme_parse(lake->file.scheme, &scheme))
        return error_set(error, ERR_CORRUPT,
                         "%s/" LAKE_FILE " names an unknown partitioning scheme: restore it from a "
                         "backup",
                         lake->store.root);
    return newer_files_check_newest(&lake->store, &lake->file, lake->catalog, scheme, error);
}

enum error_code expire_lake(const char *output_path, int64_t older_than_us, bool dry_run,
                            struct expire_report *report, struct error *error)
{
    struct open_lake lake;
    *report = (struct expire_report){.commits_forgotten = 0};
    enum error_code code =
        open_lake_for(&lake, output_path, dry_run, "expire", "snapshot_retention", error);
    if (code == OK)
        code = refuse_older_catalog(&lake, error);
    if (code == OK && !dry_run) /* a walk over all of _lake/replaced: not each hour of a run */
        code = deletion_list_strays(&lake.store, lake.catalog, error);
    if (code == OK)
        code = expire_owned(&lake.store, lake.catalog, older_than_us, dry_run, report, error);
    open_lake_close(&lake);
    return code;
}
