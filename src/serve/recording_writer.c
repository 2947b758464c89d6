// SPDX-License-Identifier: Apache-2.0
#include "serve/recording.h"

#include <errno.h>
#include <inttypes.h>

#include "os/calls.h"
#include "os/file.h"
#include "pb/event.h"
#include "serve/delimited.h"
#include "util/memory.h"

#define WRITE_BYTES (1024u * 1024u)

struct recording_writer {
    struct os_file file;
    uint64_t written_bytes; /* of the file */
    struct buffer pending;  /* not yet written */
};

/* Finds where the last ledger of the file begins (0: there is none) and its number. */
static enum error_code find_last_ledger(struct os_file *file, uint64_t size_bytes, uint64_t *offset,
                                        uint32_t *ledger, struct error *error)
{
    *offset = 0;
    *ledger = 0;
    struct delimited_reader reader;
    delimited_reader_init(&reader, file, 0, size_bytes);
    enum error_code code;
    for (;;) {
        struct bytes_view message;
        code = delimited_next(&reader, &message, error);
        if (code != OK)
            break;
        uint32_t sequence = *ledger;
        bool named = event_peek_ledger(message, &sequence);
        if ((!named && *ledger == 0) || sequence < *ledger) {
            code = error_set(error, ERR_CORRUPT,
                             "%s: the record at byte %" PRIu64 " does not continue ledger %" PRIu32
                             "; this recording can't be continued: choose another file",
                             file->path, reader.record_offset, *ledger);
            break;
        }
        if (sequence != *ledger) {
            *offset = reader.record_offset;
            *ledger = sequence;
        }
    }
    bool cut = code == ERR_CORRUPT && reader.ends_early;
    delimited_reader_release(&reader);
    if (cut && *ledger == 0)
        return error_set(error, ERR_CORRUPT,
                         "%s holds no whole event: is it a recording? Remove it, or choose another "
                         "name",
                         file->path);
    if (code == ERR_AGAIN || cut) {
        error_clear(error);
        return OK;
    }
    return code;
}

/* Opens an existing file and cuts off its last ledger. */
static enum error_code go_on_with(struct recording_writer *writer, const char *path,
                                  uint32_t *next_ledger, struct error *error)
{
    enum error_code code = os_file_open(&writer->file, path, OS_OPEN_READ_WRITE, error);
    if (code != OK)
        return code;
    uint64_t size_bytes = 0;
    code = os_file_size(&writer->file, &size_bytes, error);
    if (code != OK)
        return code;
    code = find_last_ledger(&writer->file, size_bytes, &writer->written_bytes, next_ledger, error);
    if (code != OK)
        return code;
    if (os_calls_get()->ftruncate(writer->file.fd, (off_t)writer->written_bytes) != 0)
        return error_set_errno(error, errno, "cannot cut %s to %" PRIu64 " bytes", path,
                               writer->written_bytes);
    return OK;
}

enum error_code recording_writer_open(struct recording_writer **out, const char *path, bool go_on,
                                      uint32_t *next_ledger, struct error *error)
{
    *out = NULL;
    *next_ledger = 0;
    struct recording_writer *writer = mem_alloc_zero(1, sizeof *writer);
    if (writer == NULL)
        return error_no_memory(error, "a recording");
    os_file_init(&writer->file);
    buffer_init(&writer->pending);

    enum error_code code;
    if (go_on && os_path_exists(path))
        code = go_on_with(writer, path, next_ledger, error);
    else if (os_path_exists(path))
        code = error_set(error, ERR_CONFLICT, "%s exists already; choose another name or remove it",
                         path);
    else
        code = os_file_open(&writer->file, path, OS_OPEN_CREATE_NEW, error);
    if (code == OK)
        *out = writer;
    else
        recording_writer_free(writer);
    return code;
}

static enum error_code write_pending(struct recording_writer *writer, struct error *error)
{
    if (writer->pending.size_bytes == 0)
        return OK;
    size_t written_bytes = 0;
    enum error_code code = os_file_write(&writer->file, writer->written_bytes, writer->pending.data,
                                         writer->pending.size_bytes, &written_bytes, error);
    if (code == OK)
        written_bytes = writer->pending.size_bytes;
    else if (code != ERR_RETRY)
        return code;
    writer->written_bytes += written_bytes;
    buffer_drop_front(&writer->pending, written_bytes);
    return code;
}

enum error_code recording_writer_append(struct recording_writer *writer, struct bytes_view message,
                                        struct error *error)
{
    if (message.size_bytes > DELIMITED_MESSAGE_LIMIT)
        return error_set(error, ERR_LIMIT, "an event of %zu bytes is too long for a recording",
                         message.size_bytes);
    if (writer->pending.size_bytes >= WRITE_BYTES) {
        enum error_code code = write_pending(writer, error);
        if (code != OK)
            return code;
    }
    uint8_t prefix[DELIMITED_PREFIX_LIMIT];
    unsigned prefix_bytes = delimited_write_prefix((uint32_t)message.size_bytes, prefix);
    if (buffer_reserve(&writer->pending, prefix_bytes + message.size_bytes) != OK)
        return error_no_memory(error, "a recording");
    buffer_append_unchecked(&writer->pending, prefix, prefix_bytes);
    buffer_append_unchecked(&writer->pending, message.data, message.size_bytes);
    return OK;
}

enum error_code recording_writer_finish(struct recording_writer *writer, struct error *error)
{
    enum error_code code = write_pending(writer, error);
    return code != OK ? code : os_file_sync(&writer->file, error);
}

uint64_t recording_writer_size(const struct recording_writer *writer)
{
    return writer->written_bytes + writer->pending.size_bytes;
}

void recording_writer_free(struct recording_writer *writer)
{
    if (writer == NULL)
        return;
    os_file_release(&writer->file);
    buffer_release(&writer->pending);
    mem_free(writer);
}
