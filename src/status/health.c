// SPDX-License-Identifier: Apache-2.0
#include "status/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/sentence.h"
#include "util/text.h"

const char *health_level_name(enum health_level level)
{
    static const char *const names[] = {"healthy", "degraded", "unhealthy"};
    return names[level];
}

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A duration for sentences: whole seconds from one second on. */
static void describe_duration(int64_t microseconds, char out[TEXT_TIME_BYTES])
{
    if (microseconds >= US_PER_SECOND)
        microseconds -= microseconds % US_PER_SECOND;
    text_duration(microseconds, out);
}

static bool is_streaming(const struct status_snapshot *snapshot)
{
    return snapshot->phase == STATUS_RUNNING && snapshot->stream.streaming_since_us != 0;
}

/* Room for a message before it is made to fit. */
#define WHOLE_BYTES (4 * STATUS_MESSAGE_BYTES)

/* "localhost:50051 (127.0.0.1:50051)": the second where it was asked and is another text. */
static void describe_server(const struct status_snapshot *snapshot, char *out, size_t out_bytes)
{
    bool has_address = snapshot->stream.failure.address[0] != '\0' &&
                       strcmp(snapshot->stream.failure.address, snapshot->endpoint) != 0;
    snprintf(out, out_bytes, "%.300s%s%s%s", snapshot->endpoint, has_address ? " (" : "",
             has_address ? snapshot->stream.failure.address : "", has_address ? ")" : "");
}

/* What was asked, how that ended in the server's own words, and what they mean. */
static void describe_failure(const struct status_snapshot *snapshot, char *out, size_t out_bytes)
{
    const char *meaning = snapshot->stream.failure.meaning;
    out[0] = '\0';
    if (snapshot->stream.failure.at_us == 0)
        return;
    snprintf(out, out_bytes, "Asked for %s: %s%s%s", snapshot->stream.failure.asked,
             snapshot->stream.failure.words, meaning != NULL ? ": " : "",
             meaning != NULL ? meaning : "");
}

static bool rule_outage(const struct status_snapshot *snapshot, char *message)
{
    if (!is_streaming(snapshot) || !snapshot->stream.outage)
        return false;
    char server[512], failure[3 * STATUS_MESSAGE_BYTES], whole[WHOLE_BYTES];
    describe_server(snapshot, server, sizeof server);
    describe_failure(snapshot, failure, sizeof failure);
    snprintf(whole, sizeof whole, "The source at %s serves no ledger at all%s. %s; %s%s", server,
             snapshot->stream.last_event_us == 0 ? ", and never has since this run began" : "",
             failure[0] != '\0' ? failure : "No call has ended yet",
             snapshot->stream.failure.meaning != NULL
                 ? ""
                 : "look at ttp-processor and at the ledger source behind it, ",
             "this run goes on trying.");
    sentence_fit(message, STATUS_MESSAGE_BYTES, whole);
    return true;
}

/* How long nothing new came though it could; 0 if that means nothing now. */
static int64_t source_silence_us(const struct status_snapshot *snapshot)
{
    if (!is_streaming(snapshot) || snapshot->stream.throttled || snapshot->idle_timeout_us <= 0)
        return 0;
    int64_t since = later_of(snapshot->stream.streaming_since_us,
                             later_of(snapshot->last_new_event_us, snapshot->last_throttled_us));
    return later_of(snapshot->now_us - since, 0);
}

