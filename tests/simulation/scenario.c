// SPDX-License-Identifier: Apache-2.0
#include "scenario.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows/partition.h"
#include "util/text.h"

/* It ends a run at once, each time: more of them than calm lives, and the range is never covered.
 */
#define FINAL_FAULT     "status=PERMISSION_DENIED"
#define FINAL_FAULT_MAX 2
#define OTHER_CHAIN_S   INT64_C(10000000) /* further than a chain is long */

/* At an event's or a ledger's place. */
static const char *const stream_faults[] = {"reset",
                                            "reset=REFUSED_STREAM",
                                            "close",
                                            "abort",
                                            "goaway",
                                            "goaway=NO_ERROR",
                                            "goaway-graceful=1s",
                                            "goaway-graceful=0s",
                                            "status=INTERNAL",
                                            "status=UNAVAILABLE",
                                            "status=UNKNOWN",
                                            "status=DATA_LOSS",
                                            FINAL_FAULT,
                                            "end-stream",
                                            "silence",
                                            "silence=20s",
                                            "slow-drip=300 delay=20ms",
                                            "half-message",
                                            "wrong-length",
                                            "compressed",
                                            "oversize",
                                            "outage=30s",
                                            "unknown-fields",
                                            "window-stall=5s",
                                            "ping-flood=3000",
                                            "settings-flood=3000",
                                            "reset-flood=1000"};
/* At a ledger's. */
static const char *const ledger_faults[] = {"repeat-ledger", "old-ledger"};
/* Where a request begins. */
static const char *const request_faults[] = {"no-settings",
                                             "http1",
                                             "late-headers=2s",
                                             "content-type",
                                             "http-status=503",
                                             "http-status=404",
                                             "status-only=UNAVAILABLE",
                                             "status-only=INTERNAL",
                                             "status-only=RESOURCE_EXHAUSTED"};

/* A source that jumps over so many ledgers is found out in any chain of chain.c. */
#define JUMP_MIN 20

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void add_line(struct scenario *scenario, const char *format, ...) PRINTF_LIKE(2, 3);
static void add_line(struct scenario *scenario, const char *format, ...)
{
    size_t at = strlen(scenario->script_text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scenario->script_text + at, sizeof scenario->script_text - at, format, arguments);
    va_end(arguments);
}

/* A ledger that has events. */
static uint32_t any_ledger(const struct scenario *scenario)
{
    const struct chain *chain = &scenario->chain;
    for (;;) {
        uint32_t ledger = chain->first + world_below(chain->last - chain->first + 1);
        if (chain_ledger(chain, ledger)->event_count > 0)
            return ledger;
    }
}

static void add_stream_fault(struct scenario *scenario, unsigned count)
{
    bool at_event = world_chance(2);
    const char *fault = stream_faults[world_below(COUNT(stream_faults))];
    if (strcmp(fault, FINAL_FAULT) == 0 && count > FINAL_FAULT_MAX)
        count = FINAL_FAULT_MAX;
    if (at_event)
        add_line(scenario, "event=%u %s count=%u\n", world_below(scenario->chain.event_count),
                 fault, count);
    else
        add_line(scenario, "ledger=%u %s count=%u\n", any_ledger(scenario), fault, count);
}

static void add_fault(struct scenario *scenario)
{
    unsigned count = world_chance(4) ? 2 + world_below(13) : 1;
    uint32_t kind = world_below(10);
    if (kind < 5)
        add_stream_fault(scenario, count);
    else if (kind < 8)
        add_line(scenario, "ledger=%u %s count=%u\n", any_ledger(scenario),
                 ledger_faults[world_below(COUNT(ledger_faults))], count > 3 ? 3 : count);
    else
        add_line(scenario, "event=0 %s count=%u\n",
                 request_faults[world_below(COUNT(request_faults))], count > 5 ? 5 : count);
}

/* Each ledger has events. */
static void fill_chain(struct chain *chain)
{
    for (uint32_t i = 0; i <= chain->last - chain->first; i++) {
        if (chain->ledgers[i].event_count != 0)
            continue;
        chain->ledgers[i].event_count = 1;
        chain->event_count++;
    }
}

