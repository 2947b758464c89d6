// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_DEAD_LETTER_LIST_H
#define TTP_LAKE_DEAD_LETTER_LIST_H

/* All dead letters of a lake. */

#include "catalog/catalog.h"
#include "lake/dead_letters.h"

typedef enum error_code dead_letter_visitor(void *context, uint64_t commit_no,
                                            const struct stored_letter *letter,
                                            struct error *error);

/* Calls back for each dead letter of a ledger within `range`, by ledger; texts and bytes live
 * during the call. ERR_CORRUPT if a file of them is missing, changed or can't be read: `verify`
 * says the same. */
enum error_code dead_letters_each(struct catalog *catalog, const char *output_path,
                                  struct ledger_range range, dead_letter_visitor *visit,
                                  void *context, struct error *error) MUST_CHECK;

#endif
