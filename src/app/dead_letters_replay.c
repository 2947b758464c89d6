// SPDX-License-Identifier: Apache-2.0
/* Makes rows of the dead letters that this version can read. */
#include "app/dead_letters_replay.h"

#include <inttypes.h>
#include <jansson.h>

#include "output/json_output.h"
#include "output/say.h"
#include "care/letter_replay.h"
#include "service/memory_plan.h"
#include "service/sink_setup.h"

static const struct letter_replay_item *item_at(const struct letter_replay_report *report,
                                                size_t index)
{
    return LIST_AT(&report->items, struct letter_replay_item, index);
}

static json_t *item_to_json(const void *context, size_t index)
{
    const struct letter_replay_item *item = item_at(context, index);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "commit_no",
                     (json_int_t)item->commit_no, "first", (json_int_t)item->range.first, "last",
                     (json_int_t)item->range.last, "rows", (json_int_t)item->rows, "dead_letters",
                     (json_int_t)item->letters, "unplaced", (json_int_t)item->unplaced,
                     "unplaced_reason", json_any_text(item->unplaced_reason), "fault",
                     json_any_text(item->fault));
}

static enum error_code print_json(const struct letter_replay_report *report, bool dry_run,
                                  struct error *error)
{
    size_t count = LIST_COUNT(&report->items, struct letter_replay_item);
    json_t *object =
        json_pack("{s:b, s:I, s:I, s:I, s:o}", "dry_run", dry_run, "rows", (json_int_t)report->rows,
                  "dead_letters", (json_int_t)(report->letters - report->rows), "snapshots",
                  (json_int_t)report->snapshots, "commits", json_list(count, item_to_json, report));
    const struct json_left_out left_out[] = {{"commits", json_left_out_of(count)}};
    object = json_add_left_out(object, left_out, sizeof left_out / sizeof *left_out);
    return json_print(object, true, error);
}

static void print_item(const struct letter_replay_item *item, bool dry_run)
{
    say("commit %" PRIu64 " (ledgers %" PRIu32 " to %" PRIu32 "): ", item->commit_no,
        item->range.first, item->range.last);
    if (item->fault != NULL) {
        say("left as it is: %s\n", item->fault);
        return;
    }
    say("%zu %s, %zu stay\n", item->rows, dry_run ? "would become rows" : "are rows now",
        item->letters);
    if (item->unplaced > 0)
        say("  %zu of these can be read, and are no rows: %s\n", item->unplaced,
            item->unplaced_reason);
}

static void print_text(const struct letter_replay_report *report, bool dry_run)
{
    for (size_t i = 0; i < LIST_COUNT(&report->items, struct letter_replay_item); i++)
        print_item(item_at(report, i), dry_run);
    say("%" PRIu64 " of %" PRIu64 " dead letters %s\n", report->rows, report->letters,
        dry_run ? "would become rows" : "are rows now");
    if (report->snapshots > 0)
        say("older snapshots keep the files that were replaced until they expire\n");
    if (report->is_damaged)
        say("'verify --deep' says more of what is damaged, 'repair' takes it out, to be fetched "
            "again\n");
}

enum exit_code dead_letters_replay(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct letter_replay_report report;
    bool dry_run = command_line_flag(line, "--dry-run") != NULL;
    struct memory_plan memory = memory_plan_make(options->memory_limit_bytes, 1);
    struct sink_options sink = sink_setup_options(options, &memory);
    letter_replay_report_init(&report);
    enum error_code code = dry_run ? letter_replay_preview(options->output_path, &report, &error)
                                   : letter_replay_lake(&sink, &report, &error);
    if (code == OK && command_line_flag(line, "--json") != NULL)
        code = print_json(&report, dry_run, &error);
    else if (code == OK)
        print_text(&report, dry_run);
    enum exit_code exit_code =
        code == OK && report.is_damaged ? EXIT_FAILED : command_end(code, &error);
    letter_replay_report_release(&report);
    return exit_code;
}
