// SPDX-License-Identifier: Apache-2.0
/* Proves the lake, or prints what is wrong and what to fetch again; with --against also compares it
 * with what a server sends. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "app/server_comparison.h"
#include "config/option_check.h"
#include "config/option_table.h"
#include "app/command.h"
#include "app/verify_print.h"
#include "lake/verify.h"
#include "service/memory_plan.h"
#include "os/process.h"
#include "util/buffer.h"

/* --against and --sample. ERR_INVALID names the value and how to write it. */
static enum error_code read_flags(const struct command_line *line,
                                  struct server_comparison *with_server, struct error *error)
{
    const char *server = command_line_flag(line, "--against");
    const char *sample = command_line_flag(line, "--sample");
    with_server->sample_millionths = COMPARISON_WHOLE;
    if (server == NULL && sample != NULL)
        return error_set(error, ERR_INVALID,
                         "--sample %s: a sample is compared with a server: give --against "
                         "HOST:PORT, too",
                         sample);
    if (server != NULL && !options_endpoint_is_good(server))
        return error_set(error, ERR_INVALID,
                         "--against: \"%.200s\": the server must be HOST:PORT, such as "
                         "localhost:50051 or [::1]:50051, without http://",
                         server);
    if (sample != NULL && !server_comparison_parse_sample(sample, &with_server->sample_millionths))
        return error_set(error, ERR_INVALID,
                         "--sample: \"%.200s\": a sample is a part of the ledgers, 0.0001%% to "
                         "100%%, such as --sample 1%% or --sample 0.5%%",
                         sample);
    return OK;
}

/* The configuration, with the server of --against as the endpoint. */
static enum exit_code load_options(const struct command_line *line, struct options *options)
{
    struct command_line call = *line;
    const char *server = command_line_flag(line, "--against");
    if (server != NULL)
        call.option_texts[option_index(offsetof(struct options, ttp_processor_endpoint))] = server;
    return command_load_options(&call, options);
}

static enum error_code print_report(const struct command_line *line, const struct options *options,
                                    const struct verify_report *report,
                                    const struct server_comparison *with_server,
                                    struct error *error)
{
    struct buffer command;
    buffer_init(&command);
    enum error_code code = verify_print_command(report, options, &command, error);
    if (code == OK && command_line_flag(line, "--json") != NULL)
        code = verify_print_json(report, with_server, (const char *)command.data, error);
    else if (code == OK)
        verify_print_text(report, with_server, options, (const char *)command.data);
    buffer_release(&command);
    return code;
}

/* Why the comparison is not complete, behind the report of what was compared. */
static enum exit_code fail_incomplete(const struct verify_report *report,
                                      const struct server_comparison *with_server)
{
    struct error error;
    error_set(&error, with_server->failure.code,
              "the comparison with %s is not complete, %" PRIu64 " of %" PRIu64
              " ledgers were compared and ledger %" PRIu32 " was not: %s",
              with_server->options->ttp_processor_endpoint, report->against.ledgers,
              report->against.wanted, with_server->next_ledger, with_server->failure.message);
    fflush(stdout);
    return command_fail(EXIT_FAILED, &error);
}

static enum exit_code verify(const struct command_line *line, const struct options *options,
                             struct server_comparison *with_server)
{
    bool is_compared = command_line_flag(line, "--against") != NULL;
    const struct verify_against request = {
        .sample_millionths = with_server->sample_millionths,
        .ledger_limit_bytes = memory_plan_make(options->memory_limit_bytes, 1).ledger_limit_bytes,
        .context = with_server,
        .stream = server_comparison_stream};
    const struct verify_options wanted = {.output_path = options->output_path,
                                          .reader_data_path = options->reader_data_path,
                                          .deep = command_line_flag(line, "--deep") != NULL,
                                          .threads = os_core_count(),
                                          .against = is_compared ? &request : NULL};
    struct verify_report report;
    struct error error = {0};
    enum error_code code = verify_lake(&wanted, &report, &error);
    bool has_problems = findings_problem_count(&report.findings) > 0;
    bool is_complete = with_server->failure.code == OK;
    report.ok = report.ok && is_complete;
    if (code == OK)
        code = print_report(line, options, &report, is_compared ? with_server : NULL, &error);
    enum exit_code exit_code = command_end(code, &error);
    if (code == OK && !is_complete)
        exit_code = fail_incomplete(&report, with_server);
    if (code == OK && has_problems)
        exit_code = EXIT_PROBLEMS;
    verify_report_release(&report);
    return exit_code;
}

enum exit_code cmd_verify(const struct command_line *line)
{
    struct options options;
    struct server_comparison with_server = {.options = &options};
    struct error error = {0};
    if (read_flags(line, &with_server, &error) != OK)
        return command_fail(EXIT_USAGE, &error);
    options_init(&options);
    enum exit_code exit_code = load_options(line, &options);
    if (exit_code == EXIT_DONE && command_line_flag(line, "--against") != NULL &&
        server_comparison_check_network(&options, &error) != OK)
        exit_code = command_fail(EXIT_USAGE, &error);
    if (exit_code == EXIT_DONE)
        exit_code = verify(line, &options, &with_server);
    options_release(&options);
    return exit_code;
}
