// SPDX-License-Identifier: Apache-2.0
#include "support/temp_store.h"

#include <stddef.h>
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

const struct store *temp_store(const char *folder)
{
    static struct store stores[4];
    static unsigned next;
    struct store *store = &stores[next++ % 4];
    assert_int_equal(store_at(store, folder, NULL), OK);
    return store;
}
