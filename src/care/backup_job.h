// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_JOB_H
#define TTP_CARE_BACKUP_JOB_H

/* A backup while it works (care/backup.c says how), for the modules of it: care/backup_files.h
 * brings the files, care/backup_catalog.h the catalog. */

#include "care/backup_copy.h"
#include "care/backup_destination.h"
#include "care/backup_left.h"
#include "care/backup_report.h"
#include "catalog/stored_files.h"
#include "commit/backup_lock.h"
#include "commit/ownership.h"

struct backup_job {
    const struct backup_options *options;
    struct backup_report *report;
    struct store lake, copy;
    struct lake_file lake_file; /* of the catalog that was copied, once it was */
    struct lake_file copy_file; /* what the copy's is to be */
    struct backup_lock lock;
    struct ownership ownership; /* of the copy */
    struct destination destination;
    char staged_path[OS_PATH_BYTES];
    struct catalog *staged;
    struct backup_plan plan;
    bool has_former;
    struct backup_plan former; /* what the destination had before, or began to get */
    uint64_t former_next_commit_no;
    struct backup_listing lake_listing, copy_listing;
    struct backup_left left;
    struct stored_changes changes; /* that are being made in the copy's own catalog */
};

void backup_job_init(struct backup_job *job);
/* What it holds; idempotent. */
void backup_job_release(struct backup_job *job);

static inline const struct backup_plan *backup_former_of(const struct backup_job *job)
{
    return job->has_former ? &job->former : NULL;
}

static inline struct backup_ends backup_ends_of(const struct backup_job *job)
{
    return (struct backup_ends){.lake = &job->lake,
                                .copy = &job->copy,
                                .lake_listing = &job->lake_listing,
                                .copy_listing = &job->copy_listing,
                                .former = backup_former_of(job),
                                .link = job->options->link};
}

static inline size_t backup_item_count(const struct backup_job *job)
{
    return LIST_COUNT(&job->plan.items, struct backup_item);
}

static inline struct backup_item *backup_item_at(const struct backup_job *job, size_t index)
{
    return LIST_AT(&job->plan.items, struct backup_item, index);
}

#endif
