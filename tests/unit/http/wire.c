// SPDX-License-Identifier: Apache-2.0
#include "http/wire.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

void wire_frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream_id,
                const void *payload, uint32_t size_bytes)
{
    const uint8_t header[9] = {(uint8_t)(size_bytes >> 16),
                               (uint8_t)(size_bytes >> 8),
                               (uint8_t)size_bytes,
                               type,
                               flags,
                               (uint8_t)(stream_id >> 24),
                               (uint8_t)(stream_id >> 16),
                               (uint8_t)(stream_id >> 8),
                               (uint8_t)stream_id};
    assert_int_equal(buffer_append(out, header, sizeof(header)), OK);
    assert_int_equal(buffer_append(out, payload, size_bytes), OK);
}

size_t wire_split(uint64_t *seed, size_t most)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return most == 0 ? 0 : 1 + (size_t)(*seed >> 33) % most;
}
