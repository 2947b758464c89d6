// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/batch_queue.h"
#include "os/clock.h"
#include "os/thread.h"
#include "rows/batch_builder.h"
#include "util/memory.h"

/* A batch of one ledger without events, as the builder makes it; memory_bytes is set to weigh. */
static struct row_batch *batch_of(uint32_t ledger, size_t memory_bytes)
{
    const struct batch_builder_options options = {
        .schema = row_schema_find("1.1.0"), .scheme = PARTITION_DATE, .dictionaries = true};
    struct error error;
    struct batch_builder *builder;
    assert_int_equal(batch_builder_new(&builder, &options, &error), OK);
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
    struct error error;
    struct batch_queue *queue;
    assert_int_equal(batch_queue_new(&queue, SIZE_MAX, &error), OK);
    for (uint32_t ledger = 1; ledger <= 40; ledger++)
        push(queue, ledger, 1);
    for (uint32_t ledger = 1; ledger <= 30; ledger++)
        assert_int_equal(pop_ledger(queue), ledger);
    for (uint32_t ledger = 41; ledger <= 200; ledger++)
        push(queue, ledger, 1);
    assert_int_equal(batch_queue_push_end_of_piece(queue, 7, NULL, NULL), OK);
    batch_queue_close(queue);
    for (uint32_t ledger = 31; ledger <= 200; ledger++)
        assert_int_equal(pop_ledger(queue), ledger);
    struct queue_item end = batch_queue_pop(queue, INT64_MAX);
    assert_int_equal(end.kind, QUEUE_END_OF_PIECE);
    assert_int_equal(end.piece->lease_id, 7);
    assert_false(end.piece->has_failed);
    mem_free(end.piece);
    assert_int_equal(batch_queue_pop(queue, INT64_MAX).kind, QUEUE_CLOSED);
    batch_queue_free(queue);
}

static void a_full_queue_has_room_again_when_half_is_free(void **state)
{
    (void)state;
    unsigned calls = 0;
    struct error error;
    struct batch_queue *queue;
    assert_int_equal(batch_queue_new(&queue, 100, &error), OK);
    batch_queue_on_room(queue, count_call, &calls);
    push(queue, 1, 40);
    push(queue, 2, 40);
    assert_true(batch_queue_has_room(queue));
    push(queue, 3, 40);
    assert_false(batch_queue_has_room(queue));
    push(queue, 4, 10); /* the rest of a flush goes in all the same */
    struct queue_stats stats;
    batch_queue_get_stats(queue, &stats);
    assert_int_equal(stats.memory_bytes, 130);
    assert_int_equal(stats.batch_count, 4);
    assert_int_equal(pop_ledger(queue), 1);
    assert_false(batch_queue_has_room(queue));
    assert_int_equal(calls, 0);
    assert_int_equal(pop_ledger(queue), 2);
    assert_false(batch_queue_has_room(queue)); /* the writer has 2 in its hands */
    assert_int_equal(pop_ledger(queue), 3);
    assert_true(batch_queue_has_room(queue));
    assert_int_equal(calls, 1);
    assert_int_equal(pop_ledger(queue), 4);
    assert_int_equal(calls, 1);
    batch_queue_free(queue);
}

/* A batch of 10 bytes that keeps the dictionaries of an epoch alive. */
static void push_of_epoch(struct batch_queue *queue, uint64_t id, size_t memory_bytes)
{
    struct row_batch *batch = batch_of(1, 10);
    batch->epoch = (struct batch_epoch){.id = id, .memory_bytes = memory_bytes};
    assert_int_equal(batch_queue_push(queue, &batch, NULL), OK);
}

static void push_of_ended_epoch(struct batch_queue *queue, uint64_t id, size_t memory_bytes)
{
    struct row_batch *batch = batch_of(1, 10);
    batch->epoch = (struct batch_epoch){.id = id, .memory_bytes = memory_bytes, .is_over = true};
    assert_int_equal(batch_queue_push(queue, &batch, NULL), OK);
}

static size_t memory_of(struct batch_queue *queue)
{
    struct queue_stats stats;
    batch_queue_get_stats(queue, &stats);
    return stats.memory_bytes;
}

static void an_epoch_that_is_over_counts_once_as_long_as_a_batch_keeps_it_alive(void **state)
{
    (void)state;
    struct error error;
    struct batch_queue *queue;
    assert_int_equal(batch_queue_new(&queue, 100, &error), OK);
    push_of_epoch(queue, 1, 30);
    push_of_epoch(queue, 1, 50);
    assert_int_equal(memory_of(queue), 20); /* the builder has it, and counts it */
    push(queue, 2, 0);                      /* without rows, and so without dictionaries */
    push_of_epoch(queue, 2, 7);
    assert_int_equal(memory_of(queue), 30 + 50);
    assert_true(batch_queue_has_room(queue));
    push_of_epoch(queue, 3, 7);
    assert_int_equal(memory_of(queue), 40 + 50 + 7);
    push_of_epoch(queue, 3, 7);
    assert_false(batch_queue_has_room(queue));
    pop_ledger(queue);
    assert_int_equal(memory_of(queue), 50 + 50 + 7);
    pop_ledger(queue);
    assert_int_equal(memory_of(queue), 40 + 50 + 7); /* it is in the writer's hands */
    pop_ledger(queue);
    assert_int_equal(memory_of(queue), 30 + 7);
    for (int i = 0; i < 3; i++)
        pop_ledger(queue);
    assert_int_equal(memory_of(queue), 10);
    push_of_epoch(queue, 4, 1); /* what the writer has in its hands counts, too */
    assert_int_equal(memory_of(queue), 20 + 7);
    pop_ledger(queue);
    assert_int_equal(memory_of(queue), 10);
    batch_queue_free(queue);
}

