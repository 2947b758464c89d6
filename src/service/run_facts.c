// SPDX-License-Identifier: Apache-2.0
#include "service/run_facts.h"

#include <assert.h>

void run_observers_add(struct run_observers *observers, struct run_observer observer)
{
    assert(observers->count < RUN_OBSERVERS_MAX);
    observers->items[observers->count++] = observer;
}

void run_observers_tell(const struct run_observers *observers, const struct run_fact *fact)
{
    for (size_t i = 0; i < observers->count; i++)
        observers->items[i].on_fact(observers->items[i].context, fact);
}
