// SPDX-License-Identifier: Apache-2.0
#include "status/board.h"

#include <assert.h>
#include <string.h>

#include "os/thread.h"
#include "util/memory.h"
#include "util/sentence.h"

/* The rate shown is that of the last slots: long enough to smooth the source's bursts of 5 s. */
#define RATE_SLOTS 3

/* Ranges kept: more than are shown, so that filling a gap among the older ones stays right. */
#define KEPT_RANGES_MAX 256

/* Distinct problems kept: the first ones for a summary, then the newest. */
#define KEPT_PROBLEMS_MAX   32
#define KEPT_PROBLEMS_FIRST 16

struct kept_problem {
    uint64_t last_no; /* when it came last, among all that came */
    struct status_problem problem;
};

struct board {
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

struct board *board_new(struct error *error)
{
    struct board *board = mem_alloc_zero(1, sizeof(*board));
    if (!board) {
        (void)error_no_memory(error, "the status board");
        return NULL;
    }
    if (ledger_set_reserve(&board->coverage, KEPT_RANGES_MAX + 1, error) != OK ||
        os_mutex_init(&board->mutex, error) != OK) {
        ledger_set_release(&board->coverage);
        mem_free(board);
        return NULL;
    }
    return board;
}

void board_free(struct board *board)
{
    if (!board)
        return;
    os_mutex_release(&board->mutex);
    ledger_set_release(&board->coverage);
    mem_free(board);
}

/* There is room for it: it can't fail. */
static void add_range(struct board *board, struct ledger_range range)
{
    enum error_code code = ledger_set_add(&board->coverage, range, NULL);
    assert(code == OK);
    (void)code;
    if (board->coverage.count <= KEPT_RANGES_MAX)
        return;
    /* The lowest becomes one that only the sums tell of. */
    struct ledger_range lowest = board->coverage.ranges[0];
    if (board->older_range_count == 0 || lowest.first < board->older_first)
        board->older_first = lowest.first;
    board->older_range_count++;
    board->older_ledgers += ledger_range_count(lowest);
    board->coverage.count--;
    memmove(board->coverage.ranges, board->coverage.ranges + 1,
            board->coverage.count * sizeof lowest);
}

void board_add_commit(struct board *board, const struct status_commit *commit)
{
    assert(commit->range.first <= commit->range.last);
    os_mutex_lock(&board->mutex);
    if (board->commit_count < STATUS_COMMITS_MAX)
        board->commit_count++;
    memmove(board->commits + 1, board->commits,
            (board->commit_count - 1) * sizeof(board->commits[0]));
    board->commits[0] = *commit;
    add_range(board, commit->range);
    os_mutex_unlock(&board->mutex);
}

void board_set_coverage(struct board *board, const struct ledger_set *coverage)
{
    os_mutex_lock(&board->mutex);
    board->coverage.count = 0;
    board->older_range_count = 0;
    board->older_ledgers = 0;
    board->older_first = 0;
    for (size_t i = 0; i < coverage->count; i++)
        add_range(board, coverage->ranges[i]);
    os_mutex_unlock(&board->mutex);
}

/* Where the problem stands; for a new one a place is made, at the end. */
static struct status_problem *find_problem(struct board *board, bool error, const char *message)
{
    struct kept_problem *kept = board->problems;
    size_t at = 0;
    while (at < board->problem_count &&
           (kept[at].problem.error != error || strcmp(kept[at].problem.message, message) != 0))
        at++;
    if (at == KEPT_PROBLEMS_MAX) { /* the one that has not come for longest goes */
        size_t oldest = KEPT_PROBLEMS_FIRST;
        for (size_t i = oldest + 1; i < KEPT_PROBLEMS_MAX; i++)
            if (kept[i].last_no < kept[oldest].last_no)
                oldest = i;
        memmove(&kept[oldest], &kept[oldest + 1],
                (KEPT_PROBLEMS_MAX - 1 - oldest) * sizeof(kept[0]));
        at = --board->problem_count;
    }
    if (at == board->problem_count) {
        board->problem_count++;
        kept[at].problem = (struct status_problem){.error = error};
        memcpy(kept[at].problem.message, message, STATUS_MESSAGE_BYTES);
    }
    kept[at].last_no = ++board->problem_no;
    return &kept[at].problem;
}

void board_add_problem(struct board *board, bool error, const char *message, int64_t now_us)
{
    char fitting[STATUS_MESSAGE_BYTES];
    sentence_fit(fitting, sizeof(fitting), message);
    os_mutex_lock(&board->mutex);
    if (error) {
        memcpy(board->last_error, fitting, sizeof(board->last_error));
        board->last_error_us = now_us;
    }
    struct status_problem *problem = find_problem(board, error, fitting);
    if (problem->count++ == 0)
        problem->first_us = now_us;
    problem->last_us = now_us;
    os_mutex_unlock(&board->mutex);
}

void board_each_problem(const struct board *board, status_problem_visitor *visit, void *context)
{
    struct os_mutex *mutex = (struct os_mutex *)&board->mutex;
    os_mutex_lock(mutex);
    for (size_t i = 0; i < board->problem_count; i++)
        visit(context, &board->problems[i].problem);
    os_mutex_unlock(mutex);
}

static void add_rate(struct board *board, double rate)
{
    if (board->rate_count == STATUS_RATES_MAX) {
        board->rate_count--;
        memmove(board->rates, board->rates + 1, board->rate_count * sizeof(board->rates[0]));
    }
    board->rates[board->rate_count++] = rate;
}

void board_sample(struct board *board, int64_t now_us, int64_t now_monotonic_us,
                  uint64_t events_accepted, bool throttled)
{
    os_mutex_lock(&board->mutex);
    if (throttled)
        board->last_throttled_us = now_us;
    if (events_accepted != board->events_seen)
        board->last_new_event_us = now_us;
    board->events_seen = events_accepted;
    int64_t passed_us = now_monotonic_us - board->slot_from_us;
    if (!board->sampled || passed_us >= STATUS_RATE_SLOT_US) {
        /* Counters only rise; should one begin anew, so does the slot. */
        if (board->sampled && events_accepted >= board->slot_events)
            add_rate(board,
                     (double)(events_accepted - board->slot_events) * 1e6 / (double)passed_us);
        board->sampled = true;
        board->slot_from_us = now_monotonic_us;
        board->slot_events = events_accepted;
    }
    os_mutex_unlock(&board->mutex);
}

static void fill_coverage(const struct board *board, struct status_snapshot *out)
{
    const struct ledger_set *coverage = &board->coverage;
    size_t skipped = coverage->count > STATUS_RANGES_MAX ? coverage->count - STATUS_RANGES_MAX : 0;
    out->coverage_count = coverage->count - skipped;
    memcpy(out->coverage, coverage->ranges + skipped,
           out->coverage_count * sizeof(out->coverage[0]));
    out->coverage_total = coverage->count + board->older_range_count;
    out->coverage_ledgers = board->older_ledgers + ledger_set_ledgers(coverage);
    if (board->older_range_count > 0)
        out->coverage_first = board->older_first;
    else
        out->coverage_first = ledger_set_span(coverage).first;
}

/* The newest ones, newest first. */
static void fill_problems(const struct board *board, struct status_snapshot *out)
{
    uint64_t before_no = UINT64_MAX;
    for (out->problem_count = 0; out->problem_count < STATUS_PROBLEMS_MAX; out->problem_count++) {
        const struct kept_problem *newest = NULL;
        for (const struct kept_problem *kept = board->problems;
             kept < board->problems + board->problem_count; kept++)
            if (kept->last_no < before_no && (newest == NULL || kept->last_no > newest->last_no))
                newest = kept;
        if (newest == NULL)
            return;
        out->problems[out->problem_count] = newest->problem;
        before_no = newest->last_no;
    }
}

/* The mean of the last slots; before the first is over, of the slot in work. */
static double recent_rate(const struct board *board, const struct status_snapshot *out)
{
    if (board->rate_count == 0) {
        int64_t passed_us = out->now_monotonic_us - board->slot_from_us;
        if (!board->sampled || passed_us <= 0 || out->stream.events_accepted < board->slot_events)
            return 0;
        return (double)(out->stream.events_accepted - board->slot_events) * 1e6 / (double)passed_us;
    }
    size_t count = board->rate_count < RATE_SLOTS ? board->rate_count : RATE_SLOTS;
    double sum = 0;
    for (size_t i = board->rate_count - count; i < board->rate_count; i++)
        sum += board->rates[i];
    return sum / (double)count;
}

void board_fill(const struct board *board, struct status_snapshot *out)
{
    struct os_mutex *mutex = (struct os_mutex *)&board->mutex;
    os_mutex_lock(mutex);
    out->commit_count = board->commit_count;
    memcpy(out->last_commits, board->commits, sizeof(board->commits));
    fill_problems(board, out);
    fill_coverage(board, out);
    out->rate_count = board->rate_count;
    memcpy(out->rates, board->rates, sizeof(board->rates));
    out->events_per_second = recent_rate(board, out);
    out->last_new_event_us = board->last_new_event_us;
    out->last_throttled_us = board->last_throttled_us;
    out->last_error_us = board->last_error_us;
    memcpy(out->last_error, board->last_error, sizeof(out->last_error));
    os_mutex_unlock(mutex);
}
