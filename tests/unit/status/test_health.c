// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "status/fake_snapshot.h"
#include "status/health_json.h"
#include "util/memory.h"

#define SECOND INT64_C(1000000)

/* The only finding is this one, of this level. */
static void expect_only(const struct status_snapshot *snapshot, enum health_rule rule,
                        enum health_level level)
{
    struct health health;
    health_assess(snapshot, &health);
    assert_int_equal(health.finding_count, 1);
    assert_int_equal(health.findings[0].rule, rule);
    assert_int_equal(health.findings[0].level, level);
    assert_int_equal(health.level, level);
    assert_true(strlen(health.findings[0].message) > 20);
    assert_int_equal(health.ready, level != HEALTH_UNHEALTHY);
}

static void expect_healthy(const struct status_snapshot *snapshot)
{
    struct health health;
    health_assess(snapshot, &health);
    assert_int_equal(health.finding_count, 0);
    assert_int_equal(health.level, HEALTH_HEALTHY);
}

static void a_run_at_the_tip_is_healthy_ready_and_alive(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    expect_healthy(&snapshot);
    health_assess(&snapshot, &health);
    assert_true(health.ready);
    assert_true(health.alive);
}

/* The network's clock and ours differ by a little. */
static void a_ledger_that_closes_in_the_future_is_no_lag(void **state)
{
    (void)state;
    struct status_snapshot snapshot = {.now_us = FAKE_NOW_US,
                                       .stream.current_close_us = FAKE_NOW_US + 2000000,
                                       .last_close_us = FAKE_NOW_US - 3000000};
    assert_float_equal(health_lag_seconds(&snapshot), 0.0, 0.0);
    assert_float_equal(health_commit_lag_seconds(&snapshot), 3.0, 0.0);
}

static void a_process_that_just_started_is_healthy_but_not_ready(void **state)
{
    (void)state;
    struct status_snapshot snapshot = {.now_us = FAKE_NOW_US};
    struct health health;
    health_assess(&snapshot, &health);
    assert_int_equal(health.level, HEALTH_HEALTHY);
    assert_false(health.ready);
    assert_true(health.alive);
}

static void a_run_that_never_reached_its_source_is_not_ready(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.stream.connected = false;
    snapshot.stream.connects = 0;
    health_assess(&snapshot, &health);
    assert_int_equal(health.level, HEALTH_HEALTHY);
    assert_false(health.ready);
    snapshot.work.stands_by = true; /* another process follows the chain */
    health_assess(&snapshot, &health);
    assert_true(health.ready);
}

static void silence_is_unhealthy_only_beyond_idle_timeout(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.last_new_event_us = FAKE_NOW_US - 90 * SECOND;
    expect_healthy(&snapshot);
    snapshot.last_new_event_us -= 1;
    expect_only(&snapshot, HEALTH_RULE_SILENCE, HEALTH_UNHEALTHY);
}

static void silence_from_the_very_start_counts_from_the_request(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.last_new_event_us = 0;
    snapshot.stream.streaming_since_us = FAKE_NOW_US - 89 * SECOND;
    expect_healthy(&snapshot);
    snapshot.stream.streaming_since_us = FAKE_NOW_US - 91 * SECOND;
    expect_only(&snapshot, HEALTH_RULE_SILENCE, HEALTH_UNHEALTHY);
}

static void a_run_that_has_all_waits_for_the_end_and_does_not_call_it_silence(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream.waits_behind = snapshot.request_last = 53000777;
    expect_healthy(&snapshot);
    snapshot.last_new_event_us = FAKE_NOW_US - 91 * SECOND;
    expect_only(&snapshot, HEALTH_RULE_WAITING_FOR_END, HEALTH_DEGRADED);
    assert_string_equal(health_rule_name(HEALTH_RULE_WAITING_FOR_END), "waiting_for_end");
}

