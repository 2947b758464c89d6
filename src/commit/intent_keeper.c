// SPDX-License-Identifier: Apache-2.0
#include "commit/intent_keeper.h"

#include "commit/folder_intents.h"
#include "commit/upload_intents.h"

const struct intent_keeper *intent_keeper_of(const struct store *store)
{
    return store_is_folder(store) ? &folder_intents : &upload_intents;
}
