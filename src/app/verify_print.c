// SPDX-License-Identifier: Apache-2.0
#include "app/verify_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "service/rerun.h"
#include "output/json_output.h"
#include "output/say.h"
#include "util/text.h"

/* Named ranges that one command takes out; the next verify names the next ones. */
#define REPAIRS_MAX 1000

/* Whether anything is damaged: what `repair` finds by itself. */
static bool has_damage(const struct findings *findings)
{
    for (size_t i = 0; i < findings_problem_count(findings); i++) {
        const struct problem *problem = findings_problem(findings, i);
        if (problem->by_repair)
            return true;
    }
    return false;
}

/* "parquet-consumer repair …[ A B && …]": takes out what is damaged, and what differs. */
static enum error_code append_repairs(const struct verify_report *report, const struct rerun *rerun,
                                      struct buffer *out)
{
    const struct findings *findings = &report->findings;
    bool damaged = has_damage(findings);
    enum error_code code = OK;
    if (damaged)
        code = rerun_append_care(rerun, "repair", report->deep ? " --deep" : "", out);
    for (size_t i = 0; code == OK && i < findings->take_out.count && i < REPAIRS_MAX; i++) {
        struct ledger_range range = findings->take_out.ranges[i];
        char ledgers[32];
        snprintf(ledgers, sizeof ledgers, " %" PRIu32 " %" PRIu32, range.first, range.last);
        if (damaged || i > 0)
            code = buffer_append_text(out, " && ");
        if (code == OK)
            code = rerun_append_care(rerun, "repair", ledgers, out);
    }
    return code;
}

static enum error_code append_runs(const struct verify_report *report, const struct rerun *rerun,
                                   struct buffer *out)
{
    const struct ledger_set *refetch = &report->findings.refetch;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < rerun_run_count(refetch); i++) {
        code = buffer_append_text(out, " && ");
        if (code == OK)
            code = rerun_append_run(rerun, rerun_run_range(refetch, i), out);
    }
    return code;
}

enum error_code verify_print_command(const struct verify_report *report,
                                     const struct options *options, struct buffer *out,
                                     struct error *error)
{
    struct rerun rerun;
    rerun_init(&rerun);
    enum error_code code = OK;
    if (report->findings.refetch.count > 0) {
        code = rerun_of_lake(&rerun, options, error);
        if (code == OK)
            code = append_repairs(report, &rerun, out);
        if (code == OK)
            code = append_runs(report, &rerun, out);
    }
    rerun_release(&rerun);
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
    struct ledger_range range = report->findings.refetch.ranges[index];
    return json_pack("{s:I, s:I}", "first", (json_int_t)range.first, "last",
                     (json_int_t)range.last);
}

static json_t *json_note(const void *context, size_t index)
{
    const struct verify_report *report = context;
    return json_any_text(findings_note(&report->findings, index));
}

static json_t *json_change(const void *context, size_t index)
{
    const struct verify_report *report = context;
    const struct catalog_change *change =
        &((const struct catalog_change *)(const void *)report->findings.changes.data)[index];
    return json_pack("{s:I, s:o, s:o}", "snapshot_id", (json_int_t)change->snapshot_id, "time",
                     json_any_text(change->time), "changes_made", json_any_text(change->changes));
}

static json_t *json_against(const struct verify_report *report,
                            const struct server_comparison *with_server)
{
    const struct comparison_totals *totals = &report->against;
    return json_pack("{s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:I}", "endpoint",
                     json_any_text(with_server->options->ttp_processor_endpoint), "complete",
                     with_server->failure.code == OK, "sampled",
                     with_server->sample_millionths < COMPARISON_WHOLE, "covered_ledgers",
                     (json_int_t)totals->whole, "ledgers", (json_int_t)totals->ledgers, "rows",
                     (json_int_t)totals->rows, "dead_letters", (json_int_t)totals->dead_letters,
                     "differing_ledgers", (json_int_t)totals->differing);
}

static uint64_t unlisted_count(const struct findings *findings)
{
    uint64_t count = 0;
    for (size_t i = 0; i < PROBLEM_KIND_COUNT; i++)
        count += findings->listed[i].left_out;
    return count;
}

