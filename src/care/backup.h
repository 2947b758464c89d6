// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_H
#define TTP_CARE_BACKUP_H

/*
 * A copy of a lake that is a lake: of one snapshot, while a run goes on. The catalog is copied
 * first, then the files that this copy of it names, and the catalog gets its name, or its new
 * contents, last. So at every moment, whatever fails, the destination holds what it held before or
 * all of the new; of a first backup no lake (its lake.json is there, and no catalog, which every
 * command says) or all of it. A next one copies only what is not there with the right size.
 *
 * What left the lake since the last backup stays, listed in the copy's catalog as files that
 * DuckDB may delete (ducklake_cleanup_old_files), until a backup with `mirror` removes it.
 */

#include "commit/lake_file.h"
#include "util/buffer.h"

/* Something that is odd, and does not keep the backup from being whole. */
typedef void backup_teller(void *context, const char *sentence);

struct backup_options {
    const char *output_path;
    const char *destination;
    const char *reader_data_path; /* as readers see the destination; "": where it lies */
    bool link;                    /* data files get a second name, on one file system */
    bool mirror;                  /* what left the lake is removed at the destination */
    bool dry_run;
    backup_teller *tell;
    void *tell_context;
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

/* Takes the destination's lock; the lake's own is its run's. ERR_NOT_FOUND: there is no lake.
 * ERR_CONFLICT, ERR_INVALID: nothing may be written there (care/backup_destination.h), a run holds
 * it, or it can't be linked to. ERR_CORRUPT: a file of the lake is missing or damaged, by name. */
enum error_code backup_lake(const struct backup_options *options, struct backup_report *report,
                            struct error *error) MUST_CHECK;

#endif
