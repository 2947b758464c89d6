// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_BLOOM_H
#define TTP_PARQUET_BLOOM_H

/* Split-block Bloom filters over XXH64 (BloomFilter.md). */

#include <stdbool.h>
#include <stdint.h>

#include "util/bytes.h"

#define BLOOM_BLOCK_BYTES 32
/* What readers take at most (parquet-java and Arrow agree on 128 MiB). */
#define BLOOM_MAX_BYTES (UINT32_C(128) << 20)
/* Longer values have no escaped hash; hashes have 32 bytes. */
#define BLOOM_ESCAPED_MAX_BYTES 32

/* The size of the filter for that many distinct entries: a power of two. */
uint32_t bloom_size_bytes(uint64_t entry_count);

/* XXH64 with seed 0 of a value's bytes, without its length. */
uint64_t bloom_hash(struct bytes_view value);

/* The same of the bytes as DuckDB shows a BLOB: \xHH each, but for the visible ASCII characters
 * other than quotes and the backslash. `value`: at most BLOOM_ESCAPED_MAX_BYTES. DuckDB 1.5 looks
 * for this instead of the bytes (duckdb/duckdb#23829), so that a filter without it loses rows. */
uint64_t bloom_hash_escaped(struct bytes_view value);

/* `filter`: size_bytes (whole blocks) that were zero at first. */
void bloom_insert(uint8_t *filter, uint32_t size_bytes, uint64_t hash);
bool bloom_contains(const uint8_t *filter, uint32_t size_bytes, uint64_t hash);

#endif
