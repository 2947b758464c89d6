// SPDX-License-Identifier: Apache-2.0
// rooms: commit catalog
// parsers: commit/lake_file.c util/json_text.c
// without: lake_file_write json_text_dump append_piece json_text_ranges
/* _lake/lake.json after something went over it. */

#include <assert.h>

#include "commit/lake_file.h"
#include "store/layout.h"
#include "support/memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lake_file lake;
    struct error error;
    error_clear(&error);
    memory_file_set("lake/" LAKE_FILE, bytes_view_of(data, size));
    enum error_code code = lake_file_read_at(&lake, "lake", &error);
    if (code == OK) {
        for (size_t i = 0; i < lake.pruned.count; i++)
            assert(lake.pruned.ranges[i].first <= lake.pruned.ranges[i].last);
    } else {
        assert(code == ERR_CORRUPT || code == ERR_CONFLICT);
        assert(error.message[0] != '\0' && lake.pruned.count == 0 && lake.pruned.ranges == NULL);
    }
    lake_file_release(&lake);
    return 0;
}
