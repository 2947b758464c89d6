// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include "output/progress.h"
#include "service/lake_run.h"
#include "output/report_file.h"
#include "service/run_check.h"
#include "service/run_plan.h"
#include "output/standard_output.h"
#include "output/summary.h"
#include "catalog/catalog.h"
#include "care/prune.h"
#include "commit/lake_catalog.h"
#include "os/signal.h"

/* Prints the plan by the lake as it is, without touching it. */
static enum exit_code dry_run(const struct options *options)
{
    struct store store;
    struct error error;
    struct catalog *catalog = NULL;
    enum error_code code = run_check(options, &error);
    if (code == OK)
        code = store_at(&store, options->output_path, &error);
    if (code == OK && lake_catalog_exists(&store))
        code = lake_catalog_open(&catalog, &store, CATALOG_READ, NULL, &error);
    struct run_plan plan = {.ranges = NULL};
    if (code == OK)
        code = run_plan_make(&plan, catalog, options->start_ledger, options->end_ledger, &error);
    if (code == OK && options->streams > 1)
        code = run_plan_take_below(&plan, catalog, &error);
    catalog_close(catalog);
    if (code != OK) {
        run_plan_release(&plan);
        return command_fail(exit_code_of(code), &error);
    }
    struct buffer text;
    buffer_init(&text);
    enum exit_code exit_code =
        standard_output_text(summary_render_plan(options, &plan, &text), &text);
    run_plan_release(&plan);
    return exit_code;
}

/* A stop ends in time, whoever reads the summary. */
static enum exit_code print_summary(const struct options *options, const struct run_report *report)
{
    struct buffer text;
    buffer_init(&text);
    enum exit_code exit_code = summary_render(options, report, &text) == OK
                                   ? standard_output_print(&text, options->stop_timeout_us)
                                   : standard_output_text(ERR_NO_MEMORY, &text);
    buffer_release(&text);
    return exit_code;
}

static enum exit_code run(const struct options *options, const char *report_path)
{
    struct error error;
    if (os_signals_install(&error) != OK)
        return command_fail(EXIT_FAILED, &error);
    if (report_path != NULL && report_file_begin(report_path, options, &error) != OK) {
        error_prefix(&error, error.code, "can't write the report: ");
        return command_fail(EXIT_USAGE, &error);
    }
    struct run_report report;
    struct progress progress;
    run_report_init(&report);
    progress_init(&progress, options);
    const struct run_observer observer = progress_observer(&progress);
    enum exit_code exit_code = lake_run(options, &observer, &report);
    if (report.has_run) {
        enum exit_code printed = print_summary(options, &report);
        exit_code = exit_code == EXIT_DONE ? printed : exit_code;
    }
    if (report_path != NULL &&
        report_file_end(report_path, options, &report, exit_code, &error) != OK) {
        error_prefix(&error, error.code, "can't write the report: ");
        exit_code = command_fail(exit_code == EXIT_DONE ? EXIT_FAILED : exit_code, &error);
    }
    run_report_release(&report);
    return exit_code;
}

/* --include-pruned: what START END name is asked for like any other ledger. */
static enum exit_code forget_pruned(const struct options *options)
{
    struct error error = {0};
    enum error_code code =
        options->start_ledger == 0 || options->end_ledger < options->start_ledger
            ? error_set(&error, ERR_INVALID,
                        "--include-pruned fetches pruned ledgers from START to END: name both")
            : prune_forget(options->output_path,
                           (struct ledger_range){options->start_ledger, options->end_ledger},
                           &error);
    return command_end(code, &error);
}

static enum exit_code run_or_plan(const struct command_line *line, const struct options *options)
{
    if (command_line_flag(line, "--dry-run") != NULL)
        return dry_run(options);
    enum exit_code exit_code =
        command_line_flag(line, "--include-pruned") != NULL ? forget_pruned(options) : EXIT_DONE;
    return exit_code == EXIT_DONE ? run(options, command_line_flag(line, "--report")) : exit_code;
}

enum exit_code cmd_run(const struct command_line *line)
{
    return command_with_options(line, run_or_plan);
}
