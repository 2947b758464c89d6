// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "status/fake_snapshot.h"
#include "status/page.h"
#include "util/memory.h"

#define SECOND  INT64_C(1000000)
#define HOSTILE "\"'><script>alert(1)</script>&"

/* The page as text; the caller frees it. */
static char *render(const struct status_snapshot *snapshot)
{
    struct health health;
    struct buffer out;
    buffer_init(&out);
    health_assess(snapshot, &health);
    assert_int_equal(page_render(snapshot, &health, "bm9uY2U=", &out), OK);
    assert_int_equal(buffer_append_byte(&out, 0), OK);
    return (char *)out.data;
}

static void expect(const struct status_snapshot *snapshot, const char *words)
{
    char *page = render(snapshot);
    if (!strstr(page, words))
        fail_msg("not on the page: %s\n%s", words, strstr(page, "<main"));
    mem_free(page);
}

static size_t occurrences(const char *page, const char *words)
{
    size_t count = 0;
    for (; (page = strstr(page, words)); page += strlen(words))
        count++;
    return count;
}

static void a_live_run_shows_what_it_does(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    expect(&snapshot, "<h1>Following pubnet live</h1>");
    expect(&snapshot, "<span class=\"pill healthy\">Healthy</span>");
    expect(&snapshot, "53,000,777");
    expect(&snapshot, "closed 2024-08-07 11:59:56 UTC");
    expect(&snapshot, "<title>Healthy · 53,000,777 · ttp-parquet-consumer</title>");
    expect(&snapshot, "up 1h2m3s");
    expect(&snapshot, "61.0 MiB");
    expect(&snapshot, "<b>Hole</b> 52,995,000");
    expect(&snapshot,
           "<code>parquet-consumer run --output-path /srv/lake 52995000 52995019</code>");
    expect(&snapshot, "<span class=\"tag\">end of range</span>");
    expect(&snapshot, "None in this run.");
}

static void the_headline_follows_the_state(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream.current_close_us -= 3 * 3600 * SECOND;
    expect(&snapshot, "<h1>Catching up with pubnet, 3 h behind</h1>");
    snapshot.network[0] = '\0';
    expect(&snapshot, "<h1>Catching up with the network, 3 h behind</h1>");
    snapshot.request_first = 52990000;
    snapshot.request_last = 53011554;
    expect(&snapshot, "<h1>Fetching ledgers 52,990,000");
    expect(&snapshot, "aria-label=\"50 % received\"");
    snapshot.stream.streaming_since_us = 0;
    expect(&snapshot, "<h1>Everything is fetched; publishing the rest</h1>");
    snapshot.stream.degraded = true;
    expect(&snapshot, "<h1>Trying to get the stream back</h1>");
    snapshot.sink.waiting_for_space = true;
    expect(&snapshot, "<h1>Waiting for disk space</h1>");
    expect(&snapshot, "<span class=\"pill unhealthy\">Unhealthy</span>");
    snapshot.phase = STATUS_STOPPING;
    expect(&snapshot, "<h1>Stopping: publishing what is complete</h1>");
}

static void a_process_that_just_started_has_a_page_too(void **state)
{
    (void)state;
    struct status_snapshot snapshot = {.now_us = FAKE_NOW_US};
    expect(&snapshot, "<h1>Starting: opening the lake</h1>");
    expect(&snapshot, "Nothing is covered yet.");
    snapshot.phase = STATUS_RUNNING;
    expect(&snapshot, "<h1>Connecting to the source</h1>");
    snapshot.stream.connects = 1;
    snapshot.stream.streaming_since_us = FAKE_NOW_US;
    expect(&snapshot, "<h1>Waiting for the first event of the network</h1>");
}

