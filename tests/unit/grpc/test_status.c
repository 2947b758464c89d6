// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "grpc/retry.h"
#include "grpc/status.h"

static void every_code_has_a_name_that_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i <= 16; i++) {
        enum grpc_code code = GRPC_UNKNOWN;
        const char *name = grpc_code_name((enum grpc_code)i);
        assert_true(grpc_code_parse(bytes_view_text(name), &code));
        assert_int_equal(code, i);
    }
    enum grpc_code code = GRPC_OK;
    assert_true(grpc_code_parse(bytes_view_text("permission-denied"), &code));
    assert_int_equal(code, GRPC_PERMISSION_DENIED);
    assert_false(grpc_code_parse(bytes_view_text("PERMISSION"), &code));
    assert_string_equal(grpc_code_name((enum grpc_code)99), "UNKNOWN");
}

static void a_status_number_is_decimal_and_unknown_ones_are_unknown(void **state)
{
    (void)state;
    enum grpc_code code = GRPC_OK;
    assert_true(grpc_code_parse_number(bytes_view_text("14"), &code));
    assert_int_equal(code, GRPC_UNAVAILABLE);
    assert_true(grpc_code_parse_number(bytes_view_text("17"), &code));
    assert_int_equal(code, GRPC_UNKNOWN);
    assert_false(grpc_code_parse_number(bytes_view_text(""), &code));
    assert_false(grpc_code_parse_number(bytes_view_text("-1"), &code));
    assert_false(grpc_code_parse_number(bytes_view_text("0x0"), &code));
}

static void words_survive_percent_encoding(void **state)
{
    (void)state;
    static const char words[] = "100% \xc3\xbcnsure, a+b=c/d?";
    char out[GRPC_WORDS_BYTES];
    struct buffer encoded;
    buffer_init(&encoded);
    assert_int_equal(grpc_words_encode(bytes_view_text(words), &encoded), OK);
    assert_true(
        bytes_equal(buffer_view(&encoded), bytes_view_text("100%25 %C3%BCnsure, a+b=c/d?")));
    grpc_words_decode(buffer_view(&encoded), out);
    assert_string_equal(out, words);
    buffer_release(&encoded);
}

static void words_of_a_hostile_server_become_safe_text(void **state)
{
    (void)state;
    char out[GRPC_WORDS_BYTES];
    char many[2000];
    grpc_words_decode(bytes_view_text("broken % escape %4 %zz"), out);
    assert_string_equal(out, "broken % escape %4 %zz");
    grpc_words_decode(bytes_view_text("esc %1B[31m nul %00 bad %FF%C3"), out);
    assert_string_equal(out, "esc ?[31m nul ? bad ??");
    grpc_words_decode(bytes_view_text("rtl %E2%80%AE c1 %C2%9B"), out);
    assert_string_equal(out, "rtl ? c1 ?");
    memset(many, 'x', sizeof(many));
    grpc_words_decode(bytes_view_of(many, sizeof(many)), out);
    assert_int_equal(strlen(out), GRPC_WORDS_BYTES - 1);
}

static void http_statuses_map_as_grpc_says(void **state)
{
    (void)state;
    assert_int_equal(grpc_code_of_http(400), GRPC_INTERNAL);
    assert_int_equal(grpc_code_of_http(401), GRPC_UNAUTHENTICATED);
    assert_int_equal(grpc_code_of_http(403), GRPC_PERMISSION_DENIED);
    assert_int_equal(grpc_code_of_http(404), GRPC_UNIMPLEMENTED);
    assert_int_equal(grpc_code_of_http(429), GRPC_UNAVAILABLE);
    assert_int_equal(grpc_code_of_http(503), GRPC_UNAVAILABLE);
    assert_int_equal(grpc_code_of_http(200), GRPC_UNKNOWN);
}

static void
the_backoff_doubles_to_its_limit_with_jitter_and_starts_anew_after_progress(void **state)
{
    (void)state;
    struct grpc_backoff backoff;
    int64_t whole_us = 500000;
    bool differs = false;
    grpc_backoff_init(&backoff, 500000, 30000000, 7);
    for (int i = 0; i < 40; i++) {
        int64_t wait_us = grpc_backoff_next(&backoff);
        assert_in_range(wait_us, whole_us / 2, whole_us);
        differs |= wait_us != whole_us && wait_us != whole_us / 2;
        whole_us = whole_us * 2 > 30000000 ? 30000000 : whole_us * 2;
    }
    assert_true(differs);
    grpc_backoff_reset(&backoff);
    assert_in_range(grpc_backoff_next(&backoff), 250000, 500000);
    grpc_backoff_init(&backoff, 0, -5, 1);
    assert_in_range(grpc_backoff_next(&backoff), 500, 1000);
    assert_in_range(grpc_backoff_next(&backoff), 500, 1000);
}

static void only_four_codes_are_final(void **state)
{
    (void)state;
    for (int i = 0; i <= 16; i++)
        assert_int_equal(grpc_code_is_passing((enum grpc_code)i),
                         i != GRPC_UNAUTHENTICATED && i != GRPC_PERMISSION_DENIED &&
                             i != GRPC_UNIMPLEMENTED && i != GRPC_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_that_reads_back),
        cmocka_unit_test(a_status_number_is_decimal_and_unknown_ones_are_unknown),
        cmocka_unit_test(words_survive_percent_encoding),
        cmocka_unit_test(words_of_a_hostile_server_become_safe_text),
        cmocka_unit_test(http_statuses_map_as_grpc_says),
        cmocka_unit_test(
            the_backoff_doubles_to_its_limit_with_jitter_and_starts_anew_after_progress),
        cmocka_unit_test(only_four_codes_are_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
