// SPDX-License-Identifier: Apache-2.0
#include "service/seam_check.h"

#include "os/log.h"
#include "source/policy.h"

/* Ledgers at a range's end that are looked at for one that has events; then more of them. */
#define LOOK_LEDGERS      64
#define LOOK_LEDGERS_MORE 1024

enum side { SIDE_BELOW, SIDE_ABOVE };

struct seam_check {
    const struct seam_check_options *options;
    bool *stopped;
    /* The seam ledger asked for last: ranges that lie side by side share it. */
    uint32_t known_ledger;
    bool known_is_compared;
    /* Of the range: calls, those for its own ledgers among them, and calls that were answered. */
    unsigned look_count, answer_count;
};

struct source_moment seam_moment(const struct catalog_neighbour *neighbour)
{
    return (struct source_moment){neighbour->closed_ledger, neighbour->close_us};
}

static enum error_code probe(struct seam_check *check, const struct source_request *request,
                             struct source_result *result, struct error *error)
{
    const struct source_handler handler = intake_handler(check->options->intake);
    enum error_code code = source_run(check->options->source, request, &handler, result, error);
    *check->stopped = result->stopped;
    check->answer_count += result->complete;
    return code;
}

/* Asks for a ledger of the lake alone; *is_compared: it came, and is the lake's. */
static enum error_code compare(struct seam_check *check, const struct catalog_digest *digest,
                               bool *is_compared, struct error *error)
{
    *is_compared = check->known_is_compared;
    if (digest->ledger == check->known_ledger)
        return OK;
    const struct source_request request = {.first = digest->ledger,
                                           .last = digest->ledger,
                                           .seam_ledger = digest->ledger,
                                           .is_probe = true};
    struct source_result result;
    intake_begin_probe(check->options->intake, digest);
    enum error_code code = probe(check, &request, &result, error);
    *is_compared = code == OK && intake_has_compared(check->options->intake);
    check->known_ledger = digest->ledger;
    check->known_is_compared = *is_compared;
    return code;
}

/* Looks at the ledgers of the range's end on that side: their close times must lie between the
 * lake's. */
static enum error_code look_at_end(struct seam_check *check, const struct run_range *range,
                                   enum side side, struct error *error)
{
    static const uint32_t counts[] = {LOOK_LEDGERS, LOOK_LEDGERS_MORE};
    enum error_code code = OK;
    struct source_result result = {.complete = true};
    for (int i = 0; code == OK && i < 2 && result.complete; i++) {
        uint32_t more = range->last - range->first;
        if (more > counts[i] - 1)
            more = counts[i] - 1;
        const struct source_request request = {
            .first = side == SIDE_BELOW ? range->first : range->last - more,
            .last = side == SIDE_BELOW ? range->first + more : range->last,
            .below = seam_moment(&range->below),
            .above = seam_moment(&range->above),
            .is_probe = true};
        code = probe(check, &request, &result, error);
        check->look_count++;
        if (result.event_count > 0 || more == range->last - range->first)
            break;
    }
    return code;
}

/* One neighbour: compared, or else by the times of the range's end beside it. */
static enum error_code check_side(struct seam_check *check, struct run_range *range, enum side side,
                                  struct error *error)
{
    const struct catalog_neighbour *neighbour = side == SIDE_BELOW ? &range->below : &range->above;
    bool is_compared = false;
    enum error_code code = OK;
    if (neighbour->digest.ledger != 0)
        code = compare(check, &neighbour->digest, &is_compared, error);
    range->is_compared = range->is_compared || is_compared;
    if (code != OK || *check->stopped || is_compared)
        return code;
    if (neighbour->closed_ledger == 0 || range->last == 0)
        return OK; /* nothing to hold times against; or live: its ledgers may not exist yet */
    return look_at_end(check, range, side, error);
}

/* The source streams through a seam ledger that is so near. */
static bool is_streamed_through(const struct run_range *range)
{
    uint32_t seam = range->below.digest.ledger;
    return seam != 0 && range->first - seam <= POLICY_NEAR_LEDGERS;
}

/* A server that answers nothing at all is no server that does not serve a ledger any more: it is
 * asked again, until the range's own calls may find out what ails it. */
static enum error_code check_range(struct seam_check *check, struct run_range *range, bool is_first,
                                   struct error *error)
{
    enum error_code code = OK;
    bool is_silent = true;
    for (unsigned i = 0;
         code == OK && is_silent && !*check->stopped && i < check->options->max_attempts; i++) {
        check->look_count = check->answer_count = 0;
        if (i > 0)
            check->known_ledger = 0;
        if (!is_first || !is_streamed_through(range))
            code = check_side(check, range, SIDE_BELOW, error);
        if (code == OK && !*check->stopped)
            code = check_side(check, range, SIDE_ABOVE, error);
        is_silent = check->look_count > 0 && check->answer_count == 0;
    }
    return code;
}

enum error_code seam_check(const struct seam_check_options *options, struct run_range *ranges,
                           size_t range_count, bool *stopped, struct error *error)
{
    struct seam_check check = {.options = options, .stopped = stopped};
    enum error_code code = OK;
    *stopped = false;
    for (size_t i = 0; code == OK && !*stopped && i < range_count; i++)
        if (ranges[i].first != 0)
            code = check_range(&check, &ranges[i], i == 0 && options->streams_through_first, error);
    return code;
}
