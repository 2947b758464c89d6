// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/help.h"
#include "config/option_load.h"
#include "app/standard_output.h"
#include "arrow/dictionary.h"
#include "util/json_text.h"
#include "os/identity.h"
#include "os/log.h"
#include "os/log_output.h"
#include "os/output.h"
#include "os/process.h"

enum exit_code command_fail(enum exit_code exit_code, const struct error *error)
{
    log_sentence("%s", error->message);
    return exit_code;
}

enum exit_code command_print_help(const struct command *command)
{
    struct buffer text;
    buffer_init(&text);
    enum error_code code = command == command_find("help") ? help_overview(&command_table, &text)
                                                           : help_command(command, &text);
    return standard_output_text(code, &text);
}

static enum exit_code out_of_memory(void)
{
    log_sentence("out of memory");
    return EXIT_FAILED;
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
        log_configure((enum log_level)options->log_level, (enum log_format)options->log_format);
        log_warnings(&warnings);
    } else if (code == ERR_INVALID) {
        problems_print(&problems);
        exit_code = EXIT_USAGE;
    } else {
        exit_code = out_of_memory();
    }
    problems_release(&problems);
    problems_release(&warnings);
    return exit_code;
}

/* What servers send is hashed with a key of this process alone. */
static enum error_code set_hash_key(struct error *error)
{
    uint8_t key[ARROW_DICTIONARY_KEY_BYTES];
    enum error_code code = os_random(key, sizeof key, error);
    if (code == OK)
        arrow_dictionary_set_key(key);
    return code;
}

/* The process as it was handed to us, made fit for work. */
static enum error_code prepare_process(struct error *error)
{
    os_standard_streams_secure();
    os_heap_tune();
    json_text_use_our_memory();
    if (log_start_thread(error) != OK)
        log_sentence("a log that nobody reads will be waited for: %s", error->message);
    return set_hash_key(error);
}

enum exit_code command_main(int argc, const char *const *argv)
{
    struct error error;
    if (prepare_process(&error) != OK)
        return command_fail(EXIT_FAILED, &error);
    struct command_line line;
    struct problems problems;
    problems_init(&problems);
    enum exit_code exit_code;
    enum error_code code = command_line_parse(&line, argc, argv, &problems);
    if (line.help && line.command != NULL) {
        exit_code = command_print_help(line.verb_is_given ? line.command : command_find("help"));
    } else if (code == ERR_INVALID) {
        problems_print(&problems);
        exit_code = EXIT_USAGE;
    } else if (code != OK) {
        exit_code = out_of_memory();
    } else {
        exit_code = line.command->run(&line);
    }
    command_line_release(&line);
    problems_release(&problems);
    exit_code = standard_output_end(exit_code);
    log_output_drain(LOG_OUTPUT_PATIENCE_US);
    return exit_code;
}
