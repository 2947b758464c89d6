// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_REBUILD_REPORT_H
#define TTP_CARE_REBUILD_REPORT_H

/* What a rebuild took in, and what it left out (care/rebuild.h). */

#include "catalog/catalog.h"
#include "catalog/copy.h"
#include "commit/lake_file.h"
#include "commit/recovery.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/ledgers.h"

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
    char kept_elsewhere[CATALOG_KEPT_BYTES]; /* or there; "": it was not */
    /* Files that no commit made and that have the table's columns: their rows are not taken in. */
    uint64_t foreign_files, foreign_rows;
    char lake_id[LAKE_ID_BYTES], network[LAKE_NETWORK_BYTES], scheme[LAKE_SCHEME_BYTES];
    const char *schema_version;
    struct recovery_report recovered; /* the commit that was being published */
};

void rebuild_report_release(struct rebuild_report *report);

#endif
