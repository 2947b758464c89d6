// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVICE_RERUN_H
#define TTP_SERVICE_RERUN_H

/*
 * Commands that people are to paste into a shell, to go on with a lake: every command that is
 * printed, logged or shown comes from here. They carry what was not default where it was printed
 * (lake, server, network, schema version, configuration file, …), so that they do the same in
 * another shell and another folder.
 *
 * Secrets are never in them: of a header whose value was written out only its name is shown, and
 * its value becomes env:SECRET_<NAME>, which a run refuses with a sentence until it is set.
 */

#include "config/options.h"
#include "catalog/catalog.h"
#include "util/buffer.h"
#include "util/error.h"

/* What stands between the verb and its arguments; NUL-ended texts that begin with a blank. */
struct rerun {
    struct buffer run;  /* for `run`, which asks the server */
    struct buffer care; /* for verbs that work on the lake alone: `repair`, `verify`, `status` */
};

void rerun_init(struct rerun *rerun);
void rerun_release(struct rerun *rerun);

/* For a run that is going on: its options are the lake's. ERR_NO_MEMORY. */
enum error_code rerun_of_run(struct rerun *rerun, const struct options *options,
                             struct error *error) MUST_CHECK;
/* For a lake at rest: its own network, scheme and schema version go before the options'.
 * ERR_NO_MEMORY, or an error of reading the lake. */
enum error_code rerun_of_lake(struct rerun *rerun, const struct options *options,
                              struct error *error) MUST_CHECK;

/* Appends "parquet-consumer run … FIRST LAST". ERR_NO_MEMORY. */
enum error_code rerun_append_run(const struct rerun *rerun, struct ledger_range range,
                                 struct buffer *out) MUST_CHECK;
/* The same for a run that is going on, in one call, ended by a NUL. ERR_NO_MEMORY. */
enum error_code rerun_write_run(const struct options *options, struct ledger_range range,
                                struct buffer *out) MUST_CHECK;
/* Appends "parquet-consumer <verb> …<arguments>"; `arguments` is "" or begins with a blank.
 * ERR_NO_MEMORY. */
enum error_code rerun_append_care(const struct rerun *rerun, const char *verb,
                                  const char *arguments, struct buffer *out) MUST_CHECK;

/* So many ranges have a command of their own. */
#define RERUN_RUNS_MAX 100
/* How many commands fetch the ranges, and what the one with that index asks for: the last one may
 * span many ranges, since a run asks only for what is not covered. */
size_t rerun_run_count(const struct ledger_set *ranges);
struct ledger_range rerun_run_range(const struct ledger_set *ranges, size_t index);

/* Whether the commands ask the default server because no other was named here: then it is worth
 * saying, since the lake does not know where its events came from. */
bool rerun_server_is_default(const struct options *options) MUST_CHECK;
/* The sentence that says so. */
#define RERUN_DEFAULT_SERVER                                                                       \
    "at the default server, localhost:50051;\n  --ttp-processor-endpoint HOST:PORT names another"

/* Appends `word` so that a POSIX shell reads it as one word: as it is where no character of it
 * means something to the shell, else in single quotes. ERR_NO_MEMORY. */
enum error_code rerun_append_word(struct buffer *out, const char *word) MUST_CHECK;

#endif
