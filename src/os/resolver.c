// SPDX-License-Identifier: Apache-2.0
#include "os/resolver.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "os/thread.h"
#include "util/memory.h"

/* Shared by the asker and the thread; whoever is done with it last frees it. */
struct os_resolver {
    struct os_mutex mutex;
    struct os_endpoint endpoint;
    const struct os_wake *wake; /* NULL once the asker has dropped it */
    bool is_answered;
    bool thread_is_done;
    struct os_addresses addresses;
    enum error_code code;
    struct error error;
};

static void free_resolver(struct os_resolver *resolver)
{
    os_mutex_release(&resolver->mutex);
    mem_free(resolver);
}

static void *ask(void *context)
{
    struct os_resolver *resolver = context;
    struct os_addresses addresses;
    struct error error;
    error_clear(&error);
    enum error_code code = os_resolve(&resolver->endpoint, &addresses, &error);
    os_mutex_lock(&resolver->mutex);
    resolver->thread_is_done = true;
    resolver->is_answered = true;
    resolver->code = code;
    resolver->error = error;
    if (code == OK)
        resolver->addresses = addresses;
    bool is_dropped = resolver->wake == NULL;
    if (!is_dropped)
        os_wake_raise(resolver->wake);
    os_mutex_unlock(&resolver->mutex);
    if (is_dropped)
        free_resolver(resolver);
    return NULL;
}

static bool is_numeric(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

enum error_code os_resolver_start(struct os_resolver **out, const struct os_endpoint *endpoint,
                                  const struct os_wake *wake, struct error *error)
{
    *out = NULL;
    struct os_thread thread = {.running = false};
    struct os_resolver *resolver = mem_alloc_zero(1, sizeof(*resolver));
    if (resolver == NULL)
        return error_no_memory(error, "a host's addresses");
    enum error_code code = os_mutex_init(&resolver->mutex, error);
    if (code != OK) {
        mem_free(resolver);
        return code;
    }
    resolver->endpoint = *endpoint;
    resolver->wake = wake;
    if (is_numeric(endpoint->host)) {
        resolver->code = os_resolve(endpoint, &resolver->addresses, &resolver->error);
        resolver->is_answered = true;
        resolver->thread_is_done = true;
        os_wake_raise(wake);
        *out = resolver;
        return OK;
    }
    code = os_thread_start(&thread, "resolver", ask, resolver, error);
    if (code != OK) {
        free_resolver(resolver);
        return code;
    }
    pthread_detach(thread.handle);
    *out = resolver;
    return OK;
}

enum error_code os_resolver_take(struct os_resolver *resolver, struct os_addresses *addresses,
                                 struct error *error)
{
    os_mutex_lock(&resolver->mutex);
    enum error_code code = resolver->is_answered ? resolver->code : ERR_AGAIN;
    if (code == OK)
        *addresses = resolver->addresses;
    else if (code != ERR_AGAIN && error != NULL)
        *error = resolver->error;
    os_mutex_unlock(&resolver->mutex);
    return code;
}

void os_resolver_drop(struct os_resolver *resolver)
{
    if (resolver == NULL)
        return;
    os_mutex_lock(&resolver->mutex);
    resolver->wake = NULL;
    bool is_ours = resolver->thread_is_done;
    os_mutex_unlock(&resolver->mutex);
    if (is_ours)
        free_resolver(resolver);
}
