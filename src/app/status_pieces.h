// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_STATUS_PIECES_H
#define TTP_APP_STATUS_PIECES_H

/* What `status` says of the pieces that several processes share out (catalog/leases.h); nothing of
 * a lake that has none. */

#include <jansson.h>

#include "catalog/catalog.h"
#include "util/error.h"

struct status_pieces {
    uint64_t waiting, held, done, set_aside;
    json_t *holders;       /* who holds what, the first of them */
    json_t *aside_ledgers; /* ranges that were set aside, the first of them */
};

/* Release it in every case. */
enum error_code status_pieces_read(struct status_pieces *pieces, struct catalog *catalog,
                                   struct error *error) MUST_CHECK;
void status_pieces_release(struct status_pieces *pieces);
/* The key `pieces` of the JSON. */
void status_pieces_add(const struct status_pieces *pieces, json_t *object);
void status_pieces_print(const struct status_pieces *pieces);

#endif
