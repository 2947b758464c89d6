// SPDX-License-Identifier: Apache-2.0
/* TTP_TEST_FILTER=PATTERN, with * and ?, runs only the tests of a program that it matches: for
 * tools/mutate, and for one test of a slow program by hand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Linked into every test by its name (cmake/Tests.cmake), which nobody calls. */
void test_filter_set(void);

__attribute__((constructor)) void test_filter_set(void)
{
    cmocka_set_test_filter(getenv("TTP_TEST_FILTER"));
}
