// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_CATALOG_H
#define TTP_CARE_BACKUP_CATALOG_H

/* The catalog of a backup, from the moment that it is copied until it takes its place. On the way
 * it is a SQLite file in the copy's staging, of whichever engine it came from or goes to. */

#include "care/backup_job.h"

#define BACKUP_STAGED_CATALOG LAKE_STAGING "/backup_catalog.sqlite"

/* Copies it, of one moment, and what lake.json says of the same. */
enum error_code backup_stage_catalog(struct backup_job *job, struct error *error) MUST_CHECK;
/* What the copy had before, or what a first backup that died had announced. `lake`: the catalog
 * that is backed up. ERR_CONFLICT if the copy went its own way since. */
enum error_code backup_read_former(struct backup_job *job, struct catalog *lake,
                                   struct error *error) MUST_CHECK;
/* Makes the staged one the copy's own (its place, files that lay elsewhere, what is left of former
 * backups), and closes it. */
enum error_code backup_seal_catalog(struct backup_job *job, struct error *error) MUST_CHECK;
/* Makes the new files known before they get their names. */
enum error_code backup_announce(struct backup_job *job, struct error *error) MUST_CHECK;
/* Gives it its name, or makes the one that is there what it is. */
enum error_code backup_name_catalog(struct backup_job *job, struct error *error) MUST_CHECK;
/* In the copy's own catalog: files that may be deleted. */
enum error_code backup_change_copy(struct backup_job *job, const struct buffer *leftovers,
                                   bool keeps_listed, struct error *error) MUST_CHECK;

#endif
