// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "pb/event.h"
#include "support/generated.h"

static uint64_t walk(struct generator *generator, uint32_t sequence, struct event_view *last)
{
    struct buffer framed;
    uint64_t count = 0;
    buffer_init(&framed);
    assert_int_equal(generator_load(generator, sequence, &framed, NULL), OK);
    struct bytes_view rest = buffer_view(&framed), message;
    for (; feed_next_message(&rest, &message); count++)
        assert_int_equal(event_decode(message, last, NULL), OK);
    buffer_release(&framed);
    return count;
}

uint64_t generated_event_count(struct generator *generator, uint32_t sequence)
{
    struct event_view last;
    return walk(generator, sequence, &last);
}

int64_t generated_close_us(struct generator *generator, uint32_t sequence)
{
    struct event_view last;
    assert_true(walk(generator, sequence, &last) > 0);
    return last.closed_at_seconds * 1000000;
}
