// SPDX-License-Identifier: Apache-2.0
/* What a lake holds, from its catalog alone: right beside a running consumer too. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "service/rerun.h"
#include "app/command.h"
#include "output/json_output.h"
#include "output/say.h"
#include "app/status_pieces.h"
#include "catalog/care.h"
#include "catalog/history.h"
#include "commit/backup_record.h"
#include "commit/lake_file.h"
#include "catalog/others.h"
#include "commit/data_path.h"
#include "lake/open.h"
#include "util/memory.h"
#include "util/text.h"

#define RANGES_PRINTED   10
#define RECENT_COMMITS   5
#define NOT_SHOWN_FORMAT "  ... and %zu more (see --json)\n"
#define LEFT_OUT_FORMAT  "  ... and %" PRIu64 " more\n"

/* What others decide the length of. */
enum status_list {
    LIST_RECORDED_HOLES,
    LIST_SEAM_FINDINGS,
    LIST_UNCHECKED_SEAMS,
    LIST_CHANGES, /* snapshots in which others changed rows */
    LIST_OBJECTS, /* tables and views of others */
    LIST_BACKUPS, /* the one that ended last first */
    STATUS_LIST_COUNT
};

struct lake_status {
    struct catalog_totals totals;
    struct ledger_set coverage, unconfirmed;
    struct ledger_set pruned;
    struct ledger_set holes; /* between the lowest and the highest covered ledger */
    struct buffer command;   /* what fetches the holes, ended by a NUL; empty where there is none */
    struct lake_file lake;
    char *data_path;
    char place_warning[DATA_PATH_WARNING_BYTES]; /* "": none */
    struct json_short_list lists[STATUS_LIST_COUNT];
    json_t *commits; /* the newest, newest first */
    int64_t newest_change;
    char newest_change_time[TEXT_TIME_BYTES];
    struct status_pieces pieces;
};

static void status_release(struct lake_status *status)
{
    ledger_set_release(&status->coverage);
    ledger_set_release(&status->unconfirmed);
    ledger_set_release(&status->pruned);
    ledger_set_release(&status->holes);
    buffer_release(&status->command);
    lake_file_release(&status->lake);
    mem_free(status->data_path);
    for (size_t i = 0; i < STATUS_LIST_COUNT; i++)
        json_short_list_release(&status->lists[i]);
    json_decref(status->commits);
    status_pieces_release(&status->pieces);
}

static enum error_code add_commit(void *context, const struct catalog_commit_record *commit,
                                  struct error *error)
{
    struct lake_status *status = context;
    json_t *object =
        json_pack("{s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:b}", "commit_no",
                  (json_int_t)commit->commit_no, "first", (json_int_t)commit->range.first, "last",
                  (json_int_t)commit->range.last, "reason", commit->reason, "schema_version",
                  commit->schema_version, "files", (json_int_t)commit->file_count, "rows",
                  (json_int_t)commit->row_count, "bytes", (json_int_t)commit->size_bytes,
                  "dead_letters", (json_int_t)commit->dead_letter_count, "committed_at",
                  json_time(commit->committed_us), "ended", commit->ended);
    if (json_array_append_new(status->commits, object) != 0)
        return error_no_memory(error, "the lake's status");
    return OK;
}

