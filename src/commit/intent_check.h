// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_INTENT_CHECK_H
#define TTP_COMMIT_INTENT_CHECK_H

/* What an intent must be so that a commit can have made it, whatever wrote the file: names of its
 * own number, ranges within the commit's, counts that agree with each other. */

#include "commit/intent.h"

/* NULL if all is well, else the name of the first member that can't be; the texts of `intent` are
 * all there. */
const char *intent_find_fault(const struct intent *intent);

#endif
