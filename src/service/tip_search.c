// SPDX-License-Identifier: Apache-2.0
#include "service/tip_search.h"

#include "os/clock.h"
#include "os/log.h"
#include "source/policy.h"

#define LOOKS_MAX 64

/* How many ledgers are asked for at a place until one has an event. The second and third begin
 * where the ones before are known to exist. */
static const uint32_t counts[] = {1, 64, 1024};

/* When a ledger at that place closed; 0 where nothing came. */
static enum error_code look(struct source *source, struct intake *intake, uint32_t ledger,
                            int64_t *close_us, bool *stopped, struct error *error)
{
    const struct catalog_digest none = {.ledger = 0};
    const struct source_handler handler = intake_handler(intake);
    struct source_result result = {.complete = true};
    enum error_code code = OK;
    *close_us = 0;
    for (size_t i = 0; code == OK && result.complete && !result.stopped && *close_us == 0 &&
                       i < sizeof counts / sizeof *counts;
         i++) {
        if (ledger > UINT32_MAX - 1 - counts[i])
            break;
        const struct source_request request = {
            .first = ledger, .last = ledger + counts[i] - 1, .is_probe = true};
        intake_begin_probe(intake, &none);
        code = source_run(source, &request, &handler, &result, error);
        *close_us = code == OK && result.complete ? result.close_us : 0;
    }
    *stopped = result.stopped;
    return code;
}

/* How many ledgers must have followed one by now. */
static int64_t ledgers_since(int64_t close_us)
{
    int64_t age_us = os_realtime_us() - POLICY_SETTLE_US - close_us;
    return age_us <= 0 ? 0 : age_us / POLICY_LEDGER_US;
}

enum error_code tip_search(struct source *source, struct intake *intake, uint32_t first,
                           uint32_t *tip, bool *stopped, struct error *error)
{
    enum error_code code = OK;
    int64_t ask = first;
    *tip = first;
    *stopped = false;
    for (int i = 0; i < LOOKS_MAX && ask < UINT32_MAX; i++) {
        int64_t close_us = 0;
        code = look(source, intake, (uint32_t)ask, &close_us, stopped, error);
        if (code != OK || *stopped || close_us == 0)
            break;
        *tip = (uint32_t)ask;
        int64_t more = ledgers_since(close_us);
        if (more <= POLICY_NEAR_LEDGERS)
            break;
        ask += more;
    }
    if (code == OK && !*stopped)
        log_event(LOG_INFO, "app",
                  "the lake is empty: the chain is followed from here on, and what "
                  "lies before is fetched beside",
                  LOG_U("ledger", *tip));
    return code;
}
