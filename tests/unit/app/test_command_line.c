// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "config/option_table.h"
#include "app/command.h"
#include "support/options_support.h"

/* Parses words behind the program's name; the last one is NULL. */
static enum error_code parse(struct command_line *line, struct problems *problems,
                             const char *const *words)
{
    const char *argv[16] = {"parquet-consumer"};
    int argc = 1;
    while (words[argc - 1] != NULL) {
        argv[argc] = words[argc - 1];
        argc++;
    }
    problems_init(problems);
    return command_line_parse(line, &command_table, argc, argv, problems);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_bad(const char *const *words, const char *sentence)
{
    struct command_line line;
    struct problems problems;
    assert_int_equal(parse(&line, &problems, words), ERR_INVALID);
    if (!problems_contain(&problems, sentence))
        print_error("expected \"%s\", got %s\n", sentence, (const char *)problems.text.data);
    assert_true(problems_contain(&problems, sentence));
    command_line_release(&line);
    problems_release(&problems);
}

static void run_is_the_verb_where_none_is_given(void **state)
{
    (void)state;
    struct command_line line;
    struct problems problems;
    assert_int_equal(parse(&line, &problems, WORDS("-config", "c.json", "100", "200")), OK);
    assert_string_equal(line.command->name, "run");
    assert_string_equal(line.config_path, "c.json");
    assert_int_equal(line.argument_count, 2);
    assert_string_equal(line.arguments[1], "200");
    command_line_release(&line);
    assert_int_equal(parse(&line, &problems, (const char *const[]){NULL}), OK);
    assert_string_equal(line.command->name, "run");
    command_line_release(&line);
}

static void options_take_values_in_both_forms(void **state)
{
    (void)state;
    struct command_line line;
    struct problems problems;
    assert_int_equal(parse(&line, &problems,
                           WORDS("run", "--batch-size=5", "--start-ledger", "-1", "--dry-run",
                                 "--config=x", "--batch-size", "6")),
                     OK);
    assert_string_equal(line.option_texts[option_find_flag("--batch-size")], "6");
    assert_string_equal(line.option_texts[option_find_flag("--start-ledger")], "-1");
    assert_string_equal(line.config_path, "x");
    assert_non_null(command_line_flag(&line, "--dry-run"));
    command_line_release(&line);
}

static void a_value_may_be_empty_or_hold_an_equals_sign(void **state)
{
    (void)state;
    struct command_line line;
    struct problems problems;
    assert_int_equal(parse(&line, &problems, WORDS("run", "--network=", "--output-path=a=b")), OK);
    assert_string_equal(line.option_texts[option_find_flag("--network")], "");
    assert_string_equal(line.option_texts[option_find_flag("--output-path")], "a=b");
    command_line_release(&line);
}

static void what_is_misspelt_names_the_nearest(void **state)
{
    (void)state;
    assert_bad(WORDS("replai"), "\"replai\" is no command; did you mean replay?");
    assert_bad(WORDS("fly"), "\"fly\" is no command; `parquet-consumer help` lists them");
    assert_bad(WORDS("run", "--output-paht", "x"), "did you mean --output-path?");
    assert_bad(WORDS("replay", "f", "--lsiten", "x"), "did you mean --listen?");
    assert_bad(WORDS("run", "--xyzzyplugh"), "`parquet-consumer help run` lists");
}

static void what_is_missing_or_too_much_is_named(void **state)
{
    (void)state;
    assert_bad(WORDS("run", "--batch-size"), "--batch-size needs a value");
    assert_bad(WORDS("run", "--dry-run=true"), "--dry-run takes no value");
    assert_bad(WORDS("run", "1", "2", "3"), "\"3\" is one argument too many");
    assert_bad(WORDS("version", "x"), "\"x\" is one argument too many");
}

static void all_mistakes_of_a_command_line_are_told_at_once(void **state)
{
    (void)state;
    struct command_line line;
    struct problems problems;
    assert_int_equal(parse(&line, &problems, WORDS("run", "--nope", "--neither", "1", "2", "3")),
                     ERR_INVALID);
    assert_int_equal(problems.count, 3);
    command_line_release(&line);
    problems_release(&problems);
}

static void help_and_version_are_found_as_flags(void **state)
{
    (void)state;
    struct command_line line;
    struct problems problems;
    assert_int_equal(parse(&line, &problems, WORDS("--help")), OK);
    assert_true(line.help && !line.verb_is_given);
    command_line_release(&line);
    assert_int_equal(parse(&line, &problems, WORDS("replay", "-h")), OK);
    assert_true(line.help && line.verb_is_given);
    command_line_release(&line);
    assert_int_equal(parse(&line, &problems, WORDS("--version")), OK);
    assert_string_equal(line.command->name, "version");
    command_line_release(&line);
}

static void behind_two_dashes_all_words_are_arguments(void **state)
{
    (void)state;
    struct command_line line;
    struct problems problems;
    assert_int_equal(parse(&line, &problems, WORDS("replay", "--", "--odd.events", "-")), OK);
    assert_int_equal(line.argument_count, 2);
    assert_string_equal(line.arguments[0], "--odd.events");
    command_line_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_is_the_verb_where_none_is_given),
        cmocka_unit_test(options_take_values_in_both_forms),
        cmocka_unit_test(a_value_may_be_empty_or_hold_an_equals_sign),
        cmocka_unit_test(what_is_misspelt_names_the_nearest),
        cmocka_unit_test(what_is_missing_or_too_much_is_named),
        cmocka_unit_test(all_mistakes_of_a_command_line_are_told_at_once),
        cmocka_unit_test(help_and_version_are_found_as_flags),
        cmocka_unit_test(behind_two_dashes_all_words_are_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
