// SPDX-License-Identifier: Apache-2.0
/* Makes the data files of closed partitions few. */
#include <inttypes.h>
#include <jansson.h>

#include "app/command.h"
#include "output/json_output.h"
#include "output/say.h"
#include "care/compact.h"
#include "service/memory_plan.h"
#include "service/sink_setup.h"
#include "util/text.h"

/* Sums over what was done, or would be. */
struct sums {
    uint64_t files, bytes, files_after, bytes_after;
    uint64_t left;
    bool is_damaged;
};

static const struct compact_item *item_at(const struct compact_report *report, size_t index)
{
    return LIST_AT(&report->items, struct compact_item, index);
}

static struct sums sum_up(const struct compact_report *report)
{
    struct sums sums = {0};
    for (size_t i = 0; i < LIST_COUNT(&report->items, struct compact_item); i++) {
        const struct compact_item *item = item_at(report, i);
        sums.is_damaged = sums.is_damaged || item->is_damage;
        sums.left += item->fault != NULL;
        if (item->fault != NULL)
            continue;
        sums.files += item->files;
        sums.bytes += item->size_bytes;
        sums.files_after += item->files_after;
        sums.bytes_after += item->size_bytes_after;
    }
    return sums;
}

static json_t *item_to_json(const void *context, size_t index)
{
    const struct compact_item *item = item_at(context, index);
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "partition",
                     json_any_text(item->partition), "files", (json_int_t)item->files, "bytes",
                     (json_int_t)item->size_bytes, "rows", (json_int_t)item->row_count, "adopted",
                     (json_int_t)item->adopted, "files_after", (json_int_t)item->files_after,
                     "bytes_after", (json_int_t)item->size_bytes_after, "fault",
                     json_any_text(item->fault));
}

static enum error_code print_json(const struct compact_report *report, bool dry_run,
                                  struct error *error)
{
    struct sums sums = sum_up(report);
    size_t count = LIST_COUNT(&report->items, struct compact_item);
    json_t *object =
        json_pack("{s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "dry_run", dry_run, "partitions",
                  json_list(count, item_to_json, report), "files", (json_int_t)sums.files, "bytes",
                  (json_int_t)sums.bytes, "files_after", (json_int_t)sums.files_after,
                  "bytes_after", (json_int_t)sums.bytes_after, "left", (json_int_t)sums.left,
                  "changed_by_others", (json_int_t)report->changed_groups);
    const struct json_left_out left_out[] = {{"partitions", json_left_out_of(count)}};
    object = json_add_left_out(object, left_out, sizeof left_out / sizeof *left_out);
    return json_print(object, true, error);
}

static void print_item(const struct compact_item *item, bool dry_run)
{
    char before[TEXT_TIME_BYTES], after[TEXT_TIME_BYTES], rows[TEXT_TIME_BYTES];
    text_size(item->size_bytes, before);
    text_size(item->size_bytes_after, after);
    text_count((uint64_t)item->row_count, rows);
    if (item->fault != NULL) {
        say("%s: left as it is: %s\n", item->partition, item->fault);
        return;
    }
    say("%s: %zu file%s (%s, %s rows)", item->partition, item->files, item->files == 1 ? "" : "s",
        before, rows);
    if (item->adopted > 0)
        say(", %zu of them DuckDB's", item->adopted);
    if (dry_run)
        say(" would become fewer\n");
    else
        say(" became %zu (%s)\n", item->files_after, after);
}

static void print_text(const struct compact_report *report, bool dry_run)
{
    struct sums sums = sum_up(report);
    size_t count = LIST_COUNT(&report->items, struct compact_item);
    for (size_t i = 0; i < count; i++)
        print_item(item_at(report, i), dry_run);
    if (count == 0)
        say("nothing to compact\n");
    else if (!dry_run && sums.files > 0)
        say("%" PRIu64 " files became %" PRIu64 ". Older snapshots keep the files that were "
            "replaced until they expire\n",
            sums.files, sums.files_after);
    if (report->changed_groups > 0)
        say("%" PRIu64 " group%s of files in which others changed rows %s left alone: 'verify' "
            "names them\n",
            report->changed_groups, report->changed_groups == 1 ? "" : "s",
            report->changed_groups == 1 ? "is" : "are");
    if (sums.is_damaged)
        say("damage is never moved into a new file: 'verify --deep' says more, 'repair' takes it "
            "out, to be fetched again\n");
}

static enum error_code read_wish(const struct command_line *line, const struct options *options,
                                 struct compact_wish *wish, struct error *error)
{
    const char *size = command_line_flag(line, "--smaller-than");
    *wish = (struct compact_wish){.partition = command_line_flag(line, "--partition"),
                                  .max_file_size_bytes = options->max_file_size_bytes};
    if (size != NULL &&
        (!text_parse_size(bytes_view_text(size), &wish->smaller_than) || wish->smaller_than == 0))
        return error_set(error, ERR_INVALID, "--smaller-than: '%s' is no size such as 64MiB", size);
    return OK;
}

static enum exit_code compact(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct compact_report report;
    struct compact_wish wish;
    bool dry_run = command_line_flag(line, "--dry-run") != NULL;
    struct memory_plan memory = memory_plan_make(options->memory_limit_bytes, 1);
    struct sink_options sink = sink_setup_options(options, &memory);
    compact_report_init(&report);
    enum error_code code = read_wish(line, options, &wish, &error);
    if (code == OK)
        code = dry_run ? compact_preview(options->output_path, &wish, &report, &error)
                       : compact_lake(&sink, &wish, &report, &error);
    if (code == OK && command_line_flag(line, "--json") != NULL)
        code = print_json(&report, dry_run, &error);
    else if (code == OK)
        print_text(&report, dry_run);
    enum exit_code exit_code =
        code == OK && sum_up(&report).is_damaged ? EXIT_FAILED : command_end(code, &error);
    compact_report_release(&report);
    return exit_code;
}

enum exit_code cmd_compact(const struct command_line *line)
{
    return command_with_options(line, compact);
}
