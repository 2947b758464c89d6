// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_CONNECTION_H
#define TTP_SERVE_CONNECTION_H

/* One client's socket and its HTTP/2 engine. */

#include "serve/server_state.h"

/* Takes the descriptor (closes it on failure). ERR_NO_MEMORY. */
enum error_code connection_new(struct connection **out, struct server *server, int fd,
                               const char *peer) MUST_CHECK;
void connection_free(struct connection *connection);
/* Reads what has come and gives it to the engine. */
void connection_read(struct connection *connection);
/* Acts on timers and sends as much as goes. */
void connection_write(struct connection *connection);
/* Should it be closed now? */
bool connection_is_over(const struct connection *connection);
bool connection_wants_write(const struct connection *connection);
/* When something is due by the clock; SERVER_NEVER if nothing is. */
int64_t connection_due_us(const struct connection *connection);
/* The live tip has moved: streams that waited for it go on. */
void connection_tip_moved(struct connection *connection);

#endif
