// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_FOLDER_INTENTS_H
#define TTP_COMMIT_FOLDER_INTENTS_H

/* The intent of a lake in a folder: _lake/staging/intent.json (commit/intent_file.h), one at a
 * time. */

#include "commit/publication.h"

extern const struct intent_keeper folder_intents;

#endif
