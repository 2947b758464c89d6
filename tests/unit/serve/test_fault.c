// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "grpc/status.h"
#include "serve/fault.h"
#include "serve/serve_test.h"
#include "util/memory.h"

static struct fault_script parse(const char *text)
{
    struct fault_script script;
    struct error error = {0};
    if (fault_script_parse(&script, "script", bytes_view_text(text), &error) != OK)
        fail_msg("%s", error.message);
    return script;
}

static void expect_refusal(const char *text, const char *const *words)
{
    struct fault_script script;
    struct error error = {0};
    assert_int_equal(fault_script_parse(&script, "script", bytes_view_text(text), &error),
                     ERR_INVALID);
    assert_int_equal(script.fault_count, 0);
    for (; *words != NULL; words++) {
        if (strstr(error.message, *words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error.message, *words);
    }
}

#define REFUSED(text, ...) expect_refusal((text), (const char *const[]){__VA_ARGS__, NULL})

static void lines_are_parsed_with_their_options(void **state)
{
    (void)state;
    struct fault_script script =
        parse("# a script\n"
              "\n"
              "ledger=1000 reset=CANCEL count=3 delay=250ms # why\n"
              "  event=7\tstatus=\"INTERNAL:the source is gone\" always\r\n"
              "byte=12345 close");
    assert_int_equal(script.fault_count, 3);
    const struct fault *fault = script.faults;
    assert_int_equal(fault[0].kind, FAULT_RESET);
    assert_int_equal(fault[0].place, FAULT_PLACE_LEDGER);
    assert_int_equal(fault[0].position, 1000);
    assert_int_equal(fault[0].number, 8);
    assert_int_equal(fault[0].count, 3);
    assert_int_equal(fault[0].delay_us, 250000);
    assert_int_equal(fault[0].line, 3);
    assert_false(fault[0].always);
    assert_int_equal(fault[1].kind, FAULT_STATUS);
    assert_int_equal(fault[1].place, FAULT_PLACE_EVENT);
    assert_int_equal(fault[1].number, GRPC_INTERNAL);
    assert_string_equal(fault[1].text, "the source is gone");
    assert_true(fault[1].always);
    assert_int_equal(fault[2].kind, FAULT_CLOSE);
    assert_int_equal(fault[2].position, 12345);
    assert_int_equal(fault[2].count, 1);
    fault_script_release(&script);
}

static void every_fault_parses_with_its_default_and_is_in_kebab_case(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        const struct fault_description *description = &fault_table[kind];
        assert_non_null(description->name);
        assert_non_null(description->meaning);
        assert_int_equal(strspn(description->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                         strlen(description->name));
        char line[200];
        snprintf(line, sizeof line, "event=0 %s", description->name);
        struct fault_script script = parse(line);
        assert_int_equal(script.faults[0].kind, kind);
        fault_script_release(&script);
        if (description->argument == FAULT_ARG_NONE) {
            snprintf(line, sizeof line, "event=0 %s=1", description->name);
            REFUSED(line, "takes no argument", description->name);
            continue;
        }
        snprintf(line, sizeof line, "event=0 %s=%s", description->name,
                 description->argument_default);
        script = parse(line);
        assert_int_equal(script.faults[0].kind, kind);
        fault_script_release(&script);
    }
}

static void mistakes_are_refused_with_line_and_word(void **state)
{
    (void)state;
    REFUSED("ledger=1 close\n\nledger=2 rset\n", "script:3:", "'rset'", "'reset'");
    REFUSED("ledger=2 half-mesage", "script:1:", "half-message");
    REFUSED("ledgr=2 close", "'ledgr'", "ledger=N");
    REFUSED("ledger close", "'ledger' must be a number");
    REFUSED("ledger=-1 close", "must be a number");
    REFUSED("ledger=12", "followed by a fault");
    REFUSED("ledger=1 close twice", "'twice'", "count=N");
    REFUSED("ledger=1 close count=0", "at least 1");
    REFUSED("ledger=1 close count=x", "at least 1");
    REFUSED("ledger=1 close delay=5", "duration");
    REFUSED("ledger=1 silence=long", "'long'", "duration");
    REFUSED("ledger=1 status=BROKEN", "'BROKEN'", "UNAVAILABLE");
    REFUSED("ledger=1 reset=NOW", "'NOW'", "CANCEL");
    REFUSED("ledger=1 oversize=5MX", "'5MX'", "5MiB");
    REFUSED("ledger=1 oversize=5GiB", "5GiB");
    REFUSED("ledger=1 http-status=99", "200 to 599");
    REFUSED("ledger=1 unknown-event-type=4", "7 to");
    REFUSED("ledger=1 ping-flood=0", "1 to");
    REFUSED("ledger=1 status=\"INTERNAL:no end", "quote");
    REFUSED("ledger=1 a b c d e f g h i", "too many words");
    REFUSED("event=5 no-settings", "connection", "event=0");
    REFUSED("ledger=5 http1", "connection");
    REFUSED("event=5 status-only", "request", "ledger=N");
}

static void zero_bytes_and_endless_words_are_refused(void **state)
{
    (void)state;
    struct fault_script script;
    struct error error;
    assert_int_equal(fault_script_parse(&script, "s", bytes_view_of("event=0 clo\0se", 14), &error),
                     ERR_INVALID);
    char longest[3000];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(
        fault_script_parse(&script, "s", bytes_view_of(longest, sizeof longest), &error),
        ERR_INVALID);
    struct buffer text;
    buffer_init(&text);
    for (unsigned i = 0; i <= FAULT_COUNT_LIMIT; i++)
        assert_int_equal(buffer_append_text(&text, "event=0 close\n"), OK);
    assert_int_equal(fault_script_parse(&script, "s", buffer_view(&text), &error), ERR_LIMIT);
    assert_int_equal(buffer_append_zeros(&text, FAULT_SCRIPT_LIMIT), OK);
    assert_int_equal(fault_script_parse(&script, "s", buffer_view(&text), &error), ERR_LIMIT);
    buffer_release(&text);
}

static void script_is_read_from_a_file(void **state)
{
    (void)state;
    const char *folder = make_folder();
    const char *path = path_in(folder, "faults");
    struct fault_script script;
    struct error error;
    write_file(path, bytes_view_text("event=3 abort\nevent=4 mistake\n"));
    assert_int_equal(fault_script_read(&script, path, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "/faults:2:"));
    write_file(path, bytes_view_text("event=3 abort\n"));
    assert_int_equal(fault_script_read(&script, path, &error), OK);
    assert_int_equal(script.fault_count, 1);
    fault_script_release(&script);
    assert_int_equal(fault_script_read(&script, path_in(folder, "none"), &error), ERR_NOT_FOUND);
    remove_folder(folder);
}

static enum error_code parse_some(void *context)
{
    struct fault_script script;
    struct error error;
    enum error_code code = fault_script_parse(&script, "script", bytes_view_text(context), &error);
    if (code != OK)
        assert_int_equal(script.fault_count, 0);
    fault_script_release(&script);
    return code;
}

static void each_failed_allocation_is_out_of_memory(void **state)
{
    (void)state;
    char text[] = "event=0 close\nevent=1 status=13:words\nledger=5 content-type=text/plain\n";
    sweep_allocations(parse_some, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_parsed_with_their_options),
        cmocka_unit_test(every_fault_parses_with_its_default_and_is_in_kebab_case),
        cmocka_unit_test(mistakes_are_refused_with_line_and_word),
        cmocka_unit_test(zero_bytes_and_endless_words_are_refused),
        cmocka_unit_test(script_is_read_from_a_file),
        cmocka_unit_test(each_failed_allocation_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
