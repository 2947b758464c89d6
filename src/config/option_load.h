// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_OPTION_LOAD_H
#define TTP_CONFIG_OPTION_LOAD_H

/* The options from all their sources. */

#include "config/options.h"
#include "config/problems.h"
#include "util/error.h"

/* Where values come from. */
struct option_sources {
    const char *config_path;       /* NULL: no file is read */
    char *const *environment;      /* NAME=value, ended by NULL; NULL: none */
    const char *const *flag_texts; /* one per option of the table, NULL where not given */
    const char *const *arguments;  /* START END */
    size_t argument_count;
};

/* Fills `options`. Everything that is wrong is added to `problems`, what is only odd to `warnings`.
 * ERR_INVALID if there is a problem; ERR_NO_MEMORY. Release `options` in every case. */
enum error_code options_load(struct options *options, const struct option_sources *sources,
                             struct problems *problems, struct problems *warnings) MUST_CHECK;

#endif
