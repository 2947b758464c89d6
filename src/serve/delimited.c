// SPDX-License-Identifier: Apache-2.0
#include "serve/delimited.h"

#include <inttypes.h>

#define WINDOW_BYTES (256u * 1024u)

void delimited_reader_init(struct delimited_reader *reader, const struct os_file *file,
                           uint64_t start_offset, uint64_t end_offset)
{
    *reader = (struct delimited_reader){.file = file,
                                        .end_offset = end_offset,
                                        .record_offset = start_offset,
                                        .next_offset = start_offset,
                                        .window_offset = start_offset};
    buffer_init(&reader->window);
}

void delimited_reader_release(struct delimited_reader *reader)
{
    buffer_release(&reader->window);
}

/* Makes the window hold `wanted_bytes` from next_offset on, or all that is left of the file. */
static enum error_code fill_window(struct delimited_reader *reader, size_t wanted_bytes,
                                   struct error *error)
{
    size_t passed = (size_t)(reader->next_offset - reader->window_offset);
    if (reader->window.size_bytes - passed >= wanted_bytes)
        return OK;
    buffer_drop_front(&reader->window, passed);
    reader->window_offset = reader->next_offset;

    uint64_t from = reader->window_offset + reader->window.size_bytes;
    size_t more = wanted_bytes - reader->window.size_bytes;
    if (more < WINDOW_BYTES)
        more = WINDOW_BYTES;
    if (more > reader->end_offset - from)
        more = (size_t)(reader->end_offset - from);
    if (more == 0)
        return OK;
    if (buffer_reserve(&reader->window, more) != OK)
        return error_no_memory(error, "reading a recording");
    enum error_code code = os_file_read(
        reader->file, from, reader->window.data + reader->window.size_bytes, more, error);
    if (code == OK)
        reader->window.size_bytes += more;
    return code;
}

/* Decodes the length at the head of `bytes`: its own size in bytes, 0 if the bytes end inside it,
 * -1 if it is no length below 2^32. */
static int parse_prefix(struct bytes_view bytes, uint32_t *size_bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < DELIMITED_PREFIX_LIMIT; i++) {
        if (i == bytes.size_bytes)
            return 0;
        value |= (uint64_t)(bytes.data[i] & 0x7f) << (7 * i);
        if (bytes.data[i] < 0x80) {
            if (value > UINT32_MAX)
                return -1;
            *size_bytes = (uint32_t)value;
            return (int)i + 1;
        }
    }
    return -1;
}

static enum error_code ends_early(struct delimited_reader *reader, struct error *error)
{
    reader->ends_early = true;
    if (reader->record_offset == 0)
        return error_set(error, ERR_CORRUPT,
                         "%s: the file ends at byte %" PRIu64
                         " inside its first record; is this an .events file?",
                         reader->file->path, reader->end_offset);
    return error_set(error, ERR_CORRUPT,
                     "%s: the file ends at byte %" PRIu64
                     " inside the record that begins at byte %" PRIu64
                     "; record it again, or cut it there",
                     reader->file->path, reader->end_offset, reader->record_offset);
}

enum error_code delimited_next(struct delimited_reader *reader, struct bytes_view *message,
                               struct error *error)
{
    reader->record_offset = reader->next_offset;
    if (reader->next_offset == reader->end_offset)
        return ERR_AGAIN;
    enum error_code code = fill_window(reader, DELIMITED_PREFIX_LIMIT, error);
    if (code != OK)
        return code;

    size_t passed = (size_t)(reader->next_offset - reader->window_offset);
    struct bytes_view rest =
        bytes_view_of(reader->window.data + passed, reader->window.size_bytes - passed);
    uint32_t size_bytes = 0;
    int prefix_bytes = parse_prefix(rest, &size_bytes);
    if (prefix_bytes == 0)
        return ends_early(reader, error);
    if (prefix_bytes < 0 || size_bytes > DELIMITED_MESSAGE_LIMIT)
        return error_set(error, ERR_CORRUPT,
                         "%s: no event's length at byte %" PRIu64
                         " (at most %u bytes are allowed); is this an .events file?",
                         reader->file->path, reader->record_offset, DELIMITED_MESSAGE_LIMIT);
    uint64_t record_bytes = (uint64_t)prefix_bytes + size_bytes;
    if (record_bytes > reader->end_offset - reader->next_offset)
        return ends_early(reader, error);

    code = fill_window(reader, (size_t)record_bytes, error);
    if (code != OK)
        return code;
    passed = (size_t)(reader->next_offset - reader->window_offset);
    *message = bytes_view_of(reader->window.data + passed + prefix_bytes, size_bytes);
    reader->next_offset += record_bytes;
    return OK;
}

unsigned delimited_write_prefix(uint32_t size_bytes, uint8_t out[DELIMITED_PREFIX_LIMIT])
{
    unsigned length = 0;
    while (size_bytes >= 0x80) {
        out[length++] = (uint8_t)(size_bytes | 0x80);
        size_bytes >>= 7;
    }
    out[length++] = (uint8_t)size_bytes;
    return length;
}