/* A ledger that comes back smaller is known by what this run saw of it: nothing may end the run in
 * between, or drop the whole ledger unseen. So it is one a seed, all else only ends calls, and no
 * ledger is empty: a call that ends for the sake of a gap drops what was on its way. */
static void draw_shrinking_script(struct scenario *scenario)
{
    static const char *const mild_faults[] = {"reset",          "close",     "goaway",
                                              "end-stream",     "silence",   "half-message",
                                              "unknown-fields", "outage=10s"};
    scenario->shrinks = true;
    fill_chain(&scenario->chain);
    uint32_t shrinking = any_ledger(scenario);
    add_line(scenario, "ledger=%u shrunken-ledger=%u\n", shrinking, 1 + world_below(4));
    for (uint32_t i = world_below(3); i > 0; i--) {
        uint32_t ledger = any_ledger(scenario);
        const char *fault = mild_faults[world_below(COUNT(mild_faults))];
        if (ledger != shrinking)
            add_line(scenario, "ledger=%u %s\n", ledger, fault);
    }
}

static void draw_script(struct scenario *scenario)
{
    /* One that is surely met. */
    add_line(scenario, "ledger=%u %s\n", any_ledger(scenario), world_chance(2) ? "reset" : "abort");
    for (uint32_t more = world_below(6); more > 0; more--)
        add_fault(scenario);
    /* Poison for some runs, and then it comes: each takes max_attempts of them and more. */
    if (world_chance(5))
        add_line(scenario, "ledger=%u status=INTERNAL count=%u\n", any_ledger(scenario),
                 12 + world_below(12));
    /* More than one of these in a ledger makes a dead letter of a good event, as documented. */
    if (world_chance(4))
        add_line(scenario, "ledger=%u %s\n", any_ledger(scenario),
                 world_chance(2) ? "invalid-protobuf" : "missing-meta");
    if (world_chance(5))
        add_line(scenario, "ledger=%u events-after-end=%u\n", scenario->chain.last,
                 1 + world_below(3));
    if (world_chance(4))
        add_line(scenario, "ledger=%u jump=%u\n", any_ledger(scenario),
                 JUMP_MIN + world_below(100));
    if (world_chance(5)) {
        uint32_t ledger = any_ledger(scenario);
        scenario->skips = true;
        scenario->chain.ledgers[ledger - scenario->chain.first].skipped = true;
        add_line(scenario, "ledger=%u skip-ledger\n", ledger);
    }
}

static void draw_database(void)
{
    world->database_faults_left = world_below(40);
    world->lease_ttl_us = (10 + (int64_t)world_below(50)) * US_PER_SECOND;
    world->database_skew_us =
        ((int64_t)world_below(7200) - 3600) * US_PER_SECOND; /* of its clock */
}

void scenario_make(struct scenario *scenario, uint64_t seed, bool is_on_objects)
{
    struct error error;
    *scenario = (struct scenario){.skips = false};
    chain_make(&scenario->chain, seed);
    if (world_chance(6))
        draw_shrinking_script(scenario);
    else
        draw_script(scenario);
    if (fault_script_parse(&scenario->script, "the seed's script",
                           bytes_view_text(scenario->script_text), &error) != OK) {
        printf("%s\n%s", error.message, scenario->script_text);
        abort();
    }
    for (size_t i = 0; i < scenario->script.fault_count; i++)
        world->fault_counts[i] = scenario->script.faults[i].count;
    scenario->rough_lives = scenario->shrinks ? 0 : 1 + world_below(5);
    /* What a commit's files were replaced by can't be taken apart again by `repair`. */
    world->foreign.is_there = !scenario->shrinks && world_chance(2);
    world->foreign.changes_rows = !scenario->skips && world_chance(2);
    world->wire_faults_left = world_below(scenario->shrinks ? 5 : 30);
    world->is_old_schema = !scenario->shrinks && world_chance(4);
    world->is_on_objects = (world_chance(4) && !scenario->shrinks) || is_on_objects;
    if (world->is_on_objects)
        world->foreign.is_there = false; /* he writes files */
    /* Not replayed is what others changed, and what has no known place among rows of 1.0.0. */
    world->is_old_age = world_chance(4) && !scenario->shrinks && !world->is_on_objects &&
                        !world->is_old_schema && !world->foreign.changes_rows;
    world->store_faults_left = world_below(40);
    if (world->is_shared)
        draw_database();
}