static void a_piece_that_is_set_aside_makes_a_run_degraded(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.work.pieces_set_aside = 1;
    expect_only(&snapshot, HEALTH_RULE_SET_ASIDE, HEALTH_DEGRADED);
    assert_string_equal(health_rule_name(HEALTH_RULE_SET_ASIDE), "set_aside");
}

static void a_ledger_that_comes_without_end_is_a_drip(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream.ledger_since_us = FAKE_NOW_US - 360 * SECOND;
    expect_healthy(&snapshot);
    snapshot.stream.ledger_since_us -= 1;
    expect_only(&snapshot, HEALTH_RULE_DRIP, HEALTH_UNHEALTHY);
    /* A full queue takes time, too. */
    snapshot.last_throttled_us = FAKE_NOW_US - 300 * SECOND;
    expect_healthy(&snapshot);
    /* Nothing comes of it any more: that is silence. */
    snapshot.last_throttled_us = 0;
    snapshot.last_new_event_us = FAKE_NOW_US - 91 * SECOND;
    expect_only(&snapshot, HEALTH_RULE_SILENCE, HEALTH_UNHEALTHY);
}

static void a_message_that_comes_without_end_is_a_drip(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream.drips = true;
    expect_only(&snapshot, HEALTH_RULE_DRIP, HEALTH_UNHEALTHY);
    assert_string_equal(health_rule_name(HEALTH_RULE_DRIP), "drip");
    snapshot.stream.streaming_since_us = 0;
    expect_healthy(&snapshot);
}

static void a_gap_is_worth_a_look_for_an_hour(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.stream.gaps.count = snapshot.stream.gaps.kept_count = 2;
    snapshot.stream.gaps.kept[0] = (struct ledger_range){7, 9};
    snapshot.stream.gaps.kept[1] = (struct ledger_range){1020, 1319};
    snapshot.stream.gaps.last_us = FAKE_NOW_US - 3600 * SECOND;
    expect_only(&snapshot, HEALTH_RULE_GAP, HEALTH_DEGRADED);
    health_assess(&snapshot, &health);
    assert_non_null(strstr(health.findings[0].message, "1020 to 1319"));
    assert_true(strlen(health.findings[0].message) < STATUS_MESSAGE_BYTES - 1); /* not cut */
    snapshot.stream.gaps.last_us -= 1;
    expect_healthy(&snapshot);
}

static void silence_of_our_own_making_does_not_count(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.last_new_event_us = FAKE_NOW_US - 3600 * SECOND;
    snapshot.stream.throttled = true;
    expect_healthy(&snapshot);
    snapshot.stream.throttled = false;
    snapshot.last_throttled_us = FAKE_NOW_US - 3 * SECOND;
    expect_healthy(&snapshot);
    snapshot.last_throttled_us = FAKE_NOW_US - 91 * SECOND;
    expect_only(&snapshot, HEALTH_RULE_SILENCE, HEALTH_UNHEALTHY);
}

static void events_that_only_come_again_do_not_break_the_silence(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream.last_event_us = FAKE_NOW_US;
    snapshot.last_new_event_us = FAKE_NOW_US - 91 * SECOND;
    expect_only(&snapshot, HEALTH_RULE_SILENCE, HEALTH_UNHEALTHY);
}

static void nothing_is_silent_while_nothing_is_asked_for(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.last_new_event_us = FAKE_NOW_US - 3600 * SECOND;
    snapshot.stream.connected = false;
    snapshot.stream.streaming_since_us = 0;
    expect_healthy(&snapshot);
}

static void an_outage_is_unhealthy(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream.outage = true;
    expect_only(&snapshot, HEALTH_RULE_OUTAGE, HEALTH_UNHEALTHY);
}

/* What a real ttp-processor says while its source's breaker is open. */
static void fail_with_words(struct status_snapshot *snapshot)
{
    snapshot->stream.failure.at_us = FAKE_NOW_US - 5 * SECOND;
    strcpy(snapshot->stream.failure.asked, "ledgers 5 to 9");
    strcpy(snapshot->stream.failure.address, "10.1.2.3:50051");
    strcpy(snapshot->stream.failure.status, "INTERNAL");
    strcpy(snapshot->stream.failure.message, "service temporarily unavailable");
    strcpy(snapshot->stream.failure.words,
           "the server answered INTERNAL: service temporarily unavailable");
    snapshot->stream.failure.meaning = "the breaker is open: restart the source";
}