static bool rule_silence(const struct status_snapshot *snapshot, char *message)
{
    int64_t silent_us = source_silence_us(snapshot);
    if (silent_us <= snapshot->idle_timeout_us || snapshot->stream.waits_behind != 0)
        return false;
    char silent[TEXT_TIME_BYTES], allowed[TEXT_TIME_BYTES];
    describe_duration(silent_us, silent);
    describe_duration(snapshot->idle_timeout_us, allowed);
    char server[512], failure[3 * STATUS_MESSAGE_BYTES], whole[WHOLE_BYTES];
    describe_server(snapshot, server, sizeof server);
    describe_failure(snapshot, failure, sizeof failure);
    snprintf(whole, sizeof whole, "No %s for %s (idle_timeout is %s): %s may hang, or %s.%s%s",
             snapshot->stream.last_event_us == 0 ? "event" : "new event", silent, allowed, server,
             snapshot->stream.last_event_us == 0
                 ? "the first ledger may lie beyond the network's newest one, or below what the "
                   "source still keeps (its retention)"
                 : "its network is still",
             failure[0] != '\0' ? " " : "", failure);
    sentence_fit(message, STATUS_MESSAGE_BYTES, whole);
    return true;
}

/* What comes and does not end: a message, whose bytes make no event, or a ledger, whose events are
 * all new. */
static bool rule_drip(const struct status_snapshot *snapshot, char *message)
{
    if (!is_streaming(snapshot) || snapshot->stream.throttled || snapshot->idle_timeout_us <= 0)
        return false;
    char allowed[TEXT_TIME_BYTES], lasts[TEXT_TIME_BYTES];
    describe_duration(snapshot->idle_timeout_us, allowed);
    if (snapshot->stream.drips) {
        snprintf(message, STATUS_MESSAGE_BYTES,
                 "Bytes come from %.96s, but no whole message for %d times idle_timeout (%s): each "
                 "time the stream is opened anew.",
                 snapshot->endpoint, HEALTH_DRIP_TIMES, allowed);
        return true;
    }
    int64_t comes_us =
        snapshot->now_us - later_of(snapshot->stream.ledger_since_us, snapshot->last_throttled_us);
    if (snapshot->stream.ledger_since_us == 0 ||
        comes_us <= HEALTH_DRIP_TIMES * snapshot->idle_timeout_us ||
        source_silence_us(snapshot) > snapshot->idle_timeout_us)
        return false;
    describe_duration(comes_us, lasts);
    snprintf(message, STATUS_MESSAGE_BYTES,
             "Ledger %" PRIu32 " has been coming from %.96s for %s and does not end: nothing more "
             "can be stored before it does.",
             snapshot->stream.current_ledger, snapshot->endpoint, lasts);
    return true;
}

static bool rule_disk_full(const struct status_snapshot *snapshot, char *message)
{
    if (!snapshot->sink.waiting_for_space)
        return false;
    snprintf(message, STATUS_MESSAGE_BYTES,
             "The disk is full: writing waits for space and goes on by itself once there is some.");
    return true;
}

static bool rule_storage_refuses(const struct status_snapshot *snapshot, char *message)
{
    if (!snapshot->sink.refused)
        return false;
    snprintf(message, STATUS_MESSAGE_BYTES,
             "The file system refuses to publish a commit: it is kept in staging and tried again. "
             "See the last error; mend the mount or the rights of the lake's folder.");
    return true;
}

static bool rule_commit_failing(const struct status_snapshot *snapshot, char *message)
{
    if (!snapshot->sink.failing)
        return false;
    snprintf(message, STATUS_MESSAGE_BYTES,
             "The last commit failed; its ledgers are asked for again. See the last error.");
    return true;
}

/* A commit waits for what is not on this machine's disk. */
static bool is_waited_for(const struct status_snapshot *snapshot)
{
    return snapshot->sink.catalog_busy_since_us != 0 || snapshot->sink.store_away_since_us != 0;
}

/* How long the writer's loop has not come round; 0 if that means nothing now. */
static int64_t writer_silence_us(const struct status_snapshot *snapshot)
{
    if (snapshot->writer_seen_us == 0 || snapshot->sink.waiting_for_space ||
        snapshot->sink.intake_paused || snapshot->sink.refused || is_waited_for(snapshot))
        return 0;
    return later_of(snapshot->now_monotonic_us - snapshot->writer_seen_us, 0);
}

