// SPDX-License-Identifier: Apache-2.0
#include "walk/read_once.h"

#include <assert.h>

#define XXH_STATIC_LINKING_ONLY /* the state as a struct */
#include <xxhash.h>

#include "util/buffer.h"
#include "util/memory.h"

/* The Bloom filters of a large row group, or the indexes of many, take less. */
#define KEPT_MAX_BYTES ((uint64_t)4 << 20)
/* What is read at once only to be hashed. */
#define BLOCK_BYTES ((size_t)256 << 10)

struct kept_bytes {
    uint64_t offset;
    struct buffer bytes;
};

struct read_once {
    const struct parquet_source *file;
    struct parquet_source in_order, aside;
    struct kept_bytes gap, end;
    bool with_checksum;
    uint64_t hashed_bytes; /* the checksum has all bytes before it */
    XXH64_state_t checksum;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t kept_until(const struct kept_bytes *kept)
{
    return kept->offset + kept->bytes.size_bytes;
}

/* What is kept at `offset`, or NULL; *size_bytes is cut to what it has, or to where one begins. */
static const uint8_t *find_kept(const struct read_once *once, uint64_t offset, size_t *size_bytes)
{
    const struct kept_bytes *all[] = {&once->gap, &once->end};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (offset >= all[i]->offset && offset < kept_until(all[i])) {
            *size_bytes = (size_t)least(*size_bytes, kept_until(all[i]) - offset);
            return all[i]->bytes.data + (offset - all[i]->offset);
        }
        if (all[i]->bytes.size_bytes != 0 && offset < all[i]->offset)
            *size_bytes = (size_t)least(*size_bytes, all[i]->offset - offset);
    }
    return NULL;
}

/* Copies what is kept, and reads the rest. */
static enum error_code fetch(const struct read_once *once, uint64_t offset, uint8_t *data,
                             size_t size_bytes, struct error *error)
{
    enum error_code code = OK;
    while (code == OK && size_bytes > 0) {
        size_t part = size_bytes;
        const uint8_t *kept = find_kept(once, offset, &part);
        if (kept != NULL)
            memcpy(data, kept, part);
        else
            code = once->file->read(once->file->context, offset, data, part, error);
        offset += part;
        data += part;
        size_bytes -= part;
    }
    return code;
}

/* Takes in the bytes up to `end` that nobody asked for. */
static enum error_code hash_until(struct read_once *once, uint64_t end, struct error *error)
{
    uint8_t *block = NULL;
    enum error_code code = OK;
    while (code == OK && once->hashed_bytes < end) {
        size_t size = (size_t)least(end - once->hashed_bytes, BLOCK_BYTES);
        const uint8_t *bytes = find_kept(once, once->hashed_bytes, &size);
        if (bytes == NULL) {
            block = block == NULL ? mem_alloc(BLOCK_BYTES) : block;
            if (block == NULL)
                return error_no_memory(error, "a file's checksum");
            code = once->file->read(once->file->context, once->hashed_bytes, block, size, error);
            bytes = block;
        }
        if (code == OK)
            XXH64_update(&once->checksum, bytes, size);
        once->hashed_bytes += size;
    }
    mem_free(block);
    return code;
}

static enum error_code read_in_order(void *context, uint64_t offset, void *data, size_t size_bytes,
                                     struct error *error)
{
    struct read_once *once = context;
    enum error_code code = once->with_checksum ? hash_until(once, offset, error) : OK;
    if (code == OK)
        code = fetch(once, offset, data, size_bytes, error);
    if (code != OK || !once->with_checksum || offset + size_bytes <= once->hashed_bytes)
        return code;
    size_t done = (size_t)(once->hashed_bytes - offset);
    XXH64_update(&once->checksum, (const uint8_t *)data + done, size_bytes - done);
    once->hashed_bytes = offset + size_bytes;
    return OK;
}

static enum error_code read_aside(void *context, uint64_t offset, void *data, size_t size_bytes,
                                  struct error *error)
{
    return fetch(context, offset, data, size_bytes, error);
}

enum error_code read_once_new(struct read_once **out, const struct parquet_source *file,
                              bool with_checksum, struct error *error)
{
    struct read_once *once = *out = mem_alloc_zero(1, sizeof *once);
    if (once == NULL)
        return error_no_memory(error, "a file's reader");
    once->file = file;
    once->in_order = once->aside = *file;
    once->in_order.context = once->aside.context = once;
    once->in_order.read = read_in_order;
    once->aside.read = read_aside;
    once->with_checksum = with_checksum;
    XXH64_reset(&once->checksum, 0);
    return OK;
}

void read_once_free(struct read_once *once)
{
    if (once == NULL)
        return;
    buffer_release(&once->gap.bytes);
    buffer_release(&once->end.bytes);
    mem_free(once);
}

const struct parquet_source *read_once_in_order(struct read_once *once)
{
    return &once->in_order;
}

const struct parquet_source *read_once_aside(struct read_once *once)
{
    return &once->aside;
}

/* What is kept already is copied. */
static enum error_code keep(struct read_once *once, struct kept_bytes *place, uint64_t offset,
                            uint64_t end, struct error *error)
{
    struct kept_bytes kept = {.offset = offset};
    if (offset >= end || end - offset > KEPT_MAX_BYTES)
        return OK;
    if (buffer_append_zeros(&kept.bytes, (size_t)(end - offset)) != OK)
        return error_no_memory(error, "what stands behind the pages");
    enum error_code code = fetch(once, offset, kept.bytes.data, kept.bytes.size_bytes, error);
    if (code != OK) {
        buffer_release(&kept.bytes);
        return code;
    }
    buffer_release(&place->bytes);
    *place = kept;
    return OK;
}

enum error_code read_once_keep_end(struct read_once *once, uint64_t offset, struct error *error)
{
    bool is_kept = once->end.bytes.size_bytes != 0 && once->end.offset <= offset;
    return is_kept ? OK : keep(once, &once->end, offset, once->file->size_bytes, error);
}

enum error_code read_once_keep_gap(struct read_once *once, uint64_t offset, uint64_t end,
                                   struct error *error)
{
    enum error_code code = OK;
    if (once->with_checksum) /* what stood behind the pages that passed */
        code = hash_until(once, kept_until(&once->gap), error);
    return code == OK ? keep(once, &once->gap, offset, end, error) : code;
}

enum error_code read_once_checksum(struct read_once *once, uint64_t *checksum, struct error *error)
{
    assert(once->with_checksum);
    enum error_code code = hash_until(once, once->file->size_bytes, error);
    *checksum = XXH64_digest(&once->checksum);
    return code;
}
