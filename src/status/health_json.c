// SPDX-License-Identifier: Apache-2.0
#include "status/health_json.h"

#include <inttypes.h>

#include "status/figures.h"
#include "status/writer.h"
#include "version.h"

static void write_findings(struct writer *writer, const struct health *health)
{
    writer_text(writer, ",\"reasons\":[");
    for (size_t i = 0; i < health->finding_count; i++) {
        const struct health_finding *finding = &health->findings[i];
        writer_format(writer, "%s{\"rule\":\"%s\",\"level\":\"%s\",\"message\":", i == 0 ? "" : ",",
                      health_rule_name(finding->rule), health_level_name(finding->level));
        writer_json(writer, finding->message);
        writer_text(writer, "}");
    }
    writer_text(writer, "]");
}

static void write_coverage(struct writer *writer, const struct status_snapshot *snapshot)
{
    writer_text(writer, ",\"coverage\":[");
    for (size_t i = 0; i < snapshot->coverage_count; i++)
        writer_format(writer, "%s{\"first\":%" PRIu32 ",\"last\":%" PRIu32 "}", i == 0 ? "" : ",",
                      snapshot->coverage[i].first, snapshot->coverage[i].last);
    writer_text(writer, "]");
    writer_key_count(writer, "coverage_ranges", snapshot->coverage_total);
    writer_key_count(writer, "coverage_ledgers", snapshot->coverage_ledgers);
}

/* Where no error was logged yet, what makes the run unhealthy is the error. */
static void write_error(struct writer *writer, const struct status_snapshot *snapshot,
                        const struct health *health)
{
    const char *words = snapshot->last_error;
    int64_t at_us = snapshot->last_error_us;
    if (health->level == HEALTH_UNHEALTHY && words[0] == '\0') {
        words = health->findings[0].message;
        at_us = snapshot->now_us;
    }
    writer_key_words(writer, "last_error", words);
    writer_key_time(writer, "last_error_at", at_us);
}

/* What the server said: not a guess about it. */
static void write_source(struct writer *writer, const struct status_snapshot *snapshot)
{
    writer_text(writer, ",\"source\":{\"endpoint\":");
    writer_json(writer, snapshot->endpoint);
    writer_format(writer, ",\"connected\":%s,\"ever_connected\":%s,\"ever_streamed\":%s",
                  snapshot->stream.connected ? "true" : "false",
                  snapshot->stream.connects != 0 ? "true" : "false",
                  snapshot->stream.last_event_us != 0 ? "true" : "false");
    writer_key_time(writer, "last_failure_at", snapshot->stream.failure.at_us);
    writer_key_words(writer, "asked_for", snapshot->stream.failure.asked);
    writer_key_words(writer, "address", snapshot->stream.failure.address);
    writer_key_words(writer, "last_status", snapshot->stream.failure.status);
    writer_key_words(writer, "last_message", snapshot->stream.failure.message);
    writer_key_words(writer, "last_failure", snapshot->stream.failure.words);
    writer_key_words(writer, "meaning", snapshot->stream.failure.meaning);
    writer_text(writer, "}");
}

/* The pieces that several streams, or processes, share out. */
static void write_pieces(struct writer *writer, const struct status_snapshot *snapshot)
{
    const struct work_stats *work = &snapshot->work;
    if (work->is_shared)
        writer_format(writer, ",\"standby\":%s", work->stands_by ? "true" : "false");
    if (work->is_shared || snapshot->stream_count > 1)
        writer_format(writer,
                      ",\"pieces\":{\"waiting\":%" PRIu64 ",\"held\":%" PRIu64 ",\"done\":%" PRIu64
                      ",\"set_aside\":%" PRIu64 "}",
                      work->pieces_waiting, work->pieces_held, work->pieces_done,
                      work->pieces_set_aside);
}

/* Each of several streams. */
static void write_streams(struct writer *writer, const struct status_snapshot *snapshot)
{
    if (snapshot->stream_count < 2)
        return;
    writer_text(writer, ",\"streams\":[");
    for (size_t i = 0; i < snapshot->stream_count; i++) {
        const struct stream_view *view = &snapshot->streams[i];
        writer_format(writer, "%s{\"stream\":%zu", i == 0 ? "" : ",", i + 1);
        writer_key_words(writer, "state", stream_view_state(view));
        writer_key_count(writer, "first_ledger", view->range.first);
        writer_key_count(writer, "last_ledger", view->range.last);
        writer_key_count(writer, "current_ledger", view->current_ledger);
        writer_key_count(writer, "events_received", view->events_accepted);
        writer_key_count(writer, "events_written", view->rows_committed);
        writer_key_count(writer, "retries", view->retries);
        writer_key_time(writer, "last_failure_at", view->failed_at_us);
        writer_key_words(writer, "last_failure", view->failure);
        writer_text(writer, "}");
    }
    writer_text(writer, "]");
}

enum error_code health_json_render(const struct status_snapshot *snapshot,
                                   const struct health *health, struct buffer *out)
{
    static const char *const phases[] = {"starting", "running", "stopping"};
    struct writer writer = {out, OK};
    writer_format(&writer, "{\"status\":\"%s\"", health_level_name(health->level));
    figures_write_health(&writer, snapshot);
    write_error(&writer, snapshot, health);
    write_source(&writer, snapshot);
    write_findings(&writer, health);
    write_coverage(&writer, snapshot);
    write_streams(&writer, snapshot);
    write_pieces(&writer, snapshot);
    writer_format(&writer,
                  ",\"ready\":%s,\"phase\":\"%s\",\"service\":", health->ready ? "true" : "false",
                  phases[snapshot->phase]);
    writer_json(&writer, snapshot->service_name);
    writer_text(&writer, ",\"version\":\"" TTP_VERSION "\"}\n");
    return writer.code;
}
