// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_BACKUP_RECORD_H
#define TTP_COMMIT_BACKUP_RECORD_H

/*
 * _lake/backups.json: which backups of the lake ended well, when, and where they lie. Only `backup`
 * writes it, after its copy is durable, and replaces it atomically; it is for people, `status`, the
 * page and the metrics, and decides nothing. A file that can't be read says of no backup.
 */

#include <stddef.h>
#include <stdint.h>

#include "os/path.h"
#include "store/store.h"

/* So many places are remembered. */
#define BACKUP_RECORDS_MAX 16

struct backup_record {
    char destination[OS_PATH_BYTES];
    int64_t ended_us;
    int64_t snapshot_id; /* the newest that it has */
    uint64_t commit_no;  /* the same; 0: none */
    uint64_t files, bytes;
};

struct backup_records {
    size_t count;
    struct backup_record items[BACKUP_RECORDS_MAX]; /* the one that ended last first, one a place */
};

/* None where there is no such file, or none that can be read. Errors: ERR_NO_MEMORY. */
enum error_code backup_records_read(struct backup_records *records, const struct store *store,
                                    struct error *error) MUST_CHECK;
/* Takes the place of the record of its destination. */
enum error_code backup_record_keep(const struct backup_record *record, const struct store *store,
                                   struct error *error) MUST_CHECK;

#endif
