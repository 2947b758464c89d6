// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "status/host.h"

static void this_machine_is_known_by_its_own_names(void **state)
{
    (void)state;
    static const char *const own[] = {"localhost",      "localhost:8088",
                                      "LocalHost:1",    "localhost.",
                                      "localhost.:80",  "lake.localhost",
                                      "127.0.0.1",      "127.0.0.1:8088",
                                      "127.8.9.1:9090", "[::1]",
                                      "[::1]:8088",     "[0:0:0:0:0:0:0:1]:1",
                                      "localhost:",     "[::ffff:127.0.0.1]:8088"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        assert_true(host_is_loopback(own[i]));
}

static void every_other_name_and_what_is_none_is_foreign(void **state)
{
    (void)state;
    static const char *const foreign[] = {"",
                                          "example.org",
                                          "example.org:8088",
                                          "localhost.example.org",
                                          "notlocalhost",
                                          "10.0.0.1",
                                          "0.0.0.0",
                                          "128.0.0.1",
                                          "127.0.0.1.example.org",
                                          "127.1",
                                          "2130706433",
                                          "[::]",
                                          "[::2]:1",
                                          "::1",
                                          "[::1",
                                          "[::1]x",
                                          "[127.0.0.1]",
                                          "localhost:80x",
                                          "localhost:80:80",
                                          "localhost:8088, example.org",
                                          "localhost/",
                                          "localhost x",
                                          ".",
                                          ":8088",
                                          "[]",
                                          "[::ffff:10.0.0.1]"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (host_is_loopback(foreign[i]))
            fail_msg("%s was taken for this machine", foreign[i]);
    static char longest[5000];
    for (size_t i = 0; i < sizeof longest - 1; i++)
        longest[i] = 'a';
    assert_false(host_is_loopback(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_is_known_by_its_own_names),
        cmocka_unit_test(every_other_name_and_what_is_none_is_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
