// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_BYTES_H
#define TTP_UTIL_BYTES_H

/* A borrowed run of bytes, and the texts made of bytes: hexadecimal and base64 (RFC 4648). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/error.h"

/* Borrows; data may be NULL only if size_bytes is 0. Not NUL-terminated. */
struct bytes_view {
    const uint8_t *data;
    size_t size_bytes;
};

static inline struct bytes_view bytes_view_of(const void *data, size_t size_bytes)
{
    return (struct bytes_view){(const uint8_t *)data, size_bytes};
}

static inline struct bytes_view bytes_view_text(const char *text)
{
    return bytes_view_of(text, strlen(text));
}

static inline bool bytes_equal(struct bytes_view a, struct bytes_view b)
{
    return a.size_bytes == b.size_bytes &&
           (a.size_bytes == 0 || memcmp(a.data, b.data, a.size_bytes) == 0);
}

/* Byte-wise order, a prefix first: <0, 0 or >0. */
int bytes_compare(struct bytes_view a, struct bytes_view b);

/* Writes 2 * size lower-case digits and a NUL to `out`. */
void hex_encode(struct bytes_view bytes, char *out);

/* Decodes exactly 2 * size_bytes digits of either case into `out`; false if they are not that. */
bool hex_decode(struct bytes_view text, uint8_t *out, size_t size_bytes) MUST_CHECK;

/* Characters of the base64 text of size_bytes bytes, padding included, without the NUL. */
static inline size_t base64_encoded_size(size_t size_bytes)
{
    return (size_bytes + 2) / 3 * 4;
}

/* Writes base64_encoded_size(size) characters and a NUL to `out`. */
void base64_encode(struct bytes_view bytes, char *out);

/* Decodes padded base64 into `out` (room for text.size_bytes / 4 * 3); *out_size_bytes gets the
 * size. False if the text is not base64. */
bool base64_decode(struct bytes_view text, uint8_t *out, size_t *out_size_bytes) MUST_CHECK;

/* Length of the well-formed UTF-8 prefix of `bytes` (RFC 3629: no surrogates, no overlong forms).
 */
size_t utf8_valid_prefix(struct bytes_view bytes);

static inline bool utf8_is_valid(struct bytes_view bytes)
{
    return utf8_valid_prefix(bytes) == bytes.size_bytes;
}

#endif
