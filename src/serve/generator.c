// SPDX-License-Identifier: Apache-2.0
#include "serve/generator.h"

#include <assert.h>
#include <inttypes.h>

#include "serve/event_writer.h"
#include "serve/generator_tx.h"
#include "serve/ledger_plan.h"
#include "serve/population.h"
#include "util/memory.h"
#include "util/text.h"

/* A ledger closes every 5.8 seconds, cut to whole ones. */
#define CLOSE_TENTHS 58
#define YEAR_10000   INT64_C(253402300800) /* seconds since 1970 */

struct generator {
    struct generator_options options;
    uint32_t last_ledger;
    uint32_t last_ledger_limit; /* events of the last ledger; UINT32_MAX: all it has */
    struct population population;
};

static int64_t close_seconds(const struct generator *generator, uint32_t sequence)
{
    int64_t number = (int64_t)sequence - generator->options.first_ledger;
    return generator->options.start_time_us / US_PER_SECOND + number * CLOSE_TENTHS / 10;
}

/* Finds the ledger with the last of event_count events. */
static enum error_code find_last_event(struct generator *generator, struct error *error)
{
    uint64_t left = generator->options.event_count;
    struct ledger_plan plan;
    for (uint32_t sequence = generator->options.first_ledger;; sequence++) {
        ledger_plan_make(&plan, generator->options.seed, sequence);
        bool is_last = sequence == generator->last_ledger && generator->options.ledger_count != 0;
        if (plan.event_count >= left || is_last) {
            generator->last_ledger = sequence;
            generator->last_ledger_limit =
                plan.event_count < left ? plan.event_count : (uint32_t)left;
            return OK;
        }
        left -= plan.event_count;
        if (sequence == UINT32_MAX)
            return error_set(error, ERR_INVALID,
                             "%" PRIu64 " events don't fit in the ledgers from %" PRIu32 " on",
                             generator->options.event_count, generator->options.first_ledger);
    }
}

static enum error_code find_end(struct generator *generator, struct error *error)
{
    const struct generator_options *options = &generator->options;
    generator->last_ledger_limit = UINT32_MAX;
    generator->last_ledger = UINT32_MAX;
    if (options->ledger_count != 0) {
        if (options->ledger_count - 1 > UINT32_MAX - 1 - options->first_ledger)
            return error_set(error, ERR_INVALID,
                             "%" PRIu32 " ledgers from %" PRIu32
                             " on: a ledger's number has 32 bits",
                             options->ledger_count, options->first_ledger);
        generator->last_ledger = options->first_ledger + options->ledger_count - 1;
    }
    if (options->event_count != 0) {
        enum error_code code = find_last_event(generator, error);
        if (code != OK)
            return code;
    }
    if (generator->last_ledger != UINT32_MAX &&
        close_seconds(generator, generator->last_ledger) >= YEAR_10000)
        return error_set(error, ERR_INVALID, "the last ledger would close after the year 9999");
    return OK;
}

enum error_code generator_new(struct generator **out, const struct generator_options *options,
                              struct error *error)
{
    *out = NULL;
    if (options->first_ledger == 0)
        return error_set(error, ERR_INVALID, "the first ledger must be at least 1");
    if (options->start_time_us < 0 || options->start_time_us / US_PER_SECOND >= YEAR_10000)
        return error_set(error, ERR_INVALID, "the start time must lie from 1970 to 9999");
    struct generator *generator = mem_alloc_zero(1, sizeof *generator);
    if (generator == NULL)
        return error_no_memory(error, "the generator");
    generator->options = *options;
    enum error_code code = find_end(generator, error);
    if (code == OK)
        code = population_init(&generator->population, options->seed, error);
    if (code == OK)
        *out = generator;
    else
        generator_free(generator);
    return code;
}

void generator_free(struct generator *generator)
{
    if (generator == NULL)
        return;
    population_release(&generator->population);
    mem_free(generator);
}

uint32_t generator_first_ledger(const struct generator *generator)
{
    return generator->options.first_ledger;
}

uint32_t generator_last_ledger(const struct generator *generator)
{
    return generator->last_ledger;
}

static uint32_t event_limit(const struct generator *generator, uint32_t sequence)
{
    return sequence == generator->last_ledger ? generator->last_ledger_limit : UINT32_MAX;
}

enum error_code generator_load(struct generator *generator, uint32_t sequence,
                               struct buffer *framed, struct error *error)
{
    assert(sequence >= generator->options.first_ledger && sequence <= generator->last_ledger);
    struct ledger_plan plan;
    ledger_plan_make(&plan, generator->options.seed, sequence);
    if (buffer_reserve(framed, (size_t)plan.event_count * EVENT_WRITER_MAX_BYTES) != OK)
        return error_no_memory(error, "a generated ledger");

    struct event_writer writer;
    event_writer_begin(&writer, framed->data + framed->size_bytes, sequence,
                       close_seconds(generator, sequence), event_limit(generator, sequence));
    generator_write_fees(&writer, &generator->population, &plan);
    for (uint32_t i = 0; i < plan.tx_count; i++)
        generator_write_tx(&writer, &generator->population, &plan, &plan.txs[i]);
    generator_write_refunds(&writer, &generator->population, &plan);
    assert(writer.event_count == plan.event_count || writer.event_count == writer.event_limit);
    framed->size_bytes = (size_t)(writer.at - framed->data);
    return OK;
}

static bool feed_find(void *context, uint32_t wanted, uint32_t *sequence)
{
    const struct generator *generator = context;
    if (wanted > generator->last_ledger)
        return false;
    *sequence = wanted < generator->options.first_ledger ? generator->options.first_ledger : wanted;
    return true;
}

static enum error_code feed_load(void *context, uint32_t sequence, struct buffer *framed,
                                 struct error *error)
{
    return generator_load(context, sequence, framed, error);
}

struct feed generator_feed(struct generator *generator)
{
    return (struct feed){.context = generator,
                         .first_ledger = generator->options.first_ledger,
                         .last_ledger = generator->last_ledger,
                         .find = feed_find,
                         .load = feed_load};
}
