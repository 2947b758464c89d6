// SPDX-License-Identifier: Apache-2.0
#include "app/server_comparison.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/option_table.h"
#include "service/memory_plan.h"
#include "output/progress.h"
#include "service/source_setup.h"
#include "commit/lake_file.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/process.h"
#include "os/signal.h"
#include "rows/row.h"
#include "source/source.h"
#include "util/text.h"

#define SAMPLE_DECIMALS    4 /* of a per cent: to a millionth */
#define MILLIONTHS_PERCENT 10000

/* The handler of one source and the comparison it feeds. */
struct feeding {
    struct server_comparison *with_server;
    struct comparison *comparison;
    struct row_scratch scratch;
    bool lake_failed; /* an error came from the comparison, not from the server */
    bool is_terminal;
    unsigned columns;
    int64_t began_us, next_tell_us; /* monotonic */
};

bool server_comparison_parse_sample(const char *text, uint32_t *millionths)
{
    uint64_t value = 0;
    unsigned digits = 0, decimals = 0;
    for (; isdigit((unsigned char)*text) && digits < 3; text++, digits++)
        value = value * 10 + (uint64_t)(*text - '0');
    bool has_whole = digits > 0;
    if (has_whole && *text == '.') {
        for (text++; isdigit((unsigned char)*text) && decimals < SAMPLE_DECIMALS;
             text++, decimals++)
            value = value * 10 + (uint64_t)(*text - '0');
        has_whole = decimals > 0;
    }
    for (; decimals < SAMPLE_DECIMALS; decimals++)
        value *= 10;
    *millionths = (uint32_t)value;
    return has_whole && strcmp(text, "%") == 0 && value > 0 && value <= COMPARISON_WHOLE;
}

enum error_code server_comparison_check_network(const struct options *options, struct error *error)
{
    struct lake_file lake;
    struct error ignored; /* verify tells what is wrong with the lake */
    enum error_code code = OK;
    if (lake_file_read_at(&lake, options->output_path, &ignored) == OK && lake.network[0] != '\0' &&
        options->network[0] != '\0' && strcmp(lake.network, options->network) != 0)
        code = error_set(error, ERR_CONFLICT,
                         "the lake at %s is of the network %s, not %s: compare it with a server of "
                         "%s, and give --network %s or none",
                         options->output_path, lake.network, options->network, lake.network,
                         lake.network);
    lake_file_release(&lake);
    return code;
}

/* A bar on a terminal, else a line of the log now and then. */
static void show_progress(struct feeding *feeding)
{
    int64_t now_us = os_monotonic_us();
    if (now_us < feeding->next_tell_us)
        return;
    struct comparison_totals totals = comparison_totals(feeding->comparison);
    if (!feeding->is_terminal) {
        feeding->next_tell_us = now_us + PROGRESS_TELL_EVERY_US;
        log_event(LOG_INFO, "app", "comparing", LOG_U("ledgers", totals.ledgers),
                  LOG_U("of_ledgers", totals.wanted), LOG_U("rows", totals.rows),
                  LOG_U("differing_ledgers", totals.differing));
        return;
    }
    feeding->next_tell_us = now_us + PROGRESS_DRAW_EVERY_US;
    char done[TEXT_TIME_BYTES], wanted[TEXT_TIME_BYTES], rows[TEXT_TIME_BYTES];
    char words[PROGRESS_WORDS_BYTES];
    text_count(totals.ledgers, done);
    text_count(totals.wanted, wanted);
    text_count(totals.rows, rows);
    snprintf(words, sizeof words, "compared %s of %s ledgers, %s rows", done, wanted, rows);
    progress_draw_bar(feeding->columns,
                      totals.wanted > 0 ? (double)totals.ledgers / (double)totals.wanted : 0.0,
                      (double)(now_us - feeding->began_us) / 1e6, words);
}

/* Remembers that the lake's side failed, or a limit of ours, which the server is not to blame for.
 */
static enum error_code from_lake(struct feeding *feeding, enum error_code code)
{
    if (code != OK)
        feeding->lake_failed = true;
    return code;
}

static enum error_code on_event(void *context, const struct event_view *event, uint32_t event_index,
                                struct bytes_view message, bool *is_stored, struct error *error)
{
    struct feeding *feeding = context;
    struct row_view row;
    enum error_code code = row_from_event(event, event_index, &feeding->scratch, &row, NULL);
    if (code == ERR_NO_MEMORY)
        return from_lake(feeding, error_no_memory(error, "a row"));
    return from_lake(feeding,
                     comparison_add(feeding->comparison, event->ledger_sequence, event_index,
                                    code == OK ? &row : NULL, message, is_stored, error));
}

