// SPDX-License-Identifier: Apache-2.0
#include "serve/fault.h"

#include <inttypes.h>
#include <string.h>

#include "grpc/status.h"
#include "http/header.h"
#include "os/file.h"
#include "util/buffer.h"
#include "util/memory.h"
#include "util/text.h"

/* A line of a script has few words; one this long is a mistake. */
#define WORD_LIMIT      8
#define WORD_BYTES      1024
#define SLOW_DRIP_US    INT64_C(100000)
#define HTTP2_CODE_LAST 13u /* RFC 9113 section 7: 0 to 13 have names */

struct script_line {
    const char *script;
    unsigned number;
    char words[WORD_LIMIT][WORD_BYTES];
    size_t word_count;
};

void fault_script_init(struct fault_script *script)
{
    *script = (struct fault_script){0};
}

void fault_script_release(struct fault_script *script)
{
    for (size_t i = 0; i < script->fault_count; i++)
        mem_free(script->faults[i].text);
    mem_free(script->faults);
    fault_script_init(script);
}

static enum error_code bad_line(const struct script_line *line, struct error *error,
                                enum error_code code)
{
    return error_prefix(error, code, "%s:%u: ", line->script, line->number);
}

/* Takes one word, quotes removed, off the front of `text`. */
static enum error_code take_word(struct script_line *line, struct bytes_view *text,
                                 struct error *error)
{
    if (line->word_count == WORD_LIMIT)
        return error_set(error, ERR_INVALID,
                         "too many words; a line is ledger=N|event=N|byte=N FAULT[=ARG] "
                         "[count=N|always] [delay=DUR]");
    char *word = line->words[line->word_count];
    size_t length = 0, i = 0;
    bool quoted = false;
    for (; i < text->size_bytes; i++) {
        char c = (char)text->data[i];
        if (c == '"') {
            quoted = !quoted;
            continue;
        }
        if (!quoted && (c == ' ' || c == '\t' || c == '\r' || c == '#'))
            break;
        if (c == '\0' || length + 1 == WORD_BYTES)
            return error_set(error, ERR_INVALID, c == '\0' ? "a zero byte" : "a word is too long");
        word[length++] = c;
    }
    word[length] = '\0';
    if (quoted)
        return error_set(error, ERR_INVALID, "the quote that begins in '%.40s' is not closed",
                         word);
    line->word_count++;
    text->data += i;
    text->size_bytes -= i;
    return OK;
}

static enum error_code split_words(struct script_line *line, struct bytes_view text,
                                   struct error *error)
{
    line->word_count = 0;
    for (;;) {
        while (text.size_bytes > 0 && strchr(" \t\r", text.data[0]) != NULL &&
               text.data[0] != '\0') {
            text.data++;
            text.size_bytes--;
        }
        if (text.size_bytes == 0 || text.data[0] == '#')
            return OK;
        enum error_code code = take_word(line, &text, error);
        if (code != OK)
            return code;
    }
}

/* Cuts `word` at its '='; returns what follows, NULL if there is none. */
static char *cut_at_equals(char *word)
{
    char *equals = strchr(word, '=');
    if (equals == NULL)
        return NULL;
    *equals = '\0';
    return equals + 1;
}

static enum error_code parse_place(struct fault *fault, char *word, struct error *error)
{
    static const char *const names[] = {[FAULT_PLACE_LEDGER] = "ledger",
                                        [FAULT_PLACE_EVENT] = "event",
                                        [FAULT_PLACE_BYTE] = "byte"};
    const char *value = cut_at_equals(word);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(word, names[i]) != 0)
            continue;
        fault->place = (enum fault_place)i;
        if (value == NULL || !text_parse_u64(bytes_view_text(value), &fault->position))
            return error_set(
                error, ERR_INVALID,
                "'%s' must be a number, such as %s=1000: this is where the fault fires", word,
                word);
        return OK;
    }
    return error_set(error, ERR_INVALID,
                     "'%s' is no place; a line begins with ledger=N, event=N or byte=N", word);
}

static enum error_code find_kind(struct fault *fault, const char *name, struct error *error)
{
    unsigned nearest = 0;
    size_t nearest_edits = SIZE_MAX;
    for (unsigned i = 0; i < FAULT_KIND_COUNT; i++) {
        if (strcmp(fault_table[i].name, name) == 0) {
            fault->kind = (enum fault_kind)i;
            return OK;
        }
        size_t edits = text_edit_distance(fault_table[i].name, name);
        if (edits < nearest_edits) {
            nearest_edits = edits;
            nearest = i;
        }
    }
    return error_set(error, ERR_INVALID, "there is no fault '%.60s'; did you mean '%s'?", name,
                     fault_table[nearest].name);
}

