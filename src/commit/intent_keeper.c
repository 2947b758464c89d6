// SPDX-License-Identifier: Apache-2.0
#include "commit/intent_keeper.h"

#include "commit/folder_intents.h"

const struct intent_keeper *intent_keeper_of(const struct store *store)
{
    (void)store;
    return &folder_intents;
}