static bool rule_writer_stuck(const struct status_snapshot *snapshot, char *message)
{
    int64_t silence_us = writer_silence_us(snapshot);
    if (silence_us <= HEALTH_WRITER_STUCK_US)
        return false;
    char silence[TEXT_TIME_BYTES];
    describe_duration(silence_us, silence);
    snprintf(message, STATUS_MESSAGE_BYTES,
             "The writer has not come round for %s: the storage hangs, or is far too slow.",
             silence);
    return true;
}

static int64_t catalog_locked_us(const struct status_snapshot *snapshot)
{
    return later_of(snapshot->now_monotonic_us - snapshot->sink.catalog_busy_since_us, 0);
}

/* SQLite itself waits five seconds before it says so. */
static bool rule_catalog_locked(const struct status_snapshot *snapshot, char *message)
{
    if (snapshot->sink.catalog_busy_since_us == 0)
        return false;
    char held[TEXT_TIME_BYTES];
    describe_duration(catalog_locked_us(snapshot), held);
    snprintf(
        message, STATUS_MESSAGE_BYTES,
        "The catalog could not be written to for %s or longer: another program holds its write "
        "lock (`fuser` of catalog.sqlite names it), or its database server is away (the log says "
        "which). Commits wait, and go on by themselves.",
        held);
    return true;
}

static bool catalog_is_locked_too_long(const struct status_snapshot *snapshot)
{
    return catalog_locked_us(snapshot) >= HEALTH_CATALOG_LOCKED_US;
}

static int64_t store_away_us(const struct status_snapshot *snapshot)
{
    return later_of(snapshot->now_monotonic_us - snapshot->sink.store_away_since_us, 0);
}

static bool rule_store_away(const struct status_snapshot *snapshot, char *message)
{
    if (snapshot->sink.store_away_since_us == 0)
        return false;
    char away[TEXT_TIME_BYTES];
    describe_duration(store_away_us(snapshot), away);
    snprintf(
        message, STATUS_MESSAGE_BYTES,
        "The object store has not answered for %s or longer, or asks for patience (the log says "
        "which). What is complete stays staged; commits go on by themselves once it answers.",
        away);
    return true;
}

static bool store_is_away_too_long(const struct status_snapshot *snapshot)
{
    return store_away_us(snapshot) >= HEALTH_STORE_AWAY_US;
}

static bool rule_log_blocked(const struct status_snapshot *snapshot, char *message)
{
    if (snapshot->log_blocked_us < HEALTH_LOG_BLOCKED_US)
        return false;
    char blocked[TEXT_TIME_BYTES];
    describe_duration(snapshot->log_blocked_us, blocked);
    snprintf(message, STATUS_MESSAGE_BYTES,
             "Nobody has read the log for %s (%" PRIu64 " lines were dropped): look at what "
             "collects stderr; the lake is not held up by it.",
             blocked, snapshot->log_lines_dropped);
    return true;
}

static bool rule_reconnecting(const struct status_snapshot *snapshot, char *message)
{
    if (!is_streaming(snapshot))
        return false;
    if (!snapshot->stream.degraded &&
        (snapshot->stream.connected || snapshot->stream.connects == 0))
        return false;
    char server[512], failure[3 * STATUS_MESSAGE_BYTES], whole[WHOLE_BYTES];
    describe_server(snapshot, server, sizeof server);
    describe_failure(snapshot, failure, sizeof failure);
    snprintf(whole, sizeof whole, "%s %s%s%s; trying again.",
             snapshot->stream.last_event_us == 0 ? "There is no stream yet from"
                                                 : "The stream broke off from",
             server, failure[0] != '\0' ? ". " : "", failure);
    sentence_fit(message, STATUS_MESSAGE_BYTES, whole);
    return true;
}

