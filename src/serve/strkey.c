// SPDX-License-Identifier: Apache-2.0
#include "serve/strkey.h"

#include <string.h>

/* CRC-16/XMODEM (polynomial 0x1021, start 0), four bits at a time. */
static uint16_t crc16(const uint8_t *bytes, unsigned size_bytes)
{
    static const uint16_t table[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5,
                                       0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b,
                                       0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
    uint16_t crc = 0;
    for (unsigned i = 0; i < size_bytes; i++) {
        crc = (uint16_t)(crc << 4 ^ table[(crc >> 12 ^ bytes[i] >> 4) & 15]);
        crc = (uint16_t)(crc << 4 ^ table[(crc >> 12 ^ bytes[i]) & 15]);
    }
    return crc;
}

/* RFC 4648 section 6, without padding; `bytes` may be read up to the next multiple of five. */
static unsigned base32(const uint8_t *bytes, unsigned size_bytes, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned length = (size_bytes * 8 + 4) / 5;
    for (unsigned at = 0; at < length; at += 8, bytes += 5) {
        uint64_t bits = (uint64_t)bytes[0] << 32 | (uint64_t)bytes[1] << 24 |
                        (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 8 | bytes[4];
        for (unsigned i = 0; i < 8 && at + i < length; i++)
            out[at + i] = digits[bits >> (35 - 5 * i) & 31];
    }
    return length;
}

unsigned strkey_encode(enum strkey_kind kind, const uint8_t payload[STRKEY_PAYLOAD_BYTES],
                       char out[STRKEY_MAX_BYTES])
{
    static const uint8_t versions[] = {[STRKEY_ACCOUNT] = 6 << 3,
                                       [STRKEY_CONTRACT] = 2 << 3,
                                       [STRKEY_LIQUIDITY_POOL] = 11 << 3,
                                       [STRKEY_CLAIMABLE_BALANCE] = 1 << 3};
    uint8_t raw[40] = {0};
    unsigned size = 0;
    raw[size++] = versions[kind];
    if (kind == STRKEY_CLAIMABLE_BALANCE)
        raw[size++] = 0;
    memcpy(raw + size, payload, STRKEY_PAYLOAD_BYTES);
    size += STRKEY_PAYLOAD_BYTES;
    uint16_t crc = crc16(raw, size);
    raw[size++] = (uint8_t)crc; /* little-endian */
    raw[size++] = (uint8_t)(crc >> 8);
    return base32(raw, size, out);
}
