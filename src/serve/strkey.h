// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SERVE_STRKEY_H
#define TTP_SERVE_STRKEY_H

/*
 * Stellar's address texts (SEP-23): base32 of a version byte, the payload and its CRC16-XModem,
 * without padding.
 */

#include <stdint.h>

enum strkey_kind {
    STRKEY_ACCOUNT,          /* G, 56 characters: an ed25519 public key */
    STRKEY_CONTRACT,         /* C, 56 */
    STRKEY_LIQUIDITY_POOL,   /* L, 56 */
    STRKEY_CLAIMABLE_BALANCE /* B, 58: a type byte, 0, before the 32 bytes */
};

#define STRKEY_PAYLOAD_BYTES 32
#define STRKEY_MAX_BYTES     58

/* Writes the text, without a NUL; returns its length, 56 or 58. */
unsigned strkey_encode(enum strkey_kind kind, const uint8_t payload[STRKEY_PAYLOAD_BYTES],
                       char out[STRKEY_MAX_BYTES]);

#endif
