// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include <string.h>

#include "output/standard_output.h"
#include "config/help.h"

static enum exit_code print_completion(const struct command_list *commands, const char *shell,
                                       struct buffer *text)
{
    enum error_code code = help_completion(shell, commands, text);
    struct error error;
    if (code != ERR_INVALID)
        return standard_output_text(code, text);
    error_set(&error, ERR_INVALID, "--completion: there is none for \"%s\": say bash, zsh or fish",
              shell);
    return command_fail(EXIT_USAGE, &error);
}

enum exit_code cmd_help(const struct command_line *line)
{
    struct buffer text;
    buffer_init(&text);
    if (command_line_flag(line, "--markdown") != NULL)
        return standard_output_text(help_markdown(&text), &text);
    if (command_line_flag(line, "--man") != NULL)
        return standard_output_text(help_manual_page(line->commands, &text), &text);
    if (command_line_flag(line, "--completion") != NULL)
        return print_completion(line->commands, command_line_flag(line, "--completion"), &text);
    if (line->argument_count == 0)
        return standard_output_text(help_overview(line->commands, &text), &text);
    if (strcmp(line->arguments[0], "options") == 0)
        return standard_output_text(help_options(&text), &text);
    const struct command *command = command_find(line->commands, line->arguments[0]);
    if (command != NULL)
        return command_print_help(line->commands, command);
    struct error error;
    error_set(&error, ERR_INVALID,
              "\"%s\" is neither a command nor \"options\"; `parquet-consumer help` lists the "
              "commands",
              line->arguments[0]);
    return command_fail(EXIT_USAGE, &error);
}
