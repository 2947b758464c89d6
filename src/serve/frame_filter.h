// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_FRAME_FILTER_H
#define TTP_SERVE_FRAME_FILTER_H

/*
 * What fault scripts do to the client's side of a connection: a filter before the HTTP/2 engine
 * that takes out whole frames (RFC 9113 section 4.1). It swallows the answers to PINGs and SETTINGS
 * that the script, not the engine, has sent, and holds back WINDOW_UPDATEs. No I/O.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/error.h"

#define FRAME_HEADER_BYTES 9

struct frame_filter {
    uint64_t settings_acks; /* so many are still to be swallowed */
    uint64_t ping_acks;
    bool hold_window_updates;
    /* Position in the client's bytes. */
    unsigned preface_bytes; /* seen of the connection preface */
    uint8_t header[FRAME_HEADER_BYTES];
    unsigned header_bytes;  /* seen of the frame's header */
    uint32_t payload_bytes; /* of the frame in progress, still to come */
    bool swallow, hold;     /* what happens to the frame in progress */
    struct buffer held;     /* WINDOW_UPDATEs that wait */
};

void frame_filter_init(struct frame_filter *filter);
void frame_filter_release(struct frame_filter *filter);

/* Appends what the engine may see of `bytes` to `out`. ERR_NO_MEMORY; ERR_LIMIT when too many
 * WINDOW_UPDATEs are held. */
enum error_code frame_filter_pass(struct frame_filter *filter, struct bytes_view bytes,
                                  struct buffer *out) MUST_CHECK;

/* Stops holding WINDOW_UPDATEs. Those held are to be given to the engine when the client's bytes
 * stand at a frame's boundary: frame_filter_pass puts them in front. */
void frame_filter_let_go(struct frame_filter *filter);

/* Takes out the held frames now if the client's bytes stand at a boundary: true, and `out` has them
 * appended. Without memory they stay held. */
bool frame_filter_take_held(struct frame_filter *filter, struct buffer *out);

#endif
