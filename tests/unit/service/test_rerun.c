// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/rerun.h"
#include "util/json_text.h"
#include "support/options_support.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"

/* The command that fetches ledgers 5 to 9 by these options; free it. */
static char *command_for(struct load_request request)
{
    struct loaded loaded;
    struct buffer command;
    load(&loaded, request);
    assert_int_equal(loaded.code, OK);
    buffer_init(&command);
    assert_int_equal(rerun_write_run(&loaded.options, (struct ledger_range){5, 9}, &command), OK);
    char *text = strdup((const char *)command.data);
    assert_non_null(text);
    buffer_release(&command);
    loaded_release(&loaded);
    return text;
}

static void assert_command(struct load_request request, const char *expected)
{
    char *command = command_for(request);
    assert_string_equal(command, expected);
    free(command);
}

static void a_command_names_the_lake_from_the_root_and_nothing_that_is_default(void **state)
{
    (void)state;
    assert_command((struct load_request){.flags = {{"--output-path", "/srv/lake"}}},
                   "parquet-consumer run --output-path /srv/lake 5 9");
    char folder[TEMP_PATH_BYTES];
    assert_non_null(getcwd(folder, sizeof folder));
    char *command = command_for((struct load_request){.config = NULL});
    char expected[TEMP_PATH_BYTES + 64];
    snprintf(expected, sizeof expected, "parquet-consumer run --output-path %s/data/parquet 5 9",
             folder);
    assert_string_equal(command, expected);
    free(command);
}

static void flags_are_repeated_and_what_each_run_says_for_itself_is_not(void **state)
{
    (void)state;
    assert_command((struct load_request){.flags = {{"--output-path", "/srv/my lake"},
                                                   {"--ttp-processor-endpoint", "ttp:50051"},
                                                   {"--network", "testnet"},
                                                   {"--schema-version", "1.1.0"},
                                                   {"--health-port", "0"},
                                                   {"--start-ledger", "1"},
                                                   {"--end-ledger", "20"},
                                                   {"--log-level", "debug"}}},
                   "parquet-consumer run --output-path '/srv/my lake' --ttp-processor-endpoint "
                   "ttp:50051 --network testnet --schema-version 1.1.0 --health-port 0 5 9");
}

static void the_environments_values_become_flags(void **state)
{
    (void)state;
    assert_command((struct load_request){.flags = {{"--output-path", "/srv/lake"}},
                                         .environment = {(char *)"TTP_SERVICE_ADDRESS=ttp:1",
                                                         (char *)"STELLAR_NETWORK=testnet"}},
                   "parquet-consumer run --output-path /srv/lake --ttp-processor-endpoint ttp:1 "
                   "--network testnet 5 9");
}

static void a_configuration_file_is_named_instead_of_its_values(void **state)
{
    (void)state;
    struct loaded loaded;
    struct buffer command;
    load(&loaded,
         (struct load_request){.config = "{\"consumer\": {\"network\": \"testnet\", \"metadata\": "
                                         "{\"authorization\": \"Bearer s3cret\"}}, \"output\": "
                                         "{\"output_path\": \"/srv/lake\"}}"});
    assert_int_equal(loaded.code, OK);
    buffer_init(&command);
    assert_int_equal(rerun_write_run(&loaded.options, (struct ledger_range){5, 9}, &command), OK);
    char expected[256];
    snprintf(expected, sizeof expected,
             "parquet-consumer run --output-path /srv/lake --config %s 5 9", loaded.config_path);
    assert_string_equal((const char *)command.data, expected);
    buffer_release(&command);
    loaded_release(&loaded);
}

/* `--config <(…)`: what it said is gone when the command is pasted. */
static void a_configuration_from_a_pipe_is_written_out(void **state)
{
    (void)state;
    struct loaded loaded;
    struct buffer command;
    load(&loaded, (struct load_request){.config = "{\"consumer\": {\"network\": \"testnet\"}, "
                                                  "\"output\": {\"output_path\": \"/srv/lake\"}}"});
    assert_int_equal(unlink(loaded.config_path), 0);
    assert_int_equal(mkfifo(loaded.config_path, 0600), 0);
    buffer_init(&command);
    assert_int_equal(rerun_write_run(&loaded.options, (struct ledger_range){5, 9}, &command), OK);
    assert_string_equal((const char *)command.data,
                        "parquet-consumer run --output-path /srv/lake --network testnet 5 9");
    buffer_release(&command);
    loaded_release(&loaded);
}