static void an_outage_is_told_in_the_servers_own_words(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.stream.outage = true;
    fail_with_words(&snapshot);
    health_assess(&snapshot, &health);
    assert_string_equal(health.findings[0].message,
                        "The source at localhost:50051 (10.1.2.3:50051) serves no ledger at all. "
                        "Asked for ledgers 5 to 9: the server answered INTERNAL: service "
                        "temporarily unavailable: the breaker is open: restart the source; this "
                        "run goes on trying.");
    snapshot.stream.last_event_us = 0;
    health_assess(&snapshot, &health);
    assert_non_null(strstr(health.findings[0].message, "and never has since this run began"));
    memset(snapshot.stream.failure.words, 'w', sizeof(snapshot.stream.failure.words) - 1);
    health_assess(&snapshot, &health);
    assert_non_null(strstr(health.findings[0].message, "; this run goes on trying."));
}

static void without_any_event_no_stream_broke_off(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.stream.last_event_us = 0;
    snapshot.stream.degraded = true;
    fail_with_words(&snapshot);
    health_assess(&snapshot, &health);
    assert_non_null(strstr(health.findings[0].message,
                           "There is no stream yet from localhost:50051 (10.1.2.3:50051). Asked"));
    snapshot.stream.last_event_us = FAKE_NOW_US;
    health_assess(&snapshot, &health);
    assert_non_null(strstr(health.findings[0].message, "The stream broke off from localhost"));
}

static void a_broken_stream_is_degraded_and_still_ready(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream.connected = false;
    expect_only(&snapshot, HEALTH_RULE_RECONNECTING, HEALTH_DEGRADED);
    snapshot.stream.connected = true;
    snapshot.stream.degraded = true;
    expect_only(&snapshot, HEALTH_RULE_RECONNECTING, HEALTH_DEGRADED);
}

static void a_full_disk_is_unhealthy(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.sink.waiting_for_space = true;
    expect_only(&snapshot, HEALTH_RULE_DISK_FULL, HEALTH_UNHEALTHY);
}

static void a_disk_below_min_free_disk_is_degraded(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.disk_free_bytes = snapshot.disk_min_free_bytes;
    expect_healthy(&snapshot);
    snapshot.disk_free_bytes--;
    expect_only(&snapshot, HEALTH_RULE_DISK_LOW, HEALTH_DEGRADED);
    snapshot.disk_known = false;
    expect_healthy(&snapshot);
}

static void a_paused_intake_is_degraded_and_not_to_be_restarted(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.disk_free_bytes = snapshot.disk_min_free_bytes - 1;
    snapshot.sink.intake_paused = true;
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_WRITER_DEAD_US - 1;
    expect_only(&snapshot, HEALTH_RULE_DISK_LOW, HEALTH_DEGRADED);
    health_assess(&snapshot, &health);
    assert_true(health.alive && health.ready);
    assert_non_null(strstr(health.findings[0].message, "Nothing more is taken"));
}

static void a_failed_commit_is_unhealthy(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.sink.failing = true;
    expect_only(&snapshot, HEALTH_RULE_COMMIT_FAILING, HEALTH_UNHEALTHY);
}

static void a_file_system_that_refuses_to_publish_is_unhealthy_and_no_dead_writer(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.sink.refused = true;
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_WRITER_DEAD_US - 1;
    snapshot.sink.next_commit_us = snapshot.now_us - HEALTH_COMMIT_LATE_US - 1;
    expect_only(&snapshot, HEALTH_RULE_STORAGE_REFUSES, HEALTH_UNHEALTHY);
    health_assess(&snapshot, &health);
    assert_true(health.alive);
}

