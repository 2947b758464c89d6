// SPDX-License-Identifier: Apache-2.0
#include "support/arrow_support.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_ID_KEY "PARQUET:field_id"

void arrow_array_move(struct ArrowArray *to, struct ArrowArray *from)
{
    assert(to->release == NULL && to != from);
    *to = *from;
    from->release = NULL;
}

static const char *take_metadata_text(const char *at, const char **text, int32_t *length)
{
    memcpy(length, at, sizeof *length);
    *text = at + sizeof *length;
    return *text + *length;
}

int32_t arrow_schema_field_id(const struct ArrowSchema *schema)
{
    if (schema->metadata == NULL)
        return 0;
    int32_t count;
    memcpy(&count, schema->metadata, sizeof count);
    const char *at = schema->metadata + sizeof count;
    for (int32_t i = 0; i < count; i++) {
        const char *key, *value;
        int32_t key_bytes, value_bytes;
        at = take_metadata_text(at, &key, &key_bytes);
        at = take_metadata_text(at, &value, &value_bytes);
        char digits[12] = "";
        if (key_bytes != sizeof FIELD_ID_KEY - 1 || memcmp(key, FIELD_ID_KEY, key_bytes) != 0 ||
            value_bytes < 1 || (size_t)value_bytes >= sizeof digits)
            continue;
        memcpy(digits, value, (size_t)value_bytes);
        return (int32_t)strtol(digits, NULL, 10);
    }
    return 0;
}
