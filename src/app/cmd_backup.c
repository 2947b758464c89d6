// SPDX-License-Identifier: Apache-2.0
/* Copies a lake into a folder or to object storage, to a lake of its own. */
#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "output/json_output.h"
#include "output/say.h"
#include "config/option_table.h"
#include "config/option_load.h"
#include "care/backup.h"
#include "store/objects.h"
#include "util/text.h"

/* What a backup tells of while it works: said at once, or kept for the JSON. */
struct notes {
    bool as_json;
    struct json_short_list list;
};

static void take_note(void *context, const char *sentence)
{
    struct notes *notes = context;
    if (!notes->as_json)
        say("note: %s\n", sentence);
    else if (json_short_list_takes(&notes->list, strlen(sentence)))
        (void)!json_short_list_append(&notes->list, json_any_text(sentence), NULL);
}

/* ---- JSON ---- */

static json_t *json_counts(json_t *object, const char *what, const struct backup_count *counts)
{
    char files[32], bytes[32];
    snprintf(files, sizeof files, "%s%sfiles", what, what[0] == '\0' ? "" : "_");
    snprintf(bytes, sizeof bytes, "%s%sbytes", what, what[0] == '\0' ? "" : "_");
    if (object != NULL &&
        json_object_set_new(object, files, json_integer((json_int_t)counts->files)) == 0 &&
        json_object_set_new(object, bytes, json_integer((json_int_t)counts->bytes)) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static enum error_code print_json(const struct backup_report *report,
                                  const struct backup_options *options, struct notes *notes,
                                  struct error *error)
{
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:s, s:b, s:b, s:b, s:b, s:I, s:I, s:f}", "lake_path",
        json_any_text(report->lake_path), "destination", json_any_text(report->destination),
        "data_path", json_any_text(report->data_path), "lake_id", report->lake_id, "first",
        report->is_new, "link", options->link, "mirror", options->mirror, "dry_run",
        options->dry_run, "snapshot_id", (json_int_t)report->snapshot_id, "commit_no",
        (json_int_t)report->commit_no, "seconds", (double)report->duration_us / US_PER_SECOND);
    object = json_counts(object, "", &report->all);
    object = json_counts(object, "copied", &report->copied);
    object = json_counts(object, "left_out", &report->left_out);
    object = json_counts(object, "left", &report->left);
    object = json_counts(object, "removed", &report->removed);
    if (object != NULL && json_object_set(object, "notes", notes->list.items) != 0) {
        json_decref(object);
        object = NULL;
    }
    return json_print(object, true, error);
}

/* ---- text ---- */

static void print_text(const struct backup_report *report, const struct backup_options *options)
{
    char all[TEXT_TIME_BYTES], copied[TEXT_TIME_BYTES], other[TEXT_TIME_BYTES],
        took[TEXT_TIME_BYTES];
    text_size(report->all.bytes, all);
    text_size(report->copied.bytes, copied);
    text_duration(report->duration_us / 1000 * 1000, took);
    say("%s %s to %s: snapshot %" PRId64 ", commit %" PRIu64 ", %" PRIu64 " file%s (%s)\n",
        options->dry_run ? "would back up" : "backed up", report->lake_path, report->destination,
        report->snapshot_id, report->commit_no, report->all.files, text_plural(report->all.files),
        all);
    say("%s: %" PRIu64 " file%s (%s)", options->link ? "linked" : "copied", report->copied.files,
        text_plural(report->copied.files), copied);
    if (options->dry_run)
        say(" would be\n");
    else
        say(" in %s\n", took);
    text_size(report->removed.bytes, other);
    if (report->removed.files > 0)
        say("%s: %" PRIu64 " file%s (%s) that left the lake\n",
            options->dry_run ? "would be removed" : "removed", report->removed.files,
            text_plural(report->removed.files), other);
    text_size(report->left.bytes, other);
    if (report->left.files > 0)
        say("kept: %" PRIu64 " file%s (%s) that left the lake; --mirror removes them\n",
            report->left.files, text_plural(report->left.files), other);
}

/* ---- whose options they are ----
 * The configuration file and the environment speak of the lake; flags of what a lake is like speak
 * of the copy. */

