// SPDX-License-Identifier: Apache-2.0
#include "care/backup_job.h"

#include "catalog/files.h"

void backup_job_init(struct backup_job *job)
{
    backup_lock_init(&job->lock);
    ownership_init(&job->ownership);
    lake_file_init(&job->lake_file);
    lake_file_init(&job->copy_file);
    backup_plan_init(&job->plan);
    backup_plan_init(&job->former);
    backup_listing_init(&job->lake_listing);
    backup_listing_init(&job->copy_listing);
    backup_left_init(&job->left);
}

void backup_job_release(struct backup_job *job)
{
    bool was_staged = job->staged != NULL;
    catalog_close(job->staged);
    job->staged = NULL;
    if (was_staged)
        (void)!catalog_discard(job->staged_path, NULL);
    ownership_release(&job->ownership);
    backup_lock_release(&job->lock);
    backup_left_release(&job->left);
    backup_listing_release(&job->lake_listing);
    backup_listing_release(&job->copy_listing);
    backup_plan_release(&job->plan);
    backup_plan_release(&job->former);
    lake_file_release(&job->lake_file);
    lake_file_release(&job->copy_file);
}
