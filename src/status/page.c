// SPDX-License-Identifier: Apache-2.0
#include "status/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "status/page_assets.h"
#include "status/writer.h"
#include "util/text.h"
#include "version.h"

/* A live run is at the tip while its ledger is younger than this: some ten ledgers. */
#define AT_TIP_SECONDS 60.0
/* Graphs are drawn in this many units across; a hole is never narrower than the least width. */
#define GRAPH_UNITS 1000.0
#define HOLE_LEAST  4.0
/* Holes told in words. */
#define HOLES_SHOWN 6

/* What a page is made with. */
struct status_page {
    struct writer writer;
    const struct status_snapshot *snapshot;
    const struct health *health;
};

static void text(struct status_page *page, const char *markup)
{
    writer_text(&page->writer, markup);
}

static void count(struct status_page *page, uint64_t value)
{
    char words[TEXT_TIME_BYTES];
    text_count(value, words);
    text(page, words);
}

static void size(struct status_page *page, uint64_t size_bytes)
{
    char words[TEXT_TIME_BYTES];
    text_size(size_bytes, words);
    text(page, words);
}

/* A duration as a person would say it: one unit, the largest that fits. */
static void roughly(struct status_page *page, double seconds)
{
    if (seconds < 1)
        text(page, "less than 1 s");
    else if (seconds < 120)
        writer_format(&page->writer, "%.0f s", seconds);
    else if (seconds < 5400)
        writer_format(&page->writer, "%.0f min", seconds / 60);
    else if (seconds < 36 * 3600)
        writer_format(&page->writer, "%.0f h", seconds / 3600);
    else if (seconds < 2 * 365.25 * 86400)
        writer_format(&page->writer, "%.0f days", seconds / 86400);
    else
        writer_format(&page->writer, "%.1f years", seconds / 86400 / 365.25);
}

/* "12 s ago" or "in 5 min", with the exact time behind it. */
static void moment(struct status_page *page, int64_t unix_us)
{
    char exact[TEXT_TIME_BYTES];
    text_rfc3339(unix_us - unix_us % US_PER_SECOND, exact);
    writer_format(&page->writer, "<time datetime=\"%s\" title=\"%s\">", exact, exact);
    double seconds = (double)(page->snapshot->now_us - unix_us) / (double)US_PER_SECOND;
    if (seconds < 0)
        text(page, "in ");
    roughly(page, seconds < 0 ? -seconds : seconds);
    text(page, seconds < 0 ? "</time>" : " ago</time>");
}

static void ledgers(struct status_page *page, struct ledger_range range)
{
    count(page, range.first);
    if (range.last == range.first)
        return;
    text(page, "&#8239;–&#8239;");
    count(page, range.last);
}

static const char *network_name(const struct status_snapshot *snapshot)
{
    return snapshot->network[0] == '\0' ? "the network" : snapshot->network;
}

static const char *level_title(enum health_level level)
{
    static const char *const titles[] = {"Healthy", "Degraded", "Unhealthy"};
    return titles[level];
}

static void write_icon(struct status_page *page)
{
    static const char *const colours[] = {"17a05a", "e09a1f", "d63a36"};
    writer_format(&page->writer,
                  "<link rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/"
                  "2000/svg' viewBox='0 0 16 16'%%3E%%3Ccircle cx='8' cy='8' r='7' "
                  "fill='%%23%s'/%%3E%%3C/svg%%3E\">",
                  colours[page->health->level]);
}

static void write_head(struct status_page *page, const char *nonce)
{
    text(page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
               "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n<title>");
    text(page, level_title(page->health->level));
    if (page->snapshot->stream.current_ledger != 0) {
        text(page, " · ");
        count(page, page->snapshot->stream.current_ledger);
    }
    text(page, " · ");
    writer_html(&page->writer, page->snapshot->service_name);
    text(page, "</title>\n");
    write_icon(page);
    text(page, "\n<style nonce=\"");
    writer_html(&page->writer, nonce);
    text(page, "\">");
    text(page, page_style);
    text(page, "</style>\n</head>\n<body>\n<p id=\"lost\" role=\"status\" hidden></p>\n");
}

