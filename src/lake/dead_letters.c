// SPDX-License-Identifier: Apache-2.0
#include "lake/dead_letters.h"

#include <string.h>

#include <xxhash.h>

#include "store/store.h"
#include "util/json_text.h"

/* A line beside its event: names and numbers, and a reason, one sentence, of which JSON may write
 * each byte as six. */
#define LETTER_FIELDS_MAX_BYTES (256 + 6 * (size_t)ERROR_MESSAGE_BYTES)
/* The largest event of the largest max_message_size, 1 GiB, as base64. */
#define LETTER_LINE_MAX_BYTES (((size_t)1 << 30) / 3 * 4 + 4 + LETTER_FIELDS_MAX_BYTES)

static bool take_u32(const json_t *object, const char *key, uint32_t *number)
{
    const json_t *value = json_object_get(object, key);
    json_int_t integer = json_integer_value(value);
    if (!json_is_integer(value) || integer < 0 || integer > UINT32_MAX)
        return false;
    *number = (uint32_t)integer;
    return true;
}

/* Not by json_unpack: where that has no memory it says that the members are not there. */
static enum error_code take_letter(const json_t *object, struct arena *arena,
                                   struct stored_letter *letter)
{
    const char *reason = json_string_value(json_object_get(object, "reason"));
    const json_t *raw = json_object_get(object, "raw");
    if (!take_u32(object, "ledger_sequence", &letter->ledger_sequence) ||
        !take_u32(object, "event_index", &letter->event_index) || reason == NULL ||
        strlen(reason) >= ERROR_MESSAGE_BYTES || !json_is_string(raw))
        return ERR_CORRUPT;
    struct bytes_view text = bytes_view_of(json_string_value(raw), json_string_length(raw));
    uint8_t *decoded = arena_alloc(arena, text.size_bytes / 4 * 3 + 1);
    size_t decoded_bytes = 0;
    letter->reason = arena_copy_text(arena, bytes_view_text(reason));
    if (decoded == NULL || letter->reason == NULL)
        return ERR_NO_MEMORY;
    if (!base64_decode(text, decoded, &decoded_bytes))
        return ERR_CORRUPT;
    letter->raw = bytes_view_of(decoded, decoded_bytes);
    return OK;
}

static bool is_base64(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '+' || byte == '/' || byte == '=';
}

/* Whether all but one text of the line is short, so that parsing it takes no more memory than a few
 * times its size: a text of a million small values would take thirty times as much. */
static bool is_bounded(struct bytes_view line)
{
    size_t longest = 0, run = 0;
    if (line.size_bytes > LETTER_LINE_MAX_BYTES)
        return false;
    for (size_t i = 0; i < line.size_bytes; i++) {
        run = is_base64(line.data[i]) ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return line.size_bytes - longest <= LETTER_FIELDS_MAX_BYTES;
}

static enum error_code parse_line(struct bytes_view line, struct arena *arena,
                                  struct stored_letter *letter)
{
    json_t *object;
    json_error_t problem;
    if (!is_bounded(line))
        return ERR_CORRUPT;
    enum error_code code = json_text_load(line, 0, &object, &problem);
    if (code == OK)
        code = take_letter(object, arena, letter);
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

enum error_code dead_letters_read(const char *root, const char *path, char full[OS_PATH_BYTES],
                                  struct buffer *text, struct error *error)
{
    struct store store;
    char name[OS_PATH_BYTES];
    enum error_code code = store_at(&store, root, error);
    if (code == OK)
        code = os_path_join(name, LAKE_FOLDER, path, error);
    if (code == OK)
        code = store_path(&store, name, full, error);
    return code == OK ? store_read_whole(&store, name, DEAD_LETTERS_MAX_BYTES, text, error) : code;
}

enum error_code dead_letters_load(const char *root, const char *path, struct arena *arena,
                                  struct buffer *letters, uint64_t *checksum, struct error *error)
{
    char full[OS_PATH_BYTES];
    struct buffer text;
    buffer_init(&text);
    enum error_code code = dead_letters_read(root, path, full, &text, error);
    if (code == OK && checksum != NULL)
        *checksum = XXH64(text.data, text.size_bytes, 0);
    if (code == OK)
        code = dead_letters_parse(buffer_view(&text), arena, letters, error);
    buffer_release(&text);
    return code;
}
