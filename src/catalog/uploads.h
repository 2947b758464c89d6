// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_UPLOADS_H
#define TTP_CATALOG_UPLOADS_H

/*
 * Objects that commits put before the catalog knows them (docs/commit-protocol.md, "On object
 * storage"): table ttp_upload, made with its first row. A row is there from before its object is
 * put until the commit's transaction takes it out; one of a commit that was given up stays, marked,
 * until its object is deleted for good.
 */

#include "catalog/catalog.h"

struct catalog_upload {
    const char *path; /* relative to the lake, the object's own */
    const char *commit_uuid;
    const char *holder; /* the process that puts it */
    /* Where several processes write, the lease under which its commit was made (catalog/leases.h);
     * 0: none. */
    uint64_t lease_id, epoch;
    int64_t size_bytes;
    uint64_t checksum;
    int64_t created_us;
    int64_t swept_us; /* when it was given up; 0: it was not */
};

/* Durably; again after a failure is fine. ERR_CONFLICT if one of the paths is there already, of
 * another commit or given up. */
enum error_code catalog_begin_uploads(struct catalog *catalog, const struct catalog_upload *uploads,
                                      size_t count, struct error *error) MUST_CHECK;
/* A demand of a commit's transaction (struct catalog_terms): takes out the rows of the commit,
 * which has `count`. ERR_IO, of this or of the transaction, if it has not: somebody has given it
 * up. */
enum error_code catalog_end_uploads(struct catalog *catalog, const char *commit_uuid, size_t count,
                                    struct error *error) MUST_CHECK;
/* Durably: none of them can be part of a commit any more. commit_uuid NULL: of all commits; where
 * several processes write, of all whose lease is not what it was any more, or that had none. *count
 * (may be NULL) gets how many that were. */
enum error_code catalog_give_up_uploads(struct catalog *catalog, const char *commit_uuid,
                                        int64_t now_us, uint64_t *count,
                                        struct error *error) MUST_CHECK;
enum error_code catalog_forget_upload(struct catalog *catalog, const char *path,
                                      struct error *error) MUST_CHECK;

/* All of them: of a copy of the catalog, which is another lake's by now. */
enum error_code catalog_forget_uploads(struct catalog *catalog, struct error *error) MUST_CHECK;

/* In order of their paths; pointers live during the call. */
typedef enum error_code catalog_upload_visitor(void *context, const struct catalog_upload *upload,
                                               struct error *error);
enum error_code catalog_each_upload(struct catalog *catalog, catalog_upload_visitor *visit,
                                    void *context, struct error *error) MUST_CHECK;
/* Whether a commit has a file of that path, data or dead letters. */
enum error_code catalog_upload_is_known(struct catalog *catalog, const char *path, bool *known,
                                        struct error *error) MUST_CHECK;
/* Whether one was given up before `before_us`, or, where several processes write, is to be given
 * up.
 */
enum error_code catalog_has_old_upload(struct catalog *catalog, int64_t before_us, bool *has,
                                       struct error *error) MUST_CHECK;

#endif
