// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PB_STRAIGHT_H
#define TTP_PB_STRAIGHT_H

/*
 * The quick way through a stream of events. A server writes each message with its fields in
 * ascending order, each at most once, and none that is not known: so it can be read from start to
 * end without asking which field comes. What is written otherwise goes to event_decode, which knows
 * all that protobuf allows; fuzz/fuzz_straight.c holds both equal.
 *
 * Events of one ledger begin alike, with its number and close time: these are read once, and then
 * compared.
 */

#include "pb/event.h"

/* What the last message began with. All zero: nothing yet. One thread. */
struct event_decoder {
    uint64_t first, last; /* eight bytes of the beginning of meta, and its last eight */
    size_t size_bytes;    /* of that beginning; 0: none is known */
    uint32_t ledger_sequence;
    int64_t closed_at_seconds;
    int32_t closed_at_nanos;
};

/* As event_decode: the same events, the same errors. */
enum error_code event_decoder_next(struct event_decoder *decoder, struct bytes_view message,
                                   struct event_view *event, struct error *error) MUST_CHECK;

/* The quick way alone: false where the message is written in a way it does not know, be it damaged
 * or only unusual; *event is then undefined. */
bool event_decode_straight(struct event_decoder *decoder, struct bytes_view message,
                           struct event_view *event);

#endif
