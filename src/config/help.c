// SPDX-License-Identifier: Apache-2.0
#include "config/help.h"

#include <stdio.h>
#include <string.h>

#include "config/option_table.h"

#define COLUMNS 80

/* Appends words with line breaks before column 80; lines begin with `indent` spaces. */
static enum error_code append_wrapped(struct buffer *out, size_t indent, const char *text)
{
    size_t column = 0;
    enum error_code code = OK;
    while (code == OK && *text != '\0') {
        size_t word_bytes = strcspn(text, " ");
        if (column == 0 || column + 1 + word_bytes > COLUMNS) {
            code = buffer_append_format(out, "%s%*s", column == 0 ? "" : "\n", (int)indent, "");
            column = indent;
        } else if (code == OK) {
            code = buffer_append_byte(out, ' ');
            column++;
        }
        if (code == OK)
            code = buffer_append(out, text, word_bytes);
        column += word_bytes;
        text += word_bytes + (text[word_bytes] == ' ');
    }
    return code == OK ? buffer_append_byte(out, '\n') : code;
}

static const char *default_of(const struct option *option)
{
    return option->default_note != NULL ? option->default_note : option->default_text;
}

static enum error_code append_option(struct buffer *out, const struct option *option)
{
    char flag[OPTION_NAME_BYTES];
    char text[1024];
    option_flag(option, flag);
    enum error_code code = buffer_append_format(out, "  %s %s\n", flag, option->placeholder);
    size_t at = (size_t)snprintf(text, sizeof text, "%s", option->help);
    for (size_t i = 0; option->choices != NULL && option->choices[i] != NULL && at < sizeof text;
         i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i == 0 ? ": " : ", ",
                               option->choices[i]);
    if (at < sizeof text && default_of(option)[0] != '\0')
        snprintf(text + at, sizeof text - at, " (%s)", default_of(option));
    return code == OK ? append_wrapped(out, 6, text) : code;
}

enum error_code help_options(struct buffer *out)
{
    enum error_code code = append_wrapped(
        out, 0,
        "Each option is a flag, a key of the JSON file that --config names, and an environment "
        "variable: --start-ledger, consumer.start_ledger, PARQUET_CONSUMER_START_LEDGER. A flag "
        "wins over the environment, the environment over the file. Write --option VALUE or "
        "--option=VALUE; durations as 250ms, 30s, 1h; sizes in bytes or as 128MiB.");
    for (size_t i = 0; code == OK && i < option_section_count; i++) {
        code = buffer_append_format(out, "\n%s\n", option_sections[i]);
        for (size_t j = 0; code == OK && j < option_count; j++) {
            if (strcmp(option_table[j].section, option_sections[i]) == 0)
                code = append_option(out, &option_table[j]);
        }
    }
    return code;
}

enum error_code help_overview(const struct command_list *commands, struct buffer *out)
{
    enum error_code code = buffer_append_text(
        out, "parquet-consumer stores the token transfer events of a ttp-processor in a lake\n"
             "of Parquet files with a DuckLake catalog.\n"
             "\n"
             "  parquet-consumer demo                   a lake of real events, right here\n"
             "  parquet-consumer -config config.json    the service\n"
             "  parquet-consumer 16M:17M                a range, END inclusive; also A B, A:+N\n"
             "\n"
             "Commands\n");
    for (size_t i = 0; code == OK && i < commands->count; i++)
        code = buffer_append_format(out, "  %-13s %s\n", commands->items[i].name,
                                    commands->items[i].summary);
    if (code == OK)
        code = buffer_append_text(out, "\n`parquet-consumer help COMMAND` explains a command.\n\n");
    return code == OK ? help_options(out) : code;
}

