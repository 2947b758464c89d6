// SPDX-License-Identifier: Apache-2.0
#include "store/object_reader.h"

#include <string.h>

#include "util/memory.h"

#define TAIL_BYTES       ((size_t)64 << 10)
#define STEP_FIRST_BYTES ((size_t)16 << 10)
#define STEP_GROWTH      4
#define STEP_MOST_BYTES  ((size_t)4 << 20)

/* Bytes of the object that are here. */
struct window {
    uint8_t *data;
    size_t capacity_bytes;
    uint64_t start;
    size_t size_bytes;
};

struct object_reader {
    struct s3_client *client;
    struct s3_patience patience;
    char *name;
    char etag[S3_ETAG_BYTES];
    uint64_t size_bytes;
    struct window tail, ahead;
    size_t step_bytes; /* of the next fetch ahead */
};

enum error_code object_reader_open(struct object_reader **out, struct s3_client *client,
                                   const char *name, struct s3_patience patience,
                                   uint64_t *size_bytes, struct error *error)
{
    struct s3_object object;
    *out = NULL;
    enum error_code code = s3_head(client, name, &object, &patience, error);
    if (code != OK)
        return code;
    struct object_reader *reader = mem_alloc_zero(1, sizeof *reader);
    if (reader == NULL)
        return error_no_memory(error, name);
    *reader = (struct object_reader){.client = client,
                                     .patience = patience,
                                     .name = mem_copy_text(name),
                                     .size_bytes = object.size_bytes,
                                     .step_bytes = STEP_FIRST_BYTES};
    memcpy(reader->etag, object.etag, sizeof reader->etag);
    if (reader->name == NULL) {
        object_reader_free(reader);
        return error_no_memory(error, name);
    }
    *size_bytes = object.size_bytes;
    *out = reader;
    return OK;
}

static enum error_code get(const struct object_reader *reader, uint64_t offset, void *data,
                           size_t size_bytes, struct error *error)
{
    enum error_code code =
        s3_get_range(reader->client, reader->name, reader->etag[0] == '\0' ? NULL : reader->etag,
                     offset, data, size_bytes, &reader->patience, error);
    if (code == ERR_CONFLICT || code == ERR_NOT_FOUND)
        code = error_set(error, ERR_CORRUPT, "%s/%s was replaced or deleted while it was read",
                         s3_client_url(reader->client), reader->name);
    return code;
}

static bool holds(const struct window *window, uint64_t offset, size_t size_bytes)
{
    return offset >= window->start && offset - window->start <= window->size_bytes &&
           size_bytes <= window->size_bytes - (size_t)(offset - window->start);
}

static enum error_code fetch(const struct object_reader *reader, struct window *window,
                             uint64_t start, size_t size_bytes, struct error *error)
{
    if (window->capacity_bytes < size_bytes) {
        uint8_t *larger = mem_realloc(window->data, size_bytes);
        if (larger == NULL)
            return error_no_memory(error, reader->name);
        window->data = larger;
        window->capacity_bytes = size_bytes;
    }
    window->size_bytes = 0;
    enum error_code code = get(reader, start, window->data, size_bytes, error);
    if (code == OK) {
        window->start = start;
        window->size_bytes = size_bytes;
    }
    return code;
}

static void copy(const struct window *window, uint64_t offset, void *data, size_t size_bytes)
{
    memcpy(data, window->data + (size_t)(offset - window->start), size_bytes);
}

/* The piece, and what may be asked for next. */
static enum error_code read_ahead(struct object_reader *reader, uint64_t offset, size_t size_bytes,
                                  struct error *error)
{
    bool follows = offset == reader->ahead.start + reader->ahead.size_bytes ||
                   holds(&reader->ahead, offset, 0);
    if (!follows)
        reader->step_bytes = STEP_FIRST_BYTES;
    else if (reader->step_bytes < STEP_MOST_BYTES)
        reader->step_bytes *= STEP_GROWTH;
    uint64_t left = reader->size_bytes - offset;
    size_t wanted = size_bytes > reader->step_bytes ? size_bytes : reader->step_bytes;
    return fetch(reader, &reader->ahead, offset, left < wanted ? (size_t)left : wanted, error);
}

enum error_code object_reader_read(struct object_reader *reader, uint64_t offset, void *data,
                                   size_t size_bytes, struct error *error)
{
    enum error_code code = OK;
    if (offset > reader->size_bytes || size_bytes > reader->size_bytes - offset)
        return error_set(error, ERR_CORRUPT, "%s/%s ends early", s3_client_url(reader->client),
                         reader->name);
    uint64_t tail_start = reader->size_bytes > TAIL_BYTES ? reader->size_bytes - TAIL_BYTES : 0;
    bool in_tail = offset >= tail_start;
    struct window *window = in_tail ? &reader->tail : &reader->ahead;
    if (size_bytes == 0)
        return OK;
    if (!in_tail && size_bytes >= STEP_MOST_BYTES)
        return get(reader, offset, data, size_bytes, error);
    if (!holds(window, offset, size_bytes))
        code = in_tail ? fetch(reader, window, tail_start,
                               (size_t)(reader->size_bytes - tail_start), error)
                       : read_ahead(reader, offset, size_bytes, error);
    if (code == OK)
        copy(window, offset, data, size_bytes);
    return code;
}

void object_reader_free(struct object_reader *reader)
{
    if (reader == NULL)
        return;
    mem_free(reader->tail.data);
    mem_free(reader->ahead.data);
    mem_free(reader->name);
    mem_free(reader);
}
