// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_SOURCE_H
#define TTP_SOURCE_SOURCE_H

/*
 * One stream of complete ledgers from a TTP server: connect, resume, watch, retry (design section
 * 6). source_run drives one range on the calling thread until it is done, told to stop, or can't go
 * on. It never blocks on its consumer: while has_room says no it keeps serving PING, GOAWAY and
 * stop, and lets the HTTP/2 window close.
 */

#include "source/contract.h"
#include "status/stages.h"
#include "util/error.h"

struct source;

/* ERR_INVALID (options that don't fit each other, a file or certificate that can't be used),
 * ERR_IO, ERR_NO_MEMORY. */
enum error_code source_new(struct source **out, const struct source_options *options,
                           struct error *error) MUST_CHECK;
void source_free(struct source *source);

/* OK: complete or stopped. Otherwise the work can't go on and `error` says why, with the remedy:
 * ERR_INVALID (the server refuses the request: code UNAUTHENTICATED, INVALID_ARGUMENT, …),
 * ERR_CONFLICT (another chain, seen at a seam or by close times), ERR_CORRUPT (poison ledger with
 * `stop`; a loud gap with fails_on_gap; 1,000 unstorable messages in a row; not a TTP server),
 * ERR_RETRY (only with ends_in_outage), or what a handler returned. A passing fault is retried
 * inside. */
enum error_code source_run(struct source *source, const struct source_request *request,
                           const struct source_handler *handler, struct source_result *result,
                           struct error *error) MUST_CHECK;

/* From any thread: makes a source_run that waits look at has_room and must_stop at once. */
void source_wake(struct source *source);
void source_get_stats(const struct source *source, struct stream_stats *out);

#endif
