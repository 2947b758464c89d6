// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "util/contents_digest.h"

#define HEX "000102030405060708090a0b0c0d0e0f"

static const struct contents_digest first = {
    1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

static void a_text_has_the_version_in_front_but_the_first(void **state)
{
    (void)state;
    static const struct {
        uint8_t version;
        const char *text;
    } cases[] = {{1, HEX}, {2, "2-" HEX}, {255, "255-" HEX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[CONTENTS_DIGEST_TEXT_BYTES];
        struct contents_digest digest = first, again;
        digest.version = cases[i].version;
        contents_digest_text(&digest, text);
        assert_string_equal(text, cases[i].text);
        assert_true(contents_digest_parse(bytes_view_text(text), &again));
        assert_int_equal(again.version, cases[i].version);
        assert_memory_equal(again.bytes, first.bytes, sizeof first.bytes);
    }
}

static void what_is_no_such_text_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "2-",
                                        "00",
                                        HEX "0",
                                        "0" HEX,
                                        "-" HEX,
                                        "2" HEX,
                                        "1-" HEX,
                                        "0-" HEX,
                                        "02-" HEX,
                                        "256-" HEX,
                                        "999-" HEX,
                                        "1000-" HEX,
                                        "2-" HEX "0",
                                        "a-" HEX,
                                        "2--" HEX,
                                        "-2-" HEX,
                                        "2-000102030405060708090a0b0c0d0e0",
                                        "2-000102030405060708090a0b0c0d0e0g"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct contents_digest digest;
        assert_false(contents_digest_parse(bytes_view_text(texts[i]), &digest));
    }
}

static void those_of_two_versions_do_not_differ(void **state)
{
    (void)state;
    struct contents_digest other = first;
    assert_false(contents_digest_differ(&first, &other));
    other.bytes[15]++;
    assert_true(contents_digest_differ(&first, &other));
    other.version = 2;
    assert_false(contents_digest_differ(&first, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_the_version_in_front_but_the_first),
        cmocka_unit_test(what_is_no_such_text_is_refused),
        cmocka_unit_test(those_of_two_versions_do_not_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
