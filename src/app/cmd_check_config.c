// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include <jansson.h>
#include <string.h>

#include "output/standard_output.h"
#include "output/json_output.h"
#include "config/option_json.h"
#include "config/option_table.h"
#include "config/option_value.h"
#include "database/location.h"
#include "os/clock.h"
#include "os/log.h"
#include "service/run_check.h"
#include "store/objects.h"
#include "util/json_text.h"
#include "util/words.h"

#define ASKED_FOR_US INT64_C(5000000)

static const char *const origin_names[] = {"default", "file", "environment", "flag"};

/* {"value": …, "origin": "file", "from": "config.json", "line": 7} */
static json_t *json_option(const struct options *options, int index)
{
    const struct option_origin *origin = &options->origins[index];
    json_t *entry = json_pack("{s:o,s:s}", "value", option_value_json(options, index), "origin",
                              origin_names[origin->kind]);
    bool good = entry != NULL;
    if (good && origin->name != NULL)
        good = json_object_set_new(entry, "from", json_any_text(origin->name)) == 0;
    if (good && origin->line != 0)
        good = json_object_set_new(entry, "line", json_integer(origin->line)) == 0;
    if (good)
        return entry;
    json_decref(entry);
    return NULL;
}

/* {"section": {"key": {…}}} */
static json_t *json_of(const struct options *options)
{
    json_t *root = json_object();
    bool good = root != NULL;
    for (size_t i = 0; good && i < option_section_count; i++)
        good = json_object_set_new(root, option_sections[i], json_object()) == 0;
    for (size_t i = 0; good && i < option_count; i++)
        good = json_object_set_new(json_object_get(root, option_table[i].section),
                                   option_table[i].key, json_option(options, (int)i)) == 0;
    if (good)
        return root;
    json_decref(root);
    return NULL;
}

static enum error_code render_json(const struct options *options, struct buffer *out)
{
    json_t *root = json_of(options);
    struct error ignored; /* there is one only, and the caller says it */
    enum error_code code = json_text_dump(root, true, out, &ignored);
    json_decref(root);
    return code;
}

static enum error_code render_text(const struct options *options, struct buffer *out)
{
    enum error_code code = OK;
    const char *section = "";
    for (size_t i = 0; code == OK && i < option_count; i++) {
        const struct option *option = &option_table[i];
        if (strcmp(section, option->section) != 0)
            code = words_append(out, "%s%s\n", i == 0 ? "" : "\n", option->section);
        section = option->section;
        char value[OPTION_VALUE_BYTES];
        option_value_text(options, (int)i, value);
        const struct option_origin *origin = &options->origins[i];
        if (code == OK)
            code =
                words_append(out, "  %-24s %-22s ", option->key, value[0] != '\0' ? value : "\"\"");
        if (code == OK && origin->line != 0)
            code = words_append(out, "%s:%u\n", origin->name, origin->line);
        else if (code == OK)
            code = words_append(out, "%s\n", origin->name != NULL ? origin->name : "-");
    }
    return code;
}

/* Whether there is a lake decides about START; nobody who looks at options waits for it for long.
 */
static bool is_late(void *context)
{
    const int64_t *ends_us = context;
    return os_monotonic_us() >= *ends_us;
}

static enum error_code look(const struct options *options, struct error *error)
{
    int64_t ends_us = os_monotonic_us() + ASKED_FOR_US;
    objects_set_stop(is_late, &ends_us);
    enum error_code code = run_check(options, error);
    objects_set_stop(NULL, NULL);
    if (objects_is_url(options->output_path) && is_late(&ends_us))
        log_line(
            LOG_WARN, "app",
            "the object store, or the service that gives its credentials (AWS_PROFILE, "
            "AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_…, an EC2 machine's role), "
            "did not answer within 5 s: whether there is a lake was not looked at");
    if (!objects_is_url(options->output_path) && options->catalog[0] != '\0' &&
        database_location_parse(options->catalog, "").conninfo != NULL)
        log_line(LOG_INFO, "app",
                 "a lake in a folder has one process, wherever its catalog is; for several that "
                 "share the work give an output_path s3://BUCKET/PREFIX");
    return code;
}

static enum exit_code check_config(const struct command_line *line, const struct options *options)
{
    struct error error;
    if (look(options, &error) != OK)
        return command_fail(exit_code_of(error.code), &error);
    struct buffer text;
    buffer_init(&text);
    enum error_code code = command_line_flag(line, "--json") != NULL ? render_json(options, &text)
                                                                     : render_text(options, &text);
    return standard_output_text(code, &text);
}

enum exit_code cmd_check_config(const struct command_line *line)
{
    return command_with_options(line, check_config);
}
