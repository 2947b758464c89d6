// SPDX-License-Identifier: Apache-2.0
#include "service/lease_keeper.h"

#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "os/thread.h"
#include "util/list.h"
#include "util/memory.h"

#define AGAIN_US INT64_C(1000000) /* after a renewal that failed */
#define LOOK_US  INT64_C(5000000) /* between two looks at how all pieces stand */

struct kept_lease {
    struct lease lease;
    char holder[LEASE_HOLDER_BYTES];
    int64_t good_until_us; /* by os_boottime_us */
    bool is_lost;
};

struct lease_keeper {
    struct leases *leases; /* of the thread */
    int64_t ttl_us;
    void (*on_lost)(void *context);
    void *context;
    struct os_thread thread;
    bool is_troubled;      /* the last round failed, and that was told; of the thread */
    struct os_mutex mutex; /* guards what follows; never held while the catalog is asked */
    struct os_condition changed;
    bool is_ending;
    struct buffer kept; /* struct kept_lease */
    struct lease_counts counts;
};

static size_t kept_count(const struct lease_keeper *keeper)
{
    return LIST_COUNT(&keeper->kept, struct kept_lease);
}

static struct kept_lease *find(struct lease_keeper *keeper, uint64_t lease_id, uint64_t epoch)
{
    for (size_t i = 0; i < kept_count(keeper); i++) {
        struct kept_lease *kept = LIST_AT(&keeper->kept, struct kept_lease, i);
        if (kept->lease.lease_id == lease_id && kept->lease.epoch == epoch)
            return kept;
    }
    return NULL;
}

/* ---- the thread ---- */

/* A copy of one of them; false: there are not so many. */
static bool copy_kept(struct lease_keeper *keeper, size_t index, struct kept_lease *out)
{
    os_mutex_lock(&keeper->mutex);
    bool is_there = !keeper->is_ending && index < kept_count(keeper);
    if (is_there)
        *out = *LIST_AT(&keeper->kept, struct kept_lease, index);
    os_mutex_unlock(&keeper->mutex);
    return is_there;
}

static void note_renewal(struct lease_keeper *keeper, const struct kept_lease *renewed,
                         int64_t asked_us, enum error_code code)
{
    bool is_news = false;
    os_mutex_lock(&keeper->mutex);
    struct kept_lease *kept = find(keeper, renewed->lease.lease_id, renewed->lease.epoch);
    if (kept != NULL && code == OK)
        kept->good_until_us = asked_us + keeper->ttl_us;
    if (kept != NULL && code == ERR_CONFLICT) {
        is_news = !kept->is_lost;
        kept->is_lost = true;
    }
    os_mutex_unlock(&keeper->mutex);
    if (!is_news) /* or it was given back meanwhile */
        return;
    log_event(LOG_WARN, "app", "a piece was taken over by another process",
              LOG_U("first_ledger", renewed->lease.next_ledger),
              LOG_U("last_ledger", renewed->lease.ledgers.last));
    keeper->on_lost(keeper->context);
}

static enum error_code renew_all(struct lease_keeper *keeper, struct error *error)
{
    struct kept_lease kept;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && copy_kept(keeper, i, &kept); i++) {
        if (kept.is_lost)
            continue;
        int64_t asked_us = os_boottime_us();
        code = lease_renew(keeper->leases, &kept.lease, kept.holder, 0, error);
        note_renewal(keeper, &kept, asked_us, code);
        code = code == ERR_CONFLICT ? OK : code;
    }
    return code;
}

static enum error_code look_at_counts(struct lease_keeper *keeper, struct error *error)
{
    struct lease_counts counts;
    enum error_code code = lease_count(keeper->leases, &counts, NULL, error);
    if (code != OK)
        return code;
    os_mutex_lock(&keeper->mutex);
    keeper->counts = counts;
    os_mutex_unlock(&keeper->mutex);
    return OK;
}

static void tell_trouble(struct lease_keeper *keeper, enum error_code code,
                         const struct error *error)
{
    if (code != OK && !keeper->is_troubled)
        log_event(LOG_WARN, "app", "the pieces that this process holds can't be renewed just now",
                  LOG_T("reason", error->message));
    keeper->is_troubled = code != OK;
}

