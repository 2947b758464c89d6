// SPDX-License-Identifier: Apache-2.0
/* Sets the data path of a lake that was moved or copied. */
#include <jansson.h>

#include "app/command.h"
#include "output/json_output.h"
#include "output/say.h"
#include "care/relocate.h"

static enum error_code print_json(const struct relocate_report *report, bool dry_run,
                                  struct error *error)
{
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:b, s:b}", "lake_path", json_any_text(report->lake_path), "before",
        json_any_text(report->before), "data_path", json_any_text(report->data_path), "changed",
        report->data_path_changed, "dry_run", dry_run);
    return json_print(object, true, error);
}

static void print_text(const struct relocate_report *report, bool dry_run)
{
    if (!report->data_path_changed)
        say("nothing to do: readers find the lake's files in %s already\n", report->data_path);
    else
        say("readers %s the lake's files in %s, no longer in %s\n",
            dry_run ? "would look for" : "look for", report->data_path, report->before);
}

static enum exit_code relocate(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct relocate_report report;
    struct relocate_options wanted = {.output_path = options->output_path,
                                      .reader_data_path = options->reader_data_path,
                                      .dry_run = command_line_flag(line, "--dry-run") != NULL};
    enum error_code code = relocate_lake(&wanted, &report, &error);
    if (code == OK && command_line_flag(line, "--json") != NULL)
        code = print_json(&report, wanted.dry_run, &error);
    else if (code == OK)
        print_text(&report, wanted.dry_run);
    return command_end(code, &error);
}

enum exit_code cmd_relocate(const struct command_line *line)
{
    return command_with_options(line, relocate);
}