static void everything_from_outside_is_escaped(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snprintf(snapshot.service_name, sizeof(snapshot.service_name), HOSTILE);
    snprintf(snapshot.endpoint, sizeof(snapshot.endpoint), HOSTILE);
    snprintf(snapshot.network, sizeof(snapshot.network), HOSTILE);
    snprintf(snapshot.output_path, sizeof(snapshot.output_path), HOSTILE);
    snprintf(snapshot.scheme, sizeof(snapshot.scheme), "<b>");
    snprintf(snapshot.schema_version, sizeof(snapshot.schema_version), "<b>");
    snprintf(snapshot.last_commits[0].partition, sizeof(snapshot.last_commits[0].partition),
             HOSTILE);
    snapshot.problem_count = 1;
    snprintf(snapshot.problems[0].message, sizeof(snapshot.problems[0].message),
             HOSTILE "\xff\x01\xe2\x80\xae!\xc2\x9b!");
    snapshot.stream.outage = true;
    char *page = render(&snapshot);
    assert_null(strstr(page, "<script>alert"));
    assert_null(strstr(page, "<b>,"));
    assert_int_equal(occurrences(page, "<script"), 1); /* ours */
    assert_true(occurrences(page, "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;") >=
                8);
    assert_non_null(strstr(page, "&amp;\xEF\xBF\xBD  ! !"));
    assert_null(strstr(page, "\xe2\x80\xae"));
    mem_free(page);
}

static void style_and_script_carry_the_nonce_and_nothing_is_loaded(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    char *page = render(&snapshot);
    assert_int_equal(occurrences(page, "nonce=\"bm9uY2U=\""), 2);
    assert_int_equal(occurrences(page, " style="), 0); /* the policy would drop them */
    assert_int_equal(occurrences(page, " src="), 0);
    assert_int_equal(occurrences(page, "url("), 0);
    assert_int_equal(occurrences(page, "@import"), 0);
    assert_int_equal(occurrences(page, "https:"), 0);
    assert_int_equal(occurrences(page, "<noscript><meta http-equiv=\"refresh\""), 1);
    mem_free(page);
}

static void problems_tell_how_often_and_since_when(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.problem_count = 2;
    snapshot.problems[0] = (struct status_problem){FAKE_NOW_US - 7200 * SECOND,
                                                   FAKE_NOW_US - 3 * SECOND, 17, true, "it broke"};
    snapshot.problems[1] =
        (struct status_problem){FAKE_NOW_US - SECOND, FAKE_NOW_US - SECOND, 1, false, "it creaks"};
    expect(&snapshot, "<span class=\"kind error\">error</span><div><p>it broke</p>");
    expect(&snapshot, "· 17 times, first ");
    expect(&snapshot, ">2 h ago</time>");
    expect(&snapshot, "<span class=\"kind warning\">warning</span><div><p>it creaks</p>");
}

static void a_hole_is_drawn_even_where_it_is_too_narrow_to_see(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.coverage[0] = (struct ledger_range){1, 30000000};
    snapshot.coverage[1] = (struct ledger_range){30000002, 60000000};
    expect(&snapshot, "<rect class=\"hole\" x=\"498.00\" width=\"4.00\"");
    expect(&snapshot, "1 ledger · fetch with");
}

static void a_hole_comes_with_a_command_that_can_be_pasted(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.coverage_count = 2;
    snapshot.coverage[0] = (struct ledger_range){1, 300};
    snapshot.coverage[1] = (struct ledger_range){302, 600};
    snprintf(snapshot.run_words, sizeof snapshot.run_words,
             " --output-path '/srv/a&b' --network testnet");
    expect(&snapshot, "<code>parquet-consumer run --output-path &#39;/srv/a&amp;b&#39; --network "
                      "testnet 301 301</code>");
    snapshot.run_words[0] = '\0'; /* too long for a page */
    expect(&snapshot, "<code>parquet-consumer status</code> says how to fetch it");
}

static void several_streams_are_told_one_by_one(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream_count = 3;
    snapshot.streams[0] =
        (struct stream_view){.range = {53000000, 0}, .connected = true, .current_ledger = 53000777};
    snapshot.streams[1] =
        (struct stream_view){.range = {40009728, 40026111}, .degraded = true, .retries = 1234};
    snapshot.work = (struct work_stats){
        .pieces_waiting = 3, .pieces_held = 2, .pieces_done = 1, .pieces_set_aside = 2};
    expect(&snapshot, "<h2>Streams</h2>");
    expect(&snapshot, "<td>1</td><td>streaming</td><td class=\"n\">follows the chain</td>");
    expect(&snapshot, "<td>2</td><td>reconnecting</td><td class=\"n\">40009728 to 40026111</td>");
    expect(&snapshot, "1,234");
    expect(&snapshot, "<td>3</td><td>idle</td>");
    expect(&snapshot, "2 were set aside");
    snapshot.request_first = 53000000;
    snapshot.request_last = 53999999;
    expect(&snapshot, "aria-label=\"12 % received\""); /* one piece of eight */
}