static bool parse_http2_code(const char *text, uint64_t *number)
{
    for (uint32_t code = 0; code <= HTTP2_CODE_LAST; code++) {
        if (strcmp(http_error_name(code), text) == 0) {
            *number = code;
            return true;
        }
    }
    return text_parse_u64(bytes_view_text(text), number) && *number <= UINT32_MAX;
}

/* INTERNAL, 13, or either with `:words` behind it. */
static enum error_code parse_status(struct fault *fault, char *text, struct error *error)
{
    char *words = strchr(text, ':');
    if (words != NULL)
        *words++ = '\0';
    enum grpc_code code;
    struct bytes_view name = bytes_view_text(text);
    if (!grpc_code_parse(name, &code)) {
        uint32_t number;
        if (!text_parse_u32(name, &number))
            return error_set(error, ERR_INVALID,
                             "'%.60s' is no gRPC status; one is INTERNAL, UNAVAILABLE, 13 or "
                             "\"INTERNAL:the server's words\"",
                             text);
        fault->number = number;
    } else {
        fault->number = code;
    }
    fault->text = mem_copy_text(words == NULL ? "" : words);
    return fault->text != NULL ? OK : error_no_memory(error, "a fault script");
}

static enum error_code bad_argument(const struct fault *fault, const char *text, const char *wanted,
                                    struct error *error)
{
    return error_set(error, ERR_INVALID, "'%.60s' is not %s: %s=ARG means %s", text, wanted,
                     fault_table[fault->kind].name, fault_table[fault->kind].meaning);
}

static enum error_code parse_argument(struct fault *fault, char *text, struct error *error)
{
    struct bytes_view view = bytes_view_text(text);
    switch (fault_table[fault->kind].argument) {
    case FAULT_ARG_NONE: break; /* the caller has refused an argument */
    case FAULT_ARG_NUMBER:
        if (!text_parse_u64(view, &fault->number) || fault->number > UINT32_MAX)
            return bad_argument(fault, text, "a number", error);
        break;
    case FAULT_ARG_SIZE:
        if (!text_parse_size(view, &fault->number) || fault->number > UINT32_MAX)
            return bad_argument(fault, text, "a size, such as 5MiB", error);
        break;
    case FAULT_ARG_DURATION:
        if (!text_parse_duration(view, &fault->duration_us) || fault->duration_us < 0)
            return bad_argument(fault, text, "a duration, such as 30s", error);
        break;
    case FAULT_ARG_H2_CODE:
        if (!parse_http2_code(text, &fault->number))
            return bad_argument(fault, text, "an HTTP/2 error code, such as CANCEL or 8", error);
        break;
    case FAULT_ARG_STATUS: return parse_status(fault, text, error);
    case FAULT_ARG_TEXT:
        fault->text = mem_copy_text(text);
        if (fault->text == NULL)
            return error_no_memory(error, "a fault script");
        break;
    }
    return OK;
}

/* A fault of a connection or a request fires when that begins, and nowhere else. */
static enum error_code check_place(const struct fault *fault, struct error *error)
{
    const struct fault_description *description = &fault_table[fault->kind];
    bool is_start = fault->place != FAULT_PLACE_LEDGER && fault->position == 0;
    if (description->scope == FAULT_AT_EVENT || is_start)
        return OK;
    if (description->scope == FAULT_AT_REQUEST && fault->place == FAULT_PLACE_LEDGER)
        return OK;
    return error_set(error, ERR_INVALID, "%s concerns the %s: its place is event=0%s",
                     description->name,
                     description->scope == FAULT_AT_CONNECT ? "connection" : "request",
                     description->scope == FAULT_AT_CONNECT ? "" : " or ledger=N");
}

static bool is_flood(enum fault_kind kind)
{
    return kind == FAULT_HEADER_FLOOD || kind == FAULT_CONTINUATION_FLOOD ||
           kind == FAULT_SETTINGS_FLOOD || kind == FAULT_PING_FLOOD || kind == FAULT_RESET_FLOOD;
}

/* Limits that the argument's form alone does not show. */
static enum error_code check_argument(const struct fault *fault, struct error *error)
{
    uint64_t low = 0, high = UINT32_MAX;
    if (fault->kind == FAULT_SLOW_DRIP || fault->kind == FAULT_WRONG_LENGTH ||
        is_flood(fault->kind))
        low = 1;
    else if (fault->kind == FAULT_HTTP_STATUS)
        low = 200, high = 599;
    else if (fault->kind == FAULT_UNKNOWN_EVENT_TYPE)
        low = 7, high = (1u << 29) - 1;
    else if (fault->kind == FAULT_OVERSIZE)
        high = 1u << 30;
    else
        return OK;
    if (fault->number >= low && fault->number <= high)
        return OK;
    return error_set(error, ERR_INVALID, "%s takes %" PRIu64 " to %" PRIu64 ", not %" PRIu64,
                     fault_table[fault->kind].name, low, high, fault->number);
}

