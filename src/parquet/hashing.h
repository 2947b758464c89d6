// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_HASHING_H
#define TTP_PARQUET_HASHING_H

/* What the hash tables of a chunk's dictionary share. None of these hashes leaves the process. */

#include <stdint.h>
#include <string.h>

/* A look-up that passes more slots than this shows that the hash takes in too few bytes, or that
 * somebody chose values that collide. Chance alone makes runs of about 200. */
#define LONG_PROBE 1024

#define HASH_KEY_0 UINT64_C(0x9e3779b97f4a7c15)
#define HASH_KEY_1 UINT64_C(0xbf58476d1ce4e5b9)
#define HASH_KEY_2 UINT64_C(0x94d049bb133111eb)
#define HASH_KEY_3 UINT64_C(0xd6e8feb86659fd93)

/* The 128-bit product of two 64-bit words, folded: every input bit reaches the upper half. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* 32 bits of hash of a value's two words and its size; `key` 0, or what makes it unforeseeable (who
 * knows the constants can choose words whose product is 0). */
static inline uint32_t hash_words(uint64_t head, uint64_t tail, uint32_t size_bytes, uint64_t key)
{
    return (uint32_t)(hash_mix(head ^ HASH_KEY_0 ^ size_bytes ^ key,
                               tail ^ HASH_KEY_1 ^ (key << 32 | key >> 32)) >>
                      32);
}

/* The same of 32 bytes, each word with a key of its own. */
static inline uint32_t hash_32_bytes(const uint8_t *data)
{
    uint64_t hash = hash_mix(hash_load(data) ^ HASH_KEY_0, hash_load(data + 8) ^ HASH_KEY_1) ^
                    hash_mix(hash_load(data + 16) ^ HASH_KEY_2, hash_load(data + 24) ^ HASH_KEY_3);
    return (uint32_t)(hash >> 32);
}

/* At most 70% full: the smallest power of two from `slots` on that holds `count` values. */
static inline uint32_t hash_slots_for(uint32_t slots, uint64_t count)
{
    while ((uint64_t)slots * 7 < count * 10)
        slots *= 2;
    return slots;
}

#endif
