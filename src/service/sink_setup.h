// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_SINK_SETUP_H
#define TTP_SERVICE_SINK_SETUP_H

/* A sink as the options ask for it. */

#include "config/options.h"
#include "service/memory_plan.h"
#include "sink/sink.h"

/* What sink_open takes; borrows texts of `options`. */
struct sink_options sink_setup_options(const struct options *options,
                                       const struct memory_plan *memory);

#endif