static size_t text_bytes(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

static enum error_code add_hole(void *context, struct ledger_range range, const char *reason,
                                int64_t recorded_us, struct error *error)
{
    struct json_short_list *holes = &((struct lake_status *)context)->lists[LIST_RECORDED_HOLES];
    if (!json_short_list_takes(holes, text_bytes(reason)))
        return OK;
    json_t *object = json_pack("{s:I, s:I, s:o, s:o}", "first", (json_int_t)range.first, "last",
                               (json_int_t)range.last, "reason", json_any_text(reason),
                               "recorded_at", json_time(recorded_us));
    return json_short_list_append(holes, object, error);
}

static enum error_code add_seam_finding(void *context, const struct catalog_seam_finding *finding,
                                        struct error *error)
{
    struct json_short_list *list = &((struct lake_status *)context)->lists[LIST_SEAM_FINDINGS];
    if (!json_short_list_takes(list, 0))
        return OK;
    json_t *object =
        json_pack("{s:I, s:s, s:I, s:o, s:o}", "ledger", (json_int_t)finding->ledger, "finding",
                  "other_contents", "times", (json_int_t)finding->times, "first_seen",
                  json_time(finding->first_seen_us), "last_seen", json_time(finding->last_seen_us));
    return json_short_list_append(list, object, error);
}

/* One run fetches what is not covered of its range: from the first hole to the last. */
static enum error_code make_command(const struct options *options, struct lake_status *status,
                                    struct error *error)
{
    struct rerun rerun;
    if (status->holes.count == 0)
        return OK;
    const struct ledger_range span = ledger_set_span(&status->holes);
    rerun_init(&rerun);
    enum error_code code = rerun_of_lake(&rerun, options, error);
    if (code == OK && (rerun_append_run(&rerun, span, &status->command) != OK ||
                       buffer_append_byte(&status->command, '\0') != OK))
        code = error_no_memory(error, "the lake's status");
    rerun_release(&rerun);
    return code;
}

static json_t *json_ledger(uint32_t ledger)
{
    return ledger != 0 ? json_integer(ledger) : json_null();
}

static enum error_code add_unchecked_seam(void *context, const struct catalog_unchecked_seam *seam,
                                          struct error *error)
{
    struct json_short_list *list = &((struct lake_status *)context)->lists[LIST_UNCHECKED_SEAMS];
    if (!json_short_list_takes(list, 0))
        return OK;
    json_t *object = json_pack("{s:I, s:o, s:o, s:o, s:o}", "first", (json_int_t)seam->range.first,
                               "last", json_ledger(seam->range.last), "ledger_below",
                               json_ledger(seam->below), "ledger_above", json_ledger(seam->above),
                               "recorded_at", json_time(seam->recorded_us));
    return json_short_list_append(list, object, error);
}

static enum error_code add_change(void *context, const struct catalog_change *change,
                                  struct error *error)
{
    struct lake_status *status = context;
    struct json_short_list *list = &status->lists[LIST_CHANGES];
    status->newest_change = change->snapshot_id;
    snprintf(status->newest_change_time, sizeof status->newest_change_time, "%s", change->time);
    if (!json_short_list_takes(list, text_bytes(change->time) + text_bytes(change->changes)))
        return OK;
    json_t *object =
        json_pack("{s:I, s:o, s:o}", "snapshot_id", (json_int_t)change->snapshot_id, "time",
                  json_any_text(change->time), "changes_made", json_any_text(change->changes));
    return json_short_list_append(list, object, error);
}

static enum error_code add_object(void *context, bool is_view, const char *schema, const char *name,
                                  struct error *error)
{
    struct json_short_list *list = &((struct lake_status *)context)->lists[LIST_OBJECTS];
    if (!json_short_list_takes(list, text_bytes(schema) + text_bytes(name)))
        return OK;
    json_t *object = json_pack("{s:s, s:o, s:o}", "kind", is_view ? "view" : "table", "schema",
                               json_any_text(schema), "name", json_any_text(name));
    return json_short_list_append(list, object, error);
}

/* What others than this program did to the table, and keep beside it. */
static enum error_code read_others(struct catalog *catalog, struct lake_status *status,
                                   struct error *error)
{
    enum error_code code = catalog_each_change(catalog, add_change, status, error);
    return code == OK ? catalog_each_other_object(catalog, add_object, status, error) : code;
}

static enum error_code read_place(struct catalog *catalog, const struct options *options,
                                  struct lake_status *status, struct error *error)
{
    enum error_code code = catalog_data_path(catalog, &status->data_path, error);
    if (code == OK)
        code = data_path_warning(catalog, options->output_path, options->reader_data_path,
                                 status->place_warning, error);
    return code;
}

/* Between covered ledgers, and not pruned. */
static enum error_code find_gaps(struct lake_status *status, struct error *error)
{
    const struct ledger_range span = ledger_set_span(&status->coverage);
    struct ledger_set missing = {0};
    enum error_code code = ledger_set_missing(&status->coverage, span, &missing, error);
    if (code == OK)
        code = ledger_set_subtract(&missing, &status->pruned, &status->holes, error);
    ledger_set_release(&missing);
    return code;
}

static enum error_code read_status(struct catalog *catalog, const struct options *options,
                                   struct lake_status *status, struct error *error)
{
    for (size_t i = 0; i < STATUS_LIST_COUNT; i++)
        json_short_list_init(&status->lists[i]);
    status->commits = json_array();
    enum error_code code = lake_file_read_at(&status->lake, options->output_path, error);
    if (code == OK)
        code = catalog_begin_read(catalog, error);
    if (code == OK)
        code = read_place(catalog, options, status, error);
    if (code == OK)
        code = catalog_totals(catalog, &status->totals, error);
    if (code == OK)
        code = catalog_coverage(catalog, &status->coverage, error);
    if (code == OK)
        code = catalog_pruned(catalog, &status->pruned, error);
    if (code == OK && status->coverage.count > 1)
        code = find_gaps(status, error);
    if (code == OK)
        code = catalog_unconfirmed(catalog, &status->unconfirmed, error);
    if (code == OK)
        code = catalog_each_commit(catalog, RECENT_COMMITS, add_commit, status, error);
    if (code == OK)
        code = catalog_each_recorded_hole(catalog, add_hole, status, error);
    if (code == OK)
        code = catalog_each_seam_finding(catalog, add_seam_finding, status, error);
    if (code == OK)
        code = catalog_each_unchecked_seam(catalog, add_unchecked_seam, status, error);
    if (code == OK)
        code = status_pieces_read(&status->pieces, catalog, error);
    if (code == OK)
        code = read_others(catalog, status, error);
    catalog_end_read(catalog);
    return code;
}

static enum error_code add_backup(struct json_short_list *list, const struct backup_record *record,
                                  struct error *error)
{
    if (!json_short_list_takes(list, text_bytes(record->destination)))
        return OK;
    json_t *object = json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:I}", "destination", json_any_text(record->destination),
        "ended_at", json_time(record->ended_us), "snapshot_id", (json_int_t)record->snapshot_id,
        "commit_no", (json_int_t)record->commit_no, "files", (json_int_t)record->files, "bytes",
        (json_int_t)record->bytes);
    return json_short_list_append(list, object, error);
}

