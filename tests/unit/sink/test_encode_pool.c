// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <string.h>

#include "sink/encode_pool.h"
#include "util/memory.h"

#define TASK_MAX 100

struct job {
    _Atomic unsigned runs[TASK_MAX];
    size_t failing; /* TASK_MAX: none */
};

static enum error_code run(void *context, size_t index, struct error *error)
{
    struct job *job = context;
    atomic_fetch_add(&job->runs[index], 1);
    if (index == job->failing)
        return error_set(error, ERR_LIMIT, "task %zu failed", index);
    return OK;
}

static void every_task_runs_once_whatever_the_number_of_threads(void **state)
{
    (void)state;
    struct error error;
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct encode_pool *pool;
        assert_int_equal(encode_pool_new(&pool, threads, &error), OK);
        for (size_t count = 0; count <= TASK_MAX; count += 20) {
            struct job job = {.failing = TASK_MAX};
            assert_int_equal(encode_pool_run(pool, count, run, &job, NULL), OK);
            for (size_t i = 0; i < TASK_MAX; i++)
                assert_int_equal(atomic_load(&job.runs[i]), i < count ? 1 : 0);
        }
        encode_pool_free(pool);
    }
}

static void a_failure_comes_back_and_the_pool_goes_on(void **state)
{
    (void)state;
    struct error error;
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct encode_pool *pool;
        assert_int_equal(encode_pool_new(&pool, threads, &error), OK);
        struct job job = {.failing = 3};
        assert_int_equal(encode_pool_run(pool, TASK_MAX, run, &job, &error), ERR_LIMIT);
        assert_string_equal(error.message, "task 3 failed");
        job.failing = TASK_MAX;
        assert_int_equal(encode_pool_run(pool, TASK_MAX, run, &job, &error), OK);
        encode_pool_free(pool);
    }
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    struct error error;
    struct encode_pool *pool;
    mem_fail_after(1);
    assert_int_equal(encode_pool_new(&pool, 3, &error), ERR_NO_MEMORY);
    mem_fail_after(0);
    assert_null(pool);
    encode_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once_whatever_the_number_of_threads),
        cmocka_unit_test(a_failure_comes_back_and_the_pool_goes_on),
        cmocka_unit_test(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