static bool rule_disk_low(const struct status_snapshot *snapshot, char *message)
{
    if (!snapshot->sink.intake_paused &&
        (!snapshot->disk_known || snapshot->disk_free_bytes >= snapshot->disk_min_free_bytes))
        return false;
    const char *paused =
        snapshot->sink.intake_paused
            ? " Nothing more is taken from the stream until there is some; what is "
              "open is still committed."
            : "";
    if (snapshot->disk_known && snapshot->disk_free_bytes >= snapshot->disk_min_free_bytes) {
        snprintf(message, STATUS_MESSAGE_BYTES,
                 "Few inodes are free on the lake's file system (df -i): make room.%s", paused);
        return true;
    }
    char free_text[TEXT_TIME_BYTES], least[TEXT_TIME_BYTES];
    text_size(snapshot->disk_free_bytes, free_text);
    text_size(snapshot->disk_min_free_bytes, least);
    snprintf(message, STATUS_MESSAGE_BYTES,
             "Only %s of disk are free, less than min_free_disk (%s): make room.%s", free_text,
             least, paused);
    return true;
}

static bool rule_commit_late(const struct status_snapshot *snapshot, char *message)
{
    if (snapshot->sink.next_commit_us == 0 || snapshot->sink.waiting_for_space ||
        snapshot->sink.refused || is_waited_for(snapshot))
        return false;
    int64_t late_us = snapshot->now_us - snapshot->sink.next_commit_us;
    if (late_us <= HEALTH_COMMIT_LATE_US)
        return false;
    char late[TEXT_TIME_BYTES];
    describe_duration(late_us, late);
    snprintf(message, STATUS_MESSAGE_BYTES,
             "The open files were to be committed %s ago and are not yet.", late);
    return true;
}

static bool rule_gap(const struct status_snapshot *snapshot, char *message)
{
    if (snapshot->stream.gaps.kept_count == 0 ||
        snapshot->now_us - snapshot->stream.gaps.last_us > HEALTH_GAP_US)
        return false;
    struct ledger_range gap = snapshot->stream.gaps.kept[snapshot->stream.gaps.kept_count - 1];
    snprintf(message, STATUS_MESSAGE_BYTES,
             "No event came of the ledgers %" PRIu32 " to %" PRIu32
             ", nor when they were asked for "
             "once more, while nearly each before had some: look at the source; `repair "
             "--unconfirmed` has them asked for again.",
             gap.first, gap.last);
    return true;
}

static bool rule_waiting_for_end(const struct status_snapshot *snapshot, char *message)
{
    if (snapshot->stream.waits_behind == 0 ||
        source_silence_us(snapshot) <= snapshot->idle_timeout_us)
        return false;
    snprintf(message, STATUS_MESSAGE_BYTES,
             "All events of ledger %" PRIu32 ", the last one asked for, are here; that it is "
             "complete is known once the server has a later ledger. This run waits for one.",
             snapshot->stream.waits_behind);
    return true;
}

static bool rule_set_aside(const struct status_snapshot *snapshot, char *message)
{
    uint64_t count = snapshot->work.pieces_set_aside;
    if (count == 0)
        return false;
    snprintf(message, STATUS_MESSAGE_BYTES,
             "%" PRIu64
             " piece%s of the ledgers asked for failed again and again and %s set aside; "
             "the others go on. The log says why; another run asks for what is missing.",
             count, text_plural(count), count == 1 ? "is" : "are");
    return true;
}

