// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_OPTION_FILE_H
#define TTP_CONFIG_OPTION_FILE_H

/* The configuration file: JSON (RFC 8259), with the line of each key. */

#include "config/options.h"
#include "config/problems.h"
#include "util/arena.h"
#include "util/error.h"

/* The values of a configuration file, as texts by option (in options' arena). */
struct option_file {
    const char *texts[OPTION_MAX]; /* NULL: not in the file */
    unsigned lines[OPTION_MAX];
};
/* Reads a JSON configuration; what is wrong with it is added to `problems`. ERR_NO_MEMORY only. */
enum error_code option_file_read(struct arena *arena, const char *path, struct option_file *file,
                                 struct problems *problems) MUST_CHECK;

#endif