static void write_header(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    char uptime[TEXT_TIME_BYTES];
    int64_t up_us = snapshot->now_monotonic_us - snapshot->started_monotonic_us;
    text_duration(up_us - up_us % US_PER_SECOND, uptime);
    text(page, "<header><span class=\"name\">");
    writer_html(&page->writer, snapshot->service_name);
    writer_format(&page->writer, "</span><span class=\"pill %s\">%s</span><span class=\"where\">",
                  health_level_name(page->health->level), level_title(page->health->level));
    if (snapshot->network[0] != '\0') {
        writer_html(&page->writer, snapshot->network);
        text(page, " · ");
    }
    writer_format(&page->writer, "up %s</span></header>\n", uptime);
}

static void write_live_headline(struct status_page *page)
{
    double lag = health_lag_seconds(page->snapshot);
    if (lag < 0) {
        text(page, "Waiting for the first event of ");
        writer_html(&page->writer, network_name(page->snapshot));
        return;
    }
    text(page, lag <= AT_TIP_SECONDS ? "Following " : "Catching up with ");
    writer_html(&page->writer, network_name(page->snapshot));
    if (lag <= AT_TIP_SECONDS) {
        text(page, " live");
        return;
    }
    text(page, ", ");
    roughly(page, lag);
    text(page, " behind");
}

static void write_running_headline(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    if (snapshot->sink.waiting_for_space || snapshot->sink.intake_paused) {
        text(page, "Waiting for disk space");
    } else if (snapshot->stream.outage || snapshot->stream.degraded) {
        text(page, "Trying to get the stream back");
    } else if (snapshot->stream.connects == 0) {
        text(page, "Connecting to the source");
    } else if (snapshot->stream.streaming_since_us == 0) {
        text(page, "Everything is fetched; publishing the rest");
    } else if (snapshot->request_last != 0) {
        text(page, "Fetching ledgers ");
        ledgers(page, (struct ledger_range){snapshot->request_first, snapshot->request_last});
    } else {
        write_live_headline(page);
    }
}

static void write_lead(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    text(page, "<p class=\"lead\">");
    if (snapshot->sink.commits == 0) {
        text(page, "Nothing is committed yet in this run");
        if (snapshot->sink.last_commit_us != 0) {
            text(page, "; the lake's last commit was ");
            moment(page, snapshot->sink.last_commit_us);
        }
        text(page, ".");
    } else {
        count(page, snapshot->sink.rows_committed);
        text(page, " events in ");
        count(page, snapshot->sink.files_committed);
        text(page, snapshot->sink.files_committed == 1 ? " file" : " files");
        text(page, " committed in this run, the last ");
        moment(page, snapshot->sink.last_commit_us);
        text(page, ".");
    }
    if (snapshot->sink.next_commit_us != 0) {
        text(page, " What is open is committed ");
        if (snapshot->sink.next_commit_us <= snapshot->now_us)
            text(page, "at the next ledger.");
        else
            moment(page, snapshot->sink.next_commit_us);
        if (snapshot->sink.next_commit_us > snapshot->now_us)
            text(page, " at the latest.");
    }
    text(page, "</p>\n");
}

static void write_findings(struct status_page *page)
{
    if (page->health->finding_count == 0)
        return;
    text(page, "<ul class=\"findings\">");
    for (size_t i = 0; i < page->health->finding_count; i++) {
        const struct health_finding *finding = &page->health->findings[i];
        writer_format(&page->writer, "<li class=\"%s\">", health_level_name(finding->level));
        writer_html(&page->writer, finding->message);
        text(page, "</li>");
    }
    text(page, "</ul>\n");
}

/* How much of a bounded range there is, and how much of it came; false: not known. Several streams
 * are somewhere in the range: their pieces are counted. */
static bool measure_progress(const struct status_snapshot *snapshot, double *done, double *all)
{
    const struct work_stats *work = &snapshot->work;
    if (snapshot->request_last == 0 || snapshot->request_first == 0)
        return false;
    if (snapshot->stream_count > 1) {
        *done = (double)work->pieces_done;
        *all = *done + (double)(work->pieces_waiting + work->pieces_held + work->pieces_set_aside);
        return *all > 0;
    }
    *all = (double)snapshot->request_last - snapshot->request_first + 1;
    *done = (double)snapshot->stream.current_ledger - snapshot->request_first;
    return snapshot->stream.current_ledger >= snapshot->request_first;
}

