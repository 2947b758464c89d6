// SPDX-License-Identifier: Apache-2.0
#include "app/shell_text.h"

#include <ctype.h>
#include <string.h>

static bool is_plain(const char *word)
{
    if (*word == '\0')
        return false;
    for (; *word != '\0'; word++)
        if (!isalnum((unsigned char)*word) && strchr("/._-+:,=@%", *word) == NULL)
            return false;
    return true;
}

enum error_code shell_text_append_word(struct buffer *out, const char *word)
{
    if (is_plain(word))
        return buffer_append_text(out, word);
    enum error_code code = buffer_append_byte(out, '\'');
    for (; code == OK && *word != '\0'; word++)
        code = *word == '\'' ? buffer_append_text(out, "'\\''")
                             : buffer_append_byte(out, (uint8_t)*word);
    return code == OK ? buffer_append_byte(out, '\'') : code;
}
