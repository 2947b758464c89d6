// SPDX-License-Identifier: Apache-2.0
/* What comes from several streams, and the one thread that writes it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "os/log.h"
#include "service/lake_writer.h"
#include "support/sink_fixture.h"
#include "support/temp_folder.h"

#define LANES 3

static char folder[TEMP_PATH_BYTES];
static struct sink_options wishes;
static struct sink *sinks[LANES];
static struct batch_queue *queues[LANES];
static struct queue_bell bell;
static struct lake_care care;
static struct lake_writer writer;
static struct error error;
static uint64_t ended[LANES * 2];
static size_t ended_count;

static bool never(void *context)
{
    (void)context;
    return false;
}

static void note_end(void *context, const struct queue_piece *piece)
{
    (void)context;
    ended[ended_count++] = piece->lease_id;
}

static void tell_nothing(void *context, const struct care_fact *fact)
{
    (void)context;
    (void)fact;
}

static int set_up(void **state)
{
    static struct options options = {.end_ledger = 1};
    (void)state;
    temp_folder_make(folder);
    wishes = stream_options(folder);
    log_set_level(LOG_ERROR + 1);
    error_clear(&error);
    ended_count = 0;
    assert_int_equal(queue_bell_init(&bell, &error), OK);
    lake_care_init(&care, &options, tell_nothing, NULL);
    writer = (struct lake_writer){
        .bell = &bell, .care = &care, .is_stopping = never, .on_end_of_piece = note_end};
    for (size_t i = 0; i < LANES; i++) {
        assert_int_equal(i == 0 ? sink_open(&sinks[0], &wishes, &error)
                                : sink_open_beside(&sinks[i], sinks[0], &error),
                         OK);
        assert_int_equal(batch_queue_new(&queues[i], SIZE_MAX, &error), OK);
        batch_queue_set_bell(queues[i], &bell);
        lake_writer_add(&writer, sinks[i], queues[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < LANES; i++) {
        batch_queue_free(queues[i]);
        sink_close(sinks[i]);
    }
    queue_bell_release(&bell);
    temp_folder_remove(folder);
    return 0;
}

static void push(size_t lane, uint32_t first, uint32_t last)
{
    struct row_batch *batches[64];
    size_t count = stream_batches(&wishes, first, last, 10, batches, 64);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(batch_queue_push(queues[lane], &batches[i], &error), OK);
}

static void all_lanes_are_written_to_their_ends(void **state)
{
    (void)state;
    for (size_t lane = 0; lane < LANES; lane++) {
        uint32_t first = (uint32_t)lane * 200 + 1;
        push(lane, first, first + 99);
        assert_int_equal(batch_queue_push_end_of_piece(queues[lane], lane, NULL, &error), OK);
        push(lane, first + 100, first + 199); /* committed at the end of all */
        batch_queue_close(queues[lane]);
    }
    assert_int_equal(lake_writer_run(&writer), OK);
    assert_int_equal(ended_count, LANES);
    stream_check_covers(folder, 1, LANES * 200);
}

static void after_a_failed_call_nothing_of_any_lane_is_kept(void **state)
{
    (void)state;
    for (size_t lane = 0; lane < LANES - 1; lane++)
        assert_int_equal(stream_send(sinks[lane], &wishes, (uint32_t)lane * 100 + 1,
                                     (uint32_t)lane * 100 + 50, 10, &error),
                         OK);
    temp_folder_remove(temp_path(folder, "_lake/staging")); /* no other file can be begun */
    push(LANES - 1, 900, 950);
    assert_int_not_equal(lake_writer_run(&writer), OK);
    assert_int_equal(writer.failed_lane, LANES - 1);
    assert_true(writer.has_lost_range);
    assert_int_equal(writer.lost_range.first, 900);
    for (size_t lane = 0; lane < LANES; lane++) {
        assert_true(sink_is_idle(sinks[lane]));
        assert_int_equal(batch_queue_pop(queues[lane], 0).kind, QUEUE_ABORTED);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_lanes_are_written_to_their_ends),
        TEST(after_a_failed_call_nothing_of_any_lane_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