/* The done part of a bounded range as a line. */
static void write_progress(struct status_page *page)
{
    double done, all;
    if (!measure_progress(page->snapshot, &done, &all))
        return;
    double share = done / all < 1 ? done / all : 1;
    writer_format(&page->writer,
                  "<svg class=\"line\" viewBox=\"0 0 1000 8\" preserveAspectRatio=\"none\" "
                  "role=\"img\" aria-label=\"%.0f %% received\"><rect class=\"rest\" "
                  "width=\"1000\" height=\"8\"/><rect class=\"done\" width=\"%.1f\" "
                  "height=\"8\"/></svg>\n",
                  share * 100, share * GRAPH_UNITS);
}

static void write_doing(struct status_page *page)
{
    text(page, "<h1>");
    switch (page->snapshot->phase) {
    case STATUS_STARTING: text(page, "Starting: opening the lake"); break;
    case STATUS_RUNNING: write_running_headline(page); break;
    case STATUS_STOPPING: text(page, "Stopping: publishing what is complete"); break;
    }
    text(page, "</h1>\n");
    write_lead(page);
    write_findings(page);
    write_progress(page);
}

/* Opens a tile: its caption, then its large value is to follow. */
static void tile(struct status_page *page, const char *caption)
{
    writer_format(&page->writer, "<div><dt>%s</dt><dd class=\"value\">", caption);
}

static void note(struct status_page *page)
{
    text(page, "</dd><dd class=\"note\">");
}

static void meter(struct status_page *page, uint64_t used, uint64_t limit)
{
    double share = limit == 0 ? 0 : (double)used / (double)limit;
    share = share < 1 ? share : 1;
    writer_format(&page->writer,
                  "</dd><dd class=\"graph\"><svg class=\"meter%s\" viewBox=\"0 0 1000 6\" "
                  "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%.0f %%\">"
                  "<rect class=\"rest\" width=\"1000\" height=\"6\"/>"
                  "<rect class=\"used\" width=\"%.1f\" height=\"6\"/></svg>",
                  share > 0.9 ? " tight" : "", share * 100, share * GRAPH_UNITS);
}

static void end_tile(struct status_page *page)
{
    text(page, "</dd></div>\n");
}

static void write_spark(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    if (snapshot->rate_count < 2)
        return;
    double most = 1;
    for (size_t i = 0; i < snapshot->rate_count; i++)
        most = snapshot->rates[i] > most ? snapshot->rates[i] : most;
    char points[STATUS_RATES_MAX * 16];
    size_t used = 0;
    double step = GRAPH_UNITS / (double)(snapshot->rate_count - 1);
    for (size_t i = 0; i < snapshot->rate_count; i++)
        used +=
            (size_t)snprintf(points + used, sizeof(points) - used, "%s%.1f,%.1f", i == 0 ? "" : " ",
                             step * (double)i, 32 - 30 * snapshot->rates[i] / most);
    text(page, "</dd><dd class=\"graph\"><svg class=\"spark\" viewBox=\"0 0 1000 34\" "
               "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"The rate of the last "
               "minutes\"><path d=\"M0,34 L");
    text(page, points);
    text(page, " L1000,34 Z\"/><polyline points=\"");
    text(page, points);
    text(page, "\"/></svg>");
}

