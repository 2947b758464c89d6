// SPDX-License-Identifier: Apache-2.0
#include "util/bytes.h"

int bytes_compare(struct bytes_view a, struct bytes_view b)
{
    size_t common = a.size_bytes < b.size_bytes ? a.size_bytes : b.size_bytes;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes);
}

void hex_encode(struct bytes_view bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size_bytes; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    out[2 * bytes.size_bytes] = '\0';
}

/* Value of each hexadecimal digit, plus one, so that 0 marks every other byte. */
static const uint8_t hex_value_plus_one[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool hex_decode(struct bytes_view text, uint8_t *out, size_t size_bytes)
{
    if (text.size_bytes != 2 * size_bytes)
        return false;
    bool good = true;
    for (size_t i = 0; i < size_bytes; i++) {
        uint8_t high = hex_value_plus_one[text.data[2 * i]];
        uint8_t low = hex_value_plus_one[text.data[2 * i + 1]];
        good &= high != 0 && low != 0;
        out[i] = (uint8_t)((uint8_t)(high - 1) << 4 | ((low - 1) & 15));
    }
    return good;
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct bytes_view bytes, char *out)
{
    const uint8_t *in = bytes.data;
    size_t left = bytes.size_bytes;
    for (; left >= 3; left -= 3, in += 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = base64_alphabet[group >> shift & 63];
    }
    if (left > 0) {
        uint32_t group = (uint32_t)in[0] << 16 | (left == 2 ? (uint32_t)in[1] << 8 : 0);
        *out++ = base64_alphabet[group >> 18 & 63];
        *out++ = base64_alphabet[group >> 12 & 63];
        *out++ = left == 2 ? base64_alphabet[group >> 6 & 63] : '=';
        *out++ = '=';
    }
    *out = '\0';
}

static int base64_value(uint8_t character)
{
    if (character >= 'A' && character <= 'Z')
        return character - 'A';
    if (character >= 'a' && character <= 'z')
        return character - 'a' + 26;
    if (character >= '0' && character <= '9')
        return character - '0' + 52;
    return character == '+' ? 62 : character == '/' ? 63 : -1;
}

bool base64_decode(struct bytes_view text, uint8_t *out, size_t *out_size_bytes)
{
    *out_size_bytes = 0;
    if (text.size_bytes % 4 != 0)
        return false;
    for (size_t i = 0; i < text.size_bytes; i += 4) {
        size_t padding = 0;
        if (i + 4 == text.size_bytes)
            padding = text.data[i + 3] == '=' ? text.data[i + 2] == '=' ? 2 : 1 : 0;
        uint32_t group = 0;
        for (size_t k = 0; k < 4; k++) {
            int value = k >= 4 - padding ? 0 : base64_value(text.data[i + k]);
            if (value < 0)
                return false;
            group = group << 6 | (uint32_t)value;
        }
        for (size_t k = 0; k < 3 - padding; k++)
            out[(*out_size_bytes)++] = (uint8_t)(group >> (16 - 8 * k));
    }
    return true;
}

/* Size of the well-formed sequence at `in`, or 0 (The Unicode Standard, table 3-7). */
static size_t utf8_sequence_size(const uint8_t *in, size_t left)
{
    uint8_t first = in[0];
    if (first < 0x80)
        return 1;
    size_t size = first >= 0xC2 && first <= 0xDF   ? 2
                  : first >= 0xE0 && first <= 0xEF ? 3
                  : first >= 0xF0 && first <= 0xF4 ? 4
                                                   : 0;
    if (size == 0 || size > left)
        return 0;
    uint8_t lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (in[1] < lowest || in[1] > highest)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((in[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

size_t utf8_valid_prefix(struct bytes_view bytes)
{
    size_t at = 0;
    while (at < bytes.size_bytes) {
        /* Eight ASCII bytes at a time: nearly all text here is ASCII. */
        uint64_t word;
        if (bytes.size_bytes - at >= sizeof word) {
            memcpy(&word, bytes.data + at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof word;
                continue;
            }
        }
        size_t size = utf8_sequence_size(bytes.data + at, bytes.size_bytes - at);
        if (size == 0)
            break;
        at += size;
    }
    return at;
}
