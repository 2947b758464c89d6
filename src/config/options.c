// SPDX-License-Identifier: Apache-2.0
#include "config/options.h"

void options_init(struct options *options)
{
    *options = (struct options){.service_name = NULL};
    arena_init(&options->arena, 4096);
}

void options_release(struct options *options)
{
    arena_release(&options->arena);
    options_init(options);
}
