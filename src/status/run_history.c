// SPDX-License-Identifier: Apache-2.0
#include "status/run_history.h"

#include <assert.h>
#include <string.h>

#include "os/thread.h"
#include "util/memory.h"
#include "util/sentence.h"

/* The rate shown is that of the last slots: long enough to smooth the source's bursts of 5 s. */
#define RATE_SLOTS 3

/* Ranges kept: more than are shown, so that filling a hole among the older ones stays right. */
#define KEPT_RANGES_MAX 256

/* Distinct problems kept: the first ones for a summary, then the newest. */
#define KEPT_PROBLEMS_MAX   32
#define KEPT_PROBLEMS_FIRST 16

struct kept_problem {
    uint64_t last_no; /* when it came last, among all that came */
    struct status_problem problem;
};

struct run_history {
    struct os_mutex mutex;
    size_t commit_count, problem_count;
    struct status_commit commits[STATUS_COMMITS_MAX]; /* newest first */
    struct kept_problem problems[KEPT_PROBLEMS_MAX];  /* as they first came */
    uint64_t problem_no;                              /* of the one that came last */
    struct ledger_set coverage; /* its newest ranges; has room for one more than are kept */
    /* Ranges below those kept, told only by their sums. */
    size_t older_range_count;
    uint64_t older_ledgers;
    uint32_t older_first;
    int64_t last_throttled_us;
    int64_t last_new_event_us;
    uint64_t events_seen; /* events_accepted at the last sample */
    int64_t last_error_us;
    char last_error[STATUS_MESSAGE_BYTES];
    /* The rate: the slot in work began at slot_from_us with slot_events. */
    bool sampled;
    int64_t slot_from_us;
    uint64_t slot_events;
    size_t rate_count;
    double rates[STATUS_RATES_MAX]; /* oldest first */
};

enum error_code run_history_new(struct run_history **out, struct error *error)
{
    *out = NULL;
    struct run_history *history = mem_alloc_zero(1, sizeof(*history));
    if (!history)
        return error_no_memory(error, "the status history");
    enum error_code code = ledger_set_reserve(&history->coverage, KEPT_RANGES_MAX + 1, error);
    if (code == OK)
        code = os_mutex_init(&history->mutex, error);
    if (code != OK) {
        ledger_set_release(&history->coverage);
        mem_free(history);
        return code;
    }
    *out = history;
    return OK;
}

void run_history_free(struct run_history *history)
{
    if (!history)
        return;
    os_mutex_release(&history->mutex);
    ledger_set_release(&history->coverage);
    mem_free(history);
}

/* There is room for it: it can't fail. */
static void add_range(struct run_history *history, struct ledger_range range)
{
    enum error_code code = ledger_set_add(&history->coverage, range, NULL);
    assert(code == OK);
    (void)code;
    if (history->coverage.count <= KEPT_RANGES_MAX)
        return;
    /* The lowest becomes one that only the sums tell of. */
    struct ledger_range lowest = history->coverage.ranges[0];
    if (history->older_range_count == 0 || lowest.first < history->older_first)
        history->older_first = lowest.first;
    history->older_range_count++;
    history->older_ledgers += ledger_range_count(lowest);
    history->coverage.count--;
    memmove(history->coverage.ranges, history->coverage.ranges + 1,
            history->coverage.count * sizeof lowest);
}

void run_history_add_commit(struct run_history *history, const struct status_commit *commit)
{
    assert(commit->range.first <= commit->range.last);
    os_mutex_lock(&history->mutex);
    if (history->commit_count < STATUS_COMMITS_MAX)
        history->commit_count++;
    memmove(history->commits + 1, history->commits,
            (history->commit_count - 1) * sizeof(history->commits[0]));
    history->commits[0] = *commit;
    add_range(history, commit->range);
    os_mutex_unlock(&history->mutex);
}

void run_history_set_coverage(struct run_history *history, const struct ledger_set *coverage)
{
    os_mutex_lock(&history->mutex);
    history->coverage.count = 0;
    history->older_range_count = 0;
    history->older_ledgers = 0;
    history->older_first = 0;
    for (size_t i = 0; i < coverage->count; i++)
        add_range(history, coverage->ranges[i]);
    os_mutex_unlock(&history->mutex);
}

/* Where the problem stands; for a new one a place is made, at the end. */
static struct status_problem *find_problem(struct run_history *history, bool error,
                                           const char *message)
{
    struct kept_problem *kept = history->problems;
    size_t at = 0;
    while (at < history->problem_count &&
           (kept[at].problem.error != error || strcmp(kept[at].problem.message, message) != 0))
        at++;
    if (at == KEPT_PROBLEMS_MAX) { /* the one that has not come for longest goes */
        size_t oldest = KEPT_PROBLEMS_FIRST;
        for (size_t i = oldest + 1; i < KEPT_PROBLEMS_MAX; i++)
            if (kept[i].last_no < kept[oldest].last_no)
                oldest = i;
        memmove(&kept[oldest], &kept[oldest + 1],
                (KEPT_PROBLEMS_MAX - 1 - oldest) * sizeof(kept[0]));
        at = --history->problem_count;
    }
    if (at == history->problem_count) {
        history->problem_count++;
        kept[at].problem = (struct status_problem){.error = error};
        memcpy(kept[at].problem.message, message, STATUS_MESSAGE_BYTES);
    }
    kept[at].last_no = ++history->problem_no;
    return &kept[at].problem;
}

