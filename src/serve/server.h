// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_SERVER_H
#define TTP_SERVE_SERVER_H

/*
 * The built-in TTP server: GetTTPEvents over a feed, plaintext HTTP/2, many clients at once on one
 * thread. A request for [START, END] gets every ledger of the feed from START on (START 0: from the
 * first) and ends with OK once all up to END is sent and the feed reaches that far: the end of a
 * recording counts as the arrival of a later ledger. With a larger END, or 0, it stays open.
 * 0 < END < START is answered with OK and nothing, as ttp-processor does.
 *
 * Live: the feed's ledgers close one by one from the server's start on; what has closed is sent at
 * once, the rest as it closes. Pace without live: each stream gets a ledger per pace.
 *
 * server_new binds; server_run serves on the calling thread until server_stop. server_stop and
 * server_get_stats may be called from any thread; server_stop also from a signal handler.
 */

#include <stdbool.h>
#include <stdint.h>

#include "serve/server_options.h"
#include "serve/feed.h"
#include "util/error.h"

struct server;

/* ERR_INVALID (an address that is none), ERR_CONFLICT (the port is taken), ERR_IO, ERR_NO_MEMORY.
 * `feed` is copied; what it stands on must outlive the server. *out is NULL after a failure. */
enum error_code server_new(struct server **out, const struct server_options *options,
                           const struct feed *feed, struct error *error) MUST_CHECK;
/* Not while server_run runs; NULL is fine. */
void server_free(struct server *server);

/* "host:port" that it listens on, with the real port; lives as long as the server. */
const char *server_address(const struct server *server);

/* Serves until server_stop (OK) or until the server itself can't go on (ERR_IO, ERR_NO_MEMORY); a
 * client's failure ends that client only. Open connections are closed on return. */
enum error_code server_run(struct server *server, struct error *error) MUST_CHECK;
void server_stop(struct server *server);
void server_get_stats(const struct server *server, struct server_stats *out);

#endif
