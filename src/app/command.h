// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_COMMAND_H
#define TTP_APP_COMMAND_H

/*
 * The subcommands: one static table, one cmd_<verb>.c each. `run` is the verb where none is given.
 */

#include <stdbool.h>
#include <stddef.h>

#include "app/option_table.h"
#include "app/options.h"
#include "app/problems.h"
#include "util/error.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,  /* the work failed, or a bounded range is not covered */
    EXIT_USAGE = 2,   /* usage, configuration, a port taken, a lake that may not be touched */
    EXIT_PROBLEMS = 3 /* verify found some */
};

/* A flag of a command's own, beside the option table's. */
struct command_flag {
    const char *name;        /* "--listen" */
    const char *placeholder; /* of its value; NULL: a switch that takes none */
    const char *help;
};
#define COMMAND_FLAG_MAX 12

struct command_line;

struct command {
    const char *name;
    const char *synopsis; /* what may follow the name */
    const char *summary;  /* half a sentence */
    const struct command_flag *flags;
    size_t flag_count;
    bool takes_options; /* the option table's flags and --config */
    size_t argument_max;
    enum exit_code (*run)(const struct command_line *line);
};

extern const struct command command_table[];
extern const size_t command_count;

/* NULL if there is none of the name. */
const struct command *command_find(const char *name);

struct command_line {
    const struct command *command;
    bool help; /* --help: show help instead */
    bool verb_is_given;
    const char *config_path;
    const char *option_texts[OPTION_MAX];
    const char *flag_texts[COMMAND_FLAG_MAX]; /* NULL: not given; "" for a switch */
    const char **arguments;                   /* owned array, borrowed texts */
    size_t argument_count;
};

/* Sorts out argv (argv[0] is the program). What is wrong is added to `problems`. ERR_INVALID if
 * something is; ERR_NO_MEMORY. Release in every case. */
enum error_code command_line_parse(struct command_line *line, int argc, const char *const *argv,
                                   struct problems *problems) MUST_CHECK;
void command_line_release(struct command_line *line);

/* The value of one of the command's own flags; NULL where it is not given. */
const char *command_line_flag(const struct command_line *line, const char *name);

/* Loads the options of a command that takes them and sets up logging by them; warnings are logged.
 * EXIT_DONE, or EXIT_USAGE / EXIT_FAILED with everything said. Release `options` in every case. */
enum exit_code command_load_options(const struct command_line *line, struct options *options);

/* Prints "parquet-consumer: <message>" to stderr and returns `exit_code`. */
enum exit_code command_fail(enum exit_code exit_code, const struct error *error);

/* The exit code of a failed start: EXIT_USAGE where the configuration or the lake forbids it,
 * EXIT_FAILED for what may pass. */
enum exit_code command_exit_code(enum error_code code);

/* Parses argv and runs the command. */
enum exit_code command_main(int argc, const char *const *argv);

enum exit_code cmd_run(const struct command_line *line);
enum exit_code cmd_demo(const struct command_line *line);
enum exit_code cmd_replay(const struct command_line *line);
enum exit_code cmd_record(const struct command_line *line);
enum exit_code cmd_generate(const struct command_line *line);
enum exit_code cmd_status(const struct command_line *line);
enum exit_code cmd_verify(const struct command_line *line);
enum exit_code cmd_repair(const struct command_line *line);
enum exit_code cmd_rebuild(const struct command_line *line);
enum exit_code cmd_dead_letters(const struct command_line *line);
enum exit_code cmd_inspect(const struct command_line *line);
enum exit_code cmd_files(const struct command_line *line);
enum exit_code cmd_check_config(const struct command_line *line);
enum exit_code cmd_version(const struct command_line *line);
enum exit_code cmd_help(const struct command_line *line);

#endif
