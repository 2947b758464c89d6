// SPDX-License-Identifier: Apache-2.0
#include "parquet/bloom.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* 5 bits an entry at least, 10 at most (sizes are powers of two): 18% to 1.6% false positives. More
 * would cost more in every file than it spares in those that are read in vain. */
#define BLOCK_ENTRIES_MAX 52

static const uint32_t salts[8] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                  0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

uint32_t bloom_size_bytes(uint64_t entry_count)
{
    uint32_t size = BLOOM_BLOCK_BYTES;
    while (size < BLOOM_MAX_BYTES &&
           (uint64_t)(size / BLOOM_BLOCK_BYTES) * BLOCK_ENTRIES_MAX < entry_count)
        size *= 2;
    return size;
}

uint64_t bloom_hash(struct bytes_view value)
{
    return XXH64(value.data, value.size_bytes, 0);
}

/* The escape of each byte, its first character lowest; a byte that stands for itself is its own. */
#define HEX_DIGIT(nibble) ((uint32_t)(nibble) + ((nibble) < 10 ? '0' : 'A' - 10))
#define STANDS_FOR_ITSELF(byte)                                                                    \
    ((byte) >= ' ' && (byte) <= '~' && (byte) != '"' && (byte) != '\'' && (byte) != '\\')
#define ESCAPE(byte)                                                                               \
    (STANDS_FOR_ITSELF(byte)                                                                       \
         ? (uint32_t)(byte)                                                                        \
         : '\\' | 'x' << 8 | HEX_DIGIT((byte) >> 4) << 16 | HEX_DIGIT((byte)&15) << 24)
#define ESCAPES_4(byte) ESCAPE(byte), ESCAPE((byte) + 1), ESCAPE((byte) + 2), ESCAPE((byte) + 3)
#define ESCAPES_16(byte)                                                                           \
    ESCAPES_4(byte), ESCAPES_4((byte) + 4), ESCAPES_4((byte) + 8), ESCAPES_4((byte) + 12)
#define ESCAPES_64(byte)                                                                           \
    ESCAPES_16(byte), ESCAPES_16((byte) + 16), ESCAPES_16((byte) + 32), ESCAPES_16((byte) + 48)

static const uint32_t escapes[256] = {ESCAPES_64(0), ESCAPES_64(64), ESCAPES_64(128),
                                      ESCAPES_64(192)};

/* The escape's second byte tells whether there is one: of 'x', these two bits are 3. */
static size_t escape_size(uint32_t escape)
{
    return 1 + (escape >> 11 & 3);
}

/* Without a branch: the bytes of a hash foretell none. */
uint64_t bloom_hash_escaped(struct bytes_view value)
{
    assert(value.size_bytes <= BLOOM_ESCAPED_MAX_BYTES);
    char text[BLOOM_ESCAPED_MAX_BYTES * sizeof escapes[0]];
    char *end = text;
    for (size_t i = 0; i < value.size_bytes; i++) {
        uint32_t escape = escapes[value.data[i]];
        memcpy(end, &escape, sizeof escape);
        end += escape_size(escape);
    }
    return XXH64(text, (size_t)(end - text), 0);
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