static enum error_code on_unreadable(void *context, uint32_t ledger_sequence, uint32_t event_index,
                                     const char *reason, struct bytes_view message,
                                     struct error *error)
{
    struct feeding *feeding = context;
    bool is_stored;
    (void)reason;
    return from_lake(feeding, comparison_add(feeding->comparison, ledger_sequence, event_index,
                                             NULL, message, &is_stored, error));
}

static void on_ledger_dropped(void *context)
{
    struct feeding *feeding = context;
    comparison_drop_ledger(feeding->comparison);
}

static enum error_code on_complete_to(void *context, uint32_t covered_to, struct error *error)
{
    struct feeding *feeding = context;
    show_progress(feeding);
    return from_lake(feeding, comparison_complete_to(feeding->comparison, covered_to, error));
}

/* on_poison_ledger: skip. The rest is compared, and the comparison is not complete. */
static enum error_code on_skip(void *context, uint32_t ledger, const char *words,
                               struct error *error)
{
    struct feeding *feeding = context;
    struct server_comparison *with_server = feeding->with_server;
    (void)error;
    comparison_skip(feeding->comparison, ledger);
    if (with_server->failure.code == OK) {
        error_set(&with_server->failure, ERR_CORRUPT,
                  "ledger %" PRIu32 " can't be had from the server and was left out: %s", ledger,
                  words);
        with_server->next_ledger = ledger;
    }
    return OK;
}

static bool has_room(void *context)
{
    (void)context;
    return true;
}

static bool must_stop(void *context)
{
    struct feeding *feeding = context;
    show_progress(feeding);
    return os_stop_requested() || comparison_is_hopeless(feeding->comparison);
}

/* Keeps why the server's side ended early, unless something came before. */
static void keep_failure(struct feeding *feeding, const struct error *why)
{
    struct server_comparison *with_server = feeding->with_server;
    if (with_server->failure.code != OK)
        return;
    with_server->failure = *why;
    with_server->next_ledger = comparison_next_ledger(feeding->comparison);
}

static enum error_code stream_range(struct feeding *feeding, struct source *source,
                                    struct ledger_range range, bool *go_on, struct error *error)
{
    const struct source_handler handler = {.context = feeding,
                                           .on_event = on_event,
                                           .on_unreadable = on_unreadable,
                                           .on_ledger_dropped = on_ledger_dropped,
                                           .on_complete_to = on_complete_to,
                                           .on_skip = on_skip,
                                           .has_room = has_room,
                                           .must_stop = must_stop};
    const struct source_request request = {.first = range.first, .last = range.last};
    struct source_result result;
    struct error why;
    error_clear(&why);
    enum error_code code = source_run(source, &request, &handler, &result, &why);
    *go_on = code == OK && result.complete;
    if (code != OK && feeding->lake_failed) {
        *error = why;
        return code;
    }
    if (code == OK && os_stop_requested())
        code = error_set(&why, ERR_AGAIN, "a signal stopped it");
    if (code != OK)
        keep_failure(feeding, &why);
    return OK;
}

static enum error_code stream_all(struct feeding *feeding, struct source *source,
                                  struct error *error)
{
    enum error_code code = OK;
    bool go_on = true;
    while (code == OK && go_on) {
        struct ledger_range range;
        code = comparison_next_range(feeding->comparison, &range, &go_on, error);
        if (code == OK && go_on)
            code = stream_range(feeding, source, range, &go_on, error);
    }
    return code;
}

enum error_code server_comparison_stream(void *context, struct comparison *comparison,
                                         struct error *error)
{
    struct feeding feeding = {.with_server = context, .comparison = comparison};
    const struct options *options = feeding.with_server->options;
    feeding.is_terminal =
        os_is_terminal(STDERR_FILENO, &feeding.columns) && log_get_level() <= LOG_INFO;
    feeding.began_us = os_monotonic_us();
    feeding.next_tell_us = feeding.began_us + (feeding.is_terminal ? 0 : PROGRESS_TELL_EVERY_US);
    const int level = option_index(offsetof(struct options, log_level));
    struct source_setup setup = {.is_quiet = options->origins[level].kind == ORIGIN_DEFAULT};
    struct source *source = NULL;
    struct memory_plan memory = memory_plan_make(options->memory_limit_bytes, 1);
    enum error_code code = os_signals_install(error);
    if (code == OK)
        code = source_setup_make(&setup, options, memory.window_bytes, true, &source, error);
    if (code == OK)
        code = stream_all(&feeding, source, error);
    log_set_status("");
    source_free(source);
    source_setup_release(&setup);
    buffer_release(&feeding.scratch.text);
    return code;
}
