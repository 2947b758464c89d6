// SPDX-License-Identifier: Apache-2.0
/* Proves the lake, or prints what is wrong and what to fetch again. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "app/again.h"
#include "app/command.h"
#include "app/json_output.h"
#include "lake/verify.h"
#include "os/process.h"
#include "util/buffer.h"
#include "util/text.h"

/* "parquet-consumer repair … && parquet-consumer run … A B && …": what mends the lake; empty where
 * nothing is to be fetched. */
static enum error_code format_command(const struct verify_report *report,
                                      const struct command_line *line,
                                      const struct options *options, struct buffer *out,
                                      struct error *error)
{
    const struct findings *findings = &report->findings;
    size_t count = findings_refetch_count(findings);
    struct buffer words;
    buffer_init(&words);
    enum error_code code = OK;
    if (count > 0)
        code = again_append_options(&words, line, options, error);
    if (code == OK && count > 0)
        code = buffer_append_format(out, "parquet-consumer repair%s%s", (const char *)words.data,
                                    report->deep ? " --deep" : "");
    for (size_t i = 0; code == OK && i < count; i++) {
        struct catalog_range range = findings_refetch(findings, i);
        code = buffer_append_format(out, " && parquet-consumer run%s %" PRIu32 " %" PRIu32,
                                    (const char *)words.data, range.first, range.last);
    }
    buffer_release(&words);
    if (code == OK)
        code = buffer_append_byte(out, '\0');
    return code == ERR_NO_MEMORY ? error_no_memory(error, "the report") : code;
}

static json_t *json_problem(const void *context, size_t index)
{
    const struct verify_report *report = context;
    const struct problem *problem = findings_problem(&report->findings, index);
    bool has_commit = problem->commit_no != 0;
    bool has_range = problem->range.last != 0;
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind", problem_kind_name(problem->kind),
                     "path", json_any_text(problem->path), "commit_no",
                     has_commit ? json_integer((json_int_t)problem->commit_no) : json_null(),
                     "first", has_range ? json_integer(problem->range.first) : json_null(), "last",
                     has_range ? json_integer(problem->range.last) : json_null(), "message",
                     json_any_text(problem->message));
}

static json_t *json_refetch(const void *context, size_t index)
{
    const struct verify_report *report = context;
    struct catalog_range range = findings_refetch(&report->findings, index);
    return json_pack("{s:I, s:I}", "first", (json_int_t)range.first, "last",
                     (json_int_t)range.last);
}

static json_t *json_note(const void *context, size_t index)
{
    const struct verify_report *report = context;
    return json_any_text(findings_note(&report->findings, index));
}

static json_t *json_report(const struct verify_report *report, const char *command)
{
    const struct findings *findings = &report->findings;
    return json_pack("{s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "ok", report->ok, "deep",
                     report->deep, "files", (json_int_t)report->files, "rows",
                     (json_int_t)report->rows, "coverage",
                     json_ranges(report->coverage, report->coverage_count), "problems",
                     json_list(findings_problem_count(findings), json_problem, report), "refetch",
                     json_list(findings_refetch_count(findings), json_refetch, report), "command",
                     json_any_text(command[0] != '\0' ? command : NULL), "notes",
                     json_list(findings_note_count(findings), json_note, report));
}

static void print_text(const struct verify_report *report, const char *command)
{
    const struct findings *findings = &report->findings;
    char files[TEXT_TIME_BYTES], rows[TEXT_TIME_BYTES];
    text_count(report->files, files);
    text_count(report->rows, rows);
    for (size_t i = 0; i < findings_problem_count(findings); i++) {
        const struct problem *problem = findings_problem(findings, i);
        printf("problem: %s%s%s: %s\n", problem_kind_name(problem->kind),
               problem->path != NULL ? " " : "", problem->path != NULL ? problem->path : "",
               problem->message);
    }
    for (size_t i = 0; i < findings_note_count(findings); i++)
        printf("note: %s\n", findings_note(findings, i));
    for (size_t i = 0; i < findings_refetch_count(findings); i++) {
        struct catalog_range range = findings_refetch(findings, i);
        printf("fetch again: %" PRIu32 " to %" PRIu32 "\n", range.first, range.last);
    }
    if (command[0] != '\0')
        printf("to mend it:\n  %s\n", command);
    size_t problems = findings_problem_count(findings);
    if (report->ok)
        printf("ok: %s files, %s rows, %s\n", files, rows,
               report->deep ? "every value read and compared"
                            : "every page's checksum right (--deep also reads every value)");
    else
        printf("not ok: %zu problem%s in %s files, %s rows\n", problems, problems == 1 ? "" : "s",
               files, rows);
}

enum exit_code cmd_verify(const struct command_line *line)
{
    struct options options;
    struct error error = {0};
    struct buffer command;
    options_init(&options);
    buffer_init(&command);
    enum exit_code exit_code = command_load_options(line, &options);
    if (exit_code == EXIT_DONE) {
        struct verify_options wanted = {.output_path = options.output_path,
                                        .deep = command_line_flag(line, "--deep") != NULL,
                                        .threads = os_core_count()};
        struct verify_report report;
        enum error_code code = verify_lake(&wanted, &report, &error);
        if (code == OK)
            code = format_command(&report, line, &options, &command, &error);
        if (code == OK && command_line_flag(line, "--json") != NULL)
            code = json_print(json_report(&report, (const char *)command.data), JSON_INDENT(2),
                              &error);
        else if (code == OK)
            print_text(&report, (const char *)command.data);
        exit_code = code != OK  ? command_fail(command_exit_code(code), &error)
                    : report.ok ? EXIT_DONE
                                : EXIT_PROBLEMS;
        verify_report_release(&report);
    }
    buffer_release(&command);
    options_release(&options);
    return exit_code;
}
