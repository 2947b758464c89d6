// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_REPORT_H
#define TTP_CARE_BACKUP_REPORT_H

/* What a backup is asked for, and what it tells of itself (care/backup.h). */

#include "care/teller.h"
#include "commit/lake_file.h"
#include "util/buffer.h"

struct backup_options {
    const char *output_path;
    const char *destination;
    /* Where the copy's catalog goes, as the options say it (database/location.h); "": into its
     * folder, or where that of the last backup is. */
    const char *catalog, *catalog_schema;
    const char *reader_data_path; /* as readers see the destination; "": where it lies */
    bool link;                    /* data files get a second name, on one file system */
    bool mirror;                  /* what left the lake is removed at the destination */
    bool dry_run;
    /* Told what is odd, and does not keep the backup from being whole. */
    struct teller teller;
};

struct backup_count {
    uint64_t files, bytes;
};

struct backup_report {
    char lake_path[OS_PATH_BYTES], destination[OS_PATH_BYTES], data_path[OS_PATH_BYTES];
    char lake_id[LAKE_ID_BYTES];
    bool is_new; /* there was no backup */
    int64_t snapshot_id;
    uint64_t commit_no;           /* the newest; 0: none */
    struct backup_count all;      /* the copy's files, without its catalog */
    struct backup_count copied;   /* or linked; by a dry run: that would be */
    struct backup_count left_out; /* that only older snapshots need, and that the lake lacks */
    struct backup_count left;     /* of former backups, not in the lake any more */
    struct backup_count removed;  /* of them, by mirror */
    int64_t duration_us;
};

#endif
