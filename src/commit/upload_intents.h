// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_UPLOAD_INTENTS_H
#define TTP_COMMIT_UPLOAD_INTENTS_H

/* The intents of a lake on object storage: rows of the catalog (catalog/uploads.h), any number of
 * commits at a time. */

#include "commit/publication.h"

extern const struct intent_keeper upload_intents;

#endif