static enum error_code read_backups(const struct options *options, struct lake_status *status,
                                    struct error *error)
{
    struct store store;
    struct backup_records *records = mem_alloc_zero(1, sizeof *records);
    enum error_code code =
        records != NULL ? OK : error_no_memory(error, "the list of the lake's backups");
    if (code == OK)
        code = store_at(&store, options->output_path, error);
    if (code == OK)
        code = backup_records_read(records, &store, error);
    for (size_t i = 0; code == OK && i < records->count; i++)
        code = add_backup(&status->lists[LIST_BACKUPS], &records->items[i], error);
    mem_free(records);
    return code;
}

static uint64_t left_out_of(const struct lake_status *status, enum status_list list)
{
    return status->lists[list].budget.left_out;
}

static json_t *json_version(const void *context, size_t index)
{
    const struct catalog_version *version =
        &((const struct lake_status *)context)->totals.versions[index];
    return json_pack("{s:s, s:I, s:I}", "version", version->name, "commits",
                     (json_int_t)version->commits, "rows", (json_int_t)version->rows);
}

static enum error_code print_json(struct catalog *catalog, const char *output_path,
                                  const struct lake_status *status, struct error *error)
{
    const struct catalog_totals *totals = &status->totals;
    json_t *object = json_pack(
        "{s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I, "
        "s:I, s:I, s:I, s:o, s:O, s:O, s:O, s:O, s:I, s:I, s:O, s:O, s:o, s:o, s:o, s:O}",
        "output_path", json_any_text(output_path), "lake_id", catalog_lake_id(catalog), "network",
        status->lake.network, "partitioning_scheme", status->lake.scheme, "schema_version",
        catalog_schema_version(catalog), "schema_versions",
        json_list(status->totals.version_count, json_version, status), "coverage",
        json_ranges(&status->coverage), "gaps", json_ranges(&status->holes), "command",
        json_any_text((const char *)status->command.data), "commits", (json_int_t)totals->commits,
        "snapshots", (json_int_t)totals->snapshots, "files", (json_int_t)totals->files, "rows",
        (json_int_t)totals->rows, "bytes", (json_int_t)totals->file_bytes, "newest_ledger_time",
        json_time(totals->newest_close_us), "last_commit", json_time(totals->last_commit_us),
        "dead_letters", (json_int_t)totals->dead_letters, "null_amount_decimals",
        (json_int_t)totals->null_decimals, "replaced_memos", (json_int_t)totals->replaced_memos,
        "unconfirmed_ledgers", (json_int_t)totals->unconfirmed_ledgers, "unconfirmed",
        json_ranges(&status->unconfirmed), "holes", status->lists[LIST_RECORDED_HOLES].items,
        "seam_findings", status->lists[LIST_SEAM_FINDINGS].items, "unchecked_seams",
        status->lists[LIST_UNCHECKED_SEAMS].items, "recent_commits", status->commits, "hidden_rows",
        (json_int_t)status->totals.deleted_rows, "inlined_rows",
        (json_int_t)status->totals.inlined_rows, "changes_by_others",
        status->lists[LIST_CHANGES].items, "others_tables", status->lists[LIST_OBJECTS].items,
        "data_path", json_any_text(status->data_path), "data_path_warning",
        status->place_warning[0] == '\0' ? json_null() : json_any_text(status->place_warning),
        "pruned", json_ranges(&status->pruned), "backups", status->lists[LIST_BACKUPS].items);
    status_pieces_add(&status->pieces, object);
    const struct json_left_out left_out[] = {
        {"coverage", json_left_out_of(status->coverage.count)},
        {"gaps", json_left_out_of(status->holes.count)},
        {"pruned", json_left_out_of(status->pruned.count)},
        {"unconfirmed", json_left_out_of(status->unconfirmed.count)},
        {"holes", left_out_of(status, LIST_RECORDED_HOLES)},
        {"seam_findings", left_out_of(status, LIST_SEAM_FINDINGS)},
        {"unchecked_seams", left_out_of(status, LIST_UNCHECKED_SEAMS)},
        {"changes_by_others", left_out_of(status, LIST_CHANGES)},
        {"others_tables", left_out_of(status, LIST_OBJECTS)}};
    object = json_add_left_out(object, left_out, sizeof left_out / sizeof *left_out);
    return json_print(object, true, error);
}

