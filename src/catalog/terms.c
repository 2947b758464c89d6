// SPDX-License-Identifier: Apache-2.0
#include "catalog/terms.h"

enum error_code terms_hold(struct database *database, const struct catalog_terms *terms,
                           struct error *error)
{
    enum error_code code = OK;
    if (terms != NULL && terms->demand != NULL)
        code = terms->demand(terms->context, error);
    if (code == OK)
        code = database_hold(database, error);
    if (code == OK && terms != NULL && terms->confirm != NULL)
        code = terms->confirm(terms->context, error);
    return code;
}
