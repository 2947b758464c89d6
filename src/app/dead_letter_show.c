// SPDX-License-Identifier: Apache-2.0
/* Shows one event that could not be stored as a row, as far as it can be read. */
#include "app/dead_letter_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/dead_letters.h"
#include "output/json_output.h"
#include "output/say.h"
#include "lake/dead_letter_list.h"
#include "lake/open.h"
#include "pb/outline.h"
#include "rows/letter_row.h"
#include "util/ledger_text.h"
#include "util/memory.h"
#include "util/text.h"

#define HEX_LINE_BYTES    32
#define FIELD_SHOWN_BYTES 256 /* of a field's bytes, as hexadecimal digits */

/* Which letter, and what is to be said of it. */
struct wanted {
    bool by_event; /* LEDGER.EVENT; else by its place in the list */
    uint32_t ledger, event_index;
    uint64_t place;
    bool json;
    uint64_t seen;
    bool found;
};

/* LEDGER.EVENT, or the place in the list, from 1. */
static enum error_code parse_wanted(const char *text, struct wanted *wanted, struct error *error)
{
    char ledger[32];
    const char *dot = strchr(text, '.');
    uint64_t number;
    size_t length = dot == NULL ? 0 : (size_t)(dot - text);
    wanted->by_event = dot != NULL;
    if (dot == NULL && text_parse_u64(bytes_view_text(text), &wanted->place) && wanted->place > 0)
        return OK;
    if (dot != NULL && length < sizeof ledger &&
        text_parse_u64(bytes_view_text(dot + 1), &number) && number <= UINT32_MAX) {
        memcpy(ledger, text, length);
        ledger[length] = '\0';
        wanted->event_index = (uint32_t)number;
        if (ledger_parse(ledger, &wanted->ledger))
            return OK;
    }
    return error_set(error, ERR_INVALID,
                     "'%s' is no dead letter: give its place in the list, from 1, or LEDGER.EVENT "
                     "such as 50457424.3",
                     text);
}

/* ---- its fields ---- */

/* A field's value as text for people; `room` has FIELD_SHOWN_BYTES * 2 + 8. */
static const char *bytes_text(struct bytes_view bytes, char *room)
{
    size_t shown = bytes.size_bytes < FIELD_SHOWN_BYTES ? bytes.size_bytes : FIELD_SHOWN_BYTES;
    hex_encode(bytes_view_of(bytes.data, shown), room);
    if (shown < bytes.size_bytes)
        memcpy(room + 2 * shown, "...", sizeof "...");
    return room;
}

static enum error_code say_field(void *context, const struct event_field *field,
                                 struct error *error)
{
    char room[2 * FIELD_SHOWN_BYTES + 8], name[24];
    (void)context;
    snprintf(name, sizeof name, "field %" PRIu32, field->number);
    say("  %*s%s", (int)(2 * field->depth), "", field->name != NULL ? field->name : name);
    switch (field->kind) {
    case FIELD_NUMBER: say(": %" PRIu64 "\n", field->value); break;
    case FIELD_TEXT:
        say(": \"%.*s\"\n", (int)field->bytes.size_bytes, (const char *)field->bytes.data);
        break;
    case FIELD_BYTES: say(": 0x%s\n", bytes_text(field->bytes, room)); break;
    case FIELD_MESSAGE: say("\n"); break;
    }
    return ferror(stdout) ? error_set(error, ERR_IO, "cannot write to standard output") : OK;
}

static enum error_code add_field(void *context, const struct event_field *field,
                                 struct error *error)
{
    char room[2 * FIELD_SHOWN_BYTES + 8];
    json_t *value = NULL;
    switch (field->kind) {
    case FIELD_NUMBER:
        snprintf(room, sizeof room, "%" PRIu64, field->value); /* JSON's numbers are doubles */
        value = json_string(room);
        break;
    case FIELD_TEXT:
        value = json_stringn((const char *)field->bytes.data, field->bytes.size_bytes);
        break;
    case FIELD_BYTES: value = json_string(bytes_text(field->bytes, room)); break;
    case FIELD_MESSAGE: value = json_null(); break;
    }
    json_t *object = json_pack("{s:i, s:I, s:s?, s:o}", "depth", (int)field->depth, "number",
                               (json_int_t)field->number, "name", field->name, "value", value);
    if (object == NULL || json_array_append_new(context, object) != 0)
        return error_no_memory(error, "a dead letter");
    return OK;
}

/* ---- the letter ---- */

