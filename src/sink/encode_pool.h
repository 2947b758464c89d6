// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_ENCODE_POOL_H
#define TTP_SINK_ENCODE_POOL_H

/* Worker threads for tasks that touch nothing in common, such as the column chunks of a row group.
 * The calling thread works too: a pool of one has no thread of its own. */

#include <stddef.h>

#include "util/error.h"

struct encode_pool;

/* thread_count: how many tasks run at a time, at least 1. ERR_RETRY where the system has no more
 * threads. */
enum error_code encode_pool_new(struct encode_pool **out, unsigned thread_count,
                                struct error *error) MUST_CHECK;
void encode_pool_free(struct encode_pool *pool); /* NULL is fine */

typedef enum error_code encode_task(void *context, size_t index, struct error *error);

/* Runs tasks 0 to task_count - 1, each once, and returns when all have ended; after a failure no
 * further ones are begun. Returns the first failure. */
enum error_code encode_pool_run(struct encode_pool *pool, size_t task_count, encode_task *task,
                                void *context, struct error *error) MUST_CHECK;

#endif
