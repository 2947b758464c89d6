// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/option_table.h"
#include "util/memory.h"

const struct command *command_find(const struct command_list *commands, const char *name)
{
    for (size_t i = 0; i < commands->count; i++) {
        if (strcmp(commands->items[i].name, name) == 0)
            return &commands->items[i];
    }
    return NULL;
}

struct parsing {
    struct command_line *line;
    struct problems *problems;
    int argc;
    const char *const *argv;
    int at;
    bool options_ended; /* behind "--" */
};

/* A first word that is no ledger, range or option is meant as a verb. */
static bool looks_like_verb(const char *word)
{
    return isalpha((unsigned char)word[0]) != 0;
}

static void report_unknown_verb(const struct command_list *commands, struct problems *problems,
                                const char *word)
{
    const char *names[32];
    size_t name_count = 0;
    for (size_t i = 0; i < commands->count && name_count < 32; i++)
        names[name_count++] = commands->items[i].name;
    const char *nearest = nearest_name(word, names, name_count);
    if (nearest != NULL)
        problems_add(problems, "\"%s\" is no command; did you mean %s?", word, nearest);
    else
        problems_add(problems, "\"%s\" is no command; `parquet-consumer help` lists them", word);
}

static void report_unknown_flag(const struct parsing *parsing, const char *name)
{
    const struct command *command = parsing->line->command;
    char flags[OPTION_MAX][OPTION_NAME_BYTES];
    const char *names[OPTION_MAX + COMMAND_FLAG_MAX + 2];
    size_t name_count = 0;
    for (size_t i = 0; command->takes_options && i < option_count; i++) {
        option_flag(&option_table[i], flags[i]);
        names[name_count++] = flags[i];
    }
    for (size_t i = 0; i < command->flag_count; i++)
        names[name_count++] = command->flags[i].name;
    if (command->takes_options)
        names[name_count++] = "--config";
    names[name_count++] = "--help";
    const char *nearest = nearest_name(name, names, name_count);
    if (nearest != NULL)
        problems_add(parsing->problems, "%s: unknown option; did you mean %s?", name, nearest);
    else
        problems_add(parsing->problems,
                     "%s: unknown option; `parquet-consumer help %s` lists the options", name,
                     command->name);
}

/* Where the value of option `name` goes; NULL if there is no such option. */
static const char **value_slot(const struct parsing *parsing, const char *name, bool *is_switch)
{
    struct command_line *line = parsing->line;
    const struct command *command = line->command;
    *is_switch = false;
    for (size_t i = 0; i < command->flag_count; i++) {
        if (strcmp(command->flags[i].name, name) == 0) {
            *is_switch = command->flags[i].placeholder == NULL;
            return &line->flag_texts[i];
        }
    }
    if (!command->takes_options)
        return NULL;
    if (strcmp(name, "--config") == 0 || strcmp(name, "-config") == 0)
        return &line->config_path;
    int index = option_find_flag(name);
    return index >= 0 ? &line->option_texts[index] : NULL;
}

/* `--option=VALUE`, `--option VALUE` or `--switch` at parsing->at; the last of two wins, so that a
 * script's options can be overridden by adding to them. */
static void take_option(struct parsing *parsing)
{
    const char *word = parsing->argv[parsing->at];
    char name[OPTION_NAME_BYTES];
    size_t length = strcspn(word, "=");
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
             word);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "-help") == 0) {
        parsing->line->help = true;
        return;
    }
    bool is_switch;
    const char **slot = value_slot(parsing, name, &is_switch);
    if (slot == NULL) {
        report_unknown_flag(parsing, name);
        return;
    }
    if (is_switch) {
        if (word[length] == '=')
            problems_add(parsing->problems, "%s takes no value", name);
        *slot = "";
    } else if (word[length] == '=') {
        *slot = word + length + 1;
    } else if (parsing->at + 1 < parsing->argc) {
        *slot = parsing->argv[++parsing->at];
    } else {
        problems_add(parsing->problems, "%s needs a value: write %s VALUE or %s=VALUE", name, name,
                     name);
    }
}

static void take_word(struct parsing *parsing)
{
    struct command_line *line = parsing->line;
    const char *word = parsing->argv[parsing->at];
    if (!parsing->options_ended && strcmp(word, "--") == 0) {
        parsing->options_ended = true;
        return;
    }
    if (!parsing->options_ended && word[0] == '-' && word[1] != '\0') {
        take_option(parsing);
        return;
    }
    line->arguments[line->argument_count++] = word;
}

/* The verb: the first word, or `run`. */
static bool take_verb(struct parsing *parsing)
{
    const struct command_list *commands = parsing->line->commands;
    parsing->at = 1;
    parsing->line->command = command_find(commands, "run");
    if (parsing->argc < 2)
        return true;
    const char *word = parsing->argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-version") == 0) {
        parsing->line->command = command_find(commands, "version");
        parsing->at = 2;
        return true;
    }
    if (!looks_like_verb(word))
        return true;
    parsing->at = 2;
    parsing->line->verb_is_given = true;
    const struct command *command = command_find(commands, word);
    if (command == NULL) {
        report_unknown_verb(commands, parsing->problems, word);
        return false;
    }
    parsing->line->command = command;
    return true;
}

enum error_code command_line_parse(struct command_line *line, const struct command_list *commands,
                                   int argc, const char *const *argv, struct problems *problems)
{
    *line = (struct command_line){.commands = commands};
    line->arguments = mem_alloc((size_t)(argc + 1) * sizeof line->arguments[0]);
    if (line->arguments == NULL)
        return ERR_NO_MEMORY;
    struct parsing parsing = {.line = line, .problems = problems, .argc = argc, .argv = argv};
    if (!take_verb(&parsing))
        return ERR_INVALID;
    for (; parsing.at < argc; parsing.at++)
        take_word(&parsing);
    const struct command *command = line->command;
    if (line->argument_count > command->argument_max && !line->help)
        problems_add(problems, "\"%s\" is one argument too many: parquet-consumer %s%s%s",
                     line->arguments[command->argument_max], command->name,
                     command->synopsis[0] != '\0' ? " " : "", command->synopsis);
    return problems_code(problems);
}

void command_line_release(struct command_line *line)
{
    mem_free(line->arguments);
    *line = (struct command_line){.command = NULL};
}

const char *command_line_flag(const struct command_line *line, const char *name)
{
    for (size_t i = 0; i < line->command->flag_count; i++) {
        if (strcmp(line->command->flags[i].name, name) == 0)
            return line->flag_texts[i];
    }
    return NULL;
}
