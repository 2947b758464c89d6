// SPDX-License-Identifier: Apache-2.0
#include "config/option_load.h"

#include <inttypes.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/option_check.h"
#include "config/option_file.h"
#include "config/option_table.h"
#include "config/option_value.h"
#include "config/service_link.h"
#include "util/ledger_text.h"

/* memory_limit by default, where there are several streams: for all, and for each. */
#define STREAMS_MIB 96
#define STREAM_MIB  64

#define ENVIRONMENT_PREFIX "PARQUET_CONSUMER_"

/* Everything that options_load needs at hand. */
struct loading {
    struct options *options;
    const struct option_sources *sources;
    struct option_file file;
    struct problems *problems;
    struct problems *warnings;
};

/* The value of `NAME` in the environment; NULL where it is not set or empty (an empty variable
 * counts as not set: that is how compose files pass on what the user left out), or Kubernetes' own.
 */
static const char *variable(const struct option_sources *sources, const char *name)
{
    size_t length = strlen(name);
    for (char *const *entry = sources->environment; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, length) != 0 || (*entry)[length] != '=')
            continue;
        const char *value = *entry + length + 1;
        return value[0] != '\0' && !service_link_is(name, value) ? value : NULL;
    }
    return NULL;
}

static enum error_code keep_name(struct loading *loading, const char *name, const char **kept)
{
    *kept = arena_copy_text(&loading->options->arena, bytes_view_text(name));
    return *kept != NULL ? OK : ERR_NO_MEMORY;
}

/* The text that is in force for an option and its origin. */
static enum error_code choose(struct loading *loading, int index, const char **text,
                              struct option_origin *origin)
{
    const struct option *option = &option_table[index];
    const struct option_sources *sources = loading->sources;
    char name[OPTION_NAME_BYTES];
    if (sources->flag_texts != NULL && sources->flag_texts[index] != NULL) {
        *text = sources->flag_texts[index];
        origin->kind = ORIGIN_FLAG;
        option_flag(option, name);
        return keep_name(loading, name, &origin->name);
    }
    option_variable(option, name);
    *text = variable(sources, name);
    if (*text == NULL && option->alias != NULL) {
        snprintf(name, sizeof name, "%s", option->alias);
        *text = variable(sources, name);
    }
    if (*text != NULL) {
        origin->kind = ORIGIN_ENVIRONMENT;
        return keep_name(loading, name, &origin->name);
    }
    *text = loading->file.texts[index];
    if (*text != NULL) {
        origin->kind = ORIGIN_FILE;
        origin->line = loading->file.lines[index];
        return keep_name(loading, sources->config_path, &origin->name);
    }
    *text = option->default_text;
    *origin = (struct option_origin){.kind = ORIGIN_DEFAULT};
    return OK;
}

static enum error_code load_option(struct loading *loading, int index)
{
    struct options *options = loading->options;
    const char *text;
    enum error_code code = choose(loading, index, &text, &options->origins[index]);
    if (code != OK)
        return code;
    struct error error;
    code = option_parse(options, index, text, &error);
    if (code == OK || code == ERR_NO_MEMORY)
        return code;
    assert(options->origins[index].kind != ORIGIN_DEFAULT);
    char place[OPTION_PLACE_BYTES];
    options_place(options, index, place);
    problems_add(loading->problems, "%s: %s", place, error.message);
    /* The default stands in, so that checks of several values don't stumble. */
    return option_parse(options, index, option_table[index].default_text, NULL);
}

/* START END behind the options. */
static enum error_code load_arguments(struct loading *loading)
{
    const struct option_sources *sources = loading->sources;
    struct options *options = loading->options;
    if (sources->argument_count == 0)
        return OK;
    struct ledger_request request;
    struct error error;
    if (ledger_request_parse(sources->arguments, sources->argument_count, &request, &error) != OK) {
        problems_add(loading->problems, "%s", error.message);
        return OK;
    }
    const struct {
        int index;
        bool given;
        uint32_t ledger;
    } ends[] = {
        {option_index(offsetof(struct options, start_ledger)), true, request.start},
        {option_index(offsetof(struct options, end_ledger)), request.end_is_given, request.end}};
    for (size_t i = 0; i < 2; i++) {
        if (!ends[i].given)
            continue;
        char text[16];
        snprintf(text, sizeof text, "%u", (unsigned)ends[i].ledger);
        if (options->origins[ends[i].index].kind == ORIGIN_FLAG)
            problems_add(loading->problems,
                         "the range is given twice: as %s and as an argument; drop one of them",
                         options->origins[ends[i].index].name);
        options->origins[ends[i].index] =
            (struct option_origin){.kind = ORIGIN_FLAG, .name = i == 0 ? "START" : "END"};
        enum error_code code = option_parse(options, ends[i].index, text, NULL);
        if (code != OK)
            return code;
    }
    return OK;
}

