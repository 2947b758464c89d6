// SPDX-License-Identifier: Apache-2.0
// rooms: lake
// parsers: lake/dead_letters.c
/* A file of _lake/dead_letters that may be anything. */

#include <assert.h>

#include "lake/dead_letters.h"
#include "support/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buffer letters;
    struct error error;
    arena_init(&arena, 0);
    buffer_init(&letters);
    error_clear(&error);
    enum error_code code = dead_letters_parse(bytes_view_of(data, size), &arena, &letters, &error);
    assert(code == OK || (code == ERR_CORRUPT && error.message[0] != '\0'));
    const struct stored_letter *letter = (const void *)letters.data;
    for (size_t i = 0; i < letters.size_bytes / sizeof *letter; i++) {
        fuzz_touch(bytes_view_text(letter[i].reason));
        fuzz_touch(letter[i].raw);
    }
    buffer_release(&letters);
    arena_release(&arena);
    return 0;
}
