// SPDX-License-Identifier: Apache-2.0
#include "output/summary.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/option_table.h"
#include "config/option_value.h"
#include "service/rerun.h"
#include "rows/partition.h"
#include "rows/schema.h"
#include "util/text.h"
#include "util/words.h"

#define LEDGER_SECONDS   5.8     /* the public network closes a ledger about so often */
#define LEDGER_BYTES     27000.0 /* of files, for a ledger of 2026 on the public network (measured) */
#define SMALL_FILE_BYTES (1024.0 * 1024.0)
#define LABEL            "  %-13s"

/* Text that stops growing after a failed allocation. */
struct summary_page {
    struct buffer *out;
    enum error_code code;
};

static void put_piece(void *context, const char *text, size_t size_bytes)
{
    struct summary_page *page = context;
    if (page->code == OK)
        page->code = buffer_append(page->out, text, size_bytes);
}

static void put(struct summary_page *page, const char *format, ...) PRINTF_LIKE(2, 3);

static void put(struct summary_page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    words_format(put_piece, page, format, arguments);
    va_end(arguments);
}

/* Ledgers that are worth a look, by their numbers, newest gaps last. */
static void put_gaps(struct summary_page *page, const struct status_snapshot *last)
{
    if (last->stream.gaps.found_count != 0)
        put(page, LABEL "%" PRIu64 " ledger%s left out by the stream, and there when asked for\n",
            "found", last->stream.gaps.found_count, text_plural(last->stream.gaps.found_count));
    if (last->stream.gaps.count == 0)
        return;
    char text[LEDGER_SET_TEXT_BYTES];
    struct source_gaps gaps = last->stream.gaps;
    ledger_set_text(&(struct ledger_set){.ranges = gaps.kept, .count = gaps.kept_count}, text);
    put(page, LABEL "%s: no event came, nor when asked for once more\n", "gaps", text);
    if (last->stream.gaps.count > last->stream.gaps.kept_count)
        put(page, LABEL "and %" PRIu64 " earlier\n", "",
            last->stream.gaps.count - last->stream.gaps.kept_count);
}

static void put_amounts(struct summary_page *page, const struct status_snapshot *last)
{
    char rows[TEXT_TIME_BYTES];
    char files[TEXT_TIME_BYTES];
    char commits[TEXT_TIME_BYTES];
    char size[TEXT_TIME_BYTES];
    text_count(last->sink.rows_committed, rows);
    text_count(last->sink.files_committed, files);
    text_count(last->sink.commits, commits);
    text_size(last->sink.bytes_committed, size);
    put(page, LABEL "%s row%s in %s file%s, %s, by %s commit%s\n", "stored", rows,
        text_plural(last->sink.rows_committed), files, text_plural(last->sink.files_committed),
        size, commits, text_plural(last->sink.commits));
    if (last->sink.dead_letters_committed != 0)
        put(page, LABEL "%" PRIu64 " event%s that can't be rows, under _lake/dead_letters/\n",
            "dead letters", last->sink.dead_letters_committed,
            text_plural(last->sink.dead_letters_committed));
    if (last->sink.unconfirmed_ledgers != 0)
        put(page, LABEL "%" PRIu64 " ledger%s that the server sent no event of\n", "unconfirmed",
            last->sink.unconfirmed_ledgers, text_plural(last->sink.unconfirmed_ledgers));
    put_gaps(page, last);
    if (last->stream.retries != 0 || last->stream.events_refetched != 0)
        put(page, LABEL "%" PRIu64 " retr%s, %" PRIu64 " event%s received again\n", "connection",
            last->stream.retries, last->stream.retries == 1 ? "y" : "ies",
            last->stream.events_refetched, text_plural(last->stream.events_refetched));
}

