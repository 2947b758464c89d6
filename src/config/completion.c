// SPDX-License-Identifier: Apache-2.0
/* Completions of bash, zsh and fish, from the command and option tables. */
#include "config/help.h"

#include <stdio.h>
#include <string.h>

#include "config/option_table.h"

#define NOTE "Made by `parquet-consumer help --completion %s`; don't edit.\n"

/* A text in single quotes, for any of the three shells; `strip` bytes are left out (zsh's own). */
static enum error_code append_quoted(struct buffer *out, const char *text, const char *strip)
{
    enum error_code code = buffer_append_byte(out, '\'');
    for (; code == OK && *text != '\0'; text++) {
        if (*text == '\'')
            code = buffer_append_text(out, "'\\''");
        else if (strchr(strip, *text) == NULL)
            code = buffer_append_byte(out, (uint8_t)*text);
    }
    return code == OK ? buffer_append_byte(out, '\'') : code;
}

/* The words an option's value can be, separated by spaces; nothing where it is free. */
static enum error_code append_choices(struct buffer *out, const struct option *option)
{
    enum error_code code = OK;
    if (option->kind == OPTION_BOOLEAN)
        return buffer_append_text(out, "true false");
    for (size_t i = 0; code == OK && option->choices != NULL && option->choices[i] != NULL; i++)
        code = buffer_append_format(out, "%s%s", i == 0 ? "" : " ", option->choices[i]);
    return code;
}

static bool has_choices(const struct option *option)
{
    return option->kind == OPTION_BOOLEAN || option->choices != NULL;
}

/* Space-separated flags of a command: its own, then the table's. */
static enum error_code append_flags(struct buffer *out, const struct command *command)
{
    enum error_code code = buffer_append_text(out, "--help");
    for (size_t i = 0; code == OK && i < command->flag_count; i++)
        code = buffer_append_format(out, " %s", command->flags[i].name);
    if (code == OK && command->takes_options)
        code = buffer_append_text(out, " --config $options");
    return code;
}

/* Whether the command explains an option of the table itself: it is not offered twice. */
static bool is_own(const struct command *command, const struct command_flag *flag)
{
    return command->takes_options && option_find_flag(flag->name) >= 0;
}

/* The name of each of those, between two texts. */
static enum error_code append_own(struct buffer *out, const struct command *command,
                                  const char *before, const char *after)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < command->flag_count; i++)
        if (is_own(command, &command->flags[i]))
            code = buffer_append_format(out, "%s%s%s", before, command->flags[i].name, after);
    return code;
}

static enum error_code bash_values(struct buffer *out)
{
    enum error_code code = buffer_append_text(out, "    case $previous in\n");
    for (size_t i = 0; code == OK && i < option_count; i++) {
        char flag[OPTION_NAME_BYTES];
        if (!has_choices(&option_table[i]))
            continue;
        option_flag(&option_table[i], flag);
        code = buffer_append_format(out, "    %s) words='", flag);
        if (code == OK)
            code = append_choices(out, &option_table[i]);
        if (code == OK)
            code = buffer_append_text(out, "' ;;\n");
    }
    return code == OK ? buffer_append_text(out, "    esac\n") : code;
}

