// SPDX-License-Identifier: Apache-2.0
#include "app/serving.h"

#include <inttypes.h>
#include <stdio.h>

#include "output/say.h"
#include "output/standard_output.h"
#include "os/log.h"
#include "os/signal.h"

#define WAIT_US 60000000 /* any: a signal or the server's end wakes the wait */

static void *serve_body(void *context)
{
    struct serving *serving = context;
    serving->code = server_run(serving->server, &serving->error);
    atomic_store(&serving->ended, true);
    os_signals_wake();
    return NULL;
}

enum error_code serving_start(struct serving *serving, const struct server_options *options,
                              const struct feed *feed, struct error *error)
{
    *serving = (struct serving){.code = OK};
    enum error_code code = server_new(&serving->server, options, feed, error);
    if (code == OK)
        code = os_thread_start(&serving->thread, "ttp-serve", serve_body, serving, error);
    if (code != OK) {
        server_free(serving->server);
        serving->server = NULL;
    }
    return code;
}

enum error_code serving_stop(struct serving *serving, struct error *error)
{
    if (serving->server == NULL)
        return OK;
    server_stop(serving->server);
    os_thread_join(&serving->thread);
    server_free(serving->server);
    serving->server = NULL;
    if (serving->code != OK && error != NULL)
        *error = serving->error;
    return serving->code;
}

static const char *file_of(const struct command_line *line, const char *flag)
{
    const char *path = command_line_flag(line, flag);
    return path == NULL ? "" : path;
}

const struct tls_files *serving_tls(const struct command_line *line, struct tls_files *files)
{
    *files = (struct tls_files){.is_server = true,
                                .authorities = file_of(line, "--tls-client-ca-file"),
                                .certificate = file_of(line, "--tls-cert-file"),
                                .key = file_of(line, "--tls-key-file")};
    bool has_any =
        files->authorities[0] != '\0' || files->certificate[0] != '\0' || files->key[0] != '\0';
    return has_any ? files : NULL;
}

enum exit_code serving_run(const struct server_options *options, const struct feed *feed)
{
    struct error error;
    if (os_signals_install(&error) != OK)
        return command_fail(EXIT_FAILED, &error);
    struct serving serving;
    enum error_code code = serving_start(&serving, options, feed, &error);
    if (code != OK)
        return command_fail(exit_code_of(code), &error);
    say("listening on %s\n", server_address(serving.server));
    /* Whoever is to learn the address from it would wait for ever. */
    if (fflush(stdout) != 0) {
        (void)serving_stop(&serving, NULL);
        return standard_output_end(EXIT_DONE);
    }
    while (!os_stop_requested() && !atomic_load(&serving.ended))
        os_signals_wait(WAIT_US);
    struct server_stats stats;
    server_get_stats(serving.server, &stats);
    code = serving_stop(&serving, &error);
    if (code != OK)
        return command_fail(EXIT_FAILED, &error);
    log_event(LOG_INFO, "serve", "stopped", LOG_U("connections", stats.connections),
              LOG_U("requests", stats.requests), LOG_U("events_sent", stats.events_sent),
              LOG_U("faults_fired", stats.faults_fired));
    return EXIT_DONE;
}