static void *body(void *context)
{
    struct lease_keeper *keeper = context;
    struct error error;
    int64_t renewal_us = 0;
    for (;;) {
        enum error_code code = OK;
        if (os_monotonic_us() >= renewal_us)
            code = renew_all(keeper, &error);
        if (code == OK && os_monotonic_us() >= renewal_us)
            renewal_us = os_monotonic_us() + keeper->ttl_us / 3;
        if (code == OK)
            code = look_at_counts(keeper, &error);
        tell_trouble(keeper, code, &error);
        int64_t until_us = os_earlier_us(renewal_us, os_monotonic_us() + LOOK_US);
        if (code != OK)
            until_us = os_monotonic_us() + AGAIN_US;
        os_mutex_lock(&keeper->mutex);
        while (!keeper->is_ending &&
               os_condition_wait_until(&keeper->changed, &keeper->mutex, until_us))
            continue;
        bool is_ending = keeper->is_ending;
        os_mutex_unlock(&keeper->mutex);
        if (is_ending)
            return NULL;
    }
}

/* ---- for the others ---- */

enum error_code lease_keeper_new(struct lease_keeper **out, struct leases *leases, int64_t ttl_us,
                                 void (*on_lost)(void *context), void *context, struct error *error)
{
    struct lease_keeper *keeper = *out = mem_alloc_zero(1, sizeof *keeper);
    if (keeper == NULL) {
        leases_free(leases);
        return error_no_memory(error, "the leases of a run");
    }
    *keeper = (struct lease_keeper){
        .leases = leases, .ttl_us = ttl_us, .on_lost = on_lost, .context = context};
    buffer_init(&keeper->kept);
    enum error_code code = os_mutex_init(&keeper->mutex, error);
    if (code != OK)
        goto free_keeper;
    code = os_condition_init(&keeper->changed, error);
    if (code != OK)
        goto release_mutex;
    code = os_thread_start(&keeper->thread, "ttp-leases", body, keeper, error);
    if (code == OK)
        return OK;
    os_condition_release(&keeper->changed);
release_mutex:
    os_mutex_release(&keeper->mutex);
free_keeper:
    leases_free(keeper->leases);
    mem_free(keeper);
    *out = NULL;
    return code;
}

void lease_keeper_free(struct lease_keeper *keeper)
{
    if (keeper == NULL)
        return;
    os_mutex_lock(&keeper->mutex);
    keeper->is_ending = true;
    os_condition_broadcast(&keeper->changed);
    os_mutex_unlock(&keeper->mutex);
    os_thread_join(&keeper->thread);
    os_condition_release(&keeper->changed);
    os_mutex_release(&keeper->mutex);
    leases_free(keeper->leases);
    buffer_release(&keeper->kept);
    mem_free(keeper);
}

enum error_code lease_keeper_hold(struct lease_keeper *keeper, const struct lease *lease,
                                  const char *holder, int64_t asked_us, struct error *error)
{
    struct kept_lease kept = {.lease = *lease, .good_until_us = asked_us + keeper->ttl_us};
    snprintf(kept.holder, sizeof kept.holder, "%s", holder);
    os_mutex_lock(&keeper->mutex);
    enum error_code code = buffer_append(&keeper->kept, &kept, sizeof kept);
    os_mutex_unlock(&keeper->mutex);
    return code == OK ? OK : error_no_memory(error, "the leases of a run");
}

void lease_keeper_drop(struct lease_keeper *keeper, uint64_t lease_id)
{
    os_mutex_lock(&keeper->mutex);
    size_t count = kept_count(keeper);
    for (size_t i = 0; i < count; i++) {
        struct kept_lease *kept = LIST_AT(&keeper->kept, struct kept_lease, i);
        if (kept->lease.lease_id != lease_id)
            continue;
        *kept = *LIST_AT(&keeper->kept, struct kept_lease, count - 1);
        keeper->kept.size_bytes -= sizeof *kept;
        break;
    }
    os_mutex_unlock(&keeper->mutex);
}

enum lease_state lease_keeper_state(struct lease_keeper *keeper, uint64_t lease_id, uint64_t epoch)
{
    os_mutex_lock(&keeper->mutex);
    const struct kept_lease *kept = find(keeper, lease_id, epoch);
    enum lease_state state = kept == NULL || kept->is_lost            ? LEASE_LOST
                             : os_boottime_us() > kept->good_until_us ? LEASE_LATE
                                                                      : LEASE_GOOD;
    os_mutex_unlock(&keeper->mutex);
    return state;
}

void lease_keeper_counts(struct lease_keeper *keeper, struct lease_counts *out)
{
    os_mutex_lock(&keeper->mutex);
    *out = keeper->counts;
    os_mutex_unlock(&keeper->mutex);
}
