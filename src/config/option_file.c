// SPDX-License-Identifier: Apache-2.0
#include "config/option_file.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "config/option_table.h"
#include "config/option_value.h"
#include "util/json_text.h"
#include "os/input.h"
#include "util/buffer.h"

#define FILE_LIMIT_BYTES (1024 * 1024)
/* For a pipe whose writer fetches the configuration from somewhere. */
#define FILE_TIMEOUT_US INT64_C(30000000)
#define KEY_BYTES       128
#define DEPTH_MAX       2 /* keys of the file and of its sections: deeper ones are values */

struct reading {
    struct arena *arena;
    const char *path;
    struct bytes_view text;
    struct option_file *file;
    struct problems *problems;
};

/* Walks JSON that is known to be well-formed. */
struct json_walk {
    const char *at, *end;
    unsigned line;
    unsigned depth;
    char keys[DEPTH_MAX][KEY_BYTES];
};

/* Over a string, quotes included; its raw text goes to `out`. */
static void walk_string(struct json_walk *walk, char out[KEY_BYTES])
{
    size_t length = 0;
    for (walk->at++; walk->at < walk->end && *walk->at != '"'; walk->at++) {
        if (length + 2 < KEY_BYTES)
            out[length++] = *walk->at;
        if (*walk->at == '\\' && walk->at + 1 < walk->end) {
            walk->at++;
            if (length + 1 < KEY_BYTES)
                out[length++] = *walk->at;
        }
    }
    walk->at++;
    out[length] = '\0';
}

/* Whether what follows makes the string just read a key. */
static bool walk_at_colon(const struct json_walk *walk)
{
    const char *at = walk->at;
    while (at < walk->end && isspace((unsigned char)*at))
        at++;
    return at < walk->end && *at == ':';
}

/* The line of a key: `section` NULL for the file's own keys. 0 if it is not found (a key written
 * with escapes). */
static unsigned line_of(struct bytes_view text, const char *section, const char *key)
{
    struct json_walk walk = {
        .at = (const char *)text.data, .end = (const char *)text.data + text.size_bytes, .line = 1};
    char string[KEY_BYTES];
    while (walk.at < walk.end) {
        if (*walk.at == '"') {
            unsigned line = walk.line;
            walk_string(&walk, string);
            if (!walk_at_colon(&walk) || walk.depth == 0 || walk.depth > DEPTH_MAX)
                continue;
            memcpy(walk.keys[walk.depth - 1], string, KEY_BYTES);
            bool found = section == NULL ? walk.depth == 1 && strcmp(string, key) == 0
                                         : walk.depth == 2 && strcmp(walk.keys[0], section) == 0 &&
                                               strcmp(string, key) == 0;
            if (found)
                return line;
            continue;
        }
        walk.line += *walk.at == '\n';
        walk.depth += *walk.at == '{' || *walk.at == '[';
        walk.depth -= *walk.at == '}' || *walk.at == ']';
        walk.at++;
    }
    return 0;
}

/* "config.json:7: consumer.start_ledger" */
static void place_of(const struct reading *reading, const char *section, const char *key,
                     char out[OPTION_PLACE_BYTES])
{
    unsigned line = line_of(reading->text, section, key);
    char number[16] = "";
    if (line != 0)
        snprintf(number, sizeof number, "%u:", line);
    snprintf(out, OPTION_PLACE_BYTES, "%.300s:%s %s%s%.100s", reading->path, number,
             section != NULL ? section : "", section != NULL ? "." : "", key);
}

/* What an unknown key of a section may have meant. */
static void report_unknown_key(const struct reading *reading, const char *section, const char *key)
{
    char place[OPTION_PLACE_BYTES];
    place_of(reading, section, key, place);
    const char *names[OPTION_MAX];
    size_t name_count = 0;
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(option_table[i].key, key) == 0) {
            problems_add(reading->problems, "%s: this key belongs in the section \"%s\"", place,
                         option_table[i].section);
            return;
        }
        if (section == NULL || strcmp(option_table[i].section, section) == 0)
            names[name_count++] = option_table[i].key;
    }
    if (section == NULL) {
        for (size_t i = 0; i < option_section_count; i++)
            names[name_count++] = option_sections[i];
    }
    const char *nearest = nearest_name(key, names, name_count);
    if (nearest != NULL)
        problems_add(reading->problems, "%s: unknown key; did you mean \"%s\"?", place, nearest);
    else
        problems_add(reading->problems,
                     "%s: unknown key; `parquet-consumer help options` lists them", place);
}

static bool wants_text(const struct option *option)
{
    return option->kind == OPTION_TEXT || option->kind == OPTION_CHOICE ||
           option->kind == OPTION_DURATION;
}

/* The value as the text that a flag would have; NULL with a problem reported, or without memory
 * (*code). */
