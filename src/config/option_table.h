// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_OPTION_TABLE_H
#define TTP_CONFIG_OPTION_TABLE_H

/*
 * The one table of options. It makes the JSON keys, the flags, the environment variables, their
 * validation, --help and docs/CONFIGURATION.md; `struct options` (config/options.h) holds the
 * values.
 */

#include <stddef.h>
#include <stdint.h>

#include "config/options.h"

enum option_kind {
    OPTION_TEXT,     /* const char *; with `choices` one of them */
    OPTION_CHOICE,   /* int: index into `choices` */
    OPTION_BOOLEAN,  /* bool */
    OPTION_LEDGER,   /* uint32_t; also 16M */
    OPTION_NUMBER,   /* uint32_t from min to max */
    OPTION_SIZE,     /* uint64_t bytes from min to max */
    OPTION_DURATION, /* int64_t microseconds from min to max; 0 for '', where that is the default */
    OPTION_HEADERS   /* struct option_headers: a JSON object of texts */
};

struct option {
    const char *section; /* of the configuration file */
    const char *key;
    enum option_kind kind;
    size_t offset; /* in struct options */
    const char *default_text;
    const char *default_note; /* what documentation shows instead; NULL: default_text */
    int64_t min, max;         /* OPTION_NUMBER, OPTION_SIZE, OPTION_DURATION */
    const char *const *choices;
    const char *placeholder;
    const char *help;  /* one sentence without its full stop */
    const char *alias; /* another environment variable; NULL: none */
};

extern const struct option option_table[];
extern const size_t option_count;

/* The sections in their order. */
extern const char *const option_sections[];
extern const size_t option_section_count;

#define OPTION_NAME_BYTES 96
/* "start_ledger", "service_name": unique over all sections. */
void option_name(const struct option *option, char out[OPTION_NAME_BYTES]);
/* "--start-ledger" */
void option_flag(const struct option *option, char out[OPTION_NAME_BYTES]);
/* "PARQUET_CONSUMER_START_LEDGER" */
void option_variable(const struct option *option, char out[OPTION_NAME_BYTES]);

/* -1 if there is none. */
int option_find_key(const char *section, const char *key);
int option_find_flag(const char *flag); /* with its dashes */
int option_find_variable(const char *name);
/* By the place of its value in struct options: option_index(offsetof(struct options, tls)). */
int option_index(size_t offset);

/* The nearest of `names` to `word` if it is near enough to be meant; NULL otherwise. */
const char *nearest_name(const char *word, const char *const *names, size_t name_count);

#endif
