// SPDX-License-Identifier: Apache-2.0
#include "status/server.h"

#include <assert.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "os/socket.h"
#include "status/answer.h"
#include "status/host.h"
#include "util/memory.h"

/* From so many on a new connection sends away the oldest. libmicrohttpd stops accepting at its
 * limit; some places below it leave it time to see that a connection has gone. */
#define CONNECTIONS_CROWDED (STATUS_CONNECTIONS_MAX - 8)

/* An open connection. Belongs to the listener's thread. */
struct visitor {
    int fd; /* -1: free, or sent away */
    uint64_t order;
};

struct listener {
    const struct status_server *server; /* NULL: off */
    enum answer_place place;
    struct MHD_Daemon *daemon;
    uint16_t port;
    bool is_loopback; /* bound to it: a request for another host was led here */
    uint64_t visits;
    size_t visitor_count;
    struct visitor visitors[STATUS_CONNECTIONS_MAX];
};

struct status_server {
    struct status_feed feed;
    const struct metrics *metrics;
    struct listener health, figures;
};

static void send_away_oldest(struct listener *listener)
{
    struct visitor *oldest = NULL;
    for (size_t i = 0; i < STATUS_CONNECTIONS_MAX; i++) {
        struct visitor *visitor = &listener->visitors[i];
        if (visitor->fd >= 0 && (!oldest || visitor->order < oldest->order))
            oldest = visitor;
    }
    if (!oldest)
        return;
    /* libmicrohttpd meets the end of the stream, and closes. */
    shutdown(oldest->fd, SHUT_RDWR);
    oldest->fd = -1;
}

static void welcome(struct listener *listener, struct MHD_Connection *connection, void **place)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info)
        return;
    if (listener->visitor_count >= CONNECTIONS_CROWDED)
        send_away_oldest(listener);
    for (size_t i = 0; i < STATUS_CONNECTIONS_MAX; i++) {
        struct visitor *visitor = &listener->visitors[i];
        if (visitor->order != 0)
            continue;
        *visitor = (struct visitor){info->connect_fd, ++listener->visits};
        listener->visitor_count++;
        *place = visitor;
        return;
    }
}

/* libmicrohttpd's word that a connection began or ended, on the listener's thread. */
static void on_connection(void *context, struct MHD_Connection *connection, void **place,
                          enum MHD_ConnectionNotificationCode what)
{
    struct listener *listener = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        welcome(listener, connection, place);
    } else if (*place) {
        *(struct visitor *)*place = (struct visitor){-1, 0};
        listener->visitor_count--;
        *place = NULL;
    }
}

static void free_body(void *body)
{
    mem_free(body);
}

static enum MHD_Result send_busy(struct MHD_Connection *connection)
{
    static char words[] = "Not now: ask again.\n";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(words), words, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(connection, 503, response);
    MHD_destroy_response(response);
    return result;
}

static bool add_headers(struct MHD_Response *response, const struct answer *answer)
{
    bool ok = MHD_add_response_header(response, "Content-Type", answer->content_type) &&
              MHD_add_response_header(response, "Cache-Control", "no-store") &&
              MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") &&
              MHD_add_response_header(response, "Connection", "close");
    if (ok && answer->method_refused)
        ok = MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (!ok || answer->nonce[0] == '\0')
        return ok;
    char policy[256];
    snprintf(policy, sizeof(policy),
             "default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; "
             "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'",
             answer->nonce, answer->nonce);
    return MHD_add_response_header(response, "Content-Security-Policy", policy) &&
           MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
}

/* Requests have no bodies here, whatever they say: with a Content-Length that it can't read
 * libmicrohttpd 0.9.75 would send its answer's head twice. The first one of a name counts; this is
 * called before the headers are read. */
static void *on_request_line(void *context, const char *uri, struct MHD_Connection *connection)
{
    (void)context;
    (void)uri;
    (void)MHD_set_connection_value(connection, MHD_HEADER_KIND, "Content-Length", "0");
    return NULL;
}

/* Paths are compared as they were sent: %00 and its like are in none of ours. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    bool *is_foreign = context;
    (void)kind;
    if (strcasecmp(name, "Host") == 0 && !host_is_loopback(value != NULL ? value : ""))
        *is_foreign = true;
    return MHD_YES;
}

/* A request without a Host comes from no browser, so that no web page can be behind it. */
static bool is_for_another_host(const struct listener *listener, struct MHD_Connection *connection)
{
    bool is_foreign = false;
    if (listener->is_loopback)
        (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at_header, &is_foreign);
    return is_foreign;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_bytes, void **request)
{
    (void)version;
    (void)upload;
    (void)upload_bytes;
    (void)request;
    const struct listener *listener = context;
    const struct status_server *server = listener->server;
    struct answer answer;
    enum error_code code =
        is_for_another_host(listener, connection)
            ? answer_foreign_host(&answer)
            : answer_make(listener->place, method, path, &server->feed, server->metrics, &answer);
    if (code != OK)
        return send_busy(connection);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
        answer.body.size_bytes, answer.body.data, free_body);
    if (!response) {
        answer_release(&answer);
        return send_busy(connection);
    }
    enum MHD_Result result = MHD_NO;
    if (add_headers(response, &answer))
        result = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response); /* the body goes with it */
    return result;
}

