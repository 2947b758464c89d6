// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_SERVING_H
#define TTP_APP_SERVING_H

/* The built-in TTP server on a thread of its own: for replay, generate --listen and demo. */

#include <stdatomic.h>

#include "app/command.h"
#include "os/thread.h"
#include "serve/server.h"
#include "util/error.h"

struct serving {
    struct server *server;
    struct os_thread thread;
    atomic_bool ended; /* by itself: `code` says why */
    enum error_code code;
    struct error error;
};

/* Binds and serves; what `feed` stands on must outlive serving_stop. Errors of server_new,
 * ERR_RETRY without threads. The struct must stay where it is. */
enum error_code serving_start(struct serving *serving, const struct server_options *options,
                              const struct feed *feed, struct error *error) MUST_CHECK;
/* Ends the server and frees it; the error that had ended it before, if one did. Idempotent. */
enum error_code serving_stop(struct serving *serving, struct error *error);

/* What --tls-cert-file, --tls-key-file and --tls-client-ca-file say; NULL: none of them is there.
 * `files` must live as long as what is given. */
const struct tls_files *serving_tls(const struct command_line *line, struct tls_files *files);

/* The whole of a serving command: prints `listening on H:P` as the first line on stdout, serves
 * until a signal, and says what was served. */
enum exit_code serving_run(const struct server_options *options, const struct feed *feed);

#endif
