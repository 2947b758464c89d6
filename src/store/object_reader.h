// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_OBJECT_READER_H
#define TTP_STORE_OBJECT_READER_H

/*
 * Reading an object as a file is read: pieces of any size at any place. Each request costs a way to
 * the store and back, so more is fetched than is asked for: the end of the object, where a Parquet
 * file has its footer, in one request; and what comes next, in growing steps, where pieces follow
 * each other. One thread.
 */

#include <stdint.h>

#include "s3/client.h"

struct object_reader;

/* ERR_NOT_FOUND. Other errors are the client's. `name` is copied. */
enum error_code object_reader_open(struct object_reader **out, struct s3_client *client,
                                   const char *name, struct s3_patience patience,
                                   uint64_t *size_bytes, struct error *error) MUST_CHECK;
/* Exactly these bytes; ERR_CORRUPT: there are fewer, or the object is another one by now. */
enum error_code object_reader_read(struct object_reader *reader, uint64_t offset, void *data,
                                   size_t size_bytes, struct error *error) MUST_CHECK;
void object_reader_free(struct object_reader *reader); /* NULL is fine */

#endif
