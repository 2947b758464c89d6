// SPDX-License-Identifier: Apache-2.0
#include "rows/bound_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define NUMBER_BYTES 48 /* a sign, 39 digits, a NUL */

static uint64_t read_little_endian(struct bytes_view raw)
{
    uint64_t value = 0;
    for (size_t i = raw.size_bytes; i > 0; i--)
        value = value << 8 | raw.data[i - 1];
    return value;
}

static void format_decimal(struct bytes_view raw, char out[NUMBER_BYTES])
{
    unsigned __int128 bits = raw.data[0] >= 0x80 ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < raw.size_bytes; i++)
        bits = bits << 8 | raw.data[i];
    bool negative = (__int128)bits < 0;
    if (negative)
        bits = -bits;
    char reversed[NUMBER_BYTES];
    size_t length = 0;
    do {
        reversed[length++] = (char)('0' + (int)(bits % 10));
        bits /= 10;
    } while (bits != 0);
    if (negative)
        *out++ = '-';
    while (length > 0)
        *out++ = reversed[--length];
    *out = '\0';
}

/* Upper-case hexadecimal, as DuckLake has it for blobs. */
static const char *format_blob(struct bytes_view raw, struct arena *arena)
{
    char *text = arena_alloc(arena, 2 * raw.size_bytes + 1);
    if (text == NULL)
        return NULL;
    hex_encode(raw, text);
    for (char *at = text; *at != '\0'; at++)
        if (*at >= 'a')
            *at = (char)(*at - 'a' + 'A');
    return text;
}

/* What of a text can stand in the catalog, where a text ends at a NUL and is UTF-8: a prefix is a
 * lower bound still, but no upper one. */
static bool clip_text(struct bytes_view *raw, bool is_max)
{
    const uint8_t *nul = raw->size_bytes == 0 ? NULL : memchr(raw->data, 0, raw->size_bytes);
    size_t good = nul == NULL ? raw->size_bytes : (size_t)(nul - raw->data);
    good = utf8_valid_prefix(bytes_view_of(raw->data, good));
    if (is_max && good != raw->size_bytes)
        return false;
    raw->size_bytes = good;
    return true;
}

enum error_code row_bound_text(const struct row_column *column, struct bytes_view raw, bool is_max,
                               struct arena *arena, const char **text, struct error *error)
{
    const char *type = column->ducklake_type;
    char number[NUMBER_BYTES > TEXT_TIME_BYTES ? NUMBER_BYTES : TEXT_TIME_BYTES];
    size_t wanted_bytes = 0;
    *text = NULL;
    if (strcmp(type, "timestamptz") == 0) {
        wanted_bytes = 8;
        if (raw.size_bytes == wanted_bytes)
            text_timestamptz((int64_t)read_little_endian(raw), number);
    } else if (strcmp(type, "uint32") == 0) {
        wanted_bytes = 4;
        if (raw.size_bytes == wanted_bytes)
            snprintf(number, sizeof number, "%" PRIu64, read_little_endian(raw));
    } else if (strncmp(type, "decimal", 7) == 0) {
        wanted_bytes = 16;
        if (raw.size_bytes == wanted_bytes)
            format_decimal(raw, number);
    }
    if (wanted_bytes != 0 && raw.size_bytes != wanted_bytes)
        return error_set(error, ERR_CORRUPT, "a bound of column %s has %zu bytes", column->name,
                         raw.size_bytes);
    if (wanted_bytes != 0)
        *text = arena_copy_text(arena, bytes_view_text(number));
    else if (strcmp(type, "blob") == 0)
        *text = format_blob(raw, arena);
    else if (clip_text(&raw, is_max))
        *text = arena_copy_text(arena, raw);
    else
        return OK;
    return *text == NULL ? error_no_memory(error, "a file's statistics") : OK;
}
