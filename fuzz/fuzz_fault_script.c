// SPDX-License-Identifier: Apache-2.0
// rooms: serve
// options: -max_len=400
// parsers: serve/fault.c
// without: fault_script_read
/* A fault script as somebody may write it: parsed, or refused with a sentence and left empty. */

#include <stdint.h>
#include <stdlib.h>

#include "serve/fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault_script script;
    struct error error;
    fault_script_init(&script);
    enum error_code code = fault_script_parse(&script, "script", bytes_view_of(data, size), &error);
    if (code != OK && (script.fault_count != 0 || error.message[0] == '\0'))
        abort();
    for (size_t i = 0; i < script.fault_count; i++) {
        if (script.faults[i].kind >= FAULT_KIND_COUNT || script.faults[i].line == 0)
            abort();
    }
    fault_script_release(&script);
    return 0;
}