static void print_ranges(const char *title, const struct ledger_set *set)
{
    uint64_t ledgers = ledger_set_ledgers(set);
    size_t count = set->count;
    char text[TEXT_TIME_BYTES];
    text_count(ledgers, text);
    say("%-14s %s ledger%s in %zu range%s\n", title, text, text_plural(ledgers), count,
        text_plural(count));
    size_t shown = count < RANGES_PRINTED ? count : RANGES_PRINTED;
    for (size_t i = 0; i < shown; i++)
        say("  %" PRIu32 " to %" PRIu32 "\n", set->ranges[i].first, set->ranges[i].last);
    if (shown < count)
        say(NOT_SHOWN_FORMAT, count - shown);
}

static void print_counts(const struct lake_status *status)
{
    char rows[TEXT_TIME_BYTES], files[TEXT_TIME_BYTES], size[TEXT_TIME_BYTES];
    char time[TEXT_TIME_BYTES];
    const struct catalog_totals *totals = &status->totals;
    text_count(totals->rows, rows);
    text_count(totals->files, files);
    text_size(totals->file_bytes, size);
    say("%-14s %s row%s in %s file%s, %s, %" PRIu64 " commit%s\n", "content", rows,
        text_plural(totals->rows), files, text_plural(totals->files), size, totals->commits,
        text_plural(totals->commits));
    for (size_t i = 0; i < status->totals.version_count; i++) {
        text_count(status->totals.versions[i].rows, rows);
        say("  schema %s: %s row%s, %" PRIu64 " commit%s\n", status->totals.versions[i].name, rows,
            text_plural(status->totals.versions[i].rows), status->totals.versions[i].commits,
            text_plural(status->totals.versions[i].commits));
    }
    if (totals->newest_close_us != 0) {
        text_rfc3339(totals->newest_close_us, time);
        say("%-14s %s\n", "newest ledger", time);
    }
    if (totals->last_commit_us != 0) {
        text_rfc3339(totals->last_commit_us, time);
        say("%-14s %s\n", "last commit", time);
    }
}

