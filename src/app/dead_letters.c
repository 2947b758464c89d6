// SPDX-License-Identifier: Apache-2.0
#include "app/dead_letters.h"

#include "output/json_output.h"
#include "util/ledger_text.h"
#include "util/memory.h"

json_t *dead_letter_json(const struct stored_letter *letter, uint64_t commit_no)
{
    char *raw = mem_alloc(base64_encoded_size(letter->raw.size_bytes) + 1);
    if (raw == NULL)
        return NULL;
    base64_encode(letter->raw, raw);
    json_t *object = json_pack(
        "{s:I, s:I, s:o, s:s, s:I}", "ledger_sequence", (json_int_t)letter->ledger_sequence,
        "event_index", (json_int_t)letter->event_index, "reason", json_any_text(letter->reason),
        "raw", raw, "commit_no", (json_int_t)commit_no);
    mem_free(raw);
    return object;
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

enum error_code dead_letters_range(const struct command_line *line, struct ledger_range *range,
                                   struct error *error)
{
    *range = (struct ledger_range){0, UINT32_MAX};
    enum error_code code = parse_bound(line, "--since", &range->first, error);
    return code == OK ? parse_bound(line, "--until", &range->last, error) : code;
}
