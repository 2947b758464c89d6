// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include "app/serving.h"
#include "serve/fault.h"
#include "serve/recording.h"
#include "util/text.h"

/* --pace; 0 where it is not given. */
static enum error_code parse_pace(const struct command_line *line, int64_t *pace_us,
                                  struct error *error)
{
    const char *text = command_line_flag(line, "--pace");
    *pace_us = 0;
    if (text == NULL || (text_parse_duration(bytes_view_text(text), pace_us) && *pace_us >= 0))
        return OK;
    return error_set(error, ERR_INVALID,
                     "--pace: \"%s\" is not a duration: write a number with its unit, such as "
                     "250ms or 5s",
                     text);
}

enum exit_code cmd_replay(const struct command_line *line)
{
    struct recording *recording = NULL;
    struct fault_script faults;
    fault_script_init(&faults);
    const char *fault_path = command_line_flag(line, "--fault");
    struct tls_files tls;
    struct server_options options = {.tls = serving_tls(line, &tls),
                                     .listen = command_line_flag(line, "--listen"),
                                     .live = command_line_flag(line, "--live") != NULL,
                                     .faults = fault_path != NULL ? &faults : NULL};
    struct error error;
    enum error_code code = parse_pace(line, &options.pace_us, &error);
    if (code == OK && (line->argument_count == 0 || options.listen == NULL))
        code = error_set(&error, ERR_INVALID,
                         "replay needs recordings and an address: parquet-consumer replay "
                         "FILE... --listen HOST:PORT");
    if (code == OK && fault_path != NULL)
        code = fault_script_read(&faults, fault_path, &error);
    if (code == OK)
        code = recording_open(&recording, line->arguments, line->argument_count, &error);
    enum exit_code exit_code;
    if (code == OK) {
        struct feed feed = recording_feed(recording);
        exit_code = serving_run(&options, &feed);
    } else {
        exit_code = command_fail(exit_code_of(code), &error);
    }
    recording_free(recording);
    fault_script_release(&faults);
    return exit_code;
}
