// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/batch_queue.h"
#include "os/clock.h"
#include "os/thread.h"
#include "rows/batch_builder.h"
#include "util/memory.h"

/* A batch of one ledger without events, as the builder makes it; memory_bytes is set to weigh. */
static struct row_batch *batch_of(uint32_t ledger, size_t memory_bytes)
{
    const struct batch_builder_options options = {
        .schema = row_schema_find("1.1.0"), .scheme = PARTITION_DATE, .dictionaries = true};
    struct batch_builder *builder = batch_builder_new(&options, NULL);
    assert_non_null(builder);
    batch_builder_begin_range(builder, ledger);
    assert_int_equal(batch_builder_complete_to(builder, ledger, NULL), OK);
    struct row_batch *batch = NULL;
    assert_int_equal(batch_builder_take(builder, &batch, NULL), OK);
    assert_non_null(batch);
    batch_builder_free(builder);
    batch->memory_bytes = memory_bytes;
    return batch;
}

static void push(struct batch_queue *queue, uint32_t ledger, size_t memory_bytes)
{
    struct row_batch *batch = batch_of(ledger, memory_bytes);
    assert_int_equal(batch_queue_push(queue, &batch, NULL), OK);
    assert_null(batch);
}

static uint32_t pop_ledger(struct batch_queue *queue)
{
    struct queue_item item = batch_queue_pop(queue, 0);
    assert_int_equal(item.kind, QUEUE_BATCH);
    uint32_t ledger = item.batch->range.first;
    row_batch_free(item.batch);
    return ledger;
}

static void count_call(void *context)
{
    ++*(unsigned *)context;
}

static void batches_come_out_in_their_order_beyond_the_first_capacity(void **state)
{
    (void)state;
    struct batch_queue *queue = batch_queue_new(SIZE_MAX, NULL);
    for (uint32_t ledger = 1; ledger <= 40; ledger++)
        push(queue, ledger, 1);
    for (uint32_t ledger = 1; ledger <= 30; ledger++)
        assert_int_equal(pop_ledger(queue), ledger);
    for (uint32_t ledger = 41; ledger <= 200; ledger++)
        push(queue, ledger, 1);
    assert_int_equal(batch_queue_push_end_of_range(queue, NULL), OK);
    batch_queue_close(queue);
    for (uint32_t ledger = 31; ledger <= 200; ledger++)
        assert_int_equal(pop_ledger(queue), ledger);
    assert_int_equal(batch_queue_pop(queue, INT64_MAX).kind, QUEUE_END_OF_RANGE);
    assert_int_equal(batch_queue_pop(queue, INT64_MAX).kind, QUEUE_CLOSED);
    batch_queue_free(queue);
}

static void a_full_queue_has_room_again_when_half_is_free(void **state)
{
    (void)state;
    unsigned calls = 0;
    struct batch_queue *queue = batch_queue_new(100, NULL);
    batch_queue_on_room(queue, count_call, &calls);
    push(queue, 1, 40);
    push(queue, 2, 40);
    assert_true(batch_queue_has_room(queue));
    push(queue, 3, 40);
    assert_false(batch_queue_has_room(queue));
    push(queue, 4, 10); /* the rest of a flush goes in all the same */
    struct batch_queue_stats stats;
    batch_queue_get_stats(queue, &stats);
    assert_int_equal(stats.memory_bytes, 130);
    assert_int_equal(stats.item_count, 4);
    assert_int_equal(pop_ledger(queue), 1);
    assert_false(batch_queue_has_room(queue));
    assert_int_equal(calls, 0);
    assert_int_equal(pop_ledger(queue), 2);
    assert_true(batch_queue_has_room(queue));
    assert_int_equal(calls, 1);
    assert_int_equal(pop_ledger(queue), 3);
    assert_int_equal(calls, 1);
    batch_queue_free(queue);
}

static void an_empty_queue_waits_for_its_deadline(void **state)
{
    (void)state;
    struct batch_queue *queue = batch_queue_new(100, NULL);
    int64_t before_us = os_monotonic_us();
    assert_int_equal(batch_queue_pop(queue, before_us + 20000).kind, QUEUE_NOTHING);
    assert_true(os_monotonic_us() - before_us >= 20000);
    batch_queue_free(queue);
}

static void an_aborted_queue_drops_what_is_in_it_and_what_comes(void **state)
{
    (void)state;
    unsigned calls = 0;
    struct batch_queue *queue = batch_queue_new(10, NULL);
    batch_queue_on_room(queue, count_call, &calls);
    push(queue, 1, 40);
    batch_queue_abort(queue);
    assert_int_equal(calls, 1);
    assert_true(batch_queue_has_room(queue));
    push(queue, 2, 40);
    assert_int_equal(batch_queue_pop(queue, INT64_MAX).kind, QUEUE_CLOSED);
    batch_queue_reopen(queue);
    push(queue, 3, 1);
    assert_int_equal(pop_ledger(queue), 3);
    batch_queue_free(queue);
}

static void *pop_one(void *context)
{
    struct queue_item item = batch_queue_pop(context, INT64_MAX);
    row_batch_free(item.batch);
    return NULL;
}

static void a_waiting_writer_is_woken(void **state)
{
    (void)state;
    struct batch_queue *queue = batch_queue_new(100, NULL);
    struct os_thread thread = {.running = false};
    assert_int_equal(os_thread_start(&thread, "pop", pop_one, queue, NULL), OK);
    push(queue, 1, 1);
    os_thread_join(&thread);
    assert_int_equal(os_thread_start(&thread, "pop", pop_one, queue, NULL), OK);
    batch_queue_close(queue);
    os_thread_join(&thread);
    batch_queue_free(queue);
}

static void a_failed_allocation_loses_only_its_own_batch(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_after(n);
        assert_null(batch_queue_new(100, NULL));
    }
    mem_fail_after(0);
    struct batch_queue *queue = batch_queue_new(SIZE_MAX, NULL);
    for (uint32_t ledger = 1; ledger <= 64; ledger++)
        push(queue, ledger, 1);
    struct row_batch *batch = batch_of(65, 1);
    mem_fail_after(1);
    assert_int_equal(batch_queue_push(queue, &batch, NULL), ERR_NO_MEMORY);
    mem_fail_after(0);
    assert_null(batch);
    for (uint32_t ledger = 1; ledger <= 64; ledger++)
        assert_int_equal(pop_ledger(queue), ledger);
    batch_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_come_out_in_their_order_beyond_the_first_capacity),
        cmocka_unit_test(a_full_queue_has_room_again_when_half_is_free),
        cmocka_unit_test(an_empty_queue_waits_for_its_deadline),
        cmocka_unit_test(an_aborted_queue_drops_what_is_in_it_and_what_comes),
        cmocka_unit_test(a_waiting_writer_is_woken),
        cmocka_unit_test(a_failed_allocation_loses_only_its_own_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
