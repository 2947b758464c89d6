// SPDX-License-Identifier: Apache-2.0
#include "pb/wire.h"

#define VARINT_BYTES_MAX 10
#define TAG_BYTES_MAX    5

static bool fail(struct wire_reader *reader, const char *problem)
{
    reader->problem = problem;
    return false;
}

/* At most bytes_max bytes; bits beyond the 64th are dropped, as Google's parser does. */
static bool read_varint(struct wire_reader *reader, int bytes_max, uint64_t *value)
{
    uint64_t result = 0;
    const uint8_t *at = reader->at;
    for (int i = 0; i < bytes_max; i++) {
        if (at == reader->end)
            return fail(reader, "a varint is cut off");
        uint8_t byte = *at++;
        result |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            reader->at = at;
            *value = result;
            return true;
        }
    }
    return fail(reader, "a varint is too long");
}

bool wire_read_long_varint(struct wire_reader *reader, uint64_t *value)
{
    return read_varint(reader, VARINT_BYTES_MAX, value);
}

bool wire_read_long_tag(struct wire_reader *reader, uint32_t *tag)
{
    uint64_t value;
    const uint8_t *start = reader->at;
    if (!read_varint(reader, TAG_BYTES_MAX, &value))
        return false;
    if (value > UINT32_MAX || value >> 3 == 0) {
        reader->at = start;
        return fail(reader, "a field number is out of range");
    }
    *tag = (uint32_t)value;
    return true;
}

static bool skip_fixed(struct wire_reader *reader, size_t size_bytes)
{
    if ((size_t)(reader->end - reader->at) < size_bytes)
        return fail(reader, "a fixed-size value is cut off");
    reader->at += size_bytes;
    return true;
}

/* Any field but a group. */
static bool skip_value(struct wire_reader *reader, uint32_t tag)
{
    uint64_t number;
    struct bytes_view bytes;
    switch (tag & 7) {
    case WIRE_VARINT: return wire_read_varint(reader, &number);
    case WIRE_FIXED64: return skip_fixed(reader, 8);
    case WIRE_BYTES: return wire_read_bytes(reader, &bytes);
    case WIRE_FIXED32: return skip_fixed(reader, 4);
    case WIRE_GROUP_END: return fail(reader, "a group ends that did not begin");
    default: return fail(reader, "an unknown wire type");
    }
}

/* From behind a group's start to behind its end, iteratively: `open` holds the field numbers. */
static bool skip_group(struct wire_reader *reader, uint32_t field_number, int depth)
{
    uint32_t open[WIRE_DEPTH_MAX];
    int open_count = 0;
    open[open_count++] = field_number;
    while (open_count > 0) {
        uint32_t tag;
        if (wire_at_end(reader))
            return fail(reader, "a group does not end");
        if (!wire_read_tag(reader, &tag))
            return false;
        if ((tag & 7) == WIRE_GROUP) {
            if (depth + open_count >= WIRE_DEPTH_MAX)
                return fail(reader, "groups are nested too deep");
            open[open_count++] = tag >> 3;
        } else if ((tag & 7) == WIRE_GROUP_END) {
            if (open[--open_count] != tag >> 3)
                return fail(reader, "a group ends with another's number");
        } else if (!skip_value(reader, tag)) {
            return false;
        }
    }
    return true;
}

bool wire_skip(struct wire_reader *reader, uint32_t tag, int depth)
{
    assert(depth >= 0 && depth < WIRE_DEPTH_MAX);
    if ((tag & 7) == WIRE_GROUP)
        return skip_group(reader, tag >> 3, depth);
    return skip_value(reader, tag);
}
