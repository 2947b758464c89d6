// SPDX-License-Identifier: Apache-2.0
#include "os/library_hook.h"

static const struct os_library_hook *in_force;

const struct os_library_hook *os_library_hook_get(void)
{
    return in_force;
}

void os_library_hook_set(const struct os_library_hook *hook)
{
    in_force = hook;
}
