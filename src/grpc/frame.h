// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_GRPC_FRAME_H
#define TTP_GRPC_FRAME_H

/*
 * gRPC message framing (PROTOCOL-HTTP2.md "Length-Prefixed-Message"): a flag byte, four bytes of
 * length, big-endian, the message. DATA frames split it anywhere.
 *
 * The reader is fed chunks and asked for messages. A message that lies in one chunk is a view into
 * the chunk; one that does not is put together in the carry buffer, which never grows beyond the
 * limit plus the prefix. Not thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

#define GRPC_PREFIX_BYTES 5

struct grpc_reader {
    uint32_t max_message_bytes;
    struct bytes_view chunk; /* borrowed: what is not read of the last chunk */
    struct buffer carry;     /* the beginning of a message, prefix included */
    bool carry_is_returned;  /* the carry's message was handed out: empty it at the next call */
};

void grpc_reader_init(struct grpc_reader *reader, uint32_t max_message_bytes);
void grpc_reader_reset(struct grpc_reader *reader); /* a new stream; keeps memory */
void grpc_reader_release(struct grpc_reader *reader);

/* Lends the next chunk. All messages of the chunk before must have been asked for (next said
 * ERR_AGAIN), or the rest taken by grpc_reader_take_rest. */
void grpc_reader_feed(struct grpc_reader *reader, struct bytes_view chunk);

/* The next message; lives until the next call, and no longer than its chunk. ERR_AGAIN: the chunk
 * is used up (it is not needed any more). ERR_LIMIT: a message longer than the limit; ERR_CORRUPT:
 * a flag other than 0 (compression was not offered); ERR_NO_MEMORY. After those the stream is
 * lost. */
enum error_code grpc_reader_next(struct grpc_reader *reader, struct bytes_view *message,
                                 struct error *error) MUST_CHECK;

/* Puts back the message that grpc_reader_next just gave: it comes again. */
void grpc_reader_unread(struct grpc_reader *reader, struct bytes_view message);

/* What is left of the chunk, and forgets it: for a caller that stops half-way and feeds it later.
 */
struct bytes_view grpc_reader_take_rest(struct grpc_reader *reader);

/* True if the stream may not end here: part of a message is there. */
bool grpc_reader_is_inside(const struct grpc_reader *reader);

/* Writes the prefix of an uncompressed message. */
void grpc_write_prefix(uint8_t out[GRPC_PREFIX_BYTES], uint32_t size_bytes);
/* Appends prefix and message. ERR_NO_MEMORY. */
enum error_code grpc_append_message(struct buffer *out, struct bytes_view message) MUST_CHECK;

#endif
