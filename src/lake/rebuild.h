// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_REBUILD_H
#define TTP_LAKE_REBUILD_H

/*
 * Makes a lake's catalog anew from its files alone, when it is lost, damaged or not to be trusted.
 * Only whole commits are taken in; of commits that overlap the one with the highest number. Nothing
 * is deleted: what can't be taken in, and the old catalog, move to _lake/damaged. Files that no
 * commit of this lake made are left alone: so are files that DuckDB merged or rewrote, whose rows
 * the new catalog lacks, like the tables and views of others. It keeps a description of every file
 * in memory (some kilobytes each) and the ledger numbers of one commit at a time.
 */

#include "catalog/catalog.h"
#include "commit/lake_file.h"
#include "commit/recovery.h"
#include "rows/schema.h"
#include "util/arena.h"
#include "util/buffer.h"

/* Tells, before anything is changed, of something that the new catalog will lack. */
typedef void rebuild_teller(void *context, const char *what);

struct rebuild_options {
    const char *output_path;
    const char *data_path;           /* as readers see output_path, absolute; "": output_path */
    const struct row_schema *schema; /* of a lake without any commit */
    bool dry_run;                    /* only say what would be done */
    rebuild_teller *tell;
    void *tell_context;
};

/* A file that is not taken in. Texts lie in the report's arena. */
struct rebuild_entry {
    const char *path; /* relative to output_path */
    bool moved;       /* to _lake/damaged (or would be); else it is left where it is */
    const char *reason;
    uint64_t commit_no; /* 0: none */
    struct ledger_range range;
};

struct rebuild_report {
    struct arena arena;
    struct buffer entries;      /* struct rebuild_entry, in the order they were found */
    struct ledger_set coverage; /* taken in */
    struct ledger_set refetch;  /* between them or of commits left out */
    uint64_t commits, files, rows, dead_letters, unconfirmed_ledgers;
    uint64_t commits_without_digest; /* the order of their last ledger's events is not known */
    bool lake_file_is_new;           /* lake.json was missing or damaged: made from the files */
    bool kept_old_catalog;           /* in _lake/damaged */
    /* Files that no commit made and that have the table's columns: their rows are not taken in. */
    uint64_t foreign_files, foreign_rows;
    char lake_id[LAKE_ID_BYTES], network[LAKE_NETWORK_BYTES], scheme[LAKE_SCHEME_BYTES];
    const char *schema_version;
    struct recovery_report recovered; /* the commit that was being published */
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
void rebuild_report_release(struct rebuild_report *report);

#endif
