// SPDX-License-Identifier: Apache-2.0
/* Takes damaged commits out of the lake, so that the next run fetches them again. */
#include <inttypes.h>
#include <stdio.h>

#include "app/command.h"
#include "app/shell_text.h"
#include "lake/inventory.h"
#include "lake/repair.h"
#include "os/process.h"

/* What fetches again what was taken out. */
static enum error_code print_commands(const struct repair_report *report, const char *output_path)
{
    struct buffer folder;
    buffer_init(&folder);
    enum error_code code = shell_text_append_word(&folder, output_path);
    if (code == OK)
        code = buffer_append_byte(&folder, '\0');
    size_t ranges = code == OK ? INVENTORY_COUNT(&report->refetch, struct catalog_range) : 0;
    if (ranges > 0)
        printf("to fetch again:\n");
    for (size_t i = 0; i < ranges; i++) {
        struct catalog_range range = *INVENTORY_AT(&report->refetch, struct catalog_range, i);
        printf("  parquet-consumer run --output-path %s %" PRIu32 " %" PRIu32 "\n",
               (const char *)folder.data, range.first, range.last);
    }
    buffer_release(&folder);
    return code;
}

static void print_report(const struct repair_report *report, const struct repair_options *wanted)
{
    size_t commits = INVENTORY_COUNT(&report->commits, uint64_t);
    size_t ranges = INVENTORY_COUNT(&report->refetch, struct catalog_range);
    const char *would = wanted->dry_run ? "would be " : "";
    for (size_t i = 0; i < commits; i++)
        printf("commit %" PRIu64 ": %staken out of the lake\n",
               *INVENTORY_AT(&report->commits, uint64_t, i), would);
    for (size_t i = 0; i < INVENTORY_COUNT(&report->moved, char *); i++)
        printf("moved to _lake/damaged: %s\n", *INVENTORY_AT(&report->moved, char *, i));
    if (wanted->unconfirmed)
        printf("%zu unconfirmed ranges %staken out of the coverage\n", ranges, would);
    if (report->unrepaired > 0)
        printf("%" PRIu64 " problems are no commit's: 'verify' names them, repair leaves them\n",
               report->unrepaired);
    if (commits == 0 && ranges == 0 && report->unrepaired == 0)
        printf("nothing to repair\n");
}

enum exit_code cmd_repair(const struct command_line *line)
{
    struct options options;
    struct error error = {0};
    struct repair_report report = {0};
    options_init(&options);
    enum exit_code exit_code = command_load_options(line, &options);
    if (exit_code == EXIT_DONE) {
        struct repair_options wanted = {.output_path = options.output_path,
                                        .deep = command_line_flag(line, "--deep") != NULL,
                                        .unconfirmed =
                                            command_line_flag(line, "--unconfirmed") != NULL,
                                        .dry_run = command_line_flag(line, "--dry-run") != NULL,
                                        .threads = os_core_count()};
        enum error_code code = repair_lake(&wanted, &report, &error);
        if (code == OK) {
            print_report(&report, &wanted);
            if (print_commands(&report, options.output_path) != OK)
                code = error_no_memory(&error, "the commands to fetch again");
        }
        if (code != OK)
            exit_code = command_fail(command_exit_code(code), &error);
        repair_report_release(&report);
    }
    options_release(&options);
    return exit_code;
}
