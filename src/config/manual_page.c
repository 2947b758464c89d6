// SPDX-License-Identifier: Apache-2.0
/* The manual page, in the man(7) macros, from the command and option tables. */
#include "config/help.h"

#include <string.h>

#include "config/option_table.h"

/* Text in which roff sees no command: backslashes, hyphens and a dot or quote that begins a line.
 */
static enum error_code append_roff(struct buffer *out, const char *text)
{
    enum error_code code = OK;
    bool line_begins = true;
    for (; code == OK && *text != '\0'; text++) {
        if (line_begins && (*text == '.' || *text == '\''))
            code = buffer_append_text(out, "\\&");
        if (code == OK && *text == '\\')
            code = buffer_append_text(out, "\\e");
        else if (code == OK && *text == '-')
            code = buffer_append_text(out, "\\-");
        else if (code == OK)
            code = buffer_append_byte(out, (uint8_t)*text);
        line_begins = *text == '\n';
    }
    return code;
}

static enum error_code append_styled(struct buffer *out, const char *before, const char *text,
                                     const char *after)
{
    enum error_code code = buffer_append_text(out, before);
    if (code == OK)
        code = append_roff(out, text);
    return code == OK ? buffer_append_text(out, after) : code;
}

/* A tagged paragraph's head: the flag in bold, its value in italics. */
static enum error_code append_flag(struct buffer *out, const char *flag, const char *placeholder)
{
    enum error_code code = append_styled(out, ".TP\n\\fB", flag, "\\fR");
    if (code == OK && placeholder != NULL)
        code = append_styled(out, " \\fI", placeholder, "\\fR");
    return code == OK ? buffer_append_byte(out, '\n') : code;
}

static enum error_code append_option(struct buffer *out, const struct option *option)
{
    char flag[OPTION_NAME_BYTES], variable[OPTION_NAME_BYTES];
    const char *value = option->default_note != NULL ? option->default_note : option->default_text;
    option_flag(option, flag);
    option_variable(option, variable);
    enum error_code code = append_flag(out, flag, option->placeholder);
    if (code == OK)
        code = append_roff(out, option->help);
    for (size_t i = 0; code == OK && option->choices != NULL && option->choices[i] != NULL; i++)
        code = append_styled(out, i == 0 ? ": \\fB" : ", \\fB", option->choices[i], "\\fR");
    if (code == OK)
        code = buffer_append_text(out, ".\n");
    if (code == OK && value[0] != '\0')
        code = append_styled(out, "Default: ", value, ".\n");
    if (code == OK)
        code = append_styled(out, "Environment: \\fB", variable, "\\fR");
    if (code == OK && option->alias != NULL)
        code = append_styled(out, ", \\fB", option->alias, "\\fR");
    if (code == OK)
        code = append_styled(out, "; in the file: \\fB", option->section, ".");
    return code == OK ? append_styled(out, "", option->key, "\\fR.\n") : code;
}

static enum error_code append_command(struct buffer *out, const struct command *command)
{
    enum error_code code = append_styled(out, ".SS ", command->name, "\n");
    if (code == OK)
        code = append_styled(out, ".B parquet\\-consumer ", command->name, "\n");
    if (code == OK && command->synopsis[0] != '\0')
        code = append_styled(out, ".I ", command->synopsis, "\n");
    if (code == OK)
        code = append_styled(out, ".PP\n", command->summary, ".\n");
    for (size_t i = 0; code == OK && i < command->flag_count; i++) {
        code = append_flag(out, command->flags[i].name, command->flags[i].placeholder);
        if (code == OK)
            code = append_styled(out, "", command->flags[i].help, ".\n");
    }
    return code;
}

static const char page_head[] =
    ".\\\" Made by `parquet-consumer help --man` from the command and option tables; don't edit.\n"
    ".TH PARQUET\\-CONSUMER 1\n"
    ".SH NAME\n"
    "parquet\\-consumer \\- keep Stellar's token transfer events as a lake of Parquet files\n"
    ".SH SYNOPSIS\n"
    ".B parquet\\-consumer\n"
    "[\\fBrun\\fR] [\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fB\\-\\-OPTION\\fR \\fIVALUE\\fR]... "
    "[\\fISTART END\\fR]\n"
    ".br\n"
    ".B parquet\\-consumer\n"
    ".I COMMAND\n"
    "[\\fB\\-\\-OPTION\\fR \\fIVALUE\\fR]...\n"
    ".SH DESCRIPTION\n"
    "Takes the gRPC stream of a ttp\\-processor and keeps it as partitioned Parquet files with a "
    "DuckLake catalog: every ledger completely, once, undamaged.\n"
    "END is inclusive; a range is also written 16M:17M, 16000000:+1000 or 16000000:, and without "
    "an END the service follows the chain.\n"
    "A flag wins over the environment, the environment over the file, the file over the default.\n"
    "Durations have a unit (250ms, 30s, 1h), sizes are bytes or have one (128MiB).\n"
    ".SH COMMANDS\n";

static const char page_foot[] =
    ".SH SIGNALS\n"
    ".TP\n"
    "\\fBSIGTERM\\fR, \\fBSIGINT\\fR, \\fBSIGHUP\\fR\n"
    "Publish every complete ledger and exit; one that comes more than 2 seconds later ends at "
    "once.\n"
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nDone.\n"
    ".TP\n.B 1\nThe work failed or is not complete; the command that fetches the rest is printed.\n"
    ".TP\n.B 2\nUsage, configuration, a port taken, or a lake that this run may not touch.\n"
    ".TP\n.B 3\n\\fBverify\\fR found a problem.\n";

enum error_code help_manual_page(const struct command_list *commands, struct buffer *out)
{
    enum error_code code = buffer_append_text(out, page_head);
    for (size_t i = 0; code == OK && i < commands->count; i++)
        code = append_command(out, &commands->items[i]);
    if (code == OK)
        code = buffer_append_text(out, ".SH OPTIONS\n");
    for (size_t i = 0; code == OK && i < option_section_count; i++) {
        code = append_styled(out, ".SS ", option_sections[i], "\n");
        for (size_t k = 0; code == OK && k < option_count; k++)
            if (strcmp(option_table[k].section, option_sections[i]) == 0)
                code = append_option(out, &option_table[k]);
    }
    return code == OK ? buffer_append_text(out, page_foot) : code;
}