enum error_code help_command(const struct command *command, struct buffer *out)
{
    char text[512];
    snprintf(text, sizeof text, "parquet-consumer %s %s", command->name, command->synopsis);
    enum error_code code = append_wrapped(out, 0, text);
    if (code == OK)
        code = buffer_append_format(out, "\n  %s\n", command->summary);
    if (code == OK && command->flag_count + command->takes_options != 0)
        code = buffer_append_text(out, "\n");
    for (size_t i = 0; code == OK && i < command->flag_count; i++) {
        const struct command_flag *flag = &command->flags[i];
        code = buffer_append_format(out, "  %s%s%s\n", flag->name,
                                    flag->placeholder != NULL ? " " : "",
                                    flag->placeholder != NULL ? flag->placeholder : "");
        if (code == OK)
            code = append_wrapped(out, 6, flag->help);
    }
    if (code != OK || !command->takes_options)
        return code;
    code =
        buffer_append_text(out, "  --config FILE\n      Configuration to read (also -config)\n\n");
    return code == OK ? help_options(out) : code;
}

/* One row of the table in docs/CONFIGURATION.md. */
static enum error_code append_markdown_row(struct buffer *out, const struct option *option)
{
    char flag[OPTION_NAME_BYTES];
    char variable[OPTION_NAME_BYTES];
    option_flag(option, flag);
    option_variable(option, variable);
    enum error_code code = buffer_append_format(out, "| `%s` | `%s` | `%s`%s%s%s | ", option->key,
                                                flag, variable, option->alias != NULL ? ", `" : "",
                                                option->alias != NULL ? option->alias : "",
                                                option->alias != NULL ? "`" : "");
    if (code == OK && option->default_note != NULL)
        code = buffer_append_text(out, option->default_note);
    else if (code == OK && option->default_text[0] != '\0')
        code = buffer_append_format(out, "`%s`", option->default_text);
    if (code == OK)
        code = buffer_append_format(out, " | %s", option->help);
    for (size_t i = 0; code == OK && option->choices != NULL && option->choices[i] != NULL; i++)
        code = buffer_append_format(out, "%s`%s`", i == 0 ? ": " : ", ", option->choices[i]);
    return code == OK ? buffer_append_text(out, " |\n") : code;
}

enum error_code help_markdown(struct buffer *out)
{
    enum error_code code = buffer_append_text(
        out,
        "# Configuration\n"
        "\n"
        "Made by `parquet-consumer help --markdown` from the option table; don't edit.\n"
        "\n"
        "Each option is a key of the JSON file that `--config FILE` (or `-config FILE`) names, a "
        "flag and an environment variable.\n"
        "A flag wins over the environment, the environment over the file, the file over the "
        "default. No file is read unless it is named.\n"
        "\n"
        "- Flags are written `--option VALUE` or `--option=VALUE`; booleans take `true` or "
        "`false`, `--metadata` takes a JSON object.\n"
        "- Durations have a unit: `250ms`, `30s`, `5m`, `1h`. Sizes are bytes, or a number with "
        "`KiB`, `MiB`, `GiB`.\n"
        "- Ledger numbers may be written `16000000`, `16_000_000` or `16M`. Behind the options, "
        "`START END`, `START:END`, `START:+COUNT` and `START:` set start_ledger and end_ledger.\n"
        "- An empty environment variable counts as not set. An unknown variable that begins with "
        "`PARQUET_CONSUMER_` is warned of; an unknown key or a bad value is an error (exit code "
        "2), and all errors are told at once.\n"
        "- `schema_version` and `enable_schema_evolution` are also taken at the top level of the "
        "file.\n"
        "- `parquet-consumer check-config` shows the values in force and where each came from.\n");
    for (size_t i = 0; code == OK && i < option_section_count; i++) {
        code = buffer_append_format(out,
                                    "\n## %s\n\n| key | flag | environment | default | meaning |\n"
                                    "| --- | --- | --- | --- | --- |\n",
                                    option_sections[i]);
        for (size_t j = 0; code == OK && j < option_count; j++) {
            if (strcmp(option_table[j].section, option_sections[i]) == 0)
                code = append_markdown_row(out, &option_table[j]);
        }
    }
    return code;
}