static void put_rates(struct summary_page *page, const struct run_report *report)
{
    const struct status_snapshot *last = &report->last;
    double seconds = (double)report->elapsed_us / 1e6;
    double rate = seconds > 0 ? (double)last->sink.rows_committed / seconds : 0.0;
    char per_second[TEXT_TIME_BYTES];
    char per_hour[TEXT_TIME_BYTES];
    char peak[TEXT_TIME_BYTES];
    text_count((uint64_t)rate, per_second);
    text_count((uint64_t)(rate * 3600), per_hour);
    text_size(last->peak_resident_bytes, peak);
    put(page, LABEL "%s rows/s (%s an hour)\n", "rate", per_second, per_hour);
    put(page, LABEL "%.2f s of CPU", "cost", (double)last->cpu_us / 1e6);
    if (last->sink.rows_committed >= 100000) /* below that, starting up is most of it */
        put(page, " (%.2f us a row)", (double)last->cpu_us / (double)last->sink.rows_committed);
    put(page, ", %s of memory at most\n", peak);
}

static void put_problems(struct summary_page *page, const struct run_report *report)
{
    for (size_t i = 0; i < report->problem_count; i++) {
        const struct status_problem *problem = &report->problems[i];
        put(page, LABEL, problem->error ? "error" : "warning");
        if (problem->count > 1)
            put(page, "%" PRIu64 " times: ", problem->count);
        put(page, "%s\n", problem->message);
    }
}

/* How the server answered last where not all was fetched: its own words, and what they mean. */
static void put_server(struct summary_page *page, const struct run_report *report)
{
    const struct status_snapshot *last = &report->last;
    bool is_short =
        report->live ? last->stream.outage || last->stream.degraded : report->uncovered.count > 0;
    if (last->stream.failure.at_us == 0 || !is_short)
        return;
    put(page, LABEL "%s, asked for %s: %s\n", "server",
        last->stream.failure.address[0] != '\0' ? last->stream.failure.address : last->endpoint,
        last->stream.failure.asked, last->stream.failure.words);
    if (last->stream.failure.meaning != NULL)
        put(page, LABEL "%s\n", "", last->stream.failure.meaning);
}

/* What fetches the rest. After another chain was found nothing is to be fetched from there. */
static void put_command(struct summary_page *page, const struct options *options,
                        const struct run_report *report)
{
    const struct ledger_range rest = ledger_set_span(&report->uncovered);
    struct buffer command;
    if (report->other_chain || page->code != OK)
        return;
    buffer_init(&command);
    page->code = rerun_write_run(options, rest, &command);
    put(page, LABEL, "fetch by");
    if (page->code == OK)
        page->code = buffer_append_format(page->out, "%s\n", (const char *)command.data);
    buffer_release(&command);
}

static void put_uncovered(struct summary_page *page, const struct options *options,
                          const struct run_report *report)
{
    if (report->live)
        return;
    if (report->uncovered.count == 0) {
        put(page, LABEL "every ledger asked for is in the lake\n", "coverage");
        return;
    }
    char ranges[LEDGER_SET_TEXT_BYTES];
    ledger_set_text(&report->uncovered, ranges);
    put(page, LABEL "%s\n", "uncovered", ranges);
    put_command(page, options, report);
}

enum error_code summary_render(const struct options *options, const struct run_report *report,
                               struct buffer *out)
{
    struct summary_page page = {.out = out, .code = OK};
    char elapsed[TEXT_TIME_BYTES];
    text_duration(report->elapsed_us / 1000 * 1000, elapsed);
    put(&page, "%s after %s: %s\n", report->stopped ? "stopped" : "ended", elapsed,
        options->output_path);
    put_amounts(&page, &report->last);
    put_rates(&page, report);
    put_problems(&page, report);
    put_server(&page, report);
    put_uncovered(&page, options, report);
    return page.code;
}

static void put_schema(struct summary_page *page, const struct options *options)
{
    const struct row_schema *schema = row_schema_find(options->schema_version);
    put(page, LABEL "%s, %zu columns\n", "schema", schema->version, schema->column_count);
    for (size_t i = 0; i < schema->column_count; i++) {
        const struct row_column *column = &schema->columns[i];
        put(page, "    %-18s %s%s\n", column->name, column->ducklake_type,
            column->nullable ? "" : " not null");
    }
}