static void write_stream_tiles(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    tile(page, "Ledger");
    if (snapshot->stream.current_ledger == 0)
        text(page, "–");
    else
        count(page, snapshot->stream.current_ledger);
    note(page);
    if (snapshot->stream.current_close_us != 0) {
        char closed[TEXT_TIME_BYTES];
        text_timestamptz(snapshot->stream.current_close_us, closed);
        closed[strcspn(closed, "+.")] = '\0';
        writer_format(&page->writer, "closed %s UTC", closed);
    } else {
        text(page, "nothing has arrived yet");
    }
    end_tile(page);

    double lag = health_lag_seconds(snapshot);
    tile(page, "Lag");
    if (lag < 0)
        text(page, "–");
    else
        roughly(page, lag);
    note(page);
    if (health_commit_lag_seconds(snapshot) >= 0) {
        text(page, "newest in the lake: ");
        moment(page, snapshot->last_close_us);
    } else {
        text(page, "since the ledger closed");
    }
    end_tile(page);

    tile(page, "Rate");
    double rate = snapshot->events_per_second;
    if (rate < 10)
        writer_format(&page->writer, "%.1f", rate);
    else
        count(page, (uint64_t)rate);
    text(page, " <small>events/s</small>");
    note(page);
    count(page, snapshot->stream.events_accepted);
    text(page, " received");
    write_spark(page);
    end_tile(page);
}

static void write_load_tiles(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    tile(page, "Queue");
    count(page, snapshot->queue.row_count);
    text(page, " <small>events</small>");
    note(page);
    size(page, snapshot->queue.memory_bytes);
    text(page, snapshot->stream.throttled ? ", full: the source waits for the writer" : " waiting");
    if (snapshot->queue.limit_bytes != 0)
        meter(page, snapshot->queue.memory_bytes, snapshot->queue.limit_bytes);
    end_tile(page);

    tile(page, "Open, not committed");
    count(page, snapshot->sink.rows_open);
    text(page, " <small>events</small>");
    note(page);
    size(page, snapshot->sink.bytes_open);
    text(page, " in staging and memory");
    end_tile(page);

    tile(page, "Memory");
    if (snapshot->resident_bytes != 0)
        size(page, snapshot->resident_bytes);
    else
        text(page, "–"); /* without /proc it is not known */
    note(page);
    if (snapshot->memory_limit_bytes != 0) {
        text(page, "of ");
        size(page, snapshot->memory_limit_bytes);
        meter(page, snapshot->resident_bytes, snapshot->memory_limit_bytes);
    }
    end_tile(page);

    tile(page, "Disk free");
    if (snapshot->disk_known)
        size(page, snapshot->disk_free_bytes);
    else
        text(page, "–");
    note(page);
    if (snapshot->disk_min_free_bytes != 0) {
        text(page, "keeps at least ");
        size(page, snapshot->disk_min_free_bytes);
    }
    end_tile(page);

    tile(page, "Connection");
    text(page, snapshot->stream.connected ? "up" : "down");
    note(page);
    writer_html(&page->writer, snapshot->endpoint);
    if (snapshot->stream.retries != 0) {
        text(page, ", ");
        count(page, snapshot->stream.retries);
        text(page, snapshot->stream.retries == 1 ? " retry" : " retries");
    }
    end_tile(page);
}

/* The hole before range i; there is one before each range but the first. */
static struct ledger_range hole_before(const struct status_snapshot *snapshot, size_t i)
{
    return (struct ledger_range){snapshot->coverage[i - 1].last + 1,
                                 snapshot->coverage[i].first - 1};
}

/* From the first to the last ledger that the bar shows. */
static struct ledger_range bar_ends(const struct status_snapshot *snapshot)
{
    struct ledger_range ends = {snapshot->coverage[0].first,
                                snapshot->coverage[snapshot->coverage_count - 1].last};
    bool bounded = snapshot->request_last != 0 && snapshot->request_first != 0;
    if (bounded && snapshot->request_first < ends.first)
        ends.first = snapshot->request_first;
    if (bounded && snapshot->request_last > ends.last)
        ends.last = snapshot->request_last;
    return ends;
}

static void bar_part(struct status_page *page, struct ledger_range ends, struct ledger_range part,
                     const char *kind, double least)
{
    double all = (double)ends.last - ends.first + 1;
    double from = ((double)part.first - ends.first) / all * GRAPH_UNITS;
    double width = ((double)part.last - part.first + 1) / all * GRAPH_UNITS;
    if (width < least) {
        from -= (least - width) / 2;
        width = least;
    }
    writer_format(&page->writer, "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" height=\"26\"/>",
                  kind, from, width);
}

