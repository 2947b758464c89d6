// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_REBUILD_H
#define TTP_CARE_REBUILD_H

/*
 * Makes a lake's catalog anew from its files alone, when it is lost, damaged or not to be trusted.
 * Only whole commits are taken in; of commits that overlap the one with the highest number. Commits
 * whose rows lie in the same files (compaction) are taken in together, or none of them. Nothing
 * is deleted: what can't be taken in, and the old catalog, move to _lake/damaged; one outside of
 * the folder stays beside the new one under another name (catalog/copy.h). Files that no commit of
 * this lake made are left alone: so are files that DuckDB merged or rewrote, whose rows the new
 * catalog lacks, like the tables and views of others. It keeps a description of every file in
 * memory (some kilobytes each) and the ledger numbers of one commit at a time.
 */

#include "care/rebuild_report.h"
#include "care/teller.h"
#include "rows/schema.h"

struct rebuild_options {
    const char *output_path;
    const char *data_path; /* as readers see output_path, absolute; "": output_path */
    /* Of a folder whose lake.json is lost: where its catalog is to be (database/location.h); "" or
     * NULL: in the folder. */
    const char *catalog, *catalog_schema;
    const struct row_schema *schema; /* of a lake without any commit */
    bool dry_run;                    /* only say what would be done */
    /* Told, before anything is changed, what the new catalog will not have. */
    struct teller teller;
};

/* Takes the writer's lock. ERR_CORRUPT, before anything is changed, where nothing can be taken in
 * though files hold rows of the table and the old catalog still names them. ERR_CONFLICT: a
 * consumer runs, the catalog is open elsewhere, a newer version made the lake, or files of several
 * lakes lie there and no lake.json tells which one it is. ERR_NOT_FOUND: there is no lake, and no
 * file of one. ERR_CORRUPT: an intent that can't be read. After a failure or a crash the lake has
 * its old catalog, none, or the new one; running it again finishes. Release the report in every
 * case. */
enum error_code rebuild_lake(const struct rebuild_options *options, struct rebuild_report *report,
                             struct error *error) MUST_CHECK;

#endif
