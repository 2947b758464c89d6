// SPDX-License-Identifier: Apache-2.0
// rooms: app
// options: -max_len=1500
// parsers: config/option_file.c config/option_value.c config/option_check.c config/options.c
// util/ledger_text.c parsers: app/command_line.c config/option_json.c without: report_unknown_verb
/*
 * All that a user says to the program. The input is a configuration file up to the first NUL (none
 * where it is empty and something follows), then words, each up to a NUL: NAME=value goes into the
 * environment, every other word onto the command line.
 */

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "app/command.h"
#include "config/option_json.h"
#include "config/option_load.h"
#include "config/option_table.h"
#include "config/option_value.h"
#include "lake/listing.h"
#include "support/input.h"
#include "support/memory_file.h"

#define WORD_MAX    24
#define CONFIG_NAME "config.json"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct words {
    char *argv[WORD_MAX + 2];
    int argc;
    char *environment[WORD_MAX + 1]; /* ended by NULL */
    size_t variable_count;
};

static char *copy_word(struct bytes_view word)
{
    char *copy = malloc(word.size_bytes + 1);
    assert(copy != NULL);
    if (word.size_bytes != 0)
        memcpy(copy, word.data, word.size_bytes);
    copy[word.size_bytes] = '\0';
    return copy;
}

static void take_words(struct fuzz_input *input, struct words *words)
{
    *words = (struct words){.argc = 1, .argv = {copy_word(bytes_view_text("parquet-consumer"))}};
    for (int i = 0; i < WORD_MAX && input->size_bytes > 0; i++) {
        char *word = copy_word(fuzz_input_until(input, '\0'));
        if (isupper((unsigned char)word[0]) && strchr(word, '=') != NULL)
            words->environment[words->variable_count++] = word;
        else
            words->argv[words->argc++] = word;
    }
}

static void release_words(struct words *words)
{
    for (int i = 0; i < words->argc; i++)
        free(words->argv[i]);
    for (size_t i = 0; i < words->variable_count; i++)
        free(words->environment[i]);
}

/* Every value can be shown, as text and as JSON. */
static void show(const struct options *options)
{
    for (int i = 0; i < (int)option_count; i++) {
        char text[OPTION_VALUE_BYTES], place[OPTION_PLACE_BYTES];
        option_value_text(options, i, text);
        options_place(options, i, place);
        assert(memchr(text, '\0', sizeof text) != NULL && place[0] != '\0');
        json_t *value = option_value_json(options, i);
        json_decref(value);
    }
}

static void load(const struct command_line *line, const char *config_path,
                 const struct words *words)
{
    struct options options;
    struct problems problems, warnings;
    struct option_sources sources = {.config_path = config_path,
                                     .environment = words->environment,
                                     .flag_texts = line->option_texts,
                                     .arguments = line->arguments,
                                     .argument_count = line->argument_count};
    options_init(&options);
    problems_init(&problems);
    problems_init(&warnings);
    enum error_code code = options_load(&options, &sources, &problems, &warnings);
    assert(code == OK || code == ERR_INVALID);
    assert((code == ERR_INVALID) == (problems.count > 0));
    assert(problems.count == 0 || problems.text.size_bytes > 0);
    show(&options);
    problems_release(&problems);
    problems_release(&warnings);
    options_release(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct bytes_view config = fuzz_input_until(&input, '\0');
    bool is_given = config.size_bytes > 0 || input.size_bytes == 0;
    struct words words;
    struct command_line line;
    struct problems problems;
    memory_file_set(CONFIG_NAME, config);
    memory_file_set("token.txt", bytes_view_text("Bearer abc\n"));
    take_words(&input, &words);
    problems_init(&problems);
    enum error_code code = command_line_parse(&line, &command_table, words.argc,
                                              (const char *const *)words.argv, &problems);
    assert((code == OK) == (problems.count == 0));
    load(&line, is_given ? CONFIG_NAME : NULL, &words);
    for (size_t i = 0; i < line.argument_count; i++) {
        struct listing_bound bound;
        (void)!listing_bound_parse(line.arguments[i], &bound, NULL);
    }
    problems_release(&problems);
    command_line_release(&line);
    release_words(&words);
    return 0;
}
