// SPDX-License-Identifier: Apache-2.0
// rooms: grpc
// parsers: grpc/frame.c
// without: grpc_reader_unread grpc_reader_take_rest
/*
 * A stream of gRPC messages cut into DATA frames anywhere: the first byte chooses the sizes of the
 * chunks, the rest is the stream. However it is cut, the same messages come out as of one chunk.
 */

#include <stdint.h>
#include <stdlib.h>

#include "grpc/frame.h"
#include "util/buffer.h"

#define MESSAGE_BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Appends every message of the stream, each with its length, to `out`; returns how it ended. */
static enum error_code read_stream(struct bytes_view stream, uint8_t seed, struct buffer *out)
{
    struct grpc_reader reader;
    grpc_reader_init(&reader, MESSAGE_BYTES_MAX);
    enum error_code code = ERR_AGAIN;
    uint32_t state = seed;
    while (stream.size_bytes > 0 && code == ERR_AGAIN) {
        state = state * 1103515245u + 12345u;
        size_t chunk = seed == 0 ? stream.size_bytes : 1 + (state >> 16) % (seed + 1u);
        if (chunk > stream.size_bytes)
            chunk = stream.size_bytes;
        grpc_reader_feed(&reader, bytes_view_of(stream.data, chunk));
        stream = bytes_view_of(stream.data + chunk, stream.size_bytes - chunk);
        struct bytes_view message;
        struct error error;
        while ((code = grpc_reader_next(&reader, &message, &error)) == OK) {
            require(message.size_bytes <= MESSAGE_BYTES_MAX);
            require(grpc_append_message(out, message) == OK);
        }
        require(code == ERR_AGAIN || error.message[0] != '\0');
    }
    if (code == ERR_AGAIN && grpc_reader_is_inside(&reader))
        code = ERR_CORRUPT;
    grpc_reader_release(&reader);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes_view stream = bytes_view_of(data + 1, size - 1);
    struct buffer whole, cut;
    buffer_init(&whole);
    buffer_init(&cut);
    enum error_code code = read_stream(stream, 0, &whole);
    require(read_stream(stream, data[0], &cut) == code);
    require(bytes_equal(buffer_view(&whole), buffer_view(&cut)));
    buffer_release(&whole);
    buffer_release(&cut);
    return 0;
}
