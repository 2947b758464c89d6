// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include <inttypes.h>
#include <stdio.h>

#include "util/ledger_text.h"
#include "output/say.h"
#include "app/serving.h"
#include "os/file.h"
#include "os/signal.h"
#include "pb/event.h"
#include "serve/generator.h"
#include "serve/recording.h"
#include "serve/truth.h"
#include "util/text.h"

#define ROWS_FLUSH_BYTES (1u << 20)

/* The command's flags, read. */
struct generate_request {
    struct generator_options generator;
    int64_t pace_us;
    const char *out, *listen, *rows;
};

/* Where the events and the rows go. */
struct generate_output {
    struct recording_writer *writer;
    struct os_file rows_file;
    bool has_rows;
    uint64_t rows_offset;
    struct buffer rows;
    uint64_t event_count;
};

static enum error_code missing(struct error *error, const char *flag)
{
    return error_set(error, ERR_INVALID,
                     "%s is missing: parquet-consumer generate --seed N --first-ledger N "
                     "(--ledgers N | --events N) --start-time TIME (--out FILE | --listen "
                     "HOST:PORT)",
                     flag);
}

static enum error_code bad(struct error *error, const char *flag, const char *value,
                           const char *wanted)
{
    return error_set(error, ERR_INVALID, "%s: \"%s\" is not %s", flag, value, wanted);
}

static enum error_code parse_numbers(const struct command_line *line,
                                     struct generate_request *request, struct error *error)
{
    const char *seed = command_line_flag(line, "--seed");
    const char *first = command_line_flag(line, "--first-ledger");
    const char *ledgers = command_line_flag(line, "--ledgers");
    const char *events = command_line_flag(line, "--events");
    struct generator_options *generator = &request->generator;
    if (seed == NULL || first == NULL)
        return missing(error, seed == NULL ? "--seed" : "--first-ledger");
    if (!text_parse_u64(bytes_view_text(seed), &generator->seed))
        return bad(error, "--seed", seed, "a whole number");
    if (!ledger_parse(first, &generator->first_ledger) || generator->first_ledger == 0)
        return bad(error, "--first-ledger", first, "a ledger number of at least 1");
    if (ledgers != NULL && events != NULL)
        return error_set(error, ERR_INVALID,
                         "--ledgers and --events say the same thing twice: drop one of them");
    if (ledgers == NULL && events == NULL && request->listen == NULL)
        return missing(error, "--ledgers or --events");
    if (ledgers != NULL &&
        (!ledger_parse(ledgers, &generator->ledger_count) || generator->ledger_count == 0))
        return bad(error, "--ledgers", ledgers, "a count of at least 1");
    if (events != NULL && (!text_parse_u64(bytes_view_text(events), &generator->event_count) ||
                           generator->event_count == 0))
        return bad(error, "--events", events, "a count of at least 1");
    return OK;
}

static enum error_code parse_request(const struct command_line *line,
                                     struct generate_request *request, struct error *error)
{
    *request = (struct generate_request){.out = command_line_flag(line, "--out"),
                                         .listen = command_line_flag(line, "--listen"),
                                         .rows = command_line_flag(line, "--rows")};
    enum error_code code = parse_numbers(line, request, error);
    if (code != OK)
        return code;
    const char *start = command_line_flag(line, "--start-time");
    const char *pace = command_line_flag(line, "--pace");
    if (start == NULL)
        return missing(error, "--start-time");
    if (!text_parse_rfc3339(bytes_view_text(start), &request->generator.start_time_us))
        return bad(error, "--start-time", start, "a time such as 2024-01-15T00:00:00Z");
    if ((request->out == NULL) == (request->listen == NULL))
        return missing(error, "one of --out and --listen");
    if (pace != NULL && request->listen == NULL)
        return error_set(error, ERR_INVALID, "--pace belongs to --listen: a file has no pace");
    if (request->rows != NULL && request->listen != NULL)
        return error_set(error, ERR_INVALID,
                         "--rows belongs to --out: served events are made as "
                         "they are asked for");
    if (pace != NULL &&
        (!text_parse_duration(bytes_view_text(pace), &request->pace_us) || request->pace_us < 0))
        return bad(error, "--pace", pace, "a duration, such as 250ms or 5s");
    return OK;
}

