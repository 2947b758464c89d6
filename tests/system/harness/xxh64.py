# SPDX-License-Identifier: Apache-2.0
"""XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), as the catalog has it of each file."""

MASK = 2**64 - 1
P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                      0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def _rotate(value, bits):
    return (value << bits | value >> (64 - bits)) & MASK


def _round(lane, word):
    return _rotate((lane + word * P2) & MASK, 31) * P1 & MASK


def _stripes(data):
    lanes = [P1 + P2 & MASK, P2, 0, -P1 & MASK]
    at = 0
    while at + 32 <= len(data):
        for lane in range(4):
            lanes[lane] = _round(lanes[lane], int.from_bytes(data[at:at + 8], "little"))
            at += 8
    total = sum(_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
    for lane in lanes:
        total = ((total ^ _round(0, lane)) * P1 + P4) & MASK
    return total, at


def xxh64(data):
    total, at = _stripes(data) if len(data) >= 32 else (P5, 0)
    total = (total + len(data)) & MASK
    while at + 8 <= len(data):
        total ^= _round(0, int.from_bytes(data[at:at + 8], "little"))
        total = (_rotate(total, 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= len(data):
        total ^= int.from_bytes(data[at:at + 4], "little") * P1 & MASK
        total = (_rotate(total, 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        total = _rotate(total ^ byte * P5 & MASK, 11) * P1 & MASK
    total = (total ^ total >> 33) * P2 & MASK
    total = (total ^ total >> 29) * P3 & MASK
    return total ^ total >> 32