static void an_epoch_that_the_builder_has_no_more_counts_at_once(void **state)
{
    (void)state;
    struct error error;
    struct batch_queue *queue;
    assert_int_equal(batch_queue_new(&queue, 1000, &error), OK);
    push_of_ended_epoch(queue, 1, 30);
    push_of_ended_epoch(queue, 1, 40);
    assert_int_equal(memory_of(queue), 20 + 40);
    push_of_epoch(queue, 2, 7);
    assert_int_equal(memory_of(queue), 30 + 40);
    for (int i = 0; i < 3; i++)
        pop_ledger(queue);
    assert_int_equal(memory_of(queue), 10);
    batch_queue_free(queue);
}

static void a_wish_for_an_epoch_is_taken_once(void **state)
{
    (void)state;
    struct error error;
    struct batch_queue *queue;
    assert_int_equal(batch_queue_new(&queue, 1000, &error), OK);
    assert_false(batch_queue_take_wish_for_epoch(queue));
    batch_queue_ask_for_epoch(queue);
    batch_queue_ask_for_epoch(queue);
    assert_true(batch_queue_take_wish_for_epoch(queue));
    assert_false(batch_queue_take_wish_for_epoch(queue));
    batch_queue_free(queue);
}

static void an_empty_queue_waits_for_its_deadline(void **state)
{
    (void)state;
    struct error error;
    struct batch_queue *queue;
    assert_int_equal(batch_queue_new(&queue, 100, &error), OK);
    int64_t before_us = os_monotonic_us();
    assert_int_equal(batch_queue_pop(queue, before_us + 20000).kind, QUEUE_NOTHING);
    assert_true(os_monotonic_us() - before_us >= 20000);
    batch_queue_free(queue);
}

static void an_aborted_queue_drops_what_is_in_it_and_what_comes(void **state)
{
    (void)state;
    unsigned calls = 0;
    struct error error;
    struct batch_queue *queue;
    assert_int_equal(batch_queue_new(&queue, 10, &error), OK);
    batch_queue_on_room(queue, count_call, &calls);
    push(queue, 1, 40);
    batch_queue_abort(queue);
    assert_int_equal(calls, 1);
    assert_true(batch_queue_has_room(queue));
    push(queue, 2, 40);
    assert_int_equal(batch_queue_pop(queue, INT64_MAX).kind, QUEUE_ABORTED);
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
    struct error error;
    struct batch_queue *queue;
    assert_int_equal(batch_queue_new(&queue, 100, &error), OK);
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
    struct error error;
    struct batch_queue *queue;
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_after(n);
        assert_int_equal(batch_queue_new(&queue, 100, &error), ERR_NO_MEMORY);
        assert_null(queue);
    }
    mem_fail_after(0);
    assert_int_equal(batch_queue_new(&queue, SIZE_MAX, &error), OK);
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

static void the_end_of_a_piece_says_how_it_failed(void **state)
{
    (void)state;
    struct batch_queue *queue;
    struct error failure;
    error_set(&failure, ERR_CORRUPT, "ledger 5 is poison");
    assert_int_equal(batch_queue_new(&queue, 100, NULL), OK);
    assert_int_equal(batch_queue_push_end_of_piece(queue, 9, &failure, NULL), OK);
    struct queue_item end = batch_queue_pop(queue, 0);
    assert_true(end.piece->has_failed);
    assert_string_equal(end.piece->words, "ledger 5 is poison");
    mem_free(end.piece);
    assert_int_equal(batch_queue_push_end_of_piece(queue, 9, &failure, NULL), OK);
    batch_queue_free(queue); /* and what is in it */
}

static void a_bell_rings_for_all_queues_that_have_it(void **state)
{
    (void)state;
    struct queue_bell bell;
    struct batch_queue *queues[2];
    assert_int_equal(queue_bell_init(&bell, NULL), OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(batch_queue_new(&queues[i], 100, NULL), OK);
        batch_queue_set_bell(queues[i], &bell);
    }
    queue_bell_wait(&bell, 0); /* nothing has rung, and the time is over */
    push(queues[1], 5, 1);
    queue_bell_wait(&bell, INT64_MAX); /* it rang before */
    assert_int_equal(pop_ledger(queues[1]), 5);
    batch_queue_close(queues[0]);
    queue_bell_wait(&bell, INT64_MAX);
    batch_queue_abort(queues[1]);
    queue_bell_wait(&bell, INT64_MAX);
    for (int i = 0; i < 2; i++)
        batch_queue_free(queues[i]);
    queue_bell_release(&bell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_piece_says_how_it_failed),
        cmocka_unit_test(a_bell_rings_for_all_queues_that_have_it),
        cmocka_unit_test(batches_come_out_in_their_order_beyond_the_first_capacity),
        cmocka_unit_test(a_full_queue_has_room_again_when_half_is_free),
        cmocka_unit_test(an_epoch_that_is_over_counts_once_as_long_as_a_batch_keeps_it_alive),
        cmocka_unit_test(an_epoch_that_the_builder_has_no_more_counts_at_once),
        cmocka_unit_test(a_wish_for_an_epoch_is_taken_once),
        cmocka_unit_test(an_empty_queue_waits_for_its_deadline),
        cmocka_unit_test(an_aborted_queue_drops_what_is_in_it_and_what_comes),
        cmocka_unit_test(a_waiting_writer_is_woken),
        cmocka_unit_test(a_failed_allocation_loses_only_its_own_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
