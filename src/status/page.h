// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_PAGE_H
#define TTP_STATUS_PAGE_H

/*
 * The page for people at `/`: complete HTML made here, without outside assets. It works without
 * JavaScript (it reloads itself); with it, a small script swaps the page's content every two
 * seconds. Everything that comes from outside is escaped.
 */

#include "status/health.h"
#include "status/snapshot.h"
#include "util/buffer.h"
#include "util/error.h"

/* Appends the page. nonce: base64 text that the Content-Security-Policy header of the same answer
 * allows style and script by. ERR_NO_MEMORY. */
enum error_code page_render(const struct status_snapshot *snapshot, const struct health *health,
                            const char *nonce, struct buffer *out) MUST_CHECK;

#endif
