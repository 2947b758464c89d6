// SPDX-License-Identifier: Apache-2.0
#include "app/again.h"

#include <ctype.h>
#include <string.h>

#include "catalog/lake_file.h"
#include "lake/open.h"
#include "source/credentials.h"

static bool is_plain(const char *word)
{
    if (*word == '\0')
        return false;
    for (; *word != '\0'; word++)
        if (!isalnum((unsigned char)*word) && strchr("/._-+:,=@%", *word) == NULL)
            return false;
    return true;
}

enum error_code again_append_word(struct buffer *out, const char *word)
{
    if (is_plain(word))
        return buffer_append_text(out, word);
    enum error_code code = buffer_append_byte(out, '\'');
    for (; code == OK && *word != '\0'; word++)
        code = *word == '\'' ? buffer_append_text(out, "'\\''")
                             : buffer_append_byte(out, (uint8_t)*word);
    return code == OK ? buffer_append_byte(out, '\'') : code;
}

static enum error_code append_option(struct buffer *out, const char *flag, const char *value)
{
    enum error_code code = buffer_append_format(out, " %s ", flag);
    return code == OK ? again_append_word(out, value) : code;
}

/* The option where the call to come would not have the lake's value without it. */
static enum error_code append_lakes_value(struct buffer *out, const struct options *options,
                                          size_t offset, const char *lakes)
{
    char value[OPTION_VALUE_BYTES], flag[OPTION_NAME_BYTES];
    int index = option_index(offset);
    option_value_text(options, index, value);
    if (strcmp(value, lakes) == 0 && options->origins[index].kind != ORIGIN_FLAG)
        return OK;
    option_flag(&option_table[index], flag);
    return append_option(out, flag, lakes);
}

enum error_code again_append_options(struct buffer *out, const struct command_line *line,
                                     const struct options *options, struct error *error)
{
    struct lake_file lake;
    enum error_code code = lake_file_read(&lake, options->output_path, error);
    struct catalog *catalog = code == OK ? lake_open_catalog(options->output_path, error) : NULL;
    if (catalog == NULL) {
        lake_file_release(&lake);
        return error->code;
    }
    code = append_option(out, "--output-path", options->output_path);
    if (code == OK && line->config_path != NULL)
        code = append_option(out, "--config", line->config_path);
    if (code == OK)
        code = append_lakes_value(out, options, offsetof(struct options, partitioning_scheme),
                                  lake.scheme);
    if (code == OK)
        code = append_lakes_value(out, options, offsetof(struct options, schema_version),
                                  catalog_schema_version(catalog));
    if (code == OK)
        code = buffer_append_byte(out, '\0');
    catalog_close(catalog);
    lake_file_release(&lake);
    return code == OK ? OK : error_no_memory(error, "the command to go on with");
}

/* Header values are secrets as a rule: only where to find them may be shown. */
static bool may_be_shown(const struct options *options, int index)
{
    if (index != option_index(offsetof(struct options, metadata)))
        return true;
    for (size_t i = 0; i < options->metadata.count; i++) {
        const char *source = options->metadata.items[i].source;
        if (!credential_is_reference(source))
            return false;
    }
    return true;
}

enum error_code again_append_server(struct buffer *out, const struct command_line *line,
                                    const struct options *options, struct error *error)
{
    const int endpoint = option_index(offsetof(struct options, ttp_processor_endpoint));
    const int start = option_index(offsetof(struct options, start_ledger));
    const int end = option_index(offsetof(struct options, end_ledger));
    char flag[OPTION_NAME_BYTES];
    option_flag(&option_table[endpoint], flag);
    enum error_code code = append_option(out, flag, options->ttp_processor_endpoint);
    for (int i = 0; code == OK && i < (int)option_count; i++) {
        const char *text = line->option_texts[i];
        if (text == NULL || i == endpoint || i == start || i == end ||
            strcmp(option_table[i].section, "consumer") != 0 || !may_be_shown(options, i))
            continue;
        option_flag(&option_table[i], flag);
        code = append_option(out, flag, text);
    }
    if (code == OK)
        code = buffer_append_byte(out, '\0');
    return code == OK ? OK : error_no_memory(error, "the command to go on with");
}