static const char *reader_path_of_backup(const struct options *options)
{
    int index = option_index(offsetof(struct options, reader_data_path));
    return options->origins[index].kind == ORIGIN_FLAG ? options->reader_data_path : "";
}

/* Whether the lake is told of without these two flags. */
static bool lake_is_known(const struct command_line *line)
{
    struct problems problems, warnings;
    struct options options;
    struct option_sources sources = {
        .config_path = line->config_path, .environment = environ, .flag_texts = line->option_texts};
    problems_init(&problems);
    problems_init(&warnings);
    options_init(&options);
    bool known = options_load(&options, &sources, &problems, &warnings) == OK;
    options_release(&options);
    problems_release(&problems);
    problems_release(&warnings);
    return known;
}

/* A lake on s3:// that comes back to a folder has a catalog that must be named, and the folder need
 * have none: there the flags are the lake's, unless something else names it. Each other command
 * takes them for that lake, too. */
static bool flags_are_the_lakes(const struct command_line *line)
{
    return command_line_flag(line, "--catalog") != NULL && !objects_is_url(line->arguments[0]) &&
           !lake_is_known(line);
}

static void give_flags_to_lake(struct command_line *line)
{
    line->option_texts[option_index(offsetof(struct options, catalog))] =
        command_line_flag(line, "--catalog");
    line->option_texts[option_index(offsetof(struct options, catalog_schema))] =
        command_line_flag(line, "--catalog-schema");
}

static const char *copy_flag(const struct command_line *line, const char *name, bool is_lakes)
{
    const char *text = is_lakes ? NULL : command_line_flag(line, name);
    return text == NULL ? "" : text;
}

/* ---- the command ---- */

static enum error_code run_backup(const struct command_line *line, const struct options *options,
                                  bool is_lakes, struct error *error)
{
    struct backup_report report;
    struct notes notes = {.as_json = command_line_flag(line, "--json") != NULL};
    struct backup_options wanted = {.output_path = options->output_path,
                                    .destination = line->arguments[0],
                                    .catalog = copy_flag(line, "--catalog", is_lakes),
                                    .catalog_schema = copy_flag(line, "--catalog-schema", is_lakes),
                                    .reader_data_path = reader_path_of_backup(options),
                                    .link = command_line_flag(line, "--link") != NULL,
                                    .mirror = command_line_flag(line, "--mirror") != NULL,
                                    .dry_run = command_line_flag(line, "--dry-run") != NULL,
                                    .teller = {take_note, &notes}};
    json_short_list_init(&notes.list);
    enum error_code code = backup_lake(&wanted, &report, error);
    if (code == OK && notes.as_json)
        code = print_json(&report, &wanted, &notes, error);
    else if (code == OK)
        print_text(&report, &wanted);
    json_short_list_release(&notes.list);
    return code;
}

static enum error_code check_arguments(const struct command_line *line, struct error *error)
{
    if (line->argument_count != 1)
        return error_set(error, ERR_INVALID,
                         "backup needs the folder, or s3:// address, to write to: parquet-consumer "
                         "backup DEST --output-path LAKE");
    if (command_line_flag(line, "--catalog-schema") != NULL &&
        command_line_flag(line, "--catalog") == NULL)
        return error_set(error, ERR_INVALID,
                         "--catalog-schema of a backup is the copy's: give it with --catalog "
                         "postgres:CONNINFO");
    return OK;
}

enum exit_code cmd_backup(const struct command_line *line)
{
    struct options options;
    struct error error = {0};
    struct command_line call = *line;
    if (check_arguments(line, &error) != OK)
        return command_fail(EXIT_USAGE, &error);
    call.argument_count = 0; /* the options' START END are none of it */
    bool is_lakes = flags_are_the_lakes(line);
    if (is_lakes)
        give_flags_to_lake(&call);
    options_init(&options);
    enum exit_code exit_code = command_load_options(&call, &options);
    if (exit_code == EXIT_DONE)
        exit_code = command_end(run_backup(line, &options, is_lakes, &error), &error);
    options_release(&options);
    return exit_code;
}