static void print_left_out(const struct lake_status *status, enum status_list list)
{
    if (left_out_of(status, list) > 0)
        say(LEFT_OUT_FORMAT, left_out_of(status, list));
}

/* "a" or "a and b" */
static void print_unchecked_seams(const struct lake_status *status)
{
    size_t i;
    json_t *seam;
    json_array_foreach(status->lists[LIST_UNCHECKED_SEAMS].items, i, seam)
    {
        json_int_t below = json_integer_value(json_object_get(seam, "ledger_below"));
        json_int_t above = json_integer_value(json_object_get(seam, "ledger_above"));
        json_int_t last = json_integer_value(json_object_get(seam, "last"));
        say("%-14s unchecked: that ledgers %" JSON_INTEGER_FORMAT, "seam",
            json_integer_value(json_object_get(seam, "first")));
        if (last != 0)
            say(" to %" JSON_INTEGER_FORMAT, last);
        else
            say(" and later ones");
        say(" are of the same chain as ledger ");
        if (below != 0)
            say("%" JSON_INTEGER_FORMAT "%s", below, above != 0 ? " and " : "");
        if (above != 0)
            say("%" JSON_INTEGER_FORMAT, above);
        say("\n  (which the server did not serve at %s; close times fit)\n",
            json_string_value(json_object_get(seam, "recorded_at")));
    }
    print_left_out(status, LIST_UNCHECKED_SEAMS);
}

/* "table main.labels, view main.v" */
static void print_objects(const struct lake_status *status)
{
    const json_t *objects = status->lists[LIST_OBJECTS].items;
    size_t i;
    json_t *object;
    if (json_array_size(objects) == 0)
        return;
    say("%-14s ", "of others");
    json_array_foreach(objects, i, object)
        say("%s%s %s.%s", i == 0 ? "" : ", ", json_string_value(json_object_get(object, "kind")),
            json_string_value(json_object_get(object, "schema")),
            json_string_value(json_object_get(object, "name")));
    say("\n");
    print_left_out(status, LIST_OBJECTS);
}

static void print_others(const struct lake_status *status)
{
    const struct list_budget *changes = &status->lists[LIST_CHANGES].budget;
    uint64_t count = changes->kept + changes->left_out;
    char hidden[TEXT_TIME_BYTES], inlined[TEXT_TIME_BYTES];
    text_count(status->totals.deleted_rows, hidden);
    text_count(status->totals.inlined_rows, inlined);
    if (status->totals.deleted_rows + status->totals.inlined_rows > 0)
        say("%-14s %s row%s of the files hidden, %s row%s in the catalog itself\n", "by others",
            hidden, text_plural(status->totals.deleted_rows), inlined,
            text_plural(status->totals.inlined_rows));
    if (count > 0)
        say("%-14s rows changed in %" PRIu64 " snapshot%s, the last is %" PRId64
            " at %s: 'verify' tells what is left of it\n",
            "by others", count, text_plural(count), status->newest_change,
            status->newest_change_time);
    print_objects(status);
}

