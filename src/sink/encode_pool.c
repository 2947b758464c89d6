// SPDX-License-Identifier: Apache-2.0
#include "sink/encode_pool.h"

#include <assert.h>
#include <stdbool.h>

#include "os/thread.h"
#include "util/memory.h"

struct encode_pool {
    struct os_mutex mutex;
    struct os_condition has_work; /* tasks to begin, or the end */
    struct os_condition is_done;  /* the last running task ended */
    bool ending;

    /* The job, NULL task: none. */
    encode_task *task;
    void *context;
    size_t next, task_count, running;
    struct error failure; /* code OK: none */

    unsigned thread_count;
    struct os_thread threads[];
};

/* Takes and runs one task; with the mutex held, let go of while it runs. False if there is none. */
static bool run_one(struct encode_pool *pool)
{
    if (pool->task == NULL || pool->next == pool->task_count)
        return false;
    size_t index = pool->next++;
    encode_task *task = pool->task;
    void *context = pool->context;
    pool->running++;
    os_mutex_unlock(&pool->mutex);
    struct error error;
    error_clear(&error);
    enum error_code code = task(context, index, &error);
    os_mutex_lock(&pool->mutex);
    if (code != OK) {
        error.code = code;
        if (pool->failure.code == OK)
            pool->failure = error;
        pool->next = pool->task_count;
    }
    if (--pool->running == 0 && pool->next == pool->task_count)
        os_condition_signal(&pool->is_done);
    return true;
}

static void *work(void *context)
{
    struct encode_pool *pool = context;
    os_mutex_lock(&pool->mutex);
    while (!pool->ending)
        if (!run_one(pool))
            os_condition_wait(&pool->has_work, &pool->mutex);
    os_mutex_unlock(&pool->mutex);
    return NULL;
}

static enum error_code start_threads(struct encode_pool *pool, unsigned count, struct error *error)
{
    enum error_code code = OK;
    for (unsigned i = 0; code == OK && i < count; i++) {
        code = os_thread_start(&pool->threads[i], "encode", work, pool, error);
        if (code == OK)
            pool->thread_count++;
    }
    return code;
}

enum error_code encode_pool_new(struct encode_pool **out, unsigned thread_count,
                                struct error *error)
{
    *out = NULL;
    assert(thread_count >= 1);
    unsigned extra = thread_count - 1;
    struct encode_pool *pool = mem_alloc_zero(1, sizeof *pool + extra * sizeof pool->threads[0]);
    if (pool == NULL)
        return error_no_memory(error, "the encode workers");
    enum error_code code = os_mutex_init(&pool->mutex, error);
    if (code != OK)
        goto free_pool;
    code = os_condition_init(&pool->has_work, error);
    if (code != OK)
        goto release_mutex;
    code = os_condition_init(&pool->is_done, error);
    if (code != OK)
        goto release_has_work;
    code = start_threads(pool, extra, error);
    if (code == OK)
        *out = pool;
    else
        encode_pool_free(pool);
    return code;
release_has_work:
    os_condition_release(&pool->has_work);
release_mutex:
    os_mutex_release(&pool->mutex);
free_pool:
    mem_free(pool);
    return code;
}

void encode_pool_free(struct encode_pool *pool)
{
    if (pool == NULL)
        return;
    os_mutex_lock(&pool->mutex);
    pool->ending = true;
    os_condition_broadcast(&pool->has_work);
    os_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++)
        os_thread_join(&pool->threads[i]);
    os_condition_release(&pool->is_done);
    os_condition_release(&pool->has_work);
    os_mutex_release(&pool->mutex);
    mem_free(pool);
}

enum error_code encode_pool_run(struct encode_pool *pool, size_t task_count, encode_task *task,
                                void *context, struct error *error)
{
    os_mutex_lock(&pool->mutex);
    assert(pool->task == NULL);
    pool->task = task;
    pool->context = context;
    pool->next = 0;
    pool->task_count = task_count;
    error_clear(&pool->failure);
    os_condition_broadcast(&pool->has_work);
    while (run_one(pool))
        continue;
    while (pool->running > 0)
        os_condition_wait(&pool->is_done, &pool->mutex);
    pool->task = NULL;
    enum error_code code = pool->failure.code;
    if (code != OK && error != NULL)
        *error = pool->failure;
    os_mutex_unlock(&pool->mutex);
    return code;
}