static void a_secret_is_replaced_and_where_one_is_found_is_kept(void **state)
{
    (void)state;
    char folder[TEMP_PATH_BYTES], metadata[2 * TEMP_PATH_BYTES], expected[3 * TEMP_PATH_BYTES];
    temp_folder_make(folder);
    FILE *file = fopen(temp_path(folder, "token"), "w");
    assert_non_null(file);
    fputs("s3cret", file);
    fclose(file);
    snprintf(metadata, sizeof metadata,
             "{\"authorization\": \"Bearer s3cret\", \"x-token\": \"file:%s\", \"x-home\": "
             "\"env:HOME\"}",
             temp_path(folder, "token"));
    snprintf(expected, sizeof expected,
             "parquet-consumer run --output-path /srv/lake --metadata "
             "'{\"authorization\":\"env:SECRET_AUTHORIZATION\",\"x-token\":\"file:%s\",\"x-home\":"
             "\"env:HOME\"}' 5 9",
             temp_path(folder, "token"));
    assert_command(
        (struct load_request){.flags = {{"--output-path", "/srv/lake"}, {"--metadata", metadata}}},
        expected);
    temp_folder_remove(folder);
}

static void words_with_quotes_stay_one_word_for_a_shell(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(rerun_append_word(&out, "it's"), OK);
    assert_int_equal(rerun_append_word(&out, ""), OK);
    assert_int_equal(rerun_append_word(&out, "$HOME"), OK);
    assert_int_equal(buffer_append_byte(&out, '\0'), OK);
    assert_string_equal((const char *)out.data, "'it'\\''s''''$HOME'");
    buffer_release(&out);
}

static void words_that_may_not_be_seen_are_written_for_a_shell(void **state)
{
    (void)state;
    static const char *const words[] = {"a\nb",
                                        "tail\n\n",
                                        "\n",
                                        "\x1b[2J 100% 'q' \\x \"$HOME\"",
                                        "evil\xe2\x80\xaetxt",
                                        "\xff\xc3",
                                        "gr\303\274\303\237e \302\233"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct buffer command;
        char read[64] = "";
        buffer_init(&command);
        assert_int_equal(buffer_append_text(&command, "printf %s. "), OK);
        assert_int_equal(rerun_append_word(&command, words[i]), OK);
        assert_int_equal(buffer_append_byte(&command, '\0'), OK);
        assert_null(strchr((const char *)command.data, '\x1b'));
        assert_null(strstr((const char *)command.data, "\xe2\x80\xae"));
        FILE *shell = popen((const char *)command.data, "r");
        assert_non_null(shell);
        size_t size = fread(read, 1, sizeof read - 1, shell);
        assert_int_equal(pclose(shell), 0);
        assert_int_equal(size, strlen(words[i]) + 1);
        assert_memory_equal(read, words[i], size - 1);
        buffer_release(&command);
    }
}

static void a_command_survives_each_failed_allocation(void **state)
{
    (void)state;
    struct loaded loaded;
    struct allocation_sweep sweep = {0};
    load(&loaded, (struct load_request){.flags = {{"--metadata", "{\"x\": \"secret\"}"}}});
    while (sweep_next(&sweep)) {
        struct buffer command;
        buffer_init(&command);
        sweep_begin(&sweep);
        enum error_code code =
            rerun_write_run(&loaded.options, (struct ledger_range){5, 9}, &command);
        sweep_end(&sweep, code);
        buffer_release(&command);
    }
    assert_int_not_equal(sweep.failures, 0);
    loaded_release(&loaded);
}

int main(void)
{
    json_text_use_our_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_names_the_lake_from_the_root_and_nothing_that_is_default),
        cmocka_unit_test(flags_are_repeated_and_what_each_run_says_for_itself_is_not),
        cmocka_unit_test(the_environments_values_become_flags),
        cmocka_unit_test(a_configuration_file_is_named_instead_of_its_values),
        cmocka_unit_test(a_configuration_from_a_pipe_is_written_out),
        cmocka_unit_test(a_secret_is_replaced_and_where_one_is_found_is_kept),
        cmocka_unit_test(words_with_quotes_stay_one_word_for_a_shell),
        cmocka_unit_test(words_that_may_not_be_seen_are_written_for_a_shell),
        cmocka_unit_test(a_command_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