/* The last one: the others are in the JSON. */
static void print_backup(const struct lake_status *status)
{
    const json_t *last = json_array_get(status->lists[LIST_BACKUPS].items, 0);
    if (last != NULL)
        say("%-14s %s, of snapshot %" JSON_INTEGER_FORMAT ", in\n  %s\n", "last backup",
            json_string_value(json_object_get(last, "ended_at")),
            json_integer_value(json_object_get(last, "snapshot_id")),
            json_string_value(json_object_get(last, "destination")));
}

static void print_oddities(const struct lake_status *status)
{
    const struct catalog_totals *totals = &status->totals;
    if (status->unconfirmed.count > 0)
        print_ranges("unconfirmed", &status->unconfirmed);
    say("%-14s %" PRIu64 "\n", "dead letters", totals->dead_letters);
    if (totals->null_decimals > 0)
        say("%-14s %" PRIu64 " rows whose amount has no amount_decimal\n", "amounts",
            totals->null_decimals);
    if (totals->replaced_memos > 0)
        say("%-14s %" PRIu64 " whose text was not UTF-8\n", "memos", totals->replaced_memos);
    size_t i;
    json_t *hole, *finding;
    json_array_foreach(status->lists[LIST_RECORDED_HOLES].items, i, hole)
        say("%-14s %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT ", given up at %s:\n  %s\n",
            "recorded hole", json_integer_value(json_object_get(hole, "first")),
            json_integer_value(json_object_get(hole, "last")),
            json_string_value(json_object_get(hole, "recorded_at")),
            json_string_value(json_object_get(hole, "reason")));
    print_left_out(status, LIST_RECORDED_HOLES);
    json_array_foreach(status->lists[LIST_SEAM_FINDINGS].items, i, finding)
        say("%-14s ledger %" JSON_INTEGER_FORMAT ": the server sends other contents than are "
            "stored\n  (met %" JSON_INTEGER_FORMAT " time%s, the last at %s)\n",
            "seam", json_integer_value(json_object_get(finding, "ledger")),
            json_integer_value(json_object_get(finding, "times")),
            text_plural((uint64_t)json_integer_value(json_object_get(finding, "times"))),
            json_string_value(json_object_get(finding, "last_seen")));
    print_left_out(status, LIST_SEAM_FINDINGS);
    print_unchecked_seams(status);
}

static void print_text(struct catalog *catalog, const struct options *options,
                       const struct lake_status *status)
{
    say("%-14s %s\n", "lake", options->output_path);
    say("%-14s %s\n", "id", catalog_lake_id(catalog));
    if (status->lake.network[0] != '\0')
        say("%-14s %s\n", "network", status->lake.network);
    say("%-14s %s\n", "scheme", status->lake.scheme);
    say("%-14s %s\n", "schema", catalog_schema_version(catalog));
    if (status->place_warning[0] != '\0')
        say("%-14s %s\n", "place", status->place_warning);
    print_ranges("coverage", &status->coverage);
    if (status->pruned.count > 0)
        print_ranges("pruned", &status->pruned);
    if (status->holes.count > 0) {
        print_ranges("holes", &status->holes);
        say("  fetch by:\n  %s\n", (const char *)status->command.data);
        if (rerun_server_is_default(options))
            say("  (" RERUN_DEFAULT_SERVER ")\n");
    }
    print_counts(status);
    status_pieces_print(&status->pieces);
    print_oddities(status);
    print_others(status);
    print_backup(status);
}

static enum exit_code show_status(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct lake_status status = {0};
    struct catalog *catalog = NULL;
    lake_file_init(&status.lake);
    buffer_init(&status.command);
    enum error_code code = lake_open_catalog(&catalog, options->output_path, &error);
    if (code == OK)
        code = read_status(catalog, options, &status, &error);
    if (code == OK)
        code = read_backups(options, &status, &error);
    if (code == OK)
        code = make_command(options, &status, &error);
    if (code == OK && command_line_flag(line, "--json") != NULL)
        code = print_json(catalog, options->output_path, &status, &error);
    else if (code == OK)
        print_text(catalog, options, &status);
    status_release(&status);
    catalog_close(catalog);
    return command_end(code, &error);
}

enum exit_code cmd_status(const struct command_line *line)
{
    return command_with_options(line, show_status);
}
