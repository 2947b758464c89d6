// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "pb/event.h"
#include "pb/outline.h"
#include "support/recording.h"

#define MESSAGE(literal) bytes_view_of(literal, sizeof(literal) - 1)
#define TEXT_BYTES       4096

/* The fields as one text: name or number, '=' and the value, a message's in braces' depth. */
struct seen {
    char text[TEXT_BYTES];
    size_t length;
    unsigned fields, fail_at; /* fail_at 0: never */
};

static enum error_code note(void *context, const struct event_field *field, struct error *error)
{
    struct seen *seen = context;
    char *at = seen->text + seen->length;
    size_t room = TEXT_BYTES - seen->length;
    int length = 0;
    if (++seen->fields == seen->fail_at)
        return error_set(error, ERR_IO, "enough");
    if (field->name != NULL)
        length = snprintf(at, room, "%u:%s", field->depth, field->name);
    else
        length = snprintf(at, room, "%u:#%u", field->depth, (unsigned)field->number);
    if (room < 512)
        return OK;
    at += length;
    room -= (size_t)length;
    switch (field->kind) {
    case FIELD_NUMBER:
        length += snprintf(at, room, "=%llu ", (unsigned long long)field->value);
        break;
    case FIELD_TEXT:
        length += snprintf(at, room, "='%.*s' ", (int)field->bytes.size_bytes,
                           (const char *)field->bytes.data);
        break;
    case FIELD_BYTES: length += snprintf(at, room, "=%zuB ", field->bytes.size_bytes); break;
    case FIELD_MESSAGE: length += snprintf(at, room, " "); break;
    }
    seen->length += (size_t)length;
    return OK;
}

static struct seen look(struct bytes_view message, const char *problem)
{
    struct seen seen = {.length = 0};
    struct event_outline_end end;
    assert_int_equal(event_outline(message, note, &seen, &end, NULL), OK);
    if (problem == NULL)
        assert_null(end.problem);
    else
        assert_string_equal(end.problem, problem);
    assert_true(end.offset <= message.size_bytes);
    return seen;
}

static void the_fields_have_the_names_of_the_event(void **state)
{
    (void)state;
    struct seen seen = look(MESSAGE("\x0a\x0a\x08\x07\x12\x02\x08\x05\x1a\x02"
                                    "ab\x12\x0d\x0a\x01"
                                    "A\x1a\x05\x12\x03\x0a\x01"
                                    "U\x22\x01"
                                    "9"),
                            NULL);
    assert_string_equal(seen.text, "0:meta 1:ledger_sequence=7 1:closed_at 2:seconds=5 "
                                   "1:tx_hash='ab' 0:transfer 1:from='A' 1:asset 2:issued_asset "
                                   "3:asset_code='U' 1:amount='9' ");
}

static void a_member_that_nobody_knows_is_read_as_what_it_looks_like(void **state)
{
    (void)state;
    struct seen seen = look(MESSAGE("\x7a\x0a\x0a\x03"
                                    "abc\x12\x01\xff\x18\x02\x7a\x02"
                                    "hi"),
                            NULL);
    assert_string_equal(seen.text, "0:#15 1:#1='abc' 1:#2=1B 1:#3=2 0:#15='hi' ");
}

static void what_stands_before_the_damage_is_read(void **state)
{
    (void)state;
    struct seen seen = look(MESSAGE("\x0a\x14\x08\x07\x1a\x09"
                                    "abc"),
                            "a length runs past the end");
    assert_string_equal(seen.text, "0:meta 1:ledger_sequence=7 1:tx_hash='abc' ");
    look(MESSAGE("\x0a"), "a varint is cut off");
    look(MESSAGE("\xff\xff\xff"), "a varint is cut off");
    look(bytes_view_of(NULL, 0), NULL);
}

static void every_cut_of_real_events_is_survived(void **state)
{
    (void)state;
    struct recorded recording;
    struct bytes_view message;
    recorded_open(&recording, recorded_names[0], ".events");
    for (int i = 0; i < 50 && recorded_next(&recording, &message); i++) {
        struct seen whole = look(message, NULL);
        assert_non_null(strstr(whole.text, "1:ledger_sequence="));
        for (size_t size = 0; size < message.size_bytes; size++) {
            struct seen seen = {.length = 0};
            struct event_outline_end end;
            assert_int_equal(
                event_outline(bytes_view_of(message.data, size), note, &seen, &end, NULL), OK);
            assert_true(seen.fields <= whole.fields);
        }
    }
    recorded_close(&recording);
}

static void a_message_of_a_million_fields_ends_soon(void **state)
{
    (void)state;
    static uint8_t many[2000000];
    for (size_t i = 0; i < sizeof many; i += 2)
        many[i] = 0x78;
    struct seen seen = look(bytes_view_of(many, sizeof many), "more fields than are shown");
    assert_int_equal(seen.fields, EVENT_OUTLINE_FIELDS_MAX);
}

static void messages_inside_each_other_end_soon(void **state)
{
    (void)state;
    uint8_t nested[80];
    size_t size = 0;
    nested[0] = 0; /* no field has this tag: the innermost is no message */
    for (size_t depth = 1; depth <= 30; depth++) {
        for (size_t i = depth == 1 ? 1 : size; i > 0; i--)
            nested[i + 1] = nested[i - 1];
        size = depth == 1 ? 1 : size;
        nested[0] = 0x7a;
        nested[1] = (uint8_t)size;
        size += 2;
    }
    struct seen seen = look(bytes_view_of(nested, size), NULL);
    assert_true(seen.fields <= 8);
}

static void an_error_of_the_visitor_ends_it(void **state)
{
    (void)state;
    struct seen seen = {.fail_at = 2};
    struct event_outline_end end;
    struct error error = {0};
    assert_int_equal(event_outline(MESSAGE("\x0a\x04\x08\x07\x08\x08"), note, &seen, &end, &error),
                     ERR_IO);
    assert_int_equal(seen.fields, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_have_the_names_of_the_event),
        cmocka_unit_test(a_member_that_nobody_knows_is_read_as_what_it_looks_like),
        cmocka_unit_test(what_stands_before_the_damage_is_read),
        cmocka_unit_test(every_cut_of_real_events_is_survived),
        cmocka_unit_test(a_message_of_a_million_fields_ends_soon),
        cmocka_unit_test(messages_inside_each_other_end_soon),
        cmocka_unit_test(an_error_of_the_visitor_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
