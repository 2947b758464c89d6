// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_WRITER_H
#define TTP_STATUS_WRITER_H

/*
 * Text put together piece by piece: after the first failed allocation all further calls do nothing,
 * and `code` says so at the end. Texts from outside go in through one of the escapes, which also
 * replace bytes that are not UTF-8 by U+FFFD, and by its own means what util/words.h calls hidden.
 */

#include <stdint.h>

#include "util/buffer.h"
#include "util/error.h"

struct writer {
    struct buffer *out;   /* borrowed */
    enum error_code code; /* OK or ERR_NO_MEMORY */
};

void writer_text(struct writer *writer, const char *text);
void writer_format(struct writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);

/* Text and attribute values of HTML: & < > " ' as references; what is hidden as a space. */
void writer_html(struct writer *writer, const char *text);
/* A JSON string with its quotes (RFC 8259, section 7); what is hidden as \u…. */
void writer_json(struct writer *writer, const char *text);
/* A further member of a JSON object, the comma first. Words: null where there are none (NULL, "").
 * A time in whole seconds: null where it is 0. A duration as Go writes it, in whole seconds. */
void writer_key_count(struct writer *writer, const char *key, uint64_t count);
void writer_key_words(struct writer *writer, const char *key, const char *words);
void writer_key_time(struct writer *writer, const char *key, int64_t unix_us);
void writer_key_duration(struct writer *writer, const char *key, int64_t duration_us);
/* The inside of a label's value: \\, \" and \n (Prometheus text format 0.0.4); what else is hidden
 * as a question mark. */
void writer_label(struct writer *writer, const char *text);
/* A HELP text: \\ and \n (the same). */
void writer_help(struct writer *writer, const char *text);

#endif
