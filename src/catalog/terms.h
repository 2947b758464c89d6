// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_TERMS_H
#define TTP_CATALOG_TERMS_H

/* The terms of a commit's transaction (struct catalog_terms), for the modules of this room. */

#include "catalog/catalog.h"
#include "database/database.h"

/* database_hold, on these terms (may be NULL). */
enum error_code terms_hold(struct database *database, const struct catalog_terms *terms,
                           struct error *error) MUST_CHECK;

#endif