static void write_bar(struct status_page *page, struct ledger_range ends)
{
    const struct status_snapshot *snapshot = page->snapshot;
    text(page, "<svg class=\"bar\" viewBox=\"0 0 1000 26\" preserveAspectRatio=\"none\" "
               "role=\"img\" aria-label=\"Covered ledgers as a bar\">"
               "<rect class=\"rest\" width=\"1000\" height=\"26\"/>");
    for (size_t i = 0; i < snapshot->coverage_count; i++)
        bar_part(page, ends, snapshot->coverage[i], "have", HOLE_LEAST / 2);
    for (size_t i = 1; i < snapshot->coverage_count; i++)
        bar_part(page, ends, hole_before(snapshot, i), "hole", HOLE_LEAST);
    text(page, "</svg>\n<div class=\"ends\"><span>");
    count(page, ends.first);
    text(page, "</span><span>");
    count(page, ends.last);
    text(page, "</span></div>\n");
}

/* What fetches the ledgers, and the end of a hole's line. */
static void write_command(struct status_page *page, struct ledger_range range)
{
    if (page->snapshot->run_words[0] != '\0') {
        text(page, " · fetch with</span> <code>parquet-consumer run");
        writer_html(&page->writer, page->snapshot->run_words);
        writer_format(&page->writer, " %" PRIu32 " %" PRIu32 "</code></li>", range.first,
                      range.last);
    } else {
        text(page, " · <code>parquet-consumer status</code> says how to fetch it</span></li>");
    }
}

static void write_holes(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    size_t holes = snapshot->coverage_count - 1;
    size_t older = snapshot->coverage_total - snapshot->coverage_count;
    if (holes + older == 0)
        return;
    text(page, "<ul class=\"holes\">");
    for (size_t shown = 0; shown < holes && shown < HOLES_SHOWN; shown++) {
        struct ledger_range hole = hole_before(snapshot, snapshot->coverage_count - 1 - shown);
        text(page, "<li><b>Hole</b> ");
        ledgers(page, hole);
        text(page, " <span class=\"soft\">· ");
        count(page, ledger_range_count(hole));
        writer_format(&page->writer, hole.first == hole.last ? " ledger" : " ledgers");
        write_command(page, hole);
    }
    if (holes + older > HOLES_SHOWN) {
        text(page, "<li class=\"soft\">and ");
        count(page, holes + older - HOLES_SHOWN);
        text(page, " more: <code>parquet-consumer status</code> lists them</li>");
    }
    text(page, "</ul>\n");
}

static void write_coverage(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    text(page, "<section><h2>Coverage <small>");
    count(page, snapshot->coverage_ledgers);
    text(page, snapshot->coverage_ledgers == 1 ? " ledger" : " ledgers");
    text(page, " completely in the lake");
    if (snapshot->coverage_total > 1) {
        text(page, ", in ");
        count(page, snapshot->coverage_total);
        text(page, " ranges");
    }
    text(page, "</small></h2>\n");
    if (snapshot->coverage_count == 0) {
        text(page, "<p class=\"none\">Nothing is covered yet.</p>\n");
    } else {
        write_bar(page, bar_ends(snapshot));
        write_holes(page);
    }
    text(page, "</section>\n");
}

static void write_commit(struct status_page *page, const struct status_commit *commit)
{
    writer_format(&page->writer, "<tr><td class=\"wide soft\">%" PRIu64 "</td><td>",
                  commit->commit_no);
    moment(page, commit->committed_us);
    text(page, "</td><td class=\"wide\">");
    ledgers(page, commit->range);
    text(page, "</td><td class=\"wide\">");
    writer_html(&page->writer, commit->partition);
    text(page, "</td><td class=\"n\">");
    count(page, commit->row_count);
    text(page, "</td><td class=\"n wide\">");
    count(page, commit->file_count);
    text(page, "</td><td class=\"n\">");
    size(page, commit->size_bytes);
    text(page, "</td><td><span class=\"tag\">");
    char reason[32];
    snprintf(reason, sizeof(reason), "%s", rotation_reason_name(commit->reason));
    for (char *c = reason; *c != '\0'; c++)
        if (*c == '_')
            *c = ' ';
    writer_html(&page->writer, reason);
    writer_format(&page->writer, "</span></td><td class=\"n wide soft\">%.0f ms</td></tr>\n",
                  (double)commit->duration_us / 1000);
}

