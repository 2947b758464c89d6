// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_LETTER_DIGEST_H
#define TTP_CARE_LETTER_DIGEST_H

#include "care/letter_plan.h"
#include "rows/digest.h"

/* The digests of the commit's digest ledger when its letters are rows: of the rows that are stored,
 * of those that are new, and of the letters that stay. Both are others then: a dead letter counts
 * with its bytes in the contents, and not at all in the chain. ERR_CORRUPT, the files' errors. */
enum error_code letter_digest_make(const struct letter_plan *plan, const char *root,
                                   struct ledger_digest *digest, struct error *error) MUST_CHECK;

#endif