void run_history_add_problem(struct run_history *history, bool error, const char *message,
                             int64_t now_us)
{
    char fitting[STATUS_MESSAGE_BYTES];
    sentence_fit(fitting, sizeof(fitting), message);
    os_mutex_lock(&history->mutex);
    if (error) {
        memcpy(history->last_error, fitting, sizeof(history->last_error));
        history->last_error_us = now_us;
    }
    struct status_problem *problem = find_problem(history, error, fitting);
    if (problem->count++ == 0)
        problem->first_us = now_us;
    problem->last_us = now_us;
    os_mutex_unlock(&history->mutex);
}

void run_history_each_problem(const struct run_history *history, status_problem_visitor *visit,
                              void *context)
{
    struct os_mutex *mutex = (struct os_mutex *)&history->mutex;
    os_mutex_lock(mutex);
    for (size_t i = 0; i < history->problem_count; i++)
        visit(context, &history->problems[i].problem);
    os_mutex_unlock(mutex);
}

static void add_rate(struct run_history *history, double rate)
{
    if (history->rate_count == STATUS_RATES_MAX) {
        history->rate_count--;
        memmove(history->rates, history->rates + 1,
                history->rate_count * sizeof(history->rates[0]));
    }
    history->rates[history->rate_count++] = rate;
}

void run_history_sample(struct run_history *history, int64_t now_us, int64_t now_monotonic_us,
                        uint64_t events_accepted, bool throttled)
{
    os_mutex_lock(&history->mutex);
    if (throttled)
        history->last_throttled_us = now_us;
    if (events_accepted != history->events_seen)
        history->last_new_event_us = now_us;
    history->events_seen = events_accepted;
    int64_t passed_us = now_monotonic_us - history->slot_from_us;
    if (!history->sampled || passed_us >= STATUS_RATE_SLOT_US) {
        /* Counters only rise; should one begin anew, so does the slot. */
        if (history->sampled && events_accepted >= history->slot_events)
            add_rate(history,
                     (double)(events_accepted - history->slot_events) * 1e6 / (double)passed_us);
        history->sampled = true;
        history->slot_from_us = now_monotonic_us;
        history->slot_events = events_accepted;
    }
    os_mutex_unlock(&history->mutex);
}

static void fill_coverage(const struct run_history *history, struct status_snapshot *out)
{
    const struct ledger_set *coverage = &history->coverage;
    size_t skipped = coverage->count > STATUS_RANGES_MAX ? coverage->count - STATUS_RANGES_MAX : 0;
    out->coverage_count = coverage->count - skipped;
    memcpy(out->coverage, coverage->ranges + skipped,
           out->coverage_count * sizeof(out->coverage[0]));
    out->coverage_total = coverage->count + history->older_range_count;
    out->coverage_ledgers = history->older_ledgers + ledger_set_ledgers(coverage);
    if (history->older_range_count > 0)
        out->coverage_first = history->older_first;
    else
        out->coverage_first = ledger_set_span(coverage).first;
}

/* The newest ones, newest first. */
static void fill_problems(const struct run_history *history, struct status_snapshot *out)
{
    uint64_t before_no = UINT64_MAX;
    for (out->problem_count = 0; out->problem_count < STATUS_PROBLEMS_MAX; out->problem_count++) {
        const struct kept_problem *newest = NULL;
        for (const struct kept_problem *kept = history->problems;
             kept < history->problems + history->problem_count; kept++)
            if (kept->last_no < before_no && (newest == NULL || kept->last_no > newest->last_no))
                newest = kept;
        if (newest == NULL)
            return;
        out->problems[out->problem_count] = newest->problem;
        before_no = newest->last_no;
    }
}

/* The mean of the last slots; before the first is over, of the slot in work. */
static double recent_rate(const struct run_history *history, const struct status_snapshot *out)
{
    if (history->rate_count == 0) {
        int64_t passed_us = out->now_monotonic_us - history->slot_from_us;
        if (!history->sampled || passed_us <= 0 ||
            out->stream.events_accepted < history->slot_events)
            return 0;
        return (double)(out->stream.events_accepted - history->slot_events) * 1e6 /
               (double)passed_us;
    }
    size_t count = history->rate_count < RATE_SLOTS ? history->rate_count : RATE_SLOTS;
    double sum = 0;
    for (size_t i = history->rate_count - count; i < history->rate_count; i++)
        sum += history->rates[i];
    return sum / (double)count;
}

void run_history_fill(const struct run_history *history, struct status_snapshot *out)
{
    struct os_mutex *mutex = (struct os_mutex *)&history->mutex;
    os_mutex_lock(mutex);
    out->commit_count = history->commit_count;
    memcpy(out->last_commits, history->commits, sizeof(history->commits));
    fill_problems(history, out);
    fill_coverage(history, out);
    out->rate_count = history->rate_count;
    memcpy(out->rates, history->rates, sizeof(history->rates));
    out->events_per_second = recent_rate(history, out);
    out->last_new_event_us = history->last_new_event_us;
    out->last_throttled_us = history->last_throttled_us;
    out->last_error_us = history->last_error_us;
    memcpy(out->last_error, history->last_error, sizeof(out->last_error));
    os_mutex_unlock(mutex);
}
