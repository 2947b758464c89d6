// SPDX-License-Identifier: Apache-2.0
#include "output/report_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "service/rerun.h"
#include "output/json_output.h"
#include "config/option_json.h"
#include "status/figures.h"
#include "config/option_table.h"
#include "util/json_text.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/stream.h"
#include "util/buffer.h"
#include "util/text.h"
#include "version.h"

/* Whoever reads a report from a pipe is there; a run ends in time all the same. */
#define STREAM_TIMEOUT_US INT64_C(5000000)

/* Where the report is kept until the end; a stream has no such place. */
static enum error_code look_at(const char *path, char out[OS_PATH_BYTES], bool *is_stream,
                               struct error *error)
{
    *is_stream = false;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    int length = snprintf(out, OS_PATH_BYTES, "%.*sincomplete_%s", (int)(name - path), path, name);
    if (name[0] == '\0' || length >= OS_PATH_BYTES)
        return error_set(error, ERR_INVALID, "--report: \"%s\" is not the path of a file", path);
    return os_stream_look(path, is_stream, error);
}

static int set_time(json_t *object, const char *key, int64_t unix_us)
{
    return json_object_set_new(object, key, json_time(unix_us));
}

static int set_number(json_t *object, const char *key, uint64_t number)
{
    return json_object_set_new(object, key, json_integer((json_int_t)number));
}

/* {"start_ledger": 1000, …}: the values in force. */
static json_t *parameters_of(const struct options *options)
{
    json_t *parameters = json_object();
    for (size_t i = 0; parameters != NULL && i < option_count; i++) {
        char name[OPTION_NAME_BYTES];
        option_name(&option_table[i], name);
        if (json_object_set_new(parameters, name, option_value_json(options, (int)i)) != 0) {
            json_decref(parameters);
            parameters = NULL;
        }
    }
    return parameters;
}

static json_t *report_head(const struct options *options, const char *state, int64_t started_us)
{
    json_t *root = json_object();
    if (root == NULL || json_object_set_new(root, "state", json_string(state)) != 0 ||
        json_object_set_new(root, "version", json_string(TTP_VERSION)) != 0 ||
        json_object_set_new(root, "build", json_string(TTP_BUILD_HASH)) != 0 ||
        set_time(root, "started", started_us) != 0 ||
        json_object_set_new(root, "parameters", parameters_of(options)) != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static json_t *problem_of(const void *context, size_t index)
{
    const struct status_problem *problem = &((const struct run_report *)context)->problems[index];
    return json_pack("{s:s,s:o,s:I}", "level", problem->error ? "error" : "warn", "message",
                     json_any_text(problem->message), "count", (json_int_t)problem->count);
}

/* The newest gaps; gap_ledgers counts all. */
static json_t *gaps_of(struct source_gaps gaps)
{
    return json_ranges(&(struct ledger_set){.ranges = gaps.kept, .count = gaps.kept_count});
}

static int set_figures(json_t *root, const struct status_snapshot *last)
{
    const char *key;
    uint64_t number;
    int failed = 0;
    for (unsigned place = 1; figures_of_report(last, place, &key, &number); place++) {
        failed |= set_number(root, key, number);
        if (strcmp(key, "found_ledgers") == 0) /* the last that counts gaps: here they are */
            failed |= json_object_set_new(root, "gaps", gaps_of(last->stream.gaps));
    }
    return failed;
}

/* What fetches the rest; null where nothing is left, or what is left may not come from there. */
static json_t *command_of(const struct options *options, const struct run_report *report)
{
    if (report->uncovered.count == 0 || report->other_chain)
        return json_null();
    const struct ledger_range rest = ledger_set_span(&report->uncovered);
    struct buffer command;
    buffer_init(&command);
    json_t *text = rerun_write_run(options, rest, &command) == OK
                       ? json_any_text((const char *)command.data)
                       : NULL;
    buffer_release(&command);
    return text;
}

static json_t *words_of(const char *words)
{
    return words != NULL && words[0] != '\0' ? json_any_text(words) : json_null();
}

/* How the last call that failed ended; null where none did. */
static json_t *server_of(const struct status_snapshot *last)
{
    if (last->stream.failure.at_us == 0)
        return json_null();
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "failed_at", json_time(last->stream.failure.at_us),
        "address", words_of(last->stream.failure.address), "asked_for",
        words_of(last->stream.failure.asked), "status", words_of(last->stream.failure.status),
        "message", words_of(last->stream.failure.message), "failure",
        words_of(last->stream.failure.words), "meaning", words_of(last->stream.failure.meaning));
}

static json_t *report_whole(const struct options *options, const struct run_report *report,
                            enum exit_code exit_code)
{
    int64_t now_us = os_realtime_us();
    json_t *root =
        report_head(options, report->stopped ? "stopped" : "ended", now_us - report->elapsed_us);
    double seconds = (double)report->elapsed_us / 1e6;
    double rate = seconds > 0 ? (double)report->last.sink.rows_committed / seconds : 0.0;
    if (root == NULL || set_time(root, "ended", now_us) != 0 ||
        json_object_set_new(root, "elapsed_seconds", json_real(seconds)) != 0 ||
        json_object_set_new(root, "exit_code", json_integer((int)exit_code)) != 0 ||
        set_figures(root, &report->last) != 0 ||
        json_object_set_new(root, "rows_per_second", json_real(rate)) != 0 ||
        json_object_set_new(root, "problems",
                            json_list(report->problem_count, problem_of, report)) != 0 ||
        json_object_set_new(root, "server", server_of(&report->last)) != 0 ||
        json_object_set_new(root, "uncovered", json_ranges(&report->uncovered)) != 0 ||
        json_object_set_new(root, "command", command_of(options, report)) != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* Takes the object. */
static enum error_code write_json(const char *path, bool is_stream, json_t *root,
                                  struct error *error)
{
    struct buffer text;
    buffer_init(&text);
    enum error_code code = json_text_dump(root, true, &text, error);
    json_decref(root);
    if (code == OK && is_stream)
        code = os_stream_write(path, buffer_view(&text), STREAM_TIMEOUT_US, error);
    else if (code == OK)
        code = os_write_atomically(path, buffer_view(&text), error);
    buffer_release(&text);
    return code;
}

enum error_code report_file_begin(const char *path, const struct options *options,
                                  struct error *error)
{
    char incomplete[OS_PATH_BYTES];
    bool is_stream;
    enum error_code code = look_at(path, incomplete, &is_stream, error);
    if (code != OK || is_stream)
        return code;
    return write_json(incomplete, false, report_head(options, "running", os_realtime_us()), error);
}

enum error_code report_file_end(const char *path, const struct options *options,
                                const struct run_report *report, enum exit_code exit_code,
                                struct error *error)
{
    char incomplete[OS_PATH_BYTES];
    bool is_stream;
    enum error_code code = look_at(path, incomplete, &is_stream, error);
    if (code == OK)
        code = write_json(path, is_stream, report_whole(options, report, exit_code), error);
    if (code == OK && !is_stream)
        code = os_unlink(incomplete, error);
    return code == ERR_NOT_FOUND ? OK : code; /* somebody tidied up: nothing is wrong */
}