static void a_writer_that_does_not_come_round_is_unhealthy_then_dead(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_WRITER_STUCK_US - 1;
    expect_only(&snapshot, HEALTH_RULE_WRITER_STUCK, HEALTH_UNHEALTHY);
    health_assess(&snapshot, &health);
    assert_true(health.alive);
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_WRITER_DEAD_US - 1;
    health_assess(&snapshot, &health);
    assert_false(health.alive);
}

static void a_writer_that_waits_for_space_is_not_to_be_restarted(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.sink.waiting_for_space = true;
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_WRITER_DEAD_US - 1;
    expect_only(&snapshot, HEALTH_RULE_DISK_FULL, HEALTH_UNHEALTHY);
    health_assess(&snapshot, &health);
    assert_true(health.alive);
}

static void a_catalog_that_another_program_holds_is_a_rule_of_its_own(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.sink.catalog_busy_since_us = FAKE_MONOTONIC_US - HEALTH_CATALOG_LOCKED_US + 1;
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_CATALOG_LOCKED_US + 1;
    snapshot.sink.next_commit_us = FAKE_NOW_US - 2 * HEALTH_COMMIT_LATE_US; /* it explains that */
    expect_only(&snapshot, HEALTH_RULE_CATALOG_LOCKED, HEALTH_DEGRADED);
    snapshot.sink.catalog_busy_since_us--;
    expect_only(&snapshot, HEALTH_RULE_CATALOG_LOCKED, HEALTH_UNHEALTHY);
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_WRITER_DEAD_US - 1;
    expect_only(&snapshot, HEALTH_RULE_CATALOG_LOCKED, HEALTH_UNHEALTHY);
    health_assess(&snapshot, &health);
    assert_true(health.alive); /* a restart would help nothing */
}

static void an_object_store_that_is_away_is_a_rule_of_its_own(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.sink.store_away_since_us = FAKE_MONOTONIC_US - HEALTH_STORE_AWAY_US + 1;
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_STORE_AWAY_US + 1;
    snapshot.sink.next_commit_us = FAKE_NOW_US - 2 * HEALTH_COMMIT_LATE_US; /* it explains that */
    expect_only(&snapshot, HEALTH_RULE_STORE_AWAY, HEALTH_DEGRADED);
    snapshot.sink.store_away_since_us--;
    expect_only(&snapshot, HEALTH_RULE_STORE_AWAY, HEALTH_UNHEALTHY);
    snapshot.writer_seen_us = FAKE_MONOTONIC_US - HEALTH_WRITER_DEAD_US - 1;
    expect_only(&snapshot, HEALTH_RULE_STORE_AWAY, HEALTH_UNHEALTHY);
    health_assess(&snapshot, &health);
    assert_true(health.alive); /* a restart would help nothing */
}

static void a_log_that_nobody_reads_is_degraded(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.log_lines_dropped = 7;
    snapshot.log_blocked_us = HEALTH_LOG_BLOCKED_US - 1;
    expect_healthy(&snapshot);
    snapshot.log_blocked_us++;
    expect_only(&snapshot, HEALTH_RULE_LOG_BLOCKED, HEALTH_DEGRADED);
    health_assess(&snapshot, &health);
    assert_true(health.ready);
    assert_non_null(strstr(health.findings[0].message, "7 lines were dropped"));
}

static void an_overdue_commit_is_degraded_after_some_grace(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.sink.next_commit_us = FAKE_NOW_US - HEALTH_COMMIT_LATE_US;
    expect_healthy(&snapshot);
    snapshot.sink.next_commit_us--;
    expect_only(&snapshot, HEALTH_RULE_COMMIT_LATE, HEALTH_DEGRADED);
}

static void the_worst_finding_decides_and_comes_first(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.disk_free_bytes = 0;
    snapshot.stream.connected = false;
    snapshot.sink.failing = true;
    snapshot.sink.catalog_busy_since_us = FAKE_MONOTONIC_US - 1;
    health_assess(&snapshot, &health);
    assert_int_equal(health.finding_count, 4);
    assert_int_equal(health.level, HEALTH_UNHEALTHY);
    assert_int_equal(health.findings[0].rule, HEALTH_RULE_COMMIT_FAILING);
    for (size_t i = 1; i < health.finding_count; i++)
        assert_true(health.findings[i].level <= health.findings[i - 1].level);
}

