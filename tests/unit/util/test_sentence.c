// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "util/bytes.h"
#include "util/error.h"
#include "util/sentence.h"

static void assert_fits(const char *text, size_t out_bytes, const char *expected)
{
    char out[256];
    sentence_fit(out, out_bytes, text);
    assert_string_equal(out, expected);
    assert_true(strlen(out) < out_bytes);
}

static void what_fits_stays_as_it_is(void **state)
{
    (void)state;
    assert_fits("it broke; mend it", 18, "it broke; mend it");
    assert_fits("", 16, "");
}

static void the_advice_stays_whole_and_the_rest_ends_with_a_clause(void **state)
{
    (void)state;
    assert_fits("ledger 5 can't be had: a: long. and longer. story of it all; mend it", 50,
                "ledger 5 can't be had: a: long.…; mend it");
    assert_fits("first part. second part that is long enough", 30, "first part. second part…");
    assert_fits("alpha beta gamma delta. epsilon zeta", 30, "alpha beta gamma delta.…");
}

static void without_blanks_it_is_cut_between_characters(void **state)
{
    (void)state;
    assert_fits("ääääääääääääää", 16, "ääääää…");
    for (size_t bytes = 16; bytes < 40; bytes++) {
        char out[256];
        sentence_fit(out, bytes, "aääääääääääääääääääääääääääää; ü");
        assert_true(utf8_is_valid(bytes_view_text(out)));
    }
}

static void an_advice_that_is_too_long_is_cut_with_the_rest(void **state)
{
    (void)state;
    assert_fits("it broke; and here is more than there is room for in it", 24,
                "it broke; and here…");
}

static void an_error_keeps_its_remedy_under_prefixes(void **state)
{
    (void)state;
    struct error error;
    char words[2 * ERROR_MESSAGE_BYTES];
    memset(words, 'w', sizeof words);
    words[sizeof words - 1] = '\0';
    error_set(&error, ERR_CORRUPT, "the server said: %s; ask its operator", words);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_BYTES - 1);
    assert_non_null(strstr(error.message, "…; ask its operator"));
    error_prefix(&error, ERR_CORRUPT, "what was not published is asked for again: ");
    assert_non_null(strstr(error.message, "…; ask its operator"));
    assert_int_equal(strncmp(error.message, "what was not published", 22), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays_as_it_is),
        cmocka_unit_test(the_advice_stays_whole_and_the_rest_ends_with_a_clause),
        cmocka_unit_test(without_blanks_it_is_cut_between_characters),
        cmocka_unit_test(an_advice_that_is_too_long_is_cut_with_the_rest),
        cmocka_unit_test(an_error_keeps_its_remedy_under_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
