// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_INTENT_KEEPER_H
#define TTP_COMMIT_INTENT_KEEPER_H

/* Which way of keeping intents (struct intent_keeper) a lake has. */

#include "commit/publication.h"

const struct intent_keeper *intent_keeper_of(const struct store *store);

#endif