/* In the order of enum health_rule; those that make a run unhealthy come first. */
static const struct rule {
    const char *name;
    enum health_level level;
    bool (*applies)(const struct status_snapshot *snapshot, char *message);
    bool (*is_unhealthy)(const struct status_snapshot *snapshot); /* NULL: `level` stays */
} rules[HEALTH_RULE_COUNT] = {
    [HEALTH_RULE_OUTAGE] = {"outage", HEALTH_UNHEALTHY, rule_outage, NULL},
    [HEALTH_RULE_SILENCE] = {"silence", HEALTH_UNHEALTHY, rule_silence, NULL},
    [HEALTH_RULE_DRIP] = {"drip", HEALTH_UNHEALTHY, rule_drip, NULL},
    [HEALTH_RULE_DISK_FULL] = {"disk_full", HEALTH_UNHEALTHY, rule_disk_full, NULL},
    [HEALTH_RULE_STORAGE_REFUSES] = {"storage_refuses", HEALTH_UNHEALTHY, rule_storage_refuses,
                                     NULL},
    [HEALTH_RULE_COMMIT_FAILING] = {"commit_failing", HEALTH_UNHEALTHY, rule_commit_failing, NULL},
    [HEALTH_RULE_WRITER_STUCK] = {"writer_stuck", HEALTH_UNHEALTHY, rule_writer_stuck, NULL},
    [HEALTH_RULE_CATALOG_LOCKED] = {"catalog_locked", HEALTH_DEGRADED, rule_catalog_locked,
                                    catalog_is_locked_too_long},
    [HEALTH_RULE_STORE_AWAY] = {"store_away", HEALTH_DEGRADED, rule_store_away,
                                store_is_away_too_long},
    [HEALTH_RULE_RECONNECTING] = {"reconnecting", HEALTH_DEGRADED, rule_reconnecting, NULL},
    [HEALTH_RULE_DISK_LOW] = {"disk_low", HEALTH_DEGRADED, rule_disk_low, NULL},
    [HEALTH_RULE_COMMIT_LATE] = {"commit_late", HEALTH_DEGRADED, rule_commit_late, NULL},
    [HEALTH_RULE_LOG_BLOCKED] = {"log_blocked", HEALTH_DEGRADED, rule_log_blocked, NULL},
    [HEALTH_RULE_GAP] = {"gap", HEALTH_DEGRADED, rule_gap, NULL},
    [HEALTH_RULE_WAITING_FOR_END] = {"waiting_for_end", HEALTH_DEGRADED, rule_waiting_for_end,
                                     NULL},
    [HEALTH_RULE_SET_ASIDE] = {"set_aside", HEALTH_DEGRADED, rule_set_aside, NULL},
};

const char *health_rule_name(enum health_rule rule)
{
    return rules[rule].name;
}

void health_assess(const struct status_snapshot *snapshot, struct health *out)
{
    memset(out, 0, sizeof(*out));
    out->level = HEALTH_HEALTHY;
    for (size_t i = 0; i < HEALTH_RULE_COUNT; i++) {
        struct health_finding *finding = &out->findings[out->finding_count];
        if (!rules[i].applies(snapshot, finding->message))
            continue;
        finding->rule = (enum health_rule)i;
        finding->level = rules[i].level;
        if (rules[i].is_unhealthy != NULL && rules[i].is_unhealthy(snapshot))
            finding->level = HEALTH_UNHEALTHY;
        out->finding_count++;
        if (finding->level > out->level)
            out->level = finding->level;
    }
    /* One that stands by has no stream, and is as ready as it can be. */
    out->ready = snapshot->phase == STATUS_RUNNING &&
                 (snapshot->stream.connects != 0 || snapshot->work.stands_by) &&
                 out->level != HEALTH_UNHEALTHY;
    out->alive = writer_silence_us(snapshot) <= HEALTH_WRITER_DEAD_US;
}

static double lag_seconds(const struct status_snapshot *snapshot, int64_t close_us)
{
    if (close_us == 0)
        return -1;
    return (double)later_of(snapshot->now_us - close_us, 0) / (double)US_PER_SECOND;
}

double health_lag_seconds(const struct status_snapshot *snapshot)
{
    return lag_seconds(snapshot, snapshot->stream.current_close_us);
}

double health_commit_lag_seconds(const struct status_snapshot *snapshot)
{
    return lag_seconds(snapshot, snapshot->last_close_us);
}
