// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_FILES_H
#define TTP_CARE_BACKUP_FILES_H

/* The files of a backup: which are missing, bringing them, and giving them their names. */

#include "care/backup_job.h"

/* By the plan, and the one that was. All that is missing in the lake is told of, and the first of
 * it is the error (ERR_CORRUPT). */
enum error_code backup_look_at_files(struct backup_job *job, struct error *error) MUST_CHECK;

/* Stages what is missing, where names are given by renames. An object store has none: there a file
 * is staged on the local disk only for as long as it takes to put it (backup_place_files). */
enum error_code backup_stage_files(struct backup_job *job, struct error *error) MUST_CHECK;
/* After the names were announced. */
enum error_code backup_place_files(struct backup_job *job, struct error *error) MUST_CHECK;
/* Makes the new names durable. */
enum error_code backup_sync_names(struct backup_job *job, struct error *error) MUST_CHECK;

#endif