static void a_run_that_stops_is_not_ready(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.phase = STATUS_STOPPING;
    health_assess(&snapshot, &health);
    assert_false(health.ready);
}

static json_t *render(const struct status_snapshot *snapshot)
{
    struct health health;
    struct buffer out;
    buffer_init(&out);
    health_assess(snapshot, &health);
    assert_int_equal(health_json_render(snapshot, &health, &out), OK);
    json_error_t error;
    json_t *object = json_loadb((const char *)out.data, out.size_bytes, 0, &error);
    if (!object)
        fail_msg("not JSON: %s", error.text);
    buffer_release(&out);
    return object;
}

static void expect_text(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    assert_non_null(value);
    assert_string_equal(value, text);
}

static void expect_number(const json_t *object, const char *key, int64_t number)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    assert_int_equal(json_integer_value(value), number);
}

static void the_answer_holds_what_the_plan_and_the_design_name(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    json_t *object = render(&snapshot);
    expect_text(object, "status", "healthy");
    expect_number(object, "events_received", 4182337);
    expect_number(object, "events_written", 4105000);
    expect_number(object, "files_created", 11);
    expect_text(object, "last_flush", "2024-08-07T11:59:53Z");
    expect_text(object, "uptime", "1h2m3s");
    expect_number(object, "events_pending", 1200 + 76137);
    expect_number(object, "batches_processed", 4200);
    expect_number(object, "error_count", 0);
    expect_text(object, "last_commit", "2024-08-07T11:54:50Z");
    expect_text(object, "next_commit_at", "2024-08-07T12:54:50Z");
    expect_number(object, "current_ledger", 53000777);
    assert_float_equal(json_number_value(json_object_get(object, "lag_seconds")), 4.0, 0.001);
    assert_true(json_is_null(json_object_get(object, "last_error")));
    const json_t *coverage = json_object_get(object, "coverage");
    assert_int_equal(json_array_size(coverage), 2);
    expect_number(json_array_get(coverage, 1), "first", 52995020);
    expect_number(json_array_get(coverage, 1), "last", 53000719);
    json_decref(object);
}

