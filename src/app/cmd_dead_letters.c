// SPDX-License-Identifier: Apache-2.0
/* Lists the events that could not be stored as rows. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "app/command.h"
#include "app/json_output.h"
#include "util/ledger_text.h"
#include "app/say.h"
#include "lake/dead_letter_list.h"
#include "lake/open.h"
#include "util/memory.h"

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

static enum error_code print_json(const struct stored_letter *letter, uint64_t commit_no,
                                  struct error *error)
{
    char *raw = mem_alloc(base64_encoded_size(letter->raw.size_bytes) + 1);
    if (raw == NULL)
        return error_no_memory(error, "a dead letter");
    base64_encode(letter->raw, raw);
    json_t *object = json_pack(
        "{s:I, s:I, s:o, s:s, s:I}", "ledger_sequence", (json_int_t)letter->ledger_sequence,
        "event_index", (json_int_t)letter->event_index, "reason", json_any_text(letter->reason),
        "raw", raw, "commit_no", (json_int_t)commit_no);
    mem_free(raw);
    return json_print(object, false, error);
}

static enum error_code print_letter(void *context, uint64_t commit_no,
                                    const struct stored_letter *letter, struct error *error)
{
    struct letter_listing *output = context;
    output->count++;
    return output->json ? print_json(letter, commit_no, error)
                        : print_text(letter, commit_no, error);
}

static enum error_code parse_bound(const struct command_line *line, const char *flag,
                                   uint32_t *ledger, struct error *error)
{
    const char *text = command_line_flag(line, flag);
    if (text == NULL || ledger_parse(text, ledger))
        return OK;
    return error_set(error, ERR_INVALID, "%s %s is not a ledger number, such as 16000000 or 16M",
                     flag, text);
}

static enum exit_code list_letters(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct ledger_range range = {0, UINT32_MAX};
    struct letter_listing output = {.json = command_line_flag(line, "--json") != NULL};
    enum error_code code = parse_bound(line, "--since", &range.first, &error);
    if (code == OK)
        code = parse_bound(line, "--until", &range.last, &error);
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

enum exit_code cmd_dead_letters(const struct command_line *line)
{
    return command_with_options(line, list_letters);
}
