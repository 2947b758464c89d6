// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_DELIMITED_H
#define TTP_SERVE_DELIMITED_H

/*
 * Reads the records of an `.events` file one after another: a varint length, then that many bytes
 * (protobuf's delimited form). Borrows the open file. Not thread-safe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "os/file.h"
#include "util/buffer.h"
#include "util/error.h"

/* A message longer than this in a file is taken for damage. */
#define DELIMITED_MESSAGE_LIMIT (64u << 20)

struct delimited_reader {
    const struct os_file *file;
    uint64_t end_offset; /* reads up to here */
    uint64_t
        record_offset;    /* where the record last returned begins; after ERR_CORRUPT the bad one */
    uint64_t next_offset; /* where the next one begins */
    bool ends_early;      /* after ERR_CORRUPT: the file ends inside the record */
    struct buffer window; /* bytes of the file from window_offset on */
    uint64_t window_offset;
};

/* Reads from `start_offset` (the beginning of a record) to `end_offset`. */
void delimited_reader_init(struct delimited_reader *reader, const struct os_file *file,
                           uint64_t start_offset, uint64_t end_offset);
void delimited_reader_release(struct delimited_reader *reader);

/* The next message; its bytes live until the next call. ERR_AGAIN: no more. ERR_CORRUPT: the file
 * ends inside the record (ends_early), or the length is none or above DELIMITED_MESSAGE_LIMIT;
 * ERR_IO, ERR_NO_MEMORY. */
enum error_code delimited_next(struct delimited_reader *reader, struct bytes_view *message,
                               struct error *error) MUST_CHECK;

/* Longest length prefix that is accepted, in bytes. */
#define DELIMITED_PREFIX_LIMIT 5

/* Writes the varint of `size_bytes` to `out`; returns its length. */
unsigned delimited_write_prefix(uint32_t size_bytes, uint8_t out[DELIMITED_PREFIX_LIMIT]);

#endif
