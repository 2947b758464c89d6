// SPDX-License-Identifier: Apache-2.0
/* Makes the catalog anew from the files alone. */
#include <inttypes.h>
#include <stdio.h>

#include "output/print_runs.h"
#include "service/rerun.h"
#include "app/command.h"
#include "output/say.h"
#include "lake/inventory.h"
#include "care/rebuild.h"
#include "util/text.h"

static void print_taken(const struct rebuild_report *report, bool dry_run)
{
    say("lake %s (%s, partitioned by %s, schema %s)\n", report->lake_id,
        report->network[0] == '\0' ? "network not known" : report->network, report->scheme,
        report->schema_version);
    say("%s: %" PRIu64 " commit%s, %" PRIu64 " file%s, %" PRIu64 " row%s, %" PRIu64
        " dead letter%s, %" PRIu64 " unconfirmed ledger%s\n",
        dry_run ? "would be taken in" : "taken in", report->commits, text_plural(report->commits),
        report->files, text_plural(report->files), report->rows, text_plural(report->rows),
        report->dead_letters, text_plural(report->dead_letters), report->unconfirmed_ledgers,
        text_plural(report->unconfirmed_ledgers));
    for (size_t i = 0; i < report->coverage.count; i++) {
        struct ledger_range range = report->coverage.ranges[i];
        say("covered: ledgers %" PRIu32 " to %" PRIu32 "\n", range.first, range.last);
    }
}

static void print_left_out(const struct rebuild_report *report, bool dry_run)
{
    for (size_t i = 0; i < LIST_COUNT(&report->entries, struct rebuild_entry); i++) {
        const struct rebuild_entry *entry = LIST_AT(&report->entries, struct rebuild_entry, i);
        if (!entry->moved)
            say("left alone: %s", entry->path);
        else
            say("%s to _lake/damaged: %s", dry_run ? "would be moved" : "moved", entry->path);
        if (entry->range.last != 0)
            say(" (commit %" PRIu64 ", ledgers %" PRIu32 " to %" PRIu32 ")", entry->commit_no,
                entry->range.first, entry->range.last);
        say(": %s\n", entry->reason);
    }
}

static void print_other_work(const struct rebuild_report *report, bool dry_run)
{
    static const char *const outcomes[] = {
        [RECOVERY_FINISHED] = "was in the catalog already",
        [RECOVERY_ROLLED_FORWARD] = "was finished",
        [RECOVERY_ROLLED_BACK] = "could not be finished and was undone",
    };
    const struct recovery_report *recovered = &report->recovered;
    if (recovered->outcome != RECOVERY_NOTHING)
        say("the commit that was being published (%" PRIu64 ", ledgers %" PRIu32 " to %" PRIu32
            ") %s\n",
            recovered->commit_no, recovered->range.first, recovered->range.last,
            outcomes[recovered->outcome]);
    if (report->kept_old_catalog)
        say("the old catalog is kept in _lake/damaged\n");
    if (report->kept_elsewhere[0] != '\0')
        say("the old catalog is kept in %s\n", report->kept_elsewhere);
    if (report->lake_file_is_new)
        say("_lake/lake.json was missing or damaged: %s from what the files say\n",
            dry_run ? "would be made anew" : "made anew");
}

/* What no file says. */
static void print_unknown(const struct rebuild_report *report)
{
    say("not known from the files, and not in the new catalog:\n"
        "  ranges without any event, recorded holes, and commits of nothing but dead letters\n"
        "  when and why each commit was made, and how many memos had bad UTF-8\n"
        "  earlier snapshots, and the path of the lake as readers see it (the next run sets "
        "it)\n");
    if (report->lake_file_is_new)
        say("  which ranges were pruned on purpose\n");
    if (report->commits_without_digest > 0)
        say("  the digest%s of %" PRIu64 " commit%s: schema 1.0.0 does not keep the order of "
            "events\n",
            text_plural(report->commits_without_digest), report->commits_without_digest,
            text_plural(report->commits_without_digest));
}

/* Only ranges where nothing was done: there may be no catalog yet that a run could work with. */
static void print_uncovered(const struct rebuild_report *report)
{
    for (size_t i = 0; i < report->refetch.count; i++) {
        struct ledger_range range = report->refetch.ranges[i];
        say("would not be covered: ledgers %" PRIu32 " to %" PRIu32 "\n", range.first, range.last);
    }
}

/* Before anything is changed. */
static void print_lost(void *context, const char *what)
{
    bool *dry_run = context;
    say("%s: %s\n", *dry_run ? "would be left behind" : "left behind", what);
    fflush(stdout);
}

static enum error_code check_data_path(const char *path, struct error *error)
{
    if (path[0] == '\0' || path[0] == '/')
        return OK;
    return error_set(error, ERR_INVALID,
                     "reader_data_path %s is not absolute: readers would look for it relative to "
                     "their own working folder",
                     path);
}

static enum exit_code rebuild(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct rebuild_report report = {0};
    struct rebuild_options wanted = {.output_path = options->output_path,
                                     .data_path = options->reader_data_path,
                                     .catalog = options->catalog,
                                     .catalog_schema = options->catalog_schema,
                                     .schema = row_schema_find(options->schema_version),
                                     .dry_run = command_line_flag(line, "--dry-run") != NULL};
    wanted.teller = (struct teller){print_lost, &wanted.dry_run};
    enum error_code code = check_data_path(options->reader_data_path, &error);
    if (code == OK)
        code = rebuild_lake(&wanted, &report, &error);
    if (code == OK) {
        print_taken(&report, wanted.dry_run);
        print_left_out(&report, wanted.dry_run);
        print_other_work(&report, wanted.dry_run);
        print_unknown(&report);
        if (wanted.dry_run)
            print_uncovered(&report);
        else
            code = print_runs("to fetch what is not covered", options, &report.refetch, &error);
    }
    /* Where it failed without an error, it is said: what the files hold is not in the lake. */
    bool is_lost = code == OK && report.commits == 0 && report.foreign_rows > 0;
    rebuild_report_release(&report);
    return is_lost ? EXIT_FAILED : command_end(code, &error);
}

enum exit_code cmd_rebuild(const struct command_line *line)
{
    return command_with_options(line, rebuild);
}
