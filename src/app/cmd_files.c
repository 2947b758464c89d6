// SPDX-License-Identifier: Apache-2.0
/* The live data files, one a line: what Spark, pandas and ClickHouse should read. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "app/command.h"
#include "output/json_output.h"
#include "output/say.h"
#include "lake/listing.h"
#include "lake/open.h"
#include "os/log.h"

static enum error_code print_path(void *context, const struct listed_file *file,
                                  struct error *error)
{
    (void)context;
    say("%s\n", file->path);
    return ferror(stdout) ? error_set(error, ERR_IO, "cannot write to standard output") : OK;
}

/* One JSON object a line. */
static enum error_code print_json(void *context, const struct listed_file *file,
                                  struct error *error)
{
    (void)context;
    bool timed = file->last_us != 0;
    json_t *object = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:o, s:I}", "path", json_any_text(file->path),
        "rows", (json_int_t)file->record_count, "bytes", (json_int_t)file->file_size_bytes,
        "first_ledger", (json_int_t)file->range.first, "last_ledger", (json_int_t)file->range.last,
        "first_time", json_time(timed ? file->first_us : 0), "last_time",
        json_time(timed ? file->last_us : 0), "commit_no", (json_int_t)file->commit_no,
        "schema_version", json_any_text(file->schema_version), "hidden_rows",
        (json_int_t)file->hidden_rows);
    return json_print(object, false, error);
}

/* Whoever reads the files alone sees other rows than the table has. */
static void warn_of_changes(const struct listing_totals *totals)
{
    if (totals->hidden_rows > 0)
        log_event(LOG_WARN, "files",
                  "DuckDB users deleted or changed rows that the files still hold: read the table "
                  "through the catalog to have it as they left it",
                  LOG_U("hidden_rows", totals->hidden_rows));
    if (totals->inlined_rows > 0)
        log_event(LOG_WARN, "files",
                  "rows that DuckDB users inserted lie in the catalog alone, in no file: read the "
                  "table through the catalog to have them",
                  LOG_U("rows", totals->inlined_rows));
}

static enum error_code parse_bound(const struct command_line *line, const char *flag,
                                   struct listing_bound *bound, struct error *error)
{
    const char *text = command_line_flag(line, flag);
    if (text == NULL)
        return OK;
    enum error_code code = listing_bound_parse(text, bound, error);
    return code == OK ? OK : error_prefix(error, code, "%s: ", flag);
}

static enum exit_code list_files(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct listing_filter filter = {0};
    struct listing_totals totals = {0};
    struct catalog *catalog = NULL;
    enum error_code code = parse_bound(line, "--since", &filter.since, &error);
    if (code == OK)
        code = parse_bound(line, "--until", &filter.until, &error);
    const char *version = command_line_flag(line, "--schema-version");
    if (code == OK && version != NULL)
        code = row_schema_parse(version, &filter.schema, &error);
    if (code == OK)
        code = lake_open_catalog(&catalog, options->output_path, &error);
    if (code == OK)
        code =
            listing_each_file(catalog, options->output_path, &filter,
                              command_line_flag(line, "--json") != NULL ? print_json : print_path,
                              NULL, &totals, &error);
    if (code == OK)
        warn_of_changes(&totals);
    catalog_close(catalog);
    return command_end(code, &error);
}

enum exit_code cmd_files(const struct command_line *line)
{
    return command_with_options(line, list_files);
}
