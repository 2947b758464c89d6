// SPDX-License-Identifier: Apache-2.0
#include "service/rerun.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "config/option_table.h"
#include "config/option_value.h"
#include "util/json_text.h"
#include "commit/lake_catalog.h"
#include "commit/lake_file.h"
#include "lake/open.h"
#include "os/file.h"
#include "source/credentials.h"
#include "util/words.h"

#define SECRET_PREFIX "SECRET_"

/* The values that the lake insists on; NULL: the options' are the lake's. */
struct lake_values {
    const char *network, *scheme, *schema_version;
};

void rerun_init(struct rerun *rerun)
{
    buffer_init(&rerun->run);
    buffer_init(&rerun->care);
}

void rerun_release(struct rerun *rerun)
{
    buffer_release(&rerun->run);
    buffer_release(&rerun->care);
}

static bool is_plain(const char *word)
{
    if (*word == '\0')
        return false;
    for (; *word != '\0'; word++)
        if (!isalnum((unsigned char)*word) && strchr("/._-+:,=@%", *word) == NULL)
            return false;
    return true;
}

/* "$(printf '…')" with an octal number for each byte that may not be seen as it is. */
static enum error_code append_printf(struct buffer *out, const char *word, size_t size_bytes)
{
    enum error_code code = buffer_append_text(out, "\"$(printf '");
    struct bytes_view rest = bytes_view_of(word, size_bytes);
    while (code == OK && rest.size_bytes != 0) {
        struct words_piece piece = words_first(rest);
        bool as_it_is = piece.kind == WORDS_PLAIN && *rest.data != '\'' && *rest.data != '\\' &&
                        *rest.data != '%';
        for (size_t i = 0; code == OK && i < piece.size_bytes; i++)
            code = as_it_is ? buffer_append_byte(out, rest.data[i])
                            : buffer_append_format(out, "\\%03o", rest.data[i]);
        rest = bytes_view_of(rest.data + piece.size_bytes, rest.size_bytes - piece.size_bytes);
    }
    return code == OK ? buffer_append_text(out, "')\"") : code;
}

/* '…' */
static enum error_code append_quoted(struct buffer *out, const char *word)
{
    enum error_code code = buffer_append_byte(out, '\'');
    for (; code == OK && *word != '\0'; word++)
        code = *word == '\'' ? buffer_append_text(out, "'\\''")
                             : buffer_append_byte(out, (uint8_t)*word);
    return code == OK ? buffer_append_byte(out, '\'') : code;
}

enum error_code rerun_append_word(struct buffer *out, const char *word)
{
    if (is_plain(word))
        return buffer_append_text(out, word);
    if (words_are_plain(bytes_view_text(word)))
        return append_quoted(out, word);
    /* $(…) takes line ends away at the end: they are quoted as they are. */
    size_t size_bytes = strlen(word);
    while (size_bytes != 0 && word[size_bytes - 1] == '\n')
        size_bytes--;
    enum error_code code = append_printf(out, word, size_bytes);
    return code == OK && word[size_bytes] != '\0' ? append_quoted(out, word + size_bytes) : code;
}

static enum error_code append_flag(struct buffer *out, const char *flag, const char *value)
{
    enum error_code code = buffer_append_format(out, " %s ", flag);
    return code == OK ? rerun_append_word(out, value) : code;
}

/* The path as it is found from any folder; an address is found so as it is. */
static enum error_code append_path(struct buffer *out, const char *flag, const char *path)
{
    char absolute[OS_PATH_BYTES];
    bool is_found = path[0] != '\0' && strstr(path, "://") == NULL &&
                    os_absolute_path(absolute, path, NULL) == OK;
    return append_flag(out, flag, is_found ? absolute : path);
}

/* sqlite:PATH, so too. */
static enum error_code append_catalog(struct buffer *out, const char *flag, const char *catalog)
{
    static const char prefix[] = DATABASE_SQLITE_PREFIX;
    char absolute[OS_PATH_BYTES], text[OS_PATH_BYTES + sizeof prefix];
    size_t length = sizeof prefix - 1;
    if (strncmp(catalog, prefix, length) != 0 ||
        os_absolute_path(absolute, catalog + length, NULL) != OK)
        return append_flag(out, flag, catalog);
    snprintf(text, sizeof text, "%s%s", prefix, absolute);
    return append_flag(out, flag, text);
}

