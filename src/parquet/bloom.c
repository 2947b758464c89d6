// SPDX-License-Identifier: Apache-2.0
#include "parquet/bloom.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* 6 bits a value at least, 12 at most (sizes are powers of two): 10% to 0.4% false positives, 3% on
 * average. More would cost more in every file than it spares in those that are read in vain. */
#define BLOCK_VALUES_MAX 43

static const uint32_t salts[8] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                  0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

uint32_t bloom_size_bytes(uint64_t distinct_count)
{
    uint32_t size = BLOOM_BLOCK_BYTES;
    while (size < BLOOM_MAX_BYTES &&
           (uint64_t)(size / BLOOM_BLOCK_BYTES) * BLOCK_VALUES_MAX < distinct_count)
        size *= 2;
    return size;
}

uint64_t bloom_hash(struct bytes_view value)
{
    return XXH64(value.data, value.size_bytes, 0);
}

static size_t block_offset(uint32_t size_bytes, uint64_t hash)
{
    uint64_t blocks = size_bytes / BLOOM_BLOCK_BYTES;
    return (size_t)(((hash >> 32) * blocks) >> 32) * BLOOM_BLOCK_BYTES;
}

/* The filter's words are little-endian, as is every machine this runs on. */
void bloom_insert(uint8_t *filter, uint32_t size_bytes, uint64_t hash)
{
    uint8_t *block = filter + block_offset(size_bytes, hash);
    uint32_t words[8];
    memcpy(words, block, sizeof words);
    for (int i = 0; i < 8; i++)
        words[i] |= UINT32_C(1) << (((uint32_t)hash * salts[i]) >> 27);
    memcpy(block, words, sizeof words);
}

bool bloom_contains(const uint8_t *filter, uint32_t size_bytes, uint64_t hash)
{
    const uint8_t *block = filter + block_offset(size_bytes, hash);
    uint32_t words[8];
    memcpy(words, block, sizeof words);
    uint32_t missing = 0;
    for (int i = 0; i < 8; i++)
        missing |= ~words[i] & UINT32_C(1) << (((uint32_t)hash * salts[i]) >> 27);
    return missing == 0;
}