static void put_ranges(struct summary_page *page, const struct run_plan *plan)
{
    if (plan->range_count == 0) {
        put(page, LABEL "nothing: all of it is in the lake\n", "to fetch");
        return;
    }
    for (size_t i = 0; i < plan->range_count; i++) {
        const struct run_range *range = &plan->ranges[i];
        const char *label = i == 0 ? "to fetch" : "";
        if (range->last == 0 && range->first == 0)
            put(page, LABEL "from where the server starts, without end\n", label);
        else if (range->last == 0)
            put(page, LABEL "from %" PRIu32 " on, without end\n", label, range->first);
        else
            put(page, LABEL "%" PRIu32 " to %" PRIu32 ", %" PRIu64 " ledger%s\n", label,
                range->first, range->last, (uint64_t)range->last - range->first + 1,
                text_plural((uint64_t)range->last - range->first + 1));
    }
}

static void put_pruned(struct summary_page *page, const struct run_plan *plan)
{
    char ranges[LEDGER_SET_TEXT_BYTES];
    ledger_set_text(&plan->pruned, ranges);
    if (plan->pruned.count > 0)
        put(page, LABEL "%s (--include-pruned fetches them)\n", "pruned", ranges);
}

static double round_up(double value)
{
    double whole = (double)(uint64_t)value;
    return whole < value ? whole + 1 : whole;
}

/* Files by the time that the ledgers span, and their size by what ledgers take. */
static void put_estimate(struct summary_page *page, const struct options *options,
                         const struct run_plan *plan)
{
    uint64_t ledgers = run_plan_ledger_count(plan);
    if (ledgers == 0)
        return;
    double hours = (double)ledgers * LEDGER_SECONDS / 3600.0;
    enum partitioning_scheme scheme = (enum partitioning_scheme)options->partitioning_scheme;
    bool hourly = scheme == PARTITION_DATE_HOUR || scheme == PARTITION_DATE_HOUR_TYPE;
    double bytes =
        (double)ledgers * (plan->bytes_per_ledger > 0 ? plan->bytes_per_ledger : LEDGER_BYTES);
    double files = round_up(hourly ? hours : hours / 24.0);
    double by_size = round_up(bytes / (double)options->max_file_size_bytes);
    files = files < by_size ? by_size : files;
    if (scheme == PARTITION_DATE_HOUR_TYPE)
        files *= 3; /* transfers, fees and now and then the others */
    char file_count[TEXT_TIME_BYTES];
    char total[TEXT_TIME_BYTES];
    char each[TEXT_TIME_BYTES];
    text_count((uint64_t)files, file_count);
    text_size((uint64_t)bytes, total);
    text_size((uint64_t)(bytes / files), each);
    put(page, LABEL "about %s of %s each, %s in all\n", "files", file_count, each, total);
    put(page, LABEL "for %.1f hours of the chain\n", "", hours);
    if (hourly && files > 3 && bytes / files < SMALL_FILE_BYTES)
        put(page, LABEL "small files read slowly; --partitioning-scheme date makes fewer\n",
            "hint");
}

enum error_code summary_render_plan(const struct options *options, const struct run_plan *plan,
                                    struct buffer *out)
{
    struct summary_page page = {.out = out, .code = OK};
    static const size_t shown[] = {offsetof(struct options, ttp_processor_endpoint),
                                   offsetof(struct options, output_path),
                                   offsetof(struct options, partitioning_scheme),
                                   offsetof(struct options, compression_codec),
                                   offsetof(struct options, compression_level),
                                   offsetof(struct options, max_file_size_bytes),
                                   offsetof(struct options, max_file_age_us),
                                   offsetof(struct options, memory_limit_bytes)};
    put(&page, "parameters\n");
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        char value[OPTION_VALUE_BYTES];
        const int index = option_index(shown[i]);
        option_value_text(options, index, value);
        if (option_table[index].kind == OPTION_SIZE)
            text_size(*(const uint64_t *)((const char *)options + shown[i]), value);
        put(&page, "  %-22s %s\n", option_table[index].key, value);
    }
    put(&page, "plan\n");
    put_schema(&page, options);
    put_ranges(&page, plan);
    put_pruned(&page, plan);
    put_estimate(&page, options, plan);
    return page.code;
}
