// SPDX-License-Identifier: Apache-2.0
// rooms: pb
/*
 * A message as a server may send it. What decodes can be encoded, and that text is a fixed point:
 * it decodes again and encodes to itself. A ledger that a decoded message names is also the one
 * that peeking finds.
 */

#include <stdint.h>
#include <stdlib.h>

#include "pb/event.h"
#include "util/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_view message = bytes_view_of(data, size);
    struct error error;
    struct event_view event;
    uint32_t peeked = 0;
    bool has_ledger = event_peek_ledger(message, &peeked);
    if (event_decode(message, &event, &error) != OK) {
        require(error.message[0] != '\0');
        return 0;
    }
    if (has_ledger && event.has_meta)
        require(peeked == event.ledger_sequence);
    require(event_type_name(event.type) != NULL);

    struct buffer first, second;
    buffer_init(&first);
    buffer_init(&second);
    require(event_encode(&event, &first) == OK);
    struct event_view again;
    require(event_decode(buffer_view(&first), &again, &error) == OK);
    require(again.type == event.type && again.ledger_sequence == event.ledger_sequence &&
            bytes_equal(again.amount, event.amount) && bytes_equal(again.memo, event.memo));
    require(event_encode(&again, &second) == OK);
    require(bytes_equal(buffer_view(&first), buffer_view(&second)));
    buffer_release(&first);
    buffer_release(&second);
    return 0;
}
