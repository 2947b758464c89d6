// SPDX-License-Identifier: Apache-2.0
/* Takes old commits out of the lake for good. */
#include <inttypes.h>
#include <jansson.h>

#include "app/command.h"
#include "output/json_output.h"
#include "output/say.h"
#include "lake/listing.h"
#include "care/prune.h"
#include "util/text.h"

static enum error_code too_many(struct error *error)
{
    return error_set(error, ERR_INVALID,
                     "prune takes one cut: --before TIME, --before-ledger LEDGER or --older-than "
                     "DURATION");
}

static enum error_code read_before(const char *text, struct prune_cut *cut, struct error *error)
{
    struct listing_bound bound;
    enum error_code code = listing_bound_parse(text, &bound, error);
    if (code == OK && bound.kind != LISTING_TIME)
        code = error_set(error, ERR_INVALID,
                         "'%s' is no time such as 2024-01-15 or 2024-01-15T12:00:00Z (a ledger is "
                         "given by --before-ledger)",
                         text);
    cut->before_us = bound.time_us;
    return code == OK ? OK : error_prefix(error, code, "--before: ");
}

static enum error_code read_ledger(const char *text, struct prune_cut *cut, struct error *error)
{
    struct listing_bound bound;
    enum error_code code = listing_bound_parse(text, &bound, error);
    if (code != OK || bound.kind != LISTING_LEDGER || bound.ledger == 0)
        return error_set(error, ERR_INVALID, "--before-ledger: '%s' is no ledger number from 1",
                         text);
    cut->before_ledger = bound.ledger;
    return OK;
}

static enum error_code read_age(const char *text, struct prune_cut *cut, struct error *error)
{
    if (!text_parse_duration(bytes_view_text(text), &cut->older_than_us) || cut->older_than_us <= 0)
        return error_set(error, ERR_INVALID, "--older-than: '%s' is no duration such as 90d or 12h",
                         text);
    return OK;
}

/* What is old: as the flags say, or as the option retention does. */
static enum error_code read_cut(const struct command_line *line, const struct options *options,
                                struct prune_cut *cut, struct error *error)
{
    const char *before = command_line_flag(line, "--before");
    const char *ledger = command_line_flag(line, "--before-ledger");
    const char *age = command_line_flag(line, "--older-than");
    *cut = (struct prune_cut){.older_than_us = options->retention_us};
    if ((before != NULL) + (ledger != NULL) + (age != NULL) > 1)
        return too_many(error);
    if (before != NULL)
        return read_before(before, cut, error);
    if (ledger != NULL)
        return read_ledger(ledger, cut, error);
    if (age != NULL)
        return read_age(age, cut, error);
    return cut->older_than_us > 0
               ? OK
               : error_set(error, ERR_INVALID,
                           "what is old? Give --older-than 90d, --before 2024-01-15, "
                           "--before-ledger LEDGER, or the option --retention");
}

static enum error_code print_json(const struct prune_report *report, bool dry_run,
                                  struct error *error)
{
    json_t *object = json_pack(
        "{s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "dry_run", dry_run, "before",
        json_time(report->before_us), "ledgers", json_ranges(&report->ledgers), "ledger_count",
        (json_int_t)ledger_set_ledgers(&report->ledgers), "commits", (json_int_t)report->commits,
        "files", (json_int_t)report->files, "rows", (json_int_t)report->rows, "bytes",
        (json_int_t)report->bytes, "dead_letters", (json_int_t)report->dead_letters, "tied_commits",
        (json_int_t)report->tied_commits, "snapshot_id",
        report->snapshot_id == 0 ? json_null() : json_integer(report->snapshot_id));
    const struct json_left_out left_out[] = {{"ledgers", json_left_out_of(report->ledgers.count)}};
    object = json_add_left_out(object, left_out, sizeof left_out / sizeof *left_out);
    return json_print(object, true, error);
}

static void print_text(const struct prune_report *report, bool dry_run)
{
    char ledgers[TEXT_TIME_BYTES], rows[TEXT_TIME_BYTES], size[TEXT_TIME_BYTES];
    char ranges[LEDGER_SET_TEXT_BYTES], time[TEXT_TIME_BYTES];
    if (report->before_us > 0) {
        text_rfc3339(report->before_us, time);
        say("what closed before %s is old\n", time);
    }
    text_count(ledger_set_ledgers(&report->ledgers), ledgers);
    text_count(report->rows, rows);
    text_size(report->bytes, size);
    ledger_set_text(&report->ledgers, ranges);
    if (report->commits == 0)
        say("nothing to prune\n");
    else
        say("%s %s ledgers (%s): %" PRIu64 " commits with %s rows in %" PRIu64 " files, %s\n",
            dry_run ? "would prune" : "pruned", ledgers, ranges, report->commits, rows,
            report->files, size);
    if (report->tied_commits > 0)
        say("%" PRIu64 " old commits stay: DuckDB merged or rewrote their rows with those of "
            "younger ones into the same files\n",
            report->tied_commits);
    if (report->snapshot_id != 0)
        say("snapshot %" PRId64
            " took them out; older snapshots keep their files until they expire\n",
            report->snapshot_id);
}

enum exit_code cmd_prune(const struct command_line *line)
{
    struct options options;
    struct error error = {0};
    struct prune_report report = {.commits = 0};
    struct prune_cut cut;
    options_init(&options);
    enum exit_code exit_code = command_load_options(line, &options);
    if (exit_code == EXIT_DONE) {
        bool dry_run = command_line_flag(line, "--dry-run") != NULL;
        enum error_code code = read_cut(line, &options, &cut, &error);
        if (code == OK)
            code = prune_lake(options.output_path, &cut, dry_run, &report, &error);
        if (code == OK && command_line_flag(line, "--json") != NULL)
            code = print_json(&report, dry_run, &error);
        else if (code == OK)
            print_text(&report, dry_run);
        if (code != OK)
            exit_code = command_fail(exit_code_of(code), &error);
    }
    prune_report_release(&report);
    options_release(&options);
    return exit_code;
}