static void write_commits(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    text(page, "<section><h2>Last commits</h2>\n");
    if (snapshot->commit_count == 0) {
        text(page, "<p class=\"none\">None in this run yet.</p></section>\n");
        return;
    }
    text(page, "<table><thead><tr><th class=\"wide\">No.</th><th>When</th>"
               "<th class=\"wide\">Ledgers</th><th class=\"wide\">Partition</th>"
               "<th class=\"n\">Events</th><th class=\"n wide\">Files</th><th class=\"n\">Size</th>"
               "<th>Why</th><th class=\"n wide\">Took</th></tr></thead>\n<tbody>");
    for (size_t i = 0; i < snapshot->commit_count; i++)
        write_commit(page, &snapshot->last_commits[i]);
    text(page, "</tbody></table></section>\n");
}

static void write_care_row(struct status_page *page, enum care_task task)
{
    const struct care_stats *care = &page->snapshot->care[task];
    writer_format(&page->writer, "<tr><td>%s", care_task_name(task));
    if (care->failing)
        text(page, " <span class=\"kind error\">failing</span>");
    text(page, "</td><td>");
    if (care->last_us == 0)
        text(page, "not yet in this run");
    else
        moment(page, care->last_us);
    text(page, "</td><td class=\"n\">");
    count(page, care->files);
    text(page, "</td><td class=\"n\">");
    size(page, care->bytes);
    text(page, "</td><td>");
    if (task == CARE_COMPACT && care->next_us <= page->snapshot->now_us)
        text(page, "when a partition has closed");
    else
        moment(page, care->next_us);
    text(page, "</td></tr>\n");
}

/* Made by another process: when, and where to. */
static void write_backup_row(struct status_page *page)
{
    text(page, "<tr><td>backup</td><td>");
    moment(page, page->snapshot->last_backup_us);
    text(page, "</td><td colspan=\"3\">to ");
    writer_html(&page->writer, page->snapshot->last_backup_path);
    text(page, "</td></tr>\n");
}

/* Only of what options ask for, and of the last backup if there was one. */
static void write_care(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    bool has_any = snapshot->last_backup_us != 0;
    for (int task = 0; task < CARE_TASK_COUNT; task++)
        has_any = has_any || snapshot->care[task].is_wanted;
    if (!has_any)
        return;
    text(page, "<section><h2>Care of the lake</h2>\n<table><thead><tr><th>What</th>"
               "<th>Last done</th><th class=\"n\">Files that left</th>"
               "<th class=\"n\">Size</th><th>Next</th></tr></thead>\n<tbody>");
    for (int task = 0; task < CARE_TASK_COUNT; task++)
        if (snapshot->care[task].is_wanted)
            write_care_row(page, (enum care_task)task);
    if (snapshot->last_backup_us != 0)
        write_backup_row(page);
    text(page, "</tbody></table></section>\n");
}

static void write_stream_row(struct status_page *page, size_t index)
{
    const struct stream_view *view = &page->snapshot->streams[index];
    writer_format(&page->writer, "<tr><td>%zu</td><td>", index + 1);
    text(page, stream_view_state(view));
    text(page, "</td><td class=\"n\">");
    if (view->range.first != 0 && view->range.last == 0)
        text(page, "follows the chain");
    else if (view->range.first != 0)
        writer_format(&page->writer, "%" PRIu32 " to %" PRIu32, view->range.first,
                      view->range.last);
    text(page, "</td><td class=\"n\">");
    count(page, view->current_ledger);
    text(page, "</td><td class=\"n\">");
    count(page, view->events_accepted);
    text(page, "</td><td class=\"n\">");
    count(page, view->retries);
    text(page, "</td></tr>\n");
}

