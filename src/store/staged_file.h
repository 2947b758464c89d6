// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_STAGED_FILE_H
#define TTP_STORE_STAGED_FILE_H

/*
 * A file in _lake/staging while it is written: appended to, hashed on the way, waiting where the
 * disk is full. After any failure it can only be discarded (docs/commit-protocol.md, invariant 11).
 */

#include "store/obstacle.h"
#include "store/store.h"

#define STAGED_NAME_BYTES 64

struct staged_file {
    char name[STAGED_NAME_BYTES]; /* in _lake/staging; "" when there is none */
    struct os_file file;
    uint64_t size_bytes;
    void *hash;      /* XXH64 of all bytes so far */
    bool is_durable; /* once it is synced: what is staged for an object store need not be */
    bool failed;
};

void staged_file_init(struct staged_file *staged);
/* Waits where the disk is full. */
enum error_code staged_file_create(struct staged_file *staged, const struct store *store,
                                   const char *name, struct obstacle *obstacle,
                                   struct error *error) MUST_CHECK;
enum error_code staged_file_append(struct staged_file *staged, struct bytes_view bytes,
                                   struct obstacle *obstacle, struct error *error) MUST_CHECK;
/* Makes its bytes durable: sync Y1 or Y2. */
enum error_code staged_file_sync(struct staged_file *staged, struct error *error) MUST_CHECK;
/* Reads back what was appended; `staged` is a struct staged_file: fits struct parquet_source. */
enum error_code staged_file_read(void *staged, uint64_t offset, void *data, size_t size_bytes,
                                 struct error *error) MUST_CHECK;
/* Whether the file has as many bytes as were appended: ERR_CORRUPT if not. */
enum error_code staged_file_check_size(const struct staged_file *staged,
                                       struct error *error) MUST_CHECK;
uint64_t staged_file_checksum(const struct staged_file *staged);
/* Closes it; the file stays. */
void staged_file_release(struct staged_file *staged);
/* Closes and deletes it. */
void staged_file_discard(struct staged_file *staged);

#endif