/* Whether an option is set by `name`: its variable, or its alias. */
static bool names_an_option(const char *name)
{
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].alias != NULL && strcmp(option_table[i].alias, name) == 0)
            return true;
    }
    return option_find_variable(name) >= 0;
}

static void warn_of_unknown_variable(struct loading *loading, const char *name)
{
    char known[OPTION_MAX][OPTION_NAME_BYTES];
    const char *names[OPTION_MAX];
    for (size_t i = 0; i < option_count; i++) {
        option_variable(&option_table[i], known[i]);
        names[i] = known[i];
    }
    const char *nearest = nearest_name(name, names, option_count);
    problems_add(loading->warnings, "the environment variable %s names no option%s%s%s", name,
                 nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                 nearest != NULL ? "?" : "");
}

/* Kubernetes' variables that look like ours: all of them in one warning. */
struct links {
    char names[512];
    size_t size_bytes;
    size_t count;
};

static void add_link(struct links *links, const char *name)
{
    size_t room = sizeof links->names - links->size_bytes;
    int length = snprintf(links->names + links->size_bytes, room, "%s%s",
                          links->count == 0 ? "" : ", ", name);
    if (length >= 0 && (size_t)length < room)
        links->size_bytes += (size_t)length;
    else
        links->names[links->size_bytes] = '\0'; /* the rest is only counted */
    links->count++;
}

static void warn_of_links(struct loading *loading, const struct links *links)
{
    if (links->count == 0)
        return;
    problems_add(loading->warnings,
                 "%zu environment variable%s Kubernetes' links to Services and not taken for "
                 "options: %s; enableServiceLinks: false in the pod leaves them out",
                 links->count, links->count == 1 ? " is one of" : "s are", links->names);
}

static void warn_of_variables(struct loading *loading)
{
    size_t prefix_bytes = strlen(ENVIRONMENT_PREFIX);
    struct links links = {.count = 0};
    char *const *entry = loading->sources->environment;
    for (; entry != NULL && *entry != NULL; entry++) {
        char name[OPTION_NAME_BYTES];
        size_t length = strcspn(*entry, "=");
        if (length >= sizeof name)
            continue;
        memcpy(name, *entry, length);
        name[length] = '\0';
        bool is_ours = names_an_option(name);
        if (!is_ours && strncmp(name, ENVIRONMENT_PREFIX, prefix_bytes) != 0)
            continue;
        if (service_link_is(name, *entry + length + ((*entry)[length] == '=')))
            add_link(&links, name);
        else if (!is_ours)
            warn_of_unknown_variable(loading, name);
    }
    warn_of_links(loading, &links);
    const char *flowctl = variable(loading->sources, "ENABLE_FLOWCTL");
    if (flowctl != NULL && strcmp(flowctl, "true") == 0)
        problems_add(loading->warnings, "ENABLE_FLOWCTL=true: registering with flowctl is not in "
                                        "this version; the consumer runs without it");
}

/* Several streams need more than one does. */
static enum error_code set_default_memory(struct options *options)
{
    char text[32];
    int index = option_index(offsetof(struct options, memory_limit_bytes));
    if (options->streams < 2 || options->origins[index].kind != ORIGIN_DEFAULT)
        return OK;
    uint32_t limit_mib = STREAMS_MIB + options->streams * STREAM_MIB;
    options->memory_limit_bytes = (uint64_t)limit_mib << 20;
    snprintf(text, sizeof text, "%" PRIu32 "MiB", limit_mib);
    options->texts[index] = arena_copy_text(&options->arena, bytes_view_text(text));
    return options->texts[index] != NULL ? OK : ERR_NO_MEMORY;
}

enum error_code options_load(struct options *options, const struct option_sources *sources,
                             struct problems *problems, struct problems *warnings)
{
    struct loading loading = {.options = options,
                              .sources = sources,
                              .file = {.texts = {NULL}},
                              .problems = problems,
                              .warnings = warnings};
    enum error_code code = OK;
    if (sources->config_path != NULL) {
        code = keep_name(&loading, sources->config_path, &options->config_path);
        if (code == OK)
            code = option_file_read(&options->arena, sources->config_path, &loading.file, problems);
    }
    for (size_t i = 0; code == OK && i < option_count; i++)
        code = load_option(&loading, (int)i);
    if (code == OK)
        code = load_arguments(&loading);
    if (code != OK)
        return code;
    if (strcmp(options->network, "mainnet") == 0 || strcmp(options->network, "public") == 0)
        options->network = "pubnet";
    code = set_default_memory(options);
    if (code != OK)
        return code;
    warn_of_variables(&loading);
    options_check(options, problems);
    options_warn(options, warnings);
    return warnings->out_of_memory ? ERR_NO_MEMORY : problems_code(problems);
}
