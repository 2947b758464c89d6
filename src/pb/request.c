// SPDX-License-Identifier: Apache-2.0
#include "pb/request.h"

#include "pb/wire.h"

enum {
    REQUEST_START_LEDGER = WIRE_TAG(1, WIRE_VARINT),
    REQUEST_END_LEDGER = WIRE_TAG(2, WIRE_VARINT)
};

#define REQUEST_BYTES_MAX 12 /* two fields of a tag and five bytes */

enum error_code get_events_request_encode(const struct get_events_request *request,
                                          struct buffer *out)
{
    if (buffer_reserve(out, REQUEST_BYTES_MAX) != OK)
        return ERR_NO_MEMORY;
    uint8_t *start = out->data + out->size_bytes;
    uint8_t *at = start;
    if (request->start_ledger != 0)
        at = wire_put_varint(wire_put_varint(at, REQUEST_START_LEDGER), request->start_ledger);
    if (request->end_ledger != 0)
        at = wire_put_varint(wire_put_varint(at, REQUEST_END_LEDGER), request->end_ledger);
    out->size_bytes += (size_t)(at - start);
    return OK;
}

static bool read_field(struct wire_reader *reader, struct get_events_request *request)
{
    uint32_t tag;
    uint64_t value;
    if (!wire_read_tag(reader, &tag))
        return false;
    if (tag != REQUEST_START_LEDGER && tag != REQUEST_END_LEDGER)
        return wire_skip(reader, tag, 0);
    if (!wire_read_varint(reader, &value))
        return false;
    if (tag == REQUEST_START_LEDGER)
        request->start_ledger = (uint32_t)value;
    else
        request->end_ledger = (uint32_t)value;
    return true;
}

enum error_code get_events_request_decode(struct bytes_view message,
                                          struct get_events_request *request, struct error *error)
{
    *request = (struct get_events_request){0};
    struct wire_reader reader = wire_reader_of(message);
    while (!wire_at_end(&reader))
        if (!read_field(&reader, request))
            return error_set(error, ERR_CORRUPT, "not a GetEventsRequest: %s at byte %zu of %zu",
                             reader.problem, (size_t)(reader.at - message.data),
                             message.size_bytes);
    return OK;
}
