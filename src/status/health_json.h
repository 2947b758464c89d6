// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_HEALTH_JSON_H
#define TTP_STATUS_HEALTH_JSON_H

#include "status/health.h"
#include "util/buffer.h"

/* Appends the JSON object of /health (design section 7). ERR_NO_MEMORY. */
enum error_code health_json_render(const struct status_snapshot *snapshot,
                                   const struct health *health, struct buffer *out) MUST_CHECK;

#endif
