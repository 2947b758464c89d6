// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_LISTING_H
#define TTP_CARE_BACKUP_LISTING_H

/*
 * How large files of a lake are. In a folder each is asked when it is its turn; each question of an
 * object store is a way there and back, and one list tells of a thousand.
 */

#include "store/store.h"
#include "util/arena.h"
#include "util/list.h"

struct backup_listing {
    bool is_listed; /* false: each file is asked */
    struct arena arena;
    struct buffer files; /* by name */
};

void backup_listing_init(struct backup_listing *listing);
void backup_listing_release(struct backup_listing *listing); /* idempotent */
/* In place of what it held. */
enum error_code backup_listing_read(struct backup_listing *listing, const struct store *store,
                                    struct error *error) MUST_CHECK;
typedef enum error_code backup_listing_visitor(void *context, const char *name, uint64_t size_bytes,
                                               struct error *error);
/* Calls back for each file of a list, by name; of a folder, which has none, for nothing. */
enum error_code backup_listing_each(const struct backup_listing *listing,
                                    backup_listing_visitor *visit, void *context,
                                    struct error *error) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum error_code backup_listing_find(const struct backup_listing *listing, const struct store *store,
                                    const char *name, uint64_t *size_bytes,
                                    struct error *error) MUST_CHECK;

#endif
