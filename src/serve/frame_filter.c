// SPDX-License-Identifier: Apache-2.0
#include "serve/frame_filter.h"

#define PREFACE_BYTES 24u /* RFC 9113 section 3.4 */
#define HELD_LIMIT    (4u << 20)

/* RFC 9113 section 6. */
#define FRAME_SETTINGS      4
#define FRAME_PING          6
#define FRAME_WINDOW_UPDATE 8
#define FLAG_ACK            1

void frame_filter_init(struct frame_filter *filter)
{
    *filter = (struct frame_filter){0};
    buffer_init(&filter->held);
}

void frame_filter_release(struct frame_filter *filter)
{
    buffer_release(&filter->held);
}

static bool at_boundary(const struct frame_filter *filter)
{
    return filter->preface_bytes == PREFACE_BYTES && filter->header_bytes == 0 &&
           filter->payload_bytes == 0;
}

/* The header is whole: decides about the frame. */
static void judge_frame(struct frame_filter *filter)
{
    const uint8_t *header = filter->header;
    uint8_t type = header[3];
    bool is_ack = (header[4] & FLAG_ACK) != 0;
    filter->payload_bytes = (uint32_t)header[0] << 16 | (uint32_t)header[1] << 8 | header[2];
    filter->swallow = false;
    filter->hold = type == FRAME_WINDOW_UPDATE && filter->hold_window_updates;
    if (type == FRAME_SETTINGS && is_ack && filter->settings_acks > 0) {
        filter->settings_acks--;
        filter->swallow = true;
    } else if (type == FRAME_PING && is_ack && filter->ping_acks > 0) {
        filter->ping_acks--;
        filter->swallow = true;
    }
}

static enum error_code emit(struct frame_filter *filter, struct bytes_view bytes,
                            struct buffer *out)
{
    if (filter->swallow)
        return OK;
    if (!filter->hold)
        return buffer_append(out, bytes.data, bytes.size_bytes);
    if (filter->held.size_bytes + bytes.size_bytes > HELD_LIMIT)
        return ERR_LIMIT;
    return buffer_append(&filter->held, bytes.data, bytes.size_bytes);
}

static struct bytes_view take(struct bytes_view *bytes, size_t size_bytes)
{
    if (size_bytes > bytes->size_bytes)
        size_bytes = bytes->size_bytes;
    struct bytes_view taken = bytes_view_of(bytes->data, size_bytes);
    bytes->data += size_bytes;
    bytes->size_bytes -= size_bytes;
    return taken;
}

/* One step over the preface, a header or a payload. */
static enum error_code step(struct frame_filter *filter, struct bytes_view *bytes,
                            struct buffer *out)
{
    if (filter->preface_bytes < PREFACE_BYTES) {
        struct bytes_view part = take(bytes, PREFACE_BYTES - filter->preface_bytes);
        filter->preface_bytes += (unsigned)part.size_bytes;
        return buffer_append(out, part.data, part.size_bytes);
    }
    if (filter->payload_bytes > 0) {
        struct bytes_view part = take(bytes, filter->payload_bytes);
        filter->payload_bytes -= (uint32_t)part.size_bytes;
        return emit(filter, part, out);
    }
    struct bytes_view part = take(bytes, FRAME_HEADER_BYTES - filter->header_bytes);
    memcpy(filter->header + filter->header_bytes, part.data, part.size_bytes);
    filter->header_bytes += (unsigned)part.size_bytes;
    if (filter->header_bytes < FRAME_HEADER_BYTES)
        return OK;
    filter->header_bytes = 0;
    judge_frame(filter);
    return emit(filter, bytes_view_of(filter->header, FRAME_HEADER_BYTES), out);
}

enum error_code frame_filter_pass(struct frame_filter *filter, struct bytes_view bytes,
                                  struct buffer *out)
{
    while (bytes.size_bytes > 0) {
        (void)frame_filter_take_held(filter, out);
        enum error_code code = step(filter, &bytes, out);
        if (code != OK)
            return code;
    }
    return OK;
}

void frame_filter_let_go(struct frame_filter *filter)
{
    filter->hold_window_updates = false;
}

bool frame_filter_take_held(struct frame_filter *filter, struct buffer *out)
{
    if (filter->hold_window_updates || filter->held.size_bytes == 0 || !at_boundary(filter))
        return false;
    if (buffer_append(out, filter->held.data, filter->held.size_bytes) != OK)
        return false;
    buffer_reset(&filter->held);
    return true;
}
