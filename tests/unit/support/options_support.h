// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_APP_OPTIONS_SUPPORT_H
#define TTP_TESTS_APP_OPTIONS_SUPPORT_H

/* Loads options from a file's text, an environment and flags, and keeps what was said. */

#include "config/options.h"
#include "config/problems.h"

struct loaded {
    struct options options;
    struct problems problems;
    struct problems warnings;
    enum error_code code;
    char config_path[64]; /* a temporary file, removed by loaded_release; "" none */
};

struct load_request {
    const char *config;    /* the file's text; NULL: none */
    char *environment[16]; /* NAME=value */
    struct {
        const char *flag, *value;
    } flags[8];
    const char *arguments[3];
};

void load(struct loaded *loaded, struct load_request request);
void loaded_release(struct loaded *loaded);

/* Whether some sentence contains `part`. */
bool problems_contain(const struct problems *problems, const char *part);

#endif