static void what_is_not_known_yet_is_null(void **state)
{
    (void)state;
    struct status_snapshot snapshot = {.now_us = FAKE_NOW_US};
    json_t *object = render(&snapshot);
    static const char *const keys[] = {"last_flush",     "last_commit", "next_commit_at",
                                       "current_ledger", "lag_seconds", "last_error"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_true(json_is_null(json_object_get(object, keys[i])));
    expect_text(object, "uptime", "0s");
    json_decref(object);
}

static void an_unhealthy_run_has_a_last_error_and_what_the_server_said(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    snapshot.stream.outage = true;
    fail_with_words(&snapshot);
    health_assess(&snapshot, &health);
    json_t *object = render(&snapshot);
    expect_text(object, "last_error", health.findings[0].message);
    expect_text(object, "last_error_at", "2024-08-07T12:00:00Z");
    const json_t *source = json_object_get(object, "source");
    expect_text(source, "endpoint", "localhost:50051");
    expect_text(source, "address", "10.1.2.3:50051");
    expect_text(source, "asked_for", "ledgers 5 to 9");
    expect_text(source, "last_status", "INTERNAL");
    expect_text(source, "last_message", "service temporarily unavailable");
    expect_text(source, "last_failure",
                "the server answered INTERNAL: service temporarily unavailable");
    expect_text(source, "meaning", "the breaker is open: restart the source");
    assert_true(json_is_true(json_object_get(source, "ever_streamed")));
    json_decref(object);
}

static void an_error_with_any_bytes_stays_json(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    strcpy(snapshot.last_error, "a \"quoted\"\n\x01 back\\slash \xff\xc3 end");
    snapshot.sink.failing = true;
    json_t *object = render(&snapshot);
    expect_text(object, "status", "unhealthy");
    expect_text(object, "last_error",
                "a \"quoted\"\n\x01 back\\slash \xEF\xBF\xBD\xEF\xBF\xBD end");
    const json_t *reason = json_array_get(json_object_get(object, "reasons"), 0);
    expect_text(reason, "rule", "commit_failing");
    expect_text(reason, "level", "unhealthy");
    json_decref(object);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    struct health health;
    fake_snapshot(&snapshot);
    health_assess(&snapshot, &health);
    enum error_code code = ERR_NO_MEMORY;
    for (uint64_t n = 1; code != OK; n++) {
        struct buffer out;
        buffer_init(&out);
        mem_fail_after(n);
        code = health_json_render(&snapshot, &health, &out);
        mem_fail_after(0);
        assert_true(code == OK || code == ERR_NO_MEMORY);
        assert_true(n < 100);
        assert_true(n > 1 || code == ERR_NO_MEMORY);
        buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_at_the_tip_is_healthy_ready_and_alive),
        cmocka_unit_test(a_ledger_that_closes_in_the_future_is_no_lag),
        cmocka_unit_test(a_process_that_just_started_is_healthy_but_not_ready),
        cmocka_unit_test(a_run_that_never_reached_its_source_is_not_ready),
        cmocka_unit_test(silence_is_unhealthy_only_beyond_idle_timeout),
        cmocka_unit_test(silence_from_the_very_start_counts_from_the_request),
        cmocka_unit_test(a_run_that_has_all_waits_for_the_end_and_does_not_call_it_silence),
        cmocka_unit_test(a_piece_that_is_set_aside_makes_a_run_degraded),
        cmocka_unit_test(a_ledger_that_comes_without_end_is_a_drip),
        cmocka_unit_test(a_message_that_comes_without_end_is_a_drip),
        cmocka_unit_test(a_gap_is_worth_a_look_for_an_hour),
        cmocka_unit_test(silence_of_our_own_making_does_not_count),
        cmocka_unit_test(events_that_only_come_again_do_not_break_the_silence),
        cmocka_unit_test(nothing_is_silent_while_nothing_is_asked_for),
        cmocka_unit_test(an_outage_is_unhealthy),
        cmocka_unit_test(an_outage_is_told_in_the_servers_own_words),
        cmocka_unit_test(an_unhealthy_run_has_a_last_error_and_what_the_server_said),
        cmocka_unit_test(without_any_event_no_stream_broke_off),
        cmocka_unit_test(a_broken_stream_is_degraded_and_still_ready),
        cmocka_unit_test(a_full_disk_is_unhealthy),
        cmocka_unit_test(a_disk_below_min_free_disk_is_degraded),
        cmocka_unit_test(a_paused_intake_is_degraded_and_not_to_be_restarted),
        cmocka_unit_test(a_failed_commit_is_unhealthy),
        cmocka_unit_test(a_file_system_that_refuses_to_publish_is_unhealthy_and_no_dead_writer),
        cmocka_unit_test(a_writer_that_does_not_come_round_is_unhealthy_then_dead),
        cmocka_unit_test(a_writer_that_waits_for_space_is_not_to_be_restarted),
        cmocka_unit_test(a_catalog_that_another_program_holds_is_a_rule_of_its_own),
        cmocka_unit_test(an_object_store_that_is_away_is_a_rule_of_its_own),
        cmocka_unit_test(a_log_that_nobody_reads_is_degraded),
        cmocka_unit_test(an_overdue_commit_is_degraded_after_some_grace),
        cmocka_unit_test(the_worst_finding_decides_and_comes_first),
        cmocka_unit_test(a_run_that_stops_is_not_ready),
        cmocka_unit_test(the_answer_holds_what_the_plan_and_the_design_name),
        cmocka_unit_test(what_is_not_known_yet_is_null),
        cmocka_unit_test(an_error_with_any_bytes_stays_json),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