static void write_streams(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    if (snapshot->stream_count < 2)
        return;
    text(page, "<section><h2>Streams</h2>\n<table><thead><tr><th>Stream</th><th>State</th>"
               "<th class=\"n\">Fetches</th><th class=\"n\">Ledger</th>"
               "<th class=\"n\">Events</th><th class=\"n\">Retries</th></tr></thead>\n<tbody>");
    for (size_t i = 0; i < snapshot->stream_count; i++)
        write_stream_row(page, i);
    text(page, "</tbody></table>\n<p>");
    count(page, snapshot->work.pieces_done);
    text(page, " pieces are done, ");
    count(page, snapshot->work.pieces_waiting);
    text(page, " wait");
    if (snapshot->work.pieces_set_aside != 0) {
        text(page, ", ");
        count(page, snapshot->work.pieces_set_aside);
        text(page, " were set aside");
    }
    text(page, "</p></section>\n");
}

static void write_problems(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    text(page, "<section><h2>Last problems</h2>\n");
    if (snapshot->problem_count == 0) {
        text(page, "<p class=\"none\">None in this run.</p></section>\n");
        return;
    }
    text(page, "<ul class=\"problems\">");
    for (size_t i = 0; i < snapshot->problem_count; i++) {
        const struct status_problem *problem = &snapshot->problems[i];
        const char *kind = problem->error ? "error" : "warning";
        writer_format(&page->writer, "<li><span class=\"kind %s\">%s</span><div><p>", kind, kind);
        writer_html(&page->writer, problem->message);
        text(page, "</p>");
        moment(page, problem->last_us);
        if (problem->count > 1) {
            text(page, " <span class=\"soft\">· ");
            count(page, problem->count);
            text(page, " times, first ");
            moment(page, problem->first_us);
            text(page, "</span>");
        }
        text(page, "</div></li>\n");
    }
    text(page, "</ul></section>\n");
}

/* How the last call that failed ended, in the server's words where it gave any. */
static void write_server_words(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    if (snapshot->stream.failure.at_us == 0)
        return;
    text(page, "<section><h2>The server's last failed answer</h2>\n<p>");
    moment(page, snapshot->stream.failure.at_us);
    text(page, " · ");
    writer_html(&page->writer, snapshot->stream.failure.address[0] != '\0'
                                   ? snapshot->stream.failure.address
                                   : snapshot->endpoint);
    text(page, ", asked for ");
    writer_html(&page->writer, snapshot->stream.failure.asked);
    text(page, ": <q>");
    writer_html(&page->writer, snapshot->stream.failure.words);
    text(page, "</q></p>\n");
    if (snapshot->stream.failure.meaning != NULL) {
        text(page, "<p>That means: ");
        writer_html(&page->writer, snapshot->stream.failure.meaning);
        text(page, ".</p>\n");
    }
    text(page, "</section>\n");
}

static void write_footer(struct status_page *page)
{
    const struct status_snapshot *snapshot = page->snapshot;
    text(page, "<footer><p>From <code>");
    writer_html(&page->writer, snapshot->endpoint);
    text(page, "</code> into <code>");
    writer_html(&page->writer, snapshot->output_path);
    text(page, "</code>, partitioned by ");
    writer_html(&page->writer, snapshot->scheme);
    text(page, ", schema ");
    writer_html(&page->writer, snapshot->schema_version);
    text(page, "</p><p>parquet-consumer " TTP_VERSION " (" TTP_BUILD_HASH
               ") · <a href=\"health\">health as JSON</a></p></footer>\n");
}

enum error_code page_render(const struct status_snapshot *snapshot, const struct health *health,
                            const char *nonce, struct buffer *out)
{
    struct status_page page = {{out, OK}, snapshot, health};
    write_head(&page, nonce);
    text(&page, "<main id=\"page\">\n");
    write_header(&page);
    write_doing(&page);
    text(&page, "<dl class=\"tiles\">\n");
    write_stream_tiles(&page);
    write_load_tiles(&page);
    text(&page, "</dl>\n");
    write_streams(&page);
    write_coverage(&page);
    write_commits(&page);
    write_care(&page);
    write_problems(&page);
    write_server_words(&page);
    write_footer(&page);
    text(&page, "</main>\n<script nonce=\"");
    writer_html(&page.writer, nonce);
    text(&page, "\">");
    text(&page, page_script);
    text(&page, "</script>\n</body>\n</html>\n");
    return page.writer.code;
}