static enum error_code completion_bash(const struct command_list *commands, struct buffer *out)
{
    enum error_code code = buffer_append_format(out, "# " NOTE, "bash");
    if (code == OK)
        code = buffer_append_text(out, "_parquet_consumer()\n{\n"
                                       "    local current=${COMP_WORDS[COMP_CWORD]}\n"
                                       "    local previous=${COMP_WORDS[COMP_CWORD-1]}\n"
                                       "    local command=${COMP_WORDS[1]} words='' options=' ");
    for (size_t i = 0; code == OK && i < option_count; i++) {
        char flag[OPTION_NAME_BYTES];
        option_flag(&option_table[i], flag);
        code = buffer_append_format(out, "%s ", flag);
    }
    if (code == OK)
        code = buffer_append_text(out, "'\n");
    if (code == OK)
        code = bash_values(out);
    if (code == OK)
        code = buffer_append_text(out, "    if [ -z \"$words\" ]; then\n"
                                       "        case $command in\n");
    for (size_t i = 0; code == OK && i < commands->count; i++) {
        code = buffer_append_format(out, "        %s) ", commands->items[i].name);
        if (code == OK)
            code = append_own(out, &commands->items[i], "options=${options/ ", " / }; ");
        if (code == OK)
            code = buffer_append_text(out, "words=\"");
        if (code == OK)
            code = append_flags(out, &commands->items[i]);
        if (code == OK)
            code = buffer_append_text(out, "\" ;;\n");
    }
    if (code == OK)
        code = buffer_append_text(out, "        *) words=\"--help --config $options\" ;;\n"
                                       "        esac\n    fi\n"
                                       "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                                       "        words=\"$words");
    for (size_t i = 0; code == OK && i < commands->count; i++)
        code = buffer_append_format(out, " %s", commands->items[i].name);
    if (code == OK)
        code =
            buffer_append_text(out, "\"\n    fi\n"
                                    "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\n"
                                    "complete -o default -F _parquet_consumer parquet-consumer\n");
    return code;
}

/* One line of _arguments: '--flag[help]:value:(choices)'. */
static enum error_code zsh_argument(struct buffer *out, const char *flag, const char *help,
                                    const char *placeholder, const struct option *option)
{
    static const char special[] = "[]:'";
    char text[1024];
    snprintf(text, sizeof text, "%s", help);
    enum error_code code =
        buffer_append_format(out, "        '%s%s[", flag, placeholder != NULL ? "=" : "");
    for (const char *at = text; code == OK && *at != '\0'; at++)
        if (strchr(special, *at) == NULL)
            code = buffer_append_byte(out, (uint8_t)*at);
    if (code == OK)
        code = buffer_append_text(out, "]");
    if (code == OK && placeholder != NULL)
        code = buffer_append_text(out, ":value:");
    if (code == OK && option != NULL && has_choices(option)) {
        code = buffer_append_byte(out, '(');
        if (code == OK)
            code = append_choices(out, option);
        if (code == OK)
            code = buffer_append_byte(out, ')');
    } else if (code == OK && placeholder != NULL) {
        code = buffer_append_text(out, "_files");
    }
    return code == OK ? buffer_append_text(out, "'\n") : code;
}

static enum error_code zsh_command(struct buffer *out, const struct command *command)
{
    enum error_code code = buffer_append_format(out, "    %s) ", command->name);
    if (code == OK)
        code = append_own(out, command, "options=(${options:#", "=*}); ");
    if (code == OK)
        code = buffer_append_text(out, "arguments+=(\n");
    for (size_t i = 0; code == OK && i < command->flag_count; i++)
        code = zsh_argument(out, command->flags[i].name, command->flags[i].help,
                            command->flags[i].placeholder, NULL);
    if (code == OK && command->takes_options)
        code = buffer_append_text(out, "        $options\n");
    return code == OK ? buffer_append_text(out, "        ) ;;\n") : code;
}

static enum error_code completion_zsh(const struct command_list *commands, struct buffer *out)
{
    enum error_code code =
        buffer_append_format(out,
                             "#compdef parquet-consumer\n# " NOTE
                             "_parquet_consumer()\n{\n    local -a commands options arguments\n"
                             "    commands=(\n",
                             "zsh");
    for (size_t i = 0; code == OK && i < commands->count; i++) {
        code = buffer_append_format(out, "        '%s:", commands->items[i].name);
        for (const char *at = commands->items[i].summary; code == OK && *at != '\0'; at++)
            if (strchr(":'", *at) == NULL)
                code = buffer_append_byte(out, (uint8_t)*at);
        if (code == OK)
            code = buffer_append_text(out, "'\n");
    }
    if (code == OK)
        code = buffer_append_text(out, "    )\n    options=(\n"
                                       "        '--config=[Configuration to read]:file:_files'\n");
    for (size_t i = 0; code == OK && i < option_count; i++) {
        char flag[OPTION_NAME_BYTES];
        option_flag(&option_table[i], flag);
        code = zsh_argument(out, flag, option_table[i].help, option_table[i].placeholder,
                            &option_table[i]);
    }
    if (code == OK)
        code = buffer_append_text(out, "    )\n    arguments=('--help[Explain the command]' "
                                       "'*:argument:_files')\n"
                                       "    if (( CURRENT == 2 )); then\n"
                                       "        _describe command commands\n    fi\n"
                                       "    case $words[2] in\n");
    for (size_t i = 0; code == OK && i < commands->count; i++)
        code = zsh_command(out, &commands->items[i]);
    if (code == OK)
        code = buffer_append_text(out, "    *) arguments+=($options) ;;\n    esac\n"
                                       "    _arguments $arguments\n}\n"
                                       "_parquet_consumer \"$@\"\n");
    return code;
}

