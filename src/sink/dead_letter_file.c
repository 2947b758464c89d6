// SPDX-License-Identifier: Apache-2.0
#include "sink/dead_letter_file.h"

#include <inttypes.h>

/* A JSON string (RFC 8259). The text is UTF-8: reasons are ours. */
static enum error_code append_string(struct buffer *out, const char *text)
{
    enum error_code code = buffer_append_byte(out, '"');
    for (; code == OK && *text != '\0'; text++) {
        uint8_t byte = (uint8_t)*text;
        if (byte == '"' || byte == '\\')
            code = buffer_append_format(out, "\\%c", byte);
        else if (byte < 0x20)
            code = buffer_append_format(out, "\\u%04x", byte);
        else
            code = buffer_append_byte(out, byte);
    }
    return code == OK ? buffer_append_byte(out, '"') : code;
}

enum error_code dead_letter_format(const struct dead_letter *letter, struct buffer *out,
                                   struct error *error)
{
    size_t before = out->size_bytes;
    enum error_code code = buffer_append_format(
        out, "{\"ledger_sequence\":%" PRIu32 ",\"event_index\":%" PRIu32 ",\"reason\":",
        letter->ledger_sequence, letter->event_index);
    if (code == OK)
        code = append_string(out, letter->reason);
    if (code == OK)
        code = buffer_append_text(out, ",\"raw\":\"");
    size_t encoded_bytes = base64_encoded_size(letter->raw.size_bytes);
    if (code == OK)
        code = buffer_reserve(out, encoded_bytes + 1);
    if (code == OK) {
        base64_encode(letter->raw, (char *)out->data + out->size_bytes);
        out->size_bytes += encoded_bytes;
        code = buffer_append_text(out, "\"}\n");
    }
    if (code != OK) {
        out->size_bytes = before;
        return error_no_memory(error, "a dead letter");
    }
    return OK;
}
