// SPDX-License-Identifier: Apache-2.0
/* Takes damaged commits out of the lake, so that the next run fetches them again. */
#include <inttypes.h>
#include <stdio.h>

#include "output/print_runs.h"
#include "service/rerun.h"
#include "app/command.h"
#include "util/ledger_text.h"
#include "output/say.h"
#include "lake/inventory.h"
#include "care/repair.h"
#include "os/process.h"
#include "util/text.h"

/* What older snapshots are good for now. DuckDB compares times as texts in SQLite, so that
 * `older_than` ends snapshots of a whole day: they are named. */
static void print_snapshot(const struct repair_report *report)
{
    if (report->snapshot_id == 0)
        return;
    say("snapshot %" PRId64 " took it out. What is asked of an older one (AT (VERSION => %" PRId64
        ") and below, ducklake_table_changes from %" PRId64 " and below) fails where it needs a "
        "file that left, until DuckDB has expired them:\n  CALL "
        "ducklake_expire_snapshots('lake', versions => range(0, %" PRId64 "))\n",
        report->snapshot_id, report->snapshot_id - 1, report->snapshot_id, report->snapshot_id);
}

/* Data files that were no single commit's, and what others than this program changed. */
static void print_foreign(const struct repair_report *report, const char *would)
{
    for (size_t i = 0; i < LIST_COUNT(&report->compacted, char *); i++)
        say("%s, which held rows of these commits: %staken out of the lake\n",
            *LIST_AT(&report->compacted, char *, i), would);
    for (size_t i = 0; i < LIST_COUNT(&report->files, char *); i++)
        say("%s, which is no commit's: %staken out of the lake\n",
            *LIST_AT(&report->files, char *, i), would);
    if (report->inlined_rows > 0)
        say("%" PRIu64 " row%s of others in the catalog itself: %staken out of the lake\n",
            report->inlined_rows, text_plural(report->inlined_rows), would);
    if (report->discarded_groups > 0)
        say("what others than this program had changed there %s lost\n",
            would[0] != '\0' ? "would be" : "is");
    if (report->changed > 0)
        say("%" PRIu64 " problem%s left, as others than this program changed rows there: 'verify' "
            "names them, 'repair --discard-changes' takes their changes out, too\n",
            report->changed, report->changed == 1 ? " is" : "s are");
}

static void print_report(const struct repair_report *report, const struct repair_options *wanted)
{
    size_t commits = LIST_COUNT(&report->commits, uint64_t);
    size_t ranges = report->refetch.count;
    const char *would = wanted->dry_run ? "would be " : "";
    for (size_t i = 0; i < commits; i++)
        say("commit %" PRIu64 ": %staken out of the lake\n",
            *LIST_AT(&report->commits, uint64_t, i), would);
    print_foreign(report, would);
    for (size_t i = 0; i < LIST_COUNT(&report->moved, char *); i++)
        say("moved to _lake/damaged: %s\n", *LIST_AT(&report->moved, char *, i));
    if (wanted->unconfirmed)
        say("%zu unconfirmed range%s %staken out of the coverage\n", ranges, text_plural(ranges),
            would);
    else if (report->uncovered > 0)
        say("%" PRIu64 " ledger%s without events %staken out of the coverage\n", report->uncovered,
            text_plural(report->uncovered), would);
    if (report->unrepaired > 0)
        say("%" PRIu64 " problem%s no commit's: 'verify' names them, repair leaves them\n",
            report->unrepaired, report->unrepaired == 1 ? " is" : "s are");
    print_snapshot(report);
    size_t files = LIST_COUNT(&report->files, char *);
    if (commits + ranges + files == 0 && report->inlined_rows == 0 && report->unrepaired == 0 &&
        report->changed == 0)
        say("nothing to repair\n");
}

/* What is to be taken out: what is damaged, or what --unconfirmed, --schema-version or START END
 * name. ERR_INVALID says how to write it. */
static enum error_code read_choice(const struct command_line *line, struct repair_options *wanted,
                                   struct error *error)
{
    struct ledger_request request;
    const char *version = command_line_flag(line, "--schema-version");
    wanted->deep = command_line_flag(line, "--deep") != NULL;
    wanted->unconfirmed = command_line_flag(line, "--unconfirmed") != NULL;
    if (version != NULL && (wanted->deep || wanted->unconfirmed || line->argument_count > 0))
        return error_set(error, ERR_INVALID,
                         "--schema-version takes all commits of that version out, whatever is "
                         "found: give it without --deep, --unconfirmed and START END");
    if (version != NULL)
        return row_schema_parse(version, &wanted->schema, error);
    if (line->argument_count == 0)
        return OK;
    if (wanted->deep || wanted->unconfirmed)
        return error_set(error, ERR_INVALID,
                         "ledgers that are named are taken out whatever is found: give START END "
                         "without --deep and --unconfirmed");
    enum error_code code =
        ledger_request_parse(line->arguments, line->argument_count, &request, error);
    if (code == OK && (!request.end_is_given || request.end == 0 || request.start == 0))
        code = error_set(error, ERR_INVALID,
                         "repair takes ledgers out from START to END, both included: "
                         "parquet-consumer repair START END");
    if (code == OK)
        wanted->ledgers = (struct ledger_range){request.start, request.end};
    return code;
}

enum exit_code cmd_repair(const struct command_line *line)
{
    struct options options;
    struct error error = {0};
    struct repair_report report = {0};
    struct repair_options wanted = {.threads = os_core_count()};
    if (read_choice(line, &wanted, &error) != OK)
        return command_fail(EXIT_USAGE, &error);
    options_init(&options);
    enum exit_code exit_code = command_load_options(line, &options);
    if (exit_code == EXIT_DONE) {
        wanted.output_path = options.output_path;
        wanted.discard_changes = command_line_flag(line, "--discard-changes") != NULL;
        wanted.dry_run = command_line_flag(line, "--dry-run") != NULL;
        enum error_code code = repair_lake(&wanted, &report, &error);
        if (code == OK) {
            print_report(&report, &wanted);
            code = print_runs("to fetch again", &options, &report.refetch, &error);
        }
        if (code == OK && report.damage_is_left)
            exit_code = EXIT_FAILED;
        if (code != OK)
            exit_code = command_fail(exit_code_of(code), &error);
        repair_report_release(&report);
    }
    options_release(&options);
    return exit_code;
}