static enum error_code flush_rows(struct generate_output *output, struct error *error)
{
    size_t written;
    enum error_code code = os_file_write(&output->rows_file, output->rows_offset, output->rows.data,
                                         output->rows.size_bytes, &written, error);
    output->rows_offset += output->rows.size_bytes;
    buffer_reset(&output->rows);
    return code;
}

/* One event to the recording, and its row where rows are wanted. */
static enum error_code write_event(struct generate_output *output, struct bytes_view message,
                                   uint32_t event_index, struct error *error)
{
    enum error_code code = recording_writer_append(output->writer, message, error);
    output->event_count++;
    if (code != OK || !output->has_rows)
        return code;
    struct event_view event;
    code = event_decode(message, &event, error);
    if (code == OK && truth_append_row(&event, event_index, &output->rows) != OK)
        code = error_no_memory(error, "rows");
    if (code == OK && output->rows.size_bytes >= ROWS_FLUSH_BYTES)
        code = flush_rows(output, error);
    return code;
}

static enum error_code write_ledgers(struct generator *generator, struct generate_output *output,
                                     struct error *error)
{
    struct buffer framed;
    buffer_init(&framed);
    enum error_code code = OK;
    uint64_t last = generator_last_ledger(generator);
    for (uint64_t ledger = generator_first_ledger(generator);
         code == OK && ledger <= last && !os_stop_requested(); ledger++) {
        buffer_reset(&framed);
        code = generator_load(generator, (uint32_t)ledger, &framed, error);
        struct bytes_view left = buffer_view(&framed);
        struct bytes_view message;
        for (uint32_t i = 0; code == OK && feed_next_message(&left, &message); i++)
            code = write_event(output, message, i, error);
    }
    buffer_release(&framed);
    return code;
}

static enum error_code write_files(struct generator *generator,
                                   const struct generate_request *request, struct error *error)
{
    struct generate_output output = {.writer = NULL};
    uint32_t next_ledger;
    os_file_init(&output.rows_file);
    buffer_init(&output.rows);
    enum error_code code =
        recording_writer_open(&output.writer, request->out, false, &next_ledger, error);
    if (code == OK && request->rows != NULL) {
        code = os_file_open(&output.rows_file, request->rows, OS_OPEN_CREATE_NEW, error);
        output.has_rows = code == OK;
    }
    if (code == OK)
        code = write_ledgers(generator, &output, error);
    if (code == OK)
        code = recording_writer_finish(output.writer, error);
    if (code == OK && output.has_rows)
        code = flush_rows(&output, error);
    if (code == OK && output.has_rows)
        code = os_file_close(&output.rows_file, error);
    if (code == OK)
        say("%s: %" PRIu64 " events of ledgers %" PRIu32 " to %" PRIu32 "\n", request->out,
            output.event_count, generator_first_ledger(generator),
            generator_last_ledger(generator));
    recording_writer_free(output.writer);
    os_file_release(&output.rows_file);
    buffer_release(&output.rows);
    return code;
}

static enum exit_code serve(struct generator *generator, const struct generate_request *request,
                            const struct command_line *line)
{
    struct tls_files tls;
    struct feed feed = generator_feed(generator);
    const struct server_options options = {.tls = serving_tls(line, &tls),
                                           .listen = request->listen,
                                           .live = request->pace_us != 0,
                                           .pace_us = request->pace_us};
    return serving_run(&options, &feed);
}

enum exit_code cmd_generate(const struct command_line *line)
{
    struct generate_request request;
    struct generator *generator = NULL;
    struct error error;
    enum exit_code exit_code = EXIT_DONE;
    enum error_code code = parse_request(line, &request, &error);
    if (code == OK)
        code = generator_new(&generator, &request.generator, &error);
    if (code == OK && request.listen != NULL)
        exit_code = serve(generator, &request, line);
    else if (code == OK)
        code = os_signals_install(&error);
    if (code == OK && request.listen == NULL)
        code = write_files(generator, &request, &error);
    generator_free(generator);
    return code == OK ? exit_code : command_fail(exit_code_of(code), &error);
}