/* The condition that no command is typed that has the flag itself; nothing where none has. */
static enum error_code fish_condition(struct buffer *out, const struct command_list *commands,
                                      const char *flag)
{
    enum error_code code = OK;
    bool any = false;
    for (size_t i = 0; code == OK && i < commands->count; i++)
        for (size_t k = 0; code == OK && k < commands->items[i].flag_count; k++) {
            const struct command *command = &commands->items[i];
            if (strcmp(command->flags[k].name, flag) != 0)
                continue;
            code = buffer_append_format(
                out, "%s %s", any ? "" : " -n 'not __fish_seen_subcommand_from", command->name);
            any = true;
        }
    return code == OK && any ? buffer_append_byte(out, '\'') : code;
}

static enum error_code fish_option(struct buffer *out, const struct command_list *commands,
                                   const struct option *option)
{
    char flag[OPTION_NAME_BYTES];
    option_flag(option, flag);
    enum error_code code = buffer_append_text(out, "complete -c parquet-consumer");
    if (code == OK)
        code = fish_condition(out, commands, flag);
    if (code == OK)
        code = buffer_append_format(out, " -l %s -x -d ", flag + 2);
    if (code == OK)
        code = append_quoted(out, option->help, "");
    if (code == OK && has_choices(option)) {
        code = buffer_append_text(out, " -a '");
        if (code == OK)
            code = append_choices(out, option);
        if (code == OK)
            code = buffer_append_byte(out, '\'');
    }
    return code == OK ? buffer_append_byte(out, '\n') : code;
}

static enum error_code fish_command(struct buffer *out, const struct command *command)
{
    enum error_code code = buffer_append_format(
        out, "complete -c parquet-consumer -n __fish_use_subcommand -a %s -d ", command->name);
    if (code == OK)
        code = append_quoted(out, command->summary, "");
    if (code == OK)
        code = buffer_append_byte(out, '\n');
    for (size_t i = 0; code == OK && i < command->flag_count; i++) {
        const struct command_flag *flag = &command->flags[i];
        code = buffer_append_format(out,
                                    "complete -c parquet-consumer -n '__fish_seen_subcommand_from "
                                    "%s' -l %s%s -d ",
                                    command->name, flag->name + 2,
                                    flag->placeholder != NULL ? " -r" : "");
        if (code == OK)
            code = append_quoted(out, flag->help, "");
        if (code == OK)
            code = buffer_append_byte(out, '\n');
    }
    return code;
}

static enum error_code completion_fish(const struct command_list *commands, struct buffer *out)
{
    enum error_code code = buffer_append_format(out, "# " NOTE, "fish");
    for (size_t i = 0; code == OK && i < commands->count; i++)
        code = fish_command(out, &commands->items[i]);
    if (code == OK)
        code = buffer_append_text(
            out, "complete -c parquet-consumer -l config -r -d 'Configuration to read'\n");
    for (size_t i = 0; code == OK && i < option_count; i++)
        code = fish_option(out, commands, &option_table[i]);
    return code;
}

enum error_code help_completion(const char *shell, const struct command_list *commands,
                                struct buffer *out)
{
    if (strcmp(shell, "bash") == 0)
        return completion_bash(commands, out);
    if (strcmp(shell, "zsh") == 0)
        return completion_zsh(commands, out);
    if (strcmp(shell, "fish") == 0)
        return completion_fish(commands, out);
    return ERR_INVALID;
}