static const char *value_text(const struct reading *reading, const struct option *option,
                              const char *place, const json_t *value, enum error_code *code)
{
    char number[64];
    const char *text = NULL;
    if (json_is_string(value) && option->kind != OPTION_HEADERS)
        text = json_string_value(value);
    else if (wants_text(option))
        problems_add(reading->problems, "%s: the value must be a text in double quotes%s", place,
                     option->kind == OPTION_DURATION ? " with its unit, such as \"30s\"" : "");
    else if (option->kind == OPTION_BOOLEAN && json_is_boolean(value))
        text = json_is_true(value) ? "true" : "false";
    else if (option->kind == OPTION_HEADERS && json_is_object(value))
        text = "";
    else if (option->kind == OPTION_HEADERS)
        problems_add(reading->problems, "%s: the value must be an object of texts", place);
    else if (option->kind == OPTION_BOOLEAN)
        problems_add(reading->problems, "%s: the value must be true or false", place);
    else if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = number;
    } else
        problems_add(reading->problems, "%s: the value must be a whole number%s", place,
                     option->kind == OPTION_SIZE ? " of bytes or a text such as \"128MiB\"" : "");
    if (text == NULL)
        return NULL;
    const char *copy = NULL;
    if (option->kind == OPTION_HEADERS) {
        struct buffer dumped;
        struct error ignored; /* it can only be that memory is out */
        buffer_init(&dumped);
        if (json_text_dump(value, false, &dumped, &ignored) == OK)
            copy = arena_copy_text(reading->arena, buffer_view(&dumped));
        buffer_release(&dumped);
    } else {
        copy = arena_copy_text(reading->arena, bytes_view_text(text));
    }
    if (copy == NULL)
        *code = ERR_NO_MEMORY;
    return copy;
}

static enum error_code take_value(struct reading *reading, const char *section, const char *key,
                                  int index, const json_t *value)
{
    char place[OPTION_PLACE_BYTES];
    place_of(reading, section, key, place);
    enum error_code code = OK;
    const char *text = value_text(reading, &option_table[index], place, value, &code);
    if (text == NULL)
        return code;
    if (reading->file->texts[index] != NULL) {
        problems_add(reading->problems, "%s: given twice; keep the one in the section \"%s\"",
                     place, option_table[index].section);
        return OK;
    }
    reading->file->texts[index] = text;
    reading->file->lines[index] = line_of(reading->text, section, key);
    return OK;
}

static bool is_section(const char *key)
{
    for (size_t i = 0; i < option_section_count; i++) {
        if (strcmp(option_sections[i], key) == 0)
            return true;
    }
    return false;
}

static enum error_code read_section(struct reading *reading, const char *section,
                                    const json_t *object)
{
    if (!json_is_object(object)) {
        char place[OPTION_PLACE_BYTES];
        place_of(reading, NULL, section, place);
        problems_add(reading->problems, "%s: the value must be an object with the section's keys",
                     place);
        return OK;
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        int index = option_find_key(section, key);
        if (index < 0) {
            report_unknown_key(reading, section, key);
            continue;
        }
        enum error_code code = take_value(reading, section, key, index, value);
        if (code != OK)
            return code;
    }
    return OK;
}

static enum error_code read_top(struct reading *reading, const json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value)
    {
        enum error_code code = OK;
        /* The plan's flat form has these two beside the sections. */
        bool flat =
            strcmp(key, "schema_version") == 0 || strcmp(key, "enable_schema_evolution") == 0;
        if (is_section(key))
            code = read_section(reading, key, value);
        else if (flat)
            code = take_value(reading, NULL, key, option_find_key("output", key), value);
        else
            report_unknown_key(reading, NULL, key);
        if (code != OK)
            return code;
    }
    return OK;
}

static enum error_code read_text(struct reading *reading)
{
    json_error_t where;
    if (reading->text.size_bytes == 0) {
        problems_add(reading->problems,
                     "%s:1:1: this is not JSON: the file is empty; {} sets nothing", reading->path);
        return OK;
    }
    json_t *root;
    enum error_code code = json_text_load(reading->text, JSON_REJECT_DUPLICATES, &root, &where);
    if (code == ERR_NO_MEMORY)
        return code;
    if (code != OK) {
        problems_add(reading->problems, "%s:%d:%d: this is not JSON: %s", reading->path, where.line,
                     where.column, where.text);
        return OK;
    }
    if (json_is_object(root))
        code = read_top(reading, root);
    else
        problems_add(reading->problems,
                     "%s:1: a configuration is a JSON object with the sections service, consumer, "
                     "output and monitoring",
                     reading->path);
    json_decref(root);
    return code;
}

enum error_code option_file_read(struct arena *arena, const char *path, struct option_file *file,
                                 struct problems *problems)
{
    *file = (struct option_file){.texts = {NULL}};
    struct buffer content;
    buffer_init(&content);
    struct error error;
    enum error_code code =
        os_read_input(path, FILE_LIMIT_BYTES, FILE_TIMEOUT_US, &content, NULL, &error);
    if (code == OK) {
        struct reading reading = {.arena = arena,
                                  .path = path,
                                  .text = buffer_view(&content),
                                  .file = file,
                                  .problems = problems};
        code = read_text(&reading);
    } else if (code == ERR_NOT_FOUND) {
        problems_add(problems, "%s: there is no such configuration file", path);
        code = OK;
    } else if (code != ERR_NO_MEMORY) {
        problems_add(problems, "can't read the configuration: %s", error.message);
        code = OK;
    }
    buffer_release(&content);
    return code;
}
