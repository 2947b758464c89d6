// SPDX-License-Identifier: Apache-2.0
#include "status/answer.h"

#include <string.h>
#include <sys/random.h>

#include "status/figures.h"
#include "status/health_json.h"
#include "status/page.h"
#include "status/writer.h"
#include "util/bytes.h"
#include "util/memory.h"

#define NONCE_RANDOM_BYTES 16

static const char plain[] = "text/plain; charset=utf-8";
static const char json[] = "application/json";

/* What a route works with. */
struct visit {
    const struct status_snapshot *snapshot;
    const struct health *health;
    const struct metrics *metrics;
};

typedef enum error_code route_function(const struct visit *visit, struct answer *out);

static enum error_code answer_page(const struct visit *visit, struct answer *out)
{
    uint8_t random[NONCE_RANDOM_BYTES];
    /* 16 bytes come at once, or, before the kernel's pool is ready, not at all. */
    if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
        return ERR_RETRY;
    base64_encode(bytes_view_of(random, sizeof(random)), out->nonce);
    out->content_type = "text/html; charset=utf-8";
    return page_render(visit->snapshot, visit->health, out->nonce, &out->body);
}

static enum error_code answer_health(const struct visit *visit, struct answer *out)
{
    out->content_type = json;
    out->status = visit->health->level == HEALTH_UNHEALTHY ? 503 : 200;
    return health_json_render(visit->snapshot, visit->health, &out->body);
}

static enum error_code answer_ready(const struct visit *visit, struct answer *out)
{
    out->content_type = json;
    out->status = visit->health->ready ? 200 : 503;
    return buffer_append_format(&out->body, "{\"ready\":%s,\"status\":\"%s\"}\n",
                                visit->health->ready ? "true" : "false",
                                health_level_name(visit->health->level));
}

static enum error_code answer_live(const struct visit *visit, struct answer *out)
{
    out->content_type = json;
    out->status = visit->health->alive ? 200 : 503;
    return buffer_append_format(&out->body, "{\"alive\":%s}\n",
                                visit->health->alive ? "true" : "false");
}

static enum error_code answer_metrics(const struct visit *visit, struct answer *out)
{
    out->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return figures_render_metrics(visit->metrics, visit->snapshot, &out->body);
}

static const struct route {
    enum answer_place place;
    const char *path;
    route_function *make;
} routes[] = {
    {ANSWER_HEALTH, "/", answer_page},
    {ANSWER_HEALTH, "/health", answer_health},
    {ANSWER_HEALTH, "/ready", answer_ready},
    {ANSWER_HEALTH, "/live", answer_live},
    {ANSWER_HEALTH, "/metrics", answer_metrics}, /* where those who switch look for it */
    {ANSWER_METRICS, "/metrics", answer_metrics},
};

static route_function *find_route(enum answer_place place, const char *path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (routes[i].place == place && strcmp(routes[i].path, path) == 0)
            return routes[i].make;
    return NULL;
}

static enum error_code refuse(unsigned status, const char *words, struct answer *out)
{
    out->status = status;
    out->content_type = plain;
    return buffer_append_text(&out->body, words);
}

static enum error_code answer_route(route_function *make, const struct status_feed *feed,
                                    const struct metrics *metrics, struct answer *out)
{
    struct status_snapshot *snapshot = mem_alloc(sizeof(*snapshot));
    if (!snapshot)
        return ERR_NO_MEMORY;
    feed->fill(feed->context, snapshot);
    struct health health;
    health_assess(snapshot, &health);
    struct visit visit = {snapshot, &health, metrics};
    enum error_code code = make(&visit, out);
    mem_free(snapshot);
    return code;
}

enum error_code answer_make(enum answer_place place, const char *method, const char *path,
                            const struct status_feed *feed, const struct metrics *metrics,
                            struct answer *out)
{
    memset(out, 0, sizeof(*out));
    buffer_init(&out->body);
    out->status = 200;
    route_function *make = find_route(place, path);
    enum error_code code;
    if (!make && place == ANSWER_HEALTH) {
        code = refuse(404, "Not here. There are /, /health, /ready, /live and /metrics.\n", out);
    } else if (!make) {
        code = refuse(404, "Not here. There is /metrics.\n", out);
    } else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        out->method_refused = true;
        code = refuse(405, "Only GET and HEAD.\n", out);
    } else {
        code = answer_route(make, feed, metrics, out);
    }
    if (code != OK)
        answer_release(out);
    return code;
}

enum error_code answer_foreign_host(struct answer *out)
{
    memset(out, 0, sizeof(*out));
    buffer_init(&out->body);
    enum error_code code = refuse(
        421,
        "This is for this machine alone (bind_address is a loopback address), and the request "
        "names another host: ask for localhost or 127.0.0.1, or set bind_address to the "
        "address that others are to reach.\n",
        out);
    if (code != OK)
        answer_release(out);
    return code;
}

void answer_release(struct answer *answer)
{
    buffer_release(&answer->body);
}