static json_t *json_report(const struct verify_report *report,
                           const struct server_comparison *with_server, const char *command)
{
    const struct findings *findings = &report->findings;
    json_t *object =
        json_pack("{s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "ok", report->ok, "deep",
                  report->deep, "files", (json_int_t)report->files, "rows",
                  (json_int_t)report->rows, "coverage", json_ranges(&report->coverage), "problems",
                  json_list(findings_listed_count(findings), json_problem, report), "refetch",
                  json_list(findings->refetch.count, json_refetch, report), "command",
                  json_any_text(command[0] != '\0' ? command : NULL), "notes",
                  json_list(findings_note_count(findings), json_note, report), "changes_by_others",
                  json_list(findings_change_count(findings), json_change, report));
    const struct json_left_out left_out[] = {{"coverage", json_left_out_of(report->coverage.count)},
                                             {"problems", unlisted_count(findings)},
                                             {"refetch", json_left_out_of(findings->refetch.count)},
                                             {"notes", findings->noted.left_out},
                                             {"changes_by_others", findings->changed.left_out}};
    object = json_add_left_out(object, left_out, sizeof left_out / sizeof *left_out);
    if (object != NULL && with_server != NULL &&
        json_object_set_new(object, "against", json_against(report, with_server)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

enum error_code verify_print_json(const struct verify_report *report,
                                  const struct server_comparison *with_server, const char *command,
                                  struct error *error)
{
    return json_print(json_report(report, with_server, command), true, error);
}

/* "4 ledgers, 1,234 rows are what HOST:PORT sends" and the like. */
static void print_comparison(const struct verify_report *report,
                             const struct server_comparison *with_server)
{
    const struct comparison_totals *totals = &report->against;
    char ledgers[TEXT_TIME_BYTES], whole[TEXT_TIME_BYTES], rows[TEXT_TIME_BYTES];
    char differing[TEXT_TIME_BYTES];
    text_count(totals->ledgers, ledgers);
    text_count(totals->whole, whole);
    text_count(totals->rows, rows);
    text_count(totals->differing, differing);
    say("against %s: %s of %s covered ledgers compared%s, %s rows",
        with_server->options->ttp_processor_endpoint, ledgers, whole,
        with_server->sample_millionths < COMPARISON_WHOLE ? " (a sample)" : "", rows);
    if (totals->differing == 0)
        say("%s\n", totals->ledgers == 0 ? "" : ": the server sends the same");
    else
        say(": %s ledger%s\n", differing, totals->differing == 1 ? " differs" : "s differ");
}

static void print_problems(const struct findings *findings)
{
    for (size_t i = 0; i < findings_listed_count(findings); i++) {
        const struct problem *problem = findings_problem(findings, i);
        say("problem: %s%s%s: %s\n", problem_kind_name(problem->kind),
            problem->path != NULL ? " " : "", problem->path != NULL ? problem->path : "",
            problem->message);
    }
    for (size_t i = 0; i < PROBLEM_KIND_COUNT; i++)
        if (findings->listed[i].left_out > 0)
            say("... and %" PRIu64 " more of %s\n", findings->listed[i].left_out,
                problem_kind_name((enum problem_kind)i));
}

static void print_notes(const struct findings *findings)
{
    for (size_t i = 0; i < findings_note_count(findings); i++)
        say("note: %s\n", findings_note(findings, i));
    if (findings->noted.left_out > 0)
        say("... and %" PRIu64 " more notes\n", findings->noted.left_out);
}

static void print_refetch(const struct findings *findings)
{
    size_t count = findings->refetch.count;
    for (size_t i = 0; i < count && i < LIST_ENTRIES_MAX; i++) {
        struct ledger_range range = findings->refetch.ranges[i];
        say("fetch again: %" PRIu32 " to %" PRIu32 "\n", range.first, range.last);
    }
    if (count > LIST_ENTRIES_MAX)
        say("... and %zu more ranges to fetch again\n", count - LIST_ENTRIES_MAX);
}

void verify_print_text(const struct verify_report *report,
                       const struct server_comparison *with_server, const struct options *options,
                       const char *command)
{
    const struct findings *findings = &report->findings;
    char files[TEXT_TIME_BYTES], rows[TEXT_TIME_BYTES];
    text_count(report->files, files);
    text_count(report->rows, rows);
    print_problems(findings);
    print_notes(findings);
    print_refetch(findings);
    if (command[0] != '\0')
        say("to mend it:\n  %s\n", command);
    if (command[0] != '\0' && rerun_server_is_default(options))
        say("(" RERUN_DEFAULT_SERVER ")\n");
    if (findings->take_out.count > REPAIRS_MAX)
        say("(that takes out the first %d of %zu ranges; verify again for the rest)\n", REPAIRS_MAX,
            findings->take_out.count);
    if (with_server != NULL)
        print_comparison(report, with_server);
    size_t problems = findings_problem_count(findings);
    if (problems == 0)
        say("%s: %s files, %s rows, %s\n", report->ok ? "ok" : "no problem found", files, rows,
            report->deep           ? "every value read and compared"
            : report->footers_only ? "each object's size and footer right (--deep reads all of it)"
            : report->files_without_checksums == 0 ? "every page's checksum right (--deep also "
                                                     "reads every value)"
                                                   : "the checksum right of every page that has "
                                                     "one (--deep also reads every value)");
    else
        say("not ok: %zu problem%s in %s files, %s rows\n", problems, text_plural(problems), files,
            rows);
}
