// SPDX-License-Identifier: Apache-2.0
/* Ends old snapshots, and deletes what only they needed. */
#include <inttypes.h>
#include <jansson.h>

#include "app/command.h"
#include "output/json_output.h"
#include "output/say.h"
#include "care/expire.h"
#include "util/text.h"

static enum error_code read_age(const struct command_line *line, const struct options *options,
                                int64_t *older_than_us, struct error *error)
{
    const char *age = command_line_flag(line, "--older-than");
    *older_than_us = options->snapshot_retention_us;
    if (age != NULL &&
        (!text_parse_duration(bytes_view_text(age), older_than_us) || *older_than_us < 0))
        return error_set(error, ERR_INVALID, "--older-than: '%s' is no duration such as 7d or 12h",
                         age);
    return age != NULL || *older_than_us > 0
               ? OK
               : error_set(error, ERR_INVALID,
                           "which snapshots are old? Give --older-than 7d (0s: all but the "
                           "newest), or the option --snapshot-retention");
}

/* How many files of the lake's own go, or went. */
static uint64_t file_count(const struct expire_report *report, bool dry_run)
{
    return dry_run ? report->expiry.files : report->deleted.files;
}

static uint64_t byte_count(const struct expire_report *report, bool dry_run)
{
    return dry_run ? report->expiry.bytes : report->deleted.bytes;
}

static enum error_code print_json(const struct expire_report *report, bool dry_run,
                                  struct error *error)
{
    const struct catalog_expiry *expiry = &report->expiry;
    const struct deletion_report *deleted = &report->deleted;
    json_t *object = json_pack(
        "{s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I}", "dry_run",
        dry_run, "before", json_time(expiry->before_us), "snapshots_ended",
        (json_int_t)expiry->snapshots, "snapshots_left", (json_int_t)expiry->snapshots_left,
        "oldest_snapshot", (json_int_t)expiry->oldest_snapshot, "files_deleted",
        (json_int_t)file_count(report, dry_run), "bytes_deleted",
        (json_int_t)byte_count(report, dry_run), "files_missing", (json_int_t)deleted->missing,
        "files_left_alone", (json_int_t)deleted->left_alone, "files_left_to_duckdb",
        (json_int_t)expiry->scheduled, "files_waiting", (json_int_t)deleted->waiting_files,
        "bytes_waiting", (json_int_t)deleted->waiting_bytes, "waiting_for",
        deleted->waits_for[0] == '\0' ? json_null() : json_any_text(deleted->waits_for),
        "commits_forgotten", (json_int_t)report->commits_forgotten);
    return json_print(object, true, error);
}

/* What is not this program's to delete, or not now. */
static void print_rest(const struct expire_report *report, bool dry_run)
{
    const struct deletion_report *deleted = &report->deleted;
    char size[TEXT_TIME_BYTES];
    text_size(deleted->waiting_bytes, size);
    if (deleted->waiting_files > 0)
        say("%" PRIu64 " files, %s, wait: %s\n", deleted->waiting_files, size, deleted->waits_for);
    if (deleted->left_alone > 0)
        say("%" PRIu64 " files in _lake that were to be deleted are not what they were, and stay: "
            "the log names the first\n",
            deleted->left_alone);
    if (report->expiry.scheduled > 0)
        say("%" PRIu64 " files that others than this program made %s left to DuckDB:\n"
            "  CALL ducklake_cleanup_old_files('lake', cleanup_all => true)\n",
            report->expiry.scheduled, dry_run ? "would be" : "are");
}

static void print_text(const struct expire_report *report, bool dry_run)
{
    const struct catalog_expiry *expiry = &report->expiry;
    char time[TEXT_TIME_BYTES], size[TEXT_TIME_BYTES];
    uint64_t files = file_count(report, dry_run);
    text_rfc3339(expiry->before_us, time);
    text_size(byte_count(report, dry_run), size);
    if (expiry->snapshots > 0)
        say("%s %" PRIu64 " snapshots from before %s; the oldest one is %" PRId64 " now\n",
            dry_run ? "would end" : "ended", expiry->snapshots, time, expiry->oldest_snapshot);
    if (files > 0)
        say("%s %" PRIu64 " files that only they needed, %s\n",
            dry_run ? "would delete" : "deleted", files, size);
    if (expiry->snapshots == 0 && files == 0)
        say("nothing to expire: no snapshot is from before %s\n", time);
    print_rest(report, dry_run);
}

static enum exit_code expire(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct expire_report report;
    int64_t older_than_us = 0;
    bool dry_run = command_line_flag(line, "--dry-run") != NULL;
    enum error_code code = read_age(line, options, &older_than_us, &error);
    if (code == OK)
        code = expire_lake(options->output_path, older_than_us, dry_run, &report, &error);
    if (code == OK && command_line_flag(line, "--json") != NULL)
        code = print_json(&report, dry_run, &error);
    else if (code == OK)
        print_text(&report, dry_run);
    return command_end(code, &error);
}

enum exit_code cmd_expire(const struct command_line *line)
{
    return command_with_options(line, expire);
}
