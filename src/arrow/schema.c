// SPDX-License-Identifier: Apache-2.0
#include "arrow/schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

#define FIELD_ID_KEY "PARQUET:field_id"

/* Metadata: an int32 count, then each key and value as an int32 length and its bytes. */
#define METADATA_MAX_BYTES (3 * sizeof(int32_t) + sizeof FIELD_ID_KEY + 12)

struct owned_schema {
    char *format;
    char *name;
    struct ArrowSchema *children;
    struct ArrowSchema **child_pointers;
    struct ArrowSchema dictionary;
    char metadata[METADATA_MAX_BYTES];
};

static void release_schema(struct ArrowSchema *schema)
{
    struct owned_schema *owned = schema->private_data;
    for (int64_t i = 0; i < schema->n_children; i++)
        arrow_schema_release(schema->children[i]);
    arrow_schema_release(&owned->dictionary);
    mem_free(owned->format);
    mem_free(owned->name);
    mem_free(owned->children);
    mem_free(owned->child_pointers);
    mem_free(owned);
    schema->release = NULL;
}

static char *put_metadata_text(char *at, const char *text)
{
    int32_t length = (int32_t)strlen(text);
    memcpy(at, &length, sizeof length);
    memcpy(at + sizeof length, text, (size_t)length);
    return at + sizeof length + length;
}

static void put_metadata(char *at, int32_t field_id)
{
    int32_t count = 1;
    char digits[12];
    snprintf(digits, sizeof digits, "%d", field_id);
    memcpy(at, &count, sizeof count);
    at = put_metadata_text(at + sizeof count, FIELD_ID_KEY);
    put_metadata_text(at, digits);
}

enum error_code arrow_schema_make(struct ArrowSchema *out, const char *format, const char *name,
                                  bool nullable, int32_t field_id, size_t child_count)
{
    struct owned_schema *owned = mem_alloc_zero(1, sizeof *owned);
    if (owned == NULL)
        return ERR_NO_MEMORY;
    struct ArrowSchema schema = {
        .flags = nullable ? ARROW_FLAG_NULLABLE : 0,
        .release = release_schema,
        .private_data = owned,
    };
    schema.format = owned->format = mem_copy_text(format);
    schema.name = owned->name = mem_copy_text(name);
    bool good = owned->format != NULL && owned->name != NULL;
    if (child_count != 0 && good) {
        owned->children = mem_alloc_zero(child_count, sizeof *owned->children);
        owned->child_pointers = mem_alloc_zero(child_count, sizeof *owned->child_pointers);
        good = owned->children != NULL && owned->child_pointers != NULL;
    }
    if (!good) {
        arrow_schema_release(&schema);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < child_count; i++)
        owned->child_pointers[i] = &owned->children[i];
    schema.n_children = (int64_t)child_count;
    schema.children = owned->child_pointers;
    if (field_id != 0) {
        put_metadata(owned->metadata, field_id);
        schema.metadata = owned->metadata;
    }
    *out = schema;
    return OK;
}

enum error_code arrow_schema_make_dictionary(struct ArrowSchema *schema, const char *format)
{
    assert(schema->release == release_schema && schema->dictionary == NULL);
    struct owned_schema *owned = schema->private_data;
    if (arrow_schema_make(&owned->dictionary, format, "", false, 0, 0) != OK)
        return ERR_NO_MEMORY;
    schema->dictionary = &owned->dictionary;
    return OK;
}