/* A configuration that can be read again: not a pipe. */
static bool has_file(const struct options *options)
{
    return options->config_path != NULL && os_is_regular_file(options->config_path);
}

static bool is_option(int index, size_t offset)
{
    return index == option_index(offset);
}
#define IS(index, field) is_option((index), offsetof(struct options, field))

/* What else must be said to find a lake on object storage. */
static bool finds_the_lake(int index)
{
    return IS(index, catalog) || IS(index, s3_endpoint) || IS(index, s3_region) ||
           IS(index, s3_path_style) || IS(index, staging_path);
}

/* What each command says for itself, or what changes nothing in the lake. */
static bool is_left_out(int index)
{
    return strcmp(option_table[index].section, "service") == 0 || IS(index, output_path) ||
           finds_the_lake(index) || IS(index, start_ledger) || IS(index, end_ledger) ||
           IS(index, log_level) || IS(index, log_format);
}

/* The lake's own value where it has one and the options say otherwise; else NULL. */
static const char *lakes_value(const struct options *options, const struct lake_values *lake,
                               int index)
{
    const char *value = IS(index, network)               ? lake->network
                        : IS(index, partitioning_scheme) ? lake->scheme
                        : IS(index, schema_version)      ? lake->schema_version
                                                         : NULL;
    char own[OPTION_VALUE_BYTES];
    if (value == NULL || value[0] == '\0')
        return NULL;
    option_value_text(options, index, own);
    return strcmp(own, value) != 0 ? value : NULL;
}

/* Whether a command without the option would have another value. */
static bool is_needed(const struct options *options, int index)
{
    bool is_default = strcmp(options->texts[index], option_table[index].default_text) == 0;
    switch (options->origins[index].kind) {
    case ORIGIN_DEFAULT: return false;
    case ORIGIN_FILE: return !has_file(options) && !is_default;
    case ORIGIN_ENVIRONMENT: return has_file(options) || !is_default;
    case ORIGIN_FLAG: return true;
    }
    return true;
}

/* What to show of a header's value: where it is found, never the value. */
static json_t *header_source(const struct option_header *header)
{
    char text[OS_PATH_BYTES + sizeof "file:"];
    if (strncmp(header->source, "file:", 5) == 0) {
        char absolute[OS_PATH_BYTES];
        if (os_absolute_path(absolute, header->source + 5, NULL) != OK)
            return json_string(header->source);
        snprintf(text, sizeof text, "file:%s", absolute);
        return json_string(text);
    }
    if (credential_is_reference(header->source))
        return json_string(header->source);
    int at = snprintf(text, sizeof text, "env:" SECRET_PREFIX "%.256s", header->name);
    for (char *c = text + strlen("env:"); c < text + at; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return json_string(text);
}

/* Whether the headers may be repeated as they were given: where each value is found, in any folder.
 */
static bool may_be_repeated(const struct option_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        const char *source = headers->items[i].source;
        if (!credential_is_reference(source) ||
            (strncmp(source, "file:", 5) == 0 && source[5] != '/'))
            return false;
    }
    return true;
}

