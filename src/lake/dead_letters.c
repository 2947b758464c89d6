// SPDX-License-Identifier: Apache-2.0
#include "lake/dead_letters.h"

#include <jansson.h>

static enum error_code parse_line(struct bytes_view line, struct arena *arena,
                                  struct stored_letter *letter)
{
    enum error_code code = ERR_CORRUPT;
    json_int_t ledger = 0, index = 0;
    const char *reason = NULL, *raw = NULL;
    size_t raw_bytes = 0;
    json_t *object = json_loadb((const char *)line.data, line.size_bytes, 0, NULL);
    if (json_unpack(object, "{s:I, s:I, s:s, s:s%}", "ledger_sequence", &ledger, "event_index",
                    &index, "reason", &reason, "raw", &raw, &raw_bytes) != 0 ||
        ledger < 0 || ledger > UINT32_MAX || index < 0 || index > UINT32_MAX)
        goto out;
    uint8_t *decoded = arena_alloc(arena, raw_bytes / 4 * 3 + 1);
    size_t decoded_bytes = 0;
    letter->reason = arena_copy_text(arena, bytes_view_text(reason));
    if (decoded == NULL || letter->reason == NULL) {
        code = ERR_NO_MEMORY;
        goto out;
    }
    if (!base64_decode(bytes_view_of(raw, raw_bytes), decoded, &decoded_bytes))
        goto out;
    letter->ledger_sequence = (uint32_t)ledger;
    letter->event_index = (uint32_t)index;
    letter->raw = bytes_view_of(decoded, decoded_bytes);
    code = OK;
out:
    json_decref(object);
    return code;
}

enum error_code dead_letters_parse(struct bytes_view text, struct arena *arena,
                                   struct buffer *letters, struct error *error)
{
    size_t at = 0;
    for (unsigned line_no = 1; at < text.size_bytes; line_no++) {
        const uint8_t *start = text.data + at;
        const uint8_t *newline = memchr(start, '\n', text.size_bytes - at);
        size_t length = newline == NULL ? text.size_bytes - at : (size_t)(newline - start);
        struct stored_letter letter = {0};
        enum error_code code = parse_line(bytes_view_of(start, length), arena, &letter);
        if (code == OK && buffer_append(letters, &letter, sizeof letter) != OK)
            code = ERR_NO_MEMORY;
        if (code == ERR_NO_MEMORY)
            return error_no_memory(error, "dead letters");
        if (code != OK)
            return error_set(error, code, "line %u is not a dead letter", line_no);
        at += length + 1;
    }
    return OK;
}
