// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_WORDS_H
#define TTP_UTIL_WORDS_H

/*
 * Words from outside: what a server, a file's name, a memo, a catalog, a client or the environment
 * says, on the way to a terminal, a log, a page or a JSON text. words_next decides for all of them
 * what may be seen as it is. Where a text leaves (log line, sentence, printed text, HTML, JSON) it
 * is asked, not where the text comes from: what is stored, compared or sent stays exact.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/bytes.h"
#include "util/error.h"

enum words_kind {
    WORDS_PLAIN, /* characters that show as what they are */
    /* one character that controls who shows it, or shows as nothing: C0, DEL, C1, line and
     * paragraph separators, characters that set the direction, that join or that are invisible */
    WORDS_HIDDEN,
    WORDS_BROKEN /* bytes that are no UTF-8 (util/utf8.h, one maximal subpart) */
};

struct words_piece {
    enum words_kind kind;
    uint32_t code_point; /* of WORDS_HIDDEN */
    size_t size_bytes;   /* at least 1 */
};

/* The longest piece of one kind at the beginning of `text`, which must not be empty. */
struct words_piece words_next(struct bytes_view text);

/* The same, of one character at most. */
struct words_piece words_first(struct bytes_view text);

/* Whether all of `text` is plain. */
bool words_are_plain(struct bytes_view text);

/* For people: '?' for each hidden character and each broken piece, in place (as `ls -q` does). */
void words_clean(char *text);

/* Takes a text piece by piece. */
typedef void words_sink(void *context, const char *text, size_t size_bytes);

/* printf for people: what stands in `format` is ours and goes as it is, line ends included; each
 * %s is somebody's words and is cleaned. Knows %% %s %c %d %i %u %x %X %o %f %g %e with flags,
 * width, precision and the lengths hh h l ll z j t. */
void words_format(words_sink *sink, void *context, const char *format, va_list arguments);

/* As words_format, appended to `out`; ERR_NO_MEMORY. */
enum error_code words_append(struct buffer *out, const char *format, ...)
    PRINTF_LIKE(2, 3) MUST_CHECK;

#define WORDS_JSON_ESCAPE_BYTES 13

/* The character as JSON writes it (RFC 8259, section 7): \u001b, or two of them from U+10000 on.
 * Returns the size. */
size_t words_json_escape(uint32_t code_point, char out[WORDS_JSON_ESCAPE_BYTES]);

/* Appends a piece of a finished JSON text with its hidden characters escaped: whoever parses it
 * reads the same. Line ends between values stay. ERR_NO_MEMORY. */
enum error_code words_append_json(struct buffer *out, struct bytes_view json) MUST_CHECK;

#endif