static enum error_code append_headers(struct buffer *out, const char *flag,
                                      const struct options *options, int index)
{
    const struct option_headers *headers = &options->metadata;
    if (may_be_repeated(headers))
        return append_flag(out, flag, options->texts[index]);
    struct buffer text;
    json_t *object = json_object();
    buffer_init(&text);
    for (size_t i = 0; object != NULL && i < headers->count; i++) {
        const struct option_header *header = &headers->items[i];
        if (json_object_set_new(object, header->name, header_source(header)) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    enum error_code code = json_text_dump(object, false, &text, NULL);
    json_decref(object);
    if (code == OK)
        code = buffer_append_byte(&text, '\0');
    if (code == OK)
        code = append_flag(out, flag, (const char *)text.data);
    buffer_release(&text);
    return code;
}

static enum error_code append_option(struct buffer *out, const struct options *options, int index)
{
    const struct option *option = &option_table[index];
    char flag[OPTION_NAME_BYTES];
    option_flag(option, flag);
    if (option->kind == OPTION_HEADERS)
        return append_headers(out, flag, options, index);
    if (IS(index, catalog))
        return append_catalog(out, flag, options->catalog);
    bool is_path = option->kind == OPTION_TEXT && (strcmp(option->placeholder, "FILE") == 0 ||
                                                   strcmp(option->placeholder, "FOLDER") == 0);
    return is_path ? append_path(out, flag, options->texts[index])
                   : append_flag(out, flag, options->texts[index]);
}

/* " --output-path …[ --config …]", and for an object store what finds it. */
static enum error_code append_lake(struct buffer *out, const struct options *options)
{
    enum error_code code = append_path(out, "--output-path", options->output_path);
    if (code == OK && has_file(options))
        code = append_path(out, "--config", options->config_path);
    for (int i = 0; code == OK && i < (int)option_count; i++)
        if (finds_the_lake(i) && is_needed(options, i))
            code = append_option(out, options, i);
    return code;
}

static enum error_code append_options(struct buffer *out, const struct options *options,
                                      const struct lake_values *lake)
{
    enum error_code code = append_lake(out, options);
    for (int i = 0; code == OK && i < (int)option_count; i++) {
        if (is_left_out(i))
            continue;
        const char *lakes = lakes_value(options, lake, i);
        char flag[OPTION_NAME_BYTES];
        option_flag(&option_table[i], flag);
        if (lakes != NULL)
            code = append_flag(out, flag, lakes);
        else if (is_needed(options, i))
            code = append_option(out, options, i);
    }
    return code;
}

static enum error_code make(struct rerun *rerun, const struct options *options,
                            const struct lake_values *lake, struct error *error)
{
    enum error_code code = append_options(&rerun->run, options, lake);
    if (code == OK)
        code = buffer_append_byte(&rerun->run, '\0');
    if (code == OK)
        code = append_lake(&rerun->care, options);
    if (code == OK)
        code = buffer_append_byte(&rerun->care, '\0');
    return code == OK ? OK : error_no_memory(error, "the command to go on with");
}

enum error_code rerun_of_run(struct rerun *rerun, const struct options *options,
                             struct error *error)
{
    return make(rerun, options, &(struct lake_values){.network = NULL}, error);
}

enum error_code rerun_of_lake(struct rerun *rerun, const struct options *options,
                              struct error *error)
{
    struct lake_file lake;
    struct catalog *catalog = NULL;
    enum error_code code = lake_file_read_at(&lake, options->output_path, error);
    if (code == OK)
        code = lake_open_catalog(&catalog, options->output_path, error);
    if (code == OK) {
        const struct lake_values values = {lake.network, lake.scheme,
                                           catalog_schema_version(catalog)};
        code = make(rerun, options, &values, error);
    }
    catalog_close(catalog);
    lake_file_release(&lake);
    return code;
}

enum error_code rerun_append_run(const struct rerun *rerun, struct ledger_range range,
                                 struct buffer *out)
{
    return buffer_append_format(out, "parquet-consumer run%s %" PRIu32 " %" PRIu32,
                                (const char *)rerun->run.data, range.first, range.last);
}

enum error_code rerun_write_run(const struct options *options, struct ledger_range range,
                                struct buffer *out)
{
    struct rerun rerun;
    rerun_init(&rerun);
    enum error_code code = rerun_of_run(&rerun, options, NULL);
    if (code == OK)
        code = rerun_append_run(&rerun, range, out);
    if (code == OK)
        code = buffer_append_byte(out, '\0');
    rerun_release(&rerun);
    return code;
}

enum error_code rerun_append_care(const struct rerun *rerun, const char *verb,
                                  const char *arguments, struct buffer *out)
{
    return buffer_append_format(out, "parquet-consumer %s%s%s", verb,
                                (const char *)rerun->care.data, arguments);
}

bool rerun_server_is_default(const struct options *options)
{
    int index = option_index(offsetof(struct options, ttp_processor_endpoint));
    return options->origins[index].kind == ORIGIN_DEFAULT;
}

size_t rerun_run_count(const struct ledger_set *ranges)
{
    return ranges->count < RERUN_RUNS_MAX ? ranges->count : RERUN_RUNS_MAX;
}

struct ledger_range rerun_run_range(const struct ledger_set *ranges, size_t index)
{
    struct ledger_range range = ranges->ranges[index];
    if (index + 1 == RERUN_RUNS_MAX)
        range.last = ledger_set_span(ranges).last;
    return range;
}
