// SPDX-License-Identifier: Apache-2.0
/* Lists the events that could not be stored as rows, shows one, and takes them elsewhere. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/dead_letter_show.h"
#include "app/dead_letters.h"
#include "app/dead_letters_export.h"
#include "app/dead_letters_replay.h"
#include "output/json_output.h"
#include "output/say.h"
#include "lake/dead_letter_list.h"
#include "lake/open.h"

/* Where the letters go. */
struct letter_listing {
    bool json;
    uint64_t count;
};

static enum error_code print_text(const struct stored_letter *letter, uint64_t commit_no,
                                  struct error *error)
{
    say("ledger %" PRIu32 ", event %" PRIu32 " (commit %" PRIu64 ", %zu bytes): %s\n",
        letter->ledger_sequence, letter->event_index, commit_no, letter->raw.size_bytes,
        letter->reason);
    return ferror(stdout) ? error_set(error, ERR_IO, "cannot write to standard output") : OK;
}

static enum error_code print_letter(void *context, uint64_t commit_no,
                                    const struct stored_letter *letter, struct error *error)
{
    struct letter_listing *output = context;
    output->count++;
    return output->json ? json_print(dead_letter_json(letter, commit_no), false, error)
                        : print_text(letter, commit_no, error);
}

static enum exit_code list_letters(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct ledger_range range;
    struct letter_listing output = {.json = command_line_flag(line, "--json") != NULL};
    enum error_code code = dead_letters_range(line, &range, &error);
    struct catalog *catalog = NULL;
    if (code == OK)
        code = lake_open_catalog(&catalog, options->output_path, &error);
    if (code == OK)
        code =
            dead_letters_each(catalog, options->output_path, range, print_letter, &output, &error);
    catalog_close(catalog);
    if (code == OK && output.count == 0 && !output.json)
        say("no dead letters\n");
    return command_end(code, &error);
}

/* What may be done with dead letters; the first is what is done where no name is given. */
static const struct form {
    const char *name;
    enum exit_code (*work)(const struct command_line *line, const struct options *options);
    size_t argument_max; /* behind the name */
    bool changes;        /* the lake, and takes --dry-run; else it takes --since and --until */
} forms[] = {
    {"list", list_letters, 0, false},
    {"show", dead_letter_show, 1, false},
    {"export", dead_letters_export, 1, false},
    {"replay", dead_letters_replay, 0, true},
};

/* A flag that the form would pass over is a mistake. */
static enum error_code check_flags(const struct form *form, const struct command_line *line,
                                   struct error *error)
{
    static const char *const flags[] = {"--since", "--until", "--dry-run"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool is_taken = form->changes == (i == 2);
        if (!is_taken && command_line_flag(line, flags[i]) != NULL)
            return error_set(error, ERR_INVALID, "dead-letters %s takes no %s", form->name,
                             flags[i]);
    }
    if (line->argument_count > form->argument_max + 1)
        return error_set(error, ERR_INVALID, "\"%s\" is one argument too many for dead-letters %s",
                         line->arguments[form->argument_max + 1], form->name);
    return OK;
}

static enum exit_code run_form(const struct form *form, const struct command_line *line)
{
    struct options options;
    struct error error;
    struct command_line wordless = *line; /* what stands behind the options is no range */
    wordless.argument_count = 0;
    if (check_flags(form, line, &error) != OK)
        return command_fail(EXIT_USAGE, &error);
    options_init(&options);
    enum exit_code exit_code = command_load_options(&wordless, &options);
    if (exit_code == EXIT_DONE)
        exit_code = form->work(line, &options);
    options_release(&options);
    return exit_code;
}

enum exit_code cmd_dead_letters(const struct command_line *line)
{
    struct error error;
    const char *name = line->argument_count == 0 ? forms[0].name : line->arguments[0];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, name) == 0)
            return run_form(&forms[i], line);
    error_set(&error, ERR_INVALID,
              "\"%s\" is nothing that dead-letters does: list, show NUMBER, export FILE or replay",
              name);
    return command_fail(EXIT_USAGE, &error);
}