/* Why this version can't store it either; "" if it can. ERR_NO_MEMORY. */
static enum error_code try_row(const struct stored_letter *letter, struct error *reason)
{
    struct row_scratch scratch;
    struct row_view row;
    buffer_init(&scratch.text);
    error_clear(reason);
    enum error_code code = row_from_letter(letter->raw, letter->ledger_sequence,
                                           letter->event_index, &scratch, &row, reason);
    buffer_release(&scratch.text);
    return code == ERR_NO_MEMORY ? code : OK;
}

static void say_hex(struct bytes_view raw)
{
    char digits[2 * HEX_LINE_BYTES + 1];
    for (size_t at = 0; at < raw.size_bytes; at += HEX_LINE_BYTES) {
        size_t left = raw.size_bytes - at;
        hex_encode(bytes_view_of(raw.data + at, left < HEX_LINE_BYTES ? left : HEX_LINE_BYTES),
                   digits);
        say("  %08zx  %s\n", at, digits);
    }
}

static enum error_code show_text(const struct stored_letter *letter, uint64_t commit_no,
                                 const char *reason_now, struct error *error)
{
    struct event_outline_end end;
    say("ledger %" PRIu32 ", event %" PRIu32 " (commit %" PRIu64 ")\n", letter->ledger_sequence,
        letter->event_index, commit_no);
    say("reason: %s\n", letter->reason);
    if (reason_now[0] == '\0')
        say("this version can store it as a row\n");
    else
        say("this version can't store it either: %s\n", reason_now);
    say("raw, %zu bytes:\n", letter->raw.size_bytes);
    say_hex(letter->raw);
    say("what can be read of it:\n");
    enum error_code code = event_outline(letter->raw, say_field, NULL, &end, error);
    if (code == OK && end.problem != NULL)
        say("  %s, at byte %zu\n", end.problem, end.offset);
    return code;
}

static enum error_code show_json(const struct stored_letter *letter, uint64_t commit_no,
                                 const char *reason_now, struct error *error)
{
    struct event_outline_end end;
    json_t *object = dead_letter_json(letter, commit_no), *fields = json_array();
    enum error_code code = object == NULL || fields == NULL
                               ? error_no_memory(error, "a dead letter")
                               : event_outline(letter->raw, add_field, fields, &end, error);
    if (code == OK &&
        (json_object_set_new(object, "storable", json_boolean(reason_now[0] == '\0')) != 0 ||
         json_object_set_new(object, "reason_now",
                             json_any_text(reason_now[0] == '\0' ? NULL : reason_now)) != 0 ||
         json_object_set(object, "fields", fields) != 0 ||
         json_object_set_new(object, "unread", json_any_text(end.problem)) != 0))
        code = error_no_memory(error, "a dead letter");
    json_decref(fields);
    if (code == OK)
        return json_print(object, true, error);
    json_decref(object);
    return code;
}

static enum error_code look_at(void *context, uint64_t commit_no,
                               const struct stored_letter *letter, struct error *error)
{
    struct wanted *wanted = context;
    struct error now;
    wanted->seen++;
    if (wanted->found || (wanted->by_event ? letter->event_index != wanted->event_index
                                           : wanted->seen != wanted->place))
        return OK;
    wanted->found = true;
    if (try_row(letter, &now) != OK)
        return error_no_memory(error, "a dead letter");
    return wanted->json ? show_json(letter, commit_no, now.message, error)
                        : show_text(letter, commit_no, now.message, error);
}

enum exit_code dead_letter_show(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct wanted wanted = {.json = command_line_flag(line, "--json") != NULL};
    struct ledger_range range = {0, UINT32_MAX};
    struct catalog *catalog = NULL;
    enum error_code code = line->argument_count < 2
                               ? error_set(&error, ERR_INVALID,
                                           "which one? dead-letters show NUMBER, its place in "
                                           "the list from 1, or LEDGER.EVENT")
                               : parse_wanted(line->arguments[1], &wanted, &error);
    if (code == OK)
        code = dead_letters_range(line, &range, &error);
    if (code == OK && wanted.by_event)
        range = (struct ledger_range){wanted.ledger, wanted.ledger};
    if (code == OK)
        code = lake_open_catalog(&catalog, options->output_path, &error);
    if (code == OK)
        code = dead_letters_each(catalog, options->output_path, range, look_at, &wanted, &error);
    catalog_close(catalog);
    if (code == OK && !wanted.found)
        code = wanted.by_event
                   ? error_set(&error, ERR_INVALID,
                               "ledger %" PRIu32 " has no dead letter for event %" PRIu32,
                               wanted.ledger, wanted.event_index)
                   : error_set(&error, ERR_INVALID,
                               "there is no dead letter %" PRIu64 ": the list has %" PRIu64,
                               wanted.place, wanted.seen);
    return command_end(code, &error);
}