/* The daemon's thread takes no signals: they are the main thread's. Owns fd in every case. */
static enum error_code start_daemon(struct listener *listener, int fd, struct error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    listener->daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC, listener->port, NULL, NULL, on_request,
        listener, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)STATUS_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)STATUS_CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)STATUS_CONNECTION_TIMEOUT_S, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        listener, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, NULL, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escapes, NULL, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (listener->daemon)
        return OK;
    os_close(&fd);
    return error_set(error, ERR_IO,
                     "can't start the HTTP server for port %u: the system has no more threads, "
                     "memory or descriptors",
                     listener->port);
}

/* What a failed os_listen means to somebody who has set `option`. */
static enum error_code explain(enum error_code code, const char *option, int port,
                               const char *address, struct error *error)
{
    bool is_health = strcmp(option, "health") == 0;
    if (code == ERR_CONFLICT)
        return error_set(error, code,
                         "%s_port %d on %s is taken%s: choose another with --%s-port %d, or "
                         "switch it off with --%s-port 0",
                         option, port, address,
                         is_health && port == 8088 ? " (ttp-processor itself uses 8088)" : "",
                         option, port < 65535 ? port + 1 : port - 1, option);
    if (code == ERR_INVALID || code == ERR_RETRY)
        return error_prefix(
            error, code, "can't listen on bind_address %s for %s_port %d: ", address, option, port);
    return error_prefix(error, code, "can't listen for %s_port %d on %s: ", option, port, address);
}

static enum error_code start_listener(struct status_server *server, struct listener *listener,
                                      const char *option, int port, const char *address,
                                      struct error *error)
{
    if (port == STATUS_PORT_OFF)
        return OK;
    struct os_endpoint endpoint;
    if (strlen(address) >= sizeof(endpoint.host))
        return error_set(error, ERR_INVALID, "bind_address is too long: %.60s…", address);
    snprintf(endpoint.host, sizeof(endpoint.host), "%s", address);
    snprintf(endpoint.port, sizeof(endpoint.port), "%d", port == STATUS_PORT_ANY ? 0 : port);
    int fd = -1;
    struct os_address bound;
    enum error_code code = os_listen(&endpoint, &fd, &bound, error);
    if (code != OK)
        return explain(code, option, port, address, error);
    listener->server = server;
    listener->port = os_address_port(&bound);
    listener->is_loopback = os_address_is_loopback(&bound);
    return start_daemon(listener, fd, error);
}

static void init_listener(struct listener *listener, enum answer_place place)
{
    listener->place = place;
    for (size_t i = 0; i < STATUS_CONNECTIONS_MAX; i++)
        listener->visitors[i].fd = -1;
}

enum error_code status_server_start(struct status_server **out,
                                    const struct status_server_options *options,
                                    struct error *error)
{
    *out = NULL;
    assert(options->health_port >= STATUS_PORT_ANY && options->health_port <= 65535);
    assert(options->metrics_port >= STATUS_PORT_ANY && options->metrics_port <= 65535);
    if (options->health_port > 0 && options->health_port == options->metrics_port)
        return error_set(error, ERR_INVALID,
                         "health_port and metrics_port are both %d: give them different numbers, "
                         "or switch one off with 0",
                         options->health_port);
    struct status_server *server = mem_alloc_zero(1, sizeof(*server));
    if (!server)
        return error_no_memory(error, "the health and metrics listeners");
    server->feed = options->feed;
    server->metrics = options->metrics;
    init_listener(&server->health, ANSWER_HEALTH);
    init_listener(&server->figures, ANSWER_METRICS);
    enum error_code code = start_listener(server, &server->health, "health", options->health_port,
                                          options->bind_address, error);
    if (code == OK)
        code = start_listener(server, &server->figures, "metrics", options->metrics_port,
                              options->bind_address, error);
    if (code == OK)
        *out = server;
    else
        status_server_stop(server);
    return code;
}

void status_server_stop(struct status_server *server)
{
    if (!server)
        return;
    if (server->health.daemon)
        MHD_stop_daemon(server->health.daemon);
    if (server->figures.daemon)
        MHD_stop_daemon(server->figures.daemon);
    mem_free(server);
}

uint16_t status_server_health_port(const struct status_server *server)
{
    return server->health.port;
}

uint16_t status_server_metrics_port(const struct status_server *server)
{
    return server->figures.port;
}
