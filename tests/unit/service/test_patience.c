// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/patience.h"

static void patience_ends_when_nothing_moved_for_its_time(void **state)
{
    (void)state;
    struct patience patience;
    patience_init(&patience, 100, 1000);
    assert_false(patience_is_over(&patience, 0, 1099));
    assert_true(patience_is_over(&patience, 0, 1100));
    patience_init(&patience, 100, 1000);
    assert_false(patience_is_over(&patience, 1, 1099)); /* progress: it begins anew */
    assert_false(patience_is_over(&patience, 1, 1198));
    assert_true(patience_is_over(&patience, 1, 1199));
}

static void without_a_limit_it_never_ends(void **state)
{
    (void)state;
    struct patience patience;
    patience_init(&patience, 0, 1000);
    assert_false(patience_is_over(&patience, 0, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_ends_when_nothing_moved_for_its_time),
        cmocka_unit_test(without_a_limit_it_never_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
