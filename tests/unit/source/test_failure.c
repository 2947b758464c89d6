// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "source/failure.h"

static void what_was_asked_is_told_as_it_was_asked(void **state)
{
    (void)state;
    static const struct {
        struct source_call call;
        const char *text;
    } cases[] = {{{SOURCE_CALL_MAIN, 0, 0, 0}, "whatever it begins with"},
                 {{SOURCE_CALL_PROBE, 7, 7, 7}, "ledger 7"},
                 {{SOURCE_CALL_MAIN, 7, 0, 7}, "ledger 7 and all later ones"},
                 {{SOURCE_CALL_MAIN, 7, 4294967294, 0}, "ledgers 7 to 4294967294"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[SOURCE_ASKED_BYTES];
        source_asked_text(&cases[i].call, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void the_words_of_real_servers_are_explained(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"failed to process ledger: unknown tx hash in LedgerCloseMeta", "NETWORK_PASSPHRASE"},
        {"source: service temporarily unavailable", "restart that source"},
        {"start ledger must be between the oldest ledger: 5 and the latest ledger: 9", "retention"},
        {"grpc: error while marshaling: string field contains invalid UTF-8", "memo"},
        {"grpc: received message larger than max (5000000 vs. 4194304)", "larger"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_non_null(source_words_meaning(cases[i][0]));
        assert_non_null(strstr(source_words_meaning(cases[i][0]), cases[i][1]));
    }
    assert_null(source_words_meaning("something else"));
    assert_null(source_words_meaning(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_is_told_as_it_was_asked),
        cmocka_unit_test(the_words_of_real_servers_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