void scenario_release(struct scenario *scenario)
{
    fault_script_release(&scenario->script);
}

/* Small numbers are as likely as great ones. */
static uint64_t any_magnitude(unsigned bits)
{
    uint64_t top = UINT64_C(1) << world_below(bits);
    return top + world_below((uint32_t)top);
}

static void draw_processes(struct world_life *life)
{
    static const uint32_t odds[] = {0, 15, 60, 300};
    life->database_odds = odds[world_below(COUNT(odds))];
    if (world_chance(2)) {
        life->freeze_at = any_magnitude(11);
        life->freeze_us = (int64_t)any_magnitude(10) * US_PER_SECOND;
        if (world_chance(2)) /* until about when it is robbed */
            life->freeze_us =
                world->lease_ttl_us * 2 / 3 +
                (int64_t)world_below((uint32_t)world->lease_ttl_us / 3 + 3 * US_PER_SECOND);
    }
}

static void draw_disk(struct world_life *life)
{
    if (!world_chance(3)) {
        life->crash_at = any_magnitude(12);
        life->crash_how = world_below(3);
    }
    for (size_t i = 0; i < WORLD_EIO_MAX; i++)
        if (world_chance(6))
            life->eio_at[i] = any_magnitude(11);
    if (world_chance(6))
        life->read_eio_at = any_magnitude(8);
    if (world_chance(4)) {
        life->full_at = any_magnitude(11);
        life->full_us = (int64_t)any_magnitude(28);
    }
    life->short_writes = world_chance(2);
    life->interrupts = world_chance(3);
}

/* At some time, mostly when all there is has come, or in the midst of the stream; mostly of a run
 * that lives until then. */
static void draw_stop(struct world_life *life, uint32_t ledger_count)
{
    life->stop_at_us = world->now_us + (int64_t)any_magnitude(32);
    if (!world_chance(3))
        life->stop_at_load = 1 + world_below(ledger_count);
    life->stops_in_wait = world_chance(2);
    if (!world_chance(3))
        life->crash_at = 0;
}

void scenario_draw_life(const struct scenario *scenario, bool is_calm, uint32_t *start,
                        uint32_t *end)
{
    static const uint32_t odds[] = {0, 15, 60, 300};
    static const uint32_t chunks[] = {100, 1500, 16384, 65536, 262144};
    struct world_life *life = &world->life;
    const struct chain *chain = &scenario->chain;
    *life = (struct world_life){.chunk_bytes =
                                    world_chance(15) ? 7 : chunks[world_below(COUNT(chunks))],
                                .latency_us = (int64_t)any_magnitude(18)};
    *start = chain->first;
    *end = chain->last;
    if (world->is_old_schema && world_chance(2))
        world->is_old_schema = false;
    if (is_calm) {
        world->store_away_until_us = 0;
        return;
    }
    life->wire_odds = odds[world_below(COUNT(odds))];
    draw_disk(life);
    if (world->is_on_objects) {
        life->store_odds = odds[world_below(COUNT(odds))] / 4;
        life->store_latency_us = (int64_t)any_magnitude(16);
    }
    if (world->is_shared)
        draw_processes(life);
    if (world->foreign.is_there && !world_chance(3))
        life->foreign_writes = 1 + world_below(16);
    else if (!world->is_shared && world_chance(6)) {
        life->power_loss_at = any_magnitude(12);
        life->crash_at = 0;
    }
    if (world_chance(4) && !world->is_on_objects) {
        life->backup_after_us = (int64_t)any_magnitude(28);
        life->backup_mirrors = world_chance(2);
    }
    life->is_old_program = world->is_old_age;
    if (life->is_old_program)
        world->has_old_letters = true;
    uint32_t wish = world_below(4);
    if (wish == 0) { /* a range in the midst */
        uint32_t length = chain->last - chain->first + 1;
        *start += world_below(length);
        *end = *start + world_below(chain->last - *start + 1);
    } else if (wish == 1) {
        *end = 0;
    }
    if (*end == 0 || world_chance(4))
        draw_stop(life, chain->last - chain->first + 1);
}