static enum error_code parse_fault(struct fault *fault, char *word, struct error *error)
{
    char *argument = cut_at_equals(word);
    enum error_code code = find_kind(fault, word, error);
    if (code != OK)
        return code;
    const struct fault_description *description = &fault_table[fault->kind];
    if (description->argument == FAULT_ARG_NONE)
        return argument == NULL ? OK
                                : error_set(error, ERR_INVALID, "%s takes no argument ('%.60s')",
                                            description->name, argument);
    char text[WORD_BYTES];
    const char *chosen = argument != NULL ? argument : description->argument_default;
    memcpy(text, chosen, strlen(chosen) + 1);
    code = parse_argument(fault, text, error);
    return code != OK ? code : check_argument(fault, error);
}

static enum error_code parse_option(struct fault *fault, char *word, struct error *error)
{
    if (strcmp(word, "always") == 0) {
        fault->always = true;
        return OK;
    }
    const char *value = cut_at_equals(word);
    if (strcmp(word, "count") == 0) {
        if (value == NULL || !text_parse_u64(bytes_view_text(value), &fault->count) ||
            fault->count == 0)
            return error_set(error, ERR_INVALID,
                             "count must be a number of at least 1, such as count=3");
        return OK;
    }
    if (strcmp(word, "delay") == 0) {
        if (value == NULL || !text_parse_duration(bytes_view_text(value), &fault->delay_us) ||
            fault->delay_us < 0)
            return error_set(error, ERR_INVALID, "delay must be a duration, such as delay=500ms");
        return OK;
    }
    return error_set(error, ERR_INVALID,
                     "'%.60s' is no option of a fault; there are count=N, always and delay=DUR",
                     word);
}

static enum error_code parse_words(struct fault *fault, struct script_line *line,
                                   struct error *error)
{
    *fault = (struct fault){.count = 1, .delay_us = -1, .line = line->number};
    enum error_code code = parse_place(fault, line->words[0], error);
    if (code == OK && line->word_count < 2)
        code = error_set(error, ERR_INVALID, "the place must be followed by a fault");
    if (code == OK)
        code = parse_fault(fault, line->words[1], error);
    if (code == OK)
        code = check_place(fault, error);
    for (size_t i = 2; code == OK && i < line->word_count; i++)
        code = parse_option(fault, line->words[i], error);
    if (fault->delay_us < 0)
        fault->delay_us = fault->kind == FAULT_SLOW_DRIP ? SLOW_DRIP_US : 0;
    return code;
}

static enum error_code parse_line(struct fault_script *script, struct script_line *line,
                                  struct bytes_view text, struct error *error)
{
    enum error_code code = split_words(line, text, error);
    if (code != OK)
        return bad_line(line, error, code);
    if (line->word_count == 0)
        return OK;
    if (script->fault_count == FAULT_COUNT_LIMIT)
        return bad_line(line, error,
                        error_set(error, ERR_LIMIT, "a script may hold %u faults, not more",
                                  FAULT_COUNT_LIMIT));
    struct fault *more =
        mem_realloc(script->faults, (script->fault_count + 1) * sizeof(struct fault));
    if (more == NULL)
        return error_no_memory(error, "a fault script");
    script->faults = more;
    struct fault *fault = &more[script->fault_count];
    code = parse_words(fault, line, error);
    if (code != OK) {
        mem_free(fault->text);
        return bad_line(line, error, code);
    }
    script->fault_count++;
    return OK;
}

enum error_code fault_script_parse(struct fault_script *script, const char *name,
                                   struct bytes_view text, struct error *error)
{
    fault_script_init(script);
    if (text.size_bytes > FAULT_SCRIPT_LIMIT)
        return error_set(error, ERR_LIMIT, "%s: a fault script may have %u bytes, not %zu", name,
                         FAULT_SCRIPT_LIMIT, text.size_bytes);
    struct script_line *line = mem_alloc_zero(1, sizeof *line);
    if (line == NULL)
        return error_no_memory(error, "a fault script");
    line->script = name;
    enum error_code code = OK;
    while (code == OK && text.size_bytes > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size_bytes);
        size_t length = end == NULL ? text.size_bytes : (size_t)(end - text.data);
        line->number++;
        code = parse_line(script, line, bytes_view_of(text.data, length), error);
        size_t taken = length + (end == NULL ? 0 : 1);
        text = bytes_view_of(text.data + taken, text.size_bytes - taken);
    }
    mem_free(line);
    if (code != OK)
        fault_script_release(script);
    return code;
}

enum error_code fault_script_read(struct fault_script *script, const char *path,
                                  struct error *error)
{
    fault_script_init(script);
    struct buffer text;
    buffer_init(&text);
    enum error_code code = os_read_whole(path, FAULT_SCRIPT_LIMIT, &text, error);
    if (code == OK)
        code = fault_script_parse(script, path, buffer_view(&text), error);
    buffer_release(&text);
    return code;
}
