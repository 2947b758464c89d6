// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commit/lake_catalog.h"
#include "config/help.h"
#include "config/option_load.h"
#include "output/standard_output.h"
#include "os/log.h"
#include "store/objects.h"

enum exit_code command_fail(enum exit_code exit_code, const struct error *error)
{
    log_sentence("%s", error->message);
    return exit_code;
}

enum exit_code command_end(enum error_code code, const struct error *error)
{
    return code == OK ? EXIT_DONE : command_fail(exit_code_of(code), error);
}

enum exit_code command_out_of_memory(void)
{
    log_sentence("out of memory");
    return EXIT_FAILED;
}

enum exit_code command_print_help(const struct command_list *commands,
                                  const struct command *command)
{
    struct buffer text;
    buffer_init(&text);
    enum error_code code = command == command_find(commands, "help")
                               ? help_overview(commands, &text)
                               : help_command(command, &text);
    return standard_output_text(code, &text);
}

/* Every warning of the configuration as a log line. */
static void log_warnings(const struct problems *warnings)
{
    if (warnings->count == 0)
        return;
    const char *at = (const char *)warnings->text.data;
    const char *end = at + warnings->text.size_bytes;
    char sentence[1024];
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        snprintf(sentence, sizeof sentence, "%.*s", (int)(newline - at), at);
        log_line(LOG_WARN, "app", sentence);
        at = newline + 1;
    }
}

/* Where lakes, and their catalogs, are found from here on. */
static void find_lakes_by(const struct options *options)
{
    objects_configure(&(struct objects_settings){.endpoint = options->s3_endpoint,
                                                 .region = options->s3_region,
                                                 .path_style = options->s3_path_style,
                                                 .staging_path = options->staging_path});
    lake_catalog_configure(options->catalog, options->catalog_schema);
}

enum exit_code command_load_options(const struct command_line *line, struct options *options)
{
    struct problems problems;
    struct problems warnings;
    problems_init(&problems);
    problems_init(&warnings);
    struct option_sources sources = {.config_path = line->config_path,
                                     .environment = environ,
                                     .flag_texts = line->option_texts,
                                     .arguments = line->arguments,
                                     .argument_count = line->argument_count};
    enum exit_code exit_code = EXIT_DONE;
    enum error_code code = options_load(options, &sources, &problems, &warnings);
    if (code == OK) {
        lake_catalog_configure(options->catalog, options->catalog_schema);
        log_configure((enum log_level)options->log_level, (enum log_format)options->log_format);
        log_warnings(&warnings);
        find_lakes_by(options);
    } else if (code == ERR_INVALID) {
        problems_print(&problems);
        exit_code = EXIT_USAGE;
    } else {
        exit_code = command_out_of_memory();
    }
    problems_release(&problems);
    problems_release(&warnings);
    return exit_code;
}

enum exit_code command_with_options(const struct command_line *line,
                                    enum exit_code (*work)(const struct command_line *line,
                                                           const struct options *options))
{
    struct options options;
    options_init(&options);
    enum exit_code exit_code = command_load_options(line, &options);
    if (exit_code == EXIT_DONE)
        exit_code = work(line, &options);
    options_release(&options);
    return exit_code;
}
