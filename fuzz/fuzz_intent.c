// SPDX-License-Identifier: Apache-2.0
// rooms: commit catalog
// parsers: commit/intent.c commit/intent_check.c util/json_text.c
// without: intent_read intent_write json_text_get_ranges get_range
/* _lake/staging/intent.json after something went over it. What is accepted names files inside the
 * lake only, and is the same after it was written and read again. */

#include <assert.h>
#include <string.h>

#include "commit/intent_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_items(const struct intent *intent)
{
    for (size_t i = 0; i < intent_item_count(intent); i++) {
        struct intent_item item;
        intent_item_get(intent, i, &item);
        assert(item.path[0] != '/' && item.path[0] != '\0' && strstr(item.path, "..") == NULL);
        assert(item.staged[0] != '/' && item.staged[0] != '\0');
        assert(strstr(item.staged, "..") == NULL);
    }
}

static void write_and_read(const struct intent *intent)
{
    struct buffer first, second;
    struct intent again;
    buffer_init(&first);
    buffer_init(&second);
    enum error_code code = intent_encode(intent, &first, NULL);
    assert(code == OK);
    code = intent_decode(&again, buffer_view(&first), "again", NULL);
    assert(code == OK);
    code = intent_encode(&again, &second, NULL);
    assert(code == OK && bytes_equal(buffer_view(&first), buffer_view(&second)));
    intent_release(&again);
    buffer_release(&first);
    buffer_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct intent intent;
    struct error error;
    error_clear(&error);
    enum error_code code = intent_decode(&intent, bytes_view_of(data, size), "intent.json", &error);
    if (code == OK) {
        check_items(&intent);
        write_and_read(&intent);
    } else {
        assert(code == ERR_CORRUPT || code == ERR_CONFLICT);
        assert(error.message[0] != '\0' && intent_item_count(&intent) == 0);
    }
    intent_release(&intent);
    return 0;
}
