// SPDX-License-Identifier: Apache-2.0
#include "app/program.h"

#include "app/command.h"
#include "app/command_table.h"
#include "output/standard_output.h"
#include "arrow/dictionary.h"
#include "os/identity.h"
#include "os/log.h"
#include "os/log_output.h"
#include "os/output.h"
#include "os/process.h"
#include "util/json_text.h"

/* What servers send is hashed with a key of this process alone. */
static enum error_code set_hash_key(struct error *error)
{
    uint8_t key[ARROW_DICTIONARY_KEY_BYTES];
    enum error_code code = os_random(key, sizeof key, error);
    if (code == OK)
        arrow_dictionary_set_key(key);
    return code;
}

/* The process as it was handed to us, made fit for work. */
static enum error_code prepare_process(struct error *error)
{
    os_standard_streams_secure();
    os_heap_tune();
    json_text_use_our_memory();
    if (log_start_thread(error) != OK)
        log_sentence("a log that nobody reads will be waited for: %s", error->message);
    return set_hash_key(error);
}

enum exit_code program_run(int argc, const char *const *argv)
{
    struct error error;
    if (prepare_process(&error) != OK)
        return command_fail(EXIT_FAILED, &error);
    struct command_line line;
    struct problems problems;
    problems_init(&problems);
    enum exit_code exit_code;
    enum error_code code = command_line_parse(&line, &command_table, argc, argv, &problems);
    if (line.help && line.command != NULL) {
        exit_code = command_print_help(
            line.commands, line.verb_is_given ? line.command : command_find(line.commands, "help"));
    } else if (code == ERR_INVALID) {
        problems_print(&problems);
        exit_code = EXIT_USAGE;
    } else if (code != OK) {
        exit_code = command_out_of_memory();
    } else {
        exit_code = line.command->run(&line);
    }
    command_line_release(&line);
    problems_release(&problems);
    exit_code = standard_output_end(exit_code);
    log_output_drain(LOG_OUTPUT_PATIENCE_US);
    return exit_code;
}