void scenario_draw_other_chain(const struct scenario *scenario, uint32_t covered_first,
                               uint32_t covered_last, struct chain *other)
{
    const struct chain *chain = &scenario->chain;
    uint32_t kind = world_below(3);
    chain_make_other(other, chain, 0);
    if (kind == 1 && covered_first > chain->first) {
        chain_make_other(other, chain, OTHER_CHAIN_S);
        other->served_last = covered_first - 1;
    } else if (kind == 2 && covered_last < chain->last) {
        chain_make_other(other, chain, -OTHER_CHAIN_S);
        other->served_first = covered_last + 1;
    } else {
        chain_make_other(other, chain, (int64_t)world_below(3) - 1);
    }
}

void scenario_set_options(const struct scenario *scenario, struct options *options)
{
    static const uint64_t file_sizes[] = {1500, 4000, 20000, 134217728};
    static const int64_t ages_s[] = {2, 30, 600, 3600};
    uint64_t random = scenario->chain.seed; /* what a lake keeps is the same in each life */
    options->ttp_processor_endpoint = "simulated:1";
    options->schema_version = world->is_old_schema ? "1.0.0" : "1.1.0";
    options->network = "testnet";
    options->partitioning_scheme = (int)(random % 4);
    options->batch_size = 1 + (uint32_t)any_magnitude(7);
    options->flush_interval_us = (int64_t)any_magnitude(25);
    options->max_file_size_bytes = file_sizes[world_below(COUNT(file_sizes))];
    if (world->is_shared) /* many processes, not many files */
        options->max_file_size_bytes += file_sizes[2];
    options->max_file_age_us = ages_s[world_below(COUNT(ages_s))] * US_PER_SECOND;
    options->compression_codec = (int)world_below(6);
    options->encoding_profile = (int)world_below(2);
    options->compression_level = 1;
    options->row_group_rows = world_chance(2) ? 20 + world_below(100) : options->row_group_rows;
    options->page_size_bytes = world_chance(2) ? 1024 : options->page_size_bytes;
    options->bloom_filters = world_chance(2);
    options->verify_files = (int)world_below(4);
    options->encode_threads = 1 + world_below(2);
    options->memory_limit_bytes = UINT64_C(1) << (23 + world_below(5));
    options->min_free_disk_bytes = world_chance(2) ? 0 : UINT64_C(1) << 30;
    options->on_poison_ledger = world_chance(2) ? POISON_SKIP : POISON_STOP;
    options->max_attempts = scenario->shrinks ? 50 : 2 + world_below(9);
    options->idle_timeout_us = (5 + (int64_t)world_below(86)) * US_PER_SECOND;
    options->connect_timeout_us = (1 + (int64_t)world_below(10)) * US_PER_SECOND;
    options->health_port = options->metrics_port = 0;
    /* Without a draw of its own: a seed does with one stream what it always did. What a smaller
     * ledger was before only the stream knows that saw it. */
    uint32_t drawn = (uint32_t)(options->idle_timeout_us / US_PER_SECOND);
    options->streams = drawn % 3 == 0 && !scenario->shrinks ? 2 + drawn / 3 % 4 : 1;
    options->lease_ledgers = 10 + drawn;
    /* Also without. */
    if (world->is_shared)
        options->lease_ttl_us = world->lease_ttl_us;
    options->compact_closed = drawn % 4 == 0;
    options->snapshot_retention_us = drawn % 5 == 0 ? (int64_t)drawn * US_PER_SECOND : 0;
}