static void the_page_says_what_the_server_said(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.stream.failure.at_us = FAKE_NOW_US - 5 * SECOND;
    strcpy(snapshot.stream.failure.asked, "ledgers 5 to 9");
    strcpy(snapshot.stream.failure.address, "10.1.2.3:50051");
    strcpy(snapshot.stream.failure.words, "the server answered INTERNAL: <no>");
    snapshot.stream.failure.meaning = "its breaker is open";
    expect(&snapshot, " · 10.1.2.3:50051, asked for ledgers 5 to 9: <q>the server answered "
                      "INTERNAL: &lt;no&gt;</q>");
    expect(&snapshot, "<p>That means: its breaker is open.</p>");
}

static void many_holes_are_told_in_part(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.coverage_count = STATUS_RANGES_MAX;
    snapshot.coverage_total = 1000;
    for (uint32_t i = 0; i < STATUS_RANGES_MAX; i++)
        snapshot.coverage[i] = (struct ledger_range){100 + i * 10, 100 + i * 10 + 4};
    char *page = render(&snapshot);
    assert_int_equal(occurrences(page, "<b>Hole</b>"), 6);
    assert_int_equal(occurrences(page, "class=\"hole\""), STATUS_RANGES_MAX - 1);
    assert_non_null(strstr(page, "and 993 more"));
    mem_free(page);
}

static void extreme_values_do_not_break_it(void **state)
{
    (void)state;
    struct status_snapshot snapshot;
    fake_snapshot(&snapshot);
    snapshot.rate_count = STATUS_RATES_MAX;
    for (size_t i = 0; i < STATUS_RATES_MAX; i++)
        snapshot.rates[i] = i % 2 ? 1e18 : 0;
    snapshot.events_per_second = 1e15;
    snapshot.stream.events_accepted = UINT64_MAX;
    snapshot.coverage_count = snapshot.coverage_total = 1;
    snapshot.coverage[0] = (struct ledger_range){1, UINT32_MAX};
    snapshot.request_first = 1;
    snapshot.request_last = UINT32_MAX;
    snapshot.stream.current_ledger = UINT32_MAX;
    snapshot.queue.memory_bytes = UINT64_MAX;
    snapshot.sink.last_commit_us = FAKE_NOW_US + 100 * 365 * (86400 * SECOND);
    expect(&snapshot, "in 99.9 years");
    snapshot.sink.last_commit_us = 1;
    expect(&snapshot, "54.6 years ago");
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
        code = page_render(&snapshot, &health, "n", &out);
        mem_fail_after(0);
        assert_true(code == OK || code == ERR_NO_MEMORY);
        assert_true(n > 1 || code == ERR_NO_MEMORY);
        buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_run_shows_what_it_does),
        cmocka_unit_test(the_headline_follows_the_state),
        cmocka_unit_test(a_process_that_just_started_has_a_page_too),
        cmocka_unit_test(everything_from_outside_is_escaped),
        cmocka_unit_test(style_and_script_carry_the_nonce_and_nothing_is_loaded),
        cmocka_unit_test(problems_tell_how_often_and_since_when),
        cmocka_unit_test(a_hole_is_drawn_even_where_it_is_too_narrow_to_see),
        cmocka_unit_test(a_hole_comes_with_a_command_that_can_be_pasted),
        cmocka_unit_test(several_streams_are_told_one_by_one),
        cmocka_unit_test(the_page_says_what_the_server_said),
        cmocka_unit_test(many_holes_are_told_in_part),
        cmocka_unit_test(extreme_values_do_not_break_it),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
